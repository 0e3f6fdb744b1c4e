//! `Get-Help`: from the same declarations the binder uses.

use super::{Args, Builtin, command, p, stages::once, switch};
use crate::{
    cmdlet::{CommandInfo, ErrorCategory, ErrorRecord, ParameterInfo},
    eval::{Interp, Run, Wildcard},
    format::formatted_text,
    pipeline::Stage,
};

pub(crate) const GET_HELP: Builtin = Builtin {
    name: "Get-Help",
    aliases: &["help", "man"],
    synopsis: "Displays information about commands.",
    parameters: &[
        p("Name", "String").at(0),
        p("Parameter", "String"),
        switch("Full"),
        switch("Detailed"),
        switch("Examples"),
        switch("Online"),
    ],
    should_process: false,
    make,
};

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let name = args.text("Name").unwrap_or_else(|| "Get-Help".into());
    let full = args.on("Full") || args.on("Detailed");
    let wanted = args.text("Parameter");
    Ok(once(move |cx, out| {
        if let Some(info) = command::declaration(cx, &name) {
            let text = match &wanted {
                Some(pattern) => parameters(&info, &Wildcard::new(pattern, false)),
                None => page(&info, full),
            };
            return out.put(cx, formatted_text(text));
        }
        let pattern = if Wildcard::is_pattern(&name) { name.clone() } else { format!("*{name}*") };
        let pattern = Wildcard::new(&pattern, false);
        let found: Vec<String> = command::names(cx)
            .into_values()
            .filter(|n| pattern.matches(n))
            .map(|n| format!("{n}\n"))
            .collect();
        if found.is_empty() {
            let text = format!(
                "Get-Help could not find {name} in a help file in this session. To download updated help topics type: \
                 \"Update-Help\"."
            );
            let error = ErrorRecord::new(
                "Microsoft.PowerShell.Commands.HelpNotFoundException",
                "HelpNotFound",
                ErrorCategory::ResourceUnavailable,
                text,
            );
            return cx.write_error(error.from_command("Get-Help"));
        }
        out.put(cx, formatted_text(found.concat()))
    }))
}

fn one(parameter: &ParameterInfo) -> String {
    let name = format!("-{}", parameter.name);
    let with_type =
        if parameter.is_switch() { name.clone() } else { format!("{name} <{}>", parameter.type_name) };
    match (parameter.required, parameter.position.is_some(), parameter.is_switch()) {
        (true, true, false) => format!("[{name}] <{}>", parameter.type_name),
        (true, _, _) => with_type,
        (false, true, false) => format!("[[{name}] <{}>]", parameter.type_name),
        (false, _, _) => format!("[{with_type}]"),
    }
}

/// One line for each parameter set.
pub(super) fn syntax(info: &CommandInfo) -> String {
    let sets = info.set_names();
    let line = |set: Option<&str>| {
        let mut parameters: Vec<&ParameterInfo> = info
            .parameters
            .iter()
            .filter(|p| !p.name.starts_with('\0') && set.is_none_or(|s| p.in_set(s)))
            .collect();
        parameters.sort_by_key(|p| (p.position.unwrap_or(i32::MAX), !p.required));
        let parts: Vec<String> = parameters.into_iter().map(one).collect();
        let should = if info.should_process { " [-WhatIf] [-Confirm]" } else { "" };
        format!("{} {}{should} [<CommonParameters>]", info.name, parts.join(" "))
    };
    if sets.is_empty() {
        return line(None);
    }
    sets.iter().map(|s| line(Some(s))).collect::<Vec<_>>().join("\n\n")
}

fn page(info: &CommandInfo, full: bool) -> String {
    let mut text = format!("\nNAME\n    {}\n\nSYNOPSIS\n    {}\n\nSYNTAX\n", info.name, info.synopsis);
    for line in syntax(info).lines().filter(|l| !l.is_empty()) {
        text.push_str(&format!("    {line}\n\n"));
    }
    if full {
        text.push_str("PARAMETERS\n");
        text.push_str(&parameters(info, &Wildcard::new("*", false)));
    }
    text
}

fn parameters(info: &CommandInfo, wanted: &Wildcard) -> String {
    let mut text = String::new();
    for parameter in info.parameters.iter().filter(|p| wanted.matches(&p.name) && !p.name.starts_with('\0')) {
        let kind = if parameter.is_switch() { String::new() } else { format!(" <{}>", parameter.type_name) };
        let position = parameter.position.map_or("named".to_owned(), |n| n.to_string());
        let piped = match (parameter.by_value, parameter.by_property_name) {
            (true, true) => "true (ByValue, ByPropertyName)",
            (true, false) => "true (ByValue)",
            (false, true) => "true (ByPropertyName)",
            (false, false) => "false",
        };
        text.push_str(&format!(
            "    -{}{kind}\n        Required?                    {}\n        Position?                    {position}\n        \
             Accept pipeline input?       {piped}\n        Aliases                      {}\n\n",
            parameter.name,
            parameter.required,
            parameter.aliases.join(", "),
        ));
    }
    text
}
