//! Each key is given each wrong type: what is said names the key, what was got and what to write, and that fits.

use super::*;
use crate::Scenario;
use crate::file::ScenarioForm;
use proptest::prelude::*;
use std::collections::BTreeSet;
use toml::{Table, Value};

/// Stands in a document where a value is to be put.
const MARK: &str = "@@";

/// Values of each type that TOML has, each with how a message calls it.
const VALUES: &[(&str, &str)] = &[
    ("\"zzzz\"", "\"zzzz\""),
    ("\"\"", "\"\""),
    ("\"4k\"", "\"4k\""),
    ("7", "7"),
    ("-16", "-16"),
    ("99999999999999999999", "99999999999999999999"),
    ("-99999999999999999999", "-99999999999999999999"),
    ("4096.0", "4096.0"),
    ("nan", "nan"),
    ("-1.5e300", "-1.5e300"),
    ("true", "true"),
    ("1979-05-27", "the date 1979-05-27"),
    ("07:32:00", "the date 07:32:00"),
    ("[]", "an array"),
    ("[1]", "an array"),
    ("[\"open\", 2]", "an array"),
    ("[{}]", "an array of tables"),
    ("{}", "a table"),
    ("{ zzzz = 1 }", "a table"),
    ("{ zzzz = 1, yyyy = 2 }", "a table"),
];

/// What the parsers say, in their terms.
const PHRASES: &[&str] = &[
    "invalid type",
    "invalid value",
    "invalid length",
    "i64",
    "u64",
    "variant",
    "newtype",
    "sequence",
    "map",
    "struct",
    "tuple",
    "unknown field",
    "missing field",
    "did not match",
    "untagged",
    "integer `",
    "string \"",
    "floating point",
];

/// Every place of a scenario, each with what can stand there; a form that contains itself, once.
fn places(at: &At, schema: &Schema, above: &[&str], all: &mut Vec<(At, Schema)>) {
    if let Some(name) = schema["$ref"].as_str() {
        if above.contains(&name) {
            return;
        }
        let inner = leaves_of_ref(name);
        return places(at, &inner, &[above, &[name]].concat(), all);
    }
    if let Some(only) = schema["allOf"].get(0) {
        return places(at, only, above, all);
    }
    if !at.0.is_empty() && !all.iter().any(|(known, _)| known == at) {
        all.push((at.clone(), schema.clone()));
    }
    for forms in ["oneOf", "anyOf"].iter().filter_map(|key| schema[key].as_array()).flatten() {
        if forms.get("type").is_some()
            || forms.get("$ref").is_some()
            || forms.get("allOf").is_some()
        {
            places(at, forms, above, all);
        }
    }
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        places(&at.key(key), inner, above, all);
    }
    let elements = match &schema["items"] {
        Schema::Array(items) => items.clone(),
        Schema::Null => Vec::new(),
        items => vec![items.clone()],
    };
    for (n, inner) in elements.iter().enumerate() {
        places(&at.element(n), inner, above, all);
    }
}

fn leaves_of_ref(name: &str) -> Schema {
    root(Kind::Scenario).pointer(name.trim_start_matches('#')).cloned().expect("a definition")
}

fn all_places() -> Vec<(At, Schema)> {
    let mut all = Vec::new();
    places(&At::default(), root(Kind::Scenario), &[], &mut all);
    all
}

/// A value with the mark at a place below it, and around it what else must be there.
fn around(schema: &Schema, below: &[Segment]) -> Value {
    let Some((first, rest)) = below.split_first() else { return MARK.into() };
    match first {
        Segment::Key(key) => {
            let leaves = leaves(schema);
            let leaf = leaves.iter().find(|leaf| leaf.property(key).is_some()).expect("the key");
            let inner = around(leaf.property(key).expect("the key"), rest);
            let mut table = match suggest::example(leaf.0) {
                Value::Table(table) => table,
                _ => Table::new(),
            };
            table.insert(key.clone(), inner);
            Value::Table(table)
        }
        Segment::Element(n) => {
            let leaves = leaves(schema);
            let leaf = leaves.iter().find(|leaf| leaf.is("array")).expect("an array");
            let mut elements: Vec<_> = (0..leaf.length().unwrap_or(*n + 1))
                .map(|n| suggest::example(leaf.element(n).expect("n")))
                .collect();
            elements[*n] = around(leaf.element(*n).expect("n"), rest);
            elements.into()
        }
    }
}

/// The text of a scenario with this at the place.
fn text_with(at: &At, value: &str) -> String {
    let document = around(root(Kind::Scenario), &at.0);
    let text = toml::to_string(&document).expect("TOML");
    assert!(text.contains(MARK), "{text}");
    text.replacen(&format!("\"{MARK}\""), value, 1)
}

