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

/// After a failure of our own that has to do with one message, it waits this long.
const OWN_FAILURE_RETRY: EnhancedTimeSpan = EnhancedTimeSpan::from_secs(60);
/// When a message is looked at for its expiry, whose queue rests for a failure of our own.
const OWN_FAILURE_REVIEW: EnhancedTimeSpan = EnhancedTimeSpan::from_secs(3600);

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
        let outcomes = match self.may_work(&job).await {
            Ok(()) => self.work(&job).await,
            Err(error) => job.ids.iter().map(|&id| (id, self.after_own_failure(&job, id, &error))).collect(),
        };
        drop(mark);
        if job.kind == JobKind::Deliver {
            self.exonerate(&job.ids).await;
        }
        self.schedule.lock().end(&job, outcomes);
        self.wake.notify_one();
    }

    /// Whether what comes of a job can be noted.
    async fn may_work(&self, job: &Job) -> Result<(), TransportError> {
        self.write_unsettled().await?;
        self.spool.disown().await?;
        if job.hop.is_remote() {
            self.spool.fence().await?;
        }
        Ok(())
    }

    async fn work(&self, job: &Job) -> Vec<(u64, Next)> {
        if let (JobKind::Deliver, Hop::SmartHost(connector) | Hop::Domain(connector, _)) =
            (job.kind, &job.hop)
            && routing::is_usable(&self.view(), *connector)
        {
            return self.carry(job).await;
        }
        let mut outcomes = Vec::with_capacity(job.ids.len());
        for &id in &job.ids {
            outcomes.push((id, self.step(job, id).await));
        }
        outcomes
    }

    async fn step(&self, job: &Job, id: u64) -> Next {
        let result = match self.spool.load(id) {
            Ok(queued) => Step { core: self, job, queued }.run().await,
            Err(error) => Err(error),
        };
        if result.is_ok() && job.hop == Hop::Submission {
            self.schedule.lock().hop_answered(job.queue);
        }
        result.unwrap_or_else(|error| self.after_own_failure(job, id, &error))
    }

    /// What becomes of a message when a step fails for a reason of ours. Where it is the queue's database (its
    /// disk is full), no other message of this hop would fare better: all of them rest, and go on together soon
    /// after there is space again.
    fn after_own_failure(&self, job: &Job, id: u64, error: &TransportError) -> Next {
        if matches!(error, TransportError::NoMessage(_)) {
            return Next::Done;
        }
        let now = self.now();
        if error.is_of_the_database() {
            let until = self.schedule.lock().own_failure(job.queue, now, &format!("432 4.3.2 {error}"));
            tracing::debug!(id, %error, ?until, "a queue rests");
            return Next::Ready { deadline: now.plus(OWN_FAILURE_REVIEW) };
        }
        tracing::warn!(id, %error, "a message could not be processed now");
        let due = now.plus(OWN_FAILURE_RETRY);
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
