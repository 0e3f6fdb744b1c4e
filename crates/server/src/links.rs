//! This server's links to the others: its keys in the data folder, the roster from the directory, and what is
//! said over them about servers.

use std::{sync::Arc, time::Duration};

use base::{
    Disk, Fault, Guid,
    disk::SystemDisk,
    eventlog::{self, EventKind, Level},
};
use cmdlets::Context;
use dag::link::{
    self, Audience, Endpoint, Host, Links, Options, Registration, Roster, Status,
    authority::{Authority, RENEWAL, ServerKey},
    service,
};
use directory::{
    Directory, View,
    verbs::server::{self, ServerList},
};
use tokio::{sync::watch, task::JoinSet};

use crate::{config::Config, error::ServerError, files, join, layout::Layout, serve, serve::Seams, shutdown};

/// How long a server may take to say that it knows the list of servers.
const TELLING: Duration = Duration::from_secs(10);
/// The longest list of servers that is taken, bytes.
const LIST_MAX: usize = 4 << 20;

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
fn roster(view: &View) -> Roster {
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
    /// Makes what is missing (folders of older versions have no keys), says in the directory where this server is
    /// reached, and links it with all others.
    pub(crate) async fn open(
        layout: &Layout,
        seams: &Seams,
        config: &Config,
        directory: &Directory,
        this: Guid,
        tasks: &mut JoinSet<()>,
        stopped: &watch::Receiver<bool>,
    ) -> Result<Self, ServerError> {
        let keys = Keys::load_or_create(layout, &directory.snapshot(), seams.clock.now())?;
        let (certificate, key) = (keys.authority.certificate().to_vec(), keys.own.fingerprint());
        let addresses = config.link_addresses();
        directory
            .commit(move |draft| {
                server::set_authority(draft, &certificate)?;
                server::set_link(draft, this, &addresses, &key)
            })
            .await
            .map_err(ServerError::during("saying where this server is reached"))?;
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
        let keys = Arc::new(keys);
        let servers = links.register_call(Audience::Servers, Endpoint::of(service::SERVERS), {
            let directory = directory.clone();
            move |_, list| told(directory.clone(), this, list)
        });
        tasks.spawn(follow(directory.clone(), known, stopped.clone()));
        tasks.spawn(tell(directory.clone(), links.clone(), this, stopped.clone()));
        tasks.spawn(renew(links.clone(), keys.clone(), this, seams.clock.clone(), stopped.clone()));
        tasks.spawn(watch_over(directory.clone(), links.clone(), stopped.clone()));
        Ok(Self { links, keys, _answers: vec![servers] })
    }

    /// Lets servers join, and records it, as long as the registration lives.
    pub(crate) fn let_join(&self, cx: Arc<Context>) -> Registration {
        join::answer(&self.links, cx, self.keys.clone())
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

/// Tells every server that is reached which servers there are, whenever that or the reaching changes. Once the
/// directory itself is replicated nobody needs to be told.
async fn tell(directory: Directory, links: Links, this: Guid, mut stopped: watch::Receiver<bool>) {
    let (mut changes, mut reached) = (directory.watch(), links.changes());
    let mut told: std::collections::BTreeMap<Guid, (ServerList, base::Timestamp)> = Default::default();
    loop {
        let list = server::server_list(&directory.snapshot()).unwrap_or_default();
        let up = links.states().into_iter().filter(|state| state.status == Status::Up);
        for state in up.filter(|state| state.server != this) {
            // A link that came up anew leads to a server that may have missed something.
            let now = (list.clone(), state.since);
            if told.get(&state.server) == Some(&now) {
                continue;
            }
            let Ok(bytes) = postcard::to_stdvec(&list) else { continue };
            let endpoint = Endpoint::of(service::SERVERS);
            match links.call(state.server, endpoint, vec![bytes.into()], TELLING).await {
                Ok(_) => _ = told.insert(state.server, now),
                Err(error) => {
                    tracing::debug!(server = %state.server, %error, "the list of servers was not told")
                }
            }
        }
        tokio::select! {
            () = shutdown::requested(&mut stopped) => return,
            changed = changes.changed() => if changed.is_err() { return },
            changed = reached.changed() => if changed.is_err() { return },
        }
    }
}

/// Takes what another server knows of the servers.
async fn told(
    directory: Directory,
    this: Guid,
    list: bytes::Bytes,
) -> Result<Vec<bytes::Bytes>, link::Refusal> {
    let malformed = || link::Refusal::new(1, "the list of servers is malformed");
    if list.len() > LIST_MAX {
        return Err(malformed());
    }
    let list: ServerList = postcard::from_bytes(&list).map_err(|_| malformed())?;
    let merged = directory.commit(move |draft| server::merge_servers(draft, this, list)).await;
    merged.map(|_| Vec::new()).map_err(|fault: Fault| link::Refusal::new(2, fault.public_text))
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
