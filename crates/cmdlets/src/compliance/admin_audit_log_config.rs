//! What the administrator audit log keeps, and for how long.

use directory::schema::ADMIN_AUDIT_LOG_CONFIG;
use trust::audit;

use crate::{Cmdlet, Failure, Noun, Outcome, call::Call};

static NOUN: Noun = Noun {
    order: &[&[
        "AdminAuditLogEnabled",
        "LogLevel",
        "TestCmdletLoggingEnabled",
        "AdminAuditLogCmdlets",
        "AdminAuditLogParameters",
        "AdminAuditLogExcludedCmdlets",
        "AdminAuditLogAgeLimit",
        "UnifiedAuditLogIngestionEnabled",
    ]],
    ..Noun::new(
        "AdminAuditLogConfig",
        &ADMIN_AUDIT_LOG_CONFIG,
        &["Microsoft.Exchange.Data.Directory.SystemConfiguration.AdminAuditLogConfig"],
    )
};

/// `Get-AdminAuditLogConfig`
pub static GET: Cmdlet = Cmdlet::get("Get-AdminAuditLogConfig", &NOUN);
/// `Set-AdminAuditLogConfig`
pub static SET: Cmdlet = Cmdlet::run(
    "Set-AdminAuditLogConfig",
    set,
    &[
        "AdminAuditLogAgeLimit",
        "AdminAuditLogCmdlets",
        "AdminAuditLogEnabled",
        "AdminAuditLogExcludedCmdlets",
        "AdminAuditLogParameters",
        "LogLevel",
        "TestCmdletLoggingEnabled",
        "UnifiedAuditLogIngestionEnabled",
    ],
);

/// A shorter age limit holds at once.
fn set(call: &mut Call<'_>) -> Outcome {
    NOUN.set(call)?;
    let view = call.cx.directory.snapshot();
    let config = view.admin_audit_log_config().map(|config| &**config);
    let cutoff = audit::age_limit(config, call.cx.clock.now());
    call.cx.audit.prune(cutoff).map(|_| ()).map_err(|error| Failure::from(base::Fault::internal(error)))
}
