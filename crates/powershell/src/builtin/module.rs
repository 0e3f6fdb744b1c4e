//! Modules: everything is there already, so importing one that is known succeeds and does nothing.

use super::{Args, Builtin, P, module_file, p, stages::once, switch};
use crate::{
    cmdlet::{ErrorCategory, ErrorRecord},
    eval::{Interp, Run},
    pipeline::Stage,
    value::PsObject,
};

pub(crate) const IMPORT_MODULE: Builtin = Builtin {
    name: "Import-Module",
    aliases: &["ipmo"],
    synopsis: "Adds modules to the current session.",
    parameters: &[
        p("Name", "String[]").at(0).needed(),
        switch("Force"),
        switch("Global"),
        switch("PassThru"),
        switch("DisableNameChecking"),
        p("Prefix", "String"),
    ],
    should_process: false,
    make: import,
};

pub(crate) const GET_MODULE: Builtin = Builtin {
    name: "Get-Module",
    aliases: &["gmo"],
    synopsis: "Gets the modules that have been imported or that can be imported into the current session.",
    parameters: &[p("Name", "String[]").at(0), switch("ListAvailable"), switch("All")],
    should_process: false,
    make: get,
};

pub(crate) const REMOVE_MODULE: Builtin = Builtin {
    name: "Remove-Module",
    aliases: &["rmo"],
    synopsis: "Removes modules from the current session.",
    parameters: &[
        P { piped: true, ..p("Name", "Object[]").at(0).needed().alias(&["ModuleInfo"]) },
        switch("Force"),
    ],
    should_process: false,
    make: remove,
};

pub(crate) const ADD_PS_SNAPIN: Builtin = Builtin {
    name: "Add-PSSnapin",
    aliases: &["asnp"],
    synopsis: "Accepts the snap-ins of older shells: their commands are there already.",
    parameters: &[p("Name", "String[]").at(0).needed(), switch("PassThru")],
    should_process: false,
    make: |_, _| Ok(once(|_, _| Ok(()))),
};

pub(crate) const GET_PS_SNAPIN: Builtin = Builtin {
    name: "Get-PSSnapin",
    aliases: &["gsnp"],
    synopsis: "Gets the snap-ins in the session: none, their commands need none.",
    parameters: &[p("Name", "String[]").at(0), switch("Registered")],
    should_process: false,
    make: |_, _| Ok(once(|_, _| Ok(()))),
};

pub(crate) const SET_STRICT_MODE: Builtin = Builtin {
    name: "Set-StrictMode",
    aliases: &[],
    synopsis: "Accepted; expressions are checked the same way in either mode.",
    parameters: &[p("Version", "Object"), switch("Off")],
    should_process: false,
    make: |_, _| Ok(once(|_, _| Ok(()))),
};

/// Whether any command belongs to a module of this name.
fn modules(cx: &Interp<'_>) -> Vec<String> {
    let mut all =
        vec!["Microsoft.PowerShell.Utility".to_owned(), "Microsoft.PowerShell.Management".to_owned()];
    let source = &cx.state.source;
    for module in source.modules() {
        all.push(module.to_string());
    }
    all.extend(cx.state.modules.iter().map(|m| m.name.clone()));
    all
}

fn import(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let (names, prefix) = (args.list("Name"), args.text("Prefix").unwrap_or_default());
    Ok(once(move |cx, out| {
        for name in names {
            let name = name.to_string();
            if module_file::is_file(&name) {
                module_file::import(cx, &name, &prefix, out)?;
                continue;
            }
            if modules(cx).iter().any(|m| m.eq_ignore_ascii_case(&name)) {
                continue;
            }
            let text = format!(
                "The specified module '{name}' was not loaded because no valid module file was found in any module \
                 directory."
            );
            let error = ErrorRecord::new(
                "System.IO.FileNotFoundException",
                "Modules_ModuleNotFound",
                ErrorCategory::ResourceUnavailable,
                text,
            );
            cx.write_error(error.on(name).from_command("Import-Module"))?;
        }
        Ok(())
    }))
}

/// What is built in stays; what `Import-PSSession` or a file brought goes.
fn remove(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let names = args.list("Name");
    Ok(once(move |cx, _| {
        for name in names {
            let name = name.property("Name").unwrap_or(name).to_string();
            let wanted = crate::eval::Wildcard::new(&name, false);
            super::pssession_import::forget(cx, |import| wanted.matches(&import.module));
            module_file::remove(cx, &name);
        }
        Ok(())
    }))
}

fn get(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let names = args.list("Name");
    Ok(once(move |cx, out| {
        let wanted = |module: &str| {
            names.is_empty()
                || names.iter().any(|n| crate::eval::Wildcard::new(&n.to_string(), false).matches(module))
        };
        let imports = cx.state.remotes.imports.iter().filter(|import| wanted(&import.module));
        for import in imports.map(super::pssession_import::shown).collect::<Vec<_>>() {
            out.put(cx, import)?;
        }
        for module in modules(cx) {
            if wanted(&module) {
                let row = PsObject::new(&["System.Management.Automation.PSModuleInfo"])
                    .with("ModuleType", "Manifest")
                    .with("Version", "5.1")
                    .with("Name", module);
                out.put(cx, row.into())?;
            }
        }
        Ok(())
    }))
}
