//! What everything has that mail can be addressed to: addresses, restrictions, moderation, size limits.

use super::{
    Attribute, Index, Kind,
    attribute::{choice, count, flag, quota, recipient, text},
};
use crate::recipient::derive;

/// Which kinds of recipients a policy or a dynamic group takes in.
pub(super) const INCLUDED: &[&str] =
    &["None", "MailboxUsers", "Resources", "MailContacts", "MailGroups", "MailUsers", "AllRecipients"];

/// Present on every recipient class.
pub(super) static MAIL_RECIPIENT: &[Attribute] = &[
    recipient("AcceptMessagesOnlyFrom").multi(),
    recipient("AcceptMessagesOnlyFromDLMembers").multi(),
    text("Alias", 64).indexed(Index::Unique('l')),
    recipient("ArbitrationMailbox"),
    recipient("BypassModerationFromSendersOrMembers").multi(),
    text("CustomAttribute1", 1024),
    text("CustomAttribute10", 1024),
    text("CustomAttribute11", 1024),
    text("CustomAttribute12", 1024),
    text("CustomAttribute13", 1024),
    text("CustomAttribute14", 1024),
    text("CustomAttribute15", 1024),
    text("CustomAttribute2", 1024),
    text("CustomAttribute3", 1024),
    text("CustomAttribute4", 1024),
    text("CustomAttribute5", 1024),
    text("CustomAttribute6", 1024),
    text("CustomAttribute7", 1024),
    text("CustomAttribute8", 1024),
    text("CustomAttribute9", 1024),
    text("DisplayName", 256).indexed(Index::Shared),
    Attribute::new("EmailAddresses", Kind::Proxy).multi().indexed(Index::Unique('a')),
    flag("EmailAddressPolicyEnabled", true),
    text("ExtensionCustomAttribute1", 2048).multi(),
    text("ExtensionCustomAttribute2", 2048).multi(),
    text("ExtensionCustomAttribute3", 2048).multi(),
    text("ExtensionCustomAttribute4", 2048).multi(),
    text("ExtensionCustomAttribute5", 2048).multi(),
    recipient("GrantSendOnBehalfTo").multi(),
    flag("HiddenFromAddressListsEnabled", false),
    text("LegacyExchangeDN", 512).read_only().indexed(Index::Unique('x')),
    text("MailTip", 175),
    text("MailTipTranslations", 256).multi(),
    quota("MaxReceiveSize", None),
    quota("MaxSendSize", None),
    recipient("ModeratedBy").multi(),
    flag("ModerationEnabled", false),
    Attribute::new("PrimarySmtpAddress", Kind::Address).derived(derive::primary_smtp_address),
    Attribute::new("RecipientType", Kind::Text(64)).derived(derive::recipient_type),
    Attribute::new("RecipientTypeDetails", Kind::Text(64)).derived(derive::recipient_type_details),
    recipient("RejectMessagesFrom").multi(),
    recipient("RejectMessagesFromDLMembers").multi(),
    flag("RequireSenderAuthenticationEnabled", false),
    choice("SendModerationNotifications", "Always", &["Always", "Internal", "Never"]),
    text("SimpleDisplayName", 256),
    Attribute::new("WindowsEmailAddress", Kind::Address).derived(derive::primary_smtp_address),
];

/// How mail to a recipient outside is written; contacts and mail users.
pub(super) static MAIL_FORMAT: &[Attribute] = &[
    Attribute::new("ExternalEmailAddress", Kind::Proxy),
    choice("MacAttachmentFormat", "BinHex", &["BinHex", "UuEncode", "AppleSingle", "AppleDouble"]),
    count("MaxRecipientPerMessage", None, 0, 2_147_483_647),
    choice("MessageBodyFormat", "TextAndHtml", &["Text", "Html", "TextAndHtml"]),
    choice("MessageFormat", "Mime", &["Text", "Mime"]),
    choice("UseMapiRichTextFormat", "UseDefaultSettings", &["Never", "Always", "UseDefaultSettings"]),
    flag("UsePreferMessageFormat", false),
];

/// The conditions of a precanned recipient filter.
pub(super) static CONDITIONS: &[Attribute] = &[
    text("ConditionalCompany", 256).multi(),
    text("ConditionalCustomAttribute1", 1024).multi(),
    text("ConditionalCustomAttribute10", 1024).multi(),
    text("ConditionalCustomAttribute11", 1024).multi(),
    text("ConditionalCustomAttribute12", 1024).multi(),
    text("ConditionalCustomAttribute13", 1024).multi(),
    text("ConditionalCustomAttribute14", 1024).multi(),
    text("ConditionalCustomAttribute15", 1024).multi(),
    text("ConditionalCustomAttribute2", 1024).multi(),
    text("ConditionalCustomAttribute3", 1024).multi(),
    text("ConditionalCustomAttribute4", 1024).multi(),
    text("ConditionalCustomAttribute5", 1024).multi(),
    text("ConditionalCustomAttribute6", 1024).multi(),
    text("ConditionalCustomAttribute7", 1024).multi(),
    text("ConditionalCustomAttribute8", 1024).multi(),
    text("ConditionalCustomAttribute9", 1024).multi(),
    text("ConditionalDepartment", 256).multi(),
    text("ConditionalStateOrProvince", 256).multi(),
];
