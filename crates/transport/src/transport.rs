//! The transport of one server, from start to stop.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use base::{
    EnhancedTimeSpan, Guid, Rng, Timestamp,
    clock::SharedClock,
    disk::SharedDisk,
    eventlog::{EventKind, Level},
    neighbours::Neighbours,
};
use directory::Directory;
use parking_lot::Mutex;
use store::Stores;
use tokio::{
    sync::{Notify, Semaphore},
    task::{AbortHandle, JoinHandle},
};

use crate::{
    TransportError,
    core::{BODY_ROOM, Core, NEVER},
    deliver::{Guests, Others},
    intake::{Authenticator, Door},
    queue::{Hop, Next, QueueSettings, Queued, Schedule, Spool, Underway, adoption},
    relay::Carrier,
    settings,
    track::{Filter, Record, TrackingLog},
    unsettled::Unsettled,
    whereabouts::Whereabouts,
};

/// The tracking log is written out this often.
const TRACK_FLUSH: Duration = Duration::from_millis(500);
/// How often the queue is asked whether what it refused can be removed.
const DISOWN_EVERY: Duration = Duration::from_secs(1);
/// How often mailbox databases forget deliveries that can't come again.
const FORGET_EVERY: Duration = Duration::from_mins(10);
/// A delivery is remembered at least so long: the answer may be lost before the message is in a queue.
const FORGET_AFTER_SECS: i64 = 600;
/// How long a message whose adoption a crash has cut off waits for the rest of it.
const WITHHELD: EnhancedTimeSpan = EnhancedTimeSpan::from_secs(1800);
/// The usual length of a segment of the queue's log, bytes: room for the largest message and its rows.
pub const SEGMENT_BYTES: u64 = 64 << 20;
/// Memory for the queue's index, bytes.
const CACHE_BYTES: usize = 4 << 20;
/// Log between the queue's checkpoints, bytes.
const CHECKPOINT_BYTES: u64 = 128 << 20;

const UNREADABLE: EventKind = EventKind {
    log: "Application",
    source: "MSExchangeTransport",
    id: 17_018,
    category: "Storage",
    level: Level::Error,
};

/// Where the transport lives and who it is.
#[derive(Clone)]
pub struct Options {
    /// The server's short name: `EX01`.
    pub server: String,
    /// Its full name, for `Reporting-MTA` and the like.
    pub fqdn: String,
    /// Its object in the directory, which holds the settings.
    pub server_object: Guid,
    /// Who opens the queue's database.
    pub queue: Queue,
    /// The folder of the queue's database, and of what is noted beside it; of the notes alone where others open it.
    pub queue_dir: PathBuf,
    /// Length of a segment of the queue's log, bytes: bounds the largest message. [`SEGMENT_BYTES`] fits.
    pub segment_bytes: u64,
    /// The folder of the message tracking log.
    pub tracking_dir: PathBuf,
    /// The servers that have other mailbox databases; see [`Transport::answer`] for what they ask.
    pub neighbours: Arc<dyn Neighbours>,
    /// The disk seam.
    pub disk: SharedDisk,
    /// The clock seam.
    pub clock: SharedClock,
    /// The randomness seam.
    pub rng: Arc<dyn Rng>,
}

/// Who opens the queue's database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// The transport, in its folder: nobody else has a copy.
    Own,
    /// Whoever keeps its copies, with [`Transport::open_queue`]; until then nothing can be queued.
    Lent,
}

/// How the database of a queue is opened, in this folder.
pub fn queue_database(dir: PathBuf, name: &str, disk: SharedDisk, clock: SharedClock) -> engine::Options {
    engine::Options {
        dir,
        name: name.into(),
        segment_bytes: SEGMENT_BYTES,
        cache_bytes: CACHE_BYTES,
        checkpoint_bytes: CHECKPOINT_BYTES,
        disk,
        clock,
    }
}

/// A running transport; clones share it.
#[derive(Clone)]
pub struct Transport {
    pub(crate) core: Arc<Core>,
    tasks: Arc<Mutex<Tasks>>,
}

/// What runs by itself.
#[derive(Default)]
struct Tasks {
    /// Ends by itself when the service stops.
    pump: Option<JoinHandle<()>>,
    /// May be ended at any moment.
    aside: Vec<AbortHandle>,
}

impl Transport {
    /// Opens the queue, rebuilds the schedule and begins to work. It blocks while it reads: within a tokio
    /// runtime, call it from `spawn_blocking`.
    pub fn start(
        options: Options,
        directory: Directory,
        stores: Stores,
        carrier: Arc<dyn Carrier>,
    ) -> Result<Self, TransportError> {
        let transport = Self::open(options, directory, stores, carrier)?;
        let core = Arc::clone(&transport.core);
        let pump = tokio::spawn(core.run());
        let core = Arc::clone(&transport.core);
        let flush = tokio::spawn(async move {
            loop {
                tokio::time::sleep(TRACK_FLUSH).await;
                let core = Arc::clone(&core);
                // A full page cache may make it wait; nobody else must.
                let _ = tokio::task::spawn_blocking(move || core.track.flush()).await;
            }
        });
        let core = Arc::clone(&transport.core);
        let disown = tokio::spawn(async move {
            loop {
                tokio::time::sleep(DISOWN_EVERY).await;
                if let Err(error) = core.spool.disown().await {
                    tracing::debug!(%error, "messages that were refused may still be in the queue");
                }
            }
        });
        let core = Arc::clone(&transport.core);
        let forget = tokio::spawn(async move {
            loop {
                tokio::time::sleep(FORGET_EVERY).await;
                core.forget_deliveries().await;
            }
        });
        let aside = [flush, disown, forget].map(|task| task.abort_handle()).into();
        *transport.tasks.lock() = Tasks { pump: Some(pump), aside };
        Ok(transport)
    }

