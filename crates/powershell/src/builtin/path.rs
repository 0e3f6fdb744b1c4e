//! `Test-Path`, `Join-Path`, `Split-Path`.

use super::{Args, Builtin, P, p, stages::once, switch};
use crate::{
    eval::{Interp, Run},
    pipeline::Stage,
    value::Value,
};

const PATH: P = p("Path", "String[]").at(0).needed().alias(&["LiteralPath", "PSPath"]);

pub(crate) const TEST_PATH: Builtin = Builtin {
    name: "Test-Path",
    aliases: &[],
    synopsis: "Determines whether all elements of a path exist.",
    parameters: &[PATH, p("PathType", "String"), switch("IsValid")],
    should_process: false,
    make: test,
};

pub(crate) const JOIN_PATH: Builtin = Builtin {
    name: "Join-Path",
    aliases: &[],
    synopsis: "Combines a path and a child path into a single path.",
    parameters: &[PATH, p("ChildPath", "String").at(1).needed()],
    should_process: false,
    make: join,
};

pub(crate) const SPLIT_PATH: Builtin = Builtin {
    name: "Split-Path",
    aliases: &[],
    synopsis: "Returns the specified part of a path.",
    parameters: &[PATH, switch("Parent"), switch("Leaf"), switch("Qualifier")],
    should_process: false,
    make: split,
};

/// Runs for each path.
fn paths(args: &Args, run: impl Fn(&mut Interp<'_>, &str) -> Value + Send + 'static) -> Box<dyn Stage> {
    let all = args.list("Path");
    once(move |cx, out| {
        for path in all {
            let made = run(cx, &path.to_string());
            out.put(cx, made)?;
        }
        Ok(())
    })
}

fn test(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    Ok(paths(&args, |cx, path| Value::Bool(cx.state.files.as_ref().is_some_and(|f| f.exists(path)))))
}

fn join(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let child = args.text("ChildPath").unwrap_or_default();
    Ok(paths(&args, move |_, path| {
        let mark = if path.contains('\\') { "\\" } else { "/" };
        format!("{}{mark}{}", path.trim_end_matches(['/', '\\']), child.trim_start_matches(['/', '\\']))
            .into()
    }))
}

fn split(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let leaf = args.on("Leaf");
    Ok(paths(&args, move |_, path| {
        let (parent, name) = path.rsplit_once(['/', '\\']).unwrap_or(("", path));
        if leaf { name.into() } else { parent.into() }
    }))
}
