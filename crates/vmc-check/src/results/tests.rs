//! Right results pass, and each wrong one is seen.

use super::Checker;
use crate::Setting;
use crate::device::watch_alone;
use crate::testing::ours;
use crate::testing::story::setting;
use crate::testing::story::{APP, FILE, FIRST, INDEX, MTU, Story, copy, digest, signal};
use papr::{CrqEntry, ReturnCode, TransportEvent};
use vmc_proto::mgmt::{ChannelState, QueryState, SessionState};
use vmc_proto::{Errno, Profile};
use vmc_trace::{
    Actor, CallResult, DeviceCall, Event, Particulars, Polled, RdmaDirection, Subject,
};

const READ: DeviceCall = DeviceCall::Read { len_bytes: 64 };
const WRITE: DeviceCall = DeviceCall::Write { len_bytes: 8 };
const OPEN: DeviceCall = DeviceCall::Open { nonblock: false };

fn problems(story: Story) -> Vec<String> {
    watch_alone(&story.trace(), &setting(), Checker::default())
}

/// What is wrong if the call comes to this at the end of the story.
fn verdict(story: Story, call: DeviceCall, result: CallResult) -> Vec<String> {
    problems(story.calls(APP, call.clone()).returns(APP, call, result))
}

/// What is wrong with the story of a driver with the Linux profile.
fn on_linux(story: Story) -> Vec<String> {
    let linux = Setting { profile: Profile::Linux, ..setting() };
    watch_alone(&story.trace(), &linux, Checker::default())
}

#[track_caller]
fn assert_good(problems: &[String]) {
    assert_eq!(problems, [""; 0]);
}

#[track_caller]
fn assert_told(problems: &[String], part: &str) {
    assert!(problems.len() == 1 && problems[0].contains(part), "{part}: {problems:?}");
}

fn bytes(len_bytes: u64) -> CallResult {
    CallResult::Bytes { len_bytes, digest: None }
}

fn message(len_bytes: u64, digest: u32) -> CallResult {
    CallResult::Bytes { len_bytes, digest: Some(digest) }
}

/// The session of the story is over.
fn ended(story: Story) -> Story {
    story
        .takes(CrqEntry::transport_event(TransportEvent::PARTNER_FAILED))
        .and(Actor::BottomHalf, ours::session(SessionState::Ended))
        .and(Actor::BottomHalf, ours::channel(ChannelState::CrqInit))
}

#[test]
fn a_right_run_passes() {
    let close = DeviceCall::Close;
    let run = Story::session()
        .writes(APP, 1, 8)
        .fetches(2, 16)
        .calls(APP, READ)
        .returns(APP, READ, message(16, digest(2)))
        .calls(APP, close.clone())
        .and(Actor::App(APP), ours::session(SessionState::Closing))
        .returns(APP, close, CallResult::Ok);
    assert_good(&problems(run));
}

#[test]
fn driver_document_initialization_open_is_busy_until_it_has_completed() {
    let open = |result| {
        let call = Event::Call(OPEN, Particulars::default());
        move |story: Story| {
            story
                .and(Actor::App(1), call.clone())
                .and(Actor::App(1), Event::Return(OPEN, result, None))
        }
    };
    let seeding = || Story::default().and(Actor::BottomHalf, ours::channel(ChannelState::Seeding));
    let failed = || Story::default().and(Actor::BottomHalf, ours::channel(ChannelState::Failed));
    assert_good(&problems(open(CallResult::Error(Errno::EBUSY))(seeding())));
    assert_told(&problems(open(CallResult::Ok)(seeding())), "had not completed");
    assert_told(&problems(open(CallResult::Error(Errno::EBUSY))(Story::ready())), "was ready");
    assert_good(&problems(open(CallResult::Error(Errno::EIO))(failed())));
    assert_told(&problems(open(CallResult::Error(Errno::ENOMEM))(failed())), "nothing that open()");
    for story in [seeding(), failed()] {
        assert_good(&on_linux(open(CallResult::Ok)(story)));
    }
}

