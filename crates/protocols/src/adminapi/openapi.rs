//! The description of the REST (OpenAPI 3.1), made for each caller from the registry: what one may not use is
//! not in it.

use std::collections::BTreeMap;

use powershell::CommandSource;
use serde_json::{Map, Value as Json, json};
use services::Organization;

use super::{call::noun_of, query::PAGE_MAX, schema};

/// The cmdlets a caller may use and that do something, by noun.
pub(super) fn endpoints(source: &dyn CommandSource) -> BTreeMap<String, Vec<String>> {
    let mut nouns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in source.names() {
        if source.is_built(&name, None) {
            nouns.entry(noun_of(&name).to_owned()).or_default().push(name.to_string());
        }
    }
    nouns
}

/// The whole description.
pub(super) fn describe(source: &dyn CommandSource, organization: &Organization) -> Json {
    let nouns = endpoints(source);
    let mut paths = Map::new();
    let mut schemas = shared_schemas();
    let mut names = Vec::new();
    for (noun, cmdlets) in &nouns {
        let bodies: Vec<Json> =
            cmdlets.iter().map(|name| json!({ "$ref": format!("#/components/schemas/{name}") })).collect();
        let summary = cmdlets.join(", ");
        paths.insert(
            format!("/adminapi/v2.0/{{tenant}}/{noun}"),
            json!({ "parameters": path_parameters(), "post": operation(noun, &summary, json!({ "oneOf": bodies })) }),
        );
        for name in cmdlets {
            if let Some(info) = source.find(name) {
                let body = schema::body(&info, |parameter| source.is_built(name, Some(parameter)));
                schemas.insert(name.clone(), body);
                names.push(name);
            }
        }
    }
    if !names.is_empty() {
        let any = schema::envelope(json!({ "enum": names }), json!({ "type": "object" }), &["CmdletName"]);
        paths.insert(
            "/adminapi/beta/{tenant}/InvokeCommand".to_owned(),
            json!({ "parameters": path_parameters(), "post": operation("InvokeCommand", "Any cmdlet.", any) }),
        );
    }
    paths.insert(
        "/adminapi/v2.0/{tenant}".to_owned(),
        json!({ "parameters": path_parameters(), "get": listing() }),
    );
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Rialto administration", "version": "2.0", "license": { "name": "Apache-2.0 OR MIT" } },
        "servers": [{ "url": "/" }],
        "security": [{ "basic": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "basic": { "type": "http", "scheme": "basic" } },
            "parameters": shared_parameters(organization),
            "responses": shared_responses(),
            "schemas": schemas,
        },
    })
}

fn path_parameters() -> Json {
    json!([{ "$ref": "#/components/parameters/tenant" }])
}

fn operation(id: &str, summary: &str, body: Json) -> Json {
    json!({
        "operationId": id,
        "summary": summary,
        "parameters": [
            { "$ref": "#/components/parameters/select" },
            { "$ref": "#/components/parameters/top" },
            { "$ref": "#/components/parameters/skiptoken" },
            { "$ref": "#/components/parameters/prefer" },
        ],
        "requestBody": { "required": true, "content": { "application/json": { "schema": body } } },
        "responses": {
            "200": { "$ref": "#/components/responses/Objects" },
            "default": { "$ref": "#/components/responses/Error" },
        },
    })
}

fn listing() -> Json {
    json!({
        "operationId": "Endpoints",
        "summary": "The endpoints the caller may use.",
        "responses": {
            "200": { "$ref": "#/components/responses/Objects" },
            "default": { "$ref": "#/components/responses/Error" },
        },
    })
}

fn shared_parameters(organization: &Organization) -> Json {
    let mut tenants = vec![organization.guid.to_string(), organization.name.clone()];
    if !organization.domain.is_empty() {
        tenants.insert(0, organization.domain.clone());
    }
    let query = |name: &str, schema: Json| json!({ "name": name, "in": "query", "schema": schema });
    json!({
        "tenant": { "name": "tenant", "in": "path", "required": true, "schema": { "enum": tenants } },
        "select": query("$select", json!({ "type": "string", "pattern": "^[A-Za-z0-9_]+(,[A-Za-z0-9_]+)*$" })),
        "top": query("$top", json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX })),
        "skiptoken": query("$skiptoken", json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{64}$" })),
        "prefer": {
            "name": "Prefer",
            "in": "header",
            "description": format!("odata.maxpagesize=N, at most {PAGE_MAX}."),
            "schema": { "type": "string", "pattern": "^odata\\.maxpagesize=[1-9][0-9]{0,2}$" },
        },
    })
}

