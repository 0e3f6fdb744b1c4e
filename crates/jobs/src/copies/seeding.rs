//! Making this server's copy from another one's, with progress, until it is whole or was given up.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use base::{Fault, Guid};
use dag::{copies::take_seed, machine::status::Failing};
use directory::{Object, View};
use engine::{holds_database, remove_database};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::{
    Held, Manager, Seed, Seeding, blocking, event,
    opening::FAILED,
    talk::{Answer, Question},
    unavailable,
};

/// A copy that failed for good is made anew after this long, where that is automatic.
const RESEED_AFTER: Duration = Duration::from_secs(60);
/// How long a copy that is to be made anew may still belong to its group, and how often it says so meanwhile.
const RETIRING: Duration = Duration::from_secs(30);
const SAYING: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(200);

/// A seed that is being taken.
pub(super) struct UnderWay {
    /// Empty until it is known.
    source: Mutex<Guid>,
    done: AtomicU64,
    total: AtomicU64,
    cancelled: AtomicBool,
    ended: watch::Sender<Option<Result<(), String>>>,
}

impl UnderWay {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            source: Mutex::new(Guid::EMPTY),
            done: 0.into(),
            total: 0.into(),
            cancelled: false.into(),
            ended: watch::channel(None).0,
        })
    }

    pub(super) fn now(&self) -> Seeding {
        Seeding {
            source: *self.source.lock(),
            done_bytes: self.done.load(Ordering::Relaxed),
            total_bytes: self.total.load(Ordering::Relaxed).max(self.done.load(Ordering::Relaxed)),
        }
    }

    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }
}

impl Manager {
    /// After how long a copy that failed for good is made anew by itself; nothing where it is not.
    pub(super) fn reseeds(&self, view: &View, database: &Object, copy: &Object) -> Option<Duration> {
        let active = database.link("Server").filter(|active| *active != self.me())?;
        let group = view.get(active)?.link("DatabaseAvailabilityGroup").and_then(|group| view.get(group))?;
        let by_itself = copy.text("SuspendComment").is_some_and(|comment| comment.starts_with(FAILED));
        let waits = !copy.flag("Suspended") || by_itself;
        (group.flag("AutoDagAutoReseedEnabled") && waits).then_some(RESEED_AFTER)
    }

    /// Begins to make this server's copy; how it goes on is seen in its report, and how it `failed` if it did.
    pub(super) fn begin_seed(
        &self,
        database: &Object,
        source: Option<Guid>,
        delete_existing: bool,
        failed: fn(String) -> Failing,
    ) {
        let seeding = UnderWay::new();
        self.hold(database.guid, Held::Seeding(seeding.clone()));
        let (manager, guid, name) = (self.clone(), database.guid, database.name.to_string());
        tokio::spawn(async move {
            let taken = manager.take(guid, source, delete_existing, &seeding).await;
            let view = manager.view();
            let outcome = match taken {
                Ok(source) => {
                    let source = view.get(source).map_or_else(|| source.to_string(), |s| s.name.to_string());
                    event::seeded(&name, &source);
                    // It is opened as what it is now: a copy.
                    manager.inner.held.lock().remove(&guid);
                    let copy = view.copy_on(guid, manager.me());
                    if copy
                        .and_then(|copy| copy.text("SuspendComment"))
                        .is_some_and(|comment| comment.starts_with(FAILED))
                    {
                        manager.say_suspended(guid, None).await;
                    }
                    let view = manager.view();
                    manager.settle(&view, guid).await;
                    Ok(())
                }
                Err(error) => {
                    event::not_seeded(&name, &error);
                    let text = error.public_text.clone();
                    manager.fail(guid, failed(text.clone()));
                    Err(text)
                }
            };
            seeding.ended.send_replace(Some(outcome));
        });
    }

