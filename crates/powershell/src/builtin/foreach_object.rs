//! `ForEach-Object`: runs a block, reads a property or calls a method for each object.

use std::sync::Arc;

use super::{Args, Builtin, INPUT, p};
use crate::{
    ast::ScriptBlock,
    eval::{Interp, Run},
    members,
    pipeline::{Sink, Stage},
    value::Value,
};

pub(crate) const FOREACH_OBJECT: Builtin = Builtin {
    name: "ForEach-Object",
    aliases: &["foreach", "%"],
    synopsis: "Performs an operation against each item in a collection of input objects.",
    parameters: &[
        p("Process", "Object").at(0).alias(&["MemberName"]),
        p("RemainingScripts", "Object[]").rest().alias(&["ArgumentList", "Args"]),
        p("Begin", "ScriptBlock"),
        p("End", "ScriptBlock"),
        INPUT,
    ],
    should_process: false,
    make,
};

struct ForEach {
    begin: Option<Arc<ScriptBlock>>,
    process: Vec<Arc<ScriptBlock>>,
    end: Option<Arc<ScriptBlock>>,
}

fn block(value: Option<&Value>) -> Option<Arc<ScriptBlock>> {
    match value {
        Some(Value::ScriptBlock(block)) => Some(block.clone()),
        _ => None,
    }
}

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let rest = args.list("RemainingScripts");
    let first = args.get("Process").cloned().unwrap_or_default();
    let mut blocks: Vec<Arc<ScriptBlock>> =
        first.clone().into_items().iter().chain(&rest).filter_map(|v| block(Some(v))).collect();
    if blocks.is_empty() && !first.is_null() {
        return Ok(args.feed(super::stages::each(move |cx, item, out| {
            let name = first.to_string();
            let has = matches!(&item, Value::Object(o) if o.with(|o| o.get(&name).is_some()));
            let property = members::property(&item, &name);
            let value = if has || !property.is_null() || matches!(item, Value::Object(_)) {
                property
            } else {
                members::method(cx, item, &name, rest.clone())?
            };
            match value {
                Value::Null => Ok(()),
                value => cx.emit(value, out),
            }
        })));
    }
    // Two blocks are begin and process, three have an end too.
    let mut begin = block(args.get("Begin"));
    let mut end = block(args.get("End"));
    if blocks.len() > 1 && begin.is_none() {
        begin = Some(blocks.remove(0));
    }
    if blocks.len() > 1 && end.is_none() {
        end = blocks.pop();
    }
    Ok(args.feed(Box::new(ForEach { begin, process: blocks, end })))
}

impl Stage for ForEach {
    fn begin(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        let item = cx.at.item.clone();
        self.begin.as_ref().map_or(Ok(()), |block| cx.run_inline_into(block, item, out))
    }
    fn process(&mut self, cx: &mut Interp<'_>, input: Value, out: &mut dyn Sink) -> Run<()> {
        self.process.iter().try_for_each(|block| cx.run_inline_into(block, input.clone(), out))
    }
    fn end(&mut self, cx: &mut Interp<'_>, out: &mut dyn Sink) -> Run<()> {
        let item = cx.at.item.clone();
        self.end.as_ref().map_or(Ok(()), |block| cx.run_inline_into(block, item, out))
    }
}
