//! `Sort-Object` and `Get-Unique`.

use std::cmp::Ordering;

use super::{
    Args, Builtin, INPUT,
    columns::{self, Spec},
    p,
    stages::{each, gather},
    switch,
};
use crate::{
    eval::{Interp, Run, compare, compare_text, equal},
    pipeline::Stage,
    value::Value,
};

pub(crate) const SORT_OBJECT: Builtin = Builtin {
    name: "Sort-Object",
    aliases: &["sort"],
    synopsis: "Sorts objects by property values.",
    parameters: &[
        p("Property", "Object[]").at(0),
        switch("Descending"),
        switch("Unique"),
        switch("CaseSensitive"),
        p("Culture", "String"),
        INPUT,
    ],
    should_process: false,
    make: sort,
};

pub(crate) const GET_UNIQUE: Builtin = Builtin {
    name: "Get-Unique",
    aliases: &["gu"],
    synopsis: "Returns unique items from a sorted list.",
    parameters: &[switch("AsString"), INPUT],
    should_process: false,
    make: unique,
};

fn unique(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let mut last: Option<Value> = None;
    Ok(args.feed(each(move |cx, item, out| {
        if last.as_ref().is_some_and(|l| equal(l, &item, true)) {
            return Ok(());
        }
        last = Some(item.clone());
        out.put(cx, item)
    })))
}

/// Keys to sort by, each with its direction.
pub(super) fn keys(cx: &mut Interp<'_>, specs: &[Spec], item: &Value) -> Run<Vec<Value>> {
    if specs.is_empty() {
        return Ok(vec![item.clone()]);
    }
    specs.iter().map(|spec| spec.value(cx, item)).collect()
}

fn sort(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let specs = columns::specs(args.list("Property"))?;
    let (descending, unique, case) = (args.on("Descending"), args.on("Unique"), args.on("CaseSensitive"));
    Ok(args.feed(gather(move |cx, items, out| {
        let mut keyed = Vec::with_capacity(items.len());
        for item in items {
            cx.step()?;
            keyed.push((keys(cx, &specs, &item)?, item));
        }
        let now = cx.state.clock.now();
        let order = |a: &[Value], b: &[Value]| {
            for (at, (a, b)) in a.iter().zip(b).enumerate() {
                let down = specs.get(at).and_then(|s| s.descending).unwrap_or(descending);
                let by = compare_keys(a, b, case, now);
                let by = if down { by.reverse() } else { by };
                if by != Ordering::Equal {
                    return by;
                }
            }
            Ordering::Equal
        };
        keyed = cx.sort_by(keyed, |a, b| order(&a.0, &b.0))?;
        if unique {
            keyed.dedup_by(|a, b| order(&a.0, &b.0) == Ordering::Equal);
        }
        keyed.into_iter().try_for_each(|(_, item)| out.put(cx, item))
    })))
}

/// A total order: values that do not compare go by their type and text.
fn compare_keys(a: &Value, b: &Value, case: bool, now: base::Timestamp) -> Ordering {
    let alike = std::mem::discriminant(a) == std::mem::discriminant(b);
    let numeric = |v: &Value| matches!(v, Value::Int(_) | Value::Long(_) | Value::Double(_) | Value::Size(_));
    if a.is_null() || b.is_null() {
        return b.is_null().cmp(&a.is_null());
    }
    if alike || (numeric(a) && numeric(b)) {
        return compare(a, b, case, now).unwrap_or(Ordering::Equal);
    }
    compare_text(&a.to_string(), &b.to_string(), case).then_with(|| a.type_name().cmp(&b.type_name()))
}
