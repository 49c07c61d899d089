//! A length in bytes: always the same, or one that grows with the rounds of a block.

use super::bounds::{self, number};
use super::error::Problem;
use super::schema::{exactly_one_of, within};
use super::spanned::{Number, Spanned};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// How a length can grow.
const GROWTH: &[&str] = &["step", "factor"];

/// A length as it was written, with its place.
pub(super) type Length = Spanned<LengthForm>;

/// A number of bytes, or a table that says how it grows.
#[derive(Clone, Debug)]
pub(super) enum LengthForm {
    Same(i64),
    Growing(GrowingForm),
}

/// A length that grows with the rounds of the innermost `repeat` around it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(transform = exactly_one_of(GROWTH))]
pub(super) struct GrowingForm {
    /// The length in the first round.
    #[schemars(transform = within(bounds::BYTES))]
    from: Number,
    /// So many bytes more in each round.
    #[schemars(transform = within(bounds::LENGTH_STEP))]
    step: Option<Number>,
    /// So many times as long in each round.
    #[schemars(transform = within(bounds::LENGTH_FACTOR))]
    factor: Option<Number>,
}

impl LengthForm {
    /// The length in a round, counted from 0. One beyond all bounds is the largest number, or the smallest.
    pub(super) fn in_round(&self, round: u32) -> i64 {
        let value = |number: &Option<Number>| number.as_ref().map(|number| *number.get_ref());
        match self {
            LengthForm::Same(bytes) => *bytes,
            LengthForm::Growing(form) => {
                let more = value(&form.step).unwrap_or(0).saturating_mul(i64::from(round));
                let times = value(&form.factor).unwrap_or(1).saturating_pow(round);
                form.from.get_ref().saturating_mul(times).saturating_add(more)
            }
        }
    }
}

/// Whether it is a length, in this round of a block, counted from 0.
pub(super) fn check(length: &Length, round: Option<u32>) -> Result<(), Problem> {
    let LengthForm::Growing(form) = length.get_ref() else {
        return within_bounds(length, length.get_ref().in_round(0));
    };
    let wrong = |message: String, remedy: &str| Err(Problem::new(length.span(), message, remedy));
    number("from", &form.from, bounds::BYTES)?;
    match (&form.step, &form.factor) {
        (Some(step), None) => number("step", step, bounds::LENGTH_STEP)?,
        (None, Some(factor)) => number("factor", factor, bounds::LENGTH_FACTOR)?,
        (Some(_), Some(_)) => {
            return wrong(
                String::from("a length grows by a step or by a factor, not by both"),
                "leave `step` or `factor` out",
            );
        }
        (None, None) => {
            return wrong(
                String::from("this length does not say how it grows"),
                "add `step`, so many bytes more in each round, or `factor`, so many times as long",
            );
        }
    };
    let Some(round) = round else {
        return wrong(
            String::from("a length grows with the rounds of a `repeat`, and this step is in none"),
            "put the step into a `repeat`, or write `bytes` as a number",
        );
    };
    let bytes = length.get_ref().in_round(round);
    if bounds::BYTES.contains(&bytes) {
        return Ok(());
    }
    let most = bounds::BYTES.end();
    wrong(
        format!("in round {} this length is more than {most} bytes", u64::from(round) + 1),
        "lower `times` of the block, or `from`, `step` or `factor`",
    )
}

fn within_bounds(length: &Length, bytes: i64) -> Result<(), Problem> {
    let (least, most) = (bounds::BYTES.start(), bounds::BYTES.end());
    if bounds::BYTES.contains(&bytes) {
        return Ok(());
    }
    Err(Problem::new(
        length.span(),
        format!("bytes is {least} to {most}, not {bytes}"),
        format!("write a number from {least} to {most}"),
    ))
}

impl<'de> Deserialize<'de> for LengthForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LengthForm, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = LengthForm;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of bytes, or how it grows such as { from = 1, step = 100 }")
            }

            fn visit_i64<E: Error>(self, bytes: i64) -> Result<LengthForm, E> {
                Ok(LengthForm::Same(bytes))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LengthForm, A::Error> {
                GrowingForm::deserialize(MapAccessDeserializer::new(map)).map(LengthForm::Growing)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for LengthForm {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("LengthForm")
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut same = json_schema!({ "type": "integer" });
        within(bounds::BYTES)(&mut same);
        let growing = generator.subschema_for::<GrowingForm>();
        json_schema!({ "anyOf": [same, growing] })
    }
}
