//! The schema of scenario files accepts what is meant, and refuses what no scenario can have.

use crate::{Scenario, schema};
use jsonschema::Validator;
use serde_json::Value;
use std::path::Path;
use std::sync::LazyLock;

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    jsonschema::draft7::meta::validate(&schema).unwrap();
    jsonschema::draft7::new(&schema).unwrap()
});

/// What the schema has against a scenario.
pub(crate) fn objections(text: &str) -> Vec<String> {
    let value: Value = toml::from_str(text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    VALIDATOR.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

fn accepted(text: &str) {
    assert_eq!(objections(text), [""; 0], "\n{text}");
}

fn refused(text: &str) {
    assert_ne!(objections(text), [""; 0], "\n{text}");
}

fn check_folder(folder: &Path) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let has_scenarios = !path.ends_with("inventories");
            files += if has_scenarios { check_folder(&path) } else { 0 };
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            files += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(objections(&text), [""; 0], "{}", path.display());
        }
    }
    files
}

#[test]
fn every_scenario_of_the_workspace_is_accepted() {
    let files = check_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios"));
    assert!(files >= 100, "only {files} scenarios");
}

/// A scenario with one more step.
fn step(step: &str) -> String {
    format!(
        "title = \"t\"\n[[app]]\nsteps = [ {{ open = {{}} }}, {{ set-hmc-id = \"H\" }}, {step} ]\n"
    )
}

fn both_accept(text: &str) {
    accepted(text);
    Scenario::parse("t.toml", text).unwrap_or_else(|e| panic!("{e}\n{text}"));
}

fn both_refuse(text: &str) {
    refused(text);
    assert!(Scenario::parse("t.toml", text).is_err(), "{text}");
}

#[test]
fn a_title_is_all_that_a_scenario_must_have() {
    both_accept("title = \"t\"");
    both_refuse("");
    both_refuse("description = \"d\"");
}

#[test]
fn keys_that_do_not_exist_are_refused() {
    both_refuse("title = \"t\"\nmachines = 1");
    both_refuse("title = \"t\"\nmachine.hypervisor.poolsize = 1");
    both_refuse(&step("{ open = { non-block = true } }"));
    both_refuse(&step("{ opens = {} }"));
}

#[test]
fn a_step_has_one_key() {
    both_refuse(&step("{ query = {}, close = {} }"));
    both_refuse(&step("{}"));
}

#[test]
fn numbers_have_the_bounds_that_the_checks_have() {
    let machine = |key: &str, value: i64| format!("title = \"t\"\nmachine.{key} = {value}");
    for (key, least, most) in [
        ("hmcs", 1, 255),
        ("pool-size", 1, 64),
        ("mtu", 32, 16384),
        ("crq-pages", 1, 16),
        ("hypervisor.hmcs", 0, 255),
        ("hypervisor.pool-size", 0, 64),
        ("hypervisor.mtu", 0, 65536),
    ] {
        both_accept(&machine(key, least));
        both_accept(&machine(key, most));
        both_refuse(&machine(key, least - 1));
        both_refuse(&machine(key, most + 1));
    }
    both_accept(&step("{ sleep-ms = 86400000 }"));
    both_refuse(&step("{ sleep-ms = 86400001 }"));
    both_accept(&step("{ repeat = { times = 10000, steps = [] } }"));
    both_refuse(&step("{ repeat = { times = 10001, steps = [] } }"));
    both_accept(&step("{ write = { bytes = 1048576 } }"));
    both_refuse(&step("{ write = { bytes = 1048577 } }"));
}

#[test]
fn a_short_spelling_is_one_of_the_words_that_are_known() {
    both_accept(&step("{ wait = \"seeded\" }"));
    both_refuse(&step("{ wait = \"sown\" }"));
    both_accept(&step("{ read = { expect = \"EBADFD\" } }"));
    both_refuse(&step("{ read = { expect = \"EBADF\" } }"));
    both_refuse(&step("{ read = { expect = \"ok\" } }"));
    both_accept(&step("{ open = { expect = \"EBUSY\" } }"));
    both_refuse(&step("{ open = { expect = \"echo\" } }"));
    both_accept("title = \"t\"\nquirks = [\"H14\"]");
    both_refuse("title = \"t\"\nquirks = [\"H00\"]");
    both_accept("title = \"t\"\nmachine.liberties = [\"early-use\"]");
    both_refuse("title = \"t\"\nmachine.liberties = [\"late-use\"]");
}

