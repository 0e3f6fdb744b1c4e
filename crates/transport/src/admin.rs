//! What administrators do with the queues: list, retry, suspend, resume, remove.

use base::{Fault, Timestamp};
use directory::View;
use wire::smtp::Reply;

use crate::{
    Transport, TransportError,
    core::NEVER,
    queue::{Change, DeliveryType, Hop, Message, MessageStatus, Next, QueueIdentity, QueueInfo, Recipient},
    settle::Settlement,
    track::{EventId, Source},
};

/// Why a removed message comes back to its sender.
const REMOVED: Reply = Reply::new(550, (5, 3, 0), "QUEUE.Admin; message removed by an administrator");

/// One queue as `Get-Queue` shows it.
#[derive(Clone, Debug)]
pub struct QueueReport {
    /// How it stands.
    pub info: QueueInfo,
    /// How it delivers.
    pub delivery_type: DeliveryType,
    /// The domain, the smart hosts or the database it leads to.
    pub next_hop_domain: String,
}

/// One message in a queue as `Get-Message` shows it.
#[derive(Clone, Debug)]
pub struct MessageReport {
    /// Its number on this server.
    pub id: u64,
    /// The queue it is in.
    pub queue: QueueIdentity,
    /// How it stands.
    pub status: MessageStatus,
    /// When it is tried again, where it waits for that.
    pub next_try: Option<Timestamp>,
    /// The message.
    pub message: Message,
    /// Its recipients in this queue.
    pub recipients: Vec<Recipient>,
}

fn no_queue(identity: &QueueIdentity) -> Fault {
    Fault::not_found(format!("The queue {identity} doesn't exist."))
}

impl Transport {
    /// Every queue.
    pub fn queues(&self) -> Vec<QueueReport> {
        let view = self.core.view();
        let report = |info: QueueInfo| QueueReport {
            delivery_type: DeliveryType::of(&info.hop),
            next_hop_domain: hop_name(&view, &info.hop),
            info,
        };
        self.core.schedule.lock().list(self.core.now()).into_iter().map(report).collect()
    }

