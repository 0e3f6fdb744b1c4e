//! The work on queued messages, one file for each kind of step. Every step reads the message's rows, does
//! its part and settles it in one change; a step that breaks down leaves the rows as they were.

mod categorize;
mod mailbox;
mod remote;
mod review;

use base::{
    EnhancedTimeSpan,
    eventlog::{EventKind, Level},
};

use crate::{
    TransportError,
    core::{Core, NEVER},
    queue::{Hop, Job, JobKind, Message, Next, Queued, Recipient},
    routing,
    track::{EventId, Source},
};

/// After a failure of our own (a full disk, a database that is not there), this long.
const OWN_FAILURE_RETRY: EnhancedTimeSpan = EnhancedTimeSpan::from_secs(60);

const POISON: EventKind = EventKind {
    log: "Application",
    source: "MSExchangeTransport",
    id: 10_001,
    category: "PoisonMessage",
    level: Level::Error,
};

/// A step on one message.
struct Step<'a> {
    core: &'a Core,
    job: &'a Job,
    queued: Queued,
}

impl Core {
    /// Does a job and ends it.
    pub(crate) async fn process(&self, job: Job) {
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

    /// A step broke down: the message is tried again, and set aside when it happens too often.
    pub(crate) async fn broke_down(&self, job: &Job, why: &str) {
        let threshold = self.schedule.lock().settings().poison_threshold;
        let mut outcomes = Vec::with_capacity(job.ids.len());
        for &id in &job.ids {
            let next = match self.spool.load(id) {
                // Which of several messages it was is not known: each is tried alone by being counted.
                Ok(queued) => self.count_failure(queued, &job.hop, threshold, why).await,
                Err(error) => Err(error),
            };
            outcomes.push((id, next.unwrap_or_else(|error| self.after_own_failure(id, &error))));
        }
        self.schedule.lock().end(job, outcomes);
        self.wake.notify_one();
    }

    async fn count_failure(
        &self,
        queued: Queued,
        hop: &Hop,
        threshold: u8,
        why: &str,
    ) -> Result<Next, TransportError> {
        let id = queued.id;
        let failures = queued.message.failures.saturating_add(1);
        let message = Message { failures, ..queued.message.clone() };
        let mut change = crate::queue::Change { message: Some(message), ..Default::default() };
        if failures < threshold {
            self.spool.apply(id, change).await?;
            let due = self.now().plus(OWN_FAILURE_RETRY);
            return Ok(Next::At { due, deadline: due.plus(OWN_FAILURE_RETRY) });
        }
        let poisoned = |(index, recipient): &(u32, Recipient)| {
            (*index, Recipient { hop: Hop::Poison, ..recipient.clone() })
        };
        change.update = queued.at(hop).map(poisoned).collect();
        self.spool.apply(id, change).await?;
        let event = self.event(id, &queued.message, Source::PoisonMessage, EventId::PoisonMessage);
        let to: Vec<_> = queued.at(hop).map(|(_, recipient)| (&recipient.to.address, "")).collect();
        self.record(event, &to);
        base::eventlog::write(
            &POISON,
            &format!(
                "Message {} (internal identity {id}) was put into the poison queue: processing it broke \
                 down {failures} times, last with: {why}",
                queued.message.message_id
            ),
        );
        self.schedule(&Hop::Poison, id, Next::Ready { deadline: NEVER });
        Ok(Next::Done)
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
