//! Right results pass, and each wrong one is seen.

use super::Checker;
use crate::Setting;
use crate::device::watch_alone;
use crate::testing::assert_reports;
use crate::testing::ours;
use crate::testing::trace_builder::setting;
use crate::testing::trace_builder::{
    APP, FILE, FIRST, INDEX, MTU, TraceBuilder, copy, digest, signal,
};
use papr::{CrqEntry, ReturnCode, TransportEvent};
use vmc_proto::mgmt::{ChannelState, QueryState, SessionState};
use vmc_proto::{BufferId, Errno, Message, Profile, Status};
use vmc_trace::{
    ActorId, CallResult, DeviceCall, Event, Particulars, Polled, RdmaDirection, Subject,
};

const READ: DeviceCall = DeviceCall::Read { len_bytes: 64 };
const WRITE: DeviceCall = DeviceCall::Write { len_bytes: 8 };
const OPEN: DeviceCall = DeviceCall::Open { nonblock: false };

fn problems(builder: TraceBuilder) -> Vec<String> {
    watch_alone(&builder.trace(), &setting(), Checker::default())
}

/// What is wrong if the call comes to this at the end of the trace.
fn verdict(builder: TraceBuilder, call: DeviceCall, result: CallResult) -> Vec<String> {
    problems(builder.calls(APP, call.clone()).returns(APP, call, result))
}

/// What is wrong with the trace of a driver with the Linux profile.
fn on_linux(builder: TraceBuilder) -> Vec<String> {
    let linux = Setting { profile: Profile::Linux, ..setting() };
    watch_alone(&builder.trace(), &linux, Checker::default())
}

#[track_caller]
fn assert_good(problems: &[String]) {
    assert_eq!(problems, [""; 0]);
}

fn bytes(len_bytes: u64) -> CallResult {
    CallResult::Bytes { len_bytes, digest: None }
}

fn message(len_bytes: u64, digest: u32) -> CallResult {
    CallResult::Bytes { len_bytes, digest: Some(digest) }
}

/// The session of the trace is over.
fn ended(builder: TraceBuilder) -> TraceBuilder {
    builder
        .takes(CrqEntry::transport_event(TransportEvent::PARTNER_FAILED))
        .and(ActorId::BottomHalf, ours::session(SessionState::Ended))
        .and(ActorId::BottomHalf, ours::channel(ChannelState::CrqInit))
}

#[test]
fn a_right_run_passes() {
    let close = DeviceCall::Close;
    let run = TraceBuilder::session()
        .writes(APP, 1, 8)
        .fetches(2, 16)
        .calls(APP, READ)
        .returns(APP, READ, message(16, digest(2)))
        .calls(APP, close.clone())
        .and(ActorId::App(APP), ours::session(SessionState::Closing))
        .returns(APP, close, CallResult::Ok);
    assert_good(&problems(run));
}

#[test]
fn driver_document_initialization_open_is_busy_until_it_has_completed() {
    let open = |result| {
        let call = Event::Call(OPEN, Particulars::default());
        move |builder: TraceBuilder| {
            builder
                .and(ActorId::App(1), call.clone())
                .and(ActorId::App(1), Event::Return(OPEN, result, None))
        }
    };
    let seeding =
        || TraceBuilder::default().and(ActorId::BottomHalf, ours::channel(ChannelState::Seeding));
    let failed =
        || TraceBuilder::default().and(ActorId::BottomHalf, ours::channel(ChannelState::Failed));
    assert_good(&problems(open(CallResult::Error(Errno::EBUSY))(seeding())));
    assert_reports(
        &problems(open(CallResult::Ok)(seeding())),
        &["thread 1: open() = 0: the initialization had not completed"],
    );
    assert_reports(
        &problems(open(CallResult::Error(Errno::EBUSY))(TraceBuilder::ready())),
        &["thread 1: open() = EBUSY: the channel was ready"],
    );
    assert_good(&problems(open(CallResult::Error(Errno::EIO))(failed())));
    assert_reports(
        &problems(open(CallResult::Error(Errno::ENOMEM))(failed())),
        &["thread 1: open() = ENOMEM: nothing that open() comes to"],
    );
    for builder in [seeding(), failed()] {
        assert_good(&on_linux(open(CallResult::Ok)(builder)));
    }
}

