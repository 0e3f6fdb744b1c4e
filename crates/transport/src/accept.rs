//! Taking a message in: into the mailboxes at once where nothing stands between, else into the queue. When
//! this resolves, the message is durable.

use std::time::Duration;

use base::Guid;
use bytes::Bytes;
use directory::{RecipientType, View};
use wire::smtp::Envelope;

use crate::{
    TransportError,
    categorizer::{Facts, Fate, Plan, categorize},
    core::Core,
    deliver::{Delivered, Landed, Missed, ToMailboxes},
    inspect::Inspection,
    metrics,
    queue::{Hop, Message, NewMessage, Next, Origin, Recipient},
    track::{EventId, Source},
};

/// How long a session waits for another server, before the message is queued.
const AT_ONCE: Duration = Duration::from_secs(3);

/// A message as it comes to the transport.
pub(crate) struct Incoming {
    pub(crate) envelope: Envelope,
    pub(crate) parts: Vec<Bytes>,
    pub(crate) message_id: String,
    pub(crate) origin: Origin,
    /// Who reports its coming: the SMTP session or the store driver.
    pub(crate) source: Source,
}

impl Core {
    /// Takes a message in; resolves to its number here.
    pub(crate) async fn take_in(&self, incoming: Incoming) -> Result<u64, TransportError> {
        let Incoming { envelope, parts, message_id, origin, source } = incoming;
        let inspection = Inspection::new(&parts);
        let (id, view) = (self.spool.next_id(), self.view());
        let message = Message {
            from: envelope.from,
            size: parts.iter().map(|part| part.len() as u64).sum(),
            message_id,
            subject: inspection.subject,
            header_from: inspection.from,
            forwarded_by: inspection.forwarded_by,
            automatic: inspection.automatic,
            origin,
            ..Message::blank(Guid::new(&*self.rng), self.now())
        };
        metrics::received(message.size);
        if is_plain(&view, &envelope.to) {
            let plan = categorize(&view, &facts(&message), &envelope.to);
            if let Some(database) = plan.single_database() {
                let summary = inspection.summary.encode();
                let made = self.deliver_at_once(&message, &plan, database, &parts, summary, &view).await?;
                self.record_receipt(id, &message, source, envelope.to.iter().map(|to| &to.address));
                self.record_notes(id, &message, &plan.notes);
                let landed = made.landed.iter().map(|landed| matches!(landed, Landed::Now | Landed::Before));
                let (done, rest): (Vec<_>, Vec<_>) =
                    plan.routed.iter().zip(landed).partition(|(_, landed)| *landed);
                let done: Vec<_> = done.iter().map(|(routed, _)| (&routed.address, "Inbox")).collect();
                if !done.is_empty() {
                    self.record_delivery(id, &message, &done, made.server);
                }
                let rest = rest.iter().filter_map(|(routed, _)| envelope.to.get(routed.root));
                let rest: Vec<Recipient> = rest.cloned().map(Recipient::new).collect();
                if !rest.is_empty() {
                    self.queue(NewMessage { id, message, recipients: rest, parts }).await?;
                }
                return Ok(id);
            }
        }
        self.record_receipt(id, &message, source, envelope.to.iter().map(|to| &to.address));
        let recipients: Vec<Recipient> = envelope.to.into_iter().map(Recipient::new).collect();
        self.queue(NewMessage { id, message, recipients, parts }).await?;
        Ok(id)
    }

    /// The long way: one commit of the queue; the categorizer takes it on.
    async fn queue(&self, new: NewMessage) -> Result<(), TransportError> {
        let id = new.id;
        let deadline = self.deadline(&self.settings(), &new.message, &new.recipients);
        self.spool.accept(new).await?;
        self.schedule(&Hop::Submission, id, Next::Ready { deadline });
        Ok(())
    }

