//! From the queue of a next hop to another server: letters for one connection, and their settlement.

use std::collections::BTreeMap;

use base::{SmtpAddress, Timestamp};
use bytes::Bytes;
use directory::View;
use wire::smtp::{Envelope, Reply};

use crate::{
    TransportError,
    categorizer::LOOP_HEADER,
    core::{BODY_ROOM, Core},
    dsn::Action,
    metrics,
    queue::{Job, Message, Next, QueueSettings, Queued, Recipient, ReturnPath},
    relay::{Carried, Letter},
    send::{Outcome, Verdict},
    settle::Settlement,
    track::{Event, EventId, Source},
};

/// Recipients of one letter: what servers take as a rule (RFC 5321 section 4.5.3.1.8 asks for 100).
const RECIPIENTS_MAX: usize = 100;

/// What a sender who asked is told when the next server makes no reports.
const RELAYED: Reply = Reply::new(250, (2, 1, 9), "relayed");

/// The recipients of one letter: the same message, return path and history.
struct Share {
    /// The message's place among the job's.
    message: usize,
    recipients: Vec<(u32, Recipient)>,
}

impl Core {
    /// Carries a job's messages; says what becomes of each.
    pub(super) async fn carry(&self, job: &Job) -> Vec<(u64, Next)> {
        let view = self.view();
        let (mut outcomes, mut messages) = (Vec::with_capacity(job.ids.len()), Vec::new());
        let mut room = Vec::new();
        for &id in &job.ids {
            let loaded = match self.spool.load(id) {
                // The first waits for room; more of them go along only where there is some.
                Ok(queued) if room.is_empty() || self.has_room(&queued.message) => {
                    self.body(&queued.message).await.map(|(permit, body)| (permit, body, queued))
                }
                Ok(queued) => {
                    let rest = queued.at(&job.hop).map(|(_, recipient)| recipient);
                    let deadline = self.deadline(&self.settings(), &queued.message, rest);
                    outcomes.push((id, Next::Ready { deadline }));
                    continue;
                }
                Err(error) => Err(error),
            };
            match loaded {
                Ok((permit, body, queued)) => {
                    room.push(permit);
                    messages.push((queued, body));
                }
                Err(error) => outcomes.push((id, self.after_own_failure(job, id, &error))),
            }
        }
        let (shares, letters) = divide(job, &messages);
        let settings = self.settings();
        let mut carried = Vec::new();
        if !letters.is_empty() {
            carried = self.carrier.carry(&view, &job.hop, letters).await;
            self.note_hop(job, &carried);
        }
        let mut carried = carried.iter();
        let mut of_message: Vec<Vec<(&Share, &Carried)>> = messages.iter().map(|_| Vec::new()).collect();
        for share in &shares {
            of_message[share.message].push((share, carried.next().unwrap_or(&Carried::Untouched)));
        }
        for (message, shares) in messages.iter().zip(of_message) {
            let queued = &message.0;
            let settled = self.settle(&view, message, &shares, &settings).await;
            let next = settled.unwrap_or_else(|error| self.after_own_failure(job, queued.id, &error));
            outcomes.push((queued.id, next));
        }
        outcomes
    }

    /// Whether a body could be read without waiting, with something left for others.
    fn has_room(&self, message: &Message) -> bool {
        self.room.available_permits() as u64 > (message.size >> 10) + u64::from(BODY_ROOM / 4)
    }

    fn note_hop(&self, job: &Job, carried: &[Carried]) {
        let mut schedule = self.schedule.lock();
        let unreached = carried.iter().find_map(|carried| match carried {
            Carried::Unreached(outcome) => Some(&outcome.reply),
            Carried::Offered(_) | Carried::Untouched => None,
        });
        match unreached {
            Some(reply) => {
                let until = schedule.hop_failed(job.queue, self.now(), &reply.to_string());
                tracing::info!(hop = ?job.hop, %reply, ?until, "a next hop could not be reached");
            }
            None => schedule.hop_answered(job.queue),
        }
    }

