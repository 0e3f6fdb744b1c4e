//! JSON (RFC 8259), laid out as Windows PowerShell 5.1 lays it out.

use serde_json::Value as Json;

use super::{Args, Builtin, INPUT, P, p, stages::gather, switch};
use crate::{
    cmdlet::{ErrorCategory, ErrorRecord},
    eval::{Interp, Run, STRING_MAX},
    pipeline::Stage,
    value::{PsObject, Value},
};

pub(crate) const CONVERT_TO_JSON: Builtin = Builtin {
    name: "ConvertTo-Json",
    aliases: &[],
    synopsis: "Converts an object to a JSON-formatted string.",
    parameters: &[P { required: false, ..INPUT }.at(0), p("Depth", "Int32"), switch("Compress")],
    should_process: false,
    make: to_json,
};

pub(crate) const CONVERT_FROM_JSON: Builtin = Builtin {
    name: "ConvertFrom-Json",
    aliases: &[],
    synopsis: "Converts a JSON-formatted string to a custom object.",
    parameters: &[P { required: false, ..INPUT }.at(0)],
    should_process: false,
    make: from_json,
};

/// How many bytes an object read from JSON takes for each byte of its text, at most about.
const READ_COST: usize = 32;

/// The deepest `-Depth`.
const DEPTH_MAX: usize = 100;

fn to_json(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let depth = args.count("Depth").unwrap_or(2).clamp(0, DEPTH_MAX);
    let compress = args.on("Compress");
    // -InputObject given as a whole stays an array.
    let whole = args.has("InputObject") && !args.fed;
    Ok(args.feed(gather(move |cx, mut items, out| {
        let value = match items.len() {
            1 if !whole => items.remove(0),
            _ => Value::array(items),
        };
        cx.charge_deep(&value, depth + 1)?;
        let mut text = String::new();
        if compress {
            compact(&plain(&value, depth), &mut text);
        } else {
            pretty(&plain(&value, depth), 0, &mut text);
        }
        let text = cx.new_string(escaped(&text))?;
        out.put(cx, text)
    })))
}

/// Characters that Windows PowerShell escapes on top of what JSON asks for.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '\'' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out
}

/// A value as JSON; what is deeper than `depth` becomes its text.
pub(super) fn plain(value: &Value, depth: usize) -> Json {
    let deeper = |value: &Value| if depth == 0 { flat(value) } else { plain(value, depth - 1) };
    match value {
        Value::Array(list) => Json::Array(list.to_vec().iter().map(deeper).collect()),
        Value::Bytes(bytes) => Json::Array(bytes.iter().map(|b| Json::from(*b)).collect()),
        Value::Hashtable(table) => {
            Json::Object(table.to_vec().iter().map(|(k, v)| (k.to_string(), deeper(v))).collect())
        }
        Value::Object(object) => {
            let object = object.to_object();
            Json::Object(object.iter().map(|(k, v)| (k.to_string(), deeper(v))).collect())
        }
        other => flat(other),
    }
}

fn flat(value: &Value) -> Json {
    match value {
        Value::Null | Value::Nothing => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(n) => Json::from(*n),
        Value::Long(n) => Json::from(*n),
        Value::Double(n) => serde_json::Number::from_f64(*n).map_or(Json::Null, Json::Number),
        Value::Enum(e) => Json::from(e.number),
        Value::DateTime(at) => Json::String(format!("/Date({})/", at.micros.div_euclid(1000))),
        other => Json::String(other.to_string()),
    }
}

fn scalar(value: &Json, out: &mut String) {
    match value {
        // The date's slashes are escaped in the text.
        Json::String(text) if text.starts_with("/Date(") => {
            out.push_str(&format!("\"\\{}\\/\"", text.trim_end_matches('/')));
        }
        other => out.push_str(&other.to_string()),
    }
}

/// Without blanks (`-Compress`).
fn compact(value: &Json, out: &mut String) {
    match value {
        Json::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                compact(item, out);
            }
            out.push(']');
        }
        Json::Object(entries) => {
            out.push('{');
            for (at, (name, item)) in entries.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                scalar(&Json::String(name.clone()), out);
                out.push(':');
                compact(item, out);
            }
            out.push('}');
        }
        other => scalar(other, out),
    }
}

/// Nested values are indented from where they begin, as 5.1 does; `column` is where the bracket stands.
fn pretty(value: &Json, column: usize, out: &mut String) {
    if out.len() > STRING_MAX {
        return;
    }
    let inner = " ".repeat(column + 4);
    match value {
        Json::Array(items) => {
            out.push_str("[\r\n");
            for (at, item) in items.iter().enumerate() {
                out.push_str(&inner);
                pretty(item, column + 4, out);
                out.push_str(if at + 1 < items.len() { ",\r\n" } else { "\r\n" });
            }
            if items.is_empty() {
                out.push_str("\r\n");
            }
            out.push_str(&" ".repeat(column));
            out.push(']');
        }
        Json::Object(entries) => {
            out.push_str("{\r\n");
            for (at, (name, item)) in entries.iter().enumerate() {
                let label = format!("{}:  ", Json::String(name.clone()));
                out.push_str(&inner);
                out.push_str(&label);
                pretty(item, column + 4 + label.chars().count(), out);
                out.push_str(if at + 1 < entries.len() { ",\r\n" } else { "\r\n" });
            }
            if entries.is_empty() {
                out.push_str("\r\n");
            }
            out.push_str(&" ".repeat(column));
            out.push('}');
        }
        other => scalar(other, out),
    }
}

fn from_json(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    Ok(args.feed(gather(move |cx, items, out| {
        let text = cx.joined(&items, "\n")?.to_string();
        // What is read is larger than its text.
        cx.charge(text.len() * READ_COST)?;
        match serde_json::from_str::<Json>(&text) {
            Ok(json) => out.put(cx, object(json)),
            Err(_) => Err(ErrorRecord::new(
                "System.ArgumentException",
                "System.ArgumentException",
                ErrorCategory::NotSpecified,
                "Invalid JSON primitive.",
            )
            .into()),
        }
    })))
}

/// JSON as objects; serde_json bounds the depth at 128.
fn object(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(b),
        Json::Number(n) => match n.as_i64() {
            Some(n) => i32::try_from(n).map_or(Value::Long(n), Value::Int),
            None => Value::Double(n.as_f64().unwrap_or_default()),
        },
        Json::String(text) => text.into(),
        Json::Array(items) => Value::array(items.into_iter().map(object).collect()),
        Json::Object(entries) => {
            let mut made = PsObject::custom();
            for (name, value) in entries {
                made.set(&name, object(value));
            }
            made.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_values_hang_from_their_label() {
        let object = PsObject::custom()
            .with("a", 1)
            .with("list", vec!["x"])
            .with("o", PsObject::custom().with("b", true));
        let mut text = String::new();
        pretty(&plain(&object.into(), 2), 0, &mut text);
        let expected = "{\r\n    \"a\":  1,\r\n    \"list\":  [\r\n                 \"x\"\r\n             ],\r\n    \"o\":  \
                        {\r\n              \"b\":  true\r\n          }\r\n}";
        assert_eq!(text, expected);
    }
}
