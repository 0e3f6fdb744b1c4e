//! The contract between the language and whoever brings commands.
//!
//! A [`CommandSource`] knows commands by name ([`CommandInfo`]) and runs them. The language parses, resolves
//! and binds (see [`crate::binder`]); the source gets an [`Invocation`] with typed parameters and writes to
//! [`Streams`]. A shell's source sends the invocation to a server; the server's source binds again (what
//! comes from a peer is not trusted) and runs it. Both sides share this contract and one binder.

mod error;
mod info;
mod streams;
mod subset;
mod written;

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

pub use error::{ErrorCategory, ErrorRecord, Position};
pub use info::{CommandInfo, CommandKind, Example, ParameterInfo};
pub use streams::{ActionPreference, Collected, Flow, Progress, Prompt, Streams};
pub use subset::Subset;
pub use written::{Carried, Carry, Written};

use crate::value::Value;

/// Parameter names (as declared) and their values, in the order they were bound.
pub type Bound = IndexMap<Arc<str>, Value>;

/// What the common parameters and preferences of a call come to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Preferences {
    /// What to do with non-terminating errors.
    pub error: ActionPreference,
    /// What to do with warnings.
    pub warning: ActionPreference,
    /// Verbose messages are wanted.
    pub verbose: bool,
    /// Debug messages are wanted.
    pub debug: bool,
    /// Say what would be done and do nothing.
    pub what_if: bool,
    /// `-Confirm` or `-Confirm:$false`, if given.
    pub confirm: Option<bool>,
}

/// One call of one command, bound. Commands that take pipeline input are invoked once per object.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The command.
    pub command: Arc<CommandInfo>,
    /// Typed parameters; common ones are not among them but in `preferences`.
    pub parameters: Bound,
    /// The parameter set that was chosen, if the command has sets.
    pub parameter_set: Option<Arc<str>>,
    /// The pipeline object this call is for, if any; what it bound is in `parameters` already.
    pub pipeline_object: Option<Value>,
    /// The common parameters.
    pub preferences: Preferences,
}

impl Invocation {
    /// The value of a parameter, named exactly as declared.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.parameters.get(name)
    }

    /// True where a switch is on.
    pub fn switch(&self, name: &str) -> bool {
        self.get(name).is_some_and(Value::truth)
    }
}

/// Whoever brings commands.
pub trait CommandSource: Send + Sync {
    /// The command of this name, without case; exact names and aliases only.
    fn find(&self, name: &str) -> Option<Arc<CommandInfo>>;

    /// The names of all commands, sorted, for completion and `Get-Command`.
    fn names(&self) -> Vec<Arc<str>>;

    /// The modules the commands come from, for `Import-Module` and `Get-Module`.
    fn modules(&self) -> Vec<Arc<str>> {
        Vec::new()
    }

    /// Runs a call. Objects go to `out` as they are made; when it answers [`Flow::Stop`], nobody wants more:
    /// return `Ok`.
    ///
    /// # Errors
    /// What ended this call; the command has written what it could before. The pipeline goes on with the next
    /// object unless `-ErrorAction Stop` says otherwise.
    fn invoke(&self, call: &Invocation, out: &mut dyn Streams) -> Result<(), ErrorRecord>;

    /// Where these commands are declared, if that is elsewhere: what follows is asked there.
    fn declared(&self) -> Option<&dyn CommandSource> {
        None
    }

    /// Whether an object with these type names can stand for a parameter of this type (for example a
    /// database object for a database identity). `None` where the source has no opinion. Where several
    /// parameters could take an object, the one whose type is named like the object's wins all the same.
    fn accepts(&self, parameter_type: &str, object: &Value) -> Option<bool> {
        self.declared()?.accepts(parameter_type, object)
    }

    /// Whether a command, or one of its parameters, does what it says. What is known and not built binds all the
    /// same, and fails when it runs.
    fn is_built(&self, command: &str, parameter: Option<&str>) -> bool {
        self.declared().is_none_or(|declared| declared.is_built(command, parameter))
    }

    /// Calls that show what a command is for.
    fn examples(&self, command: &str) -> Vec<Example> {
        self.declared().map_or_else(Vec::new, |declared| declared.examples(command))
    }

    /// Values to offer when completing an argument.
    fn complete(&self, command: &CommandInfo, parameter: &ParameterInfo, prefix: &str) -> Vec<String> {
        let _ = (command, parameter, prefix);
        Vec::new()
    }
}

/// No commands at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCommands;

impl CommandSource for NoCommands {
    fn find(&self, _: &str) -> Option<Arc<CommandInfo>> {
        None
    }
    fn names(&self) -> Vec<Arc<str>> {
        Vec::new()
    }
    fn invoke(&self, call: &Invocation, _: &mut dyn Streams) -> Result<(), ErrorRecord> {
        Err(ErrorRecord::command_not_found(&call.command.name))
    }
}
