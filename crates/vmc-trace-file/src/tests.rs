//! Each run reads back as it was written, and what is no trace is an error with its line.

use super::*;
use crate::event::Line;
use papr::{
    Access, CrqEntry, Hcall, HcallName, HcallReturn, Ioba, Registers, ReturnCode, TransportEvent,
};
use proptest::prelude::*;
use vmc_proto::{
    BufferId, CommandFault, Errno, HmcIndex, HmcSession, Limits, MessageType, PartitionFault,
    ReservedBytes, SentEntry, ShortCode, Status, Version, hyp, mgmt,
};
use vmc_trace::{
    ActorId, CallResult, ChannelState, DeviceCall, Event, FaultAct, FileNumber, Forged,
    OperatorAct, Particulars, ProtocolViolation, Rdma, RdmaDirection, RdmaEnd, Record,
    SessionState, Side, Subject, TraceNames, Waiting,
};

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Mgmt), Just(Side::Hyp)]
}

fn entry() -> impl Strategy<Value = CrqEntry> {
    any::<[u8; 16]>().prop_map(CrqEntry)
}

fn subject() -> impl Strategy<Value = Subject> {
    let session = any::<(u8, u8)>().prop_map(|(i, s)| Subject::Session(HmcIndex(i), HmcSession(s)));
    prop_oneof![Just(Subject::Channel), session]
}

fn actor() -> impl Strategy<Value = ActorId> {
    let fixed = [
        ActorId::Interrupt,
        ActorId::BottomHalf,
        ActorId::Task,
        ActorId::Service,
        ActorId::Platform,
    ];
    prop_oneof![any::<u16>().prop_map(ActorId::App), proptest::sample::select(fixed.to_vec())]
}

fn call() -> impl Strategy<Value = DeviceCall> {
    prop_oneof![
        any::<bool>().prop_map(|nonblock| DeviceCall::Open { nonblock }),
        any::<String>().prop_map(|id| DeviceCall::SetHmcId { id }),
        any::<u32>().prop_map(|number| DeviceCall::Ioctl { number }),
        any::<u64>().prop_map(|len_bytes| DeviceCall::Write { len_bytes }),
        any::<u64>().prop_map(|len_bytes| DeviceCall::Read { len_bytes }),
        proptest::sample::select(vec![
            DeviceCall::Query,
            DeviceCall::RequestVmc,
            DeviceCall::Poll,
            DeviceCall::SetFlags { nonblock: true },
            DeviceCall::Close,
        ]),
    ]
}

fn result() -> impl Strategy<Value = CallResult> {
    prop_oneof![
        Just(CallResult::Ok),
        Just(CallResult::Killed),
        any::<(u64, Option<u32>)>()
            .prop_map(|(len_bytes, digest)| CallResult::Bytes { len_bytes, digest }),
        any::<u32>().prop_map(CallResult::DrcIndex),
        proptest::sample::select(names::POLLED).prop_map(CallResult::Polled),
        proptest::sample::select(Errno::ALL).prop_map(CallResult::Error),
        any::<(bool, i32)>().prop_map(|(have_vmc, state)| CallResult::State {
            have_vmc,
            state: mgmt::QueryState(state)
        }),
    ]
}

fn code() -> impl Strategy<Value = ReturnCode> {
    prop_oneof![any::<i64>().prop_map(ReturnCode), proptest::sample::select(ReturnCode::NAMED)]
}

fn hcall() -> impl Strategy<Value = Hcall> {
    (proptest::sample::select(papr::hcall::opcode::ALL), any::<[u64; 9]>()).prop_map(
        |(opcode, args)| {
            Hcall::from_registers(&Registers { opcode, args }).expect("an opcode of the list")
        },
    )
}

