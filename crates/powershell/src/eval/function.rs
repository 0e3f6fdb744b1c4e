//! Functions and script blocks: their parameters, and how they run as pipeline stages.

mod lower;
mod validate;

pub(crate) use lower::lower;

use std::sync::Arc;

use super::{Context, Interp, Run, Scope, ScopeKind, ScopeRef, Slot, Unwind};
use crate::{
    ast::{Block, Param, ScriptBlock},
    binder::Binding,
    cmdlet::{Bound, CommandInfo},
    pipeline::{Sink, Stage},
    types::Type,
    value::{Hashtable, PsObject, Value},
};

/// A function: its name, its code, what its parameters declare.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: Arc<str>,
    pub(crate) block: Arc<ScriptBlock>,
    pub(crate) info: Arc<CommandInfo>,
    /// `[CmdletBinding()]` or `[Parameter()]`: common parameters, no `$args`.
    pub(crate) advanced: bool,
}

/// The hidden parameter that takes what a simple function does not declare.
pub(crate) const REST: &str = "\0args";

/// A function or script block as a stage.
pub(crate) struct FunctionStage {
    function: Arc<Function>,
    binding: Binding,
    scope: ScopeRef,
    /// Pipeline objects come.
    fed: bool,
    input: Vec<Value>,
}

impl FunctionStage {
    /// `scope` is the caller's for dot-sourcing, else a fresh one is made.
    pub(crate) fn new(
        cx: &Interp<'_>,
        function: Arc<Function>,
        binding: Binding,
        fed: bool,
        dotted: bool,
        kind: ScopeKind,
    ) -> Self {
        let scope = if dotted { cx.at.scope.clone() } else { Scope::child(&cx.at.scope, kind) };
        FunctionStage { function, binding, scope, fed, input: Vec::new() }
    }

    /// Binds and sets the parameters, and runs nothing: for a script whose body runs elsewhere.
    pub(crate) fn set_up(&self, cx: &mut Interp<'_>) -> Run<()> {
        let call = self.binding.finish()?;
        self.set_parameters(cx, &call.parameters, call.parameter_set.as_deref())
    }

    fn context(&self, cx: &Interp<'_>, item: Value) -> Context {
        Context {
            scope: self.scope.clone(),
            item,
            source: self.function.block.source.clone(),
            ..cx.at.clone()
        }
    }

    fn run(&self, cx: &mut Interp<'_>, block: Option<&Block>, item: Value, out: &mut dyn Sink) -> Run<()> {
        let Some(block) = block else { return Ok(()) };
        let context = self.context(cx, item);
        match cx.nested(|cx| cx.within(context, |cx| cx.run_block(block, out))) {
            Err(Unwind::Return) => Ok(()),
            other => other,
        }
    }

    fn params(&self) -> &[Param] {
        self.function.block.params.as_ref().map_or(&[], |p| &p.params)
    }

    /// Sets the parameters as variables; those not given get their defaults.
    fn set_parameters(&self, cx: &mut Interp<'_>, bound: &Bound, set: Option<&str>) -> Run<()> {
        let context = self.context(cx, Value::Null);
        cx.within(context, |cx| {
            let mut given = Vec::new();
            for param in self.params() {
                if let Some(value) = bound.get(&param.name) {
                    given.push((Value::from(param.name.clone()), value.clone()));
                    validate::check(cx, &self.function.name, param, value)?;
                    self.set_parameter(cx, param, value.clone());
                }
            }
            let rest = bound.get(REST).cloned().unwrap_or_else(|| Value::array(Vec::new()));
            self.scope.set("args", rest);
            self.scope.set("PSBoundParameters", Value::Hashtable(Hashtable::from_entries(false, given)));
            self.scope.set("MyInvocation", self.my_invocation());
            if self.function.advanced {
                let cmdlet = PsObject::new(&["System.Management.Automation.PSScriptCmdlet"])
                    .with("ParameterSetName", set.unwrap_or("__AllParameterSets"))
                    .with("CommandName", self.function.name.clone());
                self.scope.set("PSCmdlet", cmdlet.into());
            }
            for param in self.params() {
                if !bound.contains_key(&param.name) {
                    let value = match &param.default {
                        Some(default) => cx.operand(default)?,
                        None => Value::Null,
                    };
                    let value = match param_type(param) {
                        Some(to) if !value.is_null() || is_plain(&to) => cx.convert(value, &to)?,
                        _ => value,
                    };
                    self.set_parameter(cx, param, value);
                }
            }
            Ok(())
        })
    }

