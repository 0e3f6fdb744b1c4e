//! Values on their way to a server and back.

use std::sync::Arc;

use base::Guid;
use wire::{
    clixml::{Body, Node},
    secret,
    session_key::SessionKey,
};

use crate::{
    text::{from_node, to_node_with},
    value::{ObjectShape, PsObject, Value},
};

/// How deep arguments are followed.
const ARGUMENT_DEPTH: usize = 2;
/// How deep pipeline input is followed, as the product does.
const INPUT_DEPTH: usize = 1;

/// Whether a value holds a secret, which only travels under a key.
pub(super) fn holds_secret(value: &Value) -> bool {
    holds_secret_at(value, ARGUMENT_DEPTH + 1)
}

fn holds_secret_at(value: &Value, depth: usize) -> bool {
    match value {
        Value::Secret(_) => true,
        _ if depth == 0 => false,
        Value::Array(list) => list.with(|items| items.iter().any(|item| holds_secret_at(item, depth - 1))),
        Value::Object(object) => object.with(|o| o.iter().any(|(_, item)| holds_secret_at(item, depth - 1))),
        Value::Hashtable(table) => table.with(|t| t.iter().any(|(_, item)| holds_secret_at(item, depth - 1))),
        _ => false,
    }
}

/// An argument as it travels.
pub(super) fn argument(value: &Value, key: Option<&SessionKey>) -> Node {
    sent(value, ARGUMENT_DEPTH, key)
}

/// A pipeline object as it travels.
pub(super) fn input(value: &Value, key: Option<&SessionKey>) -> Node {
    sent(value, INPUT_DEPTH, key)
}

fn sent(value: &Value, depth: usize, key: Option<&SessionKey>) -> Node {
    to_node_with(value, depth, &|hidden| {
        key.map_or(Node::Nil, |key| Node::Secure(key.protect(&secret::Secret(hidden.reveal().to_owned()))))
    })
}

/// A server's value: its objects are no more than their properties, which their type names say.
pub(super) fn received(mut node: Node) -> Value {
    mark(&mut node);
    from_node(&node)
}

/// As deep as the reader lets trees be.
fn mark(node: &mut Node) {
    let Node::Object(object) = node else { return };
    match &mut object.body {
        Body::None => {
            for name in object.types.iter_mut().filter(|name| !name.starts_with("Deserialized.")) {
                name.insert_str(0, "Deserialized.");
            }
        }
        Body::List(items) => items.iter_mut().for_each(mark),
        Body::Dictionary(entries) => entries.iter_mut().for_each(|(_, value)| mark(value)),
        Body::Value(inner) => mark(inner),
    }
    let members = object.properties.iter_mut().chain(&mut object.extended);
    members.for_each(|(_, value)| mark(value));
}

/// Adds to objects where they came from; objects of one shape share their names.
pub(super) struct Origin {
    computer: Arc<str>,
    runspace: Guid,
    /// Shown by default, as `Invoke-Command` does.
    show: bool,
    shape: Option<ObjectShape>,
}

/// What is added, in the order it is shown.
const NAMES: [&str; 3] = ["PSComputerName", "RunspaceId", "PSShowComputerName"];

impl Origin {
    pub(super) fn new(computer: &str, runspace: Guid, show: bool) -> Self {
        Origin { computer: computer.into(), runspace, show, shape: None }
    }

    /// A server's object.
    pub(super) fn object(&mut self, node: Node) -> Value {
        match received(node) {
            Value::Object(object) => object.with(|object| self.add(object)).into(),
            other => other,
        }
    }

    fn add(&mut self, object: &PsObject) -> PsObject {
        let mut values: Vec<Value> =
            vec![self.computer.clone().into(), self.runspace.into(), self.show.into()];
        values.extend(object.iter().filter(|(name, _)| !is_added(name)).map(|(_, value)| value.clone()));
        let names = || NAMES.into_iter().chain(object.iter().map(|(n, _)| &**n).filter(|n| !is_added(n)));
        let shape = self.shape.take().filter(|shape| shape.is(object.type_names(), names()));
        let shape = shape.unwrap_or_else(|| {
            let types: Vec<&str> = object.type_names().iter().map(|t| &**t).collect();
            ObjectShape::new(&types, names())
        });
        self.shape.insert(shape).object(values)
    }
}

fn is_added(name: &str) -> bool {
    NAMES.iter().any(|own| own.eq_ignore_ascii_case(name))
}
