//! Assignment to variables, properties, elements and lists of them.

use super::{Interp, Run, runtime};
use crate::{
    ast::{BinaryOp, Expr, ExprKind, Operator, Post, Variable},
    cmdlet::{ErrorCategory, ErrorRecord},
    members,
    value::{List, ListKind, Value},
};

impl Interp<'_> {
    /// `target = value`.
    pub(crate) fn assign_value(&mut self, target: &Expr, value: Value) -> Run<()> {
        match &target.kind {
            ExprKind::Variable(variable) => self.set_variable(variable, value),
            ExprKind::Cast(name, inner) => {
                let to = self.find_type(name)?;
                match &inner.kind {
                    ExprKind::Variable(variable) => self.set_typed(variable, to, value.or_null()),
                    _ => {
                        let value = self.convert(value, &to)?;
                        self.assign_value(inner, value)
                    }
                }
            }
            ExprKind::List(targets) => self.assign_list(targets, value),
            ExprKind::Postfix { base, rest } => self.assign_access(base, rest, value.or_null()),
            _ => Err(runtime(
                "InvalidLeftHandSide",
                ErrorCategory::InvalidOperation,
                "The assignment is not valid.",
            )),
        }
    }

    /// `$a, $b = 1, 2, 3`: the last takes the rest.
    fn assign_list(&mut self, targets: &[Expr], value: Value) -> Run<()> {
        let mut items = value.into_items().into_iter();
        let Some((last, others)) = targets.split_last() else { return Ok(()) };
        for target in others {
            self.assign_value(target, items.next().unwrap_or_default())?;
        }
        let rest: Vec<Value> = items.collect();
        self.assign_value(last, if rest.is_empty() { Value::Null } else { Value::from_items(rest) })
    }

    fn assign_access(&mut self, base: &Expr, rest: &[Post], value: Value) -> Run<()> {
        let Some((last, path)) = rest.split_last() else { return Ok(()) };
        let mut object = self.operand(base)?;
        for post in path {
            object = self.access(object, post)?;
        }
        match last {
            Post::Member { name, .. } => {
                let name = self.member_name(name)?;
                members::set_property(&object, &name, value)
                    .map_err(|text| runtime("PropertyNotFound", ErrorCategory::InvalidOperation, text))
            }
            Post::Index(index) => {
                let index = self.operand(index)?;
                self.assign_index(&object, index, value)
            }
            Post::Call { .. } => {
                let text = "The assignment expression is not valid.";
                Err(runtime("InvalidLeftHandSide", ErrorCategory::InvalidOperation, text))
            }
        }
    }

    fn assign_index(&mut self, object: &Value, index: Value, value: Value) -> Run<()> {
        self.charge(2 * size_of::<Value>())?;
        match object {
            Value::Hashtable(table) => {
                table.edit(|t| t.set(index, value));
                Ok(())
            }
            Value::Array(list) => match self.place(&index, list.len())? {
                Some(at) => {
                    list.edit(|items| items[at] = value);
                    Ok(())
                }
                None => {
                    let text = "Index was outside the bounds of the array.";
                    let kind = "System.IndexOutOfRangeException";
                    Err(ErrorRecord::new(kind, kind, ErrorCategory::OperationStopped, text).into())
                }
            },
            Value::Null | Value::Nothing => {
                Err(runtime("NullArray", ErrorCategory::InvalidOperation, "Cannot index into a null array."))
            }
            other => {
                let text = format!("Unable to index into an object of type {}.", other.type_name());
                Err(runtime("CannotIndex", ErrorCategory::InvalidOperation, text))
            }
        }
    }

    /// `target op= value`. Adding to an array nobody else holds happens in place, so that building a list in
    /// a loop is linear.
    pub(crate) fn assign_with(&mut self, target: &Expr, op: BinaryOp, value: Value) -> Run<()> {
        if let (ExprKind::Variable(variable), Operator::Add) = (&target.kind, op.op)
            && self.append_in_place(variable, &value)?
        {
            return Ok(());
        }
        let before = self.operand(target)?;
        let after = self.apply(op, before, value)?;
        self.assign_value(target, after)
    }

    /// `$list += item` without copying; `false` where that is not possible.
    fn append_in_place(&mut self, variable: &Variable, value: &Value) -> Run<bool> {
        let scope = self.at.scope.clone();
        let plain = variable.scope.is_empty()
            && matches!(scope.slot(&variable.name), Some(slot) if slot.constraint.is_none() && !slot.constant);
        if !plain {
            return Ok(false);
        }
        let list = match scope.take(&variable.name) {
            Some(Value::Array(list)) => list,
            other => {
                scope.set(&variable.name, other.unwrap_or_default());
                return Ok(false);
            }
        };
        let alone = list.kind() == ListKind::Array && list.is_alone();
        if !alone {
            scope.set(&variable.name, Value::Array(list));
            return Ok(false);
        }
        let added = value.clone().into_list();
        let charged = self.charge(added.len() * size_of::<Value>());
        list.edit(|items| items.extend(added));
        scope.set(&variable.name, Value::Array(list));
        charged.map(|()| true)
    }

    /// Puts what a common parameter collects into its variable: `name` replaces, `+name` adds.
    pub(crate) fn store_collected(&mut self, name: &str, items: Vec<Value>) -> Run<()> {
        let (name, adds) = name.strip_prefix('+').map_or((name, false), |rest| (rest, true));
        let mut all = match self.at.scope.get(name).filter(|_| adds) {
            Some(before) => before.into_items(),
            None => Vec::new(),
        };
        all.extend(items);
        let scope = self.at.scope.clone();
        self.set_in(&scope, name, Value::Array(List::new(ListKind::ArrayList, all)))
    }
}
