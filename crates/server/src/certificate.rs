//! The server's certificate: the administrator's own, or a self-signed one made at first start.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use base::{Disk, disk::SystemDisk};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use wire::channel;

use crate::{
    config::{CertificateFiles, Config},
    error::ServerError,
    files,
    layout::Layout,
};

/// The certificate in use and the TLS settings every listener shares.
pub(crate) struct Certificate {
    /// The chain's file, to show to clients that must trust it.
    pub(crate) path: PathBuf,
    /// TLS 1.2 and 1.3, forward-secret AEAD suites only.
    pub(crate) tls: Arc<rustls::ServerConfig>,
    /// This end of TLS, as clients see it who bind their log-on to it.
    pub(crate) end: Vec<u8>,
}

/// Loads the configured certificate, making a self-signed one where none is configured.
pub(crate) fn load_or_create(layout: &Layout, config: &Config) -> Result<Certificate, ServerError> {
    let files = match &config.certificate {
        Some(files) => files.clone(),
        None => self_signed(layout, &config.server_name)?,
    };
    let (tls, end) = server_config(&files)?;
    Ok(Certificate { path: files.chain, tls: Arc::new(tls), end })
}

fn server_config(certificate: &CertificateFiles) -> Result<(rustls::ServerConfig, Vec<u8>), ServerError> {
    let bad = |what: &Path, error: &dyn std::fmt::Display| {
        ServerError::Usage(format!("{}: not a usable PEM file: {error}", what.display()))
    };
    files::refuse_readable_by_others(&certificate.key)?;
    let chain = CertificateDer::pem_file_iter(&certificate.chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| bad(&certificate.chain, &e))?;
    let key = PrivateKeyDer::from_pem_file(&certificate.key).map_err(|e| bad(&certificate.key, &e))?;
    let own = chain.first().map(|own| channel::server_end_point(own)).transpose();
    let end = own.map_err(|e| bad(&certificate.chain, &e))?.unwrap_or_default();
    let tls = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| bad(&certificate.chain, &e))?;
    Ok((tls, end))
}

fn self_signed(layout: &Layout, server_name: &str) -> Result<CertificateFiles, ServerError> {
    let dir = layout.certificates();
    let paths = CertificateFiles { chain: dir.join("server.crt"), key: dir.join("server.key") };
    if files::read(&paths.chain)?.is_some() && files::read(&paths.key)?.is_some() {
        return Ok(paths);
    }
    SystemDisk.create_dir_all(&dir).map_err(|e| ServerError::io(dir.display().to_string(), e))?;
    let failed = |error: rcgen::Error| {
        ServerError::Usage(format!("cannot make a certificate for {server_name}: {error}"))
    };
    let names = vec![server_name.to_owned(), "localhost".into(), "127.0.0.1".into(), "::1".into()];
    let mut params = rcgen::CertificateParams::new(names).map_err(failed)?;
    params.distinguished_name.push(rcgen::DnType::CommonName, server_name);
    let key = rcgen::KeyPair::generate().map_err(failed)?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    files::replace(&paths.key, key.serialize_pem().as_bytes())?;
    files::replace(&paths.chain, certificate.pem().as_bytes())?;
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Listen, Ports};

    #[test]
    fn makes_one_and_keeps_it() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let config = Config {
            server_name: "mail.rialto.test".into(),
            listen: Listen::new("127.0.0.1".parse().unwrap(), Ports::QUICKSTART),
            certificate: None,
            kerberos: None,
            session_configurations: Default::default(),
            mailbox_replication: Default::default(),
        };
        let first = load_or_create(&layout, &config).unwrap();
        let before = files::read(&first.path).unwrap();
        let second = load_or_create(&layout, &config).unwrap();
        assert_eq!(before, files::read(&second.path).unwrap());
    }
}
