//! TLS between servers: version 1.3 only, both sides with certificates of the organisation's authority. The
//! standard verifiers do the checking; what is ours is which names mean which server.

use std::sync::Arc;

use base::Guid;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::WebPkiClientVerifier,
    version::TLS13,
};

use super::{
    authority::{ANY_SERVER, Identity, fingerprint, name_of, server_of, spki_of},
    error::LinkError,
};

/// The protocol's name in the handshake (ALPN).
const PROTOCOL: &[u8] = b"rialto-link";

fn failed(error: impl std::fmt::Display) -> LinkError {
    LinkError::Certificate(error.to_string())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn roots(authority: &CertificateDer<'_>) -> Result<Arc<RootCertStore>, LinkError> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone().into_owned()).map_err(failed)?;
    Ok(Arc::new(roots))
}

/// How this server accepts: a peer shows a certificate of the authority, or none (a guest).
pub(crate) fn accepting(identity: &Identity) -> Result<Arc<ServerConfig>, LinkError> {
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(&identity.authority)?, provider())
        .allow_unauthenticated()
        .build()
        .map_err(failed)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(failed)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain(identity), identity.key.clone_key())
        .map_err(failed)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    // Every connection proves anew who is there.
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// How this server dials another.
pub(crate) fn dialling(identity: &Identity) -> Result<Arc<ClientConfig>, LinkError> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(failed)?
        .with_root_certificates(roots(&identity.authority)?)
        .with_client_auth_cert(chain(identity), identity.key.clone_key())
        .map_err(failed)?;
    finish(&mut config);
    Ok(Arc::new(config))
}

/// How a guest dials: any server whose authority's certificate has this fingerprint.
pub(crate) fn visiting(authority: [u8; 32]) -> Result<Arc<ClientConfig>, LinkError> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { authority, provider: provider() }))
        .with_no_client_auth();
    finish(&mut config);
    Ok(Arc::new(config))
}

fn finish(config: &mut ClientConfig) {
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.resumption = Resumption::disabled();
}

fn chain(identity: &Identity) -> Vec<CertificateDer<'static>> {
    vec![identity.certificate.clone(), identity.authority.clone()]
}

/// The name to ask for when dialling a server.
pub(crate) fn server_name(server: Guid) -> Result<ServerName<'static>, LinkError> {
    ServerName::try_from(name_of(server)).map_err(failed)
}

/// The name to ask for where any server will do.
pub(crate) fn any_server() -> Result<ServerName<'static>, LinkError> {
    ServerName::try_from(ANY_SERVER).map_err(failed)
}

/// Whose certificate this is, and its key's fingerprint. The handshake has verified it already.
pub(crate) fn owner(certificate: &CertificateDer<'_>) -> Result<(Guid, [u8; 32]), LinkError> {
    let parsed = webpki::EndEntityCert::try_from(certificate).map_err(failed)?;
    let server = parsed.valid_uri_names().find_map(server_of);
    let server = server.ok_or_else(|| LinkError::Certificate("the certificate names no server".into()))?;
    Ok((server, fingerprint(&spki_of(certificate)?)))
}

/// Takes the authority out of the chain that is presented, if it is the one expected, and leaves the rest to
/// the standard verifier.
#[derive(Debug)]
struct Pinned {
    authority: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let authority = intermediates.iter().find(|certificate| fingerprint(certificate) == self.authority);
        let other = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let authority = authority.ok_or(other)?;
        let general = |error: &dyn std::fmt::Display| rustls::Error::General(error.to_string());
        let roots = roots(authority).map_err(|e| general(&e))?;
        WebPkiServerVerifier::builder_with_provider(roots, self.provider.clone())
            .build()
            .map_err(|e| general(&e))?
            .verify_server_cert(end_entity, &[], server_name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::PeerIncompatible::Tls12NotOfferedOrEnabled.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
