//! A command's streams as messages, for whoever carries them to another process or machine.

use serde::{Deserialize, Serialize};

use super::{ErrorRecord, Flow, Progress, Prompt, Streams};
use crate::value::Value;

/// One thing that a command wrote.
#[derive(Debug, Serialize, Deserialize)]
pub enum Written {
    /// One object.
    Output(Value),
    /// A non-terminating error.
    Error(ErrorRecord),
    /// A warning.
    Warning(String),
    /// A verbose message.
    Verbose(String),
    /// A debug message.
    Debug(String),
    /// How far the command is.
    Progress(Progress),
    /// The information stream.
    Information(Value),
}

impl Written {
    /// Writes it where it was meant to go. Objects and errors are left out once nobody wants more of them.
    pub fn repeat(self, out: &mut dyn Streams, wanted: &mut Flow) {
        match self {
            Self::Output(value) if *wanted == Flow::Continue => *wanted = out.output(value),
            Self::Error(record) if *wanted == Flow::Continue => *wanted = out.error(record),
            Self::Output(_) | Self::Error(_) => {}
            Self::Warning(text) => out.warning(&text),
            Self::Verbose(text) => out.verbose(&text),
            Self::Debug(text) => out.debug(&text),
            Self::Progress(progress) => out.progress(&progress),
            Self::Information(value) => out.information(value),
        }
    }
}

/// Takes what a command writes to where its caller is.
pub trait Carry {
    /// Takes one message; [`Flow::Stop`] once the caller has gone.
    fn carry(&mut self, message: Written) -> Flow;
    /// Asks the caller; `None` where nobody answers.
    fn ask(&mut self, prompt: &Prompt) -> Option<Value>;
    /// The caller has gone, or wants no more.
    fn stopping(&self) -> bool;
}

/// Streams that end where a [`Carry`] takes them.
pub struct Carried<C>(pub C);

impl<C: Carry> Streams for Carried<C> {
    fn output(&mut self, value: Value) -> Flow {
        self.0.carry(Written::Output(value))
    }
    fn error(&mut self, record: ErrorRecord) -> Flow {
        self.0.carry(Written::Error(record))
    }
    fn warning(&mut self, text: &str) {
        let _ = self.0.carry(Written::Warning(text.into()));
    }
    fn verbose(&mut self, text: &str) {
        let _ = self.0.carry(Written::Verbose(text.into()));
    }
    fn debug(&mut self, text: &str) {
        let _ = self.0.carry(Written::Debug(text.into()));
    }
    fn progress(&mut self, progress: &Progress) {
        let _ = self.0.carry(Written::Progress(progress.clone()));
    }
    fn information(&mut self, value: Value) {
        let _ = self.0.carry(Written::Information(value));
    }
    fn prompt(&mut self, prompt: &Prompt) -> Option<Value> {
        self.0.ask(prompt)
    }
    fn stopping(&self) -> bool {
        self.0.stopping()
    }
}
