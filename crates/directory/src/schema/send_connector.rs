//! Send connectors: which mail leaves through which door.

use super::{
    Attribute, Class, IdentityForm, Kind, Place,
    attribute::{choice, flag, int, link, quota, span, text},
};

/// `Get-SendConnector`.
pub static SEND_CONNECTOR: Class = Class {
    name: "SendConnector",
    object_class: &["top", "msExchConnector", "msExchRoutingSMTPConnector"],
    place: Place::Organization(&[
        "Connections",
        "Exchange Routing Group (DWBGZMFD01QNBJR)",
        "Routing Groups",
        "Exchange Administrative Group (FYDIBOHF23SPDLT)",
        "Administrative Groups",
    ]),
    identity: IdentityForm::Name,
    recipient: false,
    tables: &[&[
        Attribute::new("AddressSpaces", Kind::Space).multi().required(),
        Attribute::new("AuthenticationCredential", Kind::Secret(4096)),
        text("AuthenticationUserName", 256).read_only(),
        flag("CloudServicesMailEnabled", false),
        text("Comment", 256),
        span("ConnectionInactivityTimeOut", 600, 1, 86_400),
        choice("ConnectorType", "Default", &["Default", "XPremises"]),
        flag("DNSRoutingEnabled", true),
        flag("DomainSecureEnabled", false),
        flag("Enabled", true),
        choice(
            "ErrorPolicies",
            "Default",
            &["Default", "DowngradeAuthFailures", "DowngradeDnsFailures", "UpgradeCustomFailures"],
        ),
        flag("ForceHELO", false),
        text("Fqdn", 255),
        flag("FrontendProxyEnabled", false),
        flag("IgnoreSTARTTLS", false),
        flag("IsCoexistenceConnector", false),
        flag("IsScopedConnector", false),
        link("LinkedReceiveConnector", "ReceiveConnector"),
        quota("MaxMessageSize", Some(35 << 20)),
        int("Port", 25, 0, 65_535),
        choice("ProtocolLoggingLevel", "None", &["None", "Verbose"]),
        flag("RequireOorg", false),
        flag("RequireTLS", false),
        choice(
            "SmartHostAuthMechanism",
            "None",
            &["None", "BasicAuth", "BasicAuthRequireTLS", "ExchangeServer", "ExternalAuthoritative"],
        ),
        text("SmartHosts", 255).multi(),
        int("SmtpMaxMessagesPerConnection", 20, 0, 2_147_483_647),
        text("SourceIPAddress", 45),
        link("SourceTransportServers", "Server").multi(),
        choice("TlsAuthLevel", "", &["EncryptionOnly", "CertificateValidation", "DomainValidation"]),
        text("TlsCertificateName", 1024),
        Attribute::new("TlsDomain", Kind::Pattern),
        flag("UseExternalDNSServersEnabled", false),
    ]],
};
