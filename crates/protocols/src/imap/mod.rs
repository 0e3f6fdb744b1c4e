//! IMAP4rev1 and rev2: sessions over `services`. The way in is here; the loop is in `session`,
//! each family of commands in its own file.

mod acl;
mod append;
mod capability;
mod compress;
mod context;
mod criteria;
mod fetch;
mod folders;
mod idle;
mod list;
mod login;
mod metadata;
mod names;
mod notify;
mod objectid;
mod pages;
mod quota;
mod reply;
mod results;
mod search;
mod select;
mod session;
mod sort;
mod store;
mod thread;
mod transfer;
mod view;

use std::{net::SocketAddr, sync::Arc};

use base::{clock::SharedClock, neighbours::Duplex, net::TcpListener};
use services::{Arrival, Client, Services};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tracing::Instrument;

use crate::{
    link::{Counted, Link},
    listen::{self, Door, Settings},
};
use session::Session;

/// The protocol's name in logon statistics and metrics.
pub const PROTOCOL: &str = "IMAP4";

/// The largest message APPEND takes where nothing else is set, bytes.
pub const APPEND_MAX: u32 = 36 << 20;

/// The IMAP service: shared by its listeners.
pub struct Server {
    /// How it behaves.
    pub settings: Settings,
    /// The largest message APPEND takes, bytes.
    pub append_max: u32,
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
        listen::serve(PROTOCOL, listener, self.settings.connections, shutdown, |stream, remote| {
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
        let client = Client { protocol: PROTOCOL, address: remote.ip(), agent: None };
        let session = Session::new(self, Link::new(stream, shutdown), client);
        session.run(door).instrument(span).await;
    }

    /// Holds the rest of a session that another server has handed over, from the answer to the log-on.
    pub async fn resume(self: Arc<Self>, arrival: Arrival, shutdown: watch::Receiver<bool>) {
        let Arrival { mailbox, standing, conversation } = arrival;
        let client = mailbox.caller().client.clone();
        let _counted = Counted::new(PROTOCOL, "in");
        let span = tracing::info_span!("imap", remote = %client.address, carried = true);
        let link = Link::carried(conversation, standing.secure, shutdown);
        Session::new(self, link, client).resume(mailbox, standing).instrument(span).await;
    }
}
