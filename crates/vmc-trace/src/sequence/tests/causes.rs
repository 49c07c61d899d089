//! What is ordered after what, and what is not.

use super::protocol::{
    LIMITS, add_buffer, add_buffer_response, close, close_response, open, signal,
};
use super::run::{Run, subject};
use crate::act::OperatorAct;
use crate::event::Polled;
use crate::event::{
    ActorId, CallResult, DeviceCall, Event, FileNumber, Particulars, RdmaDirection, Side, Subject,
};
use crate::state::{ChannelState, ProtocolViolation, SessionState};
use papr::{CrqEntry, Hcall, InitFormat, ReturnCode, TransportEvent};
use vmc_proto::{BufferId, BufferOwner, Errno, HmcIndex, HmcSession, Limits, MessageType, mgmt};

const ENDED: SessionState = SessionState::Mgmt(mgmt::SessionState::Ended);

const READ: DeviceCall = DeviceCall::Read { len_bytes: 4096 };

fn booted(apps: &[&str], hmcs: u8) -> Run {
    let mut run = Run::new(apps);
    run.boot(Limits { hmcs, ..LIMITS });
    run
}

/// Asserts that the lines with these texts come in this order.
fn assert_order(run: &Run, texts: &[&str]) {
    let lines = run.lines();
    let mut rest = lines.iter();
    for text in texts {
        assert!(
            rest.any(|line| line.contains(text)),
            "{text} is not in its place:\n{}",
            run.text()
        );
    }
}

/// Moves a record to another place in the order of the run.
fn shift(run: &mut Run, from: usize, to: usize) {
    let record = run.records.remove(from);
    run.records.insert(to, record);
    for (seq, record) in (0..).zip(&mut run.records) {
        record.seq = seq;
    }
}

/// Makes sure that the call before it is not shown as late as it could be.
fn operator(run: &mut Run) {
    run.record(ActorId::Platform, Event::Operator(OperatorAct::AttachHmc));
}

fn position(run: &Run, find: impl Fn(&Event) -> bool) -> usize {
    run.records.iter().position(|record| find(&record.event)).expect("a record to find")
}

#[test]
fn the_side_that_registers_second_is_shown_second() {
    let mut run = Run::new(&[]);
    run.register(ActorId::Service, ReturnCode::CLOSED);
    run.register(ActorId::Task, ReturnCode::SUCCESS);
    assert_order(&run, &["  H_REG_CRQ = H_Closed", "  H_REG_CRQ = H_Success"]);
}

#[test]
fn a_registration_that_found_nobody_is_shown_after_the_partner_went() {
    let mut run = booted(&[], 1);
    run.free(ActorId::Service, ReturnCode::SUCCESS);
    run.free(ActorId::Task, ReturnCode::SUCCESS);
    run.register(ActorId::Task, ReturnCode::CLOSED);
    run.register(ActorId::Service, ReturnCode::SUCCESS);
    let lines = run.lines();
    let order: Vec<&str> = lines[lines.len() - 4..].iter().map(|line| line.trim()).collect();
    let free = "H_FREE_CRQ = H_Success";
    assert_eq!(order, [free, free, "H_REG_CRQ = H_Closed", "H_REG_CRQ = H_Success"]);
}

