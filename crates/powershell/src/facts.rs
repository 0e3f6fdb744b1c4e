//! What is known of a product's commands, as JSON lines; a line is parsed only when its command is asked for.

use std::{
    cmp::Ordering,
    sync::{Arc, OnceLock},
};

use serde::Deserialize;

use crate::cmdlet::{CommandInfo, CommandKind, ParameterInfo};

/// A read-only catalogue over a static text: one JSON object a line, each starting with `{"name":"…"`.
#[derive(Debug)]
pub struct Facts {
    text: &'static str,
    module: &'static str,
    corrections: &'static [Correction],
    /// Names and lines, sorted by name without case.
    lines: OnceLock<Vec<(&'static str, &'static str)>>,
}

/// What the lines of a catalogue cannot say of a command's parameter sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correction {
    /// Command, parameter, and those of its sets in which it is not mandatory; all when empty.
    Optional(&'static str, &'static str, &'static [&'static str]),
    /// Command, parameter, and a set that it belongs to as well.
    Also(&'static str, &'static str, &'static str),
    /// Command, and a set that has no parameter of its own.
    Set(&'static str, &'static str),
}

#[derive(Deserialize)]
struct Line<'a> {
    name: &'a str,
    #[serde(default)]
    parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
struct Parameter {
    name: Arc<str>,
    r#type: Arc<str>,
    #[serde(default)]
    required: bool,
    position: Option<String>,
    #[serde(default)]
    pipeline: bool,
    #[serde(default)]
    sets: Vec<Arc<str>>,
    #[serde(default)]
    aliases: Vec<Arc<str>>,
}

impl Facts {
    /// A catalogue of `module`'s commands.
    pub const fn new(module: &'static str, text: &'static str) -> Self {
        Facts { text, module, corrections: &[], lines: OnceLock::new() }
    }

    /// Corrects the catalogue.
    #[must_use]
    pub const fn with_corrections(mut self, corrections: &'static [Correction]) -> Self {
        self.corrections = corrections;
        self
    }

    fn lines(&self) -> &[(&'static str, &'static str)] {
        self.lines.get_or_init(|| {
            let named = self.text.lines().filter_map(|line| name_of(line).map(|name| (name, line)));
            let mut lines: Vec<_> = named.collect();
            lines.sort_by(|a, b| caseless(a.0, b.0));
            lines
        })
    }

    /// The names, sorted without case.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.lines().iter().map(|(name, _)| *name)
    }

    /// The declaration of a command, found without case.
    pub fn find(&self, name: &str) -> Option<CommandInfo> {
        let lines = self.lines();
        let at = lines.binary_search_by(|(known, _)| caseless(known, name)).ok()?;
        let line: Line<'_> = serde_json::from_str(lines[at].1).ok()?;
        Some(self.declare(line))
    }

    fn declare(&self, line: Line<'_>) -> CommandInfo {
        let mut parameters: Vec<ParameterInfo> = line.parameters.into_iter().map(declare_parameter).collect();
        let should_process = parameters.iter().any(|p| &*p.name == "WhatIf");
        parameters.retain(|p| !matches!(&*p.name, "WhatIf" | "Confirm"));
        for correction in self.corrections {
            correct(line.name, &mut parameters, *correction);
        }
        let default_set =
            parameters.iter().find(|p| p.position.is_some()).and_then(|p| p.sets.first().cloned());
        CommandInfo {
            name: line.name.into(),
            kind: CommandKind::Cmdlet,
            parameters,
            default_set,
            should_process,
            module: self.module.into(),
            synopsis: "".into(),
        }
    }
}

fn correct(command: &str, parameters: &mut [ParameterInfo], correction: Correction) {
    match correction {
        Correction::Optional(of, name, sets) if of == command => {
            for parameter in parameters.iter_mut().filter(|p| &*p.name == name) {
                parameter.required &= !sets.is_empty();
                parameter.optional_in = sets.iter().map(|set| Arc::from(*set)).collect();
            }
        }
        Correction::Also(of, name, set) if of == command => {
            for parameter in parameters.iter_mut().filter(|p| &*p.name == name) {
                parameter.sets.push(set.into());
            }
        }
        Correction::Set(of, set) if of == command => {
            let mut all: Vec<Arc<str>> = Vec::new();
            for known in
                parameters.iter().flat_map(|p| &p.sets).filter(|known| !known.eq_ignore_ascii_case(set))
            {
                if !all.contains(known) {
                    all.push(known.clone());
                }
            }
            all.push(set.into());
            // A parameter of all sets names them.
            if let Some(parameter) = parameters.iter_mut().find(|p| p.sets.is_empty()) {
                parameter.sets = all;
            }
        }
        _ => {}
    }
}

/// Sets that name a product version are notes about availability, not parameter sets.
fn is_real_set(set: &str) -> bool {
    !set.starts_with("Exchange ")
}

fn declare_parameter(p: Parameter) -> ParameterInfo {
    let sets = if p.sets.iter().all(|s| is_real_set(s)) { p.sets } else { Vec::new() };
    ParameterInfo {
        name: p.name,
        type_name: p.r#type,
        aliases: p.aliases,
        required: p.required,
        optional_in: Vec::new(),
        position: p.position.and_then(|text| text.parse().ok()),
        by_value: p.pipeline,
        by_property_name: p.pipeline,
        remaining: false,
        sets,
        values: Vec::new(),
    }
}

fn caseless(a: &str, b: &str) -> Ordering {
    a.bytes().map(|b| b.to_ascii_lowercase()).cmp(b.bytes().map(|b| b.to_ascii_lowercase()))
}

fn name_of(line: &'static str) -> Option<&'static str> {
    line.strip_prefix("{\"name\":\"")?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    static FACTS: Facts = Facts::new("Example", include_str!("../../cmdlets/data/cmdlets.jsonl"));

    #[test]
    fn every_line_declares_a_command() {
        let names: Vec<_> = FACTS.names().collect();
        assert_eq!(names.len(), 846);
        for name in names {
            let info = FACTS.find(&name.to_uppercase()).unwrap();
            assert_eq!(&*info.name, name);
        }
        assert!(FACTS.find("Get-Nothing").is_none());
    }

    #[test]
    fn a_known_command() {
        let info = FACTS.find("set-mailbox").unwrap();
        assert!(info.should_process && info.parameter("WhatIf").is_none());
        let identity = info.parameter("Identity").unwrap();
        assert!(identity.required && identity.by_value && identity.position == Some(1));
        assert_eq!(FACTS.find("Get-Mailbox").unwrap().default_set.as_deref(), Some("Identity"));
    }
}