fn rdma() -> impl Strategy<Value = Rdma> {
    let directions = [RdmaDirection::ToHyp, RdmaDirection::ToMgmt, RdmaDirection::Other];
    let direction = proptest::sample::select(directions.to_vec());
    (direction, any::<(u64, u64, u64, Option<u32>, Option<u16>)>(), code()).prop_map(
        |(direction, (len_bytes, source, destination, digest, buffer), code)| Rdma {
            direction,
            len_bytes,
            source: Ioba(source),
            destination: Ioba(destination),
            digest,
            buffer: buffer.map(BufferId),
            code,
        },
    )
}

fn message_type() -> impl Strategy<Value = MessageType> {
    proptest::sample::select(MessageType::ALL)
}

fn sent() -> impl Strategy<Value = SentEntry> {
    prop_oneof![
        Just(SentEntry::Init),
        Just(SentEntry::InitComplete),
        message_type().prop_map(SentEntry::Message)
    ]
}

fn hcall_name() -> impl Strategy<Value = HcallName> {
    proptest::sample::select(HcallName::ALL)
}

fn version() -> impl Strategy<Value = Version> {
    any::<(u8, u8)>().prop_map(|(major, minor)| Version { major, minor })
}

fn limits() -> impl Strategy<Value = Limits> {
    (any::<(u8, u16, u32, u16)>(), version()).prop_map(
        |((hmcs, pool_size, mtu, crq_size), version)| Limits {
            hmcs,
            pool_size,
            mtu,
            crq_size,
            version,
        },
    )
}

fn breach() -> impl Strategy<Value = ProtocolViolation> {
    use mgmt::ProtocolViolation as M;
    let bytes = any::<[bool; 16]>().prop_map(|set| ReservedBytes::at((0..16).filter(|&i| set[i])));
    prop_oneof![
        any::<u8>().prop_map(|byte| ProtocolViolation::Mgmt(M::UnknownMessage(byte))),
        (message_type(), bytes)
            .prop_map(|(m, bytes)| ProtocolViolation::Mgmt(M::ReservedBytes(m, bytes))),
        version().prop_map(|version| ProtocolViolation::Mgmt(M::IncompatibleVersion(version))),
        limits().prop_map(|limits| ProtocolViolation::Mgmt(M::UnworkableLimits(limits))),
        (hcall_name(), code())
            .prop_map(|(name, code)| ProtocolViolation::Mgmt(M::HcallFailed(name, code))),
        sent().prop_map(|sent| ProtocolViolation::Mgmt(M::SendGivenUp(sent))),
        Just(ProtocolViolation::Mgmt(M::TooManyResets)),
        any::<u64>()
            .prop_map(|len| ProtocolViolation::Hyp(hyp::ProtocolViolation::Unsendable(len))),
        any::<(u16, u8)>().prop_map(|(b, s)| ProtocolViolation::Hyp(
            hyp::ProtocolViolation::BufferRefused(BufferId(b), Status(s))
        )),
    ]
}

fn act() -> impl Strategy<Value = FaultAct> {
    let forged = prop_oneof![
        sent().prop_map(Forged::Entry),
        any::<u8>().prop_map(|event| Forged::TransportEvent(TransportEvent(event))),
        entry().prop_map(Forged::Raw),
    ];
    let access = [Access::None, Access::Read, Access::Write, Access::ReadWrite];
    let end = prop_oneof![Just(RdmaEnd::Local), Just(RdmaEnd::Remote)];
    prop_oneof![
        side().prop_map(FaultAct::Crash),
        (side(), forged).prop_map(|(side, forged)| FaultAct::Forge(side, forged)),
        any::<u64>().prop_map(FaultAct::Delay),
        (hcall_name(), code()).prop_map(|(name, code)| FaultAct::AnswerHcall(name, code)),
        (end, any::<u64>(), proptest::sample::select(access.to_vec()))
            .prop_map(|(end, page, access)| FaultAct::Tce(end, page, access)),
        (message_type(), any::<u8>()).prop_map(|(m, status)| FaultAct::Refuse(m, Status(status))),
        any::<u16>().prop_map(FaultAct::Kill),
        any::<u16>().prop_map(|id| FaultAct::Partition(id, PartitionFault::BootHangs)),
        any::<u64>().prop_map(|ns| FaultAct::Command(CommandFault::AnswerLate(ns))),
        any::<u16>().prop_map(|code| FaultAct::Command(CommandFault::Answered(code))),
        "[A-Z0-9]{1,12}".prop_map(|text| {
            FaultAct::Command(CommandFault::Refused(ShortCode::new(&text).expect("a code")))
        }),
        Just(FaultAct::Command(CommandFault::JobEndless)),
        Just(FaultAct::Drop),
    ]
}

