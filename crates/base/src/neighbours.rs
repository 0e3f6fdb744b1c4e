//! Other servers of the organisation, for rooms that know nothing of how they are linked.

use std::{future::Future, pin::Pin};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::Guid;

/// Why another server did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NeighbourError {
    /// It cannot be reached, or takes nothing of this kind now. Nothing was done.
    #[error("{0}")]
    Unreachable(String),
    /// It refused. Nothing was done.
    #[error("{text}")]
    Refused {
        /// For programs; each kind of question has its own numbers.
        code: u16,
        /// For people.
        text: String,
    },
    /// The link was lost on the way: it may have done it.
    #[error("{0}")]
    Unknown(String),
}

/// What becomes of a question.
pub type Asked<'a, T> = Pin<Box<dyn Future<Output = Result<T, NeighbourError>> + Send + 'a>>;

/// Bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

/// What is said to another server and what it says: what is written here is read there. `shutdown` passes an end on;
/// dropped before that, the conversation has broken off, and reading fails on the other side, as it does on this one
/// when the link is lost. Costs next to nothing while nobody says anything.
pub type Conversation = Box<dyn Duplex>;

/// One kind of question that servers ask each other.
pub trait Neighbours: Send + Sync {
    /// Asks a server and gives its answer. Both are short (1 MiB).
    fn ask(&self, server: Guid, question: Vec<Bytes>) -> Asked<'_, Bytes>;

    /// Opens a conversation, which `head` (16 KiB) begins.
    fn converse(&self, server: Guid, head: Bytes) -> Asked<'_, Conversation>;
}

/// There are no other servers.
pub struct Nobody;

impl Neighbours for Nobody {
    fn ask(&self, _: Guid, _: Vec<Bytes>) -> Asked<'_, Bytes> {
        Box::pin(async { Err(alone()) })
    }
    fn converse(&self, _: Guid, _: Bytes) -> Asked<'_, Conversation> {
        Box::pin(async { Err(alone()) })
    }
}

fn alone() -> NeighbourError {
    NeighbourError::Unreachable("this server is linked to no other".into())
}
