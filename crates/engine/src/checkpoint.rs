//! The checkpoint thread: moves what was applied from memory into the index, then gives back log space.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, SyncSender},
    },
};

use crate::{
    EngineError,
    core::Core,
    index::{Index, Mark, SpaceChanges, Usage},
    space,
    state::Frozen,
};

/// What the checkpoint thread can be asked.
pub(crate) enum Request {
    /// A checkpoint is due.
    Due,
    /// Take one and say how it went.
    Now(SyncSender<Result<(), EngineError>>),
    /// End the thread.
    Stop,
}

/// The checkpoint thread's own state.
pub(crate) struct Checkpointer {
    pub(crate) index: Index,
    /// All segments' figures as of the last checkpoint.
    pub(crate) usage: BTreeMap<u64, Usage>,
    /// Changes to write with the next checkpoint.
    pub(crate) space: SpaceChanges,
    /// The log's number and its epoch in this opening.
    pub(crate) mark: Mark,
}

impl Checkpointer {
    /// Serves requests until told to stop.
    pub(crate) fn run(mut self, core: &Core, requests: &Receiver<Request>) {
        while let Ok(request) = requests.recv() {
            match request {
                Request::Stop => return,
                Request::Due => {
                    core.requested.store(false, Ordering::Release);
                    if let Err(error) = self.attempt(core) {
                        tracing::warn!(database = %core.name, %error, "checkpoint failed");
                    }
                }
                Request::Now(answer) => {
                    // Whoever asked may have gone.
                    let _ = answer.send(self.attempt(core));
                }
            }
        }
    }

    /// Takes a checkpoint; a failure other than for want of space dismounts.
    pub(crate) fn attempt(&mut self, core: &Core) -> Result<(), EngineError> {
        // The index engine asserts what a damaged file may break; that must not strand the writer.
        let result = catch_unwind(AssertUnwindSafe(|| self.take(core)))
            .unwrap_or_else(|_| Err(EngineError::Index("the index engine panicked".into())))
            .map_err(|e| if e.is_full() { EngineError::Full(core.dir.clone()) } else { e });
        if let Err(error) = &result
            && !error.is_full()
        {
            core.dismount(error);
        }
        let mut pressure = core.pressure.lock();
        pressure.ended += 1;
        pressure.full = result.as_ref().is_err_and(EngineError::is_full);
        core.relieved.notify_all();
        result
    }

    fn take(&mut self, core: &Core) -> Result<(), EngineError> {
        while let Some((frozen, again)) = self.freeze(core)? {
            self.write(core, &frozen)?;
            if !again {
                break;
            }
        }
        Ok(())
    }

    /// Takes the active overlay out of the writer's way. One left by an attempt that failed comes first;
    /// the flag says so.
    fn freeze(&self, core: &Core) -> Result<Option<(Arc<Frozen>, bool)>, EngineError> {
        let mut state = core.state.write();
        state.check()?;
        if let Some(frozen) = &state.frozen {
            return Ok(Some((frozen.clone(), true)));
        }
        let cut = core.cut(&state);
        if state.active.is_empty() && self.space.is_empty() && cut == self.mark.cut {
            return Ok(None);
        }
        let mark = Mark { position: state.applied, entry: state.entry, cut, ..self.mark };
        let frozen = Arc::new(Frozen { overlay: std::mem::take(&mut state.active), mark });
        state.frozen = Some(frozen.clone());
        Ok(Some((frozen, false)))
    }

    fn write(&mut self, core: &Core, frozen: &Frozen) -> Result<(), EngineError> {
        space::count(&core.segments, &frozen.overlay, &self.usage, &mut self.space);
        if let Err(error) = self.index.checkpoint(&frozen.overlay, frozen.mark, &self.space) {
            if error.is_full() {
                self.reopen(core)?;
            }
            return Err(error);
        }
        self.usage.append(&mut self.space.usage);
        self.space.retired.clear();
        let snapshot = self.index.snapshot()?;
        {
            let mut state = core.state.write();
            state.base = Some(snapshot);
            state.frozen = None;
            state.checkpoint = frozen.mark.position;
        }
        self.mark.cut = frozen.mark.cut;
        let reclaimable = frozen.mark.position.min(frozen.mark.cut.position);
        space::reclaim(core, &self.index, reclaimable, &mut self.usage, &mut self.space)?;
        core.count_checkpoint(&self.usage);
        Ok(())
    }

    /// After a write failed for want of space the index engine wants to be opened anew. Readers wait.
    fn reopen(&mut self, core: &Core) -> Result<(), EngineError> {
        let mut state = core.state.write();
        state.base = None;
        self.index.reopen()?;
        state.base = Some(self.index.snapshot()?);
        Ok(())
    }
}
