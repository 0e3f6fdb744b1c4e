//! Commands of a server as commands here: what `Import-PSSession` makes.

use std::{sync::Arc, time::Duration};

use wire::psrp::{
    CommandMetadata, GetCommandMetadata,
    client::{ClientError, Event},
    command_type,
};

use super::{
    Failure, RemoteCommand, RemoteStage, Session,
    stage::{Running, ended},
};
use crate::{
    binder::{Binding, COMMON},
    cmdlet::{CommandInfo, CommandKind, ParameterInfo},
    eval::{Interp, REST, Run},
    pipeline::Stage,
};

/// The most commands one session may bring.
const COMMANDS_MAX: usize = 10_000;
/// The most parameters of a command.
const PARAMETERS_MAX: usize = 1000;
/// How often a waiting import looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);
/// What about a parameter's memory is not its texts, bytes.
const PARAMETER_SIZE: usize = 200;

/// Commands that are always the shell's own.
const RESERVED: [&str; 8] = [
    "Clear-Host",
    "Exit-PSSession",
    "Get-Command",
    "Get-FormatData",
    "Get-Help",
    "Measure-Object",
    "Out-Default",
    "Select-Object",
];

/// Whether a command is never imported.
pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// What one `Import-PSSession` has brought.
pub(crate) struct Import {
    /// The temporary module's name.
    pub(crate) module: Arc<str>,
    pub(crate) session: Arc<Session>,
    /// The commands' names here.
    pub(crate) commands: Vec<Arc<str>>,
}

/// A command here that runs on a server.
pub(crate) struct Proxy {
    /// Its name there.
    name: String,
    session: Arc<Session>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The common parameters that mean something to the server; the others act here.
const FORWARDED: [&str; 7] =
    ["Verbose", "Debug", "ErrorAction", "WarningAction", "InformationAction", "WhatIf", "Confirm"];

impl Proxy {
    /// For a command of a session.
    pub(crate) fn new(session: &Arc<Session>, command: &CommandMetadata) -> Self {
        Proxy { name: command.name.clone(), session: session.clone() }
    }

    /// A call: named parameters as they were bound, the rest for the server to bind.
    pub(crate) fn stage(&self, binding: &Binding, fed: bool) -> Box<dyn Stage> {
        let mut parameters = Vec::new();
        for (name, value) in binding.bound() {
            match &**name {
                REST => parameters.extend(value.clone().into_items().into_iter().map(|value| (None, value))),
                name => parameters.push((Some(format!("-{name}:")), value.clone())),
            }
        }
        let common = binding.common();
        let given = FORWARDED.iter().filter_map(|name| Some((*name, common.get(name)?)));
        parameters.extend(given.map(|(name, value)| (Some(format!("-{name}:")), value.clone())));
        let command = RemoteCommand { text: self.name.clone(), is_script: false, parameters };
        Box::new(RemoteStage::new(&self.session, vec![command], fed, false))
    }
}

/// What is known here of a server's command: its parameters' names. What they mean is the server's business.
pub(crate) fn declaration(command: &CommandMetadata, name: &str, module: &Arc<str>) -> CommandInfo {
    let common = |name: &str| COMMON.iter().any(|common| common.name.eq_ignore_ascii_case(name));
    let own = command.parameters.iter().filter(|parameter| !common(&parameter.name)).take(PARAMETERS_MAX);
    let mut parameters: Vec<ParameterInfo> = own
        .map(|parameter| ParameterInfo {
            aliases: parameter.aliases.iter().map(|alias| Arc::from(&**alias)).collect(),
            ..ParameterInfo::new(
                &parameter.name,
                if parameter.is_switch { "SwitchParameter" } else { "Object" },
            )
        })
        .collect();
    parameters.push(ParameterInfo { remaining: true, ..ParameterInfo::new(REST, "Object[]") });
    CommandInfo {
        name: name.into(),
        kind: CommandKind::Function,
        parameters,
        should_process: command
            .parameters
            .iter()
            .any(|parameter| parameter.name.eq_ignore_ascii_case("WhatIf")),
        module: module.clone(),
        ..CommandInfo::default()
    }
}

/// The commands of a session with these names (wildcards are allowed).
pub(crate) fn commands_of(
    cx: &mut Interp<'_>,
    session: &Arc<Session>,
    names: Vec<String>,
    namespaces: Vec<String>,
) -> Run<Vec<CommandMetadata>> {
    let failed = |failure: Failure| failure.running(&session.computer);
    let types = command_type::ALIAS | command_type::FUNCTION | command_type::CMDLET;
    let wanted = GetCommandMetadata { names, types, namespaces };
    let begun = session.client(|client| client.metadata(&wanted)).map_err(|error| failed(error.into()))?;
    let mut running = Running::begun(session, begun).map_err(failed)?;
    let mut commands = Vec::new();
    loop {
        let next = running.next(LOOK);
        cx.look()?;
        match next {
            None => {}
            Some(Err(failure)) => return Err(failed(failure).into()),
            Some(Ok(Event::Ended(_, state))) => return ended(state).map(|()| commands),
            Some(Ok(Event::Output(_, node))) => {
                if commands.len() >= COMMANDS_MAX {
                    return Err(failed(ClientError::TooMany.into()).into());
                }
                if let Some(command) = CommandMetadata::read(&node) {
                    cx.charge(command.parameters.len() * PARAMETER_SIZE)?;
                    commands.push(command);
                }
            }
            Some(Ok(_)) => {}
        }
    }
}
