//! Edits of one attribute: replace, clear, or `@{Add=…; Remove=…}`; applied by one function.

use crate::{
    schema::Attribute,
    value::{Value, ValueError},
};

/// What to do to an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Exactly these values; none of them clears (`$null`).
    Replace(Vec<Value>),
    /// `@{Add=…; Remove=…}`: multi-valued attributes only. Adding what is there and removing what is not
    /// changes nothing.
    AddRemove {
        /// These too.
        add: Vec<Value>,
        /// These no longer.
        remove: Vec<Value>,
    },
}

impl Edit {
    /// One value.
    pub fn set(value: impl Into<Value>) -> Self {
        match value.into() {
            Value::Multi(values) => Edit::Replace(values.into_vec()),
            one => Edit::Replace(vec![one]),
        }
    }
    /// No value.
    pub fn clear() -> Self {
        Edit::Replace(Vec::new())
    }
}

impl From<&str> for Edit {
    fn from(text: &str) -> Self {
        Edit::set(text)
    }
}
impl From<bool> for Edit {
    fn from(value: bool) -> Self {
        Edit::set(value)
    }
}

impl Attribute {
    /// The value after the edit, checked; `None` where nothing is left. Values appear once, in order.
    pub fn apply(&self, current: Option<&Value>, edit: Edit) -> Result<Option<Value>, ValueError> {
        let values = match edit {
            Edit::Replace(values) => distinct(Vec::new(), values),
            Edit::AddRemove { .. } if !self.multi => {
                return Err(ValueError::Range(format!(
                    "{} takes one value; Add and Remove can't be used with it.",
                    self.name
                )));
            }
            Edit::AddRemove { add, remove } => {
                let kept = current.map_or(&[][..], Value::each).iter().filter(|v| !holds(&remove, v));
                distinct(kept.cloned().collect(), add)
            }
        };
        let value = match (self.multi, values.len()) {
            (_, 0) if self.required => {
                return Err(ValueError::Range(format!("The property {} can't be empty.", self.name)));
            }
            (_, 0) => return Ok(None),
            (false, 1) => values.into_iter().next(),
            (false, _) => return Err(ValueError::Range(format!("{} takes one value.", self.name))),
            (true, _) => Some(Value::Multi(values.into())),
        };
        value.as_ref().map_or(Ok(()), |v| self.check(v)).map(|()| value)
    }
}

fn holds(values: &[Value], value: &Value) -> bool {
    values.iter().any(|other| other.same(value))
}

/// The values with `more` behind them, each once. A proxy given again takes the new spelling: `SMTP:` over
/// `smtp:` is how an address becomes primary.
fn distinct(mut values: Vec<Value>, more: Vec<Value>) -> Vec<Value> {
    let mut seen: std::collections::HashMap<String, usize> =
        values.iter().enumerate().map(|(at, value)| (fold(value), at)).collect();
    for value in more {
        match seen.entry(fold(&value)) {
            std::collections::hash_map::Entry::Occupied(at) => values[*at.get()] = value,
            std::collections::hash_map::Entry::Vacant(slot) => {
                slot.insert(values.len());
                values.push(value);
            }
        }
    }
    values
}

fn fold(value: &Value) -> String {
    format!("{:?}", value).to_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schema::USER;

    fn texts(words: &[String]) -> Vec<Value> {
        words.iter().map(|w| Value::from(w.as_str())).collect()
    }

    proptest! {
        #[test]
        fn add_then_remove_is_nothing(start in prop::collection::vec("[a-c]{1,2}", 0..6), extra in "[d-f]{1,3}") {
            let attribute = USER.attribute("PostOfficeBox").unwrap();
            let start = attribute.apply(None, Edit::Replace(texts(&start))).unwrap();
            let one = vec![Value::from(extra.as_str())];
            let added = attribute
                .apply(start.as_ref(), Edit::AddRemove { add: one.clone(), remove: vec![] })
                .unwrap();
            let len = |v: &Option<Value>| v.as_ref().map_or(0, |v| v.each().len());
            prop_assert_eq!(len(&added), len(&start) + 1);
            let back = attribute
                .apply(added.as_ref(), Edit::AddRemove { add: vec![], remove: one })
                .unwrap();
            prop_assert_eq!(back, start);
        }

        #[test]
        fn values_stay_distinct(a in prop::collection::vec("[aAbB]", 0..6), b in prop::collection::vec("[aAbB]", 0..6)) {
            let attribute = USER.attribute("PostOfficeBox").unwrap();
            let first = attribute.apply(None, Edit::Replace(texts(&a))).unwrap();
            let second = attribute
                .apply(first.as_ref(), Edit::AddRemove { add: texts(&b), remove: vec![] })
                .unwrap();
            let values = second.as_ref().map_or(&[][..], Value::each);
            for (i, value) in values.iter().enumerate() {
                prop_assert!(!holds(&values[i + 1..], value));
            }
        }
    }

    #[test]
    fn single_values_and_proxies() {
        let title = USER.attribute("Title").unwrap();
        assert!(title.apply(None, Edit::AddRemove { add: vec!["x".into()], remove: vec![] }).is_err());
        assert!(title.apply(None, Edit::Replace(vec!["a".into(), "b".into()])).is_err());
        assert_eq!(title.apply(Some(&"x".into()), Edit::clear()), Ok(None));
        let addresses = USER.attribute("EmailAddresses").unwrap();
        let proxy = |text: &str| Value::Proxy(text.parse().unwrap());
        let start = Value::Multi([proxy("SMTP:a@x.test"), proxy("smtp:b@x.test")].into());
        let edit =
            Edit::AddRemove { add: vec![proxy("SMTP:B@x.test")], remove: vec![proxy("smtp:A@x.test")] };
        let after = addresses.apply(Some(&start), edit).unwrap();
        assert_eq!(after, Some(Value::Multi([proxy("SMTP:B@x.test")].into())));
    }
}
