//! The JSON Schema of scenario files, by which editors complete, explain and check what is written.
//!
//! It follows the forms, with their doc comments. It knows what a value alone can be; what values mean for each other is
//! left to [`check`](super::check).

use super::bounds::{self, Bounds};
use super::words::{ANY, BUSY};
use papr::{HcallName, ReturnCode};
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;
use vmc_trace::{ChannelState, SessionState, Side};

/// The schema of a form, with references to its parts or with the parts themselves.
pub(super) fn tree_of<T: schemars::JsonSchema>(inline: bool) -> Value {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.inline_subschemas = inline;
        // Before those of the draft, which move references away from their descriptions.
        settings.transforms.insert(0, Box::new(RecursiveTransform(without_null)));
        settings.transforms.insert(1, Box::new(RecursiveTransform(describe_key)));
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    RecursiveTransform(introduce).transform(&mut schema);
    schema.to_value()
}

/// What is optional can be left out; TOML has no null.
fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = &mut types[..] {
            let only = only.take();
            schema.insert(String::from("type"), only);
        }
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    if let Some(Value::Array(alternatives)) = schema.get_mut("anyOf") {
        alternatives.retain(|alternative| alternative["type"] != "null");
        if let [Value::Object(only)] = &mut alternatives[..] {
            let only = std::mem::take(only);
            schema.remove("anyOf");
            for (key, value) in only {
                schema.ensure_object().entry(key).or_insert(value);
            }
        }
    }
}

/// Editors show what is said about a key where the key is written: a table that must have one key is described
/// there.
fn describe_key(schema: &mut Schema) {
    let Some(Value::Array(required)) = schema.get("required") else { return };
    let [Value::String(key)] = &required[..] else { return };
    let key = key.clone();
    let alone = |properties: &Value| properties.as_object().is_some_and(|all| all.len() == 1);
    if !schema.get("properties").is_some_and(alone) {
        return;
    }
    let Some(description) = schema.remove("description") else { return };
    if let Some(property) = schema.pointer_mut(&format!("/properties/{key}")) {
        property["description"] = description;
    }
}

/// What says the most about a schema stands first, on one line.
fn introduce(schema: &mut Schema) {
    const FIRST: &[&str] = &["$schema", "title", "description", "type", "required", "properties"];
    // `false` is a schema as well, and stays.
    let Some(keys) = schema.as_object_mut() else { return };
    if let Some(Value::String(text)) = keys.get_mut("description") {
        *text = text.replace('\n', " ");
    }
    let place = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    let mut entries: Vec<_> = std::mem::take(keys).into_iter().collect();
    entries.sort_by_key(|(key, _)| place(key));
    keys.extend(entries);
}

/// A number within bounds.
pub(super) fn within(bounds: Bounds) -> impl FnMut(&mut Schema) {
    move |schema| {
        // The bounds say more than how many bits our own number has.
        schema.remove("format");
        schema.insert(String::from("minimum"), (*bounds.start()).into());
        schema.insert(String::from("maximum"), (*bounds.end()).into());
    }
}

/// A table with exactly one of these keys, beside any others.
pub(super) fn exactly_one_of(keys: &[&str]) -> impl FnMut(&mut Schema) {
    let alternatives: Value = keys.iter().map(|key| json_schema!({ "required": [key] })).collect();
    move |schema| {
        schema.insert(String::from("oneOf"), alternatives.clone());
    }
}

/// The name of an operation.
pub(super) fn operations(_: &mut SchemaGenerator) -> Schema {
    one_of(hmc_proto::Operation::ALL.iter().map(|operation| operation.name()))
}

/// The name of an operation that a rule waits for.
pub(super) fn operations_or_any(_: &mut SchemaGenerator) -> Schema {
    let requests = hmc_proto::Operation::ALL
        .iter()
        .filter(|operation| operation.effect() != hmc_proto::Effect::Event);
    one_of(requests.map(|operation| operation.name()).chain([ANY]))
}

/// The name of a return code of an HMC command.
pub(super) fn return_codes(_: &mut SchemaGenerator) -> Schema {
    one_of(hmc_proto::ReturnCode::NAMED.iter().filter_map(|code| code.name()))
}

/// A string that is one of these words.
pub(super) fn one_of(words: impl Iterator<Item = &'static str>) -> Schema {
    let mut schema = json_schema!({ "type": "string" });
    only(&mut schema, words);
    schema
}

fn only(schema: &mut Schema, words: impl Iterator<Item = &'static str>) {
    schema.insert(String::from("enum"), words.collect());
}

/// A string of that form, such as the example.
fn matching(schema: &mut Schema, pattern: String, example: &str) {
    schema.insert(String::from("pattern"), pattern.into());
    schema.insert(String::from("examples"), vec![example].into());
}

/// A protocol version: two numbers, each 0 to 255.
pub(super) fn version(schema: &mut Schema) {
    const BYTE: &str = "(\\d|[1-9]\\d|1\\d\\d|2[0-4]\\d|25[0-5])";
    matching(schema, format!("^{BYTE}\\.{BYTE}$"), "1.1");
}

