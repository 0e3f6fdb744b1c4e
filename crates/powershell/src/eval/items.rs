//! What a pipeline or loop goes through: the elements of a value, or a range that is never made as a whole.

use super::{Interp, Run};
use crate::{
    ast::{Element, Expr, ExprKind, Operator, Statement, StatementKind},
    value::Value,
};

/// Values in order.
pub(crate) enum Items {
    List(std::vec::IntoIter<Value>),
    Range { next: Option<i64>, last: i64 },
}

impl From<Vec<Value>> for Items {
    fn from(values: Vec<Value>) -> Self {
        Items::List(values.into_iter())
    }
}

impl Iterator for Items {
    type Item = Value;
    fn next(&mut self) -> Option<Value> {
        match self {
            Items::List(values) => values.next(),
            Items::Range { next, last } => {
                let now = (*next)?;
                *next = match now.cmp(last) {
                    std::cmp::Ordering::Less => now.checked_add(1),
                    std::cmp::Ordering::Equal => None,
                    std::cmp::Ordering::Greater => now.checked_sub(1),
                };
                Some(whole(now))
            }
        }
    }
}

/// An integer of the smallest type.
pub(super) fn whole(n: i64) -> Value {
    i32::try_from(n).map_or(Value::Long(n), Value::Int)
}

impl Interp<'_> {
    /// The elements of `a..b`, one after the other; nothing where the expression is something else.
    pub(crate) fn range_items(&mut self, expr: &Expr) -> Run<Option<Items>> {
        let ExprKind::Chain { first, rest } = &expr.kind else { return Ok(None) };
        let [(op, right)] = &rest[..] else { return Ok(None) };
        if op.op != Operator::Range {
            return Ok(None);
        }
        let (from, to) = (self.operand(first)?, self.operand(right)?);
        let (from, to) = (super::operators::range_end(&from)?, super::operators::range_end(&to)?);
        Ok(Some(Items::Range { next: Some(from), last: to }))
    }

    /// What `foreach (… in statement)` goes through.
    pub(super) fn loop_items(&mut self, statement: &Statement) -> Run<Items> {
        if let StatementKind::Pipeline(elements) = &statement.kind
            && let [Element::Expression(expr, redirections)] = &elements[..]
            && redirections.is_empty()
            && let Some(range) = self.range_items(expr)?
        {
            return Ok(range);
        }
        self.statement_value(statement).map(|value| value.into_items().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_go_up_and_down_and_end_at_the_last_number() {
        let range = |from, to| Items::Range { next: Some(from), last: to }.map(|v| v.to_string());
        assert_eq!(range(1, 3).collect::<Vec<_>>(), ["1", "2", "3"]);
        assert_eq!(range(1, -1).collect::<Vec<_>>(), ["1", "0", "-1"]);
        assert_eq!(range(i64::MAX, i64::MAX).count(), 1);
        assert_eq!(range(i64::MIN, i64::MAX).take(2).count(), 2);
    }
}
