//! Servers of the organisation: their names, build, edition and roles.

use directory::{Edit, schema::SERVER, verbs};
use powershell::{Value, cmdlet::CommandInfo};

use super::ad_site;
use crate::{
    Cmdlet, Noun, Outcome, Shows,
    call::{Call, identity_text},
    cmdlet::declare,
};

/// The noun, also for those who look a server up.
pub(crate) static NOUN: Noun = Noun {
    shows: Shows::LikeSet("Set-ExchangeServer"),
    order: &[&[
        "DataPath",
        "Domain",
        "Edition",
        "ExchangeLegacyDN",
        "ExchangeLegacyServerRole",
        "Fqdn",
        "CustomerFeedbackEnabled",
        "InternetWebProxy",
        "IsHubTransportServer",
        "IsClientAccessServer",
        "IsEdgeServer",
        "IsMailboxServer",
        "IsE14OrLater",
        "IsE15OrLater",
        "IsFrontendTransportServer",
        "AdminDisplayVersion",
        "Site",
        "ServerRole",
        "ErrorReportingEnabled",
        "StaticDomainControllers",
        "StaticGlobalCatalogs",
        "StaticConfigDomainController",
        "StaticExcludedDomainControllers",
        "ProductID",
    ]],
    extend: Some(|_, _, server, out| {
        out.set("IsE14OrLater", Value::Bool(true));
        out.set("IsE15OrLater", Value::Bool(true));
        out.set("IsFrontendTransportServer", Value::Bool(server.flag("IsClientAccessServer")));
    }),
    special: &[("Site", |_, view, _, given| {
        let site = ad_site::NOUN.resolve(view, &identity_text(given))?;
        Ok(vec![("Site", Edit::set(&*site.name))])
    })],
    conditions: &[
        ("Domain", |_, server, domain| {
            server.text("Domain").is_some_and(|own| own.eq_ignore_ascii_case(domain))
        }),
        ("Status", |_, _, _| true),
    ],
    ..Noun::new("ExchangeServer", &SERVER, &["Microsoft.Exchange.Data.Directory.Management.ExchangeServer"])
};

/// `Remove-ExchangeServer`
pub static REMOVE: Cmdlet =
    Cmdlet::run("Remove-ExchangeServer", remove, &["Identity"]).asking().declared(removing);

fn removing() -> CommandInfo {
    let mut info = declare(
        "Remove-ExchangeServer",
        "Removes a server from the organization, with its connectors and its empty databases.",
        &[("Identity", "ServerIdParameter")],
    );
    info.parameters[0].position = Some(1);
    info.parameters[0].by_value = true;
    info.should_process = true;
    info
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let object = NOUN.named(call, &call.cx.directory.snapshot())?;
    if *object.name == *call.cx.server_name {
        let text = format!("\"{}\" is the server you are working on: remove it on another one.", object.name);
        return Err(base::Fault::new(base::FaultKind::Invalid, "InvalidOperationException", text).into());
    }
    if !call.should_process(&format!(
        "Removing the server \"{}\". Every other server refuses it from then on, and its connectors and empty databases \
         are removed",
        object.name
    ))? {
        return Ok(());
    }
    let guid = object.guid;
    call.commit(move |draft| verbs::server::remove_server(draft, guid))?;
    Ok(())
}

/// `Get-ExchangeServer`
pub static GET: Cmdlet = Cmdlet::get("Get-ExchangeServer", &NOUN);
/// `Set-ExchangeServer`
pub static SET: Cmdlet = Cmdlet::set("Set-ExchangeServer", &NOUN).and_takes(&[("Site", "AdSiteIdParameter")]);
