//! The way in: receive connectors and their SMTP sessions. A session knows the protocol and its limits;
//! whether a sender, a recipient or a message is wanted is asked of an [`Intake`].

mod auth;
mod census;
mod channel;
pub mod connector;
mod greeting;
mod header;
pub mod intake;
mod message;
mod order;
pub mod serve;
mod session;
pub mod settings;
mod trace;
mod transaction;

#[cfg(test)]
pub(crate) mod tests;

pub use connector::{AuthMechanisms, Keywords, PermissionGroups, ReceiveConnector, TransportRole};
pub use intake::{Credentials, Identity, Intake, Mail, Receipt, Refusal, Session};
pub use serve::{Door, Receiver, Settings};
