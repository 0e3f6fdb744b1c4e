//! What an expression always comes to, where that can be read off it.

use std::convert::Infallible;

use crate::{
    ast::{Element, Expr, ExprKind, Part, Statement, StatementKind, UnaryOp, Variable},
    binder::Given,
    value::{Hashtable, Value},
};

/// The value of an expression that is the same in every run.
pub(super) fn value(expr: &Expr) -> Option<Value> {
    match &expr.kind {
        ExprKind::Literal(value) | ExprKind::Number(value, _) => Some(value.clone()),
        ExprKind::Variable(variable) => word(variable),
        ExprKind::Expandable(parts) => text(parts).map(Value::string),
        ExprKind::List(items) => items.iter().map(value).collect::<Option<Vec<_>>>().map(Value::array),
        ExprKind::Paren(inner) => single(inner).and_then(value),
        ExprKind::Array(block) => match &block.statements[..] {
            [one] => single(one).and_then(value).map(|value| Value::array(value.into_items())),
            _ => None,
        },
        ExprKind::Hash(entries) => table(entries),
        ExprKind::ScriptBlock(block) => Some(Value::ScriptBlock(block.clone())),
        ExprKind::Unary(UnaryOp::Minus, operand) => match value(operand)? {
            Value::Int(n) => n.checked_neg().map(Value::Int),
            Value::Double(n) => Some(Value::Double(-n)),
            _ => None,
        },
        _ => None,
    }
}

/// An argument as the binder wants it: what cannot be read off binds as anything.
pub(super) fn given(expr: &Expr) -> Given {
    let text = match &expr.kind {
        ExprKind::Number(_, text) => Some(text.clone()),
        _ => None,
    };
    value(expr).map_or_else(Given::unknown, |value| Given { text, ..value.into() })
}

/// The same for a statement: `@{ Name = "x" }` holds statements.
pub(super) fn given_by(statement: &Statement) -> Given {
    single(statement).map_or_else(Given::unknown, given)
}

/// What stands in an attribute; whatever cannot be read off counts as nothing.
pub(super) fn attribute(expr: &Expr) -> Result<Value, Infallible> {
    Ok(value(expr).unwrap_or_default())
}

/// The expression that is all of a statement.
pub(super) fn single(statement: &Statement) -> Option<&Expr> {
    match &statement.kind {
        StatementKind::Pipeline(elements) => match &elements[..] {
            [Element::Expression(expr, redirections)] if redirections.is_empty() => Some(expr),
            _ => None,
        },
        _ => None,
    }
}

/// A list edit or a filter: entries that cannot be read off are there all the same.
fn table(entries: &[(Expr, Statement)]) -> Option<Value> {
    let entry = |(key, entry): &(Expr, Statement)| {
        let entry = single(entry).and_then(value).unwrap_or(Value::Nothing);
        value(key).map(|key| (key, entry))
    };
    let entries = entries.iter().map(entry).collect::<Option<Vec<_>>>()?;
    Some(Value::Hashtable(Hashtable::from_entries(false, entries)))
}

fn word(variable: &Variable) -> Option<Value> {
    if !variable.scope.is_empty() {
        return None;
    }
    [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)]
        .into_iter()
        .find(|(name, _)| variable.name.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

fn text(parts: &[Part]) -> Option<String> {
    let mut all = String::new();
    for part in parts {
        match part {
            Part::Text(text) => all.push_str(text),
            Part::Quoted(inner) => all.push_str(&value(inner)?.to_string()),
            Part::Variable(_) | Part::Sub(_) => return None,
        }
    }
    Some(all)
}
