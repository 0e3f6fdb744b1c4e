//! The doors of the line-based protocols: accepts connections, limits their number, drains them on shutdown.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use base::{
    census::{Census, Place},
    net::{TcpListener, TcpStream, source},
};
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
};

/// How long sessions may finish what they are doing after shutdown was asked for.
const GRACE: Duration = Duration::from_secs(30);
/// The rest after `accept` failed for want of descriptors or memory: others must be able to finish.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Whether TLS starts at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// In the clear, with STARTTLS (or STLS).
    Plain,
    /// TLS from the first byte (RFC 8314).
    ImplicitTls,
}

/// How many connections a protocol holds at a time.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// `MaxConnections`
    pub total: usize,
    /// `MaxConnectionFromSingleIP`; loopback is exempt, an IPv6 /64 counts as one.
    pub from_single_ip: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        ConnectionLimits { total: 20_000, from_single_ip: 1_000 }
    }
}

/// How a service behaves; the names are those of `Set-ImapSettings` and `Set-PopSettings`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `Banner`: what the greeting says.
    pub banner: String,
    /// Passwords may cross an unprotected connection from this machine (`LoginType` PlainTextLogin). For
    /// measurements; never for real users.
    pub allow_plaintext: bool,
    /// `PreAuthenticatedConnectionTimeout`: for one command, until the client has authenticated.
    pub preauth_timeout: Duration,
    /// `AuthenticatedConnectionTimeout`: of silence, afterwards.
    pub idle_timeout: Duration,
    /// Refused passwords before the connection is closed.
    pub auth_failures_max: u32,
    /// Connections at a time.
    pub connections: ConnectionLimits,
}

impl Settings {
    /// The product's defaults, with what the greeting says.
    pub fn new(banner: impl Into<String>) -> Self {
        Settings {
            banner: banner.into(),
            allow_plaintext: false,
            preauth_timeout: Duration::from_mins(1),
            idle_timeout: Duration::from_mins(30),
            auth_failures_max: 3,
            connections: ConnectionLimits::default(),
        }
    }
}

/// Accepts until `shutdown` turns true (or its sender is gone), then lets the open sessions say goodbye.
/// `protocol` names it in the metrics; `session` holds one conversation with the peer at the address given.
pub(crate) async fn serve<F>(
    protocol: &'static str,
    listener: TcpListener,
    limits: ConnectionLimits,
    mut shutdown: watch::Receiver<bool>,
    session: impl Fn(TcpStream, SocketAddr) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let doorkeeper = Doorkeeper::default();
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut shutdown) => break,
            Some(ended) = sessions.join_next() => report(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, remote)) => {
                    let Some(place) = doorkeeper.admit(limits, remote.ip()) else {
                        tracing::debug!(%remote, "too many connections");
                        continue;
                    };
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%remote, %error, "lost before it began");
                        continue;
                    }
                    let session = session(stream, remote);
                    sessions.spawn(async move {
                        let open = metrics::gauge!("rialto_connections", "protocol" => protocol);
                        open.increment(1.0);
                        let _place = place;
                        session.await;
                        open.decrement(1.0);
                    });
                }
                Err(error) => pause_after(&error).await,
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

/// Waits until the server is to stop, or nobody is left to say so.
pub(crate) async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    shutdown.wait_for(|stop| *stop).await.ok();
}

/// A failed `accept`: a peer that left is nothing; without descriptors, trying at once only burns time.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | WouldBlock) {
        tracing::warn!(%error, "cannot accept connections");
        tokio::time::sleep(EXHAUSTED_PAUSE).await;
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a session failed");
    }
}

/// Open connections: all of them, and by source.
#[derive(Default)]
struct Doorkeeper {
    all: Arc<Census<()>>,
    by_source: Arc<Census<IpAddr>>,
}

impl Doorkeeper {
    /// The places a connection takes, if there are any.
    fn admit(&self, limits: ConnectionLimits, remote: IpAddr) -> Option<(Place<()>, Option<Place<IpAddr>>)> {
        let (source, all) = (source(remote), self.all.admit((), limits.total)?);
        if source.is_loopback() {
            return Some((all, None));
        }
        let of_source = self.by_source.admit(source, limits.from_single_ip)?;
        Some((all, Some(of_source)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_and_places_come_back() {
        let doorkeeper = Doorkeeper::default();
        let limits = ConnectionLimits { total: 4, from_single_ip: 2 };
        let admit = |remote: &str| doorkeeper.admit(limits, remote.parse().unwrap());
        let (first, _second) = (admit("2001:db8::1").unwrap(), admit("2001:db8::2:1").unwrap());
        assert!(admit("2001:db8::3").is_none(), "one /64 is one source");
        let (_third, _fourth) = (admit("127.0.0.1").unwrap(), admit("::ffff:127.0.0.1").unwrap());
        assert!(admit("127.0.0.1").is_none(), "all places are taken");
        drop(first);
        assert!(admit("2001:db8::3").is_some());
    }

    #[tokio::test]
    async fn sessions_run_and_are_drained() {
        let listener = base::net::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, shutdown) = watch::channel(false);
        let watched = shutdown.clone();
        let server =
            tokio::spawn(serve("X", listener, ConnectionLimits::default(), shutdown, move |stream, _| {
                let mut shutdown = watched.clone();
                async move {
                    let _open = stream;
                    stopped(&mut shutdown).await;
                }
            }));
        let _client = base::net::connect(address, None, Duration::from_secs(5)).await.unwrap();
        stop.send(true).unwrap();
        tokio::time::timeout(Duration::from_secs(5), server).await.unwrap().unwrap();
    }
}
