//! The directory as its users see it: one test binary, one file per topic.

#![expect(clippy::unwrap_used, reason = "a test helper that fails is a failed test")]

mod availability;
mod change;
mod group;
mod mail;
mod organization;
mod resolve;
mod scale;

use std::{path::Path, sync::Arc};

use base::{Timestamp, clock::ManualClock, disk::SystemDisk, rng::SeededRng};
use directory::{
    Directory, Draft, Object, Options,
    seed::{Organization, Ports, seed},
    verbs::{EnableMailbox, MailIdentity, NewMailbox, NewUser, new_mailbox},
};

/// Opens a directory in a folder.
pub fn open(dir: &Path) -> Directory {
    let engine = engine::Options {
        dir: dir.to_path_buf(),
        name: "directory".into(),
        segment_bytes: 4 << 20,
        cache_bytes: 4 << 20,
        checkpoint_bytes: 8 << 20,
        disk: Arc::new(SystemDisk),
        clock: Arc::new(ManualClock::new(Timestamp::from_secs(1_795_412_281))),
    };
    Directory::open(Options { engine, rng: Arc::new(SeededRng::new(7)) }).unwrap()
}

/// The organisation every test starts from.
pub fn rialto() -> Organization {
    Organization {
        name: "First Organization".into(),
        domain: "rialto.test".parse().unwrap(),
        server: "EX1".into(),
        database: "DB1".into(),
        ports: Ports::default(),
        hosted: false,
    }
}

/// A seeded directory and the folder it lives in.
pub async fn house() -> (Directory, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let directory = open(dir.path());
    assert!(directory.commit(|draft| seed(draft, &rialto())).await.unwrap().created);
    (directory, dir)
}

/// A mailbox by name, in the draft.
pub fn mailbox(draft: &mut Draft<'_>, name: &str) -> Arc<Object> {
    let (first, last) = name.split_once(' ').unwrap_or((name, ""));
    let user = NewUser {
        name: name.into(),
        first_name: Some(first.into()),
        last_name: (!last.is_empty()).then(|| last.into()),
        ..NewUser::default()
    };
    let identity = MailIdentity { alias: Some(first.to_lowercase()), primary_smtp_address: None };
    new_mailbox(draft, NewMailbox { user, mailbox: EnableMailbox { identity, ..EnableMailbox::default() } })
        .unwrap()
}
