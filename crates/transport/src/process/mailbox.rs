//! From the queue of a mailbox database into the mailboxes.

use std::time::Duration;

use base::{EnhancedTimeSpan, Guid, Timestamp};
use bytes::Bytes;
use wire::smtp::Reply;

use super::Step;
use crate::{
    TransportError,
    accept::with_return_path,
    deliver::{Delivered, Landed, MAILBOX_FULL, Missed, ToMailboxes, UNDELIVERABLE},
    dsn::Action,
    inspect::Inspection,
    queue::{Hop, Next, Recipient},
    settle::Settlement,
    track::{Event, EventId, Source},
};

/// Mailboxes one commit delivers to: a commit must fit into a segment of the log.
const COMMIT_MAX: usize = 500;

/// A mailbox that a move has locked, or that the server which has its database has not heard of yet, is tried
/// again so soon: it lasts seconds.
const SOON: EnhancedTimeSpan = EnhancedTimeSpan::from_secs(2);

/// How long another server may take for one message; the links say sooner that it is lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a recipient waits a moment.
const BEING_MOVED: Reply = Reply::new(432, (4, 3, 2), "STOREDRV.Deliver; the mailbox is being moved");
const NOT_YET_KNOWN: Reply =
    Reply::new(432, (4, 3, 2), "STOREDRV.Deliver; the mailbox is not known yet where its database is");

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
        let mut stay = Vec::new();
        for some in recipients.chunks(COMMIT_MAX) {
            match self.deliver_some(database, some, &parts, &summary).await? {
                Ok(later) => stay.extend(later),
                Err(missed) => {
                    // The whole queue rests until the database is back; who has it by then is not given it
                    // again.
                    let mut schedule = core.schedule.lock();
                    schedule.hop_failed(self.job.queue, core.now(), &format!("432 4.3.2 STOREDRV; {missed}"));
                    let settings = schedule.settings().clone();
                    let rest = recipients.iter().map(|(_, recipient)| recipient);
                    return Ok(Next::Ready { deadline: core.deadline(&settings, message, rest) });
                }
            }
        }
        core.schedule.lock().hop_answered(self.job.queue);
        Ok(self.next(&stay, core.now().plus(SOON)))
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

    /// Delivers to some recipients in one commit and settles them. Says who must wait a moment, or why the
    /// database as a whole did not answer.
    async fn deliver_some(
        &self,
        database: Guid,
        recipients: &[(u32, Recipient)],
        parts: &[Bytes],
        summary: &Bytes,
    ) -> Result<Result<Vec<Recipient>, Missed>, TransportError> {
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
        let made = match delivery.deliver(core, PATIENCE).await {
            Ok(made) => made,
            // It is the message, not the database: nobody can have it.
            Err(Missed::Unfit(text)) => {
                Delivered { server: None, landed: vec![Landed::Never(text); recipients.len()] }
            }
            Err(missed) => return Ok(Err(missed)),
        };
        let mut settlement = Settlement::new(core, &view, &self.queued);
        let (mut delivered, mut again, mut stay) = (Vec::new(), Vec::new(), Vec::new());
        for ((index, recipient), landed) in recipients.iter().zip(&made.landed) {
            // A mailbox that is known here is known there in a moment.
            let is_news = made.server.is_some() && view.by_mailbox_guid(recipient.mailbox).is_some();
            let mut later = |why: Reply| {
                settlement.defer(*index, recipient, &why, Source::StoreDriver, core.now().plus(SOON));
                stay.push(recipient.clone());
            };
            match landed {
                Landed::Now | Landed::Before => {
                    let list = if *landed == Landed::Now { &mut delivered } else { &mut again };
                    list.push(&recipient.to.address);
                    settlement.report(recipient, Action::Delivered, DELIVERED, None);
                    settlement.remove(*index);
                }
                Landed::Moving => later(BEING_MOVED),
                Landed::Nobody if is_news => later(NOT_YET_KNOWN),
                Landed::Full | Landed::Nobody | Landed::Never(_) => {
                    let reply = if *landed == Landed::Full { MAILBOX_FULL } else { UNDELIVERABLE };
                    settlement.fail(recipient, reply, Source::StoreDriver, None);
                    settlement.remove(*index);
                }
            }
        }
        settlement.commit().await?;
        self.record_copies(&delivered, &again, made.server);
        Ok(Ok(stay))
    }

    fn record_copies(
        &self,
        delivered: &[&base::SmtpAddress],
        again: &[&base::SmtpAddress],
        server: Option<Guid>,
    ) {
        let (core, queued) = (self.core, &self.queued);
        if !delivered.is_empty() {
            let inbox: Vec<_> = delivered.iter().map(|address| (*address, "Inbox")).collect();
            core.record_delivery(queued.id, &queued.message, &inbox, server);
        }
        if !again.is_empty() {
            // After a crash between delivery and its record, a lost answer, or two ways to one mailbox.
            let by = server.map(|server| core.name_of(server));
            let server_hostname = by.as_deref().unwrap_or(&core.server);
            let event =
                core.event(queued.id, &queued.message, Source::StoreDriver, EventId::DuplicateDeliver);
            let event = Event { client_hostname: &core.server, server_hostname, ..event };
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
