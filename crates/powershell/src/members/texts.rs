//! Methods of strings, by .NET's rules: ordinal and case-sensitive unless said otherwise.

use super::{Call, text_length};
use crate::{
    eval::{Interp, Run, STRING_MAX, compare_text},
    value::Value,
};

pub(super) fn method(cx: &mut Interp<'_>, text: &str, call: &Call<'_>) -> Run<Option<Value>> {
    let first = call.text(0);
    let made = match (call.name, call.count()) {
        ("toupper" | "toupperinvariant", 0) => text.to_uppercase(),
        ("tolower" | "tolowerinvariant", 0) => text.to_lowercase(),
        ("trim", 0) => text.trim().to_owned(),
        ("trimstart", 0) => text.trim_start().to_owned(),
        ("trimend", 0) => text.trim_end().to_owned(),
        ("trim", _) => text.trim_matches(&chars(call)[..]).to_owned(),
        ("trimstart", _) => text.trim_start_matches(&chars(call)[..]).to_owned(),
        ("trimend", _) => text.trim_end_matches(&chars(call)[..]).to_owned(),
        ("substring", 1 | 2) => substring(cx, text, call)?,
        ("replace", 2) => {
            if first.is_empty() {
                return Err(cx.method_failed(
                    "Replace",
                    2,
                    "ArgumentException",
                    "String cannot be of zero length.\r\nParameter name: oldValue",
                ));
            }
            let with = call.text(1);
            if text.len() / first.len() * with.len() > STRING_MAX {
                return Err(call.out_of_range(cx));
            }
            text.replace(&first, &with)
        }
        ("padleft" | "padright", 1 | 2) => pad(cx, text, call)?,
        ("insert", 2) => {
            let at = offset(cx, text, call, 0)?;
            format!("{}{}{}", &text[..at], call.text(1), &text[at..])
        }
        ("remove", 1 | 2) => {
            let (from, to) = range(cx, text, call)?;
            format!("{}{}", &text[..from], &text[to..])
        }
        ("tostring" | "clone" | "normalize", _) => text.to_owned(),
        _ => return question(cx, text, call),
    };
    cx.new_string(made).map(Some)
}

/// Methods that do not make a string.
fn question(cx: &mut Interp<'_>, text: &str, call: &Call<'_>) -> Run<Option<Value>> {
    let first = call.text(0);
    let ignore_case = call.arguments.len() > 1 && call.text(1).to_lowercase().contains("ignorecase")
        || matches!(call.arguments.get(1), Some(Value::Bool(true)));
    let fold = |s: &str| if ignore_case { s.to_lowercase() } else { s.to_owned() };
    let position = |at: Option<usize>| match at {
        Some(at) => Value::from(text_length(&text[..at])),
        None => Value::Int(-1),
    };
    Ok(Some(match (call.name, call.count()) {
        ("startswith", 1..) => Value::Bool(fold(text).starts_with(&fold(&first))),
        ("endswith", 1..) => Value::Bool(fold(text).ends_with(&fold(&first))),
        ("contains", 1) => Value::Bool(text.contains(&first)),
        ("indexof", 1) => position(text.find(&first)),
        ("indexof", 2) if matches!(call.arguments[1], Value::Int(_)) => {
            let from = offset(cx, text, call, 1)?;
            position(text[from..].find(&first).map(|at| at + from))
        }
        ("indexof", _) => position(fold(text).find(&fold(&first)).filter(|at| text.is_char_boundary(*at))),
        ("lastindexof", 1) => position(text.rfind(&first)),
        ("indexofany", 1) => position(text.find(&chars(call)[..])),
        ("equals", 1) => Value::Bool(text == first),
        ("equals", _) => Value::Bool(fold(text) == fold(&first)),
        ("compareto", 1) => Value::Int(compare_text(text, &first, true) as i32),
        ("tochararray", 0) => cx.new_array(text.chars().map(Value::Char).collect())?,
        ("split", _) => split(cx, text, call)?,
        _ => return Ok(None),
    }))
}

/// All characters of all arguments.
fn chars(call: &Call<'_>) -> Vec<char> {
    let items = call.arguments.iter().flat_map(|a| a.clone().into_items());
    items
        .filter(|i| !matches!(i, Value::Int(_)))
        .flat_map(|i| i.to_string().chars().collect::<Vec<_>>())
        .collect()
}

/// `Split(chars)`: at any of the characters, each on its own, as .NET Framework does.
fn split(cx: &mut Interp<'_>, text: &str, call: &Call<'_>) -> Run<Value> {
    let options = call.arguments.iter().skip(1).map(Value::to_string);
    let skip_empty = options.into_iter().any(|o| o.eq_ignore_ascii_case("RemoveEmptyEntries") || o == "1");
    let first = call.arguments.first().map(|a| Call { arguments: std::slice::from_ref(a), ..*call });
    let marks = first.as_ref().map(chars).unwrap_or_default();
    let most = match call.arguments.get(1) {
        Some(Value::Int(n)) if *n > 0 => usize::try_from(*n).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let at_mark = |c: char| if marks.is_empty() { c.is_whitespace() } else { marks.contains(&c) };
    let pieces = text.splitn(most, at_mark).filter(|p| !skip_empty || !p.is_empty());
    cx.new_array(pieces.map(Value::from).collect())
}

/// The byte offset of a character position given as an argument.
fn offset(cx: &Interp<'_>, text: &str, call: &Call<'_>, argument: usize) -> Run<usize> {
    let at = call.int(cx, argument)?;
    let at = usize::try_from(at).map_err(|_| call.out_of_range(cx))?;
    let mut places = text.char_indices().map(|(i, _)| i).chain([text.len()]);
    places.nth(at).ok_or_else(|| call.out_of_range(cx))
}

/// Start and end of `(start[, length])`.
fn range(cx: &Interp<'_>, text: &str, call: &Call<'_>) -> Run<(usize, usize)> {
    let from = offset(cx, text, call, 0)?;
    if call.count() < 2 {
        return Ok((from, text.len()));
    }
    let rest = &text[from..];
    let length = offset(cx, rest, call, 1)?;
    Ok((from, from + length))
}

fn substring(cx: &Interp<'_>, text: &str, call: &Call<'_>) -> Run<String> {
    let failed = |why: &str| cx.method_failed("Substring", call.count(), "ArgumentOutOfRangeException", why);
    if offset(cx, text, call, 0).is_err() {
        return Err(failed(if call.int(cx, 0)? < 0 {
            "StartIndex cannot be less than zero.\r\nParameter name: startIndex"
        } else {
            "startIndex cannot be larger than length of string.\r\nParameter name: startIndex"
        }));
    }
    let why = "Index and length must refer to a location within the string.\r\nParameter name: length";
    let (from, to) = range(cx, text, call).map_err(|_| failed(why))?;
    Ok(text[from..to].to_owned())
}

fn pad(cx: &Interp<'_>, text: &str, call: &Call<'_>) -> Run<String> {
    let width = usize::try_from(call.int(cx, 0)?).unwrap_or_default();
    if width > STRING_MAX / 4 {
        return Err(call.out_of_range(cx));
    }
    let fill = call.text(1).chars().next().unwrap_or(' ');
    let pad = fill.to_string().repeat(width.saturating_sub(text_length(text)));
    Ok(if call.name == "padleft" { pad + text } else { text.to_owned() + &pad })
}