#[test]
fn a_reset_divides_everything_into_before_and_after() {
    let mut run = booted(&["a"], 1);
    run.open_file(0);
    run.open_session(0, (0, 1), 2);
    run.call(0, READ);
    operator(&mut run);
    let event = CrqEntry::transport_event(TransportEvent::PARTNER_DEREGISTERED);
    run.enqueue(ActorId::Service, Side::Mgmt, event, None);
    run.free(ActorId::Service, ReturnCode::SUCCESS);
    run.take(Side::Mgmt);
    run.channel(Side::Mgmt, "CRQ init");
    run.session(ActorId::BottomHalf, (0, 1), "ended");
    run.returns(0, READ, CallResult::Error(Errno::EBADFD));
    run.register(ActorId::Service, ReturnCode::SUCCESS);
    run.send(ActorId::Service, CrqEntry::init(InitFormat::INITIALIZE));
    run.take(Side::Mgmt);
    run.send(ActorId::BottomHalf, CrqEntry::init(InitFormat::COMPLETE));
    let tail = [
        "a  read(4096)",
        "*  attach an HMC",
        "partner deregistered",
        "channel: CRQ init",
        "session a#1: ended",
        "a  read(4096) = EBADFD",
        "H_FREE_CRQ = H_Success",
        "H_REG_CRQ = H_Success",
        "CRQ INIT",
        "CRQ INIT COMPLETE",
    ];
    let lines = run.lines();
    for (line, text) in lines[lines.len() - tail.len()..].iter().zip(tail) {
        assert!(line.contains(text), "{line} is not {text}:\n{}", run.text());
    }
}

#[test]
fn after_a_reset_a_seed_is_named_after_its_slot_again() {
    let mut run = booted(&["a"], 1);
    run.open_session(0, (0, 1), 0);
    run.close_session(0, (0, 1));
    run.boot(LIMITS);
    assert_order(&run, &["a's slot b0", "CAPABILITIES RESPONSE", "ADD BUFFER slot 0 b0"]);
}

#[test]
fn what_the_operator_does_orders_against_everything() {
    let mut run = booted(&["a"], 1);
    run.open_file(0);
    run.record(ActorId::Platform, Event::Operator(OperatorAct::Stop(Side::Hyp)));
    run.open_file(0);
    run.channel(Side::Hyp, "stopped");
    let text = "open() = 0";
    assert_order(&run, &["channel: ready", text, "*  stop the hypervisor's side", text]);
    assert_order(&run, &["*  stop the hypervisor's side", "channel: stopped"]);
}

#[test]
fn a_failing_call_is_shown_after_the_state_that_made_it_fail() {
    let mut run = booted(&["a"], 1);
    run.open_session(0, (0, 1), 0);
    run.call(0, READ);
    operator(&mut run);
    run.session(ActorId::BottomHalf, (0, 1), "ended");
    run.returns(0, READ, CallResult::Error(Errno::EBADFD));
    assert_order(&run, &["a  read(4096)", "*", "session a#1: ended", "a  read(4096) = EBADFD"]);
}

#[test]
fn a_read_that_close_ends_is_shown_after_the_close_however_late_it_comes_back() {
    let text = |late: bool| {
        let mut run = booted(&["a", "b"], 1);
        run.open_session(0, (0, 1), 0);
        run.call(0, READ);
        run.call(1, DeviceCall::Close);
        run.session(ActorId::App(1), (0, 1), "closing");
        if !late {
            run.returns(0, READ, CallResult::Error(Errno::EBADFD));
        }
        run.returns(1, DeviceCall::Close, CallResult::Ok);
        run.session(ActorId::BottomHalf, (0, 1), "ended");
        if late {
            run.returns(0, READ, CallResult::Error(Errno::EBADFD));
        }
        run.text()
    };
    assert_eq!(text(true), text(false));
}

#[test]
fn a_poll_is_shown_after_the_message_or_the_end_that_it_reports() {
    for (events, cause) in [(Polled::Readable, "RDMA 1 B"), (Polled::HungUp, "#1: ended")] {
        let mut run = booted(&["a"], 1);
        run.open_session(0, (0, 1), 2);
        run.call(0, DeviceCall::Poll);
        operator(&mut run);
        run.tell(ActorId::Service, signal(0, 1, 2, 1));
        run.rdma(ActorId::BottomHalf, RdmaDirection::ToMgmt, (0, 1), 2, b"x");
        run.session(ActorId::BottomHalf, (0, 1), "ended");
        run.returns(0, DeviceCall::Poll, CallResult::Polled(events));
        assert_order(&run, &["a  poll()", "*", cause, &format!("a  poll() = {events}")]);
    }
}

