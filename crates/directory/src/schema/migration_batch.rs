//! Migration batches: mailboxes that are moved together. What becomes of each is its move request's to say.

use super::{
    Attribute, Class, IdentityForm, Kind, Place, Target,
    attribute::{INT_MAX, choice, count, flag, int, link, text},
};

/// `Get-MigrationBatch`.
pub static MIGRATION_BATCH: Class = Class {
    name: "MigrationBatch",
    object_class: &["top", "msExchMigrationBatch"],
    place: Place::Organization(&["MigrationBatches", "Mailbox Replication"]),
    identity: IdentityForm::Name,
    recipient: false,
    tables: &[&[
        flag("AllowIncrementalSyncs", true),
        flag("ArchiveOnly", false),
        flag("AutoComplete", false).read_only(),
        int("AutoRetryCount", 0, 0, INT_MAX),
        count("BadItemLimit", Some(0), 0, INT_MAX),
        Attribute::new("CompleteAfter", Kind::Time),
        count("LargeItemLimit", Some(0), 0, INT_MAX),
        text("NotificationEmails", 320).multi(),
        // What an administrator asked for last; the state of the requests says how far that is.
        choice("Phase", "Created", &["Created", "Started", "Stopped", "Completing"]).read_only(),
        flag("PrimaryOnly", false),
        // The state that was last reported by mail.
        text("Reported", 32).read_only(),
        Attribute::new("StartAfter", Kind::Time),
        Attribute::new("StartDateTime", Kind::Time).read_only(),
        link("TargetArchiveDatabases", "MailboxDatabase").multi(),
        link("TargetDatabases", "MailboxDatabase").multi(),
        Attribute::new("Users", Kind::Link(Target::User)).multi().read_only(),
    ]],
};
