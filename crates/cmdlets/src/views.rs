//! What is shown of each kind of object when nobody asks for particular properties.

use powershell::format::{Column, Layout, TypeView, Views};

/// A type's last name within its name space, and its columns; a number is a width.
type Row = (&'static str, &'static [(&'static str, Option<usize>)]);

const ANY: Option<usize> = None;

/// Default tables by type, as the product shows them.
const TABLES: &[Row] = &[
    (
        "Microsoft.Exchange.Data.Directory.Management.ADOrganizationConfig",
        &[("Name", ANY), ("PublicFoldersEnabled", ANY), ("MailTipsAllTipsEnabled", ANY)],
    ),
    (
        "Microsoft.Exchange.Data.Directory.Management.CASMailbox",
        &[
            ("Name", ANY),
            ("ActiveSyncEnabled", Some(17)),
            ("OWAEnabled", Some(10)),
            ("PopEnabled", Some(10)),
            ("ImapEnabled", Some(11)),
            ("MapiEnabled", Some(11)),
        ],
    ),
    (
        "Microsoft.Exchange.Data.Directory.Management.DistributionGroup",
        &[("Name", ANY), ("DisplayName", ANY), ("GroupType", ANY), ("PrimarySmtpAddress", ANY)],
    ),
    (
        "Microsoft.Exchange.Data.Directory.Management.DynamicDistributionGroup",
        &[("Name", ANY), ("ManagedBy", ANY)],
    ),
    (
        "Microsoft.Exchange.Data.Directory.Management.ExchangeServer",
        &[
            ("Name", Some(19)),
            ("Site", Some(20)),
            ("ServerRole", Some(21)),
            ("Edition", Some(11)),
            ("AdminDisplayVersion", ANY),
        ],
    ),
    (
        "Microsoft.Exchange.Data.Directory.Management.MailContact",
        &[("Name", ANY), ("Alias", ANY), ("RecipientType", ANY)],
    ),
    (
        "Microsoft.Exchange.Data.Directory.Management.MailboxServer",
        &[("Name", Some(20)), ("Site", Some(24)), ("DatabaseAvailabilityGroup", ANY)],
    ),
    ("Microsoft.Exchange.Data.Directory.Management.MailUser", &[("Name", ANY), ("RecipientType", ANY)]),
    (
        "Microsoft.Exchange.Data.Directory.Management.Mailbox",
        &[("Name", Some(25)), ("Alias", Some(20)), ("ServerName", Some(16)), ("ProhibitSendQuota", ANY)],
    ),
    (
        "Microsoft.Exchange.Data.Directory.Management.ReducedRecipient",
        &[("Name", ANY), ("RecipientType", ANY)],
    ),
    (
        "Microsoft.Exchange.Data.Directory.Management.RoleGroup",
        &[("Name", ANY), ("AssignedRoles", ANY), ("RoleAssignments", ANY), ("ManagedBy", ANY)],
    ),
    (
        "Microsoft.Exchange.Data.Directory.Management.TransportServer",
        &[("Name", ANY), ("MessageTrackingLogEnabled", ANY), ("AntispamAgentsEnabled", ANY)],
    ),
    (
        "Microsoft.Exchange.Data.Directory.Management.MoveRequest",
        &[("DisplayName", ANY), ("Status", Some(22)), ("TargetDatabase", ANY)],
    ),
    ("Microsoft.Exchange.Data.Directory.Management.User", &[("Name", ANY), ("RecipientType", ANY)]),
    (
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.ADSite",
        &[("Name", ANY), ("HubSiteEnabled", Some(15)), ("InboundMailEnabled", ANY)],
    ),
    (
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.ADSiteLink",
        &[("Name", ANY), ("ADCost", Some(10)), ("ExchangeCost", Some(13)), ("Sites", ANY)],
    ),
    (
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.AcceptedDomain",
        &[("Name", ANY), ("DomainName", ANY), ("DomainType", ANY), ("Default", Some(7))],
    ),
    (
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.DatabaseAvailabilityGroup",
        &[("Name", Some(16)), ("Servers", ANY), ("OperationalServers", ANY)],
    ),
    (
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.DatabaseAvailabilityGroupNetwork",
        &[("Identity", ANY), ("ReplicationEnabled", Some(18)), ("Subnets", ANY)],
    ),
    (
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.DomainContentConfig",
        &[("Name", ANY), ("DomainName", ANY), ("AllowedOOFType", ANY)],
    ),
    (
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.EmailAddressPolicy",
        &[("Name", ANY), ("Priority", ANY), ("RecipientFilter", ANY)],
    ),
    (
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.ExchangeRole",
        &[("Name", ANY), ("RoleType", ANY)],
    ),
    (
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.ExchangeRoleAssignmentPresentation",
        &[
            ("Name", ANY),
            ("Role", ANY),
            ("RoleAssigneeName", ANY),
            ("RoleAssigneeType", Some(16)),
            ("AssignmentMethod", Some(16)),
            ("EffectiveUserName", ANY),
        ],
    ),
    (
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.MailboxDatabase",
        &[("Name", Some(25)), ("Server", Some(20)), ("Recovery", Some(15)), ("ReplicationType", ANY)],
    ),
    (
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.ManagementScope",
        &[
            ("Name", ANY),
            ("ScopeRestrictionType", ANY),
            ("Exclusive", Some(9)),
            ("RecipientRoot", ANY),
            ("RecipientFilter", ANY),
        ],
    ),
    (
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.ReceiveConnector",
        &[("Identity", ANY), ("Bindings", ANY), ("Enabled", Some(7))],
    ),
    (
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.RoleAssignmentPolicy",
        &[("Name", ANY), ("IsDefault", Some(9)), ("AssignedRoles", ANY)],
    ),
    (
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.SmtpSendConnectorConfig",
        &[("Identity", ANY), ("AddressSpaces", ANY), ("Enabled", Some(7))],
    ),
    (
        "Microsoft.Exchange.Data.QueueViewer.ExtensibleMessageInfo",
        &[
            ("Identity", Some(30)),
            ("FromAddress", Some(26)),
            ("Status", Some(10)),
            ("Queue", Some(22)),
            ("Subject", ANY),
        ],
    ),
    (
        "Microsoft.Exchange.Data.QueueViewer.ExtensibleQueueInfo",
        &[
            ("Identity", Some(17)),
            ("DeliveryType", Some(26)),
            ("Status", Some(9)),
            ("MessageCount", Some(12)),
            ("Velocity", Some(8)),
            ("RiskLevel", Some(9)),
            ("OutboundIPPool", Some(14)),
            ("NextHopDomain", ANY),
        ],
    ),
    (
        "Microsoft.Exchange.Data.Storage.Management.MigrationBatch",
        &[("Identity", ANY), ("Status", Some(20)), ("MigrationType", ANY), ("TotalCount", Some(11))],
    ),
    (
        "Microsoft.Exchange.Data.Storage.Management.MigrationUser",
        &[("Identity", ANY), ("BatchId", ANY), ("Status", Some(12))],
    ),
    (
        "Microsoft.Exchange.MailboxReplicationService.MoveRequestStatistics",
        &[
            ("DisplayName", ANY),
            ("StatusDetail", Some(22)),
            ("TotalMailboxSize", ANY),
            ("TotalArchiveSize", ANY),
            ("PercentComplete", Some(15)),
        ],
    ),
    (
        "Microsoft.Exchange.MailboxReplicationService.MailboxRestoreRequestStatistics",
        &[("Name", ANY), ("StatusDetail", Some(22)), ("TargetAlias", ANY), ("PercentComplete", Some(15))],
    ),
    (
        "Microsoft.Exchange.Management.Migration.MailboxReplication.MailboxRestoreRequest",
        &[("Name", ANY), ("TargetMailbox", ANY), ("Status", Some(22))],
    ),
    (
        "Microsoft.Exchange.Management.MapiTasks.Presentation.LogonStatistics",
        &[("UserName", Some(26)), ("LogonTime", Some(22)), ("LastAccessTime", Some(22)), ("ClientName", ANY)],
    ),
    (
        "Microsoft.Exchange.Management.StoreTasks.StoreIntegrityCheckJob",
        &[
            ("JobId", Some(36)),
            ("Task", ANY),
            ("DetectOnly", Some(10)),
            ("JobState", Some(10)),
            ("Progress", Some(8)),
        ],
    ),
    (
        "Rialto.Management.MailboxAssociatedItem",
        &[("Folder", Some(24)), ("MessageClass", ANY), ("LastModifiedTime", Some(22))],
    ),
    (
        "Microsoft.Exchange.Management.MapiTasks.Presentation.MailboxStatistics",
        &[
            ("DisplayName", Some(26)),
            ("ItemCount", Some(12)),
            ("StorageLimitStatus", Some(20)),
            ("LastLogonTime", ANY),
        ],
    ),
    (
        "Microsoft.Exchange.Management.SystemConfigurationTasks.DatabaseCopyStatusEntry",
        &[
            ("Name", Some(26)),
            ("Status", Some(15)),
            ("CopyQueueLength", Some(15)),
            ("ReplayQueueLength", Some(17)),
            ("LastInspectedLogTime", Some(22)),
            ("ContentIndexState", ANY),
        ],
    ),
    (
        "Microsoft.Exchange.Management.SystemConfigurationTasks.DatabaseMoveResult",
        &[
            ("Identity", Some(20)),
            ("ActiveServerAtStart", Some(20)),
            ("ActiveServerAtEnd", Some(20)),
            ("Status", Some(10)),
            ("NumberOfLogsLost", Some(16)),
            ("MountStatusAtMoveEnd", ANY),
        ],
    ),
    (
        "Microsoft.Exchange.Management.SystemConfigurationTasks.ServerComponentStatePresentationObject",
        &[("Server", Some(39)), ("Component", Some(27)), ("State", ANY)],
    ),
    (
        "Microsoft.Exchange.Management.TransportLogSearchTasks.MessageTrackingEvent",
        &[
            ("EventId", Some(12)),
            ("Source", Some(11)),
            ("Sender", Some(29)),
            ("Recipients", Some(29)),
            ("MessageSubject", ANY),
        ],
    ),
    (
        "Microsoft.Exchange.Management.RbacTasks.ExchangeRoleEntryPresentation",
        &[("Name", Some(35)), ("Role", Some(30)), ("Parameters", ANY)],
    ),
    (
        "Microsoft.Exchange.Monitoring.ReplicationCheckOutcome",
        &[("Server", Some(15)), ("Check", Some(26)), ("Result", Some(10)), ("Error", ANY)],
    ),
    (
        "Rialto.Management.DatabaseDistribution",
        &[
            ("ServerName", Some(20)),
            ("TotalDbs", Some(8)),
            ("ActiveDbs", Some(9)),
            ("PassiveDbs", Some(10)),
            ("PreferenceCountList", ANY),
        ],
    ),
    (
        "System.Diagnostics.Eventing.Reader.EventLogRecord",
        &[("TimeCreated", Some(22)), ("Id", Some(8)), ("LevelDisplayName", Some(16)), ("Message", ANY)],
    ),
];

/// The default views of everything the cmdlets return.
pub fn views() -> Views {
    let mut views = Views::default();
    for (type_name, columns) in TABLES {
        let column =
            |(property, width): &(&str, Option<usize>)| Column { width: *width, ..Column::new(property) };
        let layout = Layout::Table(columns.iter().map(column).collect());
        views.add(TypeView { type_name: (*type_name).into(), layout });
    }
    views
}
