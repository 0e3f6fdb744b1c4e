//! Turns each protocol into `services` verbs.

pub mod http;
pub mod imap;
mod link;
pub mod listen;
mod sasl;
