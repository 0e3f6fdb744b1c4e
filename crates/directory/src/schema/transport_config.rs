//! Transport settings of the whole organisation: size limits, delivery status notifications, redundancy.

use super::{
    Attribute, Class, IdentityForm, Kind, Place,
    attribute::{INT_MAX, choice, count, flag, int, quota, size, span, text},
};

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;
const MB: u64 = 1 << 20;

/// `Get-TransportConfig`. The one object is named `Transport Settings`.
pub static TRANSPORT_CONFIG: Class = Class {
    name: "TransportConfig",
    object_class: &["top", "container", "msExchTransportSettings"],
    place: Place::Organization(&[]),
    identity: IdentityForm::Name,
    recipient: false,
    tables: &[&[
        flag("AddressBookPolicyRoutingEnabled", false),
        flag("AgentGeneratedMessageLoopDetectionInSmtpEnabled", false),
        flag("AgentGeneratedMessageLoopDetectionInSubmissionEnabled", false),
        flag("ClearCategories", true),
        flag("ConvertDisclaimerWrapperToEml", false),
        int("DiagnosticsAggregationServicePort", 9710, 1, 65_535),
        choice(
            "DSNConversionMode",
            "UseExchangeDSNs",
            &["UseExchangeDSNs", "PreserveDSNBody", "DoNotConvert"],
        ),
        flag("ExternalDelayDsnEnabled", true),
        text("ExternalDsnDefaultLanguage", 64),
        flag("ExternalDsnLanguageDetectionEnabled", true),
        size("ExternalDsnMaxMessageAttachSize", 10 * MB, INT_MAX as u64),
        Attribute::new("ExternalDsnReportingAuthority", Kind::Domain),
        flag("ExternalDsnSendHtml", true),
        Attribute::new("ExternalPostmasterAddress", Kind::Address),
        text("GenerateCopyOfDSNFor", 32).multi(),
        choice("HeaderPromotionModeSetting", "NoCreate", &["NoCreate", "MayCreate", "MustCreate"]),
        flag("InternalDelayDsnEnabled", true),
        text("InternalDsnDefaultLanguage", 64),
        flag("InternalDsnLanguageDetectionEnabled", true),
        size("InternalDsnMaxMessageAttachSize", 10 * MB, INT_MAX as u64),
        Attribute::new("InternalDsnReportingAuthority", Kind::Domain),
        flag("InternalDsnSendHtml", true),
        Attribute::new("InternalSMTPServers", Kind::Range).multi(),
        Attribute::new("JournalingReportNdrTo", Kind::Address),
        flag("LegacyJournalingMigrationEnabled", false),
        int("MaxAllowedAgentGeneratedMessageDepth", 3, 0, INT_MAX),
        int("MaxAllowedAgentGeneratedMessageDepthPerAgent", 2, 0, INT_MAX),
        size("MaxDumpsterSizePerDatabase", 18 * MB, (INT_MAX as u64) << 10),
        span("MaxDumpsterTime", 7 * DAY, 0, INT_MAX),
        quota("MaxReceiveSize", Some(10 * MB)),
        count("MaxRecipientEnvelopeLimit", Some(500), 0, INT_MAX),
        int("MaxRetriesForLocalSiteShadow", 2, 0, 255),
        int("MaxRetriesForRemoteSiteShadow", 4, 0, 255),
        quota("MaxSendSize", Some(10 * MB)),
        span("QueueDiagnosticsAggregationInterval", MINUTE, 1, DAY),
        flag("RejectMessageOnShadowFailure", false),
        flag("Rfc2231EncodingEnabled", false),
        span("SafetyNetHoldTime", 2 * DAY, 15, 90 * DAY),
        span("ShadowHeartbeatFrequency", 2 * MINUTE, 1, DAY),
        int("ShadowHeartbeatRetryCount", 12, 1, 15),
        span("ShadowHeartbeatTimeoutInterval", 15 * MINUTE, 1, DAY),
        span("ShadowMessageAutoDiscardInterval", 2 * DAY, 5, 90 * DAY),
        choice(
            "ShadowMessagePreferenceSetting",
            "PreferRemote",
            &["PreferRemote", "LocalOnly", "RemoteOnly"],
        ),
        flag("ShadowRedundancyEnabled", true),
        span("ShadowResubmitTimeSpan", 3 * HOUR, 1, DAY),
        text("SupervisionTags", 20).multi(),
        Attribute::new("TLSReceiveDomainSecureList", Kind::Domain).multi(),
        Attribute::new("TLSSendDomainSecureList", Kind::Domain).multi(),
        size("TransportRuleAttachmentTextScanLimit", 150 << 10, INT_MAX as u64),
        flag("VerifySecureSubmitEnabled", false),
        flag("VoicemailJournalingEnabled", true),
        flag("Xexch50Enabled", true),
    ]],
};