#[test]
fn driver_document_open_the_hmc_id_has_32_bytes_and_starts_a_session() {
    let id = || DeviceCall::SetHmcId { id: String::from("HMC") };
    let with = |len_bytes, starts: bool| {
        let story = Story::ready().opens(APP, FILE).calls(APP, id());
        let story = match starts {
            true => story.and(Actor::App(APP), Event::SessionStarted(INDEX, FIRST)),
            false => story,
        };
        problems(story.copies_to_hyp(APP, 0, len_bytes).returns(APP, id(), CallResult::Ok))
    };
    assert_good(&with(32, true));
    assert_told(&with(MTU, true), "32 bytes");
    assert_told(&with(32, false), "no session");
    let on_free = Story::ready().opens(APP, FILE);
    assert_told(
        &verdict(on_free.clone(), id(), CallResult::Error(Errno::EBUSY)),
        "an index was free",
    );
    assert_told(&verdict(on_free, id(), CallResult::Error(Errno::EIO)), "nothing failed");
    assert_good(&verdict(Story::session(), id(), CallResult::Error(Errno::EBUSY)));
}

#[test]
fn driver_document_runtime_write_that_succeeds_was_copied_and_signalled() {
    let story = || Story::session().calls(APP, WRITE);
    let told =
        |story: Story, part| assert_told(&problems(story.returns(APP, WRITE, bytes(8))), part);
    told(story(), "not copied");
    told(story().copies_to_hyp(APP, 1, 8), "no SIGNAL");
    told(
        story().copies_to_hyp(APP, 1, 7).sends(Actor::App(APP), signal(FIRST, 1, 7)),
        "not copied",
    );
    let refused = copy(RdmaDirection::ToHyp, 1, 8);
    let refused = vmc_trace::Rdma { code: ReturnCode::PERMISSION, digest: None, ..refused };
    let refused = Event::Rdma(Subject::Session(INDEX, FIRST), refused);
    told(story().and(Actor::App(APP), refused.clone()), "not copied");
    let failed = story().and(Actor::App(APP), refused);
    assert_good(&problems(failed.returns(APP, WRITE, CallResult::Error(Errno::EIO))));
    assert_told(&verdict(ended(Story::session()), WRITE, bytes(8)), "never ready");
}

#[test]
fn driver_document_runtime_write_is_busy_only_without_a_buffer() {
    let busy = CallResult::Error(Errno::EBUSY);
    assert_told(&verdict(Story::session(), WRITE, busy.clone()), "had a buffer");
    let used_up = || Story::session().writes(APP, 0, 8).writes(APP, 1, 8);
    assert_good(&verdict(used_up(), WRITE, busy.clone()));
    // A message that nobody has read keeps its buffer; once it is read, the buffer is free.
    let unread = used_up().fetches(2, 16);
    assert_good(&verdict(unread.clone(), WRITE, busy.clone()));
    let read = unread.calls(APP, READ).returns(APP, READ, message(16, digest(2)));
    assert_told(&verdict(read, WRITE, busy.clone()), "had a buffer");
    let dropped = ours::sends(signal(FIRST, 1, 8), ReturnCode::DROPPED);
    let dropped =
        Story::session().calls(APP, WRITE).copies_to_hyp(APP, 1, 8).and(Actor::App(APP), dropped);
    assert_good(&problems(dropped.returns(APP, WRITE, busy)));
}

#[test]
fn driver_document_runtime_write_fails_for_a_reason() {
    let error = CallResult::Error(Errno::EIO);
    assert_told(&verdict(Story::session(), WRITE, error.clone()), "nothing failed");
    let long = DeviceCall::Write { len_bytes: u64::from(MTU) + 1 };
    assert_good(&verdict(Story::session(), long.clone(), error.clone()));
    assert_told(&verdict(Story::session(), long, bytes(65)), "not copied");
    assert_good(&verdict(ended(Story::session()), WRITE, error.clone()));
    assert_good(&verdict(Story::ready().opens(APP, FILE), WRITE, error));
    assert_told(
        &verdict(Story::session(), WRITE, CallResult::Error(Errno::EFAULT)),
        "memory was good",
    );
}

