//! Static members and constructors.

use base::{ByteQuantifiedSize, EnhancedTimeSpan, Guid, Timestamp};

use super::{Call, convert, dates, no_method, regexes};
use crate::{
    cmdlet::{ErrorCategory, ErrorRecord},
    eval::{Interp, Run, compose, equal, runtime},
    types::{IntKind, Type, regex_object, round_half_even},
    value::{Hashtable, List, ListKind, PsObject, Secret, Value, from_local, parse_datetime},
};

/// `[type]::Name`.
pub(crate) fn static_property(cx: &mut Interp<'_>, of: &Type, typed: &str, name: &str) -> Run<Value> {
    let now = cx.state.clock.now();
    Ok(match (of, &*name.to_ascii_lowercase()) {
        (Type::DateTime, "now") => Value::DateTime(now),
        (Type::DateTime, "utcnow") => super::method(cx, Value::DateTime(now), "ToUniversalTime", Vec::new())?,
        (Type::DateTime, "today") => super::property(&Value::DateTime(now), "Date"),
        (Type::DateTime, "minvalue") => Value::DateTime(Timestamp { micros: -62_135_596_800_000_000 }),
        (Type::DateTime, "maxvalue") => Value::DateTime(Timestamp { micros: 253_402_207_199_999_999 }),
        (Type::TimeSpan, "zero") => Value::TimeSpan(EnhancedTimeSpan::default()),
        (Type::TimeSpan, "maxvalue") => Value::TimeSpan(EnhancedTimeSpan { micros: i64::MAX / 10 }),
        (Type::Guid, "empty") => Value::Guid(Guid::EMPTY),
        (Type::String, "empty") => "".into(),
        (Type::Int(kind), "maxvalue" | "minvalue") => kind.limit(name.eq_ignore_ascii_case("maxvalue")),
        (Type::Double, "maxvalue") => Value::Double(f64::MAX),
        (Type::Double, "minvalue") => Value::Double(f64::MIN),
        (Type::Double, "nan") => Value::Double(f64::NAN),
        (Type::Static("System.Math"), "pi") => Value::Double(std::f64::consts::PI),
        (Type::Static("System.Math"), "e") => Value::Double(std::f64::consts::E),
        (Type::Static("System.Environment"), "newline") => "\r\n".into(),
        (Type::Static("System.Environment"), "machinename" | "username") => {
            let key = if name.eq_ignore_ascii_case("username") { "USERNAME" } else { "COMPUTERNAME" };
            match cx.environment(key) {
                Value::Null => "".into(),
                found => found,
            }
        }
        (Type::Static("System.Text.Encoding"), "utf8" | "ascii" | "default") => {
            PsObject::new(&["System.Text.Encoding"]).with("WebName", "utf-8").into()
        }
        (Type::Enum(_), _) if of.enum_value(name).is_some() => of.enum_value(name).unwrap_or_default(),
        // The values of enumerations nobody declared are their names: [X]::Value.
        (Type::Named(full), _) => Value::enumeration(full, name, 0),
        _ => {
            let text = format!("The property '{name}' cannot be found on [{typed}].");
            return Err(runtime("PropertyNotFound", ErrorCategory::InvalidOperation, text));
        }
    })
}

/// `[type]::Name(…)`.
pub(crate) fn static_method(
    cx: &mut Interp<'_>,
    of: &Type,
    typed: &str,
    name: &str,
    arguments: Vec<Value>,
) -> Run<Value> {
    let lower = name.to_ascii_lowercase();
    if lower == "new" {
        return construct(cx, of, typed, arguments);
    }
    let call = Call { name: &lower, typed: name, arguments: &arguments };
    let made = match of {
        Type::Static("System.Math") => math(cx, &call)?,
        Type::Static("System.Convert") => convert::static_method(cx, &call)?,
        Type::Static("System.IO.File") => file(cx, &call)?,
        Type::Static("System.IO.Path") => path(&call),
        Type::Static("System.Environment") if call.name == "getenvironmentvariable" => {
            Some(cx.environment(&call.text(0)))
        }
        Type::Regex => regexes::static_method(cx, &call)?,
        Type::String => string(cx, &call)?,
        Type::DateTime => datetime(cx, &call)?,
        Type::TimeSpan => {
            let amount = if call.name.starts_with("from") { call.double(cx, 0)? } else { 0.0 };
            dates::span_from(call.name, amount).map(Value::TimeSpan)
        }
        Type::Array(_) => array(cx, &call)?,
        Type::Guid if call.name == "newguid" => Some(Value::Guid(Guid::new(&*cx.state.rng))),
        Type::Char => character(&call),
        Type::Size => {
            let n = u64::try_from(call.int(cx, 0)?).unwrap_or_default();
            match call.name {
                "frombytes" => Some(Value::Size(ByteQuantifiedSize(n))),
                "fromkb" => Some(Value::Size(ByteQuantifiedSize::from_kb(n))),
                "frommb" => Some(Value::Size(ByteQuantifiedSize::from_mb(n))),
                "fromgb" => Some(Value::Size(ByteQuantifiedSize::from_gb(n))),
                _ => None,
            }
        }
        _ => None,
    };
    match (made, call.name) {
        (Some(value), _) => Ok(value),
        (None, "parse") => {
            let read = cx.convert(arguments.first().cloned().unwrap_or_default(), of);
            read.map_err(|_| {
                let why = crate::types::unreadable_text(of);
                cx.method_failed(name, arguments.len(), "FormatException", why)
            })
        }
        (None, "equals" | "referenceequals") if call.count() == 2 => {
            Ok(Value::Bool(equal(&arguments[0], &arguments[1], true)))
        }
        _ => Err(no_method(typed, name)),
    }
}

