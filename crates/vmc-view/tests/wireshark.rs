//! Wireshark's dissector says of every message what our decoder says. Needs tshark; without it the test says so.

use papr::{CrqEntry, Hcall, HcallReturn, ReturnCode};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use vmc_proto::{
    BufferId, BufferOwner, Decoded, HmcIndex, HmcSession, Limits, Lioba, Message, MessageType,
    Profile, Status, Version, mgmt,
};
use vmc_sim::{Options, Scenario, simulate};
use vmc_trace::{ActorId, Event, ProtocolViolation, Record, Side, Subject, Trace, TraceNames};
use vmc_trace_file::{HmcCommand, Problem, Run};
use vmc_view::{page, pcapng, statuses};

fn dissector() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("wireshark/vmc.lua")
}

/// One of each message, no two fields alike.
fn messages() -> Vec<Message> {
    let (session, index, buffer) = (HmcSession(7), HmcIndex(3), BufferId(0x0102));
    let status = Status(2);
    let version = Version { major: 1, minor: 4 };
    let limits = Limits { hmcs: 5, pool_size: 0x0607, mtu: 0x0809_0A0B, crq_size: 0x0C0D, version };
    vec![
        Message::Capabilities { limits },
        Message::CapabilitiesResponse { status, limits },
        Message::InterfaceOpen { session, index, buffer },
        Message::InterfaceOpenResponse { status, session, index, buffer },
        Message::AddBuffer {
            owner: BufferOwner::HYPERVISOR,
            session,
            index,
            buffer,
            lioba: Lioba(0x1112_1314),
        },
        Message::AddBufferResponse { status, session, index, buffer },
        Message::RemoveBuffer { session, index },
        Message::RemoveBufferResponse { status, session, index, buffer },
        Message::Signal { session, index, buffer, len_bytes: 0x2122 },
        Message::InterfaceClose { session, index },
        Message::InterfaceCloseResponse { status: Status::SUCCESS, session, index },
    ]
}

fn run() -> Run {
    let mut records = Vec::new();
    let mut add = |entry: CrqEntry, to: Side| {
        let seq = records.len() as u64;
        let actor = if to == Side::Hyp { ActorId::BottomHalf } else { ActorId::Service };
        let event = Event::Enqueued { to, element: seq as u32, entry, overlaid: None };
        records.push(Record { seq, time_ns: seq * 1_000_000, actor, event });
    };
    for message in messages() {
        let from_hyp = matches!(message.message_type() as u8, 0x81 | 0x82 | 0x83 | 0x04 | 0x05);
        add(message.encode(), if from_hyp { Side::Mgmt } else { Side::Hyp });
    }
    let mut run = Run::of(Trace::new(records, TraceNames::default()));
    run.problems.push(Problem {
        rule: String::from("protocol"),
        what: String::from("a rule"),
        event: Some(8),
    });
    run
}

/// What tshark says of the run: a line for each packet, or `None` without tshark.
fn tshark(name: &str, run: &Run, args: &[&str]) -> Option<Vec<String>> {
    if Command::new("tshark").arg("--version").output().is_err() {
        // Not println!, which the test runner would swallow.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: there is no tshark; `apt-get install tshark` brings it"
        );
        return None;
    }
    let path = std::env::temp_dir().join(format!("vmc-view-{}-{name}.pcapng", std::process::id()));
    let capture = pcapng(run).expect("a capture");
    std::fs::write(&path, capture).expect("a folder for temporary files");
    let output = Command::new("tshark")
        .arg("-X")
        .arg(format!("lua_script:{}", dissector().display()))
        .arg("-r")
        .arg(&path)
        .args(args)
        .output()
        .expect("tshark");
    let _ = std::fs::remove_file(&path);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).expect("text");
    Some(text.lines().map(str::to_owned).collect())
}

