//! Who is calling, from where, with which program; and how one becomes a caller.

use std::{net::IpAddr, sync::Arc};

use base::{Fault, Guid, SmtpAddress, neighbours::Neighbours};
use directory::{Directory, View};
use store::Stores;
use tokio::sync::watch;
use trust::{Attempt, Authenticator, Protocol};

use crate::sessions::Sessions;

/// The program and place a request comes from.
#[derive(Clone, Debug)]
pub struct Client {
    /// `IMAP4`, `POP3`, `SMTP`, `EWS` …: as the administrator sees it in logon statistics.
    pub protocol: &'static str,
    /// The peer's address.
    pub address: IpAddr,
    /// What the program calls itself (IMAP ID, User-Agent), if it said so.
    pub agent: Option<String>,
}

impl Client {
    /// What it logs on to.
    pub(crate) fn known_protocol(&self) -> &'static Protocol {
        let known = PROTOCOLS.iter().find(|(name, _)| *name == self.protocol);
        known.map_or(&Protocol::HTTP, |(_, protocol)| protocol)
    }

    /// The name of a protocol, if clients can log on with it.
    pub(crate) fn protocol_named(name: &str) -> Option<&'static str> {
        PROTOCOLS.iter().map(|(known, _)| *known).find(|known| *known == name)
    }
}

/// What a peer shows to become a [`Caller`]. The password is never logged.
pub struct Credentials {
    /// Login name: UPN, `DOMAIN\account`, alias or SMTP address.
    pub login: String,
    /// The password.
    pub password: String,
}

/// An authenticated person (or program acting as one).
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user object.
    pub user: Guid,
    /// The name the directory knows, for logs and audit.
    pub name: String,
    /// Primary SMTP address of the caller's own mailbox, if there is one.
    pub address: Option<SmtpAddress>,
    /// Where from, with what.
    pub client: Client,
}

/// The services of one server; cheap to clone.
#[derive(Clone)]
pub struct Services {
    inner: Arc<Inner>,
}

struct Inner {
    directory: Directory,
    stores: Stores,
    authenticator: Authenticator,
    place: Place,
    sessions: Sessions,
}

/// This server among the others.
pub struct Place {
    /// Its object in the directory.
    pub server: Guid,
    /// Those that take sessions with mailboxes that they have.
    pub others: Arc<dyn Neighbours>,
}

/// The protocols a client may log on with, by the name it gives.
static PROTOCOLS: [(&str, &Protocol); 5] = [
    ("AdminApi", &Protocol::POWERSHELL),
    ("IMAP4", &Protocol::IMAP),
    ("POP3", &Protocol::POP),
    ("SMTP", &Protocol::SMTP),
    ("PowerShell", &Protocol::POWERSHELL),
];

impl Services {
    /// Over the rooms of one server.
    pub fn new(directory: Directory, stores: Stores, authenticator: Authenticator, place: Place) -> Self {
        let sessions = Sessions::default();
        Self { inner: Arc::new(Inner { directory, stores, authenticator, place, sessions }) }
    }

    /// Who has which mailbox open.
    pub fn sessions(&self) -> Sessions {
        self.inner.sessions.clone()
    }

    pub(crate) fn authenticator(&self) -> &Authenticator {
        &self.inner.authenticator
    }

    /// The directory as it is now.
    pub(crate) fn view(&self) -> Arc<View> {
        self.inner.directory.snapshot()
    }

    /// Wakes when the directory changes.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.inner.directory.watch()
    }

    pub(crate) fn stores(&self) -> &Stores {
        &self.inner.stores
    }

    /// This server.
    pub(crate) fn server(&self) -> Guid {
        self.inner.place.server
    }

    pub(crate) fn others(&self) -> &dyn Neighbours {
        &*self.inner.place.others
    }

    /// Checks credentials (throttled per user and address, same time for unknown users).
    pub async fn authenticate(&self, credentials: &Credentials, client: Client) -> Result<Caller, Fault> {
        let attempt = Attempt {
            login: &credentials.login,
            password: &credentials.password,
            protocol: client.known_protocol(),
            source: client.address,
        };
        let identity = self.inner.authenticator.authenticate(attempt).await?;
        Ok(Caller { user: identity.user, name: identity.name, address: identity.address, client })
    }
}
