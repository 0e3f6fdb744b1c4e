//! What the threads of one database share.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Sender},
    },
};

use parking_lot::{Condvar, Mutex};

use crate::{
    EngineError,
    checkpoint::{Checkpointer, Request},
    index::{Cut, Usage},
    log::{record::Record, recycle::Spares, segment::Segments, writer::Written},
    state::{Shared, State},
};

/// Memory of applied writes at which a checkpoint is due, bytes; writers wait at twice as much.
pub(crate) const OVERLAY_BYTES: usize = 8 << 20;

/// Figures of one opening.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) written: Written,
    /// Records appended.
    pub(crate) commits: u64,
    /// Checkpoints taken.
    pub(crate) checkpoints: u64,
    /// All segments together, as of the last checkpoint.
    pub(crate) usage: Usage,
}

/// The state and its surroundings.
pub(crate) struct Core {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    pub(crate) state: Shared,
    pub(crate) segments: Arc<Segments>,
    pub(crate) spares: Arc<Spares>,
    /// Full length of a segment file, bytes.
    pub(crate) segment_bytes: u64,
    pub(crate) checkpoint_bytes: u64,
    pub(crate) figures: Mutex<Figures>,
    pub(crate) desk: Desk,
    /// How much of the log other copies need; `None` where there are none.
    pub(crate) cut: Mutex<Option<Cut>>,
    /// A request is on its way.
    pub(crate) requested: AtomicBool,
    /// Raised when a checkpoint ended, with or without success.
    pub(crate) pressure: Mutex<Pressure>,
    pub(crate) relieved: Condvar,
}

/// Who takes checkpoints.
pub(crate) enum Desk {
    /// A thread that is sent requests.
    Thread(Sender<Request>),
    /// Whoever asks, in line.
    InLine(Mutex<Checkpointer>),
}

/// Why a writer may have to wait for a checkpoint.
#[derive(Default)]
pub(crate) struct Pressure {
    /// Checkpoints that ended.
    pub(crate) ended: u64,
    /// The last one failed for want of space.
    pub(crate) full: bool,
}

impl Core {
    /// Lets a batch begin, or says why not: dismounted, or out of space for the index.
    pub(crate) fn admit(&self) -> Result<(), EngineError> {
        loop {
            let ended = self.pressure.lock().ended;
            let crowded = self.state.read(|state| {
                state.check()?;
                Ok::<_, EngineError>(state.frozen.is_some() && state.active.bytes > 2 * OVERLAY_BYTES)
            })?;
            if !crowded {
                return Ok(());
            }
            self.request_checkpoint();
            let mut pressure = self.pressure.lock();
            while pressure.ended == ended {
                self.relieved.wait(&mut pressure);
            }
            if pressure.full {
                return Err(EngineError::Full(self.dir.clone()));
            }
        }
    }

    /// Applies what became durable and shows it to readers.
    pub(crate) fn apply(
        &self,
        records: &[Record],
        durable: u64,
        written: Written,
    ) -> Result<(), EngineError> {
        let applied = records.iter().take_while(|record| record.end() <= durable).count();
        if applied == 0 {
            return Ok(());
        }
        let due = self.apply_committed(&records[..applied])?;
        self.figures.lock().written = written;
        if due {
            self.request_checkpoint();
        }
        Ok(())
    }

    /// Applies records and says whether a checkpoint is due.
    pub(crate) fn apply_committed(&self, records: &[Record]) -> Result<bool, EngineError> {
        let due = {
            let mut state = self.state.write();
            for record in records {
                state.apply(record)?;
            }
            state.active.bytes > OVERLAY_BYTES || state.applied - state.checkpoint > self.checkpoint_bytes
        };
        self.figures.lock().commits += records.len() as u64;
        Ok(due)
    }

    /// Asks for a checkpoint without waiting, where there is a thread that takes it.
    pub(crate) fn request_checkpoint(&self) {
        match &self.desk {
            Desk::Thread(requests) => {
                if !self.requested.swap(true, Ordering::AcqRel) {
                    // The checkpointer is gone only when the database is closed.
                    let _ = requests.send(Request::Due);
                }
            }
            // How it went is told by the pressure and by the state.
            Desk::InLine(checkpointer) => _ = checkpointer.lock().attempt(self),
        }
    }

    /// Takes a checkpoint and says how it went.
    pub(crate) fn checkpoint(&self) -> Result<(), EngineError> {
        match &self.desk {
            Desk::Thread(requests) => {
                let (answer, answered) = mpsc::sync_channel(1);
                let closed = || EngineError::Dismounted("closed".into());
                requests.send(Request::Now(answer)).map_err(|_| closed())?;
                answered.recv().map_err(|_| closed())?
            }
            Desk::InLine(checkpointer) => checkpointer.lock().attempt(self),
        }
    }

    /// Where the log that is kept for other copies begins: without them, where the state stands.
    pub(crate) fn cut(&self, state: &State) -> Cut {
        self.cut.lock().unwrap_or(Cut { entry: state.entry, position: state.applied })
    }

    /// Notes that a checkpoint was taken and how the log's space is used.
    pub(crate) fn count_checkpoint(&self, usage: &BTreeMap<u64, Usage>) {
        let mut figures = self.figures.lock();
        figures.checkpoints += 1;
        figures.usage = usage.values().fold(Usage::default(), |sum, usage| Usage {
            live: sum.live + usage.live,
            dead: sum.dead + usage.dead,
            punched: sum.punched + usage.punched,
        });
    }

    /// Takes the database out of service for good.
    pub(crate) fn dismount(&self, error: &EngineError) {
        let mut state = self.state.write();
        if state.dismounted.is_none() {
            tracing::error!(database = %self.name, %error, "database dismounted");
            state.dismounted = Some(error.to_string());
        }
    }
}
