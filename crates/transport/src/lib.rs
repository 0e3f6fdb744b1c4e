//! Moves one message from A to B: receive, categorize, queue, deliver or send, and the record of it.
//!
//! [`Transport`] ties the rooms together. Sessions hand messages to its [`intake::Door`]; what cannot go into
//! mailboxes at once is queued; the pump takes it on from there.

mod accept;
mod admin;
mod adopt;
pub mod categorizer;
mod core;
pub mod deliver;
pub mod dsn;
pub mod error;
mod inspect;
pub mod intake;
mod metrics;
pub mod notice;
mod process;
mod pump;
pub mod queue;
pub mod receive;
pub mod relay;
pub mod routing;
pub mod send;
mod settings;
mod settle;
pub mod stream;
mod submit;
pub mod track;
mod transport;
mod unsettled;
mod whereabouts;

#[cfg(test)]
mod test_identity;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod volume;
#[cfg(test)]
mod world;

pub use admin::{MessageReport, QueueReport};
pub use adopt::Adoption;
pub use error::TransportError;
pub use submit::Submission;
pub use transport::{Options, Queue, SEGMENT_BYTES, Transport, queue_database};
