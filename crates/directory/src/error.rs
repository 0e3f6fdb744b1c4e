//! What can go wrong with the directory, in the product's words.

use base::{Fault, FaultKind};

use crate::value::ValueError;

/// Failures of look-ups and changes.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// No object fits the identity.
    #[error(
        "The operation couldn't be performed because object '{identity}' couldn't be found on '{server}'."
    )]
    NotFound {
        /// What was asked for.
        identity: String,
        /// Who was asked.
        server: String,
    },
    /// Several objects fit the identity.
    #[error("The operation couldn't be performed because '{0}' matches multiple entries.")]
    Ambiguous(String),
    /// The name, address, alias or logon name is taken (the text says by whom).
    #[error("{0}")]
    Exists(String),
    /// A value does not fit its attribute.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A change that the rules of the directory forbid (the text says which).
    #[error("{0}")]
    Invalid(String),
    /// A change that is not the caller's to make (the text says why).
    #[error("{0}")]
    Denied(String),
    /// Not a filter.
    #[error("Cannot bind parameter 'Filter' to the target. Exception setting \"Filter\": \"{0}\"")]
    Filter(String),
    /// Who decides about changes is not known at present, or another server's change came in between.
    #[error("The directory can't be changed at present: {0}. Try again in a few seconds.")]
    Unsettled(engine::EngineError),
    /// The records could not be read or written.
    #[error(transparent)]
    Engine(engine::EngineError),
    /// A stored object does not decode.
    #[error("directory record {0} is damaged: {1}")]
    Corrupt(String, String),
    /// The directory is closed.
    #[error("The directory is closed.")]
    Closed,
}

impl From<engine::EngineError> for DirectoryError {
    fn from(error: engine::EngineError) -> Self {
        use engine::EngineError::{Conflict, Passive, Unknown};
        match error {
            Passive(_) | Unknown | Conflict => Self::Unsettled(error),
            other => Self::Engine(other),
        }
    }
}

impl From<DirectoryError> for Fault {
    fn from(error: DirectoryError) -> Fault {
        let (kind, code) = match &error {
            DirectoryError::NotFound { .. } => (FaultKind::NotFound, "ManagementObjectNotFoundException"),
            DirectoryError::Ambiguous(_) => (FaultKind::Ambiguous, "ManagementObjectAmbiguousException"),
            DirectoryError::Exists(_) => (FaultKind::AlreadyExists, "ADObjectAlreadyExistsException"),
            DirectoryError::Value(_) => (FaultKind::Invalid, "DataValidationException"),
            DirectoryError::Invalid(_) => (FaultKind::Invalid, "InvalidOperationException"),
            DirectoryError::Denied(_) => (FaultKind::AccessDenied, "ADScopeException"),
            DirectoryError::Filter(_) => (FaultKind::Invalid, "ParameterBindingException"),
            DirectoryError::Closed | DirectoryError::Unsettled(_) => {
                (FaultKind::Unavailable, "ADTransientException")
            }
            DirectoryError::Corrupt(..) => return Fault::internal(error),
            DirectoryError::Engine(_) => {
                return match error {
                    DirectoryError::Engine(inner) => inner.into(),
                    other => Fault::internal(other),
                };
            }
        };
        Fault::new(kind, code, error.to_string())
    }
}
