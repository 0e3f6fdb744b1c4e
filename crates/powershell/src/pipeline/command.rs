//! A command line made ready: arguments evaluated, common parameters and redirections around the stage.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Found, Sink, Stage, resolve::Scoping};
use crate::{
    ast::{Call, Command, CommandArgument, Expr, ExprKind, RedirectTo, Redirection, Source, Span},
    binder::{Argument, Binding, Common, Given},
    cmdlet::{CommandInfo, ErrorRecord},
    eval::{Consent, Context, Frame, FrameRef, Interp, OUTPUT, Route, Run, STREAMS, ScopeRef, Unwind},
    lexer::is_name_char,
    value::Value,
};

/// A stage with what its command line asked for around it.
pub(crate) struct Prepared {
    inner: Box<dyn Stage>,
    name: Arc<str>,
    /// What errors show before their message, where it is not the name.
    shown: Arc<str>,
    frame: FrameRef,
    /// The answers to this command's questions.
    consent: Arc<Consent>,
    source: Arc<Source>,
    span: Span,
    redirect: Redirect,
    common: Common,
    /// What `-OutVariable` collects.
    collected: Option<Vec<Value>>,
    /// Where the arguments of named parameters stand.
    places: Vec<(Arc<str>, Span)>,
    /// Where `-PipelineVariable` puts each object.
    current: Option<(ScopeRef, Arc<str>)>,
}

/// Where a command's streams go.
#[derive(Default)]
pub(crate) struct Redirect {
    routes: [Route; STREAMS],
    /// Output is dropped.
    dropped: bool,
    /// Files by stream, and whether they are appended to.
    files: [Option<(String, bool)>; STREAMS],
    printed: Vec<Value>,
}

impl Redirect {
    /// A frame, where streams are redirected.
    pub(crate) fn frame(&self, parent: &FrameRef) -> FrameRef {
        let changed = self.routes.iter().any(|r| *r != Route::Inherit);
        changed.then(|| Arc::new(Frame { routes: self.routes, parent: parent.clone(), ..Frame::default() }))
    }

    fn takes_output(&self) -> bool {
        self.dropped || self.files[OUTPUT].is_some()
    }

    /// Sends items where the output goes; what stays in the pipeline comes back.
    pub(crate) fn write(
        mut self,
        cx: &mut Interp<'_>,
        items: Vec<Value>,
        frame: &FrameRef,
    ) -> Run<Vec<Value>> {
        let rest = if self.takes_output() {
            self.printed = items;
            Vec::new()
        } else {
            items
        };
        self.save(cx, frame)?;
        Ok(rest)
    }

    /// Writes what went to files.
    fn save(&mut self, cx: &mut Interp<'_>, frame: &FrameRef) -> Run<()> {
        for stream in OUTPUT..STREAMS {
            let Some((path, append)) = self.files[stream].take() else { continue };
            let items = match frame {
                _ if stream == OUTPUT => std::mem::take(&mut self.printed),
                Some(frame) => std::mem::take(&mut frame.kept.lock()[stream]),
                None => Vec::new(),
            };
            let text = crate::format::print_all(cx, items)?;
            cx.write_file(&path, text.as_bytes(), append)?;
        }
        Ok(())
    }

    fn add(&mut self, stream: usize, path: &Value, append: bool, all: bool) {
        match (stream, path.is_null()) {
            (OUTPUT, true) => self.dropped = true,
            (OUTPUT, false) => self.files[OUTPUT] = Some((path.to_string(), append)),
            (_, true) => self.routes[stream] = Route::Drop,
            // Everything in one file: in the order it comes.
            (_, false) if all => self.routes[stream] = Route::Merge,
            (_, false) => {
                self.routes[stream] = Route::Keep;
                self.files[stream] = Some((path.to_string(), append));
            }
        }
    }
}

