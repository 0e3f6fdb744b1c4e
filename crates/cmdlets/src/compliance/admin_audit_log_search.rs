//! `New-AdminAuditLogSearch`: what the administrator audit log holds of something, sent by mail as an XML file.

use base::{SmtpAddress, Timestamp};
use powershell::{Value, value::PsObject};
use transport::notice::Notice;
use trust::audit::{Query, SEARCH_MAX, document};

use super::admin_audit_log::{failed, wanted};
use crate::{Cmdlet, Failure, Outcome, call::Call};

/// The largest file that is sent, bytes; the oldest entries that do not fit are left out.
const FILE_MAX: usize = 10 << 20;

/// `New-AdminAuditLogSearch`
pub static NEW: Cmdlet = Cmdlet::run(
    "New-AdminAuditLogSearch",
    new,
    &[
        "Cmdlets",
        "EndDate",
        "ExternalAccess",
        "Name",
        "ObjectIds",
        "Parameters",
        "StartDate",
        "StatusMailRecipients",
        "UserIds",
    ],
);

fn new(call: &mut Call<'_>) -> Outcome {
    let (start, end) = (call.needed("StartDate")?, call.needed("EndDate")?);
    let query = Query { limit: SEARCH_MAX, ..wanted(call)? };
    let asked = (call.time("StartDate").or(query.start), query.end);
    let (Some(from), Some(until)) = asked else { return Err(Failure::missing("StartDate")) };
    if from > until {
        return Err(Failure::invalid(format!("The start date {start} is after the end date {end}.")));
    }
    let mut to = Vec::new();
    for recipient in call.list("StatusMailRecipients") {
        let address = recipient.parse::<SmtpAddress>();
        to.push(
            address.map_err(|_| Failure::invalid(format!("\"{recipient}\" isn't a valid SMTP address.")))?,
        );
    }
    let name = call.text("Name").unwrap_or_default();
    if !call.should_process(&format!("Searching the administrator audit log for \"{name}\""))? {
        return Ok(());
    }
    // Nobody from outside the organisation administers it.
    let outside = call.get("ExternalAccess").is_some_and(Value::truth);
    let found = if outside { Vec::new() } else { call.cx.audit.search(&query).map_err(failed)? };
    let (file, written) = document(&found, FILE_MAX);
    let left_out = match found.len() - written {
        0 => String::new(),
        n => format!("The {n} oldest entries found are left out: the file would be too large.\n"),
    };
    let title = if name.is_empty() { String::new() } else { format!(": {name}") };
    let notice = Notice {
        to: to.clone(),
        subject: format!("Administrator audit log search{title}"),
        text: format!("{written} entries from {from} to {until} are in the attached file.\n{left_out}"),
        file: ("SearchResult.xml".into(), "text/xml", file.into_bytes()),
    };
    call.cx.runtime.block_on(call.cx.transport.notify(notice))?;
    let shown = show(call, &name, (from, until), &to);
    let _ = call.write(shown);
    Ok(())
}

/// What was asked for, with the product's properties.
fn show(call: &Call<'_>, name: &str, (from, until): (Timestamp, Timestamp), to: &[SmtpAddress]) -> Value {
    let texts = |name: &str| Value::multi(call.list(name).into_iter().map(Value::String).collect());
    PsObject::new(&["Microsoft.Exchange.Data.ApplicationLogic.AdminAuditLogSearch"])
        .with("Name", Value::string(name))
        .with("StartDateUtc", Value::DateTime(from))
        .with("EndDateUtc", Value::DateTime(until))
        .with("StatusMailRecipients", Value::multi(to.iter().map(|to| Value::string(to.as_str())).collect()))
        .with("Cmdlets", texts("Cmdlets"))
        .with("Parameters", texts("Parameters"))
        .with("ObjectIds", texts("ObjectIds"))
        .with("UserIds", texts("UserIds"))
        .with("ExternalAccess", call.get("ExternalAccess").cloned().unwrap_or_default())
        .into()
}
