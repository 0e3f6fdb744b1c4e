//! A damaged log: a torn tail is cut, a damaged middle refuses to mount, a damaged body is not served.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    ops::{Bound, ControlFlow},
    path::{Path, PathBuf},
    sync::mpsc,
};

use base::{
    disk::{Disk, OpenMode},
    rng::{Rng, SeededRng},
    sim::{Crash, SimDisk},
};
use common::{History, content, open, open_with};
use engine::{Database, EngineError, Read};

const SEGMENT: &str = "/db/0000000000000000.log";

fn put(db: &Database, key: &'static [u8], value: &'static [u8]) {
    let commit = db.commit(move |txn| {
        txn.put(key, value);
        Ok::<_, ()>(())
    });
    commit.wait().unwrap().unwrap();
}

/// Commits all of these in one batch.
fn put_together(db: &Database, keys: &[&'static [u8]]) {
    let (go, wait) = mpsc::channel::<()>();
    let first = db.commit(move |_| wait.recv().map_err(drop));
    let commits: Vec<_> = keys
        .iter()
        .map(|&key| {
            db.commit(move |txn| {
                txn.put(key, key);
                Ok::<_, ()>(())
            })
        })
        .collect();
    go.send(()).unwrap();
    first.wait().unwrap().unwrap();
    commits.into_iter().for_each(|commit| commit.wait().unwrap().unwrap());
}

fn has(db: &Database, key: &[u8]) -> bool {
    db.view(|view| view.get(key)).unwrap().is_some()
}

#[test]
fn what_an_earlier_life_left_behind_the_cut_stays_dead() {
    let disk = SimDisk::default();
    let db = open(&disk).unwrap();
    put(&db, b"a", b"a");
    let b = db.status().durable as usize;
    put_together(&db, &[b"b", b"c"]);
    let disk = disk.crash(Crash::Kill, &SeededRng::new(0));
    drop(db);
    disk.flip(SEGMENT.as_ref(), b * 8);

    let db = open(&disk).unwrap();
    assert!(has(&db, b"a") && !has(&db, b"b") && !has(&db, b"c"));
    assert_eq!(db.status().cut, Some(b as u64));
    put(&db, b"B", b"B");
    let disk = disk.crash(Crash::Kill, &SeededRng::new(0));
    drop(db);

    let db = open(&disk).unwrap();
    assert!(has(&db, b"a") && has(&db, b"B") && !has(&db, b"c"));
}

#[test]
fn a_damaged_middle_refuses_to_mount() {
    let disk = SimDisk::default();
    let db = open(&disk).unwrap();
    put(&db, b"a", b"a");
    let b = db.status().durable;
    put(&db, b"b", b"b");
    put(&db, b"c", b"c");
    let disk = disk.crash(Crash::Kill, &SeededRng::new(0));
    drop(db);
    disk.flip(SEGMENT.as_ref(), b as usize * 8 + 400);
    let error = open(&disk).map(drop).unwrap_err();
    assert!(matches!(&error, EngineError::Corrupt(_)));
    assert!(error.to_string().contains(&format!("{SEGMENT} is damaged at offset {b} ")), "{error}");
    disk.flip(SEGMENT.as_ref(), b as usize * 8 + 400);
    assert!(has(&open(&disk).unwrap(), b"c"));
}

#[test]
fn a_missing_segment_refuses_to_mount() {
    let disk = SimDisk::default();
    let db = open(&disk).unwrap();
    put(&db, b"a", b"a");
    db.close().unwrap();
    disk.remove(SEGMENT.as_ref()).unwrap();
    assert!(matches!(open(&disk).map(drop), Err(EngineError::Corrupt(_))));
}

#[test]
fn a_missing_segment_with_live_bodies_refuses_to_mount() {
    let rng = SeededRng::new(3);
    let disk = SimDisk::default();
    let mut history = History::new(false);
    let db = open(&disk).unwrap();
    for _ in 0..500 {
        history.submit(&db, &rng).wait().unwrap().unwrap();
    }
    db.close().unwrap();
    let names = disk.list("/db".as_ref()).unwrap();
    let oldest = names.iter().find(|name| name.to_string_lossy().len() == SEGMENT.len() - 4).unwrap();
    let path = PathBuf::from("/db").join(oldest);
    let error = {
        let disk = disk.fork();
        disk.remove(&path).unwrap();
        open(&disk).map(drop).unwrap_err()
    };
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    history.holds(&open(&disk).unwrap(), 500);
}

#[test]
fn a_missing_index_refuses_to_mount() {
    let disk = SimDisk::default();
    let db = open(&disk).unwrap();
    put(&db, b"a", b"a");
    db.close().unwrap();
    disk.remove("/db/index.redb".as_ref()).unwrap();
    for _ in 0..2 {
        assert!(matches!(open(&disk).map(drop), Err(EngineError::Corrupt(_))));
    }
}

fn is_segment(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| u64::from_str_radix(&stem.to_string_lossy(), 16).is_ok())
}

fn base_of(segment: &Path) -> u64 {
    u64::from_str_radix(segment.file_stem().unwrap().to_str().unwrap(), 16).unwrap()
}

