//! Servers: their names, build and edition, and the settings of their mailbox and transport services.

use super::{
    Attribute, Class, IdentityForm, Kind, Place,
    attribute::{flag, flags, int, text, text_or},
    server_mailbox::MAILBOX_SERVICE,
    server_transport::TRANSPORT_SERVICE,
};

const ROLES: &[&str] = &["None", "Mailbox", "ClientAccess", "Edge"];

/// `Get-ExchangeServer`, `Get-MailboxServer`, `Get-TransportService`.
pub static SERVER: Class = Class {
    name: "Server",
    object_class: &["top", "server", "msExchExchangeServer"],
    place: Place::Organization(&[
        "Servers",
        "Exchange Administrative Group (FYDIBOHF23SPDLT)",
        "Administrative Groups",
    ]),
    identity: IdentityForm::Name,
    recipient: false,
    tables: &[
        &[
            text("AdminDisplayVersion", 64).read_only(),
            // What was asked of its components: `component`.
            text("ComponentStates", 160).multi().read_only(),
            flag("CustomerFeedbackEnabled", false),
            flag("DataCollectionEnabled", false),
            text("DataPath", 1024).read_only(),
            text_or("Domain", "", 255).read_only(),
            text_or("Edition", "Enterprise", 64).read_only(),
            maybe_flag("ErrorReportingEnabled"),
            text("ExchangeLegacyDN", 512).read_only(),
            text("ExchangeLegacyServerRole", 64).read_only(),
            text("Fqdn", 255).read_only(),
            text("InternetWebProxy", 1024),
            text("InternetWebProxyBypassList", 255).multi(),
            flag("IsClientAccessServer", true).read_only(),
            flag("IsEdgeServer", false).read_only(),
            flag("IsHubTransportServer", true).read_only(),
            flag("IsMailboxServer", true).read_only(),
            // Where other servers reach this one, and the fingerprint of the key it proves itself with.
            text("LinkAddresses", 255).multi().read_only(),
            Attribute::new("LinkKey", Kind::Secret(32)).read_only(),
            text("MitigationsBlocked", 64).multi(),
            flag("MitigationsEnabled", true),
            text("MonitoringGroup", 256),
            text("ProductID", 64).read_only(),
            text("ProductKey", 64),
            text("RingLevel", 16),
            flags("ServerRole", "Mailbox, ClientAccess", ROLES).read_only(),
            text_or("Site", "Default-First-Site-Name", 255),
            text("StaticConfigDomainController", 255),
            text("StaticDomainControllers", 255).multi(),
            text("StaticExcludedDomainControllers", 255).multi(),
            text("StaticGlobalCatalogs", 255).multi(),
            int("VersionNumber", 0, 0, 2_147_483_647).read_only(),
        ],
        MAILBOX_SERVICE,
        TRANSPORT_SERVICE,
    ],
};

const fn maybe_flag(name: &'static str) -> Attribute {
    Attribute::new(name, Kind::Bool)
}
