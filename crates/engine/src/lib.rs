//! A database of records: one transaction log, which also holds the bodies, and one index.
//!
//! The engine keeps keys, values and bodies and has never heard of mail. A caller commits a closure; the
//! database's one writer runs it, appends its write set and bodies to the log, makes the batch durable with
//! one `fdatasync`, applies it to the index and only then answers. Readers see durable state only.

mod database;
mod error;

pub use database::{BodyRef, Commit, Database, Options, Read, Status, Txn, View};
pub use error::EngineError;
