//! Remote domains: what may leave for a domain that is not ours, and in which form.

use super::{
    Attribute, Class, IdentityForm, Kind, Place,
    attribute::{INT_MAX, choice, count, flag, int, maybe, text},
};

const CONTENT_TYPES: &[&str] = &["MimeHtmlText", "MimeText", "MimeHtml"];
const SEVEN_BIT: &[&str] = &[
    "Use7Bit",
    "UseQP",
    "UseBase64",
    "UseQPHtmlDetectTextPlain",
    "UseBase64HtmlDetectTextPlain",
    "UseQPHtml7BitTextPlain",
    "UseBase64Html7BitTextPlain",
    "Undefined",
];

/// `Get-RemoteDomain`. The defaults are those of a newly created one; the built-in `Default` of an
/// on-premises organisation is seeded with AutoForwardEnabled and AutoReplyEnabled `$false`.
pub static REMOTE_DOMAIN: Class = Class {
    name: "RemoteDomain",
    object_class: &["top", "msExchDomainContentConfig"],
    place: Place::Organization(&["Internet Message Formats", "Global Settings"]),
    identity: IdentityForm::Name,
    recipient: false,
    tables: &[&[
        choice("AllowedOOFType", "External", &["External", "ExternalLegacy", "InternalLegacy", "None"]),
        flag("AutoForwardEnabled", true),
        flag("AutoReplyEnabled", true),
        choice("ByteEncoderTypeFor7BitCharsets", "Undefined", SEVEN_BIT),
        text("CharacterSet", 128),
        choice("ContentType", "MimeHtmlText", CONTENT_TYPES),
        flag("DeliveryReportEnabled", true),
        flag("DisplaySenderName", true),
        Attribute::new("DomainName", Kind::Pattern).required(),
        flag("IsCoexistenceDomain", false),
        flag("IsInternal", false),
        count("LineWrapSize", None, 0, 132),
        flag("MeetingForwardNotificationEnabled", true),
        int("MessageCountThreshold", INT_MAX, 0, INT_MAX),
        flag("NDRDiagnosticInfoEnabled", true),
        flag("NDREnabled", true),
        text("NonMimeCharacterSet", 128),
        choice(
            "PreferredInternetCodePageForShiftJis",
            "Undefined",
            &["Undefined", "50220", "50221", "50222"],
        ),
        int("RequiredCharsetCoverage", 100, 0, 100),
        flag("TargetDeliveryDomain", false),
        maybe("TNEFEnabled"),
        flag("TrustedMailInboundEnabled", false),
        flag("TrustedMailOutboundEnabled", false),
        flag("UseSimpleDisplayName", false),
    ]],
};
