//! JSON into values, in one pass: strict (no member twice), bounded in depth, annotations left out.

use std::fmt;

use powershell::{Value, value::Hashtable};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The type of an object that stands for a hashtable.
pub(super) const HASHTABLE: &str = "#Exchange.GenericHashTable";
/// How deep arrays and objects may nest.
const DEPTH_MAX: usize = 8;

/// Reads a JSON text; objects become hashtables.
///
/// # Errors
/// The text is no JSON, nests too deeply, names a member twice (without case), or an object says it is of a
/// type that is no hashtable.
pub(super) fn value(text: &[u8]) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Node { depth: 0 }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// One value, inside `depth` others.
#[derive(Clone, Copy)]
struct Node {
    depth: usize,
}

impl Node {
    fn below<E: Error>(self) -> Result<Node, E> {
        let depth = self.depth + 1;
        if depth > DEPTH_MAX {
            return Err(E::custom(format_args!("nested more than {DEPTH_MAX} deep")));
        }
        Ok(Node { depth })
    }
}

impl<'de> DeserializeSeed<'de> for Node {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(i32::try_from(number).map_or(Value::Long(number), Value::Int))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(i32::try_from(number).map_or_else(|_| Value::from(number), Value::Int))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Double(number))
    }
    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::string(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(below)? {
            items.push(item);
        }
        Ok(Value::array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let mut entries: Vec<(Value, Value)> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if name.eq_ignore_ascii_case("@odata.type") {
                let kind: String = map.next_value()?;
                if !is_hashtable(&kind) {
                    return Err(A::Error::custom(format_args!("objects of type {kind} are not taken")));
                }
            } else if name.contains('@') {
                map.next_value::<IgnoredAny>()?;
            } else {
                entries.push((name.into(), map.next_value_seed(below)?));
            }
        }
        let given = entries.len();
        let table = Hashtable::from_entries(true, entries);
        if table.with(|t| t.len()) < given {
            return Err(A::Error::custom("a member is given twice"));
        }
        Ok(Value::Hashtable(table))
    }
}

fn is_hashtable(kind: &str) -> bool {
    kind.trim_start_matches('#').eq_ignore_ascii_case(HASHTABLE.trim_start_matches('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(&str, Value)]) -> Value {
        let entries = entries.iter().map(|(k, v)| (Value::from(*k), v.clone()));
        Value::Hashtable(Hashtable::from_entries(true, entries))
    }

    #[test]
    fn scalars_and_containers() {
        for (text, expected) in [
            ("null", Value::Null),
            ("true", true.into()),
            ("-5", (-5).into()),
            ("2147483648", 2_147_483_648i64.into()),
            ("18446744073709551615", Value::Double(18_446_744_073_709_551_615.0)),
            ("1.5", 1.5.into()),
            ("\"a\\u00e9\"", "aé".into()),
            ("[1,\"x\"]", Value::array(vec![1.into(), "x".into()])),
            (
                "{\"@odata.type\":\"#Exchange.GenericHashTable\",\"Add@odata.type\":\"#Collection(String)\",\"Add\":[\"a\"]}",
                table(&[("Add", Value::array(vec!["a".into()]))]),
            ),
        ] {
            assert_eq!(value(text.as_bytes()).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_refused() {
        let deep = "[".repeat(DEPTH_MAX + 1) + &"]".repeat(DEPTH_MAX + 1);
        let hostile = "[".repeat(1_000_000);
        for text in [
            "",
            "{",
            "1 2",
            "{\"a\":1,\"A\":2}",
            "{\"@odata.type\":\"#System.IO.FileInfo\"}",
            "{\"@odata.type\":5}",
            "\"\\ud800\"",
            &deep,
            &hostile,
        ] {
            assert!(value(text.as_bytes()).is_err(), "{}", &text[..text.len().min(60)]);
        }
        assert!(value(b"\"\xff\"").is_err(), "not UTF-8");
        let just = "[".repeat(DEPTH_MAX) + &"]".repeat(DEPTH_MAX);
        assert!(value(just.as_bytes()).is_ok());
    }
}
