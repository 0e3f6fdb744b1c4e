//! Kerberos 5 (RFC 4120) as a service sees it, and its GSS mechanism (RFC 4121): what clients send, what they are
//! answered, and the keys. Who may log on is decided elsewhere; clocks and replays are, too.

pub mod crypto;
pub mod gss;
pub mod keytab;
pub mod messages;

pub use crypto::{CryptoError, EncryptionType, Key};

use crate::der::DerError;

/// Key usage numbers (RFC 4120 section 7.5.1, RFC 4121 section 2).
pub mod usage {
    /// A ticket, under the service's key.
    pub const TICKET: u32 = 2;
    /// An authenticator, under the ticket's key.
    pub const AUTHENTICATOR: u32 = 11;
    /// The answer to it.
    pub const ANSWER: u32 = 12;
    /// What the acceptor encrypts.
    pub const ACCEPTOR_SEAL: u32 = 22;
    /// What the acceptor signs.
    pub const ACCEPTOR_SIGN: u32 = 23;
    /// What the initiator encrypts.
    pub const INITIATOR_SEAL: u32 = 24;
    /// What the initiator signs.
    pub const INITIATOR_SIGN: u32 = 25;
}

/// Why a message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KerberosError {
    /// It is not what the RFCs describe.
    #[error("a malformed message")]
    Malformed,
    /// Its key is of a type that is not spoken.
    #[error("encryption type {0} is not supported")]
    EncryptionType(i64),
    /// It was not made with the key it should have been made with.
    #[error("the message does not fit its key")]
    Crypto,
}

impl From<DerError> for KerberosError {
    fn from(_: DerError) -> Self {
        KerberosError::Malformed
    }
}

impl From<CryptoError> for KerberosError {
    fn from(_: CryptoError) -> Self {
        KerberosError::Crypto
    }
}