    /// Opens everything without beginning to work.
    pub(crate) fn open(
        options: Options,
        directory: Directory,
        stores: Stores,
        carrier: Arc<dyn Carrier>,
    ) -> Result<Self, TransportError> {
        let view = directory.snapshot();
        let (queue_settings, track_settings) = settings::of(&view, options.server_object);
        let track = TrackingLog::open(options.disk.clone(), options.tracking_dir.clone(), track_settings)
            .map_err(|source| TransportError::Io {
                context: format!("opening the message tracking log in {}", options.tracking_dir.display()),
                source,
            })?;
        let spool = match options.queue {
            Queue::Lent => {
                options.disk.create_dir_all(&options.queue_dir).map_err(underway_failed)?;
                Spool::default()
            }
            Queue::Own => {
                let (dir, disk, clock) =
                    (options.queue_dir.clone(), options.disk.clone(), options.clock.clone());
                let database = queue_database(dir, "mail queue", disk, clock);
                Spool::open(engine::Options { segment_bytes: options.segment_bytes, ..database })?
            }
        };
        let (underway, suspects) =
            Underway::open(&options.disk, &options.queue_dir.join("underway")).map_err(underway_failed)?;
        let core = Core {
            server: options.server,
            fqdn: options.fqdn,
            server_object: options.server_object,
            directory,
            stores,
            spool,
            unsettled: Unsettled::default(),
            schedule: Mutex::new(Schedule::new(queue_settings)),
            underway,
            suspects: Mutex::new(Some(suspects)),
            track,
            carrier,
            others: Others::new(options.neighbours),
            guests: Guests::default(),
            whereabouts: Mutex::new(Whereabouts::default()),
            adopting: tokio::sync::Mutex::default(),
            clock: options.clock,
            rng: options.rng,
            room: Semaphore::new(BODY_ROOM as usize),
            wake: Notify::new(),
            stopping: AtomicBool::new(false),
            settings_change: AtomicU64::new(view.change()),
        };
        if core.spool.is_own() {
            core.take_up()?;
        }
        Ok(Self { core: Arc::new(core), tasks: Arc::default() })
    }

    /// Works on the queue in this database from now on, which can be written to here and may be another one than
    /// before. One that is `shared` has copies on other servers.
    pub async fn open_queue(&self, database: engine::Database, shared: bool) -> Result<(), TransportError> {
        let core = Arc::clone(&self.core);
        core.spool.lend(database, shared).await?;
        let taken_up = tokio::task::spawn_blocking(move || core.take_up());
        let taken_up = taken_up.await.unwrap_or(Err(TransportError::Stopping));
        match taken_up {
            Ok(()) => self.core.wake.notify_one(),
            Err(_) => self.core.spool.withdraw(),
        }
        taken_up
    }

    /// Works on the queue no more: its database can't be written to here now. Nothing is queued meanwhile; what is
    /// under way ends, and its outcome is kept until it can be written.
    pub fn close_queue(&self) {
        self.core.spool.withdraw();
    }

    /// Whether there is a queue to work on.
    pub fn has_queue(&self) -> bool {
        self.core.spool.is_open()
    }

    /// What receive sessions talk to.
    pub fn door(&self, authenticator: Arc<dyn Authenticator>) -> Door {
        Door { core: Arc::clone(&self.core), authenticator }
    }

    /// Finds events in the message tracking log, oldest first. Reads files: call it where that may block.
    pub fn search_tracking(&self, filter: &Filter, limit: usize) -> Result<Vec<Record>, TransportError> {
        self.core.track.search(filter, limit).map_err(|source| TransportError::Io {
            context: "reading the message tracking log".into(),
            source,
        })
    }

    /// Stops: nothing new begins, what is under way is finished, everything is written.
    pub async fn stop(&self) -> Result<(), TransportError> {
        self.core.stopping.store(true, Ordering::Relaxed);
        self.core.wake.notify_one();
        let Tasks { pump, aside } = std::mem::take(&mut *self.tasks.lock());
        aside.iter().for_each(AbortHandle::abort);
        if let Some(pump) = pump
            && let Err(error) = pump.await
        {
            tracing::error!(%error, "the pump of the mail queue ended badly");
        }
        if let Err(error) = self.core.write_unsettled().await {
            tracing::error!(%error, "messages that were sent could not be noted as such: they will be sent again");
        }
        if let Err(error) = self.core.spool.disown().await {
            tracing::warn!(%error, "messages that were refused may still be in the queue");
        }
        self.core.track.flush();
        // What is left under way by a stop has killed nobody.
        self.core.underway.clear().map_err(underway_failed)?;
        match self.core.spool.is_own() {
            true => self.core.spool.close(),
            // Whoever opened it closes it.
            false => Ok(()),
        }
    }
}

