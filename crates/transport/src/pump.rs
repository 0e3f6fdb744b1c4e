//! The pump: takes what is due off the schedule, lets it be done side by side, waits for more.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::task::{Id, JoinError, JoinSet};
use tracing::Instrument;

use crate::{core::Core, metrics, queue::Job};

/// The clock may jump: nobody waits longer than this without a look at it.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// What is under way at a shutdown is given this long.
const FAREWELL: Duration = Duration::from_secs(20);

/// The work under way.
#[derive(Default)]
struct Work {
    tasks: JoinSet<()>,
    jobs: HashMap<Id, Job>,
}

impl Work {
    /// Begins everything that is due.
    fn begin(&mut self, core: &Arc<Core>) {
        core.refresh_settings();
        core.follow_databases();
        while core.spool.is_open() {
            let job = core.schedule.lock().take(core.now());
            let Some(job) = job else { break };
            let span = tracing::info_span!("message", id = job.ids.first(), more = job.ids.len() - 1);
            let (worker, own) = (Arc::clone(core), job.clone());
            let handle = self.tasks.spawn(async move { worker.process(own).await }.instrument(span));
            self.jobs.insert(handle.id(), job);
        }
    }

    /// Takes note of a task's end; what broke down is counted against its messages.
    async fn ended(&mut self, core: &Core, result: Result<(Id, ()), JoinError>) {
        match result {
            Ok((id, ())) => _ = self.jobs.remove(&id),
            Err(error) => {
                if let Some(job) = self.jobs.remove(&error.id()) {
                    tracing::error!(?job, %error, "a step on a message broke down");
                    core.broke_down(&job, &error.to_string()).await;
                }
            }
        }
    }
}

impl Core {
    /// Runs until the service stops; then waits for what is under way.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut work = Work::default();
        let (mut directory, mut mounts) = (self.directory.watch(), self.stores.watch());
        while !self.stopping.load(Ordering::Relaxed) {
            work.begin(&self);
            let (due, waiting) = {
                let schedule = self.schedule.lock();
                (schedule.next_due(), schedule.len())
            };
            metrics::queued(waiting);
            // While there is no queue, nothing is due.
            let due = due.filter(|_| self.spool.is_open());
            let pause = due.map_or(LOOK_AGAIN, |due| due.since(self.now()).min(LOOK_AGAIN));
            tokio::select! {
                Some(result) = work.tasks.join_next_with_id() => work.ended(&self, result).await,
                () = self.wake.notified() => {}
                Ok(()) = directory.changed() => {}
                Ok(()) = mounts.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        let rest = async {
            while let Some(result) = work.tasks.join_next_with_id().await {
                work.ended(&self, result).await;
            }
        };
        if tokio::time::timeout(FAREWELL, rest).await.is_err() {
            tracing::warn!("messages under way were left in the queue at shutdown");
        }
    }

    /// Does everything that is due at this moment, and what that gives rise to. For tests and simulations.
    #[cfg(test)]
    pub(crate) async fn run_until_idle(self: &Arc<Self>) {
        let mut work = Work::default();
        loop {
            work.begin(self);
            match work.tasks.join_next_with_id().await {
                Some(result) => work.ended(self, result).await,
                None => return,
            }
        }
    }
}
