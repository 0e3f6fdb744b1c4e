//! SMTP (RFC 5321): commands, replies, the envelope, and the framing of messages. Bytes in, types out.

pub mod command;
pub mod data;
pub mod envelope;
pub mod extensions;
pub mod line;
mod params;
mod path;
pub mod reply;
pub mod response;
pub mod stuff;
pub mod xtext;

pub use command::{Command, SyntaxError, Verb};
pub use data::{DataScanner, unstuff};
pub use envelope::{Body, Envelope, MailFrom, Notify, RcptTo, Ret};
pub use extensions::Extensions;
pub use line::{Line, LineScanner};
pub use reply::{EnhancedCode, Reply};
pub use response::{ResponseError, parse_response};
pub use stuff::Stuffer;
