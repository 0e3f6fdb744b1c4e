//! The mailbox service of a server: what may become active on it, and when it cuts logs for want of space.

use super::{
    Attribute,
    attribute::{INT_MAX, choice, flag, int, link, number, text},
    database_copy::AUTO_ACTIVATION,
};

/// `Get-MailboxServer`. Loose truncation and play-down are registry values of the product, here by their names.
pub(super) static MAILBOX_SERVICE: &[Attribute] = &[
    flag("AutoDagServerConfigured", false),
    choice(
        "AutoDatabaseMountDial",
        "GoodAvailability",
        &["GoodAvailability", "BestAvailability", "Lossless"],
    ),
    link("DatabaseAvailabilityGroup", "DatabaseAvailabilityGroup").read_only(),
    flag("DatabaseCopyActivationDisabledAndMoveNow", false),
    choice("DatabaseCopyAutoActivationPolicy", "Unrestricted", AUTO_ACTIVATION),
    text("FaultZone", 64),
    flag("IsExcludedFromProvisioning", false),
    text("Locale", 32).multi(),
    int("LooseTruncation_MinCopiesToProtect", 0, 0, 16),
    int("LooseTruncation_MinDiskFreeSpaceThresholdInMB", 204_800, 0, INT_MAX),
    number("LooseTruncation_MinLogsToProtect", 0, INT_MAX),
    number("MaximumActiveDatabases", 0, INT_MAX),
    number("MaximumPreferredActiveDatabases", 0, INT_MAX),
    number("ReplayLagLowSpacePlaydownThresholdInMB", 0, INT_MAX),
    int("ReplayLagManagerNumAvailableCopies", 3, 1, 16),
    text("WacDiscoveryEndpoint", 1024),
];
