//! What to write instead: what was written, in the type that is expected; or an example.

use super::schema::{Leaf, leaves, names_of, words_of};
use crate::words;
use serde_json::Value as Schema;
use toml::de::DeValue;
use toml::{Table, Value};

/// Stands where only the writer knows what to put.
const PLACEHOLDER: &str = "…";

/// What was probably meant, and what there is to say of it.
pub(super) struct Suggestion {
    pub(super) value: Option<Value>,
    pub(super) says: Option<String>,
}

/// What was probably meant by a value that cannot stand under the key.
pub(super) fn suggestion(value: &DeValue<'_>, schema: &Schema, key: &str) -> Suggestion {
    if let Some((errno, says)) = errno(value, schema) {
        return Suggestion { value: Some(errno.into()), says: Some(says) };
    }
    let named = value.as_str().and_then(|text| words::meant(text, names_of(schema)));
    let named = named.and_then(|name| match words_of(schema) {
        Some(words) if words.contains(&name) => Some(name.into()),
        _ => variant(schema, name),
    });
    let of_leaf = || leaves(schema).iter().find_map(|leaf| leaf_from(value, *leaf, schema, key));
    Suggestion { value: named.or_else(of_leaf), says: None }
}

/// An error that Linux's programs write otherwise, where errors can stand.
fn errno(value: &DeValue<'_>, schema: &Schema) -> Option<(&'static str, String)> {
    let words = words_of(schema)?;
    let text = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        _ => return None,
    };
    let (errno, says) = words::errno(&text)?;
    words.contains(&errno.name()).then_some((errno.name(), says))
}

fn leaf_from(value: &DeValue<'_>, leaf: Leaf<'_>, schema: &Schema, key: &str) -> Option<Value> {
    // What stands alone in an array, or in a table under a name that needs none.
    if let DeValue::Array(elements) = value
        && !leaf.is("array")
        && let [only] = &elements[..]
    {
        return accepted(only.get_ref(), leaf)
            .or_else(|| leaf_from(only.get_ref(), leaf, schema, key));
    }
    match leaf.0["type"].as_str()? {
        "integer" => number(value, leaf, key).map(Value::from),
        "string" => string(value, leaf).map(Value::from),
        "boolean" => boolean(value).map(Value::from),
        "array" => {
            let item = leaf.element(0).filter(|_| leaf.length().is_none())?;
            let only = accepted_by(value, item).or_else(|| suggestion(value, item, key).value)?;
            Some(Value::Array(vec![only]))
        }
        _ if leaf.is_variant(leaves(schema).len()) => None,
        _ => table_from(value, leaf),
    }
}

/// A number that is written with a unit, in quotation marks, or with a fraction of zero.
fn number(value: &DeValue<'_>, leaf: Leaf<'_>, key: &str) -> Option<i64> {
    let text = match value {
        DeValue::String(text) => text.trim().replace('_', "").to_lowercase(),
        DeValue::Float(number) => number.as_str().replace('_', ""),
        _ => return None,
    };
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic()).trim_end();
    let unit = text.get(digits.len()..)?.trim();
    let factor = match unit {
        "" | "b" | "bytes" | "ms" => 1.0,
        "k" | "kb" | "kib" => 1024.0,
        "m" | "mb" | "mib" => 1024.0 * 1024.0,
        "s" if key.ends_with("ms") => 1000.0,
        "min" if key.ends_with("ms") => 60_000.0,
        _ => return None,
    };
    let number = digits.parse::<f64>().ok()? * factor;
    let (least, most) = leaf.bounds().unwrap_or((i64::MIN, i64::MAX));
    // A cast of a float goes to the nearest number there is.
    number.is_finite().then(|| (number as i64).clamp(least, most))
}

