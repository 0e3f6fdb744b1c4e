//! `Group-Object`: objects with the same values together, in the order the groups first appear.

use std::collections::HashMap;

use super::{Args, Builtin, INPUT, columns, p, sort_object::keys, stages::gather, switch};
use crate::{
    eval::{Interp, Run},
    pipeline::Stage,
    value::{Hashtable, PsObject, Value},
};

pub(crate) const GROUP_OBJECT: Builtin = Builtin {
    name: "Group-Object",
    aliases: &["group"],
    synopsis: "Groups objects that contain the same value for specified properties.",
    parameters: &[
        p("Property", "Object[]").at(0),
        switch("NoElement"),
        switch("AsHashTable").alias(&["AHT"]),
        switch("AsString"),
        switch("CaseSensitive"),
        INPUT,
    ],
    should_process: false,
    make,
};

struct Group {
    name: String,
    values: Vec<Value>,
    members: Vec<Value>,
}

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let specs = columns::specs(args.list("Property"))?;
    let case = args.on("CaseSensitive");
    let (no_element, as_table, as_string) =
        (args.on("NoElement"), args.on("AsHashTable"), args.on("AsString"));
    Ok(args.feed(gather(move |cx, items, out| {
        let mut groups: Vec<Group> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for item in items {
            cx.step()?;
            let values = keys(cx, &specs, &item)?;
            let name = values.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
            let key = if case { name.clone() } else { name.to_lowercase() };
            let at = *places.entry(key).or_insert(groups.len());
            if at == groups.len() {
                groups.push(Group { name, values, members: Vec::new() });
            }
            groups[at].members.push(item);
        }
        if as_table {
            let entries = groups.into_iter().map(|g| {
                let key = if as_string { g.name.into() } else { Value::from_items(g.values) };
                (key, Value::array(g.members))
            });
            return out.put(cx, Value::Hashtable(Hashtable::from_entries(false, entries)));
        }
        for group in groups {
            let kind = if no_element { "GroupInfoNoElement" } else { "GroupInfo" };
            let kind = format!("Microsoft.PowerShell.Commands.{kind}");
            let mut object = PsObject::new(&[&kind, "Microsoft.PowerShell.Commands.GroupInfo"])
                .with("Count", group.members.len())
                .with("Name", group.name);
            if !no_element {
                object.set("Group", Value::array(group.members));
            }
            object.set("Values", Value::array(group.values));
            out.put(cx, object.into())?;
        }
        Ok(())
    })))
}
