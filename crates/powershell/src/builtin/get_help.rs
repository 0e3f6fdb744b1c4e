//! `Get-Help`: pages, parameters and examples from the declarations the binder uses.

use super::{Args, Builtin, command, p, stages::once, switch};
use crate::{
    cmdlet::{CommandInfo, CommandKind, CommandSource, ErrorCategory, ErrorRecord, Example},
    eval::{Interp, Run, Wildcard},
    format::formatted_text,
    help::{self, headline, shown},
    pipeline::{Sink, Stage},
    value::{PsObject, Value},
};

pub(crate) const GET_HELP: Builtin = Builtin {
    name: "Get-Help",
    aliases: &["help", "man"],
    synopsis: "Displays information about commands.",
    parameters: &[
        p("Name", "String").at(0),
        p("Parameter", "String"),
        p("Category", "String[]"),
        switch("Full"),
        switch("Detailed"),
        switch("Examples"),
        switch("Online"),
        switch("ShowWindow"),
    ],
    should_process: false,
    make,
};

/// How much of a page is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Short,
    Detailed,
    Full,
    Examples,
}

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let name = args.text("Name").unwrap_or_else(|| "Get-Help".into());
    let extent = match () {
        () if args.on("Full") => Extent::Full,
        () if args.on("Detailed") => Extent::Detailed,
        () if args.on("Examples") => Extent::Examples,
        () => Extent::Short,
    };
    let wanted = args.text("Parameter");
    Ok(once(move |cx, out| {
        if let Some(info) = command::declaration(cx, &name) {
            return show(cx, out, &info, extent, wanted.as_deref());
        }
        let pattern = if Wildcard::is_pattern(&name) { name.clone() } else { format!("*{name}*") };
        let pattern = Wildcard::new(&pattern, false);
        let found: Vec<_> = command::names(cx).into_values().filter(|n| pattern.matches(n)).collect();
        match &found[..] {
            [] => cx.write_error(not_found(&name)),
            [one] => match command::declaration(cx, one) {
                Some(info) => show(cx, out, &info, extent, wanted.as_deref()),
                None => Ok(()),
            },
            several => several.iter().try_for_each(|name| {
                cx.step()?;
                match command::declaration(cx, name) {
                    Some(info) => out.put(cx, row(&info)),
                    None => Ok(()),
                }
            }),
        }
    }))
}

fn not_found(name: &str) -> ErrorRecord {
    let text = format!(
        "Get-Help could not find {name} in a help file in this session. To download updated help topics type: \
         \"Update-Help\"."
    );
    ErrorRecord::new(
        "Microsoft.PowerShell.Commands.HelpNotFoundException",
        "HelpNotFound",
        ErrorCategory::ResourceUnavailable,
        text,
    )
    .from_command("Get-Help")
}

fn show(
    cx: &mut Interp<'_>,
    out: &mut dyn Sink,
    info: &CommandInfo,
    extent: Extent,
    wanted: Option<&str>,
) -> Run<()> {
    let source = cx.state.source.clone();
    let Some(pattern) = wanted else {
        return out.put(cx, formatted_text(page(info, &*source, extent)));
    };
    let text = parameters(info, &*source, &Wildcard::new(pattern, false), "");
    if !text.is_empty() {
        return out.put(cx, formatted_text(text));
    }
    let text = format!("No parameter matches criteria {pattern}.");
    let error = ErrorRecord::new(
        "System.Management.Automation.PSArgumentException",
        "NoParmsFound",
        ErrorCategory::InvalidArgument,
        text,
    );
    cx.write_error(error.from_command("Get-Help"))
}

/// One of several commands a pattern means.
fn row(info: &CommandInfo) -> Value {
    let kind = match info.kind {
        CommandKind::Cmdlet => "Cmdlet",
        CommandKind::Function => "Function",
    };
    PsObject::new(&["HelpInfoShort"])
        .with("Name", info.name.clone())
        .with("Category", kind)
        .with("Module", info.module.clone())
        .with("Synopsis", info.synopsis.clone())
        .into()
}

fn page(info: &CommandInfo, source: &dyn CommandSource, extent: Extent) -> String {
    let name = &info.name;
    let mut text = format!("\nNAME\n    {name}\n\nSYNOPSIS\n    {}\n\n", info.synopsis);
    if extent == Extent::Examples {
        return text + &examples(info, source);
    }
    text.push_str("SYNTAX\n");
    for line in help::syntax(info) {
        text.push_str(&format!("    {line}\n\n"));
    }
    match extent {
        Extent::Detailed => {
            text.push_str("PARAMETERS\n");
            for parameter in shown(info) {
                text.push_str(&format!("    {}\n", headline(parameter)));
            }
            text.push_str(&format!("    <CommonParameters>\n\n{}", examples(info, source)));
        }
        Extent::Full => {
            text.push_str("PARAMETERS\n");
            text.push_str(&parameters(info, source, &Wildcard::new("*", false), "    "));
            text.push_str(&format!("    <CommonParameters>\n        {}\n\n", help::common(info).join(", ")));
            text.push_str(&examples(info, source));
        }
        Extent::Short | Extent::Examples => {}
    }
    let mut remarks = String::new();
    if !source.is_built(name, None) && source.find(name).is_some() {
        remarks.push_str(&format!(
            "    {name} is known and not built yet: it binds, and then says NotImplemented.\n"
        ));
    }
    if extent == Extent::Short {
        remarks.push_str(&format!(
            "    To see the examples, type: \"Get-Help {name} -Examples\".\n    For all parameters, type: \
             \"Get-Help {name} -Full\".\n"
        ));
    }
    if remarks.is_empty() { text } else { text + "REMARKS\n" + &remarks }
}

/// What is to be known of the parameters that a pattern means.
fn parameters(info: &CommandInfo, source: &dyn CommandSource, wanted: &Wildcard, indent: &str) -> String {
    let mut text = String::new();
    let known = source.is_built(&info.name, None);
    for parameter in shown(info).filter(|p| wanted.matches(&p.name)) {
        let position = parameter.position.map_or("named".to_owned(), |n| n.to_string());
        let piped = match (parameter.by_value, parameter.by_property_name) {
            (true, true) => "true (ByValue, ByPropertyName)",
            (true, false) => "true (ByValue)",
            (false, true) => "true (ByPropertyName)",
            (false, false) => "false",
        };
        let required = parameter.required.to_string();
        let refused = known && !source.is_built(&info.name, Some(&parameter.name));
        let rows = [
            ("Required?", &*required),
            ("Position?", &position),
            ("Accept pipeline input?", piped),
            ("Parameter set name", &parameter.sets.join(", ")),
            ("Aliases", &parameter.aliases.join(", ")),
            ("Values", &parameter.values.join(", ")),
            ("Built?", if refused { "false: with it, the call is refused" } else { "" }),
        ];
        text.push_str(&format!("{indent}{}\n", headline(parameter)));
        for (label, value) in
            rows.into_iter().filter(|(label, value)| !value.is_empty() || *label == "Aliases")
        {
            text.push_str(format!("{indent}    {label:<28} {value}").trim_end());
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

/// The examples, as a page shows them.
fn examples(info: &CommandInfo, source: &dyn CommandSource) -> String {
    let mut text = "EXAMPLES\n".to_owned();
    for (at, Example { title, code }) in help::examples(info, source).iter().enumerate() {
        text.push_str(&format!("    Example {}: {title}\n\n", at + 1));
        for line in code.lines() {
            text.push_str(&format!("    PS> {line}\n"));
        }
        text.push('\n');
    }
    text
}
