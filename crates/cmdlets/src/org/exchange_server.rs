//! Servers of the organisation: their names, build, edition and roles.

use directory::schema::SERVER;
use powershell::Value;

use crate::{Cmdlet, Noun, Shows};

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
    conditions: &[
        ("Domain", |_, server, domain| {
            server.text("Domain").is_some_and(|own| own.eq_ignore_ascii_case(domain))
        }),
        ("Status", |_, _, _| true),
    ],
    ..Noun::new("ExchangeServer", &SERVER, &["Microsoft.Exchange.Data.Directory.Management.ExchangeServer"])
};

/// `Get-ExchangeServer`
pub static GET: Cmdlet = Cmdlet::get("Get-ExchangeServer", &NOUN);
/// `Set-ExchangeServer`
pub static SET: Cmdlet = Cmdlet::set("Set-ExchangeServer", &NOUN);
