//! What is served, as an OpenAPI document: paths from the table of routes, documents from the shapes of objects.

use super::routes::table::{Gives, Route, routes};
use super::xml::{UOM, WEB};
use crate::cli::Dialect;
use crate::objects::Kind;
use crate::objects::shape::Shape;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Where the document is, outside of `/rest/api`.
pub const PATH: &str = "/openapi.json";

/// The document of what an application of this dialect serves.
pub fn document(dialect: Dialect) -> Value {
    let mut paths = Map::new();
    let mut taken = BTreeSet::new();
    for route in routes(dialect) {
        let path = format!("/{}", route.path.join("/"));
        let methods = paths.entry(path).or_insert_with(|| parameters(route));
        methods[route.method.to_ascii_lowercase()] = operation(route, dialect);
        taken.extend(route.takes);
    }
    let documents = taken.iter().map(|kind| (kind.to_string(), taken_document(kind)));
    let mut schemas: Map<String, Value> = documents.collect();
    schemas.insert("Entry".into(), entry());
    schemas.insert("Feed".into(), feed());
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "vmcsim: REST of a management application",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Documents are XML, or JSON with the same names. What the system refuses is answered with 500 and a code, as an \
                            HMC does; 503 says that the hypervisor does not answer.",
        },
        "servers": [{ "url": "/rest/api" }],
        "security": [{ "session": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "session": { "type": "apiKey", "in": "header", "name": "X-API-Session", "description": "From PUT /web/Logon" },
            },
            "responses": { "Refused": refused() },
        },
    })
}

/// What all methods of a path have.
fn parameters(route: &Route) -> Value {
    let all = route.parameters().map(|name| {
        let mut schema = json!({ "type": "string", "minLength": 1 });
        let text = match name {
            "job" => "Its JobID",
            "expression" => "As in `(PartitionName=='web1')`, or with `!=`",
            "operation" => "Its name, as in `PowerOn`",
            "property" => "Its name, as in `PartitionState`",
            _ => {
                schema["format"] = json!("uuid");
                "Its UUID"
            }
        };
        json!({ "name": name, "in": "path", "required": true, "description": text, "schema": schema })
    });
    json!({ "parameters": all.collect::<Vec<_>>() })
}

fn operation(route: &Route, dialect: Dialect) -> Value {
    let is_logon = route.open;
    let header = |name: &str, text: &str| json!({ "name": name, "in": "header", "description": text, "schema": { "type": "string" } });
    let query = |name: &str, text: &str| json!({ "name": name, "in": "query", "description": text, "schema": { "type": "string" } });
    let mut parameters = Vec::new();
    if route.method == "GET" && matches!(route.gives, Gives::Entry(_)) {
        parameters.push(header("If-None-Match", "The ETag that is known: 304 when it is the same"));
    }
    if route.conditional {
        parameters.push(header("If-Match", "The ETag that the object must have"));
    }
    if route.method != "GET" {
        parameters.push(header("X-Audit-Memento", "Who the client acts for, in the audit log"));
    }
    if matches!(route.gives, Gives::Entry("VirtualIOServer") | Gives::Feed("VirtualIOServer")) {
        parameters.push(query(
            "group",
            "Groups of elements, with commas: ViosSCSIMapping, ViosStorage, All",
        ));
    }
    if route.gives == Gives::Feed("Event") {
        parameters.push(query(
            "QUEUE_APPLICATIONID",
            "The application that listens; the session without it",
        ));
    }
    let mut responses = given(route);
    for status in statuses(route) {
        responses.insert(status.to_string(), json!({ "$ref": "#/components/responses/Refused" }));
    }
    let name = route.path.iter().map(|part| part.trim_matches(['{', '}'])).collect::<Vec<_>>();
    let mut made = json!({
        "summary": route.does,
        "operationId": format!("{}_{}", route.method.to_ascii_lowercase(), name.join("_")),
        "tags": [route.path.get(1).copied().unwrap_or_default()],
        "parameters": parameters,
        "responses": responses,
    });
    if is_logon {
        made["security"] = json!([]);
    }
    if let Some(kind) = route.takes {
        let schema = json!({ "$ref": format!("#/components/schemas/{kind}") });
        let json = json!({
            "type": "object",
            "required": [kind],
            "additionalProperties": false,
            "properties": { kind: schema },
        });
        made["requestBody"] = json!({
            "required": true,
            "content": {
                media_type(kind): { "schema": schema },
                "application/json": { "schema": json },
            },
        });
    }
    if dialect == Dialect::Hmc && route.dialect.is_some() {
        made["description"] = json!("With --dialect hmc only");
    }
    made
}