    async fn settle(
        &self,
        view: &View,
        (queued, body): &(Queued, Bytes),
        shares: &[(&Share, &Carried)],
        settings: &QueueSettings,
    ) -> Result<Next, TransportError> {
        let due = self.now().plus(settings.message_retry_interval);
        let mut settlement = Settlement::new(self, view, queued).with_body(body.clone());
        let (mut sent, mut stay, mut untouched) = (Vec::new(), Vec::new(), false);
        for (share, carried) in shares {
            let Carried::Offered(outcomes) = carried else {
                untouched = true;
                stay.extend(share.recipients.iter().map(|(_, recipient)| recipient));
                continue;
            };
            for ((index, recipient), outcome) in share.recipients.iter().zip(outcomes) {
                if settle_one(&mut settlement, *index, recipient, outcome, due) {
                    sent.push((&recipient.to.address, outcome));
                } else if outcome.verdict == Verdict::Transient {
                    stay.push(recipient);
                }
            }
        }
        self.record_sending(queued, &sent);
        self.commit_or_keep(settlement).await?;
        if stay.is_empty() {
            return Ok(Next::Done);
        }
        let deadline = self.deadline(settings, &queued.message, stay);
        Ok(if untouched { Next::Ready { deadline } } else { Next::At { due, deadline } })
    }

    /// One event for each server that took something.
    fn record_sending(&self, queued: &Queued, sent: &[(&SmtpAddress, &Outcome)]) {
        metrics::sent(sent.len());
        let came = queued.message.received.to_string();
        for some in sent.chunk_by(|a, b| a.1.remote == b.1.remote) {
            let remote = some.first().and_then(|(_, outcome)| outcome.remote.as_ref());
            let event = Event {
                client_hostname: &self.server,
                server_hostname: remote.map_or("", |remote| &remote.host),
                server_ip: remote.map(|remote| remote.address.ip()),
                info: &came,
                ..self.event(queued.id, &queued.message, Source::Smtp, EventId::Send)
            };
            let statuses: Vec<String> = some.iter().map(|(_, outcome)| outcome.reply.to_string()).collect();
            let recipients: Vec<_> =
                some.iter().zip(&statuses).map(|((to, _), status)| (*to, &status[..])).collect();
            self.record(event, &recipients);
        }
    }
}

/// Settles one recipient by its outcome; true where a server took it.
fn settle_one(
    settlement: &mut Settlement<'_>,
    index: u32,
    recipient: &Recipient,
    outcome: &Outcome,
    due: Timestamp,
) -> bool {
    let (reply, remote) = (&outcome.reply, outcome.remote.as_ref().map(|remote| remote.host.as_str()));
    match outcome.verdict {
        Verdict::Transient => settlement.defer(index, recipient, reply, Source::Smtp, due),
        Verdict::Permanent => {
            settlement.remove(index);
            settlement.fail(recipient, reply.clone(), Source::Smtp, remote);
        }
        Verdict::Delivered => {
            settlement.remove(index);
            if !outcome.dsn_passed_on {
                settlement.report(recipient, Action::Relayed, RELAYED, remote);
            }
        }
    }
    outcome.verdict == Verdict::Delivered
}

/// One letter for each message, return path and history.
fn divide(job: &Job, messages: &[(Queued, Bytes)]) -> (Vec<Share>, Vec<Letter>) {
    let (mut shares, mut letters) = (Vec::new(), Vec::new());
    for (at, (queued, body)) in messages.iter().enumerate() {
        let mut groups: BTreeMap<String, Vec<(u32, Recipient)>> = BTreeMap::new();
        for (index, recipient) in queued.at(&job.hop) {
            let key = format!("{:?}{:?}", recipient.return_path, recipient.forwarded_by);
            groups.entry(key).or_default().push((*index, recipient.clone()));
        }
        for recipients in groups.values().flat_map(|group| group.chunks(RECIPIENTS_MAX)) {
            letters.push(letter(&queued.message, body, recipients));
            shares.push(Share { message: at, recipients: recipients.to_vec() });
        }
    }
    (shares, letters)
}

fn letter(message: &Message, body: &Bytes, recipients: &[(u32, Recipient)]) -> Letter {
    let mut from = message.from.clone();
    let mut parts = Vec::with_capacity(2);
    if let Some((_, first)) = recipients.first() {
        match &first.return_path {
            ReturnPath::Sender => {}
            ReturnPath::Null => from.sender = None,
            ReturnPath::Address(address) => from.sender = Some(address.clone()),
        }
        let history: String =
            first.forwarded_by.iter().map(|by| format!("{LOOP_HEADER}: {by}\r\n")).collect();
        if !history.is_empty() {
            parts.push(history.into());
        }
    }
    parts.push(body.clone());
    let to = recipients.iter().map(|(_, recipient)| recipient.to.clone()).collect();
    Letter { envelope: Envelope { from, to }, parts }
}
