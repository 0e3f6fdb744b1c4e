//! The bootstrap configuration: the little that must be known before the directory can be read.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use base::{Disk, disk::SystemDisk};
use serde::{Deserialize, Serialize};

use crate::{configurations::SessionConfigurations, error::ServerError, files, layout::Layout};

/// `rialto.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// This server's full host name.
    pub(crate) server_name: String,
    /// Where the protocols listen. Receive connectors' bindings live in the directory.
    pub(crate) listen: Listen,
    /// The certificate to present; a self-signed one in the data folder when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<CertificateFiles>,
    /// How clients log on with tickets of a realm; they do where there is a keytab.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kerberos: Option<Kerberos>,
    /// What remote sessions may see, beside `Microsoft.Exchange`.
    #[serde(default, skip_serializing_if = "SessionConfigurations::is_empty")]
    pub(crate) session_configurations: SessionConfigurations,
    /// How mailboxes are moved between databases.
    #[serde(default, skip_serializing_if = "MailboxReplication::is_default")]
    pub(crate) mailbox_replication: MailboxReplication,
}

/// `[mailbox_replication]`: what the product keeps in `MSExchangeMailboxReplication.exe.config`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MailboxReplication {
    /// How often a move is tried again after a failure that may pass.
    pub(crate) max_retries: u16,
    /// Seconds between two tries.
    pub(crate) retry_delay: u32,
    /// Moves at a time.
    pub(crate) max_total_moves: usize,
    /// Moves at a time out of one database.
    pub(crate) max_active_moves_per_source_database: usize,
    /// Moves at a time into one database.
    pub(crate) max_active_moves_per_target_database: usize,
    /// Bytes a second that one move may copy; as fast as it goes when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_bytes_per_second: Option<u64>,
}

impl Default for MailboxReplication {
    fn default() -> Self {
        let settings = jobs::moves::Settings::default();
        MailboxReplication {
            max_retries: u16::try_from(settings.max_retries).unwrap_or(u16::MAX),
            retry_delay: u32::try_from(settings.retry_delay.to_duration().as_secs()).unwrap_or(u32::MAX),
            max_total_moves: settings.max_total_moves,
            max_active_moves_per_source_database: settings.max_moves_per_source_database,
            max_active_moves_per_target_database: settings.max_moves_per_target_database,
            max_bytes_per_second: settings.max_bytes_per_second,
        }
    }
}

impl MailboxReplication {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// As the mover takes them.
    pub(crate) fn settings(&self) -> jobs::moves::Settings {
        jobs::moves::Settings {
            max_retries: self.max_retries.into(),
            retry_delay: base::EnhancedTimeSpan::from_secs(self.retry_delay.into()),
            max_total_moves: self.max_total_moves,
            max_moves_per_source_database: self.max_active_moves_per_source_database,
            max_moves_per_target_database: self.max_active_moves_per_target_database,
            max_bytes_per_second: self.max_bytes_per_second,
            ..jobs::moves::Settings::default()
        }
    }
}

/// `[listen]`: one address, one port per service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    /// The address; 0.0.0.0 or :: for all.
    pub(crate) address: IpAddr,
    /// IMAP with STARTTLS.
    pub(crate) imap: u16,
    /// IMAP over TLS.
    pub(crate) imaps: u16,
    /// POP3 with STLS.
    pub(crate) pop3: u16,
    /// POP3 over TLS.
    pub(crate) pop3s: u16,
    /// HTTPS.
    pub(crate) https: u16,
    /// HTTP without TLS, for remote PowerShell of clients that cannot do otherwise; none unless it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) plain_http: Option<u16>,
    /// What other servers of the organisation connect to.
    #[serde(default = "links_port")]
    pub(crate) links: u16,
    /// Where they find it, as `host:port`, most wanted first; when absent, the server's name (or the address it
    /// listens on) and that port.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) link_addresses: Vec<String>,
    /// Take passwords there; without it they are taken only where there is no keytab, hence nothing better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) plain_http_basic: Option<bool>,
    /// SMTP ports that speak TLS from the first byte (RFC 8314), whatever connector listens there.
    #[serde(default = "implicit_tls")]
    pub(crate) smtp_implicit_tls: Vec<u16>,
    /// Let IMAP and POP3 log on without TLS. For measuring on loopback only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) allow_plaintext: bool,
}

/// `[certificate]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateFiles {
    /// The chain, PEM, the server's own certificate first.
    pub(crate) chain: PathBuf,
    /// The private key, PEM; must not be readable by others.
    pub(crate) key: PathBuf,
}

/// `[kerberos]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kerberos {
    /// The service's keys; `kerberos.keytab` in the data folder when absent. Must not be readable by others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keytab: Option<PathBuf>,
    /// The one service of the keytab whose tickets are taken, `HTTP/mail.contoso.com`; every `HTTP/` and `WSMAN/` of
    /// it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) service_principal: Option<String>,
    /// Realms of the keytab, and the domain of their users' user principal names where it is another.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) realms: BTreeMap<String, String>,
}

