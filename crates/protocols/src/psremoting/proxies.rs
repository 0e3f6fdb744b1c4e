//! What an imported session needs beside the cmdlets: the built-in commands that are left in a session without
//! a language, and two more that do nothing here.

use std::sync::Arc;

use powershell::{
    CommandInfo, CommandSource, ErrorRecord, Invocation, ParameterInfo, Streams, Value, cmdlet::CommandKind,
};

/// The built-in commands of a session without a language.
pub(super) const BUILTINS: &[&str] =
    &["Clear-Host", "Get-Command", "Get-Help", "Measure-Object", "Out-Default", "Select-Object"];

/// Commands that exist for the client's sake: its proxies call them. Names and types of their parameters.
const PROXIES: &[(&str, &[(&str, &str)])] = &[
    ("Exit-PSSession", &[]),
    ("Get-FormatData", &[("TypeName", "String[]"), ("PowerShellVersion", "Version")]),
];

/// A caller's cmdlets, and the proxies.
pub(super) struct Session(pub(super) Arc<dyn CommandSource>);

fn proxy(name: &str) -> Option<CommandInfo> {
    let (name, parameters) = PROXIES.iter().find(|(own, _)| own.eq_ignore_ascii_case(name))?;
    let declare = |(at, (name, kind)): (usize, &(&str, &str))| ParameterInfo {
        position: i32::try_from(at).ok(),
        ..ParameterInfo::new(name, kind)
    };
    Some(CommandInfo {
        name: (*name).into(),
        kind: CommandKind::Function,
        parameters: parameters.iter().enumerate().map(declare).collect(),
        ..CommandInfo::default()
    })
}

impl CommandSource for Session {
    fn find(&self, name: &str) -> Option<Arc<CommandInfo>> {
        proxy(name).map(Arc::new).or_else(|| self.0.find(name))
    }

    fn names(&self) -> Vec<Arc<str>> {
        let mut names = self.0.names();
        names.extend(PROXIES.iter().map(|(name, _)| Arc::from(*name)));
        names.sort_by_key(|name| name.to_ascii_lowercase());
        names
    }

    fn modules(&self) -> Vec<Arc<str>> {
        self.0.modules()
    }

    fn invoke(&self, call: &Invocation, out: &mut dyn Streams) -> Result<(), ErrorRecord> {
        // Objects are shown by the client's own formats; there is no session within the session to leave.
        if proxy(&call.command.name).is_some() { Ok(()) } else { self.0.invoke(call, out) }
    }

    fn accepts(&self, parameter_type: &str, object: &Value) -> Option<bool> {
        self.0.accepts(parameter_type, object)
    }

    fn complete(&self, command: &CommandInfo, parameter: &ParameterInfo, prefix: &str) -> Vec<String> {
        self.0.complete(command, parameter, prefix)
    }
}