impl Interp<'_> {
    /// Reads redirections.
    pub(crate) fn redirect(&mut self, redirections: &[Redirection]) -> Run<Redirect> {
        let mut redirect = Redirect::default();
        for redirection in redirections {
            let all = redirection.stream == 0;
            let one = redirection.stream as usize;
            let streams = if all { OUTPUT..STREAMS } else { one..one + 1 };
            match &redirection.to {
                RedirectTo::Output => {
                    streams.filter(|s| *s > OUTPUT).for_each(|s| redirect.routes[s] = Route::Merge)
                }
                RedirectTo::File { path, append } => {
                    let path = self.operand(path)?;
                    streams.for_each(|stream| redirect.add(stream, &path, *append, all));
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
        self.placed(prepared)
    }

    fn prepare_here(&mut self, command: &Command, fed: bool, source: Arc<Source>) -> Run<Prepared> {
        let redirect = self.redirect(&command.redirections)?;
        let typed = self.operand(&command.name)?;
        let found = self.find_command(&typed, command.call == Call::DotSource)?;
        let arguments = self.evaluate_arguments(&command.arguments)?;
        self.at.span = command.span;
        self.assemble(&typed, (found, arguments, redirect), fed, (source, Some(command)))
    }

    /// Makes a command ready whose arguments are values already; `routes` is where its streams go.
    pub(super) fn prepare_bound(
        &mut self,
        name: &Value,
        arguments: Vec<Argument>,
        routes: [Route; 7],
        fed: bool,
    ) -> Run<Prepared> {
        let found = self.find_command(name, false)?;
        let redirect = Redirect { routes, ..Redirect::default() };
        let source = self.at.source.clone();
        self.assemble(name, (found, arguments, redirect), fed, (source, None))
    }

    fn assemble(
        &mut self,
        typed: &Value,
        (found, arguments, redirect): (Found, Vec<Argument>, Redirect),
        fed: bool,
        (source, command): (Arc<Source>, Option<&Command>),
    ) -> Run<Prepared> {
        let name = found.name();
        let shown = found.shown(typed, &name);
        let (inner, common, should_process) = self.stage(found, arguments, fed).map_err(|unwind| {
            let unwind = signed(unwind, &name);
            match command {
                Some(command) => pointed(unwind, &source, command),
                None => unwind,
            }
            .invoked(&shown)
        })?;
        let frame = self.frame(&common, &redirect, should_process);
        let collected = common.get("OutVariable").map(|_| Vec::new());
        let current =
            common.get("PipelineVariable").map(|name| (self.at.scope.clone(), name.to_string().into()));
        Ok(Prepared {
            inner,
            name,
            shown,
            frame,
            consent: Arc::default(),
            source,
            span: self.at.span,
            redirect,
            common,
            collected,
            places: command.map(places).unwrap_or_default(),
            current,
        })
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
                    // What a function was given goes on as it came, parameters included.
                    other if variable.name.eq_ignore_ascii_case("args") => {
                        all.extend(other.into_items().into_iter().map(passed_on));
                    }
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
        if defaults.with(|t| t.get_str("Disabled").is_some_and(Value::truth)) {
            return Ok(());
        }
        for (key, value) in defaults.to_vec() {
            let key = key.to_string();
            let Some((command, parameter)) = key.split_once(':') else { continue };
            if crate::eval::Wildcard::new(command.trim(), false).matches(&info.name) {
                let value = match value {
                    Value::ScriptBlock(block) => Value::from_items(self.run_inline(&block, Value::Null)?),
                    value => value,
                };
                fitting.push((parameter.trim().into(), value.or_null()));
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
            kept: Mutex::default(),
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
        if self.redirect.files[OUTPUT].is_some() {
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
        let (source, consent) = (self.source.clone(), self.consent.clone());
        let at = Context { frame, source, span: self.span, consent, ..cx.at.clone() };
        let Prepared { inner, frame, redirect, collected, current, .. } = self;
        let mut tee = Tee { out, redirect, collected, current, frame };
        let result = cx.within(at, |cx| {
            let result = run(&mut **inner, cx, &mut tee);
            let result = result.map_err(|unwind| validated(unwind, &self.source, &self.places));
            cx.at.span = self.span;
            cx.placed(result)
        });
        let flushed = tee.flush(cx);
        named(result, &self.name).map_err(|unwind| unwind.invoked(&self.shown)).and(flushed)
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
        self.redirect.save(cx, &self.frame)
    }
}

impl Unwind {
    /// An error of a command shows what was typed for it.
    fn invoked(self, shown: &str) -> Self {
        match self {
            Unwind::Error { record, fatal } if !shown.is_empty() && !record.command.is_empty() => {
                Unwind::Error { record: Box::new(record.invoked_as(shown)), fatal }
            }
            other => other,
        }
    }
}

/// Errors about what follows a parameter's name, or stands in its place.
const ABOUT_ARGUMENTS: &[&str] = &["ParameterArgument", "CannotConvertArgument"];

/// An error about a parameter points at it, one about an argument at that.
fn pointed(unwind: Unwind, source: &Source, command: &Command) -> Unwind {
    let Unwind::Error { record, fatal } = unwind else { return unwind };
    let quoted = record.message.split_once("parameter '").or_else(|| record.message.split_once("name '"));
    let name = quoted.and_then(|(_, rest)| rest.split('\'').next()).unwrap_or_default();
    let argument = ABOUT_ARGUMENTS.iter().any(|id| record.error_id.starts_with(id));
    let span = if argument { argument_of(command, name) } else { parameter_of(command, name) };
    let record = match span {
        Some(span) => Box::new(record.at(source.position(span))),
        None => record,
    };
    Unwind::Error { record, fatal }
}

/// True for a parameter's name or the start of it.
fn begins(name: &str, typed: &str) -> bool {
    name.get(..typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(typed))
}

fn parameter_of(command: &Command, name: &str) -> Option<Span> {
    command.arguments.iter().find_map(|argument| match argument {
        CommandArgument::Parameter { name: typed, span, .. } if begins(name, typed) => Some(*span),
        _ => None,
    })
}

/// A value that `$args` passes on: a parameter's name is one again.
fn passed_on(value: Value) -> Argument {
    let named = value.as_str().and_then(|text| text.strip_prefix('-')).filter(|name| {
        name.starts_with(char::is_alphabetic) && name.chars().all(|c| is_name_char(c) || c == ':')
    });
    match named.map(|name| name.trim_end_matches(':').into()) {
        Some(name) => Argument::Named(name, None),
        None => Argument::Value(value.into()),
    }
}

/// Named parameters and where their arguments stand.
fn places(command: &Command) -> Vec<(Arc<str>, Span)> {
    let mut all = Vec::new();
    let mut arguments = command.arguments.iter().peekable();
    while let Some(argument) = arguments.next() {
        let CommandArgument::Parameter { name, value, .. } = argument else { continue };
        match (value, arguments.peek()) {
            (Some(value), _) | (None, Some(CommandArgument::Value(value))) => {
                all.push((name.clone(), value.span));
            }
            _ => {}
        }
    }
    all
}

/// An argument that a function refused when it ran is pointed at.
fn validated(unwind: Unwind, source: &Source, places: &[(Arc<str>, Span)]) -> Unwind {
    match unwind {
        Unwind::Error { record, fatal }
            if record.position.is_none() && &*record.error_id == "ParameterArgumentValidationError" =>
        {
            let name = record.message.split_once("parameter '").map_or("", |(_, rest)| rest);
            let name = name.split('\'').next().unwrap_or_default();
            let place = places.iter().find(|(typed, _)| begins(name, typed)).map(|(_, span)| *span);
            let record = match place {
                Some(span) => Box::new(record.at(source.position(span))),
                None => record,
            };
            Unwind::Error { record, fatal }
        }
        other => other,
    }
}

/// The argument of a parameter; without the name, the only positional one.
fn argument_of(command: &Command, name: &str) -> Option<Span> {
    let mut arguments = command.arguments.iter().peekable();
    let (mut positional, mut count) = (None, 0);
    while let Some(argument) = arguments.next() {
        match argument {
            CommandArgument::Parameter { name: typed, value, span } => {
                let next = match arguments.peek() {
                    Some(CommandArgument::Value(value)) => Some(value.span),
                    _ => None,
                };
                if begins(name, typed) {
                    return Some(value.as_ref().map(|v| v.span).or(next).unwrap_or(*span));
                }
            }
            CommandArgument::Value(value) => {
                positional = Some(value.span);
                count += 1;
            }
            CommandArgument::Splat(_) => count += 2,
        }
    }
    positional.filter(|_| count == 1)
}

/// An error of a command carries its name.
fn named(result: Run<()>, name: &str) -> Run<()> {
    result.map_err(|unwind| signed(unwind, name))
}

fn signed(unwind: Unwind, name: &str) -> Unwind {
    match unwind {
        Unwind::Error { record, fatal } if wants_name(&record) => {
            Unwind::Error { record: Box::new(record.from_command(name)), fatal }
        }
        other => other,
    }
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

    /// What errors show for it, where it is not the name: an alias, or a script's path.
    fn shown(&self, typed: &Value, name: &str) -> Arc<str> {
        match (self, typed) {
            (Found::Function(function, Scoping::Script), _) => function.block.source.name.clone(),
            (_, Value::String(typed)) if !typed.eq_ignore_ascii_case(name) => typed.clone(),
            _ => "".into(),
        }
    }
}
