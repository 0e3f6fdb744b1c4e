//! Peers that break the protocol, fall silent, move, or come back.

use std::{sync::Arc, time::Duration};

use base::net::{TcpListener, TcpStream};
use dag::link::{Audience, Host, LinkError, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{LONG, Organization, Server, TEST, run};

/// A relay between a server and the others, which can be told to swallow everything.
struct Relay {
    address: String,
    silent: tokio::sync::watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Relay {
    async fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let silent = tokio::sync::watch::channel(false).0;
        let quiet = silent.subscribe();
        let task = tokio::spawn(async move {
            let mut pairs = tokio::task::JoinSet::new();
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let Ok(far) = TcpStream::connect(&target).await else { continue };
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                pairs.spawn(pump(near_in, far_out, quiet.clone()));
                pairs.spawn(pump(far_in, near_out, quiet.clone()));
            }
        });
        Self { address, silent, task }
    }
}

async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    silent: tokio::sync::watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if !*silent.borrow() && to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

fn host(server: &Server, address: String) -> Host {
    Host { addresses: vec![address], key: Some(server.key.fingerprint()) }
}

#[test]
fn a_peer_that_falls_silent_is_dead_after_a_few_heartbeats_and_comes_back() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let _echo = b.echo();
        let relay = Relay::to(b.links.address().unwrap().to_string()).await;
        organization.change(|roster| _ = roster.insert(b.guid, host(&b, relay.address.clone())));
        let through = relay.address.clone();
        let is_through = |state: &dag::link::LinkState| {
            state.status == Status::Up && state.address.is_some_and(|used| used.to_string() == through)
        };
        a.until(b.guid, "through the relay", is_through).await;
        assert_eq!(a.call(&b, b"heard").await.unwrap(), "heard");
        relay.silent.send_replace(true);
        let error = a.call(&b, b"not heard").await.unwrap_err();
        // Both ends notice by themselves; the first one to do so closes.
        assert!(matches!(error, LinkError::Lost(_)) && error.is_unknown(), "{error}");
        relay.silent.send_replace(false);
        a.until_up(&b).await;
        assert_eq!(a.call(&b, b"again").await.unwrap(), "again");
        relay.task.abort();
    });
}

#[test]
fn a_server_that_moves_is_followed_at_once() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let _echo = b.echo();
        a.until_up(&b).await;
        // The same server at another address; the old one still answers.
        let moved = organization.start(organization.identity(b.guid, &b.key));
        let address = moved.address().unwrap();
        organization.change(|roster| _ = roster.insert(b.guid, host(&b, address.to_string())));
        a.until(b.guid, "at the new address", |state| state.address == Some(address)).await;
    });
}

#[test]
fn the_second_address_is_used_where_the_first_is_dead() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let address = b.links.address().unwrap();
        let addresses = vec![dead.to_string(), "no.such.host.invalid:1".into(), address.to_string()];
        let host = Host { addresses, ..host(&b, String::new()) };
        organization.change(|roster| _ = roster.insert(b.guid, host));
        a.until(b.guid, "at its second address", |state| state.address == Some(address)).await;
    });
}

#[test]
fn a_server_that_was_down_is_found_again() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let _echo = b.echo();
        a.until_up(&b).await;
        let address = b.links.address().unwrap();
        let Server { guid, key, links } = b;
        links.close().await;
        drop(links);
        let down = a.until(guid, "down", |state| state.status == Status::Down && !state.incoming).await;
        assert!(down.failure.is_some());
        let links = organization.start(organization.identity(guid, &key));
        let b = Server { guid, key, links };
        let _echo = b.echo();
        assert_ne!(b.links.address().unwrap(), address);
        organization.enter(&b, b.links.address().unwrap().to_string());
        a.until_up(&b).await;
        assert_eq!(a.call(&b, b"back").await.unwrap(), "back");
    });
}

