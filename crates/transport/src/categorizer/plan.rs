//! What the categorizer decides.

use base::{Guid, SmtpAddress};
use wire::smtp::Reply;

use crate::{
    queue::{Hop, ReturnPath},
    track::EventId,
};

/// A permanent failure in words fit for the sender: `550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found`.
pub type Failure = Reply;

/// What becomes of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Into a mailbox.
    Mailbox {
        /// The mailbox.
        mailbox: Guid,
        /// The user object that owns it.
        owner: Guid,
        /// The mailbox database.
        database: Guid,
    },
    /// To another server.
    Relay(Hop),
    /// Back to the sender.
    Fail(Failure),
    /// Nowhere, and nobody is told; the tracking log says why.
    Drop(Failure),
    /// It became others: a group with its members.
    Expanded,
}

/// One recipient of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// Which recipient of the envelope it comes from.
    pub root: usize,
    /// The address it is for now.
    pub address: SmtpAddress,
    /// What becomes of it.
    pub fate: Fate,
    /// To whom failures go.
    pub return_path: ReturnPath,
    /// The mailboxes that forwarded this copy, in order.
    pub forwarded_by: Vec<SmtpAddress>,
    /// It came through a group, whose expansion ends the sender's wish to hear of deliveries (RFC 3461
    /// section 5.2.7.3).
    pub through_group: bool,
}

/// An event for the tracking log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What happened.
    pub event: EventId,
    /// To whom the message goes now.
    pub recipients: Vec<SmtpAddress>,
    /// The recipient it came from; for a failure or drop, nobody.
    pub related: Option<SmtpAddress>,
    /// The status in full: `250 2.1.5 RESOLVER.FWD.Forwarded; recipient forward`.
    pub status: String,
}

/// What becomes of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Every recipient, those first that the envelope names first.
    pub routed: Vec<Routed>,
    /// What to record.
    pub notes: Vec<Note>,
}

impl Plan {
    /// The database, where every recipient is a mailbox in one and nothing else is to be done.
    pub fn single_database(&self) -> Option<Guid> {
        let database = |routed: &Routed| match routed.fate {
            Fate::Mailbox { database, .. } => Some(database),
            _ => None,
        };
        let first = database(self.routed.first()?)?;
        self.routed.iter().all(|routed| database(routed) == Some(first)).then_some(first)
    }
}
