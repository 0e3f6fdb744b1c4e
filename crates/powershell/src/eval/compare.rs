//! Equality and order, and the comparison operators.

use std::cmp::Ordering;

use base::{Guid, Timestamp, Unlimited};

use super::{Interp, Run, operators::number, runtime};
use crate::{
    ast::Operator,
    cmdlet::ErrorCategory,
    types::{Type, convert},
    value::{Limit, Value},
};

/// Equality without conversion errors, texts without case unless asked.
pub(crate) fn equal(left: &Value, right: &Value, case: bool) -> bool {
    loose_equal(left, right, case, Timestamp::default())
}

/// `-eq` on single values: the right side becomes the left side's type, where it can.
pub(crate) fn loose_equal(left: &Value, right: &Value, case: bool, now: Timestamp) -> bool {
    match (left, right) {
        (Value::Null | Value::Nothing, Value::Null | Value::Nothing) => true,
        (Value::Null | Value::Nothing, _) | (_, Value::Null | Value::Nothing) => false,
        (Value::Bool(a), b) => *a == b.truth(),
        (Value::Object(a), Value::Object(b)) => a.same(b),
        (Value::Hashtable(a), Value::Hashtable(b)) => a.same(b),
        (Value::Array(a), Value::Array(b)) => a.same(b),
        (Value::ScriptBlock(a), Value::ScriptBlock(b)) => a == b,
        (Value::Unlimited(a), Value::String(b)) => {
            a.is_unlimited() == b.trim().eq_ignore_ascii_case("unlimited")
                && (a.is_unlimited() || compare(left, right, case, now) == Some(Ordering::Equal))
        }
        _ => compare(left, right, case, now) == Some(Ordering::Equal),
    }
}

/// Order of two values, after the right side became the left side's type; nothing where it cannot.
pub(crate) fn compare(left: &Value, right: &Value, case: bool, now: Timestamp) -> Option<Ordering> {
    match (left, right) {
        (Value::Null | Value::Nothing, Value::Null | Value::Nothing) => Some(Ordering::Equal),
        (Value::Null | Value::Nothing, _) => Some(Ordering::Less),
        (_, Value::Null | Value::Nothing) => Some(Ordering::Greater),
        (Value::Bool(a), b) => Some(a.cmp(&b.truth())),
        (Value::Int(_) | Value::Long(_) | Value::Double(_) | Value::Size(_), b) => {
            if let (Value::Size(a), Value::String(text)) = (left, b) {
                return text.parse().ok().map(|b| a.cmp(&b));
            }
            if let Value::Unlimited(Unlimited::Unlimited) = b {
                return Some(Ordering::Less);
            }
            compare_numbers(&number(left).ok()?, &number(b).ok()?)
        }
        (Value::DateTime(a), _) => match convert(right.clone(), &Type::DateTime, now) {
            Ok(Value::DateTime(b)) => Some(a.cmp(&b)),
            _ => None,
        },
        (Value::TimeSpan(a), _) => match convert(right.clone(), &Type::TimeSpan, now) {
            Ok(Value::TimeSpan(b)) => Some(a.cmp(&b)),
            _ => None,
        },
        (Value::Version(a), _) => match convert(right.clone(), &Type::Version, now) {
            Ok(Value::Version(b)) => Some(a.cmp(&b)),
            _ => None,
        },
        (Value::Unlimited(a), b) => compare_unlimited(*a, b, now),
        (Value::Guid(a), b) => b.to_string().parse::<Guid>().ok().map(|b| a.cmp(&b)),
        (Value::Char(a), Value::Char(b)) if case => Some(a.cmp(b)),
        (Value::Enum(a), Value::Int(n)) => Some(a.number.cmp(n)),
        (Value::Enum(a), Value::Enum(b)) if a.number != b.number => Some(a.number.cmp(&b.number)),
        (Value::Array(_) | Value::Hashtable(_) | Value::ScriptBlock(_), _) => None,
        _ => Some(compare_text(&left.to_string(), &right.to_string(), case)),
    }
}

/// Texts in order: without case first, as a culture sorts, then small letters before capitals where case counts.
pub(crate) fn compare_text(left: &str, right: &str, case: bool) -> Ordering {
    let folded = left.chars().flat_map(char::to_lowercase).cmp(right.chars().flat_map(char::to_lowercase));
    if folded == Ordering::Equal && case { right.cmp(left) } else { folded }
}

fn compare_numbers(left: &Value, right: &Value) -> Option<Ordering> {
    let whole = |v: &Value| match v {
        Value::Int(n) => Some(i64::from(*n)),
        Value::Long(n) => Some(*n),
        _ => None,
    };
    if let (Some(a), Some(b)) = (whole(left), whole(right)) {
        return Some(a.cmp(&b));
    }
    let float = |v: &Value| match v {
        Value::Double(n) => *n,
        other => whole(other).unwrap_or_default() as f64,
    };
    float(left).partial_cmp(&float(right))
}

