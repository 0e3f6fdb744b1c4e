//! `[regex]`: static members and instances.

use regex::Regex;

use super::Call;
use crate::{
    eval::{Interp, Run, substitute},
    value::{PsObject, Value},
};

/// Methods of a `[regex]` instance; .NET patterns are case-sensitive.
pub(super) fn method(cx: &mut Interp<'_>, pattern: &str, call: &Call<'_>) -> Run<Option<Value>> {
    let text = call.text(0);
    let compiled = cx.cached_regex(pattern, true)?;
    apply(cx, &compiled, &text, call.name, &call.text(1))
}

/// `[regex]::Match(text, pattern)` and the like.
pub(super) fn static_method(cx: &mut Interp<'_>, call: &Call<'_>) -> Run<Option<Value>> {
    if call.name == "escape" {
        return Ok(Some(regex::escape(&call.text(0)).into()));
    }
    let options = call.arguments.last().map(Value::to_string).unwrap_or_default();
    let case = !(call.count() > 2 && options.to_lowercase().contains("ignorecase"));
    let compiled = cx.cached_regex(&call.text(1), case)?;
    apply(cx, &compiled, &call.text(0), call.name, &call.text(2))
}

fn apply(cx: &mut Interp<'_>, compiled: &Regex, text: &str, name: &str, with: &str) -> Run<Option<Value>> {
    Ok(Some(match name {
        "ismatch" => Value::Bool(compiled.is_match(text)),
        "match" => compiled.captures(text).map_or_else(no_match, |found| match_object(compiled, &found)),
        "matches" => {
            let all = compiled.captures_iter(text).map(|found| match_object(compiled, &found)).collect();
            cx.new_array(all)?
        }
        "replace" => {
            let mut out = String::new();
            let mut last = 0;
            for found in compiled.captures_iter(text) {
                let Some(whole) = found.get(0) else { continue };
                out.push_str(&text[last..whole.start()]);
                substitute(with, &found, &mut out);
                last = whole.end();
            }
            out.push_str(&text[last..]);
            cx.new_string(out)?
        }
        "split" => cx.new_array(compiled.split(text).map(Value::from).collect())?,
        _ => return Ok(None),
    }))
}

fn no_match() -> Value {
    PsObject::new(&["System.Text.RegularExpressions.Match"]).with("Success", false).with("Value", "").into()
}

fn match_object(compiled: &Regex, found: &regex::Captures<'_>) -> Value {
    let group = |at: usize, name: Option<&str>| -> Value {
        let caught = found.get(at);
        PsObject::new(&["System.Text.RegularExpressions.Group"])
            .with("Success", caught.is_some())
            .with("Name", name.map_or_else(|| at.to_string(), str::to_owned))
            .with("Index", caught.map_or(0, |g| g.start()))
            .with("Length", caught.map_or(0, |g| g.len()))
            .with("Value", caught.map_or("", |g| g.as_str()))
            .into()
    };
    let groups: Vec<Value> = compiled.capture_names().enumerate().map(|(at, name)| group(at, name)).collect();
    let whole = found.get(0);
    PsObject::new(&["System.Text.RegularExpressions.Match"])
        .with("Groups", Value::array(groups))
        .with("Success", true)
        .with("Index", whole.map_or(0, |g| g.start()))
        .with("Length", whole.map_or(0, |g| g.len()))
        .with("Value", whole.map_or("", |g| g.as_str()))
        .into()
}
