//! Random commits, rollbacks and checkpoints across kills, power cuts and reopenings, against a model:
//! nothing acknowledged is lost, nothing is half applied. `SEED=n` repeats one run, `RUNS=n` makes n.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use base::{
    rng::{Rng, SeededRng},
    sim::{Crash, SimDisk},
};
use common::{History, open, rolled_back};
use engine::{Commit, Database};

const RUNS: u64 = 40;
const CRASHES: u64 = 8;

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_half_applied() {
    let seeds = match std::env::var("SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..std::env::var("RUNS").map_or(RUNS, |runs| runs.parse().unwrap())).collect(),
    };
    for seed in seeds {
        eprintln!("SEED={seed}");
        run(&SeededRng::new(seed));
    }
}

fn run(rng: &SeededRng) {
    let mut disk = SimDisk::default();
    let mut history = History::new(rng.below(3) == 0);
    for _ in 0..CRASHES {
        let db = open(&disk).unwrap();
        history.settle(&db);
        work(&db, &mut history, rng);
        let mut sure = history.commits();
        history.holds(&db, sure);
        if rng.below(5) == 0 {
            db.close().unwrap();
            continue;
        }
        // Go down with commits under way.
        disk.down_at(disk.calls() + 1 + rng.below(12));
        let in_flight: Vec<_> = (0..rng.below(20)).map(|_| history.submit(&db, rng)).collect();
        if rng.below(4) == 0 {
            // It may be the checkpoint that is cut off.
            let _ = db.checkpoint();
        }
        let crash = if rng.below(3) == 0 { Crash::Kill } else { Crash::PowerCut };
        disk = disk.crash(crash, rng);
        sure += in_flight.into_iter().map(Commit::wait).take_while(Result::is_ok).count();
        drop(db);
        // Go down again and again before anything new is written.
        while rng.below(3) == 0 {
            if rng.below(2) == 0 {
                disk.down_at(disk.calls() + 1 + rng.below(20));
            }
            let again = open(&disk);
            disk = disk.crash(Crash::PowerCut, rng);
            drop(again);
        }
        let found = history.settle(&open(&disk.fork()).unwrap());
        assert!(found >= sure, "commit {sure} was acknowledged, {found} is what is left");
    }
}

fn work(db: &Database, history: &mut History, rng: &SeededRng) {
    // Few uniform records, lest they cover all that the last crash left behind them.
    for _ in 0..rng.below(if history.uniform { 4 } else { 30 }) {
        match rng.below(12) {
            0 => db.checkpoint().unwrap(),
            1 | 2 => assert_eq!(rolled_back(db, rng).wait().unwrap(), Err(())),
            3 => {
                let in_flight: Vec<_> = (0..rng.below(20)).map(|_| history.submit(db, rng)).collect();
                in_flight.into_iter().for_each(|commit| commit.wait().unwrap().unwrap());
            }
            _ => history.submit(db, rng).wait().unwrap().unwrap(),
        }
    }
}
