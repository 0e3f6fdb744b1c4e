//! Arrays, lists and hashtables.

use super::{Call, is, property};
use crate::{
    eval::{Interp, Run, compare, equal},
    value::{Hashtable, List, ListKind, PsObject, Value},
};

pub(super) fn list_property(list: &List, name: &str) -> Option<Value> {
    if is(name, &["count", "length", "longlength"]) {
        return Some(Value::from(list.len()));
    }
    if is(name, &["rank"]) {
        return Some(Value::Int(1));
    }
    is(name, &["isfixedsize"]).then(|| Value::Bool(list.kind() == ListKind::Array))
}

/// `$list.Name`: the elements' properties, where they have one.
pub(super) fn each_property(items: &[Value], name: &str) -> Value {
    let mut all = Vec::new();
    for item in items {
        match item {
            Value::Object(object) => {
                if let Some(value) = object.with(|o| o.get(name).cloned()) {
                    all.extend(value.into_list());
                }
            }
            Value::Null | Value::Nothing => {}
            other => {
                let value = property(other, name);
                if !value.is_null() {
                    all.extend(value.into_list());
                }
            }
        }
    }
    match all.len() {
        0 => Value::Null,
        _ => Value::from_items(all),
    }
}

pub(super) fn list_method(cx: &mut Interp<'_>, list: &List, call: &Call<'_>) -> Run<Option<Value>> {
    let first = call.arguments.first().cloned().unwrap_or_default();
    cx.work(list.len() / 64)?;
    let find = |value: &Value| list.with(|items| items.iter().position(|item| equal(item, value, true)));
    Ok(Some(match (call.name, call.count()) {
        ("contains", 1) => Value::Bool(find(&first).is_some()),
        ("indexof", 1) => find(&first).map_or(Value::Int(-1), Value::from),
        ("getenumerator" | "clone" | "toarray", 0) => cx.new_array(list.to_vec())?,
        ("getvalue", 1) | ("get_item", 1) => cx.index(&Value::Array(list.clone()), &first)?,
        ("setvalue", 2) => {
            let at = cx.place(&call.arguments[1], list.len())?.ok_or_else(|| call.out_of_range(cx))?;
            list.edit(|items| items[at] = first);
            Value::Nothing
        }
        ("where", _) => filtered(cx, list, call)?,
        ("foreach", _) => for_each(cx, list, &first)?,
        _ if list.kind() == ListKind::Array => return each_method(cx, list, call),
        _ => return editing(cx, list, call, first),
    }))
}

/// Methods that change a list.
fn editing(cx: &mut Interp<'_>, list: &List, call: &Call<'_>, first: Value) -> Run<Option<Value>> {
    let find = |value: &Value| list.with(|items| items.iter().position(|item| equal(item, value, false)));
    Ok(Some(match (call.name, call.count()) {
        ("add", 1) => {
            cx.charge(size_of::<Value>())?;
            let at = list.edit(|items| {
                items.push(first);
                items.len() - 1
            });
            // ArrayList.Add yields the place; the product's own collections nothing.
            if list.kind() == ListKind::ArrayList { Value::from(at) } else { Value::Nothing }
        }
        ("addrange", 1) => {
            let items = first.into_items();
            cx.charge(items.len() * size_of::<Value>())?;
            list.edit(|all| all.extend(items));
            Value::Nothing
        }
        ("remove", 1) => {
            if let Some(at) = find(&first) {
                list.edit(|items| drop(items.remove(at)));
            }
            Value::Nothing
        }
        ("removeat", 1) => {
            let at = cx.place(&first, list.len())?.ok_or_else(|| call.out_of_range(cx))?;
            list.edit(|items| drop(items.remove(at)));
            Value::Nothing
        }
        ("insert", 2) => {
            let at = cx.place(&first, list.len() + 1)?.ok_or_else(|| call.out_of_range(cx))?;
            list.edit(|items| items.insert(at, call.arguments[1].clone()));
            Value::Nothing
        }
        ("clear", 0) => {
            let dropped = list.edit(std::mem::take);
            drop(dropped);
            Value::Nothing
        }
        ("reverse", 0) => {
            list.edit(|items| items.reverse());
            Value::Nothing
        }
        ("sort", 0) => {
            sort(cx, list)?;
            Value::Nothing
        }
        _ => return each_method(cx, list, call),
    }))
}

/// Sorts in place.
pub(super) fn sort(cx: &mut Interp<'_>, list: &List) -> Run<()> {
    let now = cx.state.clock.now();
    let order = |a: &Value, b: &Value| compare(a, b, false, now).unwrap_or(std::cmp::Ordering::Equal);
    let sorted = cx.sort_by(list.to_vec(), order)?;
    list.edit(|items| *items = sorted);
    Ok(())
}

