//! Send connectors: which mail leaves, and how.

use directory::{
    Edit, Scope, View,
    schema::{SEND_CONNECTOR, SERVER},
    verbs::{self, NewSendConnector},
};

use crate::{
    Cmdlet, Make, Noun, Outcome,
    call::{Call, identity_text},
    convert,
};

static NOUN: Noun = Noun {
    create: Some(create),
    takes: &[
        "Name",
        "AddressSpaces",
        "SmartHosts",
        "SourceTransportServers",
        "Usage",
        "Custom",
        "Internal",
        "Internet",
        "Partner",
    ],
    ..Noun::new(
        "SendConnector",
        &SEND_CONNECTOR,
        &["Microsoft.Exchange.Data.Directory.SystemConfiguration.SmtpSendConnectorConfig"],
    )
};

/// `Get-SendConnector`
pub static GET: Cmdlet = Cmdlet::get("Get-SendConnector", &NOUN);
/// `New-SendConnector`
pub static NEW: Cmdlet = Cmdlet::new("New-SendConnector", &NOUN);
/// `Set-SendConnector`
pub static SET: Cmdlet = Cmdlet::set("Set-SendConnector", &NOUN);
/// `Remove-SendConnector`
pub static REMOVE: Cmdlet = Cmdlet::remove("Remove-SendConnector", &NOUN);

fn create(call: &Call<'_>, view: &View) -> Outcome<Make> {
    let mut address_spaces = Vec::new();
    if let (Some(given), Some(attribute)) =
        (call.get("AddressSpaces"), SEND_CONNECTOR.attribute("AddressSpaces"))
        && let Edit::Replace(values) = convert::to_edit(view, attribute, given)?
    {
        address_spaces.extend(values.into_iter().filter_map(|value| match value {
            directory::Value::Space(space) => Some(*space),
            _ => None,
        }));
    }
    let servers = call.get("SourceTransportServers").cloned().unwrap_or_default().into_items();
    let server = |item| Ok(view.resolve(&identity_text(item), Scope::Class(&SERVER))?.guid);
    let new = NewSendConnector {
        name: call.needed("Name")?.to_string(),
        address_spaces,
        smart_hosts: call.list("SmartHosts").iter().map(|host| host.to_string()).collect(),
        source_transport_servers: servers.iter().map(server).collect::<Outcome<_>>()?,
        attributes: Vec::new(),
    };
    Ok(Box::new(move |draft| verbs::new_send_connector(draft, new)))
}
