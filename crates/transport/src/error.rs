//! What can go wrong in the transport's own rooms.

use base::{Fault, FaultKind};
use engine::EngineError;

/// Failures of the queue and of the rooms around it.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The queue's database.
    #[error("the mail queue: {0}")]
    Engine(#[from] EngineError),
    /// A row of the queue that was durable does not read back; the text says which.
    #[error("the mail queue holds a record that can't be read: {0}")]
    Row(String),
    /// The queue has copies on other servers, and this server is not the one that works on it now.
    #[error("the mail queue isn't served here now: too few servers that have copies of it are reached")]
    NoQueue,
    /// There is no such message in the queue (any more).
    #[error("message {0} isn't in the queue")]
    NoMessage(u64),
    /// The folder of the tracking log or the queue.
    #[error("{context}: {source}")]
    Io {
        /// What was being done, to what.
        context: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The service is stopping and takes nothing new.
    #[error("the transport service is stopping")]
    Stopping,
}

impl TransportError {
    /// Whether the queue's database could not write at all, so that any other message would fail, too.
    pub(crate) fn is_of_the_database(&self) -> bool {
        use EngineError::{Conflict, Dismounted, Full, Io, Passive, Unknown};
        matches!(
            self,
            Self::NoQueue
                | Self::Engine(Full(_) | Dismounted(_) | Io { .. } | Passive(_) | Unknown | Conflict)
        )
    }

    /// Whether too few copies of the queue's database took what was to be written, as far as is known.
    pub(crate) fn is_of_the_copies(&self) -> bool {
        use EngineError::{Conflict, Passive, Unknown};
        matches!(self, Self::NoQueue | Self::Engine(Passive(_) | Unknown | Conflict))
    }
}

impl From<TransportError> for Fault {
    fn from(error: TransportError) -> Fault {
        match error {
            TransportError::Engine(EngineError::Full(_)) => Fault::new(
                FaultKind::Exhausted,
                "InsufficientSystemResources",
                "Insufficient system resources (UsedDiskSpace)",
            )
            .caused_by(error),
            TransportError::Engine(engine) => engine.into(),
            TransportError::NoQueue => Fault::new(
                FaultKind::Unavailable,
                "QueueUnavailable",
                "The mail queue isn't served here now: too few servers that have copies of it are reached.",
            ),
            TransportError::NoMessage(id) => Fault::not_found(format!(
                "The message with internal identity {id} wasn't found in the queue."
            )),
            TransportError::Row(_) | TransportError::Io { .. } => Fault::internal(error),
            TransportError::Stopping => Fault::new(
                FaultKind::Unavailable,
                "ServiceStopping",
                "Service not available, closing transmission channel",
            ),
        }
    }
}