#[test]
fn every_field_of_every_message_is_what_our_decoder_says() {
    let names: Vec<&str> = {
        let fields = MessageType::ALL.iter().flat_map(|message_type| message_type.fields());
        let mut names: Vec<_> = fields.map(|field| field.name).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    let mut args = vec![
        String::from("-T"),
        String::from("fields"),
        String::from("-e"),
        String::from("vmc.type"),
    ];
    names.iter().for_each(|name| args.extend([String::from("-e"), format!("vmc.{name}")]));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let run = run();
    let Some(lines) = tshark("fields", &run, &args) else { return };
    let entries: Vec<CrqEntry> = run
        .trace
        .records()
        .iter()
        .filter_map(|record| match record.event {
            Event::Enqueued { entry, .. } => Some(entry),
            _ => None,
        })
        .collect();
    let shown: Vec<_> = lines.iter().filter(|line| !line.trim().is_empty()).collect();
    assert_eq!(shown.len(), entries.len(), "{lines:#?}");
    for (entry, line) in entries.iter().zip(shown) {
        let message_type = Decoded::from_entry(*entry).expect("a message").message.message_type();
        let number = |text: &str| match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).expect("a number"),
            None => text.parse().expect("a number"),
        };
        let mut values = line.split('\t');
        assert_eq!(values.next().map(number), Some(u64::from(message_type as u8)), "{line}");
        for (name, value) in names.iter().zip(values) {
            let field = message_type.fields().iter().find(|field| field.name == *name);
            let expected = field.map(|field| {
                let bytes = &entry.0[field.offset..field.offset + field.len_bytes];
                bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
            });
            let got = Some(value).filter(|value| !value.is_empty()).map(number);
            assert_eq!(got, expected, "{message_type:?}, {name}: {line}");
        }
    }
}

#[test]
fn filters_find_messages_and_responses_are_linked() {
    let run = run();
    let filter = "vmc.type == 0x06 && vmc.hmc_index == 3";
    let Some(found) = tshark("filter", &run, &["-Y", filter, "-T", "fields", "-e", "vmc.seq"])
    else {
        return;
    };
    assert_eq!(found, ["8"]);
    let linked = tshark(
        "links",
        &run,
        &["-2", "-Y", "vmc.request_in", "-T", "fields", "-e", "vmc.type", "-e", "vmc.request_in"],
    );
    assert_eq!(linked.expect("tshark"), ["0x81\t1", "0x82\t3", "0x84\t5", "0x85\t7", "0x83\t11"]);
}

#[test]
fn failures_and_broken_rules_are_expert_infos() {
    let run = run();
    let Some(found) = tshark(
        "experts",
        &run,
        &["-Y", "_ws.expert", "-T", "fields", "-e", "vmc.seq", "-e", "_ws.expert.message"],
    ) else {
        return;
    };
    let failures = found.iter().filter(|line| line.contains("Status other than success")).count();
    assert_eq!(failures, 4, "{found:#?}");
    assert!(found.iter().any(|line| line.contains("protocol: a rule")), "{found:#?}");
}

#[test]
fn interfaces_are_named_after_lanes_and_time_is_virtual() {
    let run = run();
    let Some(found) = tshark(
        "lanes",
        &run,
        &["-T", "fields", "-e", "frame.interface_name", "-e", "frame.time_relative"],
    ) else {
        return;
    };
    assert!(found[0].starts_with("driver\t0.000"), "{found:#?}");
    assert!(found[1].starts_with("hypervisor\t0.001"), "{found:#?}");
}

#[test]
fn packets_go_to_the_side_whose_queue_they_are_put_on() {
    let run = run();
    let args = ["-T", "fields", "-e", "vmc.direction", "-e", "vmc.type"];
    let Some(found) = tshark("directions", &run, &args) else { return };
    let expected: Vec<String> = run
        .trace
        .records()
        .iter()
        .filter_map(|record| match record.event {
            Event::Enqueued { to, entry, .. } => {
                Some(format!("{}\t{:#04x}", if to == Side::Hyp { 1 } else { 2 }, entry.0[1]))
            }
            _ => None,
        })
        .collect();
    let found: Vec<_> = found.into_iter().filter(|line| line.contains("0x")).collect();
    assert_eq!(found, expected);
}

#[path = "../examples/dissector_tables.rs"]
#[expect(dead_code, reason = "its main is the example's")]
mod dissector_tables;

#[test]
fn the_tables_of_the_dissector_are_those_of_hmc_proto() {
    let text = std::fs::read_to_string(dissector()).expect("the dissector");
    let (_, rest) = text.split_once("-- tables: begin\n").expect("a mark");
    let (found, _) = rest.split_once("-- tables: end\n").expect("a mark");
    let expected = dissector_tables::tables();
    assert!(
        found == expected,
        "the tables in wireshark/vmc.lua are not current: put the output of \
         `cargo run -p vmc-view --example dissector_tables` between their marks"
    );
}

/// A scenario's run with the bytes of its messages.
fn run_of(name: &str) -> Run {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios").join(name);
    let scenario = Scenario::load(&path.with_extension("toml")).expect("a scenario");
    let options = Options { payloads: true, ..Options::default() };
    Run::of(simulate(&scenario, &options).expect("a machine").trace)
}

