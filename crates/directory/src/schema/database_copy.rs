//! Copies of a mailbox database: on which server, how much it is preferred, how far it stays behind.

use super::{
    Class, IdentityForm, Place,
    attribute::{choice, flag, int, link, span, text},
};

const DAY: i64 = 86_400;
/// The longest lag, seconds.
const LAG_MAX: i64 = 14 * DAY;

/// Whether a copy may become active by itself.
pub(super) const AUTO_ACTIVATION: &[&str] = &["Unrestricted", "IntrasiteOnly", "Blocked"];

/// `Set-MailboxDatabaseCopy`; named after its server. The database's `Server` has the active copy.
pub static MAILBOX_DATABASE_COPY: Class = Class {
    name: "MailboxDatabaseCopy",
    object_class: &["top", "msExchMDBCopy"],
    place: Place::Below("Database"),
    identity: IdentityForm::ContainerAndName,
    recipient: false,
    tables: &[&[
        int("ActivationPreference", 1, 1, 16).read_only(),
        flag("ActivationSuspended", false).read_only(),
        link("Database", "MailboxDatabase").read_only().required(),
        choice("DatabaseCopyAutoActivationPolicy", "Unrestricted", AUTO_ACTIVATION),
        flag("ReplayLagDisabled", false).read_only(),
        text("ReplayLagDisabledReason", 512).read_only(),
        span("ReplayLagMaxDelay", DAY, 0, LAG_MAX),
        span("ReplayLagTime", 0, 0, LAG_MAX),
        link("Server", "Server").read_only().required(),
        text("SuspendComment", 512).read_only(),
        flag("Suspended", false).read_only(),
        span("TruncationLagTime", 0, 0, LAG_MAX),
    ]],
};
