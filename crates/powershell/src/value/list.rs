//! Arrays and lists, shared by reference, dropped without recursion.

use std::{cell::RefCell, mem, sync::Arc};

use parking_lot::RwLock;

use super::Value;

/// Which .NET collection a list stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ListKind {
    /// `Object[]`: elements can be replaced, none added.
    Array,
    /// `System.Collections.ArrayList`.
    ArrayList,
    /// `System.Collections.Generic.List<T>`.
    List,
    /// The product's `MultiValuedProperty`.
    MultiValued,
}

impl ListKind {
    /// The .NET type's full name.
    pub fn type_name(self) -> &'static str {
        match self {
            ListKind::Array => "System.Object[]",
            ListKind::ArrayList => "System.Collections.ArrayList",
            ListKind::List => "System.Collections.Generic.List`1",
            ListKind::MultiValued => "Microsoft.Exchange.Data.MultiValuedProperty`1",
        }
    }
}

#[derive(Debug)]
struct Body {
    kind: ListKind,
    items: Vec<Value>,
}

/// A list of values. Clones share the same elements.
#[derive(Clone, Debug)]
pub struct List(Arc<RwLock<Body>>);

impl List {
    /// A list of these elements.
    pub fn new(kind: ListKind, items: Vec<Value>) -> Self {
        List(Arc::new(RwLock::new(Body { kind, items })))
    }
    /// Which collection it is.
    pub fn kind(&self) -> ListKind {
        self.0.read().kind
    }
    /// How many elements.
    pub fn len(&self) -> usize {
        self.0.read().items.len()
    }
    /// True without elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The element at `index`.
    pub fn get(&self, index: usize) -> Option<Value> {
        self.0.read().items.get(index).cloned()
    }
    /// A copy of the elements.
    pub fn to_vec(&self) -> Vec<Value> {
        self.0.read().items.clone()
    }
    /// Reads the elements in place. `read` must not change this list.
    pub fn with<R>(&self, read: impl FnOnce(&[Value]) -> R) -> R {
        read(&self.0.read().items)
    }
    /// Changes the elements in place. `change` must not touch this list otherwise.
    pub fn edit<R>(&self, change: impl FnOnce(&mut Vec<Value>) -> R) -> R {
        change(&mut self.0.write().items)
    }
    /// True where nobody else holds it.
    pub(crate) fn is_alone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
    /// True when both are the same list, not merely equal ones.
    pub fn same(&self, other: &List) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        self.same(other) || (self.kind() == other.kind() && self.to_vec() == other.to_vec())
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        bury(mem::take(&mut self.items));
    }
}

thread_local! {
    static GRAVES: RefCell<Option<Vec<Value>>> = const { RefCell::new(None) };
}

/// Drops values in a loop: a script may nest containers deeper than the stack is long.
pub(super) fn bury(values: impl IntoIterator<Item = Value>) {
    let mut nested = values
        .into_iter()
        .filter(|v| matches!(v, Value::Array(_) | Value::Hashtable(_) | Value::Object(_)))
        .peekable();
    if nested.peek().is_none() {
        return;
    }
    let outermost = GRAVES.with_borrow_mut(|graves| match graves {
        Some(waiting) => {
            waiting.extend(nested.by_ref());
            false
        }
        None => {
            *graves = Some(nested.by_ref().collect());
            true
        }
    });
    if outermost {
        while let Some(value) = GRAVES.with_borrow_mut(|graves| graves.as_mut().and_then(Vec::pop)) {
            drop(value);
        }
        GRAVES.set(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_nesting_is_dropped_without_recursion() {
        let mut value = Value::Null;
        for _ in 0..300_000 {
            value = Value::array(vec![value]);
        }
        drop(value);
    }

    #[test]
    fn clones_share() {
        let a = List::new(ListKind::Array, vec![Value::Int(1)]);
        let b = a.clone();
        b.edit(|items| items[0] = Value::Int(2));
        assert_eq!(a.get(0), Some(Value::Int(2)));
        assert!(a.same(&b));
    }
}
