//! A parameter's value: converted to its type and validated.

use std::sync::Arc;

use base::Timestamp;

use super::{Given, errors};
use crate::{
    cmdlet::{CommandInfo, ErrorRecord, ParameterInfo},
    types::{Type, convert},
    value::Value,
};

/// Converts and validates one argument.
pub(super) fn parameter(
    info: &CommandInfo,
    parameter: &ParameterInfo,
    given: impl Into<Given>,
    now: Timestamp,
) -> Result<Value, ErrorRecord> {
    let Given { value, text, unknown } = given.into();
    if unknown {
        return Ok(value);
    }
    let to = Type::of_parameter(&parameter.type_name);
    let value = match text {
        Some(text) if wants_text(&to, &value) => Value::String(text),
        _ => value.or_null(),
    };
    if parameter.required && !matches!(&*parameter.type_name, "Object" | "Object[]" | "PSObject") {
        match &value {
            Value::Null => return Err(errors::null_argument(info, parameter)),
            Value::String(text) if text.is_empty() => return Err(errors::empty_argument(info, parameter)),
            Value::Array(list) if list.is_empty() && matches!(to, Type::Array(_)) => {
                return Err(errors::empty_array(info, parameter));
            }
            _ => {}
        }
    }
    let value = match (&to, &value) {
        (Type::Bool | Type::Switch, _) => boolean(info, parameter, &value)?,
        // One value is wanted and several were given: nothing is joined.
        (Type::String | Type::Identity, Value::Array(list)) if list.len() > 1 => {
            return Err(errors::not_single(info, parameter, &value));
        }
        // Null clears a text; an empty string would set one.
        (Type::String, Value::Null) => Value::Null,
        _ => convert(value, &to, now).map_err(|why| errors::cannot_convert(info, parameter, &why))?,
    };
    let value = joined(&to, value);
    match (&to, &parameter.values[..]) {
        (_, []) => {}
        (Type::Named(_), _) => return enumerated(info, parameter, value),
        (Type::Array(inner), _) if matches!(**inner, Type::Named(_)) => {
            let items = value.into_items().into_iter().map(|item| enumerated(info, parameter, item));
            return items.collect::<Result<Vec<_>, _>>().map(Value::array);
        }
        _ => allowed(info, parameter, &value)?,
    }
    Ok(value)
}

/// Names of an enumeration's values, with commas between them: in full, or as much as tells them apart.
fn enumerated(info: &CommandInfo, parameter: &ParameterInfo, value: Value) -> Result<Value, ErrorRecord> {
    let Some(text) = value.as_str() else { return Ok(value) };
    let mut names: Vec<&str> = Vec::new();
    for typed in text.split(',').map(str::trim) {
        let found = enum_name(parameter, typed);
        names.push(found.ok_or_else(|| {
            let to = Type::of_parameter(parameter.type_name.trim_end_matches("[]")).full_name();
            errors::no_such_name(info, parameter, typed, &to, &parameter.values.join(", "))
        })?);
    }
    Ok(Value::string(names.join(", ")))
}

fn enum_name<'n>(parameter: &'n ParameterInfo, typed: &'n str) -> Option<&'n str> {
    if typed.parse::<i32>().is_ok() {
        return Some(typed);
    }
    let exact = parameter.values.iter().find(|name| name.eq_ignore_ascii_case(typed));
    exact.map(|name| &**name).or_else(|| {
        let starts = |name: &&Arc<str>| {
            !typed.is_empty() && name.get(..typed.len()).is_some_and(|s| s.eq_ignore_ascii_case(typed))
        };
        let mut fitting = parameter.values.iter().filter(starts);
        fitting.next().filter(|_| fitting.next().is_none()).map(|name| &**name)
    })
}

/// Types for which what was typed counts, not the number it spells.
fn wants_text(to: &Type, number: &Value) -> bool {
    match to {
        // `1.8GB` is no whole number of bytes.
        Type::Size | Type::Unlimited => matches!(number, Value::Double(_)),
        Type::String | Type::Identity | Type::Named(_) | Type::Multi | Type::Version => true,
        Type::Array(inner) => wants_text(inner, number),
        _ => false,
    }
}

/// Parameters take booleans and numbers only; `"True"` is refused, as PowerShell does.
fn boolean(info: &CommandInfo, parameter: &ParameterInfo, value: &Value) -> Result<Value, ErrorRecord> {
    match value {
        Value::Bool(_) | Value::Int(_) | Value::Long(_) | Value::Double(_) => Ok(Value::Bool(value.truth())),
        Value::Array(list) if list.len() == 1 => boolean(info, parameter, &list.get(0).unwrap_or_default()),
        other => Err(errors::not_boolean(info, parameter, other)),
    }
}

/// A list given where one named value is wanted becomes flags: `A, B`.
fn joined(to: &Type, value: Value) -> Value {
    match (to, &value) {
        (Type::Named(_), Value::Array(list)) if list.with(|i| i.iter().all(|v| v.as_str().is_some())) => {
            let names: Vec<String> = list.to_vec().iter().map(Value::to_string).collect();
            Value::string(names.join(", "))
        }
        _ => value,
    }
}

fn allowed(info: &CommandInfo, parameter: &ParameterInfo, value: &Value) -> Result<(), ErrorRecord> {
    if parameter.values.is_empty() {
        return Ok(());
    }
    for item in value.clone().into_items() {
        let text = item.to_string();
        if !parameter.values.iter().any(|v| v.eq_ignore_ascii_case(&text)) {
            return Err(errors::not_in_set(info, parameter, &item));
        }
    }
    Ok(())
}
