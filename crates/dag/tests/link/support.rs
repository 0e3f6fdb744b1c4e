//! An organisation of servers in one process.

use std::{future::Future, sync::Arc, time::Duration};

use base::{
    Clock, Guid,
    clock::SystemClock,
    rng::{SeededRng, SystemRng},
};
use bytes::Bytes;
use dag::link::{
    Endpoint, Host, LinkError, LinkState, Links, Options, Roster, Status,
    authority::{Authority, Identity, ServerKey},
    service,
};
use tokio::sync::watch;

/// Where the tests' handlers are.
pub(crate) const TEST: Endpoint = Endpoint::of(service::TEST);
/// Long enough on any machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// One server of it.
pub(crate) struct Server {
    pub(crate) guid: Guid,
    pub(crate) key: ServerKey,
    pub(crate) links: Links,
}

/// An organisation: its authority and its roster, which tests change as they like.
pub(crate) struct Organization {
    pub(crate) authority: Authority,
    pub(crate) roster: watch::Sender<Arc<Roster>>,
}

impl Organization {
    pub(crate) fn new() -> Self {
        let authority = Authority::create(SystemClock.now()).unwrap();
        Self { authority, roster: watch::channel(Arc::default()).0 }
    }

    /// A server that listens on a port of its own and is in the roster.
    pub(crate) fn server(&self) -> Server {
        let server = self.outsider();
        self.enter(&server, server.links.address().unwrap().to_string());
        server
    }

    /// A server with a certificate that is not in the roster.
    pub(crate) fn outsider(&self) -> Server {
        let (guid, key) = (Guid::new(&SystemRng), ServerKey::generate().unwrap());
        let links = self.start(self.identity(guid, &key));
        Server { guid, key, links }
    }

    pub(crate) fn identity(&self, guid: Guid, key: &ServerKey) -> Identity {
        self.authority.identify(guid, key, SystemClock.now()).unwrap()
    }

    pub(crate) fn start(&self, identity: Identity) -> Links {
        Links::start(Options {
            identity: Arc::new(identity),
            listener: Some(base::net::listen("127.0.0.1:0".parse().unwrap()).unwrap()),
            roster: self.roster.subscribe(),
            clock: Arc::new(SystemClock),
            rng: Arc::new(SeededRng::new(7)),
        })
        .unwrap()
    }

    pub(crate) fn enter(&self, server: &Server, address: String) {
        let host = Host { addresses: vec![address], key: Some(server.key.fingerprint()) };
        self.change(|roster| _ = roster.insert(server.guid, host));
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Roster)) {
        self.roster.send_modify(|roster| {
            let mut next = Roster::clone(roster);
            change(&mut next);
            *roster = Arc::new(next);
        });
    }
}

impl Server {
    /// Answers every call with its own request, in two pieces.
    pub(crate) fn echo(&self) -> dag::link::Registration {
        self.links.register_call(dag::link::Audience::Servers, TEST, |_, mut request: Bytes| async move {
            let first = request.split_to(request.len() / 2);
            Ok(vec![first, request])
        })
    }

    pub(crate) async fn call(&self, to: &Server, request: &'static [u8]) -> Result<Bytes, LinkError> {
        self.links.call(to.guid, TEST, vec![Bytes::from_static(request)], LONG).await
    }

    /// Waits until the link to a server is as it should be.
    pub(crate) async fn until(&self, to: Guid, what: &str, is: impl Fn(&LinkState) -> bool) -> LinkState {
        let mut state = self.links.state(to);
        let found = tokio::time::timeout(LONG, async {
            loop {
                state = self.links.state(to);
                match &state {
                    Some(state) if is(state) => return state.clone(),
                    _ => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => panic!("not {what} in time: {state:?}"),
        }
    }

    pub(crate) async fn until_up(&self, to: &Server) -> LinkState {
        self.until(to.guid, "up", |state| state.status == Status::Up).await
    }
}

/// Runs a test on a runtime of its own threads, with an end to its patience.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(3 * LONG, test).await.expect("the test hangs") })
}
