//! A new organisation in an empty directory: `setup` makes the administrator, `quickstart` mailboxes too.

use std::{net::SocketAddr, sync::Arc};

use base::{Fault, Guid, SmtpDomain, rng::SystemRng};
use directory::{
    Directory, Draft, Edit, Object, View,
    seed::{self, Port},
    verbs::{self, EnableMailbox, MailIdentity, NewMailbox, NewUser},
};
use serde::{Deserialize, Serialize};
use trust::Authenticator;

use crate::config::{Config, Ports};

/// A person of the new organisation.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    /// Address and logon name.
    pub(crate) address: String,
    /// Display name.
    pub(crate) name: String,
    /// The password, in the clear until it is hashed.
    pub(crate) password: String,
}

/// Never the password.
impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.address)
    }
}

/// What a new organisation is made from.
pub(crate) struct Organization {
    /// Its name.
    pub(crate) name: String,
    /// Its first domain.
    pub(crate) domain: String,
    /// Where the receive connectors listen.
    pub(crate) ports: Ports,
    /// Who administers it.
    pub(crate) administrator: Account,
    /// Further mailboxes.
    pub(crate) accounts: Vec<Account>,
    /// The site of its first server; the first one where nobody says.
    pub(crate) site: Option<String>,
}

/// The name of the first mailbox database.
const DATABASE: &str = "DB01";

/// Makes what is missing; an organisation that is there stays as it is, but for the default connectors'
/// bindings, which follow `ports`.
pub(crate) async fn provision(
    directory: &Directory,
    config: &Config,
    new: &Organization,
) -> Result<(), Fault> {
    let domain: SmtpDomain =
        new.domain.parse().map_err(|error: base::address::AddressError| Fault::invalid(error.to_string()))?;
    let fqdn = config.server_name.clone();
    let short = short_name(&fqdn);
    let ports = seed_ports(config, new.ports);
    let site = new.site.clone();
    let organization = seed::Organization {
        name: new.name.clone(),
        domain,
        server: short,
        database: DATABASE.into(),
        ports,
        hosted: false,
    };
    let seeded = directory
        .commit(move |draft| {
            let seeded = seed::seed(draft, &organization)?;
            if let Some(site) = site.filter(|_| seeded.created) {
                verbs::put_into_site(draft, seeded.server, &site)?;
            }
            // The organisation may have further servers; their settings are not ours.
            let Some(server) = own_server(draft, &fqdn) else { return Ok(seeded) };
            draft.modify_system(server, vec![("Fqdn", Edit::set(fqdn.as_str()))])?;
            let connectors: Vec<Arc<Object>> = draft.receive_connectors(server).cloned().collect();
            for connector in connectors {
                let mut edits = vec![("Fqdn", Edit::set(fqdn.as_str()))];
                edits.extend(bindings(&connector, &ports).map(|edit| ("Bindings", edit)));
                draft.modify_system(connector.guid, edits)?;
            }
            Ok(seeded)
        })
        .await?;
    if seeded.created {
        for account in std::iter::once(&new.administrator).chain(&new.accounts) {
            make_mailbox(directory, account).await?;
        }
    }
    access(directory, &new.administrator.address).await
}

/// Who administers a folder whose setup said nothing about roles.
pub(crate) const ADMINISTRATOR: &str = "administrator";

/// Makes what an older version did not: the first copies of databases, the sites, and the roles and role groups that are missing
/// (all, in a new organisation). The administrator gets into Organization Management when that is made.
pub(crate) async fn access(directory: &Directory, administrator: &str) -> Result<(), Fault> {
    let logins = [administrator.to_owned(), ADMINISTRATOR.to_owned()];
    let seed = move |draft: &mut Draft<'_>| {
        verbs::complete_copies(draft)?;
        verbs::complete_sites(draft)?;
        let found = logins.iter().find_map(|login| Authenticator::find(draft, login)).map(|user| user.guid);
        trust::access::seed(draft, found.as_slice())
    };
    if directory.commit(seed).await? {
        tracing::info!("management roles and role groups were made");
    }
    Ok(())
}

/// Where a default connector listens now, if it is one that `ports` moves.
fn bindings(connector: &Object, ports: &seed::Ports) -> Option<Edit> {
    let server = connector.name.rsplit(' ').next()?;
    let default = connector.name.strip_suffix(server)?.trim_end();
    let port = match default {
        "Default Frontend" => ports.default_frontend,
        "Client Frontend" => ports.client_frontend,
        "Outbound Proxy Frontend" => ports.outbound_proxy_frontend,
        "Default" => ports.default_hub,
        "Client Proxy" => ports.client_proxy,
        _ => return None,
    };
    match port {
        Port::At(address) => {
            Some(Edit::set(directory::Value::Binding(Box::new(directory::value::Binding(address)))))
        }
        Port::Default | Port::None => None,
    }
}

/// The server of that full host name, or the only one there is.
pub(crate) fn own_server(view: &View, fqdn: &str) -> Option<Guid> {
    let is_it = |server: &&Arc<Object>| server.text("Fqdn").is_some_and(|own| own.eq_ignore_ascii_case(fqdn));
    let only = || view.servers().next().filter(|_| view.servers().count() == 1);
    view.servers().find(is_it).or_else(only).map(|server| server.guid)
}

/// A server's name in the directory: its host name without the domain.
pub(crate) fn short_name(fqdn: &str) -> String {
    fqdn.split('.').next().unwrap_or(fqdn).to_uppercase()
}

/// Where the default receive connectors listen, in the order of [`seed::Ports`]; nothing for the product's ports.
pub(crate) fn connector_addresses(config: &Config, ports: Ports) -> [Option<SocketAddr>; 5] {
    let seed::Ports { default_frontend, client_frontend, outbound_proxy_frontend, default_hub, client_proxy } =
        seed_ports(config, ports);
    [default_frontend, client_frontend, outbound_proxy_frontend, default_hub, client_proxy].map(|port| {
        match port {
            Port::At(address) => Some(address),
            Port::Default | Port::None => None,
        }
    })
}

fn seed_ports(config: &Config, ports: Ports) -> seed::Ports {
    let everywhere = config.listen.address.is_unspecified() && ports == Ports::STANDARD;
    let at = |port: u16| {
        if everywhere { Port::Default } else { Port::At(SocketAddr::new(config.listen.address, port)) }
    };
    seed::Ports {
        default_frontend: at(ports.smtp),
        client_frontend: at(ports.submission),
        outbound_proxy_frontend: at(ports.outbound_proxy),
        default_hub: at(ports.hub),
        client_proxy: at(ports.client_proxy),
    }
}

async fn make_mailbox(directory: &Directory, account: &Account) -> Result<(), Fault> {
    let Account { address, name, password } = account.clone();
    let hashed = tokio::task::spawn_blocking(move || trust::password::hash(&password, &SystemRng));
    let hashed = hashed.await.map_err(Fault::internal)??;
    let alias = address.split('@').next().unwrap_or(&address).to_owned();
    let user =
        NewUser { name, user_principal_name: Some(address), password: Some(hashed), ..NewUser::default() };
    let mailbox = EnableMailbox {
        identity: MailIdentity { alias: Some(alias), primary_smtp_address: None },
        ..EnableMailbox::default()
    };
    directory.commit(move |draft| verbs::new_mailbox(draft, NewMailbox { user, mailbox })).await?;
    Ok(())
}
