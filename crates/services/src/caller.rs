//! Who is calling, from where, with which program; and how one becomes a caller.

use std::{net::IpAddr, sync::Arc};

use base::{Fault, Guid, SmtpAddress};

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
    // Filled by the rooms below: directory, stores, transport.
    inner: Arc<()>,
}

impl Services {
    /// Checks credentials (throttled per user and address, same time for unknown users).
    pub async fn authenticate(&self, credentials: &Credentials, client: Client) -> Result<Caller, Fault> {
        let _ = (&self.inner, credentials, client);
        todo!()
    }

    /// Opens the caller's own mailbox (`None`) or another one the caller may open.
    pub fn open_mailbox(&self, caller: &Caller, mailbox: Option<&str>) -> Result<crate::Mailbox, Fault> {
        let _ = (caller, mailbox);
        todo!()
    }
}
