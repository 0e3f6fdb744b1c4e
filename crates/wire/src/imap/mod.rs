//! IMAP4rev1 (RFC 3501 and extensions): commands from bytes, responses to bytes. The session that speaks
//! them is elsewhere.

pub mod body_structure;
pub mod command;
pub mod fetch;
pub mod flags;
pub mod folders;
pub mod framer;
pub mod scan;
pub mod search;
pub mod section;
pub mod set;
pub mod utf7;
pub mod write;

pub use command::{COMMANDS, Command, Phase, Request, Spec, Store};
pub use fetch::{BodyItem, Fetch, FetchItem};
pub use flags::FlagList;
pub use folders::{List, StatusItem};
pub use framer::{Frame, Framer};
pub use scan::{ParseError, Scanner};
pub use search::{Compare, Key, Return, Search};
pub use section::{Message, Section, SectionText};
pub use set::{Ranges, SequenceSet};
