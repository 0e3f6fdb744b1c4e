//! The links of this server to all others: the one thing other rooms hold.

use std::{
    collections::BTreeMap,
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use base::{Guid, Rng, Timestamp, clock::SharedClock, net};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{
    accept,
    authority::Identity,
    connection::{self, Core, GRACE, Heard},
    dial::{self, Attempt},
    error::{LinkError, Refusal},
    frame::{Goodbye, Style},
    registry::{Handler, Registration, Registry},
    stream::{Sink, Source},
    tls,
    types::{Audience, Endpoint, LinkState, Options, Peer, Roster, Status},
};

/// The longest head of a stream, bytes.
pub const HEAD_MAX: usize = 16 << 10;
/// How often a graceful close looks whether everything has ended.
const CLOSE_LOOK: Duration = Duration::from_millis(10);

/// The links; clones share them. Gone when the last clone is.
#[derive(Clone)]
pub struct Links {
    shared: Arc<Shared>,
    _tasks: Arc<Tasks>,
}

/// What the links' tasks share.
pub(crate) struct Shared {
    server: Guid,
    pub(crate) tls: ArcSwap<Tls>,
    pub(crate) roster: watch::Receiver<Arc<Roster>>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) clock: SharedClock,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) stopping: watch::Sender<bool>,
    slots: Mutex<BTreeMap<Guid, Arc<Slot>>>,
    changes: watch::Sender<u64>,
}

/// TLS settings made from an identity.
pub(crate) struct Tls {
    pub(crate) accepting: Arc<rustls::ServerConfig>,
    pub(crate) dialling: Arc<rustls::ClientConfig>,
}

impl Tls {
    fn new(identity: &Identity) -> Result<Self, LinkError> {
        Ok(Self { accepting: tls::accepting(identity)?, dialling: tls::dialling(identity)? })
    }
}

/// The link to one server.
pub(crate) struct Slot {
    pub(crate) server: Guid,
    pub(crate) heard: Heard,
    /// It is worth trying again now.
    pub(crate) nudge: Notify,
    now: watch::Sender<Now>,
    incoming: Mutex<Option<Arc<Core>>>,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

/// How a link is now.
#[derive(Clone)]
struct Now {
    status: Status,
    since: Timestamp,
    failure: Option<String>,
    core: Option<Arc<Core>>,
}

impl Now {
    /// As it was noted last, unless the connection has ended since: its keeper is about to say how it goes on.
    fn status(&self) -> Status {
        let ended = self.core.as_ref().is_some_and(|core| core.has_ended());
        if ended { Status::Connecting } else { self.status }
    }
}

/// Ends the tasks when nobody holds the links any more.
struct Tasks {
    shared: Arc<Shared>,
    address: Option<SocketAddr>,
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.shared.stopping.send_replace(true);
        for core in self.shared.connections() {
            core.stop();
        }
    }
}

impl Links {
    /// Listens, and dials every server of the roster from now on. Within a tokio runtime.
    pub fn start(options: Options) -> Result<Self, LinkError> {
        let tls = Tls::new(&options.identity)?;
        let shared = Arc::new(Shared {
            server: options.identity.server,
            tls: ArcSwap::from_pointee(tls),
            roster: options.roster,
            registry: Arc::default(),
            clock: options.clock,
            rng: options.rng,
            stopping: watch::channel(false).0,
            slots: Mutex::default(),
            changes: watch::channel(0).0,
        });
        let address = options.listener.as_ref().and_then(|listener| listener.local_addr().ok());
        if let Some(listener) = options.listener {
            tokio::spawn(accept::serve(shared.clone(), listener));
        }
        shared.follow();
        tokio::spawn(supervise(shared.clone()));
        let tasks = Tasks { shared: shared.clone(), address };
        Ok(Self { shared, _tasks: Arc::new(tasks) })
    }

