//! What is known of a command and its parameters.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What kind of command a name is, as `Get-Command` says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommandKind {
    /// Built in or brought by a source.
    #[default]
    Cmdlet,
    /// Written in the language.
    Function,
}

/// A command's declaration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CommandInfo {
    /// `Verb-Noun`.
    pub name: Arc<str>,
    /// What kind of command it is.
    pub kind: CommandKind,
    /// Parameters, in declaration order, without the common ones.
    pub parameters: Vec<ParameterInfo>,
    /// The set to prefer where several fit.
    pub default_set: Option<Arc<str>>,
    /// Takes `-WhatIf` and `-Confirm`.
    pub should_process: bool,
    /// The module (`Get-Command`'s Source).
    pub module: Arc<str>,
    /// A sentence of help, or nothing.
    pub synopsis: Arc<str>,
}

/// A parameter's declaration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ParameterInfo {
    /// The name, without a dash.
    pub name: Arc<str>,
    /// The short .NET type name: `String`, `String[]`, `SwitchParameter`, `MailboxIdParameter`.
    pub type_name: Arc<str>,
    /// Other names.
    pub aliases: Vec<Arc<str>>,
    /// Must be given (in its sets).
    pub required: bool,
    /// Its place among the positional ones; lower comes first, gaps mean nothing.
    pub position: Option<i32>,
    /// Takes the pipeline object itself.
    pub by_value: bool,
    /// Takes the pipeline object's property of its name or alias.
    pub by_property_name: bool,
    /// Takes all remaining positional arguments.
    pub remaining: bool,
    /// The sets it belongs to; all when empty.
    pub sets: Vec<Arc<str>>,
    /// Allowed values (`ValidateSet`, enumerations known); anything when empty.
    pub values: Vec<Arc<str>>,
}

/// A call that shows what a command is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// What it is for, in a few words.
    pub title: Arc<str>,
    /// The command lines.
    pub code: Arc<str>,
}

impl ParameterInfo {
    /// A parameter of this name and type.
    pub fn new(name: &str, type_name: &str) -> Self {
        ParameterInfo { name: name.into(), type_name: type_name.into(), ..ParameterInfo::default() }
    }
    /// True for switches: they take no argument but by a colon.
    pub fn is_switch(&self) -> bool {
        matches!(&*self.type_name, "SwitchParameter" | "switch")
    }
    /// True where it belongs to this set.
    pub fn in_set(&self, set: &str) -> bool {
        self.sets.is_empty() || self.sets.iter().any(|s| s.eq_ignore_ascii_case(set))
    }
    /// True for its name or one of its aliases, without case.
    pub fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name) || self.aliases.iter().any(|a| a.eq_ignore_ascii_case(name))
    }
}

impl CommandInfo {
    /// The parameter of this exact name or alias.
    pub fn parameter(&self, name: &str) -> Option<&ParameterInfo> {
        self.parameters.iter().find(|p| p.is_named(name))
    }

    /// The names of all parameter sets, in order of appearance; empty where there are none.
    pub fn set_names(&self) -> Vec<&Arc<str>> {
        let mut names: Vec<&Arc<str>> = Vec::new();
        for set in self.parameters.iter().flat_map(|p| &p.sets) {
            if !names.iter().any(|n| n.eq_ignore_ascii_case(set)) {
                names.push(set);
            }
        }
        names
    }
}
