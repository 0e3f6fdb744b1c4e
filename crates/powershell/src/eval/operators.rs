//! Arithmetic, bits, ranges and the chain of operators.

use base::{ByteQuantifiedSize, EnhancedTimeSpan, Timestamp, Unlimited};

use super::{Interp, Run, Unwind, compare, items::whole, runtime};
use crate::{
    ast::{BinaryOp, Expr, Operator},
    cmdlet::{ErrorCategory, ErrorRecord},
    types::{parse_number, round_half_even},
    value::{Hashtable, Limit, Value},
};

/// So many comparisons of elements count as a step.
const ITEMS_PER_STEP: usize = 16;

/// The longest range and repetition.
const ITEMS_MAX: i64 = 16 << 20;

impl Interp<'_> {
    /// Operators of one precedence, from left to right; `-and` and `-or` look no further than needed.
    pub(super) fn chain(&mut self, first: &Expr, rest: &[(BinaryOp, Expr)]) -> Run<Value> {
        let mut left = self.operand(first)?;
        for (op, right) in rest {
            self.step()?;
            left = match op.op {
                Operator::And => Value::Bool(left.truth() && self.operand(right)?.truth()),
                Operator::Or => Value::Bool(left.truth() || self.operand(right)?.truth()),
                _ => {
                    let right = self.operand(right)?;
                    self.apply(*op, left, right)?
                }
            };
        }
        Ok(left)
    }

    /// One binary operator on values.
    pub(crate) fn apply(&mut self, op: BinaryOp, left: Value, right: Value) -> Run<Value> {
        use Operator as O;
        let case = op.case_sensitive;
        match op.op {
            O::And => Ok(Value::Bool(left.truth() && right.truth())),
            O::Or => Ok(Value::Bool(left.truth() || right.truth())),
            O::Xor => Ok(Value::Bool(left.truth() ^ right.truth())),
            O::Add => self.add(left, right),
            O::Subtract => subtract(&left, &right),
            O::Multiply => self.multiply(left, &right),
            O::Divide => divide(&left, &right),
            O::Remainder => remainder(&left, &right),
            O::BitAnd | O::BitOr | O::BitXor | O::Shl | O::Shr => bits(op.op, &left, &right),
            O::Range => self.range(&left, &right),
            O::Format => self.format(&left, &right),
            O::Eq | O::Ne | O::Gt | O::Ge | O::Lt | O::Le => {
                let now = self.state.clock.now();
                Ok(self.filter(left, |item| compare::relation(op.op, item, &right, case, now))?)
            }
            O::Contains | O::NotContains => {
                self.work(length(&left) / ITEMS_PER_STEP)?;
                let found = left.into_items().iter().any(|item| compare::equal(item, &right, case));
                Ok(Value::Bool(found == (op.op == O::Contains)))
            }
            O::In | O::NotIn => {
                self.work(length(&right) / ITEMS_PER_STEP)?;
                let found = right.into_items().iter().any(|item| compare::equal(item, &left, case));
                Ok(Value::Bool(found == (op.op == O::In)))
            }
            O::Like | O::NotLike => self.like(left, &right, case, op.op == O::Like),
            O::Match | O::NotMatch => self.matches(left, &right, case, op.op == O::Match),
            O::Replace => self.replace(left, &right, case),
            O::Split => self.split(&left, &right, case),
            O::Join => self.join(left, &right),
            O::Is | O::IsNot => {
                let is = self.is_type(&left, &right)?;
                Ok(Value::Bool(is == (op.op == O::Is)))
            }
            O::As => self.as_type(left, &right),
        }
    }

    /// Comparison with an array on the left keeps the elements that fit.
    pub(super) fn filter(&mut self, left: Value, mut fits: impl FnMut(&Value) -> Run<bool>) -> Run<Value> {
        match left {
            Value::Array(list) => {
                self.work(list.len() / ITEMS_PER_STEP)?;
                let mut kept = Vec::new();
                for item in list.to_vec() {
                    if fits(&item)? {
                        kept.push(item);
                    }
                }
                self.new_array(kept)
            }
            one => fits(&one).map(Value::Bool),
        }
    }

    pub(crate) fn add(&mut self, left: Value, right: Value) -> Run<Value> {
        match (left, right) {
            (Value::Null, right) => Ok(right),
            (Value::Array(list), right) => {
                let mut items = list.to_vec();
                items.extend(right.into_list());
                self.new_array(items)
            }
            (Value::String(left), right) => {
                let right = self.to_text(&right);
                self.new_string(format!("{left}{right}"))
            }
            (Value::Char(left), right) => {
                let right = self.to_text(&right);
                self.new_string(format!("{left}{right}"))
            }
            (Value::Hashtable(left), Value::Hashtable(right)) => {
                let entries: Vec<_> = left.to_vec().into_iter().chain(right.to_vec()).collect();
                self.charge(entries.len() * 2 * size_of::<Value>())?;
                Ok(Value::Hashtable(Hashtable::from_entries(left.with(|t| t.is_ordered()), entries)))
            }
            (Value::Hashtable(_), _) => {
                let text = "A hash table can only be added to another hash table.";
                Err(runtime("AddHashTableToNonHashTable", ErrorCategory::InvalidOperation, text))
            }
            (Value::DateTime(at), Value::TimeSpan(span)) => Ok(Value::DateTime(at.plus(span))),
            (Value::TimeSpan(a), Value::TimeSpan(b)) => Ok(span(a.micros.saturating_add(b.micros))),
            (Value::Size(a), right) if as_size(&right).is_some() => {
                let b = as_size(&right).unwrap_or_default();
                Ok(Value::Size(ByteQuantifiedSize(a.0.saturating_add(b))))
            }
            (left, right) => arithmetic(Operator::Add, &left, &right),
        }
    }

    fn multiply(&mut self, left: Value, right: &Value) -> Run<Value> {
        if !matches!(left, Value::String(_) | Value::Array(_)) {
            return arithmetic(Operator::Multiply, &left, right);
        }
        let times = match number(right)? {
            Value::Int(n) => i64::from(n),
            Value::Long(n) => n,
            Value::Double(n) => round_half_even(n) as i64,
            _ => 0,
        };
        let length = match &left {
            Value::String(text) => text.len() as i64,
            Value::Array(list) => list.len() as i64,
            _ => 1,
        };
        if times < 0 || times.saturating_mul(length.max(1)) > ITEMS_MAX {
            let text = "Specified argument was out of the range of valid values.";
            return Err(runtime("ArgumentOutOfRange", ErrorCategory::InvalidOperation, text));
        }
        let times = usize::try_from(times).unwrap_or_default();
        // Counted before it is made.
        let size = if matches!(left, Value::Array(_)) { size_of::<Value>() } else { 1 };
        self.charge(times.saturating_mul(length.unsigned_abs() as usize).saturating_mul(size))?;
        match left {
            Value::Array(list) => {
                let items = list.to_vec();
                let repeated = items.iter().cycle().take(items.len() * times).cloned().collect();
                Ok(Value::array(repeated))
            }
            other => Ok(Value::string(other.to_string().repeat(times))),
        }
    }

    fn range(&mut self, left: &Value, right: &Value) -> Run<Value> {
        let (from, to) = (range_end(left)?, range_end(right)?);
        if from.abs_diff(to) > ITEMS_MAX.unsigned_abs() {
            let text = "The range is too long.";
            return Err(runtime("RangeTooLong", ErrorCategory::LimitsExceeded, text));
        }
        self.charge(usize::try_from(from.abs_diff(to)).unwrap_or(usize::MAX) * size_of::<Value>())?;
        let items: Vec<Value> = if from <= to {
            (from..=to).map(whole).collect()
        } else {
            (to..=from).rev().map(whole).collect()
        };
        Ok(Value::array(items))
    }
}

