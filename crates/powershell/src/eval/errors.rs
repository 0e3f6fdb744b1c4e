//! Error records as objects of the language, and back.

use std::sync::Arc;

use super::{Interp, Run, Unwind};
use crate::{
    cmdlet::{ErrorCategory, ErrorRecord, Position},
    value::{PsObject, Value},
};

const RECORD: &str = "System.Management.Automation.ErrorRecord";

/// The object `$_` is in `catch`, and `$Error` keeps.
pub(crate) fn record_to_value(record: &ErrorRecord) -> Value {
    let exception = PsObject::new(&[&record.exception_type, "System.Exception", "System.Object"])
        .with("Message", record.message.clone())
        .with("Data", Value::Null)
        .with("InnerException", Value::Null)
        .with("StackTrace", Value::Null)
        .with("HResult", -2_146_233_087i32);
    let target = if record.target.is_null() { "".into() } else { record.target.to_string() };
    let target_type = if record.target.is_null() { "".into() } else { record.target.type_name() };
    let category = PsObject::new(&["System.Management.Automation.ErrorCategoryInfo"])
        .with("Name", record.category_info())
        .with(
            "Category",
            Value::enumeration(
                "System.Management.Automation.ErrorCategory",
                &record.category.to_string(),
                record.category as i32,
            ),
        )
        .with("Activity", record.command.clone())
        .with("Reason", record.reason())
        .with("TargetName", target)
        .with("TargetType", target_type);
    PsObject::new(&[RECORD, "System.Object"])
        .with("Exception", exception)
        .with("TargetObject", record.target.clone())
        .with("CategoryInfo", category)
        .with("FullyQualifiedErrorId", record.fully_qualified_id())
        .with("ErrorDetails", Value::Null)
        .with("InvocationInfo", invocation_info(record))
        .with("ScriptStackTrace", Value::Null)
        .into()
}

fn invocation_info(record: &ErrorRecord) -> PsObject {
    let position = record.position.as_deref().cloned().unwrap_or_default();
    PsObject::new(&["System.Management.Automation.InvocationInfo"])
        .with("MyCommand", record.command.clone())
        .with("InvocationName", record.invocation.as_deref().map(String::as_str))
        .with("ScriptLineNumber", position.line)
        .with("OffsetInLine", position.column)
        .with("Length", position.length)
        .with("ScriptName", position.script.clone())
        .with("Line", position.text.clone())
        .with("PositionMessage", crate::format::position_message(&position))
}

/// True for an error record object.
pub(crate) fn is_record(value: &Value) -> bool {
    matches!(value, Value::Object(object) if object.with(|o| o.is(RECORD)))
}

/// The record an object stands for, if it is one.
pub(crate) fn value_to_record(value: &Value) -> Option<ErrorRecord> {
    if !is_record(value) {
        return None;
    }
    let text = |value: Option<Value>| -> Arc<str> { value.unwrap_or_default().to_string().into() };
    let exception = value.property("Exception")?;
    let category = value.property("CategoryInfo")?;
    let id = text(value.property("FullyQualifiedErrorId"));
    let command = text(category.property("Activity"));
    let info = value.property("InvocationInfo");
    Some(ErrorRecord {
        exception_type: exception.type_name(),
        message: text(exception.property("Message")),
        category: match category.property("Category") {
            Some(Value::Enum(e)) => category_named(&e.name),
            _ => ErrorCategory::NotSpecified,
        },
        error_id: unsigned(&id, &command).into(),
        command,
        invocation: info
            .as_ref()
            .and_then(|info| info.property("InvocationName"))
            .filter(|name| !name.is_null())
            .map(|name| Arc::new(name.to_string())),
        target: value.property("TargetObject").unwrap_or_default(),
        position: info.and_then(|info| position(&info)),
    })
}

/// An identifier without the command or class it ends with.
fn unsigned<'i>(id: &'i str, command: &str) -> &'i str {
    let class = crate::builtin::class_of(command);
    let signed = |name: &str| id.strip_suffix(name).and_then(|id| id.strip_suffix(','));
    class.as_deref().and_then(signed).or_else(|| signed(command)).unwrap_or(id)
}

