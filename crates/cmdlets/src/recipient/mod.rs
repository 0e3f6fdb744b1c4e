//! Recipients: mailboxes, contacts, mail users, groups.

use base::Unlimited;
use directory::{Object, View};
use store::Limits;

/// The quotas of a mailbox: its own, or its database's where it uses the defaults.
pub(crate) fn limits(view: &View, owner: &Object) -> Limits {
    let database = owner.link("Database").and_then(|guid| view.get(guid));
    let source = match database {
        Some(database) if owner.flag("UseDatabaseQuotaDefaults") => database,
        _ => owner,
    };
    let bytes = |name| match source.size(name) {
        Unlimited::Limited(size) => Some(size.bytes()),
        Unlimited::Unlimited => None,
    };
    Limits {
        warning: bytes("IssueWarningQuota"),
        prohibit_send: bytes("ProhibitSendQuota"),
        prohibit_send_receive: bytes("ProhibitSendReceiveQuota"),
    }
}
