//! The automaton lets a right run pass, and sees each way to deviate from it.

use super::Automaton;
use crate::device::watch_alone;
use crate::testing::story::setting;
use crate::testing::story::{FIRST, INDEX, LIMITS, MTU, maps, remote, signal};
use crate::testing::{Run, ours};
use papr::{CrqEntry, InitFormat, ReturnCode, TransportEvent};
use vmc_proto::{
    BufferId, BufferOwner, HmcIndex, HmcSession, Limits, Lioba, Message, Status, Version,
};
use vmc_trace::{Actor, Event, Side};

const NONE: HmcSession = HmcSession::NONE;
const TO_MGMT: BufferOwner = BufferOwner::MANAGEMENT;
const TO_HYP: BufferOwner = BufferOwner::HYPERVISOR;

type Told = (Actor, Event);

fn take(entry: CrqEntry) -> Told {
    (Actor::Service, Event::Dequeued { by: Side::Hyp, slot: 0, entry })
}

fn send(entry: CrqEntry) -> Told {
    (Actor::Service, ours::sends(entry, ReturnCode::SUCCESS))
}

fn add_at(session: HmcSession, buffer: u16, owner: BufferOwner, lioba: u64) -> Told {
    let (index, buffer, lioba) = (INDEX, BufferId(buffer), Lioba(lioba as u32));
    send(Message::AddBuffer { owner, session, index, buffer, lioba }.encode())
}

/// A buffer is mapped, offered and accepted.
fn adds(session: HmcSession, buffer: u16, owner: BufferOwner) -> [Told; 3] {
    let (index, status, id) = (INDEX, Status::SUCCESS, BufferId(buffer));
    let response = Message::AddBufferResponse { status, session, index, buffer: id };
    [
        (Actor::Service, maps(remote(buffer))),
        add_at(session, buffer, owner, remote(buffer).0),
        take(response.encode()),
    ]
}

fn capabilities(limits: Limits) -> CrqEntry {
    Message::Capabilities { limits }.encode()
}

fn capabilities_response(status: u8) -> CrqEntry {
    Message::CapabilitiesResponse { status: Status(status), limits: LIMITS }.encode()
}

fn open() -> CrqEntry {
    Message::InterfaceOpen { session: FIRST, index: INDEX, buffer: BufferId(0) }.encode()
}

fn open_response(status: u8) -> CrqEntry {
    let (status, session, index, buffer) = (Status(status), FIRST, INDEX, BufferId(0));
    Message::InterfaceOpenResponse { status, session, index, buffer }.encode()
}

fn close() -> CrqEntry {
    Message::InterfaceClose { session: FIRST, index: INDEX }.encode()
}

fn close_response(status: u8) -> CrqEntry {
    let (status, session, index) = (Status(status), FIRST, INDEX);
    Message::InterfaceCloseResponse { status, session, index }.encode()
}

fn greeted() -> Vec<Told> {
    vec![
        (Actor::Service, ours::registers(ReturnCode::CLOSED)),
        take(CrqEntry::init(InitFormat::INITIALIZE)),
        send(CrqEntry::init(InitFormat::COMPLETE)),
        take(capabilities(LIMITS)),
    ]
}

fn ready() -> Vec<Told> {
    let mut run = greeted();
    run.push(send(capabilities_response(0)));
    run.extend(adds(NONE, 0, TO_MGMT));
    run
}

/// A session; besides the seed each side has a buffer, 1 and 2.
fn session() -> Vec<Told> {
    let mut run = ready();
    run.push(take(open()));
    run.extend(adds(FIRST, 1, TO_MGMT));
    run.extend(adds(FIRST, 2, TO_HYP));
    run.push(send(open_response(0)));
    run
}

fn problems(run: impl IntoIterator<Item = Told>) -> Vec<String> {
    watch_alone(&Run::of(run).trace(), &setting(), Automaton::new(true))
}

fn after(mut run: Vec<Told>, events: impl IntoIterator<Item = Told>) -> Vec<String> {
    run.extend(events);
    problems(run)
}

#[track_caller]
fn assert_told(problems: &[String], part: &str) {
    assert!(problems.iter().any(|what| what.contains(part)), "{part}: {problems:?}");
}