fn underway_failed(source: std::io::Error) -> TransportError {
    TransportError::Io { context: "the list of messages under way".into(), source }
}

fn negative(span: Duration) -> EnhancedTimeSpan {
    let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    EnhancedTimeSpan { micros: -micros }
}

impl Core {
    /// Lets the mailbox databases forget deliveries that can't come again: those of messages older than any
    /// in the queue of any server. While one of them can't be asked, nothing is forgotten here.
    pub(crate) async fn forget_deliveries(&self) {
        let Some(before) = self.oldest_anywhere().await else { return };
        let before = before.plus(EnhancedTimeSpan::from_secs(-FORGET_AFTER_SECS));
        for (guid, _) in self.stores.states() {
            let Ok(database) = self.stores.get(guid) else { continue };
            match database.forget_deliveries(before).await {
                Ok(forgotten) => tracing::debug!(%guid, forgotten, "deliveries forgotten"),
                Err(error) => tracing::warn!(%guid, %error, "deliveries were not forgotten"),
            }
        }
    }

    /// When the oldest message was taken in that any server may yet deliver, by this server's clock; nothing where
    /// that isn't known. Others say how long it has waited, so that their clocks don't matter.
    async fn oldest_anywhere(&self) -> Option<Timestamp> {
        let now = self.now();
        let mut oldest = self.spool.oldest().ok()?.unwrap_or(now).min(now);
        for server in self.view().servers().filter(|server| server.guid != self.server_object) {
            match self.others.oldest(server.guid).await {
                Ok(Some(wait)) => oldest = oldest.min(now.plus(negative(wait))),
                Ok(None) => {}
                Err(missed) => {
                    tracing::debug!(server = %server.name, %missed, "deliveries are not forgotten now");
                    return None;
                }
            }
        }
        Some(oldest)
    }

    /// Takes up the work on the queue that was just opened.
    fn take_up(&self) -> Result<(), TransportError> {
        let suspects = self.suspects.lock().clone();
        if let Some(suspects) = suspects {
            self.accuse(suspects)?;
            self.underway.clear().map_err(underway_failed)?;
            *self.suspects.lock() = None;
        }
        self.rebuild()
    }

    /// Fills the schedule from the rows. What it holds already is looked at once more, which does no harm: each step
    /// reads the rows it works on.
    fn rebuild(&self) -> Result<(), TransportError> {
        let settings = self.settings();
        let withheld = adoption::unconfirmed(&self.spool.notes(None)?);
        let (mut messages, mut unreadable) = (0_u64, 0_u64);
        // Another server may have taken some over meanwhile.
        let mut gone = self.schedule.lock().ids();
        self.spool.visit(|queued| match queued {
            Ok(queued) => {
                messages += 1;
                gone.remove(&queued.id);
                self.reschedule(&queued, &settings, &withheld);
            }
            Err(error) => {
                unreadable += 1;
                base::eventlog::write(
                    &UNREADABLE,
                    &format!("A message of the mail queue is left alone: {error}"),
                );
            }
        })?;
        self.schedule.lock().forget(&gone);
        for hop in self.spool.held()? {
            self.schedule.lock().suspend_queue(&hop, true);
        }
        tracing::info!(messages, unreadable, "mail queue opened");
        Ok(())
    }

    /// Puts a message into the queues of its recipients. One that is `withheld` waits for [`Transport::adopt`] to
    /// learn whose it is; not for ever: rather twice than never.
    pub(crate) fn reschedule(&self, queued: &Queued, settings: &QueueSettings, withheld: &BTreeSet<u64>) {
        let not_before =
            if withheld.contains(&queued.id) { self.now().plus(WITHHELD) } else { Timestamp::default() };
        let mut hops: Vec<&Hop> = queued.recipients.iter().map(|(_, recipient)| &recipient.hop).collect();
        hops.sort();
        hops.dedup();
        let mut schedule = self.schedule.lock();
        if queued.message.failures > 0 {
            schedule.suspect(queued.id);
        }
        for hop in hops {
            if queued.message.suspended {
                schedule.insert_suspended(hop, queued.id);
                continue;
            }
            let due = queued.at(hop).map(|(_, recipient)| recipient.next_try).min().unwrap_or_default();
            let due = due.max(not_before);
            let deadline = match hop {
                Hop::Poison => NEVER,
                _ => self.deadline(settings, &queued.message, queued.at(hop).map(|(_, r)| r)),
            };
            let next = if due > self.now() { Next::At { due, deadline } } else { Next::Ready { deadline } };
            schedule.insert(hop, queued.id, next);
        }
    }
}
