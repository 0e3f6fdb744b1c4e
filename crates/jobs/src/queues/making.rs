//! Making this server's copy of a queue from the active one, until it is whole: again and again, since without it
//! there is one copy fewer, or no queue here.

use std::{collections::BTreeSet, time::Duration};

use base::{Fault, Guid};
use dag::copies::take_seed;
use directory::View;
use engine::{holds_database, remove_database};

use super::{
    Held, Keeper, blocking, event,
    talk::{Answer, Question},
    unavailable,
};

/// What failed is tried again after this long.
const AGAIN: Duration = Duration::from_secs(1);
/// How long a copy that is to be made anew may still belong to its group, and how often it says so meanwhile.
const RETIRING: Duration = Duration::from_secs(30);
const SAYING: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(100);

impl Keeper {
    /// Begins to make this server's copy.
    pub(super) fn begin_making(&self, owner: Guid) {
        let keeper = self.clone();
        // It must not be over before it is noted that it began.
        let mut held = self.inner.held.lock();
        let task = tokio::spawn(async move {
            loop {
                match keeper.make(owner).await {
                    Ok(source) => {
                        event::seeded(&keeper.name(owner), &keeper.name(source));
                        // It is opened as what it is now: a copy.
                        keeper.inner.held.lock().remove(&owner);
                        return keeper.inner.poke.notify_one();
                    }
                    Err(error) => tracing::debug!(%owner, %error, "the copy of a queue was not made yet"),
                }
                tokio::time::sleep(AGAIN).await;
            }
        });
        held.insert(owner, Held::Making(task.abort_handle()));
    }

    async fn make(&self, owner: Guid) -> Result<Guid, Fault> {
        let source = self.retire(owner).await?;
        self.remove_files(owner).await?;
        let options = self.config(owner);
        let taken = take_seed(&self.inner.settings.links, source, owner, options.disk, options.dir, |_| {});
        tokio::select! {
            taken = taken => taken.map_err(|error| unavailable(error.to_string()))?,
            () = self.stay_away(owner) => {}
        }
        let _ = self.remake(owner, false).await;
        Ok(source)
    }

    /// Waits until this server's copy does not belong to the group any more: what it once promised goes with its
    /// files. Says who has the active one.
    async fn retire(&self, owner: Guid) -> Result<Guid, Fault> {
        let began = self.now();
        loop {
            let (active, members) = self.remake(owner, true).await?;
            if !members.contains(&self.me()) {
                return Ok(active);
            }
            if self.now().saturating_sub(began) > RETIRING {
                return Err(unavailable("The copy still counts as one that decides."));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Has the active copy, whichever it is meanwhile, keep this server's out of the group.
    async fn stay_away(&self, owner: Guid) {
        loop {
            tokio::time::sleep(SAYING).await;
            if let Err(error) = self.remake(owner, true).await {
                tracing::debug!(%owner, %error, "the active copy does not hear that another is made anew");
            }
        }
    }

    /// Tells the active copy that this server's is made anew, or has been: which that is, and who belongs to the group.
    async fn remake(&self, owner: Guid, begins: bool) -> Result<(Guid, BTreeSet<Guid>), Fault> {
        let mut failure = unavailable("No server has the active copy.");
        for server in self.neighbours(&self.view()) {
            match self.ask(server, &Question::Remake(owner, begins)).await {
                Ok(Answer::Members(members)) => return Ok((server, members)),
                Ok(_) => {}
                Err(fault) => failure = fault,
            }
        }
        Err(failure)
    }

    /// Whether another server has a copy of this server's queue; nothing where not all that may have one answer.
    pub(super) async fn kept_elsewhere(&self, view: &View) -> Option<bool> {
        let mut all = true;
        for server in self.neighbours(view) {
            match self.ask(server, &Question::Held(self.me())).await {
                Ok(Answer::Yes) => return Some(true),
                Ok(_) => {}
                Err(_) => all = false,
            }
        }
        all.then_some(false)
    }

    pub(super) async fn remove_files(&self, owner: Guid) -> Result<(), Fault> {
        let options = self.config(owner);
        blocking(move || {
            if holds_database(&options.disk, &options.dir)? {
                remove_database(&options.disk, &options.dir)?;
            }
            Ok(())
        })
        .await
    }
}
