//! What can go wrong between a closure and durable records.

use std::{
    io,
    path::{Path, PathBuf},
};

use base::{Fault, FaultKind};

/// Failures of a database. `Corrupt`, `Index` and `Io` that happen while writing dismount it.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Another process holds the folder.
    #[error("the database folder {} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// A copy was to be made where a whole database lies.
    #[error("{} holds a database already: remove it before a copy is made there", .0.display())]
    Occupied(PathBuf),
    /// The volume is full: nothing was acknowledged; writes are accepted again when space returns.
    #[error("the volume that holds {} is full", .0.display())]
    Full(PathBuf),
    /// A record larger than a segment can hold, bytes.
    #[error("a record of {0} bytes is larger than a log segment can hold")]
    TooLarge(u64),
    /// The body at this log position was released; its space may be in other use.
    #[error("the body at log position {0} was released")]
    Gone(u64),
    /// This copy is not the active one: nothing was written. The text says which is, if that is known.
    #[error("this copy of the database is not active{0}")]
    Passive(String),
    /// The copies lost touch while the transaction was on its way: whether it will take effect is not known.
    #[error("whether the transaction took effect is not known: the active copy changed meanwhile")]
    Unknown,
    /// Another transaction came first; nothing was written. Run it again.
    #[error("another transaction came first")]
    Conflict,
    /// The closure panicked; its writes were undone.
    #[error("the transaction panicked")]
    Panicked,
    /// A record that was durable does not read back: the message says which segment, where, and what to do.
    #[error("{0}")]
    Corrupt(String),
    /// The database is closed, or was dismounted after a write error (the text says which).
    #[error("the database is dismounted: {0}")]
    Dismounted(String),
    /// The index engine failed.
    #[error("index: {0}")]
    Index(String),
    /// The disk failed.
    #[error("{context}: {source}")]
    Io {
        /// What was being done, to which file.
        context: String,
        /// The system's error.
        source: io::Error,
    },
}

impl EngineError {
    pub(crate) fn io(doing: &str, path: &Path, source: io::Error) -> Self {
        Self::Io { context: format!("{doing} {}", path.display()), source }
    }

    /// True when a write to the index (never a sync) found no space, or the log had none.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Full(_) => true,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::StorageFull,
            _ => false,
        }
    }

    /// True when nothing may be written any more after this error.
    pub(crate) fn dismounts(&self) -> bool {
        !matches!(self, Self::Full(_) | Self::Passive(_) | Self::Unknown | Self::Conflict)
    }

    /// The same error for one more caller of the same batch.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Full(path) => Self::Full(path.clone()),
            Self::Passive(active) => Self::Passive(active.clone()),
            Self::Unknown => Self::Unknown,
            Self::Conflict => Self::Conflict,
            Self::Io { context, source } => Self::Io {
                context: context.clone(),
                source: io::Error::new(source.kind(), source.to_string()),
            },
            other => Self::Dismounted(other.to_string()),
        }
    }
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Fault {
        let (kind, code, text) = match &error {
            EngineError::Full(_) => {
                (FaultKind::Exhausted, "DiskFull", "The server is out of disk space; try again later.")
            }
            EngineError::TooLarge(_) => {
                (FaultKind::TooLarge, "RecordTooLarge", "The item is too large to be stored.")
            }
            EngineError::Gone(_) => (FaultKind::NotFound, "ObjectNotFound", "The item was deleted."),
            EngineError::Dismounted(_) | EngineError::Passive(_) | EngineError::Unknown => (
                FaultKind::Unavailable,
                Fault::OFFLINE,
                "The mailbox database is unavailable; try again later.",
            ),
            _ => (
                FaultKind::Unavailable,
                "MapiExceptionDatabaseError",
                "The mailbox database is unavailable; try again later.",
            ),
        };
        Fault::new(kind, code, text).caused_by(error)
    }
}
