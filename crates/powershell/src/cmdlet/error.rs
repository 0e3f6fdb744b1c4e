//! Error records: what went wrong, where, and how a script tells errors apart.

use std::{fmt, sync::Arc};

use base::{Fault, FaultKind};
use serde::{Deserialize, Serialize};

use crate::value::Value;

/// `System.Management.Automation.ErrorCategory`, in its numeric order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the product's and say what they say")]
pub enum ErrorCategory {
    #[default]
    NotSpecified,
    OpenError,
    CloseError,
    DeviceError,
    DeadlockDetected,
    InvalidArgument,
    InvalidData,
    InvalidOperation,
    InvalidResult,
    InvalidType,
    MetadataError,
    NotImplemented,
    NotInstalled,
    ObjectNotFound,
    OperationStopped,
    OperationTimeout,
    SyntaxError,
    ParserError,
    PermissionDenied,
    ResourceBusy,
    ResourceExists,
    ResourceUnavailable,
    ReadError,
    WriteError,
    FromStdErr,
    SecurityError,
    ProtocolError,
    ConnectionError,
    AuthenticationError,
    LimitsExceeded,
    QuotaExceeded,
    NotEnabled,
}

impl fmt::Display for ErrorCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Where in a script something stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The script's path; empty for a line typed at the prompt.
    pub script: Arc<str>,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// The whole source line.
    pub text: Arc<str>,
    /// How many characters of the line are meant.
    pub length: u32,
}

/// An error as scripts see it (`$Error[0]`, `$_` in `catch`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ErrorRecord {
    /// The exception's full type name.
    pub exception_type: Arc<str>,
    /// The text for people.
    pub message: Arc<str>,
    /// The class of failure.
    pub category: ErrorCategory,
    /// The identifier, without the command's name.
    pub error_id: Arc<str>,
    /// The command that failed; empty for the language itself.
    pub command: Arc<str>,
    /// What the console writes before the message where that is not the command's name: the alias that was typed,
    /// the function that called `Write-Error`. Thin, because records are what most functions may fail with.
    pub invocation: Option<Arc<String>>,
    /// What it failed on.
    pub target: Value,
    /// Where in the script.
    pub position: Option<Box<Position>>,
}

impl ErrorRecord {
    /// A record of an exception type (full name), an identifier and a text.
    pub fn new(
        exception_type: &str,
        error_id: &str,
        category: ErrorCategory,
        message: impl Into<Arc<str>>,
    ) -> Self {
        ErrorRecord {
            exception_type: exception_type.into(),
            message: message.into(),
            category,
            error_id: error_id.into(),
            ..ErrorRecord::default()
        }
    }

    /// `RuntimeException`, the language's own errors.
    pub fn runtime(error_id: &str, category: ErrorCategory, message: impl Into<Arc<str>>) -> Self {
        Self::new("System.Management.Automation.RuntimeException", error_id, category, message)
    }

    /// The error for a name that is no command.
    pub fn command_not_found(name: &str) -> Self {
        let text = format!(
            "The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable \
             program. Check the spelling of the name, or if a path was included, verify that the path is \
             correct and try again."
        );
        Self::new(
            "System.Management.Automation.CommandNotFoundException",
            "CommandNotFoundException",
            ErrorCategory::ObjectNotFound,
            text,
        )
        .on(name)
    }

    /// The command is known to the product and not built here.
    pub fn not_implemented(command: &str) -> Self {
        Self::new(
            "System.NotImplementedException",
            "NotImplemented",
            ErrorCategory::NotImplemented,
            format!("{command} is known but not implemented yet."),
        )
        .from_command(command)
    }

    /// Says what it failed on.
    #[must_use]
    pub fn on(mut self, target: impl Into<Value>) -> Self {
        self.target = target.into();
        self
    }

    /// Says which command failed, unless known already.
    #[must_use]
    pub fn from_command(mut self, command: &str) -> Self {
        if self.command.is_empty() {
            self.command = command.into();
        }
        self
    }

