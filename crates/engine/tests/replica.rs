//! A copy's log against a model: accepted, flushed, applied, taken back and purged at random, across power
//! cuts. `SEED=n` repeats one run, `RUNS=n` makes n.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::Path, sync::Arc};

use base::{
    clock::SystemClock,
    rng::{Rng, SeededRng},
    sim::{Crash, SimDisk},
};
use bytes::Bytes;
use engine::{BodyRef, Database, EngineError, EntryId, Options, Read, Record, Replica};

const RUNS: u64 = 60;

fn options(disk: &SimDisk) -> Options {
    Options {
        dir: Path::new("/db").into(),
        name: "test".into(),
        segment_bytes: 64 << 10,
        cache_bytes: 256 << 10,
        checkpoint_bytes: 48 << 10,
        disk: Arc::new(disk.clone()),
        clock: Arc::new(SystemClock),
    }
}

/// What the copy should hold.
#[derive(Default)]
struct Model {
    log: Vec<Record>,
    term: u64,
    /// Entries that no crash may take.
    flushed: usize,
    applied: usize,
    purged: usize,
}

impl Model {
    fn end(&self) -> u64 {
        self.log.last().map_or(0, Record::end)
    }

    fn note(&mut self, rng: &dyn Rng) -> Record {
        let mut note = vec![0; rng.below(5000) as usize];
        rng.fill(&mut note);
        let entry = EntryId { term: self.term, index: self.log.len() as u64 + 1 };
        Record::note(self.end(), entry, &note)
    }

    fn check(&self, replica: &Replica, rng: &dyn Rng) {
        let state = replica.log_state();
        assert_eq!(state.last, self.log.last().map_or(EntryId::default(), Record::entry));
        assert_eq!(state.end, self.end());
        assert!(state.cut.index as usize <= self.purged);
        let from = state.cut.index + rng.below(self.log.len() as u64 + 1 - state.cut.index);
        let found = replica.entries(from + 1..u64::MAX, 20_000).unwrap();
        assert_eq!(found.is_empty(), from as usize == self.log.len());
        for (found, wanted) in found.iter().zip(&self.log[from as usize..]) {
            assert_eq!(found.encode().concat(), wanted.encode().concat());
        }
    }

    /// After a crash: what is left begins with all that was flushed.
    fn settle(&mut self, replica: &Replica) {
        let last = replica.log_state().last.index as usize;
        assert!(
            last >= self.flushed && last <= self.log.len(),
            "{last} of {}..{}",
            self.flushed,
            self.log.len()
        );
        self.log.truncate(last);
        let applied = replica.applied().0.index as usize;
        assert!(applied <= self.applied);
        self.applied = applied;
        self.flushed = last;
    }
}

#[test]
fn a_copy_keeps_what_it_flushed_and_forgets_what_was_taken_back() {
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
    let mut model = Model::default();
    for _ in 0..6 {
        let replica = Replica::open(options(&disk), true).unwrap();
        model.settle(&replica);
        for _ in 0..rng.below(40) {
            step(&replica, &mut model, rng);
            model.check(&replica, rng);
        }
        disk.down_at(disk.calls() + 1 + rng.below(8));
        while let Ok(()) = try_step(&replica, &mut model, rng) {}
        let crash = if rng.below(3) == 0 { Crash::Kill } else { Crash::PowerCut };
        disk = disk.crash(crash, rng);
    }
}

fn step(replica: &Replica, model: &mut Model, rng: &dyn Rng) {
    try_step(replica, model, rng).unwrap();
}

fn try_step(replica: &Replica, model: &mut Model, rng: &dyn Rng) -> Result<(), EngineError> {
    match rng.below(10) {
        0..4 => {
            let record = model.note(rng);
            replica.accept([record.clone()])?;
            model.log.push(record);
        }
        4..6 => {
            model.flushed = model.flushed.min(model.log.len());
            let last = replica.flush()?;
            assert_eq!(last.index as usize, model.log.len());
            model.flushed = model.log.len();
        }
        6 => {
            let to = model.applied + rng.below((model.flushed - model.applied) as u64 + 1) as usize;
            // The copy may have got further before it noticed a failure.
            let from = std::mem::replace(&mut model.applied, to);
            replica.apply(&model.log[from..to])?;
        }
        7 => {
            let keep = model.applied + rng.below((model.log.len() - model.applied) as u64 + 1) as usize;
            model.flushed = model.flushed.min(keep);
            replica.truncate_after(keep as u64)?;
            model.log.truncate(keep);
            model.term += 1;
        }
        8 => {
            let to = rng.below(model.applied as u64 + 1) as usize;
            model.purged = model.purged.max(to);
            replica.purge(to as u64)?;
        }
        _ => replica.database().checkpoint()?,
    }
    Ok(())
}

#[test]
fn what_one_copy_writes_another_holds() {
    let disks = [SimDisk::default(), SimDisk::default()];
    let founded = Database::open(options(&disks[0])).unwrap();
    founded
        .commit(|txn| {
            txn.note(b"members");
            Ok::<_, ()>(())
        })
        .wait()
        .unwrap()
        .unwrap();
    founded.close().unwrap();
    drop(founded);
    let [active, passive] = disks.map(|disk| Replica::open(options(&disk), true).unwrap());
    let note = active.applied().1.unwrap();
    assert_eq!((note.entry.index, &note.bytes[..]), (1, &b"members"[..]));
    // The second one gets the founding too, here by hand instead of a seed.
    let first = Record::note(0, EntryId { term: 0, index: 1 }, b"members");
    passive.accept([first.clone()]).unwrap();
    passive.apply(&[first]).unwrap();

    let body = Bytes::from(vec![7; 3000]);
    let parts = [body.clone()];
    let commit = active.database().commit(move |txn| {
        let body = txn.append_body(&parts);
        txn.put(b"key", &body.encode());
        Ok::<_, ()>(())
    });
    let turn = active.gather().unwrap();
    let records: Vec<Record> = (2..)
        .zip(turn.records())
        .map(|(index, record)| record.clone().with_entry(EntryId { term: 1, index }))
        .collect();
    active.accept(records.clone()).unwrap();
    active.flush().unwrap();
    for record in active.entries(2..9, 1 << 20).unwrap() {
        passive.accept([Record::decode(record.encode().concat().into()).unwrap()]).unwrap();
    }
    assert_eq!(passive.flush().unwrap(), EntryId { term: 1, index: 2 });
    active.apply(&records).unwrap();
    passive.apply(&passive.entries(2..3, 1 << 20).unwrap()).unwrap();
    active.answer(turn, 1, Ok(()));
    commit.wait().unwrap().unwrap();
    for copy in [&active, &passive] {
        let value = copy.database().view(|view| view.get(b"key")).unwrap().unwrap();
        assert_eq!(copy.database().read_body(&BodyRef::decode(&value).unwrap()).unwrap(), body);
    }

    // A passive copy refuses, and a turn that did not make it is not acknowledged.
    let refused = passive.database().commit(|txn| {
        txn.put(b"other", b"");
        Ok::<_, ()>(())
    });
    passive.refuse(&EngineError::Passive(String::new()));
    assert!(matches!(refused.wait(), Err(EngineError::Passive(_))));
    let lost = active.database().commit(|txn| {
        txn.put(b"other", b"");
        Ok::<_, ()>(())
    });
    let turn = active.gather().unwrap();
    active.answer(turn, 0, Err(EngineError::Unknown));
    assert!(matches!(lost.wait(), Err(EngineError::Unknown)));
    assert_eq!(active.database().view(|view| view.get(b"other")).unwrap(), None);
}
