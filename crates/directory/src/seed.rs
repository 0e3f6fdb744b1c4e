//! A new organisation: everything the product's setup would leave behind, made once.

use std::{net::SocketAddr, sync::Arc};

use base::{Guid, SmtpDomain};

use crate::{
    dn::Dn,
    draft::{Draft, NewObject},
    error::DirectoryError,
    object::Object,
    policy::{DEFAULT_POLICY, precanned_filter},
    schema::{CONTAINER, EMAIL_ADDRESS_POLICY, ORGANIZATION, REMOTE_DOMAIN, TRANSPORT_CONFIG},
    value::{Binding, DomainPattern, Value},
    verbs::{
        NewReceiveConnector, complete_sites, new_accepted_domain, new_mailbox_database,
        new_receive_connector, new_server,
    },
    view::Scope,
};

/// Where a default receive connector listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// On every address, both families, at the product's port.
    Default,
    /// On this address and port only.
    At(SocketAddr),
    /// Not at all: the connector is not made.
    None,
}

/// The default receive connectors, each with its port.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// `Default Frontend`: 25.
    pub default_frontend: Port,
    /// `Client Frontend`: 587.
    pub client_frontend: Port,
    /// `Outbound Proxy Frontend`: 717.
    pub outbound_proxy_frontend: Port,
    /// `Default`: 2525.
    pub default_hub: Port,
    /// `Client Proxy`: 465.
    pub client_proxy: Port,
}

impl Default for Ports {
    /// The product's ports on every address.
    fn default() -> Self {
        Ports {
            default_frontend: Port::Default,
            client_frontend: Port::Default,
            outbound_proxy_frontend: Port::Default,
            default_hub: Port::Default,
            client_proxy: Port::Default,
        }
    }
}

/// What a new organisation is made from.
#[derive(Clone, Debug)]
pub struct Organization {
    /// Its name; the product suggests `First Organization`.
    pub name: String,
    /// Its first domain, which is the default accepted domain.
    pub domain: SmtpDomain,
    /// The host name of the first server, without domain.
    pub server: String,
    /// The name of the first mailbox database.
    pub database: String,
    /// Where the default receive connectors listen.
    pub ports: Ports,
    /// Hosted style: the default remote domain lets automatic forwards and replies out.
    pub hosted: bool,
}

/// What was made, or was there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeded {
    /// The organisation.
    pub organization: Guid,
    /// The first server.
    pub server: Guid,
    /// The first mailbox database.
    pub database: Guid,
    /// False where everything was there already.
    pub created: bool,
}

/// Makes the organisation in an empty directory; in any other says what is there and changes nothing.
pub fn seed(draft: &mut Draft<'_>, new: &Organization) -> Result<Seeded, DirectoryError> {
    if let Some(organization) = draft.organization().map(|o| o.guid) {
        let first =
            |object: Option<&Arc<Object>>| object.map(|o| o.guid).ok_or_else(|| draft.not_found(&new.server));
        let (server, database) = (first(draft.servers().next())?, first(draft.databases().next())?);
        return Ok(Seeded { organization, server, database, created: false });
    }
    let organization = make_organization(draft, new)?;
    let fqdn = format!("{}.{}", new.server.to_lowercase(), new.domain);
    make_domains(draft, new)?;
    let server = add_server(draft, &new.server, &fqdn, &new.ports)?;
    complete_sites(draft)?;
    let database = new_mailbox_database(draft, &new.database, server)?.guid;
    Ok(Seeded { organization, server, database, created: true })
}

/// The organisation's own object, its transport settings and the `Users` container.
fn make_organization(draft: &mut Draft<'_>, new: &Organization) -> Result<Guid, DirectoryError> {
    let domain = Dn::of_domain(new.domain.as_str());
    let exchange = ["Configuration", "Services", "Microsoft Exchange"];
    let container = exchange.iter().fold(domain.clone(), |dn, name| dn.child("CN", name));
    let first_label = new.domain.as_str().split('.').next().unwrap_or("");
    let netbios: String =
        first_label.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(15).collect();
    let object = NewObject { container: Some(container), ..NewObject::new(&ORGANIZATION, new.name.clone()) };
    let organization = draft.create(
        object
            .with("DomainName", new.domain.as_str())
            .with("NetBiosName", netbios.to_ascii_uppercase())
            .with("LegacyExchangeDN", format!("/o={}", new.name)),
    )?;
    draft.create(NewObject {
        container: Some(organization.dn()),
        ..NewObject::new(&TRANSPORT_CONFIG, "Transport Settings")
    })?;
    draft.create(NewObject { container: Some(domain), ..NewObject::new(&CONTAINER, "Users") })?;
    Ok(organization.guid)
}

/// A server of the organisation, with the default receive connectors.
pub fn add_server(
    draft: &mut Draft<'_>,
    name: &str,
    fqdn: &str,
    ports: &Ports,
) -> Result<Guid, DirectoryError> {
    let server = new_server(draft, name, fqdn)?;
    for template in RECEIVE_CONNECTORS {
        make_receive_connector(draft, server.guid, name, template, (template.port_of)(ports))?;
    }
    Ok(server.guid)
}

