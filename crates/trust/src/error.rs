//! Why somebody is not let in. What a peer is told never says whether the name exists.

use base::{Fault, FaultKind};

/// Failures of authentication.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The name or the password is wrong; which of them is not said.
    #[error("The user name or password is incorrect.")]
    BadCredentials,
    /// Too many wrong guesses for this user or from this address; told like a wrong password.
    #[error("too many failed logons")]
    Throttled,
    /// The password is right, the account is disabled.
    #[error("The account is disabled.")]
    AccountDisabled,
    /// The password is right and must be changed first.
    #[error("The password must be changed before logging on.")]
    PasswordMustChange,
    /// The password is right, the user may not use this protocol.
    #[error("The user may not use {0}.")]
    ProtocolDisabled(&'static str),
    /// More logons wait than the server takes on.
    #[error("The server is busy; try again later.")]
    Busy,
    /// A new password is too short or too long.
    #[error("The password doesn't meet the requirements: {0}.")]
    Password(&'static str),
    /// A stored password hash does not parse, or the hash function failed.
    #[error("password hash: {0}")]
    Hash(String),
}

impl From<TrustError> for Fault {
    fn from(error: TrustError) -> Fault {
        let (kind, code) = match &error {
            TrustError::BadCredentials => (FaultKind::Unauthenticated, "LogonFailure"),
            TrustError::Throttled => {
                let text = TrustError::BadCredentials.to_string();
                return Fault::new(FaultKind::Unauthenticated, "LogonFailure", text).caused_by(error);
            }
            TrustError::AccountDisabled => (FaultKind::Unauthenticated, "AccountDisabled"),
            TrustError::PasswordMustChange => (FaultKind::Unauthenticated, "PasswordMustChange"),
            TrustError::ProtocolDisabled(_) => (FaultKind::Unauthenticated, "ProtocolDisabled"),
            TrustError::Busy => (FaultKind::Exhausted, "ServerBusy"),
            TrustError::Password(_) => (FaultKind::Invalid, "PasswordPolicyException"),
            TrustError::Hash(_) => return Fault::internal(error),
        };
        Fault::new(kind, code, error.to_string())
    }
}
