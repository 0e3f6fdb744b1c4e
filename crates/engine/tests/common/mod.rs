//! A database on a simulated disk beside a model of what it must hold.
#![allow(dead_code, reason = "each test uses a part")]

use std::{
    collections::BTreeMap,
    ops::{Bound, ControlFlow},
    path::Path,
    sync::Arc,
};

use base::{clock::SystemClock, rng::Rng, sim::SimDisk};
use bytes::Bytes;
use engine::{BodyRef, Commit, Database, EngineError, Options, Read};

/// Every commit writes its own number here, so that a recovered state says which it is.
const COUNTER: &[u8] = b"\0counter";

/// Opens with segments and checkpoints small enough that a few commits cross them.
pub(crate) fn open(disk: &SimDisk) -> Result<Database, EngineError> {
    open_with(disk, 48 << 10)
}

/// Opens with a checkpoint after this much log, bytes.
pub(crate) fn open_with(disk: &SimDisk, checkpoint_bytes: u64) -> Result<Database, EngineError> {
    Database::open(Options {
        dir: Path::new("/db").into(),
        name: "test".into(),
        segment_bytes: 64 << 10,
        cache_bytes: 256 << 10,
        checkpoint_bytes,
        disk: Arc::new(disk.clone()),
        clock: Arc::new(SystemClock),
    })
}

/// A model value: plain bytes, or a body's content.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Plain(Vec<u8>),
    Body(Vec<u8>),
}

/// What the database held after each commit, by number of commits.
#[derive(Clone)]
pub(crate) struct History {
    states: Vec<BTreeMap<Vec<u8>, Value>>,
    /// All records of one length, so that what a crash leaves of one can pass for the start of another.
    pub(crate) uniform: bool,
}

/// One random change.
#[derive(Clone)]
enum Step {
    Put(Vec<u8>, Value),
    Delete(Vec<u8>),
}

fn random_bytes(rng: &dyn Rng, max: u64) -> Vec<u8> {
    let mut bytes = vec![0; rng.below(max) as usize];
    rng.fill(&mut bytes);
    bytes
}

fn random_step(rng: &dyn Rng) -> Step {
    let key = format!("key{}", rng.below(30)).into_bytes();
    match rng.below(10) {
        0..3 => Step::Delete(key),
        3..7 => Step::Put(key, Value::Plain(random_bytes(rng, 300))),
        // Empty ones keep no segment, and must be there all the same.
        7 if rng.below(2) == 0 => Step::Put(key, Value::Body(Vec::new())),
        _ => Step::Put(key, Value::Body(random_bytes(rng, 9000))),
    }
}

impl History {
    pub(crate) fn new(uniform: bool) -> Self {
        Self { states: vec![BTreeMap::new()], uniform }
    }

    /// Commits so far.
    pub(crate) fn commits(&self) -> usize {
        self.states.len() - 1
    }

    /// Submits a random transaction and assumes it will succeed.
    pub(crate) fn submit(&mut self, db: &Database, rng: &dyn Rng) -> Commit<(), ()> {
        let steps: Vec<Step> = if self.uniform {
            let mut value = vec![0; 700];
            rng.fill(&mut value);
            vec![Step::Put(b"key".to_vec(), Value::Plain(value))]
        } else {
            (0..1 + rng.below(5)).map(|_| random_step(rng)).collect()
        };
        let mut state = self.states.last().unwrap().clone();
        for step in &steps {
            match step {
                Step::Put(key, value) => _ = state.insert(key.clone(), value.clone()),
                Step::Delete(key) => _ = state.remove(key),
            }
        }
        self.states.push(state);
        let number = self.commits() as u64;
        db.commit(move |txn| {
            apply(txn, &steps);
            txn.put(COUNTER, &number.to_le_bytes());
            Ok(())
        })
    }

    /// Forgets the last submitted transaction: the database said that it wrote nothing.
    pub(crate) fn withdraw(&mut self) {
        self.states.pop();
    }

    /// Checks that the database holds exactly the state after some commit and returns which; the later
    /// ones are forgotten.
    pub(crate) fn settle(&mut self, db: &Database) -> usize {
        let number = db.view(|view| view.get(COUNTER)).unwrap();
        let number = number.map_or(0, |n| u64::from_le_bytes(n[..].try_into().unwrap())) as usize;
        assert!(number < self.states.len(), "a state from nowhere: {number}");
        assert_eq!(content(db).unwrap(), self.states[number], "not the state after commit {number}");
        self.states.truncate(number + 1);
        number
    }

    /// Checks one state without forgetting others.
    pub(crate) fn holds(&self, db: &Database, number: usize) {
        assert_eq!(content(db).unwrap(), self.states[number]);
    }
}

/// A transaction that is undone must leave nothing.
pub(crate) fn rolled_back(db: &Database, rng: &dyn Rng) -> Commit<(), ()> {
    let steps: Vec<Step> = (0..1 + rng.below(5)).map(|_| random_step(rng)).collect();
    db.commit(move |txn| {
        apply(txn, &steps);
        Err(())
    })
}

fn apply(txn: &mut engine::Txn<'_>, steps: &[Step]) {
    for step in steps {
        let key = match step {
            Step::Put(key, _) | Step::Delete(key) => key,
        };
        if let Some(old) = txn.get(key).unwrap()
            && let Some(body) = old.strip_prefix(b"B").and_then(BodyRef::decode)
        {
            txn.release_body(&body);
        }
        match step {
            Step::Put(key, Value::Plain(value)) => txn.put(key, &[b"P", &value[..]].concat()),
            Step::Put(key, Value::Body(content)) => {
                let (a, b) = content.split_at(content.len() / 3);
                let body = txn.append_body(&[Bytes::copy_from_slice(a), Bytes::copy_from_slice(b)]);
                txn.put(key, &[b"B", &body.encode()[..]].concat());
            }
            Step::Delete(key) => txn.delete(key),
        }
    }
}

/// Everything the database holds, bodies read; the error if one does not read.
pub(crate) fn content(db: &Database) -> Result<BTreeMap<Vec<u8>, Value>, EngineError> {
    let mut raw = Vec::new();
    db.view(|view| {
        view.scan(Bound::Excluded(COUNTER), Bound::Unbounded, false, &mut |key, value| {
            raw.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })
    })?;
    raw.into_iter()
        .map(|(key, value)| {
            let value = match value.split_first() {
                Some((b'B', body)) => Value::Body(db.read_body(&BodyRef::decode(body).unwrap())?.to_vec()),
                Some((_, plain)) => Value::Plain(plain.to_vec()),
                None => Value::Plain(Vec::new()),
            };
            Ok((key, value))
        })
        .collect()
}
