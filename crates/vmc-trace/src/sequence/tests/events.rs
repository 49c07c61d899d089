//! How each kind of event is shown, and which are not.

use super::protocol::{LIMITS, add_buffer, close_response, open, open_response, signal};
use super::run::{Run, subject};
use crate::act::OperatorAct;
use crate::event::Polled;
use crate::event::{
    ActorId, CallResult, DeviceCall, Event, Rdma, RdmaDirection, Side, Subject, Waiting,
};
use crate::state::ProtocolViolation;
use papr::{
    CrqEntry, Hcall, InitFormat, Ioba, Liobn, ReturnCode, Tce, TransportEvent, UnitAddress,
};
use vmc_proto::mgmt::{self, QueryState};
use vmc_proto::{BufferId, BufferOwner, Errno, HmcIndex, HmcSession, Message, Status};

/// The lines of a run of one application, without the blanks that place them.
fn shown(records: impl FnOnce(&mut Run)) -> Vec<String> {
    let mut run = Run::new(&["a"]);
    records(&mut run);
    run.lines().iter().map(|line| line.trim_start().to_owned()).collect()
}

fn shown_result(call: DeviceCall, result: CallResult) -> Vec<String> {
    shown(|run| {
        run.call(0, call.clone());
        run.returns(0, call, result);
    })
}

#[test]
fn a_call_that_returns_at_once_is_one_line() {
    use DeviceCall::*;
    let bytes = |digest| CallResult::Bytes { len_bytes: 12, digest };
    for (call, result, line) in [
        (Open { nonblock: true }, CallResult::Ok, "a  open(O_NONBLOCK) = 0"),
        (
            SetHmcId { id: "x\"y".to_owned() },
            CallResult::Error(Errno::EBUSY),
            r#"a  set-hmc-id("x\"y") = EBUSY"#,
        ),
        (
            Query,
            CallResult::State { have_vmc: false, state: QueryState::INITIAL },
            "a  query() = initial, no VMC",
        ),
        (
            Query,
            CallResult::State { have_vmc: true, state: QueryState::READY },
            "a  query() = ready",
        ),
        (RequestVmc, CallResult::DrcIndex(0x2000_0004), "a  request-vmc() = 0x20000004"),
        (
            Ioctl { number: 0xCC03 },
            CallResult::Error(Errno::EINVAL),
            "a  ioctl(0x0000cc03) = EINVAL",
        ),
        (Write { len_bytes: 12 }, bytes(None), "a  write(12) = 12"),
        (Read { len_bytes: 64 }, bytes(Some(0xAB)), "a  read(64) = 12 000000ab"),
        (Poll, CallResult::Polled(Polled::HungUp), "a  poll() = POLLIN|POLLERR|POLLHUP"),
        (Close, CallResult::Killed, "a  close() = killed"),
    ] {
        assert_eq!(shown_result(call, result), [line]);
    }
}

#[test]
fn a_call_that_never_returns_stays_open() {
    assert_eq!(shown(|run| run.call(0, DeviceCall::Poll)), ["a  poll()"]);
}

#[test]
fn a_return_is_not_joined_with_the_call_of_another_application() {
    let mut run = Run::new(&["a", "b"]);
    run.call(0, DeviceCall::Poll);
    run.returns(1, DeviceCall::Poll, CallResult::Polled(Polled::Nothing));
    assert_eq!(run.lines(), ["b  poll() = 0", "a  poll()"]);
}

#[test]
fn an_application_without_a_name_gets_its_number() {
    let mut run = Run::new(&[]);
    run.call(7, DeviceCall::Close);
    assert_eq!(run.lines(), ["app7  close()"]);
}

#[test]
fn results_of_crq_calls_are_shown_in_the_lane_of_their_caller() {
    let unit_address = UnitAddress(1);
    let lines = shown(|run| {
        run.free(ActorId::Task, ReturnCode::HARDWARE);
        let enable = Hcall::EnableCrq { unit_address };
        run.hcall(ActorId::Service, enable, ReturnCode::LONG_BUSY_10_MSEC, Subject::Channel);
        let call = Hcall::RequestVmc;
        run.hcall(ActorId::App(0), call, ReturnCode::NOT_AVAILABLE, Subject::Channel);
    });
    assert_eq!(
        lines,
        [
            "H_FREE_CRQ = H_Hardware",
            "H_REQUEST_VMC = H_Not_Available",
            "H_ENABLE_CRQ = H_LongBusyOrder10mSec",
        ]
    );
}

