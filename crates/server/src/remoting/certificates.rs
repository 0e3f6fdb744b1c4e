//! How far a server's certificate is checked: everything by default, less where the administrator says so
//! (`New-PSSessionOption -SkipCACheck`, `-SkipCNCheck`).

use std::{io, sync::Arc};

use powershell::remote::CarryError;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    server::ParsedCertificate,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// A client's side of TLS with these checks. That the server holds its certificate's key is always checked.
pub(super) fn checking(authority: bool, name: bool) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    if authority {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let verifier = Checks { authority, name, roots, provider: provider.clone() };
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(Arc::new(builder.with_no_client_auth()))
}

/// What a handshake that failed means to an administrator.
pub(super) fn refusal(error: &io::Error) -> CarryError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let text = match inner {
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "The SSL certificate is signed by an unknown certificate authority. (-SkipCACheck of New-PSSessionOption \
             trusts it all the same.)"
        }
        Some(Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => {
            "The SSL certificate contains a common name (CN) that does not match the hostname. (-SkipCNCheck of \
             New-PSSessionOption accepts it all the same.)"
        }
        Some(Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => "The SSL certificate is expired.",
        Some(Error::InvalidCertificate(other)) => return CarryError::Certificate(other.to_string()),
        _ => return CarryError::Failed(error.to_string()),
    };
    CarryError::Certificate(text.into())
}

#[derive(Debug)]
struct Checks {
    /// A chain to a root that is trusted here, and the dates.
    authority: bool,
    /// The server's name.
    name: bool,
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Checks {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(certificate)?;
        if self.authority {
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, intermediates, now, algorithms)?;
        }
        if self.name {
            verify_server_name(&parsed, server)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
