//! Words for what is expected at a place, and for what was got.

use super::schema::{Leaf, leaves, words_of};
use serde_json::Value as Schema;
use toml::de::DeValue;

/// Most words that are named; more are left to the remedy.
const MAX_WORDS: usize = 6;

/// The same for errors.
const MAX_ERRNOS: usize = 3;

/// Most characters of a string that are shown.
const MAX_SHOWN: usize = 40;

/// What may stand at a place.
pub(super) fn expected(schema: &Schema) -> String {
    let leaves = leaves(schema);
    let mut all: Vec<String> = Vec::new();
    let mut add = |what: String| {
        if !all.contains(&what) {
            all.push(what);
        }
    };
    if leaves.iter().any(|leaf| leaf.is("string")) {
        match words_of(schema) {
            Some(words) => strings(&words).into_iter().for_each(&mut add),
            None => add(String::from("a string")),
        }
    }
    for leaf in leaves.iter().filter(|leaf| !leaf.is("string")) {
        add(form(*leaf, leaves.len()));
    }
    match all.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::from("nothing"),
    }
}

/// Words that can stand there, named as far as they are few; more of Linux's errors by what they are.
fn strings(words: &[&str]) -> Vec<String> {
    let is_errno = |word: &&&str| ibmvmc::Errno::ALL.iter().any(|errno| errno.name() == **word);
    let (errnos, words): (Vec<&&str>, Vec<&&str>) = words.iter().partition(is_errno);
    let named = |words: &[&&str]| words.iter().map(|word| format!("\"{word}\"")).collect();
    let mut all: Vec<_> = match words.len() {
        0..=MAX_WORDS => named(&words),
        many => vec![format!("one of {many} names")],
    };
    all.extend(match errnos.len() {
        0..=MAX_ERRNOS => named(&errnos),
        _ => vec![String::from("the name of an errno")],
    });
    all
}

fn form(leaf: Leaf<'_>, forms: usize) -> String {
    match leaf.0["type"].as_str() {
        Some("integer") => match leaf.bounds() {
            Some((least, most)) => format!("a number from {least} to {most}"),
            None => String::from("a number"),
        },
        Some("boolean") => String::from("true or false"),
        Some("array") => match leaf.element(0).map(leaves) {
            Some(items) if items.iter().any(|item| item.is_table()) => {
                String::from("an array of tables")
            }
            Some(items) if items.iter().any(|item| item.is("string")) => {
                String::from("an array of strings")
            }
            _ => String::from("an array"),
        },
        _ if leaf.is_variant(forms) => String::from("a table with one key"),
        _ => String::from("a table"),
    }
}

/// What stands there.
pub(super) fn got(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.chars().count() > MAX_SHOWN => {
            let shown: String = text.chars().take(MAX_SHOWN).collect();
            format!("{:?}", shown + "…")
        }
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(date) => format!("the date {date}"),
        DeValue::Array(elements) if elements.iter().any(|element| element.get_ref().is_table()) => {
            String::from("an array of tables")
        }
        DeValue::Array(_) => String::from("an array"),
        DeValue::Table(_) => String::from("a table"),
    }
}