/// The type of a document's text.
fn media_type(kind: &str) -> String {
    let service = if Shape::of(kind).is_some() { "uom" } else { "web" };
    format!("application/vnd.ibm.powervm.{service}+xml; type={kind}")
}

fn given(route: &Route) -> Map<String, Value> {
    let component = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let both = |xml: &str, name: &str| json!({ xml: { "schema": { "type": "object" } }, "application/json": { "schema": component(name) } });
    let quick = |schema: Value| json!({ "application/json": { "schema": schema } });
    let (text, content) = match route.gives {
        Gives::Entry(kind) => {
            (format!("{kind} in an entry"), both("application/atom+xml", "Entry"))
        }
        Gives::Feed(kind) => (format!("A feed of {kind}"), both("application/atom+xml", "Feed")),
        Gives::Document(kind) => {
            let content = json!({
                media_type(kind): { "schema": { "type": "object" } },
                "application/json": { "schema": { "type": "object", "required": [kind] } },
            });
            (kind.to_owned(), content)
        }
        Gives::Properties => {
            (String::from("Properties by name"), quick(json!({ "type": "object" })))
        }
        Gives::Property => (String::from("Its value"), quick(json!({ "nullable": true }))),
        Gives::ArrayOfProperties => {
            let array = json!({ "type": "array", "items": { "type": "object" } });
            (String::from("Properties of each"), quick(array))
        }
        Gives::Nothing => (String::new(), Value::Null),
    };
    let mut all = Map::new();
    if route.gives != Gives::Nothing {
        let mut answer = json!({ "description": text, "content": content });
        if matches!(route.gives, Gives::Entry(_)) {
            answer["headers"] = json!({ "ETag": { "schema": { "type": "string" } } });
        }
        all.insert("200".into(), answer);
    }
    if matches!(route.gives, Gives::Nothing | Gives::Feed(_)) {
        let text = if route.gives == Gives::Nothing { "It is done" } else { "There are none" };
        all.insert("204".into(), json!({ "description": text }));
    }
    if route.method == "GET" && matches!(route.gives, Gives::Entry(_)) {
        all.insert("304".into(), json!({ "description": "The object still has that ETag" }));
    }
    all
}

/// How a request can be refused.
fn statuses(route: &Route) -> BTreeSet<u16> {
    // The hypervisor may not answer, and headers may be too long.
    let mut all = BTreeSet::from([401, 431, 503]);
    if route.parameters().next().is_some() {
        all.insert(404);
    }
    if route.takes.is_some() {
        all.extend([400, 413]);
    }
    if route.method != "GET" && !route.path.contains(&"Logon") {
        all.insert(500);
    }
    if route.path.contains(&"search") {
        all.insert(500);
    }
    // A change that another manager makes in the same moment.
    if route.method != "GET" && route.parameters().next().is_some() {
        all.insert(412);
    }
    all
}

fn refused() -> Value {
    let kind = json!({ "$ref": "#/components/schemas/Entry" });
    json!({
        "description": "HttpErrorResponse in an entry; its Message begins with a code",
        "content": {
            "application/atom+xml": { "schema": { "type": "object" } },
            "application/json": { "schema": kind },
        },
    })
}

/// An entry in JSON: an object in its content, by its type.
fn entry() -> Value {
    json!({
        "type": "object",
        "required": ["entry"],
        "properties": { "entry": entry_itself() },
    })
}

fn entry_itself() -> Value {
    json!({
        "type": "object",
        "required": ["id", "title", "published", "content"],
        "properties": {
            "id": { "type": "string" },
            "title": { "type": "string" },
            "published": { "type": "string", "format": "date-time" },
            "etag": { "type": "string" },
            "content": { "type": "object", "minProperties": 1, "maxProperties": 1 },
        },
    })
}

fn feed() -> Value {
    let several = json!({ "type": "array", "items": entry_itself() });
    json!({
        "type": "object",
        "required": ["feed"],
        "properties": {
            "feed": {
                "type": "object",
                "required": ["id", "updated", "entry"],
                "properties": { "entry": { "oneOf": [entry_itself(), several] } },
            },
        },
    })
}

