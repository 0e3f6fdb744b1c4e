//! Takes the connections of other servers, and of guests.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use base::{Guid, net};
use bytes::BytesMut;
use tokio::{sync::Semaphore, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    connection::{self, Begin, Core, HANDSHAKE},
    error::LinkError,
    frame::{Frame, Goodbye},
    links::Shared,
    tls,
    types::{Audience, Peer},
};

/// Handshakes under way at a time; further connections wait in the kernel's queue.
const HANDSHAKES_MAX: usize = 64;
/// Guests at a time.
const GUESTS_MAX: usize = 8;
/// The rest after `accept` failed for want of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts until the links are closed.
pub(crate) async fn serve(shared: Arc<Shared>, listener: net::TcpListener) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    let guests = Arc::new(Semaphore::new(GUESTS_MAX));
    let mut stopping = shared.stopping.subscribe();
    loop {
        let Ok(handshake) = handshakes.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            biased;
            _ = stopping.wait_for(|stop| *stop) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, address)) => {
                let (shared, guests) = (shared.clone(), guests.clone());
                tokio::spawn(async move {
                    let greeted = timeout(HANDSHAKE, greet(&shared, socket, address)).await;
                    drop(handshake);
                    match greeted {
                        Ok(Ok(accepted)) => accepted.run(&shared, &guests).await,
                        Ok(Err(error)) => tracing::debug!(%address, %error, "a link was not accepted"),
                        Err(_) => tracing::debug!(%address, "the handshake of a link takes too long"),
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the links' port cannot accept");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// A connection that has introduced itself.
struct Accepted {
    socket: TlsStream<net::TcpStream>,
    buffer: BytesMut,
    core: Arc<Core>,
}

/// TLS, who it is, and the introductions.
async fn greet(
    shared: &Arc<Shared>,
    socket: net::TcpStream,
    address: SocketAddr,
) -> Result<Accepted, LinkError> {
    let io = |error: std::io::Error| LinkError::Io(error.to_string());
    net::prefer_latency(&socket).map_err(io)?;
    let acceptor = TlsAcceptor::from(shared.tls.load().accepting.clone());
    let mut socket = acceptor.accept(socket).await.map_err(io)?;
    let certificate = socket.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let owner = certificate.map(tls::owner).transpose()?;
    let mut buffer = BytesMut::new();
    let Frame::Hello(hello) = connection::receive(&mut socket, &mut buffer).await? else {
        return Err(LinkError::Io("it does not introduce itself".into()));
    };
    let welcome = connection::fits(&hello).and_then(|()| match owner {
        Some((server, key)) if !shared.knows(server, Some(key)) => Err(Goodbye::Stranger),
        _ => Ok(()),
    });
    if let Err(goodbye) = welcome {
        connection::send(&mut socket, &Frame::Goodbye(goodbye.clone())).await.map_err(io)?;
        return Err(LinkError::Io(connection::said(&goodbye)));
    }
    connection::send(&mut socket, &Frame::Welcome(connection::hello(&shared.clock))).await.map_err(io)?;
    let (server, key) = owner.map_or((Guid::EMPTY, None), |(server, key)| (server, Some(key)));
    let audience = if owner.is_some() { Audience::Servers } else { Audience::Guests };
    let core = Core::new(Begin {
        peer: Peer { server, address },
        audience,
        key,
        clock: shared.clock.clone(),
        link_heard: shared.heard(server),
        accepted: true,
        clock_ahead: hello.now_micros.saturating_sub(shared.clock.now().micros),
    });
    Ok(Accepted { socket, buffer, core })
}

impl Accepted {
    async fn run(self, shared: &Arc<Shared>, guests: &Semaphore) {
        let Accepted { socket, buffer, core } = self;
        let place = match core.audience {
            Audience::Guests => {
                let place = guests.try_acquire();
                if place.is_err() {
                    core.kill(Goodbye::Busy);
                }
                place.ok()
            }
            Audience::Servers => {
                shared.came(&core);
                None
            }
        };
        let why = connection::run(core.clone(), socket, buffer, shared.registry.clone()).await;
        tracing::debug!(peer = %core.peer.server, address = %core.peer.address, %why, "an incoming link ended");
        shared.went(&core);
        drop(place);
    }
}
