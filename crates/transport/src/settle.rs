//! What became of a message's recipients, gathered and made durable in one change: who is done, who waits,
//! who comes instead, and the notifications all that gives rise to.

use std::collections::BTreeMap;

use base::{Guid, SmtpAddress, Unlimited};
use bytes::Bytes;
use directory::View;
use wire::smtp::{Body, MailFrom, RcptTo, Reply};

use crate::{
    TransportError,
    core::Core,
    dsn::{self, Action, Line, Writer},
    metrics,
    queue::{Change, Hop, Message, NewMessage, Next, Origin, Queued, Recipient},
    track::{Event, EventId, Source},
};

/// The settlement of one message in the making.
pub(crate) struct Settlement<'a> {
    core: &'a Core,
    view: &'a View,
    queued: &'a Queued,
    /// The message's body, where it is at hand; it is read for a notification otherwise.
    body: Option<Bytes>,
    change: Change,
    reports: BTreeMap<(SmtpAddress, &'static str), (Action, Vec<Line>)>,
}

/// A settlement ready to be written: the rows of one message, and when what comes of them is looked at.
#[derive(Clone)]
pub(crate) struct Settled {
    id: u64,
    change: Change,
    next: BTreeMap<(Hop, u64), Next>,
}

impl Settled {
    /// The message's number.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }
}

impl Core {
    /// Makes a settlement durable, and schedules what it gave rise to. True when the message is gone.
    pub(crate) async fn write(&self, settled: Settled) -> Result<bool, TransportError> {
        if settled.change.is_empty() {
            return Ok(false);
        }
        let gone = self.spool.apply(settled.id, settled.change).await?;
        for ((hop, id), next) in settled.next {
            self.schedule(&hop, id, next);
        }
        Ok(gone)
    }
}

impl<'a> Settlement<'a> {
    pub(crate) fn new(core: &'a Core, view: &'a View, queued: &'a Queued) -> Self {
        Self { core, view, queued, body: None, change: Change::default(), reports: BTreeMap::new() }
    }

    /// The same with the body at hand: no read can fail any more.
    pub(crate) fn with_body(self, body: Bytes) -> Self {
        Self { body: Some(body), ..self }
    }

    /// A recipient is done.
    pub(crate) fn remove(&mut self, index: u32) {
        self.change.remove.push(index);
    }

    /// A recipient comes instead of another.
    pub(crate) fn add(&mut self, recipient: Recipient) {
        self.change.add.push(recipient);
    }

    /// A recipient's row changes.
    pub(crate) fn update(&mut self, index: u32, recipient: Recipient) {
        self.change.update.push((index, recipient));
    }

    /// A recipient has failed for good: it is recorded, and whoever is to be told is told.
    pub(crate) fn fail(&mut self, recipient: &Recipient, reply: Reply, source: Source, remote: Option<&str>) {
        metrics::failed(1);
        let status = reply.to_string();
        let event = self.core.event(self.queued.id, &self.queued.message, source, EventId::Fail);
        let related = recipient.original.as_ref().map_or("", SmtpAddress::as_str);
        let event = Event { related, server_hostname: remote.unwrap_or(&self.core.server), ..event };
        self.core.record(event, &[(&recipient.to.address, &status)]);
        if !self.report(recipient, Action::Failed, reply, remote) && self.queued.message.from.sender.is_none()
        {
            let event = self.core.event(self.queued.id, &self.queued.message, source, EventId::BadMail);
            self.core.record(event, &[(&recipient.to.address, &status)]);
        }
    }

    /// A recipient must be tried again later.
    pub(crate) fn defer(
        &mut self,
        index: u32,
        recipient: &Recipient,
        reply: &Reply,
        source: Source,
        due: base::Timestamp,
    ) {
        metrics::deferred(1);
        let status = reply.to_string();
        let event = self.core.event(self.queued.id, &self.queued.message, source, EventId::Defer);
        self.core.record(event, &[(&recipient.to.address, &status)]);
        let attempts = recipient.attempts.saturating_add(1);
        let changed = Recipient { attempts, next_try: due, last_error: status, ..recipient.clone() };
        self.update(index, changed);
    }

    /// Notes a notification, where one is due; false where nobody is to be told.
    pub(crate) fn report(
        &mut self,
        recipient: &Recipient,
        action: Action,
        status: Reply,
        remote: Option<&str>,
    ) -> bool {
        let Some(to) = dsn::addressee(self.view, &self.queued.message, recipient, action) else {
            return false;
        };
        let remote = remote.map(str::to_owned);
        let until = (action == Action::Delayed).then(|| {
            let settings = self.core.settings();
            self.queued.message.received.plus(settings.message_expiration_timeout)
        });
        let line = Line { remote, until, ..Line::new(recipient, action, status) };
        self.reports.entry((to, action.name())).or_insert((action, Vec::new())).1.push(line);
        true
    }

