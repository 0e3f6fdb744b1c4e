//! `Get-Random`. Not for secrets.

use super::{Args, Builtin, INPUT, p, stages::gather};
use crate::{
    eval::{Interp, Run, number},
    pipeline::Stage,
    value::Value,
};

pub(crate) const GET_RANDOM: Builtin = Builtin {
    name: "Get-Random",
    aliases: &[],
    synopsis: "Gets a random number, or selects objects randomly from a collection.",
    parameters: &[
        p("Maximum", "Object").at(0),
        p("Minimum", "Object"),
        p("Count", "Int32"),
        p("SetSeed", "Int32"),
        INPUT,
    ],
    should_process: false,
    make,
};

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let fed = args.fed || args.has("InputObject");
    let (most, least, count) =
        (args.get("Maximum").cloned(), args.get("Minimum").cloned(), args.count("Count"));
    Ok(args.feed(gather(move |cx, mut items, out| {
        let rng = cx.state.rng.clone();
        if fed {
            for _ in 0..count.unwrap_or(1).min(items.len()) {
                let at = usize::try_from(rng.below(items.len() as u64)).unwrap_or_default();
                let picked = items.swap_remove(at);
                out.put(cx, picked)?;
            }
            return Ok(());
        }
        let whole = |value: Option<Value>, missing: i64| -> Run<i64> {
            Ok(match value.as_ref().map(number).transpose()? {
                Some(Value::Int(n)) => i64::from(n),
                Some(Value::Long(n)) => n,
                Some(Value::Double(n)) => n as i64,
                _ => missing,
            })
        };
        let (from, to) = (whole(least, 0)?, whole(most, i64::from(i32::MAX))?);
        let Ok(span) = u64::try_from(to.saturating_sub(from)) else {
            return Err(crate::eval::invalid("The Minimum value must be less than the Maximum value."));
        };
        let n = from.saturating_add(rng.below(span.max(1)) as i64);
        out.put(cx, i32::try_from(n).map_or(Value::Long(n), Value::Int))
    })))
}
