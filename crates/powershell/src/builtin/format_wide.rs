//! `Format-Wide`: one property of each object, several to a line.

use super::{Args, Builtin, INPUT, columns, columns::Spec, format_list::shown, p, stages::gather, switch};
use crate::{
    eval::{Interp, Run},
    format::formatted_text,
    pipeline::Stage,
};

pub(crate) const FORMAT_WIDE: Builtin = Builtin {
    name: "Format-Wide",
    aliases: &["fw"],
    synopsis: "Formats objects as a wide table that displays only one property of each object.",
    parameters: &[p("Property", "Object").at(0), switch("AutoSize"), p("Column", "Int32"), INPUT],
    should_process: false,
    make,
};

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let wanted = columns::specs(args.list("Property"))?.into_iter().next();
    let (auto, column) = (args.on("AutoSize"), args.count("Column"));
    Ok(args.feed(gather(move |cx, items, out| {
        let mut cells = Vec::with_capacity(items.len());
        for item in &items {
            let spec = wanted.clone().or_else(|| columns::names(item).first().map(|n| Spec::property(n)));
            cells.push(match spec {
                Some(spec) => shown(cx, &spec, item)?,
                None => item.to_string(),
            });
        }
        let widest = cells.iter().map(|c| c.chars().count()).max().unwrap_or(1).max(1);
        let usable = cx.state.width.saturating_sub(1);
        let per_line = match column {
            Some(n) => n.clamp(1, usable),
            None if auto => ((usable + 1) / (widest + 1)).max(1),
            None => 2,
        };
        let width = ((usable + 1) / per_line).saturating_sub(1).max(1);
        let mut text = String::from("\n");
        for line in cells.chunks(per_line) {
            let padded: Vec<String> = line
                .iter()
                .map(|c| {
                    let cut: String = c.chars().take(width).collect();
                    format!("{cut:width$}")
                })
                .collect();
            text.push_str(padded.join(" ").trim_end());
            text.push('\n');
        }
        if cells.is_empty() { Ok(()) } else { out.put(cx, formatted_text(text + "\n\n")) }
    })))
}