fn fault() -> impl Strategy<Value = Event> {
    let (subject, entry) = (proptest::option::of(subject()), proptest::option::of(entry()));
    (any::<String>(), act(), subject, entry).prop_map(|(rule, act, subject, entry)| Event::Fault {
        rule,
        act,
        subject,
        entry,
    })
}

fn channel_state() -> impl Strategy<Value = ChannelState> {
    let all = [ChannelState::all(Side::Mgmt), ChannelState::all(Side::Hyp)].concat();
    proptest::sample::select(all)
}

fn session_state() -> impl Strategy<Value = SessionState> {
    let all = [SessionState::all(Side::Mgmt), SessionState::all(Side::Hyp)].concat();
    proptest::sample::select(all)
}

fn event() -> impl Strategy<Value = Event> {
    let calls =
        prop_oneof![
            (call(), any::<(Option<u16>, bool, bool)>()).prop_map(
                |(call, (file, bad_memory, waits))| {
                    Event::Call(call, Particulars { file: file.map(FileNumber), bad_memory, waits })
                }
            ),
            (call(), result(), any::<Option<u16>>())
                .prop_map(|(call, result, file)| Event::Return(call, result, file.map(FileNumber))),
        ];
    let wire = prop_oneof![
        (side(), any::<u32>(), entry(), proptest::option::of(entry())).prop_map(
            |(to, element, entry, overlaid)| Event::Enqueued { to, element, entry, overlaid }
        ),
        (side(), any::<u32>(), entry()).prop_map(|(by, element, entry)| Event::Dequeued {
            by,
            element,
            entry
        }),
        any::<u8>().prop_map(|event| Event::Undelivered(TransportEvent(event))),
        (subject(), rdma()).prop_map(|(subject, rdma)| Event::Rdma(subject, rdma)),
        (hcall(), code(), any::<u64>(), subject()).prop_map(|(call, code, r4, subject)| {
            Event::Hcall { call, result: HcallReturn { code, r4 }, subject }
        }),
        any::<Vec<u8>>().prop_map(|bytes| Event::Payload(bytes.into())),
    ];
    let states = prop_oneof![
        any::<(u8, u8)>().prop_map(|(i, s)| Event::SessionStarted(HmcIndex(i), HmcSession(s))),
        channel_state().prop_map(Event::ChannelState),
        (any::<(u8, u8)>(), session_state()).prop_map(|((i, s), state)| Event::SessionState(
            HmcIndex(i),
            HmcSession(s),
            state
        )),
        (subject(), breach())
            .prop_map(|(subject, breach)| Event::ProtocolViolation(subject, breach)),
        side().prop_map(|side| Event::Operator(OperatorAct::Start(side))),
        Just(Event::Operator(OperatorAct::AttachHmc)),
    ];
    let waiting = proptest::sample::select(vec![Waiting::Call, Waiting::Work, Waiting::State]);
    let schedule = prop_oneof![
        any::<String>().prop_map(Event::Command),
        any::<String>().prop_map(Event::Posted),
        any::<String>().prop_map(Event::Awaited),
        any::<u16>().prop_map(|file| Event::SawEnd(vmc_trace::FileNumber(file))),
        any::<(u8, u8, u16)>().prop_map(|(i, s, b)| Event::Prompted(
            HmcIndex(i),
            HmcSession(s),
            BufferId(b)
        )),
        any::<u16>().prop_map(Event::Signals),
        Just(Event::Signalled),
        side().prop_map(Event::InterruptPending),
        waiting.prop_map(Event::Sleep),
        actor().prop_map(Event::Wake),
    ];
    prop_oneof![calls, wire, states, fault(), schedule]
}