/// Every port a server needs at its start: the protocols' and its receive connectors'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    /// FrontendTransport `Default`.
    pub(crate) smtp: u16,
    /// FrontendTransport `Client`.
    pub(crate) submission: u16,
    /// IMAP4.
    pub(crate) imap: u16,
    /// IMAP4 over TLS.
    pub(crate) imaps: u16,
    /// POP3.
    pub(crate) pop3: u16,
    /// POP3 over TLS.
    pub(crate) pop3s: u16,
    /// HTTPS.
    pub(crate) https: u16,
    /// HubTransport `Default`.
    pub(crate) hub: u16,
    /// HubTransport `Client Proxy`.
    pub(crate) client_proxy: u16,
    /// FrontendTransport `Outbound Proxy`.
    pub(crate) outbound_proxy: u16,
    /// Links between servers.
    pub(crate) links: u16,
}

impl Ports {
    /// The registered ports, and the product's own for the hub.
    pub(crate) const STANDARD: Ports = Ports {
        smtp: 25,
        submission: 587,
        imap: 143,
        imaps: 993,
        pop3: 110,
        pop3s: 995,
        https: 443,
        hub: 2525,
        client_proxy: 465,
        outbound_proxy: 717,
        links: 64327,
    };
    /// The same, unprivileged and easy to remember, for trying out.
    pub(crate) const QUICKSTART: Ports = Ports {
        smtp: 8025,
        submission: 8587,
        imap: 8143,
        imaps: 8993,
        pop3: 8110,
        pop3s: 8995,
        https: 8443,
        hub: 8525,
        client_proxy: 8465,
        outbound_proxy: 8717,
        links: 8327,
    };

    /// Eleven consecutive ports.
    pub(crate) fn from(first: u16) -> Result<Self, ServerError> {
        if first == 0 || first > u16::MAX - 10 {
            return Err(ServerError::Usage(format!(
                "--ports-from {first}: choose a number from 1 to {}",
                u16::MAX - 10
            )));
        }
        Ok(Ports {
            smtp: first,
            submission: first + 1,
            imap: first + 2,
            imaps: first + 3,
            pop3: first + 4,
            pop3s: first + 5,
            https: first + 6,
            hub: first + 7,
            client_proxy: first + 8,
            outbound_proxy: first + 9,
            links: first + 10,
        })
    }
}

fn links_port() -> u16 {
    Ports::STANDARD.links
}

fn implicit_tls() -> Vec<u16> {
    vec![Ports::STANDARD.client_proxy]
}

impl Listen {
    /// The protocols' part of a port set.
    pub(crate) fn new(address: IpAddr, ports: Ports) -> Self {
        let Ports { imap, imaps, pop3, pop3s, https, client_proxy, links, .. } = ports;
        let smtp_implicit_tls = vec![client_proxy];
        Self {
            address,
            imap,
            imaps,
            pop3,
            pop3s,
            https,
            plain_http: None,
            links,
            link_addresses: Vec::new(),
            plain_http_basic: None,
            smtp_implicit_tls,
            allow_plaintext: false,
        }
    }
    /// The address with one of the ports.
    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address, port)
    }
}

impl Config {
    /// Where other servers reach this one, `host:port`.
    pub(crate) fn link_addresses(&self) -> Vec<String> {
        let Listen { address, links, link_addresses, .. } = &self.listen;
        match &link_addresses[..] {
            [] if address.is_unspecified() => vec![format!("{}:{links}", self.server_name)],
            [] => vec![self.listen.at(*links).to_string()],
            given => given.to_vec(),
        }
    }

    /// Reads the data folder's configuration; `NotSetUp` when there is none.
    pub(crate) fn load(layout: &Layout) -> Result<Self, ServerError> {
        let path = layout.config();
        let text = files::read(&path)?.ok_or_else(|| ServerError::NotSetUp(layout.root().to_owned()))?;
        let text = String::from_utf8_lossy(&text);
        toml::from_str(&text).map_err(|error| ServerError::Usage(format!("{}: {error}", path.display())))
    }

    /// Writes it, replacing the file atomically.
    pub(crate) fn save(&self, layout: &Layout) -> Result<(), ServerError> {
        let body = toml::to_string_pretty(self).map_err(|error| ServerError::Usage(error.to_string()))?;
        let text =
            format!("# Rialto's bootstrap configuration. Everything else is changed with cmdlets.\n\n{body}");
        SystemDisk.create_dir_all(layout.root()).map_err(|e| ServerError::io("data folder", e))?;
        files::replace(&layout.config(), text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_refuses_unknown_keys() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        assert!(matches!(Config::load(&layout), Err(ServerError::NotSetUp(_))));
        let config = Config {
            server_name: "mail.contoso.com".into(),
            listen: Listen::new("127.0.0.1".parse().unwrap(), Ports::from(2000).unwrap()),
            certificate: None,
            kerberos: Some(Kerberos {
                keytab: Some("/etc/rialto.keytab".into()),
                service_principal: None,
                realms: BTreeMap::from([("CONTOSO.LOCAL".into(), "contoso.com".into())]),
            }),
            session_configurations: SessionConfigurations::default(),
            mailbox_replication: MailboxReplication::default(),
        };
        config.save(&layout).unwrap();
        assert_eq!(Config::load(&layout).unwrap(), config);
        std::fs::write(layout.config(), "server_name = 'x'\nsurprise = 1\n").unwrap();
        assert!(Config::load(&layout).unwrap_err().to_string().contains("surprise"));
    }
}
