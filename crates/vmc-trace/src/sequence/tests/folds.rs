//! What is folded, and what is too different to be.

use super::protocol::{LIMITS, add_buffer, add_buffer_response};
use super::run::{Run, unfolded};
use crate::act::OperatorAct;
use crate::event::{ActorId, CallResult, DeviceCall, Event, Polled};
use crate::sequence::Sequence;
use vmc_proto::{BufferOwner, Limits};

fn poll(run: &mut Run, events: Polled) {
    run.call(0, DeviceCall::Poll);
    run.returns(0, DeviceCall::Poll, CallResult::Polled(events));
}

#[test]
fn identical_lines_fold() {
    let mut run = Run::new(&["a"]);
    (0..4).for_each(|_| poll(&mut run, Polled::Nothing));
    poll(&mut run, Polled::Readable);
    assert_eq!(run.lines(), ["a  poll() = 0  x4", "a  poll() = POLLIN"]);
}

#[test]
fn two_rounds_of_several_lines_do_not_fold_and_three_do() {
    let mut run = Run::new(&["a"]);
    for _ in 0..2 {
        poll(&mut run, Polled::Nothing);
        run.open_file(0);
    }
    assert_eq!(run.lines().len(), 4);
    poll(&mut run, Polled::Nothing);
    run.open_file(0);
    assert_eq!(run.lines(), ["a  poll() = 0  \\", "a  open() = 0  / x3"]);
}

#[test]
fn numbers_fold_only_while_they_run_on_by_one() {
    let mut run = Run::new(&["a"]);
    run.open_session(0, (0, 1), 0);
    for buffer in [1, 2, 3, 5, 4] {
        run.say(ActorId::Service, add_buffer(0, 1, buffer, BufferOwner::MANAGEMENT));
    }
    for buffer in [1, 2, 3, 5, 4] {
        run.say(ActorId::Service, add_buffer(0, 1, buffer, BufferOwner::MANAGEMENT));
        run.say(ActorId::BottomHalf, add_buffer_response(0, 1, buffer));
    }
    // Buffers are named in the order in which they were added first, not of their numbers.
    let text = run.text();
    assert!(text.contains("ADD BUFFER a#1 b0..b4 owner=mgmt"), "{text}");
    let mut run = Run::new(&["a"]);
    for index in [1, 2, 3, 5, 6] {
        run.say(ActorId::Service, add_buffer(index, 0, 0, BufferOwner::MANAGEMENT));
    }
    let text = run.text();
    assert!(text.contains("slot 1..3 b0") && text.contains("slot 5..6 b0"), "{text}");
}

#[test]
fn every_connection_of_a_full_channel_fits_on_a_page() {
    const APPS: u8 = 255;
    let names: Vec<String> = (1..=APPS).map(|n| format!("app-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut run = Run::new(&names);
    run.boot(Limits { hmcs: APPS, ..LIMITS });
    for index in 0..APPS {
        run.open_file(u16::from(index));
        run.open_session(u16::from(index), (index, 1), 6);
    }
    let lines = run.lines();
    assert!(lines.len() < 30, "{}", run.text());
    let opens = "app-1..app-255  open() = 0 ";
    assert!(lines.iter().any(|line| line.starts_with(opens)), "{}", run.text());
    // Nothing was lost: six lines of boot, two for each index, the state; 21 for each application.
    let sequence = Sequence::of(&run.trace());
    assert_eq!(unfolded(&sequence.items), 6 + 2 * 255 + 1 + 255 * 21, "{}", run.text());
}

#[test]
fn a_session_that_is_opened_again_and_again_is_one_round() {
    let mut run = Run::new(&["a"]);
    run.boot(LIMITS);
    for session in 1..=255 {
        run.open_file(0);
        run.open_session(0, (0, session), 6);
        run.echo(0, (0, session), 1, b"hello");
        run.close_session(0, (0, session));
    }
    let text = run.text();
    assert!(text.contains("INTERFACE OPEN a#1..a#255 b0"), "{text}");
    assert!(run.lines().len() < 45, "{text}");
    assert!(run.lines().iter().any(|line| line.ends_with("/ x255")), "{text}");
}

#[test]
fn a_message_that_is_not_received_is_not_folded_with_those_that_are() {
    let mut run = Run::new(&["a"]);
    for index in 0..4 {
        run.tell(ActorId::Service, add_buffer(index, 0, 0, BufferOwner::MANAGEMENT));
    }
    run.say(ActorId::Service, add_buffer(4, 0, 0, BufferOwner::MANAGEMENT));
    let lines = run.lines();
    assert!(lines[0].ends_with("|  x4") && lines[1].ends_with("(not received)"), "{lines:?}");
}

#[test]
fn the_operators_repeated_word_is_counted() {
    let mut run = Run::new(&[]);
    let event = || Event::Operator(OperatorAct::AttachHmc);
    (0..2).for_each(|_| run.record(ActorId::Platform, event()));
    assert_eq!(run.lines(), ["*  attach an HMC  x2"]);
}