/// What can name an application.
pub(super) fn app_name(schema: &mut Schema) {
    matching(schema, String::from("^[a-z0-9-]+$"), "reader");
}

/// What fits the buffer of an HMC ID; its length counts bytes, of which no character has less than one.
pub(super) fn hmc_id(schema: &mut Schema) {
    schema.insert(String::from("maxLength"), vmc_proto::HMC_ID_BYTES.into());
}

/// The 16 bytes of an entry, in hexadecimal digits.
pub(super) fn entry(schema: &mut Schema) {
    matching(
        schema,
        String::from("^(\\s*[0-9A-Fa-f]){32}\\s*$"),
        "80 01 0000 00000000 0000000000000000",
    );
}

/// The name of an hcall.
pub(super) fn hcall(schema: &mut Schema) {
    only(schema, HcallName::ALL.iter().map(|name| name.name()));
}

/// The name of what an hcall returns, in any spelling that LoPAR uses.
pub(super) fn return_code(schema: &mut Schema) {
    only(schema, ReturnCode::SPELLINGS.iter().map(|(name, _)| *name));
}

/// What an hcall returns, or what an HMC command is answered with.
pub(super) fn answer(schema: &mut Schema) {
    let hcalls = ReturnCode::SPELLINGS.iter().map(|(name, _)| *name);
    let commands = hmc_proto::ReturnCode::NAMED
        .iter()
        .filter(|code| **code != hmc_proto::ReturnCode::ERROR)
        .filter_map(|code| code.name());
    let names: Value = hcalls.chain(commands).chain([BUSY.0]).collect();
    let code = json_schema!({ "pattern": "^[A-Z]{4}[0-9A-F]{4,8}$" });
    let alternatives = Value::from(vec![json_schema!({ "enum": names }).into(), Value::from(code)]);
    schema.insert(String::from("anyOf"), alternatives);
}

/// A reference code of a partition's firmware.
pub(super) fn reference_code(schema: &mut Schema) {
    matching(schema, String::from("^[0-9A-F]{8}$"), "BA210001");
}

/// A state of the channel, of either side.
pub(super) fn channel_state(schema: &mut Schema) {
    let names = |side| ChannelState::all(side).into_iter().map(ChannelState::name);
    either(schema, names(Side::Mgmt), names(Side::Hyp));
}

/// A state of a session, of either side.
pub(super) fn session_state(schema: &mut Schema) {
    let names = |side| SessionState::all(side).into_iter().map(SessionState::name);
    either(schema, names(Side::Mgmt), names(Side::Hyp));
}

/// The words of both sides, each once.
fn either(
    schema: &mut Schema,
    mgmt: impl Iterator<Item = &'static str>,
    hyp: impl Iterator<Item = &'static str>,
) {
    let mgmt: Vec<_> = mgmt.collect();
    let others: Vec<_> = hyp.filter(|word| !mgmt.contains(word)).collect();
    only(schema, mgmt.into_iter().chain(others));
}

/// Hazards by their numbers, each with what the driver does.
pub(super) fn quirks(_: &mut SchemaGenerator) -> Schema {
    let quirk = |quirk: ibmvmc::Quirk| json_schema!({ "type": "string", "const": quirk.id(), "description": quirk.summary() });
    let quirks: Value = ibmvmc::Quirk::ALL.into_iter().map(quirk).collect();
    json_schema!({ "type": "array", "items": { "oneOf": quirks } })
}

/// Liberties by their names, each with what the driver does.
pub(super) fn liberties(_: &mut SchemaGenerator) -> Schema {
    named(ibmvmc::Liberty::ALL.iter().map(|liberty| (liberty.name(), liberty.summary())))
}

/// The same of the VMC service.
pub(super) fn service_liberties(_: &mut SchemaGenerator) -> Schema {
    let all = phyp::vmc::ServiceLiberty::ALL.iter();
    named(all.map(|liberty| (liberty.name(), liberty.summary())))
}

fn named(all: impl Iterator<Item = (&'static str, &'static str)>) -> Schema {
    let one =
        |(name, summary)| json_schema!({ "type": "string", "const": name, "description": summary });
    let all: Value = all.map(one).collect();
    json_schema!({ "type": "array", "items": { "oneOf": all } })
}

/// Offsets and values of single bytes.
pub(super) fn byte_changes(_: &mut SchemaGenerator) -> Schema {
    let number = |what: &str, bounds: Bounds| {
        let mut schema = json_schema!({ "description": what, "type": "integer" });
        within(bounds)(&mut schema);
        schema
    };
    let offset = number("Offset in the entry.", bounds::OFFSET);
    let value = number("The byte.", bounds::BYTE);
    let change = json_schema!({
        "type": "array", "prefixItems": [offset, value], "minItems": 2, "maxItems": 2,
    });
    json_schema!({ "type": "array", "items": change })
}
