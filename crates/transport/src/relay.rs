//! The seam to the way out: what is carried to another server, and what became of it.

use std::{future::Future, net::IpAddr, pin::Pin};

use bytes::Bytes;
use directory::View;
use wire::smtp::{Envelope, Reply};

use crate::queue::Hop;

/// One message for recipients at one next hop.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Sender and recipients.
    pub envelope: Envelope,
    /// The message, in parts.
    pub parts: Vec<Bytes>,
}

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The other server's answer to this recipient: 2xx taken, 4xx later, 5xx never. Or ours, where it could
    /// not be asked.
    pub reply: Reply,
    /// The server reports further deliveries itself (RFC 3461).
    pub reports: bool,
}

/// What became of one letter: a verdict for each recipient, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// It was offered to the server.
    Offered(Vec<Verdict>),
    /// The connection ended before its turn; it is as if nothing happened.
    Untouched,
}

/// What became of one attempt to reach a next hop.
#[derive(Clone, Debug)]
pub struct Trip {
    /// The server that answered.
    pub server: String,
    /// Its address.
    pub ip: Option<IpAddr>,
    /// Why no server of the hop could be reached; then every letter is untouched.
    pub unreached: Option<Reply>,
    /// The letters, in order.
    pub letters: Vec<Carried>,
}

/// A trip under way.
pub type Travel<'a> = Pin<Box<dyn Future<Output = Trip> + Send + 'a>>;

/// Who carries letters to next hops.
pub trait Courier: Send + Sync + 'static {
    /// Carries letters over one connection to a hop: [`Hop::SmartHost`] or [`Hop::Domain`], whose connector
    /// is in `view`.
    fn carry<'a>(&'a self, view: &'a View, hop: &'a Hop, letters: Vec<Letter>) -> Travel<'a>;
}
