//! Reading and writing variables, the automatic ones included.

use super::{Interp, Run, Scope, Slot, Unwind, runtime};
use crate::{
    ast::Variable,
    cmdlet::{ErrorCategory, ErrorRecord},
    types::Type,
    value::{Hashtable, Value, Version},
};

/// Automatic variables that cannot be written.
const READ_ONLY: &[&str] =
    &["true", "false", "?", "error", "psversiontable", "host", "pid", "home", "shellid", "executioncontext"];

impl Interp<'_> {
    /// The value of a variable; null where there is none.
    pub(crate) fn variable(&mut self, variable: &Variable) -> Value {
        if variable.scope.is_empty() {
            return self
                .automatic(&variable.name)
                .or_else(|| self.at.scope.get(&variable.name))
                .unwrap_or_default();
        }
        match &*variable.scope {
            "global" => self.at.scope.outermost().slot(&variable.name).map(|s| s.value),
            "script" => self.at.scope.script().slot(&variable.name).map(|s| s.value),
            "local" | "private" => self.at.scope.slot(&variable.name).map(|s| s.value),
            "env" => match self.environment(&variable.name) {
                Value::Null => None,
                found => Some(found),
            },
            "variable" | "using" => {
                self.automatic(&variable.name).or_else(|| self.at.scope.get(&variable.name))
            }
            "function" => self.at.scope.function(&variable.name).map(|f| Value::ScriptBlock(f.block.clone())),
            _ => None,
        }
        .unwrap_or_default()
    }

    /// A variable of the environment, found without case; null where there is none.
    pub(crate) fn environment(&self, name: &str) -> Value {
        let mut found = self.state.environment.iter();
        found.find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| Value::from(v.as_str())).into()
    }

    fn automatic(&self, name: &str) -> Option<Value> {
        Some(match name {
            "_" => self.at.item.clone(),
            "?" => Value::Bool(self.ok),
            _ => match &*name.to_ascii_lowercase() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                "psitem" => self.at.item.clone(),
                "error" => Value::Array(self.state.errors.clone()),
                "psversiontable" => version_table(),
                "myinvocation" => self.at.caller.as_ref()?.invocation_info(),
                "psscriptroot" => {
                    let path = self.at.source.name.clone();
                    path.rsplit_once(['/', '\\']).map_or("", |(folder, _)| folder).into()
                }
                "pscommandpath" => self.at.source.name.clone().into(),
                "pid" => Value::from(std::process::id()),
                "shellid" => "Microsoft.PowerShell".into(),
                "pshome" | "home" => self.environment("HOME"),
                "psculture" | "psuiculture" => "en-US".into(),
                "host" => crate::value::PsObject::new(&["System.Management.Automation.Host.PSHost"])
                    .with("Name", "ConsoleHost")
                    .with("Version", Version { parts: [5, 1, 0, 0] })
                    .into(),
                _ => return None,
            },
        })
    }

    /// Sets a variable.
    pub(crate) fn set_variable(&mut self, variable: &Variable, value: Value) -> Run<()> {
        if READ_ONLY.iter().any(|name| variable.name.eq_ignore_ascii_case(name)) {
            return Err(not_writable(&variable.name));
        }
        // `$null = …` drops a value.
        if variable.name.eq_ignore_ascii_case("null") {
            return Ok(());
        }
        if variable.name.as_ref() == "_" || variable.name.eq_ignore_ascii_case("psitem") {
            self.at.item = value;
            return Ok(());
        }
        let scope = self.at.scope.clone();
        let scope: &Scope = match &*variable.scope {
            "global" => scope.outermost(),
            "script" => scope.script(),
            "env" => {
                self.state.environment.insert(variable.name.to_string(), value.to_string());
                return Ok(());
            }
            "function" => return Err(not_writable(&variable.name)),
            _ => &scope,
        };
        self.set_in(scope, &variable.name, value)
    }

    /// Sets a variable of this scope, keeping its type.
    pub(crate) fn set_in(&mut self, scope: &Scope, name: &str, value: Value) -> Run<()> {
        let value = match scope.slot(name) {
            Some(Slot { constant: true, .. }) => return Err(not_writable(name)),
            Some(Slot { constraint: Some(to), .. }) => self.convert(value, &to).map_err(kept_type)?,
            _ => value,
        };
        if scope.set(name, value) {
            Ok(())
        } else {
            Err(runtime("TooManyVariables", ErrorCategory::LimitsExceeded, "There are too many variables."))
        }
    }

    /// `[type]$name = value`: the variable keeps the type.
    pub(crate) fn set_typed(&mut self, variable: &Variable, to: Type, value: Value) -> Run<()> {
        let value = self.convert(value, &to)?;
        self.set_variable(variable, value.clone())?;
        if variable.scope.is_empty() {
            self.at.scope.set_slot(&variable.name, Slot { value, constraint: Some(to), constant: false });
        }
        Ok(())
    }
}

/// A value that does not fit the type a variable keeps.
fn kept_type(unwind: Unwind) -> Unwind {
    match unwind {
        Unwind::Error { record, .. } => ErrorRecord::new(
            "System.Management.Automation.ArgumentTransformationMetadataException",
            "RuntimeException",
            ErrorCategory::MetadataError,
            record.message,
        )
        .into(),
        other => other,
    }
}

fn not_writable(name: &str) -> Unwind {
    let text = format!("Cannot overwrite variable {name} because it is read-only or constant.");
    ErrorRecord::new(
        "System.Management.Automation.SessionStateUnauthorizedAccessException",
        "VariableNotWritable",
        ErrorCategory::WriteError,
        text,
    )
    .on(name)
    .into()
}

fn version_table() -> Value {
    let version = |a, b, c, d| Value::Version(Version { parts: [a, b, c, d] });
    Value::Hashtable(Hashtable::from_entries(
        false,
        [
            ("PSVersion".into(), version(5, 1, 0, 0)),
            ("PSEdition".into(), "Desktop".into()),
            ("PSCompatibleVersions".into(), Value::array(vec![version(5, 0, -1, -1), version(5, 1, 0, 0)])),
            ("PSRemotingProtocolVersion".into(), version(2, 3, -1, -1)),
            ("SerializationVersion".into(), version(1, 1, 0, 1)),
        ],
    ))
}
