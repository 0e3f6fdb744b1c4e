//! SMTP (RFC 5321): commands, replies, the envelope, and the framing of messages. Bytes in, types out.

pub mod envelope;
pub mod reply;

pub use envelope::{Body, Envelope, MailFrom, Notify, RcptTo, Ret};
pub use reply::{EnhancedCode, Reply};
