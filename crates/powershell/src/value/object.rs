//! Objects: type names and properties in order, names without case. Objects of one shape share their names.

use std::{collections::HashMap, mem, sync::Arc};

use parking_lot::RwLock;

use super::{Value, list::bury};

/// The type names and property names that many objects share. Build one per noun and fill it per object.
#[derive(Clone, Debug, Default)]
pub struct ObjectShape(Arc<Shape>);

#[derive(Clone, Debug, Default)]
struct Shape {
    types: Vec<Arc<str>>,
    names: Vec<Arc<str>>,
    index: HashMap<Box<str>, usize>,
}

impl ObjectShape {
    /// A shape: type names from the most derived to the base, then property names in their order.
    pub fn new<'a>(types: &[&str], names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut shape = Shape { types: types.iter().map(|t| Arc::from(*t)).collect(), ..Shape::default() };
        for name in names {
            shape.add(name.into());
        }
        ObjectShape(Arc::new(shape))
    }

    /// True where it has exactly these type names and property names.
    pub(crate) fn is<'a>(&self, types: &[Arc<str>], names: impl Iterator<Item = &'a str>) -> bool {
        self.0.types == types && self.0.names.iter().map(|name| &**name).eq(names)
    }

    /// How many properties it has.
    pub(super) fn len(&self) -> usize {
        self.0.names.len()
    }

    /// An object of this shape; missing values are null, surplus ones are dropped.
    pub fn object(&self, mut values: Vec<Value>) -> PsObject {
        values.resize(self.0.names.len(), Value::Null);
        PsObject { shape: self.0.clone(), values }
    }
}

impl Shape {
    fn add(&mut self, name: Arc<str>) -> Option<usize> {
        let place = self.names.len();
        let mut fresh = false;
        let at = *self.index.entry(name.to_lowercase().into()).or_insert_with(|| {
            fresh = true;
            place
        });
        if fresh {
            self.names.push(name);
        }
        (!fresh).then_some(at)
    }

    fn find(&self, name: &str) -> Option<usize> {
        // Names are short and mostly ASCII: fold on the stack.
        let mut folded = [0u8; 48];
        match folded.get_mut(..name.len()).filter(|_| name.is_ascii()) {
            Some(folded) => {
                folded.copy_from_slice(name.as_bytes());
                folded.make_ascii_lowercase();
                std::str::from_utf8(folded).ok().and_then(|key| self.index.get(key).copied())
            }
            None => self.index.get(&*name.to_lowercase()).copied(),
        }
    }
}

/// An object: what cmdlets return.
#[derive(Clone, Debug, Default)]
pub struct PsObject {
    shape: Arc<Shape>,
    values: Vec<Value>,
}

impl PsObject {
    /// An object without properties of these types, the most derived first.
    pub fn new(types: &[&str]) -> Self {
        ObjectShape::new(types, []).object(Vec::new())
    }

    /// A `[PSCustomObject]`.
    pub fn custom() -> Self {
        Self::new(&["System.Management.Automation.PSCustomObject", "System.Object"])
    }

    /// Adds or replaces a property.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.set(name, value.into());
        self
    }

    /// The value of a property, found without case.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.shape.find(name).and_then(|at| self.values.get(at))
    }

    /// Replaces a property's value, or adds the property at the end.
    pub fn set(&mut self, name: &str, value: Value) {
        if let Some(slot) = self.shape.find(name).and_then(|at| self.values.get_mut(at)) {
            *slot = value;
            return;
        }
        Arc::make_mut(&mut self.shape).add(name.into());
        self.values.push(value);
    }

    /// Property names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Value)> {
        self.shape.names.iter().zip(&self.values)
    }

    /// The property's name as declared.
    pub fn spelled(&self, name: &str) -> Option<&Arc<str>> {
        self.shape.find(name).and_then(|at| self.shape.names.get(at))
    }

    /// How many properties.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// True without properties.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Type names, the most derived first.
    pub fn type_names(&self) -> &[Arc<str>] {
        &self.shape.types
    }

    /// Replaces the type names.
    pub fn set_type_names(&mut self, types: Vec<Arc<str>>) {
        Arc::make_mut(&mut self.shape).types = types;
    }

    /// The first type name; `System.Object` without any.
    pub fn type_name(&self) -> Arc<str> {
        self.shape.types.first().cloned().unwrap_or_else(|| "System.Object".into())
    }

    /// True where one of the type names is `name`, without case; `Deserialized.` is ignored, and a name
    /// without dots is compared with the last segment.
    pub fn is(&self, name: &str) -> bool {
        self.shape.types.iter().any(|t| {
            let t = t.strip_prefix("Deserialized.").unwrap_or(t);
            t.eq_ignore_ascii_case(name)
                || (!name.contains('.')
                    && t.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case(name)))
        })
    }
}

impl PartialEq for PsObject {
    fn eq(&self, other: &Self) -> bool {
        self.shape.types == other.shape.types && self.iter().eq(other.iter())
    }
}

impl Drop for PsObject {
    fn drop(&mut self) {
        bury(mem::take(&mut self.values));
    }
}

impl From<PsObject> for Object {
    fn from(object: PsObject) -> Self {
        Object(Arc::new(RwLock::new(object)))
    }
}

impl From<PsObject> for Value {
    fn from(object: PsObject) -> Self {
        Value::Object(object.into())
    }
}

/// A shared object.
#[derive(Clone, Debug)]
pub struct Object(Arc<RwLock<PsObject>>);

impl Object {
    /// Reads in place.
    pub fn with<R>(&self, read: impl FnOnce(&PsObject) -> R) -> R {
        read(&self.0.read())
    }
    /// Changes in place.
    pub fn edit<R>(&self, change: impl FnOnce(&mut PsObject) -> R) -> R {
        change(&mut self.0.write())
    }
    /// A copy.
    pub fn to_object(&self) -> PsObject {
        self.0.read().clone()
    }
    /// True when both are the same object.
    pub fn same(&self, other: &Object) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.same(other) || *self.0.read() == *other.0.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_found_without_case_and_keep_their_order() {
        let shape = ObjectShape::new(&["Example.Mailbox"], ["Name", "Alias"]);
        let mut object = shape.object(vec!["Nuno".into()]);
        assert_eq!(object.get("NAME"), Some(&Value::from("Nuno")));
        assert_eq!(object.get("alias"), Some(&Value::Null));
        object.set("Extra", true.into());
        object.set("name", "Ana".into());
        let names: Vec<&str> = object.iter().map(|(n, _)| &**n).collect();
        assert_eq!(names, ["Name", "Alias", "Extra"]);
        assert_eq!(shape.object(Vec::new()).len(), 2, "the shared shape is unchanged");
        assert!(object.is("mailbox") && object.is("example.mailbox") && !object.is("box"));
    }
}
