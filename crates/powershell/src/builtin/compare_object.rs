//! `Compare-Object`: what is in one set and not in the other.

use std::collections::HashMap;

use super::{Args, Builtin, INPUT, columns, p, sort_object::keys, stages::gather, switch};
use crate::{
    eval::{Interp, Run},
    pipeline::Stage,
    value::{PsObject, Value},
};

pub(crate) const COMPARE_OBJECT: Builtin = Builtin {
    name: "Compare-Object",
    aliases: &["compare", "diff"],
    synopsis: "Compares two sets of objects.",
    parameters: &[
        p("ReferenceObject", "Object[]").at(0).needed(),
        super::P { name: "DifferenceObject", ..INPUT }.at(1),
        p("Property", "Object[]"),
        switch("ExcludeDifferent"),
        switch("IncludeEqual"),
        switch("PassThru"),
        switch("CaseSensitive"),
        p("SyncWindow", "Int32"),
    ],
    should_process: false,
    make,
};

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let reference = args.list("ReferenceObject");
    let given = args.has("DifferenceObject").then(|| args.list("DifferenceObject"));
    let specs = columns::specs(args.list("Property"))?;
    let case = args.on("CaseSensitive");
    let (equal, pass, different) =
        (args.on("IncludeEqual"), args.on("PassThru"), !args.on("ExcludeDifferent"));
    Ok(gather(move |cx, items, out| {
        let difference = given.unwrap_or(items);
        let key = |cx: &mut Interp<'_>, item: &Value| -> Run<String> {
            let text = keys(cx, &specs, item)?.iter().map(Value::to_string).collect::<Vec<_>>().join("\0");
            Ok(if case { text } else { text.to_lowercase() })
        };
        // How many of each are on the left and not yet matched.
        let mut left: HashMap<String, usize> = HashMap::new();
        for item in &reference {
            cx.step()?;
            *left.entry(key(cx, item)?).or_default() += 1;
        }
        let mut rows: Vec<(&str, Value)> = Vec::new();
        for item in difference {
            cx.step()?;
            match left.get_mut(&key(cx, &item)?).filter(|n| **n > 0) {
                Some(n) => {
                    *n -= 1;
                    rows.extend(equal.then_some(("==", item)));
                }
                None => rows.extend(different.then_some(("=>", item))),
            }
        }
        for item in reference {
            let key = key(cx, &item)?;
            if let Some(n) = left.get_mut(&key).filter(|n| **n > 0) {
                *n -= 1;
                rows.extend(different.then_some(("<=", item)));
            }
        }
        // Equal ones first, then what is only right, then what is only left.
        rows.sort_by_key(|(side, _)| ["==", "=>", "<="].iter().position(|s| s == side));
        for (side, item) in rows {
            if pass {
                out.put(cx, item)?;
                continue;
            }
            let mut row = PsObject::custom();
            if specs.is_empty() {
                row.set("InputObject", item);
            } else {
                for spec in &specs {
                    let value = spec.value(cx, &item)?;
                    row.set(&spec.label, value);
                }
            }
            row.set("SideIndicator", side.into());
            out.put(cx, row.into())?;
        }
        Ok(())
    }))
}
