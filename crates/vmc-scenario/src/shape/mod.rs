//! What cannot be read, told in the terms of the file, a scenario or an inventory: the key, what it takes, what was written, and what to
//! write instead.
//!
//! The schema knows every key and what it takes. A text that serde refuses is walked along it, and the first place
//! that does not fit is told; so a new key is told about as well as an old one. [`describe`] has the words for what
//! is expected and what was got, [`suggest`] finds what was probably meant.

mod describe;
mod schema;
mod suggest;
#[cfg(test)]
mod tests;

use super::Source;
use super::bounds::out_of_bounds;
use super::error::{Problem, ScenarioError};
use super::words;
use describe::{expected, got};
use schema::{Leaf, leaves, names_of, root, words_of};
use serde_json::Value as Schema;
use std::ops::Range;
use suggest::{Suggestion, suggestion};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What does not fit, and what to write.
struct Mistake {
    span: Range<usize>,
    /// A key is missing: what stands there wrongly is told first.
    is_missing: bool,
    message: String,
    remedy: String,
    /// What to write, and where, for tests to try it.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests write it into the text"))]
    instead: Option<(At, toml::Value)>,
}

/// What kind of file a text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// A scenario.
    #[default]
    Scenario,
    /// What there is to manage.
    Inventory,
}

impl Kind {
    /// How a message calls it.
    fn name(self) -> &'static str {
        match self {
            Kind::Scenario => "a scenario",
            Kind::Inventory => "an inventory",
        }
    }

    /// Where an author finds examples.
    fn examples(self) -> &'static str {
        match self {
            Kind::Scenario => "compare with the examples in scenarios/README.md",
            Kind::Inventory => {
                "compare with what `cargo xtask inventory --partitions 4 --seed 1` prints"
            }
        }
    }
}

/// A file of that kind that cannot be read.
pub(super) fn unreadable(file: &str, error: &std::io::Error, kind: Kind) -> ScenarioError {
    let remedy = match kind {
        Kind::Scenario => "name a scenario file, such as scenarios/boot/driver-first.toml",
        Kind::Inventory => {
            "name an inventory; `cargo xtask inventory --partitions 4 --seed 1` prints one"
        }
    };
    ScenarioError::of_file(file, format!("the file cannot be read: {error}"), remedy)
}

/// A text that is no file of that kind: not TOML, an unknown key, a wrong type.
pub(super) fn syntax(source: &Source, error: &toml::de::Error, kind: Kind) -> ScenarioError {
    let problem = problem(&source.text, kind).unwrap_or_else(|| {
        let message = error.message().lines().collect::<Vec<_>>().join("; ");
        let remedy = match message.as_str() {
            "duplicate key" => {
                "write the key once; a table of which there are several has two brackets, as `[[app]]`"
            }
            _ => kind.examples(),
        };
        let span = error.span().unwrap_or(0..0);
        Problem::new(span, format!("this is not TOML: {message}"), remedy)
    });
    problem.at(source)
}

/// A place in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct At(Vec<Segment>, Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Key(String),
    Element(usize),
}

/// What is wrong with a text that is TOML and no file of that kind; `None` if it is no TOML, or nothing is wrong.
fn problem(text: &str, kind: Kind) -> Option<Problem> {
    let mistake = mistake(text, kind)?;
    Some(Problem::new(mistake.span, mistake.message, mistake.remedy))
}

fn mistake(text: &str, kind: Kind) -> Option<Mistake> {
    let document = DeTable::parse(text).ok()?;
    let mut found = Vec::new();
    table(&At(Vec::new(), kind), document.get_ref(), 0..0, root(kind), &mut found);
    found.into_iter().min_by_key(|mistake| (mistake.is_missing, mistake.span.start))
}

impl At {
    fn key(&self, key: &str) -> At {
        self.with(Segment::Key(key.to_owned()))
    }

    fn element(&self, n: usize) -> At {
        self.with(Segment::Element(n))
    }

    fn with(&self, segment: Segment) -> At {
        At(self.0.iter().cloned().chain([segment]).collect(), self.1)
    }

    /// The key at the end, and whether the place is an element of its array.
    fn last_key(&self) -> Option<(&str, bool)> {
        let (last, rest) = self.0.split_last()?;
        match (last, rest.last()) {
            (Segment::Key(key), _) => Some((key, false)),
            (Segment::Element(_), Some(Segment::Key(key))) => Some((key, true)),
            (Segment::Element(_), _) => Some(("", true)),
        }
    }

    /// Header of the table at this place; `None` where tables are written inline.
    fn header(&self) -> Option<String> {
        let keys = self.0.iter().map(|segment| match segment {
            Segment::Key(key) => Some(key.as_str()),
            Segment::Element(_) => None,
        });
        keys.collect::<Option<Vec<_>>>().map(|keys| keys.join("."))
    }

