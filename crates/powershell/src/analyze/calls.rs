//! One command of a script: found, bound, and held against what is built.

use std::{collections::HashMap, sync::Arc};

use base::Timestamp;

use super::{Analyzer, Finding, Lines, Status, constant, names::Names, names::literal, suggest};
use crate::{
    ast::{Call, Command, CommandArgument, Expr, ExprKind, Span, Statement, TypeName, Variable, walk::Visit},
    binder::{Argument, Binding, COMMON, Given, bind, resolve_parameter},
    builtin,
    cmdlet::{CommandInfo, CommandKind, ErrorRecord},
    eval::Function,
    pipeline::simple,
    types::Type,
    value::Value,
};

/// How many aliases may lead to one another.
const ALIASES_MAX: usize = 8;

/// Goes through a script and writes down what is to be expected of each command.
pub(super) struct Checker<'a> {
    analyzer: &'a mut Analyzer,
    names: &'a Names,
    lines: &'a Lines<'a>,
    /// Hashtables that variables hold at this place of the text, by lower-case name.
    tables: HashMap<String, Vec<(Arc<str>, Given)>>,
    findings: Vec<Finding>,
}

/// A command that was found.
enum Target {
    Function(Arc<Function>),
    Command(Arc<CommandInfo>),
}

impl<'a> Checker<'a> {
    pub(super) fn new(analyzer: &'a mut Analyzer, names: &'a Names, lines: &'a Lines<'a>) -> Self {
        Checker { analyzer, names, lines, tables: HashMap::new(), findings: Vec::new() }
    }

    pub(super) fn into_findings(mut self) -> Vec<Finding> {
        self.findings.sort_by_key(|finding| (finding.line, finding.column));
        self.findings
    }

    fn note(&mut self, span: Span, command: &str, status: Status, message: String) {
        let finding = self.lines.finding(span, command, status);
        self.findings.push(Finding { message, ..finding });
    }

    /// As a running session finds it: alias, function, command, and a noun alone means `Get-`.
    fn find(&mut self, typed: &str) -> Option<Target> {
        let bare = typed.rsplit('\\').next().unwrap_or(typed);
        let found = self.lookup(typed);
        let found = if bare == typed { found } else { found.or_else(|| self.lookup(bare)) };
        let found =
            found.or_else(|| if bare.contains('-') { None } else { self.lookup(&format!("Get-{bare}")) });
        found.or_else(|| self.names.without_prefix(bare).and_then(|name| self.lookup(&name)))
    }

    fn lookup(&mut self, typed: &str) -> Option<Target> {
        let mut name: Arc<str> = typed.into();
        for _ in 0..ALIASES_MAX {
            let own = self.names.alias(&name).map(Arc::from);
            match own.or_else(|| self.analyzer.aliases.get(&*name.to_lowercase()).cloned()) {
                Some(target) => name = target,
                None => break,
            }
        }
        match self.names.function(&name) {
            Some(function) => Some(Target::Function(function.clone())),
            None => self.analyzer.find(&name).map(Target::Command),
        }
    }

    /// What is to be expected of a command whose name can be read off.
    fn judge(&mut self, name: &str, command: &Command, fed: bool) -> (Status, String) {
        let (info, function) = match self.find(name) {
            Some(Target::Command(info)) => (info, None),
            Some(Target::Function(function)) => (function.info.clone(), Some(function)),
            None if self.is_brought_file(name, command) => return (Status::Runs, String::new()),
            None => {
                let mut text = self.analyzer.explain(name, self.names);
                if self.names.open {
                    text.push_str(" (A module or file that the script loads may bring it.)");
                }
                return (Status::NotBuilt, text);
            }
        };
        let (mut arguments, more) = self.arguments(&command.arguments);
        if function.is_some_and(|function| !function.advanced) {
            (arguments, _) = simple(&info, arguments);
        }
        let own = info.kind == CommandKind::Function || builtin::find(&info.name).is_some();
        let hints = Hints::of(&info, &arguments);
        let source = self.analyzer.source.clone();
        let bound = bind(info.clone(), arguments, source, Timestamp::default());
        match bound.and_then(|binding| binding.check(fed, more).map(|()| binding)) {
            Ok(_) if own => (Status::Runs, String::new()),
            Ok(binding) => self.built(&binding),
            Err(error) => (Status::BindError, hints.advised(&info, &error)),
        }
    }

    /// Whether all of a call is built.
    fn built(&self, binding: &Binding) -> (Status, String) {
        let (info, source) = (binding.info(), &self.analyzer.source);
        let name = &info.name;
        if !source.is_built(name, None) {
            return (Status::NotBuilt, format!("{name} is known but not built yet."));
        }
        let refused: Vec<String> = binding
            .bound()
            .keys()
            .filter(|parameter| !source.is_built(name, Some(parameter)))
            .map(|parameter| format!("-{parameter}"))
            .collect();
        match &refused[..] {
            [] => (Status::Runs, String::new()),
            [one] => (
                Status::NotBuilt,
                format!(
                    "{name} is built, its parameter {one} not yet: with it, the call is refused and nothing changes."
                ),
            ),
            several => (
                Status::NotBuilt,
                format!(
                    "{name} is built, its parameters {} not yet: with them, the call is refused and nothing changes.",
                    several.join(", ")
                ),
            ),
        }
    }