/// The fields of a command as the dissector words them.
fn fields(path: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields_of) => {
            for (name, value) in fields_of {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                fields(&path, value, found);
            }
        }
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                fields(&format!("{path}[{at}]"), value, found);
            }
        }
        Value::String(text) => found.push(format!("{path}: {text}")),
        other => found.push(format!("{path}: {other}")),
    }
}

/// The dissector shows octets without dashes, and any bytes in small letters.
fn plain(line: &str) -> String {
    line.replace('-', "").to_lowercase()
}

#[test]
fn every_field_of_every_hmc_command_is_what_hmc_proto_says() {
    let mut operations = BTreeSet::new();
    for name in [
        "management/networks",
        "management/storage",
        "management/events",
        "management/pages",
        "management/power-on-and-off",
        "management/refusals-of-definitions",
        "management/a-change-twice",
        "management/public-test-program",
    ] {
        let run = run_of(name);
        let args = ["-T", "json", "-J", "vmc", "--no-duplicate-keys", "-Y", "vmc.hmc"];
        let Some(lines) = tshark(&name.replace('/', "-"), &run, &args) else { return };
        let packets: Vec<Value> = serde_json::from_str(&lines.join("\n")).expect("JSON");
        let commands: Vec<HmcCommand> = run
            .trace
            .records()
            .iter()
            .filter_map(|record| match &record.event {
                Event::Payload(bytes) => HmcCommand::of(bytes),
                _ => None,
            })
            .collect();
        assert_eq!(packets.len(), commands.len(), "{name}");
        for (packet, command) in packets.iter().zip(&commands) {
            let shown = &packet["_source"]["layers"]["vmc"]["vmc.hmc_tree"];
            let one = |field: &str| shown[format!("vmc.hmc.{field}")].as_str().map(str::to_owned);
            assert_eq!(one("operation").as_deref(), command.operation, "{name}: {shown}");
            assert_eq!(one("kind").as_deref(), Some(command.kind), "{name}: {shown}");
            assert_eq!(one("token"), Some(command.header.token.0.to_string()), "{name}: {shown}");
            let mut expected = Vec::new();
            fields("", command.data.as_ref().unwrap_or(&Value::Null), &mut expected);
            expected.retain(|line| command.data.is_some() && !line.is_empty());
            let mut found: Vec<String> = match &shown["vmc.hmc.field"] {
                Value::Array(values) => {
                    values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
                }
                Value::String(one) => vec![one.clone()],
                _ => Vec::new(),
            };
            expected.iter_mut().chain(&mut found).for_each(|line| *line = plain(line));
            expected.sort();
            found.sort();
            assert_eq!(found, expected, "{name}: {command:?}");
            let failed = shown.to_string().contains("vmc.hmc.failure");
            assert_eq!(failed, command.header.return_code.0 != 0, "{name}: {shown}");
            operations.extend(command.operation);
        }
    }
    assert!(operations.len() >= 30, "{operations:?}");
}

#[test]
fn a_command_is_linked_with_its_response_and_one_that_is_cut_off_is_malformed() {
    let mut run = run_of("management/networks");
    // A request is linked only when the response has been read.
    let args = [
        "-2",
        "-T",
        "fields",
        "-e",
        "frame.number",
        "-e",
        "vmc.response_in",
        "-e",
        "vmc.request_in",
        "-Y",
        "vmc.hmc",
    ];
    let Some(lines) = tshark("links", &run, &args) else { return };
    let rows: Vec<Vec<&str>> = lines.iter().map(|line| line.split('\t').collect()).collect();
    let mut asked = 0;
    for row in &rows {
        if !row[1].is_empty() {
            asked += 1;
            let answer = rows.iter().find(|other| other[0] == row[1]).expect("the response");
            assert_eq!(answer[2], row[0], "{rows:?}");
        }
    }
    assert!(asked > 10 && 2 * asked == rows.len(), "{rows:?}");
    // The last byte of each command is lost; one without data has no header then.
    let records = run.trace.records().iter().cloned().map(|mut record| {
        if let Event::Payload(bytes) = &mut record.event
            && HmcCommand::of(bytes).is_some()
        {
            *bytes = bytes[..bytes.len() - 1].into();
        }
        record
    });
    run.trace = Trace::new(records.collect(), run.trace.names().clone());
    let args = ["-T", "fields", "-e", "_ws.expert.message", "-Y", "vmc.hmc.malformed"];
    let Some(found) = tshark("cut", &run, &args) else { return };
    let is_left = |record: &&Record| match &record.event {
        Event::Payload(bytes) => HmcCommand::of(bytes).is_some_and(|it| it.problem.is_some()),
        _ => false,
    };
    let left = run.trace.records().iter().filter(is_left).count();
    assert!(left > 20 && found.len() == left, "{left}: {found:?}");
    // The same, with lengths that say so: what is missing is a part of the data.
    let records = run.trace.records().iter().cloned().map(|mut record| {
        if let Event::Payload(bytes) = &mut record.event
            && bytes.len() > 32
        {
            let len = bytes.len() as u32;
            bytes[4..8].copy_from_slice(&len.to_be_bytes());
            bytes[16..20].copy_from_slice(&(len - 32).to_be_bytes());
        }
        record
    });
    run.trace = Trace::new(records.collect(), run.trace.names().clone());
    let Some(found) = tshark("short", &run, &args) else { return };
    let left = run.trace.records().iter().filter(is_left).count();
    assert!(left > 5 && found.len() == left, "{left}: {found:?}");
    assert!(found.iter().any(|line| line.starts_with("expected ")), "{found:?}");
}

