//! This server as a witness of groups of databases, of which it keeps no copy.

use std::{path::PathBuf, sync::Arc};

use base::{Fault, Guid, disk::SharedDisk};
use dag::{
    copies::{Reachable, attend},
    replica::{Witness, Work},
};
use directory::{Object, View};

use super::{Manager, blocking, event, unavailable};

/// A witness at work.
pub(super) struct Attending {
    witness: Arc<Witness>,
    disk: SharedDisk,
    path: PathBuf,
    _answers: Reachable,
}

impl Manager {
    /// Begins and ends this server's part as a witness, as the directory says.
    pub(super) async fn attend_all(&self, view: &View) {
        let attended: Vec<Guid> = self.inner.attending.lock().keys().copied().collect();
        let wanted: Vec<&Arc<Object>> = view.databases().filter(|one| self.is_witness(view, one)).collect();
        for database in attended.iter().filter(|one| wanted.iter().all(|wanted| wanted.guid != **one)) {
            self.stop_attending(view, *database).await;
        }
        for database in wanted.into_iter().filter(|one| !attended.contains(&one.guid)) {
            if let Err(error) = self.begin_attending(view, database).await {
                event::no_witness(&database.name, &error);
            }
        }
    }

    /// A database with one copy needs none.
    fn is_witness(&self, view: &View, database: &Object) -> bool {
        let group = view.availability_group_of(database.guid);
        let witness = group.and_then(|group| view.witness_of(group));
        witness.is_some_and(|witness| witness.guid == self.me())
            && view.copies_of(database.guid).len() > 1
            && view.copy_on(database.guid, self.me()).is_none()
    }

    async fn begin_attending(&self, view: &View, database: &Object) -> Result<(), Fault> {
        let disk = (self.inner.settings.config)(database).engine.disk;
        let group = view.availability_group_of(database.guid);
        // A folder of another system is not one here.
        let named = group.and_then(|group| group.text("WitnessDirectory")).map(PathBuf::from);
        let dir =
            named.filter(|dir| dir.is_absolute()).unwrap_or_else(|| self.inner.settings.witness_dir.clone());
        let path = dir.join(database.guid.to_string());
        let started =
            Witness::start(&database.name, self.me(), (disk.clone(), path.clone()), Work::Threads).await;
        let witness = started.map_err(|error| unavailable(error.to_string()))?;
        let _answers = attend(&self.inner.settings.links, database.guid, &witness);
        self.inner.attending.lock().insert(database.guid, Attending { witness, disk, path, _answers });
        Ok(())
    }

    /// Ends once the copies do without it; what it knew goes, so that it never counts as what it was.
    async fn stop_attending(&self, view: &View, database: Guid) {
        let is_needed = match self.members(database).await {
            Ok(members) => members.contains(&self.me()),
            Err(_) => view.get(database).is_some(),
        };
        if is_needed {
            return;
        }
        let Some(attending) = self.inner.attending.lock().remove(&database) else { return };
        if let Err(error) = attending.witness.stop().await {
            tracing::debug!(%database, %error, "a witness did not end cleanly");
        }
        let removed = blocking(move || attending.disk.remove(&attending.path).map_err(Fault::internal)).await;
        if let Err(error) = removed {
            tracing::warn!(%database, %error, "what a witness knew was not removed");
        }
    }

    /// Ends all of it, for this server stops.
    pub(super) async fn leave_all(&self) {
        let all = std::mem::take(&mut *self.inner.attending.lock());
        for attending in all.into_values() {
            if let Err(error) = attending.witness.stop().await {
                tracing::debug!(%error, "a witness did not end cleanly");
            }
        }
    }
}