fn length(value: &Value) -> usize {
    match value {
        Value::Array(list) => list.len(),
        _ => 1,
    }
}

/// An end of a range.
pub(super) fn range_end(value: &Value) -> Run<i64> {
    Ok(match number(value)? {
        Value::Int(n) => i64::from(n),
        Value::Long(n) => n,
        Value::Double(n) => round_half_even(n) as i64,
        _ => 0,
    })
}

fn span(micros: i64) -> Value {
    Value::TimeSpan(EnhancedTimeSpan { micros })
}

fn as_size(value: &Value) -> Option<u64> {
    match value {
        Value::Size(size) => Some(size.bytes()),
        Value::Unlimited(Unlimited::Limited(Limit::Size(size))) => Some(size.bytes()),
        Value::Int(n) => u64::try_from(*n).ok(),
        Value::Long(n) => u64::try_from(*n).ok(),
        _ => None,
    }
}

/// The number a value is or reads as.
pub(crate) fn number(value: &Value) -> Run<Value> {
    match value {
        Value::Int(_) | Value::Long(_) | Value::Double(_) => Ok(value.clone()),
        Value::Null | Value::Nothing => Ok(Value::Int(0)),
        Value::Bool(b) => Ok(Value::Int(i32::from(*b))),
        Value::Char(c) => Ok(Value::Int(*c as i32)),
        Value::Enum(e) => Ok(Value::Int(e.number)),
        Value::Size(size) => Ok(Value::from(size.bytes())),
        Value::Unlimited(Unlimited::Limited(Limit::Count(n))) => Ok(Value::Long(*n)),
        Value::Unlimited(Unlimited::Limited(Limit::Size(size))) => Ok(Value::from(size.bytes())),
        Value::String(text) if text.trim().is_empty() => Ok(Value::Int(0)),
        Value::String(text) => parse_number(text).ok_or_else(|| not_number(value)),
        other => Err(not_number(other)),
    }
}

