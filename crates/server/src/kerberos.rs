//! `[kerberos]`: the keytab that makes this server a service of a realm. Without one, no tickets are taken.

use std::{io, path::Path, sync::Arc};

use base::{Rng, clock::SharedClock};
use trust::kerberos::Acceptor;
use wire::kerberos::keytab;

use crate::{config::Config, error::ServerError, files, layout::Layout};

/// The largest keytab read, bytes.
const KEYTAB_MAX: u64 = 1 << 20;

/// Who takes tickets, if there is a keytab. One that is configured must be there and usable.
pub(crate) fn acceptor(
    layout: &Layout,
    config: &Config,
    seams: (SharedClock, Arc<dyn Rng>),
) -> Result<Option<Acceptor>, ServerError> {
    let settings = config.kerberos.clone().unwrap_or_default();
    let path = settings.keytab.unwrap_or_else(|| layout.keytab());
    let usage =
        |problem: &dyn std::fmt::Display| ServerError::Usage(format!("{}: {problem}", path.display()));
    let Some(bytes) = read(&path)? else {
        return match config.kerberos {
            None => Ok(None),
            Some(_) => Err(usage(&"[kerberos] is configured, but there is no such keytab")),
        };
    };
    let keys = keytab::read(&bytes).map_err(|e| usage(&e))?;
    let domains: Vec<(String, String)> = settings.realms.into_iter().collect();
    let acceptor = Acceptor::new(keys, settings.service_principal.as_deref(), &domains, seams);
    let acceptor = acceptor.map_err(|e| usage(&e))?;
    tracing::info!(services = ?acceptor.services(), "tickets are taken");
    Ok(Some(acceptor))
}

/// The keytab, if there is one. It may be the system's, in a folder that is not to be written to.
fn read(path: &Path) -> Result<Option<Vec<u8>>, ServerError> {
    let failed = |error| ServerError::io(path.display().to_string(), error);
    let length = match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        about => about.map_err(failed)?.len(),
    };
    files::refuse_readable_by_others(path)?;
    if length > KEYTAB_MAX {
        return Err(ServerError::Usage(format!("{}: {length} bytes are no keytab", path.display())));
    }
    std::fs::read(path).map(Some).map_err(failed)
}

#[cfg(test)]
mod tests {
    use base::{clock::SystemClock, rng::SystemRng};

    use super::*;
    use crate::config::{Kerberos, Listen, Ports};

    #[test]
    fn a_keytab_that_is_asked_for_must_be_usable() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let mut config = Config {
            server_name: "mail.rialto.test".into(),
            listen: Listen::new("127.0.0.1".parse().unwrap(), Ports::QUICKSTART),
            certificate: None,
            kerberos: None,
            mailbox_replication: Default::default(),
            session_configurations: Default::default(),
        };
        let says = |config: &Config| {
            let made = acceptor(&layout, config, (Arc::new(SystemClock), Arc::new(SystemRng)));
            made.map(|acceptor| acceptor.is_some()).map_err(|error| error.to_string())
        };
        assert_eq!(says(&config), Ok(false));
        config.kerberos = Some(Kerberos::default());
        assert!(says(&config).unwrap_err().contains("there is no such keytab"));
        std::fs::write(layout.keytab(), [5, 2]).unwrap();
        let readable =
            |mode| std::fs::set_permissions(layout.keytab(), PermissionsExt::from_mode(mode)).unwrap();
        readable(0o644);
        assert!(says(&config).unwrap_err().contains("chmod 600"));
        readable(0o600);
        assert!(says(&config).unwrap_err().contains("no AES key for the service HTTP or WSMAN"));
        std::fs::write(layout.keytab(), b"no keytab").unwrap();
        assert!(says(&config).unwrap_err().contains("not a keytab"));
    }
}