fn string(value: &DeValue<'_>, leaf: Leaf<'_>) -> Option<String> {
    let text = match value {
        DeValue::String(_) | DeValue::Array(_) => return None,
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        // A word that was given options.
        DeValue::Table(entries) => match &entries.keys().collect::<Vec<_>>()[..] {
            [only] => only.get_ref().to_string(),
            _ => return None,
        },
    };
    if let Some(words) = leaf.words() {
        return words::meant(&text, words).map(String::from);
    }
    let fits = match leaf.example() {
        Some(example) => text.parse::<f64>().is_ok() && text.contains('.') == example.contains('.'),
        None => !matches!(value, DeValue::Table(_)),
    };
    fits.then_some(text)
}

fn boolean(value: &DeValue<'_>) -> Option<bool> {
    let text = match value {
        DeValue::String(text) => text.to_lowercase(),
        DeValue::Integer(number) => number.to_string(),
        _ => return None,
    };
    match text.as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// Options of which only the one that matters was written.
fn table_from(value: &DeValue<'_>, leaf: Leaf<'_>) -> Option<Value> {
    if let DeValue::Array(_) | DeValue::Table(_) = value {
        return None;
    }
    let property = |key: &str| Some((key.to_owned(), accepted_by(value, leaf.property(key)?)?));
    let (key, inner) = leaf
        .required()
        .find_map(property)
        .or_else(|| {
            leaf.keys()
                .filter(|key| leaf.property(key).and_then(words_of).is_some())
                .find_map(property)
        })
        .or_else(|| leaf.keys().find_map(property))?;
    let Value::Table(mut all) = example_of(leaf) else { return None };
    all.insert(key, inner);
    Some(Value::Table(all))
}

/// The value itself, if the place takes it.
fn accepted_by(value: &DeValue<'_>, schema: &Schema) -> Option<Value> {
    leaves(schema).into_iter().find_map(|leaf| accepted(value, leaf))
}

fn accepted(value: &DeValue<'_>, leaf: Leaf<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) if leaf.is("string") => {
            let fits = leaf.words().is_none_or(|words| words.contains(&text.as_ref()));
            fits.then(|| text.to_string().into())
        }
        DeValue::Integer(number) if leaf.is("integer") => {
            let number = i64::from_str_radix(number.as_str(), number.radix()).ok()?;
            let (least, most) = leaf.bounds().unwrap_or((i64::MIN, i64::MAX));
            (least..=most).contains(&number).then(|| number.into())
        }
        DeValue::Boolean(value) if leaf.is("boolean") => Some((*value).into()),
        _ => None,
    }
}

/// The table of a variant with that key.
pub(super) fn variant(schema: &Schema, key: &str) -> Option<Value> {
    let leaves = leaves(schema);
    let inner = leaves.iter().find_map(|leaf| leaf.property(key))?;
    Some(table([(key, example(inner))]))
}

/// Something that can stand at a place.
pub(super) fn example(schema: &Schema) -> Value {
    leaves(schema).into_iter().next().map_or_else(|| PLACEHOLDER.into(), example_of)
}

fn example_of(leaf: Leaf<'_>) -> Value {
    match leaf.0["type"].as_str() {
        Some("integer") => {
            let (least, most) = leaf.bounds().unwrap_or((1, 1));
            least.max(1).min(most).into()
        }
        Some("boolean") => true.into(),
        Some("array") => {
            let length = leaf.length().unwrap_or(1);
            (0..length).filter_map(|n| leaf.element(n)).map(example).collect::<Vec<_>>().into()
        }
        Some("object") => {
            let needed = leaf.required().chain(leaf.choice());
            table(needed.filter_map(|key| Some((key, example(leaf.property(key)?)))))
        }
        _ => {
            let word = leaf.words().and_then(|words| words.first().copied());
            word.or(leaf.example()).unwrap_or(PLACEHOLDER).into()
        }
    }
}

fn table<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let entries = entries.into_iter().map(|(key, value)| (key.to_owned(), value));
    Value::Table(entries.collect::<Table>())
}