    /// Where it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self._tasks.address
    }

    /// Presents another certificate from now on; what is connected stays so.
    pub fn renew(&self, identity: &Identity) -> Result<(), LinkError> {
        self.shared.tls.store(Arc::new(Tls::new(identity)?));
        Ok(())
    }

    /// Answers calls at an endpoint for as long as the registration lives. An answer may be up to
    /// [`CALL_MAX`](super::CALL_MAX) bytes, in pieces that are not copied together.
    pub fn register_call<F>(
        &self,
        audience: Audience,
        endpoint: Endpoint,
        handler: impl Fn(Peer, Bytes) -> F + Send + Sync + 'static,
    ) -> Registration
    where
        F: Future<Output = Result<Vec<Bytes>, Refusal>> + Send + 'static,
    {
        self.shared.registry.register(audience, endpoint, Handler::call(handler))
    }

    /// Takes streams at an endpoint for as long as the registration lives. The handler is given the stream's head
    /// and both its ends, and must hold on to both: a sink that is dropped unfinished ends the stream.
    pub fn register_stream<F>(
        &self,
        audience: Audience,
        endpoint: Endpoint,
        handler: impl Fn(Peer, Bytes, Sink, Source) -> F + Send + Sync + 'static,
    ) -> Registration
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.shared.registry.register(audience, endpoint, Handler::stream(handler))
    }

    /// Asks a server, and waits for its answer. While the link is being made the call waits; while the last
    /// attempt to make it has failed it fails at once. Whether what was asked may have been done although there
    /// is no answer, [`LinkError::is_unknown`] says.
    pub async fn call(
        &self,
        server: Guid,
        endpoint: Endpoint,
        request: Vec<Bytes>,
        deadline: Duration,
    ) -> Result<Bytes, LinkError> {
        let asked = async { self.connection(server).await?.call(endpoint, request).await };
        timeout(deadline, asked).await.map_err(|_| LinkError::Deadline)?
    }

    /// Opens a stream to a server; the head (at most [`HEAD_MAX`] bytes) tells the other side what it is about.
    pub async fn open_stream(
        &self,
        server: Guid,
        endpoint: Endpoint,
        head: Bytes,
    ) -> Result<(Sink, Source), LinkError> {
        if head.len() > HEAD_MAX {
            let (bytes, limit) = (head.len(), HEAD_MAX);
            return Err(LinkError::TooLong { what: "the head of a stream", bytes, limit });
        }
        self.connection(server).await?.open(endpoint, Style::Stream, head).await
    }

    /// How the link to a server is; nothing for one that the roster does not hold.
    pub fn state(&self, server: Guid) -> Option<LinkState> {
        self.shared.slot(server).map(|slot| self.shared.state(&slot))
    }

    /// How all links are.
    pub fn states(&self) -> Vec<LinkState> {
        let slots: Vec<Arc<Slot>> = self.shared.slots.lock().values().cloned().collect();
        slots.iter().map(|slot| self.shared.state(slot)).collect()
    }

    /// Wakes when the status of a link changes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Takes nothing new, lets what is open finish for some seconds, and says goodbye.
    pub async fn close(&self) {
        self.shared.stopping.send_replace(true);
        let connections = self.shared.connections();
        connections.iter().for_each(|core| core.stop());
        let all_ended = async {
            while connections.iter().any(|core| !core.has_ended()) {
                sleep(CLOSE_LOOK).await;
            }
        };
        let _ = timeout(GRACE + CLOSE_LOOK, all_ended).await;
    }

    /// The connection to a server, once there is one.
    async fn connection(&self, server: Guid) -> Result<Arc<Core>, LinkError> {
        if *self.shared.stopping.borrow() {
            return Err(LinkError::Closed);
        }
        let mut now = self.shared.slot(server).ok_or(LinkError::Stranger(server))?.now.subscribe();
        let settled = now.wait_for(|now| now.status() != Status::Connecting).await;
        let settled = settled.map_err(|_| LinkError::Stranger(server))?;
        match (&settled.core, settled.status) {
            (Some(core), Status::Up) => Ok(core.clone()),
            _ => Err(LinkError::Down { server, reason: settled.failure.clone().unwrap_or_default() }),
        }
    }
}

