//! The engine as its callers use it, on the real file system.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    ops::{Bound, ControlFlow},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use base::{clock::SystemClock, disk::SystemDisk};
use bytes::Bytes;
use engine::{BodyRef, Database, EngineError, Options, Read};

fn options(dir: &std::path::Path) -> Options {
    Options {
        dir: dir.into(),
        name: "test".into(),
        segment_bytes: 256 << 10,
        cache_bytes: 1 << 20,
        checkpoint_bytes: 1 << 20,
        disk: Arc::new(SystemDisk),
        clock: Arc::new(SystemClock),
    }
}

fn put(db: &Database, key: &[u8], value: &[u8]) {
    let (key, value) = (key.to_vec(), value.to_vec());
    db.commit(move |txn| {
        txn.put(&key, &value);
        Ok::<_, ()>(())
    })
    .wait()
    .unwrap()
    .unwrap();
}

fn get(db: &Database, key: &[u8]) -> Option<Bytes> {
    db.view(|view| view.get(key)).unwrap()
}

fn append(db: &Database, key: &'static [u8], body: Vec<u8>) -> BodyRef {
    let half = body.len() / 2;
    let parts = [Bytes::copy_from_slice(&body[..half]), Bytes::new(), Bytes::copy_from_slice(&body[half..])];
    db.commit(move |txn| {
        let body = txn.append_body(&parts);
        txn.put(key, &body.encode());
        Ok::<_, ()>(body)
    })
    .wait()
    .unwrap()
    .unwrap()
}

fn keys(db: &Database, from: Bound<&[u8]>, to: Bound<&[u8]>, reverse: bool) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    db.view(|view| {
        view.scan(from, to, reverse, &mut |key, _| {
            keys.push(key.to_vec());
            ControlFlow::Continue(())
        })
    })
    .unwrap();
    keys
}

#[test]
fn commits_survive_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(options(dir.path())).unwrap();
    put(&db, b"a", b"1");
    let body = append(&db, b"b", vec![7; 100_000]);
    let failed = db
        .commit(|txn| {
            txn.put(b"a", b"2");
            txn.delete(b"b");
            assert_eq!(txn.get(b"a").unwrap().unwrap(), "2");
            Err::<(), _>("no")
        })
        .wait()
        .unwrap();
    assert_eq!(failed, Err("no"));
    assert_eq!(get(&db, b"a").unwrap(), "1");
    assert_eq!(db.read_body(&body).unwrap(), vec![7; 100_000]);
    db.close().unwrap();
    assert!(matches!(db.commit(|_| Ok::<_, ()>(())).wait(), Err(EngineError::Dismounted(_))));
    assert!(matches!(db.view(|view| view.get(b"a")), Err(EngineError::Dismounted(_))));

    let db = Database::open(options(dir.path())).unwrap();
    assert_eq!(db.status().replayed, 0);
    assert_eq!(get(&db, b"a").unwrap(), "1");
    let stored = BodyRef::decode(&get(&db, b"b").unwrap()).unwrap();
    assert_eq!(stored, body);
    assert_eq!(db.read_body(&stored).unwrap(), vec![7; 100_000]);
}

#[test]
fn scans_merge_all_layers() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(options(dir.path())).unwrap();
    for key in [b"a", b"c", b"e", b"g"] {
        put(&db, key, b"old");
    }
    db.checkpoint().unwrap();
    put(&db, b"b", b"new");
    put(&db, b"c", b"new");
    db.commit(|txn| {
        txn.delete(b"e");
        txn.put(b"f", b"new");
        let mut seen = Vec::new();
        txn.scan(Bound::Unbounded, Bound::Unbounded, true, &mut |key, value| {
            seen.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })
        .unwrap();
        let expected: Vec<(Vec<u8>, Vec<u8>)> = ["g old", "f new", "c new", "b new", "a old"]
            .iter()
            .map(|entry| (entry.as_bytes()[..1].to_vec(), entry.as_bytes()[2..].to_vec()))
            .collect();
        assert_eq!(seen, expected);
        Ok::<_, ()>(())
    })
    .wait()
    .unwrap()
    .unwrap();
    assert_eq!(keys(&db, Bound::Unbounded, Bound::Unbounded, false), [b"a", b"b", b"c", b"f", b"g"]);
    assert_eq!(keys(&db, Bound::Excluded(b"b"), Bound::Included(b"f"), true), [b"f", b"c"]);
    assert_eq!(keys(&db, Bound::Included(b"x"), Bound::Excluded(b"b"), false), Vec::<Vec<u8>>::new());
    assert_eq!(keys(&db, Bound::Excluded(b"b"), Bound::Excluded(b"b"), false), Vec::<Vec<u8>>::new());
}

