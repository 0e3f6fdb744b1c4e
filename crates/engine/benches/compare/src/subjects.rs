//! The designs under measurement.

use std::{path::Path, sync::Arc, thread, time::Duration};

use base::{clock::SystemClock, disk::SystemDisk};
use engine::{Database, Options};
use fjall::{KeyspaceCreateOptions, PersistMode};
use redb::{Durability, TableDefinition};

use crate::{
    load::{Message, drive, user_bytes},
    log::{Apply, Files, Log},
    meter::{Meter, Sample},
};

/// A checkpoint follows this much log, bytes.
const CHECKPOINT: u64 = 64 << 20;
/// Commits before the measurement begins: the engine's first segments are small.
const WARM_UP: usize = 8000;
/// After it, so that what was written is on the device and spare segments are ready.
const SETTLE: Duration = Duration::from_secs(3);
const CACHE: usize = 16 << 20;

/// Measures one design in `dir`.
pub fn run(subject: &str, commits: usize, writers: usize, dir: &Path) -> Sample {
    let prepared = ((WARM_UP + commits) * (user_bytes() + 200)) as u64;
    match subject {
        "raw log" => {
            on_log(dir, Log::start(Files::ready(dir, prepared), Box::new(|_, _| ())), commits, writers)
        }
        "raw log, filling" => {
            on_log(dir, Log::start(Files::making(dir, true), Box::new(|_, _| ())), commits, writers)
        }
        "raw log, reserving" => {
            on_log(dir, Log::start(Files::making(dir, false), Box::new(|_, _| ())), commits, writers)
        }
        "log + redb" => on_log(dir, Log::start(Files::making(dir, true), redb_index(dir)), commits, writers),
        "log + fjall" => {
            on_log(dir, Log::start(Files::making(dir, true), fjall_index(dir)), commits, writers)
        }
        "engine" => engine(dir, commits, writers),
        other => panic!("no such design: {other}"),
    }
}

fn on_log(dir: &Path, log: Log, commits: usize, writers: usize) -> Sample {
    drive(WARM_UP, writers, |message| log.commit(message));
    thread::sleep(SETTLE);
    let (meter, before) = (Meter::start(dir), log.flushes());
    let took = drive(commits, writers, |message| log.commit(message));
    meter.stop(took, log.flushes() - before, user_bytes())
}

/// Opens the engine as a server would.
pub fn open(dir: &Path) -> Database {
    Database::open(Options {
        dir: dir.join("db"),
        name: "bench".into(),
        segment_bytes: 64 << 20,
        cache_bytes: CACHE,
        checkpoint_bytes: CHECKPOINT,
        disk: Arc::new(SystemDisk),
        clock: Arc::new(SystemClock),
    })
    .expect("a database")
}

/// Stores one message in one transaction.
pub fn commit(db: &Database, message: Message) {
    db.commit(move |txn| {
        let body = txn.append_body(&[message.body]);
        let ((key, metadata), rest) = message.puts.split_first().expect("an item");
        txn.put(key, &[&body.encode()[..], metadata].concat());
        for (key, value) in rest {
            txn.put(key, value);
        }
        Ok::<_, ()>(())
    })
    .wait()
    .expect("a mounted database")
    .expect("a commit");
}

fn engine(dir: &Path, commits: usize, writers: usize) -> Sample {
    let db = open(dir);
    drive(WARM_UP, writers, |message| commit(&db, message));
    thread::sleep(SETTLE);
    let (meter, before) = (Meter::start(dir), db.status().flushes);
    let took = drive(commits, writers, |message| commit(&db, message));
    meter.stop(took, db.status().flushes - before, user_bytes())
}

/// redb, each batch in a non-durable commit, a durable one at each checkpoint.
fn redb_index(dir: &Path) -> Apply {
    const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("main");
    let db =
        redb::Database::builder().set_cache_size(CACHE).create(dir.join("index.redb")).expect("an index");
    let mut checkpoint = 0;
    Box::new(move |messages, position| {
        let due = position - checkpoint >= CHECKPOINT;
        let mut tx = db.begin_write().expect("a transaction");
        if due {
            checkpoint = position;
            tx.set_quick_repair(true);
        } else {
            tx.set_durability(Durability::None).expect("a durability");
        }
        {
            let mut table = tx.open_table(TABLE).expect("a table");
            for (key, value) in messages.iter().flat_map(|message| &message.puts) {
                table.insert(&key[..], &value[..]).expect("an insert");
            }
        }
        tx.commit().expect("a commit");
    })
}

/// fjall with manual persist: its journal is written but synced at checkpoints only.
fn fjall_index(dir: &Path) -> Apply {
    let db = fjall::Database::builder(dir.join("index"))
        .cache_size(CACHE as u64)
        .manual_journal_persist(true)
        .open()
        .expect("an index");
    let items = db.keyspace("main", KeyspaceCreateOptions::default).expect("a keyspace");
    let mut checkpoint = 0;
    Box::new(move |messages, position| {
        let mut batch = db.batch();
        for (key, value) in messages.iter().flat_map(|message| &message.puts) {
            batch.insert(&items, &key[..], &value[..]);
        }
        batch.commit().expect("a commit");
        if position - checkpoint >= CHECKPOINT {
            checkpoint = position;
            db.persist(PersistMode::SyncData).expect("a sync");
        }
    })
}
