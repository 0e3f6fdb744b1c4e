//! From the queue of a mailbox database into the mailboxes.

use base::{EnhancedTimeSpan, Guid, Timestamp};
use bytes::Bytes;
use store::StoreError;
use wire::smtp::Reply;

use super::Step;
use crate::{
    TransportError,
    accept::with_return_path,
    deliver::{MAILBOX_FULL, ToMailboxes, UNDELIVERABLE, is_transient},
    dsn::Action,
    inspect::Inspection,
    queue::{Hop, Next, Recipient},
    settle::Settlement,
    track::{Event, EventId, Source},
};

/// Mailboxes one commit delivers to: a commit must fit into a segment of the log.
const COMMIT_MAX: usize = 500;

/// A mailbox that a move has locked is tried again so soon: the lock lasts seconds.
const MOVING_RETRY: EnhancedTimeSpan = EnhancedTimeSpan::from_secs(2);

/// What a sender is told who asked to hear of deliveries.
const DELIVERED: Reply = Reply::new(250, (2, 1, 5), "STOREDRV.Deliver; delivered");

impl Step<'_> {
    pub(super) async fn deliver(self, database: Guid) -> Result<Next, TransportError> {
        let (core, message) = (self.core, &self.queued.message);
        let recipients = self.follow(database).await?;
        if recipients.is_empty() {
            return Ok(Next::Done);
        }
        let (_room, body) = core.body(message).await?;
        let parts = with_return_path(message, &[body]);
        let summary = Inspection::new(&parts[1..]).summary.encode();
        let mut due = core.now().plus(core.settings().message_retry_interval);
        let mut stay = Vec::new();
        for some in recipients.chunks(COMMIT_MAX) {
            match self.deliver_some(database, some, &parts, &summary, due).await? {
                Ok((later, is_moving)) => {
                    stay.extend(later);
                    if is_moving {
                        due = due.min(core.now().plus(MOVING_RETRY));
                    }
                }
                Err(error) => {
                    // The whole queue rests until the database is back; who has it by then is not given it
                    // again.
                    let mut schedule = core.schedule.lock();
                    schedule.hop_failed(self.job.queue, core.now(), &format!("432 4.3.2 STOREDRV; {error}"));
                    let settings = schedule.settings().clone();
                    let rest = recipients.iter().map(|(_, recipient)| recipient);
                    return Ok(Next::Ready { deadline: core.deadline(&settings, message, rest) });
                }
            }
        }
        core.schedule.lock().hop_answered(self.job.queue);
        Ok(self.next(&stay, due))
    }

    /// The recipients whose mailboxes are in this database; those that a move has taken elsewhere go to the queue
    /// of the database they are in now.
    async fn follow(&self, database: Guid) -> Result<Vec<(u32, Recipient)>, TransportError> {
        let view = self.core.view();
        let now_in = |recipient: &Recipient| {
            view.by_mailbox_guid(recipient.mailbox).and_then(|owner| owner.database())
        };
        let (moved, here): (Vec<_>, Vec<_>) = self
            .recipients()
            .into_iter()
            .partition(|(_, recipient)| now_in(recipient).is_some_and(|now| now != database));
        if !moved.is_empty() {
            let mut settlement = Settlement::new(self.core, &view, &self.queued);
            for (index, recipient) in moved {
                if let Some(now) = now_in(&recipient) {
                    settlement.update(index, Recipient { hop: Hop::Mailbox(now), ..recipient });
                }
            }
            settlement.commit().await?;
        }
        Ok(here)
    }

    /// Delivers to some recipients in one commit and settles them. Says who must wait, and whether for a move,
    /// or why the database as a whole did not answer.
    async fn deliver_some(
        &self,
        database: Guid,
        recipients: &[(u32, Recipient)],
        parts: &[Bytes],
        summary: &Bytes,
        due: Timestamp,
    ) -> Result<Result<(Vec<Recipient>, bool), StoreError>, TransportError> {
        let (core, view, message) = (self.core, self.core.view(), &self.queued.message);
        let delivery = ToMailboxes {
            database,
            network_id: message.network_id,
            mailboxes: recipients.iter().map(|(_, recipient)| recipient.mailbox).collect(),
            summary: summary.clone(),
            parts: parts.to_vec(),
            received: message.received,
            view: &view,
        };
        let answers = match delivery.deliver(&core.stores).await {
            Ok(answers) => answers,
            Err(error) if is_transient(&error) => return Ok(Err(error)),
            // It is the message, not the database: nobody can have it.
            Err(_) => recipients.iter().map(|_| Err(StoreError::NoMailbox)).collect(),
        };
        let mut settlement = Settlement::new(core, &view, &self.queued);
        let (mut delivered, mut again, mut stay, mut is_moving) = (Vec::new(), Vec::new(), Vec::new(), false);
        for ((index, recipient), answer) in recipients.iter().zip(answers) {
            match answer {
                Ok(copy) => {
                    let list = if copy.item.is_some() { &mut delivered } else { &mut again };
                    list.push(&recipient.to.address);
                    settlement.report(recipient, Action::Delivered, DELIVERED, None);
                    settlement.remove(*index);
                }
                Err(error) if is_transient(&error) => {
                    let reply = Reply::said(432, (4, 3, 2), format!("STOREDRV.Deliver; {error}"));
                    let moving = matches!(error, StoreError::Moving);
                    is_moving |= moving;
                    let due = if moving { due.min(core.now().plus(MOVING_RETRY)) } else { due };
                    settlement.defer(*index, recipient, &reply, Source::StoreDriver, due);
                    stay.push(recipient.clone());
                }
                Err(error) => {
                    let full = matches!(error, StoreError::Quota { .. });
                    let reply = if full { MAILBOX_FULL } else { UNDELIVERABLE };
                    settlement.fail(recipient, reply, Source::StoreDriver, None);
                    settlement.remove(*index);
                }
            }
        }
        settlement.commit().await?;
        self.record_copies(&delivered, &again);
        Ok(Ok((stay, is_moving)))
    }

    fn record_copies(&self, delivered: &[&base::SmtpAddress], again: &[&base::SmtpAddress]) {
        let (core, queued) = (self.core, &self.queued);
        if !delivered.is_empty() {
            let inbox: Vec<_> = delivered.iter().map(|address| (*address, "Inbox")).collect();
            core.record_delivery(queued.id, &queued.message, &inbox);
        }
        if !again.is_empty() {
            // After a crash between delivery and its record, or two ways to one mailbox.
            let event =
                core.event(queued.id, &queued.message, Source::StoreDriver, EventId::DuplicateDeliver);
            let event = Event { client_hostname: &core.server, ..event };
            core.record(event, &again.iter().map(|address| (*address, "")).collect::<Vec<_>>());
        }
    }

    /// What becomes of the message at this hop while `stay` wait until `due`.
    pub(super) fn next(&self, stay: &[Recipient], due: Timestamp) -> Next {
        if stay.is_empty() {
            return Next::Done;
        }
        let settings = self.core.settings();
        Next::At { due, deadline: self.core.deadline(&settings, &self.queued.message, stay) }
    }
}