/// What a client sends: what it can write, and what tells objects of lists apart.
fn taken_document(kind: &str) -> Value {
    let (namespace, mut made) = match kind {
        "LogonRequest" => {
            let text = || json!({ "type": "string" });
            let properties = json!({ "UserID": text(), "Password": text() });
            (
                WEB,
                json!({ "type": "object", "required": ["UserID", "Password"], "properties": properties }),
            )
        }
        "JobRequest" => {
            let pair = json!({
                "type": "object",
                "required": ["ParameterName", "ParameterValue"],
                "properties": {
                    "ParameterName": { "type": "string" },
                    "ParameterValue": { "type": "string" },
                },
            });
            let parameters = json!({
                "type": "object",
                "properties": { "JobParameter": { "type": "array", "items": pair } },
            });
            (WEB, json!({ "type": "object", "properties": { "JobParameters": parameters } }))
        }
        _ => (UOM, Shape::of(kind).map_or(Value::Null, written)),
    };
    made["xml"] = json!({ "name": kind, "namespace": namespace });
    made["properties"]["schemaVersion"] =
        json!({ "type": "string", "enum": ["V1_0"], "xml": { "attribute": true } });
    if made["required"].is_null() {
        made["required"] = json!([]);
    }
    if let Value::Array(required) = &mut made["required"] {
        required.push(json!("schemaVersion"));
    }
    made
}

/// The elements of a shape that a client writes.
fn written(shape: &Shape) -> Value {
    let parts = shape.parts.iter().filter(|(_, part)| is_written(part)).map(|(name, part)| {
        let schema = match part.kind {
            Some(kind) => leaf(kind),
            None => written(part),
        };
        let several = part.listed || part.kind == Some(Kind::Repeated);
        (
            name.to_string(),
            if several { json!({ "type": "array", "items": schema }) } else { schema },
        )
    });
    json!({ "type": "object", "properties": parts.collect::<Map<_, _>>() })
}

fn is_written(shape: &Shape) -> bool {
    shape.written || shape.parts.iter().any(|(_, part)| is_written(part))
}

fn leaf(kind: Kind) -> Value {
    match kind {
        Kind::Number(most) => json!({ "type": "integer", "minimum": 0, "maximum": most }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Word(words) => {
            json!({ "type": "string", "enum": words.iter().map(|(rest, _)| *rest).collect::<Vec<_>>() })
        }
        Kind::Units => json!({ "type": "string", "pattern": r"^[0-9]{1,4}(\.[0-9]{1,2})?$" }),
        Kind::Gigabytes => {
            json!({ "type": "string", "pattern": r"^[1-9][0-9]{0,5}(\.[0-9]{1,6})?$" })
        }
        Kind::Uuid => json!({ "type": "string", "format": "uuid" }),
        Kind::Mac => json!({ "type": "string", "pattern": "^[0-9A-F]{12}$" }),
        Kind::Text | Kind::State | Kind::List | Kind::Vlans | Kind::Repeated | Kind::Part => {
            json!({ "type": "string" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described_and_every_reference_is_there() {
        for dialect in [Dialect::NovaLink, Dialect::Hmc] {
            let document = document(dialect);
            let mut names = BTreeSet::new();
            for route in routes(dialect) {
                let path = format!("/{}", route.path.join("/"));
                let operation = &document["paths"][path][route.method.to_ascii_lowercase()];
                assert_eq!(operation["summary"], route.does);
                assert!(
                    names.insert(operation["operationId"].to_string()),
                    "{}",
                    operation["operationId"]
                );
            }
            let text = document.to_string();
            for reference in text.split("\"$ref\":\"#").skip(1) {
                let pointer = reference.split('"').next().expect("a pointer");
                assert!(document.pointer(pointer).is_some(), "{pointer}");
            }
            let networks = &document["paths"]["/uom/VirtualNetwork"];
            assert_eq!(networks["put"].is_object(), dialect == Dialect::Hmc);
        }
    }

    #[test]
    fn a_document_has_what_can_be_written() {
        let document = document(Dialect::NovaLink);
        let partition = &document["components"]["schemas"]["LogicalPartition"]["properties"];
        assert_eq!(partition["AutoStart"]["type"], "boolean");
        let memory = &partition["PartitionMemoryConfiguration"]["properties"];
        assert_eq!(memory["DesiredMemory"]["maximum"], u32::MAX);
        assert!(memory["CurrentMemory"].is_null() && partition["PartitionState"].is_null());
        assert_eq!(partition["PartitionType"]["enum"][0], "AIX/Linux");
    }
}
