//! Modules of files: `.psm1` and `.ps1` run in a scope of their own; what they export belongs to the session.

use super::{Args, Builtin, p, stages::once};
use crate::{
    ast::Source,
    eval::{Context, Interp, Module, Run, Scope, ScopeKind, Unwind, Wildcard, invalid},
    pipeline::{Sink, Stage},
    value::Value,
};

pub(crate) const EXPORT_MODULE_MEMBER: Builtin = Builtin {
    name: "Export-ModuleMember",
    aliases: &[],
    synopsis: "Specifies the module members that are exported.",
    parameters: &[
        p("Function", "String[]").at(0),
        p("Cmdlet", "String[]"),
        p("Variable", "String[]"),
        p("Alias", "String[]"),
    ],
    should_process: false,
    make: export,
};

/// The variable of a module's scope that keeps what it exports.
const EXPORTS: &str = "\0exports";

/// True for the path of a file rather than a module's name.
pub(super) fn is_file(name: &str) -> bool {
    let lower = name.to_lowercase();
    lower.ends_with(".ps1") || lower.ends_with(".psm1")
}

/// The name of a file's module.
fn module_name(path: &str) -> &str {
    let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
    file.rfind('.').map_or(file, |dot| &file[..dot])
}

/// Runs a module's file and takes over what it exports: all its functions, unless it says which.
pub(super) fn import(cx: &mut Interp<'_>, path: &str, prefix: &str, out: &mut dyn Sink) -> Run<()> {
    let text = String::from_utf8_lossy(&cx.read_file(path)?).into_owned();
    let source = Source { name: path.into(), text: text.trim_start_matches('\u{feff}').into() };
    let block = crate::parser::parse(source).map_err(|(error, source)| error.record(&source))?;
    remove(cx, module_name(path));
    let global = cx.state.global.clone();
    let scope = Scope::child(&global, ScopeKind::Module);
    let at = Context { scope: scope.clone(), source: block.source.clone(), ..cx.at.clone() };
    let ran = cx.nested(|cx| {
        cx.within(at, |cx| {
            [&block.begin, &block.process, &block.end]
                .into_iter()
                .flatten()
                .try_for_each(|part| cx.run_block(part, out))
        })
    });
    match ran {
        Ok(()) | Err(Unwind::Return) => {}
        other => return other,
    }
    let wanted = scope.slot(EXPORTS).map(|slot| slot.value.into_items());
    let wanted: Option<Vec<Wildcard>> =
        wanted.map(|names| names.iter().map(|name| Wildcard::new(&name.to_string(), false)).collect());
    let mut exported = Vec::new();
    for function in scope.own_functions() {
        if wanted.as_ref().is_some_and(|wanted| !wanted.iter().any(|w| w.matches(&function.name))) {
            continue;
        }
        let name = prefixed(&function.name, prefix);
        exported.push(name.clone().into());
        global.define_as(&name, function);
    }
    cx.state.modules.push(Module { name: module_name(path).to_owned(), scope, exported });
    Ok(())
}

/// `Get-Thing` with a prefix is `Get-PrefixThing`.
fn prefixed(name: &str, prefix: &str) -> String {
    match name.split_once('-') {
        Some((verb, noun)) if !prefix.is_empty() => format!("{verb}-{prefix}{noun}"),
        _ => name.to_owned(),
    }
}

/// Forgets a module and its functions.
pub(super) fn remove(cx: &mut Interp<'_>, name: &str) -> bool {
    let Some(at) = cx.state.modules.iter().position(|m| m.name.eq_ignore_ascii_case(name)) else {
        return false;
    };
    let module = cx.state.modules.remove(at);
    module.exported.iter().for_each(|name| cx.state.global.undefine(name));
    drop(module.scope);
    true
}

fn export(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let names = args.list("Function");
    Ok(once(move |cx, _| {
        let Some(scope) = cx.at.scope.module() else {
            return Err(invalid("The Export-ModuleMember cmdlet can only be called from inside a module."));
        };
        let mut all = scope.slot(EXPORTS).map(|slot| slot.value.into_items()).unwrap_or_default();
        all.extend(names);
        scope.set(EXPORTS, Value::array(all));
        Ok(())
    }))
}