#[test]
fn driver_document_open_the_hmc_id_has_32_bytes_and_starts_a_session() {
    let id = || DeviceCall::SetHmcId { id: String::from("HMC") };
    let with = |len_bytes, starts: bool| {
        let builder = TraceBuilder::ready().opens(APP, FILE).calls(APP, id());
        let builder = match starts {
            true => builder.and(ActorId::App(APP), Event::SessionStarted(INDEX, FIRST)),
            false => builder,
        };
        problems(builder.copies_to_hyp(APP, 0, len_bytes).returns(APP, id(), CallResult::Ok))
    };
    assert_good(&with(32, true));
    assert_reports(
        &with(MTU, true),
        &["thread 0: set-hmc-id(\"HMC\") = 0: it has not copied the 32 bytes of the HMC ID"],
    );
    assert_reports(
        &with(32, false),
        &["thread 0: set-hmc-id(\"HMC\") = 0: it has started no session"],
    );
    let on_free = TraceBuilder::ready().opens(APP, FILE);
    assert_reports(
        &verdict(on_free.clone(), id(), CallResult::Error(Errno::EBUSY)),
        &["thread 0: set-hmc-id(\"HMC\") = EBUSY: an index was free, and its seed buffer there"],
    );
    assert_reports(
        &verdict(on_free, id(), CallResult::Error(Errno::EIO)),
        &[
            "thread 0: set-hmc-id(\"HMC\") = EIO: the channel was ready, the file without a session, and nothing failed",
        ],
    );
    assert_good(&verdict(TraceBuilder::session(), id(), CallResult::Error(Errno::EBUSY)));
    // An invented message has told the driver of a session that was not opened.
    let (session, index, buffer, status) = (FIRST, INDEX, BufferId(0), Status::SUCCESS);
    let made_up = Message::InterfaceOpenResponse { status, session, index, buffer };
    let misled = TraceBuilder::ready().takes(made_up.encode()).opens(APP, FILE);
    assert_good(&verdict(misled, id(), CallResult::Error(Errno::EBUSY)));
}

/// The last call on a file that was closed sends its Interface Close, which may fail. That is no result of the call.
#[test]
fn linux_the_close_of_a_file_is_no_part_of_the_last_call_on_it() {
    let id = || DeviceCall::SetHmcId { id: String::from("HMC") };
    let (session, index, buffer) = (FIRST, INDEX, BufferId(0));
    let open = Message::InterfaceOpen { session, index, buffer }.encode();
    let close = Message::InterfaceClose { session, index }.encode();
    let sends = |entry, code| ours::sends(entry, code);
    let run = |opened, closed| {
        let of_app = ActorId::App(APP);
        on_linux(
            TraceBuilder::ready()
                .opens(APP, FILE)
                .calls(APP, id())
                .and(of_app, Event::SessionStarted(INDEX, FIRST))
                .copies_to_hyp(APP, 0, 32)
                .and(of_app, sends(open, opened))
                .and(of_app, sends(close, closed))
                .returns(APP, id(), CallResult::Ok),
        )
    };
    assert_good(&run(ReturnCode::SUCCESS, ReturnCode::CLOSED));
    assert_reports(
        &run(ReturnCode::CLOSED, ReturnCode::SUCCESS),
        &["thread 0: set-hmc-id(\"HMC\") = 0: Interface Open was not sent"],
    );
}