#[test]
fn a_right_run_passes() {
    let mut run = session();
    run.extend([
        take(signal(FIRST, 1, MTU)),
        send(signal(FIRST, 1, MTU)),
        send(signal(FIRST, 2, 8)),
        take(close()),
        send(close_response(0)),
    ]);
    run.extend(adds(NONE, 0, TO_MGMT));
    run.push(take(CrqEntry::transport_event(TransportEvent::PARTNER_FAILED)));
    assert_eq!(problems(run), [""; 0]);
}

#[test]
fn driver_document_initialization_each_step_follows_the_one_before() {
    let (init, complete) =
        (CrqEntry::init(InitFormat::INITIALIZE), CrqEntry::init(InitFormat::COMPLETE));
    assert_told(&after(ready(), [send(init)]), "no registration");
    assert_told(&after(ready(), [send(complete)]), "answers no INIT");
    assert_told(&after(ready(), [take(init)]), "INIT COMPLETE was never sent");
    let registered = (Actor::Service, ours::registers(ReturnCode::SUCCESS));
    assert_told(&problems([registered]), "CRQ INIT was never sent");
    assert_told(&after(ready(), [send(capabilities_response(0))]), "nobody has asked");
    let mut seedless = greeted();
    seedless.push(send(capabilities_response(0)));
    assert_told(&problems(seedless), "no seed buffer");
}

#[test]
fn lopar_vmc_capabilities_success_means_that_both_sides_can_work_together() {
    for limits in [
        Limits { version: Version { major: 2, minor: 0 }, ..LIMITS },
        Limits { hmcs: 0, ..LIMITS },
        Limits { mtu: 31, ..LIMITS },
    ] {
        let mut run = greeted();
        run.truncate(3);
        run.push(take(capabilities(limits)));
        assert_eq!(after(run.clone(), [send(capabilities_response(2))]), [""; 0]);
        assert_told(&after(run, [send(capabilities_response(0))]), "cannot work together");
    }
    let early = (Actor::Service, maps(remote(0)));
    let add = add_at(NONE, 0, TO_MGMT, remote(0).0);
    assert_told(&after(greeted(), [early, add]), "before the capabilities exchange");
}

#[test]
fn lopar_interface_open_and_close_get_one_response_each() {
    assert_told(&after(ready(), [take(open())]), "INTERFACE OPEN 0/1 was not answered");
    assert_told(&after(session(), [take(close())]), "INTERFACE CLOSE 0/1 was not answered");
    assert_told(&after(session(), [send(open_response(0))]), "nobody has asked");
    assert_told(&after(session(), [send(close_response(0))]), "nobody has asked");
    assert_eq!(after(ready(), [take(open()), send(open_response(1))]), [""; 0]);
    assert_told(&after(session(), [take(open()), send(open_response(0))]), "has a session");
    let early =
        [take(open()), (Actor::Service, maps(remote(1))), add_at(FIRST, 1, TO_MGMT, remote(1).0)];
    let early = early.into_iter().chain([send(open_response(0))]);
    assert_eq!(after(ready(), early), [""; 0]);
    assert_told(&after(ready(), [take(close()), send(close_response(0))]), "no such session");
    // One that overtakes the response to the Open answers for both.
    let both = [take(open()), take(close()), send(close_response(0))];
    let both = both.into_iter().chain(adds(NONE, 0, TO_MGMT));
    assert_eq!(after(ready(), both), [""; 0]);
}

#[test]
fn lopar_add_buffer_names_a_buffer_that_is_not_there_of_a_session_that_is() {
    let mapped = || (Actor::Service, maps(remote(3)));
    let add = |of, buffer, owner| {
        after(session(), [mapped(), add_at(of, buffer, BufferOwner(owner), remote(3).0)])
    };
    assert_eq!(add(FIRST, 3, 1), [""; 0]);
    assert_told(&add(FIRST, 4, 1), "no such buffer");
    assert_told(&add(FIRST, 1, 0), "there already");
    assert_told(&add(FIRST, 3, 2), "the owner is none");
    assert_told(&add(HmcSession(2), 3, 0), "no such session");
    assert_told(&add(NONE, 3, 0), "no such session");
    assert_told(&after(session(), [add_at(FIRST, 3, TO_MGMT, remote(3).0)]), "not mapped");
    assert_told(&after(session(), [add_at(FIRST, 3, TO_MGMT, remote(1).0)]), "another buffer lies");
    let (owner, index, lioba) = (TO_MGMT, HmcIndex(1), Lioba(remote(3).0 as u32));
    let other = Message::AddBuffer { owner, session: NONE, index, buffer: BufferId(0), lioba };
    let other = other.encode();
    assert_told(&after(ready(), [mapped(), send(other)]), "not negotiated");
    let seed = [(Actor::Service, maps(remote(0))), add_at(NONE, 0, TO_HYP, remote(0).0)];
    let mut closed = session();
    closed.extend([take(close()), send(close_response(0))]);
    assert_told(&after(closed, seed), "a seed is not");
}

