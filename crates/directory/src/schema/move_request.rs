//! Move requests: a mailbox on its way from one database to another, and what became of it.

use super::{
    Attribute, Class, IdentityForm, Kind, Place, Target,
    attribute::{INT_MAX, choice, count, flag, int, lasting, link, number, size, span, text},
};

const DAY: i64 = 86_400;
/// The largest sum of sizes, bytes.
const SIZE_MAX: u64 = 1 << 62;

/// How a move stands.
pub const MOVE_STATUSES: &[&str] = &[
    "None",
    "Queued",
    "InProgress",
    "AutoSuspended",
    "CompletionInProgress",
    "Completed",
    "CompletedWithWarning",
    "Suspended",
    "Failed",
    "Retrying",
];

/// How soon a move's turn comes, the last first.
pub const MOVE_PRIORITIES: &[&str] =
    &["Lowest", "Lower", "Low", "Normal", "High", "Higher", "Highest", "Emergency"];

/// A moment that the mover notes.
const fn moment(name: &'static str) -> Attribute {
    Attribute::new(name, Kind::Time).read_only()
}

/// `Get-MoveRequest`, `Get-MoveRequestStatistics`.
pub static MOVE_REQUEST: Class = Class {
    name: "MoveRequest",
    object_class: &["top", "msExchMRSRequest"],
    place: Place::Organization(&["MailboxMoves", "Mailbox Replication"]),
    identity: IdentityForm::Name,
    recipient: false,
    tables: &[&[
        flag("AcceptLargeDataLoss", false),
        flag("AllowLargeItems", false),
        flag("ArchiveOnly", false).read_only(),
        count("BadItemLimit", Some(0), 0, INT_MAX),
        int("BadItemsEncountered", 0, 0, INT_MAX).read_only(),
        text("BatchName", 255),
        size("BytesTransferred", 0, SIZE_MAX).read_only(),
        Attribute::new("CompleteAfter", Kind::Time),
        lasting("CompletedRequestAgeLimit", Some(30 * DAY)),
        moment("CompletionTimestamp"),
        Attribute::new("ExchangeGuid", Kind::Guid).read_only(),
        moment("FailureTimestamp"),
        text("FailureType", 128).read_only(),
        moment("FinalSyncTimestamp"),
        flag("IgnoreRuleLimitErrors", false),
        span("IncrementalSyncInterval", DAY, 0, 120 * DAY),
        moment("InitialSeedingCompletedTimestamp"),
        int("ItemsTransferred", 0, 0, i64::MAX).read_only(),
        count("LargeItemLimit", Some(0), 0, INT_MAX),
        moment("LastUpdateTimestamp"),
        text("Message", 4096).read_only(),
        text("MoveOptions", 256).multi(),
        text("MRSServerName", 256).read_only(),
        moment("NextTry"),
        int("PercentComplete", 0, 0, 100).read_only(),
        flag("PreventCompletion", false),
        flag("PrimaryOnly", false).read_only(),
        choice("Priority", "Normal", MOVE_PRIORITIES),
        flag("Protect", false),
        moment("QueuedTimestamp"),
        text("Report", 2048).multi().read_only(),
        lasting("RequestExpiryInterval", None),
        number("Retries", 0, INT_MAX).read_only(),
        text("SkipMoving", 256).multi(),
        link("SourceArchiveDatabase", "MailboxDatabase").read_only(),
        link("SourceDatabase", "MailboxDatabase").read_only(),
        Attribute::new("StartAfter", Kind::Time),
        moment("StartTimestamp"),
        choice("Status", "Queued", MOVE_STATUSES).read_only(),
        text("StatusDetail", 128).read_only(),
        flag("Suspend", false).read_only(),
        text("SuspendComment", 4096).read_only(),
        moment("SuspendedTimestamp"),
        flag("SuspendWhenReadyToComplete", false),
        flag("Switched", false).read_only(),
        link("TargetArchiveDatabase", "MailboxDatabase").read_only(),
        link("TargetDatabase", "MailboxDatabase").read_only(),
        size("TotalArchiveSize", 0, SIZE_MAX).read_only(),
        int("TotalMailboxItemCount", 0, 0, i64::MAX).read_only(),
        size("TotalMailboxSize", 0, SIZE_MAX).read_only(),
        Attribute::new("User", Kind::Link(Target::User)).read_only().required(),
        choice("WorkloadType", "Local", &["Local", "Onboarding", "Offboarding"]),
    ]],
};
