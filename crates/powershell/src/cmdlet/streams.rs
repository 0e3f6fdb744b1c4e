//! Where a command writes: the seven streams.

use serde::{Deserialize, Serialize};

use super::ErrorRecord;
use crate::value::Value;

/// Whether the reader wants more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// Go on.
    Continue,
    /// Nobody reads any more (`Select-Object -First`, Ctrl+C): stop quietly.
    Stop,
}

/// What to do with a message of a stream (`$ErrorActionPreference` and friends).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActionPreference {
    /// Not shown; errors are still recorded.
    SilentlyContinue,
    /// The first one ends the pipeline.
    Stop,
    /// Shown.
    #[default]
    Continue,
    /// Ask.
    Inquire,
    /// Not shown, not recorded.
    Ignore,
}

/// How far a long command is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being done.
    pub activity: String,
    /// With what, at the moment.
    pub status: String,
    /// 0 to 100, or −1 where unknown.
    pub percent: i32,
    /// The activity is over.
    pub completed: bool,
}

/// A question to the person at the shell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// The headline: `Confirm`.
    pub caption: String,
    /// The question.
    pub message: String,
    /// The answers: `&Yes`, `Yes to &All`, `&No` … (`&` marks the key). Without choices, a text is wanted.
    pub choices: Vec<String>,
    /// The answer when only Enter is pressed.
    pub default: usize,
    /// Do not show what is typed.
    pub secret: bool,
}

impl Prompt {
    /// The choices of a confirmation, by their places.
    pub const YES: i32 = 0;
    /// Yes, and for all further objects of the pipeline.
    pub const YES_TO_ALL: i32 = 1;
    /// No.
    pub const NO: i32 = 2;
    /// No, and for all further objects of the pipeline.
    pub const NO_TO_ALL: i32 = 3;

    const CONFIRMATION: [&str; 4] = ["&Yes", "Yes to &All", "&No", "No to A&ll"];

    /// The question of `-Confirm`: `action` is a sentence.
    pub fn confirmation(action: &str) -> Self {
        Prompt {
            caption: "Confirm".into(),
            message: format!("Are you sure you want to perform this action?\n{action}"),
            choices: Self::CONFIRMATION.map(String::from).to_vec(),
            default: 0,
            secret: false,
        }
    }

    /// True for the question of `-Confirm`, whose answer may hold for all objects.
    pub fn is_confirmation(&self) -> bool {
        self.choices == Self::CONFIRMATION
    }
}

/// Where a command writes.
pub trait Streams {
    /// One object.
    fn output(&mut self, value: Value) -> Flow;
    /// A non-terminating error. [`Flow::Stop`] where `-ErrorAction Stop` ends the pipeline.
    fn error(&mut self, record: ErrorRecord) -> Flow;
    /// A warning.
    fn warning(&mut self, text: &str);
    /// A verbose message.
    fn verbose(&mut self, text: &str);
    /// A debug message.
    fn debug(&mut self, text: &str);
    /// How far we are.
    fn progress(&mut self, progress: &Progress);
    /// The information stream, `Write-Host` included.
    fn information(&mut self, value: Value);
    /// Asks the person; `None` where nobody can answer, else the choice's index, or the text typed.
    fn prompt(&mut self, prompt: &Prompt) -> Option<Value> {
        let _ = prompt;
        None
    }
    /// True once the pipeline is being stopped; long commands look now and then.
    fn stopping(&self) -> bool {
        false
    }
}

/// Keeps everything that is written: for tests and for callers who want the whole answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Collected {
    /// Objects.
    pub output: Vec<Value>,
    /// Errors.
    pub errors: Vec<ErrorRecord>,
    /// Warnings.
    pub warnings: Vec<String>,
    /// Verbose messages.
    pub verbose: Vec<String>,
    /// Debug messages.
    pub debug: Vec<String>,
    /// Progress records.
    pub progress: Vec<Progress>,
    /// Information records.
    pub information: Vec<Value>,
}

impl Streams for Collected {
    fn output(&mut self, value: Value) -> Flow {
        self.output.push(value);
        Flow::Continue
    }
    fn error(&mut self, record: ErrorRecord) -> Flow {
        self.errors.push(record);
        Flow::Continue
    }
    fn warning(&mut self, text: &str) {
        self.warnings.push(text.to_owned());
    }
    fn verbose(&mut self, text: &str) {
        self.verbose.push(text.to_owned());
    }
    fn debug(&mut self, text: &str) {
        self.debug.push(text.to_owned());
    }
    fn progress(&mut self, progress: &Progress) {
        self.progress.push(progress.clone());
    }
    fn information(&mut self, value: Value) {
        self.information.push(value);
    }
}
