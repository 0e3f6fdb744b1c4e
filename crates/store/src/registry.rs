//! The mailbox databases of this server: which are mounted, which are not and why.

use std::{collections::BTreeMap, sync::Arc};

use base::Guid;
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::{Config, Database, StoreError};

/// How a database of this server stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountState {
    /// Open.
    Mounted,
    /// Being opened: the log is read.
    Mounting,
    /// Closed by an administrator.
    Dismounted,
    /// It did not open, or closed itself after a write error; the text is for administrators.
    Failed(String),
}

enum Slot {
    Mounted(Database),
    Mounting,
    Dismounted,
    Failed(String),
}

/// The databases of this server by GUID; clones share them.
#[derive(Clone, Default)]
pub struct Stores {
    slots: Arc<RwLock<BTreeMap<Guid, Slot>>>,
    changes: Arc<watch::Sender<u64>>,
}

impl Stores {
    /// Opens a database and keeps it. Mounting a mounted one gives the open one; while another call opens it
    /// the answer is `NotMounted`. May read much of the disk; other databases are served meanwhile.
    pub fn mount(&self, config: Config) -> Result<Database, StoreError> {
        let (guid, name) = (config.guid, config.engine.name.clone());
        let broken = {
            let mut slots = self.slots.write();
            match slots.get(&guid) {
                Some(Slot::Mounting) => return Err(StoreError::NotMounted(guid)),
                Some(Slot::Mounted(database)) if database.status().dismounted.is_none() => {
                    return Ok(database.clone());
                }
                _ => slots.insert(guid, Slot::Mounting),
            }
        };
        if let Some(Slot::Mounted(broken)) = broken
            && let Err(error) = broken.close()
        {
            tracing::warn!(database = name, %error, "a failed mailbox database did not close cleanly");
        }
        let opened = Database::open(config);
        let slot = match &opened {
            Ok(database) => {
                tracing::info!(database = name, "mailbox database mounted");
                Slot::Mounted(database.clone())
            }
            Err(error) => {
                tracing::error!(database = name, %error, "mailbox database did not mount");
                Slot::Failed(error.to_string())
            }
        };
        self.slots.write().insert(guid, slot);
        self.changes.send_modify(|change| *change += 1);
        opened
    }

    /// Serves a database that somebody else keeps open.
    pub fn show(&self, database: Database) {
        tracing::info!(database = database.name(), "mailbox database mounted");
        self.slots.write().insert(database.guid(), Slot::Mounted(database));
    }

    /// Serves it no more, and leaves it open for whoever keeps it.
    pub fn hide(&self, guid: Guid) {
        if let Some(Slot::Mounted(database)) = self.slots.write().insert(guid, Slot::Dismounted) {
            database.retire();
            tracing::info!(database = database.name(), "mailbox database is not served here any more");
        }
    }

    /// Knows nothing of it any more; for one that is not served.
    pub fn forget(&self, guid: Guid) {
        self.slots.write().remove(&guid);
    }

    /// Closes a database; what was acknowledged is on disk.
    pub fn dismount(&self, guid: Guid) -> Result<(), StoreError> {
        let mounted = {
            let mut slots = self.slots.write();
            match slots.get(&guid) {
                Some(Slot::Mounting) => return Err(StoreError::NotMounted(guid)),
                _ => slots.insert(guid, Slot::Dismounted),
            }
        };
        self.changes.send_modify(|change| *change += 1);
        match mounted {
            Some(Slot::Mounted(database)) => database.close(),
            _ => Ok(()),
        }
    }

    /// A mounted database.
    pub fn get(&self, guid: Guid) -> Result<Database, StoreError> {
        match self.slots.read().get(&guid) {
            Some(Slot::Mounted(database)) => Ok(database.clone()),
            _ => Err(StoreError::NotMounted(guid)),
        }
    }

    /// Wakes when a database was mounted or dismounted.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// How every known database stands, by GUID.
    pub fn states(&self) -> Vec<(Guid, MountState)> {
        let state = |slot: &Slot| match slot {
            Slot::Mounted(database) => {
                database.status().dismounted.map_or(MountState::Mounted, MountState::Failed)
            }
            Slot::Mounting => MountState::Mounting,
            Slot::Dismounted => MountState::Dismounted,
            Slot::Failed(reason) => MountState::Failed(reason.clone()),
        };
        self.slots.read().iter().map(|(guid, slot)| (*guid, state(slot))).collect()
    }

    /// Closes all of them, as the server stops; the first failure is returned after all were tried.
    pub fn dismount_all(&self) -> Result<(), StoreError> {
        let mounted: Vec<Guid> = self.slots.read().keys().copied().collect();
        mounted.into_iter().map(|guid| self.dismount(guid)).fold(Ok(()), Result::and)
    }
}
