//! Failures say what caused them and what to do about it in their very case.

use crate::simulation::{Options, Problem, Report, RuntimeKind, simulate};
use vmc_scenario::Scenario;

fn run_on(runtime: RuntimeKind, text: &str) -> Report {
    let scenario = Scenario::parse("t.toml", text).expect("a scenario");
    simulate(&scenario, &Options { runtime, ..Options::default() }).expect("a machine")
}

fn run(text: &str) -> Report {
    run_on(RuntimeKind::Deterministic, text)
}

/// An application that does this, with more tables after it.
fn app(steps: &str, more: &str) -> String {
    format!("title = \"t\"\n[[app]]\nname = \"a\"\nsteps = [\n{steps}\n]\n{more}")
}

const SESSION: &str = "{ open = {} }, { set-hmc-id = \"A\" }, { wait = \"session-ready\" }";

#[track_caller]
fn stuck(text: &str) -> String {
    let report = run(text);
    let stuck = report.problems.iter().find_map(|problem| match problem {
        Problem::Stuck(error) => Some(error.to_string()),
        _ => None,
    });
    stuck.unwrap_or_else(|| panic!("{:?}", report.problems))
}

#[track_caller]
fn remedy(text: &str) -> String {
    let report = run(text);
    match &report.problems[..] {
        [Problem::Unmet { error, .. }, ..] => error.remedy().to_owned(),
        other => panic!("{other:?}"),
    }
}

/// The number of the event that is named after the words.
fn event_after(text: &str, words: &str) -> u64 {
    let (_, rest) = text.split_once(words).unwrap_or_else(|| panic!("`{words}` is not in: {text}"));
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("no number: {text}"))
}

#[test]
fn a_wait_for_a_message_says_how_and_when_the_session_ended() {
    let fault = "[[fault]]\nname = \"gone\"\ndo = { crash = \"hyp\" }\n";
    let text = app(
        &format!(
            "{SESSION}, {{ fault = \"gone\" }}, {{ sleep-ms = 1 }},\n{{ wait = \"readable\" }}"
        ),
        fault,
    );
    let error = stuck(&text);
    let ended = event_after(&error, "its session ended at event ");
    let fired = event_after(&error, "after fault `gone` (event ");
    let report = run(&text);
    let event = |seq: u64| report.trace.records()[usize::try_from(seq).unwrap()].event.to_string();
    assert!(event(ended).ends_with(" ended"), "{}", event(ended));
    assert!(event(fired).starts_with("fault \"gone\""), "{}", event(fired));
    assert!(error.contains("have a new file opened"), "{error}");
}

#[test]
fn a_wait_says_that_the_hypervisors_side_is_away_and_since_when() {
    let error = stuck(&app(
        "{ stop = \"hypervisor\" }, { wait = \"hypervisor-stopped\" },\n{ wait = \"channel-ready\" }, { wait = \"seeded\" },\n{ wait = \"hypervisor-waiting\" }",
        "",
    ));
    let since = event_after(&error, "the hypervisor's side is stopped since event ");
    assert!(since > 0 && error.contains("have a step start or resume"), "{error}");
    let error = stuck(&app(
        "{ open = {} }, { pause = \"hypervisor\" },\n{ set-hmc-id = \"A\" }, { wait = \"session-ready\" }",
        "",
    ));
    event_after(&error, "the hypervisor's side is paused since event ");
    assert!(error.contains("its session is opening since event "), "{error}");
}

#[test]
fn a_lost_answer_is_told_with_the_fault_that_lost_it() {
    let fault = "[[fault]]\nname = \"lost\"\nwhen = { message = \"interface-open-response\" }\ndo = \"drop\"\n";
    let error = stuck(&app(SESSION, fault));
    event_after(&error, "its session is opening since event ");
    let at = event_after(&error, "fault `lost` befell it at event ");
    assert!(at > 0 && error.contains(": the message is lost"), "{error}");
}

#[test]
fn a_wait_for_a_flag_says_what_became_of_its_poster() {
    let other =
        "[[app]]\nname = \"b\"\nsteps = [{ open = { expect = \"EIO\" } }, { post = \"go\" }]\n";
    let error = stuck(&app("{ await = \"go\" }", other));
    let why = "application `b` would post it, and stopped at an expectation that was not met";
    assert!(error.contains(why), "{error}");
}

/// Two sessions, one after the other, and a rule about their open response.
fn two_sessions(when: &str, last: &str) -> String {
    app(
        &format!(
            "{SESSION}, {{ close = {{}} }},\n{{ sleep-ms = 5 }}, {{ open = {{ file = \"b\" }} }}, \
                  {{ set-hmc-id = {{ id = \"B\", file = \"b\" }} }}, {last}"
        ),
        &format!(
            "[[fault]]\nname = \"late\"\nwhen = {{ message = \"interface-open-response\"{when} }}\ndo = {{ delay-ms = 2 }}\n"
        ),
    )
}

#[test]
fn a_rule_that_fires_again_in_the_next_session_is_told() {
    let failing = "{ wait = { state = \"session-ready\", file = \"b\" } }, { write = { file = \"b\", bytes = 1, expect = \"EIO\" } }";
    let report = run(&two_sessions("", failing));
    let [note] = &report.notes[..] else { panic!("{:?}", report.notes) };
    assert!(note.starts_with("fault `late` fired 2 times, at events "), "{note}");
    assert!(note.contains("add `nth-session = 1` to its `when`"), "{note}");
    // Told how often, or meant for one session, a rule that fires again is expected; in a run that passed it needs no word.
    assert!(run(&two_sessions(", nth-session = 1", failing)).notes.is_empty());
    assert!(run(&two_sessions(", times = 2", failing)).notes.is_empty());
    let passes = run(&two_sessions("", "{ sleep-ms = 5 }"));
    assert!(passes.passed() && passes.notes.is_empty(), "{:?}", passes.problems);
}

