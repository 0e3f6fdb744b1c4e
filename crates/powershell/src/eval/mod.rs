//! The evaluator: walks the tree, bounded in steps, depth, memory and time.

mod assign;
mod call;
mod compare;
mod confirm;
mod control;
mod errors;
mod expressions;
mod format_operator;
mod function;
mod items;
mod limits;
mod operators;
mod pattern;
mod scope;
mod sort;
mod state;
mod statements;
mod streams;
mod text_operators;
mod variables;
mod wildcard;

use std::{sync::Arc, time::Duration};

pub(crate) use call::CallSite;
pub(crate) use compare::{compare, compare_text, equal};
pub(crate) use confirm::{Consent, Impact};
pub(crate) use errors::{category_named, record_to_value, value_to_record};
pub(crate) use expressions::STRING_MAX;
pub(crate) use format_operator::{compose, formatted};
pub(crate) use function::{Function, FunctionStage, REST, lower};
pub(crate) use items::Items;
pub use limits::Limits;
pub(crate) use operators::number;
pub(crate) use scope::{Scope, ScopeKind, ScopeRef, Slot};
pub(crate) use state::{Module, State};
pub(crate) use streams::{Frame, FrameRef, OUTPUT, Route, STREAMS};
pub(crate) use text_operators::{invalid, regex, substitute};
pub(crate) use wildcard::Wildcard;

use crate::{
    ast::{Label, Source, Span},
    cmdlet::{ErrorCategory, ErrorRecord, Position, Streams},
    types::{Type, convert},
    value::Value,
};

/// Why evaluation leaves the straight path.
#[derive(Debug)]
pub(crate) enum Unwind {
    /// A terminating error; `fatal` ones (`throw`, `-ErrorAction Stop`) end the script unless caught.
    Error {
        record: Box<ErrorRecord>,
        fatal: bool,
    },
    Break(Label),
    Continue(Label),
    Return,
    Exit(i32),
    /// A stage of this pipeline needs no more input.
    Enough {
        pipeline: u64,
        stage: usize,
    },
    /// Ctrl+C, or a limit was reached: nothing catches it.
    Stopped(Box<ErrorRecord>),
}

pub(crate) type Run<T> = Result<T, Unwind>;

impl From<ErrorRecord> for Unwind {
    fn from(record: ErrorRecord) -> Self {
        Unwind::Error { record: Box::new(record), fatal: false }
    }
}

/// What a piece of script sees: switched when control passes from one pipeline stage to another.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) scope: ScopeRef,
    /// `$_`.
    pub(crate) item: Value,
    pub(crate) frame: FrameRef,
    /// A `try` is around us: errors go there.
    pub(crate) in_try: bool,
    pub(crate) source: Arc<Source>,
    pub(crate) span: Span,
    /// The call we are in; none at the prompt.
    pub(crate) caller: Option<Arc<CallSite>>,
    /// What was answered where the command we are in asked for confirmation.
    pub(crate) consent: Arc<Consent>,
}

/// One run of the evaluator over a runspace's state.
pub(crate) struct Interp<'h> {
    pub(crate) state: &'h mut State,
    pub(crate) host: &'h mut (dyn Streams + Send),
    pub(crate) at: Context,
    /// `$?`.
    pub(crate) ok: bool,
    depth: u32,
    steps: u64,
    pub(super) bytes: u64,
    started: Duration,
    pipelines: u64,
    /// An error nobody handled was written.
    pub(crate) failed: bool,
}

/// Making this many bytes counts as a step.
const BYTES_PER_STEP: usize = 1024;

/// How often the clock and the stop flag are looked at, steps.
const LOOK_EVERY: u64 = 256;

impl<'h> Interp<'h> {
    pub(crate) fn new(state: &'h mut State, host: &'h mut (dyn Streams + Send), source: Arc<Source>) -> Self {
        let at = Context {
            scope: state.global.clone(),
            item: Value::Null,
            frame: None,
            in_try: false,
            source,
            span: Span::default(),
            caller: None,
            consent: Arc::default(),
        };
        let (started, ok) = (state.clock.monotonic(), state.ok);
        Interp { state, host, at, ok, depth: 0, steps: 0, bytes: 0, started, pipelines: 0, failed: false }
    }

