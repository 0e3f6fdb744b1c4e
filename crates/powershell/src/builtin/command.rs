//! `Get-Command`: built-ins, functions and the source's commands.

use std::{collections::BTreeMap, sync::Arc};

use super::{ALL, Args, Builtin, p, stages::once, switch};
use crate::{
    binder::COMMON,
    cmdlet::{CommandInfo, CommandKind, ErrorRecord, ParameterInfo},
    eval::{Interp, Run, Wildcard},
    help,
    pipeline::Stage,
    value::{Hashtable, PsObject, Value},
};

pub(crate) const GET_COMMAND: Builtin = Builtin {
    name: "Get-Command",
    aliases: &["gcm"],
    synopsis: "Gets all commands.",
    parameters: &[
        p("Name", "String[]").at(0),
        p("Verb", "String[]"),
        p("Noun", "String[]"),
        p("Module", "String[]").alias(&["PSSnapin"]),
        p("CommandType", "String[]").alias(&["Type"]),
        p("TotalCount", "Int32"),
        p("ParameterName", "String[]"),
        p("ArgumentList", "Object[]"),
        switch("Syntax"),
        switch("ListImported"),
        switch("All"),
    ],
    should_process: false,
    make,
};

/// Every command seen from here, by lower-case name.
pub(super) fn names(cx: &Interp<'_>) -> BTreeMap<String, Arc<str>> {
    let mut all: BTreeMap<String, Arc<str>> = BTreeMap::new();
    for builtin in ALL.iter().filter(|builtin| cx.state.has_builtin(builtin.name)) {
        all.insert(builtin.name.to_lowercase(), builtin.name.into());
    }
    for name in cx.state.source.names().into_iter().chain(cx.at.scope.functions()) {
        all.insert(name.to_lowercase(), name);
    }
    all
}

/// The declaration of a command by its exact name or alias.
pub(super) fn declaration(cx: &Interp<'_>, name: &str) -> Option<Arc<CommandInfo>> {
    let target = cx.state.aliases.get(&*name.to_lowercase()).cloned();
    let name = target.as_deref().unwrap_or(name);
    if let Some(function) = cx.at.scope.function(name) {
        return Some(function.info.clone());
    }
    let builtin = super::find(name).filter(|builtin| cx.state.has_builtin(builtin.name));
    builtin.map(|b| Arc::new(b.info())).or_else(|| cx.state.source.find(name))
}

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let patterns = |name: &str| -> Vec<String> { args.list(name).iter().map(Value::to_string).collect() };
    let (wanted, verbs, nouns, modules) =
        (patterns("Name"), patterns("Verb"), patterns("Noun"), patterns("Module"));
    let kinds = patterns("CommandType");
    let parameters = patterns("ParameterName");
    let (most, syntax) = (args.count("TotalCount").unwrap_or(usize::MAX), args.on("Syntax"));
    Ok(once(move |cx, out| {
        let mut count = 0;
        for exact in wanted.iter().filter(|n| !Wildcard::is_pattern(n)) {
            match declaration(cx, exact) {
                Some(info) => {
                    count += 1;
                    out.put(cx, shown(&info, syntax))?;
                }
                None => cx.write_error(ErrorRecord::command_not_found(exact).from_command("Get-Command"))?,
            }
        }
        let wild: Vec<&String> = wanted.iter().filter(|n| Wildcard::is_pattern(n)).collect();
        if wild.is_empty() && !wanted.is_empty() {
            return Ok(());
        }
        let fits = |patterns: &[String], text: &str| {
            patterns.is_empty() || patterns.iter().any(|p| Wildcard::new(p, false).matches(text))
        };
        for name in names(cx).into_values() {
            cx.step()?;
            let (verb, noun) = name.split_once('-').unwrap_or((&name, ""));
            let named = wild.is_empty() || wild.iter().any(|p| Wildcard::new(p, false).matches(&name));
            if !named || !fits(&verbs, verb) || !fits(&nouns, noun) || count >= most {
                continue;
            }
            let Some(info) = declaration(cx, &name) else { continue };
            let has = |wanted: &String| {
                let wanted = Wildcard::new(wanted, false);
                let named = |p: &ParameterInfo| {
                    wanted.matches(&p.name) || p.aliases.iter().any(|alias| wanted.matches(alias))
                };
                info.parameters.iter().any(named)
            };
            let typed = kinds.is_empty()
                || kinds.iter().any(|k| k.eq_ignore_ascii_case(kind(&info)) || k.eq_ignore_ascii_case("All"));
            if fits(&modules, &info.module) && typed && (parameters.is_empty() || parameters.iter().any(has))
            {
                count += 1;
                out.put(cx, shown(&info, syntax))?;
            }
        }
        Ok(())
    }))
}

fn kind(info: &CommandInfo) -> &'static str {
    match info.kind {
        CommandKind::Cmdlet => "Cmdlet",
        CommandKind::Function => "Function",
    }
}

fn shown(info: &CommandInfo, syntax: bool) -> Value {
    if syntax {
        return help::syntax(info).join("\n\n").into();
    }
    let (verb, noun) = info.name.split_once('-').unwrap_or((&info.name, ""));
    let parameters = Hashtable::new(true);
    parameters.edit(|t| {
        let common = COMMON.iter().map(|c| c.info());
        for parameter in info.parameters.iter().cloned().chain(common) {
            let row = PsObject::new(&["System.Management.Automation.ParameterMetadata"])
                .with("Name", parameter.name.clone())
                .with("ParameterType", parameter.type_name.clone())
                .with("Aliases", parameter.aliases.iter().map(|a| &**a).collect::<Vec<_>>())
                .with("SwitchParameter", parameter.is_switch());
            t.set(parameter.name.clone().into(), row.into());
        }
    });
    PsObject::new(&["System.Management.Automation.CmdletInfo", "System.Management.Automation.CommandInfo"])
        .with("CommandType", Value::enumeration("System.Management.Automation.CommandTypes", kind(info), 8))
        .with("Name", info.name.clone())
        .with("Version", "")
        .with("Source", info.module.clone())
        .with("ModuleName", info.module.clone())
        .with("Verb", verb)
        .with("Noun", noun)
        .with("Definition", help::syntax(info).join("\n\n"))
        .with("Parameters", parameters)
        .into()
}