pub(super) fn not_number(value: &Value) -> Unwind {
    let text = format!(
        "Cannot convert value \"{value}\" to type \"System.Int32\". Error: \"Input string was not in a correct format.\""
    );
    runtime("InvalidCastFromStringToInteger", ErrorCategory::InvalidArgument, text)
}

fn no_method(op: Operator, left: &Value) -> Unwind {
    let name = match op {
        Operator::Add => "op_Addition",
        Operator::Subtract => "op_Subtraction",
        Operator::Multiply => "op_Multiply",
        Operator::Divide => "op_Division",
        _ => "op_Modulus",
    };
    let text = format!(
        "Method invocation failed because [{}] does not contain a method named '{name}'.",
        left.type_name()
    );
    ErrorRecord::runtime("MethodNotFound", ErrorCategory::InvalidOperation, text).on(name).into()
}

/// `+ - * / %` on numbers: integers stay integers where they fit, then become doubles.
fn arithmetic(op: Operator, left: &Value, right: &Value) -> Run<Value> {
    let scalar = |v: &Value| {
        !matches!(v, Value::Array(_) | Value::Hashtable(_) | Value::Object(_) | Value::DateTime(_))
    };
    if !scalar(left) || !scalar(right) {
        return Err(no_method(op, left));
    }
    let (left, right) = (number(left)?, number(right)?);
    let exact = |v: &Value| match v {
        Value::Int(n) => Some(i128::from(*n)),
        Value::Long(n) => Some(i128::from(*n)),
        _ => None,
    };
    if let (Some(a), Some(b)) = (exact(&left), exact(&right)) {
        let long = matches!(left, Value::Long(_)) || matches!(right, Value::Long(_));
        let result = match op {
            Operator::Add => a + b,
            Operator::Subtract => a - b,
            Operator::Multiply => a * b,
            _ if b == 0 => return Err(divide_by_zero()),
            Operator::Remainder => a % b,
            // A division that does not come out even is a double.
            _ if a % b != 0 => return Ok(Value::Double(a as f64 / b as f64)),
            _ => a / b,
        };
        return Ok(match (i32::try_from(result), i64::try_from(result)) {
            (Ok(n), _) if !long => Value::Int(n),
            // Int32 overflow makes a double, as PowerShell widens.
            (Err(_), Ok(n)) if !long => Value::Double(n as f64),
            (_, Ok(n)) => Value::Long(n),
            _ => Value::Double(result as f64),
        });
    }
    let float = |v: &Value| match v {
        Value::Int(n) => f64::from(*n),
        Value::Long(n) => *n as f64,
        Value::Double(n) => *n,
        _ => 0.0,
    };
    let (a, b) = (float(&left), float(&right));
    Ok(Value::Double(match op {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Remainder => a % b,
        _ => a / b,
    }))
}

