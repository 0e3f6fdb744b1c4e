//! Who is calling, may they, and the record of it.
//!
//! `authn`: names and passwords, or tickets, become an [`Identity`]. One [`Authenticator`] serves every protocol, so that
//! guesses are counted once, wherever they are made.
//! `access`: what an identity may do. `audit`: the record of what administrators did.

pub mod access;
pub mod audit;
pub mod authn;
mod error;
pub mod password;

pub use access::Access;
pub use authn::{Attempt, Authenticator, Identity, Protocol, kerberos};
pub use error::TrustError;