    /// How a message calls the place.
    fn name(&self) -> String {
        match self.last_key() {
            None => self.1.name().to_owned(),
            Some(("steps", true)) => String::from("a step"),
            Some(("", true)) => String::from("an element"),
            Some((key, true)) if self.0.len() == 2 => format!("`[[{key}]]`"),
            Some((key, true)) => format!("an element of `{key}`"),
            Some((key, false)) => format!("`{key}`"),
        }
    }
}

/// Looks at a value at a place.
fn value(at: &At, value: &Spanned<DeValue<'_>>, schema: &Schema, found: &mut Vec<Mistake>) {
    let (span, value) = (value.span(), value.get_ref());
    let leaves = leaves(schema);
    let of_type: Vec<Leaf<'_>> = leaves.iter().filter(|leaf| leaf.takes(value)).copied().collect();
    match value {
        DeValue::String(text) if !of_type.is_empty() => word(at, text, span, schema, found),
        DeValue::Integer(number) => match &of_type[..] {
            [leaf, ..] if i64::from_str_radix(number.as_str(), number.radix()).is_err() => {
                found.push(too_large(at, &number.to_string(), span, *leaf));
            }
            [] => found.push(wrong_type(at, value, span, schema)),
            _ => {}
        },
        DeValue::Array(elements) if !of_type.is_empty() => {
            array(at, elements, span, of_type[0], found);
        }
        DeValue::Table(entries) if !of_type.is_empty() => table(at, entries, span, schema, found),
        _ if of_type.is_empty() => found.push(wrong_type(at, value, span, schema)),
        _ => {}
    }
}

fn array(
    at: &At,
    elements: &toml::de::DeArray<'_>,
    span: Range<usize>,
    leaf: Leaf<'_>,
    found: &mut Vec<Mistake>,
) {
    if let Some(length) = leaf.length()
        && length != elements.len()
    {
        let instead = suggest::example(leaf.0);
        found.push(Mistake {
            span,
            is_missing: false,
            message: format!("{}: expected {length} elements, got {}", at.name(), elements.len()),
            remedy: format!("write `{instead}`"),
            instead: Some((at.clone(), instead)),
        });
        return;
    }
    for (n, element) in elements.iter().enumerate() {
        if let Some(schema) = leaf.element(n) {
            value(&at.element(n), element, schema, found);
        }
    }
}

/// Looks at the keys of a table: those of a struct, or the one of a variant.
fn table(
    at: &At,
    entries: &DeTable<'_>,
    span: Range<usize>,
    schema: &Schema,
    found: &mut Vec<Mistake>,
) {
    let leaves = leaves(schema);
    let tables: Vec<Leaf<'_>> = leaves.iter().filter(|leaf| leaf.is_table()).copied().collect();
    let is_variant = tables.len() > 1 || tables.iter().any(|leaf| leaf.is_variant(leaves.len()));
    let known = || tables.iter().flat_map(|leaf| leaf.keys());
    for (key, entry) in entries {
        let name = key.get_ref().as_ref();
        match tables.iter().find_map(|leaf| leaf.property(name)) {
            Some(schema) => value(&at.key(name), entry, schema, found),
            None if tables.iter().any(|leaf| leaf.takes_any_key()) => {}
            None => found.push(unknown_key(at, name, key.span(), schema, known())),
        }
    }
    let names: Vec<&str> = entries.keys().map(|key| key.get_ref().as_ref()).collect();
    match (is_variant, &names[..]) {
        (true, [_]) => {}
        (true, keys) => found.push(one_key(at, keys, span, schema)),
        (false, keys) => {
            let needed = tables.iter().flat_map(|leaf| leaf.required());
            for key in needed.filter(|key| !keys.contains(key)) {
                found.push(missing_key(at, key, span.clone(), tables[0]));
            }
        }
    }
}

/// Looks at a string where a string may stand.
fn word(at: &At, text: &str, span: Range<usize>, schema: &Schema, found: &mut Vec<Mistake>) {
    let Some(words) = words_of(schema) else { return };
    if words.contains(&text) {
        return;
    }
    let key = at.last_key().map_or("", |(key, _)| key);
    let Suggestion { value: instead, says } =
        suggestion(&DeValue::String(text.into()), schema, key);
    let meant = instead
        .clone()
        .filter(|_| says.is_some() || words::meant(text, names_of(schema)).is_some());
    let remedy = match (meant, says) {
        (Some(meant), says) => {
            let write = format!("write {}", written(at, &meant, schema));
            says.map_or(write.clone(), |says| format!("{says}; {write}"))
        }
        (None, _) => words::one_of(names_of(schema).into_iter()),
    };
    found.push(Mistake {
        span,
        is_missing: false,
        message: format!("{}: expected {}, got {text:?}", at.name(), expected(schema)),
        remedy,
        instead: instead.map(|instead| (at.clone(), instead)),
    });
}

