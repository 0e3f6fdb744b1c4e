//! Restore requests: what is in a mailbox that belongs to nobody, on its way into one that belongs to somebody.

use super::{
    Attribute, Class, IdentityForm, Kind, MOVE_PRIORITIES, MOVE_STATUSES, Place, Target,
    attribute::{INT_MAX, choice, count, flag, int, lasting, link, number, size, text},
};

const DAY: i64 = 86_400;
/// The largest sum of sizes, bytes.
const SIZE_MAX: u64 = 1 << 62;

/// A moment that is noted on the way.
const fn moment(name: &'static str) -> Attribute {
    Attribute::new(name, Kind::Time).read_only()
}

/// `Get-MailboxRestoreRequest`, `Get-MailboxRestoreRequestStatistics`.
pub static MAILBOX_RESTORE_REQUEST: Class = Class {
    name: "MailboxRestoreRequest",
    object_class: &["top", "msExchMRSRequest"],
    place: Place::Organization(&["MailboxRestoreRequests", "Mailbox Replication"]),
    identity: IdentityForm::Name,
    recipient: false,
    tables: &[&[
        flag("AcceptLargeDataLoss", false),
        flag("AllowLegacyDNMismatch", false),
        choice("AssociatedMessagesCopyOption", "DoNotCopy", &["DoNotCopy", "MapByMessageClass", "Copy"]),
        count("BadItemLimit", Some(0), 0, INT_MAX),
        int("BadItemsEncountered", 0, 0, INT_MAX).read_only(),
        text("BatchName", 255),
        size("BytesTransferred", 0, SIZE_MAX).read_only(),
        lasting("CompletedRequestAgeLimit", Some(30 * DAY)),
        moment("CompletionTimestamp"),
        choice("ConflictResolutionOption", "KeepSourceItem", CONFLICTS),
        flag("ExcludeDumpster", false),
        text("ExcludeFolders", 2048).multi(),
        moment("FailureTimestamp"),
        text("FailureType", 128).read_only(),
        text("IncludeFolders", 2048).multi(),
        text("InternalFlags", 256).multi(),
        int("ItemsTransferred", 0, 0, i64::MAX).read_only(),
        count("LargeItemLimit", Some(0), 0, INT_MAX),
        moment("LastUpdateTimestamp"),
        text("Message", 4096).read_only(),
        text("MRSServerName", 256).read_only(),
        moment("NextTry"),
        int("PercentComplete", 0, 0, 100).read_only(),
        choice("Priority", "Normal", MOVE_PRIORITIES),
        moment("QueuedTimestamp"),
        text("Report", 2048).multi().read_only(),
        lasting("RequestExpiryInterval", None),
        text("RequestName", 255).read_only(),
        number("Retries", 0, INT_MAX).read_only(),
        text("SkipMerging", 256).multi(),
        link("SourceDatabase", "MailboxDatabase").read_only(),
        Attribute::new("SourceExchangeGuid", Kind::Guid).read_only(),
        text("SourceMailboxName", 256).read_only(),
        text("SourceRootFolder", 2048),
        moment("StartTimestamp"),
        choice("Status", "Queued", MOVE_STATUSES).read_only(),
        text("StatusDetail", 128).read_only(),
        flag("Suspend", false).read_only(),
        text("SuspendComment", 4096).read_only(),
        moment("SuspendedTimestamp"),
        flag("TargetIsArchive", false).read_only(),
        Attribute::new("TargetMailbox", Kind::Link(Target::User)).read_only().required(),
        text("TargetRootFolder", 2048),
        int("TotalMailboxItemCount", 0, 0, i64::MAX).read_only(),
        size("TotalMailboxSize", 0, SIZE_MAX).read_only(),
        choice("WorkloadType", "Local", &["Local", "Onboarding", "Offboarding"]),
    ]],
};

/// What becomes of an item that is there already.
const CONFLICTS: &[&str] = &["KeepSourceItem", "KeepLatestItem", "KeepAll"];
