//! Values as CLIXML trees, and back.

use std::sync::Arc;

use base::EnhancedTimeSpan;
use wire::clixml::{Body, Node, ObjectNode};

use crate::{
    ast::Source,
    value::{Hashtable, List, ListKind, PsObject, Value},
};

/// A value as a tree. At `depth` 0 containers become their text, except that lists stay lists of texts, as
/// the product serialises. Secrets are left out: only a session's key could protect them.
pub fn to_node(value: &Value, depth: usize) -> Node {
    match value {
        Value::Null | Value::Nothing | Value::Secret(_) => Node::Nil,
        Value::Bool(b) => Node::Bool(*b),
        Value::Int(n) => Node::Int(*n),
        Value::Long(n) => Node::Long(*n),
        Value::Double(n) => Node::Double(*n),
        Value::Char(c) => Node::Char(*c),
        Value::String(text) => Node::Text(text.to_string()),
        Value::DateTime(at) => Node::DateTime(at.to_string()),
        Value::TimeSpan(span) => Node::Duration(duration(*span)),
        Value::Guid(guid) => Node::Guid(guid.to_string()),
        Value::Version(version) => Node::Version(version.to_string()),
        Value::Bytes(bytes) => Node::Bytes(bytes.to_vec()),
        Value::ScriptBlock(block) => Node::ScriptBlock(block.text().to_owned()),
        Value::Enum(e) => object(ObjectNode {
            types: vec![
                e.type_name.to_string(),
                "System.Enum".into(),
                "System.ValueType".into(),
                "System.Object".into(),
            ],
            text: Some(e.name.to_string()),
            body: Body::Value(Node::Int(e.number)),
            ..ObjectNode::default()
        }),
        Value::Array(list) => {
            let depth = depth.saturating_sub(1);
            object(ObjectNode {
                types: vec!["System.Collections.ArrayList".into(), "System.Object".into()],
                body: Body::List(list.to_vec().iter().map(|item| to_node(item, depth)).collect()),
                ..ObjectNode::default()
            })
        }
        Value::Hashtable(_) | Value::Object(_) if depth == 0 => Node::Text(value.to_string()),
        Value::Hashtable(table) => object(ObjectNode {
            types: vec![table.type_name().into(), "System.Object".into()],
            body: Body::Dictionary(
                table.to_vec().iter().map(|(k, v)| (to_node(k, 0), to_node(v, depth - 1))).collect(),
            ),
            ..ObjectNode::default()
        }),
        Value::Object(held) => {
            let members = held.to_object();
            let all = members.iter().map(|(name, v)| (name.to_string(), to_node(v, depth - 1))).collect();
            let types: Vec<String> = members.type_names().iter().map(|t| t.to_string()).collect();
            let custom =
                types.first().is_none_or(|t| t.ends_with("PSCustomObject") || t.starts_with("Selected."));
            let text = Some(value.to_string());
            let (properties, extended) = if custom { (Vec::new(), all) } else { (all, Vec::new()) };
            object(ObjectNode { types, text, body: Body::None, properties, extended })
        }
        other => Node::Text(other.to_string()),
    }
}

fn object(node: ObjectNode) -> Node {
    Node::Object(Box::new(node))
}

/// An XML duration: `-P1DT2H3M4.5S`.
fn duration(span: EnhancedTimeSpan) -> String {
    let total = span.micros.unsigned_abs();
    let (seconds, micros) = (total / 1_000_000, total % 1_000_000);
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let sign = if span.micros < 0 { "-" } else { "" };
    let mut text = format!("{sign}P");
    if days > 0 {
        text.push_str(&format!("{days}D"));
    }
    if rest > 0 || micros > 0 || days == 0 {
        text.push('T');
        let parts = [(rest / 3600, 'H'), (rest % 3600 / 60, 'M')];
        parts.iter().filter(|(n, _)| *n > 0).for_each(|(n, unit)| text.push_str(&format!("{n}{unit}")));
        if micros > 0 {
            let fraction = format!("{micros:06}");
            text.push_str(&format!("{}.{}S", rest % 60, fraction.trim_end_matches('0')));
        } else if rest % 60 > 0 || (rest == 0 && days == 0) {
            text.push_str(&format!("{}S", rest % 60));
        }
    }
    text
}

