//! A value that may be written short, as one string, or long, as a table of options.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A form that also has a short spelling.
pub(super) trait Short: Sized {
    /// What the short spelling is, for errors.
    const EXPECTED: &'static str;

    /// The form behind a short spelling, or what was expected instead.
    fn from_short(text: &str) -> Result<Self, String>;

    /// The schema of the short spelling.
    fn short_schema(generator: &mut SchemaGenerator) -> Schema;
}

/// Reads either spelling. Errors inside the table keep their place.
#[derive(Clone, Debug, Default)]
pub(super) struct ShortOrLong<T>(pub(super) T);

impl<'de, T: Short + Deserialize<'de>> Deserialize<'de> for ShortOrLong<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);

        impl<'de, T: Short + Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} or a table of options", T::EXPECTED)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
                T::from_short(text).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_any(Either(PhantomData)).map(ShortOrLong)
    }
}

impl<T: Short + JsonSchema> JsonSchema for ShortOrLong<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("ShortOr{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (short, long) = (T::short_schema(generator), generator.subschema_for::<T>());
        json_schema!({ "anyOf": [short, long] })
    }
}