/// Follows the roster: a keeper for each server, nothing for those that are gone.
async fn supervise(shared: Arc<Shared>) {
    let mut roster = shared.roster.clone();
    let mut stopping = shared.stopping.subscribe();
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            changed = roster.changed() => if changed.is_err() { return },
        }
        shared.follow();
    }
}

impl Shared {
    /// Gives every server of the roster a keeper, and ends the links of all others.
    fn follow(self: &Arc<Self>) {
        let mut slots = self.slots.lock();
        // Read under the lock: whoever comes second knows at least as much as who came first.
        let roster = self.roster.borrow().clone();
        slots.retain(|server, slot| {
            let host = roster.get(server);
            for core in slot.connections() {
                if host.is_none_or(|host| host.key.is_some_and(|key| core.key != Some(key))) {
                    core.kill(Goodbye::Stranger);
                }
            }
            host.is_some()
        });
        for server in roster.keys().filter(|server| **server != self.server) {
            slots.entry(*server).or_insert_with(|| {
                let slot = Arc::new(Slot::new(*server, self.clock.now()));
                let keeper = tokio::spawn(dial::keep(self.clone(), slot.clone()));
                *slot.keeper.lock() = Some(keeper);
                slot
            });
        }
        drop(slots);
        self.changes.send_modify(|change| *change += 1);
    }

    /// The link to a server of the roster, as the roster is now.
    fn slot(self: &Arc<Self>, server: Guid) -> Option<Arc<Slot>> {
        if !self.roster.borrow().contains_key(&server) {
            return None;
        }
        let known = self.slots.lock().get(&server).cloned();
        known.or_else(|| {
            self.follow();
            self.slots.lock().get(&server).cloned()
        })
    }

    /// Whether a server is in the roster, with this key.
    pub(crate) fn knows(&self, server: Guid, key: Option<[u8; 32]>) -> bool {
        let roster = self.roster.borrow();
        roster.get(&server).is_some_and(|host| host.key.is_none() || host.key == key)
    }

    /// Where to note that a server was heard of.
    pub(crate) fn heard(self: &Arc<Self>, server: Guid) -> Heard {
        self.slot(server).map(|slot| slot.heard.clone()).unwrap_or_default()
    }

    /// A connection of ours is up.
    pub(crate) fn connected(&self, slot: &Slot, core: Arc<Core>) {
        let now = Now { status: Status::Up, since: self.clock.now(), failure: None, core: Some(core) };
        slot.now.send_replace(now);
        self.changes.send_modify(|change| *change += 1);
    }

    /// A connection of ours is not up.
    pub(crate) fn report(&self, slot: &Slot, status: Status, failure: Option<String>) {
        let changed = slot.now.send_if_modified(|now| {
            let changed = now.status != status;
            if changed {
                now.since = self.clock.now();
            }
            (now.status, now.failure, now.core) = (status, failure, None);
            changed
        });
        if changed {
            self.changes.send_modify(|change| *change += 1);
        }
    }

    /// A server has connected: an older connection of it makes room, and ours to it is worth trying.
    pub(crate) fn came(self: &Arc<Self>, core: &Arc<Core>) {
        let slot = self.slot(core.peer.server);
        let older = slot.as_ref().and_then(|slot| slot.incoming.lock().replace(core.clone()));
        if let Some(older) = older {
            older.kill(Goodbye::Replaced);
        }
        // It may have been removed between the introduction and now.
        if !self.knows(core.peer.server, core.key) {
            core.kill(Goodbye::Stranger);
        }
        if let Some(slot) = slot {
            slot.nudge.notify_one();
        }
        self.changes.send_modify(|change| *change += 1);
    }

