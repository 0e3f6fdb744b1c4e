//! Values as JSON, as the product's REST writes them: typed by annotations beside the members (`X@data.type`,
//! `X@odata.type`), sizes, limits, spans and enumerations as their text, hashtables as objects.

use std::io::Write as _;

use base::Timestamp;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use powershell::Value;

use super::read::HASHTABLE;

/// How deep objects and hashtables nest; what is deeper becomes its text.
const DEPTH_MAX: usize = 4;

/// Which properties of an object are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Select(pub(super) Option<Vec<String>>);

impl Select {
    fn wants(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|names| names.iter().any(|n| n.eq_ignore_ascii_case(name)))
    }
}

/// Writes one element of `value[]`.
pub(super) fn element(value: &Value, select: &Select, out: &mut Vec<u8>) {
    match value {
        Value::Object(object) => object.with(|object| {
            let wanted = object.iter().filter(|(name, _)| select.wants(name));
            members(wanted.map(|(name, value)| (&**name, value)), false, 1, out);
        }),
        other => bare(other, 0, out),
    }
}

/// A text as a JSON string.
pub(super) fn text(text: &str, out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

/// Texts as a JSON array.
pub(super) fn texts(texts: &[String], out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, texts);
}

/// An object's members with their annotations; `marked` says of itself that it is a hashtable.
fn members<'a>(
    members: impl Iterator<Item = (&'a str, &'a Value)>,
    marked: bool,
    depth: usize,
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    if marked {
        out.extend_from_slice(b"\"@odata.type\":");
        text(HASHTABLE, out);
    }
    let mut first = !marked;
    for (name, value) in members {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        let (data, odata) = types(value);
        for (kind, name_of_type) in [("data", data), ("odata", odata)] {
            if let Some(name_of_type) = name_of_type {
                text(&format!("{name}@{kind}.type"), out);
                out.push(b':');
                text(name_of_type, out);
                out.push(b',');
            }
        }
        text(name, out);
        out.push(b':');
        bare(value, depth, out);
    }
    out.push(b'}');
}

/// The annotations of a member: its .NET type, and its type in OData where JSON does not show it.
fn types(value: &Value) -> (Option<&'static str>, Option<&'static str>) {
    match value {
        Value::Int(_) => (Some("System.Int32"), None),
        Value::Long(_) => (Some("System.Int64"), Some("#Int64")),
        Value::Double(_) => (Some("System.Double"), Some("#Double")),
        Value::Guid(_) => (Some("System.Guid"), Some("#Guid")),
        Value::DateTime(_) => (Some("System.DateTime"), None),
        Value::Bytes(_) => (Some("System.Byte[]"), Some("#Binary")),
        Value::Array(list) => (None, Some(list.with(|items| elements(items).0))),
        _ => (None, None),
    }
}

/// What the elements of an array are written as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Elements {
    Texts,
    Numbers,
    Tables,
}

fn elements(items: &[Value]) -> (&'static str, Elements) {
    let all = |is: fn(&Value) -> bool| !items.is_empty() && items.iter().all(is);
    if all(|v| matches!(v, Value::Int(_))) {
        ("#Collection(Int32)", Elements::Numbers)
    } else if all(|v| matches!(v, Value::Hashtable(_) | Value::Object(_))) {
        ("#Collection(Exchange.GenericHashTable)", Elements::Tables)
    } else {
        ("#Collection(String)", Elements::Texts)
    }
}

/// A value without annotations beside it.
fn bare(value: &Value, depth: usize, out: &mut Vec<u8>) {
    match value {
        Value::Null | Value::Nothing => out.extend_from_slice(b"null"),
        Value::Bool(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
        Value::Int(n) => number(n, out),
        Value::Long(n) => number(n, out),
        Value::Double(n) if n.is_finite() => {
            let _ = serde_json::to_writer(out, n);
        }
        Value::Double(n) => text(
            if n.is_nan() {
                "NaN"
            } else if *n > 0.0 {
                "INF"
            } else {
                "-INF"
            },
            out,
        ),
        Value::String(s) => text(s, out),
        Value::DateTime(at) => text(&moment(*at), out),
        Value::Bytes(bytes) => text(&BASE64_STANDARD.encode(bytes), out),
        Value::Array(list) => list.with(|items| array(items, depth, out)),
        Value::Hashtable(table) if depth < DEPTH_MAX => {
            let entries = table.to_vec();
            let entries: Vec<(String, Value)> =
                entries.into_iter().map(|(key, value)| (key.to_string(), value)).collect();
            members(entries.iter().map(|(name, value)| (&**name, value)), true, depth + 1, out);
        }
        Value::Object(object) if depth < DEPTH_MAX => object.with(|object| {
            members(object.iter().map(|(name, value)| (&**name, value)), true, depth + 1, out);
        }),
        other => text(&other.to_string(), out),
    }
}

fn number(number: impl std::fmt::Display, out: &mut Vec<u8>) {
    let _ = write!(out, "{number}");
}

fn array(items: &[Value], depth: usize, out: &mut Vec<u8>) {
    let (_, kind) = elements(items);
    out.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        match (kind, item) {
            (_, Value::Null | Value::Nothing) => out.extend_from_slice(b"null"),
            (Elements::Texts, Value::String(s)) => text(s, out),
            (Elements::Texts, other) => text(&other.to_string(), out),
            (Elements::Numbers | Elements::Tables, other) => bare(other, depth, out),
        }
    }
    out.push(b']');
}

