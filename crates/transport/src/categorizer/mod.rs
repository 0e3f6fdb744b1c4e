//! The categorizer: who gets a message, and how. A pure function of the directory at one moment, the
//! envelope and a few facts about the message; it reads no clock, writes nothing and always ends.
//!
//! Recipients are resolved by proxy address, groups become their members, contacts and mail users their
//! external address, forwarding mailboxes their target. Every object is opened once a message, so that a
//! mailbox gets one copy at most and every loop ends; a path on which nobody keeps a copy comes back to the
//! sender as 5.4.6.
//!
//! Choices where the product's public documentation leaves room: a forwarded copy keeps the reverse path of
//! the original (as on premises; no rewriting); a copy that returns from outside to a mailbox that forwarded
//! it before is not forwarded again (`X-MS-Exchange-Inbox-Rules-Loop`).

pub mod answers;
mod forward;
mod plan;
mod restrictions;
mod walk;

pub use plan::{Failure, Fate, Note, Plan, Routed};

use base::SmtpAddress;
use directory::{Recipient, View};
use wire::smtp::RcptTo;

/// The header that carries the mailboxes which forwarded a message.
pub const LOOP_HEADER: &str = "X-MS-Exchange-Inbox-Rules-Loop";

/// What the categorizer must know of a message.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The reverse path.
    pub sender: Option<&'a SmtpAddress>,
    /// The sender has logged on, or a connector vouches for the peer.
    pub trusted: bool,
    /// This server wrote it: limits and restrictions are not for it.
    pub system: bool,
    /// Length, bytes.
    pub size: u64,
    /// Mailboxes that forwarded it before it came here.
    pub forwarded_by: &'a [SmtpAddress],
}

/// Whether a recipient takes this message: what the categorizer asks of each, and the session at `RCPT`.
pub fn may_write_to(view: &View, facts: &Facts<'_>, recipient: &Recipient) -> Result<(), Failure> {
    restrictions::Sender::new(view, facts).may_write_to(view, facts, recipient)
}

/// Decides what becomes of each recipient.
pub fn categorize(view: &View, facts: &Facts<'_>, recipients: &[RcptTo]) -> Plan {
    walk::Walk::new(view, facts, recipients).run()
}

#[cfg(test)]
mod tests;
