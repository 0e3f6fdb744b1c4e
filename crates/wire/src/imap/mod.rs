//! IMAP4rev1 and rev2 (RFC 3501, RFC 9051 and extensions): commands from bytes, responses to bytes. The session that speaks
//! them is elsewhere.

pub mod append;
mod arguments;
pub mod body_structure;
pub mod command;
pub mod fetch;
pub mod flags;
pub mod folders;
pub mod framer;
pub mod metadata;
pub mod notify;
pub mod scan;
pub mod search;
pub mod section;
pub mod set;
pub mod thread;
pub mod url;
pub mod utf7;
pub mod window;
pub mod write;

pub use append::{Appended, Piece};
pub use command::{COMMANDS, Command, Phase, Qresync, Request, Spec, Store};
pub use fetch::{BodyItem, Fetch, FetchItem};
pub use flags::FlagList;
pub use folders::{List, StatusItem};
pub use framer::{Frame, Framer};
pub use notify::Notify;
pub use scan::{ParseError, Scanner};
pub use search::{Compare, Key, Return, Search, SortKey, Threading};
pub use section::{Message, Section, SectionText};
pub use set::{Ranges, SequenceSet};
pub use url::MessageUrl;
pub use window::Window;
