//! `Format-List`: one property a line.

use super::{
    Args, Builtin, VIEW,
    columns::{self, Spec},
    format_table::put_text,
    grouping::Grouping,
    join, p,
};
use crate::{
    eval::{Interp, Run, formatted},
    format::{Layout, ListWriter, cell, enumeration_limit, formatted_text},
    pipeline::{Sink, Stage},
    value::Value,
};

pub(crate) const FORMAT_LIST: Builtin = Builtin {
    name: "Format-List",
    aliases: &["fl"],
    synopsis: "Formats the output as a list of properties in which each property appears on a new line.",
    parameters: &join::<_, _, 8>([p("Property", "Object[]").at(0)], VIEW),
    should_process: false,
    make,
};

struct FormatList {
    specs: Vec<Spec>,
    grouping: Grouping,
    writer: ListWriter,
}

fn make(cx: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let specs = columns::specs(args.list("Property"))?;
    let grouping = Grouping::new(&args)?;
    Ok(args.feed(Box::new(FormatList { specs, grouping, writer: ListWriter::new(cx.state.width) })))
}

/// The text of a property in a view.
pub(super) fn shown(cx: &mut Interp<'_>, spec: &Spec, item: &Value) -> Run<String> {
    let value = spec.value(cx, item)?;
    let special = spec.format.as_deref().and_then(|format| {
        let format = format.strip_prefix("{0:").and_then(|f| f.strip_suffix('}')).unwrap_or(format);
        formatted(&value, format)
    });
    Ok(special.unwrap_or_else(|| cell(&value, enumeration_limit(cx))))
}

/// True for what has no properties worth a view: it is printed as it is.
pub(super) fn is_plain(item: &Value) -> bool {
    !matches!(
        item,
        Value::Object(_)
            | Value::Hashtable(_)
            | Value::DateTime(_)
            | Value::TimeSpan(_)
            | Value::Version(_)
            | Value::Unlimited(_)
    )
}

impl Stage for FormatList {
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
            self.end(cx, out)?;
            self.writer = ListWriter::new(cx.state.width);
            put_text(cx, heading, out)?;
        }
        let specs = match self.specs.is_empty() {
            true => viewed(cx, &input),
            false => columns::expand(&self.specs, &input),
        };
        let mut fields = Vec::with_capacity(specs.len());
        for spec in &specs {
            // A property the object does not have is not shown.
            if spec.name().is_none_or(|name| has(&input, name)) {
                let text = shown(cx, spec, &input)?;
                cx.charge(text.len())?;
                fields.push((spec.label.to_string(), text));
            }
        }
        if fields.is_empty() {
            return Ok(());
        }
        let text = self.writer.object(&fields);
        out.put(cx, formatted_text(text))
    }

    fn end(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        let text = self.writer.close();
        put_text(cx, text, out)
    }
}

/// All properties, or those of the type's list view.
fn viewed(cx: &Interp<'_>, item: &Value) -> Vec<Spec> {
    let layout = match item {
        Value::Object(object) => object.with(|o| {
            let entry = o.is("System.Collections.DictionaryEntry");
            let listed = Layout::List(vec!["Name".into(), "Value".into()]);
            entry.then_some(listed).or_else(|| cx.state.views.find(o).cloned())
        }),
        _ => None,
    };
    match layout {
        Some(Layout::List(names)) if !names.is_empty() => {
            let specs: Vec<Spec> = names.iter().map(|name| Spec::property(name)).collect();
            columns::expand(&specs, item)
        }
        _ => columns::expand(&[Spec::property("*")], item),
    }
}

fn has(item: &Value, name: &str) -> bool {
    match item {
        Value::Object(object) => object.with(|o| o.get(name).is_some()),
        other => !crate::members::property(other, name).is_null(),
    }
}
