//! This server's links to the others: its keys in the data folder, the roster from the directory, and what is
//! said over them about servers.

use std::{sync::Arc, time::Duration};

use base::{
    Disk, Guid,
    disk::SystemDisk,
    eventlog::{self, EventKind, Level},
};
use cmdlets::Context;
use dag::{
    link::{
        self, Host, Links, Options, Registration, Roster, Status,
        authority::{Authority, RENEWAL, ServerKey},
    },
    replica::Group,
};
use directory::{Directory, View, verbs::server};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    config::Config, error::ServerError, files, join, layout::Layout, relay, serve, serve::Seams, shutdown,
};

/// Until what the directory did not take is said again.
const SAYING_AGAIN: Duration = Duration::from_secs(5);

const LOST: EventKind = EventKind {
    log: "Application",
    source: "MSExchangeRepl",
    id: 2301,
    category: "Service",
    level: Level::Warning,
};
const FOUND: EventKind = EventKind { id: 2302, level: Level::Information, ..LOST };
const JOINED: EventKind = EventKind { id: 2303, level: Level::Information, ..LOST };
const FORGOTTEN: EventKind = EventKind { id: 2304, level: Level::Information, ..LOST };

/// The authority of the organisation and this server's own key.
pub(crate) struct Keys {
    pub(crate) authority: Authority,
    pub(crate) own: ServerKey,
}

fn failed(error: link::LinkError) -> ServerError {
    ServerError::Usage(format!("links between servers: {error}"))
}

impl Keys {
    /// The data folder's keys; a new authority where neither the folder nor the directory knows one.
    pub(crate) fn load_or_create(
        layout: &Layout,
        view: &View,
        now: base::Timestamp,
    ) -> Result<Self, ServerError> {
        let dir = layout.link_keys();
        let read = |name: &str| files::read(&dir.join(name));
        match (read(AUTHORITY)?, read(AUTHORITY_KEY)?, read(OWN_KEY)?) {
            (Some(certificate), Some(key), Some(own)) => Ok(Self {
                authority: Authority::from_der(&certificate, &key).map_err(failed)?,
                own: ServerKey::from_der(&own).map_err(failed)?,
            }),
            _ if server::authority(view).is_some() => Err(ServerError::Usage(format!(
                "{} lacks the keys by which this server's organization knows it: restore the folder from a backup, or \
                 remove this server on another one (Remove-ExchangeServer) and join again",
                dir.display()
            ))),
            _ => {
                let authority = Authority::create(now).map_err(failed)?;
                let keys = Self { authority, own: ServerKey::generate().map_err(failed)? };
                keys.save(layout)?;
                Ok(keys)
            }
        }
    }

    /// Writes them, readable by the owner alone.
    pub(crate) fn save(&self, layout: &Layout) -> Result<(), ServerError> {
        let dir = layout.link_keys();
        SystemDisk.create_dir_all(&dir).map_err(|e| ServerError::io(dir.display().to_string(), e))?;
        files::replace(&dir.join(AUTHORITY_KEY), &self.authority.key())?;
        files::replace(&dir.join(OWN_KEY), &self.own.to_der())?;
        files::replace(&dir.join(AUTHORITY), self.authority.certificate())
    }
}

const AUTHORITY: &str = "authority.crt.der";
const AUTHORITY_KEY: &str = "authority.key.der";
const OWN_KEY: &str = "server.key.der";

/// The servers of the directory that can be reached.
pub(crate) fn roster(view: &View) -> Roster {
    let hosts = view.servers().map(|object| {
        let (addresses, key) = server::link_of(object);
        (object.guid, Host { addresses, key })
    });
    // A server without a key has never run: nobody can be it.
    hosts.filter(|(_, host)| host.key.is_some()).collect()
}

/// The links, and what answers on them for as long as this lives.
pub(crate) struct ServerLinks {
    pub(crate) links: Links,
    keys: Arc<Keys>,
    _answers: Vec<Registration>,
}

impl ServerLinks {
    /// Links this server with all others that the directory knows. Makes what is missing: folders of older versions
    /// have no keys.
    pub(crate) fn open(
        layout: &Layout,
        seams: &Seams,
        config: &Config,
        (directory, this): (&Directory, Guid),
        tasks: &mut JoinSet<()>,
        stopped: &watch::Receiver<bool>,
    ) -> Result<Self, ServerError> {
        let keys = Arc::new(Keys::load_or_create(layout, &directory.snapshot(), seams.clock.now())?);
        let (known, roster) = watch::channel(Arc::new(roster(&directory.snapshot())));
        let identity = keys.authority.identify(this, &keys.own, seams.clock.now()).map_err(failed)?;
        let listener = serve::bind(config.listen.at(config.listen.links), "other servers")?;
        let links = Links::start(Options {
            identity: Arc::new(identity),
            listener: Some(listener),
            roster,
            clock: seams.clock.clone(),
            rng: seams.rng.clone(),
        });
        let links = links.map_err(failed)?;
        tasks.spawn(follow(directory.clone(), known, stopped.clone()));
        tasks.spawn(renew(links.clone(), keys.clone(), this, seams.clock.clone(), stopped.clone()));
        tasks.spawn(watch_over(directory.clone(), links.clone(), stopped.clone()));
        Ok(Self { links, keys, _answers: Vec::new() })
    }