/// Reads an XML duration of days and clock parts.
fn span(text: &str) -> Option<EnhancedTimeSpan> {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let rest = rest.strip_prefix('P')?;
    let (days, clock) = rest.split_once('T').unwrap_or((rest, ""));
    let mut micros = 0f64;
    let mut number = String::new();
    for (at, c) in days.chars().map(|c| (0, c)).chain(clock.chars().map(|c| (1, c))) {
        let unit = match (at, c) {
            (_, '0'..='9' | '.') => {
                number.push(c);
                continue;
            }
            (0, 'D') => 86_400.0,
            (1, 'H') => 3600.0,
            (1, 'M') => 60.0,
            (1, 'S') => 1.0,
            _ => return None,
        };
        micros += number.parse::<f64>().ok()? * unit * 1e6;
        number.clear();
    }
    let micros = micros.round() as i64;
    number.is_empty().then_some(EnhancedTimeSpan { micros: if negative { -micros } else { micros } })
}

/// A tree as a value; objects keep their type names, scalars that do not read stay texts.
pub fn from_node(node: &Node) -> Value {
    let text = |text: &str| Value::from(text);
    match node {
        Node::Nil | Node::Secure(_) => Value::Null,
        Node::Bool(b) => Value::Bool(*b),
        Node::Char(c) => Value::Char(*c),
        Node::Int(n) => Value::Int(*n),
        Node::Uint(n) => Value::Long(i64::from(*n)),
        Node::Long(n) => Value::Long(*n),
        Node::Double(n) => Value::Double(*n),
        Node::Text(t) | Node::Uri(t) => text(t),
        Node::DateTime(t) => t.parse().map_or_else(|_| text(t), Value::DateTime),
        Node::Duration(t) => span(t).map_or_else(|| text(t), Value::TimeSpan),
        Node::Guid(t) => t.parse().map_or_else(|_| text(t), Value::Guid),
        Node::Version(t) => t.parse().map_or_else(|_| text(t), Value::Version),
        Node::Bytes(bytes) => Value::Bytes(bytes.clone().into()),
        Node::ScriptBlock(t) => {
            let source = Source { name: "".into(), text: t.as_str().into() };
            crate::parser::parse(source).map_or_else(|_| text(t), Value::ScriptBlock)
        }
        Node::Object(object) => from_object(object),
    }
}

fn from_object(object: &ObjectNode) -> Value {
    match &object.body {
        Body::List(items) => {
            Value::Array(List::new(ListKind::ArrayList, items.iter().map(from_node).collect()))
        }
        Body::Dictionary(entries) => {
            let entries = entries.iter().map(|(k, v)| (from_node(k), from_node(v)));
            Value::Hashtable(Hashtable::from_entries(
                object.types.iter().any(|t| t.ends_with("OrderedDictionary")),
                entries,
            ))
        }
        Body::Value(Node::Int(n)) if object.types.iter().any(|t| t == "System.Enum") => {
            let type_name = object.types.first().map(String::as_str).unwrap_or_default();
            Value::enumeration(type_name, object.text.as_deref().unwrap_or_default(), *n)
        }
        Body::Value(inner) if object.properties.is_empty() && object.extended.is_empty() => from_node(inner),
        _ => {
            let mut made = PsObject::new(&[]);
            made.set_type_names(object.types.iter().map(|t| Arc::from(t.as_str())).collect());
            for (name, value) in object.properties.iter().chain(&object.extended) {
                made.set(name, from_node(value));
            }
            made.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Version;
    use base::{Guid, Timestamp};

    #[test]
    fn durations() {
        for (seconds, printed) in
            [(0, "PT0S"), (90, "PT1M30S"), (86_400, "P1D"), (93_784, "P1DT2H3M4S"), (-60, "-PT1M")]
        {
            let value = EnhancedTimeSpan::from_secs(seconds);
            assert_eq!(duration(value), printed);
            assert_eq!(span(printed), Some(value));
        }
        assert_eq!(duration(EnhancedTimeSpan { micros: 1_500_000 }), "PT1.5S");
        assert_eq!(span("P1Y"), None);
    }

    #[test]
    fn values_survive() {
        let object = PsObject::new(&["Example.Mailbox", "System.Object"])
            .with("Name", "Nuno")
            .with("When", Timestamp::from_secs(5))
            .with("Id", Guid::EMPTY)
            .with("Version", Version { parts: [15, 0, -1, -1] })
            .with("Kind", Value::enumeration("Example.Kind", "User", 1))
            .with("Names", Value::Array(List::new(ListKind::ArrayList, vec!["a".into(), "b".into()])));
        let value = Value::from(object);
        let text = wire::clixml::write(&[to_node(&value, 2)]);
        let nodes = wire::clixml::read(&text).unwrap();
        assert_eq!(from_node(&nodes[0]), value);
    }
}
