//! `Invoke-Expression`, `Invoke-Command` (local script blocks), `Measure-Command`.

use base::EnhancedTimeSpan;

use super::{Args, Builtin, INPUT, P, p, stages::once};
use crate::{
    ast::Source,
    eval::{Interp, Run, invalid},
    pipeline::{Nowhere, Stage},
    value::Value,
};

pub(crate) const INVOKE_EXPRESSION: Builtin = Builtin {
    name: "Invoke-Expression",
    aliases: &["iex"],
    synopsis: "Runs commands or expressions on the local computer.",
    parameters: &[P { name: "Command", type_name: "String", ..INPUT }.at(0)],
    should_process: false,
    make: expression,
};

pub(crate) const INVOKE_COMMAND: Builtin = Builtin {
    name: "Invoke-Command",
    aliases: &["icm"],
    synopsis: "Runs a script block in the current session.",
    parameters: &[
        p("ScriptBlock", "ScriptBlock").at(0).needed().alias(&["Command"]),
        p("ArgumentList", "Object[]").alias(&["Args"]),
        p("Session", "Object"),
        p("ComputerName", "String[]").alias(&["Cn"]),
        INPUT,
    ],
    should_process: false,
    make: command,
};

pub(crate) const MEASURE_COMMAND: Builtin = Builtin {
    name: "Measure-Command",
    aliases: &[],
    synopsis: "Measures the time it takes to run script blocks and cmdlets.",
    parameters: &[p("Expression", "ScriptBlock").at(0).needed(), INPUT],
    should_process: false,
    make: measure,
};

fn expression(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let given = args.text("Command");
    let run = |cx: &mut Interp<'_>, text: String, out: &mut dyn crate::pipeline::Sink| -> Run<()> {
        let source = Source { name: "".into(), text: text.into() };
        let block = crate::parser::parse(source).map_err(|(error, source)| error.record(&source))?;
        let item = cx.at.item.clone();
        cx.run_inline_into(&block, item, out)
    };
    match given {
        Some(text) => Ok(once(move |cx, out| run(cx, text, out))),
        None => Ok(super::stages::each(move |cx, item, out| run(cx, item.to_string(), out))),
    }
}

fn command(cx: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    if args.has("Session") || args.has("ComputerName") {
        return Err(invalid("Remote sessions are not available in this session yet."));
    }
    let block = args.get("ScriptBlock").cloned().unwrap_or_default();
    let found = cx.find_command(&block, false)?;
    let arguments =
        args.list("ArgumentList").into_iter().map(|v| crate::binder::Argument::Value(v.into())).collect();
    cx.stage(found, arguments, args.fed).map(|(stage, ..)| args.feed(stage))
}

fn measure(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let block = args.get("Expression").cloned();
    Ok(once(move |cx, out| {
        let Some(Value::ScriptBlock(block)) = block else { return Ok(()) };
        let started = cx.state.clock.monotonic();
        let item = cx.at.item.clone();
        cx.run_inline_into(&block, item, &mut Nowhere)?;
        let took = cx.state.clock.monotonic().saturating_sub(started);
        out.put(cx, Value::TimeSpan(EnhancedTimeSpan::from(took)))
    }))
}
