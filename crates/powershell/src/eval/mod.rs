//! The evaluator: walks the tree, bounded in steps, depth, memory and time.

mod assign;
mod compare;
mod control;
mod errors;
mod expressions;
mod format_operator;
mod function;
mod limits;
mod operators;
mod scope;
mod state;
mod statements;
mod streams;
mod text_operators;
mod variables;
mod wildcard;

use std::{sync::Arc, time::Duration};

pub(crate) use compare::{compare, compare_text, equal};
pub(crate) use errors::{category_named, record_to_value, value_to_record};
pub(crate) use expressions::STRING_MAX;
pub(crate) use format_operator::{compose, formatted};
pub(crate) use function::{Function, FunctionStage, lower};
pub use limits::Limits;
pub(crate) use operators::number;
pub(crate) use scope::{Scope, ScopeKind, ScopeRef, Slot};
pub(crate) use state::State;
pub(crate) use streams::{Frame, FrameRef, Route};
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
    bytes: u64,
    started: Duration,
    pipelines: u64,
    /// An error nobody handled was written.
    pub(crate) failed: bool,
}

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
        };
        let (started, ok) = (state.clock.monotonic(), state.ok);
        Interp { state, host, at, ok, depth: 0, steps: 0, bytes: 0, started, pipelines: 0, failed: false }
    }

    /// Counts a step; fails where a bound is reached or the run is being stopped.
    pub(crate) fn step(&mut self) -> Run<()> {
        self.steps += 1;
        if self.steps > self.state.limits.steps {
            return Err(stopped("StepLimit", "The script ran too many steps and was stopped."));
        }
        if self.steps.is_multiple_of(LOOK_EVERY) {
            self.look()?;
        }
        Ok(())
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

    /// Counts memory that a script asked for.
    pub(crate) fn charge(&mut self, bytes: usize) -> Run<()> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
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