fn run() -> impl Strategy<Value = Run> {
    let records = proptest::collection::vec((1u64..5, any::<u64>(), actor(), event()), 0..20);
    let about = (any::<[Option<String>; 5]>(), any::<Option<u64>>()).prop_map(
        |([scenario, title, description, runtime, repeat], seed)| About {
            scenario,
            title,
            description,
            runtime,
            seed,
            repeat,
        },
    );
    let contents = prop_oneof![
        Just(Contents::Any),
        Just(Contents::Echo),
        Just(Contents::Own),
        any::<u32>().prop_map(Contents::Numbered)
    ];
    let machine = (any::<(bool, u8, u8, u32)>(), contents).prop_map(
        |((is_linux, first, last, mtu), contents)| Machine {
            profile: if is_linux { Profile::Linux } else { Profile::Document },
            session_numbers: first..=last,
            mtu,
            contents,
        },
    );
    let problems = proptest::collection::vec(any::<(String, String, Option<u64>)>(), 0..3);
    (about, machine, any::<[bool; 3]>(), records, any::<Vec<String>>(), problems).prop_map(
        |(
            about,
            machine,
            [at_rest, management_looks, hypervisor_looks],
            records,
            apps,
            problems,
        )| {
            let mut seq = 0;
            let records = records.into_iter().map(|(step, time_ns, actor, event)| {
                seq += step;
                Record { seq, time_ns, actor, event }
            });
            let trace = Trace::new(records.collect(), TraceNames { apps });
            let problem = |(rule, what, event)| Problem { rule, what, event };
            Run {
                about,
                machine,
                ending: Ending { at_rest, management_looks, hypervisor_looks },
                trace,
                problems: problems.into_iter().map(problem).collect(),
                is_complete: true,
            }
        },
    )
}

fn text_of(run: &Run) -> String {
    let mut text = Vec::new();
    run.write(&mut text).expect("a Vec takes every write");
    String::from_utf8(text).expect("JSON is UTF-8")
}

proptest! {
    #[test]
    fn what_is_written_reads_back_as_it_was(run in run()) {
        // What checkers are told of the machine is all that a file has of it.
        prop_assert_eq!(&Machine::from(&run.machine.setting(|_, _| Vec::new())), &run.machine);
        let text = text_of(&run);
        prop_assert_eq!(text.lines().count(), run.trace.records().len() + 2);
        prop_assert_eq!(Run::read(text.as_bytes()).expect("a trace"), run);
    }

    #[test]
    fn a_file_that_was_cut_off_between_lines_is_read_up_to_there(run in run(), keep in any::<prop::sample::Index>()) {
        let text = text_of(&run);
        let lines = keep.index(run.trace.records().len() + 1) + 1;
        let cut: String = text.lines().take(lines).map(|line| format!("{line}\n")).collect();
        let read = Run::read(cut.as_bytes()).expect("a trace");
        prop_assert!(!read.is_complete);
        prop_assert_eq!(read.trace.records(), &run.trace.records()[..lines - 1]);
    }

    #[test]
    fn a_file_that_was_damaged_anywhere_is_read_or_refused(
        run in run(), at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let mut text = text_of(&run).into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        // Either is right; a panic is not.
        let _ = Run::read(&text[..]);
    }
}

fn refusal(text: &str) -> String {
    Run::read(text.as_bytes()).expect_err("no trace").to_string()
}