#[test]
fn driver_document_runtime_write_that_succeeds_was_copied_and_signalled() {
    let builder = || TraceBuilder::session().calls(APP, WRITE);
    let told = |builder: TraceBuilder, why: &str| {
        let why = format!("thread 0: write(8) = 8: {why}");
        assert_reports(&problems(builder.returns(APP, WRITE, bytes(8))), &[&why]);
    };
    told(builder(), "the message was not copied");
    told(builder().copies_to_hyp(APP, 1, 8), "no SIGNAL announces the message");
    told(
        builder().copies_to_hyp(APP, 1, 7).sends(ActorId::App(APP), signal(FIRST, 1, 7)),
        "the message was not copied",
    );
    let refused = copy(RdmaDirection::ToHyp, 1, 8);
    let refused = vmc_trace::Rdma { code: ReturnCode::PERMISSION, digest: None, ..refused };
    let refused = Event::Rdma(Subject::Session(INDEX, FIRST), refused);
    told(builder().and(ActorId::App(APP), refused.clone()), "the message was not copied");
    let failed = builder().and(ActorId::App(APP), refused);
    assert_good(&problems(failed.returns(APP, WRITE, CallResult::Error(Errno::EIO))));
    assert_reports(
        &verdict(ended(TraceBuilder::session()), WRITE, bytes(8)),
        &["thread 0: write(8) = 8: the session was never ready"],
    );
}

#[test]
fn driver_document_runtime_write_is_busy_only_without_a_buffer() {
    let busy = CallResult::Error(Errno::EBUSY);
    assert_reports(
        &verdict(TraceBuilder::session(), WRITE, busy.clone()),
        &["thread 0: write(8) = EBUSY: the session was ready and had a buffer"],
    );
    let used_up = || TraceBuilder::session().writes(APP, 0, 8).writes(APP, 1, 8);
    assert_good(&verdict(used_up(), WRITE, busy.clone()));
    // An unread message keeps its buffer; once it is read, the buffer is free.
    let unread = used_up().fetches(2, 16);
    assert_good(&verdict(unread.clone(), WRITE, busy.clone()));
    let read = unread.calls(APP, READ).returns(APP, READ, message(16, digest(2)));
    assert_reports(
        &verdict(read, WRITE, busy.clone()),
        &["thread 0: write(8) = EBUSY: the session was ready and had a buffer"],
    );
    let dropped = ours::sends(signal(FIRST, 1, 8), ReturnCode::DROPPED);
    let dropped = TraceBuilder::session()
        .calls(APP, WRITE)
        .copies_to_hyp(APP, 1, 8)
        .and(ActorId::App(APP), dropped);
    assert_good(&problems(dropped.returns(APP, WRITE, busy)));
}

#[test]
fn driver_document_runtime_write_fails_for_a_reason() {
    let error = CallResult::Error(Errno::EIO);
    assert_reports(
        &verdict(TraceBuilder::session(), WRITE, error.clone()),
        &["thread 0: write(8) = EIO: the session was ready, and nothing failed"],
    );
    let long = DeviceCall::Write { len_bytes: u64::from(MTU) + 1 };
    assert_good(&verdict(TraceBuilder::session(), long.clone(), error.clone()));
    assert_reports(
        &verdict(TraceBuilder::session(), long, bytes(65)),
        &["thread 0: write(65) = 65: the message was not copied"],
    );
    assert_good(&verdict(ended(TraceBuilder::session()), WRITE, error.clone()));
    assert_good(&verdict(TraceBuilder::ready().opens(APP, FILE), WRITE, error));
    assert_reports(
        &verdict(TraceBuilder::session(), WRITE, CallResult::Error(Errno::EFAULT)),
        &["thread 0: write(8) = EFAULT: the memory was good"],
    );
}