    /// The messages of a queue, oldest first, at most `limit`.
    pub fn messages(&self, identity: &QueueIdentity, limit: usize) -> Result<Vec<MessageReport>, Fault> {
        let (hop, listed) = {
            let schedule = self.core.schedule.lock();
            let Some((number, hop)) = schedule.find(identity) else { return Err(no_queue(identity)) };
            (hop, schedule.messages(number))
        };
        let mut reports = Vec::new();
        for (id, status, next_try) in listed.into_iter().take(limit) {
            match self.core.spool.load(id) {
                Ok(queued) => {
                    let recipients = queued.at(&hop).map(|(_, recipient)| recipient.clone()).collect();
                    let (queue, message) = (identity.clone(), queued.message);
                    reports.push(MessageReport { id, queue, status, next_try, message, recipients });
                }
                // Delivered since it was listed.
                Err(TransportError::NoMessage(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(reports)
    }

    /// `Retry-Queue`: everything that waits is tried now. With `resubmit`, the categorizer sees it again.
    pub async fn retry_queue(&self, identity: &QueueIdentity, resubmit: bool) -> Result<(), Fault> {
        let core = &self.core;
        let found = core.schedule.lock().find(identity);
        let (number, hop) = found.ok_or_else(|| no_queue(identity))?;
        if !resubmit || hop == Hop::Submission {
            core.schedule.lock().retry(number);
            core.wake.notify_one();
            return Ok(());
        }
        core.write_unsettled().await?;
        let listed = core.schedule.lock().messages(number);
        for (id, ..) in listed {
            let job = core.schedule.lock().claim(number, id);
            let Some(job) = job else { continue };
            let result = self.move_to(id, &hop, Hop::Submission).await;
            let next = if result.is_ok() { Next::Done } else { Next::Ready { deadline: NEVER } };
            core.schedule.lock().end(&job, [(id, next)]);
            result?;
        }
        core.wake.notify_one();
        Ok(())
    }

    /// Moves a message's recipients from one hop to another.
    async fn move_to(&self, id: u64, from: &Hop, to: Hop) -> Result<(), TransportError> {
        let queued = self.core.spool.load(id)?;
        let moved = queued.at(from).map(|(index, recipient)| {
            (*index, Recipient { hop: to.clone(), next_try: Timestamp::default(), ..recipient.clone() })
        });
        let change = Change { update: moved.collect(), ..Change::default() };
        let deadline =
            self.core.deadline(&self.core.settings(), &queued.message, queued.at(from).map(|(_, r)| r));
        self.core.spool.apply(id, change).await?;
        self.core.schedule(&to, id, Next::Ready { deadline });
        Ok(())
    }

    /// `Suspend-Queue` and `Resume-Queue`: a queue that is held stays so over a restart.
    pub async fn suspend_queue(&self, identity: &QueueIdentity, suspended: bool) -> Result<(), Fault> {
        let core = &self.core;
        let hop = match identity {
            // It is always there, though nothing may have come through it yet.
            QueueIdentity::Submission => Hop::Submission,
            _ => core.schedule.lock().find(identity).ok_or_else(|| no_queue(identity))?.1,
        };
        core.spool.hold(&hop, suspended).await?;
        core.schedule.lock().suspend_queue(&hop, suspended);
        core.wake.notify_one();
        Ok(())
    }

    /// `Suspend-Message` and `Resume-Message`, in every queue the message is in. Resuming one of the poison
    /// queue gives it another chance.
    pub async fn suspend_message(&self, id: u64, suspended: bool) -> Result<(), Fault> {
        let core = &self.core;
        core.write_unsettled().await?;
        let queued = core.spool.load(id)?;
        let message = Message { suspended, failures: 0, ..queued.message.clone() };
        core.spool.apply(id, Change { message: Some(message), ..Change::default() }).await?;
        if suspended {
            core.schedule.lock().suspend_message(id);
            return Ok(());
        }
        let numbers = core.schedule.lock().queues_of(id);
        let deadline =
            core.deadline(&core.settings(), &queued.message, queued.recipients.iter().map(|(_, r)| r));
        for number in numbers {
            core.schedule.lock().resume_message(number, id, deadline);
        }
        if queued.at(&Hop::Poison).next().is_some() {
            let poison = core.schedule.lock().find(&QueueIdentity::Poison);
            self.move_to(id, &Hop::Poison, Hop::Submission).await?;
            if let Some((number, _)) = poison {
                let mut schedule = core.schedule.lock();
                let claimed = schedule.claim(number, id);
                claimed.iter().for_each(|job| schedule.end(job, [(id, Next::Done)]));
            }
        }
        core.wake.notify_one();
        Ok(())
    }

    /// `Remove-Message`: from every queue it is in, with a notification to its sender or without. A message
    /// that is being delivered at this moment is left alone and reported as a conflict.
    pub async fn remove_message(&self, id: u64, with_ndr: bool) -> Result<(), Fault> {
        let core = &self.core;
        core.write_unsettled().await?;
        let numbers = core.schedule.lock().queues_of(id);
        if numbers.is_empty() {
            return Err(TransportError::NoMessage(id).into());
        }
        for number in numbers {
            let job = core.schedule.lock().claim(number, id);
            let Some(job) = job else {
                let text = "The message is being delivered; try again in a moment.";
                return Err(Fault::new(base::FaultKind::Conflict, "MessageActive", text));
            };
            let result = self.remove_at(id, &job.hop, with_ndr).await;
            let next = if result.is_ok() { Next::Done } else { Next::Ready { deadline: NEVER } };
            core.schedule.lock().end(&job, [(id, next)]);
            result?;
        }
        Ok(())
    }

    async fn remove_at(&self, id: u64, hop: &Hop, with_ndr: bool) -> Result<(), TransportError> {
        let core = &self.core;
        let (queued, view) = (core.spool.load(id)?, core.view());
        let mut settlement = Settlement::new(core, &view, &queued);
        for (index, recipient) in queued.at(hop) {
            settlement.remove(*index);
            if with_ndr {
                settlement.fail(recipient, REMOVED, Source::Admin, None);
            } else {
                let event = core.event(id, &queued.message, Source::Admin, EventId::Drop);
                core.record(event, &[(&recipient.to.address, &REMOVED.to_string())]);
            }
        }
        settlement.commit().await.map(|_| ())
    }
}

/// The text of `NextHopDomain`.
fn hop_name(view: &View, hop: &Hop) -> String {
    let named = |guid: &base::Guid| view.get(*guid).map(|object| object.name.to_string()).unwrap_or_default();
    match hop {
        Hop::Submission => "Submission".into(),
        Hop::Unreachable => "Unreachable Domain".into(),
        Hop::Poison => "Poison Message".into(),
        Hop::Mailbox(database) => named(database).to_lowercase(),
        Hop::Domain(_, domain) => domain.to_string(),
        Hop::SmartHost(connector) => {
            let hosts = view.get(*connector).map(|connector| {
                connector.values("SmartHosts").iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
            });
            hosts.unwrap_or_default()
        }
    }
}