fn wrong_type(at: &At, value: &DeValue<'_>, span: Range<usize>, schema: &Schema) -> Mistake {
    let key = at.last_key().map_or("", |(key, _)| key);
    let Suggestion { value: instead, says } = suggestion(value, schema, key);
    let instead = instead.unwrap_or_else(|| suggest::example(schema));
    let write = format!("write {}", written(at, &instead, schema));
    Mistake {
        span,
        is_missing: false,
        message: format!("{}: expected {}, got {}", at.name(), expected(schema), got(value)),
        remedy: says.map_or(write.clone(), |says| format!("{says}; {write}")),
        instead: Some((at.clone(), instead)),
    }
}

fn too_large(at: &At, number: &str, span: Range<usize>, leaf: Leaf<'_>) -> Mistake {
    let (least, most) = leaf.bounds().unwrap_or((i64::MIN, i64::MAX));
    let key = at.last_key().map_or("", |(key, _)| key);
    let (message, remedy) = out_of_bounds(key, number, &(least..=most));
    let bound = if number.starts_with('-') { least } else { most };
    let instead = Some((at.clone(), bound.into()));
    Mistake { span, is_missing: false, message, remedy, instead }
}

fn unknown_key<'a>(
    at: &At,
    key: &str,
    span: Range<usize>,
    schema: &Schema,
    known: impl Iterator<Item = &'a str>,
) -> Mistake {
    let known: Vec<&str> = known.collect();
    let home = (at.0.is_empty() && words::meant(key, known.iter().copied()).is_none())
        .then(|| schema::home_of(at.1, key))
        .flatten();
    let remedy = match home {
        Some(table) => format!("write it below `[{table}]`"),
        // A word without options is written as such.
        None if words_of(schema).is_some_and(|words| words.contains(&key)) => {
            format!("write {}", written(at, &key.into(), schema))
        }
        None => words::instead(key, known),
    };
    let message = match at.last_key() {
        Some(("steps", true)) => format!("there is no step `{key}`"),
        _ => format!("{} has no key `{key}`", at.name()),
    };
    Mistake { span, is_missing: false, message, remedy, instead: None }
}

fn one_key(at: &At, keys: &[&str], span: Range<usize>, schema: &Schema) -> Mistake {
    let examples: Vec<_> = match keys {
        [] => vec![suggest::example(schema)],
        keys => keys.iter().filter_map(|key| suggest::variant(schema, key)).collect(),
    };
    let instead = examples.first().cloned().map(|example| (at.clone(), example));
    let many = match keys {
        [] => String::from("no key"),
        keys => format!("{}: `{}`", keys.len(), keys.join("`, `")),
    };
    let each: Vec<_> = examples.iter().map(|example| format!("`{example}`")).collect();
    let remedy = match (&each[..], at.last_key()) {
        ([], _) => words::one_of(names_of(schema).into_iter()),
        ([only], _) => format!("write {only}"),
        (each, Some((_, true))) => format!("write a table for each: {}", each.join(", ")),
        (each, _) => format!("write one of {}", each.join(", ")),
    };
    let message = format!("{}: expected a table with one key, got {many}", at.name());
    Mistake { span, is_missing: keys.is_empty(), message, remedy, instead }
}

fn missing_key(at: &At, key: &str, span: Range<usize>, leaf: Leaf<'_>) -> Mistake {
    let schema = leaf.property(key).unwrap_or(&Schema::Null);
    let (place, instead) = (at.key(key), suggest::example(schema));
    Mistake {
        span,
        is_missing: true,
        message: format!("{} needs the key `{key}`", at.name()),
        remedy: format!("write {}", written(&place, &instead, schema)),
        instead: Some((place, instead)),
    }
}

/// How a value is written at a place.
fn written(at: &At, value: &toml::Value, schema: &Schema) -> String {
    let leaves = leaves(schema);
    let is_struct = |leaf: &Leaf<'_>| leaf.is_table() && !leaf.is_variant(leaves.len());
    if let (Some(header), [leaf]) = (at.header(), &leaves[..]) {
        if is_struct(leaf) {
            return format!("`[{header}]`, and its keys below");
        }
        let of_tables =
            leaf.element(0).is_some_and(|item| schema::leaves(item).iter().any(|l| l.is_table()));
        if of_tables && !header.contains('.') {
            return format!("`[[{header}]]`, and its keys below");
        }
    }
    match at.last_key() {
        Some((key, false)) => format!("`{key} = {value}`"),
        _ => format!("`{value}`"),
    }
}
