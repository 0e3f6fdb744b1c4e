//! Commands a source brings, as stages.

use super::{Sink, Stage};
use crate::{
    binder::Binding,
    cmdlet::{ErrorRecord, Flow, Invocation, Progress, Prompt, Streams},
    eval::{Impact, Interp, Run, Unwind},
    value::Value,
};

pub(super) struct External {
    pub(super) binding: Binding,
    pub(super) fed: bool,
}

impl External {
    fn call(&self, cx: &mut Interp<'_>, mut call: Invocation, out: &mut dyn Sink) -> Run<()> {
        let source = cx.state.source.clone();
        let preferences = &mut call.preferences;
        preferences.error = cx.error_action();
        preferences.warning = cx.warning_action();
        preferences.verbose = cx.is_verbose();
        preferences.debug = cx.is_debug();
        preferences.what_if = call.command.should_process && cx.what_if();
        preferences.confirm = cx.confirm().or_else(|| match cx.confirm_from() {
            Impact::None => Some(false),
            Impact::Low | Impact::Medium => Some(true),
            Impact::High => None,
        });
        let command = call.command.name.clone();
        let mut relay = Relay { cx, out, command: &command, stopped: None };
        let result = source.invoke(&call, &mut relay);
        if let Some(unwind) = relay.stopped {
            return Err(unwind);
        }
        match result {
            Ok(()) => Ok(()),
            // The call is over; the pipeline goes on with the next object unless errors stop it.
            Err(record) => cx.write_error(record.from_command(&command)),
        }
    }
}

impl Stage for External {
    fn begin(&mut self, _: &mut Interp<'_>, _: &mut dyn Sink) -> Run<()> {
        // Without pipeline input everything must be there before anything runs.
        if self.fed { Ok(()) } else { self.binding.finish().map(|_| ()).map_err(Unwind::from) }
    }

    fn process(&mut self, cx: &mut Interp<'_>, input: Value, out: &mut dyn Sink) -> Run<()> {
        match self.binding.bind_object(&input) {
            Ok(call) => self.call(cx, call, out),
            Err(record) => cx.write_error(record),
        }
    }

    fn alone(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        let call = self.binding.finish()?;
        self.call(cx, call, out)
    }
}

/// The streams a source writes to, led into the pipeline and the evaluator.
struct Relay<'a, 'h> {
    cx: &'a mut Interp<'h>,
    out: &'a mut dyn Sink,
    command: &'a str,
    /// Why the pipeline must end, once it must.
    stopped: Option<Unwind>,
}

impl Relay<'_, '_> {
    fn flow(&mut self, result: Run<()>) -> Flow {
        match result {
            Ok(()) => Flow::Continue,
            Err(unwind) => {
                self.stopped.get_or_insert(unwind);
                Flow::Stop
            }
        }
    }
}

impl Streams for Relay<'_, '_> {
    fn output(&mut self, value: Value) -> Flow {
        if self.stopped.is_some() {
            return Flow::Stop;
        }
        let result = self.out.put(self.cx, value);
        self.flow(result)
    }
    fn error(&mut self, record: ErrorRecord) -> Flow {
        let result = self.cx.write_error(record.from_command(self.command));
        self.flow(result)
    }
    fn warning(&mut self, text: &str) {
        let result = self.cx.write_warning(text);
        let _ = self.flow(result);
    }
    fn verbose(&mut self, text: &str) {
        self.cx.write_verbose(text);
    }
    fn debug(&mut self, text: &str) {
        self.cx.write_debug(text);
    }
    fn progress(&mut self, progress: &Progress) {
        self.cx.write_progress(progress);
    }
    fn information(&mut self, value: Value) {
        self.cx.write_information(value, true);
    }
    fn prompt(&mut self, prompt: &Prompt) -> Option<Value> {
        match self.cx.ask(prompt) {
            Ok(answer) => answer,
            Err(unwind) => {
                let _ = self.flow(Err(unwind));
                None
            }
        }
    }
    fn stopping(&self) -> bool {
        self.stopped.is_some() || self.cx.host.stopping()
    }
}
