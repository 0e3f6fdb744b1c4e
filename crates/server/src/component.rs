//! What this server's components mean for its doors: mail is deferred and clients are not let in while their
//! component is out of service.

use std::net::SocketAddr;

use base::{Fault, Guid, net::TcpListener};
use directory::{
    Directory,
    component::{ComponentState, component_state},
};
use tokio::sync::watch;
use transport::receive::{Credentials, Identity, Intake, Mail, Receipt, Refusal, Session, TransportRole};
use wire::smtp::{MailFrom, RcptTo, Reply};

use crate::{error::ServerError, serve, shutdown};

/// This server's components, as the directory has them.
#[derive(Clone)]
pub(crate) struct Components {
    pub(crate) directory: Directory,
    pub(crate) server: Guid,
}

impl Components {
    /// How one is now.
    pub(crate) fn state(&self, component: &str) -> ComponentState {
        let view = self.directory.snapshot();
        view.get(self.server).map(|server| component_state(server, component)).unwrap_or_default()
    }

    /// Opens a listener while a component is in service, and closes it with its sessions while it is out of service,
    /// until the server stops. `open` listens until what it is given turns true.
    pub(crate) async fn keep_open<F>(
        self,
        component: &'static str,
        mut open: impl FnMut(watch::Receiver<bool>) -> Option<F>,
        mut shutdown: watch::Receiver<bool>,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut changes = self.directory.watch();
        loop {
            let (stop, stopped) = watch::channel(false);
            let serving = match self.state(component) {
                ComponentState::Inactive => None,
                ComponentState::Active | ComponentState::Draining => open(stopped),
            };
            let mut serving = serving.map(tokio::spawn);
            let was_open = serving.is_some();
            let ends = loop {
                tokio::select! {
                    () = shutdown::requested(&mut shutdown) => break true,
                    changed = changes.changed() => if changed.is_err() { break true },
                }
                if (self.state(component) == ComponentState::Inactive) == was_open {
                    break false;
                }
            };
            stop.send_replace(true);
            if let Some(serving) = serving.take() {
                let _ = serving.await;
            }
            if ends {
                return;
            }
            tracing::info!(component, open = !was_open, "a component changed its state");
        }
    }
}

/// Where a service listens, time and again.
pub(crate) struct Doorway {
    address: SocketAddr,
    service: &'static str,
    /// Bound at the start, so that a port that is taken is known at once.
    first: Option<TcpListener>,
}

impl Doorway {
    /// Listens for the first time.
    pub(crate) fn open(address: SocketAddr, service: &'static str) -> Result<Self, ServerError> {
        Ok(Self { address, service, first: Some(serve::bind(address, service)?) })
    }

    /// What listens again and again.
    pub(crate) fn again<F>(
        mut self,
        mut listen: impl FnMut(TcpListener, watch::Receiver<bool>) -> F,
    ) -> impl FnMut(watch::Receiver<bool>) -> Option<F> {
        move |stopped| {
            let listener = self.first.take().map_or_else(|| serve::bind(self.address, self.service), Ok);
            match listener {
                Ok(listener) => Some(listen(listener, stopped)),
                Err(error) => {
                    tracing::error!(%error, "not listening");
                    None
                }
            }
        }
    }
}

/// A door that takes no new messages while the transport is draining or out of service.
pub(crate) struct Guarded<I> {
    pub(crate) inner: I,
    pub(crate) components: Components,
}

impl<I> Guarded<I> {
    /// What a client is told that comes at such a time: it tries again later, or elsewhere.
    fn open(&self, session: &Session) -> Result<(), Refusal> {
        let front = session.connector.role == TransportRole::FrontendTransport;
        let needed = ["HubTransport"].into_iter().chain(front.then_some("FrontendTransport"));
        let mut states = needed.map(|component| self.components.state(component));
        if states.all(|state| state == ComponentState::Active) {
            return Ok(());
        }
        Err(Reply::new(421, (4, 3, 2), "Service not active").into())
    }
}

impl<I: Intake> Intake for Guarded<I> {
    async fn connected(&self, session: &Session) -> Result<(), Refusal> {
        self.open(session)?;
        self.inner.connected(session).await
    }
    async fn authenticate(&self, session: &Session, credentials: &Credentials) -> Result<Identity, Fault> {
        self.inner.authenticate(session, credentials).await
    }
    async fn sender(&self, session: &Session, from: &MailFrom) -> Result<(), Refusal> {
        self.open(session)?;
        self.inner.sender(session, from).await
    }
    async fn recipient(&self, session: &Session, from: &MailFrom, to: &RcptTo) -> Result<(), Refusal> {
        self.inner.recipient(session, from, to).await
    }
    async fn accept(&self, session: &Session, mail: Mail) -> Result<Receipt, Refusal> {
        self.inner.accept(session, mail).await
    }
}
