//! This server's copy of the directory: every server of the organisation keeps one, and changes made on any of them
//! are on all.

use std::{sync::Arc, time::Duration};

use base::{Fault, Guid};
use dag::{
    copies::{Carrier, Reachable, reachable},
    link::{Links, Roster},
    replica::{Group, Work, Writers, electorate, found},
};
use directory::Directory;
use engine::{Database, Replica};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    config::Config,
    error::ServerError,
    layout::Layout,
    links::roster,
    provision::{self, Organization},
    serve::{Seams, blocking, own_server},
    shutdown,
};

/// The directory among the databases that have copies: there is one in an organisation.
pub(crate) const DIRECTORY: Guid = Guid(*b"rialto.directory");
/// So long a server that starts waits for others to decide with it; then it serves with what it knows.
const SETTLING: Duration = Duration::from_secs(10);
/// How often it is tried whether they do.
const AGAIN: Duration = Duration::from_millis(200);
/// How often the members are looked at when nothing seems to have changed.
const LOOK: Duration = Duration::from_secs(2);

/// The directory, opened but not yet in touch with its other copies: it is as of the last checkpoint.
pub(crate) struct Opened {
    replica: Replica,
    pub(crate) directory: Directory,
    /// This server's object.
    pub(crate) this: Guid,
}

/// Opens this server's copy. A new folder's is made and filled; one of an older version becomes a first copy.
pub(crate) async fn open(
    layout: &Layout,
    seams: &Seams,
    config: &Config,
    new: Option<&Organization>,
) -> Result<Opened, ServerError> {
    if !is_copy(layout, seams).await? {
        prepare(layout, seams, config, new).await?;
    }
    let (options, rng) = (seams.directory(layout), seams.rng.clone());
    let opened = blocking("opening the directory", move || {
        let clock = options.clock.clone();
        let replica = Replica::open(options, false).map_err(Fault::from)?;
        let directory = Directory::over(replica.database().clone(), clock, rng).map_err(Fault::from)?;
        Ok((replica, directory))
    });
    let (replica, directory) = opened.await?;
    let this = own_server(&directory, config)?.guid;
    Ok(Opened { replica, directory, this })
}

async fn is_copy(layout: &Layout, seams: &Seams) -> Result<bool, ServerError> {
    let options = seams.directory(layout);
    blocking("opening the directory", move || {
        let replica = Replica::open(options, false).map_err(Fault::from)?;
        let is_copy = replica.applied().1.is_some();
        replica.database().close().map_err(Fault::from)?;
        Ok(is_copy)
    })
    .await
}

/// Makes what is missing in a directory without other copies, and makes it the first one.
pub(crate) async fn prepare(
    layout: &Layout,
    seams: &Seams,
    config: &Config,
    new: Option<&Organization>,
) -> Result<(), ServerError> {
    let (options, clock, rng) = (seams.directory(layout), seams.clock.clone(), seams.rng.clone());
    let opened = blocking("opening the directory", move || {
        let database = Database::open(options).map_err(Fault::from)?;
        let directory = Directory::over(database.clone(), clock, rng).map_err(Fault::from)?;
        Ok((database, directory))
    });
    let (database, directory) = opened.await?;
    complete(&directory, config, new).await.map_err(ServerError::during("making the organisation"))?;
    let this = own_server(&directory, config)?.guid;
    let founded = found(&database, this).await.map_err(Fault::from);
    founded.map_err(ServerError::during("making the directory's first copy"))?;
    blocking("closing the directory", move || directory.close().map_err(Fault::from)).await
}

async fn complete(directory: &Directory, config: &Config, new: Option<&Organization>) -> Result<(), Fault> {
    match new {
        Some(new) => provision::provision(directory, config, new).await,
        None => provision::access(directory, provision::ADMINISTRATOR).await,
    }
}

/// The copy at work.
pub(crate) struct DirectoryCopy {
    pub(crate) group: Arc<Group>,
    _reachable: Reachable,
}

