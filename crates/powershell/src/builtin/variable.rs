//! `Get-`, `Set-`, `New-`, `Clear-` and `Remove-Variable`.

use super::{Args, Builtin, P, join, p, stages::once, switch};
use crate::{
    cmdlet::{ErrorCategory, ErrorRecord},
    eval::{Interp, Run, Scope, Slot, Wildcard},
    pipeline::Stage,
    value::{PsObject, Value},
};

const NAME: P = p("Name", "String[]").at(0);
const SCOPE: P = p("Scope", "String");

/// What is written of a variable.
const WRITTEN: [P; 6] = [
    p("Value", "Object").at(1),
    SCOPE,
    p("Option", "String"),
    p("Description", "String"),
    switch("Force"),
    switch("PassThru"),
];

pub(crate) const GET_VARIABLE: Builtin = Builtin {
    name: "Get-Variable",
    aliases: &["gv"],
    synopsis: "Gets the variables in the current console.",
    parameters: &[NAME, switch("ValueOnly"), SCOPE, p("Include", "String[]"), p("Exclude", "String[]")],
    should_process: false,
    make: get,
};

pub(crate) const SET_VARIABLE: Builtin = Builtin {
    name: "Set-Variable",
    aliases: &["sv", "set"],
    synopsis: "Sets the value of a variable. Creates the variable if one with the requested name does not exist.",
    parameters: &join::<_, _, 7>([NAME.needed()], WRITTEN),
    should_process: true,
    make: |_, args| Ok(set(args, false)),
};

pub(crate) const NEW_VARIABLE: Builtin = Builtin {
    name: "New-Variable",
    aliases: &["nv"],
    synopsis: "Creates a new variable.",
    parameters: &join::<_, _, 7>([p("Name", "String").at(0).needed()], WRITTEN),
    should_process: true,
    make: |_, args| Ok(set(args, true)),
};

pub(crate) const CLEAR_VARIABLE: Builtin = Builtin {
    name: "Clear-Variable",
    aliases: &["clv"],
    synopsis: "Deletes the value of a variable.",
    parameters: &[NAME.needed(), SCOPE, switch("Force")],
    should_process: true,
    make: |_, args| Ok(for_each(args, |cx, scope, name| cx.set_in(scope, name, Value::Null))),
};

pub(crate) const REMOVE_VARIABLE: Builtin = Builtin {
    name: "Remove-Variable",
    aliases: &["rv"],
    synopsis: "Deletes a variable and its value.",
    parameters: &[NAME.needed(), SCOPE, switch("Force")],
    should_process: true,
    make: |_, args| {
        Ok(for_each(args, |cx, scope, name| {
            if scope.remove(name) { Ok(()) } else { cx.write_error(not_found(name, "Remove-Variable")) }
        }))
    },
};

fn not_found(name: &str, command: &str) -> ErrorRecord {
    ErrorRecord::new(
        "System.Management.Automation.ItemNotFoundException",
        "VariableNotFound",
        ErrorCategory::ObjectNotFound,
        format!("Cannot find a variable with the name '{name}'."),
    )
    .on(name)
    .from_command(command)
}

/// The scope a `-Scope` names.
fn scoped<'s>(scope: &'s Scope, name: Option<&str>) -> &'s Scope {
    match name.map(str::to_lowercase).as_deref() {
        Some("global") => scope.outermost(),
        Some("script") => scope.script(),
        Some(n) => n.parse().ok().and_then(|n| scope.up(n)).unwrap_or(scope),
        None => scope,
    }
}

fn for_each(
    args: Args,
    run: impl Fn(&mut Interp<'_>, &Scope, &str) -> Run<()> + Send + 'static,
) -> Box<dyn Stage> {
    let (names, scope) = (args.list("Name"), args.text("Scope"));
    once(move |cx, _| {
        let here = cx.at.scope.clone();
        let scope = scoped(&here, scope.as_deref());
        names.iter().try_for_each(|name| run(cx, scope, &name.to_string()))
    })
}

fn get(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let (names, value_only) = (args.list("Name"), args.on("ValueOnly"));
    Ok(once(move |cx, out| {
        let all = cx.at.scope.variables();
        let wanted: Vec<String> =
            if names.is_empty() { vec!["*".into()] } else { names.iter().map(Value::to_string).collect() };
        for name in wanted {
            let pattern = Wildcard::new(&name, false);
            let found: Vec<_> = all.iter().filter(|(n, _)| pattern.matches(n)).collect();
            if found.is_empty() && !Wildcard::is_pattern(&name) {
                cx.write_error(not_found(&name, "Get-Variable"))?;
            }
            for (name, value) in found {
                if value_only {
                    out.put(cx, value.clone())?;
                    continue;
                }
                let row = PsObject::new(&["System.Management.Automation.PSVariable"])
                    .with("Name", &**name)
                    .with("Value", value.clone());
                out.put(cx, row.into())?;
            }
        }
        Ok(())
    }))
}

fn set(args: Args, fresh: bool) -> Box<dyn Stage> {
    let (names, scope) = (args.list("Name"), args.text("Scope"));
    let value = args.get("Value").cloned().unwrap_or_default();
    let option = args.text("Option").unwrap_or_default().to_lowercase();
    let (constant, force) = (option.contains("readonly") || option.contains("constant"), args.on("Force"));
    once(move |cx, _| {
        let here = cx.at.scope.clone();
        let scope = scoped(&here, scope.as_deref());
        for name in names {
            let name = name.to_string();
            if fresh && !force && scope.slot(&name).is_some() {
                let text = format!("A variable with name '{name}' already exists.");
                let error = ErrorRecord::new(
                    "System.Management.Automation.SessionStateException",
                    "VariableAlreadyExists",
                    ErrorCategory::ResourceExists,
                    text,
                );
                cx.write_error(error.on(name).from_command("New-Variable"))?;
                continue;
            }
            if constant {
                scope.set_slot(&name, Slot { value: value.clone(), constraint: None, constant });
            } else {
                cx.set_in(scope, &name, value.clone())?;
            }
        }
        Ok(())
    })
}
