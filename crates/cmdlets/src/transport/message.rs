//! Messages in queues: listed, suspended, resumed, removed.

use base::ByteQuantifiedSize;
use directory::filter::wildcard_matches;
use powershell::{Value, value::PsObject};
use transport::{
    MessageReport,
    queue::{QueueIdentity, Recipient},
};

use super::queue;
use crate::{
    Cmdlet, Context, Failure, Outcome,
    call::Call,
    place::{self, Finder},
    rows,
};

/// `Get-Message`
pub static GET: Cmdlet = Cmdlet::run(
    "Get-Message",
    get,
    &["Queue", "Filter", "Server", "ResultSize", "IncludeRecipientInfo", "SearchForward", "SortOrder"],
)
.at(AT);
/// `Suspend-Message`
pub static SUSPEND: Cmdlet =
    Cmdlet::run("Suspend-Message", |call| hold(call, true), &["Filter", "Server"]).asking().at(AT);
/// `Resume-Message`
pub static RESUME: Cmdlet =
    Cmdlet::run("Resume-Message", |call| hold(call, false), &["Filter", "Server"]).at(AT);
/// `Remove-Message`
pub static REMOVE: Cmdlet =
    Cmdlet::run("Remove-Message", remove, &["Filter", "Server", "WithNDR"]).asking().at(AT);

/// Each server has its own queues.
const AT: &[(&str, Finder)] =
    &[("Server", place::of_server), ("Queue", place::of_path), ("Identity", place::of_path)];

/// The properties filters may name.
const PROPERTIES: &[&str] = &[
    "Subject",
    "InternetMessageId",
    "FromAddress",
    "Status",
    "Size",
    "MessageSourceName",
    "SourceIP",
    "SCL",
    "DateReceived",
    "ExpirationTime",
    "LastError",
    "RetryCount",
    "Queue",
    "Recipients",
    "NetworkMessageId",
    "Identity",
];

/// One message at a time may be many in a large queue: a bound on what one call reads.
const MESSAGES_MAX: usize = 100_000;

fn get(call: &mut Call<'_>) -> Outcome {
    let found = wanted(call)?;
    call.write_all(found.into_iter().map(|(row, _)| Value::from(row)));
    Ok(())
}

/// `SERVER\queue\number`, each part but the last optional or `*`.
fn parts(call: &Call<'_>, identity: &str) -> Outcome<(String, u64)> {
    let not_one = || Failure::invalid(format!("\"{identity}\" isn't the identity of a message."));
    let (path, id) = identity.rsplit_once('\\').unwrap_or(("*", identity));
    let (server, queue) = path.rsplit_once('\\').unwrap_or(("", path));
    rows::here(call, server)?;
    Ok((queue.to_owned(), id.parse().map_err(|_| not_one())?))
}

/// The messages a call means, each with its number.
fn wanted(call: &Call<'_>) -> Outcome<Vec<(PsObject, u64)>> {
    rows::this_server(call, &call.cx.directory.snapshot())?;
    let identity = call.identity("Identity");
    let one = identity.as_deref().map(|identity| parts(call, identity)).transpose()?;
    let in_queue = call.identity("Queue").map(|queue| queue.rsplit('\\').next().unwrap_or(&queue).to_owned());
    let pattern = one.as_ref().map(|(queue, _)| queue.as_str()).or(in_queue.as_deref()).unwrap_or("*");
    let queues: Vec<QueueIdentity> =
        call.cx.transport.queues().into_iter().map(|report| report.info.identity).collect();
    let queues: Vec<_> =
        queues.into_iter().filter(|queue| wildcard_matches(pattern, &queue.to_string())).collect();
    if queues.is_empty() && one.is_none() && !pattern.contains('*') {
        return Err(queue::missing(call.cx, pattern));
    }
    let mut found = Vec::new();
    for queue in queues {
        // A queue that was emptied and forgotten since it was listed holds nothing.
        let Ok(listed) = call.cx.transport.messages(&queue, MESSAGES_MAX) else { continue };
        found.extend(
            listed.into_iter().filter(|message| one.as_ref().is_none_or(|(_, id)| message.id == *id)),
        );
    }
    if let (Some(identity), true) = (&identity, found.is_empty()) {
        let text = format!("The message \"{identity}\" can't be found in the queues.");
        return Err(Failure { fault: base::Fault::not_found(text), target: Some(identity.clone()) });
    }
    let recipients = call.switch("IncludeRecipientInfo");
    let rows = found.iter().map(|message| show(call.cx, message, recipients)).collect();
    let kept = rows::sorted(call, rows::filtered(call, rows, PROPERTIES)?);
    let id = |row: &PsObject| row.get("Identity")?.to_string().rsplit('\\').next()?.parse().ok();
    Ok(kept.into_iter().filter_map(|row| id(&row).map(|id| (row, id))).collect())
}

