//! What the tests of both directions share: a certificate.

use std::sync::Arc;

use tokio_rustls::{TlsAcceptor, rustls};

/// The name the test certificate is good for.
pub(crate) const SERVER_NAME: &str = "mail.here.example";

/// A self-signed certificate and a server that shows it.
pub(crate) fn identity() -> (rustls::pki_types::CertificateDer<'static>, TlsAcceptor) {
    let made = rcgen::generate_simple_self_signed(vec![SERVER_NAME.to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .unwrap();
    (certificate, TlsAcceptor::from(Arc::new(config)))
}

/// The server half of [`identity`].
pub(crate) fn acceptor() -> TlsAcceptor {
    identity().1
}
