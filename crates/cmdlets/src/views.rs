//! How objects show when nobody formats them: the columns of each type's default table.

use powershell::format::{TypeView, Views};

/// Type name and columns.
const TABLES: &[(&str, &[&str])] = &[
    (
        "Microsoft.Exchange.Data.Directory.Management.Mailbox",
        &["Name", "Alias", "ServerName", "ProhibitSendQuota"],
    ),
    ("Microsoft.Exchange.Data.Directory.Management.MailContact", &["Name", "Alias", "RecipientType"]),
    ("Microsoft.Exchange.Data.Directory.Management.MailUser", &["Name", "RecipientType"]),
    ("Microsoft.Exchange.Data.Directory.Management.User", &["Name", "RecipientType"]),
    ("Microsoft.Exchange.Data.Directory.Management.ReducedRecipient", &["Name", "RecipientType"]),
    (
        "Microsoft.Exchange.Data.Directory.Management.DistributionGroup",
        &["Name", "DisplayName", "GroupType", "PrimarySmtpAddress"],
    ),
    ("Microsoft.Exchange.Data.Directory.Management.DynamicDistributionGroup", &["Name", "ManagedBy"]),
    (
        "Microsoft.Exchange.Data.Directory.Management.ExchangeServer",
        &["Name", "Site", "ServerRole", "Edition", "AdminDisplayVersion"],
    ),
    (
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.AcceptedDomain",
        &["Name", "DomainName", "DomainType", "Default"],
    ),
    (
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.DomainContentConfig",
        &["Name", "DomainName", "AllowedOOFType"],
    ),
    (
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.MailboxDatabase",
        &["Name", "Server", "Recovery", "ReplicationType"],
    ),
    (
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.ReceiveConnector",
        &["Identity", "Bindings", "Enabled"],
    ),
    (
        "Microsoft.Exchange.Data.Directory.SystemConfiguration.SmtpSendConnectorConfig",
        &["Identity", "AddressSpaces", "Enabled"],
    ),
    (
        "Microsoft.Exchange.Management.MapiTasks.Presentation.MailboxStatistics",
        &["DisplayName", "ItemCount", "StorageLimitStatus", "LastLogonTime"],
    ),
    (
        "Microsoft.Exchange.Management.TransportLogSearchTasks.MessageTrackingEvent",
        &["EventId", "Source", "Sender", "Recipients", "MessageSubject"],
    ),
    (
        "System.Diagnostics.Eventing.Reader.EventLogRecord",
        &["TimeCreated", "Id", "LevelDisplayName", "Message"],
    ),
];

/// The views of everything cmdlets write.
pub fn views() -> Views {
    let mut views = Views::default();
    for (type_name, columns) in TABLES {
        views.add(TypeView::table(type_name, columns));
    }
    views
}
