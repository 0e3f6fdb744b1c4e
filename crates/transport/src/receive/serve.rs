//! The doors: accepts connections, keeps the limits on their number, and drains them on shutdown.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use base::{
    Rng,
    clock::SharedClock,
    net::{TcpListener, TcpStream},
};
use bytes::BytesMut;
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
};
use tokio_rustls::TlsAcceptor;
use tracing::Instrument;
use wire::smtp::Reply;

use super::{
    Intake, ReceiveConnector, Session,
    census::{Census, Ticket},
    channel::stopped,
    connector::select,
    session::{Conversation, House},
};
use crate::{metrics, stream::Transport};

/// How long sessions may finish what they are doing after shutdown was asked for.
const GRACE: Duration = Duration::from_secs(30);
/// The rest after `accept` failed for want of descriptors or memory: others must be able to finish.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(10);

const TOO_MANY_CONNECTIONS: Reply = Reply::new(
    421,
    (4, 3, 2),
    "The maximum number of concurrent connections has exceeded a limit, closing transmission channel",
);

/// Whether TLS starts at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// In the clear, with STARTTLS where the connector offers it.
    Plain,
    /// TLS from the first byte (RFC 8314).
    ImplicitTls,
}

/// What a receiver needs from the house around it.
pub struct Settings {
    /// The server's certificate; without one there is no TLS, hence no AUTH.
    pub tls: Option<TlsAcceptor>,
    /// The clock seam.
    pub clock: SharedClock,
    /// The randomness seam.
    pub rng: Arc<dyn Rng>,
}

/// The way in: shared by all listeners of a server.
pub struct Receiver<I> {
    house: House<I>,
    connectors: ArcSwap<Vec<Arc<ReceiveConnector>>>,
    pub(super) census: Arc<Census>,
    next_session: std::sync::atomic::AtomicU64,
}

impl<I: Intake> Receiver<I> {
    /// A receiver that answers by `connectors`.
    pub fn new(intake: I, connectors: Vec<Arc<ReceiveConnector>>, settings: Settings) -> Self {
        let Settings { tls, clock, rng } = settings;
        // Numbers start at the time, so that those of an earlier run do not come again.
        let first = clock.now().micros.unsigned_abs();
        Self {
            house: House { intake, tls, clock, rng },
            connectors: ArcSwap::from_pointee(connectors),
            census: Arc::default(),
            next_session: first.into(),
        }
    }

    /// Changes the connectors; connections already open keep theirs.
    pub fn set_connectors(&self, connectors: Vec<Arc<ReceiveConnector>>) {
        self.connectors.store(Arc::new(connectors));
    }

    /// Accepts until `shutdown` turns true (or its sender is gone), then lets the open sessions finish
    /// their command and says goodbye.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        door: Door,
        mut shutdown: watch::Receiver<bool>,
    ) {
        let mut sessions = JoinSet::new();
        let stop = shutdown.clone();
        loop {
            tokio::select! {
                biased;
                () = stopped(&mut shutdown) => break,
                Some(ended) = sessions.join_next() => report(ended),
                accepted = listener.accept() => match accepted {
                    Ok((stream, remote)) => {
                        if let Err(error) = self.admit(stream, remote, door, &stop, &mut sessions) {
                            tracing::debug!(%remote, %error, "lost before it began");
                        }
                    }
                    Err(error) => self.pause_after(&error).await,
                },
            }
        }
        drop(listener);
        let drained = async {
            while let Some(ended) = sessions.join_next().await {
                report(ended);
            }
        };
        if tokio::time::timeout(GRACE, drained).await.is_err() {
            tracing::warn!(sessions = sessions.len(), "sessions cut off by shutdown");
            sessions.shutdown().await;
        }
    }

    /// A failed `accept`: a peer that left is nothing; without descriptors somebody must go, and trying
    /// again at once would only burn time.
    async fn pause_after(&self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
        if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | WouldBlock) {
            tracing::warn!(%error, "cannot accept connections");
            self.census.make_room();
            tokio::time::sleep(EXHAUSTED_PAUSE).await;
        }
    }

    /// Starts a session for a new connection, if there is a connector and room for it.
    fn admit(
        self: &Arc<Self>,
        stream: TcpStream,
        remote: SocketAddr,
        door: Door,
        stop: &watch::Receiver<bool>,
        sessions: &mut JoinSet<()>,
    ) -> io::Result<()> {
        let local = stream.local_addr()?;
        let Some(connector) = select(&self.connectors.load(), local, remote.ip()) else {
            tracing::debug!(%remote, %local, "no receive connector for this peer");
            return Ok(());
        };
        stream.set_nodelay(true)?;
        let Some(ticket) = self.census.admit(&connector, remote.ip()) else {
            tracing::debug!(%remote, connector = connector.name, "too many connections");
            metrics::connection("refused");
            return refuse(&stream, door);
        };
        let (receiver, stop) = (Arc::clone(self), stop.clone());
        sessions.spawn(async move {
            let outcome = tokio::select! {
                () = receiver.converse(stream, &ticket, connector, [local, remote], door, stop) => "ended",
                () = ticket.evicted() => "evicted",
            };
            metrics::connection(outcome);
        });
        Ok(())
    }

    /// Holds one session over any stream, from greeting to goodbye. `ends` are our address and the peer's.
    pub(super) async fn converse<S: Transport>(
        &self,
        stream: S,
        ticket: &Ticket,
        connector: Arc<ReceiveConnector>,
        ends: [SocketAddr; 2],
        door: Door,
        stop: watch::Receiver<bool>,
    ) {
        let id = self.next_session.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let [local, remote] = ends;
        let span = tracing::info_span!("smtp_receive", id, connector = connector.name, %remote);
        let session = Session {
            id,
            connector,
            remote,
            local,
            helo: String::new(),
            extended: false,
            tls: None,
            identity: None,
        };
        let conversation = Conversation::new(&self.house, ticket, stream, session, stop);
        conversation.run(door == Door::ImplicitTls).instrument(span).await;
    }
}

/// One line for a peer there is no room for; whether it can be written is not waited for.
fn refuse(stream: &TcpStream, door: Door) -> io::Result<()> {
    if door == Door::Plain {
        let mut out = BytesMut::new();
        TOO_MANY_CONNECTIONS.write_to(&mut out);
        stream.try_write(&out)?;
    }
    Ok(())
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a session failed");
    }
}