#[test]
fn busy_answers_fold_into_one_line() {
    let lines = shown(|run| {
        (0..3).for_each(|_| run.free(ActorId::Task, ReturnCode::BUSY));
        run.free(ActorId::Task, ReturnCode::SUCCESS);
    });
    assert_eq!(lines, ["H_FREE_CRQ = H_Busy  x3", "H_FREE_CRQ = H_Success"]);
}

#[test]
fn calls_and_events_of_the_machinery_are_left_out() {
    let (liobn, ioba, unit_address) = (Liobn(1), Ioba(0), UnitAddress(1));
    let lines = shown(|run| {
        let task = ActorId::Task;
        for call in [
            Hcall::GetTce { liobn, ioba },
            Hcall::PutTce { liobn, ioba, tce: Tce(3) },
            Hcall::Xirr,
            Hcall::Eoi { xirr: papr::Xirr(1) },
            Hcall::VioSignal { unit_address, mode: 1 },
            Hcall::SendCrq { unit_address, entry: CrqEntry::init(InitFormat::INITIALIZE) },
        ] {
            run.hcall(task, call, ReturnCode::SUCCESS, Subject::Channel);
        }
        run.record(task, Event::InterruptPending(Side::Mgmt));
        run.record(task, Event::Sleep(Waiting::Work));
        run.record(task, Event::Wake(ActorId::App(0)));
        run.record(ActorId::App(0), Event::SessionStarted(HmcIndex(0), HmcSession(1)));
    });
    assert_eq!(lines, [""; 0]);
}

#[test]
fn a_send_that_is_tried_again_is_not_shown() {
    let mut run = Run::new(&[]);
    run.boot(LIMITS);
    let text = run.text();
    run.fails_to_send(ActorId::Service, open(0, 1), ReturnCode::DROPPED);
    assert_eq!(run.text(), text);
    run.fails_to_send(ActorId::Service, open(0, 1), ReturnCode::CLOSED);
    assert_ne!(run.text(), text);
}

#[test]
fn a_failed_send_is_an_arrow_that_stops_short() {
    let mut run = Run::new(&["a"]);
    run.record(ActorId::App(0), Event::SessionStarted(HmcIndex(0), HmcSession(1)));
    run.fails_to_send(ActorId::App(0), open(0, 1), ReturnCode::DROPPED);
    run.fails_to_send(ActorId::Service, open_response(0, 1), ReturnCode::CLOSED);
    assert_eq!(
        run.lines(),
        [
            "              |------------------- INTERFACE OPEN a#1 buffer=0 -------------------x   H_Dropped",
            "               x-------------- INTERFACE OPEN RESPONSE a#1 buffer=0 ---------------|  H_Closed",
        ]
    );
}

#[test]
fn an_rdma_shows_direction_length_digest_and_failure() {
    let mut run = Run::new(&["a"]);
    let ok = Rdma {
        direction: RdmaDirection::ToMgmt,
        len_bytes: 4096,
        source: Ioba(0x1000),
        destination: Ioba(0x2000),
        digest: Some(0x12AB),
        buffer: None,
        code: ReturnCode::SUCCESS,
    };
    let (code, digest) = (ReturnCode::PERMISSION, None);
    let failed = Rdma { code, digest, direction: RdmaDirection::ToHyp, ..ok };
    let odd = Rdma { code: ReturnCode::S_PARM, direction: RdmaDirection::Other, ..failed };
    for rdma in [ok, failed, odd] {
        run.record(ActorId::BottomHalf, Event::Rdma(Subject::Channel, rdma));
    }
    assert_eq!(
        run.lines(),
        [
            "              |<====================== RDMA 4096 B 000012ab =======================|",
            "              |=========================== RDMA 4096 B ===========================>|  H_Permission",
            "              RDMA 4096 B  H_S_Parm",
        ]
    );
}

#[test]
fn a_message_that_nobody_takes_is_marked() {
    let mut run = Run::new(&["a"]);
    run.say(ActorId::Service, close_response(0, 1));
    let line = &run.lines()[0];
    assert!(line.ends_with("|  (not received)"), "{line}");
    run.take(Side::Mgmt);
    let line = &run.lines()[0];
    assert!(line.ends_with("index=0 session=1 ------------|"), "{line}");
}

#[test]
fn an_entry_that_the_next_round_of_the_queue_covers_was_not_received() {
    let mut run = Run::new(&["a"]);
    for element in [0, 0] {
        let (to, overlaid) = (Side::Hyp, None);
        let entry = CrqEntry::init(InitFormat::INITIALIZE);
        run.record(ActorId::Task, Event::Enqueued { to, element, entry, overlaid });
    }
    let by = Side::Hyp;
    let entry = CrqEntry::init(InitFormat::INITIALIZE);
    run.record(ActorId::Service, Event::Dequeued { by, element: 0, entry });
    let lines = run.lines();
    assert!(lines[0].ends_with(">|  (not received)") && lines[1].ends_with(">|"), "{lines:?}");
}