    /// Runs cmdlets for the other servers' administrators, and lets new servers join.
    pub(crate) fn run_cmdlets(&mut self, cx: &Arc<Context>, copy: &Arc<Group>) {
        self._answers.push(relay::answer(&self.links, cx.clone()));
        self._answers.push(join::answer(&self.links, cx.clone(), copy, self.keys.clone()));
    }

    /// Says in the directory where this server is reached.
    pub(crate) fn serve(
        &self,
        config: &Config,
        (copy, directory): (&Arc<Group>, &Directory),
        tasks: &mut JoinSet<()>,
        stopped: &watch::Receiver<bool>,
    ) {
        let presence = Presence {
            authority: self.keys.authority.certificate().to_vec(),
            key: self.keys.own.fingerprint(),
            addresses: config.link_addresses(),
            this: copy.me(),
        };
        tasks.spawn(say_where(directory.clone(), presence, stopped.clone()));
    }
}

/// How others find and recognise this server.
#[derive(Clone)]
struct Presence {
    authority: Vec<u8>,
    key: [u8; 32],
    addresses: Vec<String>,
    this: Guid,
}

/// Says in the directory how this server is found, as soon as it takes changes.
async fn say_where(directory: Directory, presence: Presence, mut stopped: watch::Receiver<bool>) {
    loop {
        let Presence { authority, key, addresses, this } = presence.clone();
        let said = directory.commit(move |draft| {
            server::set_authority(draft, &authority)?;
            server::set_link(draft, this, &addresses, &key)
        });
        match said.await {
            Ok(_) => return,
            Err(fault) => {
                tracing::warn!(error = %fault, "the directory does not say where this server is reached")
            }
        }
        tokio::select! {
            () = shutdown::requested(&mut stopped) => return,
            () = tokio::time::sleep(SAYING_AGAIN) => {}
        }
    }
}

/// Keeps the roster as the directory is.
async fn follow(directory: Directory, known: watch::Sender<Arc<Roster>>, mut stopped: watch::Receiver<bool>) {
    let mut changes = directory.watch();
    loop {
        let now = roster(&directory.snapshot());
        known.send_if_modified(|before| {
            let changed = **before != now;
            if changed {
                *before = Arc::new(now);
            }
            changed
        });
        tokio::select! {
            () = shutdown::requested(&mut stopped) => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

/// Presents a fresh certificate long before the old one ends.
async fn renew(
    links: Links,
    keys: Arc<Keys>,
    this: Guid,
    clock: base::clock::SharedClock,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            () = shutdown::requested(&mut stopped) => return,
            () = tokio::time::sleep(RENEWAL) => {}
        }
        let identity = keys.authority.identify(this, &keys.own, clock.now());
        if let Err(error) = identity.and_then(|identity| links.renew(&identity)) {
            tracing::error!(%error, "this server's certificate for its links was not renewed");
        }
    }
}

/// Says in the event log which servers are lost, found again, new, and forgotten.
async fn watch_over(directory: Directory, links: Links, mut stopped: watch::Receiver<bool>) {
    let mut changes = links.changes();
    let mut known = std::collections::BTreeMap::<Guid, (String, Status)>::new();
    loop {
        let view = directory.snapshot();
        let states = links.states();
        for state in &states {
            let name =
                view.get(state.server).map_or_else(|| state.server.to_string(), |o| o.name.to_string());
            let before = known.insert(state.server, (name.clone(), state.status)).map(|(_, status)| status);
            let why = state.failure.as_deref().unwrap_or("it does not answer");
            match (before, state.status) {
                (None, _) => eventlog::write(
                    &JOINED,
                    &format!(
                        "The server {name} belongs to the organization; this server watches its heartbeats."
                    ),
                ),
                (Some(Status::Up), Status::Down) => {
                    let heard = state.last_heard.map_or_else(|| "never".into(), |time| time.to_string());
                    eventlog::write(
                        &LOST,
                        &format!(
                            "No heartbeats come from the server {name} (last heard of: {heard}): {why}."
                        ),
                    );
                }
                (Some(Status::Down | Status::Connecting), Status::Up) => {
                    eventlog::write(&FOUND, &format!("Heartbeats come from the server {name}."));
                }
                _ => {}
            }
        }
        known.retain(|guid, (name, _)| {
            let is_there = states.iter().any(|state| state.server == *guid);
            if !is_there {
                eventlog::write(
                    &FORGOTTEN,
                    &format!(
                        "The server {name} was removed from the organization; this server has forgotten it."
                    ),
                );
            }
            is_there
        });
        tokio::select! {
            () = shutdown::requested(&mut stopped) => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}
