//! Domains, connectors and databases: New, with the defaults the product gives each usage.

use std::sync::Arc;

use base::Guid;

use super::availability::first_copy;
use crate::{
    draft::{Draft, NewObject},
    edit::Edit,
    error::DirectoryError,
    object::Object,
    schema::{ACCEPTED_DOMAIN, MAILBOX_DATABASE, RECEIVE_CONNECTOR, REMOTE_DOMAIN, SEND_CONNECTOR, SERVER},
    value::{AddressSpace, Binding, DomainPattern, IpRange, Value},
};

/// Creates an accepted domain; the first one is the default.
pub fn new_accepted_domain(
    draft: &mut Draft<'_>,
    name: &str,
    domain: DomainPattern,
    domain_type: Option<&str>,
) -> Result<Arc<Object>, DirectoryError> {
    let first = draft.default_domain().is_none();
    draft.create(
        NewObject::new(&ACCEPTED_DOMAIN, name)
            .with("DomainName", Value::Pattern(domain))
            .with_some("DomainType", domain_type)
            .with("Default", first),
    )
}

/// Makes an accepted domain the default in the place of the one before.
pub fn make_default_domain(draft: &mut Draft<'_>, guid: Guid) -> Result<bool, DirectoryError> {
    let before = draft.default_domain().map(|domain| domain.guid);
    if before == Some(guid) {
        return Ok(false);
    }
    if let Some(before) = before {
        draft.modify_system(before, vec![("Default", Edit::set(false))])?;
    }
    draft.modify_system(guid, vec![("Default", Edit::set(true))])
}

/// Creates a remote domain with the defaults of a new one (AutoForwardEnabled is `$true`).
pub fn new_remote_domain(
    draft: &mut Draft<'_>,
    name: &str,
    domain: DomainPattern,
) -> Result<Arc<Object>, DirectoryError> {
    draft.create(NewObject::new(&REMOTE_DOMAIN, name).with("DomainName", Value::Pattern(domain)))
}

/// What a usage (`-Client`, `-Internet` …) presets on a receive connector.
pub struct ReceiveUsage {
    /// The word.
    pub name: &'static str,
    /// `AuthMechanism`.
    pub auth_mechanism: &'static str,
    /// `PermissionGroups`.
    pub permission_groups: &'static str,
}

/// The usages of `New-ReceiveConnector`.
pub const RECEIVE_USAGES: &[ReceiveUsage] = &[
    ReceiveUsage {
        name: "Client",
        auth_mechanism: "Tls, Integrated, BasicAuth, BasicAuthRequireTLS",
        permission_groups: "ExchangeUsers",
    },
    ReceiveUsage { name: "Custom", auth_mechanism: "Tls", permission_groups: "None" },
    ReceiveUsage {
        name: "Internal",
        auth_mechanism: "Tls, ExchangeServer",
        permission_groups: "ExchangeServers, ExchangeLegacyServers",
    },
    ReceiveUsage { name: "Internet", auth_mechanism: "Tls", permission_groups: "AnonymousUsers" },
    ReceiveUsage { name: "Partner", auth_mechanism: "Tls", permission_groups: "Partners" },
];