#[test]
fn driver_document_runtime_read_fails_for_a_reason() {
    let on = |builder: TraceBuilder, errno| verdict(builder, READ, CallResult::Error(errno));
    assert_reports(
        &on(TraceBuilder::session(), Errno::EIO),
        &["thread 0: read(64) = EIO: the file has a session, and no RDMA of a message has failed"],
    );
    assert_reports(
        &on(TraceBuilder::session(), Errno::EBADFD),
        &["thread 0: read(64) = EBADFD: the session was not over"],
    );
    assert_reports(
        &on(TraceBuilder::session(), Errno::EAGAIN),
        &["thread 0: read(64) = EAGAIN: the file blocks, or there was something to read"],
    );
    assert_reports(
        &on(TraceBuilder::session(), Errno::EINTR),
        &["thread 0: read(64) = EINTR: no signal has come"],
    );
    let interrupted = |builder: TraceBuilder| {
        let builder = builder.calls(APP, READ).and(ActorId::App(APP), Event::Signalled);
        problems(builder.returns(APP, READ, CallResult::Error(Errno::EINTR)))
    };
    assert_good(&interrupted(TraceBuilder::session()));
    assert_reports(
        &interrupted(TraceBuilder::session().fetches(2, 16)),
        &["thread 0: read(64) = EINTR: the file does not block, or there was something to read"],
    );
    assert_good(&on(ended(TraceBuilder::session()), Errno::EBADFD));
    assert_reports(
        &on(ended(TraceBuilder::session()), Errno::EIO),
        &["thread 0: read(64) = EIO: the file has a session, and no RDMA of a message has failed"],
    );
    assert_good(&on(TraceBuilder::ready().opens(APP, FILE), Errno::EIO));
    assert_reports(
        &on(TraceBuilder::session(), Errno::EINVAL),
        &["thread 0: read(64) = EINVAL: nothing that read() comes to"],
    );
    assert_reports(
        &verdict(TraceBuilder::session(), READ, message(5, 5)),
        &["thread 0: read(64) = 5 00000005: nothing was there to read"],
    );
    assert_reports(
        &verdict(TraceBuilder::session(), READ, message(0, 0)),
        &["thread 0: read(64) = 0 00000000: no empty message was there"],
    );
}

#[test]
fn a_reader_is_told_once_of_a_message_that_could_not_be_fetched() {
    let rdma = copy(RdmaDirection::ToMgmt, 2, 16);
    let failed = vmc_trace::Rdma { code: ReturnCode::PERMISSION, digest: None, ..rdma };
    let entry = signal(FIRST, 2, 16);
    let builder = TraceBuilder::session()
        .takes(entry)
        .and(ActorId::BottomHalf, Event::Rdma(Subject::Session(INDEX, FIRST), failed));
    let told = builder.calls(APP, READ).returns(APP, READ, CallResult::Error(Errno::EIO));
    assert_good(&problems(told.clone()));
    assert_reports(
        &verdict(told, READ, CallResult::Error(Errno::EIO)),
        &["thread 0: read(64) = EIO: the file has a session, and no RDMA of a message has failed"],
    );
}

#[test]
fn driver_document_runtime_poll_reports_what_there_is() {
    let look = Particulars { file: Some(FILE), ..Particulars::default() };
    let looks =
        |builder: TraceBuilder| builder.and(ActorId::App(APP), Event::Call(DeviceCall::Poll, look));
    let told = |builder: TraceBuilder, events| {
        looks(builder).returns(APP, DeviceCall::Poll, CallResult::Polled(events))
    };
    let poll = |builder, events| problems(told(builder, events));
    let (nothing, readable, over) = (Polled::Nothing, Polled::Readable, Polled::HungUp);
    assert_good(&poll(TraceBuilder::session(), nothing));
    assert_reports(
        &poll(TraceBuilder::session(), readable),
        &["thread 0: poll() = POLLIN: nothing was there to read"],
    );
    assert_reports(
        &poll(TraceBuilder::session(), over),
        &["thread 0: poll() = POLLIN|POLLERR|POLLHUP: the session was not over"],
    );
    assert_good(&poll(TraceBuilder::session().fetches(2, 16), readable));
    assert_reports(
        &poll(TraceBuilder::session().fetches(2, 16), nothing),
        &["thread 0: poll() = 0: there was something to report"],
    );
    assert_good(&poll(ended(TraceBuilder::session()), over));
    assert_reports(
        &poll(ended(TraceBuilder::session()), nothing),
        &["thread 0: poll() = 0: there was something to report"],
    );
    assert_good(&on_linux(told(ended(TraceBuilder::session()), readable)));
    assert_reports(
        &on_linux(told(ended(TraceBuilder::session()), over)),
        &["thread 0: poll() = POLLIN|POLLERR|POLLHUP: nothing that poll() comes to"],
    );
}

