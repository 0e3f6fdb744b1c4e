//! `Format-Wide`: one property of each object, several to a line.

use super::{
    Args, Builtin, VIEW,
    columns::{self, Spec},
    format_list::shown,
    format_table::put_text,
    grouping::Grouping,
    join, p, switch,
};
use crate::{
    eval::{Interp, Run},
    format::fit,
    pipeline::{Sink, Stage},
    value::Value,
};

pub(crate) const FORMAT_WIDE: Builtin = Builtin {
    name: "Format-Wide",
    aliases: &["fw"],
    synopsis: "Formats objects as a wide table that displays only one property of each object.",
    parameters: &join::<_, _, 10>(
        [p("Property", "Object").at(0), switch("AutoSize"), p("Column", "Int32")],
        VIEW,
    ),
    should_process: false,
    make,
};

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    Ok(args.feed(Box::new(FormatWide {
        wanted: columns::specs(args.list("Property"))?.into_iter().next(),
        grouping: Grouping::new(&args)?,
        auto: args.on("AutoSize"),
        column: args.count("Column"),
        cells: Vec::new(),
    })))
}

struct FormatWide {
    wanted: Option<Spec>,
    grouping: Grouping,
    auto: bool,
    column: Option<usize>,
    cells: Vec<String>,
}

impl FormatWide {
    /// Lines of the cells so far.
    fn lines(&mut self, screen: usize) -> String {
        let cells = std::mem::take(&mut self.cells);
        if cells.is_empty() {
            return String::new();
        }
        let widest = cells.iter().map(|c| c.chars().count()).max().unwrap_or(1).max(1);
        let usable = screen.saturating_sub(1).max(1);
        let per_line = match self.column {
            Some(n) => n.clamp(1, usable),
            None if self.auto => ((usable + 1) / (widest + 1)).max(1),
            None => 2,
        };
        let width = if self.auto && self.column.is_none() {
            widest.min(usable)
        } else {
            ((usable + 1) / per_line).saturating_sub(1).max(1)
        };
        let mut text = String::from("\n");
        for line in cells.chunks(per_line) {
            let padded: Vec<String> = line.iter().map(|c| format!("{:width$}", fit(c, width))).collect();
            text.push_str(padded.join(" ").trim_end());
            text.push('\n');
        }
        text + "\n\n"
    }
}

impl Stage for FormatWide {
    fn process(&mut self, cx: &mut Interp<'_>, input: Value, out: &mut dyn Sink) -> Run<()> {
        if let Some(heading) = self.grouping.begins(cx, &input)? {
            self.end(cx, out)?;
            put_text(cx, heading, out)?;
        }
        let wanted = self.wanted.clone().or_else(|| naming(&input));
        let cell = match &wanted {
            Some(spec) => shown(cx, spec, &input)?,
            None => input.to_string(),
        };
        cx.charge(size_of::<String>() + cell.len())?;
        self.cells.push(cell);
        Ok(())
    }

    fn end(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        let text = self.lines(cx.state.width);
        put_text(cx, text, out)
    }
}

/// The property that names an object: one whose name ends so, else the first.
fn naming(item: &Value) -> Option<Spec> {
    if matches!(item, Value::String(_)) {
        return None;
    }
    let names = columns::names(item);
    let named = names.iter().find(|n| n.eq_ignore_ascii_case("Name")).or_else(|| {
        names.iter().find(|n| {
            n.len() >= 4 && n.get(n.len() - 4..).is_some_and(|end| end.eq_ignore_ascii_case("name"))
        })
    });
    named.or(names.first()).map(|name| Spec::property(name))
}
