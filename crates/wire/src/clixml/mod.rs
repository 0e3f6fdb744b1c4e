//! CLIXML, the serialisation of PowerShell objects (MS-PSRP section 2.2.5): a tree, its text and back.
//! No entity but the five of XML is known; depth and size are bounded.

mod node;
mod read;
mod write;

pub use read::{ReadError, read};
pub use write::{write, write_one};

/// How deep elements may nest.
pub const DEPTH_MAX: usize = 64;

/// A serialised value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Node {
    /// `Nil`.
    #[default]
    Nil,
    /// `B`.
    Bool(bool),
    /// `C`.
    Char(char),
    /// `I32` (and shorter integers when read).
    Int(i32),
    /// `U32`.
    Uint(u32),
    /// `I64` (and `U64` when read).
    Long(i64),
    /// `Db` (and `Sg`, `D` when read).
    Double(f64),
    /// `S`.
    Text(String),
    /// `DT`: RFC 3339 with a zone or `Z`.
    DateTime(String),
    /// `TS`: an XML duration, `P1DT2H`.
    Duration(String),
    /// `G`.
    Guid(String),
    /// `Version`.
    Version(String),
    /// `URI`.
    Uri(String),
    /// `SBK`.
    ScriptBlock(String),
    /// `SS`: encrypted by the session's key, hexadecimal.
    Secure(String),
    /// `BA`.
    Bytes(Vec<u8>),
    /// `Obj`.
    Object(Box<ObjectNode>),
}

/// An object: type names, its text, what it holds, its properties.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectNode {
    /// `TN`: the most derived first.
    pub types: Vec<String>,
    /// `ToString`.
    pub text: Option<String>,
    /// What kind of thing it is.
    pub body: Body,
    /// `Props`: the type's own properties.
    pub properties: Vec<(String, Node)>,
    /// `MS`: properties that were added.
    pub extended: Vec<(String, Node)>,
}

/// What an object holds besides properties.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// `LST` (and `IE`, `QUE`, `STK` when read).
    List(Vec<Node>),
    /// `DCT`.
    Dictionary(Vec<(Node, Node)>),
    /// A primitive: the number of an enumeration's value.
    Value(Node),
}

#[cfg(test)]
mod tests;
