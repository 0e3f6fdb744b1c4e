//! One copy of a replicated database: openraft over the engine's log.

mod answering;
mod committing;
mod electorate;
mod elsewhere;
mod flusher;
mod group;
mod log;
mod members;
mod message;
mod network;
mod pace;
mod runtime;
mod state;
mod succession;
mod types;
mod witness;

pub use electorate::electorate;
pub use flusher::Work;
pub use group::{Group, GroupError, Standing, Writers, found};
pub use members::Wanted;
pub use message::Malformed;
pub use network::{Answered, Member, Peers};
pub use runtime::seed_this_thread;
pub use types::ServerId;
pub use witness::Witness;
