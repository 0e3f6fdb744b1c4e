//! Queues: what waits for which next hop; retried, suspended and resumed.

use base::Guid;
use directory::filter::wildcard_matches;
use powershell::{Value, value::PsObject};
use transport::{
    QueueReport,
    queue::{Hop, QueueIdentity},
};

use crate::{
    Cmdlet, Context, Failure, Outcome,
    call::Call,
    place::{self, Finder},
    rows,
};

/// `Get-Queue`
pub static GET: Cmdlet = Cmdlet::run(
    "Get-Queue",
    get,
    &["Filter", "Server", "ResultSize", "Include", "Exclude", "SearchForward", "SortOrder"],
)
.at(AT);
/// `Retry-Queue`
pub static RETRY: Cmdlet = Cmdlet::run("Retry-Queue", retry, &["Filter", "Server", "Resubmit"]).at(AT);
/// `Suspend-Queue`
pub static SUSPEND: Cmdlet =
    Cmdlet::run("Suspend-Queue", |call| hold(call, true), &["Filter", "Server"]).asking().at(AT);
/// `Resume-Queue`
pub static RESUME: Cmdlet =
    Cmdlet::run("Resume-Queue", |call| hold(call, false), &["Filter", "Server"]).at(AT);

/// Each server has its own queues.
const AT: &[(&str, Finder)] = &[("Server", place::of_server), ("Identity", place::of_path)];

/// The properties filters may name.
const PROPERTIES: &[&str] = &[
    "DeliveryType",
    "NextHopDomain",
    "NextHopConnector",
    "NextHopCategory",
    "Status",
    "MessageCount",
    "DeferredMessageCount",
    "LockedMessageCount",
    "LastError",
    "RetryCount",
    "LastRetryTime",
    "NextRetryTime",
    "RiskLevel",
    "OutboundIPPool",
    "IncomingRate",
    "OutgoingRate",
    "Velocity",
    "Identity",
];

fn get(call: &mut Call<'_>) -> Outcome {
    let found = wanted(call)?;
    call.write_all(found.into_iter().map(|(row, _)| Value::from(row)));
    Ok(())
}

/// The queues a call means, each with its name.
fn wanted(call: &Call<'_>) -> Outcome<Vec<(PsObject, QueueIdentity)>> {
    let view = call.cx.directory.snapshot();
    rows::this_server(call, &view)?;
    let mut reports = call.cx.transport.queues();
    if let Some(identity) = call.identity("Identity") {
        let name = identity.rsplit_once('\\').map_or(&*identity, |(server, name)| {
            if rows::here(call, server).is_ok() { name } else { &identity }
        });
        reports.retain(|report| wildcard_matches(name, &report.info.identity.to_string()));
        if reports.is_empty() && !name.contains('*') {
            return Err(missing(call.cx, &identity));
        }
    }
    for (parameter, keep) in [("Include", true), ("Exclude", false)] {
        if let Some(kinds) = call.text(parameter) {
            reports.retain(|report| kinds.split([',', ' ']).any(|kind| is_kind(report, kind)) == keep);
        }
    }
    let rows: Vec<PsObject> = reports.iter().map(|report| show(call.cx, report)).collect();
    let kept = rows::sorted(call, rows::filtered(call, rows, PROPERTIES)?);
    let identity = |row: &PsObject| row.get("Identity").and_then(|id| id.to_string().parse().ok());
    Ok(kept.into_iter().filter_map(|row| identity(&row).map(|id| (row, id))).collect())
}

/// The error for a queue that is not there.
pub(super) fn missing(cx: &Context, identity: &str) -> Failure {
    let text = format!("The queue \"{identity}\" doesn't exist on server \"{}\".", cx.server_name);
    Failure { fault: base::Fault::not_found(text), target: Some(identity.into()) }
}

/// `-Include Internal`, `-Exclude Empty` …
fn is_kind(report: &QueueReport, kind: &str) -> bool {
    match kind.to_ascii_lowercase().as_str() {
        "empty" => report.info.message_count == 0,
        "internal" => category(&report.info.hop) == "Internal",
        "external" => category(&report.info.hop) == "External",
        delivery => format!("{:?}", report.delivery_type).eq_ignore_ascii_case(delivery),
    }
}

fn category(hop: &Hop) -> &'static str {
    match hop {
        Hop::Domain(..) | Hop::SmartHost(_) | Hop::Unreachable => "External",
        Hop::Submission | Hop::Mailbox(_) | Hop::Poison => "Internal",
    }
}

fn connector(hop: &Hop) -> Guid {
    match hop {
        Hop::Mailbox(guid) | Hop::SmartHost(guid) | Hop::Domain(guid, _) => *guid,
        Hop::Submission | Hop::Unreachable | Hop::Poison => Guid::EMPTY,
    }
}

fn show(cx: &Context, report: &QueueReport) -> PsObject {
    let info = &report.info;
    let error = if info.last_error.is_empty() { Value::Null } else { Value::string(&*info.last_error) };
    let mut out = PsObject::new(&["Microsoft.Exchange.Data.QueueViewer.ExtensibleQueueInfo"]);
    for (name, value) in [
        ("DeliveryType", Value::string(format!("{:?}", report.delivery_type))),
        ("NextHopDomain", Value::string(&*report.next_hop_domain)),
        ("NextHopConnector", Value::Guid(connector(&info.hop))),
        ("Status", Value::string(format!("{:?}", info.status))),
        ("MessageCount", info.message_count.into()),
        ("LastError", error),
        ("RetryCount", info.retry_count.into()),
        ("LastRetryTime", info.last_retry.into()),
        ("NextRetryTime", info.next_retry.into()),
        ("DeferredMessageCount", info.deferred_count.into()),
        ("LockedMessageCount", Value::Int(0)),
        ("SuspendedMessageCount", info.suspended_count.into()),
        ("RiskLevel", Value::string("Normal")),
        ("OutboundIPPool", Value::Int(0)),
        ("NextHopCategory", Value::string(category(&info.hop))),
        ("IncomingRate", Value::Double(info.incoming_rate)),
        ("OutgoingRate", Value::Double(info.outgoing_rate)),
        ("Velocity", Value::Double(info.outgoing_rate - info.incoming_rate)),
        ("QueueIdentity", Value::string(format!("{}\\{}", cx.server_name, info.identity))),
        ("Identity", Value::string(format!("{}\\{}", cx.server_name, info.identity))),
        ("IsValid", Value::Bool(true)),
        ("ObjectState", Value::string("New")),
    ] {
        out.set(name, value);
    }
    out
}

/// Does something to every queue meant, asking for each.
fn each(
    call: &mut Call<'_>,
    action: &str,
    mut act: impl FnMut(&Context, &QueueIdentity) -> Result<(), base::Fault>,
) -> Outcome {
    for (row, identity) in wanted(call)? {
        let name = row.get("Identity").map(Value::to_string).unwrap_or_default();
        if call.should_process(&format!("{action} queue \"{name}\""))? {
            act(call.cx, &identity)?;
        }
    }
    Ok(())
}

fn retry(call: &mut Call<'_>) -> Outcome {
    let resubmit = call.switch("Resubmit");
    let action = if resubmit { "Resubmitting the messages of" } else { "Retrying" };
    each(call, action, |cx, identity| cx.runtime.block_on(cx.transport.retry_queue(identity, resubmit)))
}

fn hold(call: &mut Call<'_>, suspended: bool) -> Outcome {
    let action = if suspended { "Suspending" } else { "Resuming" };
    each(call, action, |cx, identity| cx.runtime.block_on(cx.transport.suspend_queue(identity, suspended)))
}