#[test]
fn what_is_no_trace_is_refused_with_its_line_and_what_was_expected() {
    let good = text_of(&Run::of(Trace::new(Vec::new(), TraceNames::default())));
    let (first, last) = good.split_once('\n').expect("two lines");
    let line = |event: &str| {
        format!("{first}\n{{\"seq\":0,\"time-ns\":0,\"actor\":\"app0\",\"event\":{event}}}\n{last}")
    };
    let cases = [
        ("", "the file is empty: expected a first line"),
        ("{}", "line 1: expected a first line with \"vmc-trace\": 1, got none"),
        (
            "[",
            "line 1: expected a trace file, whose first line is a JSON object with \"vmc-trace\": 1, got what is no JSON: EOF",
        ),
        (&good.replace(":1,", ":9,"), "expected version 1 of the trace format, got 9"),
        (&line("{}"), "line 2: "),
        (
            &line(
                "{\"session-state\":{\"side\":\"hyp\",\"index\":0,\"session\":1,\"state\":\"closing\"}}",
            ),
            "line 2: expected a state of a session (vacant,",
        ),
        (&line("{\"wake\":\"app01\"}"), "line 2: expected an actor"),
        (
            &line("{\"dequeued\":{\"by\":\"hyp\",\"element\":0,\"entry\":\"80\"}}"),
            "line 2: expected an entry of 32",
        ),
        (&line("\"signalled\""), "line 3: expected 0 events, as this line says, got 1"),
        (&format!("{good}{last}"), "line 3: expected nothing after the line with \"end\""),
    ];
    for (text, expected) in cases {
        let got = refusal(text);
        assert!(got.starts_with(expected), "{got}");
    }
    // The place in the line, and no other number of a line.
    assert!(refusal(&line("{{")).ends_with(" at column 46"), "{}", refusal(&line("{{")));
    for (at, bytes) in [(1, vec![0xFF, 0xFE]), (2, [first.as_bytes(), b"\n\xC3(\n"].concat())] {
        let got = Run::read(&bytes[..]).expect_err("no text").to_string();
        assert_eq!(got, format!("line {at}: expected text in UTF-8, got other bytes"));
    }
}

#[test]
fn a_line_reads_as_the_documentation_shows_it() {
    let entry = CrqEntry::from_words(0x8006_0000_0100_0001, 0xBB8);
    let event = Event::Enqueued { to: Side::Hyp, element: 4, entry, overlaid: None };
    let record = Record { seq: 12, time_ns: 0, actor: ActorId::App(0), event };
    let text = serde_json::to_string(&Line::of(&record)).expect("a line");
    let expected = "{\"seq\":12,\"time-ns\":0,\"actor\":\"app0\",\"event\":{\"enqueued\":{\"to\":\"hyp\",\
                    \"element\":4,\"entry\":\"80060000010000010000000000000bb8\"}}}";
    assert_eq!(text, expected);
    // So it was called in files of before.
    let of_before: Line =
        serde_json::from_str(&text.replace("element", "slot")).expect("a line of before");
    assert_eq!(serde_json::to_string(&of_before).expect("a line"), expected);
}

/// What another program reads of a payload, without knowing how HMC commands are made.
#[test]
fn a_payload_that_is_an_hmc_command_has_it_beside_its_bytes() {
    let request = hmc_proto::Request::ShowPartition(hmc_proto::PartitionId { id: 3 });
    let bytes = request.encode(hmc_proto::Token(7));
    let line = |bytes: &[u8]| {
        let event = Event::Payload(bytes.into());
        let record = Record { seq: 1, time_ns: 0, actor: ActorId::App(0), event };
        let text = serde_json::to_string(&Line::of(&record)).expect("a line");
        let read: Line = serde_json::from_str(&text).expect("a line");
        assert_eq!(read.record(), Ok(record));
        serde_json::from_str::<serde_json::Value>(&text).expect("JSON")
    };
    let expected = serde_json::json!({
        "words": "SHOW PARTITION partition 3", "kind": "request", "operation": "SHOW PARTITION", "token": 7,
        "target": 0x8001, "opcode": 0x0011, "return-code": 0, "data": { "id": 3 },
    });
    assert_eq!(line(&bytes)["hmc"], expected);
    assert_eq!(line(b"hello").get("hmc"), None);
    let cut = &line(&bytes[..bytes.len() - 1])["hmc"];
    assert!(cut["problem"].is_string() && cut.get("data").is_none(), "{cut}");
}
