//! `Get-Alias`, `Set-Alias`, `New-Alias`.

use std::sync::Arc;

use super::{Args, Builtin, p, stages::once, switch};
use crate::{
    eval::{Interp, Run, Wildcard, invalid},
    pipeline::Stage,
    value::{PsObject, Value},
};

pub(crate) const GET_ALIAS: Builtin = Builtin {
    name: "Get-Alias",
    aliases: &["gal"],
    synopsis: "Gets the aliases for the current session.",
    parameters: &[p("Name", "String[]").at(0), p("Definition", "String[]")],
    should_process: false,
    make: get,
};

pub(crate) const SET_ALIAS: Builtin = Builtin {
    name: "Set-Alias",
    aliases: &["sal"],
    synopsis: "Creates or changes an alias for a cmdlet or other command in the current session.",
    parameters: &[
        p("Name", "String").at(0).needed(),
        p("Value", "String").at(1).needed(),
        p("Scope", "String"),
        p("Option", "String"),
        switch("Force"),
    ],
    should_process: true,
    make: set,
};

pub(crate) const NEW_ALIAS: Builtin =
    Builtin { name: "New-Alias", aliases: &["nal"], synopsis: "Creates a new alias.", ..SET_ALIAS };

fn get(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let names: Vec<String> = args.list("Name").iter().map(Value::to_string).collect();
    let targets: Vec<String> = args.list("Definition").iter().map(Value::to_string).collect();
    Ok(once(move |cx, out| {
        let fits = |patterns: &[String], text: &str| {
            patterns.is_empty() || patterns.iter().any(|p| Wildcard::new(p, false).matches(text))
        };
        let all: Vec<(Box<str>, Arc<str>)> =
            cx.state.aliases.iter().map(|(name, target)| (name.clone(), target.clone())).collect();
        for (name, target) in all {
            if fits(&names, &name) && fits(&targets, &target) {
                let row = PsObject::new(&["System.Management.Automation.CmdletInfo"])
                    .with("CommandType", "Alias")
                    .with("Name", format!("{name} -> {target}"))
                    .with("Version", "")
                    .with("Source", "")
                    .with("Definition", target);
                out.put(cx, row.into())?;
            }
        }
        Ok(())
    }))
}

/// How many aliases a session may have.
const ALIASES_MAX: usize = 4096;

fn set(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let (name, target) = (args.text("Name").unwrap_or_default(), args.text("Value").unwrap_or_default());
    Ok(once(move |cx, _| {
        if cx.state.aliases.len() >= ALIASES_MAX {
            return Err(invalid("There are too many aliases."));
        }
        cx.state.aliases.insert(name.to_lowercase().into(), target.into());
        Ok(())
    }))
}