fn divide_by_zero() -> Unwind {
    runtime("RuntimeException", ErrorCategory::NotSpecified, super::errors::DIVIDE_BY_ZERO)
}

fn subtract(left: &Value, right: &Value) -> Run<Value> {
    match (left, right) {
        (Value::DateTime(a), Value::DateTime(b)) => Ok(span(a.micros.saturating_sub(b.micros))),
        (Value::DateTime(at), Value::TimeSpan(s)) => {
            Ok(Value::DateTime(Timestamp { micros: at.micros.saturating_sub(s.micros) }))
        }
        (Value::TimeSpan(a), Value::TimeSpan(b)) => Ok(span(a.micros.saturating_sub(b.micros))),
        (Value::Size(a), b) if as_size(b).is_some() => {
            Ok(Value::Size(ByteQuantifiedSize(a.0.saturating_sub(as_size(b).unwrap_or_default()))))
        }
        _ => arithmetic(Operator::Subtract, left, right),
    }
}

fn divide(left: &Value, right: &Value) -> Run<Value> {
    arithmetic(Operator::Divide, left, right)
}

fn remainder(left: &Value, right: &Value) -> Run<Value> {
    arithmetic(Operator::Remainder, left, right)
}

pub(super) fn negate(value: &Value) -> Run<Value> {
    match value {
        Value::TimeSpan(s) => Ok(span(s.micros.saturating_neg())),
        other => arithmetic(Operator::Subtract, &Value::Int(0), other),
    }
}

/// The 64-bit pattern of a value, and whether it is an `Int32`.
fn pattern(value: &Value) -> Run<(i64, bool)> {
    Ok(match number(value)? {
        Value::Int(n) => (i64::from(n), true),
        Value::Long(n) => (n, false),
        Value::Double(n) => {
            let n = round_half_even(n) as i64;
            (n, i32::try_from(n).is_ok())
        }
        _ => (0, true),
    })
}

fn bits(op: Operator, left: &Value, right: &Value) -> Run<Value> {
    let ((a, small_a), (b, small_b)) = (pattern(left)?, pattern(right)?);
    let shift = |width: i64| u32::try_from(b.rem_euclid(width)).unwrap_or_default();
    let result = match op {
        Operator::BitAnd => a & b,
        Operator::BitOr => a | b,
        Operator::BitXor => a ^ b,
        Operator::Shl if small_a => i64::from((a as i32) << shift(32)),
        Operator::Shl => a << shift(64),
        _ if small_a => i64::from((a as i32) >> shift(32)),
        _ => a >> shift(64),
    };
    let shifts = matches!(op, Operator::Shl | Operator::Shr);
    let small = small_a && (small_b || shifts);
    Ok(match i32::try_from(result) {
        Ok(n) if small => Value::Int(n),
        _ => Value::Long(result),
    })
}

pub(super) fn bit_not(value: &Value) -> Run<Value> {
    let (n, small) = pattern(value)?;
    Ok(if small { Value::Int(!(n as i32)) } else { Value::Long(!n) })
}
