//! Conversion of a value to a type, with .NET's messages.

use std::sync::Arc;

use base::{ByteQuantifiedSize, EnhancedTimeSpan, Guid, Timestamp, Unlimited};

use super::{IntKind, Type, number::parse_number, round_half_even};
use crate::{
    ast::ScriptBlock,
    value::{Hashtable, Limit, List, ListKind, PsObject, Value, Version, parse_datetime},
};

/// A value that cannot become the type asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConvertError {
    /// PowerShell's text.
    pub message: String,
    /// PowerShell's identifier.
    pub id: &'static str,
}

type Converted = Result<Value, ConvertError>;

/// Converts `value`; `now` is today for times without a date.
///
/// # Errors
/// Where PowerShell has no conversion or the text does not read.
pub fn convert(value: Value, to: &Type, now: Timestamp) -> Converted {
    let value = value.or_null();
    match to {
        Type::Any => Ok(value),
        Type::Void => Ok(Value::Null),
        Type::Bool | Type::Switch => Ok(Value::Bool(value.truth())),
        Type::Int(kind) => integer(value, *kind, to),
        Type::Double => double(value, to),
        Type::Char => character(value, to),
        Type::String => Ok(Value::string(value.to_string())),
        Type::Array(inner) => array(value, inner, now),
        Type::Multi => multi(value),
        Type::ArrayList => Ok(Value::Array(List::new(ListKind::ArrayList, value.into_items()))),
        Type::List => Ok(Value::Array(List::new(ListKind::List, value.into_items()))),
        Type::Hashtable | Type::Ordered => table(value, to),
        Type::Custom => custom(value),
        Type::Named(_) | Type::Static(_) => Ok(value),
        Type::Enum(_) => match to.enum_value(&value.to_string()).or_else(|| to.enum_number(&value)) {
            Some(found) => Ok(found),
            None if value.is_null() => no_way(&value, to),
            None => {
                let why = format!(
                    "Unable to match the identifier name {value} to a valid enumerator name. Specify one of the \
                     following enumerator names and try again:\r\n{}",
                    to.enum_names().join(", ")
                );
                unreadable(&value, to, &why)
            }
        },
        Type::Exception(name) => Ok(exception(name, &value)),
        Type::Identity => Ok(identity(value)),
        Type::Type => type_value(value, to),
        Type::ScriptBlock => script_block(value, to),
        Type::Secret => match value {
            Value::Secret(_) | Value::Null => Ok(value),
            other => no_way(&other, to),
        },
        Type::Credential => Ok(value),
        Type::Regex => Ok(regex_object(&value.to_string())),
        Type::DateTime
        | Type::TimeSpan
        | Type::Guid
        | Type::Version
        | Type::Size
        | Type::Unlimited
        | Type::Address => scalar(unwrap_single(value), to, now),
    }
}

/// An array of one element converts as its element.
fn unwrap_single(value: Value) -> Value {
    match &value {
        Value::Array(list) if list.len() == 1 => list.get(0).unwrap_or_default(),
        _ => value,
    }
}

fn no_way<T>(value: &Value, to: &Type) -> Result<T, ConvertError> {
    let full = to.full_name();
    if value.is_null() {
        return Err(ConvertError {
            message: format!("Cannot convert null to type \"{full}\"."),
            id: "InvalidCast",
        });
    }
    Err(ConvertError {
        message: format!(
            "Cannot convert the \"{value}\" value of type \"{}\" to type \"{full}\".",
            value.type_name()
        ),
        id: "ConvertToFinalInvalidCastException",
    })
}

fn unreadable<T>(value: &Value, to: &Type, why: &str) -> Result<T, ConvertError> {
    Err(ConvertError {
        message: format!("Cannot convert value \"{value}\" to type \"{}\". Error: \"{why}\"", to.full_name()),
        id: "InvalidCastParseTargetInvocation",
    })
}

