//! What help says of a command, from the declaration the binder uses: `Get-Help` lays it out for a screen, the
//! generated reference for a page.

use crate::{
    binder::COMMON,
    cmdlet::{CommandInfo, CommandSource, Example, ParameterInfo},
};

/// The parameters a person may give; functions have a hidden one.
pub fn shown(info: &CommandInfo) -> impl Iterator<Item = &ParameterInfo> {
    info.parameters.iter().filter(|p| !p.name.starts_with('\0'))
}

/// A parameter with its type: `-Identity <MailboxIdParameter>`.
pub fn headline(parameter: &ParameterInfo) -> String {
    if parameter.is_switch() {
        format!("-{}", parameter.name)
    } else {
        format!("-{} <{}>", parameter.name, parameter.type_name)
    }
}

/// One call for each parameter set, in brackets what it does without.
pub fn syntax(info: &CommandInfo) -> Vec<String> {
    let line = |set: Option<&str>| {
        let mut parameters: Vec<&ParameterInfo> =
            shown(info).filter(|p| set.is_none_or(|s| p.in_set(s))).collect();
        parameters.sort_by_key(|p| (p.position.unwrap_or(i32::MAX), !p.is_required_in(set)));
        let mut parts = vec![info.name.to_string()];
        parts.extend(parameters.into_iter().map(|p| part(p, set)));
        if info.should_process {
            parts.push("[-WhatIf] [-Confirm]".into());
        }
        parts.push("[<CommonParameters>]".into());
        parts.join(" ")
    };
    match &info.set_names()[..] {
        [] => vec![line(None)],
        sets => sets.iter().map(|set| line(Some(set))).collect(),
    }
}

/// A parameter in a line of syntax.
fn part(parameter: &ParameterInfo, set: Option<&str>) -> String {
    let name = format!("-{}", parameter.name);
    match (parameter.is_required_in(set), parameter.position.is_some(), parameter.is_switch()) {
        (true, true, false) => format!("[{name}] <{}>", parameter.type_name),
        (true, _, _) => headline(parameter),
        (false, true, false) => format!("[[{name}] <{}>]", parameter.type_name),
        (false, _, _) => format!("[{}]", headline(parameter)),
    }
}

/// The names of the common parameters a command takes.
pub fn common(info: &CommandInfo) -> Vec<&'static str> {
    let names = COMMON.iter().map(|c| c.name);
    names.filter(|name| info.should_process || !["WhatIf", "Confirm"].contains(name)).collect()
}

/// The source's examples, or a call with what the command cannot do without.
pub fn examples(info: &CommandInfo, source: &dyn CommandSource) -> Vec<Example> {
    let known = source.examples(&info.name);
    if !known.is_empty() {
        return known;
    }
    let set = info.default_set.as_deref();
    let needed = shown(info).filter(|p| p.is_required_in(set));
    let parts = needed.map(headline).map(|text| format!(" {text}"));
    let code = std::iter::once(info.name.to_string()).chain(parts).collect::<String>();
    vec![Example { title: "With what it cannot do without.".into(), code: code.into() }]
}
