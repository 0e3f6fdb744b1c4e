//! Fails each disk call in turn and fills the disk: whatever happens, what was acknowledged stays, and
//! after a failed write nothing is acknowledged any more.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use base::{
    rng::{Rng, SeededRng},
    sim::{Crash, Injected, SimDisk},
};
use common::{History, open};
use engine::{Database, EngineError};

/// What one life of a database did under an injected failure.
struct Life {
    history: History,
    /// Commits acknowledged; the ones after are of unknown fate.
    sure: usize,
}

/// Commits one after the other, some of them across checkpoints. A `Full` answer means that nothing was
/// written; any other error leaves the fate open and must be the last word.
fn live(disk: &SimDisk, db: &Database, rng: &dyn Rng) -> Life {
    let mut life = Life { history: History::new(false), sure: 0 };
    for round in 0..30 {
        let log_failed = disk.failure().is_some_and(|failure| {
            let path = failure.path.to_string_lossy().into_owned();
            path.ends_with(".log") && !path.contains("spare") && matches!(failure.operation, "write" | "sync")
        });
        match life.history.submit(db, rng).wait() {
            Ok(result) => {
                result.unwrap();
                life.sure = life.history.commits();
                assert!(!log_failed || db.status().dismounted.is_none(), "acknowledged after a failure");
            }
            Err(EngineError::Full(_)) => life.history.withdraw(),
            Err(_) => {
                for _ in 0..3 {
                    assert!(life.history.submit(db, rng).wait().is_err());
                    life.history.withdraw();
                }
                return life;
            }
        }
        if round % 10 == 7 {
            // It fails where the failure is injected.
            let _ = db.checkpoint();
        }
    }
    if db.status().dismounted.is_none() {
        life.history.holds(db, life.sure);
    }
    life
}

fn fail_each_call(injected: Injected) {
    let rng = SeededRng::new(5);
    let mut dismounted = 0;
    for call in 1.. {
        let disk = SimDisk::default();
        disk.fail_at(call, injected);
        let mut life = Life { history: History::new(false), sure: 0 };
        if let Ok(db) = open(&disk) {
            life = live(&disk, &db, &rng);
            let noticed = db.status().dismounted.is_some();
            dismounted += usize::from(noticed);
            if let Some(failed) = disk.failure()
                && injected == Injected::Broken
            {
                let spare = failed.path.to_string_lossy().contains("spare");
                assert!(noticed || spare, "{failed:?} went unnoticed");
            }
        }
        let done = disk.failure().is_none();
        let disk = disk.crash(Crash::PowerCut, &rng);
        let db = open(&disk).unwrap();
        let found = life.history.settle(&db);
        assert!(found >= life.sure, "call {call}: {} acknowledged, {found} left", life.sure);
        if done {
            assert!(call > 100, "the failures never reached the commits");
            assert!(dismounted > 0);
            return;
        }
    }
}

#[test]
fn no_lie_after_a_broken_call() {
    fail_each_call(Injected::Broken);
}

#[test]
fn no_lie_after_a_full_call() {
    fail_each_call(Injected::Full);
}

#[test]
fn commits_work_again_when_space_returns() {
    let rng = SeededRng::new(6);
    let mut disk = SimDisk::default();
    let mut history = History::new(false);
    let mut refused = 0;
    for round in 0..20 {
        let db = open(&disk).unwrap();
        history.settle(&db);
        disk.set_capacity(Some(disk.used() + rng.below(200 << 10)));
        let mut full = false;
        for _ in 0..200 {
            match history.submit(&db, &rng).wait() {
                Ok(result) => result.unwrap(),
                Err(EngineError::Full(_)) => {
                    history.withdraw();
                    refused += 1;
                    full = true;
                    if rng.below(3) == 0 {
                        break;
                    }
                }
                Err(error) => panic!("{error}"),
            }
        }
        history.holds(&db, history.commits());
        if rng.below(2) == 0 {
            // What was refused must stay away even if the machine goes down while the disk is full.
            disk = disk.crash(Crash::PowerCut, &rng);
        }
        disk.set_capacity(None);
        drop(db);
        let db = open(&disk).unwrap();
        assert_eq!(history.settle(&db), history.commits());
        history.submit(&db, &rng).wait().unwrap().unwrap();
        assert!(full || round > 0);
    }
    assert!(refused > 20, "{refused}");
}

#[test]
fn space_that_returns_is_used_without_reopening() {
    let rng = SeededRng::new(7);
    let disk = SimDisk::default();
    let mut history = History::new(false);
    let db = open(&disk).unwrap();
    for _ in 0..10 {
        disk.set_capacity(Some(disk.used()));
        while history.submit(&db, &rng).wait().map(Result::unwrap).is_ok() {}
        history.withdraw();
        assert!(matches!(db.checkpoint(), Ok(()) | Err(EngineError::Full(_))));
        disk.set_capacity(None);
        for _ in 0..10 {
            history.submit(&db, &rng).wait().unwrap().unwrap();
        }
        db.checkpoint().unwrap();
        history.holds(&db, history.commits());
    }
}