#[test]
fn a_read_is_shown_after_its_own_message_even_if_it_is_shorter() {
    let mut run = booted(&["a"], 1);
    run.open_session(0, (0, 1), 4);
    for (buffer, byte) in [(3, b"xx"), (4, b"yy")] {
        run.call(0, READ);
        operator(&mut run);
        run.tell(ActorId::Service, signal(0, 1, buffer, 2));
        run.rdma(ActorId::BottomHalf, RdmaDirection::ToMgmt, (0, 1), buffer, byte);
        let digest = Some(crate::digest(&byte[..1]));
        run.returns(0, READ, CallResult::Bytes { len_bytes: 1, digest });
    }
    assert_order(&run, &["*", "SIGNAL a#1 b3", "= 1", "*", "SIGNAL a#1 b4", "RDMA", "= 1"]);
}

#[test]
fn a_thread_without_a_session_of_its_own_reads_what_another_left() {
    let mut run = booted(&["a", "b"], 1);
    run.open_session(0, (0, 1), 2);
    run.call(1, READ);
    operator(&mut run);
    run.tell(ActorId::Service, signal(0, 1, 2, 1));
    run.rdma(ActorId::BottomHalf, RdmaDirection::ToMgmt, (0, 1), 2, b"x");
    let digest = Some(crate::digest(b"x"));
    run.returns(1, READ, CallResult::Bytes { len_bytes: 1, digest });
    let tail = ["b  read(4096)", "*", "SIGNAL", "RDMA 1 B", "b  read(4096) = 1"];
    assert_order(&run, &tail);
}

#[test]
fn a_reply_in_a_buffer_of_the_hypervisor_is_shown_after_the_request() {
    let mut run = booted(&["a"], 1);
    run.open_session(0, (0, 1), 2);
    let write = DeviceCall::Write { len_bytes: 1 };
    run.call(0, write.clone());
    run.tell(ActorId::App(0), signal(0, 1, 1, 1));
    run.tell(ActorId::Service, signal(0, 1, 2, 1));
    run.returns(0, write, CallResult::Bytes { len_bytes: 1, digest: None });
    assert_order(&run, &["a  write(1)", "SIGNAL a#1 b1", "SIGNAL a#1 b2"]);
}

#[test]
fn a_breach_is_shown_after_the_entry_that_it_is() {
    let mut run = booted(&["a"], 1);
    run.open_session(0, (0, 1), 2);
    run.tell(ActorId::Service, signal(0, 1, 9999, 1));
    let breach = ProtocolViolation::Mgmt(mgmt::ProtocolViolation::InvalidBuffer(
        MessageType::Signal,
        BufferId(9999),
    ));
    run.record(ActorId::BottomHalf, Event::ProtocolViolation(subject(0, 1), breach));
    let told = "breach a#1: SIGNAL: invalid buffer 9999";
    assert_order(&run, &["session a#1: ready", "buffer=9999", told]);
}

#[test]
fn the_only_index_passes_from_session_to_session_in_the_text() {
    let mut run = booted(&["a", "b"], 1);
    run.open_session(1, (0, 1), 0);
    run.close_session(1, (0, 1));
    run.open_session(0, (0, 2), 0);
    assert_order(&run, &["INTERFACE CLOSE RESPONSE b#1", "b's slot b0", "INTERFACE OPEN a#1 b0"]);
}

/// A manager's change is an event for another one.
#[test]
fn what_a_message_has_sent_to_another_session_comes_after_it() {
    let mut run = booted(&["a", "b"], 2);
    run.open_session(0, (0, 1), 2);
    run.open_session(1, (1, 1), 2);
    run.tell(ActorId::App(1), signal(1, 1, 0, 10));
    let prompted = Event::Prompted(HmcIndex(0), HmcSession(1), BufferId(2));
    run.record(ActorId::Service, prompted);
    run.say(ActorId::Service, signal(0, 1, 2, 20));
    assert_order(&run, &["SIGNAL b#1 b0 10 B", "SIGNAL a#1 b2 20 B"]);
    run.records.retain(|record| !matches!(record.event, Event::Prompted(..)));
    assert_order(&run, &["SIGNAL a#1 b2 20 B", "SIGNAL b#1 b0 10 B"]);
}

