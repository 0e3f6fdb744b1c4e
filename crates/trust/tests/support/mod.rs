//! A small organisation for tests: rialto.test in a directory of its own.

use std::{path::Path, sync::Arc};

use base::{Timestamp, clock::ManualClock, disk::SystemDisk, rng::SeededRng};
use directory::{
    Directory, Options,
    seed::{Organization, Ports},
};

/// When every test begins.
pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_secs(1_795_412_281)))
}

/// Opens a directory in a folder.
pub(crate) fn open(dir: &Path, clock: Arc<ManualClock>) -> Directory {
    let engine = engine::Options {
        dir: dir.to_path_buf(),
        name: "directory".into(),
        segment_bytes: 4 << 20,
        cache_bytes: 4 << 20,
        checkpoint_bytes: 8 << 20,
        disk: Arc::new(SystemDisk),
        clock,
    };
    Directory::open(Options { engine, rng: Arc::new(SeededRng::new(7)) }).unwrap()
}

/// The organisation to be.
pub(crate) fn organization() -> Organization {
    Organization {
        name: "First Organization".into(),
        domain: "rialto.test".parse().unwrap(),
        server: "EX1".into(),
        database: "DB1".into(),
        ports: Ports::default(),
        hosted: false,
    }
}