#[test]
fn a_rule_that_means_one_session_fires_in_that_one() {
    let fired = |runtime, when: &str| {
        let report = run_on(runtime, &two_sessions(when, "{ sleep-ms = 5 }"));
        assert!(report.passed(), "{:?}", report.problems);
        let text = report.trace.raw_text();
        let fault = |line: &&str| line.contains("fault \"late\"");
        let of = |session: &str| {
            text.lines().filter(fault).filter(|line| line.ends_with(session)).count()
        };
        (of("(0/1)"), of("(0/2)"))
    };
    for runtime in [RuntimeKind::Deterministic, RuntimeKind::Threads] {
        assert_eq!(fired(runtime, ", nth-session = 1"), (1, 0));
        assert_eq!(fired(runtime, ", nth-session = 2"), (0, 1));
        assert_eq!(fired(runtime, ""), (1, 1));
    }
    let report = run(&two_sessions(", nth-session = 3", "{ sleep-ms = 5 }"));
    assert!(matches!(&report.problems[..], [Problem::Unfired(_)]), "{:?}", report.problems);
}

#[test]
fn a_step_that_comes_too_early_is_told_what_to_wait_for() {
    let write = "{ open = {} }, { pause = \"hypervisor\" }, { set-hmc-id = \"A\" },\n{ write = { bytes = 1 } }";
    assert_eq!(remedy(&app(write, "")), "add { wait = \"session-ready\" } before this step");
    let named = "{ open = { file = \"x\" } }, { pause = \"hypervisor\" }, { set-hmc-id = { id = \"A\", file = \"x\" } },\n\
                 { write = { bytes = 1, file = \"x\" } }";
    assert_eq!(
        remedy(&app(named, "")),
        "add { wait = { state = \"session-ready\", file = \"x\" } } before this step"
    );
    let read = "{ open = { nonblock = true } }, { set-hmc-id = \"A\" }, { wait = \"session-ready\" },\n\
                { read = { expect = { bytes = 1 } } }";
    assert_eq!(remedy(&app(read, "")), "add { wait = \"readable\" } before this step");
    let poll = format!("{SESSION}, {{ poll = {{ expect = \"readable\" }} }}");
    assert_eq!(remedy(&app(&poll, "")), "add { wait = \"readable\" } before this step");
    let without = "{ open = {} },\n{ write = { bytes = 1 } }";
    assert_eq!(
        remedy(&app(without, "")),
        "add { set-hmc-id = \"…\" } and { wait = \"session-ready\" } before this step"
    );
    let early = "title = \"t\"\n[[app]]\nstart = \"boot\"\nsteps = [{ wait = \"driver-started\" }, { open = {} }]\n";
    assert_eq!(remedy(early), "add { wait = \"channel-ready\" } before this step");
}

#[test]
fn a_session_that_is_over_is_told_with_its_end() {
    let fault = "[[fault]]\nname = \"gone\"\ndo = { crash = \"hyp\" }\n";
    let text = app(
        &format!(
            "{SESSION}, {{ fault = \"gone\" }}, {{ sleep-ms = 1 }},\n{{ write = {{ bytes = 1 }} }}"
        ),
        fault,
    );
    let remedy = remedy(&text);
    assert!(remedy.starts_with("its session ended at event "), "{remedy}");
    assert!(
        remedy.contains("after fault `gone`") && remedy.contains("or open a new file"),
        "{remedy}"
    );
}

#[test]
fn a_channel_that_only_counted_as_ready_is_told_with_what_ended_it() {
    let fault = "[[fault]]\nname = \"gone\"\ndo = { stop = \"hyp\" }\n";
    let steps = "{ open = { file = \"x\" } }, { wait = \"channel-ready\" }, { fault = \"gone\" }, \
                 { wait = \"channel-ready\" }, { sleep-ms = 1 },\n\
                 { set-hmc-id = { id = \"A\", file = \"x\" } }";
    let remedy = remedy(&app(steps, fault));
    let waits = "add { wait = \"channel-ready\" } before this step, and { wait = \"channel-down\" } before that: the \
                 channel was ready until event ";
    assert!(remedy.starts_with(waits), "{remedy}");
    assert!(remedy.contains("after fault `gone` (event "), "{remedy}");
}

#[test]
fn a_rule_that_follows_another_one_is_told_how_often_that_fired() {
    let rules = "[[fault]]\nname = \"first\"\ndo = { pause = \"hyp\" }\n\
                 [[fault]]\nname = \"then\"\nwhen = { after = \"first\", nth = 2 }\ndo = { resume = \"hyp\" }\n";
    let report = run(&app(&format!("{SESSION}, {{ fault = \"first\" }}"), rules));
    let told: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    let expected = "`nth` of a rule with `after` counts the firings of fault `first`, which were 1; it waits for number 2";
    assert!(told.iter().any(|told| told.contains(expected)), "{told:?}");
}

#[test]
fn what_has_no_known_cause_gets_the_general_advice() {
    let text = app(&format!("{SESSION}, {{ write = {{ bytes = 1, expect = \"EIO\" }} }}"), "");
    assert!(remedy(&text).starts_with("correct the expectation"));
}
