//! Makes and keeps the connection to one other server.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use base::{Guid, clock::SharedClock, net};
use bytes::BytesMut;
use rustls::pki_types::ServerName;
use tokio::{sync::watch, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    connection::{self, Begin, Core, HANDSHAKE, Heard},
    error::LinkError,
    frame::{Frame, Goodbye},
    links::{Shared, Slot},
    tls,
    types::{Audience, Host, Peer, Roster, Status},
};

/// How long connecting to one address may take.
const CONNECT: Duration = Duration::from_secs(3);
/// The first pause after an attempt that failed; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// A connection that lasted so long was a good one: the pauses begin anew.
const GOOD: Duration = Duration::from_secs(10);

/// A connection that has been made and not begun.
pub(crate) struct Dialled {
    pub(crate) socket: TlsStream<net::TcpStream>,
    pub(crate) buffer: BytesMut,
    pub(crate) core: Arc<Core>,
    /// The address that led there, as the roster has it.
    name: String,
}

/// Keeps the link to a server for as long as the roster holds it.
pub(crate) async fn keep(shared: Arc<Shared>, slot: Arc<Slot>) {
    let mut roster = shared.roster.clone();
    let mut pause = PAUSE_MIN;
    loop {
        let Some(host) = roster.borrow_and_update().get(&slot.server).cloned() else { return };
        let failure = match dial(&shared, &slot, &host).await {
            Ok(dialled) => {
                let begun = shared.clock.monotonic();
                let why = hold(&shared, &slot, &mut roster, dialled).await;
                if shared.clock.monotonic().saturating_sub(begun) > GOOD {
                    pause = PAUSE_MIN;
                }
                why
            }
            Err(error) => error,
        };
        if *shared.stopping.borrow() || !roster.borrow().contains_key(&slot.server) {
            return;
        }
        shared.report(&slot, Status::Down, Some(failure.to_string()));
        let changed = becomes(&mut roster, |roster| roster.get(&slot.server) != Some(&host));
        // Half of the pause by chance, so that many servers do not come at once.
        let chance = shared.rng.below(u64::try_from(pause.as_micros()).unwrap_or(u64::MAX).max(1));
        let rest = pause / 2 + Duration::from_micros(chance) / 2;
        pause = tokio::select! {
            () = tokio::time::sleep(rest) => (pause * 2).min(PAUSE_MAX),
            () = changed => PAUSE_MIN,
            // The server has just come to us: it is there.
            () = slot.nudge.notified() => PAUSE_MIN,
        };
    }
}

/// Runs a connection until it ends, or another address takes its place.
async fn hold(
    shared: &Arc<Shared>,
    slot: &Arc<Slot>,
    roster: &mut watch::Receiver<Arc<Roster>>,
    dialled: Dialled,
) -> LinkError {
    let Dialled { socket, buffer, core, name } = dialled;
    shared.connected(slot, core.clone());
    let running = connection::run(core.clone(), socket, buffer, shared.registry.clone());
    tokio::pin!(running);
    let moved =
        |roster: &Arc<Roster>| roster.get(&slot.server).is_none_or(|host| !host.addresses.contains(&name));
    tokio::select! {
        biased;
        why = &mut running => return why,
        () = becomes(roster, moved) => core.kill(Goodbye::Replaced),
        // New calls wait for another connection while this one finishes what is open.
        () = core.draining() => {
            shared.report(slot, Status::Down, Some("one of the servers is stopping".into()));
        }
    }
    running.await
}

/// Waits for a roster of which `condition` holds.
async fn becomes(roster: &mut watch::Receiver<Arc<Roster>>, condition: impl FnMut(&Arc<Roster>) -> bool) {
    if roster.wait_for(condition).await.is_err() {
        // There will be no other.
        std::future::pending().await
    }
}

/// Tries the addresses of a server one after the other.
async fn dial(shared: &Shared, slot: &Slot, host: &Host) -> Result<Dialled, LinkError> {
    let mut failure = LinkError::Io("no address is known".into());
    for name in &host.addresses {
        let found = match timeout(CONNECT, net::resolve(name)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                failure = LinkError::Io(format!("{name}: {error}"));
                continue;
            }
            Err(_) => {
                failure = LinkError::Io(format!("{name}: the name is not resolved in time"));
                continue;
            }
        };
        for address in found {
            let settings = shared.tls.load().dialling.clone();
            let attempt = Attempt { address, settings, expected: tls::server_name(slot.server)? };
            let check = |owner: Option<(Guid, [u8; 32])>| {
                let (server, key) = owner.ok_or_else(|| LinkError::Io("it shows no certificate".into()))?;
                if server != slot.server || host.key.is_some_and(|expected| expected != key) {
                    return Err(LinkError::Certificate(format!("{server} is there, with another key")));
                }
                Ok(Some(key))
            };
            match attempt.make(&shared.clock, slot.server, Audience::Servers, slot.heard.clone(), check).await
            {
                Ok((socket, buffer, core)) => {
                    return Ok(Dialled { socket, buffer, core, name: name.clone() });
                }
                Err(error) => failure = LinkError::Io(format!("{name} ({address}): {error}")),
            }
        }
    }
    Err(failure)
}

/// One address.
pub(crate) struct Attempt {
    pub(crate) address: SocketAddr,
    pub(crate) settings: Arc<rustls::ClientConfig>,
    pub(crate) expected: ServerName<'static>,
}

type Made = (TlsStream<net::TcpStream>, BytesMut, Arc<Core>);

impl Attempt {
    /// Connects, proves who is there, and introduces this server.
    pub(crate) async fn make(
        self,
        clock: &SharedClock,
        server: Guid,
        audience: Audience,
        link_heard: Heard,
        check: impl FnOnce(Option<(Guid, [u8; 32])>) -> Result<Option<[u8; 32]>, LinkError>,
    ) -> Result<Made, LinkError> {
        let io = |error: std::io::Error| LinkError::Io(error.to_string());
        let socket = net::connect(self.address, None, CONNECT).await.map_err(io)?;
        net::prefer_latency(&socket).map_err(io)?;
        let handshake = async {
            let connector = TlsConnector::from(self.settings);
            let mut socket = connector.connect(self.expected, socket).await.map_err(io)?;
            let certificate = socket.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            let key = check(certificate.map(tls::owner).transpose()?)?;
            let before = clock.now().micros;
            connection::send(&mut socket, &Frame::Hello(connection::hello(clock))).await.map_err(io)?;
            let mut buffer = BytesMut::new();
            let welcome = match connection::receive(&mut socket, &mut buffer).await? {
                Frame::Welcome(welcome) => welcome,
                Frame::Goodbye(reason) => return Err(LinkError::Lost(connection::heard(&reason))),
                _ => return Err(LinkError::Io("it answers with something else than a welcome".into())),
            };
            connection::fits(&welcome).map_err(|reason| LinkError::Io(connection::said(&reason)))?;
            // Its clock was read about in the middle.
            let now = clock.now().micros;
            let clock_ahead = welcome.now_micros.saturating_sub(before / 2 + now / 2);
            let peer = Peer { server, address: self.address };
            let clock = clock.clone();
            let begin = Begin { peer, audience, key, clock, link_heard, accepted: false, clock_ahead };
            Ok((socket, buffer, Core::new(begin)))
        };
        timeout(HANDSHAKE, handshake)
            .await
            .map_err(|_| LinkError::Io("the handshake takes too long".into()))?
    }
}
