//! `Get-Member` and `Add-Member`.

use std::collections::BTreeSet;

use super::{
    Args, Builtin, INPUT, columns, p,
    stages::{each, gather},
    switch,
};
use crate::{
    eval::{Interp, Run, Wildcard, invalid},
    members,
    pipeline::Stage,
    value::{PsObject, Value},
};

pub(crate) const GET_MEMBER: Builtin = Builtin {
    name: "Get-Member",
    aliases: &["gm"],
    synopsis: "Gets the properties and methods of objects.",
    parameters: &[
        p("Name", "String[]").at(0),
        p("MemberType", "String[]").alias(&["Type"]),
        p("View", "String"),
        switch("Static"),
        switch("Force"),
        INPUT,
    ],
    should_process: false,
    make: get,
};

pub(crate) const ADD_MEMBER: Builtin = Builtin {
    name: "Add-Member",
    aliases: &[],
    synopsis: "Adds custom properties to an instance of an object.",
    parameters: &[
        p("MemberType", "Object").at(0).alias(&["Type"]),
        p("Name", "Object").at(1),
        p("Value", "Object").at(2),
        p("NotePropertyName", "String"),
        p("NotePropertyValue", "Object"),
        p("NotePropertyMembers", "Hashtable"),
        p("TypeName", "String"),
        switch("Force"),
        switch("PassThru"),
        INPUT,
    ],
    should_process: false,
    make: add,
};

/// Methods that some kinds of values have, for show; `ToString` and friends everywhere.
fn methods(value: &Value) -> &'static [&'static str] {
    match value {
        Value::String(_) => &[
            "Contains",
            "EndsWith",
            "IndexOf",
            "Insert",
            "LastIndexOf",
            "PadLeft",
            "PadRight",
            "Remove",
            "Replace",
            "Split",
            "StartsWith",
            "Substring",
            "ToCharArray",
            "ToLower",
            "ToUpper",
            "Trim",
            "TrimEnd",
            "TrimStart",
        ],
        Value::DateTime(_) => &[
            "Add",
            "AddDays",
            "AddHours",
            "AddMilliseconds",
            "AddMinutes",
            "AddMonths",
            "AddSeconds",
            "AddYears",
            "Subtract",
            "ToLocalTime",
            "ToLongDateString",
            "ToShortDateString",
            "ToUniversalTime",
        ],
        Value::Size(_) => &["ToBytes", "ToGB", "ToKB", "ToMB", "ToTB"],
        Value::TimeSpan(_) => &["Add", "Duration", "Negate", "Subtract"],
        Value::Hashtable(_) => {
            &["Add", "Clear", "Clone", "Contains", "ContainsKey", "GetEnumerator", "Remove"]
        }
        _ => &[],
    }
}

const COMMON: &[&str] = &["Equals", "GetType", "ToString"];

fn get(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let names: Vec<Wildcard> =
        args.list("Name").iter().map(|n| Wildcard::new(&n.to_string(), false)).collect();
    let kinds: Vec<String> = args.list("MemberType").iter().map(|k| k.to_string().to_lowercase()).collect();
    Ok(args.feed(gather(move |cx, items, out| {
        if items.is_empty() {
            let text = "You must specify an object for the Get-Member cmdlet.";
            return Err(invalid(text));
        }
        let mut seen = BTreeSet::new();
        for item in &items {
            let type_name = item.type_name();
            if !seen.insert(type_name.clone()) {
                continue;
            }
            let kind = if matches!(item, Value::Object(_)) { "NoteProperty" } else { "Property" };
            let mut rows: Vec<(String, &str, String)> = columns::names(item)
                .iter()
                .map(|name| {
                    let value = members::property(item, name);
                    let of = if value.is_null() { "object".into() } else { value.type_name() };
                    (name.to_string(), kind, format!("{of} {name}={value}"))
                })
                .collect();
            let called = methods(item).iter().chain(COMMON);
            rows.extend(called.map(|m| ((*m).to_owned(), "Method", format!("{m}()"))));
            rows.sort_by(|a, b| (a.1, a.0.to_lowercase()).cmp(&(b.1, b.0.to_lowercase())));
            for (name, kind, definition) in rows {
                let wanted = names.is_empty() || names.iter().any(|n| n.matches(&name));
                let typed = kinds.is_empty()
                    || kinds.iter().any(|k| {
                        *k == kind.to_lowercase()
                            || *k == "all"
                            || (*k == "properties" && kind != "Method")
                            || (*k == "methods" && kind == "Method")
                            || (*k == "property" && kind == "NoteProperty")
                    });
                if wanted && typed {
                    let row = PsObject::new(&["Microsoft.PowerShell.Commands.MemberDefinition"])
                        .with("TypeName", type_name.clone())
                        .with("Name", name)
                        .with("MemberType", kind)
                        .with("Definition", definition);
                    out.put(cx, row.into())?;
                }
            }
        }
        Ok(())
    })))
}

fn add(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let mut added: Vec<(String, Value)> = Vec::new();
    if let Some(Value::Hashtable(table)) = args.get("NotePropertyMembers").or_else(|| args.get("MemberType"))
    {
        added.extend(table.to_vec().into_iter().map(|(k, v)| (k.to_string(), v)));
    }
    let value = |name: &str| args.get(name).cloned().unwrap_or_default();
    if let Some(name) = args.text("NotePropertyName") {
        added.push((name, value("NotePropertyValue")));
    }
    if let Some(name) = args.text("Name") {
        let kind = args.text("MemberType").unwrap_or_default().to_lowercase();
        // Two arguments without a kind are a name and its value.
        if !args.has("Value") && !kind.ends_with("property") && !kind.ends_with("method") {
            added.push((args.text("MemberType").unwrap_or_default(), value("Name")));
        } else if kind != "noteproperty" {
            let text = format!("Members of the type {kind} can't be added; only NoteProperty can.");
            return Err(invalid(text));
        } else {
            added.push((name, value("Value")));
        }
    }
    let (force, pass, type_name) = (args.on("Force"), args.on("PassThru"), args.text("TypeName"));
    Ok(args.feed(each(move |cx, item, out| {
        if let Value::Object(object) = &item {
            for (name, value) in &added {
                if !force && object.with(|o| o.get(name).is_some()) {
                    let text = format!(
                        "Cannot add a member with the name \"{name}\" because a member with that name already exists. \
                         To overwrite the member anyway, add the Force parameter to your command."
                    );
                    return Err(invalid(text));
                }
                cx.charge(size_of::<Value>())?;
                object.edit(|o| o.set(name, value.clone()));
            }
            if let Some(type_name) = &type_name {
                object.edit(|o| {
                    let mut names = o.type_names().to_vec();
                    names.insert(0, type_name.as_str().into());
                    o.set_type_names(names);
                });
            }
        }
        if pass { out.put(cx, item) } else { Ok(()) }
    })))
}