fn integer(value: Value, kind: IntKind, to: &Type) -> Converted {
    let number = match &value {
        Value::Null => Value::Int(0),
        Value::Bool(b) => Value::Int(i32::from(*b)),
        Value::Char(c) => Value::Int(*c as i32),
        Value::Enum(e) => Value::Int(e.number),
        Value::Int(_) | Value::Long(_) | Value::Double(_) => value.clone(),
        Value::Size(size) => Value::from(size.bytes()),
        Value::Unlimited(Unlimited::Limited(limit)) => limit.to_value(),
        Value::String(text) if text.trim().is_empty() => Value::Int(0),
        Value::String(text) => match parse_number(text) {
            Some(number) => number,
            None => {
                let failed = unreadable(&value, to, "Input string was not in a correct format.");
                return failed.map_err(|why| ConvertError { id: "InvalidCastFromStringToInteger", ..why });
            }
        },
        Value::Array(list) if list.len() == 1 => return integer(list.get(0).unwrap_or_default(), kind, to),
        other => return no_way(other, to),
    };
    let exact = match number {
        Value::Int(n) => i128::from(n),
        Value::Long(n) => i128::from(n),
        Value::Size(size) => i128::from(size.bytes()),
        Value::Double(n) if n.is_finite() => round_half_even(n) as i128,
        _ => return no_way(&value, to),
    };
    let (_, min, max) = kind.row();
    if !(min..=max).contains(&exact) {
        return unreadable(
            &value,
            to,
            &format!("Value was either too large or too small for {}.", kind.described()),
        );
    }
    let wide = matches!(kind, IntKind::Int64 | IntKind::UInt64 | IntKind::UInt32);
    Ok(match (i32::try_from(exact), i64::try_from(exact)) {
        (Ok(n), _) if !wide => Value::Int(n),
        (_, Ok(n)) => Value::Long(n),
        _ => Value::Double(exact as f64),
    })
}

fn double(value: Value, to: &Type) -> Converted {
    Ok(Value::Double(match unwrap_single(value) {
        Value::Null => 0.0,
        Value::Bool(b) => f64::from(b),
        Value::Int(n) => f64::from(n),
        Value::Long(n) => n as f64,
        Value::Double(n) => n,
        Value::Char(c) => f64::from(c as u32),
        Value::Size(size) => size.bytes() as f64,
        Value::String(text) if text.trim().is_empty() => 0.0,
        Value::String(text) => match parse_number(&text) {
            Some(Value::Int(n)) => f64::from(n),
            Some(Value::Long(n)) => n as f64,
            Some(Value::Double(n)) => n,
            _ => return unreadable(&Value::String(text), to, "Input string was not in a correct format."),
        },
        other => return no_way(&other, to),
    }))
}

fn character(value: Value, to: &Type) -> Converted {
    let code = |n: i64| u32::try_from(n).ok().and_then(char::from_u32);
    let read = match &value {
        Value::Char(c) => Some(*c),
        Value::Int(n) => code(i64::from(*n)),
        Value::Long(n) => code(*n),
        Value::String(text) => {
            let mut chars = text.chars();
            let first = chars.next();
            if chars.next().is_some() {
                return unreadable(&value, to, "String must be exactly one character long.");
            }
            first
        }
        _ => None,
    };
    read.map_or_else(|| no_way(&value, to), |c| Ok(Value::Char(c)))
}

fn array(value: Value, inner: &Type, now: Timestamp) -> Converted {
    if *inner == Type::Int(IntKind::Byte) {
        return match value {
            Value::Bytes(_) | Value::Null => Ok(value),
            other => bytes(other),
        };
    }
    let items = match value {
        Value::Null => return Ok(Value::Null),
        Value::Array(list) => list.to_vec(),
        // A text is an array of characters.
        Value::String(text) if *inner == Type::Char => text.chars().map(Value::Char).collect(),
        other => vec![other],
    };
    let items: Vec<Value> =
        items.into_iter().map(|item| convert(item, inner, now)).collect::<Result<_, _>>()?;
    Ok(Value::array(items))
}

fn bytes(value: Value) -> Converted {
    let kind = Type::Int(IntKind::Byte);
    let mut out = Vec::new();
    for item in value.into_items() {
        if let Value::Int(n) = integer(item, IntKind::Byte, &kind)? {
            out.push(u8::try_from(n).unwrap_or_default());
        }
    }
    Ok(Value::Bytes(out.into()))
}