/// The hypervisor's side has ended the session, and seeds the index again; that its answer is lost changes nothing there.
#[test]
fn a_seed_comes_after_the_session_whose_close_response_was_lost() {
    let mut run = booted(&["a"], 2);
    run.open_session(0, (0, 1), 0);
    run.call(0, DeviceCall::Close);
    run.session(ActorId::App(0), (0, 1), "closing");
    run.say(ActorId::App(0), close(0, 1));
    run.returns(0, DeviceCall::Close, CallResult::Ok);
    run.take(Side::Hyp);
    run.session(ActorId::Service, (0, 1), "closed");
    run.seed(0);
    assert_order(&run, &["INTERFACE CLOSE a#1", "session a#1: closed", "a's slot b0 owner=mgmt"]);
}

#[test]
fn which_of_several_indexes_a_session_got_leaves_no_mark() {
    let text = |first: u8| {
        let mut run = booted(&["a", "b"], 2);
        run.open_session(1, (first, 1), 0);
        run.open_session(0, (1 - first, 1), 0);
        run.close_session(1, (first, 1));
        run.text()
    };
    assert_eq!(text(0), text(1));
}

#[test]
fn a_session_number_that_comes_again_names_the_new_session() {
    let mut run = booted(&["a", "b"], 1);
    run.open_session(0, (0, 7), 0);
    run.close_session(0, (0, 7));
    run.open_session(1, (0, 7), 0);
    run.close_session(1, (0, 7));
    assert_order(&run, &["CLOSE RESPONSE a#1", "OPEN RESPONSE b#1", "CLOSE RESPONSE b#1"]);
}

#[test]
fn an_entry_recorded_after_its_receiver_took_it_changes_nothing() {
    let mut run = booted(&["a"], 1);
    run.open_session(0, (0, 1), 2);
    let expected = run.text();
    let is_open = |event: &Event| matches!(event, Event::Enqueued { entry, .. } if *entry == open(0, 1).encode());
    let sent = position(&run, is_open);
    let taken = position(
        &run,
        |event| matches!(event, Event::Dequeued { entry, .. } if *entry == open(0, 1).encode()),
    );
    shift(&mut run, taken, sent);
    assert_eq!(run.text(), expected);
}

#[test]
fn an_actor_that_is_stopped_before_it_records_may_be_late_by_any_number_of_records() {
    let mut run = Run::new(&["a"]);
    run.send(ActorId::App(0), open(0, 1).encode());
    run.take(Side::Hyp);
    for _ in 0..300 {
        run.say(ActorId::Service, close_response(0, 1));
        run.take(Side::Mgmt);
    }
    let expected = run.text();
    assert!(!expected.contains("(not received)"), "{expected}");
    let last = run.records.len() - 1;
    shift(&mut run, 0, last);
    assert_eq!(run.text(), expected);
}

#[test]
fn a_registration_recorded_after_the_partner_acted_on_it_changes_nothing() {
    let mut run = Run::new(&[]);
    run.register(ActorId::Service, ReturnCode::CLOSED);
    run.register(ActorId::Task, ReturnCode::SUCCESS);
    run.send(ActorId::Task, CrqEntry::init(InitFormat::INITIALIZE));
    run.take(Side::Hyp);
    let expected = run.text();
    for late_by in 1..3 {
        let mut run = run.clone();
        shift(&mut run, 0, late_by);
        assert_eq!(run.text(), expected, "late by {late_by}");
    }
    // The other side's record is the late one.
    let mut run = booted(&[], 1);
    let expected = run.text();
    shift(&mut run, 0, 2);
    assert_eq!(run.text(), expected);
}

