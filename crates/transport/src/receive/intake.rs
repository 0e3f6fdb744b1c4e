//! The seam between the SMTP session and the rest of the transport: what a session asks and hands over.

use std::{future::Future, net::SocketAddr, sync::Arc};

use base::{Fault, Guid, SmtpAddress};
use bytes::Bytes;
use wire::smtp::{Envelope, MailFrom, RcptTo, Reply};

use super::ReceiveConnector;
use crate::stream::TlsFacts;

/// What is known of one connection, as far as it has come.
#[derive(Clone, Debug)]
pub struct Session {
    /// Number of the connection since start, for logs and tracking.
    pub id: u64,
    /// The connector that answers.
    pub connector: Arc<ReceiveConnector>,
    /// The peer.
    pub remote: SocketAddr,
    /// Our end.
    pub local: SocketAddr,
    /// What the peer calls itself; empty before `EHLO`.
    pub helo: String,
    /// It said `EHLO`, not `HELO`.
    pub extended: bool,
    /// The encryption in place.
    pub tls: Option<TlsFacts>,
    /// Who has logged on.
    pub identity: Option<Identity>,
}

impl Session {
    /// Logged on, or vouched for by the connector (`ExternalAuthoritative`).
    pub fn is_trusted(&self) -> bool {
        self.identity.is_some() || self.connector.auth.external_authoritative
    }
}

/// Who has logged on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user object.
    pub user: Guid,
    /// The name for logs and audit.
    pub name: String,
    /// Primary SMTP address, where the user has a mailbox.
    pub address: Option<SmtpAddress>,
}

/// What `AUTH` brought. The password has no `Debug` and goes nowhere else.
pub struct Credentials {
    /// Login name: UPN, `DOMAIN\account`, alias or SMTP address.
    pub login: String,
    /// The password.
    pub password: String,
}

/// One message, complete and within the connector's limits.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Sender and recipients; at least one.
    pub envelope: Envelope,
    /// The bytes to store, in order: what this server prepends (its `Received` field, and `Message-ID`
    /// or `Date` where missing), then the message as received, dots unstuffed, not copied.
    pub parts: Vec<Bytes>,
    /// The `Message-ID`, angle brackets included.
    pub message_id: String,
}

impl Mail {
    /// The bytes of all parts together.
    pub fn size(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }
}

/// Proof that a message is ours now: it is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The queue's number for it, told to the peer as `InternalId`.
    pub internal_id: u64,
}

/// A "no": words for the peer, or a failure whose cause goes to the log first.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// Said as it stands: 5xx rejects, 4xx defers.
    Said(Reply),
    /// Rendered by the one table from fault to reply.
    Failed(Fault),
}

impl From<Reply> for Refusal {
    fn from(reply: Reply) -> Self {
        Refusal::Said(reply)
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Refusal::Failed(fault)
    }
}

/// Who decides what comes in. The session has checked syntax, order and limits before it asks.
pub trait Intake: Send + Sync + 'static {
    /// A peer has connected; a refusal is said instead of the greeting and the connection closed.
    fn connected(&self, session: &Session) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Who owns these credentials; a fault of kind `Unauthenticated` where nobody does.
    fn authenticate(
        &self,
        session: &Session,
        credentials: &Credentials,
    ) -> impl Future<Output = Result<Identity, Fault>> + Send;

    /// Whether this sender may send here. The connector's permission groups have been checked.
    fn sender(&self, session: &Session, from: &MailFrom) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Whether mail from `from` to this recipient is accepted: relaying is decided here.
    fn recipient(
        &self,
        session: &Session,
        from: &MailFrom,
        to: &RcptTo,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Takes the message; resolves when it is durable, never before.
    fn accept(&self, session: &Session, mail: Mail) -> impl Future<Output = Result<Receipt, Refusal>> + Send;
}
