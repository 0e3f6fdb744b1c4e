//! Blocks, pipelines and assignments as statements.

use super::{Interp, Run, Unwind};
use crate::{
    ast::{Block, Element, Expr, ExprKind, Statement, StatementKind},
    pipeline::Sink,
    value::Value,
};

impl Interp<'_> {
    /// Runs statements in order. An error that nothing catches is shown, and the next statement runs.
    pub(crate) fn run_block(&mut self, block: &Block, out: &mut dyn Sink) -> Run<()> {
        for statement in &block.statements {
            match self.run_statement(statement, out) {
                Err(Unwind::Error { record, fatal: false }) if !self.at.in_try => {
                    self.report_error(*record)?
                }
                other => other?,
            }
        }
        Ok(())
    }

    /// Everything a block writes.
    pub(crate) fn collect_block(&mut self, block: &Block) -> Run<Vec<Value>> {
        let mut items = Vec::new();
        self.run_block(block, &mut items)?;
        Ok(items)
    }

    pub(crate) fn run_statement(&mut self, statement: &Statement, out: &mut dyn Sink) -> Run<()> {
        self.step()?;
        self.nested(|cx| {
            cx.at.span = statement.span;
            let result = cx.dispatch(statement, out);
            if result.is_err() {
                cx.at.span = statement.span;
            }
            cx.placed(result)
        })
    }

    fn dispatch(&mut self, statement: &Statement, out: &mut dyn Sink) -> Run<()> {
        match &statement.kind {
            StatementKind::Pipeline(elements) => self.pipeline_statement(elements, out),
            StatementKind::Assign { .. } => self.assign(statement).map(|_| ()),
            _ => self.control(statement, out),
        }
    }

    fn pipeline_statement(&mut self, elements: &[Element], out: &mut dyn Sink) -> Run<()> {
        if let [Element::Expression(expr, redirections)] = elements
            && redirections.is_empty()
        {
            let value = self.eval(expr)?;
            self.ok = true;
            return if is_silent(expr) { Ok(()) } else { self.emit(value, out) };
        }
        self.run_pipeline(elements, out)
    }

    /// Writes a value to the pipeline: arrays one by one.
    pub(crate) fn emit(&mut self, value: Value, out: &mut dyn Sink) -> Run<()> {
        match value {
            Value::Nothing => Ok(()),
            Value::Array(_) | Value::Bytes(_) => {
                for item in value.into_items() {
                    out.put(self, item)?;
                }
                Ok(())
            }
            one => out.put(self, one),
        }
    }

    /// The value of a statement where one is wanted: right of `=`, in parentheses, as a condition.
    pub(crate) fn statement_value(&mut self, statement: &Statement) -> Run<Value> {
        match &statement.kind {
            StatementKind::Pipeline(elements) => match &elements[..] {
                [Element::Expression(expr, redirections)] if redirections.is_empty() => {
                    let value = self.eval(expr)?;
                    self.ok = true;
                    Ok(value)
                }
                _ => self.collect_statement(statement),
            },
            StatementKind::Assign { .. } => self.assign(statement),
            _ => self.collect_statement(statement),
        }
    }

    fn collect_statement(&mut self, statement: &Statement) -> Run<Value> {
        let mut items = Vec::new();
        self.run_statement(statement, &mut items)?;
        Ok(Value::from_items(items))
    }

    /// Runs an assignment and yields what was assigned.
    fn assign(&mut self, statement: &Statement) -> Run<Value> {
        let StatementKind::Assign { target, op, value } = &statement.kind else { return Ok(Value::Nothing) };
        let value = self.statement_value(value)?;
        self.at.span = statement.span;
        match op {
            None => {
                self.assign_value(target, value.clone())?;
                Ok(value)
            }
            Some(op) => {
                self.assign_with(target, *op, value.or_null())?;
                self.operand(target)
            }
        }
    }
}

/// `$i++` on its own writes nothing.
fn is_silent(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::IncDec { .. })
}
