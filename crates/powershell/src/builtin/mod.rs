//! The commands that come with the language: one file per command or small family, one line each in [`ALL`].

mod alias;
mod clixml;
mod columns;
mod command;
mod compare_object;
mod content;
mod credential;
mod csv;
mod date;
mod foreach_object;
mod format_list;
mod format_table;
mod format_wide;
mod get_help;
mod get_member;
mod group_object;
mod grouping;
mod host;
mod html;
mod invoke;
mod json;
mod measure_object;
mod module;
mod module_file;
mod new_object;
mod out;
mod path;
mod pssession;
mod pssession_import;
mod pssession_open;
mod random;
mod script;
mod select_object;
mod select_string;
mod sort_object;
mod stages;
mod tee;
mod uformat;
mod variable;
mod where_object;
mod write;

use std::{collections::BTreeMap, sync::Arc};

use stages::WithInput;

use crate::{
    binder::Binding,
    cmdlet::{Bound, CommandInfo, CommandKind, ParameterInfo},
    eval::{Interp, Run},
    pipeline::Stage,
    value::Value,
};

/// A built-in command's declaration.
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    /// Usual aliases.
    pub(crate) aliases: &'static [&'static str],
    pub(crate) synopsis: &'static str,
    pub(crate) parameters: &'static [P],
    pub(crate) should_process: bool,
    pub(crate) make: fn(&mut Interp<'_>, Args) -> Run<Box<dyn Stage>>,
}

/// A parameter's declaration.
#[derive(Clone, Copy)]
pub(crate) struct P {
    name: &'static str,
    type_name: &'static str,
    aliases: &'static [&'static str],
    position: Option<i32>,
    required: bool,
    piped: bool,
    remaining: bool,
    values: &'static [&'static str],
}

/// A parameter of this name and type.
const fn p(name: &'static str, type_name: &'static str) -> P {
    P {
        name,
        type_name,
        aliases: &[],
        position: None,
        required: false,
        piped: false,
        remaining: false,
        values: &[],
    }
}

/// A switch.
const fn switch(name: &'static str) -> P {
    p(name, "SwitchParameter")
}

/// Two lists of parameters as one.
const fn join<const A: usize, const B: usize, const N: usize>(first: [P; A], then: [P; B]) -> [P; N] {
    assert!(A + B == N);
    let mut all = [INPUT; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < A { first[at] } else { then[at - A] };
        at += 1;
    }
    all
}

/// `-InputObject`, which the pipeline feeds.
const INPUT: P = P { piped: true, ..p("InputObject", "PSObject") };

/// What `Format-List`, `Format-Table` and `Format-Wide` take alike.
const VIEW: [P; 7] = [
    p("GroupBy", "Object"),
    p("View", "String"),
    switch("ShowError"),
    switch("DisplayError"),
    switch("Force"),
    p("Expand", "String"),
    INPUT,
];

impl P {
    const fn at(self, position: i32) -> P {
        P { position: Some(position), ..self }
    }
    const fn needed(self) -> P {
        P { required: true, ..self }
    }
    const fn alias(self, aliases: &'static [&'static str]) -> P {
        P { aliases, ..self }
    }
    const fn rest(self) -> P {
        P { remaining: true, ..self }
    }
    const fn one_of(self, values: &'static [&'static str]) -> P {
        P { values, ..self }
    }

    fn info(&self) -> ParameterInfo {
        ParameterInfo {
            name: self.name.into(),
            type_name: self.type_name.into(),
            aliases: self.aliases.iter().map(|a| Arc::from(*a)).collect(),
            required: self.required,
            position: self.position,
            by_value: self.piped,
            remaining: self.remaining,
            values: self.values.iter().map(|v| Arc::from(*v)).collect(),
            ..ParameterInfo::default()
        }
    }
}

impl Builtin {
    pub(crate) fn info(&self) -> CommandInfo {
        CommandInfo {
            name: self.name.into(),
            kind: CommandKind::Cmdlet,
            parameters: self.parameters.iter().map(P::info).collect(),
            default_set: None,
            should_process: self.should_process,
            module: "Microsoft.PowerShell.Utility".into(),
            synopsis: self.synopsis.into(),
        }
    }
}

/// The bound parameters of a built-in's call.
pub(crate) struct Args {
    bound: Bound,
    /// Pipeline objects come.
    pub(crate) fed: bool,
}

impl Args {
    pub(crate) fn new(_: &Builtin, binding: &Binding, fed: bool) -> Run<Self> {
        let call = binding.finish()?;
        Ok(Args { bound: call.parameters, fed })
    }
    fn get(&self, name: &str) -> Option<&Value> {
        self.bound.get(name).filter(|v| !v.is_null())
    }
    fn has(&self, name: &str) -> bool {
        self.bound.contains_key(name)
    }
    fn on(&self, name: &str) -> bool {
        self.get(name).is_some_and(Value::truth)
    }
    fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(Value::to_string)
    }
    fn list(&self, name: &str) -> Vec<Value> {
        self.get(name).cloned().unwrap_or_default().into_items()
    }
    fn count(&self, name: &str) -> Option<usize> {
        match self.get(name) {
            Some(Value::Int(n)) => Some(usize::try_from(*n).unwrap_or_default()),
            Some(Value::Long(n)) => Some(usize::try_from(*n).unwrap_or_default()),
            _ => None,
        }
    }
    /// Feeds `-InputObject`, where it was given, to a stage.
    fn feed(&self, stage: Box<dyn Stage>) -> Box<dyn Stage> {
        match self.bound.get("InputObject") {
            Some(input) if !self.fed => Box::new(WithInput::new(stage, input.clone())),
            _ => stage,
        }
    }
}

