//! Users: accounts, and what becomes a mailbox (a database) or a mail user (an external address).

use super::{
    Attribute, Class, IdentityForm, Index, Kind, Place,
    attribute::{choice, flag, text},
    mail_recipient::{MAIL_FORMAT, MAIL_RECIPIENT},
    mailbox::{CLIENT_ACCESS, MAILBOX},
    person::PERSON,
};

/// What a mailbox is, where it is not an ordinary person's.
pub(crate) const MAILBOX_TYPES: &[&str] = &[
    "UserMailbox",
    "LinkedMailbox",
    "SharedMailbox",
    "RoomMailbox",
    "EquipmentMailbox",
    "DiscoveryMailbox",
    "ArbitrationMailbox",
    "MonitoringMailbox",
    "PublicFolderMailbox",
];

/// `Get-User`, `Get-Mailbox`, `Get-MailUser`, `Get-CASMailbox`.
pub static USER: Class = Class {
    name: "User",
    object_class: &["top", "person", "organizationalPerson", "user"],
    place: Place::Domain("Users"),
    identity: IdentityForm::Canonical,
    recipient: true,
    tables: &[ACCOUNT, MAIL_RECIPIENT, PERSON, MAILBOX, CLIENT_ACCESS, MAIL_FORMAT],
};

static ACCOUNT: &[Attribute] = &[
    flag("AccountDisabled", false),
    text("CertificateSubject", 1024).multi(),
    text("ImmutableId", 256),
    choice("MailboxType", "UserMailbox", MAILBOX_TYPES).read_only(),
    Attribute::new("PasswordHash", Kind::Secret(1024)).read_only(),
    Attribute::new("PasswordLastSetDate", Kind::Time).read_only(),
    flag("RemotePowerShellEnabled", true),
    flag("ResetPasswordOnNextLogon", false),
    text("SamAccountName", 20).indexed(Index::Unique('s')),
    Attribute::new("StsRefreshTokensValidFrom", Kind::Time),
    text("UserPrincipalName", 1024).indexed(Index::Unique('u')),
];
