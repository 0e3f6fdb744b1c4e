//! The seam to the way out: letters for one next hop, and what became of each.

mod smtp;

use std::{future::Future, pin::Pin};

use bytes::Bytes;
use directory::View;
use wire::smtp::Envelope;

use crate::{queue::Hop, send::Outcome};

pub use smtp::SmtpCarrier;

/// One message for recipients at one next hop.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Sender and recipients.
    pub envelope: Envelope,
    /// The message, in parts.
    pub parts: Vec<Bytes>,
}

/// What became of one letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// It was offered to a server: an outcome for each recipient, in order.
    Offered(Vec<Outcome>),
    /// No server of the hop could be reached: that says nothing about the letter.
    Unreached(Outcome),
    /// Its turn did not come; it is as if nothing happened.
    Untouched,
}

/// Letters on their way.
pub type Travel<'a> = Pin<Box<dyn Future<Output = Vec<Carried>> + Send + 'a>>;

/// Who carries letters to next hops: SMTP, or a test.
pub trait Carrier: Send + Sync + 'static {
    /// Carries letters to a hop ([`Hop::SmartHost`] or [`Hop::Domain`], whose connector is in `view`); says
    /// what became of each, in order.
    fn carry<'a>(&'a self, view: &'a View, hop: &'a Hop, letters: Vec<Letter>) -> Travel<'a>;
}
