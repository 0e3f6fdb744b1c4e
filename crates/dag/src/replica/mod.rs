//! One copy of a replicated database: openraft over the engine's log.

mod electorate;
mod elsewhere;
mod group;
mod log;
mod members;
mod message;
mod network;
mod runtime;
mod state;
mod succession;
mod types;

pub use electorate::electorate;
pub use group::{Group, GroupError, Standing, Writers, found};
pub use log::Work;
pub use members::Wanted;
pub use message::Malformed;
pub use network::{Answered, Peers};
pub use runtime::seed_this_thread;
pub use types::ServerId;
