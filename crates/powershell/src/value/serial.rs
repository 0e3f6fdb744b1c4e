//! Values over a socket: any serde format, bounded in depth both ways. Deeper values flatten to their text;
//! script blocks travel as text.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    sync::Arc,
};

use base::{ByteQuantifiedSize, EnhancedTimeSpan, Guid, SmtpAddress, Timestamp, Unlimited};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{
    EnumValue, Hashtable, Identity, Limit, List, ListKind, PsObject, Secret, Value, Version,
    object::ObjectShape,
};

/// How deep values may nest on the wire.
const DEPTH_MAX: usize = 24;

/// What is written: the same shapes without sharing.
#[derive(Serialize, Deserialize)]
enum Plain {
    Null,
    Bool(bool),
    Int(i32),
    Long(i64),
    Double(f64),
    Char(char),
    String(Arc<str>),
    DateTime(Timestamp),
    TimeSpan(EnhancedTimeSpan),
    Guid(Guid),
    Version(Version),
    Bytes(Vec<u8>),
    Size(ByteQuantifiedSize),
    Unlimited(Unlimited<Limit>),
    Address(SmtpAddress),
    Enum(EnumValue),
    Identity(Identity),
    Secret(Secret),
    Array(ListKind, Vec<Value>),
    Table(bool, Vec<(Value, Value)>),
    Object(Vec<Arc<str>>, Vec<(Arc<str>, Value)>),
}

impl From<&Value> for Plain {
    fn from(value: &Value) -> Self {
        match value.clone() {
            Value::Null | Value::Nothing => Plain::Null,
            Value::Bool(v) => Plain::Bool(v),
            Value::Int(v) => Plain::Int(v),
            Value::Long(v) => Plain::Long(v),
            Value::Double(v) => Plain::Double(v),
            Value::Char(v) => Plain::Char(v),
            Value::String(v) | Value::Type(v) => Plain::String(v),
            Value::DateTime(v) => Plain::DateTime(v),
            Value::TimeSpan(v) => Plain::TimeSpan(v),
            Value::Guid(v) => Plain::Guid(v),
            Value::Version(v) => Plain::Version(v),
            Value::Bytes(v) => Plain::Bytes(v.to_vec()),
            Value::Size(v) => Plain::Size(v),
            Value::Unlimited(v) => Plain::Unlimited(v),
            Value::Address(v) => Plain::Address(v),
            Value::Enum(v) => Plain::Enum((*v).clone()),
            Value::Identity(v) => Plain::Identity((*v).clone()),
            Value::Secret(v) => Plain::Secret(v),
            Value::Array(v) => Plain::Array(v.kind(), v.to_vec()),
            Value::Hashtable(v) => Plain::Table(v.with(super::Table::is_ordered), v.to_vec()),
            Value::Object(v) => v.with(|o| {
                Plain::Object(
                    o.type_names().to_vec(),
                    o.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
                )
            }),
            Value::ScriptBlock(v) => Plain::String(v.text().into()),
        }
    }
}

impl From<Plain> for Value {
    fn from(plain: Plain) -> Self {
        match plain {
            Plain::Null => Value::Null,
            Plain::Bool(v) => Value::Bool(v),
            Plain::Int(v) => Value::Int(v),
            Plain::Long(v) => Value::Long(v),
            Plain::Double(v) => Value::Double(v),
            Plain::Char(v) => Value::Char(v),
            Plain::String(v) => Value::String(v),
            Plain::DateTime(v) => Value::DateTime(v),
            Plain::TimeSpan(v) => Value::TimeSpan(v),
            Plain::Guid(v) => Value::Guid(v),
            Plain::Version(v) => Value::Version(v),
            Plain::Bytes(v) => Value::Bytes(v.into()),
            Plain::Size(v) => Value::Size(v),
            Plain::Unlimited(v) => Value::Unlimited(v),
            Plain::Address(v) => Value::Address(v),
            Plain::Enum(v) => Value::Enum(Arc::new(v)),
            Plain::Identity(v) => Value::Identity(Arc::new(v)),
            Plain::Secret(v) => Value::Secret(v),
            Plain::Array(kind, items) => Value::Array(List::new(kind, items)),
            Plain::Table(ordered, entries) => Value::Hashtable(Hashtable::from_entries(ordered, entries)),
            Plain::Object(types, properties) => object(&types, properties).into(),
        }
    }
}