#[test]
fn a_second_opener_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(options(dir.path())).unwrap();
    assert!(matches!(Database::open(options(dir.path())), Err(EngineError::Locked(_))));
    drop(db);
    Database::open(options(dir.path())).unwrap();
}

#[test]
fn oversized_records_and_panics_leave_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(options(dir.path())).unwrap();
    let big = Bytes::from(vec![1; 300 << 10]);
    let refused = db
        .commit(move |txn| {
            txn.put(b"a", b"1");
            txn.append_body(&[big]);
            Ok::<_, ()>(())
        })
        .wait();
    assert!(matches!(refused, Err(EngineError::TooLarge(len)) if len > 300 << 10));
    let panicked = db
        .commit(|txn| -> Result<(), ()> {
            txn.put(b"a", b"1");
            panic!("on purpose")
        })
        .wait();
    assert!(matches!(panicked, Err(EngineError::Panicked)));
    assert_eq!(get(&db, b"a"), None);
    put(&db, b"a", b"2");
    assert_eq!(get(&db, b"a").unwrap(), "2");
}

#[test]
fn dead_segments_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(options(dir.path())).unwrap();
    let keeper = append(&db, b"keeper", vec![9; 50_000]);
    let mut last = None;
    for round in 0..40u8 {
        let body = append(&db, b"body", vec![round; 100_000]);
        if let Some(old) = last.replace(body) {
            db.commit(move |txn| {
                txn.release_body(&old);
                txn.release_body(&old);
                Ok::<_, ()>(())
            })
            .wait()
            .unwrap()
            .unwrap();
            db.checkpoint().unwrap();
            assert!(matches!(db.read_body(&old), Err(EngineError::Gone(_)) | Ok(_)));
        }
    }
    db.checkpoint().unwrap();
    let status = db.status();
    assert_eq!(status.live_bytes, 150_000);
    assert!(status.segments <= 9, "{status:?}");
    assert!(status.punched_bytes > 0, "{status:?}");
    assert_eq!(db.read_body(&keeper).unwrap(), vec![9; 50_000]);
    assert_eq!(db.read_body(&last.unwrap()).unwrap(), vec![39; 100_000]);
    drop(db);
    let db = Database::open(options(dir.path())).unwrap();
    assert_eq!(db.read_body(&keeper).unwrap(), vec![9; 50_000]);
    assert_eq!(db.read_body(&last.unwrap()).unwrap(), vec![39; 100_000]);
}

#[test]
fn the_last_handle_may_go_inside_a_closure() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(options(dir.path())).unwrap();
    let inner = db.clone();
    let commit = db.commit(move |txn| {
        txn.put(b"a", b"1");
        drop(inner);
        Ok::<_, ()>(())
    });
    drop(db);
    commit.wait().unwrap().unwrap();
}

#[test]
fn readers_see_whole_transactions_only() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(options(dir.path())).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (db, stop) = (db.clone(), stop.clone());
            thread::spawn(move || {
                let mut last = 0;
                while !stop.load(Ordering::Relaxed) {
                    let values = db.view(|view| [get_number(view, b"a"), get_number(view, b"z")]);
                    assert_eq!(values[0], values[1]);
                    assert!(values[0] >= last, "went back from {last} to {}", values[0]);
                    last = values[0];
                }
                last
            })
        })
        .collect();
    for number in 1..=400u32 {
        let commit = db.commit(move |txn| {
            txn.put(b"a", &number.to_le_bytes());
            txn.append_body(&[Bytes::from(vec![0; 3000])]);
            txn.put(b"z", &number.to_le_bytes());
            Ok::<_, ()>(())
        });
        commit.wait().unwrap().unwrap();
        assert_eq!(db.view(|view| get_number(view, b"z")), number);
        if number % 50 == 0 {
            db.checkpoint().unwrap();
        }
    }
    stop.store(true, Ordering::Relaxed);
    assert!(readers.into_iter().all(|reader| reader.join().unwrap() > 0));
}

fn get_number(view: &engine::View<'_>, key: &[u8]) -> u32 {
    let value = view.get(key).unwrap();
    value.map_or(0, |value| u32::from_le_bytes(value[..].try_into().unwrap()))
}