/// A method arrays do not have is called on each element.
fn each_method(cx: &mut Interp<'_>, list: &List, call: &Call<'_>) -> Run<Option<Value>> {
    if list.is_empty() || call.name == "gettype" || call.name == "tostring" || call.name == "equals" {
        return Ok(None);
    }
    let mut all = Vec::new();
    for item in list.to_vec() {
        let made = cx.nested(|cx| super::method(cx, item, call.typed, call.arguments.to_vec()))?;
        all.extend(made.into_items());
    }
    Ok(Some(Value::from_items(all)))
}

fn filtered(cx: &mut Interp<'_>, list: &List, call: &Call<'_>) -> Run<Value> {
    let Some(Value::ScriptBlock(block)) = call.arguments.first() else { return Err(call.out_of_range(cx)) };
    let only_first = call.text(1).eq_ignore_ascii_case("first");
    let mut kept = Vec::new();
    for item in list.to_vec() {
        if Value::from_items(cx.run_inline(block, item.clone())?).truth() {
            kept.push(item);
            if only_first {
                break;
            }
        }
    }
    cx.new_array(kept)
}

fn for_each(cx: &mut Interp<'_>, list: &List, what: &Value) -> Run<Value> {
    let mut all = Vec::new();
    for item in list.to_vec() {
        match what {
            Value::ScriptBlock(block) => all.extend(cx.run_inline(block, item)?),
            name => all.extend(property(&item, &name.to_string()).into_items()),
        }
    }
    cx.new_array(all)
}

pub(super) fn table_property(table: &Hashtable, name: &str) -> Option<Value> {
    table.with(|t| {
        t.get_str(name).cloned().or_else(|| {
            Some(match &*name.to_ascii_lowercase() {
                "count" => Value::from(t.len()),
                "keys" => Value::array(t.iter().map(|(k, _)| k.clone()).collect()),
                "values" => Value::array(t.iter().map(|(_, v)| v.clone()).collect()),
                "isreadonly" | "isfixedsize" => Value::Bool(false),
                _ => return None,
            })
        })
    })
}

/// The entries as `DictionaryEntry` objects.
pub(crate) fn entries(table: &Hashtable) -> Vec<Value> {
    let entry = |(key, value): (Value, Value)| {
        PsObject::new(&["System.Collections.DictionaryEntry"])
            .with("Name", key.clone())
            .with("Key", key)
            .with("Value", value)
            .into()
    };
    table.to_vec().into_iter().map(entry).collect()
}

pub(super) fn table_method(cx: &mut Interp<'_>, table: &Hashtable, call: &Call<'_>) -> Run<Option<Value>> {
    let first = call.arguments.first().cloned().unwrap_or_default();
    Ok(Some(match (call.name, call.count()) {
        ("containskey" | "contains", 1) => Value::Bool(table.with(|t| t.get(&first).is_some())),
        ("containsvalue", 1) => Value::Bool(table.with(|t| t.iter().any(|(_, v)| equal(v, &first, true)))),
        ("add", 2) => {
            if table.with(|t| t.get(&first).is_some()) {
                let why = format!(
                    "Item has already been added. Key in dictionary: '{first}'  Key being added: '{first}'"
                );
                return Err(cx.method_failed("Add", 2, "ArgumentException", &why));
            }
            cx.charge(2 * size_of::<Value>())?;
            table.edit(|t| t.set(first, call.arguments[1].clone()));
            Value::Nothing
        }
        ("insert", 3) if table.with(|t| t.is_ordered()) => {
            let at = usize::try_from(call.int(cx, 0)?).ok().filter(|at| *at <= table.with(|t| t.len()));
            let at = at.ok_or_else(|| call.out_of_range(cx))?;
            cx.charge(2 * size_of::<Value>())?;
            table.edit(|t| t.insert(at, call.arguments[1].clone(), call.arguments[2].clone()));
            Value::Nothing
        }
        ("remove", 1) => {
            let removed = table.edit(|t| t.remove(&first));
            drop(removed);
            Value::Nothing
        }
        ("clear", 0) => {
            let dropped: Vec<_> = table.to_vec();
            table.edit(|t| t.clear());
            drop(dropped);
            Value::Nothing
        }
        ("clone", 0) => {
            Value::Hashtable(Hashtable::from_entries(table.with(|t| t.is_ordered()), table.to_vec()))
        }
        ("getenumerator", 0) => cx.new_array(entries(table))?,
        ("get_item", 1) => table.with(|t| t.get(&first).cloned()).unwrap_or_default(),
        _ => return Ok(None),
    }))
}
