//! What the page carries is true of each scenario's run.

mod hostile;
mod shown;

use crate::difference::difference;
use crate::state::changes;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use vmc_sim::{Options, Scenario, simulate};
use vmc_trace::{Sequence, Trace};
use vmc_trace_file::Run;

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

pub(crate) fn run(name: &str) -> Run {
    let path = scenarios().join(name).with_extension("toml");
    let scenario = Scenario::load(&path).expect("a scenario");
    let report = simulate(&scenario, &Options::default()).expect("a machine");
    assert!(report.passed(), "{name}: {:?}", report.problems);
    let mut run = Run::of(report.trace);
    run.about.title = Some(scenario.title().to_owned());
    run
}

/// The state after the last event that has this text in it.
fn state_after(run: &Run, text: &str) -> BTreeMap<String, String> {
    let is_it = |record: &vmc_trace::Record| record.event.to_string().contains(text);
    let last = run.trace.records().iter().position(is_it).expect("an event with that text");
    let mut state = BTreeMap::new();
    for (key, value) in changes(&run.trace).into_iter().take(last + 1).flatten() {
        match value {
            Some(value) => state.insert(key, value),
            None => state.remove(&key),
        };
    }
    state
}

fn count(state: &BTreeMap<String, String>, place: &str) -> usize {
    let buffers = state.iter().filter(|(key, _)| key.starts_with("buffer "));
    buffers.filter(|(_, value)| *value == place).count()
}

#[test]
fn an_exhaustion_shows_where_each_buffer_is_when_a_write_fails() {
    let run = run("buffers/unread-echoes");
    let state = state_after(&run, "return write(300) = EBUSY");
    assert_eq!(count(&state, "unread"), 2, "{state:#?}");
    assert_eq!(count(&state, "hyp"), 2, "{state:#?}");
    assert_eq!(count(&state, "mgmt"), 0, "{state:#?}");
    let page = crate::page(&run);
    assert!(
        page.contains("(no free buffer: of 4, 2 hold unread messages, 2 belong to the hypervisor)")
    );
    let page = crate::page(&self::run("messages/no-buffer-left"));
    assert!(page.contains("(no free buffer: all 2 belong to the hypervisor)"));
}

