//! The record of what administrators do: one event for each cmdlet that may change something, with its caller,
//! its parameters (secrets left out) and its end. It travels through `tracing`, to whoever keeps it, and into
//! the channel where the product logs cmdlets.

use base::eventlog::{self, EventKind, Level};
use powershell::{Value, cmdlet::Invocation};

use crate::Failure;

/// The `tracing` target of the record.
pub const TARGET: &str = "audit";

const SUCCEEDED: EventKind = EventKind {
    log: "MSExchange Management",
    source: "MSExchange CmdletLogs",
    id: 1,
    category: "General",
    level: Level::Information,
};
const FAILED: EventKind = EventKind { id: 6, level: Level::Error, ..SUCCEEDED };

/// Verbs that only look: not recorded, as in the product.
const LOOKING: &[&str] = &["Get", "Search", "Test"];
/// The longest value recorded, characters.
const VALUE_MAX: usize = 2048;

/// Records a call that has ended.
pub(crate) fn record(caller: &str, call: &Invocation, failure: Option<&Failure>) {
    let name = &*call.command.name;
    let verb = name.split('-').next().unwrap_or(name);
    if LOOKING.contains(&verb) || call.preferences.what_if {
        return;
    }
    let object = ["Identity", "Name"].iter().find_map(|name| call.get(name)).map(shown).unwrap_or_default();
    let parameters: Vec<String> =
        call.parameters.iter().map(|(name, value)| format!("-{name} {}", shown(value))).collect();
    let parameters = parameters.join(" ");
    let error = failure.map(|failure| failure.fault.public_text.as_str()).unwrap_or_default();
    tracing::info!(
        target: TARGET,
        caller,
        cmdlet = name,
        object,
        parameters,
        succeeded = failure.is_none(),
        error,
        "{name} by {caller}"
    );
    let (kind, end) =
        if failure.is_none() { (&SUCCEEDED, "Cmdlet succeeded.") } else { (&FAILED, "Cmdlet failed.") };
    let why = if error.is_empty() { String::new() } else { format!(" {error}") };
    eventlog::write(kind, &format!("{end} Cmdlet {name}, parameters {parameters}. Caller: {caller}.{why}"));
}

/// A value for the record: secrets are not shown, and so is nothing that could forge a second line.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Secret(_) => "***".to_owned(),
        Value::Null => "$null".to_owned(),
        Value::Array(list) => list.to_vec().iter().map(shown).collect::<Vec<_>>().join(","),
        Value::Hashtable(table) => {
            let pairs = table.to_vec().into_iter().map(|(key, value)| format!("{key}={}", shown(&value)));
            format!("@{{{}}}", pairs.collect::<Vec<_>>().join(";"))
        }
        // An object may hold a secret (a credential): its name says which it is.
        other => other.to_string(),
    };
    text.chars().take(VALUE_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use base::Fault;
    use powershell::{cmdlet::Bound, value::Secret};

    use super::*;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is recorded of a call.
    fn recorded(cmdlet: &str, parameters: &[(&str, Value)], failure: Option<&Failure>) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
        let call = Invocation {
            command: crate::find(cmdlet).unwrap(),
            parameters: parameters
                .iter()
                .map(|(name, value)| ((*name).into(), value.clone()))
                .collect::<Bound>(),
            parameter_set: None,
            pipeline_object: None,
            preferences: Default::default(),
        };
        tracing::subscriber::with_default(subscriber, || record("local user 0", &call, failure));
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn changes_are_recorded_and_looks_are_not() {
        let password = Value::Secret(Secret::new("hunter2"));
        let line = recorded("New-Mailbox", &[("Name", "Rui".into()), ("Password", password)], None);
        for part in [
            r#""target":"audit""#,
            r#""caller":"local user 0""#,
            r#""cmdlet":"New-Mailbox""#,
            r#""object":"Rui""#,
            r#""parameters":"-Name Rui -Password ***""#,
            r#""succeeded":true"#,
            r#""log":"MSExchange Management""#,
            "Cmdlet succeeded. Cmdlet New-Mailbox, parameters -Name Rui -Password ***. Caller: local user 0.",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
        let failure = Failure::from(Fault::not_found("nobody there"));
        let line = recorded("Set-Mailbox", &[("Identity", "nobody".into())], Some(&failure));
        assert!(line.contains(r#""succeeded":false"#) && line.contains("nobody there"), "{line}");
        assert!(!line.contains("hunter2"), "{line}");
        assert_eq!(recorded("Get-Mailbox", &[], None), "");
    }

    #[test]
    fn secrets_and_line_breaks_are_not_recorded() {
        assert_eq!(shown(&Value::Secret(Secret::new("hunter2"))), "***");
        let list = Value::array(vec!["a\r\nb".into(), Value::Secret(Secret::new("hunter2"))]);
        assert_eq!(shown(&list), "a  b,***");
    }
}
