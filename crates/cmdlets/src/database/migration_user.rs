//! The users of migration batches: how each stands, and how far each is.

use std::sync::Arc;

use directory::{Object, View, schema::MIGRATION_BATCH};
use jobs::batches;
use powershell::{Value, value::PsObject};

use super::{migration_batch, move_request_statistics};
use crate::{Cmdlet, Failure, Outcome, call::Call, convert};

/// `Get-MigrationUser`
pub static GET: Cmdlet =
    Cmdlet::run("Get-MigrationUser", get, &["BatchId", "MailboxGuid", "ResultSize", "Status"]);
/// `Get-MigrationUserStatistics`
pub static STATISTICS: Cmdlet = Cmdlet::run("Get-MigrationUserStatistics", statistics, &["IncludeReport"])
    .at(&[("Identity", move_request_statistics::target)])
    .or_here();

/// A user of a batch.
struct Member {
    batch: Arc<Object>,
    user: Arc<Object>,
    request: Option<Arc<Object>>,
}

impl Member {
    fn status(&self) -> &'static str {
        batches::user_status(&self.batch, self.request.as_deref())
    }

    fn address(&self) -> String {
        let address = self.user.get("PrimarySmtpAddress").map(|value| value.to_string());
        address.unwrap_or_else(|| self.user.name.to_string())
    }
}

/// The users of all batches, or of one, that the caller may see.
fn members(call: &Call<'_>, view: &View) -> Outcome<Vec<Member>> {
    let batches: Vec<Arc<Object>> = match call.identity("BatchId") {
        Some(identity) => vec![migration_batch::named(view, &identity)?],
        None => view.of_class(&MIGRATION_BATCH).cloned().collect(),
    };
    let reader = call.reader();
    let mut members = Vec::new();
    for batch in batches {
        for user in batches::users(view, &batch).filter(|user| reader.sees(view, user)) {
            let request = batches::request(view, &batch, user.guid).cloned();
            members.push(Member { batch: batch.clone(), user: user.clone(), request });
        }
    }
    if let Some(identity) = call.identity("Identity") {
        let wanted = view.resolve_recipient(&identity)?.guid;
        members.retain(|member| member.user.guid == wanted);
        if members.is_empty() {
            return Err(view.not_found(&identity).into());
        }
    }
    Ok(members)
}

fn get(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let mut found = members(call, &view)?;
    if let Some(status) = call.text("Status") {
        found.retain(|member| member.status().eq_ignore_ascii_case(&status));
    }
    if let Some(guid) = call.text("MailboxGuid") {
        let guid = guid.parse().map_err(|_| Failure::invalid("MailboxGuid takes a GUID."))?;
        found.retain(|member| member.user.guid_of("ExchangeGuid") == Some(guid));
    }
    call.write_all(found.iter().map(|member| show(member).into()));
    Ok(())
}

fn show(member: &Member) -> PsObject {
    let mut out = PsObject::new(&["Microsoft.Exchange.Data.Storage.Management.MigrationUser"]);
    out.set("Identity", Value::string(member.address()));
    out.set("BatchId", convert::identity(&member.batch));
    out.set("MailboxIdentifier", Value::string(member.address()));
    out.set("Status", Value::string(member.status()));
    out.set("RecipientType", Value::string("Mailbox"));
    out.set("MailboxGuid", member.user.guid_of("ExchangeGuid").map_or(Value::Null, Value::Guid));
    out.set("RequestGuid", member.request.as_ref().map_or(Value::Null, |request| Value::Guid(request.guid)));
    let message = member.request.as_ref().and_then(|request| request.text("Message"));
    out.set("ErrorSummary", message.filter(|_| member.status() == "Failed").into());
    out.set("Guid", Value::Guid(member.user.guid));
    out
}

fn statistics(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let with_report = call.switch("IncludeReport");
    for member in members(call, &view)? {
        let mut out = show(&member);
        if let Some(request) = &member.request {
            let row = move_request_statistics::show(call.cx, &view, request, with_report);
            for (name, from) in [
                ("StatusDetail", "StatusDetail"),
                ("TotalItemsInSourceMailboxCount", "TotalMailboxItemCount"),
                ("EstimatedTotalTransferSize", "TotalMailboxSize"),
                ("SyncedItemCount", "ItemsTransferred"),
                ("BytesTransferred", "BytesTransferred"),
                ("PercentageComplete", "PercentComplete"),
                ("SkippedItemCount", "BadItemsEncountered"),
                ("QueuedTime", "QueuedTimestamp"),
                ("LastSuccessfulSyncTime", "LastUpdateTimestamp"),
                ("Report", "Report"),
            ] {
                out.set(name, row.get(from).cloned().unwrap_or(Value::Null));
            }
        }
        let _ = call.write(out.into());
    }
    Ok(())
}
