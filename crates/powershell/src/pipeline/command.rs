//! A command line made ready: arguments evaluated, common parameters and redirections around the stage.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Found, Sink, Stage};
use crate::{
    ast::{Call, Command, CommandArgument, Expr, ExprKind, RedirectTo, Redirection, Source, Span},
    binder::{Argument, Binding, Common, Given},
    cmdlet::{CommandInfo, ErrorCategory, ErrorRecord},
    eval::{Context, Frame, FrameRef, Interp, Route, Run, ScopeRef, Unwind, runtime},
    value::Value,
};

/// A stage with what its command line asked for around it.
pub(crate) struct Prepared {
    inner: Box<dyn Stage>,
    name: Arc<str>,
    frame: FrameRef,
    source: Arc<Source>,
    span: Span,
    redirect: Redirect,
    common: Common,
    /// What `-OutVariable` collects.
    collected: Option<Vec<Value>>,
    /// Where `-PipelineVariable` puts each object.
    current: Option<(ScopeRef, Arc<str>)>,
}

/// Where a command's streams go.
#[derive(Default)]
pub(crate) struct Redirect {
    routes: [Route; 7],
    /// Output is dropped.
    dropped: bool,
    file: Option<(String, bool)>,
    printed: Vec<Value>,
}

impl Redirect {
    /// A frame, where streams are redirected.
    pub(crate) fn frame(&self, parent: &FrameRef) -> FrameRef {
        let changed = self.routes.iter().any(|r| *r != Route::Inherit);
        changed.then(|| Arc::new(Frame { routes: self.routes, parent: parent.clone(), ..Frame::default() }))
    }

    fn takes_output(&self) -> bool {
        self.dropped || self.file.is_some()
    }

    /// Sends items where the output goes; what stays in the pipeline comes back.
    pub(crate) fn write(mut self, cx: &mut Interp<'_>, items: Vec<Value>) -> Run<Vec<Value>> {
        if !self.takes_output() {
            return Ok(items);
        }
        self.printed = items;
        self.save(cx)?;
        Ok(Vec::new())
    }

    fn save(&mut self, cx: &mut Interp<'_>) -> Run<()> {
        let Some((path, append)) = self.file.take() else { return Ok(()) };
        let text = crate::format::print_all(cx, std::mem::take(&mut self.printed));
        cx.write_file(&path, text.as_bytes(), append)
    }
}