    /// The short way: one commit of the mailbox database is both delivery and acknowledgement. Who has it not,
    /// or perhaps not, takes the long way, under the same number: who has it gets no second one.
    async fn deliver_at_once(
        &self,
        message: &Message,
        plan: &Plan,
        database: Guid,
        parts: &[Bytes],
        summary: Bytes,
        view: &View,
    ) -> Result<Delivered, TransportError> {
        let mailbox = |routed: &crate::categorizer::Routed| match routed.fate {
            Fate::Mailbox { mailbox, .. } => Some(mailbox),
            _ => None,
        };
        let delivery = ToMailboxes {
            database,
            network_id: message.network_id,
            mailboxes: plan.routed.iter().filter_map(mailbox).collect(),
            parts: with_return_path(message, parts),
            summary,
            received: message.received,
            view,
        };
        match delivery.deliver(self, AT_ONCE).await {
            Ok(delivered) => Ok(delivered),
            Err(Missed::Full(folder)) => Err(engine::EngineError::Full(folder).into()),
            Err(missed) => {
                let message_id = &message.message_id;
                tracing::info!(message_id, %missed, "delivery at once failed; the message is queued");
                Ok(Delivered { server: None, landed: vec![Landed::Nobody; plan.routed.len()] })
            }
        }
    }

    fn record_receipt<'a>(
        &self,
        id: u64,
        message: &Message,
        source: Source,
        to: impl Iterator<Item = &'a base::SmtpAddress>,
    ) {
        let origin = &message.origin;
        let event = crate::track::Event {
            client_ip: origin.client,
            client_hostname: &origin.helo,
            connector: &origin.connector,
            reference: &origin.about,
            ..self.event(id, message, source, EventId::Receive)
        };
        self.record(event, &to.map(|address| (address, "")).collect::<Vec<_>>());
    }

    /// Records a delivery into mailboxes, by this server or another one.
    pub(crate) fn record_delivery(
        &self,
        id: u64,
        message: &Message,
        addresses: &[(&base::SmtpAddress, &str)],
        server: Option<Guid>,
    ) {
        metrics::delivered(addresses.len());
        let came = message.received.to_string();
        let by = server.map(|server| self.name_of(server));
        let event = crate::track::Event {
            info: &came,
            client_hostname: &self.server,
            server_hostname: by.as_deref().unwrap_or(&self.server),
            ..self.event(id, message, Source::StoreDriver, EventId::Deliver)
        };
        self.record(event, addresses);
    }

    /// Records what the categorizer noted.
    pub(crate) fn record_notes(&self, id: u64, message: &Message, notes: &[crate::categorizer::Note]) {
        for note in notes {
            let related = note.related.as_ref().map_or("", |address| address.as_str());
            let event =
                crate::track::Event { related, ..self.event(id, message, Source::Routing, note.event) };
            let recipients: Vec<_> =
                note.recipients.iter().map(|address| (address, note.status.as_str())).collect();
            self.record(event, &recipients);
        }
    }
}

/// What the categorizer must know of a message.
pub(crate) fn facts(message: &Message) -> Facts<'_> {
    Facts {
        sender: message.from.sender.as_ref(),
        trusted: message.origin.trusted,
        system: message.origin.system,
        size: message.size,
        forwarded_by: &message.forwarded_by,
    }
}

/// Whether a glance shows nothing but mailboxes that keep their mail, and nobody waits for a report.
fn is_plain(view: &View, recipients: &[wire::smtp::RcptTo]) -> bool {
    recipients.iter().all(|to| {
        !to.notify.is_some_and(|notify| notify.success)
            && view.recipient_by_address(&to.address).is_some_and(|recipient| {
                recipient.kind() == RecipientType::UserMailbox
                    && recipient.forwarding_address().is_none()
                    && recipient.forwarding_smtp_address().is_none()
            })
    })
}

/// The message as a mailbox keeps it: the reverse path goes on top (RFC 5321 section 4.4).
pub(crate) fn with_return_path(message: &Message, parts: &[Bytes]) -> Vec<Bytes> {
    let path = message.from.sender.as_ref().map_or("", |sender| sender.as_str());
    let line = Bytes::from(format!("Return-Path: <{path}>\r\n"));
    std::iter::once(line).chain(parts.iter().cloned()).collect()
}