#[test]
fn a_poll_that_waits_ends_without_an_event_only_when_a_signal_comes() {
    let waits = |builder: TraceBuilder| builder.calls(APP, DeviceCall::Poll);
    let ends =
        |builder: TraceBuilder, result| problems(builder.returns(APP, DeviceCall::Poll, result));
    let (nothing, interrupted) =
        (CallResult::Polled(Polled::Nothing), CallResult::Error(Errno::EINTR));
    let signalled = |builder: TraceBuilder| waits(builder).and(ActorId::App(APP), Event::Signalled);
    assert_reports(
        &ends(waits(TraceBuilder::session()), nothing.clone()),
        &["thread 0: poll() = 0: it waits until there is something to report, or a signal comes"],
    );
    assert_reports(
        &ends(signalled(TraceBuilder::session()), nothing),
        &["thread 0: poll() = 0: it waits until there is something to report, or a signal comes"],
    );
    assert_reports(
        &ends(waits(TraceBuilder::session()), interrupted.clone()),
        &["thread 0: poll() = EINTR: no signal has come"],
    );
    assert_good(&ends(signalled(TraceBuilder::session()), interrupted.clone()));
    let readable = signalled(TraceBuilder::session().fetches(2, 16));
    assert_reports(
        &ends(readable, interrupted),
        &["thread 0: poll() = EINTR: it does not wait, or there was something to report"],
    );
}

#[test]
fn linux_read_looks_at_its_length_first() {
    let read = |builder: TraceBuilder, len_bytes, result| {
        let call = DeviceCall::Read { len_bytes };
        on_linux(builder.calls(APP, call.clone()).returns(APP, call, result))
    };
    let long = u64::from(MTU) + 1;
    for builder in [
        TraceBuilder::ready().opens(APP, FILE),
        TraceBuilder::session(),
        ended(TraceBuilder::session()),
    ] {
        assert_good(&read(builder.clone(), 0, message(0, 0)));
        assert_reports(
            &read(builder.clone(), 0, CallResult::Error(Errno::EIO)),
            &["thread 0: read(0) = EIO: 0 bytes are read at once"],
        );
        assert_good(&read(builder.clone(), long, CallResult::Error(Errno::EINVAL)));
        assert_reports(
            &read(builder, long, CallResult::Error(Errno::EBADFD)),
            &["thread 0: read(65) = EBADFD: the buffer is longer than the MTU"],
        );
    }
}

#[test]
fn linux_write_of_nothing_needs_an_open_session() {
    let nothing = DeviceCall::Write { len_bytes: 0 };
    let write = |builder: TraceBuilder, result| {
        on_linux(builder.calls(APP, nothing.clone()).returns(APP, nothing.clone(), result))
    };
    assert_good(&write(TraceBuilder::session(), bytes(0)));
    assert_reports(
        &write(ended(TraceBuilder::session()), bytes(0)),
        &["thread 0: write(0) = 0: the session was never ready"],
    );
    let used_up = TraceBuilder::session().writes(APP, 0, 8).writes(APP, 1, 8);
    assert_good(&write(used_up.clone(), CallResult::Error(Errno::EBUSY)));
    assert_reports(
        &verdict(used_up, nothing, CallResult::Error(Errno::EBUSY)),
        &["thread 0: write(0) = EBUSY: 0 bytes need no buffer"],
    );
}