    /// Makes it all durable, and schedules what it gave rise to. True when the message is gone.
    pub(crate) async fn commit(self) -> Result<bool, TransportError> {
        let core = self.core;
        core.write(self.prepare()?).await
    }

    /// Writes the notifications and says what is to be made durable.
    pub(crate) fn prepare(mut self) -> Result<Settled, TransportError> {
        self.write_reports()?;
        let settings = self.core.settings();
        // Rows are read in the order of their indexes.
        let rows = &self.queued.recipients;
        let was_at = |index: u32| {
            let found = rows.binary_search_by_key(&index, |(own, _)| *own).ok();
            found.and_then(|at| rows.get(at)).map(|(_, recipient)| &recipient.hop)
        };
        // A row that stays at its hop is the business of the job that holds it there.
        let moved = self.change.update.iter().filter(|(index, row)| was_at(*index) != Some(&row.hop));
        let mut next: BTreeMap<(Hop, u64), Next> = BTreeMap::new();
        for recipient in self.change.add.iter().chain(moved.map(|(_, recipient)| recipient)) {
            let deadline = self.core.deadline(&settings, &self.queued.message, [recipient]);
            next.insert((recipient.hop.clone(), self.queued.id), Next::Ready { deadline });
        }
        for new in &self.change.spawn {
            let deadline = self.core.deadline(&settings, &new.message, &new.recipients);
            next.insert((Hop::Submission, new.id), Next::Ready { deadline });
            self.record_notification(new);
        }
        Ok(Settled { id: self.queued.id, change: self.change, next })
    }

    fn record_notification(&self, new: &NewMessage) {
        let event = self.core.event(new.id, &new.message, Source::Dsn, EventId::Dsn);
        let event = Event { reference: &self.queued.message.message_id, ..event };
        let to: Vec<_> = new.recipients.iter().map(|recipient| (&recipient.to.address, "")).collect();
        self.core.record(event, &to);
    }

    fn write_reports(&mut self) -> Result<(), TransportError> {
        if self.reports.is_empty() {
            return Ok(());
        }
        let Some(postmaster) = self.core.postmaster(self.view) else { return Ok(()) };
        let original = match self.body.take() {
            Some(body) => body,
            None => self.core.spool.body(&self.queued.message)?,
        };
        for ((to, _), (action, lines)) in std::mem::take(&mut self.reports) {
            metrics::notified(action.name());
            let writer = self.writer(&postmaster, &to);
            let message = &self.queued.message;
            let (now, rng) = (self.core.now(), &*self.core.rng);
            let written = writer.write(message, &lines, &to, &original, now, rng);
            let body = if written.eight_bit { Body::EightBitMime } else { Body::SevenBit };
            let from = MailFrom { body, smtputf8: written.international, ..MailFrom::default() };
            let message = Message {
                from,
                size: written.bytes.len() as u64,
                message_id: written.message_id,
                subject: written.subject,
                header_from: Some(postmaster.clone()),
                automatic: true,
                origin: Origin {
                    trusted: true,
                    system: true,
                    about: message.message_id.clone(),
                    ..Origin::default()
                },
                ..Message::blank(Guid::new(rng), now)
            };
            let recipients = vec![Recipient::new(RcptTo::new(to))];
            let (id, parts) = (self.core.spool.next_id(), vec![written.bytes]);
            self.change.spawn.push(NewMessage { id, message, recipients, parts });
        }
        Ok(())
    }

    /// How notifications to an address are written.
    fn writer<'b>(&'b self, postmaster: &'b SmtpAddress, to: &SmtpAddress) -> Writer<'b> {
        let ours = self.view.accepted_domain_for(to.domain()).is_some();
        let name = if ours { "InternalDsnMaxMessageAttachSize" } else { "ExternalDsnMaxMessageAttachSize" };
        let attach_max =
            self.view.transport_config().map_or(Unlimited::Unlimited, |config| config.size(name));
        let remote = if ours { None } else { self.view.remote_domain_for(to.domain()) };
        Writer {
            fqdn: &self.core.fqdn,
            postmaster,
            attach_max: attach_max.limit().map_or(10 << 20, |size| size.bytes()),
            diagnostics: remote.is_none_or(|remote| remote.flag("NDRDiagnosticInfoEnabled")),
        }
    }
}