    /// A script file that stands beside this one is analysed on its own.
    fn is_brought_file(&self, name: &str, command: &Command) -> bool {
        let Some(files) = &self.analyzer.files else { return false };
        let lower = name.to_ascii_lowercase();
        let is_script = lower.ends_with(".ps1") || command.call == Call::DotSource;
        is_script && self.names.file(&**files, name).is_some()
    }

    /// Arguments as far as they can be read off, and whether there may be more.
    fn arguments(&self, arguments: &[CommandArgument]) -> (Vec<Argument>, bool) {
        let (mut all, mut more) = (Vec::with_capacity(arguments.len()), false);
        for argument in arguments {
            match argument {
                CommandArgument::Parameter { name, value, .. } => {
                    all.push(Argument::Named(name.clone(), value.as_ref().map(constant::given)));
                }
                CommandArgument::Value(expr) => all.push(Argument::Value(constant::given(expr))),
                CommandArgument::Splat(variable) => more |= self.splat(variable, &mut all),
            }
        }
        (all, more)
    }

    /// The entries of a splatted hashtable, where they are known; true where there may be more.
    fn splat(&self, variable: &Variable, all: &mut Vec<Argument>) -> bool {
        let changes = self.names.changes(&variable.name);
        let Some(table) = self.tables.get(&variable.name.to_lowercase()).filter(|_| !changes.shrinks) else {
            return true;
        };
        all.extend(table.iter().map(|(key, given)| Argument::Named(key.clone(), Some(given.clone()))));
        changes.assigned != 1 || changes.grows
    }
}

impl Visit for Checker<'_> {
    fn command(&mut self, command: &Command, fed: bool) {
        let Some(name) = literal(&command.name) else {
            if !matches!(command.name.kind, ExprKind::ScriptBlock(_)) {
                let text = "Which command this is only a run would tell.".to_owned();
                self.note(command.span, "", Status::Runs, text);
            }
            return;
        };
        let (status, message) = self.judge(&name, command, fed);
        self.note(command.span, &name, status, message);
    }

    fn assignment(&mut self, target: &Expr, compound: bool, value: &Statement) {
        let variable = match &target.kind {
            ExprKind::Cast(_, inner) => inner,
            _ => target,
        };
        let ExprKind::Variable(variable) = &variable.kind else { return };
        let name = variable.name.to_lowercase();
        match table(value) {
            Some(table) if !compound => self.tables.insert(name, table),
            _ if compound => None,
            _ => self.tables.remove(&name),
        };
    }

    fn type_name(&mut self, name: &TypeName) {
        if Type::find(&name.name).is_none() {
            let text = format!("The .NET type [{}] isn't among those the shell has.", name.name);
            self.note(name.span, &format!("[{}]", name.name), Status::NotBuilt, text);
        }
    }
}

/// The entries of `@{ … }` or `[ordered]@{ … }`, where all keys can be read off.
fn table(value: &Statement) -> Option<Vec<(Arc<str>, Given)>> {
    let mut expr = constant::single(value)?;
    if let ExprKind::Cast(_, inner) = &expr.kind {
        expr = inner;
    }
    let ExprKind::Hash(entries) = &expr.kind else { return None };
    let entry = |(key, value): &(Expr, Statement)| {
        constant::value(key).map(|key| (key.to_string().into(), constant::given_by(value)))
    };
    entries.iter().map(entry).collect()
}

/// What a command line shows of probable mistakes.
struct Hints {
    /// The first name that is no parameter's.
    strange: Option<Arc<str>>,
    /// A switch with `$true` or `$false` behind it.
    switch: Option<Arc<str>>,
}

impl Hints {
    fn of(info: &CommandInfo, arguments: &[Argument]) -> Self {
        let mut hints = Hints { strange: None, switch: None };
        for (at, argument) in arguments.iter().enumerate() {
            let Argument::Named(name, None) = argument else { continue };
            match resolve_parameter(info, name) {
                Err(_) => {
                    hints.strange.get_or_insert_with(|| name.clone());
                }
                Ok(parameter) if parameter.is_switch() => {
                    if matches!(
                        arguments.get(at + 1),
                        Some(Argument::Value(Given { value: Value::Bool(_), .. }))
                    ) {
                        hints.switch.get_or_insert(parameter.name);
                    }
                }
                Ok(_) => {}
            }
        }
        hints
    }

    /// PowerShell's text, and what was probably meant.
    fn advised(&self, info: &CommandInfo, error: &ErrorRecord) -> String {
        let text = &error.message;
        match (&*error.error_id, &self.strange, &self.switch) {
            ("PositionalParameterNotFound", _, Some(switch)) => {
                format!("{text} -{switch} is a switch: write -{switch}, or -{switch}:$false.")
            }
            ("NamedParameterNotFound", strange, _) => {
                let own = info.parameters.iter().map(|parameter| &*parameter.name);
                let known = own.chain(COMMON.iter().map(|parameter| parameter.name));
                match strange.as_ref().and_then(|name| suggest::nearest(name, known)) {
                    Some(near) => format!("{text} Did you mean -{near}?"),
                    None => format!("{text} See Get-Help {} -Full.", info.name),
                }
            }
            _ => text.to_string(),
        }
    }
}
