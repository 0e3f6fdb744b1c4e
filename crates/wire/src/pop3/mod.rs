//! POP3 (RFC 1939, RFC 2449, RFC 5034): commands from lines, messages to multi-line answers. The session
//! that speaks them is elsewhere.

pub mod command;
pub mod stuff;

pub use command::{COMMANDS, Command, Phase, Request, Spec};
pub use stuff::Stuffer;