/// A receive connector.
#[derive(Clone, Debug)]
pub struct NewReceiveConnector {
    /// Its name.
    pub name: String,
    /// The server it listens on.
    pub server: Guid,
    /// `Client`, `Custom`, `Internal`, `Internet` or `Partner`; `Custom` where unknown.
    pub usage: &'static str,
    /// `FrontendTransport` or `HubTransport`.
    pub transport_role: &'static str,
    /// Where it listens.
    pub bindings: Vec<Binding>,
    /// Whom it answers; everyone where empty.
    pub remote_ip_ranges: Vec<IpRange>,
    /// Further settings, over the presets of the usage.
    pub attributes: Vec<(&'static str, Value)>,
}

/// Creates a receive connector.
pub fn new_receive_connector(
    draft: &mut Draft<'_>,
    new: NewReceiveConnector,
) -> Result<Arc<Object>, DirectoryError> {
    let server = draft.existing(new.server)?;
    let fqdn = server.text("Fqdn").unwrap_or(&server.name).to_owned();
    let usage = RECEIVE_USAGES.iter().find(|usage| usage.name == new.usage).unwrap_or(&RECEIVE_USAGES[1]);
    let ranges = match new.remote_ip_ranges {
        ranges if ranges.is_empty() => vec![IpRange::ALL_V6, IpRange::ALL_V4],
        ranges => ranges,
    };
    let bindings = new.bindings.into_iter().map(|binding| Value::Binding(Box::new(binding)));
    let ranges = ranges.into_iter().map(|range| Value::Range(Box::new(range)));
    let object = NewObject::new(&RECEIVE_CONNECTOR, new.name)
        .with("Server", Value::Link(new.server))
        .with("Usage", usage.name)
        .with("TransportRole", new.transport_role)
        .with("AuthMechanism", usage.auth_mechanism)
        .with("PermissionGroups", usage.permission_groups)
        .with("Fqdn", fqdn)
        .with("Bindings", Value::Multi(bindings.collect()))
        .with("RemoteIPRanges", Value::Multi(ranges.collect()));
    draft.create(new.attributes.into_iter().fold(object, |object, (name, value)| object.with(name, value)))
}

/// A send connector.
#[derive(Clone, Debug, Default)]
pub struct NewSendConnector {
    /// Its name.
    pub name: String,
    /// What it carries.
    pub address_spaces: Vec<AddressSpace>,
    /// Where everything goes; by MX where empty.
    pub smart_hosts: Vec<String>,
    /// The servers it works on; all where empty.
    pub source_transport_servers: Vec<Guid>,
    /// Further settings.
    pub attributes: Vec<(&'static str, Value)>,
}

/// Creates a send connector.
pub fn new_send_connector(
    draft: &mut Draft<'_>,
    new: NewSendConnector,
) -> Result<Arc<Object>, DirectoryError> {
    let spaces = new.address_spaces.into_iter().map(|space| Value::Space(Box::new(space))).collect();
    let servers: Box<[Value]> = match new.source_transport_servers {
        servers if servers.is_empty() => draft.servers().map(|server| Value::Link(server.guid)).collect(),
        servers => servers.into_iter().map(Value::Link).collect(),
    };
    let by_mx = new.smart_hosts.is_empty();
    let hosts: Box<[Value]> = new.smart_hosts.into_iter().map(Value::from).collect();
    let object = NewObject::new(&SEND_CONNECTOR, new.name)
        .with("AddressSpaces", Value::Multi(spaces))
        .with("SourceTransportServers", Value::Multi(servers))
        .with("SmartHosts", Value::Multi(hosts))
        .with("DNSRoutingEnabled", by_mx);
    draft.create(new.attributes.into_iter().fold(object, |object, (name, value)| object.with(name, value)))
}

/// The build the server presents itself as, where the cmdlets show one.
const ADMIN_DISPLAY_VERSION: &str = "Version 15.0 (Build 1497.2)";

/// Takes a server into the organisation, by its host name without domain.
pub fn new_server(draft: &mut Draft<'_>, name: &str, fqdn: &str) -> Result<Arc<Object>, DirectoryError> {
    let domain = draft.domain_name().to_owned();
    let organization = draft.organization().map_or_else(String::new, |o| o.name.to_string());
    let legacy = format!(
        "/o={organization}/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Configuration/cn=Servers/cn={name}"
    );
    draft.create(
        NewObject::new(&SERVER, name)
            .with("Fqdn", fqdn)
            .with("Domain", domain)
            .with("ExchangeLegacyDN", legacy)
            .with("AdminDisplayVersion", ADMIN_DISPLAY_VERSION),
    )
}

/// Creates a mailbox database on a server, with its first copy. Its folder is the server's business.
pub fn new_mailbox_database(
    draft: &mut Draft<'_>,
    name: &str,
    server: Guid,
) -> Result<Arc<Object>, DirectoryError> {
    let server = draft.existing(server)?;
    let database = NewObject::new(&MAILBOX_DATABASE, name).with("Server", Value::Link(server.guid));
    let database = draft.create(database)?;
    first_copy(draft, &database, &server)?;
    Ok(database)
}
