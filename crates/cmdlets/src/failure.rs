//! How a cmdlet fails: a fault, and what it failed on.

use std::sync::Arc;

use base::{Fault, FaultKind};
use directory::DirectoryError;
use powershell::cmdlet::ErrorRecord;

/// A terminating error of a cmdlet.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub fault: Fault,
    /// The identity or value it went wrong with, where that is not the call's own identity.
    pub target: Option<Arc<str>>,
}

/// How a cmdlet ends: quietly, or with a terminating error.
pub type Outcome<T = ()> = Result<T, Failure>;

/// .NET's names of exceptions whose faults are called otherwise here.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("HostFunctionNotSupported", "System.Management.Automation.PSInvalidOperationException"),
    ("InternalError", "System.Exception"),
    ("InvalidArgument", "System.ArgumentException"),
    ("MapiExceptionMdbOffline", "Microsoft.Mapi.MapiExceptionMdbOffline"),
    ("MissingMandatoryParameter", "System.Management.Automation.ParameterBindingException"),
    ("NoMatchingEventsFound", "System.Exception"),
    ("NotImplemented", "System.NotImplementedException"),
];

const NO_FOREST: &str = "the members of a linked role group are in another forest, and this organization trusts none. Use Members.";
const NO_SCRIPTS: &str = "an unscoped role holds scripts and other products' cmdlets that the server runs for \
                          remote callers, and this server runs none. Make a role from another with Parent.";

/// Parameters that can't do anything here, whatever the cmdlet, and why.
const IMPOSSIBLE: &[(&str, &str)] = &[
    ("LinkedCredential", NO_FOREST),
    ("LinkedDomainController", NO_FOREST),
    ("LinkedForeignGroup", NO_FOREST),
    ("Type Script", NO_SCRIPTS),
    ("UnScopedTopLevel", NO_SCRIPTS),
];

impl Failure {
    /// Input that is malformed or out of range.
    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Fault::invalid(text).into()
    }

    /// A parameter that must have a value has none.
    pub(crate) fn missing(parameter: &str) -> Self {
        Self::invalid(format!("The parameter {parameter} must have a value."))
    }

    /// Parameters that must be given were not.
    pub(crate) fn missing_mandatory(parameters: &[&str]) -> Self {
        let text = format!(
            "Cannot process command because of one or more missing mandatory parameters: {}.",
            parameters.join(" ")
        );
        Fault::new(FaultKind::Invalid, "MissingMandatoryParameter", text).into()
    }

    /// A parameter that binds but does nothing here yet must say so: a change silently not made is worse.
    pub(crate) fn not_implemented(cmdlet: &str, parameter: &str) -> Self {
        let why = IMPOSSIBLE.iter().find(|row| row.0.eq_ignore_ascii_case(parameter));
        let text = match why {
            Some((_, why)) => {
                format!("{cmdlet} can't do what {parameter} asks for: {why} Nothing was changed.")
            }
            None => format!(
                "The parameter {parameter} of {cmdlet} is known but not implemented in this version; nothing was changed."
            ),
        };
        Self {
            fault: Fault::new(FaultKind::NotImplemented, "NotImplemented", text),
            target: Some(parameter.into()),
        }
    }

    /// As scripts see it; `target` is the call's own identity.
    pub(crate) fn record(self, cmdlet: &str, target: Option<Arc<str>>) -> ErrorRecord {
        let record = ErrorRecord::from(self.fault).from_command(cmdlet);
        let exception = EXCEPTIONS.iter().find(|(id, _)| *id == &*record.error_id);
        let exception_type =
            exception.map_or_else(|| record.exception_type.clone(), |(_, name)| (*name).into());
        let record = ErrorRecord { exception_type, ..record };
        match self.target.or(target) {
            Some(target) => record.on(target),
            None => record,
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self { fault, target: None }
    }
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        let target = match &error {
            DirectoryError::NotFound { identity, .. } | DirectoryError::Ambiguous(identity) => {
                Some(identity.as_str().into())
            }
            _ => None,
        };
        Self { fault: error.into(), target }
    }
}

impl From<store::StoreError> for Failure {
    fn from(error: store::StoreError) -> Self {
        Fault::from(error).into()
    }
}

impl From<transport::TransportError> for Failure {
    fn from(error: transport::TransportError) -> Self {
        Fault::from(error).into()
    }
}
