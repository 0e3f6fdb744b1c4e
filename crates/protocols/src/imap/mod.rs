//! IMAP4rev1: sessions over `services`. Configuration and the way in are here; the loop is in `session`,
//! each family of commands in its own file.

mod append;
mod fetch;
mod folders;
mod idle;
mod list;
mod login;
mod names;
mod reply;
mod search;
mod select;
mod session;
mod store;
mod transfer;
mod view;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use base::{clock::SharedClock, net::TcpListener};
use services::{Client, Services};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tracing::Instrument;

use crate::{
    link::{Duplex, Link},
    listen::{self, ConnectionLimits, Door},
};
use session::Session;

/// How the service behaves; the names are those of `Set-ImapSettings` where it has one.
#[derive(Clone, Debug)]
pub struct Config {
    /// `Banner`: what the greeting says.
    pub banner: String,
    /// Passwords may cross an unprotected connection from this machine (`LoginType` PlainTextLogin). For
    /// measurements; never for real users.
    pub allow_plaintext: bool,
    /// The largest message APPEND takes, bytes.
    pub append_max: u32,
    /// `PreAuthenticatedConnectionTimeout`: for one command, until the client has authenticated.
    pub preauth_timeout: Duration,
    /// `AuthenticatedConnectionTimeout`: of silence, afterwards.
    pub idle_timeout: Duration,
    /// Refused passwords before the connection is closed.
    pub auth_failures_max: u32,
    /// Connections at a time.
    pub connections: ConnectionLimits,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            banner: "The Rialto IMAP4 service is ready.".into(),
            allow_plaintext: false,
            append_max: 36 << 20,
            preauth_timeout: Duration::from_mins(1),
            idle_timeout: Duration::from_mins(30),
            auth_failures_max: 3,
            connections: ConnectionLimits::default(),
        }
    }
}

/// The IMAP service: shared by its listeners.
pub struct Server {
    /// How it behaves.
    pub config: Config,
    /// The verbs.
    pub services: Services,
    /// The server's certificate; without one there is no TLS, hence no login.
    pub tls: Option<TlsAcceptor>,
    /// The clock seam.
    pub clock: SharedClock,
}

impl Server {
    /// Accepts until `shutdown` turns true, then lets the open sessions finish their command.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, door: Door, shutdown: watch::Receiver<bool>) {
        let stop = shutdown.clone();
        listen::serve(listener, self.config.connections, shutdown, |stream, remote| {
            Arc::clone(&self).converse(Box::new(stream), remote, door, stop.clone())
        })
        .await;
    }

    /// Holds one session over any stream, from greeting to goodbye.
    pub async fn converse(
        self: Arc<Self>,
        stream: Box<dyn Duplex>,
        remote: SocketAddr,
        door: Door,
        shutdown: watch::Receiver<bool>,
    ) {
        let span = tracing::info_span!("imap", %remote);
        let client = Client { protocol: "IMAP4", address: remote.ip(), agent: None };
        let session = Session::new(self, Link::new(stream, shutdown), client);
        session.run(door).instrument(span).await;
    }
}