#[test]
fn lopar_signal_needs_an_open_session_a_buffer_of_the_sender_and_at_most_the_mtu() {
    assert_told(&after(session(), [send(signal(FIRST, 1, 8))]), "the management partition owns");
    assert_told(&after(session(), [send(signal(FIRST, 3, 8))]), "no such buffer");
    assert_told(&after(session(), [send(signal(HmcSession(2), 2, 8))]), "not open");
    assert_told(&after(session(), [send(signal(FIRST, 2, MTU + 1))]), "longer than the MTU");
    let twice = [send(signal(FIRST, 2, 8)), send(signal(FIRST, 2, 8))];
    assert_told(&after(session(), twice), "the management partition owns");
    let mut bytes = signal(FIRST, 2, 8);
    bytes.0[8] = 1;
    assert_told(&after(session(), [send(bytes)]), "reserved bytes");
}

#[test]
fn lopar_remove_buffer_is_about_a_session_that_is_there() {
    let remove = |session| send(Message::RemoveBuffer { session, index: INDEX }.encode());
    assert_eq!(after(session(), [remove(FIRST)]), [""; 0]);
    assert_told(&after(session(), [remove(NONE)]), "no such session");
    assert_eq!(after(ready(), [remove(NONE)]), [""; 0]);
}

/// LoPAR, Add Buffer: the message itself transfers the buffer. A driver that uses it before its response is out is
/// served like any other.
#[test]
fn a_buffer_that_is_used_before_its_response_came_is_the_management_partitions() {
    let add = |session: HmcSession, buffer: u16, owner| {
        let index = INDEX;
        let id = BufferId(buffer);
        let response = |status| {
            take(
                Message::AddBufferResponse { status: Status(status), session, index, buffer: id }
                    .encode(),
            )
        };
        let mapped = (Actor::Service, maps(remote(buffer)));
        ([mapped, add_at(session, buffer, owner, remote(buffer).0)], [response(0), response(1)])
    };
    let mut run = greeted();
    run.push(send(capabilities_response(0)));
    let (seed, [taken, refused]) = add(NONE, 0, TO_MGMT);
    run.extend(seed);
    let opens = [take(open()), send(open_response(0))];
    assert_eq!(after(run.clone(), opens.clone()), [""; 0]);
    assert_eq!(after(run.clone(), opens.clone().into_iter().chain([taken.clone()])), [""; 0]);
    // Refused, the open is no success.
    let early_refusal = [refused.clone()].into_iter().chain(opens.clone());
    assert_told(&after(run.clone(), early_refusal), "was not the management partition's");
    // The late response is not about the seed that came after the close.
    let again = [take(close()), send(close_response(0))].into_iter().chain(add(NONE, 0, TO_MGMT).0);
    let mut again: Vec<_> = opens.into_iter().chain(again).collect();
    again.extend([refused, taken]);
    again.push(take(open()));
    again.push(send(open_response(0)));
    assert_eq!(after(run, again), [""; 0]);

    let (added, [taken, _]) = add(FIRST, 3, TO_MGMT);
    let mut early = session();
    early.extend(added);
    early.push(take(signal(FIRST, 3, 8)));
    assert_eq!(after(early.clone(), [send(signal(FIRST, 3, 8)), taken.clone()]), [""; 0]);
    assert_eq!(after(early, [taken, send(signal(FIRST, 3, 8))]), [""; 0]);
    // What is to be the hypervisor's own is not, before it is taken.
    let (added, _) = add(FIRST, 3, TO_HYP);
    let early = added.into_iter().chain([send(signal(FIRST, 3, 8))]);
    assert_told(&after(session(), early), "the management partition owns");
}
