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
use engine::{BodyRef, Database, EngineError, EntryId, Options, Piece, Planting, Read, Record, Replica};

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
        let durable = |record: &&Record| record.end() <= replica.durable();
        for record in found.iter().filter(durable) {
            let index = record.entry().index;
            assert_eq!(replica.entry_before(record.end()).unwrap(), index);
            assert_eq!(replica.entry_before(record.end() - 1).unwrap(), index - 1);
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

/// Commits on a copy that is alone in its group.
fn commit(copy: &Replica, key: u64, body: Vec<u8>, released: Option<BodyRef>) -> BodyRef {
    let commit = copy.database().commit(move |txn| {
        let body = txn.append_body(&[body.into()]);
        txn.put(&key.to_be_bytes(), &body.encode());
        released.iter().for_each(|body| txn.release_body(body));
        Ok::<_, ()>(body)
    });
    let turn = copy.gather().unwrap();
    let last = copy.log_state().last.index;
    let numbered = (last + 1..).zip(turn.records());
    let records: Vec<Record> =
        numbered.map(|(index, record)| record.clone().with_entry(EntryId { term: 1, index })).collect();
    copy.accept(records.clone()).unwrap();
    copy.flush().unwrap();
    copy.apply(&records).unwrap();
    copy.answer(turn, records.len(), Ok(()));
    commit.wait().unwrap().unwrap()
}

#[test]
fn a_new_copy_grows_from_a_seed() {
    let (disk, other) = (SimDisk::default(), SimDisk::default());
    let copy = Replica::open(options(&disk), true).unwrap();
    let mut live = Vec::new();
    for key in 0..120 {
        let body = vec![key as u8; 1500 + key as usize];
        // Two of three bodies die, so that segments go and holes are punched.
        let released = (key % 3 > 0).then(|| live.pop()).flatten().map(|(_, body)| body);
        live.push((key, commit(&copy, key, body, released)));
        if key % 40 == 39 {
            copy.purge(u64::MAX).unwrap();
            copy.database().checkpoint().unwrap();
        }
    }
    let mut seed = copy.seed().unwrap();
    let mut planting = Planting::begin(Arc::new(other.clone()), "/db".into()).unwrap();
    let mut whole = false;
    while let Some(piece) = seed.next().unwrap() {
        // Work goes on meanwhile, and the log it needs is kept.
        let body = commit(&copy, 1000, vec![1; 2000], live.pop().map(|(_, body)| body));
        live.push((1000, body));
        copy.purge(u64::MAX).unwrap();
        copy.database().checkpoint().unwrap();
        assert!(!whole, "nothing comes after the end");
        whole = planting.take(Piece::decode(piece.encode().concat().into()).unwrap()).unwrap();
    }
    assert!(whole);
    let (read, total) = seed.progress();
    assert_eq!(read, total);
    drop((seed, planting));
    // What is whole is never made anew by mistake, and nothing is written outside a segment.
    let again = Planting::begin(Arc::new(other.clone()), "/db".into());
    assert!(matches!(again, Err(EngineError::Occupied(_))));
    let mut elsewhere = Planting::begin(Arc::new(other.clone()), "/other".into()).unwrap();
    assert!(elsewhere.take(Piece::Log(0, Bytes::from_static(b"x"))).is_err());
    assert!(elsewhere.take(Piece::Segment(0, u64::MAX, [0; 3])).is_err());
    elsewhere.take(Piece::Segment(4096, 4096, [0; 3])).unwrap();
    assert!(elsewhere.take(Piece::Log(8191, Bytes::from_static(b"xx"))).is_err());
    assert!(elsewhere.take(Piece::Log(0, Bytes::from_static(b"x"))).is_err());
    let new = Replica::open(options(&other.crash(Crash::PowerCut, &SeededRng::new(1))), true).unwrap();
    let missing = copy.entries(new.log_state().last.index + 1..u64::MAX, u64::MAX).unwrap();
    assert!(!missing.is_empty());
    new.accept(missing.clone()).unwrap();
    new.flush().unwrap();
    new.apply(&missing).unwrap();
    assert_eq!(new.applied(), copy.applied());
    for (key, body) in live {
        let value = new.database().view(|view| view.get(&key.to_be_bytes())).unwrap().unwrap();
        assert_eq!(BodyRef::decode(&value).unwrap(), body);
        assert_eq!(new.database().read_body(&body).unwrap(), copy.database().read_body(&body).unwrap());
    }
}
