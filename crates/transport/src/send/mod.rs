//! The way out: finds the next hop, speaks SMTP to it and says what became of each recipient.

pub mod tls;

pub use tls::ClientTls;
