//! What can go wrong between two servers.

use base::{Fault, FaultKind, Guid};

/// Why a call or stream failed. Whoever repeats a call must know whether it may have been carried out: see
/// [`LinkError::is_unknown`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The roster does not hold this server: it never joined, or it was removed.
    #[error("{0} is not a server of this organisation")]
    Stranger(Guid),
    /// There is no connection, and the last attempt to make one failed. Nothing was sent.
    #[error("there is no link to {server}: {reason}")]
    Down {
        /// The server.
        server: Guid,
        /// What the last attempt came to.
        reason: String,
    },
    /// The time was over. What was asked may have been done.
    #[error("no answer in time")]
    Deadline,
    /// The connection ended meanwhile. What was asked may have been done.
    #[error("the link was lost: {0}")]
    Lost(String),
    /// The other server has no such endpoint now (it may have one a moment later). Nothing was done.
    #[error("the other server does not offer this service now")]
    NoSuchService,
    /// More is being asked at a time than the other server takes. Nothing was done.
    #[error("the other server is asked too much at a time")]
    Busy,
    /// The other server refused.
    #[error("{0}")]
    Refused(Refusal),
    /// A request, an answer or a chunk is longer than the links carry.
    #[error("{what} of {bytes} bytes is too long; {limit} are allowed")]
    TooLong {
        /// What.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The longest that is allowed.
        limit: usize,
    },
    /// The other end reset the stream without a reason.
    #[error("the other server gave the stream up")]
    Reset,
    /// The links were closed.
    #[error("the links are closed")]
    Closed,
    /// Certificates or keys cannot be used.
    #[error("{0}")]
    Certificate(String),
    /// A socket failed.
    #[error("{0}")]
    Io(String),
}

impl LinkError {
    /// Whether what was asked may have been done although no answer came.
    pub fn is_unknown(&self) -> bool {
        matches!(self, LinkError::Deadline | LinkError::Lost(_) | LinkError::Reset)
    }
}

/// What a handler answers instead of a result: for the caller's eyes, so no secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    /// For programs; each service has its own numbers.
    pub code: u16,
    /// For people.
    pub text: String,
}

impl Refusal {
    /// A code and a text.
    pub fn new(code: u16, text: impl Into<String>) -> Self {
        Refusal { code, text: text.into() }
    }
}

impl From<LinkError> for Fault {
    fn from(error: LinkError) -> Fault {
        let kind = match &error {
            LinkError::Stranger(_) => FaultKind::NotFound,
            LinkError::Refused(_) => FaultKind::AccessDenied,
            LinkError::TooLong { .. } => FaultKind::TooLarge,
            LinkError::Certificate(_) => return Fault::internal(error),
            _ => FaultKind::Unavailable,
        };
        Fault::new(kind, "ServerLinkException", error.to_string()).caused_by(error)
    }
}