fn shared_responses() -> Json {
    let content = |name: &str| json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{name}") } } });
    json!({
        "Objects": { "description": "What the cmdlet wrote.", "content": content("Objects") },
        "Error": { "description": "What went wrong.", "content": content("Error") },
    })
}

fn shared_schemas() -> Map<String, Json> {
    let text = || json!({ "type": "string" });
    let texts = || json!({ "type": "array", "items": { "type": "string" } });
    let kind = json!({ "const": super::read::HASHTABLE });
    let detail = json!({
        "type": "object",
        "required": ["code", "target", "message"],
        "properties": { "code": text(), "target": text(), "message": text() },
    });
    let schemas = json!({
        "ActionPreference": { "enum": ["Continue", "SilentlyContinue", "Stop", "Ignore"] },
        "Hashtable": { "type": "object", "properties": { "@odata.type": kind } },
        "MultiValuedProperty": {
            "description": "One value, all values, or a hashtable with Add and Remove.",
            "anyOf": [
                { "type": ["string", "null"] },
                texts(),
                { "type": "object", "properties": { "@odata.type": kind, "Add": texts(), "Remove": texts() } },
            ],
        },
        "Credential": {
            "type": "object",
            "required": ["UserName", "Password"],
            "properties": { "UserName": text(), "Password": { "type": "string", "format": "password" } },
        },
        "Objects": {
            "type": "object",
            "required": ["@odata.context", "value"],
            "properties": {
                "@odata.context": text(),
                "@odata.nextLink": { "description": "Post the same body there.", "type": "string" },
                "@adminapi.warnings": texts(),
                "@adminapi.information": texts(),
                "@adminapi.errors": { "type": "array", "items": detail },
                "value": { "type": "array" },
            },
        },
        "Error": {
            "type": "object",
            "required": ["error"],
            "properties": {
                "error": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": {
                        "code": text(),
                        "message": text(),
                        "details": { "type": "array", "items": detail },
                        "innererror": { "type": "object" },
                    },
                },
            },
        },
    });
    match schemas {
        Json::Object(schemas) => schemas,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use base::Guid;

    use super::*;
    use crate::adminapi::call::tests::Boxes;

    fn organization() -> Organization {
        Organization { guid: Guid::EMPTY, name: "Org".into(), domain: "org.example".into() }
    }

    #[test]
    fn describes_what_there_is() {
        let description = describe(&Boxes, &organization());
        let body = &description["paths"]["/adminapi/v2.0/{tenant}/Box"]["post"]["requestBody"]["content"];
        let choices = body["application/json"]["schema"]["oneOf"].as_array().unwrap();
        assert_eq!(choices.len(), 2);
        let tenants = &description["components"]["parameters"]["tenant"]["schema"]["enum"];
        assert_eq!(tenants[0], "org.example");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let description = describe(&Boxes, &organization());
        let text = description.to_string();
        let references: Vec<&str> =
            text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(references.len() > 10);
        for reference in references {
            assert!(description.pointer(reference).is_some(), "{reference}");
        }
    }

    /// Nobody may use anything.
    struct Nothing;
    impl CommandSource for Nothing {
        fn find(&self, _: &str) -> Option<std::sync::Arc<powershell::CommandInfo>> {
            None
        }
        fn names(&self) -> Vec<std::sync::Arc<str>> {
            Vec::new()
        }
        fn invoke(
            &self,
            call: &powershell::Invocation,
            _: &mut dyn powershell::Streams,
        ) -> Result<(), powershell::ErrorRecord> {
            Err(powershell::ErrorRecord::command_not_found(&call.command.name))
        }
    }

    #[test]
    fn who_may_nothing_sees_the_listing_only() {
        let paths = describe(&Nothing, &organization())["paths"].as_object().unwrap().len();
        assert_eq!(paths, 1);
    }
}