fn form(text: &str) -> Result<ScenarioForm, toml::de::Error> {
    toml::from_str(text)
}

/// Asserts that the text is told in the terms of scenarios; the message with its remedy.
#[track_caller]
fn told(text: &str) -> String {
    let error = Scenario::parse("t.toml", text).expect_err("a mistake").to_string();
    let phrase = PHRASES.iter().find(|phrase| error.contains(**phrase));
    assert_eq!(phrase, None, "{error}\n{text}");
    assert!(!error.contains("this is not TOML"), "{error}\n{text}");
    error
}

#[test]
fn each_key_given_each_wrong_type_is_told_in_the_terms_of_scenarios() {
    let places = all_places();
    assert!(places.len() > 150, "{}", places.len());
    let mut refused = BTreeSet::new();
    for (at, _) in &places {
        for (value, got) in VALUES {
            let text = text_with(at, value);
            if form(&text).is_ok() {
                continue;
            }
            refused.insert(at.name());
            let error = told(&text);
            let mistake = mistake(&text, Kind::Scenario).expect("a mistake");
            let here = mistake.instead.as_ref().is_none_or(|(place, _)| place == at);
            if here {
                let (key, _) = at.last_key().expect("a key");
                let named = error.contains(key) || error.contains("step");
                assert!(named, "{error}\n{text}");
                let is_shown = error.contains(got) || value.starts_with(['{', '[']);
                assert!(is_shown, "{got}: {error}\n{text}");
            }
            // What is to be written is taken.
            if let Some((place, instead)) = &mistake.instead
                && place == at
            {
                let mended = text_with(at, &instead.to_string());
                assert!(form(&mended).is_ok(), "{error}\n{mended}\n{:?}", form(&mended).err());
                assert!(
                    mistake.remedy.contains("write") || mistake.remedy.contains("use one of"),
                    "{error}"
                );
            }
        }
    }
    assert!(refused.len() > 80, "{refused:?}");
}

#[test]
fn each_table_is_told_of_a_key_that_it_does_not_have_and_of_one_that_it_needs() {
    for (at, schema) in all_places() {
        // The fields of an HMC command are the operation's: their table takes any key here.
        let is_closed = |leaf: &Leaf<'_>| leaf.0.get("additionalProperties") != Some(&true.into());
        let tables = leaves(&schema).into_iter().filter(|leaf| leaf.is_table() && is_closed(leaf));
        for leaf in tables {
            let Value::Table(example) = suggest::example(leaf.0) else { panic!("no table") };
            let mut more = example.clone();
            more.insert(String::from("zzzz"), 1.into());
            let error = told(&text_with(&at, &Value::Table(more).to_string()));
            assert!(error.contains("zzzz"), "{error}");
            for key in leaf.required() {
                let mut less = example.clone();
                less.remove(key);
                let text = text_with(&at, &Value::Table(less).to_string());
                let error = told(&text);
                let is_variant = leaf.is_variant(leaves(&schema).len());
                assert!(is_variant || error.contains(&format!("needs the key `{key}`")), "{error}");
            }
        }
    }
}

proptest! {
    #[test]
    fn two_wrong_values_are_told_as_well_as_one(
        places in proptest::collection::vec(proptest::sample::select(all_places()), 1..3),
        values in proptest::collection::vec(proptest::sample::select(VALUES), 2),
    ) {
        for ((at, _), (value, _)) in places.iter().zip(values) {
            let text = text_with(at, value);
            if form(&text).is_err() {
                told(&text);
            }
        }
    }
}

/// What is said of a text, without its place.
fn says(text: &str) -> String {
    let error = Scenario::parse("t.toml", text).expect_err("a mistake");
    format!("{}: {}; {}", error.line(), error.message(), error.remedy())
}

fn of_machine(line: &str) -> String {
    says(&format!("title = \"x\"\n[machine]\n{line}\n"))
}

fn of_step(step: &str) -> String {
    says(&format!("title = \"x\"\n[[app]]\nsteps = [{step}]\n"))
}

