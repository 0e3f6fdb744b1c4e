//! `Format-Table`: rows and columns, streamed unless the widths depend on all rows.

use super::{
    Args, Builtin, VIEW,
    columns::{self, Spec},
    format_list::{is_plain, shown},
    grouping::Grouping,
    join, p, switch,
};
use crate::{
    eval::{Interp, Run},
    format::{ColumnLayout, Layout, TableWriter, formatted_text, side},
    pipeline::{Sink, Stage},
    value::Value,
};

/// How many columns a table has when nobody said which.
const COLUMNS_MAX: usize = 10;

pub(crate) const FORMAT_TABLE: Builtin = Builtin {
    name: "Format-Table",
    aliases: &["ft"],
    synopsis: "Formats the output as a table.",
    parameters: &join::<_, _, 11>(
        [p("Property", "Object[]").at(0), switch("AutoSize"), switch("HideTableHeaders"), switch("Wrap")],
        VIEW,
    ),
    should_process: false,
    make,
};

struct FormatTable {
    specs: Vec<Spec>,
    grouping: Grouping,
    auto: bool,
    wrap: bool,
    hide: bool,
    /// The columns, once the first object has come.
    columns: Option<Vec<(Spec, ColumnLayout)>>,
    writer: Option<TableWriter>,
}

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    Ok(args.feed(Box::new(FormatTable {
        specs: columns::specs(args.list("Property"))?,
        grouping: Grouping::new(&args)?,
        auto: args.on("AutoSize"),
        wrap: args.on("Wrap"),
        hide: args.on("HideTableHeaders"),
        columns: None,
        writer: None,
    })))
}

impl FormatTable {
    /// Decides the columns by the first object.
    fn plan(&self, cx: &mut Interp<'_>, item: &Value) -> Run<Vec<(Spec, ColumnLayout)>> {
        let specs = if !self.specs.is_empty() {
            columns::expand(&self.specs, item)
        } else {
            let views = cx.state.views.clone();
            let layout = match item {
                Value::Object(object) => object.with(|o| views.find(o).cloned()),
                _ => None,
            };
            match layout {
                Some(Layout::Table(viewed)) => viewed
                    .iter()
                    .map(|c| {
                        let width = c.width.filter(|_| !self.auto);
                        Spec { width, alignment: c.alignment, ..Spec::property(&c.property) }
                    })
                    .map(|s| columns::expand(&[s], item))
                    .collect::<Vec<_>>()
                    .concat(),
                _ => {
                    let mut all = columns::expand(&[Spec::property("*")], item);
                    all.truncate(COLUMNS_MAX);
                    all
                }
            }
        };
        let mut plan = Vec::with_capacity(specs.len());
        for spec in specs {
            let value = spec.value(cx, item)?;
            let layout = ColumnLayout {
                label: spec.label.to_string(),
                width: spec.width,
                alignment: spec.alignment.unwrap_or_else(|| side(Some(&value))),
            };
            plan.push((spec, layout));
        }
        Ok(plan)
    }

    /// A writer for the columns that were decided.
    fn open(&self, cx: &Interp<'_>) -> TableWriter {
        let layout = self.columns.iter().flatten().map(|(_, layout)| layout.clone()).collect();
        let writer = TableWriter::new(layout, cx.state.width).fitted(self.auto);
        writer.wrapping(self.wrap).without_headers(self.hide)
    }

    /// Ends the table that is open.
    fn close(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        let text = self.writer.take().map(|mut writer| writer.close()).unwrap_or_default();
        put_text(cx, text, out)
    }
}

/// Writes formatted text, if there is any.
pub(super) fn put_text(cx: &mut Interp<'_>, text: String, out: &mut dyn Sink) -> Run<()> {
    if text.is_empty() { Ok(()) } else { out.put(cx, formatted_text(text)) }
}

impl Stage for FormatTable {
    fn process(&mut self, cx: &mut Interp<'_>, input: Value, out: &mut dyn Sink) -> Run<()> {
        if let Value::Hashtable(table) = &input {
            return crate::members::entries(table)
                .into_iter()
                .try_for_each(|entry| self.process(cx, entry, out));
        }
        if self.specs.is_empty() && is_plain(&input) {
            return out.put(cx, input);
        }
        if let Some(heading) = self.grouping.begins(cx, &input)? {
            self.close(cx, out)?;
            put_text(cx, heading, out)?;
        }
        if self.columns.is_none() {
            self.columns = Some(self.plan(cx, &input)?);
        }
        let mut cells = Vec::new();
        for (spec, _) in self.columns.clone().unwrap_or_default() {
            cells.push(shown(cx, &spec, &input)?);
        }
        if self.auto {
            cx.charge(cells.iter().map(String::len).sum())?;
        }
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.open(cx),
        };
        let text = writer.row(cells);
        self.writer = Some(writer);
        put_text(cx, text, out)
    }

    fn end(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        self.close(cx, out)
    }
}
