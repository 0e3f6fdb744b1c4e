//! A database of records: one transaction log, which also holds the bodies, and one index.
//!
//! The engine keeps keys, values and bodies and has never heard of mail. A caller commits a closure; the
//! database's one writer runs it, appends its write set and bodies to the log, makes the batch durable with
//! one `fdatasync`, applies it in memory and only then answers. Readers see durable state only. A checkpoint
//! moves what was applied into the index; recovery replays the log from there.

mod body;
mod checkpoint;
mod commit;
mod core;
mod database;
mod error;
mod follow;
mod index;
mod layers;
mod log;
mod opening;
mod overlay;
mod read;
mod replica;
mod seed;
mod slots;
mod space;
mod state;
mod txn;
mod writes;

pub use body::BodyRef;
pub use commit::Commit;
pub use database::{Database, Options, Status};
pub use error::EngineError;
pub use follow::{Followed, KeyChange};
#[cfg(fuzzing)]
pub use log::record::fuzz as fuzz_record;
pub use log::record::{EntryId, Record};
pub use overlay::Note;
pub use read::{Read, Visitor};
pub use replica::{LogState, Replica, Turn, has_voted};
pub use seed::{Piece, Planting, Seed, holds_database, remove_database};
pub use slots::Slots;
pub use txn::{Txn, View};
