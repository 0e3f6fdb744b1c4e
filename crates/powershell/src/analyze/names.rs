//! What a script itself brings: functions, aliases, and variables that hold parameters for splatting. Files it
//! dot-sources are read, too, where that is possible.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::constant;
use crate::{
    ast::{
        Call, Command, CommandArgument, Expr, ExprKind, MemberName, Part, Post, ScriptBlock, Source,
        Statement,
        walk::{self, Visit},
    },
    eval::{Function, lower},
    parser::parse,
    runspace::Files,
    text::decode,
};

/// How many files one script may bring.
const FILES_MAX: usize = 64;

/// How a variable changes after a hashtable was assigned to it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changes {
    /// How often it is assigned to.
    pub(super) assigned: u32,
    /// Entries are added.
    pub(super) grows: bool,
    /// Entries are removed.
    pub(super) shrinks: bool,
}

/// The names a script brings; all of them are known everywhere in it.
#[derive(Debug, Default)]
pub(super) struct Names {
    functions: HashMap<String, Arc<Function>>,
    aliases: HashMap<String, String>,
    changes: HashMap<String, Changes>,
    /// Files that are dot-sourced, or imported as modules, as far as their names can be read off.
    files: Vec<String>,
    /// Where the script stands, with a slash at the end; empty where that is not known.
    folder: String,
    /// What imported commands' nouns begin with here (`Import-PSSession -Prefix`).
    prefixes: Vec<String>,
    /// Further commands may come from what cannot be read.
    pub(super) open: bool,
}

impl Names {
    /// Everything a script and the files it dot-sources bring.
    pub(super) fn collect(block: &ScriptBlock, path: &str, files: Option<&dyn Files>) -> Self {
        let folder = path.rfind('/').map_or("", |at| &path[..=at]).to_owned();
        let mut names = Names { folder, ..Names::default() };
        walk::script_block(block, &mut names);
        let mut seen = HashSet::new();
        let mut next = 0;
        while let Some(file) = names.files.get(next).cloned() {
            next += 1;
            if seen.len() < FILES_MAX && seen.insert(file.clone()) {
                match files.and_then(|files| names.file(files, &file)) {
                    Some(block) => walk::script_block(&block, &mut names),
                    None => names.open = true,
                }
            }
        }
        names
    }

    /// A function, by its name without case.
    pub(super) fn function(&self, name: &str) -> Option<&Arc<Function>> {
        self.functions.get(&name.to_lowercase())
    }

    /// What a command is called without the prefix it was imported with, if it can have one.
    pub(super) fn without_prefix(&self, name: &str) -> Option<String> {
        let (verb, noun) = name.split_once('-')?;
        self.prefixes.iter().find_map(|prefix| {
            let (start, rest) = noun.split_at_checked(prefix.len())?;
            (start.eq_ignore_ascii_case(prefix) && !rest.is_empty()).then(|| format!("{verb}-{rest}"))
        })
    }

    /// The names of all functions.
    pub(super) fn functions(&self) -> impl Iterator<Item = &str> {
        self.functions.values().map(|function| &*function.name)
    }

    /// What an alias of the script means.
    pub(super) fn alias(&self, name: &str) -> Option<&str> {
        self.aliases.get(&name.to_lowercase()).map(String::as_str)
    }

    /// A script that this one names, where it can be read and parses.
    pub(super) fn file(&self, files: &dyn Files, name: &str) -> Option<Arc<ScriptBlock>> {
        let name = name.replace('\\', "/");
        let relative = name.strip_prefix("./").unwrap_or(&name);
        let path = if relative.starts_with('/') {
            relative.to_owned()
        } else {
            format!("{}{relative}", self.folder)
        };
        let text = decode(&files.read(&path).ok()?);
        parse(Source { name: path.into(), text: text.into() }).ok()
    }

    /// How a variable changes.
    pub(super) fn changes(&self, variable: &str) -> Changes {
        self.changes.get(&variable.to_lowercase()).copied().unwrap_or_default()
    }

    fn change(&mut self, variable: &str) -> &mut Changes {
        self.changes.entry(variable.to_lowercase()).or_default()
    }

    /// `Set-Alias name command`, by name or position.
    fn set_alias(&mut self, command: &Command) {
        let (mut name, mut target, mut positional) = (None, None, Vec::new());
        let mut arguments = command.arguments.iter().peekable();
        while let Some(argument) = arguments.next() {
            match argument {
                CommandArgument::Parameter { name: parameter, value, .. } => {
                    let next = || match arguments.peek() {
                        Some(CommandArgument::Value(expr)) => literal(expr),
                        _ => None,
                    };
                    let given = value.as_ref().map_or_else(next, literal);
                    match &*parameter.to_lowercase() {
                        "name" => name = given,
                        "value" => target = given,
                        _ => {}
                    }
                }
                CommandArgument::Value(expr) => positional.push(literal(expr)),
                CommandArgument::Splat(_) => {}
            }
        }
        // A named argument's value stands among the positional ones, too: the first ones not named are meant.
        let mut rest = positional
            .into_iter()
            .flatten()
            .filter(|text| Some(text) != name.as_ref() && Some(text) != target.as_ref());
        let name = name.clone().or_else(|| rest.next());
        let target = target.clone().or_else(|| rest.next());
        if let (Some(name), Some(target)) = (name, target) {
            self.aliases.insert(name.to_lowercase(), target);
        }
    }
}

