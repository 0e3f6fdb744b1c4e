//! `Where-Object`: objects a condition is true for; `Where { … }` or `Where Property -eq Value`.

use super::{Args, Builtin, INPUT, P, p, stages::each, switch};
use crate::{
    ast::BinaryOp,
    eval::{Interp, Run},
    members,
    pipeline::Stage,
    value::Value,
};

const OPERATORS: &[&str] = &[
    "EQ",
    "CEQ",
    "NE",
    "CNE",
    "GT",
    "CGT",
    "LT",
    "CLT",
    "GE",
    "CGE",
    "LE",
    "CLE",
    "Like",
    "CLike",
    "NotLike",
    "CNotLike",
    "Match",
    "CMatch",
    "NotMatch",
    "CNotMatch",
    "Contains",
    "CContains",
    "NotContains",
    "CNotContains",
    "In",
    "CIn",
    "NotIn",
    "CNotIn",
    "Is",
    "IsNot",
];

const PARAMETERS: &[P] = &[
    p("Property", "Object").at(0).alias(&["FilterScript"]),
    p("Value", "Object").at(1),
    INPUT,
    switch("EQ").alias(&["IEQ"]),
    switch("CEQ"),
    switch("NE").alias(&["INE"]),
    switch("CNE"),
    switch("GT").alias(&["IGT"]),
    switch("CGT"),
    switch("LT").alias(&["ILT"]),
    switch("CLT"),
    switch("GE").alias(&["IGE"]),
    switch("CGE"),
    switch("LE").alias(&["ILE"]),
    switch("CLE"),
    switch("Like").alias(&["ILike"]),
    switch("CLike"),
    switch("NotLike").alias(&["INotLike"]),
    switch("CNotLike"),
    switch("Match").alias(&["IMatch"]),
    switch("CMatch"),
    switch("NotMatch").alias(&["INotMatch"]),
    switch("CNotMatch"),
    switch("Contains").alias(&["IContains"]),
    switch("CContains"),
    switch("NotContains").alias(&["INotContains"]),
    switch("CNotContains"),
    switch("In").alias(&["IIn"]),
    switch("CIn"),
    switch("NotIn").alias(&["INotIn"]),
    switch("CNotIn"),
    switch("Is"),
    switch("IsNot"),
    switch("Not"),
];

pub(crate) const WHERE_OBJECT: Builtin = Builtin {
    name: "Where-Object",
    aliases: &["where", "?"],
    synopsis: "Selects objects from a collection based on their property values.",
    parameters: PARAMETERS,
    should_process: false,
    make,
};

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let condition = args.get("Property").cloned().unwrap_or_default();
    if let Value::ScriptBlock(block) = condition {
        let stage = each(move |cx, item, out| {
            let kept = cx.run_inline(&block, item.clone())?;
            if Value::from_items(kept).truth() { out.put(cx, item) } else { Ok(()) }
        });
        return Ok(args.feed(stage));
    }
    let name = condition.to_string();
    let value = args.get("Value").cloned().unwrap_or_default();
    let not = args.on("Not");
    let operator = OPERATORS.iter().find(|o| args.on(o)).and_then(|o| BinaryOp::dashed(o)).map(|(op, _)| op);
    if operator.is_none() && args.has("Value") {
        let text = "The specified operator requires both the -Property and -Value parameters. Provide values for both \
                    parameters, and then try the command again.";
        return Err(crate::eval::invalid(text));
    }
    let stage = each(move |cx, item, out| {
        let property = members::property(&item, &name).or_null();
        let fits = match operator {
            None => property.truth(),
            Some(op) => cx.apply(op, property, value.clone())?.truth(),
        };
        if fits != not { out.put(cx, item) } else { Ok(()) }
    });
    Ok(args.feed(stage))
}
