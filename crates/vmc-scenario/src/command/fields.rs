//! Fields by name, as a scenario writes them.

use hmc_proto::Value;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A table of fields. What it takes depends on the operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fields(pub(crate) Value);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields, D::Error> {
        deserializer.deserialize_map(Table).map(|AnyValue(value)| Fields(value))
    }
}

struct AnyValue(Value);

impl<'de> Deserialize<'de> for AnyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AnyValue, D::Error> {
        deserializer.deserialize_any(Table)
    }
}

struct Table;

impl<'de> Visitor<'de> for Table {
    type Value = AnyValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number from 0 on, a text, true or false, a list or a table")
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<AnyValue, E> {
        Ok(AnyValue(Value::Truth(truth)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<AnyValue, E> {
        let number = u64::try_from(number)
            .map_err(|_| E::custom(format!("expected a number from 0 on, got {number}")))?;
        Ok(AnyValue(Value::Number(number)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<AnyValue, E> {
        Ok(AnyValue(Value::Number(number)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<AnyValue, E> {
        Ok(AnyValue(Value::Text(text.into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<AnyValue, A::Error> {
        let mut list = Vec::new();
        while let Some(AnyValue(element)) = elements.next_element()? {
            list.push(element);
        }
        Ok(AnyValue(Value::List(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<AnyValue, A::Error> {
        let mut table = Vec::new();
        while let Some((name, AnyValue(value))) = entries.next_entry()? {
            table.push((name, value));
        }
        Ok(AnyValue(Value::Table(table)))
    }
}

impl JsonSchema for Fields {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Fields")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": true })
    }
}