/// `[type]::new(…)` and `New-Object type …`.
pub(crate) fn construct(cx: &mut Interp<'_>, of: &Type, typed: &str, arguments: Vec<Value>) -> Run<Value> {
    let call = Call { name: "new", typed: "new", arguments: &arguments };
    Ok(match (of, &arguments[..]) {
        (Type::Any | Type::Custom, []) => PsObject::custom().into(),
        (Type::ArrayList, []) => Value::Array(List::new(ListKind::ArrayList, Vec::new())),
        (Type::List, []) => Value::Array(List::new(ListKind::List, Vec::new())),
        (Type::Hashtable | Type::Ordered, _) => Value::Hashtable(Hashtable::new(*of == Type::Ordered)),
        (Type::Exception(name), []) => {
            let text = format!("Exception of type '{name}' was thrown.");
            cx.convert(text.into(), of)?
        }
        (Type::Exception(_), [message, ..]) => cx.convert(message.to_string().into(), of)?,
        (Type::Guid, []) => Value::Guid(Guid::EMPTY),
        (Type::TimeSpan, [_, _, _, ..]) => {
            let days = i64::from(call.count() > 3);
            let part = |at: i64| call.int(cx, usize::try_from(at).unwrap_or_default());
            let days_value = if days == 1 { part(0)? } else { 0 };
            let seconds = part(days)? * 3600 + part(days + 1)? * 60 + part(days + 2)?;
            Value::TimeSpan(EnhancedTimeSpan::from_secs(days_value * 86_400 + seconds))
        }
        (Type::DateTime, [_, _, _, ..]) => {
            let part = |at| call.int(cx, at).map(|n| i8::try_from(n).unwrap_or(-1));
            let year = i16::try_from(call.int(cx, 0)?).unwrap_or(-1);
            let date = jiff::civil::Date::new(year, part(1)?, part(2)?);
            let time = jiff::civil::Time::new(part(3)?, part(4)?, part(5)?, 0);
            match (date, time) {
                (Ok(date), Ok(time)) => {
                    from_local(date.to_datetime(time)).map_or(Value::Null, Value::DateTime)
                }
                _ => return Err(call.out_of_range(cx)),
            }
        }
        (Type::Credential, [user, Value::Secret(password)]) => {
            credential(&user.to_string(), password.clone())
        }
        (Type::String, [c, _]) if c.to_string().chars().count() == 1 => {
            let times = usize::try_from(call.int(cx, 1)?).ok().filter(|n| *n < 1 << 24);
            let times = times.ok_or_else(|| call.out_of_range(cx))?;
            cx.new_string(c.to_string().repeat(times))?
        }
        (Type::Static("System.Management.Automation.ErrorRecord"), [exception, id, category, ..]) => {
            let category = crate::eval::category_named(&category.to_string());
            let text = super::property(exception, "Message");
            let text = if text.is_null() { exception.to_string() } else { text.to_string() };
            let kind = exception.type_name();
            let target = arguments.get(3).cloned().unwrap_or_default();
            let record = ErrorRecord::new(&kind, &id.to_string(), category, text).on(target);
            crate::eval::record_to_value(&record)
        }
        (Type::Regex, [pattern, ..]) => regex_object(&pattern.to_string()),
        (_, [one]) if !matches!(of, Type::Static(_) | Type::Named(_)) => cx.convert(one.clone(), of)?,
        _ => return Err(no_method(typed, "new")),
    })
}