#[test]
fn a_message_is_not_taken_for_an_earlier_one_that_its_sender_left_out() {
    let mut run = Run::new(&[]);
    let (by, element, to, overlaid) = (Side::Hyp, 0, Side::Hyp, None);
    let entry = CrqEntry::init(InitFormat::INITIALIZE);
    run.record(ActorId::Service, Event::Dequeued { by, element, entry });
    run.channel(Side::Hyp, "failed");
    run.record(ActorId::Task, Event::ChannelState(ChannelState::initial(Side::Mgmt)));
    run.record(ActorId::Task, Event::Enqueued { to, element, entry, overlaid });
    assert!(run.text().contains("(not received)"), "{}", run.text());
}

#[test]
fn an_answer_is_never_shown_before_what_it_answers() {
    let mut run = booted(&["a"], 1);
    run.open_session(0, (0, 1), 0);
    run.tell(ActorId::Service, add_buffer(0, 1, 5, BufferOwner::MANAGEMENT));
    run.record(ActorId::App(0), Event::Call(DeviceCall::Close, Particulars::default()));
    run.tell(ActorId::App(0), close(0, 1));
    run.tell(ActorId::Service, close_response(0, 1));
    let (index, session) = (HmcIndex(0), HmcSession(1));
    run.record(ActorId::BottomHalf, Event::SessionState(index, session, ENDED));
    assert_order(&run, &["a  close()", "CLOSE a#1", "CLOSE RESPONSE a#1", "session a#1: ended"]);
}

#[test]
fn nothing_reaches_a_queue_before_it_is_registered() {
    let mut run = Run::new(&["a"]);
    run.register(ActorId::Service, ReturnCode::CLOSED);
    run.call(0, DeviceCall::RequestVmc);
    run.hcall(ActorId::App(0), Hcall::RequestVmc, ReturnCode::SUCCESS, Subject::Channel);
    run.register(ActorId::Task, ReturnCode::SUCCESS);
    run.send(ActorId::Service, CrqEntry::init(InitFormat::INITIALIZE));
    run.take(Side::Mgmt);
    let order = ["H_REG_CRQ = H_Closed", "a  request", "H_REQUEST_VMC", "H_REG_CRQ", "CRQ INIT"];
    assert_order(&run, &order);
    // Neither if the record of the registration comes after that of the entry.
    let init = position(&run, |event| matches!(event, Event::Enqueued { .. }));
    shift(&mut run, init, init - 1);
    assert_order(&run, &order);
}

#[test]
fn what_an_application_does_in_a_session_is_shown_after_the_state_that_allows_it() {
    let write = DeviceCall::Write { len_bytes: 1 };
    let mut run = booted(&["a"], 1);
    run.open_session(0, (0, 1), 2);
    run.call(0, write.clone());
    operator(&mut run);
    run.session(ActorId::BottomHalf, (0, 1), "opening");
    run.rdma(ActorId::App(0), RdmaDirection::ToHyp, (0, 1), 1, b"x");
    run.say(ActorId::App(0), signal(0, 1, 1, 1));
    assert_order(&run, &["a  write(1)", "*", "session a#1: opening", "RDMA 1 B", "SIGNAL"]);
    run.records
        .retain(|record| !matches!(record.event, Event::Rdma(_, rdma) if rdma.len_bytes == 1));
    assert_order(&run, &["a  write(1)", "*", "session a#1: opening", "SIGNAL"]);
}

#[test]
fn a_channel_is_ready_after_the_answers_that_make_it_so() {
    let mut run = booted(&["a"], 1);
    run.tell(ActorId::Service, add_buffer(0, 0, 0, BufferOwner::MANAGEMENT));
    run.call(0, DeviceCall::Poll);
    run.channel(Side::Mgmt, "seeding");
    run.tell(ActorId::BottomHalf, add_buffer_response(0, 0, 0));
    run.channel(Side::Hyp, "ready");
    assert_order(&run, &["a  poll()", "channel: seeding", "BUFFER RESPONSE", "channel: ready"]);
}

