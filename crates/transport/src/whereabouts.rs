//! Where the mailbox databases are: what waits for one is tried at once when it has come to another server, or was
//! mounted here.

use std::collections::BTreeMap;

use base::Guid;

use crate::{core::Core, queue::Hop};

/// The databases as they were when last looked at.
#[derive(Default)]
pub(crate) struct Whereabouts {
    /// Changes of the directory and of what is mounted here, as counted then.
    seen: (u64, u64),
    /// The server that has the active copy, and whether it is mounted here.
    places: BTreeMap<Guid, (Option<Guid>, bool)>,
}

impl Core {
    /// Looks where the databases are, if anything may have changed.
    pub(crate) fn follow_databases(&self) {
        let mut whereabouts = self.whereabouts.lock();
        // What changes meanwhile is seen the next time.
        let view = self.view();
        let seen = (view.change(), *self.stores.watch().borrow());
        if whereabouts.seen == seen {
            return;
        }
        let place = |guid, server| (guid, (server, self.stores.get(guid).is_ok()));
        let databases = view.databases().map(|database| place(database.guid, database.link("Server")));
        let places: BTreeMap<_, _> = databases.collect();
        for (guid, place) in &places {
            if whereabouts.places.get(guid) != Some(place) {
                self.schedule.lock().hop_changed(&Hop::Mailbox(*guid));
            }
        }
        *whereabouts = Whereabouts { seen, places };
    }
}
