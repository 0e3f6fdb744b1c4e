//! Conditions, loops, `switch`, `try`, and leaving them.

use std::sync::Arc;

use super::{Interp, Run, Unwind, Wildcard, compare, errors};
use crate::{
    ast::{Block, Expr, Label, Statement, StatementKind, Switch, SwitchMode, TypeName},
    cmdlet::ErrorRecord,
    pipeline::Sink,
    types::{IntKind, Type},
    value::Value,
};

/// What a loop does after a round.
enum Next {
    Round,
    Leave,
}

/// Takes a `break` or `continue` meant for this loop.
fn next(result: Run<()>, label: &Label) -> Run<Next> {
    let ours = |wanted: &Label| match (wanted, label) {
        (None, _) => true,
        (Some(wanted), Some(label)) => wanted.eq_ignore_ascii_case(label),
        (Some(_), None) => false,
    };
    match result {
        Ok(()) => Ok(Next::Round),
        Err(Unwind::Break(wanted)) if ours(&wanted) => Ok(Next::Leave),
        Err(Unwind::Continue(wanted)) if ours(&wanted) => Ok(Next::Round),
        Err(other) => Err(other),
    }
}

impl Interp<'_> {
    pub(super) fn control(&mut self, statement: &Statement, out: &mut dyn Sink) -> Run<()> {
        match &statement.kind {
            StatementKind::If { clauses, otherwise } => self.if_statement(clauses, otherwise.as_ref(), out),
            StatementKind::While { label, condition, body } => {
                while self.truth(condition)? {
                    if let Next::Leave = next(self.run_block(body, out), label)? {
                        break;
                    }
                }
                Ok(())
            }
            StatementKind::Do { label, body, condition, until } => loop {
                if let Next::Leave = next(self.run_block(body, out), label)? {
                    return Ok(());
                }
                if self.truth(condition)? == *until {
                    return Ok(());
                }
            },
            StatementKind::For { label, init, condition, step, body } => {
                self.quiet(init.as_deref())?;
                while condition.as_deref().map_or(Ok(true), |c| self.truth(c))? {
                    if let Next::Leave = next(self.run_block(body, out), label)? {
                        break;
                    }
                    self.quiet(step.as_deref())?;
                }
                Ok(())
            }
            StatementKind::ForEach { label, variable, items, body } => {
                for item in self.loop_items(items)? {
                    self.step()?;
                    self.set_variable(variable, item)?;
                    if let Next::Leave = next(self.run_block(body, out), label)? {
                        break;
                    }
                }
                Ok(())
            }
            StatementKind::Switch(switch) => self.switch(switch, out),
            StatementKind::Try { body, catches, finally } => {
                self.try_statement(body, catches, finally.as_ref(), out)
            }
            StatementKind::Throw(value) => {
                let value = match value {
                    Some(value) => self.statement_value(value)?,
                    // A bare throw in a catch throws again.
                    None if Self::is_error(&self.at.item) => self.at.item.clone(),
                    None => Value::Null,
                };
                self.at.span = statement.span;
                Err(self.thrown(value))
            }
            StatementKind::Return(value) => {
                if let Some(value) = value {
                    self.run_statement(value, out)?;
                }
                Err(Unwind::Return)
            }
            StatementKind::Exit(value) => {
                let value = value.as_deref().map_or(Ok(Value::Int(0)), |v| self.statement_value(v))?;
                match self.convert(value, &Type::Int(IntKind::Int32))? {
                    Value::Int(code) => Err(Unwind::Exit(code)),
                    _ => Err(Unwind::Exit(0)),
                }
            }
            StatementKind::Break(label) => Err(Unwind::Break(label.clone())),
            StatementKind::Continue(label) => Err(Unwind::Continue(label.clone())),
            StatementKind::Function { name, block } => {
                let function = self.lower_function(name, block)?;
                self.at.scope.define(Arc::new(function));
                Ok(())
            }
            StatementKind::Pipeline(_) | StatementKind::Assign { .. } => Ok(()),
        }
    }

    fn truth(&mut self, condition: &Statement) -> Run<bool> {
        self.step()?;
        self.statement_value(condition).map(|v| v.truth())
    }

    /// Runs a part of `for (…)`; what it yields is dropped.
    fn quiet(&mut self, statement: Option<&Statement>) -> Run<()> {
        statement.map_or(Ok(()), |s| self.statement_value(s).map(|_| ()))
    }

    fn if_statement(
        &mut self,
        clauses: &[(Statement, Block)],
        otherwise: Option<&Block>,
        out: &mut dyn Sink,
    ) -> Run<()> {
        for (condition, body) in clauses {
            if self.truth(condition)? {
                return self.run_block(body, out);
            }
        }
        otherwise.map_or(Ok(()), |body| self.run_block(body, out))
    }

    fn switch(&mut self, switch: &Switch, out: &mut dyn Sink) -> Run<()> {
        let items = match self.statement_value(&switch.input)? {
            Value::Null | Value::Nothing => vec![Value::Null],
            other => other.into_items(),
        };
        for item in items {
            let result = self.with_item(item.clone(), |cx| cx.switch_item(switch, &item, out));
            if let Next::Leave = next(result, &switch.label)? {
                break;
            }
        }
        Ok(())
    }

    fn switch_item(&mut self, switch: &Switch, item: &Value, out: &mut dyn Sink) -> Run<()> {
        let mut matched = false;
        for (test, body) in &switch.clauses {
            if self.switch_fits(switch, test, item)? {
                matched = true;
                self.run_block(body, out)?;
            }
        }
        match &switch.default {
            Some(body) if !matched => self.run_block(body, out),
            _ => Ok(()),
        }
    }

    fn switch_fits(&mut self, switch: &Switch, test: &Expr, item: &Value) -> Run<bool> {
        let test = self.operand(test)?;
        if let Value::ScriptBlock(block) = &test {
            return self.run_inline(block, item.clone()).map(|items| Value::from_items(items).truth());
        }
        let case = switch.case_sensitive;
        Ok(match switch.mode {
            SwitchMode::Exact => compare::loose_equal(item, &test, case, self.state.clock.now()),
            SwitchMode::Wildcard => Wildcard::new(&test.to_string(), case).matches(&item.to_string()),
            SwitchMode::Regex => self.matches(item.to_string().into(), &test, case, true)?.truth(),
        })
    }

    fn try_statement(
        &mut self,
        body: &Block,
        catches: &[(Vec<TypeName>, Block)],
        finally: Option<&Block>,
        out: &mut dyn Sink,
    ) -> Run<()> {
        let mut inner = self.at.clone();
        inner.in_try = !catches.is_empty() || self.at.in_try;
        let tried = self.within(inner, |cx| cx.run_block(body, out));
        let caught = match tried {
            Err(Unwind::Error { record, fatal }) => match find_catch(catches, &record) {
                Some(handler) => {
                    let value = errors::record_to_value(&record);
                    self.state.remember(value.clone());
                    self.with_item(value, |cx| cx.run_block(handler, out))
                }
                None => Err(Unwind::Error { record, fatal }),
            },
            other => other,
        };
        match (finally, &caught) {
            // Nothing runs once the script was stopped.
            (None, _) | (_, Err(Unwind::Stopped(_))) => caught,
            (Some(block), _) => self.run_block(block, out).and(caught),
        }
    }
}

fn find_catch<'c>(catches: &'c [(Vec<TypeName>, Block)], record: &ErrorRecord) -> Option<&'c Block> {
    let specific = catches.iter().find(|(types, _)| !types.is_empty() && errors::catches(types, record));
    specific.or_else(|| catches.iter().find(|(types, _)| types.is_empty())).map(|(_, body)| body)
}
