//! Names to hosts: MX, A and AAAA by hickory, or a table in tests. Errors tell apart what will stay and
//! what may pass.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hickory_resolver::{
    TokioResolver,
    config::{LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    net::{DnsError as HickoryDns, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{Name, RData},
    },
};
use wire::smtp::Reply;

/// Time for one question to one server.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(5);
/// Mail exchangers considered of one domain; more is a mistake or an attack.
const EXCHANGERS_MAX: usize = 20;
/// Addresses considered of one host.
const ADDRESSES_MAX: usize = 10;

/// Why a name led nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// The domain does not exist, or has neither exchanger nor address. Permanent.
    #[error("SMTPSEND.DNS.NonExistentDomain; nonexistent domain")]
    NoSuchDomain,
    /// The domain says that it takes no mail (RFC 7505). Permanent.
    #[error("The domain does not accept mail (null MX)")]
    NullMx,
    /// The best exchanger is this server, which does not deliver for the domain. Permanent.
    #[error("Mail for this domain loops back to this server")]
    Loop,
    /// No answer, or a broken one. Transient.
    #[error("DNS query failed: {0}")]
    Failed(String),
}

impl DnsError {
    /// Whether another try may succeed.
    pub fn is_transient(&self) -> bool {
        matches!(self, DnsError::Failed(_))
    }
}

impl From<&DnsError> for Reply {
    fn from(error: &DnsError) -> Self {
        let (code, status) = match error {
            DnsError::NoSuchDomain => (554, (5, 4, 4)),
            DnsError::NullMx => (556, (5, 1, 10)),
            DnsError::Loop => (554, (5, 4, 6)),
            DnsError::Failed(_) => (451, (4, 4, 3)),
        };
        Reply::said(code, status, error.to_string())
    }
}

/// Answers written down beforehand, names in lower case. What is not in it does not exist.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Exchangers with their preference; `.` alone is a null MX.
    pub exchangers: HashMap<String, Vec<(u16, String)>>,
    /// Addresses.
    pub hosts: HashMap<String, Vec<IpAddr>>,
}

/// Asks the domain name system.
pub struct Resolver(Source);

enum Source {
    Dns(Box<TokioResolver>),
    Table(Table),
}

impl Resolver {
    /// Asks the servers the operating system is configured with.
    pub fn from_system() -> Result<Self, DnsError> {
        let builder = TokioResolver::builder_tokio().map_err(failed)?.with_options(options());
        Ok(Self(Source::Dns(Box::new(builder.build().map_err(failed)?))))
    }

    /// Asks these servers (`-ExternalDNSServers`).
    pub fn with_servers(servers: &[SocketAddr]) -> Result<Self, DnsError> {
        let of_server = |server: &SocketAddr| {
            let mut config = NameServerConfig::udp_and_tcp(server.ip());
            for connection in &mut config.connections {
                connection.port = server.port();
            }
            config
        };
        let config = ResolverConfig::from_name_servers(servers.iter().map(of_server).collect());
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let resolver = builder.with_options(options()).build().map_err(failed)?;
        Ok(Self(Source::Dns(Box::new(resolver))))
    }

    /// Answers from a table.
    pub fn from_table(table: Table) -> Self {
        Self(Source::Table(table))
    }

    /// The exchangers of a domain with their preference; empty where it has none.
    pub async fn exchangers(&self, domain: &str) -> Result<Vec<(u16, String)>, DnsError> {
        let mut found = match &self.0 {
            Source::Table(table) => table.exchangers.get(&domain.to_lowercase()).cloned().unwrap_or_default(),
            Source::Dns(resolver) => match resolver.mx_lookup(name(domain)?).await {
                Ok(lookup) => lookup
                    .answers()
                    .iter()
                    .filter_map(|record| match &record.data {
                        RData::MX(mx) => Some((mx.preference, mx.exchange.to_utf8())),
                        _ => None,
                    })
                    .collect(),
                Err(error) if is_nxdomain(&error) => return Err(DnsError::NoSuchDomain),
                Err(error) if is_empty_answer(&error) => Vec::new(),
                Err(error) => return Err(failed(error)),
            },
        };
        if let [(_, only)] = found.as_slice()
            && only == "."
        {
            return Err(DnsError::NullMx);
        }
        found.iter_mut().for_each(|(_, host)| {
            if host.ends_with('.') {
                host.pop();
            }
        });
        found.retain(|(_, host)| !host.is_empty());
        found.sort_by_key(|(preference, _)| *preference);
        found.truncate(EXCHANGERS_MAX);
        Ok(found)
    }

    /// The addresses of a host, IPv4 first; `NoSuchDomain` where it has none.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, DnsError> {
        let mut found: Vec<IpAddr> = match &self.0 {
            Source::Table(table) => table.hosts.get(&host.to_lowercase()).cloned().unwrap_or_default(),
            Source::Dns(resolver) => match resolver.lookup_ip(name(host)?).await {
                Ok(lookup) => lookup.iter().collect(),
                Err(error) if is_nxdomain(&error) || is_empty_answer(&error) => Vec::new(),
                Err(error) => return Err(failed(error)),
            },
        };
        found.sort_by_key(IpAddr::is_ipv6);
        found.truncate(ADDRESSES_MAX);
        if found.is_empty() { Err(DnsError::NoSuchDomain) } else { Ok(found) }
    }
}

/// Ports and ids are random by default; so is the case of the names (0x20), which makes forging harder.
fn options() -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.timeout = QUESTION_TIMEOUT;
    options.attempts = 2;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.use_hosts_file = ResolveHosts::Auto;
    options.case_randomization = true;
    options
}

/// The absolute name: search lists are for people, not for mail.
fn name(text: &str) -> Result<Name, DnsError> {
    let mut name = Name::from_utf8(text).map_err(|_| DnsError::NoSuchDomain)?;
    name.set_fqdn(true);
    Ok(name)
}

fn failed(error: impl std::fmt::Display) -> DnsError {
    DnsError::Failed(error.to_string().chars().take(200).collect())
}

fn is_nxdomain(error: &NetError) -> bool {
    error.is_nx_domain()
}

/// The name exists, without such records.
fn is_empty_answer(error: &NetError) -> bool {
    match error {
        NetError::Dns(HickoryDns::NoRecordsFound(none)) => none.response_code == ResponseCode::NoError,
        _ => false,
    }
}
