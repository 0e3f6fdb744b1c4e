//! Properties and methods of values: the allowlisted part of .NET. There is no reflection: what is not named
//! in these files does not exist.

mod collections;
mod convert;
mod dates;
mod product;
mod regexes;
mod statics;
mod texts;

use std::sync::Arc;

pub(crate) use collections::entries;
pub(crate) use statics::{construct, static_method, static_property};

use crate::{
    cmdlet::{ErrorCategory, ErrorRecord},
    eval::{Impact, Interp, Run, Unwind},
    types::{IntKind, Type},
    value::{Object, PsObject, Value},
};

/// The value of a property; null where there is none.
pub(crate) fn property(value: &Value, name: &str) -> Value {
    own_property(value, name).unwrap_or_else(|| match (value, &*name.to_ascii_lowercase()) {
        (Value::Null | Value::Nothing, "count" | "length") => Value::Int(0),
        (Value::Null | Value::Nothing, _) => Value::Null,
        (Value::Array(list), _) => collections::each_property(&list.to_vec(), name),
        (_, "count" | "length") => Value::Int(1),
        (_, "psobject") => psobject(value),
        (_, "pstypenames") => type_names(value),
        _ => Value::Null,
    })
}

fn own_property(value: &Value, name: &str) -> Option<Value> {
    match value {
        Value::Object(object) => object.with(|o| o.get(name).cloned()),
        Value::Hashtable(table) => collections::table_property(table, name),
        Value::Array(list) => collections::list_property(list, name),
        Value::Bool(_) => is(name, &["ispresent"]).then(|| value.clone()),
        Value::Bytes(bytes) => is(name, &["length", "count"]).then(|| Value::from(bytes.len())),
        Value::String(text) => is(name, &["length"]).then(|| Value::from(text_length(text))),
        Value::DateTime(at) => dates::date_property(*at, name),
        Value::TimeSpan(span) => dates::span_property(*span, name),
        Value::Version(version) => {
            let at =
                ["major", "minor", "build", "revision"].iter().position(|n| name.eq_ignore_ascii_case(n))?;
            version.parts.get(at).map(|n| Value::Int(*n))
        }
        Value::Type(full) => type_property(full, name),
        Value::ScriptBlock(_) | Value::Null | Value::Nothing => None,
        other => product::property(other, name),
    }
}

/// Whether `name` is one of these, all lower case.
fn is(name: &str, names: &[&str]) -> bool {
    names.iter().any(|n| name.eq_ignore_ascii_case(n))
}

fn type_property(full: &Arc<str>, name: &str) -> Option<Value> {
    Some(match &*name.to_ascii_lowercase() {
        "fullname" => Value::String(full.clone()),
        "name" => full.rsplit('.').next().unwrap_or(full).into(),
        "namespace" => full.rsplit_once('.').map_or("", |(space, _)| space).into(),
        "isarray" => Value::Bool(full.ends_with("[]")),
        _ => return None,
    })
}

/// `$x.PSObject`: its properties by name, and its type names.
fn psobject(value: &Value) -> Value {
    let row = |name: &str, value: &Value| {
        PsObject::new(&["System.Management.Automation.PSNoteProperty"])
            .with("Name", name)
            .with("Value", value.clone())
            .with("TypeNameOfValue", value.type_name())
            .with("MemberType", "NoteProperty")
            .into()
    };
    let rows: Vec<Value> = match value {
        Value::Object(object) => object.with(|o| o.iter().map(|(name, value)| row(name, value)).collect()),
        _ => Vec::new(),
    };
    PsObject::new(&["System.Management.Automation.PSMemberSet"])
        .with("Properties", Value::array(rows))
        .with("TypeNames", type_names(value))
        .with("BaseObject", value.clone())
        .into()
}

fn type_names(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            object.with(|o| Value::array(o.type_names().iter().map(|t| Value::String(t.clone())).collect()))
        }
        other => Value::array(vec![other.type_name().into(), "System.Object".into()]),
    }
}