    async fn take(
        &self,
        database: Guid,
        source: Option<Guid>,
        delete_existing: bool,
        seeding: &Arc<UnderWay>,
    ) -> Result<Guid, Fault> {
        let object = self.database(database)?;
        let source = match source.or_else(|| object.link("Server")) {
            Some(source) if source != self.me() => source,
            _ => return Err(Fault::invalid("A copy can't be seeded from itself: choose another source.")),
        };
        *seeding.source.lock() = source;
        self.retire(database).await?;
        if let Answer::Report(report) = self.ask(source, &Question::Report(database)).await? {
            seeding.total.store(report.bytes, Ordering::Relaxed);
        }
        let options = (self.inner.settings.config)(&object).engine;
        let (disk, dir) = (options.disk.clone(), options.dir.clone());
        blocking(move || {
            if holds_database(&disk, &dir)? {
                if !delete_existing {
                    return Err(Fault::invalid(format!(
                        "There is a database in {} already: use -DeleteExistingFiles, or move it away.",
                        dir.display()
                    )));
                }
                remove_database(&disk, &dir)?;
            }
            Ok(())
        })
        .await?;
        let progress = seeding.clone();
        let count = move |bytes| {
            progress.done.fetch_max(bytes, Ordering::Relaxed);
        };
        let links = &self.inner.settings.links;
        let taken = take_seed(links, source, database, options.disk.clone(), options.dir.clone(), count);
        let cancelled = async {
            while !seeding.cancelled.load(Ordering::Acquire) {
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::select! {
            taken = taken => taken.map_err(|error| unavailable(error.to_string()))?,
            () = cancelled => return Err(Fault::invalid("The seed was canceled.")),
            () = self.stay_away(database) => {}
        }
        let _ = self.remake(database, false).await;
        Ok(source)
    }

    /// Waits until the active copy is one that others can be made from (a database becomes one when it gets its
    /// second copy), and until this server's copy does not belong to the group any more: what it once promised goes
    /// with its files.
    async fn retire(&self, database: Guid) -> Result<(), Fault> {
        let began = self.now();
        let me = self.me();
        loop {
            let fault = match self.remake(database, true).await {
                Ok(members) if !members.contains(&me) => return Ok(()),
                Ok(_) => unavailable(
                    "The copy still counts as one that decides: its group has no majority without it. Bring back \
                     another copy first.",
                ),
                Err(fault) => fault,
            };
            if self.now().saturating_sub(began) > RETIRING {
                return Err(fault);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Has the active copy, whichever it is meanwhile, keep this server's out of the group.
    async fn stay_away(&self, database: Guid) {
        loop {
            tokio::time::sleep(SAYING).await;
            if let Err(error) = self.remake(database, true).await {
                tracing::debug!(%database, %error, "the active copy does not hear that another is made anew");
            }
        }
    }

    /// Tells the active copy that this server's is made anew, or has been; who belongs to the group.
    async fn remake(&self, database: Guid, begins: bool) -> Result<BTreeSet<Guid>, Fault> {
        let active = self.active(database).await?;
        match self.ask(active, &Question::Remake(database, self.me(), begins)).await? {
            Answer::Members(members) => Ok(members),
            _ => Err(unavailable("The server answered something else.")),
        }
    }

    /// Waits until the directory says here too that this server has a copy.
    async fn has_heard_of(&self, database: Guid) -> Result<Arc<Object>, Fault> {
        let began = self.now();
        loop {
            let view = self.view();
            match view.get(database).filter(|_| view.copy_on(database, self.me()).is_some()) {
                Some(object) => return Ok(object.clone()),
                None if self.now().saturating_sub(began) > RETIRING => {
                    return Err(unavailable(
                        "This server's directory doesn't say that it has a copy of the database.",
                    ));
                }
                None => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Makes this server's copy, as an administrator asks for.
    pub(super) async fn seed_here(&self, seed: &Seed) -> Result<(), Fault> {
        let object = self.has_heard_of(seed.database).await?;
        let _turn = self.inner.changing.lock().await;
        match self.held(seed.database) {
            Some(Held::Seeding(_)) => return Ok(()),
            Some(Held::Copy(copy)) if self.is_suspended(seed.database) => {
                copy.until_released().await?;
                copy.close(self, false).await;
            }
            Some(Held::Copy(_)) => return Ok(()),
            Some(Held::Alone) => return Err(Fault::invalid("It is the only copy of the database.")),
            Some(Held::Failed(..)) | None => {}
        }
        self.begin_seed(&object, seed.source, seed.delete_existing, Failing::ForGood);
        Ok(())
    }

    fn is_suspended(&self, database: Guid) -> bool {
        self.view().copy_on(database, self.me()).is_some_and(|copy| copy.flag("Suspended"))
    }

    pub(super) fn cancel_here(&self, database: Guid) -> Result<(), Fault> {
        match self.held(database) {
            Some(Held::Seeding(seeding)) => {
                seeding.cancel();
                Ok(())
            }
            _ => Err(Fault::not_found("The copy isn't being seeded.")),
        }
    }

    /// How far this server's seed is; or how it ended, where it did.
    pub(super) fn seeding_here(&self, database: Guid) -> Answer {
        match self.held(database) {
            Some(Held::Seeding(seeding)) => Answer::Seeding(Some(seeding.now())),
            Some(Held::Failed(failing, _)) => Answer::Failed(failing.text().to_owned()),
            _ => Answer::Seeding(None),
        }
    }

    /// Another server says that this one's copy needs log that is gone.
    pub(super) async fn strand(&self, database: Guid) {
        let Ok(copy) = self.copy(database) else { return };
        self.give_up(&copy, "The log it needs is gone: it must be seeded anew.").await;
    }
}