#[test]
fn a_buffer_is_used_again_after_its_message_was_copied() {
    let write = DeviceCall::Write { len_bytes: 1 };
    let mut run = booted(&["a", "b"], 1);
    run.open_session(0, (0, 1), 2);
    run.call(1, write);
    operator(&mut run);
    run.tell(ActorId::Service, signal(0, 1, 2, 1));
    run.rdma(ActorId::BottomHalf, RdmaDirection::ToMgmt, (0, 1), 2, b"x");
    run.rdma(ActorId::App(1), RdmaDirection::ToHyp, (0, 1), 2, b"yy");
    assert_order(&run, &["*", "SIGNAL", "RDMA 1 B", "RDMA 2 B"]);
}

#[test]
fn of_several_sessions_a_read_belongs_to_the_one_with_its_bytes() {
    let mut run = booted(&["a"], 2);
    for index in 0..2 {
        run.open_session(0, (index, 1), 2);
    }
    let arrives = |run: &mut Run, index: u8, bytes: &[u8]| {
        run.tell(ActorId::Service, signal(index, 1, 2, bytes.len() as u32));
        run.rdma(ActorId::BottomHalf, RdmaDirection::ToMgmt, (index, 1), 2, bytes);
    };
    arrives(&mut run, 0, b"x");
    run.call(0, READ);
    operator(&mut run);
    arrives(&mut run, 1, b"yy");
    let digest = Some(crate::digest(b"yy"));
    run.returns(0, READ, CallResult::Bytes { len_bytes: 2, digest });
    assert_order(&run, &["RDMA 1 B", "a  read(4096)", "*", "RDMA 2 B", "a  read(4096) = 2"]);
}

#[test]
fn what_a_thread_does_after_a_flag_comes_after_what_its_poster_did_before() {
    let mut run = booted(&["a", "b"], 1);
    run.call(1, DeviceCall::Query);
    run.returns(1, DeviceCall::Query, CallResult::Ok);
    run.record(ActorId::App(1), Event::Posted(String::from("go")));
    run.record(ActorId::App(0), Event::Awaited(String::from("go")));
    run.call(0, DeviceCall::Poll);
    run.returns(0, DeviceCall::Poll, CallResult::Ok);
    assert_order(&run, &["b  query()", "a  poll()"]);
    run.records.retain(|record| !matches!(record.event, Event::Awaited(_)));
    assert_order(&run, &["a  poll()", "b  query()"]);
}

#[test]
fn what_a_thread_does_after_it_saw_a_session_end_comes_after_what_ended_it() {
    let of_file = Particulars { file: Some(FileNumber(0)), ..Particulars::default() };
    let after = |is_closed: bool| {
        let mut run = booted(&["a", "b"], 1);
        let set_hmc_id = DeviceCall::SetHmcId { id: "A".to_owned() };
        run.record(ActorId::App(1), Event::Call(set_hmc_id, of_file));
        run.open_session(1, (0, 1), 0);
        if is_closed {
            run.record(ActorId::App(1), Event::Call(DeviceCall::Close, of_file));
            run.returns(1, DeviceCall::Close, CallResult::Ok);
        } else {
            run.session(ActorId::BottomHalf, (0, 1), "ended");
        }
        run.record(ActorId::App(0), Event::SawEnd(FileNumber(0)));
        run.call(0, DeviceCall::Query);
        run.returns(0, DeviceCall::Query, CallResult::Ok);
        run
    };
    for (is_closed, cause) in [(true, "b  close()"), (false, "b#1: ended")] {
        let mut run = after(is_closed);
        assert_order(&run, &[cause, "a  query()"]);
        run.records.retain(|record| !matches!(record.event, Event::SawEnd(_)));
        assert_order(&run, &["a  query()", cause]);
    }
}

#[test]
fn what_happens_at_a_later_time_is_shown_later() {
    let text = |gap_ns| {
        let mut run = Run::new(&["a", "b"]);
        run.call(1, DeviceCall::Poll);
        run.returns(1, DeviceCall::Poll, CallResult::Ok);
        run.now_ns += gap_ns;
        run.call(0, DeviceCall::Query);
        run.returns(0, DeviceCall::Query, CallResult::Ok);
        run
    };
    assert_order(&text(1), &["b  poll()", "a  query()"]);
    assert_order(&text(0), &["a  query()", "b  poll()"]);
}
