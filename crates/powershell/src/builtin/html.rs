//! `ConvertTo-Html`.

use super::{Args, Builtin, INPUT, columns, columns::Spec, format_list::shown, p, stages::gather, switch};
use crate::{
    eval::{Interp, Run},
    pipeline::{Sink, Stage},
    value::Value,
};

pub(crate) const CONVERT_TO_HTML: Builtin = Builtin {
    name: "ConvertTo-Html",
    aliases: &[],
    synopsis: "Converts objects into HTML that can be displayed in a Web browser.",
    parameters: &[
        p("Property", "Object[]").at(0),
        p("Head", "String[]").at(1),
        p("Title", "String").at(2),
        p("Body", "String[]").at(3),
        p("As", "String").one_of(&["Table", "List"]),
        switch("Fragment"),
        p("PreContent", "String[]"),
        p("PostContent", "String[]"),
        p("CssUri", "String").alias(&["cu", "uri"]),
        INPUT,
    ],
    should_process: false,
    make,
};

fn encode(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let wanted = columns::specs(args.list("Property"))?;
    let as_list = args.text("As").is_some_and(|a| a.eq_ignore_ascii_case("List"));
    let fragment = args.on("Fragment");
    let lines = |name: &str| -> Vec<String> { args.list(name).iter().map(Value::to_string).collect() };
    let (mut head, body, before, after) =
        (lines("Head"), lines("Body"), lines("PreContent"), lines("PostContent"));
    if head.is_empty() {
        head.push(format!("<title>{}</title>", args.text("Title").unwrap_or_else(|| "HTML TABLE".into())));
        head.extend(
            args.text("CssUri")
                .map(|u| format!("<link rel=\"stylesheet\" type=\"text/css\" href=\"{u}\" />")),
        );
    }
    Ok(args.feed(gather(move |cx, items, out| {
        let mut say = Lines { out };
        if !fragment {
            say.line(cx, "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\"  \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">")?;
            say.line(cx, "<html xmlns=\"http://www.w3.org/1999/xhtml\">")?;
            say.line(cx, "<head>")?;
            say.lines(cx, &head)?;
            say.line(cx, "</head><body>")?;
            say.lines(cx, &body)?;
        }
        say.lines(cx, &before)?;
        say.line(cx, "<table>")?;
        let all = [Spec::property("*")];
        let wanted = if wanted.is_empty() { &all[..] } else { &wanted };
        let specs = items.first().map(|first| columns::expand(wanted, first)).unwrap_or_default();
        if !as_list {
            say.line(cx, &format!("<colgroup>{}</colgroup>", "<col/>".repeat(specs.len())))?;
            let labels: String = specs.iter().map(|s| format!("<th>{}</th>", encode(&s.label))).collect();
            say.line(cx, &format!("<tr>{labels}</tr>"))?;
        }
        for (at, item) in items.iter().enumerate() {
            let mut cells = String::new();
            for spec in &specs {
                let text = encode(&shown(cx, spec, item)?);
                if as_list {
                    say.line(cx, &format!("<tr><td>{}:</td><td>{text}</td></tr>", encode(&spec.label)))?;
                } else {
                    cells.push_str(&format!("<td>{text}</td>"));
                }
            }
            match as_list {
                true if at + 1 < items.len() => say.line(cx, "<tr><td><hr></td></tr>")?,
                true => {}
                false => say.line(cx, &format!("<tr>{cells}</tr>"))?,
            }
        }
        say.line(cx, "</table>")?;
        say.lines(cx, &after)?;
        if fragment { Ok(()) } else { say.line(cx, "</body></html>") }
    })))
}

struct Lines<'a> {
    out: &'a mut dyn Sink,
}

impl Lines<'_> {
    fn line(&mut self, cx: &mut Interp<'_>, text: &str) -> Run<()> {
        cx.charge(text.len())?;
        self.out.put(cx, text.into())
    }
    fn lines(&mut self, cx: &mut Interp<'_>, lines: &[String]) -> Run<()> {
        lines.iter().try_for_each(|line| self.line(cx, line))
    }
}
