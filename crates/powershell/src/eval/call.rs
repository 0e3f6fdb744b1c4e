//! Where a function or script was called: what `$MyInvocation` says, and where `Write-Error` points.

use std::sync::Arc;

use crate::{
    ast::{Source, Span},
    cmdlet::{ErrorRecord, Position},
    value::{PsObject, Value},
};

/// A call of a function, script or script block.
#[derive(Debug)]
pub(crate) struct CallSite {
    /// The function's or script's name; empty for a script block.
    pub(crate) name: Arc<str>,
    /// The script's path; empty for functions.
    pub(crate) path: Arc<str>,
    /// What was typed.
    pub(crate) typed: Arc<str>,
    /// Where.
    pub(crate) source: Arc<Source>,
    pub(crate) span: Span,
}

impl CallSite {
    /// Where the call stands.
    pub(crate) fn position(&self) -> Position {
        self.source.position(self.span)
    }

    /// Makes an error the call's own, as `Write-Error` and `ThrowTerminatingError` do.
    pub(crate) fn sign(&self, record: ErrorRecord) -> ErrorRecord {
        let id = if self.name.is_empty() || record.error_id.contains(',') {
            record.error_id.clone()
        } else {
            format!("{},{}", record.error_id, self.name).into()
        };
        let shown = if self.path.is_empty() { &self.name } else { &self.path };
        let record = ErrorRecord { error_id: id, position: None, ..record };
        record.invoked_as(shown).at(self.position())
    }

    /// `$MyInvocation`.
    pub(crate) fn invocation_info(&self) -> Value {
        let position = self.position();
        let kind = if self.path.is_empty() { "FunctionInfo" } else { "ExternalScriptInfo" };
        let command = PsObject::new(&[&format!("System.Management.Automation.{kind}")])
            .with("Name", self.name.clone())
            .with("Path", self.path.clone())
            .with("Definition", self.path.clone())
            .with("CommandType", kind.trim_end_matches("Info"));
        PsObject::new(&["System.Management.Automation.InvocationInfo"])
            .with("MyCommand", command)
            .with("InvocationName", self.typed.clone())
            .with("ScriptName", position.script.clone())
            .with("ScriptLineNumber", position.line)
            .with("OffsetInLine", position.column)
            .with("Line", position.text.clone())
            .with("PositionMessage", crate::format::position_message(&position))
            .into()
    }
}
