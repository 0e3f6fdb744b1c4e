//! SMTP listeners: one for each binding of an enabled receive connector. They follow the directory while the
//! server runs: a connector that is added, changed or removed needs no restart.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use base::{
    Guid,
    eventlog::{self, EventKind, Level},
};
use directory::Directory;
use tokio::{sync::watch, task::JoinHandle};
use transport::receive::{Door, Intake, Receiver, settings};

use crate::{error::ServerError, shutdown};

/// A binding could not be had.
const CANNOT_LISTEN: EventKind = EventKind {
    log: "Application",
    source: "MSExchangeTransport",
    id: 1036,
    category: "SmtpReceive",
    level: Level::Error,
};

/// The open listeners, and what they need.
pub(crate) struct SmtpListeners<I> {
    receiver: Arc<Receiver<I>>,
    directory: Directory,
    server: Guid,
    implicit_tls: Vec<u16>,
    open: BTreeMap<SocketAddr, Listener>,
}

struct Listener {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl<I: Intake> SmtpListeners<I> {
    /// Opens every binding; a port that cannot be had at the start is an error.
    pub(crate) fn open(
        receiver: Arc<Receiver<I>>,
        directory: Directory,
        server: Guid,
        implicit_tls: Vec<u16>,
    ) -> Result<Self, ServerError> {
        let mut listeners = Self { receiver, directory, server, implicit_tls, open: BTreeMap::new() };
        for (address, connector) in listeners.wanted() {
            let failed = |source| ServerError::Listen {
                address,
                service: format!("the receive connector \"{connector}\""),
                source,
            };
            listeners.listen(address).map_err(failed)?;
        }
        Ok(listeners)
    }

    /// Follows the directory until `shutdown`, then drains every session.
    pub(crate) async fn run(mut self, mut shutdown: watch::Receiver<bool>) {
        let mut changes = self.directory.watch();
        loop {
            tokio::select! {
                () = shutdown::requested(&mut shutdown) => break,
                changed = changes.changed() => match changed {
                    Ok(()) => self.follow().await,
                    Err(_) => break,
                },
            }
        }
        for listener in self.open.values() {
            listener.stop.send_replace(true);
        }
        for (_, listener) in self.open {
            let _ = listener.task.await;
        }
    }

    /// Bindings of enabled connectors, each with the name of one that wants it.
    fn wanted(&self) -> BTreeMap<SocketAddr, String> {
        let connectors = settings::connectors(&self.directory.snapshot(), self.server);
        let pairs =
            connectors.iter().flat_map(|c| c.bindings.iter().map(|address| (*address, c.name.clone())));
        let wanted = pairs.collect();
        self.receiver.set_connectors(connectors);
        wanted
    }

    async fn follow(&mut self) {
        let wanted = self.wanted();
        let gone: Vec<SocketAddr> =
            self.open.keys().filter(|address| !wanted.contains_key(address)).copied().collect();
        for address in gone {
            if let Some(listener) = self.open.remove(&address) {
                // Sessions under way finish by themselves; the port is free at once.
                listener.stop.send_replace(true);
                tracing::info!(%address, "no longer listening");
            }
        }
        for (address, connector) in wanted {
            if self.open.contains_key(&address) {
                continue;
            }
            if let Err(error) = self.listen(address) {
                let text = format!(
                    "The receive connector \"{connector}\" cannot listen on {address}: {error}. Stop the program that \
                     holds the port, or change the connector's Bindings."
                );
                eventlog::write(&CANNOT_LISTEN, &text);
            }
        }
    }

    fn listen(&mut self, address: SocketAddr) -> std::io::Result<()> {
        let listener = base::net::listen(address)?;
        let door = if self.implicit_tls.contains(&address.port()) { Door::ImplicitTls } else { Door::Plain };
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(self.receiver.clone().serve(listener, door, stopped));
        self.open.insert(address, Listener { stop, task });
        tracing::info!(%address, ?door, "SMTP is listening");
        Ok(())
    }
}
