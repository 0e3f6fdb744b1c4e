//! The record of what administrators do: one event for each cmdlet that may change something, with its caller,
//! its parameters (secrets left out) and its end. It travels through `tracing`, to whoever keeps it, and into
//! the channel where the product logs cmdlets.

use base::eventlog::{self, EventKind, Level as EventLevel};
use directory::View;
use powershell::{
    Value,
    cmdlet::{Invocation, Streams},
};
use trust::audit::{self, Entry, Level, Tip};

use crate::{
    Context,
    changes::{Changes, VALUE_MAX},
    runner::{Ended, Run},
};

/// The `tracing` target of the record.
pub const TARGET: &str = "audit";

const SUCCEEDED: EventKind = EventKind {
    log: "MSExchange Management",
    source: "MSExchange CmdletLogs",
    id: 1,
    category: "General",
    level: EventLevel::Information,
};
const FAILED: EventKind = EventKind { id: 6, level: EventLevel::Error, ..SUCCEEDED };

/// What a call is recorded as where it cannot be kept.
const NOT_KEPT: EventKind = EventKind { id: 5000, category: "AdminAuditLog", ..FAILED };
/// Parameters that hold what nobody else should read, by what their names hold.
const SECRET: [&str; 3] = ["Password", "Credential", "Pin"];

/// Records a call that has ended: in the administrator audit log, as its settings say, and for whoever reads
/// the server's log and events.
pub(crate) fn record(call: &Run<'_>, ended: Ended, out: &mut dyn Streams) -> Ended {
    let Ended { result, changes } = ended;
    if !call.invocation.preferences.what_if {
        keep(call, changes, result.as_ref().err().map(|record| &*record.message), out);
    }
    Ended { result, ..Ended::quietly() }
}

fn keep(call: &Run<'_>, changes: Changes, error: Option<&str>, out: &mut dyn Streams) {
    let view = call.cx.directory.snapshot();
    let name = &*call.invocation.command.name;
    let given = call.invocation.parameters.keys().map(|name| &**name);
    let Some(level) = audit::level(view.admin_audit_log_config().map(|c| &**c), name, given) else { return };
    let entry = Entry {
        number: 0,
        time: call.cx.clock.now(),
        caller: caller(call, &view),
        user: call.person.user,
        origin: call.person.origin.to_string(),
        server: call.cx.server_name.clone(),
        cmdlet: name.to_owned(),
        parameters: parameters(call.invocation),
        object: changes.object.unwrap_or_else(|| object(call.invocation)),
        modified: if level == Level::Verbose { changes.modified } else { Vec::new() },
        succeeded: error.is_none(),
        error: error.map(clean).unwrap_or_default(),
    };
    if !write(call.cx, &entry, &call.person.name) {
        out.warning("The administrator audit log couldn't be written. What was done isn't recorded there.");
    }
}

/// Appends an entry to the log and tells it; false where the log could not be written.
fn write(cx: &Context, entry: &Entry, logon: &str) -> bool {
    let kept = cx.audit.append(entry.clone());
    tell(entry, logon, kept.as_ref().ok());
    if let Err(error) = &kept {
        tracing::error!(%error, "the administrator audit log cannot be written");
        let name = &entry.cmdlet;
        let text = format!("The call of {name} couldn't be written to the administrator audit log: {error}");
        eventlog::write(&NOT_KEPT, &text);
    }
    kept.is_ok()
}