impl DirectoryCopy {
    /// Takes up the copy's part, and waits a while for the directory to be as the others have it.
    pub(crate) async fn start(
        Opened { replica, directory, this }: Opened,
        links: &Links,
        (config, new): (&Config, Option<&Organization>),
        tasks: &mut JoinSet<()>,
        stopped: &watch::Receiver<bool>,
    ) -> Result<(Self, Directory), ServerError> {
        let carrier = Carrier::new(links.clone(), DIRECTORY);
        let work = (Work::Threads, Writers::All);
        let group = Group::start("directory", this, replica, carrier, work).await;
        let group = group.map_err(|error| ServerError::Usage(format!("the directory's group: {error}")))?;
        let reachable = reachable(links, DIRECTORY, &group);
        if group.standing().voters.iter().eq([&this]) {
            // Nobody else is to be asked.
            let _ = group.elect().await;
        }
        tasks.spawn(publish(directory.clone(), stopped.clone()));
        tasks.spawn(keep_members(group.clone(), directory.clone(), stopped.clone()));
        if tokio::time::timeout(SETTLING, settled(&directory)).await.is_err() {
            directory.set_behind(true);
            tasks.spawn(settle(directory.clone(), stopped.clone()));
            tracing::warn!(
                "no majority of the organization's servers is reached: this server serves with the directory as it \
                 last knew it, and takes no changes"
            );
        }
        if group.standing().is_active {
            complete(&directory, config, new)
                .await
                .map_err(ServerError::during("making the organisation"))?;
        }
        Ok((Self { group, _reachable: reachable }, directory))
    }

    /// Stops; if others can go on with deciding, they do at once.
    pub(crate) async fn stop(self) {
        hand_over(&self.group).await;
        if let Err(error) = self.group.stop().await {
            tracing::error!(%error, "the directory's copy did not stop cleanly");
        }
    }
}

/// Has the best other copy take over, where there is one.
async fn hand_over(group: &Group) {
    if let Some(heir) = group.heir(|_| true)
        && let Err(error) = group.hand_over(heir).await
    {
        tracing::info!(%error, "no other server took over");
    }
}

/// Whether this copy has all that was decided when it last heard of it.
/// Says that the directory is as the others have it, once it is.
async fn settle(directory: Directory, mut stopped: watch::Receiver<bool>) {
    tokio::select! {
        () = shutdown::requested(&mut stopped) => {}
        () = settled(&directory) => directory.set_behind(false),
    }
}

/// Waits until a transaction has run here, which needs all that was committed before.
async fn settled(directory: &Directory) {
    while directory.commit(|_| Ok(())).await.is_err() {
        tokio::time::sleep(AGAIN).await;
    }
}

async fn publish(directory: Directory, mut stopped: watch::Receiver<bool>) {
    tokio::select! {
        () = shutdown::requested(&mut stopped) => {}
        () = directory.follow() => {}
    }
}

/// Has every server of the organisation be a member, and no other, while this copy is the active one.
async fn keep_members(group: Arc<Group>, directory: Directory, mut stopped: watch::Receiver<bool>) {
    let mut changes = directory.watch();
    let mut known = roster(&directory.snapshot());
    loop {
        remember(&group, roster(&directory.snapshot()), &mut known).await;
        let servers = directory.snapshot().servers().map(|server| server.guid).collect();
        let wanted = electorate(&servers, &group.standing().voters);
        let again = group.arrange(&wanted).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the members of the directory's group did not change");
            false
        });
        if again {
            continue;
        }
        tokio::select! {
            () = shutdown::requested(&mut stopped) => return,
            changed = changes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// A server that starts knows what the last checkpoint says until it hears more from the others: who they are must be
/// in it, or it would refuse the very one that decides.
async fn remember(group: &Arc<Group>, now: Roster, known: &mut Roster) {
    // One that learns that it was removed keeps what it knew before: it must be able to start, and to say so.
    if now == *known || !now.contains_key(&group.me()) {
        return;
    }
    let group = group.clone();
    let remembered =
        blocking("remembering the other servers", move || group.database().checkpoint().map_err(Fault::from));
    match remembered.await {
        Ok(()) => *known = now,
        Err(error) => tracing::warn!(%error, "the other servers are not remembered"),
    }
}
