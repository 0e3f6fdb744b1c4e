//! Migration batches: how each of their users stands, how they stand themselves, and the report that is mailed when one
//! is synced, complete or has failed.

use std::{fmt::Write as _, sync::Arc};

use base::{Guid, SmtpAddress};
use directory::{
    Directory, DirectoryError, Edit, Object, View, schema::MIGRATION_BATCH, verbs::move_request_of,
};
use transport::notice::Notice;

/// The states that are reported, and how.
const REPORTED: &[(&str, &str)] = &[
    ("Synced", "is synced"),
    ("SyncedWithErrors", "is synced, with errors"),
    ("Completed", "is complete"),
    ("CompletedWithErrors", "is complete, with errors"),
    ("Failed", "has failed"),
];

/// What the requests of a batch are called together.
pub fn request_batch(batch: &Object) -> String {
    format!("MigrationService:{}", batch.name)
}

/// The users of a batch.
pub fn users<'a>(view: &'a View, batch: &'a Object) -> impl Iterator<Item = &'a Arc<Object>> {
    batch.links("Users").filter_map(|guid| view.get(guid))
}

/// The request of a batch's user; not one that somebody made without the batch.
pub fn request<'a>(view: &'a View, batch: &Object, user: Guid) -> Option<&'a Arc<Object>> {
    let name = request_batch(batch);
    move_request_of(view, user).filter(|request| request.text("BatchName") == Some(name.as_str()))
}

/// How a user's migration stands.
pub fn user_status(batch: &Object, request: Option<&Object>) -> &'static str {
    let Some(request) = request else {
        return if batch.text("Phase") == Some("Created") { "Queued" } else { "Failed" };
    };
    match request.text("Status").unwrap_or_default() {
        "Queued" => "Queued",
        "AutoSuspended" => "Synced",
        "CompletionInProgress" => "Completing",
        "Completed" | "CompletedWithWarning" => "Completed",
        "Suspended" => "Stopped",
        "Failed" => "Failed",
        _ => "Syncing",
    }
}

/// How many users of a batch stand how.
#[derive(Default)]
pub struct Counts {
    /// All of them.
    pub total: i32,
    /// They wait for their turn.
    pub pending: i32,
    /// They are copied, or switched over.
    pub active: i32,
    /// An administrator has stopped them.
    pub stopped: i32,
    /// Everything is copied.
    pub synced: i32,
    /// They are in their new databases.
    pub finalized: i32,
    /// They are not moved.
    pub failed: i32,
}

/// How its users stand.
pub fn counts(view: &View, batch: &Object) -> Counts {
    let mut counts = Counts::default();
    for user in users(view, batch) {
        counts.total += 1;
        let request = request(view, batch, user.guid);
        let of = match user_status(batch, request.map(|request| &**request)) {
            "Queued" => &mut counts.pending,
            "Synced" => &mut counts.synced,
            "Completed" => &mut counts.finalized,
            "Stopped" => &mut counts.stopped,
            "Failed" => &mut counts.failed,
            _ => &mut counts.active,
        };
        *of += 1;
    }
    counts
}

/// How a batch stands: what was asked for last, and how far its users are with it.
pub fn status(view: &View, batch: &Object) -> &'static str {
    let counts = counts(view, batch);
    let busy = counts.active > 0 || counts.pending > 0;
    match batch.text("Phase").unwrap_or_default() {
        "Created" => "Created",
        "Stopped" if counts.active > 0 => "Stopping",
        "Stopped" => "Stopped",
        "Completing" if busy || counts.synced > 0 => "Completing",
        _ if busy => "Syncing",
        _ if counts.finalized == counts.total => "Completed",
        _ if counts.failed == counts.total => "Failed",
        "Completing" => "CompletedWithErrors",
        _ if counts.finalized + counts.failed == counts.total => "CompletedWithErrors",
        _ if counts.failed > 0 => "SyncedWithErrors",
        _ if counts.stopped > 0 => "Stopped",
        _ => "Synced",
    }
}

/// What is to be mailed about a batch that has come to a state that it was not in when it was last reported.
fn due(view: &View, batch: &Object) -> Option<(&'static str, Notice)> {
    let to: Vec<SmtpAddress> =
        batch.values("NotificationEmails").iter().filter_map(|to| to.to_string().parse().ok()).collect();
    let status = status(view, batch);
    let (_, what) = REPORTED.iter().find(|(known, _)| *known == status)?;
    if to.is_empty() || batch.text("Reported") == Some(status) {
        return None;
    }
    let counts = counts(view, batch);
    let mut text = format!(
        "Mailboxes: {}\r\nSynced: {}\r\nFinalized: {}\r\nFailed: {}\r\n",
        counts.total, counts.synced, counts.finalized, counts.failed
    );
    let mut file = String::from("EmailAddress,Status,ItemsSynced,ItemsSkipped,Message\r\n");
    for user in users(view, batch) {
        let address = user.get("PrimarySmtpAddress").map(|value| value.to_string()).unwrap_or_default();
        let request = request(view, batch, user.guid);
        let status = user_status(batch, request.map(|request| &**request));
        let int = |name: &str| request.and_then(|request| request.int(name)).unwrap_or(0);
        let message = request.and_then(|request| request.text("Message")).unwrap_or_default();
        if status == "Failed" {
            let _ = write!(text, "\r\n{address}: {message}");
        }
        let fields = [
            address,
            status.to_owned(),
            int("ItemsTransferred").to_string(),
            int("BadItemsEncountered").to_string(),
            message.to_owned(),
        ];
        file += &fields.map(|field| format!("\"{}\"", field.replace('"', "\"\""))).join(",");
        file += "\r\n";
    }
    let subject = format!("Migration batch \"{}\" {what}", batch.name);
    let file = ("MigrationReport.csv".to_owned(), "text/csv", file.into_bytes());
    Some((status, Notice { to, subject, text, file }))
}

/// The reports that are due now; each is given once, to the first server that asks for it.
pub async fn reports(directory: &Directory) -> Vec<Notice> {
    let view = directory.snapshot();
    let batches = view.of_class(&MIGRATION_BATCH).filter(|batch| due(&view, batch).is_some());
    let batches: Vec<Guid> = batches.map(|batch| batch.guid).collect();
    drop(view);
    let mut reports = Vec::new();
    for batch in batches {
        let taken = directory.commit(move |draft| {
            let Some((status, notice)) = draft.get(batch).and_then(|batch| due(draft, batch)) else {
                return Ok::<_, DirectoryError>(None);
            };
            draft.modify_system(batch, vec![("Reported", Edit::set(status))])?;
            Ok(Some(notice))
        });
        match taken.await {
            Ok(notice) => reports.extend(notice),
            // It is tried again.
            Err(fault) => tracing::debug!(%batch, ?fault, "a report waits"),
        }
    }
    reports
}
