//! `Tee-Object`: keeps what passes, in a file or a variable.

use super::{Args, Builtin, INPUT, p, switch};
use crate::{
    eval::{Interp, Run},
    format::print_all,
    pipeline::{Sink, Stage},
    value::Value,
};

pub(crate) const TEE_OBJECT: Builtin = Builtin {
    name: "Tee-Object",
    aliases: &["tee"],
    synopsis: "Saves command output in a file or variable and also sends it down the pipeline.",
    parameters: &[
        p("FilePath", "String").at(0).alias(&["LiteralPath"]),
        p("Variable", "String"),
        switch("Append"),
        INPUT,
    ],
    should_process: false,
    make,
};

struct Tee {
    path: Option<String>,
    variable: Option<String>,
    append: bool,
    kept: Vec<Value>,
}

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    Ok(args.feed(Box::new(Tee {
        path: args.text("FilePath"),
        variable: args.text("Variable"),
        append: args.on("Append"),
        kept: Vec::new(),
    })))
}

impl Stage for Tee {
    fn process(&mut self, cx: &mut Interp<'_>, input: Value, out: &mut dyn Sink) -> Run<()> {
        self.kept.put(cx, input.clone())?;
        out.put(cx, input)
    }
    fn end(&mut self, cx: &mut Interp<'_>, _: &mut dyn Sink) -> Run<()> {
        let kept = std::mem::take(&mut self.kept);
        if let Some(name) = &self.variable {
            let scope = cx.at.scope.clone();
            return cx.set_in(&scope, name, Value::from_items(kept));
        }
        let Some(path) = self.path.take() else { return Ok(()) };
        let text = print_all(cx, kept)?;
        cx.write_file(&path, text.as_bytes(), self.append)
    }
}