/// The names of the properties of what is not an object and has some, in the order they are shown in.
pub(crate) fn fixed(value: &Value) -> &'static [&'static str] {
    match value {
        Value::String(_) => &["Length"],
        Value::DateTime(_) => &[
            "Date",
            "Day",
            "DayOfWeek",
            "DayOfYear",
            "Hour",
            "Kind",
            "Millisecond",
            "Minute",
            "Month",
            "Second",
            "Ticks",
            "TimeOfDay",
            "Year",
        ],
        Value::Hashtable(_) => &["Keys", "Values", "Count"],
        Value::TimeSpan(_) => &[
            "Days",
            "Hours",
            "Minutes",
            "Seconds",
            "Milliseconds",
            "Ticks",
            "TotalDays",
            "TotalHours",
            "TotalMinutes",
            "TotalSeconds",
            "TotalMilliseconds",
        ],
        Value::Version(_) => &["Major", "Minor", "Build", "Revision"],
        Value::Unlimited(_) => &["IsUnlimited", "Value"],
        Value::Address(_) => &["Length", "Local", "Domain", "IsValidAddress"],
        Value::Identity(_) => &["Name", "DistinguishedName", "ObjectGuid", "Parent"],
        _ => &[],
    }
}

/// Sets a property of an object or an entry of a hashtable.
///
/// # Errors
/// PowerShell's text, where there is no such property.
pub(crate) fn set_property(value: &Value, name: &str, to: Value) -> Result<(), String> {
    match value {
        Value::Object(object) => set_object(object, name, to),
        Value::Hashtable(table) => {
            table.edit(|t| t.set(name.into(), to));
            Ok(())
        }
        Value::Array(list) => list.to_vec().iter().try_for_each(|item| match item {
            Value::Object(_) | Value::Hashtable(_) => set_property(item, name, to.clone()),
            _ => Err(no_property(name)),
        }),
        _ => Err(no_property(name)),
    }
}

fn set_object(object: &Object, name: &str, to: Value) -> Result<(), String> {
    object.edit(|o| {
        if o.get(name).is_none() {
            return Err(no_property(name));
        }
        o.set(name, to);
        Ok(())
    })
}

fn no_property(name: &str) -> String {
    format!(
        "The property '{name}' cannot be found on this object. Verify that the property exists and can be set."
    )
}

/// Calls a method.
pub(crate) fn method(cx: &mut Interp<'_>, value: Value, name: &str, arguments: Vec<Value>) -> Run<Value> {
    if value.is_null() {
        return Err(cx.null_method());
    }
    let lower = name.to_ascii_lowercase();
    let call = Call { name: &lower, typed: name, arguments: &arguments };
    let found = match &value {
        Value::String(text) => texts::method(cx, text, &call)?,
        Value::DateTime(at) => dates::date_method(cx, *at, &call)?,
        Value::TimeSpan(span) => dates::span_method(cx, *span, &call)?,
        Value::Array(list) => collections::list_method(cx, list, &call)?,
        Value::Hashtable(table) => collections::table_method(cx, table, &call)?,
        Value::Object(_) => objects(cx, &value, &call)?,
        Value::ScriptBlock(block) => match call.name {
            "invoke" | "invokereturnasis" => Some(cx.invoke_block(block, &arguments)?),
            "getnewclosure" => Some(value.clone()),
            _ => None,
        },
        other => product::method(other, &call),
    };
    if let Some(found) = found {
        return Ok(found);
    }
    match (call.name, &arguments[..]) {
        ("tostring", []) => Ok(Value::string(value.to_string())),
        ("tostring", [format, ..]) => match crate::eval::formatted(&value, &format.to_string()) {
            Some(text) => cx.new_string(text),
            None => Err(cx.method_failed(name, 1, "FormatException", "Format specifier was invalid.")),
        },
        ("gettype", []) => Ok(Value::Type(value.type_name())),
        ("equals", [other]) => Ok(Value::Bool(crate::eval::equal(&value, other, true))),
        ("compareto", [other]) => {
            let now = cx.state.clock.now();
            let order = crate::eval::compare(&value, other, true, now).map_or(0, |o| o as i32);
            Ok(Value::Int(order))
        }
        _ => Err(no_method(&value.type_name(), name)),
    }
}

/// A method call: the name in lower case and as typed, and the arguments.
struct Call<'a> {
    name: &'a str,
    typed: &'a str,
    arguments: &'a [Value],
}

