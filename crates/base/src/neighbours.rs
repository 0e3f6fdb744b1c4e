//! Other servers of the organisation, for rooms that know nothing of how they are linked.

use std::{future::Future, pin::Pin};

use bytes::Bytes;
use tokio::io::DuplexStream;

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

/// One kind of question that servers ask each other.
pub trait Neighbours: Send + Sync {
    /// Asks a server and gives its answer. Both are short (1 MiB).
    fn ask(&self, server: Guid, question: Vec<Bytes>) -> Asked<'_, Bytes>;

    /// Opens a conversation, which `head` begins. What is written is read there, and the other way round; an end
    /// is passed on in either direction.
    fn converse(&self, server: Guid, head: Bytes) -> Asked<'_, DuplexStream>;
}

/// There are no other servers.
pub struct Nobody;

impl Neighbours for Nobody {
    fn ask(&self, _: Guid, _: Vec<Bytes>) -> Asked<'_, Bytes> {
        Box::pin(async { Err(alone()) })
    }
    fn converse(&self, _: Guid, _: Bytes) -> Asked<'_, DuplexStream> {
        Box::pin(async { Err(alone()) })
    }
}

fn alone() -> NeighbourError {
    NeighbourError::Unreachable("this server is linked to no other".into())
}