impl Interp<'_> {
    /// Reads redirections.
    pub(crate) fn redirect(&mut self, redirections: &[Redirection]) -> Run<Redirect> {
        let mut redirect = Redirect::default();
        for redirection in redirections {
            let streams = if redirection.stream == 0 {
                1..7
            } else {
                redirection.stream as usize..redirection.stream as usize + 1
            };
            match &redirection.to {
                RedirectTo::Output => {
                    streams.filter(|s| *s > 1).for_each(|s| redirect.routes[s] = Route::Merge)
                }
                RedirectTo::File { path, append } => {
                    let path = self.operand(path)?;
                    let all = redirection.stream == 0;
                    for stream in streams {
                        match (stream, path.is_null()) {
                            (1, true) => redirect.dropped = true,
                            (1, false) => redirect.file = Some((path.to_string(), *append)),
                            (_, true) => redirect.routes[stream] = Route::Drop,
                            (_, false) if all => redirect.routes[stream] = Route::Merge,
                            (_, false) => {
                                let text =
                                    "Only the output stream, or all streams, can be written to a file.";
                                return Err(runtime("NotSupported", ErrorCategory::NotImplemented, text));
                            }
                        }
                    }
                }
            }
        }
        Ok(redirect)
    }

    /// Makes a command ready; `fed` where pipeline objects will come.
    pub(crate) fn prepare(&mut self, command: &Command, fed: bool) -> Run<Prepared> {
        let source = self.at.source.clone();
        self.at.span = command.span;
        let prepared = self.prepare_here(command, fed, source);
        self.at.span = command.span;
        self.placed(self.pointed(command, prepared))
    }

    /// An error about a parameter's name points at that parameter.
    fn pointed(&self, command: &Command, prepared: Run<Prepared>) -> Run<Prepared> {
        let about = |record: &ErrorRecord| {
            command.arguments.iter().find_map(|argument| match argument {
                CommandArgument::Parameter { name, span, .. }
                    if record.message.contains(&format!("parameter name '{name}'")) =>
                {
                    Some(self.at.source.position(*span))
                }
                _ => None,
            })
        };
        prepared.map_err(|unwind| match unwind {
            Unwind::Error { record, fatal } => {
                let position = about(&record);
                let record = Box::new(position.map_or(*record.clone(), |at| record.at(at)));
                Unwind::Error { record, fatal }
            }
            other => other,
        })
    }

    fn prepare_here(&mut self, command: &Command, fed: bool, source: Arc<Source>) -> Run<Prepared> {
        let redirect = self.redirect(&command.redirections)?;
        let name = self.operand(&command.name)?;
        let found = self.find_command(&name, command.call == Call::DotSource)?;
        let arguments = self.evaluate_arguments(&command.arguments)?;
        let name = found.name();
        let (inner, common, should_process) = self.stage(found, arguments, fed)?;
        let frame = self.frame(&common, &redirect, should_process);
        let collected = common.get("OutVariable").map(|_| Vec::new());
        let current =
            common.get("PipelineVariable").map(|name| (self.at.scope.clone(), name.to_string().into()));
        Ok(Prepared { inner, name, frame, source, span: command.span, redirect, common, collected, current })
    }

    fn evaluate_arguments(&mut self, arguments: &[CommandArgument]) -> Run<Vec<Argument>> {
        let mut all = Vec::with_capacity(arguments.len());
        for argument in arguments {
            match argument {
                CommandArgument::Parameter { name, value, .. } => {
                    let value = value.as_ref().map(|v| self.given(v)).transpose()?;
                    all.push(Argument::Named(name.clone(), value));
                }
                CommandArgument::Value(expr) => all.push(Argument::Value(self.given(expr)?)),
                CommandArgument::Splat(variable) => match self.variable(variable) {
                    Value::Hashtable(table) => all.extend(
                        table
                            .to_vec()
                            .into_iter()
                            .map(|(key, value)| Argument::Named(key.to_string().into(), Some(value.into()))),
                    ),
                    other => all.extend(other.into_items().into_iter().map(|v| Argument::Value(v.into()))),
                },
            }
        }
        Ok(all)
    }

    fn given(&mut self, expr: &Expr) -> Run<Given> {
        let text = match &expr.kind {
            ExprKind::Number(_, text) => Some(text.clone()),
            _ => None,
        };
        Ok(Given { text, ..self.operand(expr)?.into() })
    }

    /// `$PSDefaultParameterValues` for a command.
    pub(crate) fn apply_defaults(&mut self, info: &CommandInfo, binding: &mut Binding) -> Run<()> {
        let Some(Value::Hashtable(defaults)) = self.at.scope.get("PSDefaultParameterValues") else {
            return Ok(());
        };
        let mut fitting = Vec::new();
        for (key, value) in defaults.to_vec() {
            let key = key.to_string();
            let Some((command, parameter)) = key.split_once(':') else { continue };
            if crate::eval::Wildcard::new(command.trim(), false).matches(&info.name) {
                fitting.push((parameter.trim().into(), value));
            }
        }
        binding.apply_defaults(fitting).map_err(Unwind::from)
    }

    /// What the common parameters and redirections change, if anything.
    fn frame(&self, common: &Common, redirect: &Redirect, should_process: bool) -> FrameRef {
        let flag = |name: &str| common.get(name).map(Value::truth);
        let collects = |name: &str| common.get(name).map(|_| Mutex::new(Vec::new()));
        let frame = Frame {
            error_action: common.action("ErrorAction"),
            warning_action: common.action("WarningAction"),
            information_action: common.action("InformationAction"),
            verbose: flag("Verbose"),
            debug: flag("Debug"),
            what_if: flag("WhatIf").filter(|_| should_process),
            confirm: flag("Confirm").filter(|_| should_process),
            routes: redirect.routes,
            errors: collects("ErrorVariable"),
            warnings: collects("WarningVariable"),
            information: collects("InformationVariable"),
            merged: Mutex::default(),
            parent: self.at.frame.clone(),
        };
        let plain = *common == Common::default() && redirect.routes.iter().all(|r| *r == Route::Inherit);
        (!plain).then(|| Arc::new(frame))
    }
}

/// The output of a stage on its way out: collected, redirected, or passed on.
struct Tee<'a> {
    out: &'a mut dyn Sink,
    redirect: &'a mut Redirect,
    collected: &'a mut Option<Vec<Value>>,
    current: &'a Option<(ScopeRef, Arc<str>)>,
    frame: &'a FrameRef,
}

