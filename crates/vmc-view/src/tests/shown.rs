//! What the page and the picture show of some runs, whole: each event with its lanes, its words, what it was caused by, and what
//! changed with it. The order is that of the run first come, first served.

use super::run;
use serde_json::Value;
use std::fmt::Write;
use vmc_trace_file::Run;

/// The events from the one on with which the driver's channel gets ready; those before are a boot like any other.
fn shown(run: &Run) -> String {
    let packed = serde_json::to_value(crate::pack::packed(run)).expect("JSON");
    let data =
        serde_json::to_value(crate::model::data(Vec::new(), run.machine.profile)).expect("JSON");
    let events = packed["events"].as_array().expect("events");
    let word = |at: &Value| -> String {
        let place = usize::try_from(at.as_i64().expect("a number")).ok();
        place
            .map_or_else(String::new, |at| packed["strings"][at].as_str().expect("text").to_owned())
    };
    let is_ready = |event: &&Value| word(&event[5]) == "channel: ready";
    let first = events.iter().position(|event| is_ready(&event)).unwrap_or(0);
    let mut lines = String::new();
    for event in &events[first..] {
        let kind = &data["kinds"][event[3].as_u64().expect("a number") as usize]["id"];
        let mut line = format!(
            "{} {} {}>{} {}",
            event[0],
            kind.as_str().expect("text"),
            event[4][0],
            event[4][1],
            word(&event[5])
        );
        let mut add = |mark: &str, words: String| {
            if !words.is_empty() {
                let _ = write!(line, " {mark}{words}");
            }
        };
        add("| ", word(&event[6]));
        add("of ", word(&event[8]));
        add("raw ", word(&event[7]));
        let causes = event[12].as_array().expect("causes").iter();
        let causes: Vec<String> = causes
            .map(|at| events[at.as_u64().expect("a place") as usize][0].to_string())
            .collect();
        add("<- ", causes.join(", "));
        lines += &line;
        let changes: Vec<String> =
            event[13].as_array().expect("changes").iter().map(&word).collect();
        for change in changes.chunks(2) {
            let _ = write!(lines, "\n      {}", change.join(": "));
        }
        lines.push('\n');
    }
    lines
}

fn is_as_written(name: &str) {
    let run = run(name);
    let name = name.replace('/', "-");
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(format!("{name}-page"), shown(&run));
        let title = run.about.title.as_deref().unwrap_or_default();
        insta::assert_snapshot!(format!("{name}-svg"), crate::svg(title, &run.trace));
    });
}

#[test]
fn an_exhaustion() {
    is_as_written("buffers/unread-echoes");
}

#[test]
fn a_crash() {
    is_as_written("crash/hyp-reader-asleep");
}

#[test]
fn a_message_that_must_not_be() {
    is_as_written("hazards/h22-bad-signal");
}