#[test]
fn what_a_partition_had_is_gone_when_it_dies() {
    let run = run("crash/mgmt-reader-asleep");
    let state = state_after(&run, "mgmt crashes");
    let left: Vec<_> =
        state.keys().filter(|key| key.contains("mgmt") || key.starts_with("call ")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(state.contains_key("channel hyp"));
}

/// At rest every buffer has one owner, and the two queues are empty: so they are in the state that the page shows.
#[test]
fn an_echo_ends_with_every_buffer_where_it_began() {
    let run = run("messages/echo");
    let state = state_after(&run, "return read(4096)");
    assert_eq!((count(&state, "mgmt"), count(&state, "hyp")), (2, 2), "{state:#?}");
    assert!(!state.keys().any(|key| key.starts_with("queue ")), "{state:#?}");
    assert_eq!(state.get("session 0 1 mgmt").map(String::as_str), Some("ready"));
}

#[test]
fn a_difference_pairs_what_was_replaced_and_holds_every_step_of_both() {
    let (old, new) = (run("messages/echo"), run("buffers/unread-echoes"));
    let rows = difference(&old.trace, &new.trace);
    let steps = |trace: &Trace| -> Vec<u64> {
        Sequence::steps_of(trace).iter().map(|(seq, _)| *seq).collect()
    };
    assert!(rows.iter().filter_map(|row| row.old_event).eq(steps(&old.trace)));
    assert!(rows.iter().filter_map(|row| row.new_event).eq(steps(&new.trace)));
    assert!(rows.iter().any(|row| !row.is_same() && row.old.is_some() && row.new.is_some()));
    assert!(difference(&old.trace, &old.trace).iter().all(super::DiffLine::is_same));
}

#[test]
fn a_text_of_the_trace_does_not_end_the_page() {
    let mut run = run("messages/echo");
    run.about.title = Some(String::from("</script><b>\u{1b}[31m"));
    let page = crate::page(&run);
    assert!(!page.contains("</script><b>"));
    assert_eq!(page.matches("</script>").count(), 2);
}

#[test]
fn the_picture_of_the_readme_is_current() {
    let run = run("messages/echo");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pictures/echo.svg");
    let found = std::fs::read_to_string(path).unwrap_or_default();
    let current = crate::svg(run.about.title.as_deref().unwrap_or_default(), &run.trace);
    let command = "cargo xtask trace messages/echo --to svg -o crates/vmc-view/pictures/echo.svg";
    assert!(found.lines().eq(current.lines()), "the picture is not current: run `{command}`");
}

#[test]
fn mermaid_gets_no_sign_that_it_takes_for_its_own() {
    let text = crate::mermaid(&run("messages/echo").trace);
    assert!(text.starts_with("sequenceDiagram\n  participant A0 as a\n"), "{text}");
    assert!(text.contains("M->>H: SIGNAL a#35;1 b0 3000 B\n"), "{text}");
    for line in text.lines().skip(1) {
        let (_, what) = line.split_once(": ").unwrap_or_default();
        assert!(!what.replace("#35;", "").replace("#59;", "").contains(['#', ';']), "{line}");
    }
}

/// What the page's data say of the run's HMC commands.
#[test]
fn a_payload_is_shown_on_its_copy_and_a_response_answers_its_request() {
    let path = scenarios().join("management/networks.toml");
    let scenario = Scenario::load(&path).expect("a scenario");
    let options = Options { payloads: true, ..Options::default() };
    let run = Run::of(simulate(&scenario, &options).expect("a machine").trace);
    let packed = serde_json::to_value(crate::pack::packed(&run)).expect("JSON");
    let (events, commands) = (packed["events"].as_array(), packed["commands"].as_array());
    let (events, commands) = (events.expect("events"), commands.expect("commands"));
    let of = |event: &serde_json::Value| {
        let at = event[14].as_i64().expect("a number");
        usize::try_from(at).ok().map(|at| commands[at].clone())
    };
    let mut answered = 0;
    for (event, record) in events.iter().zip(run.trace.records()) {
        let Some(command) = of(event) else { continue };
        assert!(matches!(record.event, vmc_trace::Event::Rdma(..)), "{record:?}");
        assert!(event[7].as_i64().expect("a number") >= 0, "the bytes are there");
        let request = usize::try_from(event[15].as_i64().expect("a number")).ok();
        assert_eq!(request.is_some(), command["kind"] == "response", "{command}");
        if let Some(request) = request {
            let request = of(&events[request]).expect("a command");
            assert_eq!(request["kind"], "request");
            assert_eq!(
                (&request["token"], &request["operation"]),
                (&command["token"], &command["operation"])
            );
            answered += 1;
        }
    }
    assert!(answered > 10, "{answered}");
}

/// The lines of a snapshot, and the events that they show, joined and folded ones among them.
#[test]
fn each_line_beside_a_snapshot_shows_the_event_that_it_draws() {
    for name in ["messages/echo", "buffers/unread-echoes", "messages/growing"] {
        let run = run(name);
        let snapshot = vmc_trace::render(&Sequence::of(&run.trace));
        let rows = crate::difference::difference_from_text(&snapshot, &run.trace);
        assert!(rows.iter().all(super::DiffLine::is_same), "{name}");
        let steps: BTreeMap<u64, vmc_trace::Step> =
            Sequence::steps_of(&run.trace).into_iter().collect();
        assert!(rows.len() > 10);
        for row in &rows {
            let text = steps[&row.new_event.expect("an event")].text.to_string();
            let word = text.split([' ', '#', '(']).next().unwrap_or_default();
            assert!(row.new.as_deref().is_some_and(|line| line.contains(word)), "{name}: {row:?}");
        }
        let changed = snapshot.replacen("CRQ INIT COMPLETE", "CRQ INIT COMPLETED", 1);
        let rows = crate::difference::difference_from_text(&changed, &run.trace);
        assert_eq!(rows.iter().filter(|row| !row.is_same()).count(), 1, "{name}");
    }
}

/// A drawn line reads like the short form of its step, wherever it is drawn.
#[test]
fn a_line_of_a_snapshot_is_as_short_as_its_step() {
    use vmc_trace::{Item, Place, Side, Step, Text};
    let text = |words: &str| Text { pieces: vec![vmc_trace::Piece::Words(words.to_owned())] };
    let mut steps: Vec<Step> =
        ["messages/echo", "crash/hyp-reader-asleep", "transport/full-for-a-while"]
            .into_iter()
            .flat_map(|name| Sequence::steps_of(&run(name).trace))
            .map(|(_, step)| step)
            .collect();
    for to in [Side::Mgmt, Side::Hyp] {
        for place in [
            Place::Message { to },
            Place::Rdma { to },
            Place::TransportEvent { to },
            Place::Unsent { to },
            Place::At(to),
        ] {
            for note in ["", "(not received)"] {
                let text = text("MESSAGE a#1 b0 - = . x");
                steps.push(Step { place: place.clone(), text, note: note.to_owned() });
            }
        }
    }
    for place in [Place::Operator, Place::Fault, Place::Application(text("reader"))] {
        steps.push(Step { place, text: text("what 1"), note: String::from("H_Busy") });
    }
    for step in steps {
        let expected = crate::difference::line(&step);
        let drawn = vmc_trace::render_steps(&Sequence { items: vec![Item::Step(step)] });
        assert_eq!(crate::difference::narrow(drawn.trim_end_matches('\n')), expected, "{drawn}");
    }
    // Names are as wide as the longest; marks of repetitions stand at the right.
    let narrow = crate::difference::narrow;
    assert_eq!(narrow("a       write(3)                    \\"), "a: write(3)  \\");
}

/// Bytes go with the next copy of the same actor, also where those of another come between.
#[test]
fn payloads_of_two_actors_go_with_their_own_copies() {
    use vmc_trace::{ActorId, Event, Rdma, Record, Subject};
    let echo = run("messages/echo");
    let is_copy = |record: &&Record| matches!(record.event, Event::Rdma(..));
    let copy = echo.trace.records().iter().find(is_copy).expect("a copy").event.clone();
    let Event::Rdma(subject, rdma) = copy else { panic!("{copy:?}") };
    let events = [
        (ActorId::App(0), Event::Payload([1, 2].into())),
        (ActorId::BottomHalf, Event::Payload([3, 4].into())),
        (ActorId::App(0), Event::Rdma(subject, rdma)),
        (ActorId::BottomHalf, Event::Rdma(subject, Rdma { ..rdma })),
        (ActorId::App(0), Event::Rdma(Subject::Channel, rdma)),
    ];
    let record = |(seq, (actor, event))| Record { seq, time_ns: 0, actor, event };
    let records = (0..).zip(events).map(record).collect();
    let run = Run::of(Trace::new(records, echo.trace.names().clone()));
    let packed = serde_json::to_value(crate::pack::packed(&run)).expect("JSON");
    let raw = |event: usize| {
        let at = packed["events"][event][7].as_i64().expect("a number");
        usize::try_from(at).ok().map(|at| packed["strings"][at].clone())
    };
    assert_eq!((raw(2), raw(3), raw(4)), (Some("0102".into()), Some("0304".into()), None));
    // In a capture the bytes are at the end of the packet of their copy.
    let capture = crate::pcapng(&run).expect("a capture");
    let digest = rdma.digest.expect("a digest").to_be_bytes();
    let ends: Vec<&[u8]> = (0..capture.len() - 6)
        .filter(|at| capture[*at..].starts_with(&digest))
        .map(|at| &capture[at + 4..at + 6])
        .collect();
    assert_eq!(ends[..2], [&[1, 2][..], &[3, 4][..]], "{ends:?}");
}

/// Each failed call of these runs, in a few words, with the events behind it.
#[test]
fn a_call_that_failed_is_explained_by_what_made_it_fail() {
    let explained = |name: &str| -> Vec<String> {
        let run = run(name);
        let records = run.trace.records();
        let text = |at: &usize| records[*at].event.to_string();
        let number = |seq: &u64| records.iter().find(|record| record.seq == *seq);
        let line = |(seq, why): (&u64, &crate::explain::Why)| {
            let call = number(seq).expect("a record").event.to_string();
            let because: Vec<String> = why.because.iter().map(text).collect();
            format!("{call}: {} <- {}", why.short, because.join(" | "))
        };
        crate::explain::whys(&run.trace).iter().map(line).collect()
    };
    let of = |name: &str, beginning: &str| {
        let lines = explained(name);
        let found = lines.iter().find(|line| line.starts_with(beginning)).cloned();
        found.unwrap_or_else(|| panic!("{name}: {lines:#?}"))
    };
    let full = of("transport/full-for-a-while", "return write(10) = EBUSY");
    assert!(full.contains("H_SEND_CRQ returned H_Dropped <- H_SEND_CRQ "), "{full}");
    let over = of("crash/hyp-reader-asleep", "return read(4096) = EBADFD");
    assert!(over.ends_with(": the session is over <- session mgmt 0/1 ended"), "{over}");
    let early = of("open/write-before-answer", "return write(");
    let expected = ": the session is not ready; it is at `opening` <- session mgmt 0/1 opening";
    assert!(early.ends_with(expected), "{early}");
    let unread = of("buffers/unread-echoes", "return write(300) = EBUSY");
    assert_eq!(unread.matches(" | ").count(), 3, "{unread}");
    // A second write fails for the same reason, and not because of an old one.
    let again = of("buffers/unread-echoes", "return write(500) = EBUSY");
    assert!(again.contains("no free buffer: of 4, 2 hold unread messages"), "{again}");
}

/// Other threads go on while a call is made, and what it found is what was so when it began.
#[test]
fn what_came_during_a_call_is_no_reproach_to_the_driver() {
    let run = run("buffers/unread-echoes");
    let records = run.trace.records();
    let place = |text: &str| {
        records.iter().position(|one| one.event.to_string().starts_with(text)).expect(text)
    };
    // The first read() frees a buffer; here it does so between the call of write(300) and its return.
    let mut moved = records.to_vec();
    let [call, back, from] = ["call write(300)", "return write(300)", "call read("].map(place);
    let failed = moved.remove(back);
    assert!(call < back && back < from);
    let until = moved
        .iter()
        .skip(from - 1)
        .position(|one| one.event.to_string().starts_with("return read("));
    let mut during = moved.split_off(from - 1);
    let rest = during.split_off(until.expect("it comes back") + 1);
    during.iter_mut().for_each(|one| {
        one.actor = match one.actor {
            vmc_trace::ActorId::App(0) => vmc_trace::ActorId::App(1),
            other => other,
        }
    });
    let ordered = moved.into_iter().chain(during).chain([failed]).chain(rest);
    let records = (0..).zip(ordered).map(|(seq, one)| vmc_trace::Record { seq, ..one }).collect();
    let trace = Trace::new(records, run.trace.names().clone());
    let whys = crate::explain::whys(&trace);
    let why = whys.values().next().expect("the write() failed");
    assert_eq!(why.short, "no buffer was free when it was called");
    assert_eq!(why.because.len(), 1, "{}", why.long);
}

/// Lanes, sessions and kinds of a run's events.
#[test]
fn events_stand_between_the_lanes_that_they_concern() {
    let packed = serde_json::to_value(crate::pack::packed(&run("messages/echo"))).expect("JSON");
    let data = crate::model::data(Vec::new(), vmc_proto::Profile::Document);
    let kinds = serde_json::to_value(&data).expect("JSON")["kinds"].clone();
    let text = |at: &serde_json::Value| {
        let at = usize::try_from(at.as_i64().expect("a number")).ok();
        at.map_or_else(String::new, |at| packed["strings"][at].as_str().expect("text").to_owned())
    };
    let found: Vec<String> = packed["events"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| {
            let kind = &kinds[event[3].as_u64().expect("a number") as usize]["id"];
            let (kind, lanes) = (kind.as_str().expect("text"), &event[4]);
            format!("{kind} {}→{} {} [{}]", lanes[0], lanes[1], text(&event[5]), text(&event[8]))
        })
        .collect();
    for expected in [
        "message 3→1 CRQ INIT []",
        "taken 1→0 takes CRQ INIT []",
        "message 0→2 CRQ INIT COMPLETE []",
        "taken 2→3 takes CRQ INIT COMPLETE []",
        "state 0→-1 channel: ready []",
        "state 3→-1 channel: ready []",
        "call 4→-1 write(3000) [a#1]",
        "rdma 4→3 RDMA 3000 B 576a7d8d a#1 b0 [a#1]",
        "message 4→2 SIGNAL a#1 b0 3000 B [a#1]",
        "return 4→-1 write(3000) = 3000 [a#1]",
        "message 3→1 SIGNAL a#1 b0 3000 B [a#1]",
        "rdma 3→0 RDMA 3000 B 576a7d8d a#1 b0 [a#1]",
        "return 4→-1 read(4096) = 3000 576a7d8d [a#1]",
        "schedule 4→-1 session-started 0/1 [a#1]",
        "state 3→-1 session a#1: closed [a#1]",
        "state 0→-1 session a#1: ended [a#1]",
    ] {
        assert!(found.iter().any(|line| line == expected), "{expected}: {found:#?}");
    }
    // A session has one name, from its first event to its last.
    assert!(!found.iter().any(|line| line.ends_with("session 1]")), "{found:#?}");
}

/// LoPAR, VMC status codes; those of the Linux profile are others.
#[test]
fn statuses_are_those_of_the_profile() {
    use crate::model::statuses;
    use vmc_proto::{MessageType, Profile};
    let of = |message, profile| statuses(message, profile).get(&2).copied();
    assert_eq!(of(MessageType::AddBufferResponse, Profile::Linux), Some("invalid buffer ID"));
    assert_ne!(of(MessageType::AddBufferResponse, Profile::Document), Some("invalid buffer ID"));
    assert!(statuses(MessageType::Signal, Profile::Document).is_empty());
    for message in MessageType::ALL {
        let has_status = message.fields().iter().any(|field| field.name == "status");
        assert_eq!(
            statuses(*message, Profile::Document).contains_key(&0),
            has_status,
            "{message:?}"
        );
    }
}

/// From the application's call to the other side's reaction, and from a request to its answer.
#[test]
fn causes_lead_from_a_call_to_what_it_brings() {
    let run = run("messages/echo");
    let records = run.trace.records();
    let mut links = crate::cause::Links::default();
    let causes: Vec<Vec<usize>> =
        records.iter().enumerate().map(|(at, record)| links.next(at, record)).collect();
    let last = |text: &str| {
        let is_it = |record: &vmc_trace::Record| record.event.to_string().starts_with(text);
        records.iter().rposition(is_it).expect("an event with that text")
    };
    // The echo is read because a message was fetched, whose Signal answers the Signal of the write.
    let mut at = last("return read(4096)");
    let mut chain = vec![at];
    while let Some(&cause) = causes[at].last() {
        assert!(cause < at);
        chain.push(cause);
        at = cause;
    }
    let texts: Vec<String> = chain.iter().map(|at| records[*at].event.to_string()).collect();
    assert!(texts.last().is_some_and(|text| text.starts_with("call write(3000)")), "{texts:#?}");
    let rdma = texts.iter().filter(|text| text.starts_with("RDMA "));
    assert!(rdma.count() >= 2, "{texts:#?}");
}