thread_local! {
    /// The shapes read last: thousands of objects of one type share their names.
    static SHAPES: RefCell<VecDeque<ObjectShape>> = const { RefCell::new(VecDeque::new()) };
}

/// How many shapes are remembered.
const SHAPES_MAX: usize = 8;

fn object(types: &[Arc<str>], properties: Vec<(Arc<str>, Value)>) -> PsObject {
    let shape = SHAPES.with_borrow_mut(|shapes| {
        let known = shapes.iter().find(|s| s.is(types, properties.iter().map(|(name, _)| &**name)));
        known.cloned().unwrap_or_else(|| {
            let types: Vec<&str> = types.iter().map(|t| &**t).collect();
            let shape = ObjectShape::new(&types, properties.iter().map(|(name, _)| &**name));
            shapes.truncate(SHAPES_MAX - 1);
            shapes.push_front(shape.clone());
            shape
        })
    });
    if shape.len() == properties.len() {
        return shape.object(properties.into_iter().map(|(_, value)| value).collect());
    }
    // A name came twice: the last value counts.
    let mut object = shape.object(Vec::new());
    for (name, value) in properties {
        object.set(&name, value);
    }
    object
}

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Counts nesting for as long as it lives.
struct Nested;

impl Nested {
    fn enter() -> (Self, usize) {
        let depth = DEPTH.get() + 1;
        DEPTH.set(depth);
        (Nested, depth)
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get().saturating_sub(1));
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (_nested, depth) = Nested::enter();
        if depth >= DEPTH_MAX && matches!(self, Value::Array(_) | Value::Hashtable(_) | Value::Object(_)) {
            return Plain::String(self.to_string().into()).serialize(serializer);
        }
        Plain::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (_nested, depth) = Nested::enter();
        if depth > DEPTH_MAX {
            return Err(D::Error::custom("the value is nested too deeply"));
        }
        Plain::deserialize(deserializer).map(Value::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        let object = PsObject::new(&["Example.Mailbox", "System.Object"])
            .with("Name", "Nuno")
            .with("Quota", Unlimited::Limited(ByteQuantifiedSize::from_gb(2)))
            .with("Addresses", Value::multi(vec!["a@b.example".into()]))
            .with("Map", Value::Hashtable(Hashtable::from_entries(true, [("k".into(), 5i64.into())])))
            .with("When", Timestamp::from_secs(5));
        let value = Value::from(object);
        let bytes = postcard::to_allocvec(&value).unwrap();
        assert_eq!(postcard::from_bytes::<Value>(&bytes).unwrap(), value);
        let json = serde_json::to_string(&value).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value);
    }

    #[test]
    fn a_name_sent_twice_counts_once() {
        let plain = Plain::Object(vec!["T".into()], vec![("a".into(), 1.into()), ("A".into(), 2.into())]);
        let bytes = postcard::to_allocvec(&plain).unwrap();
        let value: Value = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(value, PsObject::new(&["T"]).with("a", 2).into());
    }

    #[test]
    fn depth_is_bounded_both_ways() {
        let mut value = Value::Int(1);
        for _ in 0..1000 {
            value = Value::array(vec![value]);
        }
        let bytes = postcard::to_allocvec(&value).unwrap();
        assert!(postcard::from_bytes::<Value>(&bytes).is_ok());
        // Array(kind 0, one element), again and again.
        let hostile = [18u8, 0, 1].repeat(100_000);
        assert!(postcard::from_bytes::<Value>(&hostile).is_err());
    }
}
