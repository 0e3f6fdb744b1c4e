//! Rows that are no objects of the directory (queues, messages, statistics): filtered, and of this server.

use directory::{Filter, Scope, View, schema::SERVER};
use powershell::{Value, value::PsObject};

use crate::{Failure, Outcome, call::Call};

/// Rows that fit `-Filter`, whose properties are those of the rows.
pub(crate) fn filtered(
    call: &Call<'_>,
    mut rows: Vec<PsObject>,
    properties: &[&str],
) -> Outcome<Vec<PsObject>> {
    if let Some(filter) = call.text("Filter") {
        let known = |name: &str| properties.iter().any(|own| own.eq_ignore_ascii_case(name));
        let filter = Filter::parse_over(&filter, &known)?;
        let view = call.cx.directory.snapshot();
        rows.retain(|row| filter.fits(&view, &|name| row.get(name).map_or_else(Vec::new, values)));
    }
    Ok(rows)
}

/// Rows in the order of `-SortOrder +Status,-Size`.
pub(crate) fn sorted(call: &Call<'_>, mut rows: Vec<PsObject>) -> Vec<PsObject> {
    for entry in call.list("SortOrder").iter().rev() {
        let (descending, name) = match entry.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, entry.trim_start_matches('+')),
        };
        rows.sort_by(|a, b| {
            let ordering = a.get(name).map(key).cmp(&b.get(name).map(key));
            if descending { ordering.reverse() } else { ordering }
        });
    }
    rows
}

/// What a value is sorted by: numbers and moments as such, everything else as text.
fn key(value: &Value) -> (i64, String) {
    match value {
        Value::Int(n) => (i64::from(*n), String::new()),
        Value::Long(n) => (*n, String::new()),
        Value::DateTime(time) => (time.micros, String::new()),
        Value::Size(size) => (i64::try_from(size.bytes()).unwrap_or(i64::MAX), String::new()),
        other => (0, other.to_string().to_lowercase()),
    }
}

/// A property's value as filters compare it.
fn values(value: &Value) -> Vec<directory::Value> {
    use directory::Value as Stored;
    match value {
        Value::Null | Value::Nothing => Vec::new(),
        Value::Bool(b) => vec![Stored::Bool(*b)],
        Value::Int(n) => vec![Stored::Int(i64::from(*n))],
        Value::Long(n) => vec![Stored::Int(*n)],
        Value::DateTime(time) => vec![Stored::Time(*time)],
        Value::Size(size) => vec![Stored::Size(*size)],
        Value::Guid(guid) => vec![Stored::Guid(*guid)],
        Value::Array(list) => list.to_vec().iter().flat_map(values).collect(),
        other => vec![Stored::text(other.to_string())],
    }
}

/// `-Server` may only be this one: queues of others are asked there. Whoever changes something there must have
/// the server in scope.
pub(crate) fn this_server(call: &Call<'_>, view: &View) -> Outcome {
    let own = view.servers().find(|server| server.name.eq_ignore_ascii_case(&call.cx.server_name));
    if let Some(server) = own {
        call.admit(view, server, &server.name)?;
    }
    match call.identity("Server") {
        Some(identity) => {
            let server = view.resolve(&identity, Scope::Class(&SERVER))?;
            here(call, &server.name)
        }
        None => Ok(()),
    }
}

/// Fails where `server` is another than this.
pub(crate) fn here(call: &Call<'_>, server: &str) -> Outcome {
    let own = &call.cx.server_name;
    let short = server.split('.').next().unwrap_or(server);
    if server.is_empty() || short.eq_ignore_ascii_case(own) || server.eq_ignore_ascii_case("localhost") {
        return Ok(());
    }
    Err(Failure::invalid(format!("The queues of server \"{server}\" can't be reached from \"{own}\".")))
}
