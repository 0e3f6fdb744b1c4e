//! Send connectors: which mail leaves, and how.

use directory::{
    Edit, Object, Scope, View,
    schema::{SEND_CONNECTOR, SERVER},
    value::Secret,
    verbs::{self, NewSendConnector},
};
use powershell::Value;

use crate::{
    Cmdlet, Context, Failure, Make, Noun, Outcome,
    call::{Call, identity_text},
    cmdlet::text_of,
    convert,
    noun::Edits,
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
    special: &[("AuthenticationCredential", credential)],
    // The name that goes with the password is nobody's to set alone.
    change: |draft, guid, edits| draft.modify_system(guid, edits),
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

/// `-AuthenticationCredential`: who to log on as at the smart hosts; `$null` clears it.
fn credential(_: &Context, _: &View, _: Option<&Object>, given: &Value) -> Outcome<Edits> {
    let names = ["AuthenticationUserName", "AuthenticationCredential"];
    if given.is_null() {
        return Ok(names.map(|name| (name, Edit::clear())).to_vec());
    }
    match (given.property("UserName"), given.property("Password")) {
        (Some(user), Some(Value::Secret(password))) => {
            let secret = Secret(password.reveal().as_bytes().into());
            let values = [text_of(&user).as_ref().into(), directory::Value::Secret(secret)];
            Ok(names.into_iter().zip(values.map(Edit::set)).collect())
        }
        _ => Err(Failure::invalid(
            "AuthenticationCredential takes a credential: use Get-Credential, or New-Object PSCredential.",
        )),
    }
}

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
