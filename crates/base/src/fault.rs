//! The one error type that crosses rooms: what kind of failure, whether trying again can help, and the
//! text a stranger may read. Each crate's own error maps to it once; each protocol renders it in one place.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What went wrong, as far as a caller must tell apart. SMTP, IMAP, EWS and PowerShell each map these to
/// their own codes in one table. Servers tell them to each other by their place in this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FaultKind {
    /// The thing named does not exist.
    NotFound,
    /// The name fits more than one thing.
    Ambiguous,
    /// It exists already (a name, a proxy address, a folder).
    AlreadyExists,
    /// The input is malformed or out of range.
    Invalid,
    /// The caller is known but may not do this.
    AccessDenied,
    /// The credentials are wrong, or none were given.
    Unauthenticated,
    /// A quota or a fixed limit would be passed.
    TooLarge,
    /// The server is out of a resource (disk, memory, connections); trying later may help.
    Exhausted,
    /// The database or service is not available now; trying later may help.
    Unavailable,
    /// The state changed under the caller (a stale change number, a conflicting write).
    Conflict,
    /// Known to the product, not built here yet.
    NotImplemented,
    /// A defect of ours. The cause is logged, never shown.
    Internal,
}

/// An error fit to be shown: `kind` and `code` for programs, `public_text` for people, `cause` for the log.
#[derive(Clone)]
pub struct Fault {
    /// The class of failure.
    pub kind: FaultKind,
    /// A stable identifier, CamelCase, such as `ManagementObjectNotFoundException`; never localised.
    pub code: &'static str,
    /// Text safe to show to the peer: no paths, no secrets, no internals.
    pub public_text: String,
    /// What really happened; goes to the log only.
    pub cause: Option<std::sync::Arc<dyn std::error::Error + Send + Sync>>,
}

impl Fault {
    /// The code of a mailbox that a move is taking away: a session with it ends, a new one finds the mailbox.
    pub const MOVING: &'static str = "ErrorMailboxMoveInProgress";

    /// The code of a database that is not mounted here, or not any more: a session with it ends, a new one finds the
    /// server that has it.
    pub const OFFLINE: &'static str = "MapiExceptionMdbOffline";

    /// A fault with no hidden cause.
    pub fn new(kind: FaultKind, code: &'static str, public_text: impl Into<String>) -> Self {
        Fault { kind, code, public_text: public_text.into(), cause: None }
    }

    /// Malformed or out-of-range input.
    pub fn invalid(public_text: impl Into<String>) -> Self {
        Self::new(FaultKind::Invalid, "InvalidArgument", public_text)
    }

    /// A missing thing.
    pub fn not_found(public_text: impl Into<String>) -> Self {
        Self::new(FaultKind::NotFound, "ManagementObjectNotFoundException", public_text)
    }

    /// A defect of ours; `cause` is for the log.
    pub fn internal(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::new(
            FaultKind::Internal,
            "InternalError",
            "An internal error occurred; the server's log says more.",
        )
        .caused_by(cause)
    }

    /// Whether what the fault is about is not here, or about to leave: looking for it again finds it elsewhere.
    pub fn is_elsewhere(&self) -> bool {
        self.code == Self::MOVING || self.code == Self::OFFLINE
    }

    /// Attaches the hidden cause.
    #[must_use]
    pub fn caused_by(mut self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.cause = Some(std::sync::Arc::new(cause));
        self
    }

    /// Whether the same request may succeed later without being changed.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, FaultKind::Exhausted | FaultKind::Unavailable | FaultKind::Conflict)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.public_text)
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{}: {}", self.kind, self.code, self.public_text)?;
        let mut cause: Option<&dyn std::error::Error> = self.cause.as_deref().map(|e| e as _);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|e| e as _)
    }
}
