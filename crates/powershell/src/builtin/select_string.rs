//! `Select-String`: lines that match a pattern.

use super::{Args, Builtin, INPUT, p, switch};
use crate::{
    eval::{Interp, Run, regex},
    pipeline::{Sink, Stage},
    value::{PsObject, Value},
};

pub(crate) const SELECT_STRING: Builtin = Builtin {
    name: "Select-String",
    aliases: &["sls"],
    synopsis: "Finds text in strings and files.",
    parameters: &[
        p("Pattern", "String[]").at(0).needed(),
        p("Path", "String[]").at(1),
        switch("SimpleMatch"),
        switch("CaseSensitive"),
        switch("Quiet"),
        switch("NotMatch"),
        switch("AllMatches"),
        INPUT,
    ],
    should_process: false,
    make,
};

struct Search {
    patterns: Vec<regex::Regex>,
    paths: Vec<Value>,
    quiet: bool,
    not: bool,
    found: bool,
    line: i32,
}

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let mut patterns = Vec::new();
    for pattern in args.list("Pattern") {
        let text = pattern.to_string();
        let text = if args.on("SimpleMatch") { regex::escape(&text) } else { text };
        patterns.push(regex(&text, args.on("CaseSensitive"))?);
    }
    Ok(args.feed(Box::new(Search {
        patterns,
        paths: args.list("Path"),
        quiet: args.on("Quiet"),
        not: args.on("NotMatch"),
        found: false,
        line: 0,
    })))
}

impl Search {
    fn line(&mut self, cx: &mut Interp<'_>, text: &str, path: &str, out: &mut dyn Sink) -> Run<()> {
        cx.charge(text.len())?;
        cx.step()?;
        self.line += 1;
        if self.patterns.iter().any(|p| p.is_match(text)) == self.not {
            return Ok(());
        }
        self.found = true;
        if self.quiet {
            return Ok(());
        }
        let shown =
            if path == "InputStream" { text.to_owned() } else { format!("{path}:{}:{text}", self.line) };
        let row = PsObject::new(&["Microsoft.PowerShell.Commands.MatchInfo"])
            .with("Name", shown)
            .with("LineNumber", self.line)
            .with("Line", text)
            .with("Path", path);
        out.put(cx, row.into())
    }
}

impl Stage for Search {
    fn process(&mut self, cx: &mut Interp<'_>, input: Value, out: &mut dyn Sink) -> Run<()> {
        self.line(cx, &input.to_string(), "InputStream", out)
    }
    fn end(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        for path in std::mem::take(&mut self.paths) {
            let path = path.to_string();
            let text = String::from_utf8_lossy(&cx.read_file(&path)?).into_owned();
            self.line = 0;
            text.lines().try_for_each(|line| self.line(cx, line, &path, out))?;
        }
        if self.quiet { out.put(cx, Value::Bool(self.found)) } else { Ok(()) }
    }
}