    fn my_invocation(&self) -> Value {
        let command = PsObject::new(&["System.Management.Automation.FunctionInfo"])
            .with("Name", self.function.name.clone())
            .with("Path", self.function.block.source.name.clone())
            .with("Definition", self.function.block.source.name.clone());
        PsObject::new(&["System.Management.Automation.InvocationInfo"])
            .with("MyCommand", command)
            .with("InvocationName", self.function.name.clone())
            .with("ScriptName", self.function.block.source.name.clone())
            .into()
    }

    fn set_parameter(&self, _: &Interp<'_>, param: &Param, value: Value) {
        let constraint = param_type(param).filter(|t| !matches!(t, Type::Switch | Type::Named(_)));
        self.scope.set_slot(&param.name, Slot { value, constraint, constant: false });
    }
}

fn param_type(param: &Param) -> Option<Type> {
    param.type_name.as_ref().map(|t| Type::of_parameter(&t.name))
}

/// Types whose missing value is zero, false or empty rather than null.
fn is_plain(to: &Type) -> bool {
    matches!(to, Type::Bool | Type::Switch | Type::Int(_) | Type::Double | Type::String)
}

impl Stage for FunctionStage {
    fn begin(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        if self.fed && self.binding.takes_input() {
            // What comes through the pipeline is not there yet: mandatory parameters are checked per object.
            let bound = self.binding.bound().clone();
            self.set_parameters(cx, &bound, None)?;
        } else {
            let call = self.binding.finish()?;
            self.set_parameters(cx, &call.parameters, call.parameter_set.as_deref())?;
        }
        let function = self.function.clone();
        self.run(cx, function.block.begin.as_ref(), Value::Null, out)
    }

    fn process(&mut self, cx: &mut Interp<'_>, input: Value, out: &mut dyn Sink) -> Run<()> {
        let function = self.function.clone();
        if self.binding.takes_input() {
            let call = match self.binding.bind_object(&input) {
                Ok(call) => call,
                Err(error) => return cx.write_error(error),
            };
            self.set_parameters(cx, &call.parameters, call.parameter_set.as_deref())?;
        }
        match &function.block.process {
            Some(block) => self.run(cx, Some(block), input, out),
            None => {
                cx.charge(size_of::<Value>())?;
                self.input.push(input);
                Ok(())
            }
        }
    }

    fn alone(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        let function = self.function.clone();
        self.run(cx, function.block.process.as_ref(), Value::Null, out)
    }

    fn end(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        let function = self.function.clone();
        let last = self.input.last().cloned().unwrap_or_default();
        self.scope.set("input", Value::array(std::mem::take(&mut self.input)));
        // A plain body sees no pipeline object; with parameters by pipeline it sees the last one.
        let item = if self.binding.takes_input() { last } else { cx.at.item.clone() };
        self.run(cx, function.block.end.as_ref(), item, out)
    }
}

impl Interp<'_> {
    /// Runs a block in the caller's scope with `$_` set, and yields what it writes: how `ForEach-Object`,
    /// `Where-Object` and calculated properties run theirs.
    pub(crate) fn run_inline(&mut self, block: &Arc<ScriptBlock>, item: Value) -> Run<Vec<Value>> {
        let mut items = Vec::new();
        self.run_inline_into(block, item, &mut items)?;
        Ok(items)
    }

    /// `$block.Invoke(…)`: in a scope of its own, with `$args`.
    pub(crate) fn invoke_block(&mut self, block: &Arc<ScriptBlock>, arguments: &[Value]) -> Run<Value> {
        let scope = Scope::child(&self.at.scope, ScopeKind::Local);
        scope.set("args", Value::array(arguments.to_vec()));
        for (param, value) in block.params.iter().flat_map(|p| &p.params).zip(arguments) {
            scope.set(&param.name, value.clone());
        }
        let context = Context { scope, ..self.at.clone() };
        let item = self.at.item.clone();
        self.within(context, |cx| cx.run_inline(block, item)).map(Value::from_items)
    }

    /// As [`Interp::run_inline`], streaming.
    pub(crate) fn run_inline_into(
        &mut self,
        block: &Arc<ScriptBlock>,
        item: Value,
        out: &mut dyn Sink,
    ) -> Run<()> {
        self.nested(|cx| {
            let context = Context { item, source: block.source.clone(), ..cx.at.clone() };
            let result = cx.within(context, |cx| {
                for part in [&block.begin, &block.process, &block.end].into_iter().flatten() {
                    cx.run_block(part, out)?;
                }
                Ok(())
            });
            match result {
                Err(Unwind::Return) => Ok(()),
                other => other,
            }
        })
    }
}
