//! Keeps this server's copies of mailbox databases: opens them, takes part in their groups, serves those that are
//! active here, seeds new ones, and cuts their logs. What is wanted stands in the directory.
//!
//! A database with one copy is opened by the store itself. When it gets a second one it becomes a replicated log
//! (ADR 0015) and stays one.

mod event;
mod held;
mod leading;
mod opening;
mod report;
mod seeding;
mod state;
mod talk;
mod truncation;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use base::{Fault, FaultKind, Guid, clock::SharedClock};
use dag::{link::Links, machine::status::Failing, replica::Group};
use directory::{Directory, Object, View, schema::MAILBOX_DATABASE};
use held::Copy;
use parking_lot::Mutex;
pub use report::{CopyReport, GroupAction, GroupReport, Moved, Probe, Seed, Seeding, Switchover, facts};
use seeding::UnderWay;
use store::Stores;
pub use talk::Answers;
use tokio::sync::{Notify, watch};

/// How often everything is looked at when nothing seems to have changed.
const LOOK: Duration = Duration::from_secs(2);
/// What did not open is tried again after this long.
const AGAIN: Duration = Duration::from_secs(30);

/// What copies are kept with.
pub struct Settings {
    /// This server.
    pub server: Guid,
    /// What is wanted.
    pub directory: Directory,
    /// Where databases that are active here are served from.
    pub stores: Stores,
    /// The other servers.
    pub links: Links,
    /// How a database of the directory is opened here.
    pub config: Box<dyn Fn(&Object) -> store::Config + Send + Sync>,
    /// What time it is.
    pub clock: SharedClock,
    /// The directory's own group: whoever decides there is the primary server.
    pub directory_group: Arc<Group>,
}

/// Keeps the copies; clones share it.
#[derive(Clone)]
pub struct Manager {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    held: Mutex<BTreeMap<Guid, Held>>,
    /// One at a time opens, makes or closes copies.
    changing: tokio::sync::Mutex<()>,
    poke: Notify,
}

/// What this server has of a database.
#[derive(Clone)]
enum Held {
    /// The only copy there is; the store has opened it.
    Alone,
    /// One of several.
    Copy(Arc<Copy>),
    /// A copy in the making.
    Seeding(Arc<UnderWay>),
    /// Nothing that could be used, since a moment of the clock.
    Failed(Failing, Duration),
}

impl Manager {
    /// Begins with nothing open.
    pub fn new(settings: Settings) -> Self {
        let (held, changing, poke) = Default::default();
        Self { inner: Arc::new(Inner { settings, held, changing, poke }) }
    }

    /// Opens every database that has a copy here; those that fail are said so and tried again later. A database that
    /// is made later is mounted by whoever made it.
    pub async fn open_all(&self) {
        let view = self.view();
        for database in view.databases() {
            self.settle(&view, database.guid).await;
            if let Some(Held::Alone) = self.held(database.guid) {
                self.mount_alone(database).await;
            }
        }
    }

    /// Does what the directory says until `stopped` turns true.
    pub async fn run(self, mut stopped: watch::Receiver<bool>) {
        let mut changes = self.inner.settings.directory.watch();
        let truncation = tokio::spawn(truncation::run(self.clone(), stopped.clone()));
        loop {
            tokio::select! {
                _ = async { stopped.wait_for(|stop| *stop).await.ok(); } => break,
                changed = changes.changed() => if changed.is_err() { break },
                () = self.inner.poke.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
            let view = self.view();
            let mut known: Vec<Guid> = self.inner.held.lock().keys().copied().collect();
            known.extend(view.databases().map(|database| database.guid));
            known.sort();
            known.dedup();
            for database in known {
                self.settle(&view, database).await;
            }
        }
        let _ = truncation.await;
    }

    /// Hands over what is active here to other servers where there are any, and closes everything.
    pub async fn stop(&self) {
        let _turn = self.inner.changing.lock().await;
        let held = std::mem::take(&mut *self.inner.held.lock());
        for (database, held) in held {
            match held {
                Held::Copy(copy) => copy.close(self, true).await,
                Held::Alone => self.dismount(database).await,
                Held::Seeding(_) | Held::Failed(..) => {}
            }
        }
    }

    /// Has this server look at its copies at once.
    pub(crate) fn poke(&self) {
        self.inner.poke.notify_one();
    }

    fn view(&self) -> Arc<View> {
        self.inner.settings.directory.snapshot()
    }

    /// The time since some moment, which never goes back.
    fn now(&self) -> Duration {
        self.inner.settings.clock.monotonic()
    }

    fn me(&self) -> Guid {
        self.inner.settings.server
    }

    fn held(&self, database: Guid) -> Option<Held> {
        self.inner.held.lock().get(&database).cloned()
    }

    fn hold(&self, database: Guid, held: Held) {
        self.inner.held.lock().insert(database, held);
    }

    fn fail(&self, database: Guid, failing: Failing) {
        self.hold(database, Held::Failed(failing, self.now()));
    }

    /// Brings one database to what the directory says.
    async fn settle(&self, view: &View, database: Guid) {
        let _turn = self.inner.changing.lock().await;
        let object = view.get(database).filter(|object| *object.class == MAILBOX_DATABASE);
        let copy = object.and_then(|_| view.copy_on(database, self.me()));
        let held = self.held(database);
        let (Some(object), Some(copy)) = (object, copy) else {
            return self.release(database, held, object.is_some()).await;
        };
        match held {
            None => self.open(view, object, copy).await,
            Some(Held::Failed(failing, since)) => {
                let again = match failing {
                    Failing::Passing(_) => AGAIN,
                    Failing::ForGood(_) => match self.reseeds(view, object, copy) {
                        Some(after) => after,
                        None => return,
                    },
                };
                if self.now().saturating_sub(since) >= again {
                    self.reopen(view, object, copy, &failing).await;
                }
            }
            Some(Held::Alone) if view.copies_of(database).len() > 1 => self.replicate(object).await,
            Some(Held::Copy(_) | Held::Alone | Held::Seeding(_)) => {}
        }
    }

    /// Lets go of a copy that is not wanted any more, once the others do without it where there are any; its files
    /// stay.
    async fn release(&self, database: Guid, held: Option<Held>, others: bool) {
        match held {
            Some(Held::Copy(copy)) if others && !copy.is_released() => return,
            Some(Held::Copy(copy)) => copy.close(self, false).await,
            Some(Held::Alone) => self.dismount(database).await,
            Some(Held::Seeding(seeding)) => seeding.cancel(),
            Some(Held::Failed(..)) | None => {}
        }
        self.inner.held.lock().remove(&database);
        self.inner.settings.stores.forget(database);
    }

    async fn dismount(&self, database: Guid) {
        let stores = self.inner.settings.stores.clone();
        let closed = blocking(move || stores.dismount(database).map_err(Fault::from)).await;
        if let Err(error) = closed {
            tracing::warn!(%database, %error, "a mailbox database did not close cleanly");
        }
    }

    fn copy(&self, database: Guid) -> Result<Arc<Copy>, Fault> {
        match self.held(database) {
            Some(Held::Copy(copy)) => Ok(copy),
            _ => {
                Err(Fault::not_found("This server has no copy of the database that takes part in its group."))
            }
        }
    }
}

fn unavailable(text: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Unavailable, "TaskServerException", text)
}

/// Runs what waits for the disk away from the network's threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(Fault::internal)?
}
