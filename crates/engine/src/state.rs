//! What readers see: the layers of durable state, swapped as the log grows and checkpoints are taken.

use std::{
    cell::Cell,
    sync::{Arc, Weak},
};

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{
    EngineError, EntryId, Record,
    follow::Queue,
    index::{Mark, Snapshot},
    layers::Layers,
    overlay::{Note, Overlay},
};

/// An overlay that a checkpoint is writing to the index.
pub(crate) struct Frozen {
    pub(crate) overlay: Overlay,
    /// The position its last record reaches.
    pub(crate) mark: Mark,
}

/// Durable state.
pub(crate) struct State {
    /// Applied since the last checkpoint began.
    pub(crate) active: Overlay,
    pub(crate) frozen: Option<Arc<Frozen>>,
    /// The last finished checkpoint; `None` once closed or dismounted.
    pub(crate) base: Option<Arc<Snapshot>>,
    /// End of the last record applied.
    pub(crate) applied: u64,
    /// The last entry applied.
    pub(crate) entry: EntryId,
    /// The latest note applied.
    pub(crate) note: Option<Note>,
    /// Where the index stands.
    pub(crate) checkpoint: u64,
    /// Why the database is not mounted.
    pub(crate) dismounted: Option<String>,
    /// Those who are told of every write set.
    pub(crate) followers: Vec<Weak<Queue>>,
}

impl State {
    /// The layers, `pending` on top.
    pub(crate) fn layers<'a>(&'a self, pending: Option<&'a Overlay>) -> Result<Layers<'a>, EngineError> {
        self.check()?;
        let base = self.base.as_ref().ok_or_else(|| EngineError::Dismounted("closed".into()))?;
        let frozen = self.frozen.as_ref().map(|frozen| &frozen.overlay);
        Ok(Layers { overlays: [pending, Some(&self.active), frozen], base })
    }

    /// Applies the record that comes next.
    pub(crate) fn apply(&mut self, record: &Record) -> Result<(), EngineError> {
        if record.position() != self.applied {
            let (applied, next) = (self.applied, record.position());
            let why = format!("the record at log position {next} does not follow the state at {applied}");
            return Err(EngineError::Corrupt(why));
        }
        self.active.apply(record.entry(), &record.bodies, record.writes()).map_err(|_| {
            EngineError::Corrupt(format!("the write set at log position {} is malformed", record.position()))
        })?;
        self.tell(record);
        self.applied = record.end();
        self.entry = record.entry();
        if self.active.note.as_ref().is_some_and(|note| note.entry == self.entry) {
            self.note.clone_from(&self.active.note);
        }
        Ok(())
    }

    fn tell(&mut self, record: &Record) {
        self.followers.retain(|follower| match follower.upgrade() {
            Some(queue) => {
                queue.push(record.writes());
                true
            }
            None => false,
        });
    }

    /// Fails when the database is dismounted.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        match &self.dismounted {
            Some(reason) => Err(EngineError::Dismounted(reason.clone())),
            None => Ok(()),
        }
    }
}

thread_local! {
    static NESTED: Cell<u32> = const { Cell::new(0) };
}

/// The state behind its lock.
pub(crate) struct Shared(RwLock<State>);

impl Shared {
    pub(crate) fn new(state: State) -> Self {
        Self(RwLock::new(state))
    }

    /// Runs `f` on the state as it stands. A call within a call (a view in a view) does not queue behind a
    /// waiting writer, which would wait for the outer one.
    pub(crate) fn read<R>(&self, f: impl FnOnce(&State) -> R) -> R {
        struct Depth;
        impl Drop for Depth {
            fn drop(&mut self) {
                NESTED.with(|depth| depth.set(depth.get() - 1));
            }
        }
        let depth = NESTED.with(|depth| depth.replace(depth.get() + 1));
        let _depth = Depth;
        let guard: RwLockReadGuard<'_, State> =
            if depth == 0 { self.0.read() } else { self.0.read_recursive() };
        f(&guard)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write()
    }
}
