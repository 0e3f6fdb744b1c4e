//! Mailbox databases: where mailboxes are stored, and the limits they inherit.

use super::{
    Attribute, Class, IdentityForm, Kind, Place,
    attribute::{SPAN_MAX, choice, flag, link, number, quota, recipient, span, text, text_or},
};

const DAY: i64 = 86_400;
const CONSTRAINTS: &[&str] = &[
    "None",
    "SecondCopy",
    "SecondDatacenter",
    "AllDatacenters",
    "AllCopies",
    "CINoReplication",
    "CISecondCopy",
    "CISecondDatacenter",
];

/// `Get-MailboxDatabase`.
pub static MAILBOX_DATABASE: Class = Class {
    name: "MailboxDatabase",
    object_class: &["top", "msExchMDB", "msExchPrivateMDB"],
    place: Place::Organization(&[
        "Databases",
        "Exchange Administrative Group (FYDIBOHF23SPDLT)",
        "Administrative Groups",
    ]),
    identity: IdentityForm::Name,
    recipient: false,
    tables: &[&[
        flag("AllowFileRestore", false),
        flag("AutoDagExcludeFromMonitoring", false),
        choice(
            "AutoDatabaseMountDial",
            "GoodAvailability",
            &["GoodAvailability", "BestAvailability", "Lossless"],
        ),
        flag("BackgroundDatabaseMaintenance", true),
        quota("CalendarLoggingQuota", Some(6 << 30)),
        flag("CircularLoggingEnabled", false),
        text("DatabaseGroup", 256),
        choice("DataMoveReplicationConstraint", "SecondCopy", CONSTRAINTS),
        span("DeletedItemRetention", 14 * DAY, 0, SPAN_MAX),
        text("EdbFilePath", 1024).read_only(),
        span("EventHistoryRetentionPeriod", 7 * DAY, 1, 30 * DAY),
        flag("IndexEnabled", true),
        flag("IsExcludedFromInitialProvisioning", false),
        flag("IsExcludedFromProvisioning", false),
        flag("IsExcludedFromProvisioningByOperator", false),
        flag("IsExcludedFromProvisioningDueToLogicalCorruption", false),
        text("IsExcludedFromProvisioningReason", 1024),
        quota("IssueWarningQuota", Some(2_039_480_320)),
        flag("IsSuspendedFromProvisioning", false),
        recipient("JournalRecipient"),
        text("LogFolderPath", 1024).read_only(),
        span("MailboxRetention", 30 * DAY, 0, SPAN_MAX),
        text_or("MaintenanceSchedule", "Sun.1:00 AM-Sun.5:00 AM", 4096),
        number("MetaCacheDatabaseMaxCapacityInBytes", 0, i64::MAX),
        flag("MountAtStartup", true),
        text("OfflineAddressBook", 256),
        quota("ProhibitSendQuota", Some(2 << 30)),
        quota("ProhibitSendReceiveQuota", Some(2_469_396_480)),
        text("PublicFolderDatabase", 256),
        text_or("QuotaNotificationSchedule", "Sun.1:00 AM-Sun.1:15 AM", 4096),
        quota("RecoverableItemsQuota", Some(30 << 30)),
        quota("RecoverableItemsWarningQuota", Some(20 << 30)),
        flag("Recovery", false).read_only(),
        flag("RetainDeletedItemsUntilBackup", false),
        text("RpcClientAccessServer", 255),
        link("Server", "Server").read_only(),
        Attribute::new("WorkerProcessId", Kind::Int(0, i64::MAX)).read_only(),
    ]],
};
