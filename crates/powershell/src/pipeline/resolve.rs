//! From a name to a command, and from a command to a stage.

use std::sync::Arc;

use super::{Stage, external::External};
use crate::{
    ast::Source,
    binder::{self, Argument, Binding, Common},
    builtin::{self, Builtin},
    cmdlet::{CommandInfo, ErrorRecord},
    eval::{Function, FunctionStage, Interp, Run, ScopeKind},
    value::Value,
};

/// A command that was found.
pub(crate) enum Found {
    Builtin(&'static Builtin),
    Function(Arc<Function>, Scoping),
    External(Arc<CommandInfo>),
}

/// Which scope a function runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scoping {
    /// The caller's.
    Dotted,
    /// One of its own.
    Local,
    /// One of its own that `$script:` means.
    Script,
}

/// How many aliases may lead to one another.
const ALIASES_MAX: usize = 8;

impl Interp<'_> {
    /// The command a value names: a name, a script block, or what `Get-Command` returned.
    pub(crate) fn find_command(&mut self, name: &Value, dotted: bool) -> Run<Found> {
        let scoping = if dotted { Scoping::Dotted } else { Scoping::Local };
        match name {
            Value::ScriptBlock(block) => {
                let function = self.lower_function(&"".into(), block)?;
                Ok(Found::Function(Arc::new(function), scoping))
            }
            Value::Null => {
                let text = "The expression after '&' in a pipeline element produced an object that was not valid. It \
                            must result in a command name, a script block, or a CommandInfo object.";
                Err(crate::eval::runtime(
                    "BadExpression",
                    crate::cmdlet::ErrorCategory::InvalidOperation,
                    text,
                ))
            }
            Value::Object(object) => {
                let name = object.with(|o| o.get("Name").cloned()).unwrap_or_default().to_string();
                self.find_named(&name, scoping)
            }
            other => self.find_named(&other.to_string(), scoping),
        }
    }

    fn find_named(&mut self, typed: &str, scoping: Scoping) -> Run<Found> {
        if let Some(found) = self.lookup(typed, scoping) {
            return Ok(found);
        }
        if typed.to_ascii_lowercase().ends_with(".ps1") {
            return self.script_file(typed, scoping);
        }
        // A noun alone means Get-Noun; a module's name in front is allowed.
        let bare = typed.rsplit('\\').next().unwrap_or(typed);
        let implied = format!("Get-{bare}");
        let found = if bare == typed { None } else { self.lookup(bare, scoping) };
        found
            .or_else(|| self.lookup(&implied, scoping).filter(|_| !bare.contains('-')))
            .ok_or_else(|| ErrorRecord::command_not_found(typed).into())
    }

    /// Whether there is a command or an alias of this name.
    pub(crate) fn has_command(&self, name: &str) -> bool {
        self.lookup(name, Scoping::Local).is_some()
    }

    fn lookup(&self, typed: &str, scoping: Scoping) -> Option<Found> {
        let mut name: Arc<str> = typed.into();
        for _ in 0..ALIASES_MAX {
            match self.state.aliases.get(&*name.to_lowercase()) {
                Some(target) => name = target.clone(),
                None => break,
            }
        }
        if let Some(function) = self.at.scope.function(&name) {
            return Some(Found::Function(function, scoping));
        }
        builtin::find(&name)
            .filter(|builtin| self.state.has_builtin(builtin.name))
            .map(Found::Builtin)
            .or_else(|| self.state.source.find(&name).map(Found::External))
    }

    fn script_file(&mut self, path: &str, scoping: Scoping) -> Run<Found> {
        let Some(files) = self.state.files.clone() else {
            return Err(ErrorRecord::command_not_found(path).into());
        };
        let Ok(bytes) = files.read(path) else { return Err(ErrorRecord::command_not_found(path).into()) };
        let text = String::from_utf8_lossy(&bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let source = Source { name: path.into(), text: text.into() };
        let block = crate::parser::parse(source).map_err(|(error, source)| error.record(&source))?;
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path).into();
        let function = self.lower_function(&name, &block)?;
        let scoping = if scoping == Scoping::Dotted { scoping } else { Scoping::Script };
        Ok(Found::Function(Arc::new(function), scoping))
    }

    /// Binds the arguments and makes the stage.
    pub(crate) fn stage(
        &mut self,
        found: Found,
        arguments: Vec<Argument>,
        fed: bool,
    ) -> Run<(Box<dyn Stage>, Common, bool)> {
        match found {
            Found::Builtin(builtin) => {
                let binding = self.bind(Arc::new(builtin.info()), arguments)?;
                let common = binding.common().clone();
                let stage = (builtin.make)(self, builtin::Args::new(builtin, &binding, fed)?)?;
                Ok((stage, common, builtin.should_process))
            }
            Found::External(info) => {
                let binding = self.bind(info.clone(), arguments)?;
                let common = binding.common().clone();
                Ok((Box::new(External { binding, fed }), common, info.should_process))
            }
            Found::Function(function, scoping) => {
                let (arguments, loose) = if function.advanced {
                    (arguments, Vec::new())
                } else {
                    simple(&function.info, arguments)
                };
                let binding = self.bind(function.info.clone(), arguments)?;
                let common = binding.common().clone();
                let kind = if scoping == Scoping::Script { ScopeKind::Script } else { ScopeKind::Local };
                let dotted = scoping == Scoping::Dotted;
                let should_process = function.info.should_process;
                if let Some(proxy) = &function.remote {
                    return Ok((proxy.stage(&binding, fed), common, should_process));
                }
                let stage = FunctionStage::new(self, function, binding, fed, dotted, kind).with_loose(loose);
                Ok((Box::new(stage), common, should_process))
            }
        }
    }

    fn bind(&mut self, info: Arc<CommandInfo>, arguments: Vec<Argument>) -> Run<Binding> {
        let now = self.state.clock.now();
        let mut binding = binder::bind(info.clone(), arguments, self.state.source.clone(), now)?;
        self.apply_defaults(&info, &mut binding)?;
        Ok(binding)
    }
}

/// A simple function takes parameters it does not declare as plain arguments; beside declared ones they do not
/// stand for any of them and come back apart.
pub(crate) fn simple(info: &CommandInfo, arguments: Vec<Argument>) -> (Vec<Argument>, Vec<Value>) {
    let plain = info.parameters.len() <= 1;
    let mut loose = Vec::new();
    let declared = |name: &str| {
        info.parameters.iter().any(|p| {
            p.name.len() >= name.len()
                && p.name.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
                || p.is_named(name)
        })
    };
    let mut all = Vec::with_capacity(arguments.len());
    for argument in arguments {
        match argument {
            Argument::Named(name, value) if !declared(&name) => {
                let text = if value.is_some() { format!("-{name}:") } else { format!("-{name}") };
                if plain {
                    all.push(Argument::Value(text.into()));
                } else {
                    loose.push(text.into());
                }
                all.extend(value.map(Argument::Value));
            }
            other => all.push(other),
        }
    }
    (all, loose)
}