    /// Counts a step; fails where a bound is reached or the run is being stopped.
    pub(crate) fn step(&mut self) -> Run<()> {
        self.work(1)
    }

    /// Looks at the clock and the stop flag.
    pub(crate) fn look(&mut self) -> Run<()> {
        if self.host.stopping() {
            return Err(stopped("PipelineStopped", "The pipeline has been stopped."));
        }
        if self.state.clock.monotonic().saturating_sub(self.started) > self.state.limits.time {
            return Err(stopped("TimeLimit", "The script ran too long and was stopped."));
        }
        Ok(())
    }

    /// Counts work done at once, in units of a step: what goes through a whole list or text.
    pub(crate) fn work(&mut self, units: usize) -> Run<()> {
        let before = self.steps;
        self.steps = self.steps.saturating_add(units as u64);
        if self.steps > self.state.limits.steps {
            return Err(stopped("StepLimit", "The script ran too many steps and was stopped."));
        }
        if self.steps / LOOK_EVERY != before / LOOK_EVERY { self.look() } else { Ok(()) }
    }

    /// Counts memory that a script asked for; the next [`Interp::charge`] fails where it was too much.
    pub(crate) fn count(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// Counts memory that a script asked for.
    pub(crate) fn charge(&mut self, bytes: usize) -> Run<()> {
        self.count(bytes);
        self.work(bytes / BYTES_PER_STEP)?;
        if self.bytes > self.state.limits.bytes {
            return Err(stopped("MemoryLimit", "The script used too much memory and was stopped."));
        }
        Ok(())
    }

    /// Runs one level deeper.
    pub(crate) fn nested<T>(&mut self, run: impl FnOnce(&mut Self) -> Run<T>) -> Run<T> {
        if self.depth >= self.state.limits.depth {
            return Err(ErrorRecord::new(
                "System.Management.Automation.ScriptCallDepthException",
                "CallDepthOverflow",
                ErrorCategory::InvalidOperation,
                "The script failed due to call depth overflow.",
            )
            .into());
        }
        self.depth += 1;
        let result = run(self);
        self.depth -= 1;
        result
    }

    /// Runs with the context changed, and changes it back in any case.
    pub(crate) fn within<T>(&mut self, context: Context, run: impl FnOnce(&mut Self) -> Run<T>) -> Run<T> {
        let before = std::mem::replace(&mut self.at, context);
        let result = run(self);
        self.at = before;
        result
    }

    /// Runs with another `$_`.
    pub(crate) fn with_item<T>(&mut self, item: Value, run: impl FnOnce(&mut Self) -> Run<T>) -> Run<T> {
        let before = std::mem::replace(&mut self.at.item, item);
        let result = run(self);
        self.at.item = before;
        result
    }

    /// A fresh number for a pipeline.
    pub(crate) fn next_pipeline(&mut self) -> u64 {
        self.pipelines += 1;
        self.pipelines
    }

    /// Where we are.
    pub(crate) fn position(&self) -> Position {
        self.at.source.position(self.at.span)
    }

    /// Converts, with the error of a cast.
    pub(crate) fn convert(&self, value: Value, to: &Type) -> Run<Value> {
        convert(value, to, self.state.clock.now())
            .map_err(|why| ErrorRecord::runtime(why.id, ErrorCategory::InvalidArgument, why.message).into())
    }

    /// Limits left for a pipeline that prints: used to print errors once.
    pub(crate) fn note_failure(&mut self) {
        self.failed = true;
        self.ok = false;
    }
}

fn stopped(id: &str, text: &str) -> Unwind {
    Unwind::Stopped(Box::new(ErrorRecord::new(
        "System.Management.Automation.PipelineStoppedException",
        id,
        ErrorCategory::OperationStopped,
        text,
    )))
}

/// An error of the language itself.
pub(crate) fn runtime(id: &str, category: ErrorCategory, text: impl Into<Arc<str>>) -> Unwind {
    ErrorRecord::runtime(id, category, text).into()
}