/// `2026-11-23T05:38:01.0000000Z`: .NET's round-trip form, in UTC.
fn moment(at: Timestamp) -> String {
    at.to_jiff().strftime("%Y-%m-%dT%H:%M:%S%.6f0Z").to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base::{ByteQuantifiedSize, EnhancedTimeSpan, Guid, Unlimited};
    use powershell::{
        PsObject,
        types::{Type, convert},
        value::{Hashtable, Limit},
    };
    use proptest::prelude::*;

    use super::*;
    use crate::adminapi::read;

    fn json(value: &Value, select: &[&str]) -> String {
        let select = Select((!select.is_empty()).then(|| select.iter().map(|s| (*s).to_owned()).collect()));
        let mut out = Vec::new();
        element(value, &select, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_object_as_the_product_writes_it() {
        let object: Value = PsObject::new(&["Example.Mailbox"])
            .with("Alias", "nuno")
            .with("Hidden", false)
            .with("Guid", Guid::EMPTY)
            .with("Count", 3)
            .with("Big", 5_000_000_000i64)
            .with("Quota", Unlimited::Limited(ByteQuantifiedSize::from_gb(2)))
            .with("Languages", Value::multi(vec!["en-US".into()]))
            .with("WhenCreated", Timestamp::from_secs(1_656_525_423))
            .with("Policy", Value::Null)
            .with("Bytes", Value::Bytes(Arc::new([1, 2, 3])))
            .with("Map", Value::Hashtable(Hashtable::from_entries(true, [("k".into(), 5.into())])))
            .into();
        let expected = concat!(
            r#"{"Alias":"nuno","Hidden":false,"#,
            r##""Guid@data.type":"System.Guid","Guid@odata.type":"#Guid","Guid":"00000000-0000-0000-0000-000000000000","##,
            r##""Count@data.type":"System.Int32","Count":3,"##,
            r##""Big@data.type":"System.Int64","Big@odata.type":"#Int64","Big":5000000000,"##,
            r##""Quota":"2 GB (2,147,483,648 bytes)","Languages@odata.type":"#Collection(String)","Languages":["en-US"],"##,
            r##""WhenCreated@data.type":"System.DateTime","WhenCreated":"2022-06-29T17:57:03.0000000Z","Policy":null,"##,
            r##""Bytes@data.type":"System.Byte[]","Bytes@odata.type":"#Binary","Bytes":"AQID","##,
            r##""Map":{"@odata.type":"#Exchange.GenericHashTable","k@data.type":"System.Int32","k":5}}"##,
        );
        assert_eq!(json(&object, &[]), expected);
        assert_eq!(json(&object, &["ALIAS", "Hidden", "Nothing"]), r#"{"Alias":"nuno","Hidden":false}"#);
        assert_eq!(json(&"text".into(), &["x"]), "\"text\"");
        assert_eq!(json(&PsObject::custom().into(), &[]), "{}");
    }

    #[test]
    fn depth_ends_in_text() {
        let mut value = Value::Int(1);
        for _ in 0..10_000 {
            value = PsObject::custom().with("x", value).into();
        }
        let text = json(&value, &[]);
        assert_eq!(text.matches("{\"@odata.type\"").count(), DEPTH_MAX - 1, "{text}");
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    }

    /// What a program can send back as it came.
    fn given() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<i64>().prop_filter("Int32", |n| i32::try_from(*n).is_err()).prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        let texts = proptest::collection::vec(".*".prop_map(Value::from), 0..4).prop_map(Value::array);
        let scalar = prop_oneof![scalar, texts];
        let name = "[A-Za-z]{1,3}";
        scalar.prop_recursive(3, 16, 4, move |inner| {
            proptest::collection::vec((name.prop_map(Value::from), inner), 0..4)
                .prop_map(|entries| Value::Hashtable(Hashtable::from_entries(true, entries)))
        })
    }

    /// Typed values, the type a parameter would have, and what they are after the way there and back.
    fn typed() -> impl Strategy<Value = (Value, Type)> {
        prop_oneof![
            any::<[u8; 16]>().prop_map(|b| (Guid(b).into(), Type::Guid)),
            (-4_000_000_000_000_000i64..4_000_000_000_000_000)
                .prop_map(|micros| (Timestamp { micros }.into(), Type::DateTime)),
            any::<u32>().prop_map(|n| (ByteQuantifiedSize(u64::from(n)).into(), Type::Size)),
            any::<u32>().prop_map(|n| {
                let size = Limit::Size(ByteQuantifiedSize(u64::from(n)));
                (Value::Unlimited(Unlimited::Limited(size)), Type::Unlimited)
            }),
            Just((Value::Unlimited(Unlimited::Unlimited), Type::Unlimited)),
            (0..1_000_000_000i64)
                .prop_map(|s| (EnhancedTimeSpan { micros: s * 1_000_000 }.into(), Type::TimeSpan)),
        ]
    }

    proptest! {
        #[test]
        fn what_was_written_reads_back(value in given()) {
            prop_assert_eq!(read::value(json(&value, &[]).as_bytes()).unwrap(), value);
        }

        #[test]
        fn typed_values_convert_back((value, kind) in typed()) {
            let text = read::value(json(&value, &[]).as_bytes()).unwrap();
            prop_assert_eq!(convert(text, &kind, Timestamp::from_secs(0)).unwrap(), value);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read::value(&bytes);
        }
    }
}
