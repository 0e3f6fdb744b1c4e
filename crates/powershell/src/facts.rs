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
    optional: &'static [(&'static str, &'static str)],
    /// Names and lines, sorted by name without case.
    lines: OnceLock<Vec<(&'static str, &'static str)>>,
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
        Facts { text, module, optional: &[], lines: OnceLock::new() }
    }

    /// Corrects the catalogue: these (command, parameter) pairs are not mandatory in every one of their sets,
    /// so the command itself checks them.
    #[must_use]
    pub const fn with_optional(mut self, optional: &'static [(&'static str, &'static str)]) -> Self {
        self.optional = optional;
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
        for p in &mut parameters {
            p.required &= !self.optional.contains(&(line.name, &*p.name));
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
