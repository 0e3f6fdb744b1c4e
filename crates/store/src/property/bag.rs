//! The properties of one object, at most one value an identifier.

use std::collections::BTreeMap;

use crate::{
    codec::{Reader, Row, Writer},
    property::{PropertyTag, PropertyValue},
};

/// Typed properties by identifier.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PropertyBag(BTreeMap<u16, PropertyValue>);

impl PropertyBag {
    /// The value, where there is one of the tag's type.
    pub fn get(&self, tag: PropertyTag) -> Option<&PropertyValue> {
        self.0.get(&tag.id()).filter(|value| value.property_type() == tag.property_type())
    }
    /// The text of a string property.
    pub fn text(&self, tag: PropertyTag) -> Option<&str> {
        match self.get(tag) {
            Some(PropertyValue::String(text)) => Some(text),
            _ => None,
        }
    }
    /// Sets the value of an identifier, whatever type it had; returns the old value.
    pub fn set(&mut self, id: u16, value: PropertyValue) -> Option<PropertyValue> {
        self.0.insert(id, value)
    }
    /// Removes an identifier; returns the old value.
    pub fn remove(&mut self, id: u16) -> Option<PropertyValue> {
        self.0.remove(&id)
    }
    /// True where nothing is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Tags and values, by identifier.
    pub fn iter(&self) -> impl Iterator<Item = (PropertyTag, &PropertyValue)> {
        self.0
            .iter()
            .map(|(id, value)| (PropertyTag(u32::from(*id) << 16 | u32::from(value.property_type())), value))
    }
}

impl FromIterator<(u16, PropertyValue)> for PropertyBag {
    fn from_iter<I: IntoIterator<Item = (u16, PropertyValue)>>(properties: I) -> Self {
        Self(properties.into_iter().collect())
    }
}

impl Row for PropertyBag {
    const NAME: &'static str = "property bag";
    fn encode(&self, out: &mut Writer) {
        out.byte(1);
        for (id, value) in &self.0 {
            out.number(*id);
            out.number(value.property_type());
            value.encode(out);
        }
    }
    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        from.version(1)?;
        let mut bag = BTreeMap::new();
        while !from.0.is_empty() {
            let (id, property_type) = (from.number()?.try_into().ok()?, from.number()?.try_into().ok()?);
            bag.insert(id, PropertyValue::decode(property_type, from)?);
        }
        Some(Self(bag))
    }
}

#[cfg(test)]
mod tests {
    use base::{Guid, Timestamp};
    use bytes::Bytes;
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::property::tags;

    fn value() -> impl Strategy<Value = PropertyValue> {
        use PropertyValue as V;
        let time = any::<i64>().prop_map(|micros| Timestamp { micros });
        let guid = any::<[u8; 16]>().prop_map(Guid);
        let binary = vec(any::<u8>(), 0..20).prop_map(Bytes::from);
        prop_oneof![
            any::<i16>().prop_map(V::Integer16),
            any::<i32>().prop_map(V::Integer32),
            any::<i64>().prop_map(V::Integer64),
            proptest::num::f64::NORMAL.prop_map(V::Floating64),
            any::<bool>().prop_map(V::Boolean),
            any::<String>().prop_map(V::String),
            time.prop_map(V::Time),
            guid.prop_map(V::Guid),
            binary.clone().prop_map(V::Binary),
            vec(any::<i32>(), 0..4).prop_map(V::Integers),
            vec(any::<i64>(), 0..4).prop_map(V::Integers64),
            vec(any::<String>(), 0..4).prop_map(V::Strings),
            vec(any::<i64>().prop_map(|micros| Timestamp { micros }), 0..4).prop_map(V::Times),
            vec(any::<[u8; 16]>().prop_map(Guid), 0..4).prop_map(V::Guids),
            vec(binary, 0..4).prop_map(V::Binaries),
        ]
    }

    proptest! {
        #[test]
        fn bags_round_trip(properties in vec((any::<u16>(), value()), 0..8)) {
            let bag: PropertyBag = properties.into_iter().collect();
            prop_assert_eq!(PropertyBag::from_bytes(&bag.to_bytes()).unwrap(), bag);
        }

        #[test]
        fn damaged_bags_never_panic(bytes: Vec<u8>) {
            let _ = PropertyBag::from_bytes(&bytes);
        }
    }

    #[test]
    fn a_value_answers_only_to_its_type() {
        let mut bag = PropertyBag::default();
        bag.set(tags::PR_SUBJECT.id(), PropertyValue::String("hello".into()));
        assert_eq!(bag.text(tags::PR_SUBJECT), Some("hello"));
        assert_eq!(bag.get(PropertyTag(0x0037_0003)), None);
        assert_eq!(bag.iter().next().unwrap().0, tags::PR_SUBJECT);
        assert!(bag.remove(tags::PR_SUBJECT.id()).is_some() && bag.is_empty());
    }
}
