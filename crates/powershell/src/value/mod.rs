//! What flows through pipelines: values as an administrator sees them.
//!
//! Scalars are plain; arrays, hashtables and objects are shared by reference, as in .NET: assigning one to a
//! second variable does not copy it.

mod convert;
mod datetime;
mod list;
mod object;
mod scalar;
mod serial;
mod table;
mod text;

use std::sync::Arc;

use base::{ByteQuantifiedSize, EnhancedTimeSpan, Guid, SmtpAddress, Timestamp, Unlimited};

pub(crate) use datetime::{display as display_date, from_local, local, long as long_date};
pub use datetime::{local_zone, parse_datetime, set_local_zone};
pub use list::{List, ListKind};
pub use object::{Object, ObjectShape, PsObject};
pub use scalar::{EnumValue, Identity, Limit, Secret, Version};
pub use table::{Hashtable, Key, Table};

use crate::ast::ScriptBlock;

/// Any value of the language. `Decimal` is not built: literals with the `d` suffix become doubles.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `$null`.
    #[default]
    Null,
    /// What a command without output yields: like null, but a pipeline carries nothing (`AutomationNull`).
    Nothing,
    /// `System.Boolean`.
    Bool(bool),
    /// `System.Int32`.
    Int(i32),
    /// `System.Int64`.
    Long(i64),
    /// `System.Double`.
    Double(f64),
    /// `System.Char`.
    Char(char),
    /// `System.String`.
    String(Arc<str>),
    /// `System.DateTime`, an instant; printed in the local zone.
    DateTime(Timestamp),
    /// `System.TimeSpan`, and the product's `EnhancedTimeSpan`.
    TimeSpan(EnhancedTimeSpan),
    /// `System.Guid`.
    Guid(Guid),
    /// `System.Version`.
    Version(Version),
    /// `System.Byte[]`.
    Bytes(Arc<[u8]>),
    /// A byte count that prints as `1.5 GB (1,610,612,736 bytes)`.
    Size(ByteQuantifiedSize),
    /// A limit, or `Unlimited`.
    Unlimited(Unlimited<Limit>),
    /// An SMTP address.
    Address(SmtpAddress),
    /// A named value of an enumeration.
    Enum(Arc<EnumValue>),
    /// A reference to a directory object.
    Identity(Arc<Identity>),
    /// `System.Security.SecureString`.
    Secret(Secret),
    /// `Object[]`, `ArrayList` or `MultiValuedProperty`.
    Array(List),
    /// A hashtable, ordered or not.
    Hashtable(Hashtable),
    /// An object with type names and properties.
    Object(Object),
    /// A script block.
    ScriptBlock(Arc<ScriptBlock>),
    /// A type, by its full name.
    Type(Arc<str>),
}

