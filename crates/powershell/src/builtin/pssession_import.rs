//! `Import-PSSession`: the commands of a session as commands here.

use std::sync::Arc;

use base::Guid;
use wire::psrp::{CommandMetadata, command_type};

use super::{Args, Builtin, P, p, pssession::session_of, stages::gather, switch};
use crate::{
    ast::Source,
    cmdlet::ErrorCategory,
    eval::{Function, Interp, Run, runtime},
    pipeline::Stage,
    remote::{Import, Proxy, Session, commands_of, declaration, is_reserved},
    value::{PsObject, Value},
};

pub(crate) const IMPORT_PS_SESSION: Builtin = Builtin {
    name: "Import-PSSession",
    aliases: &["ipsn"],
    synopsis: "Imports commands from another session into the current session.",
    parameters: &[
        P { piped: true, ..p("Session", "Object").at(0) },
        p("CommandName", "String[]").at(2).alias(&["Name"]),
        p("FormatTypeName", "String[]").at(3),
        p("Prefix", "String"),
        switch("DisableNameChecking"),
        p("ArgumentList", "Object[]").alias(&["Args"]),
        switch("AllowClobber"),
        p("CommandType", "String[]").alias(&["Type"]),
        p("Module", "String[]").alias(&["PSSnapin"]),
    ],
    should_process: false,
    make,
};

/// The longest name of a command.
const NAME_MAX: usize = 200;

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    Ok(gather(move |cx, items, out| {
        let session = args.list("Session").into_iter().chain(items).next().unwrap_or_default();
        let session = session_of(cx, &session)?;
        let import = import(cx, &session, &args)?;
        let module = shown(&import);
        cx.state.remotes.imports.push(import);
        out.put(cx, module)
    }))
}

fn import(cx: &mut Interp<'_>, session: &Arc<Session>, args: &Args) -> Run<Import> {
    let texts = |name: &str| args.list(name).iter().map(Value::to_string).collect::<Vec<_>>();
    let mut names = texts("CommandName");
    if names.is_empty() {
        names.push("*".into());
    }
    let prefix = args.text("Prefix").unwrap_or_default();
    let commands = commands_of(cx, session, names, texts("Module"))?;
    let unique = Guid::new(&*cx.state.rng).to_string();
    let mut import = Import {
        module: format!("tmp_{}.{}", &unique[..8], &unique[9..13]).into(),
        session: session.clone(),
        commands: Vec::new(),
    };
    let mut skipped = Vec::new();
    let wanted = commands.iter().filter(|command| is_importable(command));
    for command in wanted {
        let name = prefixed(&command.name, &prefix);
        if !args.on("AllowClobber") && cx.has_command(&name) {
            skipped.push(name);
            continue;
        }
        define(cx, session, command, &name, &import.module);
        import.commands.push(name.into());
    }
    if !skipped.is_empty() {
        cx.write_warning(&format!(
            "Proxy creation has been skipped for the following command: '{}', because it would shadow an existing local \
             command.  Use the AllowClobber parameter if you want to shadow existing local commands.",
            skipped.join(", ")
        ))?;
    }
    match (import.commands.is_empty(), skipped.is_empty()) {
        (false, _) => Ok(import),
        (true, false) => {
            let text = "No command proxies have been created, because all of the requested remote commands would shadow \
                        existing local commands.  Use the AllowClobber parameter if you want to shadow existing local \
                        commands.";
            Err(runtime("ErrorNoCommandsImportedBecauseOfSkipping", ErrorCategory::InvalidResult, text))
        }
        (true, true) => {
            let text = "Running the Get-Command command in a remote session returned no results.";
            Err(runtime("ErrorNoResultsFromRemoteEnd", ErrorCategory::InvalidResult, text))
        }
    }
}

/// What a command may be to be imported: no other name of one, none of the shell's own, and a plain name.
fn is_importable(command: &CommandMetadata) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    command.kind != command_type::ALIAS
        && !is_reserved(&command.name)
        && (1..=NAME_MAX).contains(&command.name.len())
        && command.name.chars().all(plain)
}

/// `Get-Mailbox` with the prefix `On` is `Get-OnMailbox`.
fn prefixed(name: &str, prefix: &str) -> String {
    match name.split_once('-') {
        Some((verb, noun)) => format!("{verb}-{prefix}{noun}"),
        None => format!("{prefix}{name}"),
    }
}

fn define(
    cx: &mut Interp<'_>,
    session: &Arc<Session>,
    command: &CommandMetadata,
    name: &str,
    module: &Arc<str>,
) {
    let source = Source { name: module.clone(), text: "".into() };
    let Ok(block) = crate::parser::parse(source) else { return };
    let function = Function {
        name: name.into(),
        block,
        info: Arc::new(declaration(command, name, module)),
        advanced: true,
        impact: "Medium".into(),
        home: None,
        remote: Some(Proxy::new(session, command)),
    };
    cx.at.scope.outermost().define(Arc::new(function));
}

/// Removes the commands of imports.
pub(super) fn forget(cx: &mut Interp<'_>, gone: impl Fn(&Import) -> bool) {
    let scope = cx.at.scope.clone();
    cx.state.remotes.imports.retain(|import| {
        let stays = !gone(import);
        if !stays {
            for name in &import.commands {
                // One that was redefined meanwhile stays.
                let own = scope.function(name).is_some_and(|function| function.info.module == import.module);
                if own {
                    scope.outermost().undefine(name);
                }
            }
        }
        stays
    });
}

/// The module an import is.
pub(super) fn shown(import: &Import) -> Value {
    PsObject::new(&["System.Management.Automation.PSModuleInfo", "System.Object"])
        .with("ModuleType", "Script")
        .with("Version", "1.0")
        .with("Name", import.module.clone())
        .with("ExportedCommands", import.commands.iter().map(|name| &**name).collect::<Vec<_>>())
        .into()
}