/// Bits flipped in each of two logs; `FLIPS` asks for more.
fn flips() -> u64 {
    std::env::var("FLIPS").map_or(300, |flips| flips.parse().unwrap())
}

/// Flips bits all over the log of a database that went down without a checkpoint and of one with several.
#[test]
fn flipped_bits_are_never_served() {
    let rng = SeededRng::new(14);
    for checkpoints in [false, true] {
        let disk = SimDisk::default();
        let mut history = History::new(false);
        let db = open_with(&disk, 64 << 20).unwrap();
        for round in 0..60 {
            history.submit(&db, &rng).wait().unwrap().unwrap();
            if checkpoints && round % 9 == 0 {
                db.checkpoint().unwrap();
            }
        }
        let end = db.status().durable;
        let disk = disk.crash(Crash::Kill, &rng);
        drop(db);
        let segments: Vec<PathBuf> = disk
            .list("/db".as_ref())
            .unwrap()
            .into_iter()
            .filter(|name| name.extension().is_some_and(|extension| extension == "log"))
            .map(|name| PathBuf::from("/db").join(name))
            .collect();
        let (mut refused, mut cut, mut unread) = (0, 0, 0);
        for _ in 0..flips() {
            let disk = disk.fork();
            // Every fourth one near the end, where the last record may be hit.
            let (path, byte) = if rng.below(4) == 0 {
                let held = segments.iter().filter(|path| is_segment(path) && base_of(path) < end);
                let last = held.max_by_key(|path| base_of(path)).unwrap();
                (last, end - base_of(last) - 1 - rng.below((end - base_of(last)).min(200)))
            } else {
                let any = &segments[rng.below(segments.len() as u64) as usize];
                (any, rng.below(disk.open(any, OpenMode::Existing).unwrap().len().unwrap()))
            };
            let bit = (byte * 8 + rng.below(8)) as usize;
            disk.flip(path, bit);
            match open_with(&disk, 64 << 20) {
                Err(EngineError::Corrupt(_)) => refused += 1,
                Err(error) => panic!("{error}"),
                Ok(db) if content(&db).is_err() => unread += 1,
                Ok(db) => {
                    let last = history.commits();
                    let found = history.clone().settle(&db);
                    if found < last {
                        assert_eq!(found, last - 1);
                        // A record whose own position is damaged passes for one that was never begun.
                        let end = db.status().durable;
                        let position = (bit / 8) as u64 + base_of(path);
                        assert!(db.status().cut == Some(end) || (end + 8..end + 16).contains(&position));
                        cut += 1;
                    }
                }
            }
        }
        let counts = format!("refused {refused}, cut {cut}, bodies not served {unread}");
        assert!(refused + unread > 5 && cut > 5, "{counts}");
        eprintln!("{counts}");
    }
}

/// Flips bits all over the index of a database that was closed in order. What can be read is right; what is
/// damaged is said to be.
#[test]
fn flipped_bits_of_the_index_are_never_served() {
    let index: &Path = "/db/index.redb".as_ref();
    let value = |n: u32| n.to_be_bytes().repeat(50);
    let rng = SeededRng::new(17);
    let disk = SimDisk::default();
    let db = open_with(&disk, 64 << 20).unwrap();
    for some in 0..30_u32 {
        let commit = db.commit(move |txn| {
            for n in some * 100..(some + 1) * 100 {
                txn.put(&n.to_be_bytes(), &value(n));
            }
            Ok::<_, ()>(())
        });
        commit.wait().unwrap().unwrap();
        if some % 10 == 0 {
            db.checkpoint().unwrap();
        }
    }
    db.close().unwrap();
    drop(db);
    let said = |error: &EngineError| {
        let text = error.to_string();
        assert!(matches!(error, EngineError::Corrupt(_)), "{text}");
        assert!(text.contains("/db/index.redb is damaged at offset"), "{text}");
    };
    let (mut refused, mut found, mut harmless) = (0, 0, 0);
    for _ in 0..flips() {
        let disk = disk.fork();
        let len = disk.open(index, OpenMode::Existing).unwrap().len().unwrap();
        let bit = (rng.below(len) * 8 + rng.below(8)) as usize;
        // Before the opening, which without optimisation reads everything; or behind its back.
        let before = rng.below(2) == 0;
        if before {
            disk.flip(index, bit);
        }
        let db = match open_with(&disk, 64 << 20) {
            Ok(db) => db,
            Err(error) => {
                said(&error);
                refused += 1;
                continue;
            }
        };
        if !before {
            disk.flip(index, bit);
        }
        let mut next = 0;
        let read = db.view(|view| {
            view.scan(Bound::Unbounded, Bound::Unbounded, false, &mut |key, bytes| {
                assert_eq!((key, bytes), (&u32::to_be_bytes(next)[..], &value(next)[..]));
                next += 1;
                ControlFlow::Continue(())
            })
        });
        match read {
            Ok(()) => {
                assert_eq!(next, 3000);
                harmless += 1;
            }
            Err(error) => {
                said(&error);
                found += 1;
            }
        }
    }
    let counts = format!("refused {refused}, found when read {found}, in unused space {harmless}");
    assert!(refused > 0 && found > 20, "{counts}");
    eprintln!("{counts}");
}
