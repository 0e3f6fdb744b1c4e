//! `Format-Table`: rows and columns, streamed unless the widths depend on all rows.

use super::{
    Args, Builtin, INPUT,
    columns::{self, Spec},
    format_list::{is_plain, shown},
    p, switch,
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
    parameters: &[
        p("Property", "Object[]").at(0),
        switch("AutoSize"),
        switch("HideTableHeaders"),
        switch("Wrap"),
        p("GroupBy", "Object"),
        p("View", "String"),
        switch("ShowError"),
        switch("DisplayError"),
        switch("Force"),
        p("Expand", "String"),
        INPUT,
    ],
    should_process: false,
    make,
};

struct FormatTable {
    specs: Vec<Spec>,
    group_by: Option<Spec>,
    group: Option<String>,
    auto: bool,
    wrap: bool,
    hide: bool,
    /// The columns, once the first object has come.
    columns: Option<Vec<(Spec, ColumnLayout)>>,
    writer: Option<TableWriter>,
    rows: Vec<Vec<String>>,
}

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let specs = columns::specs(args.list("Property"))?;
    let group_by = columns::specs(args.list("GroupBy"))?.into_iter().next();
    Ok(args.feed(Box::new(FormatTable {
        specs,
        group_by,
        group: None,
        auto: args.on("AutoSize"),
        wrap: args.on("Wrap"),
        hide: args.on("HideTableHeaders"),
        columns: None,
        writer: None,
        rows: Vec::new(),
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

    fn layout(&self) -> Vec<ColumnLayout> {
        self.columns.iter().flatten().map(|(_, layout)| layout.clone()).collect()
    }

    fn dressed(&self, writer: TableWriter) -> TableWriter {
        writer.wrapping(self.wrap).without_headers(self.hide)
    }

    /// Writes rows that waited for their widths, and ends the table.
    fn close(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        if self.auto && !self.rows.is_empty() {
            let rows = std::mem::take(&mut self.rows);
            let mut writer = self.dressed(TableWriter::fitted(self.layout(), &rows, cx.state.width));
            for row in &rows {
                out.put(cx, formatted_text(writer.row(row)))?;
            }
            return out.put(cx, formatted_text(writer.close()));
        }
        match self.writer.take().map(|w| w.close()) {
            Some(text) if !text.is_empty() => out.put(cx, formatted_text(text)),
            _ => Ok(()),
        }
    }

    /// A new table where the value of `-GroupBy` changes.
    fn regroup(&mut self, cx: &mut Interp<'_>, item: &Value, out: &mut dyn Sink) -> Run<()> {
        let Some(spec) = self.group_by.clone() else { return Ok(()) };
        let value = shown(cx, &spec, item)?;
        if self.group.as_ref() == Some(&value) {
            return Ok(());
        }
        self.close(cx, out)?;
        let text = format!("\n   {}: {value}\n", spec.label);
        self.group = Some(value);
        out.put(cx, formatted_text(text))
    }
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
        self.regroup(cx, &input, out)?;
        if self.columns.is_none() {
            self.columns = Some(self.plan(cx, &input)?);
        }
        let mut cells = Vec::new();
        for (spec, _) in self.columns.clone().unwrap_or_default() {
            cells.push(shown(cx, &spec, &input)?);
        }
        if self.auto {
            cx.charge(cells.iter().map(String::len).sum())?;
            self.rows.push(cells);
            return Ok(());
        }
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.dressed(TableWriter::new(self.layout(), cx.state.width)),
        };
        let text = writer.row(&cells);
        self.writer = Some(writer);
        out.put(cx, formatted_text(text))
    }

    fn end(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        self.close(cx, out)
    }
}
