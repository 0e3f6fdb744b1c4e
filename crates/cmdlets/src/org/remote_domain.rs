//! Remote domains: what may leave for a domain that is not ours.

use directory::schema::REMOTE_DOMAIN;

use crate::{Cmdlet, Noun};

static NOUN: Noun = Noun {
    order: &[&[
        "DomainName",
        "IsInternal",
        "TargetDeliveryDomain",
        "ByteEncoderTypeFor7BitCharsets",
        "CharacterSet",
        "NonMimeCharacterSet",
        "AllowedOOFType",
        "AutoReplyEnabled",
        "AutoForwardEnabled",
        "DeliveryReportEnabled",
        "NDREnabled",
        "MeetingForwardNotificationEnabled",
        "ContentType",
        "DisplaySenderName",
        "PreferredInternetCodePageForShiftJis",
        "RequiredCharsetCoverage",
        "TNEFEnabled",
        "LineWrapSize",
        "TrustedMailOutboundEnabled",
        "TrustedMailInboundEnabled",
        "UseSimpleDisplayName",
        "NDRDiagnosticInfoEnabled",
        "MessageCountThreshold",
    ]],
    ..Noun::new(
        "RemoteDomain",
        &REMOTE_DOMAIN,
        &["Microsoft.Exchange.Data.Directory.SystemConfiguration.DomainContentConfig"],
    )
};

/// `Get-RemoteDomain`
pub static GET: Cmdlet = Cmdlet::get("Get-RemoteDomain", &NOUN);
/// `New-RemoteDomain`
pub static NEW: Cmdlet = Cmdlet::new("New-RemoteDomain", &NOUN);
/// `Set-RemoteDomain`
pub static SET: Cmdlet = Cmdlet::set("Set-RemoteDomain", &NOUN);
/// `Remove-RemoteDomain`
pub static REMOVE: Cmdlet = Cmdlet::remove("Remove-RemoteDomain", &NOUN);
