//! Making trees and looking into them: what the messages of PowerShell remoting need again and again.

use super::{Body, Node, ObjectNode};

impl Node {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Node::Text(text.into())
    }

    /// A text, or `Nil`.
    pub fn maybe(text: Option<impl Into<String>>) -> Self {
        text.map_or(Node::Nil, |text| Node::Text(text.into()))
    }

    /// An object of added properties only, without types: most messages.
    pub fn record<'a>(members: impl IntoIterator<Item = (&'a str, Node)>) -> Self {
        ObjectNode::default().extended(members).into()
    }

    /// A named value of an enumeration.
    pub fn enumeration(type_name: &str, name: &str, number: i32) -> Self {
        let types = [type_name, "System.Enum", "System.ValueType", "System.Object"];
        ObjectNode {
            text: Some(name.to_owned()),
            body: Body::Value(Node::Int(number)),
            ..ObjectNode::of(&types)
        }
        .into()
    }

    /// A list of a .NET type.
    pub fn list(types: &[&str], items: Vec<Node>) -> Self {
        ObjectNode { body: Body::List(items), ..ObjectNode::of(types) }.into()
    }

    /// `System.Object[]`.
    pub fn array(items: Vec<Node>) -> Self {
        Node::list(&["System.Object[]", "System.Array", "System.Object"], items)
    }

    /// A dictionary of a .NET type.
    pub fn dictionary(types: &[&str], entries: Vec<(Node, Node)>) -> Self {
        ObjectNode { body: Body::Dictionary(entries), ..ObjectNode::of(types) }.into()
    }

    /// The object, if it is one.
    pub fn object(&self) -> Option<&ObjectNode> {
        match self {
            Node::Object(object) => Some(object),
            _ => None,
        }
    }

    /// A property of an object, by its name without case.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.object()?.get(name)
    }

    /// What an object holds instead of properties, or the value itself.
    pub fn inner(&self) -> &Node {
        match self.object().map(|object| &object.body) {
            Some(Body::Value(value)) => value,
            _ => self,
        }
    }

    /// A text of any kind.
    pub fn as_text(&self) -> Option<&str> {
        match self.inner() {
            Node::Text(t) | Node::Guid(t) | Node::Version(t) | Node::Uri(t) | Node::ScriptBlock(t) => Some(t),
            _ => None,
        }
    }

    /// A whole number; that of an enumeration's value, too.
    pub fn as_number(&self) -> Option<i64> {
        match self.inner() {
            Node::Int(n) => Some(i64::from(*n)),
            Node::Uint(n) => Some(i64::from(*n)),
            Node::Long(n) => Some(*n),
            _ => None,
        }
    }

    /// A whole number of 32 bits.
    pub fn as_int(&self) -> Option<i32> {
        self.as_number().and_then(|n| n.try_into().ok())
    }

    /// A truth value.
    pub fn as_bool(&self) -> Option<bool> {
        match self.inner() {
            Node::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// The items of a list; nothing else has any.
    pub fn items(&self) -> &[Node] {
        match self.object().map(|object| &object.body) {
            Some(Body::List(items)) => items,
            _ => &[],
        }
    }

    /// The entries of a dictionary; nothing else has any.
    pub fn entries(&self) -> &[(Node, Node)] {
        match self.object().map(|object| &object.body) {
            Some(Body::Dictionary(entries)) => entries,
            _ => &[],
        }
    }
}

impl ObjectNode {
    /// An object of these types, the most derived first, and nothing else.
    pub fn of(types: &[&str]) -> Self {
        ObjectNode { types: types.iter().map(|t| (*t).to_owned()).collect(), ..ObjectNode::default() }
    }

    /// With added properties.
    #[must_use]
    pub fn extended<'a>(mut self, members: impl IntoIterator<Item = (&'a str, Node)>) -> Self {
        self.extended.extend(members.into_iter().map(|(name, value)| (name.to_owned(), value)));
        self
    }

    /// With properties of its type.
    #[must_use]
    pub fn adapted<'a>(mut self, members: impl IntoIterator<Item = (&'a str, Node)>) -> Self {
        self.properties.extend(members.into_iter().map(|(name, value)| (name.to_owned(), value)));
        self
    }

    /// A property, by its name without case: clients differ in it.
    pub fn get(&self, name: &str) -> Option<&Node> {
        let mut all = self.extended.iter().chain(&self.properties);
        all.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Whether it is of a type.
    pub fn is(&self, type_name: &str) -> bool {
        self.types.iter().any(|own| own.strip_prefix("Deserialized.").unwrap_or(own) == type_name)
    }
}

impl From<ObjectNode> for Node {
    fn from(object: ObjectNode) -> Self {
        Node::Object(Box::new(object))
    }
}
