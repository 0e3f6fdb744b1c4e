//! A runspace pool: how far its opening has come, how large it is, and its pipelines.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use base::Guid;
use wire::{
    psrp::{Availability, Defragmenter, HostInfo, PoolCall},
    wsman::{Fault, FaultCode},
};

use super::{
    Workplace,
    outbox::{Batch, Fetch},
    pipeline::Pipeline,
};

/// Pipelines of a shell at work at once.
const ACTIVE_MAX: usize = 18;
/// Pipelines of a shell that ended and whose clients never fetched the end.
const FORGOTTEN_MAX: usize = 32;
/// Pipelines of a shell that were fetched to their ends, kept in case the last answer was lost.
const FETCHED_MAX: usize = 4;
/// The largest pool.
pub(super) const RUNSPACES_MAX: i32 = 64;

/// How far the opening of a pool has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing was said.
    New,
    /// The versions are settled.
    Negotiated,
    /// It is open.
    Opened,
}

/// The pool.
pub(super) struct Pool {
    pub(super) incoming: Defragmenter,
    pub(super) stage: Stage,
    pub(super) min: i32,
    pub(super) max: i32,
    pub(super) host: HostInfo,
    pub(super) pipelines: HashMap<Guid, Arc<Pipeline>>,
    /// The order in which pipelines were made.
    pub(super) order: Vec<Guid>,
    /// Those fetched to their ends, the last ones.
    pub(super) fetched: VecDeque<Arc<Pipeline>>,
}

impl Pool {
    /// One that is not open.
    pub(super) fn new(incoming: Defragmenter) -> Self {
        Pool {
            incoming,
            stage: Stage::New,
            min: 1,
            max: 1,
            host: HostInfo::NONE,
            pipelines: HashMap::new(),
            order: Vec::new(),
            fetched: VecDeque::new(),
        }
    }

    /// Does what a client asks about runspaces.
    pub(super) fn answer(&mut self, call: PoolCall) -> Availability {
        match call {
            PoolCall::SetMax(max) if (self.min..=RUNSPACES_MAX).contains(&max) => {
                self.max = max;
                Availability::Done(true)
            }
            PoolCall::SetMin(min) if (1..=self.max).contains(&min) => {
                self.min = min;
                Availability::Done(true)
            }
            PoolCall::SetMax(_) | PoolCall::SetMin(_) => Availability::Done(false),
            PoolCall::GetAvailable => {
                let active = self.pipelines.values().filter(|pipeline| pipeline.is_active()).count();
                Availability::Count((i64::from(self.max) - active as i64).max(0))
            }
            PoolCall::Reset => Availability::Done(true),
        }
    }

    /// Finds room for a pipeline; those whose ends nobody fetched go first.
    pub(super) fn admit(&mut self, pipeline: &Arc<Pipeline>, work: &Workplace) -> Result<(), Fault> {
        if self.pipelines.contains_key(&pipeline.id) {
            return Err(Fault::new(FaultCode::AlreadyExists, "There is a command of this id already."));
        }
        let ended = |id: &Guid| self.pipelines.get(id).is_none_or(|pipeline| !pipeline.is_active());
        let forgotten: Vec<Guid> = self.order.iter().copied().filter(ended).collect();
        if self.order.len() - forgotten.len() >= ACTIVE_MAX {
            return Err(FaultCode::Quota.into());
        }
        for id in forgotten.iter().rev().skip(FORGOTTEN_MAX) {
            if let Some(old) = self.remove(*id) {
                old.abandon(work);
            }
        }
        self.order.push(pipeline.id);
        self.pipelines.insert(pipeline.id, pipeline.clone());
        Ok(())
    }

    /// Takes a pipeline out.
    pub(super) fn remove(&mut self, id: Guid) -> Option<Arc<Pipeline>> {
        self.order.retain(|own| *own != id);
        self.pipelines.remove(&id)
    }

    /// A pipeline was fetched to its end.
    pub(super) fn retire(&mut self, id: Guid) {
        if let Some(pipeline) = self.remove(id) {
            self.fetched.push_back(pipeline);
        }
        if self.fetched.len() > FETCHED_MAX {
            self.fetched.pop_front();
        }
    }

    /// The end of a pipeline that was fetched, for the request that had fetched it.
    pub(super) fn handed_to(&self, id: Guid, asked: Fetch<'_>) -> Option<Batch> {
        self.fetched.iter().find(|pipeline| pipeline.id == id)?.outbox.handed_to(asked)
    }
}
