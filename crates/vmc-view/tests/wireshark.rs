//! Wireshark's dissector says of every message what our decoder says. Needs tshark; without it the test says so.

use papr::CrqEntry;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use vmc_proto::{
    BufferId, BufferOwner, Decoded, HmcIndex, HmcSession, Limits, Lioba, Message, MessageType,
    Status, Version,
};
use vmc_trace::{ActorId, Event, Record, Side, Trace, TraceNames};
use vmc_trace_file::{Problem, Run};
use vmc_view::pcapng;

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
        let event = Event::Enqueued { to, slot: seq as u32, entry, overlaid: None };
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
    std::fs::write(&path, pcapng(run)).expect("a folder for temporary files");
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
