//! The transaction log: segments on disk, records in them, one writer, recovery after a crash.

pub(crate) mod record;
pub(crate) mod recovery;
pub(crate) mod recycle;
pub(crate) mod segment;
pub(crate) mod writer;