fn show(cx: &Context, report: &MessageReport, recipients: bool) -> PsObject {
    let MessageReport { id, queue, status, message, .. } = report;
    let queue = format!("{}\\{queue}", cx.server_name);
    let failed = report.recipients.iter().find(|recipient| !recipient.last_error.is_empty());
    let attempts = report.recipients.iter().map(|recipient| recipient.attempts).max().unwrap_or(0);
    let text = |text: &str| if text.is_empty() { Value::Null } else { Value::string(text) };
    let mut out = PsObject::new(&["Microsoft.Exchange.Data.QueueViewer.ExtensibleMessageInfo"]);
    for (name, value) in [
        ("Subject", Value::string(&*message.subject)),
        ("InternetMessageId", Value::string(&*message.message_id)),
        ("FromAddress", Value::string(message.return_path())),
        ("Status", Value::string(format!("{status:?}"))),
        ("Size", Value::Size(ByteQuantifiedSize(message.size))),
        ("MessageSourceName", text(&message.origin.connector)),
        ("SourceIP", text(&message.origin.client.map(|ip| ip.to_string()).unwrap_or_default())),
        ("SCL", Value::Int(-1)),
        ("DateReceived", Value::DateTime(message.received)),
        ("ExpirationTime", expiration(cx, report)),
        ("LastError", failed.map_or(Value::Null, |recipient| text(&recipient.last_error))),
        ("RetryCount", attempts.into()),
        ("NextRetryTime", report.next_try.into()),
        ("Queue", Value::string(queue.as_str())),
        ("Recipients", Value::Null),
        ("NetworkMessageId", Value::Guid(message.network_id)),
        ("Identity", Value::string(format!("{queue}\\{id}"))),
        ("IsValid", Value::Bool(true)),
        ("ObjectState", Value::string("New")),
    ] {
        out.set(name, value);
    }
    if recipients {
        out.set("Recipients", Value::array(report.recipients.iter().map(recipient).collect()));
    }
    out
}

/// When the message is returned if it has not been delivered.
fn expiration(cx: &Context, report: &MessageReport) -> Value {
    let view = cx.directory.snapshot();
    let timeout = view.servers().next().and_then(|server| server.span("MessageExpirationTimeout"));
    timeout.map_or(Value::Null, |span| Value::DateTime(report.message.received.plus(span)))
}

/// Prints as `address;status;error`.
fn recipient(recipient: &Recipient) -> Value {
    let status = if recipient.attempts > 0 { "Retry" } else { "Ready" };
    Value::string(format!("{};{status};{}", recipient.to.address, recipient.last_error))
}

/// Does something to every message meant, asking for each.
fn each(
    call: &mut Call<'_>,
    action: &str,
    mut act: impl FnMut(&Context, u64) -> Result<(), base::Fault>,
) -> Outcome {
    for (row, id) in wanted(call)? {
        let name = row.get("Identity").map(Value::to_string).unwrap_or_default();
        if call.should_process(&format!("{action} message \"{name}\""))? {
            act(call.cx, id)?;
        }
    }
    Ok(())
}

fn hold(call: &mut Call<'_>, suspended: bool) -> Outcome {
    let action = if suspended { "Suspending" } else { "Resuming" };
    each(call, action, |cx, id| cx.runtime.block_on(cx.transport.suspend_message(id, suspended)))
}

/// The sender is told unless `-WithNDR $false`.
fn remove(call: &mut Call<'_>) -> Outcome {
    let with_ndr = call.get("WithNDR").is_none_or(Value::truth);
    each(call, "Removing", |cx, id| cx.runtime.block_on(cx.transport.remove_message(id, with_ndr)))
}