#[test]
fn what_people_write_is_answered_with_what_they_meant() {
    assert_eq!(
        says("title = \"x\"\n[app]\nsteps = [{ open = {} }]\n"),
        "2: `app`: expected an array of tables, got a table; write `[[app]]`, and its keys below"
    );
    assert_eq!(
        says("title = \"x\"\n[[machine]]\nmtu = 64\n"),
        "2: `machine`: expected a table, got an array of tables; write `[machine]`, and its keys below"
    );
    assert_eq!(
        of_machine("mtu = 4096.0"),
        "3: `mtu`: expected a number from 32 to 16384, got 4096.0; write `mtu = 4096`"
    );
    assert_eq!(
        of_machine("hmcs = \"2\""),
        "3: `hmcs`: expected a number from 1 to 255, got \"2\"; write `hmcs = 2`"
    );
    assert_eq!(
        of_machine("mtu = \"4k\""),
        "3: `mtu`: expected a number from 32 to 16384, got \"4k\"; write `mtu = 4096`"
    );
    assert_eq!(
        of_machine("mtu = \"16 MiB\""),
        "3: `mtu`: expected a number from 32 to 16384, got \"16 MiB\"; write `mtu = 16384`"
    );
    assert_eq!(
        of_machine("version = 1.1"),
        "3: `version`: expected a string, got 1.1; write `version = \"1.1\"`"
    );
    assert_eq!(
        of_machine("hmc-attached = \"yes\""),
        "3: `hmc-attached`: expected true or false, got \"yes\"; write `hmc-attached = true`"
    );
    assert_eq!(
        of_machine("pool_size = 2"),
        "3: `machine` has no key `pool_size`; did you mean `pool-size`?"
    );
    assert_eq!(
        says("title = \"x\"\nhmcs = 2\n"),
        "2: a scenario has no key `hmcs`; write it below `[machine]`"
    );
    assert_eq!(
        of_step("{ sleep-ms = 99999999999999999999 }"),
        "3: sleep-ms is 0 to 86400000, not 99999999999999999999; write a number from 0 to 86400000"
    );
    assert_eq!(
        of_step("{ sleep-ms = \"2s\" }"),
        "3: `sleep-ms`: expected a number from 0 to 86400000, got \"2s\"; write `sleep-ms = 2000`"
    );
    assert_eq!(
        of_step("\"open\", \"close\""),
        "3: a step: expected a table with one key, got \"open\"; write `{ open = {} }`"
    );
    assert_eq!(
        of_step("{ open = {}, close = {} }"),
        "3: a step: expected a table with one key, got 2: `close`, `open`; write a table for each: \
         `{ close = {} }`, `{ open = {} }`"
    );
    assert_eq!(
        of_step("{ write = 100 }"),
        "3: `write`: expected a table, got 100; write `write = { bytes = 100 }`"
    );
    assert_eq!(
        of_step("{ read = \"echo\" }"),
        "3: `read`: expected a table, got \"echo\"; write `read = { expect = \"echo\" }`"
    );
}

#[test]
fn an_errno_is_understood_by_number_with_a_sign_and_from_inside_of_linux() {
    let expects = |value: &str| of_step(&format!("{{ open = {{ expect = {value} }} }}"));
    let place = "3: `expect`: expected \"ok\", \"any\" or the name of an errno, got";
    assert_eq!(
        expects("-16"),
        format!(
            "{place} -16; errors are named, and without a sign: -16 is `EBUSY`; write `expect = \"EBUSY\"`"
        )
    );
    assert_eq!(
        expects("\"-EBUSY\""),
        format!(
            "{place} \"-EBUSY\"; errors are named, and without a sign: -EBUSY is `EBUSY`; write `expect = \"EBUSY\"`"
        )
    );
    assert_eq!(
        expects("\"ERESTARTSYS\""),
        format!(
            "{place} \"ERESTARTSYS\"; `ERESTARTSYS` stays inside of Linux: the application sees `EINTR`; write \
             `expect = \"EINTR\"`"
        )
    );
    assert_eq!(expects("\"EBUSSY\""), format!("{place} \"EBUSSY\"; write `expect = \"EBUSY\"`"));
    assert!(
        expects("\"ENOENT\"")
            .starts_with(&format!("{place} \"ENOENT\"; use one of `ok`, `any`, `EPERM`"))
    );
}

#[test]
fn what_a_rule_does_is_told_like_a_step() {
    let does = |act: &str| says(&format!("title = \"x\"\n[[fault]]\nname = \"f\"\ndo = {act}\n"));
    assert_eq!(
        does("\"crash\""),
        "4: `do`: expected \"kexec\", \"drop\", \"duplicate\", \"reorder\", \"fail-allocation\" or a table with one key, got \
         \"crash\"; write `do = { crash = \"mgmt\" }`"
    );
    assert_eq!(does("{ drop = true }"), "4: `do` has no key `drop`; write `do = \"drop\"`");
    assert_eq!(
        says("title = \"x\"\n[[fault]]\ndo = \"drop\"\n"),
        "2: `[[fault]]` needs the key `name`; write `name = \"…\"`"
    );
}
