//! Results for programs: one JSON array, or one CLIXML document; and the text of files.

mod clixml;
mod decode;

pub use clixml::{from_node, to_node};
pub use decode::decode;

use serde_json::Value as Json;

use crate::value::Value;

/// How deep values are followed; what is deeper becomes its text.
const DEPTH: usize = 8;
/// How deep CLIXML follows objects, as `Export-Clixml` does.
const CLIXML_DEPTH: usize = 2;

/// One JSON array of the objects: numbers and truth as such, dates in RFC 3339, everything that prints
/// specially (sizes, limits, enumerations, identities) as it prints. Secrets are null.
pub fn to_json(objects: &[Value]) -> String {
    let all: Vec<Json> = objects.iter().map(|value| json(value, DEPTH)).collect();
    serde_json::to_string_pretty(&Json::Array(all)).unwrap_or_default()
}

fn json(value: &Value, depth: usize) -> Json {
    match value {
        Value::Null | Value::Nothing | Value::Secret(_) => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(n) => Json::from(*n),
        Value::Long(n) => Json::from(*n),
        Value::Double(n) => serde_json::Number::from_f64(*n).map_or(Json::Null, Json::Number),
        Value::DateTime(at) => Json::String(at.to_string()),
        Value::Bytes(bytes) => Json::Array(bytes.iter().map(|b| Json::from(*b)).collect()),
        _ if depth == 0 => Json::String(value.to_string()),
        Value::Array(list) => Json::Array(list.to_vec().iter().map(|item| json(item, depth - 1)).collect()),
        Value::Hashtable(table) => {
            Json::Object(table.to_vec().iter().map(|(k, v)| (k.to_string(), json(v, depth - 1))).collect())
        }
        Value::Object(object) => {
            let object = object.to_object();
            Json::Object(object.iter().map(|(name, v)| (name.to_string(), json(v, depth - 1))).collect())
        }
        other => Json::String(other.to_string()),
    }
}

/// One CLIXML document of the objects.
pub fn to_clixml(objects: &[Value]) -> String {
    let nodes: Vec<_> = objects.iter().map(|value| to_node(value, CLIXML_DEPTH)).collect();
    wire::clixml::write(&nodes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{PsObject, Secret};
    use base::{ByteQuantifiedSize, Timestamp, Unlimited};

    #[test]
    fn programs_read_plain_values() {
        let object = PsObject::new(&["Example.Mailbox"])
            .with("Name", "Nuno")
            .with("Items", 5)
            .with("Quota", Unlimited::Limited(ByteQuantifiedSize::from_gb(2)))
            .with("When", Timestamp::from_secs(1_795_412_281))
            .with("Addresses", vec!["a", "b"])
            .with("Secret", Secret::new("hunter2"));
        assert_eq!(
            to_json(&[object.clone().into()]).split_whitespace().collect::<Vec<_>>().join(" "),
            "[ { \"Name\": \"Nuno\", \"Items\": 5, \"Quota\": \"2 GB (2,147,483,648 bytes)\", \"When\": \
             \"2026-11-23T05:38:01.000Z\", \"Addresses\": [ \"a\", \"b\" ], \"Secret\": null } ]"
        );
        assert!(!to_clixml(&[object.into()]).contains("hunter2"));
    }
}
