//! JSON Schema (2020-12) of a cmdlet's parameters, from its declaration.

use powershell::{
    CommandInfo, ParameterInfo,
    types::{IntKind, Type},
};
use serde_json::{Map, Value as Json, json};

/// The schema of a body that calls this cmdlet. `takes` says which of its parameters do something.
pub(super) fn body(info: &CommandInfo, takes: impl Fn(&str) -> bool) -> Json {
    let own: Vec<&ParameterInfo> = info.parameters.iter().filter(|p| takes(&p.name)).collect();
    let mut properties: Map<String, Json> =
        own.iter().map(|p| (p.name.to_string(), of_parameter(p))).collect();
    for (name, schema) in common(info.should_process) {
        properties.entry(name).or_insert(schema);
    }
    // What is mandatory in one of several parameter sets only, the binder asks for.
    let required: Vec<&str> =
        own.iter().filter(|p| p.required && p.sets.is_empty()).map(|p| &*p.name).collect();
    let mut parameters = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    let mut wanted = vec!["CmdletName"];
    if !required.is_empty() {
        parameters["required"] = json!(required);
        wanted.push("Parameters");
    }
    envelope(json!({ "const": &*info.name }), parameters, &wanted)
}

/// `{"CmdletInput":{…}}` around them.
pub(super) fn envelope(name: Json, parameters: Json, required: &[&str]) -> Json {
    json!({
        "type": "object",
        "required": ["CmdletInput"],
        "additionalProperties": false,
        "properties": {
            "CmdletInput": {
                "type": "object",
                "required": required,
                "additionalProperties": false,
                "properties": { "CmdletName": name, "Parameters": parameters },
            },
        },
    })
}

/// The common parameters that mean something over REST.
fn common(should_process: bool) -> Vec<(String, Json)> {
    let action = || json!({ "$ref": "#/components/schemas/ActionPreference" });
    let mut all = vec![("ErrorAction", action()), ("WarningAction", action())];
    if should_process {
        let confirm = "Nobody can be asked: false acts without asking.";
        all.push(("WhatIf", json!({ "type": "boolean" })));
        all.push(("Confirm", json!({ "type": "boolean", "description": confirm })));
    }
    all.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn of_parameter(parameter: &ParameterInfo) -> Json {
    let type_name = &*parameter.type_name;
    let mut schema = match type_name.strip_prefix("Nullable[").and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => json!({ "anyOf": [of_type(&Type::of_parameter(inner)), { "type": "null" }] }),
        None if !parameter.values.is_empty() => json!({ "enum": parameter.values }),
        None => of_type(&Type::of_parameter(type_name)),
    };
    if let Some(schema) = schema.as_object_mut().filter(|schema| !schema.contains_key("$ref")) {
        schema.insert("x-type".to_owned(), type_name.into());
    }
    schema
}

fn of_type(kind: &Type) -> Json {
    let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    match kind {
        Type::Bool | Type::Switch => json!({ "type": "boolean" }),
        Type::Int(kind) => integer(*kind),
        Type::Double => json!({ "type": "number" }),
        Type::DateTime => json!({ "type": "string", "format": "date-time" }),
        Type::Guid => json!({ "type": "string", "format": "uuid" }),
        Type::Secret => json!({ "type": "string", "format": "password" }),
        Type::Size | Type::Unlimited => json!({ "type": ["string", "integer"] }),
        Type::Multi => reference("MultiValuedProperty"),
        Type::Hashtable | Type::Ordered => reference("Hashtable"),
        Type::Credential => reference("Credential"),
        Type::Any | Type::Custom | Type::ArrayList | Type::List => json!({}),
        Type::Array(inner) if **inner == Type::Int(IntKind::Byte) => {
            json!({ "type": "string", "contentEncoding": "base64" })
        }
        Type::Array(inner) => {
            json!({ "anyOf": [{ "type": "array", "items": of_type(inner) }, of_type(inner)] })
        }
        // Names of objects and of enumerations' values, spans, versions, addresses.
        _ => json!({ "type": "string" }),
    }
}

fn integer(kind: IntKind) -> Json {
    let (low, high) = match kind {
        IntKind::Byte => (0, i64::from(u8::MAX)),
        IntKind::SByte => (i64::from(i8::MIN), i64::from(i8::MAX)),
        IntKind::Int16 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        IntKind::UInt16 => (0, i64::from(u16::MAX)),
        IntKind::Int32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        IntKind::UInt32 => (0, i64::from(u32::MAX)),
        IntKind::Int64 => (i64::MIN, i64::MAX),
        IntKind::UInt64 => (0, i64::MAX),
    };
    json!({ "type": "integer", "minimum": low, "maximum": high })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(type_name: &str) -> Json {
        of_parameter(&ParameterInfo::new("X", type_name))
    }

    #[test]
    fn parameters_have_schemas() {
        for (type_name, schema) in [
            ("SwitchParameter", json!({ "type": "boolean", "x-type": "SwitchParameter" })),
            ("MailboxIdParameter", json!({ "type": "string", "x-type": "MailboxIdParameter" })),
            ("MultiValuedProperty", json!({ "$ref": "#/components/schemas/MultiValuedProperty" })),
            ("Unlimited", json!({ "type": ["string", "integer"], "x-type": "Unlimited" })),
            ("Byte[]", json!({ "type": "string", "contentEncoding": "base64", "x-type": "Byte[]" })),
            (
                "Nullable[Boolean]",
                json!({ "anyOf": [{ "type": "boolean" }, { "type": "null" }], "x-type": "Nullable[Boolean]" }),
            ),
        ] {
            assert_eq!(parameter(type_name), schema, "{type_name}");
        }
        let chosen = ParameterInfo { values: vec!["A".into()], ..ParameterInfo::new("X", "Kind") };
        assert_eq!(of_parameter(&chosen)["enum"], json!(["A"]));
    }

    #[test]
    fn what_is_mandatory_in_every_set_is_required() {
        let own = |name: &str, sets: &[&str]| ParameterInfo {
            required: true,
            sets: sets.iter().map(|s| (*s).into()).collect(),
            ..ParameterInfo::new(name, "String")
        };
        let parameters = vec![own("A", &[]), own("B", &["S"]), own("C", &[])];
        let info = CommandInfo { name: "Set-X".into(), parameters, ..CommandInfo::default() };
        let input = &body(&info, |name| name != "C")["properties"]["CmdletInput"];
        assert_eq!(input["required"], json!(["CmdletName", "Parameters"]));
        assert_eq!(input["properties"]["CmdletName"]["const"], "Set-X");
        let parameters = &input["properties"]["Parameters"];
        assert_eq!(parameters["required"], json!(["A"]));
        assert!(
            parameters["properties"].get("C").is_none() && parameters["properties"].get("WhatIf").is_none()
        );
    }
}
