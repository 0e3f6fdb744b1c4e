//! What the links are told and what they tell: endpoints, the servers there are, the state of a link.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use base::{Guid, Rng, Timestamp, clock::SharedClock, net::TcpListener};
use tokio::sync::watch;

use super::authority::Identity;

/// The numbers of services, given out here so that no two are alike.
pub mod service {
    /// A new server joins (guests).
    pub const JOIN: u16 = 1;
    /// Consensus of a replicated database; its group is the database.
    pub const REPLICATION: u16 = 16;
    /// A copy's first content; its group is the database.
    pub const SEED: u16 = 17;
    /// Requests of consensus that are too long for a call, as streams; their group is the database.
    pub const REPLICATION_LONG: u16 = 18;
    /// How copies stand, and what becomes of them.
    pub const COPIES: u16 = 20;
    /// How copies of mail queues stand, and what becomes of them.
    pub const QUEUES: u16 = 21;
    /// A client's session, carried to the server that has its mailbox.
    pub const CLIENTS: u16 = 32;
    /// Messages for mailboxes that another server has.
    pub const DELIVERY: u16 = 33;
    /// Cmdlets that run where what they ask about is.
    pub const COMMANDS: u16 = 34;
    /// Mailboxes that are moved to a database of another server.
    pub const MOVES: u16 = 35;
    /// Tests.
    pub const TEST: u16 = 0xffff;
}

/// Where a call or stream goes within a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// One of [`service`].
    pub service: u16,
    /// Which of several of its kind (a database); [`Guid::EMPTY`] where there is one only.
    pub group: Guid,
}

impl Endpoint {
    /// The only one of its service.
    pub const fn of(service: u16) -> Self {
        Endpoint { service, group: Guid::EMPTY }
    }
    /// Whether what is opened here stays open, mostly silent, for as long as a person likes: such streams may be many,
    /// and none of them takes room that others need.
    pub(crate) fn is_lasting(&self) -> bool {
        self.service == service::CLIENTS
    }
    /// One of several.
    pub const fn in_group(service: u16, group: Guid) -> Self {
        Endpoint { service, group }
    }
}

/// Who may reach an endpoint: each audience has its own handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// Servers of the roster.
    Servers,
    /// Whoever has connected without a certificate, to join.
    Guests,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The server, proved by its certificate; [`Guid::EMPTY`] for a guest.
    pub server: Guid,
    /// Where it comes from.
    pub address: SocketAddr,
}

/// A server as the others reach and recognise it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// `host:port`, tried in this order; names are resolved at each attempt.
    pub addresses: Vec<String>,
    /// SHA-256 of its public key (SubjectPublicKeyInfo, DER): what the organisation's authority signs for another
    /// key is not this server. `None` takes any key that the authority has signed for its GUID.
    pub key: Option<[u8; 32]>,
}

/// The servers there are, this one among them or not. A server that is missing is refused, on open connections
/// too, as soon as the roster says so.
pub type Roster = BTreeMap<Guid, Host>;

/// How links are opened.
pub struct Options {
    /// Who this server is.
    pub identity: Arc<Identity>,
    /// Where the others come to ([`base::net::listen`]); `None` to dial only.
    pub listener: Option<TcpListener>,
    /// The servers there are, now and later.
    pub roster: watch::Receiver<Arc<Roster>>,
    /// What time it is.
    pub clock: SharedClock,
    /// For jitter.
    pub rng: Arc<dyn Rng>,
}

/// How a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Being made; nothing has failed yet.
    Connecting,
    /// Calls go through.
    Up,
    /// The last attempt failed; the next one follows.
    Down,
}

/// The link to one server, as this server sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkState {
    /// The server.
    pub server: Guid,
    /// How it is.
    pub status: Status,
    /// Since when.
    pub since: Timestamp,
    /// When anything was last heard of the server, on either connection.
    pub last_heard: Option<Timestamp>,
    /// How long a heartbeat last took there and back.
    pub rtt: Option<Duration>,
    /// How far its clock was ahead of ours when the link came up, microseconds.
    pub clock_ahead_micros: Option<i64>,
    /// The address in use.
    pub address: Option<SocketAddr>,
    /// Why it is down.
    pub failure: Option<String>,
    /// Whether the server has a connection to us.
    pub incoming: bool,
}
