//! Database availability groups: servers that keep copies of one another's databases, and the networks they use.

use super::{
    Attribute, Class, IdentityForm, Kind, Place, Target,
    attribute::{choice, flag, int, link, span, text},
};

/// When traffic of a group is compressed or encrypted.
const NETWORK: &[&str] = &["Disabled", "Enabled", "InterSubnetOnly", "SeedOnly"];
/// The product's advice: no longer than this between two looks at the preferences.
const MOVE_FREQUENCY_MAX: i64 = 49 * 86_400;

/// `Get-DatabaseAvailabilityGroup`. Its members are the servers that link to it.
pub static DATABASE_AVAILABILITY_GROUP: Class = Class {
    name: "DatabaseAvailabilityGroup",
    object_class: &["top", "msExchMDBAvailabilityGroup"],
    place: Place::Organization(&[
        "Database Availability Groups",
        "Exchange Administrative Group (FYDIBOHF23SPDLT)",
        "Administrative Groups",
    ]),
    identity: IdentityForm::Name,
    recipient: false,
    tables: &[&[
        text("AlternateWitnessDirectory", 1024),
        text("AlternateWitnessServer", 255),
        flag("AutoDagAllServersInstalled", false),
        flag("AutoDagAutoRedistributeEnabled", true),
        flag("AutoDagAutoReseedEnabled", true),
        int("AutoDagDatabaseCopiesPerDatabase", 1, 1, 16),
        int("AutoDagDatabaseCopiesPerVolume", 1, 1, 100),
        text("AutoDagDatabasesRootFolderPath", 1024),
        flag("AutoDagDiskReclaimerEnabled", true),
        int("AutoDagTotalNumberOfDatabases", 0, 0, 1600),
        int("AutoDagTotalNumberOfServers", 0, 0, 16),
        text("AutoDagVolumesRootFolderPath", 1024),
        text("DatabaseAvailabilityGroupIpAddresses", 45).multi(),
        choice("DatacenterActivationMode", "Off", &["Off", "DagOnly"]),
        flag("ManualDagNetworkConfiguration", false),
        choice("NetworkCompression", "InterSubnetOnly", NETWORK),
        choice("NetworkEncryption", "InterSubnetOnly", NETWORK),
        // -1 ms, .NET's infinite span, turns it off.
        span("PreferenceMoveFrequency", 3600, -1, MOVE_FREQUENCY_MAX),
        flag("ReplayLagManagerEnabled", false),
        int("ReplicationPort", 64_327, 1, 65_535),
        Attribute::new("StoppedMailboxServers", Kind::Link(Target::Class("Server"))).multi().read_only(),
        choice("ThirdPartyReplication", "Disabled", &["Disabled", "Enabled"]).read_only(),
        text("WitnessDirectory", 1024),
        text("WitnessServer", 255),
    ]],
};

/// `Get-DatabaseAvailabilityGroupNetwork`.
pub static DATABASE_AVAILABILITY_GROUP_NETWORK: Class = Class {
    name: "DatabaseAvailabilityGroupNetwork",
    object_class: &["top", "msExchMDBAvailabilityGroupNetwork"],
    place: Place::Below("DatabaseAvailabilityGroup"),
    identity: IdentityForm::ContainerAndName,
    recipient: false,
    tables: &[&[
        link("DatabaseAvailabilityGroup", "DatabaseAvailabilityGroup").read_only().required(),
        text("Description", 256),
        flag("IgnoreNetwork", false),
        flag("ReplicationEnabled", true),
        Attribute::new("Subnets", Kind::Range).multi(),
    ]],
};