#[test]
fn whoever_speaks_something_else_is_let_go_and_harms_nobody() {
    run(async {
        let organization = Organization::new();
        let (a, b) = (organization.server(), organization.server());
        let _echo = b.echo();
        let address = b.links.address().unwrap();
        let mut lingering = Vec::new();
        for said in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", &[0x16, 3, 1, 255, 255], &[0; 4096]] {
            let mut socket = TcpStream::connect(address).await.unwrap();
            socket.write_all(said).await.unwrap();
            lingering.push(socket);
        }
        assert_eq!(a.call(&b, b"meanwhile").await.unwrap(), "meanwhile");
        // Each of them is let go, the silent one when its time is over.
        for mut socket in lingering {
            let mut rest = Vec::new();
            let ended = tokio::time::timeout(LONG, socket.read_to_end(&mut rest)).await;
            assert!(ended.is_ok());
        }
    });
}

#[test]
fn a_peer_with_a_certificate_that_breaks_the_protocol_is_cut_off() {
    use dag::link::frame::{Frame, Hello, MAGIC, PAYLOAD_MAX, Style};
    run(async {
        let organization = Organization::new();
        let a = organization.server();
        let _echo = a.echo();
        let hello = |oldest, newest| {
            Frame::Hello(Hello { magic: MAGIC, oldest, newest, now_micros: 0, program: "x".into() })
        };
        let data = |len| Frame::Data { stream: 1, payload: vec![0; len].into(), last: false };
        let open =
            || Frame::Open { stream: 1, endpoint: TEST, style: Style::Stream, head: bytes::Bytes::new() };
        // A stream that nobody reads.
        let _never = a.links.register_stream(Audience::Guests, TEST, |_, _, sink, source| async move {
            let _held = (sink, source);
            std::future::pending::<()>().await;
        });
        // A rogue that is a guest can break as much as a server can.
        let address = a.links.address().unwrap();
        let cases: Vec<(&str, Vec<Frame>, &str)> = vec![
            ("a version of the future", vec![hello(7, 9)], "Version(1, 1)"),
            ("two introductions", vec![hello(1, 1), hello(1, 1)], "introduces itself twice"),
            ("the same stream twice", vec![hello(1, 1), open(), open()], "opens a stream twice"),
            ("too long a frame", vec![hello(1, 1), open(), data(PAYLOAD_MAX + 1)], "a frame of"),
        ];
        for (what, frames, expected) in cases {
            let said = rogue_says(address, &frames).await;
            assert!(said.contains(expected), "{what}: {said}");
        }
        // More than it has credit for.
        let mut frames = vec![hello(1, 1), open()];
        frames.extend((0..65).map(|_| data(PAYLOAD_MAX)));
        let said = rogue_says(address, &frames).await;
        assert!(said.contains("more than it has credit for"), "{said}");
    });
}

/// Says frames over TLS as a guest and returns the last frame that is answered.
async fn rogue_says(address: std::net::SocketAddr, frames: &[dag::link::frame::Frame]) -> String {
    let config = rogue_tls();
    let socket = TcpStream::connect(address).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("any.server.rialto.internal").unwrap();
    let mut socket = tokio_rustls::TlsConnector::from(config).connect(name, socket).await.unwrap();
    let mut wire = bytes::BytesMut::new();
    frames.iter().for_each(|frame| frame.encode(&mut wire));
    let _ = socket.write_all(&wire).await;
    let _ = socket.flush().await;
    let (mut buffer, mut last) = (bytes::BytesMut::new(), None);
    loop {
        let read = tokio::time::timeout(Duration::from_secs(30), socket.read_buf(&mut buffer)).await;
        if matches!(read.expect("it is not let go"), Ok(0) | Err(_)) {
            return format!("{last:?}");
        }
        while let Ok(Some(frame)) = dag::link::frame::Frame::decode(&mut buffer) {
            last = Some(frame);
        }
    }
}

/// Trusts whatever it finds: the rogue does not care.
fn rogue_tls() -> Arc<rustls::ClientConfig> {
    #[derive(Debug)]
    struct Careless;
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    impl ServerCertVerifier for Careless {
        fn verify_server_cert(
            &self,
            _: &rustls::pki_types::CertificateDer<'_>,
            _: &[rustls::pki_types::CertificateDer<'_>],
            _: &rustls::pki_types::ServerName<'_>,
            _: &[u8],
            _: rustls::pki_types::UnixTime,
        ) -> Result<ServerCertVerified, rustls::Error> {
            Ok(ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &rustls::pki_types::CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &rustls::pki_types::CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
            rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Careless))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"rialto-link".to_vec()];
    Arc::new(config)
}