/// The default accepted domain, remote domain and e-mail address policy.
fn make_domains(draft: &mut Draft<'_>, new: &Organization) -> Result<(), DirectoryError> {
    new_accepted_domain(draft, new.domain.as_str(), DomainPattern::Exact(new.domain.clone()), None)?;
    draft.create(
        NewObject::new(&REMOTE_DOMAIN, "Default")
            .with("DomainName", Value::Pattern(DomainPattern::Any))
            .with("AutoForwardEnabled", new.hosted)
            .with("AutoReplyEnabled", new.hosted)
            .with("CharacterSet", "iso-8859-1")
            .with("NonMimeCharacterSet", "iso-8859-1"),
    )?;
    draft.create(
        NewObject::new(&EMAIL_ADDRESS_POLICY, DEFAULT_POLICY)
            .with("EnabledEmailAddressTemplates", format!("SMTP:@{}", new.domain))
            .with("IncludedRecipients", "AllRecipients")
            .with("RecipientFilter", precanned_filter("AllRecipients", &[]))
            .with("Priority", i64::from(i32::MAX)),
    )?;
    Ok(())
}

/// A default receive connector of a Mailbox server.
struct ReceiveTemplate {
    name: &'static str,
    port: u16,
    role: &'static str,
    usage: &'static str,
    auth_mechanism: &'static str,
    permission_groups: &'static str,
    settings: &'static [(&'static str, i64)],
    port_of: fn(&Ports) -> Port,
}

const SERVERS_TOO: &str = "Tls, Integrated, BasicAuth, BasicAuthRequireTLS, ExchangeServer";

/// The five connectors of the product's setup. Hub connectors carry larger batches and more per source.
const RECEIVE_CONNECTORS: &[ReceiveTemplate] = &[
    ReceiveTemplate {
        name: "Default Frontend",
        port: 25,
        role: "FrontendTransport",
        usage: "Custom",
        auth_mechanism: SERVERS_TOO,
        permission_groups: "AnonymousUsers, ExchangeServers, ExchangeLegacyServers",
        settings: &[],
        port_of: |ports| ports.default_frontend,
    },
    ReceiveTemplate {
        name: "Client Frontend",
        port: 587,
        role: "FrontendTransport",
        usage: "Client",
        auth_mechanism: "Tls, Integrated, BasicAuth, BasicAuthRequireTLS",
        permission_groups: "ExchangeUsers",
        settings: &[("MaxMessageSize", 35 << 20)],
        port_of: |ports| ports.client_frontend,
    },
    ReceiveTemplate {
        name: "Outbound Proxy Frontend",
        port: 717,
        role: "FrontendTransport",
        usage: "Custom",
        auth_mechanism: SERVERS_TOO,
        permission_groups: "ExchangeServers",
        settings: &[],
        port_of: |ports| ports.outbound_proxy_frontend,
    },
    ReceiveTemplate {
        name: "Default",
        port: 2525,
        role: "HubTransport",
        usage: "Custom",
        auth_mechanism: SERVERS_TOO,
        permission_groups: "ExchangeUsers, ExchangeServers, ExchangeLegacyServers",
        settings: &[("MaxMessageSize", 35 << 20), ("MaxRecipientsPerMessage", 5000)],
        port_of: |ports| ports.default_hub,
    },
    ReceiveTemplate {
        name: "Client Proxy",
        port: 465,
        role: "HubTransport",
        usage: "Custom",
        auth_mechanism: SERVERS_TOO,
        permission_groups: "ExchangeUsers, ExchangeServers",
        settings: &[("MaxMessageSize", 35 << 20)],
        port_of: |ports| ports.client_proxy,
    },
];

fn make_receive_connector(
    draft: &mut Draft<'_>,
    server: Guid,
    server_name: &str,
    template: &ReceiveTemplate,
    port: Port,
) -> Result<(), DirectoryError> {
    let bindings = match port {
        Port::None => return Ok(()),
        Port::At(address) => vec![Binding(address)],
        Port::Default => vec![
            Binding((std::net::Ipv6Addr::UNSPECIFIED, template.port).into()),
            Binding((std::net::Ipv4Addr::UNSPECIFIED, template.port).into()),
        ],
    };
    let connector = NewReceiveConnector {
        name: format!("{} {server_name}", template.name),
        server,
        usage: template.usage,
        transport_role: template.role,
        bindings,
        remote_ip_ranges: Vec::new(),
        attributes: Vec::new(),
    };
    let connector = new_receive_connector(draft, connector)?;
    let mut edits = vec![
        ("AuthMechanism", crate::Edit::set(template.auth_mechanism)),
        ("PermissionGroups", crate::Edit::set(template.permission_groups)),
    ];
    for (name, number) in template.settings {
        let attribute = connector.class.attribute(name).map(|a| a.parse(&number.to_string()));
        edits.extend(attribute.transpose()?.map(|value| (*name, crate::Edit::set(value))));
    }
    draft.modify_system(connector.guid, edits).map(|_| ())
}

/// The container for new recipients of an organisational unit that may not exist yet.
pub fn ensure_unit(draft: &mut Draft<'_>, name: &str) -> Result<Guid, DirectoryError> {
    match draft.resolve(name, Scope::Class(&CONTAINER)) {
        Ok(unit) => Ok(unit.guid),
        Err(DirectoryError::NotFound { .. }) => Ok(draft.create(NewObject::new(&CONTAINER, name))?.guid),
        Err(other) => Err(other),
    }
}
