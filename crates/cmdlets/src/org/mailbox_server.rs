//! The mailbox service of each server: what may become active on it, and when it cuts logs for want of space.

use directory::schema::SERVER;

use crate::{Cmdlet, Noun, Shows};

static NOUN: Noun = Noun {
    shows: Shows::LikeSet("Set-MailboxServer"),
    order: &[&[
        "Name",
        "DataPath",
        "AutoDatabaseMountDial",
        "DatabaseCopyAutoActivationPolicy",
        "DatabaseCopyActivationDisabledAndMoveNow",
        "MaximumActiveDatabases",
        "MaximumPreferredActiveDatabases",
        "DatabaseAvailabilityGroup",
        "LooseTruncation_MinCopiesToProtect",
        "LooseTruncation_MinDiskFreeSpaceThresholdInMB",
        "LooseTruncation_MinLogsToProtect",
        "ReplayLagManagerNumAvailableCopies",
        "ReplayLagLowSpacePlaydownThresholdInMB",
        "AdminDisplayVersion",
        "Site",
    ]],
    conditions: &[("Status", |_, _, _| true)],
    ..Noun::new("MailboxServer", &SERVER, &["Microsoft.Exchange.Data.Directory.Management.MailboxServer"])
};

/// `Get-MailboxServer`
pub static GET: Cmdlet = Cmdlet::get("Get-MailboxServer", &NOUN);
/// `Set-MailboxServer`
pub static SET: Cmdlet = Cmdlet::set("Set-MailboxServer", &NOUN).and_takes(&[
    ("LooseTruncation_MinCopiesToProtect", "Int32"),
    ("LooseTruncation_MinDiskFreeSpaceThresholdInMB", "Int32"),
    ("LooseTruncation_MinLogsToProtect", "Int32"),
    ("ReplayLagLowSpacePlaydownThresholdInMB", "Int32"),
    ("ReplayLagManagerNumAvailableCopies", "Int32"),
]);
