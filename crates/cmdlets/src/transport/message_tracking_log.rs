//! What happened to messages, and why one did not leave: the message tracking log.

use powershell::{Value, value::PsObject};
use transport::track::{Column, Filter, Record};

use crate::{Cmdlet, Failure, Outcome, call::Call, place, rows::this_server};

/// `Get-MessageTrackingLog`
pub static GET: Cmdlet = Cmdlet::run(
    "Get-MessageTrackingLog",
    run,
    &[
        "Start",
        "End",
        "EventId",
        "Source",
        "Sender",
        "Recipients",
        "MessageId",
        "MessageSubject",
        "InternalMessageId",
        "NetworkMessageId",
        "Reference",
        "ResultSize",
        "Server",
    ],
)
.at(&[("Server", place::of_server)]);

fn run(call: &mut Call<'_>) -> Outcome {
    this_server(call, &call.cx.directory.snapshot())?;
    let text = |name: &str| call.text(name).map(|text| text.to_string());
    let number = |id: String| {
        id.parse().map_err(|_| Failure::invalid(format!("\"{id}\" isn't an internal message id.")))
    };
    let filter = Filter {
        start: call.time("Start"),
        end: call.time("End"),
        event: text("EventId"),
        source: text("Source"),
        sender: text("Sender"),
        recipients: call.list("Recipients").iter().map(|one| one.to_string()).collect(),
        message_id: text("MessageId"),
        subject: text("MessageSubject"),
        internal_id: text("InternalMessageId").map(number).transpose()?,
        network_id: text("NetworkMessageId"),
        reference: text("Reference"),
    };
    let limit = call.result_size();
    // One more than asked for, so that the caller learns when there are more.
    let found = call.cx.transport.search_tracking(&filter, limit.saturating_add(1))?;
    call.write_all(found.into_iter().map(show).collect::<Vec<_>>());
    Ok(())
}

fn show(record: Record) -> Value {
    let mut out =
        PsObject::new(&["Microsoft.Exchange.Management.TransportLogSearchTasks.MessageTrackingEvent"]);
    for column in Column::all() {
        let text = record.get(column);
        let value = match column {
            Column::DateTime => record.time().map_or(Value::Null, Value::DateTime),
            Column::RecipientAddress => strings(record.recipients()),
            Column::RecipientStatus => strings(record.statuses()),
            Column::TotalBytes | Column::RecipientCount => text.parse().map_or(Value::Null, Value::Long),
            _ if text.is_empty() => Value::Null,
            _ => Value::string(text),
        };
        out.set(column.property(), value);
    }
    out.into()
}

fn strings(texts: Vec<&str>) -> Value {
    Value::array(texts.into_iter().map(Value::string).collect())
}
