//! What every room of a running transport shares: the directory, the mailboxes, the queue, the log, the
//! clock; and the small questions all of them ask.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64},
    },
};

use base::{Guid, Rng, SmtpAddress, Timestamp, clock::SharedClock};
use bytes::Bytes;
use directory::{Directory, View};
use parking_lot::Mutex;
use store::Stores;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use crate::{
    TransportError,
    deliver::{Guests, Others},
    queue::{Hop, Message, Next, QueueSettings, Recipient, Schedule, Spool, Underway},
    relay::Carrier,
    settings,
    track::{Direction, Event, EventId, Source, TrackingLog},
    unsettled::Unsettled,
    whereabouts::Whereabouts,
};

/// A moment that never comes: the deadline of what does not expire.
pub(crate) const NEVER: Timestamp = Timestamp { micros: i64::MAX };

/// Memory that bodies on their way out of the queue may take together, KiB.
pub(crate) const BODY_ROOM: u32 = 96 << 10;

/// The running transport.
pub(crate) struct Core {
    /// The server's short name: `EX01`.
    pub(crate) server: String,
    /// Its full name.
    pub(crate) fqdn: String,
    /// Its object in the directory.
    pub(crate) server_object: Guid,
    pub(crate) directory: Directory,
    pub(crate) stores: Stores,
    pub(crate) spool: Spool,
    /// What became of messages and is not in the spool yet.
    pub(crate) unsettled: Unsettled,
    pub(crate) schedule: Mutex<Schedule>,
    /// What is being worked on, for the next process to read.
    pub(crate) underway: Underway,
    /// What the last process worked on when it died, until the queue is opened.
    pub(crate) suspects: Mutex<Option<BTreeSet<u64>>>,
    pub(crate) track: TrackingLog,
    pub(crate) carrier: Arc<dyn Carrier>,
    /// Servers that have other mailbox databases.
    pub(crate) others: Others,
    /// What those may ask of this one.
    pub(crate) guests: Guests,
    pub(crate) whereabouts: Mutex<Whereabouts>,
    /// Held while a lost server's queue is taken over.
    pub(crate) adopting: tokio::sync::Mutex<()>,
    pub(crate) clock: SharedClock,
    pub(crate) rng: Arc<dyn Rng>,
    /// Memory for bodies on their way, KiB.
    pub(crate) room: Semaphore,
    /// Something new may be done.
    pub(crate) wake: Notify,
    pub(crate) stopping: AtomicBool,
    /// The directory's change number as of the settings in force.
    pub(crate) settings_change: AtomicU64,
}

impl Core {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn view(&self) -> Arc<View> {
        self.directory.snapshot()
    }

    /// The name of another server.
    pub(crate) fn name_of(&self, server: Guid) -> String {
        self.view().get(server).map_or_else(|| server.to_string(), |server| server.name.to_string())
    }

    /// The queue settings in force.
    pub(crate) fn settings(&self) -> QueueSettings {
        self.schedule.lock().settings().clone()
    }

    /// Reads a queued body, once there is room for it; the room is taken until the permit is dropped.
    pub(crate) async fn body(
        &self,
        message: &Message,
    ) -> Result<(SemaphorePermit<'_>, Bytes), TransportError> {
        let size = u32::try_from(message.size >> 10).unwrap_or(u32::MAX).saturating_add(1).min(BODY_ROOM);
        let permit = self.room.acquire_many(size).await.map_err(|_| TransportError::Stopping)?;
        Ok((permit, self.spool.body(message)?))
    }

    /// Puts a message into a queue and says so to the pump.
    pub(crate) fn schedule(&self, hop: &Hop, id: u64, next: Next) {
        self.schedule.lock().insert(hop, id, next);
        self.wake.notify_one();
    }

    /// When to look after a message's recipients at the latest: the first expires, or its delay is due to
    /// be reported.
    pub(crate) fn deadline<'a>(
        &self,
        settings: &QueueSettings,
        message: &Message,
        recipients: impl IntoIterator<Item = &'a Recipient>,
    ) -> Timestamp {
        let delay = message.received.plus(settings.delay_notification_timeout);
        let expiry = message.received.plus(settings.message_expiration_timeout);
        let unreported = recipients.into_iter().any(|recipient| !recipient.delay_reported);
        if unreported { delay.min(expiry) } else { expiry }
    }

    /// Takes the settings of the directory, where they changed since the last time.
    pub(crate) fn refresh_settings(&self) {
        use std::sync::atomic::Ordering::Relaxed;
        let view = self.view();
        if self.settings_change.swap(view.change(), Relaxed) == view.change() {
            return;
        }
        let (queue, track) = settings::of(&view, self.server_object);
        self.track.set(track);
        let mut schedule = self.schedule.lock();
        schedule.set(queue);
        // A connector may have come for what nobody could carry.
        if let Some((number, _)) = schedule.find(&crate::queue::QueueIdentity::Unreachable) {
            schedule.retry(number);
        }
    }

    /// The address notifications come from: the configured one, or `postmaster` at the default domain.
    pub(crate) fn postmaster(&self, view: &View) -> Option<SmtpAddress> {
        let configured =
            view.transport_config().and_then(|config| match config.get("ExternalPostmasterAddress") {
                Some(value) => value.to_string().parse().ok(),
                None => None,
            });
        configured.or_else(|| {
            let domain = view.default_domain().and_then(|domain| domain.get("DomainName"));
            let domain = domain.map_or_else(|| view.domain_name().to_owned(), |domain| domain.to_string());
            format!("postmaster@{domain}").parse().ok()
        })
    }

    /// An event about a message, for the tracking log.
    pub(crate) fn event<'a>(
        &'a self,
        id: u64,
        message: &'a Message,
        source: Source,
        event: EventId,
    ) -> Event<'a> {
        Event {
            internal_id: id,
            message_id: &message.message_id,
            network_id: message.network_id,
            total_bytes: message.size,
            subject: &message.subject,
            sender: message.sender(),
            return_path: message.return_path(),
            server_hostname: &self.server,
            direction: if message.origin.trusted { Direction::Originating } else { Direction::Incoming },
            original_client_ip: message.origin.client,
            ..Event::new(self.now(), source, event)
        }
    }

    /// Records an event about some recipients, each with its status.
    pub(crate) fn record(&self, event: Event<'_>, recipients: &[(&SmtpAddress, &str)]) {
        let addresses: Vec<&str> = recipients.iter().map(|(address, _)| address.as_str()).collect();
        let has_status = recipients.iter().any(|(_, status)| !status.is_empty());
        let statuses: Vec<&str> = recipients.iter().map(|(_, status)| *status).collect();
        let status: &[&str] = if has_status { &statuses } else { &[] };
        self.track.record(&Event { recipients: &addresses, status, ..event });
    }
}
