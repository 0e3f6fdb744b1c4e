//! Why somebody is not let in. What a peer is told never says whether the name exists.

use base::{Fault, FaultKind};

use crate::authn::kerberos::Refusal;

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
    /// A ticket was refused; told like a wrong password.
    #[error("{0}")]
    Ticket(Refusal),
    /// A ticket is for a principal that stands for no user; told like a wrong password.
    #[error("no user has that user principal name")]
    NoSuchUser,
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
            // Nothing is given away by this, and who runs the client learns what to change.
            TrustError::Ticket(Refusal::Ntlm) => (FaultKind::Unauthenticated, "NtlmNotOffered"),
            TrustError::Throttled | TrustError::Ticket(_) | TrustError::NoSuchUser => {
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
