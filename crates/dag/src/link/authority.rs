//! The organisation's own certificate authority, and what each server has from it. Nobody else's certificates
//! count on a link, and this authority's count nowhere else.

use std::time::Duration;

use base::{Guid, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};

use super::error::LinkError;

/// How long a server's certificate is good for. One is issued at every start and every [`RENEWAL`]; what keeps a
/// server out is the roster, not the calendar.
const CERTIFICATE_LIFE: Duration = Duration::from_secs(366 * 86_400);
/// How often a running server gets a new certificate.
pub const RENEWAL: Duration = Duration::from_secs(30 * 86_400);
/// How far back certificates begin to count: clocks may differ.
const BACKDATED: Duration = Duration::from_secs(31 * 86_400);
/// How long the authority's own certificate is good for.
const AUTHORITY_LIFE: Duration = Duration::from_secs(50 * 365 * 86_400);
/// The name of every authority; they differ by key.
const AUTHORITY_NAME: &str = "Rialto organization";
/// A name in every server's certificate, for those who do not know yet which server they will find.
pub(crate) const ANY_SERVER: &str = "any.server.rialto.internal";

/// The authority: who holds it can admit servers. Its key never leaves the organisation's servers.
pub struct Authority {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

/// A server's own key pair.
pub struct ServerKey(KeyPair);

/// Who a server is on its links: its certificate, its key, and the authority it believes.
pub struct Identity {
    /// The server.
    pub server: Guid,
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) authority: CertificateDer<'static>,
    pub(crate) key: PrivateKeyDer<'static>,
}

/// The DNS name that stands for a server in its certificate: what a dialling server expects to find.
pub(crate) fn name_of(server: Guid) -> String {
    format!("{server}.server.rialto.internal")
}

/// The URI that stands for a server in its certificate.
pub(crate) fn uri_of(server: Guid) -> String {
    format!("urn:rialto:server:{server}")
}

/// The server that such a URI stands for.
pub(crate) fn server_of(uri: &str) -> Option<Guid> {
    uri.strip_prefix("urn:rialto:server:")?.parse().ok()
}

/// SHA-256, as fingerprints of certificates and keys are given.
pub fn fingerprint(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn failed(error: impl std::fmt::Display) -> LinkError {
    LinkError::Certificate(error.to_string())
}

fn params(name: &str, from: Timestamp, until: Timestamp) -> CertificateParams {
    // rcgen's moments, which only it names: seconds after the epoch.
    let at = |time: Timestamp| {
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(time.secs().max(0).unsigned_abs())
    };
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (at(from), at(until));
    params
}

fn around(now: Timestamp, life: Duration) -> (Timestamp, Timestamp) {
    let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    let from = Timestamp { micros: now.micros.saturating_sub(micros(BACKDATED)) };
    (from, Timestamp { micros: now.micros.saturating_add(micros(life)) })
}

fn authority_params(now: Timestamp) -> CertificateParams {
    let (from, until) = around(now, AUTHORITY_LIFE);
    let mut params = params(AUTHORITY_NAME, from, until);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

impl Authority {
    /// A new authority.
    pub fn create(now: Timestamp) -> Result<Self, LinkError> {
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = authority_params(now).self_signed(&key).map_err(failed)?;
        Ok(Self { certificate: certificate.der().clone(), key })
    }

    /// The authority of this certificate (DER) and key (PKCS #8, DER).
    pub fn from_der(certificate: &[u8], key: &[u8]) -> Result<Self, LinkError> {
        let key = KeyPair::try_from(key).map_err(failed)?;
        let certificate = CertificateDer::from(certificate.to_vec());
        if spki_of(&certificate)? != key.subject_public_key_info() {
            return Err(LinkError::Certificate(
                "the authority's certificate and key do not belong together".into(),
            ));
        }
        Ok(Self { certificate, key })
    }

    /// Its certificate, DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }
    /// Its private key, PKCS #8 in DER. A secret.
    pub fn key(&self) -> Vec<u8> {
        self.key.serialize_der()
    }
    /// SHA-256 of its certificate: what joining servers recognise it by.
    pub fn fingerprint(&self) -> [u8; 32] {
        fingerprint(&self.certificate)
    }

    /// Who a server is, with a certificate that is fresh now.
    pub fn identify(&self, server: Guid, key: &ServerKey, now: Timestamp) -> Result<Identity, LinkError> {
        Ok(Identity {
            server,
            certificate: self.issue(server, key, now)?,
            authority: self.certificate.clone(),
            key: PrivatePkcs8KeyDer::from(key.0.serialize_der()).into(),
        })
    }

    /// A certificate for a server's public key.
    fn issue(
        &self,
        server: Guid,
        key: &ServerKey,
        now: Timestamp,
    ) -> Result<CertificateDer<'static>, LinkError> {
        let (from, until) = around(now, CERTIFICATE_LIFE);
        let mut params = params(&uri_of(server), from, until);
        let (name, any) = (name_of(server), ANY_SERVER.to_owned());
        params.subject_alt_names = vec![
            SanType::URI(uri_of(server).try_into().map_err(failed)?),
            SanType::DnsName(name.try_into().map_err(failed)?),
            SanType::DnsName(any.try_into().map_err(failed)?),
        ];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let issuer = Issuer::new(authority_params(now), &self.key);
        let certificate = params.signed_by(&key.0, &issuer).map_err(failed)?;
        Ok(certificate.der().clone())
    }
}

impl ServerKey {
    /// A new key pair (ECDSA, P-256).
    pub fn generate() -> Result<Self, LinkError> {
        KeyPair::generate().map(Self).map_err(failed)
    }
    /// From PKCS #8, DER.
    pub fn from_der(key: &[u8]) -> Result<Self, LinkError> {
        KeyPair::try_from(key).map(Self).map_err(failed)
    }
    /// The private key, PKCS #8 in DER. A secret.
    pub fn to_der(&self) -> Vec<u8> {
        self.0.serialize_der()
    }
    /// SHA-256 of the public key (SubjectPublicKeyInfo, DER): what a roster knows the server by.
    pub fn fingerprint(&self) -> [u8; 32] {
        fingerprint(&self.0.subject_public_key_info())
    }
}

/// The public key in a certificate, SubjectPublicKeyInfo in DER.
pub(crate) fn spki_of(certificate: &CertificateDer<'_>) -> Result<Vec<u8>, LinkError> {
    let parsed = webpki::EndEntityCert::try_from(certificate).map_err(failed)?;
    Ok(parsed.subject_public_key_info().to_vec())
}
