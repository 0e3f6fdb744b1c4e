//! Compliance: the record of what administrators did.

pub mod admin_audit_log;
pub mod admin_audit_log_config;
pub mod admin_audit_log_search;