impl Call<'_> {
    /// An argument as text; empty where it is missing.
    fn text(&self, at: usize) -> String {
        self.arguments.get(at).map(Value::to_string).unwrap_or_default()
    }

    /// An argument as a number.
    fn int(&self, cx: &Interp<'_>, at: usize) -> Run<i64> {
        let value = self.arguments.get(at).cloned().unwrap_or_default();
        Ok(match cx.convert(value, &Type::Int(IntKind::Int64))? {
            Value::Long(n) => n,
            Value::Int(n) => i64::from(n),
            _ => 0,
        })
    }

    /// An argument as a floating number.
    fn double(&self, cx: &Interp<'_>, at: usize) -> Run<f64> {
        let value = self.arguments.get(at).cloned().unwrap_or_default();
        Ok(match cx.convert(value, &Type::Double)? {
            Value::Double(n) => n,
            _ => 0.0,
        })
    }

    fn count(&self) -> usize {
        self.arguments.len()
    }

    /// The error for arguments out of range.
    fn out_of_range(&self, cx: &Interp<'_>) -> Unwind {
        let why = "Specified argument was out of the range of valid values.";
        cx.method_failed(self.typed, self.count(), "ArgumentOutOfRangeException", why)
    }
}

pub(crate) fn no_method(type_name: &str, name: &str) -> Unwind {
    let text =
        format!("Method invocation failed because [{type_name}] does not contain a method named '{name}'.");
    ErrorRecord::runtime("MethodNotFound", ErrorCategory::InvalidOperation, text).on(name).into()
}

/// Methods of the language's own objects.
fn objects(cx: &mut Interp<'_>, value: &Value, call: &Call<'_>) -> Run<Option<Value>> {
    let kind = value.type_name();
    match (&*kind, call.name) {
        ("System.Management.Automation.PSScriptCmdlet", "shouldprocess") => {
            let command = property(value, "CommandName").to_string();
            let action = if call.count() > 1 { call.text(1) } else { command };
            let impact = Impact::read(&property(value, "ConfirmImpact")).unwrap_or_default();
            cx.confirmed(&call.text(0), &action, impact).map(|go| Some(Value::Bool(go)))
        }
        ("System.Management.Automation.PSScriptCmdlet", "shouldcontinue") => {
            cx.should_continue(&call.text(0), &call.text(1)).map(|go| Some(Value::Bool(go)))
        }
        ("System.Management.Automation.PSScriptCmdlet", "writeerror") => {
            let record = cx.own_error(call.arguments.first().cloned().unwrap_or_default());
            cx.write_error(record).map(|()| Some(Value::Nothing))
        }
        ("System.Management.Automation.PSScriptCmdlet", "throwterminatingerror") => {
            let record = cx.own_error(call.arguments.first().cloned().unwrap_or_default());
            Err(record.into())
        }
        ("System.Management.Automation.PSScriptCmdlet", "writewarning") => {
            cx.write_warning(&call.text(0)).map(|()| Some(Value::Nothing))
        }
        ("System.Management.Automation.PSScriptCmdlet", "writeverbose") => {
            cx.write_verbose(&call.text(0));
            Ok(Some(Value::Nothing))
        }
        ("System.Management.Automation.PSCredential", "getnetworkcredential") => {
            let password = match property(value, "Password") {
                Value::Secret(secret) => secret.reveal().to_owned(),
                _ => String::new(),
            };
            let object = PsObject::new(&["System.Net.NetworkCredential"])
                .with("UserName", property(value, "UserName"))
                .with("Password", password);
            Ok(Some(object.into()))
        }
        ("System.Management.Automation.PSMemberSet", "copy") => {
            Ok(Some(match property(value, "BaseObject") {
                Value::Object(object) => object.to_object().into(),
                other => other,
            }))
        }
        ("System.Text.RegularExpressions.Regex", _) => regexes::method(cx, &value.to_string(), call),
        ("System.Text.Encoding", "getbytes") => Ok(Some(Value::Bytes(call.text(0).into_bytes().into()))),
        ("System.Text.Encoding", "getstring") => match call.arguments.first() {
            Some(Value::Bytes(bytes)) => {
                let text = String::from_utf8_lossy(bytes).into_owned();
                cx.new_string(text).map(Some)
            }
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

/// How long a text is, in characters (.NET counts UTF-16 units; they differ beyond the BMP).
pub(crate) fn text_length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

/// The character at a place.
pub(crate) fn char_at(text: &str, at: usize) -> Option<char> {
    if text.is_ascii() { text.as_bytes().get(at).map(|b| char::from(*b)) } else { text.chars().nth(at) }
}