#[test]
fn texts_have_their_form() {
    for (version, both) in [
        ("0.0", both_accept as fn(&str)),
        ("255.255", both_accept),
        ("256.0", both_refuse),
        ("1", both_refuse),
        ("1.1.1", both_refuse),
    ] {
        both(&format!("title = \"t\"\nmachine.version = \"{version}\""));
    }
    let id = |bytes: usize| step(&format!("{{ set-hmc-id = \"{}\" }}", "x".repeat(bytes)));
    both_accept(&id(32));
    both_refuse(&id(33));
    both_refuse("title = \"t\"\n[[app]]\nname = \"A\"\nsteps = []");
}

fn rule(when: &str, act: &str) -> String {
    format!("title = \"t\"\n[[fault]]\nname = \"f\"\nwhen = {when}\ndo = {act}\n")
}

#[test]
fn a_rule_waits_for_one_kind_of_occasion() {
    let crash = "{ crash = \"mgmt\" }";
    both_accept(&rule("{ time-ms = 1 }", crash));
    both_refuse(&rule("{ time-ms = 1, allocation = true }", crash));
    both_refuse(&rule("{ nth = 2 }", crash));
    both_accept(&rule("{ channel = \"ready\" }", crash));
    both_refuse(&rule("{ channel = \"open\" }", crash));
    both_accept(&rule("{ allocation = true, times = \"always\" }", crash));
    both_refuse(&rule("{ allocation = true, times = \"often\" }", crash));
    both_refuse(&rule("{ allocation = true, times = 0 }", crash));
}

#[test]
fn what_a_rule_does_is_a_word_or_a_table_with_one_key() {
    let sent = "{ message = \"signal\", by = \"mgmt\" }";
    both_accept(&rule(sent, "\"drop\""));
    both_refuse(&rule(sent, "\"crash\""));
    both_accept(&rule(sent, "{ delay-ms = 5 }"));
    both_refuse(&rule(sent, "{ delay-ms = 5, crash = \"mgmt\" }"));
    both_accept(&rule(sent, "{ answer = \"H_Busy\" }"));
    both_refuse(&rule(sent, "{ answer = \"H_Lazy\" }"));
    both_accept(&rule(sent, "{ corrupt = { bytes = [[15, 255]] } }"));
    both_refuse(&rule(sent, "{ corrupt = { bytes = [[16, 255]] } }"));
    both_refuse(&rule(sent, "{ corrupt = { bytes = [[15]] } }"));
    both_refuse(&rule(sent, "{ send = {} }"));
    both_refuse(&rule(sent, "{ send = { raw = \"80\" } }"));
}

#[test]
fn every_key_and_every_word_says_what_it_is() {
    fn walk(value: &Value, place: &str) {
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            for (key, property) in properties {
                assert!(property.get("description").is_some(), "{place}.{key}: {property}");
            }
        }
        if value.get("const").is_some_and(|word| word != "always") {
            assert!(value.get("description").is_some(), "{place}: {value}");
        }
        match value {
            Value::Object(map) => {
                map.iter().for_each(|(key, v)| walk(v, &format!("{place}/{key}")))
            }
            Value::Array(all) => all.iter().for_each(|value| walk(value, place)),
            _ => {}
        }
    }
    walk(&serde_json::from_str(&schema()).unwrap(), "");
}

#[test]
fn nothing_may_be_null_and_every_number_has_bounds() {
    fn walk(value: &Value) {
        assert_ne!(value, &Value::Null);
        assert_ne!(value, "null");
        if value.get("type").is_some_and(|name| name == "integer") {
            assert!(value.get("minimum").and(value.get("maximum")).is_some(), "{value}");
        }
        match value {
            Value::Object(map) => map.values().for_each(walk),
            Value::Array(all) => all.iter().for_each(walk),
            _ => {}
        }
    }
    walk(&serde_json::from_str(&schema()).unwrap());
}