/// A run with these events.
fn run_with(events: Vec<(ActorId, Event)>) -> Run {
    let record = |(seq, (actor, event))| Record { seq, time_ns: seq, actor, event };
    Run::of(Trace::new((0..).zip(events).map(record).collect(), TraceNames::default()))
}

#[test]
fn statuses_have_the_meaning_that_the_profile_gives_them() {
    let (session, index, buffer) = (HmcSession(7), HmcIndex(3), BufferId(1));
    for profile in [Profile::Document, Profile::Linux] {
        let mut events = Vec::new();
        let mut expected = Vec::new();
        for status in (0..=8).map(Status) {
            let version = Version { major: 1, minor: 1 };
            let limits = Limits { hmcs: 1, pool_size: 4, mtu: 4096, crq_size: 256, version };
            for (to, message) in [
                (Side::Mgmt, Message::CapabilitiesResponse { status, limits }),
                (Side::Mgmt, Message::InterfaceOpenResponse { status, session, index, buffer }),
                (Side::Mgmt, Message::InterfaceCloseResponse { status, session, index }),
                (Side::Hyp, Message::AddBufferResponse { status, session, index, buffer }),
                (Side::Hyp, Message::RemoveBufferResponse { status, session, index, buffer }),
            ] {
                let meanings = statuses(message.message_type(), profile);
                let meaning = meanings.get(&status.0).copied().unwrap_or("not defined");
                let warning = match status {
                    Status::SUCCESS => String::new(),
                    _ => format!("Status other than success: {meaning}"),
                };
                expected.push(format!("{}\t{meaning}\t{warning}", status.0));
                let (element, entry) = (0, message.encode());
                let event = Event::Enqueued { to, element, entry, overlaid: None };
                events.push((ActorId::BottomHalf, event));
            }
        }
        let mut run = run_with(events);
        run.machine.profile = profile;
        let args = ["-T", "fields", "-e", "vmc.status", "-e", "vmc.status_text"];
        let args = [&args[..], &["-e", "_ws.expert.message"]].concat();
        let Some(found) = tshark("statuses", &run, &args) else { return };
        let found: Vec<_> = found.iter().map(|line| line.trim_end_matches('\n')).collect();
        assert_eq!(found, expected, "{profile:?}");
    }
}

/// A call of the hypervisor by its name and its return code, a copy by its own.
#[test]
fn hypervisor_calls_and_their_outcomes_have_names() {
    for name in ["transport/full-for-a-while", "crash/hyp-reader-asleep"] {
        let run = run_of(name);
        let mut expected = Vec::new();
        for record in run.trace.records() {
            let (call, code) = match &record.event {
                Event::Hcall { call, result, .. } => (call.name(), result.code),
                Event::Rdma(_, rdma) => ("", rdma.code),
                _ => continue,
            };
            let note = match code {
                ReturnCode::SUCCESS => "",
                _ => "The hypervisor call returned something other than H_Success",
            };
            expected.push(format!("{call}\t{}\t{code}\t{note}", code.0));
        }
        let args = ["-Y", "vmc.code", "-T", "fields", "-e", "vmc.hcall", "-e", "vmc.code"];
        let args = [&args[..], &["-e", "vmc.code_name", "-e", "_ws.expert.message"]].concat();
        let Some(found) = tshark(&name.replace('/', "-"), &run, &args) else { return };
        assert_eq!(found, expected, "{name}");
        assert!(found.iter().any(|line| line.contains("something other")), "{name}");
    }
    // Every code that has a name, the negative ones among them.
    let events = ReturnCode::NAMED.iter().map(|&code| {
        let (call, result) = (Hcall::Xirr, HcallReturn { code, r4: 0 });
        (ActorId::Interrupt, Event::Hcall { call, result, subject: Subject::Channel })
    });
    let run = run_with(events.collect());
    let args = ["-T", "fields", "-e", "vmc.code", "-e", "vmc.code_name"];
    let Some(found) = tshark("codes", &run, &args) else { return };
    let expected = ReturnCode::NAMED.iter().map(|code| format!("{}\t{code}", code.0));
    assert_eq!(found, expected.collect::<Vec<_>>());
}