/// `@{Add=…; Remove=…}` stays a hashtable: the command edits with it.
fn multi(value: Value) -> Converted {
    Ok(match value {
        Value::Null | Value::Hashtable(_) => value,
        Value::Array(list) => Value::multi(list.to_vec()),
        other => Value::multi(vec![other]),
    })
}

fn table(value: Value, to: &Type) -> Converted {
    match value {
        Value::Null => Ok(Value::Null),
        Value::Hashtable(table) if *to == Type::Ordered => {
            Ok(Value::Hashtable(Hashtable::from_entries(true, table.to_vec())))
        }
        Value::Hashtable(_) => Ok(value),
        other => no_way(&other, to),
    }
}

fn custom(value: Value) -> Converted {
    let Value::Hashtable(table) = value else { return Ok(value) };
    let mut object = PsObject::custom();
    for (key, value) in table.to_vec() {
        object.set(&key.to_string(), value);
    }
    Ok(object.into())
}

/// What names an object: its identity, else its GUID, distinguished name or name, else its text.
fn identity(value: Value) -> Value {
    match &value {
        Value::Null | Value::String(_) | Value::Identity(_) | Value::Guid(_) | Value::Address(_) => value,
        Value::Object(object) => ["Identity", "Guid", "DistinguishedName", "Name"]
            .iter()
            .filter_map(|name| object.with(|o| o.get(name).cloned()))
            .find(|v| !v.is_null() && !matches!(v, Value::Object(_)))
            .unwrap_or_else(|| Value::string(value.to_string())),
        Value::Array(list) if list.len() == 1 => identity(list.get(0).unwrap_or_default()),
        _ => Value::string(value.to_string()),
    }
}

/// An exception with a message; an exception stays what it is.
fn exception(name: &str, value: &Value) -> Value {
    if matches!(value, Value::Object(object) if object.with(|o| o.is("System.Exception"))) {
        return value.clone();
    }
    PsObject::new(&[name, "System.Exception", "System.Object"])
        .with("Message", value.to_string())
        .with("InnerException", Value::Null)
        .into()
}

fn type_value(value: Value, to: &Type) -> Converted {
    match value {
        Value::Type(_) => Ok(value),
        Value::String(name) => match Type::find(&name) {
            Some(found) => Ok(Value::Type(found.full_name().into())),
            None => no_way(&Value::String(name), to),
        },
        other => no_way(&other, to),
    }
}

fn script_block(value: Value, to: &Type) -> Converted {
    match value {
        Value::ScriptBlock(_) | Value::Null => Ok(value),
        other => no_way::<Arc<ScriptBlock>>(&other, to).map(Value::ScriptBlock),
    }
}

/// A `[regex]`: an object that prints as its pattern.
pub(crate) fn regex_object(pattern: &str) -> Value {
    PsObject::new(&["System.Text.RegularExpressions.Regex"]).with("Name", pattern).into()
}

fn scalar(value: Value, to: &Type, now: Timestamp) -> Converted {
    let text = match &value {
        Value::String(text) => text.clone(),
        Value::Null if matches!(to, Type::Unlimited | Type::Address | Type::Version | Type::Size) => {
            return Ok(Value::Null);
        }
        _ => return from_kind(value, to),
    };
    let read = match to {
        Type::DateTime => parse_datetime(&text, now).map(Value::DateTime),
        Type::TimeSpan => text.parse().ok().map(Value::TimeSpan),
        Type::Guid => text.parse().ok().map(Value::Guid),
        Type::Version => text.parse::<Version>().ok().map(Value::Version),
        Type::Size => text.parse().ok().map(Value::Size),
        Type::Address => text.parse().ok().map(Value::Address),
        Type::Unlimited => limit(&text).map(Value::Unlimited),
        _ => None,
    };
    let Some(read) = read else {
        let why = match to {
            Type::DateTime if text.trim_start().starts_with(char::is_alphabetic) => UNKNOWN_WORD,
            _ => unreadable_text(to),
        };
        let id = match to {
            Type::DateTime | Type::TimeSpan => "InvalidCastParseTargetInvocationWithFormatProvider",
            _ => "InvalidCastParseTargetInvocation",
        };
        return unreadable(&value, to, why).map_err(|why| ConvertError { id, ..why });
    };
    Ok(read)
}

