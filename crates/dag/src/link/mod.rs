//! Links between the servers of an organisation: one TLS 1.3 connection for each ordered pair of them, which
//! carries calls and streams side by side and measures whether the other end is alive.
//!
//! The server that dials is the one that asks; what it is asked itself comes over the connection that the other
//! server dials. `frame` is the wire format and `mux` what is open on a connection (both without I/O),
//! `connection` runs one, `dial` and `accept` make and keep them, `tls` and `authority` say who is who.

mod accept;
pub mod authority;
mod connection;
mod conversation;
mod dial;
mod error;
pub mod frame;
mod join_key;
mod links;
mod mux;
#[cfg(test)]
mod mux_tests;
mod registry;
mod stream;
mod tls;
mod types;

pub use connection::CALL_MAX;
pub use conversation::{Conversation, converse};
pub use error::{LinkError, Refusal};
pub use join_key::{JoinKey, JoinKeyError};
pub use links::{Guest, HEAD_MAX, Links};
pub use registry::Registration;
pub use stream::{Sink, Source};
pub use types::{Audience, Endpoint, Host, LinkState, Options, Peer, Roster, Status, service};
