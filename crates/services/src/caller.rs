//! Who is calling, from where, with which program; and how one becomes a caller.

use std::{net::IpAddr, sync::Arc};

use base::{Fault, FaultKind, Guid, SmtpAddress};
use directory::{Directory, Recipient, View};
use store::Stores;
use transport::deliver;
use trust::{Attempt, Authenticator, Protocol};

use crate::{Mailbox, sessions::Sessions};

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
    sessions: Sessions,
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
    pub fn new(directory: Directory, stores: Stores, authenticator: Authenticator) -> Self {
        Self { inner: Arc::new(Inner { directory, stores, authenticator, sessions: Sessions::default() }) }
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

    /// Opens the caller's own mailbox (`None`) or another one the caller may open. A mailbox that nobody
    /// opened and nothing was delivered to yet is made now. A person has so many sessions of a protocol at a
    /// time; one lasts as long as a clone of the mailbox.
    pub async fn open_mailbox(&self, caller: &Caller, mailbox: Option<&str>) -> Result<Mailbox, Fault> {
        let view = self.inner.directory.snapshot();
        let owner = match mailbox {
            None => view.recipient(caller.user),
            Some(identity) => Some(view.resolve_recipient(identity)?),
        };
        let missing =
            || Fault::new(FaultKind::NotFound, "ErrorNonExistentMailbox", "There is no such mailbox.");
        let owner = owner.ok_or_else(missing)?;
        if owner.guid != caller.user {
            return Err(Fault::new(
                FaultKind::AccessDenied,
                "ErrorAccessDenied",
                "You may not open this mailbox.",
            ));
        }
        let (guid, database) = owner.mailbox_guid().zip(owner.database()).ok_or_else(missing)?;
        let session = self.inner.sessions.begin(caller, guid, database)?;
        let store = self.store_mailbox(&view, &owner).await?.ok_or_else(missing)?;
        store.available()?;
        // The logon is recorded by and by; nobody waits for it.
        drop(store.record_logon(&caller.name)?);
        Ok(Mailbox::new(store, caller.clone(), deliver::limits_of(&view, &owner), Some(session)))
    }

    async fn store_mailbox(&self, view: &View, owner: &Recipient) -> Result<Option<store::Mailbox>, Fault> {
        let Some((guid, database)) = owner.mailbox_guid().zip(owner.database()) else { return Ok(None) };
        let database = self.inner.stores.get(database)?;
        Ok(Some(deliver::open_or_make(&database, guid, view).await?))
    }
}