/// Every built-in command, by name.
pub(crate) const ALL: &[&Builtin] = &[
    &content::ADD_CONTENT,
    &get_member::ADD_MEMBER,
    &module::ADD_PS_SNAPIN,
    &host::CLEAR_HOST,
    &variable::CLEAR_VARIABLE,
    &compare_object::COMPARE_OBJECT,
    &pssession::CONNECT_PS_SESSION,
    &csv::CONVERT_FROM_CSV,
    &json::CONVERT_FROM_JSON,
    &credential::CONVERT_FROM_SECURE_STRING,
    &clixml::CONVERT_TO_CLIXML,
    &csv::CONVERT_TO_CSV,
    &html::CONVERT_TO_HTML,
    &json::CONVERT_TO_JSON,
    &credential::CONVERT_TO_SECURE_STRING,
    &pssession::DISCONNECT_PS_SESSION,
    &pssession::ENTER_PS_SESSION,
    &pssession::EXIT_PS_SESSION,
    &clixml::EXPORT_CLIXML,
    &csv::EXPORT_CSV,
    &module_file::EXPORT_MODULE_MEMBER,
    &foreach_object::FOREACH_OBJECT,
    &format_list::FORMAT_LIST,
    &format_table::FORMAT_TABLE,
    &format_wide::FORMAT_WIDE,
    &alias::GET_ALIAS,
    &command::GET_COMMAND,
    &content::GET_CONTENT,
    &credential::GET_CREDENTIAL,
    &date::GET_DATE,
    &get_help::GET_HELP,
    &host::GET_HOST,
    &get_member::GET_MEMBER,
    &module::GET_MODULE,
    &pssession::GET_PS_SESSION,
    &module::GET_PS_SNAPIN,
    &random::GET_RANDOM,
    &sort_object::GET_UNIQUE,
    &variable::GET_VARIABLE,
    &group_object::GROUP_OBJECT,
    &clixml::IMPORT_CLIXML,
    &csv::IMPORT_CSV,
    &module::IMPORT_MODULE,
    &pssession_import::IMPORT_PS_SESSION,
    &invoke::INVOKE_COMMAND,
    &invoke::INVOKE_EXPRESSION,
    &path::JOIN_PATH,
    &invoke::MEASURE_COMMAND,
    &measure_object::MEASURE_OBJECT,
    &alias::NEW_ALIAS,
    &new_object::NEW_OBJECT,
    &pssession::NEW_PS_SESSION,
    &pssession_open::NEW_PS_SESSION_OPTION,
    &date::NEW_TIME_SPAN,
    &variable::NEW_VARIABLE,
    &out::OUT_DEFAULT,
    &out::OUT_FILE,
    &out::OUT_HOST,
    &out::OUT_NULL,
    &out::OUT_STRING,
    &host::READ_HOST,
    &module::REMOVE_MODULE,
    &pssession::REMOVE_PS_SESSION,
    &variable::REMOVE_VARIABLE,
    &select_object::SELECT_OBJECT,
    &select_string::SELECT_STRING,
    &alias::SET_ALIAS,
    &content::SET_CONTENT,
    &module::SET_STRICT_MODE,
    &variable::SET_VARIABLE,
    &sort_object::SORT_OBJECT,
    &path::SPLIT_PATH,
    &date::START_SLEEP,
    &tee::TEE_OBJECT,
    &path::TEST_PATH,
    &script::TEST_SCRIPT_COMPATIBILITY,
    &where_object::WHERE_OBJECT,
    &write::WRITE_DEBUG,
    &write::WRITE_ERROR,
    &write::WRITE_HOST,
    &write::WRITE_INFORMATION,
    &write::WRITE_OUTPUT,
    &write::WRITE_PROGRESS,
    &write::WRITE_VERBOSE,
    &write::WRITE_WARNING,
];

/// The built-in of this name, without case.
pub(crate) fn find(name: &str) -> Option<&'static Builtin> {
    let lower = name.to_ascii_lowercase();
    ALL.binary_search_by(|b| b.name.to_ascii_lowercase().cmp(&lower)).ok().map(|at| ALL[at])
}

/// The name of a built-in's class, as identifiers of its errors end with.
pub(crate) fn class_of(name: &str) -> Option<String> {
    find(name).map(|b| format!("Microsoft.PowerShell.Commands.{}Command", b.name.replace('-', "")))
}

/// The aliases a new session has.
pub(crate) fn aliases() -> BTreeMap<Box<str>, Arc<str>> {
    let usual = ALL.iter().flat_map(|b| b.aliases.iter().map(|a| (Box::from(*a), Arc::from(b.name))));
    usual.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_sorted_and_declares_soundly() {
        assert!(ALL.is_sorted_by_key(|b| b.name.to_ascii_lowercase()));
        let mut aliases: Vec<&str> = ALL.iter().flat_map(|b| b.aliases).copied().collect();
        let count = aliases.len();
        aliases.sort_unstable();
        aliases.dedup();
        assert_eq!(aliases.len(), count, "an alias means one command");
        for builtin in ALL {
            assert!(!builtin.synopsis.is_empty(), "{}", builtin.name);
            let info = builtin.info();
            for parameter in &info.parameters {
                let named = info.parameters.iter().filter(|p| p.is_named(&parameter.name)).count();
                assert_eq!(named, 1, "{} {}", builtin.name, parameter.name);
            }
            assert!(find(&builtin.name.to_uppercase()).is_some());
        }
    }
}