    /// An incoming connection has ended.
    pub(crate) fn went(&self, core: &Arc<Core>) {
        let slot = self.slots.lock().get(&core.peer.server).cloned();
        if let Some(slot) = slot {
            let mut incoming = slot.incoming.lock();
            if incoming.as_ref().is_some_and(|now| Arc::ptr_eq(now, core)) {
                *incoming = None;
            }
        }
        self.changes.send_modify(|change| *change += 1);
    }

    fn connections(&self) -> Vec<Arc<Core>> {
        self.slots.lock().values().flat_map(|slot| slot.connections()).collect()
    }

    fn state(&self, slot: &Slot) -> LinkState {
        let now = slot.now.borrow().clone();
        let core = now.core.as_deref();
        LinkState {
            server: slot.server,
            status: now.status(),
            since: now.since,
            last_heard: self.moment(slot.heard.load(Ordering::Relaxed)),
            rtt: core.and_then(Core::rtt),
            clock_ahead_micros: core.map(|core| core.clock_ahead),
            address: core.map(|core| core.peer.address),
            failure: now.failure,
            incoming: slot.incoming.lock().is_some(),
        }
    }

    /// The wall clock's time of a moment of the monotonic clock, microseconds; 0 is never.
    fn moment(&self, micros: u64) -> Option<Timestamp> {
        let ago = self.clock.monotonic().saturating_sub(Duration::from_micros(micros));
        let ago = i64::try_from(ago.as_micros()).ok().filter(|_| micros > 0)?;
        Some(Timestamp { micros: self.clock.now().micros.saturating_sub(ago) })
    }
}

impl Slot {
    fn new(server: Guid, since: Timestamp) -> Self {
        let now = Now { status: Status::Connecting, since, failure: None, core: None };
        Self {
            server,
            heard: Arc::new(AtomicU64::new(0)),
            nudge: Notify::new(),
            now: watch::channel(now).0,
            incoming: Mutex::new(None),
            keeper: Mutex::new(None),
        }
    }

    fn connections(&self) -> Vec<Arc<Core>> {
        let outgoing = self.now.borrow().core.clone();
        outgoing.into_iter().chain(self.incoming.lock().clone()).collect()
    }
}

/// A server's visitor without a certificate: how a new server joins. Ends when dropped.
pub struct Guest {
    core: Arc<Core>,
    clock_ahead: i64,
}

impl Guest {
    /// Connects to any server of the organisation whose authority's certificate has this fingerprint.
    pub async fn connect(address: &str, authority: [u8; 32], clock: &SharedClock) -> Result<Self, LinkError> {
        let found = net::resolve(address).await.map_err(|error| LinkError::Io(error.to_string()))?;
        let mut failure = LinkError::Io("the name has no address".into());
        for address in found {
            let settings = tls::visiting(authority)?;
            let attempt = Attempt { address, settings, expected: tls::any_server()? };
            let check = |owner: Option<(Guid, [u8; 32])>| Ok(owner.map(|(_, key)| key));
            match attempt.make(clock, Guid::EMPTY, Audience::Guests, Heard::default(), check).await {
                Ok((socket, buffer, core)) => {
                    let clock_ahead = core.clock_ahead;
                    tokio::spawn(connection::run(core.clone(), socket, buffer, Arc::default()));
                    return Ok(Self { core, clock_ahead });
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// How far the server's clock is ahead of this one's, microseconds.
    pub fn clock_ahead_micros(&self) -> i64 {
        self.clock_ahead
    }

    /// As [`Links::call`].
    pub async fn call(
        &self,
        endpoint: Endpoint,
        request: Vec<Bytes>,
        deadline: Duration,
    ) -> Result<Bytes, LinkError> {
        timeout(deadline, self.core.call(endpoint, request)).await.map_err(|_| LinkError::Deadline)?
    }

    /// As [`Links::open_stream`].
    pub async fn open_stream(&self, endpoint: Endpoint, head: Bytes) -> Result<(Sink, Source), LinkError> {
        self.core.open(endpoint, Style::Stream, head).await
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.core.stop();
    }
}