/// What somebody did without a cmdlet, and what is recorded as if there were one.
#[derive(Clone, Debug)]
pub struct Deed {
    /// `Verb-Noun`.
    pub name: &'static str,
    /// Who.
    pub caller: String,
    /// Where from.
    pub origin: String,
    /// The identity of what was changed.
    pub object: String,
    /// Names and values, without secrets.
    pub parameters: Vec<(&'static str, String)>,
}

/// Records a deed, as the log's settings say. Writes files: call it where that may block.
pub fn note(cx: &Context, deed: Deed) {
    let view = cx.directory.snapshot();
    let given = deed.parameters.iter().map(|(name, _)| *name);
    if audit::level(view.admin_audit_log_config().map(|c| &**c), deed.name, given).is_none() {
        return;
    }
    let entry = Entry {
        time: cx.clock.now(),
        caller: clean(&deed.caller),
        origin: deed.origin,
        server: cx.server_name.clone(),
        cmdlet: deed.name.to_owned(),
        parameters: deed
            .parameters
            .into_iter()
            .map(|(name, value)| (name.to_owned(), clean(&value)))
            .collect(),
        object: clean(&deed.object),
        succeeded: true,
        ..Entry::default()
    };
    write(cx, &entry, &deed.caller);
}

/// The caller's identity, as the log names people.
fn caller(call: &Run<'_>, view: &View) -> String {
    let account = call.person.user.and_then(|user| view.get(user));
    account.map_or_else(|| call.person.name.to_string(), |account| account.identity())
}

/// What a call names that changed nothing in the directory.
fn object(call: &Invocation) -> String {
    let named = ["Identity", "Name"].iter().find_map(|name| call.get(name));
    named.map(shown).unwrap_or_default()
}

fn parameters(call: &Invocation) -> Vec<(String, String)> {
    let secret = |name: &str| SECRET.iter().any(|part| name.contains(part));
    let value = |name: &str, value: &Value| match value {
        Value::String(_) | Value::Object(_) if secret(name) => "***".to_owned(),
        value => shown(value),
    };
    let given = call.parameters.iter();
    given.map(|(name, given)| (name.to_string(), value(name, given))).collect()
}

/// Writes an entry to the server's log, and as the product's event. Wherever these are sent to, the hash of the
/// entry bears witness against a log written anew.
fn tell(entry: &Entry, logon: &str, kept: Option<&Tip>) {
    let Entry { cmdlet, object, origin, error, succeeded, .. } = entry;
    let parameters: Vec<String> =
        entry.parameters.iter().map(|(name, value)| format!("-{name} {value}")).collect();
    let parameters = parameters.join(" ");
    tracing::info!(
        target: TARGET,
        caller = logon,
        origin,
        cmdlet,
        object,
        parameters,
        succeeded,
        error,
        "{cmdlet} by {logon}"
    );
    let (kind, end) =
        if *succeeded { (&SUCCEEDED, "Cmdlet succeeded.") } else { (&FAILED, "Cmdlet failed.") };
    let why = if error.is_empty() { String::new() } else { format!(" {error}") };
    let kept = kept.map(|tip| format!(" Audit log entry {}, {}.", tip.number, tip.hash)).unwrap_or_default();
    let text = format!("{end} Cmdlet {cmdlet}, parameters {parameters}. Caller: {logon}.{why}{kept}");
    eventlog::write(kind, &text);
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
    clean(&text)
}

/// Cut short, and without what could forge a second line.
fn clean(text: &str) -> String {
    text.chars().take(VALUE_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

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

    /// What is told of a call.
    fn told(cmdlet: &str, parameters: &[(&str, Value)], error: Option<&str>) -> String {
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
        let entry = Entry {
            cmdlet: cmdlet.into(),
            parameters: super::parameters(&call),
            object: object(&call),
            succeeded: error.is_none(),
            error: error.map(clean).unwrap_or_default(),
            ..Entry::default()
        };
        tracing::subscriber::with_default(subscriber, || tell(&entry, "local user 0", None));
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_is_done_is_told() {
        let password = Value::Secret(Secret::new("hunter2"));
        let line = told("New-Mailbox", &[("Name", "Rui".into()), ("Password", password)], None);
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
        let plain = ("Password", Value::string("hunter2"));
        let line = told("Set-Mailbox", &[("Identity", "nobody".into()), plain], Some("nobody\nthere"));
        assert!(line.contains(r#""succeeded":false"#) && line.contains("nobody there"), "{line}");
        assert!(!line.contains("hunter2"), "{line}");
    }

    #[test]
    fn secrets_and_line_breaks_are_not_recorded() {
        assert_eq!(shown(&Value::Secret(Secret::new("hunter2"))), "***");
        let list = Value::array(vec!["a\r\nb".into(), Value::Secret(Secret::new("hunter2"))]);
        assert_eq!(shown(&list), "a  b,***");
    }
}
