//! `Test-ScriptCompatibility`: what would run of a script, without running it.

use super::{Args, Builtin, p, stages::once, switch};
use crate::{
    analyze::{Analyzer, Finding, Status},
    eval::{Interp, Run},
    pipeline::Stage,
    text::decode,
    value::{PsObject, Value},
};

pub(crate) const TEST_SCRIPT_COMPATIBILITY: Builtin = Builtin {
    name: "Test-ScriptCompatibility",
    aliases: &[],
    synopsis: "Says of each command of a script whether it would run here, without running it.",
    parameters: &[
        p("Path", "String[]").at(0).needed().alias(&["FullName", "LiteralPath", "PSPath"]),
        switch("ProblemsOnly"),
    ],
    should_process: false,
    make,
};

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let paths = args.list("Path");
    let problems = args.on("ProblemsOnly");
    Ok(once(move |cx, out| {
        let mut analyzer = Analyzer::new(cx.state.source.clone());
        if let Some(files) = cx.state.files.clone() {
            analyzer = analyzer.with_files(files);
        }
        for path in paths {
            let path = path.to_string();
            let text = decode(&cx.read_file(&path)?);
            for finding in analyzer.analyze(&path, &text).statements {
                cx.step()?;
                if !problems || finding.status != Status::Runs {
                    out.put(cx, row(&path, finding))?;
                }
            }
        }
        Ok(())
    }))
}

fn row(path: &str, finding: Finding) -> Value {
    let number = |n: u32| Value::Int(i32::try_from(n).unwrap_or(i32::MAX));
    PsObject::new(&["ScriptCompatibility"])
        .with("Path", path)
        .with("Line", number(finding.line))
        .with("Column", number(finding.column))
        .with("Command", finding.command)
        .with("Status", finding.status.text())
        .with("Message", finding.message)
        .into()
}
