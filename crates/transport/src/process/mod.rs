//! The work on queued messages, one file for each kind of step. Every step reads the message's rows, does
//! its part and settles it in one change; a step that breaks down leaves the rows as they were.

mod categorize;
mod mailbox;
mod poison;
mod remote;
mod review;

use base::EnhancedTimeSpan;

use crate::{
    TransportError,
    core::{Core, NEVER},
    queue::{Hop, Job, JobKind, Next, Queued, Recipient},
    routing,
};

/// After a failure of our own (a full disk, a database that is not there), this long.
const OWN_FAILURE_RETRY: EnhancedTimeSpan = EnhancedTimeSpan::from_secs(60);

/// A step on one message.
struct Step<'a> {
    core: &'a Core,
    job: &'a Job,
    queued: Queued,
}

impl Core {
    /// Does a job and ends it.
    pub(crate) async fn process(&self, job: Job) {
        let mark = self.underway.mark(&job.ids);
        let outcomes = match (job.kind, &job.hop) {
            (JobKind::Deliver, Hop::SmartHost(connector) | Hop::Domain(connector, _))
                if routing::is_usable(&self.view(), *connector) =>
            {
                self.carry(&job).await
            }
            _ => {
                let mut outcomes = Vec::with_capacity(job.ids.len());
                for &id in &job.ids {
                    outcomes.push((id, self.step(&job, id).await));
                }
                outcomes
            }
        };
        drop(mark);
        if job.kind == JobKind::Deliver {
            self.exonerate(&job.ids).await;
        }
        self.schedule.lock().end(&job, outcomes);
        self.wake.notify_one();
    }

    async fn step(&self, job: &Job, id: u64) -> Next {
        let result = match self.spool.load(id) {
            Ok(queued) => Step { core: self, job, queued }.run().await,
            Err(error) => Err(error),
        };
        result.unwrap_or_else(|error| self.after_own_failure(id, &error))
    }

    /// What becomes of a message when a step fails for a reason of ours.
    fn after_own_failure(&self, id: u64, error: &TransportError) -> Next {
        if matches!(error, TransportError::NoMessage(_)) {
            return Next::Done;
        }
        tracing::warn!(id, %error, "a message could not be processed now");
        let due = self.now().plus(OWN_FAILURE_RETRY);
        Next::At { due, deadline: due.plus(OWN_FAILURE_RETRY) }
    }
}

impl Step<'_> {
    async fn run(self) -> Result<Next, TransportError> {
        if self.queued.at(&self.job.hop).next().is_none() {
            return Ok(Next::Done);
        }
        match (self.job.kind, &self.job.hop) {
            (JobKind::Review, _) => self.review().await,
            (_, Hop::Submission) => self.categorize().await,
            (_, Hop::Mailbox(database)) => self.deliver(*database).await,
            (_, Hop::Unreachable | Hop::SmartHost(_) | Hop::Domain(..)) => self.reroute().await,
            (_, Hop::Poison) => Ok(Next::Ready { deadline: NEVER }),
        }
    }

    /// The recipients at this hop, which the step takes on.
    fn recipients(&self) -> Vec<(u32, Recipient)> {
        self.queued.at(&self.job.hop).cloned().collect()
    }
}