impl Visit for Names {
    fn function(&mut self, name: &Arc<str>, block: &Arc<ScriptBlock>) {
        let bare: Arc<str> = name.rsplit(':').next().unwrap_or(name).into();
        let Ok(function) = lower(&bare, block, &mut constant::attribute);
        self.functions.insert(bare.to_lowercase(), Arc::new(function));
        for param in block.params.iter().flat_map(|params| &params.params) {
            self.change(&param.name).assigned += 1;
        }
    }

    fn assignment(&mut self, target: &Expr, compound: bool, _: &Statement) {
        let (variable, whole) = match &target.kind {
            ExprKind::Postfix { base, .. } => (base, false),
            ExprKind::Cast(_, inner) => (inner, true),
            _ => return self.assigned(target, compound),
        };
        match &variable.kind {
            ExprKind::Variable(variable) if whole => self.change(&variable.name).assigned += 1,
            ExprKind::Variable(variable) => self.change(&variable.name).grows = true,
            _ => {}
        }
    }

    fn accesses(&mut self, base: &Expr, rest: &[Post]) {
        let (ExprKind::Variable(variable), Some(Post::Call { name: MemberName::Fixed(method), .. })) =
            (&base.kind, rest.first())
        else {
            return;
        };
        let change = self.change(&variable.name);
        change.grows |= method.eq_ignore_ascii_case("Add");
        change.shrinks |= ["Remove", "Clear"].iter().any(|own| method.eq_ignore_ascii_case(own));
    }

    fn command(&mut self, command: &Command, _: bool) {
        let name = literal(&command.name).unwrap_or_default();
        match &*name.to_ascii_lowercase() {
            "set-alias" | "new-alias" | "sal" | "nal" => self.set_alias(command),
            "import-module" | "ipmo" => {
                let mut values = command.arguments.iter().filter_map(|argument| match argument {
                    CommandArgument::Value(expr) => Some(expr),
                    _ => None,
                });
                match values.next().and_then(path_of) {
                    Some(path) if is_script(&path) => self.files.push(path),
                    _ => self.open = true,
                }
            }
            "import-pssession" | "ipsn" => {
                self.open = true;
                self.prefixes.extend(prefix(command));
            }
            "invoke-expression" | "iex" => self.open = true,
            _ if command.call == Call::DotSource => match path_of(&command.name) {
                Some(path) => self.files.push(path),
                None => self.open |= !matches!(command.name.kind, ExprKind::ScriptBlock(_)),
            },
            _ => {}
        }
    }
}

impl Names {
    fn assigned(&mut self, target: &Expr, compound: bool) {
        match &target.kind {
            ExprKind::Variable(variable) if compound => self.change(&variable.name).grows = true,
            ExprKind::Variable(variable) => self.change(&variable.name).assigned += 1,
            ExprKind::List(items) => items.iter().for_each(|item| self.assigned(item, compound)),
            _ => {}
        }
    }
}

/// The argument of `-Prefix`, where it can be read off.
fn prefix(command: &Command) -> Option<String> {
    let mut arguments = command.arguments.iter();
    while let Some(argument) = arguments.next() {
        let CommandArgument::Parameter { name, value, .. } = argument else { continue };
        if name.len() < 2 || !"prefix".starts_with(&name.to_ascii_lowercase()) {
            continue;
        }
        let value = value.as_ref().or_else(|| match arguments.next() {
            Some(CommandArgument::Value(value)) => Some(value),
            _ => None,
        });
        return value.and_then(literal);
    }
    None
}

/// A text that can be read off.
pub(super) fn literal(expr: &Expr) -> Option<String> {
    constant::value(expr).and_then(|value| value.as_str().map(str::to_owned))
}

/// A file's name that can be read off; `$PSScriptRoot` is where the script is.
fn path_of(expr: &Expr) -> Option<String> {
    if let Some(text) = literal(expr) {
        return Some(text);
    }
    let ExprKind::Expandable(parts) = &expr.kind else { return None };
    match &parts[..] {
        [Part::Variable(root), Part::Text(rest)] if root.name.eq_ignore_ascii_case("PSScriptRoot") => {
            Some(format!(".{rest}"))
        }
        _ => None,
    }
}

fn is_script(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    lower.ends_with(".ps1") || lower.ends_with(".psm1")
}
