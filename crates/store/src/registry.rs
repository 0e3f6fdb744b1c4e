//! The mailbox databases of this server: which are mounted, which are not and why.

use std::{collections::BTreeMap, sync::Arc};

use base::Guid;
use parking_lot::RwLock;

use crate::{Config, Database, StoreError};

/// How a database of this server stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountState {
    /// Open.
    Mounted,
    /// Closed by an administrator.
    Dismounted,
    /// It did not open, or closed itself after a write error; the text is for administrators.
    Failed(String),
}

enum Slot {
    Mounted(Database),
    Dismounted,
    Failed(String),
}

/// The databases of this server by GUID; clones share them.
#[derive(Clone, Default)]
pub struct Stores {
    slots: Arc<RwLock<BTreeMap<Guid, Slot>>>,
}

impl Stores {
    /// Opens a database and keeps it. Mounting a mounted one gives the open one. May read much of the disk.
    pub fn mount(&self, config: Config) -> Result<Database, StoreError> {
        let guid = config.guid;
        let name = config.engine.name.clone();
        // Held while opening: two mounts of one database at a time would fight over its lock file.
        let mut slots = self.slots.write();
        if let Some(Slot::Mounted(database)) = slots.get(&guid)
            && database.status().dismounted.is_none()
        {
            return Ok(database.clone());
        }
        slots.insert(guid, Slot::Dismounted);
        match Database::open(config) {
            Ok(database) => {
                tracing::info!(database = name, "mailbox database mounted");
                slots.insert(guid, Slot::Mounted(database.clone()));
                Ok(database)
            }
            Err(error) => {
                tracing::error!(database = name, %error, "mailbox database did not mount");
                slots.insert(guid, Slot::Failed(error.to_string()));
                Err(error)
            }
        }
    }

    /// Closes a database; what was acknowledged is on disk.
    pub fn dismount(&self, guid: Guid) -> Result<(), StoreError> {
        let slot = self.slots.write().insert(guid, Slot::Dismounted);
        match slot {
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

    /// How every known database stands, by GUID.
    pub fn states(&self) -> Vec<(Guid, MountState)> {
        let state = |slot: &Slot| match slot {
            Slot::Mounted(database) => {
                database.status().dismounted.map_or(MountState::Mounted, MountState::Failed)
            }
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