fn compare_unlimited(left: Unlimited<Limit>, right: &Value, now: Timestamp) -> Option<Ordering> {
    let right = match convert(right.clone(), &Type::Unlimited, now) {
        Ok(Value::Unlimited(right)) => right,
        _ => return None,
    };
    match (left, right) {
        (Unlimited::Limited(a), Unlimited::Limited(b)) => compare(&a.to_value(), &b.to_value(), false, now),
        (a, b) => Some(a.is_unlimited().cmp(&b.is_unlimited())),
    }
}

/// One relational operator on single values.
pub(super) fn relation(op: Operator, left: &Value, right: &Value, case: bool, now: Timestamp) -> Run<bool> {
    match op {
        Operator::Eq => return Ok(loose_equal(left, right, case, now)),
        Operator::Ne => return Ok(!loose_equal(left, right, case, now)),
        _ => {}
    }
    let Some(order) = compare(left, right, case, now) else {
        let text = match left {
            Value::Array(_) | Value::Hashtable(_) | Value::Object(_) | Value::ScriptBlock(_) => {
                let id = "NotIcomparable";
                let text = format!("Cannot compare \"{left}\" because it is not IComparable.");
                return Err(runtime(id, ErrorCategory::InvalidOperation, text));
            }
            _ => {
                let to = Type::find(&left.type_name()).unwrap_or(Type::Any);
                let why = convert(right.clone(), &to, now).err().map(|why| why.message).unwrap_or_default();
                format!("Could not compare \"{left}\" to \"{right}\". Error: \"{why}\"")
            }
        };
        return Err(runtime("ComparisonFailure", ErrorCategory::InvalidOperation, text));
    };
    Ok(match op {
        Operator::Gt => order == Ordering::Greater,
        Operator::Ge => order != Ordering::Less,
        Operator::Lt => order == Ordering::Less,
        _ => order != Ordering::Greater,
    })
}

impl Interp<'_> {
    /// `-is`.
    pub(super) fn is_type(&self, value: &Value, to: &Value) -> Run<bool> {
        let wanted = to.to_string();
        let wanted = wanted.trim_matches(['[', ']']);
        let actual = value.type_name();
        if value.is_null() {
            return Ok(false);
        }
        let named = |name: &str| {
            actual.eq_ignore_ascii_case(name)
                || actual.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case(name))
        };
        if named(wanted) || wanted.eq_ignore_ascii_case("System.Object") {
            return Ok(true);
        }
        if let Value::Object(object) = value {
            return Ok(object.with(|o| o.is(wanted)));
        }
        Ok(match Type::find(wanted) {
            Some(Type::Array(_)) => {
                matches!(value, Value::Array(list) if list.kind() == crate::value::ListKind::Array)
            }
            Some(found) => found.full_name() == *actual,
            None => false,
        })
    }

    /// `-as`: null where it does not convert.
    pub(super) fn as_type(&self, value: Value, to: &Value) -> Run<Value> {
        let Some(found) = Type::find(to.to_string().trim_matches(['[', ']'])) else { return Ok(Value::Null) };
        Ok(self.convert(value, &found).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::ByteQuantifiedSize;

    #[test]
    fn order_follows_the_left_side() {
        let now = Timestamp::default();
        let size = Value::Size(ByteQuantifiedSize::from_mb(5));
        let limit = Value::from(Unlimited::Limited(ByteQuantifiedSize::from_gb(2)));
        let none = Value::Unlimited(Unlimited::Unlimited);
        for (left, right, order) in [
            (Value::from(10), Value::from("9"), Some(Ordering::Greater)),
            (Value::from("10"), Value::from(9), Some(Ordering::Less)),
            (Value::from(10), Value::from("x"), None),
            (size.clone(), Value::from("4MB"), Some(Ordering::Greater)),
            (size, Value::from(5 << 20), Some(Ordering::Equal)),
            (limit.clone(), Value::from("1GB"), Some(Ordering::Greater)),
            (limit, none.clone(), Some(Ordering::Less)),
            (none, Value::from("Unlimited"), Some(Ordering::Equal)),
            (Value::from("abc"), Value::from("ABC"), Some(Ordering::Equal)),
            (Value::Null, Value::from(1), Some(Ordering::Less)),
        ] {
            assert_eq!(compare(&left, &right, false, now), order, "{left:?} {right:?}");
        }
        assert_eq!(compare_text("a", "A", true), Ordering::Less);
    }
}