impl Tee<'_> {
    /// Writes what other streams were merged into the output.
    fn flush(&mut self, cx: &mut Interp<'_>) -> Run<()> {
        let Some(frame) = self.frame else { return Ok(()) };
        let waiting = std::mem::take(&mut *frame.merged.lock());
        for value in waiting {
            self.pass(cx, value)?;
        }
        Ok(())
    }

    fn pass(&mut self, cx: &mut Interp<'_>, value: Value) -> Run<()> {
        if self.redirect.dropped {
            return Ok(());
        }
        if self.redirect.file.is_some() {
            return self.redirect.printed.put(cx, value);
        }
        self.out.put(cx, value)
    }
}

impl Sink for Tee<'_> {
    fn put(&mut self, cx: &mut Interp<'_>, value: Value) -> Run<()> {
        self.flush(cx)?;
        if let Some(collected) = self.collected {
            collected.put(cx, value.clone())?;
        }
        if let Some((scope, name)) = self.current {
            cx.set_in(scope, name, value.clone())?;
        }
        self.pass(cx, value)
    }
}

impl Prepared {
    fn phase(
        &mut self,
        cx: &mut Interp<'_>,
        out: &mut dyn Sink,
        run: impl FnOnce(&mut dyn Stage, &mut Interp<'_>, &mut dyn Sink) -> Run<()>,
    ) -> Run<()> {
        let frame = self.frame.clone().or_else(|| cx.at.frame.clone());
        let at = Context { frame, source: self.source.clone(), span: self.span, ..cx.at.clone() };
        let Prepared { inner, frame, redirect, collected, current, .. } = self;
        let mut tee = Tee { out, redirect, collected, current, frame };
        let result = cx.within(at, |cx| {
            let result = run(&mut **inner, cx, &mut tee);
            cx.at.span = self.span;
            cx.placed(result)
        });
        let flushed = tee.flush(cx);
        named(result, &self.name).and(flushed)
    }

    /// Assigns what the common parameters collected, and writes what went to a file.
    pub(crate) fn finish(&mut self, cx: &mut Interp<'_>) -> Run<()> {
        if let Some(frame) = &self.frame {
            let stores = [
                ("ErrorVariable", &frame.errors),
                ("WarningVariable", &frame.warnings),
                ("InformationVariable", &frame.information),
            ];
            for (parameter, items) in stores {
                if let (Some(name), Some(items)) = (self.common.get(parameter), items) {
                    cx.store_collected(&name.to_string(), items.lock().clone())?;
                }
            }
        }
        if let (Some(name), Some(items)) = (self.common.get("OutVariable"), self.collected.take()) {
            cx.store_collected(&name.to_string(), items)?;
        }
        self.redirect.save(cx)
    }
}

/// An error of a command carries its name.
fn named(result: Run<()>, name: &str) -> Run<()> {
    result.map_err(|unwind| match unwind {
        Unwind::Error { record, fatal } if wants_name(&record) => {
            Unwind::Error { record: Box::new(record.from_command(name)), fatal }
        }
        other => other,
    })
}

/// Errors of the language itself belong to no command.
fn wants_name(record: &ErrorRecord) -> bool {
    const LANGUAGE: &[&str] = &[
        "CommandNotFoundException",
        "MethodInvocationException",
        "ParentContainsErrorRecordException",
        "RuntimeException",
        "ScriptCallDepthException",
    ];
    record.command.is_empty() && !LANGUAGE.contains(&record.reason())
}

impl Stage for Prepared {
    fn begin(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        self.phase(cx, out, |stage, cx, out| stage.begin(cx, out))
    }
    fn process(&mut self, cx: &mut Interp<'_>, input: Value, out: &mut dyn Sink) -> Run<()> {
        self.phase(cx, out, |stage, cx, out| stage.process(cx, input, out))
    }
    fn alone(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        self.phase(cx, out, |stage, cx, out| stage.alone(cx, out))
    }
    fn end(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        self.phase(cx, out, |stage, cx, out| stage.end(cx, out))
    }
}

impl Found {
    /// The name errors carry.
    pub(crate) fn name(&self) -> Arc<str> {
        match self {
            Found::Builtin(builtin) => builtin.name.into(),
            Found::Function(function, _) => function.name.clone(),
            Found::External(info) => info.name.clone(),
        }
    }
}