fn position(info: &Value) -> Option<Box<Position>> {
    let number = |name: &str| match info.property(name) {
        Some(Value::Int(n)) => u32::try_from(n).unwrap_or_default(),
        _ => 0,
    };
    let text = |name: &str| -> Arc<str> { info.property(name).unwrap_or_default().to_string().into() };
    // A position without a line says that none is to be shown.
    info.property("ScriptLineNumber").map(|_| {
        Box::new(Position {
            script: text("ScriptName"),
            line: number("ScriptLineNumber"),
            column: number("OffsetInLine"),
            text: text("Line"),
            length: number("Length"),
        })
    })
}

/// The category of this name, without case; `NotSpecified` for others.
pub(crate) fn category_named(name: &str) -> ErrorCategory {
    let quoted = serde_json::Value::String(name.to_owned());
    serde_json::from_value(quoted).unwrap_or_default()
}

impl Interp<'_> {
    /// An error that belongs to the function we are in (`$PSCmdlet.ThrowTerminatingError`).
    pub(crate) fn own_error(&self, value: Value) -> ErrorRecord {
        let record = as_record(&value);
        match &self.at.caller {
            Some(site) => {
                let record = ErrorRecord { command: site.name.clone(), ..record };
                site.sign(ErrorRecord { invocation: None, ..record })
            }
            None => record,
        }
    }

    /// The command as it was typed, from where we are.
    pub(crate) fn typed_name(&self) -> Arc<str> {
        let text = self.at.source.slice(self.at.span);
        text.split([' ', '\t', '\n', '|', ';']).next().unwrap_or_default().into()
    }

    /// What `throw` makes of a value.
    pub(crate) fn thrown(&self, value: Value) -> Unwind {
        let record = Box::new(as_record(&value).at(self.position()));
        Unwind::Error { record, fatal: true }
    }

    /// Gives an error that has none yet the place we are at.
    pub(crate) fn placed<T>(&self, result: Run<T>) -> Run<T> {
        result.map_err(|unwind| match unwind {
            Unwind::Error { record, fatal } if record.position.is_none() => {
                let record = Box::new(record.at(self.position()));
                Unwind::Error { record, fatal }
            }
            other => other,
        })
    }
}

/// Whether a `catch` of these types takes a record; every type of ours derives from `System.Exception`.
pub(crate) fn catches(types: &[crate::ast::TypeName], record: &ErrorRecord) -> bool {
    types.is_empty()
        || types.iter().any(|t| {
            let wanted = t.name.trim();
            let last = wanted.rsplit('.').next().unwrap_or(wanted);
            let base = matches!(
                &*wanted.to_lowercase(),
                "exception" | "system.exception" | "system.systemexception"
            );
            base || record.exception_type.eq_ignore_ascii_case(wanted)
                || (!wanted.contains('.') && record.reason().eq_ignore_ascii_case(last))
                || inner(record).eq_ignore_ascii_case(last)
                || (last.eq_ignore_ascii_case("RuntimeException")
                    && record.exception_type.starts_with("System.Management.Automation."))
        })
}

/// The short name of the exception inside the record's, where it has one: what a method threw, a bad cast.
fn inner(record: &ErrorRecord) -> &str {
    match (record.reason(), &*record.error_id) {
        ("MethodInvocationException", inner) => inner,
        ("RuntimeException", id) if id.starts_with("InvalidCast") || id.starts_with("ConvertTo") => {
            "InvalidCastException"
        }
        ("RuntimeException", _) if &*record.message == DIVIDE_BY_ZERO => "DivideByZeroException",
        _ => "",
    }
}

/// What a division by zero says.
pub(super) const DIVIDE_BY_ZERO: &str = "Attempted to divide by zero.";

/// The record a thrown value stands for.
fn as_record(value: &Value) -> ErrorRecord {
    if let Some(record) = value_to_record(value) {
        return record;
    }
    match value {
        Value::Object(object) if object.with(|o| o.is("System.Exception")) => {
            let message = value.property("Message").unwrap_or_default().to_string();
            let kind = value.type_name();
            ErrorRecord::new(&kind, &message, ErrorCategory::OperationStopped, message.as_str())
        }
        Value::Null | Value::Nothing => {
            let text = "ScriptHalted";
            ErrorRecord::runtime(text, ErrorCategory::OperationStopped, text)
        }
        other => {
            let text = other.to_string();
            ErrorRecord::runtime(&text, ErrorCategory::OperationStopped, text.as_str()).on(other.clone())
        }
    }
}
