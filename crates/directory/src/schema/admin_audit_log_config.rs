//! What the administrator audit log keeps, and for how long.

use super::{
    Attribute, Class, IdentityForm, Kind, Place,
    attribute::{choice, flag, span},
};

const DAY: i64 = 86_400;

/// `Get-AdminAuditLogConfig`. There is one. Cmdlets and parameters may have wildcards.
pub static ADMIN_AUDIT_LOG_CONFIG: Class = Class {
    name: "AdminAuditLogConfig",
    object_class: &["top", "msExchAdminAuditLogConfig"],
    place: Place::Organization(&["Global Settings"]),
    identity: IdentityForm::Name,
    recipient: false,
    tables: &[&[
        span("AdminAuditLogAgeLimit", 90 * DAY, 0, 24_855 * DAY),
        Attribute::new("AdminAuditLogCmdlets", Kind::Text(256)).multi(),
        flag("AdminAuditLogEnabled", true),
        Attribute::new("AdminAuditLogExcludedCmdlets", Kind::Text(256)).multi(),
        Attribute::new("AdminAuditLogParameters", Kind::Text(256)).multi(),
        choice("LogLevel", "None", &["None", "Verbose"]),
        flag("TestCmdletLoggingEnabled", false),
        flag("UnifiedAuditLogIngestionEnabled", false),
    ]],
};