    /// Says what was typed for the command, unless known already.
    #[must_use]
    pub fn invoked_as(mut self, typed: &str) -> Self {
        self.invocation.get_or_insert_with(|| Arc::new(typed.to_owned()));
        self
    }

    /// Says where, unless known already.
    #[must_use]
    pub fn at(mut self, position: Position) -> Self {
        self.position.get_or_insert_with(|| Box::new(position));
        self
    }

    /// `NamedParameterNotFound,Set-Mailbox`; commands of the language go by the name of their class. An
    /// identifier with a comma is complete, and `Write-Error` does not sign what it writes.
    pub fn fully_qualified_id(&self) -> String {
        let unsigned = self.command.is_empty() || &*self.command == "Write-Error";
        if unsigned || self.error_id.contains(',') {
            return self.error_id.to_string();
        }
        match crate::builtin::class_of(&self.command) {
            Some(class) => format!("{},{class}", self.error_id),
            None => format!("{},{}", self.error_id, self.command),
        }
    }

    /// The exception's short type name, as `CategoryInfo` shows it.
    pub fn reason(&self) -> &str {
        self.exception_type.rsplit('.').next().unwrap_or_default()
    }

    /// `NotSpecified: (nuno:String) [Get-Mailbox], ManagementObjectNotFoundException`.
    pub fn category_info(&self) -> String {
        let (target, kind) = if self.target.is_null() {
            (String::new(), String::new())
        } else {
            let kind = self.target.type_name();
            let kind = kind.rsplit('.').next().unwrap_or_default().to_owned();
            (ellipsis(&self.target.to_string()), kind)
        };
        let command = ellipsis(&self.command);
        format!("{}: ({target}:{kind}) [{command}], {}", self.category, self.reason())
    }
}

/// Long names are cut in the middle, as PowerShell shows them (40 characters).
fn ellipsis(text: &str) -> String {
    let count = text.chars().count();
    if count <= 40 {
        return text.to_owned();
    }
    let head: String = text.chars().take(15).collect();
    let tail: String = text.chars().skip(count - 15).collect();
    format!("{head}...{tail}")
}

impl fmt::Display for ErrorRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ErrorRecord {}

/// Which category each kind of fault is reported as.
const CATEGORIES: &[(FaultKind, ErrorCategory)] = &[
    (FaultKind::NotFound, ErrorCategory::ObjectNotFound),
    (FaultKind::Ambiguous, ErrorCategory::InvalidArgument),
    (FaultKind::AlreadyExists, ErrorCategory::ResourceExists),
    (FaultKind::Invalid, ErrorCategory::InvalidArgument),
    (FaultKind::AccessDenied, ErrorCategory::PermissionDenied),
    (FaultKind::Unauthenticated, ErrorCategory::AuthenticationError),
    (FaultKind::TooLarge, ErrorCategory::QuotaExceeded),
    (FaultKind::Exhausted, ErrorCategory::ResourceUnavailable),
    (FaultKind::Unavailable, ErrorCategory::ResourceUnavailable),
    (FaultKind::Conflict, ErrorCategory::ResourceBusy),
    (FaultKind::NotImplemented, ErrorCategory::NotImplemented),
];

impl From<Fault> for ErrorRecord {
    fn from(fault: Fault) -> Self {
        let category = CATEGORIES
            .iter()
            .find(|(kind, _)| *kind == fault.kind)
            .map_or(ErrorCategory::NotSpecified, |(_, category)| *category);
        ErrorRecord::new(fault.code, fault.code, category, fault.public_text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifies_as_powershell_does() {
        let record =
            ErrorRecord::from(Fault::not_found("x isn't there.")).from_command("Get-Mailbox").on("x");
        assert_eq!(record.fully_qualified_id(), "ManagementObjectNotFoundException,Get-Mailbox");
        assert_eq!(
            record.category_info(),
            "ObjectNotFound: (x:String) [Get-Mailbox], ManagementObjectNotFoundException"
        );
    }
}
