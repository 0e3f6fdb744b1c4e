//! An SMTP server that takes every message and keeps none: to try clients against the session, and to
//! measure it alone. `cargo run --release -p rialto-transport --example sink -- 127.0.0.1:2525`

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use base::{Fault, FaultKind, clock::SystemClock, rng::SystemRng};
use tokio::sync::watch;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer},
};
use transport::receive::{
    Credentials, Door, Identity, Intake, Mail, Receipt, ReceiveConnector, Receiver, Refusal, Session,
    Settings,
};
use wire::smtp::{MailFrom, RcptTo};

#[derive(Default)]
struct Sink(AtomicU64);

impl Intake for Sink {
    async fn connected(&self, _: &Session) -> Result<(), Refusal> {
        Ok(())
    }
    async fn authenticate(&self, _: &Session, _: &Credentials) -> Result<Identity, Fault> {
        Err(Fault::new(FaultKind::Unauthenticated, "LogonFailed", "Nobody is known here"))
    }
    async fn sender(&self, _: &Session, _: &MailFrom) -> Result<(), Refusal> {
        Ok(())
    }
    async fn recipient(&self, _: &Session, _: &MailFrom, _: &RcptTo) -> Result<(), Refusal> {
        Ok(())
    }
    async fn accept(&self, _: &Session, _: Mail) -> Result<Receipt, Refusal> {
        Ok(Receipt { internal_id: self.0.fetch_add(1, Ordering::Relaxed) + 1 })
    }
}

type Trouble = Box<dyn std::error::Error>;

fn acceptor() -> Result<TlsAcceptor, Trouble> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[tokio::main]
async fn main() -> Result<(), Trouble> {
    let address: SocketAddr = std::env::args().nth(1).unwrap_or("127.0.0.1:2525".to_owned()).parse()?;
    let connector =
        ReceiveConnector { bindings: vec![address], ..ReceiveConnector::frontend("Sink", "localhost") };
    let settings =
        Settings { tls: Some(acceptor()?), clock: Arc::new(SystemClock), rng: Arc::new(SystemRng) };
    let receiver = Arc::new(Receiver::new(Sink::default(), vec![Arc::new(connector)], settings));
    let stop = watch::Sender::new(false);
    let serving = tokio::spawn(receiver.serve(base::net::listen(address)?, Door::Plain, stop.subscribe()));
    tokio::signal::ctrl_c().await?;
    stop.send_replace(true);
    serving.await?;
    Ok(())
}
