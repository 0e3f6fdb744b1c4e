//! Opening this server's copy of a database, whatever state it is in.

use std::sync::Arc;

use base::{Fault, Guid};
use dag::{
    machine::status::Failing,
    opening::{Found, look, make_first},
};
use directory::{Edit, Object, View};
use engine::Replica;

use super::{Held, Manager, blocking, event, held::Copy};

/// How the comment of a copy begins that suspended itself.
pub(super) const FAILED: &str = "Failed: ";

impl Manager {
    /// Opens the copy that is here, or begins to make it.
    pub(super) async fn open(&self, view: &View, database: &Object, copy: &Object) {
        let replicated = view.copies_of(database.guid).len() > 1;
        let active = database.link("Server") == Some(self.me());
        let options = (self.inner.settings.config)(database).engine;
        let outcome = match blocking(move || Ok(look(options, replicated)?)).await {
            Ok(Found::Copy(replica)) => self.take_part(database, *replica, copy.flag("Suspended")).await,
            Ok(Found::Single) if replicated && active => return self.replicate(database).await,
            // Others may have copies of it that this server has not heard of: an empty one in its place would part
            // with theirs.
            Ok(Found::Nothing) if !self.inner.settings.directory.is_current() => {
                let why = "The directory of this server is not up to date yet.";
                return self.fail(database.guid, Failing::Passing(why.into()));
            }
            Ok(Found::Single | Found::Nothing) if !replicated && active => {
                return self.hold(database.guid, Held::Alone);
            }
            // It is never made empty in place of one that others have.
            Ok(Found::Nothing) if !active && !copy.flag("Suspended") => {
                return self.begin_seed(database, None, false, Failing::Passing);
            }
            Ok(_) => return self.fail(database.guid, Failing::ForGood("The copy must be seeded.".into())),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            event::not_mounted(&database.name, &error);
            self.fail(database.guid, Failing::Passing(error.public_text));
        }
    }

    pub(super) async fn mount_alone(&self, database: &Object) {
        let (stores, config) = (self.inner.settings.stores.clone(), (self.inner.settings.config)(database));
        let mounted = blocking(move || stores.mount(config).map(drop).map_err(Fault::from)).await;
        if let Err(error) = mounted {
            event::not_mounted(&database.name, &error);
        }
    }

    /// Makes the only copy the first of several: it is closed, and opened as part of a group.
    pub(super) async fn replicate(&self, database: &Object) {
        if let Some(Held::Alone) = self.held(database.guid) {
            self.dismount(database.guid).await;
        }
        let options = (self.inner.settings.config)(database).engine;
        let taken_part = match make_first(options, self.me()).await {
            Ok(replica) => self.take_part(database, replica, false).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = taken_part {
            event::not_mounted(&database.name, &error);
            self.fail(database.guid, Failing::Passing(error.public_text));
        }
    }

    async fn take_part(&self, database: &Object, replica: Replica, suspended: bool) -> Result<(), Fault> {
        let copy = Copy::start(self, database, replica, suspended).await?;
        self.hold(database.guid, Held::Copy(copy.clone()));
        tokio::spawn(copy.tend(self.clone()));
        Ok(())
    }

    /// Tries what failed once more; what failed for good is made anew.
    pub(super) async fn reopen(&self, view: &View, database: &Object, copy: &Object, failing: &Failing) {
        match failing {
            Failing::Passing(_) => self.open(view, database, copy).await,
            Failing::ForGood(_) => self.begin_seed(database, None, true, Failing::ForGood),
        }
    }

    /// Takes a copy out of service that cannot go on, and says why.
    pub(super) async fn give_up(&self, copy: &Arc<Copy>, why: &str) {
        let _turn = self.inner.changing.lock().await;
        let is_it = |held: &Option<Held>| matches!(held, Some(Held::Copy(held)) if Arc::ptr_eq(held, copy));
        if !is_it(&self.held(copy.database)) {
            return;
        }
        event::failed(&copy.name, why);
        copy.close(self, false).await;
        self.fail(copy.database, Failing::ForGood(why.to_owned()));
        self.say_suspended(copy.database, Some(format!("{FAILED}{why}"))).await;
    }

    /// Says in the directory that this server's copy is suspended, and why; or that it is no more.
    pub(super) async fn say_suspended(&self, database: Guid, comment: Option<String>) {
        let me = self.me();
        let said = self.inner.settings.directory.commit(move |draft| {
            let Some(copy) = draft.copy_on(database, me).map(|copy| copy.guid) else { return Ok(false) };
            let suspended = Edit::set(comment.is_some());
            let comment = comment.map_or_else(Edit::clear, |comment| Edit::set(comment.as_str()));
            draft.modify_system(copy, vec![("Suspended", suspended), ("SuspendComment", comment)])
        });
        if let Err(error) = said.await {
            tracing::warn!(%database, %error, "the directory does not say whether the copy is suspended");
        }
    }

    pub(super) fn database(&self, guid: Guid) -> Result<Arc<Object>, Fault> {
        let view = self.view();
        view.get(guid).cloned().ok_or_else(|| Fault::not_found("There is no such database."))
    }
}
