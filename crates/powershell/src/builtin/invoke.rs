//! `Invoke-Expression`, `Invoke-Command` (here, and in sessions), `Measure-Command`.

use std::sync::Arc;

use base::EnhancedTimeSpan;

use super::{
    Args, Builtin, INPUT, P, join, p,
    pssession::session_of,
    pssession_open::{self, CONNECTION},
    stages::once,
    switch,
};
use crate::{
    ast::Source,
    eval::{Interp, Run, invalid},
    pipeline::{Nowhere, Sink, Stage},
    remote::{RemoteCommand, RemoteStage, Session, constant_commands, script_command},
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
    synopsis: "Runs commands here, or in sessions on other computers.",
    parameters: &join::<_, _, 18>(
        [
            p("ScriptBlock", "ScriptBlock").at(0).alias(&["Command"]),
            p("FilePath", "String").alias(&["PSPath"]),
            p("ArgumentList", "Object[]").alias(&["Args"]),
            p("Session", "Object[]"),
            switch("HideComputerName").alias(&["HCN"]),
            p("ThrottleLimit", "Int32"),
            switch("NoNewScope"),
            INPUT,
        ],
        CONNECTION,
    ),
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
    let run = |cx: &mut Interp<'_>, text: String, out: &mut dyn Sink| -> Run<()> {
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
    if ["Session", "ComputerName", "ConnectionUri"].iter().any(|name| args.has(name)) {
        let stage = remotely(cx, &args)?;
        return Ok(args.feed(stage));
    }
    let Some(block) = args.get("ScriptBlock").cloned() else {
        return Err(invalid("Invoke-Command needs a script block."));
    };
    let found = cx.find_command(&block, false)?;
    let arguments =
        args.list("ArgumentList").into_iter().map(|v| crate::binder::Argument::Value(v.into())).collect();
    cx.stage(found, arguments, args.fed).map(|(stage, ..)| args.feed(stage))
}

/// The same commands in several sessions.
struct Everywhere {
    stages: Vec<RemoteStage>,
    /// Sessions made for these commands alone.
    temporary: Vec<Arc<Session>>,
}

impl Stage for Everywhere {
    fn begin(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        self.stages.iter_mut().try_for_each(|stage| stage.begin(cx, out))
    }
    fn process(&mut self, cx: &mut Interp<'_>, input: Value, out: &mut dyn Sink) -> Run<()> {
        self.stages.iter_mut().try_for_each(|stage| stage.process(cx, input.clone(), out))
    }
    fn end(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        self.stages.iter_mut().try_for_each(|stage| stage.end(cx, out))
    }
}

impl Drop for Everywhere {
    fn drop(&mut self) {
        self.stages.clear();
        self.temporary.iter().for_each(|session| session.close());
    }
}

fn remotely(cx: &mut Interp<'_>, args: &Args) -> Run<Box<dyn Stage>> {
    let commands = remote_commands(cx, args)?;
    let mut all = Everywhere { stages: Vec::new(), temporary: Vec::new() };
    let mut sessions = Vec::new();
    for value in args.list("Session") {
        sessions.push(session_of(cx, &value)?);
    }
    if !args.has("Session") {
        for opening in pssession_open::openings(cx, args)? {
            let computer = crate::remote::host(&opening.endpoint.url).to_owned();
            match pssession_open::open(cx, opening)? {
                Ok(session) => all.temporary.push(session),
                Err(failure) => cx.write_error(failure.invoking(&computer))?,
            }
        }
        sessions.extend(all.temporary.iter().cloned());
    }
    let (fed, show) = (args.fed || args.has("InputObject"), !args.on("HideComputerName"));
    all.stages =
        sessions.iter().map(|session| RemoteStage::new(session, commands.clone(), fed, show)).collect();
    Ok(Box::new(all))
}

fn remote_commands(cx: &mut Interp<'_>, args: &Args) -> Run<Vec<RemoteCommand>> {
    let arguments = args.list("ArgumentList");
    if let Some(path) = args.text("FilePath") {
        let bytes = cx.read_file(&path)?;
        return Ok(vec![script_command(&String::from_utf8_lossy(&bytes), &arguments)]);
    }
    let Some(Value::ScriptBlock(block)) = args.get("ScriptBlock").cloned() else {
        return Err(invalid("Invoke-Command needs a script block."));
    };
    let commands = constant_commands(cx, &block, &arguments)?;
    Ok(commands.unwrap_or_else(|| vec![script_command(block.text(), &arguments)]))
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
