//! Where errors, warnings and messages go: preferences, common parameters, redirections.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Interp, Run, Unwind, errors::record_to_value};
use crate::{
    cmdlet::{ActionPreference, ErrorCategory, ErrorRecord, Flow, Progress},
    value::{PsObject, Value},
};

/// Where a stream goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Route {
    /// Where the caller's goes.
    #[default]
    Inherit,
    /// Nowhere.
    Drop,
    /// Into the output stream.
    Merge,
    /// Kept for a file.
    Keep,
}

/// One more than the highest number of a stream.
pub(crate) const STREAMS: usize = 7;

/// The streams, by PowerShell's numbers.
pub(crate) const OUTPUT: usize = 1;
pub(crate) const ERROR: usize = 2;
pub(crate) const WARNING: usize = 3;
pub(crate) const VERBOSE: usize = 4;
pub(crate) const DEBUG: usize = 5;
pub(crate) const INFORMATION: usize = 6;

/// What a command's common parameters and redirections change.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    pub(crate) error_action: Option<ActionPreference>,
    pub(crate) warning_action: Option<ActionPreference>,
    pub(crate) information_action: Option<ActionPreference>,
    pub(crate) verbose: Option<bool>,
    pub(crate) debug: Option<bool>,
    pub(crate) what_if: Option<bool>,
    pub(crate) confirm: Option<bool>,
    pub(crate) routes: [Route; STREAMS],
    /// Collects errors (`-ErrorVariable`).
    pub(crate) errors: Option<Mutex<Vec<Value>>>,
    pub(crate) warnings: Option<Mutex<Vec<Value>>>,
    pub(crate) information: Option<Mutex<Vec<Value>>>,
    /// What waits to be written to the output stream.
    pub(crate) merged: Mutex<Vec<Value>>,
    /// What goes to files once the command is over, by stream.
    pub(crate) kept: Mutex<[Vec<Value>; STREAMS]>,
    pub(crate) parent: FrameRef,
}

/// The innermost frame.
pub(crate) type FrameRef = Option<Arc<Frame>>;

/// What a message is counted as on top of its text, bytes: redirections and variables may keep it.
const MESSAGE_COST: usize = 256;

fn frames(frame: &FrameRef) -> impl Iterator<Item = &Frame> {
    std::iter::successors(frame.as_deref(), |f| f.parent.as_deref())
}

