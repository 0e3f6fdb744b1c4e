//! The common parameters every command takes.

use std::sync::Arc;

use base::Timestamp;

use super::{Given, coerce, errors};
use crate::{
    cmdlet::{ActionPreference, CommandInfo, ErrorRecord, ParameterInfo, Preferences},
    value::Value,
};

/// A common parameter.
#[derive(Debug)]
pub struct CommonParameter {
    /// Its name.
    pub name: &'static str,
    alias: &'static str,
    type_name: &'static str,
    /// Only for commands that change something.
    should_process: bool,
}

const fn row(name: &'static str, alias: &'static str, type_name: &'static str) -> CommonParameter {
    CommonParameter { name, alias, type_name, should_process: false }
}

/// All of them, in the order `Get-Help` lists them.
pub const COMMON: &[CommonParameter] = &[
    row("Verbose", "vb", "SwitchParameter"),
    row("Debug", "db", "SwitchParameter"),
    row("ErrorAction", "ea", "ActionPreference"),
    row("WarningAction", "wa", "ActionPreference"),
    row("InformationAction", "infa", "ActionPreference"),
    row("ErrorVariable", "ev", "String"),
    row("WarningVariable", "wv", "String"),
    row("InformationVariable", "iv", "String"),
    row("OutVariable", "ov", "String"),
    row("OutBuffer", "ob", "Int32"),
    row("PipelineVariable", "pv", "String"),
    CommonParameter { name: "WhatIf", alias: "wi", type_name: "SwitchParameter", should_process: true },
    CommonParameter { name: "Confirm", alias: "cf", type_name: "SwitchParameter", should_process: true },
];

impl CommonParameter {
    /// Its declaration.
    pub fn info(&self) -> ParameterInfo {
        ParameterInfo { aliases: vec![self.alias.into()], ..ParameterInfo::new(self.name, self.type_name) }
    }
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name) || self.alias.eq_ignore_ascii_case(name)
    }
}

/// Those a command takes.
pub(super) fn of(info: &CommandInfo) -> impl Iterator<Item = &'static CommonParameter> + use<> {
    let should_process = info.should_process;
    COMMON.iter().filter(move |c| should_process || !c.should_process)
}

/// The common parameters that were given on a command line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Common {
    given: Vec<(Arc<str>, Value)>,
}

const ACTIONS: [(&str, ActionPreference); 5] = [
    ("SilentlyContinue", ActionPreference::SilentlyContinue),
    ("Stop", ActionPreference::Stop),
    ("Continue", ActionPreference::Continue),
    ("Inquire", ActionPreference::Inquire),
    ("Ignore", ActionPreference::Ignore),
];

impl ActionPreference {
    /// Reads a name, a unique prefix of one, or the enumeration's number.
    pub fn read(value: &Value) -> Option<Self> {
        if let Value::Int(n) = value {
            return usize::try_from(*n).ok().and_then(|n| ACTIONS.get(n)).map(|(_, action)| *action);
        }
        let text = value.to_string().to_lowercase();
        let mut found = ACTIONS.iter().filter(|(name, _)| name.to_lowercase().starts_with(&text));
        let first = found.next()?;
        (!text.is_empty() && found.next().is_none()).then_some(first.1)
    }

    /// The name, as variables hold it.
    pub fn name(self) -> &'static str {
        ACTIONS.iter().find(|(_, action)| *action == self).map_or("Continue", |(name, _)| name)
    }
}

impl Common {
    pub(super) fn set(
        &mut self,
        info: &CommandInfo,
        parameter: &ParameterInfo,
        given: Given,
        now: Timestamp,
    ) -> Result<(), ErrorRecord> {
        if self.has(&parameter.name) {
            return Err(errors::already_bound(info, parameter));
        }
        let value = match &*parameter.type_name {
            "ActionPreference" if !given.unknown => match ActionPreference::read(&given.value) {
                Some(action) => Value::string(action.name()),
                None => {
                    let names: Vec<&str> = ACTIONS.iter().map(|(name, _)| *name).collect();
                    let to = "System.Management.Automation.ActionPreference";
                    let typed = given.value.to_string();
                    return Err(errors::no_such_name(info, parameter, &typed, to, &names.join(", ")));
                }
            },
            _ => coerce::parameter(info, parameter, given, now)?,
        };
        self.given.push((parameter.name.clone(), value));
        Ok(())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The value of a common parameter, if given.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.given.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// An action preference, if given.
    pub fn action(&self, name: &str) -> Option<ActionPreference> {
        self.get(name).and_then(ActionPreference::read)
    }

    /// The preferences these parameters alone come to.
    pub fn preferences(&self) -> Preferences {
        let on = |name: &str| self.get(name).is_some_and(Value::truth);
        Preferences {
            error: self.action("ErrorAction").unwrap_or_default(),
            warning: self.action("WarningAction").unwrap_or_default(),
            verbose: on("Verbose"),
            debug: on("Debug"),
            what_if: on("WhatIf"),
            confirm: self.get("Confirm").map(Value::truth),
        }
    }
}