#[test]
fn linux_close_leaves_others_alone_and_the_last_one_releases_the_file() {
    let closed = |builder: TraceBuilder| {
        builder.calls(1, DeviceCall::Close).returns(1, DeviceCall::Close, CallResult::Ok)
    };
    let asleep = || {
        let sleep = Event::Sleep(vmc_trace::Waiting::Call);
        closed(TraceBuilder::session().calls(APP, READ).and(ActorId::App(APP), sleep))
    };
    assert_good(&on_linux(asleep()));
    assert_reports(
        &on_linux(closed(TraceBuilder::session())),
        &["thread 1: close() = 0: it was the last call on a closed file, whose session goes on"],
    );
    let woken = asleep().returns(APP, READ, CallResult::Error(Errno::EBADFD));
    assert_reports(&on_linux(woken), &["thread 0: read(64) = EBADFD: the session was not over"]);
    let read = asleep().fetches(2, 16);
    let kept = read.clone().returns(APP, READ, message(16, digest(2)));
    assert_reports(
        &on_linux(kept),
        &[
            "thread 0: read(64) = 16 0000d002: it was the last call on a closed file, whose session goes on",
        ],
    );
    let released = read.and(ActorId::App(APP), ours::session(SessionState::Closing)).returns(
        APP,
        READ,
        message(16, digest(2)),
    );
    assert_good(&on_linux(released));
    let polls = closed(TraceBuilder::session().calls(APP, DeviceCall::Poll))
        .and(ActorId::App(APP), ours::session(SessionState::Closing));
    let invalid = polls.returns(APP, DeviceCall::Poll, CallResult::Polled(Polled::Invalid));
    assert_good(&on_linux(invalid));
}

#[test]
fn requestvmc_calls_again_while_the_hypervisor_is_busy() {
    let request = DeviceCall::RequestVmc;
    let asks = |code| {
        let call = papr::Hcall::RequestVmc;
        let (result, subject) = (code, Subject::Channel);
        Event::Hcall { call, result: papr::HcallReturn { code: result, r4: 0 }, subject }
    };
    let busy = TraceBuilder::ready()
        .opens(APP, FILE)
        .calls(APP, request.clone())
        .and(ActorId::App(APP), asks(ReturnCode::BUSY));
    let given_up = busy.clone().returns(APP, request.clone(), CallResult::Error(Errno::EIO));
    assert_reports(
        &problems(given_up),
        &["thread 0: request-vmc() = EIO: H_REQUEST_VMC was busy, and was not called again"],
    );
    for before in [busy.clone(), TraceBuilder::ready().opens(APP, FILE).calls(APP, request.clone())]
    {
        assert_good(&problems(before.returns(APP, request.clone(), CallResult::Killed)));
    }
    let again = busy.and(ActorId::App(APP), asks(ReturnCode::SUCCESS)).returns(
        APP,
        request,
        CallResult::DrcIndex(1),
    );
    assert_good(&problems(again));
}

#[test]
fn query_shows_a_state_that_the_channel_had() {
    let query = |state, have_vmc| {
        verdict(TraceBuilder::session(), DeviceCall::Query, CallResult::State { have_vmc, state })
    };
    assert_good(&query(QueryState::READY, true));
    assert_reports(
        &query(QueryState::READY, false),
        &["thread 0: query() = ready, no VMC: there is a VMC in every state but the initial one"],
    );
    assert_reports(
        &query(QueryState::CAPABILITIES, true),
        &["thread 0: query() = capabilities: the channel was never in that state"],
    );
}

#[test]
fn a_file_that_is_closed_leaves_no_session_behind() {
    assert_reports(
        &verdict(TraceBuilder::session(), DeviceCall::Close, CallResult::Ok),
        &["thread 0: close() = 0: its session goes on"],
    );
    assert_good(&verdict(ended(TraceBuilder::session()), DeviceCall::Close, CallResult::Ok));
}