const UNKNOWN_WORD: &str =
    "The string was not recognized as a valid DateTime. There is an unknown word starting at index 0.";

/// What .NET says of a text that does not read as a type.
pub(crate) fn unreadable_text(to: &Type) -> &'static str {
    match to {
        Type::DateTime => "String was not recognized as a valid DateTime.",
        Type::TimeSpan => "String was not recognized as a valid TimeSpan.",
        Type::Guid => "Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx).",
        Type::Version => "Version string portion was too short or too long.",
        Type::Address => "The address is not a valid SMTP address.",
        _ => "Input string was not in a correct format.",
    }
}

/// `Unlimited`, a count, a size or a span, told apart by how it is written.
fn limit(text: &str) -> Option<Unlimited<Limit>> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("unlimited") {
        return Some(Unlimited::Unlimited);
    }
    Some(Unlimited::Limited(if let Ok(count) = text.parse::<i64>() {
        Limit::Count(count)
    } else if text.contains(':') {
        Limit::Span(text.parse().ok()?)
    } else {
        Limit::Size(text.parse().ok()?)
    }))
}

/// Scalars that are not text: numbers become sizes, ticks and limits.
fn from_kind(value: Value, to: &Type) -> Converted {
    let number = match value {
        Value::Int(n) => Some(i64::from(n)),
        Value::Long(n) => Some(n),
        Value::Double(n) if n.fract() == 0.0 && n.abs() < 9e18 => Some(n as i64),
        _ => None,
    };
    Ok(match (&value, to, number) {
        (Value::DateTime(_), Type::DateTime, _)
        | (Value::TimeSpan(_), Type::TimeSpan, _)
        | (Value::Guid(_), Type::Guid, _)
        | (Value::Version(_), Type::Version, _)
        | (Value::Size(_), Type::Size, _)
        | (Value::Address(_), Type::Address, _)
        | (Value::Unlimited(_), Type::Unlimited, _) => value,
        (_, Type::Size, Some(n)) if n >= 0 => Value::Size(ByteQuantifiedSize(n.unsigned_abs())),
        (_, Type::Unlimited, Some(n)) => Value::Unlimited(Unlimited::Limited(Limit::Count(n))),
        (Value::Size(size), Type::Unlimited, _) => Value::Unlimited(Unlimited::Limited(Limit::Size(*size))),
        (Value::TimeSpan(span), Type::Unlimited, _) => {
            Value::Unlimited(Unlimited::Limited(Limit::Span(*span)))
        }
        (Value::Unlimited(Unlimited::Limited(Limit::Size(size))), Type::Size, _) => Value::Size(*size),
        (Value::Unlimited(Unlimited::Limited(Limit::Span(span))), Type::TimeSpan, _) => {
            Value::TimeSpan(*span)
        }
        // Ticks of 100 ns.
        (_, Type::TimeSpan, Some(n)) => Value::TimeSpan(EnhancedTimeSpan { micros: n / 10 }),
        (_, Type::DateTime, Some(n)) => Value::DateTime(from_ticks(n)),
        (Value::Identity(id), Type::Guid, _) if id.guid != Guid::EMPTY => Value::Guid(id.guid),
        (Value::Null, _, _) => return no_way(&value, to),
        // Everything else goes through its text, once.
        (
            Value::Address(_) | Value::Enum(_) | Value::Identity(_) | Value::Unlimited(_) | Value::Size(_),
            _,
            _,
        ) => {
            return scalar(Value::string(value.to_string()), to, Timestamp::default());
        }
        _ => return no_way(&value, to),
    })
}

/// .NET ticks (100 ns since the year 1) as a moment.
pub(crate) fn from_ticks(ticks: i64) -> Timestamp {
    const EPOCH_TICKS: i64 = 621_355_968_000_000_000;
    Timestamp { micros: (ticks.saturating_sub(EPOCH_TICKS)) / 10 }
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
