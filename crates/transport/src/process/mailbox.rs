//! From the queue of a mailbox database into the mailboxes.

use base::Guid;
use wire::smtp::Reply;

use super::Step;
use crate::{
    TransportError,
    accept::with_return_path,
    deliver::{MAILBOX_FULL, ToMailboxes, UNDELIVERABLE, is_transient},
    dsn::Action,
    inspect::Inspection,
    queue::{Next, Recipient},
    settle::Settlement,
    track::{Event, EventId, Source},
};

/// What a sender is told who asked to hear of deliveries.
const DELIVERED: Reply = Reply::new(250, (2, 1, 5), "STOREDRV.Deliver; delivered");

impl Step<'_> {
    pub(super) async fn deliver(self, database: Guid) -> Result<Next, TransportError> {
        let (core, view, message) = (self.core, self.core.view(), &self.queued.message);
        let recipients = self.recipients();
        let body = core.spool.body(message)?;
        let parts = with_return_path(message, &[body]);
        let delivery = ToMailboxes {
            database,
            network_id: message.network_id,
            mailboxes: recipients.iter().map(|(_, recipient)| recipient.mailbox).collect(),
            summary: Inspection::new(&parts[1..]).summary.encode(),
            parts,
            received: message.received,
            view: &view,
        };
        let answers = match delivery.deliver(&core.stores).await {
            Ok(answers) => answers,
            Err(error) => {
                // The whole queue rests until the database is back.
                let mut schedule = core.schedule.lock();
                schedule.hop_failed(self.job.queue, core.now(), &format!("432 4.3.2 STOREDRV; {error}"));
                let rest = recipients.iter().map(|(_, recipient)| recipient);
                return Ok(Next::Ready {
                    deadline: core.deadline(&schedule.settings().clone(), message, rest),
                });
            }
        };
        core.schedule.lock().hop_answered(self.job.queue);
        let mut settlement = Settlement::new(core, &view, &self.queued);
        let (mut delivered, mut again, mut stay) = (Vec::new(), Vec::new(), Vec::new());
        let settings = core.settings();
        let due = core.now().plus(settings.message_retry_interval);
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
                    settlement.defer(*index, recipient, &reply, Source::StoreDriver, due);
                    stay.push(recipient.clone());
                }
                Err(error) => {
                    let full = matches!(error, store::StoreError::Quota { .. });
                    let reply = if full { MAILBOX_FULL } else { UNDELIVERABLE };
                    settlement.fail(recipient, reply, Source::StoreDriver, None);
                    settlement.remove(*index);
                }
            }
        }
        settlement.commit().await?;
        self.record_copies(&delivered, &again);
        Ok(self.next(&stay, due))
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
    pub(super) fn next(&self, stay: &[Recipient], due: base::Timestamp) -> Next {
        if stay.is_empty() {
            return Next::Done;
        }
        let settings = self.core.settings();
        Next::At { due, deadline: self.core.deadline(&settings, &self.queued.message, stay) }
    }
}