#[test]
fn driver_document_runtime_read_fails_for_a_reason() {
    let on = |story: Story, errno| verdict(story, READ, CallResult::Error(errno));
    assert_told(&on(Story::session(), Errno::EIO), "no RDMA of a message has failed");
    assert_told(&on(Story::session(), Errno::EBADFD), "not over");
    assert_told(&on(Story::session(), Errno::EAGAIN), "blocks");
    assert_told(&on(Story::session(), Errno::EINTR), "no signal has come");
    let interrupted = |story: Story| {
        let story = story.calls(APP, READ).and(Actor::App(APP), Event::Signalled);
        problems(story.returns(APP, READ, CallResult::Error(Errno::EINTR)))
    };
    assert_good(&interrupted(Story::session()));
    assert_told(&interrupted(Story::session().fetches(2, 16)), "something to read");
    assert_good(&on(ended(Story::session()), Errno::EBADFD));
    assert_told(&on(ended(Story::session()), Errno::EIO), "has a session");
    assert_good(&on(Story::ready().opens(APP, FILE), Errno::EIO));
    assert_told(&on(Story::session(), Errno::EINVAL), "nothing that read()");
    assert_told(&verdict(Story::session(), READ, message(5, 5)), "nothing was there");
    assert_told(&verdict(Story::session(), READ, message(0, 0)), "no empty message");
}

#[test]
fn a_reader_is_told_once_of_a_message_that_could_not_be_fetched() {
    let rdma = copy(RdmaDirection::ToMgmt, 2, 16);
    let failed = vmc_trace::Rdma { code: ReturnCode::PERMISSION, digest: None, ..rdma };
    let entry = signal(FIRST, 2, 16);
    let story = Story::session()
        .takes(entry)
        .and(Actor::BottomHalf, Event::Rdma(Subject::Session(INDEX, FIRST), failed));
    let told = story.calls(APP, READ).returns(APP, READ, CallResult::Error(Errno::EIO));
    assert_good(&problems(told.clone()));
    assert_told(
        &verdict(told, READ, CallResult::Error(Errno::EIO)),
        "no RDMA of a message has failed",
    );
}

#[test]
fn driver_document_runtime_poll_reports_what_there_is() {
    let look = Particulars { file: Some(FILE), ..Particulars::default() };
    let looks = |story: Story| story.and(Actor::App(APP), Event::Call(DeviceCall::Poll, look));
    let told = |story: Story, events| {
        looks(story).returns(APP, DeviceCall::Poll, CallResult::Polled(events))
    };
    let poll = |story, events| problems(told(story, events));
    let (nothing, readable, over) = (Polled::Nothing, Polled::Readable, Polled::HungUp);
    assert_good(&poll(Story::session(), nothing));
    assert_told(&poll(Story::session(), readable), "nothing was there");
    assert_told(&poll(Story::session(), over), "not over");
    assert_good(&poll(Story::session().fetches(2, 16), readable));
    assert_told(&poll(Story::session().fetches(2, 16), nothing), "something to report");
    assert_good(&poll(ended(Story::session()), over));
    assert_told(&poll(ended(Story::session()), nothing), "something to report");
    assert_good(&on_linux(told(ended(Story::session()), readable)));
    assert_told(&on_linux(told(ended(Story::session()), over)), "nothing that poll()");
}

#[test]
fn a_poll_that_waits_ends_without_an_event_only_when_a_signal_comes() {
    let waits = |story: Story| story.calls(APP, DeviceCall::Poll);
    let ends = |story: Story, result| problems(story.returns(APP, DeviceCall::Poll, result));
    let (nothing, interrupted) =
        (CallResult::Polled(Polled::Nothing), CallResult::Error(Errno::EINTR));
    let signalled = |story: Story| waits(story).and(Actor::App(APP), Event::Signalled);
    assert_told(&ends(waits(Story::session()), nothing.clone()), "it waits");
    assert_told(&ends(signalled(Story::session()), nothing), "it waits");
    assert_told(&ends(waits(Story::session()), interrupted.clone()), "no signal has come");
    assert_good(&ends(signalled(Story::session()), interrupted.clone()));
    let readable = signalled(Story::session().fetches(2, 16));
    assert_told(&ends(readable, interrupted), "something to report");
}

