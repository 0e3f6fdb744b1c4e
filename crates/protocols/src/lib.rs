//! Turns each protocol into `services` verbs.

pub mod adminapi;
mod deflate;
pub mod http;
pub mod imap;
mod link;
pub mod listen;
pub mod pop3;
pub mod psremoting;
mod sasl;