#[test]
fn a_call_that_failed_says_why_and_a_fault_is_a_comment() {
    let run = run_of("buffers/unread-echoes");
    let args =
        ["-Y", "vmc.call.failure", "-T", "fields", "-e", "_ws.col.Info", "-e", "frame.comment"];
    let Some(found) = tshark("why", &run, &args) else { return };
    let why = "No buffer of session a#1 is free: of its 4, 2 hold messages that the application has not read yet, \
               2 belong to the hypervisor.";
    assert_eq!(found.len(), 2, "{found:#?}");
    for text in [format!("return write(300) = EBUSY on file 0: {why}"), format!("\t{why}")] {
        assert!(found[0].contains(&text), "{found:#?}");
    }
    let run = run_of("crash/hyp-reader-asleep");
    let args = ["-Y", "frame.comment", "-T", "fields", "-e", "vmc.seq", "-e", "frame.comment"];
    let Some(found) = tshark("faults", &run, &args) else { return };
    for record in run.trace.records() {
        let line = format!("{}\t{}", record.seq, record.event);
        assert_eq!(
            matches!(record.event, Event::Fault { .. }),
            found.contains(&line),
            "{found:#?}"
        );
    }
}

/// What a side found, and what a checker did.
#[test]
fn every_broken_rule_is_an_error() {
    let breach = ProtocolViolation::Mgmt(mgmt::ProtocolViolation::Empty);
    let mut run = run_with(vec![
        (ActorId::BottomHalf, Event::ProtocolViolation(Subject::Channel, breach)),
        (ActorId::Service, Event::Signalled),
    ]);
    run.problems.push(Problem {
        rule: String::from("wakeups"),
        what: String::from("it sleeps"),
        event: Some(1),
    });
    let filter = "vmc.violation && _ws.expert.severity == error";
    let args = ["-Y", filter, "-T", "fields", "-e", "vmc.seq", "-e", "frame.interface_name"];
    let args = [&args[..], &["-e", "_ws.expert.message"]].concat();
    let Some(found) = tshark("violations", &run, &args) else { return };
    let text = run.trace.records()[0].event.to_string();
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("0\tdriver\t") && found[0].contains(&text), "{found:#?}");
    assert!(found[1].starts_with("1\thypervisor\t"), "{found:#?}");
    assert!(found[1].contains("wakeups: it sleeps"), "{found:#?}");
}

/// The hypervisor adds two buffers, and the second one is answered first.
#[test]
fn a_response_belongs_to_the_request_of_its_buffer() {
    let (session, index, status) = (HmcSession(7), HmcIndex(3), Status::SUCCESS);
    let add = |buffer| Message::AddBuffer {
        owner: BufferOwner::HYPERVISOR,
        session,
        index,
        buffer: BufferId(buffer),
        lioba: Lioba(0),
    };
    let answer =
        |buffer| Message::AddBufferResponse { status, session, index, buffer: BufferId(buffer) };
    let messages = [
        (Side::Mgmt, add(1)),
        (Side::Mgmt, add(2)),
        (Side::Hyp, answer(2)),
        (Side::Hyp, answer(1)),
    ];
    let sent = messages.map(|(to, message)| {
        let (element, entry) = (0, message.encode());
        (ActorId::BottomHalf, Event::Enqueued { to, element, entry, overlaid: None })
    });
    let run = run_with(sent.into());
    let args = ["-T", "fields", "-e", "vmc.request_in"];
    let Some(found) = tshark("buffers", &run, &args) else { return };
    assert_eq!(found, ["", "", "2", "1"]);
    // The page says the same: places from 0 on.
    let page = page(&run);
    let data = page.split_once("id=\"data\">").and_then(|(_, rest)| rest.split_once("</script>"));
    let data: Value = serde_json::from_str(data.expect("the data").0).expect("JSON");
    let answers = data["runs"][0]["events"].as_array().expect("events").iter();
    let answers: Vec<i64> = answers.map(|event| event[15].as_i64().expect("a place")).collect();
    assert_eq!(answers, [-1, -1, 1, 0]);
}
