//! Receive connectors: where and from whom this organisation takes mail.

use directory::{
    Edit, Scope, View,
    schema::{RECEIVE_CONNECTOR, SERVER},
    verbs::{self, NewReceiveConnector, RECEIVE_USAGES},
};

use crate::{Cmdlet, Failure, Make, Noun, Outcome, call::Call, convert};

static NOUN: Noun = Noun {
    order: &[&[
        "AuthMechanism",
        "Banner",
        "BinaryMimeEnabled",
        "Bindings",
        "ChunkingEnabled",
        "DefaultDomain",
        "DeliveryStatusNotificationEnabled",
        "EightBitMimeEnabled",
        "SmtpUtf8Enabled",
        "BareLinefeedRejectionEnabled",
        "DomainSecureEnabled",
        "EnhancedStatusCodesEnabled",
        "LongAddressesEnabled",
        "OrarEnabled",
        "SuppressXAnonymousTls",
        "AdvertiseClientSettings",
        "Fqdn",
        "ServiceDiscoveryFqdn",
        "TlsCertificateName",
        "Comment",
        "Enabled",
        "ConnectionTimeout",
        "ConnectionInactivityTimeout",
        "MessageRateLimit",
        "MessageRateSource",
        "MaxInboundConnection",
        "MaxInboundConnectionPerSource",
        "MaxInboundConnectionPercentagePerSource",
        "MaxHeaderSize",
        "MaxHopCount",
        "MaxLocalHopCount",
        "MaxLogonFailures",
        "MaxMessageSize",
        "MaxProtocolErrors",
        "MaxRecipientsPerMessage",
        "PermissionGroups",
        "PipeliningEnabled",
        "ProtocolLoggingLevel",
        "RemoteIPRanges",
        "RequireEHLODomain",
        "RequireTLS",
        "EnableAuthGSSAPI",
        "ExtendedProtectionPolicy",
        "TlsDomainCapabilities",
        "Server",
        "TransportRole",
        "SizeEnabled",
        "TarpitInterval",
        "MaxAcknowledgementDelay",
    ]],
    conditions: &[("Server", |view, object, value| {
        view.resolve(value, Scope::Class(&SERVER))
            .is_ok_and(|server| object.link("Server") == Some(server.guid))
    })],
    create: Some(create),
    takes: &[
        "Name",
        "Server",
        "Usage",
        "Client",
        "Custom",
        "Internal",
        "Internet",
        "Partner",
        "Bindings",
        "RemoteIPRanges",
        "TransportRole",
    ],
    ..Noun::new(
        "ReceiveConnector",
        &RECEIVE_CONNECTOR,
        &["Microsoft.Exchange.Data.Directory.SystemConfiguration.ReceiveConnector"],
    )
};

/// `Get-ReceiveConnector`
pub static GET: Cmdlet = Cmdlet::get("Get-ReceiveConnector", &NOUN);
/// `New-ReceiveConnector`
pub static NEW: Cmdlet = Cmdlet::new("New-ReceiveConnector", &NOUN);
/// `Set-ReceiveConnector`
pub static SET: Cmdlet = Cmdlet::set("Set-ReceiveConnector", &NOUN);
/// `Remove-ReceiveConnector`
pub static REMOVE: Cmdlet = Cmdlet::remove("Remove-ReceiveConnector", &NOUN);

/// The words of a flag or choice as the schema keeps them.
const ROLES: [&str; 2] = ["FrontendTransport", "HubTransport"];

fn create(call: &Call<'_>, view: &View) -> Outcome<Make> {
    let server = match call.identity("Server") {
        Some(identity) => view.resolve(&identity, Scope::Class(&SERVER))?,
        None => {
            view.servers().next().cloned().ok_or_else(|| base::Fault::not_found("There is no server."))?
        }
    };
    let wanted = call.text("Usage");
    let usage = RECEIVE_USAGES.iter().find(|usage| {
        call.switch(usage.name) || wanted.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(usage.name))
    });
    let role = call.text("TransportRole");
    let role = ROLES.iter().find(|known| role.as_ref().is_some_and(|role| role.eq_ignore_ascii_case(known)));
    let new = NewReceiveConnector {
        name: call.needed("Name")?.to_string(),
        server: server.guid,
        usage: usage.map_or("Custom", |usage| usage.name),
        transport_role: role.copied().unwrap_or(ROLES[1]),
        bindings: values(call, view, "Bindings")?
            .into_iter()
            .filter_map(|v| match v {
                directory::Value::Binding(binding) => Some(*binding),
                _ => None,
            })
            .collect(),
        remote_ip_ranges: values(call, view, "RemoteIPRanges")?
            .into_iter()
            .filter_map(|v| match v {
                directory::Value::Range(range) => Some(*range),
                _ => None,
            })
            .collect(),
        attributes: Vec::new(),
    };
    if new.bindings.is_empty() {
        return Err(Failure::invalid(
            "Bindings must have a value: an address and port to listen on, for example 0.0.0.0:2526.",
        ));
    }
    Ok(Box::new(move |draft| verbs::new_receive_connector(draft, new)))
}

/// The values given for an attribute, checked.
fn values(call: &Call<'_>, view: &View, name: &str) -> Outcome<Vec<directory::Value>> {
    let (Some(given), Some(attribute)) = (call.get(name), RECEIVE_CONNECTOR.attribute(name)) else {
        return Ok(Vec::new());
    };
    match convert::to_edit(view, attribute, given)? {
        Edit::Replace(values) => Ok(values),
        Edit::AddRemove { add, .. } => Ok(add),
    }
}