impl Value {
    /// A string.
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Value::String(text.into())
    }

    /// An `Object[]`.
    pub fn array(items: Vec<Value>) -> Self {
        Value::Array(List::new(ListKind::Array, items))
    }

    /// A `MultiValuedProperty`.
    pub fn multi(items: Vec<Value>) -> Self {
        Value::Array(List::new(ListKind::MultiValued, items))
    }

    /// A named value of an enumeration whose type is `type_name` (full name).
    pub fn enumeration(type_name: &str, name: &str, number: i32) -> Self {
        Value::Enum(Arc::new(EnumValue { type_name: type_name.into(), name: name.into(), number }))
    }

    /// True for `$null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null | Value::Nothing)
    }

    /// Null for nothing.
    #[must_use]
    pub fn or_null(self) -> Self {
        if matches!(self, Value::Nothing) { Value::Null } else { self }
    }

    /// The text of a string; nothing for other kinds.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// What `if ($value)` decides: null, false, zero, the empty string and the empty array are false; an
    /// array of one is its element.
    pub fn truth(&self) -> bool {
        match self {
            Value::Null | Value::Nothing => false,
            Value::Bool(b) => *b,
            Value::Int(n) => *n != 0,
            Value::Long(n) => *n != 0,
            Value::Double(n) => *n != 0.0,
            Value::Char(c) => *c != '\0',
            Value::String(text) => !text.is_empty(),
            Value::Bytes(bytes) => !bytes.is_empty(),
            Value::Array(list) => list.with(|items| match items {
                [] => false,
                [Value::Array(inner)] => !inner.is_empty(),
                [one] => one.truth(),
                _ => true,
            }),
            _ => true,
        }
    }

    /// The .NET type's full name; for objects the first type name.
    pub fn type_name(&self) -> Arc<str> {
        let fixed = match self {
            Value::Null | Value::Nothing => "System.Management.Automation.Internal.AutomationNull",
            Value::Bool(_) => "System.Boolean",
            Value::Int(_) => "System.Int32",
            Value::Long(_) => "System.Int64",
            Value::Double(_) => "System.Double",
            Value::Char(_) => "System.Char",
            Value::String(_) => "System.String",
            Value::DateTime(_) => "System.DateTime",
            Value::TimeSpan(_) => "System.TimeSpan",
            Value::Guid(_) => "System.Guid",
            Value::Version(_) => "System.Version",
            Value::Bytes(_) => "System.Byte[]",
            Value::Size(_) => "Microsoft.Exchange.Data.ByteQuantifiedSize",
            Value::Unlimited(_) => "Microsoft.Exchange.Data.Unlimited`1",
            Value::Address(_) => "Microsoft.Exchange.Data.SmtpAddress",
            Value::Enum(value) => return value.type_name.clone(),
            Value::Identity(_) => "Microsoft.Exchange.Data.Directory.ADObjectId",
            Value::Secret(_) => "System.Security.SecureString",
            Value::Array(list) => list.kind().type_name(),
            Value::Hashtable(table) => table.type_name(),
            Value::Object(object) => return object.with(PsObject::type_name),
            Value::ScriptBlock(_) => "System.Management.Automation.ScriptBlock",
            Value::Type(_) => "System.RuntimeType",
        };
        fixed.into()
    }

    /// The items a pipeline would carry: an array's elements, nothing for null, itself otherwise.
    pub fn into_items(self) -> Vec<Value> {
        match self {
            Value::Null | Value::Nothing => Vec::new(),
            Value::Array(list) => list.to_vec(),
            Value::Bytes(bytes) => bytes.iter().map(|b| Value::Int(i32::from(*b))).collect(),
            other => vec![other],
        }
    }

    /// The elements `+` adds to an array: an array's own, else the value itself, null included.
    pub(crate) fn into_list(self) -> Vec<Value> {
        match self {
            Value::Array(_) | Value::Bytes(_) => self.into_items(),
            other => vec![other.or_null()],
        }
    }

    /// What a pipeline's output becomes when it is assigned: one is itself, more an array.
    pub fn from_items(mut items: Vec<Value>) -> Self {
        match items.len() {
            0 => Value::Nothing,
            1 => items.swap_remove(0),
            _ => Value::array(items),
        }
    }

    /// About how many bytes follow where a value is written down to `depth`, no more than `most`. What is reached
    /// twice counts twice, as it is written twice.
    pub(crate) fn weight(&self, depth: usize, most: usize) -> usize {
        let mut left = most;
        weigh(self, depth, &mut left);
        most - left
    }

    /// The property of an object or the entry of a hashtable, without case; nothing for other kinds.
    pub fn property(&self, name: &str) -> Option<Value> {
        match self {
            Value::Object(object) => object.with(|o| o.get(name).cloned()),
            Value::Hashtable(table) => table.with(|t| t.get_str(name).cloned()),
            _ => None,
        }
    }
}

fn weigh(value: &Value, depth: usize, left: &mut usize) {
    let own = match value {
        Value::String(text) => text.len() + 16,
        Value::Bytes(bytes) => bytes.len() * 4,
        Value::ScriptBlock(block) => block.text().len(),
        _ => 32,
    };
    *left = left.saturating_sub(own);
    let mut each = |value: &Value| {
        if *left > 0 {
            weigh(value, depth.saturating_sub(1), left);
        }
    };
    match value {
        _ if depth == 0 => {}
        Value::Array(list) => list.to_vec().iter().for_each(&mut each),
        Value::Hashtable(table) => table.to_vec().iter().for_each(|(key, value)| {
            each(key);
            each(value);
        }),
        Value::Object(object) => object.to_object().iter().for_each(|(name, value)| {
            each(&Value::String(name.clone()));
            each(value);
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weight_counts_what_is_shared_as_often_as_it_is_reached_and_ends() {
        let mut value = Value::from("x");
        for _ in 0..60 {
            value = Value::array(vec![value.clone(), value]);
        }
        assert_eq!(value.weight(100, 1 << 20), 1 << 20);
        assert_eq!(value.weight(0, 1 << 20), 32);
    }
}
