//! The way out: finds the next hop, speaks SMTP to it and says what became of each recipient.
//! [`Sender`] is made once; a [`Courier`] carries the messages of one queue over one connection.

mod client;
pub mod connector;
mod courier;
pub mod dns;
pub mod outcome;
mod target;
pub mod tls;
mod transfer;

#[cfg(test)]
mod tests;

pub use connector::{Route, SendConnector, SmartHostLogin, Timeouts, TlsPolicy};
pub use courier::{Courier, Outgoing, Sender};
pub use dns::{DnsError, Resolver, Table};
pub use outcome::{Outcome, Remote, Verdict};
pub use tls::ClientTls;