#[test]
fn a_transport_event_is_dotted_and_marks_the_message_it_overlaid() {
    let mut run = Run::new(&["a"]);
    let lost = open(0, 1).encode();
    run.send(ActorId::App(0), lost);
    let event = CrqEntry::transport_event(TransportEvent::PARTNER_FAILED);
    run.enqueue(ActorId::Platform, Side::Hyp, event, Some(lost));
    run.take(Side::Hyp);
    assert_eq!(
        run.lines(),
        [
            "              |------------ INTERFACE OPEN index=0 session=1 buffer=0 ------------>|  (overlaid)",
            "              |......................... partner failed ..........................>|",
        ]
    );
}

#[test]
fn a_transport_event_without_a_queue_to_go_to_is_shown_where_it_began() {
    let event = Event::Undelivered(TransportEvent::PARTNER_DEREGISTERED);
    let lines = shown(|run| {
        run.record(ActorId::Service, event.clone());
        run.record(ActorId::Platform, event);
    });
    let text = "partner deregistered: partner has no queue";
    assert_eq!(lines, [text.to_owned(), format!("*  {text}")]);
}

#[test]
fn states_breaches_and_the_operator_are_shown_in_words() {
    let lines = shown(|run| {
        run.record(ActorId::Platform, Event::Operator(OperatorAct::Start(Side::Hyp)));
        run.channel(Side::Hyp, "waiting for INIT");
        run.session(ActorId::BottomHalf, (3, 9), "ready");
        run.session(ActorId::Service, (3, 0), "seeded");
        let breach = ProtocolViolation::Mgmt(mgmt::ProtocolViolation::TooLong(5000));
        run.record(ActorId::BottomHalf, Event::ProtocolViolation(subject(3, 9), breach));
    });
    assert_eq!(
        lines,
        [
            "*  start the hypervisor's side",
            "channel: waiting for INIT",
            "slot 3: seeded",
            "session index=3 session=9: ready",
            "breach index=3 session=9: SIGNAL: 5000 bytes are longer than the MTU",
        ]
    );
}

#[test]
fn entries_without_a_meaning_are_shown_as_they_are() {
    let lines = shown(|run| {
        for high in [0xC007_0000_0000_0000, 0x8099_0000_0000_0001, 0x4200_0000_0000_0000] {
            run.send(ActorId::Service, CrqEntry::from_words(high, 2));
            run.take(Side::Mgmt);
        }
    });
    let texts: Vec<&str> =
        lines.iter().map(|line| line.trim_matches(['|', '<', '-', ' '])).collect();
    assert_eq!(
        texts,
        [
            "CRQ INIT, reserved 0x07 format",
            "unknown entry 8099000000000001 0000000000000002",
            "unknown entry 4200000000000000 0000000000000002",
        ]
    );
}

#[test]
fn a_message_shows_its_status_and_what_its_sender_left_in_reserved_bytes() {
    let (session, index, buffer) = (HmcSession(0), HmcIndex(4), BufferId(0));
    let lines = shown(|run| {
        run.tell(ActorId::Service, add_buffer(4, 0, 0, BufferOwner(7)));
        let status = Status(3);
        run.tell(
            ActorId::BottomHalf,
            Message::AddBufferResponse { status, session, index, buffer },
        );
        for status in [Status(0), Status(3)] {
            let message = Message::RemoveBufferResponse { status, session, index, buffer };
            run.tell(ActorId::BottomHalf, message);
        }
        let mut dirty = signal(4, 0, 9999, 100).encode();
        dirty.0[9] = 1;
        run.send(ActorId::Service, dirty);
        run.take(Side::Mgmt);
    });
    let texts: Vec<&str> =
        lines.iter().map(|line| line.trim_matches(['|', '<', '>', '-', ' '])).collect();
    assert_eq!(
        texts,
        [
            "ADD BUFFER slot 4 b0 owner=7?",
            "ADD BUFFER RESPONSE slot 4 b0 status=3",
            "REMOVE BUFFER RESPONSE slot 4 b0",
            "REMOVE BUFFER RESPONSE slot 4 status=3",
            "SIGNAL slot 4 buffer=9999 100 B reserved bytes 9 not zero",
        ]
    );
}