/// A `PSCredential`.
pub(crate) fn credential(user: &str, password: Secret) -> Value {
    PsObject::new(&["System.Management.Automation.PSCredential"])
        .with("UserName", user)
        .with("Password", password)
        .into()
}

/// `[array]::IndexOf`, `Reverse` and `Sort`; the last two change their argument.
fn array(cx: &mut Interp<'_>, call: &Call<'_>) -> Run<Option<Value>> {
    let Some(Value::Array(list)) = call.arguments.first() else { return Ok(None) };
    Ok(match (call.name, call.arguments.get(1)) {
        ("indexof", Some(wanted)) => {
            cx.work(list.len() / 16)?;
            let at = list.to_vec().iter().position(|item| equal(item, wanted, true));
            Some(at.map_or(Value::Int(-1), Value::from))
        }
        ("reverse", _) => {
            list.edit(|items| items.reverse());
            Some(Value::Nothing)
        }
        ("sort", _) => {
            super::collections::sort(cx, list)?;
            Some(Value::Nothing)
        }
        _ => None,
    })
}

fn math(cx: &mut Interp<'_>, call: &Call<'_>) -> Run<Option<Value>> {
    let whole = call.arguments.iter().all(|a| matches!(a, Value::Int(_)));
    let long = call.arguments.iter().all(|a| matches!(a, Value::Int(_) | Value::Long(_)));
    let rounding = matches!(call.arguments.last(), Some(Value::Enum(_)));
    let a = call.double(cx, 0)?;
    let b = if rounding && call.count() == 2 { 0.0 } else { call.double(cx, 1)? };
    // Results of integers stay integers where .NET has such an overload.
    let same = |n: f64| {
        if whole {
            Value::Int(n as i32)
        } else if long {
            Value::Long(n as i64)
        } else {
            Value::Double(n)
        }
    };
    Ok(Some(match call.name {
        "abs" => same(a.abs()),
        "max" => same(a.max(b)),
        "min" => same(a.min(b)),
        "sign" => Value::Int(if a > 0.0 { 1 } else { -i32::from(a < 0.0) }),
        "ceiling" => Value::Double(a.ceil()),
        "floor" => Value::Double(a.floor()),
        "truncate" => Value::Double(a.trunc()),
        "sqrt" => Value::Double(a.sqrt()),
        "pow" => Value::Double(a.powf(b)),
        "exp" => Value::Double(a.exp()),
        "log" if call.count() == 2 => Value::Double(a.log(b)),
        "log" => Value::Double(a.ln()),
        "log10" => Value::Double(a.log10()),
        "round" => {
            let digits = if call.count() > 1 && !call.text(1).contains("Away") {
                b.clamp(0.0, 15.0) as i32
            } else {
                0
            };
            let scale = 10f64.powi(digits);
            let away = call.arguments.iter().any(|a| a.to_string().contains("AwayFromZero"));
            let scaled = a * scale;
            Value::Double(if away { scaled.round() } else { round_half_even(scaled) } / scale)
        }
        _ => return Ok(None),
    }))
}

fn string(cx: &mut Interp<'_>, call: &Call<'_>) -> Run<Option<Value>> {
    let first = call.text(0);
    let made = match call.name {
        "isnullorempty" => return Ok(Some(Value::Bool(first.is_empty()))),
        "isnullorwhitespace" => return Ok(Some(Value::Bool(first.trim().is_empty()))),
        "join" => {
            let items: Vec<Value> =
                call.arguments.iter().skip(1).flat_map(|a| a.clone().into_list()).collect();
            return cx.joined(&items, &first).map(Some);
        }
        "concat" => return cx.joined(call.arguments, "").map(Some),
        "format" => {
            let arguments = match call.arguments.get(1) {
                Some(Value::Array(list)) if call.count() == 2 => list.to_vec(),
                _ => call.arguments.iter().skip(1).cloned().collect(),
            };
            compose(&first, &arguments).ok_or_else(|| {
                cx.method_failed(
                    "Format",
                    call.count(),
                    "FormatException",
                    "Input string was not in a correct format.",
                )
            })?
        }
        "compare" => {
            let case = !matches!(call.arguments.get(2), Some(Value::Bool(true)));
            let order = crate::eval::compare_text(&first, &call.text(1), case);
            return Ok(Some(Value::Int(order as i32)));
        }
        _ => return Ok(None),
    };
    cx.new_string(made).map(Some)
}