#[test]
fn linux_read_looks_at_its_length_first() {
    let read = |story: Story, len_bytes, result| {
        let call = DeviceCall::Read { len_bytes };
        on_linux(story.calls(APP, call.clone()).returns(APP, call, result))
    };
    let long = u64::from(MTU) + 1;
    for story in [Story::ready().opens(APP, FILE), Story::session(), ended(Story::session())] {
        assert_good(&read(story.clone(), 0, message(0, 0)));
        assert_told(&read(story.clone(), 0, CallResult::Error(Errno::EIO)), "read at once");
        assert_good(&read(story.clone(), long, CallResult::Error(Errno::EINVAL)));
        assert_told(&read(story, long, CallResult::Error(Errno::EBADFD)), "longer than the MTU");
    }
}

#[test]
fn linux_write_of_nothing_needs_an_open_session() {
    let nothing = DeviceCall::Write { len_bytes: 0 };
    let write = |story: Story, result| {
        on_linux(story.calls(APP, nothing.clone()).returns(APP, nothing.clone(), result))
    };
    assert_good(&write(Story::session(), bytes(0)));
    assert_told(&write(ended(Story::session()), bytes(0)), "never ready");
    let used_up = Story::session().writes(APP, 0, 8).writes(APP, 1, 8);
    assert_good(&write(used_up.clone(), CallResult::Error(Errno::EBUSY)));
    assert_told(&verdict(used_up, nothing, CallResult::Error(Errno::EBUSY)), "need no buffer");
}

#[test]
fn linux_close_leaves_others_alone_and_the_last_one_releases_the_file() {
    let closed = |story: Story| {
        story.calls(1, DeviceCall::Close).returns(1, DeviceCall::Close, CallResult::Ok)
    };
    let asleep = || {
        let sleep = Event::Sleep(vmc_trace::Waiting::Call);
        closed(Story::session().calls(APP, READ).and(Actor::App(APP), sleep))
    };
    assert_good(&on_linux(asleep()));
    assert_told(&on_linux(closed(Story::session())), "whose session goes on");
    let woken = asleep().returns(APP, READ, CallResult::Error(Errno::EBADFD));
    assert_told(&on_linux(woken), "not over");
    let read = asleep().fetches(2, 16);
    let kept = read.clone().returns(APP, READ, message(16, digest(2)));
    assert_told(&on_linux(kept), "whose session goes on");
    let released = read.and(Actor::App(APP), ours::session(SessionState::Closing)).returns(
        APP,
        READ,
        message(16, digest(2)),
    );
    assert_good(&on_linux(released));
    let polls = closed(Story::session().calls(APP, DeviceCall::Poll))
        .and(Actor::App(APP), ours::session(SessionState::Closing));
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
    let busy = Story::ready()
        .opens(APP, FILE)
        .calls(APP, request.clone())
        .and(Actor::App(APP), asks(ReturnCode::BUSY));
    let given_up = busy.clone().returns(APP, request.clone(), CallResult::Error(Errno::EIO));
    assert_told(&problems(given_up), "was not called again");
    let again = busy.and(Actor::App(APP), asks(ReturnCode::SUCCESS)).returns(
        APP,
        request,
        CallResult::DrcIndex(1),
    );
    assert_good(&problems(again));
}

#[test]
fn query_shows_a_state_that_the_channel_had() {
    let query = |state, have_vmc| {
        verdict(Story::session(), DeviceCall::Query, CallResult::State { have_vmc, state })
    };
    assert_good(&query(QueryState::READY, true));
    assert_told(&query(QueryState::READY, false), "there is a VMC");
    assert_told(&query(QueryState::CAPABILITIES, true), "never in that state");
}

#[test]
fn a_file_that_is_closed_leaves_no_session_behind() {
    assert_told(&verdict(Story::session(), DeviceCall::Close, CallResult::Ok), "goes on");
    assert_good(&verdict(ended(Story::session()), DeviceCall::Close, CallResult::Ok));
}
