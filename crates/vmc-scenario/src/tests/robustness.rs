//! No text, however broken, makes the reader of scenarios panic.

use crate::Scenario;
use proptest::prelude::*;

/// A scenario with every kind of step.
const VALID: &str = r#"
title = "Everything"
tags = ["large"]
[machine]
profile = "document"
hmcs = 3
pool-size = 4
mtu = 4096
crq-pages = 2
version = "1.1"
start = "manual"
behaviour = "echo"
[machine.hypervisor]
hmcs = 2
session-buffers = 4
inbound-buffers = 2
[[app]]
name = "a"
count = 2
start = "boot"
steps = [
  { start = "driver" }, { start = "hypervisor" }, { wait = "channel-ready" },
  { open = { file = "vmc", nonblock = true } },
  { set-hmc-id = { id = "HMC-{n}", expect = "ok" } },
  { repeat = { times = 2, steps = [
    { write = { bytes = 10, pattern = "random" } }, { read = { expect = "echo" } },
  ] } },
  { write = { pattern = { text = "é" } } },
  { read = { bytes = 1, expect = { bytes = 1, pattern = "zeros" } } },
  { poll = { expect = "nothing", wait = false } },
  { query = { expect = "ready", have-vmc = true } },
  { request-vmc = { expect = "ENODEV" } },
  { post = "x" }, { await = "x" }, { interrupt = "a" }, { sleep-ms = 1 },
  { pause = "hypervisor" }, { resume = "hypervisor" }, { attach-hmc = false }, { stop = "driver" },
  { close = {} },
]
[expect]
channel = "ready"
"#;

/// Pieces that a scenario is made of, to be put in wrong places.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\"\"\"",
    "=",
    ",",
    "\n",
    "#",
    "-",
    "\u{0}",
    "é",
    "1e9",
    "nan",
    "true",
    "9223372036854775807",
    "-9223372036854775808",
    "99999999999999999999",
    "title",
    "[[app]]",
    "[machine]",
    "steps = []",
    "{ open = {} }",
    "{ repeat = { times = 10000, steps = [] } }",
    "count = 512",
    "bytes = 1048576",
    "\"echo\"",
];

/// An edit: at this share of the text, remove so many characters and put this in.
fn edit() -> impl Strategy<Value = (f64, usize, &'static str)> {
    (0.0..1.0, 0..12usize, proptest::sample::select(PIECES))
}

fn edited(edits: &[(f64, usize, &str)]) -> String {
    let mut text: Vec<char> = VALID.chars().collect();
    for (at, removed, put_in) in edits {
        let at = (at * text.len() as f64) as usize;
        let end = (at + removed).min(text.len());
        text.splice(at..end, put_in.chars());
    }
    text.into_iter().collect()
}

/// An error must be printable in both forms, and point into the text.
fn read(text: &str) {
    if let Err(error) = Scenario::parse("any.toml", text) {
        assert!(error.line() >= 1 && error.line() <= text.matches('\n').count() + 1, "{error}");
        assert!(!format!("{error}\n{:?}", miette::Report::new(error.clone())).is_empty());
    }
}

#[test]
fn the_scenario_that_is_mutilated_is_valid() {
    Scenario::parse("valid.toml", VALID).unwrap();
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        read(&text);
    }

    #[test]
    fn a_mutilated_scenario_is_read_or_refused(edits in proptest::collection::vec(edit(), 1..6)) {
        read(&edited(&edits));
    }
}
