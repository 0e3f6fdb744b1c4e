//! Messages that break things: a step that panics, or a process that dies while it works on them. They are
//! tried alone, and set aside when it happens again.

use std::collections::BTreeSet;

use base::eventlog::{EventKind, Level};

use super::OWN_FAILURE_RETRY;
use crate::{
    TransportError,
    core::{Core, NEVER},
    queue::{Change, Hop, Job, Message, Next, Queued, Recipient},
    track::{EventId, Source},
};

const POISON: EventKind = EventKind {
    log: "Application",
    source: "MSExchangeTransport",
    id: 10_001,
    category: "PoisonMessage",
    level: Level::Error,
};

impl Core {
    /// A step broke down: its messages are tried again, each alone, and set aside when it happens too often.
    pub(crate) async fn broke_down(&self, job: &Job, why: &str) {
        let mut outcomes = Vec::with_capacity(job.ids.len());
        for &id in &job.ids {
            let next = match self.spool.load(id) {
                Ok(queued) => self.count_failure(queued, &job.hop, why).await,
                Err(error) => Err(error),
            };
            outcomes.push((id, next.unwrap_or_else(|error| self.after_own_failure(job, id, &error))));
        }
        self.schedule.lock().end(job, outcomes);
        self.wake.notify_one();
    }

    async fn count_failure(&self, queued: Queued, hop: &Hop, why: &str) -> Result<Next, TransportError> {
        let (change, poisoned) = self.accusation(&queued, |recipient| recipient.hop == *hop);
        self.spool.apply(queued.id, change).await?;
        if poisoned {
            self.report(&queued, why);
            self.schedule(&Hop::Poison, queued.id, Next::Ready { deadline: NEVER });
            return Ok(Next::Done);
        }
        self.schedule.lock().suspect(queued.id);
        let due = self.now().plus(OWN_FAILURE_RETRY);
        Ok(Next::At { due, deadline: due.plus(OWN_FAILURE_RETRY) })
    }

    /// The process died while these were under way: one of them may have killed it.
    pub(crate) fn accuse(&self, ids: BTreeSet<u64>) -> Result<(), TransportError> {
        for id in ids {
            let queued = match self.spool.load(id) {
                Ok(queued) => queued,
                // It was done; only the note of it was late.
                Err(TransportError::NoMessage(_)) => continue,
                Err(error) => return Err(error),
            };
            tracing::warn!(id, "a message was being processed when the service died; it is tried alone");
            let (change, poisoned) = self.accusation(&queued, |_| true);
            self.spool.apply_now(id, change)?;
            if poisoned {
                self.report(&queued, "the service died");
            }
        }
        Ok(())
    }

    /// One failure more, and with the last one the recipients meant go to the poison queue; says whether
    /// that is so.
    fn accusation(&self, queued: &Queued, meant: impl Fn(&Recipient) -> bool) -> (Change, bool) {
        let failures = queued.message.failures.saturating_add(1);
        let poisoned = failures >= self.schedule.lock().settings().poison_threshold;
        let message = Message { failures, ..queued.message.clone() };
        let mut change = Change { message: Some(message), ..Change::default() };
        if poisoned {
            let set_aside = queued.recipients.iter().filter(|(_, recipient)| meant(recipient));
            change.update = set_aside
                .map(|(index, recipient)| (*index, Recipient { hop: Hop::Poison, ..recipient.clone() }))
                .collect();
        }
        (change, poisoned)
    }

    fn report(&self, queued: &Queued, why: &str) {
        let Queued { id, message, recipients } = queued;
        let event = self.event(*id, message, Source::PoisonMessage, EventId::PoisonMessage);
        let to: Vec<_> = recipients.iter().map(|(_, recipient)| (&recipient.to.address, "")).collect();
        self.record(event, &to);
        base::eventlog::write(
            &POISON,
            &format!(
                "Message {} (internal identity {id}) was put into the poison queue: processing it broke down {} \
                 times, last with: {why}",
                message.message_id,
                message.failures.saturating_add(1)
            ),
        );
    }

    /// Messages that came through a step alone were suspected in vain.
    pub(super) async fn exonerate(&self, ids: &[u64]) {
        for id in ids {
            if !self.schedule.lock().trust(*id) {
                continue;
            }
            // With its last recipient it is gone.
            let Ok(queued) = self.spool.load(*id) else { continue };
            let change =
                Change { message: Some(Message { failures: 0, ..queued.message }), ..Change::default() };
            if let Err(error) = self.spool.apply(*id, change).await {
                tracing::debug!(id, %error, "a message stays suspected");
            }
        }
    }
}
