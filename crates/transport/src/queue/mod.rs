//! The mail queue: everything that was accepted and is not yet delivered, returned or dropped.
//!
//! [`Spool`] is the durable part, a database of its own: a message row, a row for each recipient, and the
//! body once. [`Schedule`] is the part in memory that knows what may be tried when; it is rebuilt from the
//! rows at start. Nothing is acknowledged before its rows are durable, and a recipient's row goes only when
//! the outcome is.

pub(crate) mod adoption;
mod record;
mod retry;
mod schedule;
mod spool;
mod status;
mod underway;

pub(crate) use adoption::{Foreign, Note};
pub use record::{Hop, Message, Origin, Recipient, ReturnPath};
pub use retry::QueueSettings;
pub use schedule::{Job, JobKind, Next, Schedule};
pub use spool::{Change, NewMessage, Queued, Spool};
pub use status::{DeliveryType, MessageStatus, QueueIdentity, QueueInfo, QueueStatus};
pub(crate) use underway::Underway;