impl Interp<'_> {
    fn setting<T>(&self, pick: impl Fn(&Frame) -> Option<T>) -> Option<T> {
        frames(&self.at.frame).find_map(pick)
    }

    fn preference(&self, variable: &str) -> ActionPreference {
        self.at.scope.get(variable).as_ref().and_then(ActionPreference::read).unwrap_or_default()
    }

    /// What happens to errors here.
    pub(crate) fn error_action(&self) -> ActionPreference {
        self.setting(|f| f.error_action).unwrap_or_else(|| self.preference("ErrorActionPreference"))
    }

    /// What happens to warnings here.
    pub(crate) fn warning_action(&self) -> ActionPreference {
        self.setting(|f| f.warning_action).unwrap_or_else(|| self.preference("WarningPreference"))
    }

    /// `-WhatIf` here or around.
    pub(crate) fn what_if(&self) -> bool {
        self.setting(|f| f.what_if)
            .unwrap_or_else(|| self.at.scope.get("WhatIfPreference").is_some_and(|v| v.truth()))
    }

    /// `-Confirm` here or around.
    pub(crate) fn confirm(&self) -> Option<bool> {
        self.setting(|f| f.confirm)
    }

    /// Verbose messages are shown here.
    pub(crate) fn is_verbose(&self) -> bool {
        let shown = |action| matches!(action, ActionPreference::Continue | ActionPreference::Inquire);
        self.setting(|f| f.verbose).unwrap_or_else(|| shown(self.preference("VerbosePreference")))
    }

    /// Debug messages are shown here.
    pub(crate) fn is_debug(&self) -> bool {
        let shown = |action| matches!(action, ActionPreference::Continue | ActionPreference::Inquire);
        self.setting(|f| f.debug).unwrap_or_else(|| shown(self.preference("DebugPreference")))
    }

    /// Sends `value` where stream `stream` goes; `false` where the host should have it.
    fn routed(&self, stream: usize, value: impl Fn() -> Value) -> bool {
        for frame in frames(&self.at.frame) {
            match frame.routes[stream] {
                Route::Inherit => {}
                Route::Drop => return true,
                Route::Merge => {
                    frame.merged.lock().push(value());
                    return true;
                }
                Route::Keep => {
                    frame.kept.lock()[stream].push(value());
                    return true;
                }
            }
        }
        false
    }

    /// Writes a non-terminating error, as the preference says.
    pub(crate) fn write_error(&mut self, record: ErrorRecord) -> Run<()> {
        if self.error_action() == ActionPreference::Ignore {
            self.ok = false;
            return Ok(());
        }
        self.charge(MESSAGE_COST + record.message.len())?;
        self.report_error(record)
    }

    /// A terminating error that nobody caught: remembered and shown, then we go on.
    pub(crate) fn report_error(&mut self, record: ErrorRecord) -> Run<()> {
        let record = if record.position.is_none() { record.at(self.position()) } else { record };
        self.ok = false;
        let action = self.error_action();
        let value = record_to_value(&record);
        for frame in frames(&self.at.frame) {
            if let Some(errors) = &frame.errors {
                errors.lock().push(value.clone());
            }
        }
        if action == ActionPreference::Stop {
            return Err(Unwind::Error { record: Box::new(record), fatal: true });
        }
        self.state.remember(value.clone());
        if matches!(action, ActionPreference::SilentlyContinue | ActionPreference::Ignore) {
            return Ok(());
        }
        self.show_error(record, value)
    }

    fn show_error(&mut self, record: ErrorRecord, value: Value) -> Run<()> {
        if self.routed(ERROR, || value.clone()) {
            return Ok(());
        }
        self.failed = true;
        match self.host.error(record) {
            Flow::Continue => Ok(()),
            Flow::Stop => Err(super::stopped("PipelineStopped", "The pipeline has been stopped.")),
        }
    }

    /// Writes a warning.
    pub(crate) fn write_warning(&mut self, text: &str) -> Run<()> {
        self.charge(MESSAGE_COST + text.len())?;
        for frame in frames(&self.at.frame) {
            if let Some(warnings) = &frame.warnings {
                warnings.lock().push(text.into());
            }
        }
        match self.warning_action() {
            ActionPreference::SilentlyContinue | ActionPreference::Ignore => {}
            ActionPreference::Stop => {
                let text = format!(
                    "The running command stopped because the preference variable \"WarningPreference\" or common \
                     parameter is set to Stop: {text}"
                );
                let record = ErrorRecord::new(
                    "System.Management.Automation.ParentContainsErrorRecordException",
                    "ActionPreferenceStop",
                    ErrorCategory::OperationStopped,
                    text,
                );
                let record = Box::new(record.from_command("Write-Warning").at(self.position()));
                return Err(Unwind::Error { record, fatal: true });
            }
            ActionPreference::Continue | ActionPreference::Inquire => {
                if !self.routed(WARNING, || message("WarningRecord", text)) {
                    self.host.warning(text);
                }
            }
        }
        Ok(())
    }

    /// Writes a verbose message, if wanted.
    pub(crate) fn write_verbose(&mut self, text: &str) {
        self.count(MESSAGE_COST);
        if self.is_verbose() && !self.routed(VERBOSE, || message("VerboseRecord", text)) {
            self.host.verbose(text);
        }
    }

    /// Writes a debug message, if wanted.
    pub(crate) fn write_debug(&mut self, text: &str) {
        self.count(MESSAGE_COST);
        if self.is_debug() && !self.routed(DEBUG, || message("DebugRecord", text)) {
            self.host.debug(text);
        }
    }

    /// Writes to the information stream; `always` for `Write-Host`.
    pub(crate) fn write_information(&mut self, value: Value, always: bool) {
        self.count(MESSAGE_COST);
        for frame in frames(&self.at.frame) {
            if let Some(information) = &frame.information {
                information.lock().push(information_record(&value));
            }
        }
        let action = self
            .setting(|f| f.information_action)
            .unwrap_or_else(|| self.preference("InformationPreference"));
        let shown = always || matches!(action, ActionPreference::Continue | ActionPreference::Inquire);
        if shown && !self.routed(INFORMATION, || information_record(&value)) {
            self.host.information(value);
        }
    }

    /// Shows progress.
    pub(crate) fn write_progress(&mut self, progress: &Progress) {
        if self.preference("ProgressPreference") == ActionPreference::Continue {
            self.host.progress(progress);
        }
    }
}

/// What the information stream carries, as an object.
fn information_record(value: &Value) -> Value {
    PsObject::new(&["System.Management.Automation.InformationRecord"])
        .with("Name", value.to_string())
        .with("MessageData", value.clone())
        .with("Tags", Value::array(Vec::new()))
        .into()
}

/// A message as an object, for `3>&1` and friends: prints as its text.
fn message(kind: &str, text: &str) -> Value {
    let type_name = format!("System.Management.Automation.{kind}");
    PsObject::new(&[&type_name]).with("Name", text).with("Message", text).into()
}
