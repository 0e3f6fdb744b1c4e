//! The event log, as `Get-WinEvent` reads it: by channel, source, ids, level and time.

use base::{
    Fault,
    eventlog::{Entry, Query},
};
use powershell::{Value, cmdlet::CommandInfo, value::PsObject};

use crate::{
    Cmdlet, Failure, Outcome,
    call::Call,
    cmdlet::{declare, text_of},
    place,
};

/// Events written when `-MaxEvents` does not say.
const MAX_EVENTS: usize = 1000;

/// `Get-WinEvent`
pub static GET: Cmdlet = Cmdlet::run(
    "Get-WinEvent",
    run,
    &["LogName", "ProviderName", "FilterHashtable", "MaxEvents", "ListLog", "Oldest", "ComputerName"],
)
.declared(info)
.at(&[("ComputerName", place::of_server)]);

fn info() -> CommandInfo {
    let mut info = declare(
        "Get-WinEvent",
        "Reads the event log of this server, or of another one, newest first.",
        &[
            ("LogName", "String[]"),
            ("ProviderName", "String"),
            ("FilterHashtable", "Hashtable"),
            ("MaxEvents", "Int64"),
            ("ListLog", "String"),
            ("Oldest", "SwitchParameter"),
            ("ComputerName", "String"),
        ],
    );
    info.parameters[0].position = Some(1);
    info
}

fn run(call: &mut Call<'_>) -> Outcome {
    let failed = |error: std::io::Error| Fault::internal(error);
    if let Some(pattern) = call.text("ListLog") {
        for log in call.cx.events.logs().map_err(failed)? {
            if directory::filter::wildcard_matches(&pattern, &log) {
                let shape = PsObject::new(&["System.Diagnostics.Eventing.Reader.EventLogConfiguration"]);
                let _ = call.write(shape.with("LogName", Value::string(log)).into());
            }
        }
        return Ok(());
    }
    let (logs, query) = wanted(call)?;
    let limit = call.text("MaxEvents").and_then(|text| text.parse().ok()).unwrap_or(MAX_EVENTS);
    let mut found = Vec::new();
    for log in logs {
        found.extend(call.cx.events.read(&log, &query, limit).map_err(failed)?);
    }
    found.sort_by_key(|entry| std::cmp::Reverse((entry.time, entry.record_id)));
    found.truncate(limit);
    if found.is_empty() {
        return Err(Fault::new(
            base::FaultKind::NotFound,
            "NoMatchingEventsFound",
            "No events were found that match the specified selection criteria.",
        )
        .into());
    }
    if call.switch("Oldest") {
        found.reverse();
    }
    call.write_all(
        found.into_iter().map(|entry| show(entry, &call.cx.server_name.clone())).collect::<Vec<_>>(),
    );
    Ok(())
}

/// What `-LogName`, `-ProviderName` and `-FilterHashtable @{LogName=…; Id=…; Level=…}` ask for.
fn wanted(call: &Call<'_>) -> Outcome<(Vec<String>, Query)> {
    let mut logs: Vec<String> = call.list("LogName").iter().map(|log| log.to_string()).collect();
    let mut query =
        Query { source: call.text("ProviderName").map(|name| name.to_string()), ..Query::default() };
    if let Some(Value::Hashtable(table)) = call.get("FilterHashtable") {
        for (key, value) in table.to_vec() {
            let items = || value.clone().into_items();
            match text_of(&key).to_ascii_lowercase().as_str() {
                "logname" => logs.extend(items().iter().map(|item| text_of(item).to_string())),
                "providername" => query.source = Some(text_of(&value).to_string()),
                "id" => query.ids = numbers(&items())?,
                "level" => query.levels = numbers(&items())?,
                "starttime" => query.start = moment(&value),
                "endtime" => query.end = moment(&value),
                other => {
                    return Err(Failure::invalid(format!(
                        "\"{other}\" isn't a key of FilterHashtable. Use LogName, ProviderName, Id, Level, StartTime or EndTime."
                    )));
                }
            }
        }
    }
    if logs.is_empty() {
        logs.push("Application".into());
    }
    Ok((logs, query))
}

fn numbers<T: std::str::FromStr>(items: &[Value]) -> Outcome<Vec<T>> {
    let number = |item: &Value| {
        text_of(item).parse().map_err(|_| Failure::invalid(format!("\"{item}\" isn't a number.")))
    };
    items.iter().map(number).collect()
}

fn moment(value: &Value) -> Option<base::Timestamp> {
    match value {
        Value::DateTime(time) => Some(*time),
        _ => None,
    }
}

fn show(entry: Entry, server: &str) -> Value {
    let level = match entry.level {
        2 => "Error",
        3 => "Warning",
        _ => "Information",
    };
    PsObject::new(&["System.Diagnostics.Eventing.Reader.EventLogRecord"])
        .with("TimeCreated", Value::DateTime(entry.time))
        .with("ProviderName", Value::string(entry.source))
        .with("Id", Value::Int(i32::try_from(entry.id).unwrap_or(i32::MAX)))
        .with("LevelDisplayName", Value::string(level))
        .with("Message", Value::string(entry.message))
        .with("Level", Value::Int(i32::from(entry.level)))
        .with("LogName", Value::string(entry.log))
        .with("TaskDisplayName", Value::string(entry.category))
        .with("MachineName", Value::string(server))
        .with("RecordId", Value::Long(i64::try_from(entry.record_id).unwrap_or(i64::MAX)))
        .into()
}
