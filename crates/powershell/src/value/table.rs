//! Hashtables: keys without case, shared by reference, in the order of insertion.

use std::{mem, sync::Arc};

use base::EnhancedTimeSpan;
use indexmap::IndexMap;
use parking_lot::RwLock;

use super::{Value, list::bury};

/// A hashtable key as it is looked up: strings without case, numbers by value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// Any text, lower case.
    Text(Box<str>),
    /// An integer of either size.
    Number(i64),
    /// Anything else, by its type and text.
    Other(Box<str>, Box<str>),
}

impl From<&Value> for Key {
    fn from(value: &Value) -> Self {
        match value {
            Value::String(text) => Key::from(&**text),
            Value::Int(n) => Key::Number(i64::from(*n)),
            Value::Long(n) => Key::Number(*n),
            Value::TimeSpan(EnhancedTimeSpan { micros }) => {
                Key::Other("TimeSpan".into(), micros.to_string().into())
            }
            other => Key::Other((*other.type_name()).into(), other.to_string().into()),
        }
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Key::Text(text.to_lowercase().into())
    }
}

/// The entries of a hashtable.
#[derive(Debug, Default)]
pub struct Table {
    ordered: bool,
    entries: IndexMap<Key, (Value, Value)>,
}

impl Table {
    /// The value under a key.
    pub fn get(&self, key: &Value) -> Option<&Value> {
        self.entries.get(&Key::from(key)).map(|(_, value)| value)
    }
    /// The value under a text key, without case.
    pub fn get_str(&self, key: &str) -> Option<&Value> {
        self.entries.get(&Key::from(key)).map(|(_, value)| value)
    }
    /// The value at a position (ordered tables only have meaningful ones).
    pub fn get_index(&self, index: usize) -> Option<&Value> {
        self.entries.get_index(index).map(|(_, (_, value))| value)
    }
    /// Puts an entry at a place, which must not be past the end.
    pub fn insert(&mut self, at: usize, key: Value, value: Value) {
        self.entries.shift_remove(&Key::from(&key));
        let at = at.min(self.entries.len());
        self.entries.shift_insert(at, Key::from(&key), (key, value));
    }
    /// Sets an entry; an existing key keeps its spelling and place.
    pub fn set(&mut self, key: Value, value: Value) {
        match self.entries.entry(Key::from(&key)) {
            indexmap::map::Entry::Occupied(mut entry) => entry.get_mut().1 = value,
            indexmap::map::Entry::Vacant(entry) => {
                entry.insert((key, value));
            }
        }
    }
    /// Removes an entry, if there.
    pub fn remove(&mut self, key: &Value) -> Option<Value> {
        self.entries.shift_remove(&Key::from(key)).map(|(_, value)| value)
    }
    /// Removes all entries.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
    /// How many entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
    /// True for `[ordered]` tables.
    pub fn is_ordered(&self) -> bool {
        self.ordered
    }
    /// Keys and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Value, &Value)> {
        self.entries.values().map(|(key, value)| (key, value))
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        bury(mem::take(&mut self.entries).into_values().map(|(_, value)| value));
    }
}

/// A shared hashtable.
#[derive(Clone, Debug)]
pub struct Hashtable(Arc<RwLock<Table>>);

impl Hashtable {
    /// An empty hashtable; `ordered` for `[ordered]@{}`.
    pub fn new(ordered: bool) -> Self {
        Hashtable(Arc::new(RwLock::new(Table { ordered, entries: IndexMap::new() })))
    }
    /// A hashtable of these entries.
    pub fn from_entries(ordered: bool, entries: impl IntoIterator<Item = (Value, Value)>) -> Self {
        let table = Self::new(ordered);
        table.edit(|t| entries.into_iter().for_each(|(key, value)| t.set(key, value)));
        table
    }
    /// Reads the entries in place.
    pub fn with<R>(&self, read: impl FnOnce(&Table) -> R) -> R {
        read(&self.0.read())
    }
    /// Changes the entries in place.
    pub fn edit<R>(&self, change: impl FnOnce(&mut Table) -> R) -> R {
        change(&mut self.0.write())
    }
    /// Keys and values, copied.
    pub fn to_vec(&self) -> Vec<(Value, Value)> {
        self.with(|t| t.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
    }
    /// The .NET type's full name.
    pub fn type_name(&self) -> &'static str {
        if self.with(Table::is_ordered) {
            "System.Collections.Specialized.OrderedDictionary"
        } else {
            "System.Collections.Hashtable"
        }
    }
    /// True when both are the same table.
    pub fn same(&self, other: &Hashtable) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl PartialEq for Hashtable {
    fn eq(&self, other: &Self) -> bool {
        self.same(other) || self.to_vec() == other.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_ignore_case_and_integer_size() {
        let mut table = Table::default();
        table.set("Name".into(), 1.into());
        table.set("NAME".into(), 2.into());
        table.set(Value::Int(5), "five".into());
        assert_eq!(table.len(), 2);
        assert_eq!(table.get_str("name"), Some(&Value::Int(2)));
        assert_eq!(table.get(&Value::Long(5)), Some(&Value::from("five")));
        assert_eq!(table.iter().next().map(|(k, _)| k.clone()), Some("Name".into()));
        table.remove(&"nAmE".into());
        assert_eq!(table.get_str("name"), None);
    }
}
