//! The `[Validate…]` attributes of a function's parameters; `ValidateSet` is the binder's.

use super::lower::is;
use crate::{
    ast::{Attribute, Param},
    cmdlet::{ErrorCategory, ErrorRecord},
    eval::{Interp, Run, compare, number},
    value::Value,
};

/// Checks a bound value against the parameter's attributes.
pub(super) fn check(cx: &mut Interp<'_>, function: &str, param: &Param, value: &Value) -> Run<()> {
    for attribute in &param.attributes {
        if let Some(why) = complaint(cx, attribute, value)? {
            let text = format!("Cannot validate argument on parameter '{}'. {why}", param.name);
            return Err(ErrorRecord::new(
                "System.Management.Automation.ParameterBindingValidationException",
                "ParameterArgumentValidationError",
                ErrorCategory::InvalidData,
                text,
            )
            .from_command(function)
            .into());
        }
    }
    Ok(())
}

/// What an attribute has against a value, in PowerShell's words.
fn complaint(cx: &mut Interp<'_>, attribute: &Attribute, value: &Value) -> Run<Option<String>> {
    let mut arguments = Vec::new();
    if is(attribute, "ValidateRange") || is(attribute, "ValidateLength") || is(attribute, "ValidateCount") {
        for argument in &attribute.positional {
            arguments.push(cx.operand(argument)?);
        }
    }
    let now = cx.state.clock.now();
    let outside = |n: &Value| match (arguments.first(), arguments.get(1)) {
        (Some(least), Some(most)) => {
            compare(n, least, false, now).is_none_or(|o| o.is_lt())
                || compare(n, most, false, now).is_none_or(|o| o.is_gt())
        }
        _ => false,
    };
    let text = value.to_string();
    Ok(if is(attribute, "ValidateNotNullOrEmpty") {
        let empty = match value {
            Value::Array(list) => list.is_empty(),
            other => other.is_null() || text.is_empty(),
        };
        empty.then(|| {
            "The argument is null or empty. Provide an argument that is not null or empty, and then try the command \
             again."
                .to_owned()
        })
    } else if is(attribute, "ValidateNotNull") {
        value.is_null().then(|| {
            "The argument is null. Provide a valid value for the argument, and then try running the command again."
                .to_owned()
        })
    } else if is(attribute, "ValidateRange") {
        let bad = number(value).map_or(true, |n| outside(&n));
        bad.then(|| format!("The {text} argument is not in the allowed range of values."))
    } else if is(attribute, "ValidateLength") {
        let length = Value::from(text.chars().count());
        outside(&length)
            .then(|| format!("The character length of the {length} argument is not in the allowed range."))
    } else if is(attribute, "ValidateCount") {
        let count = Value::from(value.clone().into_list().len());
        outside(&count).then(|| "The number of arguments is not in the allowed range.".to_owned())
    } else if is(attribute, "ValidatePattern") {
        let pattern = match attribute.positional.first() {
            Some(pattern) => cx.operand(pattern)?.to_string(),
            None => String::new(),
        };
        let fits = cx.cached_regex(&pattern, false)?.is_match(&text);
        (!fits).then(|| {
            format!(
                "The argument \"{text}\" does not match the \"{pattern}\" pattern. Supply an argument that matches \
                 \"{pattern}\" and try the command again."
            )
        })
    } else if is(attribute, "ValidateScript") {
        let block = match attribute.positional.first() {
            Some(block) => cx.operand(block)?,
            None => Value::Null,
        };
        let fits = match &block {
            Value::ScriptBlock(block) => Value::from_items(cx.run_inline(block, value.clone())?).truth(),
            _ => true,
        };
        (!fits).then(|| {
            format!(
                "The \"{block}\" validation script for the argument with value \"{text}\" did not return a result of \
                 True. Determine why the validation script failed, and then try the command again."
            )
        })
    } else {
        None
    })
}