fn datetime(cx: &mut Interp<'_>, call: &Call<'_>) -> Run<Option<Value>> {
    Ok(match call.name {
        "daysinmonth" => {
            let (year, month) = (call.int(cx, 0)?, call.int(cx, 1)?);
            let (year, month) = (i16::try_from(year).unwrap_or(-1), i8::try_from(month).unwrap_or(-1));
            let first = jiff::civil::Date::new(year, month, 1).map_err(|_| call.out_of_range(cx))?;
            Some(Value::Int(i32::from(first.days_in_month())))
        }
        "isleapyear" => {
            let year = i16::try_from(call.int(cx, 0)?).unwrap_or(-1);
            jiff::civil::Date::new(year, 1, 1).ok().map(|d| Value::Bool(d.in_leap_year()))
        }
        "specifykind" => call.arguments.first().cloned(),
        "fromfiletime" | "fromfiletimeutc" => {
            let micros = call.int(cx, 0)?.saturating_sub(116_444_736_000_000_000) / 10;
            Some(Value::DateTime(Timestamp { micros }))
        }
        "parseexact" => exact(cx, call),
        _ => None,
    })
}

/// `ParseExact(text, format, culture)`: the common date letters.
fn exact(cx: &Interp<'_>, call: &Call<'_>) -> Option<Value> {
    const LETTERS: &[(&str, &str)] =
        &[("yyyy", "%Y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"), ("mm", "%M"), ("ss", "%S"), ("yy", "%y")];
    let mut spec = call.text(1);
    for (from, to) in LETTERS {
        spec = spec.replace(from, to);
    }
    let text = call.text(0);
    let wall = jiff::civil::DateTime::strptime(&spec, &text)
        .or_else(|_| jiff::civil::Date::strptime(&spec, &text).map(|d| d.at(0, 0, 0, 0)))
        .ok();
    let read = wall.and_then(from_local).or_else(|| parse_datetime(&text, cx.state.clock.now()));
    read.map(Value::DateTime)
}

fn character(call: &Call<'_>) -> Option<Value> {
    let c = call.text(0).chars().next()?;
    Some(Value::Bool(match call.name {
        "isdigit" | "isnumber" => c.is_numeric(),
        "isletter" => c.is_alphabetic(),
        "isletterordigit" => c.is_alphanumeric(),
        "iswhitespace" => c.is_whitespace(),
        "isupper" => c.is_uppercase(),
        "islower" => c.is_lowercase(),
        "ispunctuation" => c.is_ascii_punctuation(),
        "toupper" => return c.to_uppercase().next().map(Value::Char),
        "tolower" => return c.to_lowercase().next().map(Value::Char),
        _ => return None,
    }))
}

fn file(cx: &mut Interp<'_>, call: &Call<'_>) -> Run<Option<Value>> {
    let path = call.text(0);
    Ok(Some(match call.name {
        "exists" => Value::Bool(cx.state.files.as_ref().is_some_and(|f| f.exists(&path))),
        "readallbytes" => Value::Bytes(cx.read_file(&path)?.into()),
        "readalltext" => {
            let text = String::from_utf8_lossy(&cx.read_file(&path)?).into_owned();
            cx.new_string(text)?
        }
        "readalllines" => {
            let text = String::from_utf8_lossy(&cx.read_file(&path)?).into_owned();
            cx.new_array(text.lines().map(Value::from).collect())?
        }
        "writealltext" => {
            cx.write_file(&path, call.text(1).as_bytes(), false)?;
            Value::Nothing
        }
        "writeallbytes" => {
            let to = Type::Array(Box::new(Type::Int(IntKind::Byte)));
            if let Value::Bytes(bytes) =
                cx.convert(call.arguments.get(1).cloned().unwrap_or_default(), &to)?
            {
                cx.write_file(&path, &bytes, false)?;
            }
            Value::Nothing
        }
        _ => return Ok(None),
    }))
}

fn path(call: &Call<'_>) -> Option<Value> {
    let first = call.text(0);
    let name = first.rsplit(['/', '\\']).next().unwrap_or_default();
    Some(match call.name {
        "combine" => {
            let joined: Vec<String> = call.arguments.iter().map(Value::to_string).collect();
            joined.iter().map(|p| p.trim_end_matches('/')).collect::<Vec<_>>().join("/").into()
        }
        "getfilename" => name.into(),
        "getextension" => name.rfind('.').map_or("", |at| &name[at..]).into(),
        "getfilenamewithoutextension" => name.rfind('.').map_or(name, |at| &name[..at]).into(),
        "getdirectoryname" => first.rsplit_once(['/', '\\']).map_or("", |(folder, _)| folder).into(),
        _ => return None,
    })
}
