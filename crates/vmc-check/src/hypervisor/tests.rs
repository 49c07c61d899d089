//! The automaton lets a right run pass, and sees each way to deviate from it.

use super::Automaton;
use crate::device::watch_alone;
use crate::testing::assert_reports;
use crate::testing::trace_builder::setting;
use crate::testing::trace_builder::{FIRST, INDEX, LIMITS, MTU, maps, remote, signal};
use crate::testing::{Run, ours};
use papr::{CrqEntry, InitFormat, ReturnCode, TransportEvent};
use vmc_proto::{
    BufferId, BufferOwner, HmcIndex, HmcSession, Limits, Lioba, Message, MessageType, Status,
    Version,
};
use vmc_trace::{ActorId, Event, FaultAct, Side};

const NONE: HmcSession = HmcSession::NONE;
const TO_MGMT: BufferOwner = BufferOwner::MANAGEMENT;
const TO_HYP: BufferOwner = BufferOwner::HYPERVISOR;

type Told = (ActorId, Event);

fn take(entry: CrqEntry) -> Told {
    (ActorId::Service, Event::Dequeued { by: Side::Hyp, element: 0, entry })
}

fn send(entry: CrqEntry) -> Told {
    (ActorId::Service, ours::sends(entry, ReturnCode::SUCCESS))
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
        (ActorId::Service, maps(remote(buffer))),
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
        (ActorId::Service, ours::registers(ReturnCode::CLOSED)),
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
    watch_alone(&Run::of(run).trace(), &setting(), Automaton::new(true, false))
}

fn after(mut run: Vec<Told>, events: impl IntoIterator<Item = Told>) -> Vec<String> {
    run.extend(events);
    problems(run)
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
    assert_reports(
        &after(ready(), [send(init)]),
        &["hyp: CRQ INIT: no registration that it belongs to"],
    );
    assert_reports(
        &after(ready(), [send(complete)]),
        &["hyp: CRQ INIT COMPLETE: it answers no INIT"],
    );
    assert_reports(&after(ready(), [take(init)]), &["hyp: CRQ INIT COMPLETE was never sent"]);
    let registered = (ActorId::Service, ours::registers(ReturnCode::SUCCESS));
    assert_reports(&problems([registered]), &["hyp: CRQ INIT was never sent"]);
    assert_reports(
        &after(ready(), [send(capabilities_response(0))]),
        &["hyp: CAPABILITIES RESPONSE: no request awaits it"],
    );
    let mut seedless = greeted();
    seedless.push(send(capabilities_response(0)));
    assert_reports(&problems(seedless), &["hyp: HMC index 0 has no seed buffer"]);
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
        assert_reports(
            &after(run, [send(capabilities_response(0))]),
            &["hyp: CAPABILITIES RESPONSE: success, where both sides cannot work together"],
        );
    }
    // One that comes before the greeting is dropped: the next one is answered.
    let mut early = greeted();
    early.insert(1, take(capabilities(LIMITS)));
    early.pop();
    early.push(take(capabilities(Limits { mtu: 31, ..LIMITS })));
    assert_eq!(after(early, [send(capabilities_response(1))]), [""; 0]);
    // Each is answered for itself, in order.
    let mut twice = greeted();
    let unworkable = Limits { mtu: 31, ..LIMITS };
    twice.push(take(capabilities(unworkable)));
    let [good, bad] = [send(capabilities_response(0)), send(capabilities_response(1))];
    assert_eq!(after(twice.clone(), [good.clone(), bad.clone()]), [""; 0]);
    assert_reports(
        &after(twice, [bad, good]),
        &["hyp: CAPABILITIES RESPONSE: success, where both sides cannot work together"],
    );
    let early = (ActorId::Service, maps(remote(0)));
    let add = add_at(NONE, 0, TO_MGMT, remote(0).0);
    assert_reports(
        &after(greeted(), [early, add]),
        &["hyp: ADD BUFFER HMC index 0 session 0: before the capabilities exchange"],
    );
}

#[test]
fn lopar_interface_open_and_close_get_one_response_each() {
    assert_reports(&after(ready(), [take(open())]), &["hyp: INTERFACE OPEN 0/1 was not answered"]);
    assert_reports(
        &after(session(), [take(close())]),
        &["hyp: INTERFACE CLOSE 0/1 was not answered"],
    );
    assert_reports(
        &after(session(), [send(open_response(0))]),
        &["hyp: INTERFACE OPEN RESPONSE HMC index 0 session 1: no request awaits it"],
    );
    assert_reports(
        &after(session(), [send(close_response(0))]),
        &["hyp: INTERFACE CLOSE RESPONSE HMC index 0 session 1: no request awaits it"],
    );
    assert_eq!(after(ready(), [take(open()), send(open_response(1))]), [""; 0]);
    assert_reports(
        &after(session(), [take(open()), send(open_response(0))]),
        &[
            "hyp: INTERFACE OPEN RESPONSE HMC index 0 session 1: success, and the index has a session",
        ],
    );
    let early =
        [take(open()), (ActorId::Service, maps(remote(1))), add_at(FIRST, 1, TO_MGMT, remote(1).0)];
    let early = early.into_iter().chain([send(open_response(0))]);
    assert_eq!(after(ready(), early), [""; 0]);
    assert_reports(
        &after(ready(), [take(close()), send(close_response(0))]),
        &[
            "hyp: INTERFACE CLOSE RESPONSE HMC index 0 session 1: success, and there was no such session",
            "hyp: HMC index 0 has no seed buffer",
        ],
    );
    // One that overtakes the response to the Open answers for both.
    let both = [take(open()), take(close()), send(close_response(0))];
    let both = both.into_iter().chain(adds(NONE, 0, TO_MGMT));
    assert_eq!(after(ready(), both), [""; 0]);
}

fn fault(act: FaultAct) -> Told {
    let rule = String::from("fault");
    (ActorId::Platform, Event::Fault { rule, act, subject: None, entry: None })
}

#[test]
fn after_a_fault_that_is_not_architected_a_session_that_is_closed_need_not_be_there() {
    // The service may have been told that it sent what it did not.
    let misled = fault(FaultAct::AnswerSend(ReturnCode::SUCCESS));
    let closed = [misled, take(close()), send(close_response(0))];
    assert_eq!(after(ready(), closed), [""; 0]);
}

#[test]
fn a_request_of_a_kernel_that_another_one_has_replaced_needs_no_answer() {
    let kexec = || fault(FaultAct::Kexec);
    assert_eq!(after(ready(), [take(open()), kexec()]), [""; 0]);
    // The next kernel frees the queue, and makes its own requests.
    let freed = take(CrqEntry::transport_event(TransportEvent::PARTNER_DEREGISTERED));
    let next = ready().split_off(1);
    let run = [ready(), vec![take(open()), kexec(), freed], next].concat();
    assert_eq!(after(run.clone(), []), [""; 0]);
    assert_reports(&after(run, [take(open())]), &["hyp: INTERFACE OPEN 0/1 was not answered"]);
}

#[test]
fn lopar_add_buffer_names_a_buffer_that_is_not_there_of_a_session_that_is() {
    let mapped = || (ActorId::Service, maps(remote(3)));
    let add = |of, buffer, owner| {
        after(session(), [mapped(), add_at(of, buffer, BufferOwner(owner), remote(3).0)])
    };
    assert_eq!(add(FIRST, 3, 1), [""; 0]);
    assert_reports(
        &add(FIRST, 4, 1),
        &["hyp: ADD BUFFER HMC index 0 session 1: the pool has no such buffer"],
    );
    assert_reports(
        &add(FIRST, 1, 0),
        &["hyp: ADD BUFFER HMC index 0 session 1: the buffer is there already"],
    );
    assert_reports(
        &add(FIRST, 3, 2),
        &[
            "hyp: ADD BUFFER HMC index 0 session 1: the owner is none, or a seed is not the management partition's",
        ],
    );
    assert_reports(
        &add(HmcSession(2), 3, 0),
        &["hyp: ADD BUFFER HMC index 0 session 2: there is no such session"],
    );
    assert_reports(
        &add(NONE, 3, 0),
        &["hyp: ADD BUFFER HMC index 0 session 0: there is no such session"],
    );
    assert_reports(
        &after(session(), [add_at(FIRST, 3, TO_MGMT, remote(3).0)]),
        &["hyp: ADD BUFFER HMC index 0 session 1: the buffer is not mapped"],
    );
    assert_reports(
        &after(session(), [add_at(FIRST, 3, TO_MGMT, remote(1).0)]),
        &["hyp: ADD BUFFER HMC index 0 session 1: another buffer lies there"],
    );
    let (owner, index, lioba) = (TO_MGMT, HmcIndex(1), Lioba(remote(3).0 as u32));
    let other = Message::AddBuffer { owner, session: NONE, index, buffer: BufferId(0), lioba };
    let other = other.encode();
    assert_reports(
        &after(ready(), [mapped(), send(other)]),
        &["hyp: ADD BUFFER HMC index 1 session 0: the index was not negotiated"],
    );
    let seed = [(ActorId::Service, maps(remote(0))), add_at(NONE, 0, TO_HYP, remote(0).0)];
    let mut closed = session();
    closed.extend([take(close()), send(close_response(0))]);
    assert_reports(
        &after(closed, seed),
        &[
            "hyp: ADD BUFFER HMC index 0 session 0: the owner is none, or a seed is not the management partition's",
            "hyp: HMC index 0 has no seed buffer",
        ],
    );
}

#[test]
fn lopar_signal_needs_an_open_session_a_buffer_of_the_sender_and_at_most_the_mtu() {
    assert_reports(
        &after(session(), [send(signal(FIRST, 1, 8))]),
        &["hyp: SIGNAL HMC index 0 session 1: the management partition owns the buffer"],
    );
    assert_reports(
        &after(session(), [send(signal(FIRST, 3, 8))]),
        &["hyp: SIGNAL HMC index 0 session 1: there is no such buffer"],
    );
    assert_reports(
        &after(session(), [send(signal(HmcSession(2), 2, 8))]),
        &["hyp: SIGNAL HMC index 0 session 2: the session is not open"],
    );
    assert_reports(
        &after(session(), [send(signal(FIRST, 2, MTU + 1))]),
        &["hyp: SIGNAL HMC index 0 session 1: it is longer than the MTU"],
    );
    let twice = [send(signal(FIRST, 2, 8)), send(signal(FIRST, 2, 8))];
    assert_reports(
        &after(session(), twice),
        &["hyp: SIGNAL HMC index 0 session 1: the management partition owns the buffer"],
    );
    let mut bytes = signal(FIRST, 2, 8);
    bytes.0[8] = 1;
    assert_reports(&after(session(), [send(bytes)]), &["hyp: SIGNAL: reserved bytes are not zero"]);
}

#[test]
fn lopar_remove_buffer_is_about_a_session_that_is_there() {
    let remove = |session| send(Message::RemoveBuffer { session, index: INDEX }.encode());
    assert_eq!(after(session(), [remove(FIRST)]), [""; 0]);
    assert_reports(
        &after(session(), [remove(NONE)]),
        &["hyp: REMOVE BUFFER HMC index 0 session 0: there is no such session"],
    );
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
        let mapped = (ActorId::Service, maps(remote(buffer)));
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
    assert_reports(
        &after(run.clone(), early_refusal),
        &[
            "hyp: INTERFACE OPEN RESPONSE HMC index 0 session 1: success, and its buffer was not the management partition's",
        ],
    );
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
    assert_reports(
        &after(session(), early),
        &["hyp: SIGNAL HMC index 0 session 1: the management partition owns the buffer"],
    );
}

/// What is wrong with the run of a program that has no reasons of its own to refuse a request.
fn of_willing(mut run: Vec<Told>, events: impl IntoIterator<Item = Told>) -> Vec<String> {
    run.extend(events);
    watch_alone(&Run::of(run).trace(), &setting(), Automaton::new(true, true))
}

fn orders(request: MessageType, status: u8) -> Told {
    fault(FaultAct::Refuse(request, Status(status)))
}

#[test]
fn lopar_vmc_capabilities_response_a_refusal_says_what_does_not_fit() {
    let told = |limits, status| {
        let mut run = greeted();
        run.pop();
        of_willing(run, [take(capabilities(limits)), send(capabilities_response(status))])
    };
    let right = |limits| -> Vec<u8> { (0..4).filter(|s| told(limits, *s).is_empty()).collect() };
    let other = Version { major: Version::CURRENT.major + 1, ..Version::CURRENT };
    // Of one that succeeds the seed is missing.
    assert_eq!(right(LIMITS), [0; 0]);
    assert_eq!(right(Limits { version: other, ..LIMITS }), [2]);
    assert_eq!(right(Limits { mtu: 0, ..LIMITS }), [1]);
    assert_reports(
        &told(LIMITS, 1),
        &["hyp: CAPABILITIES RESPONSE: refused, and what the status says is not so"],
    );
    let ordered = [orders(MessageType::Capabilities, 1), send(capabilities_response(1))];
    assert_eq!(of_willing(greeted(), ordered), [""; 0]);
}

#[test]
fn lopar_interface_open_and_close_are_refused_for_a_reason() {
    let refused = [take(open()), send(open_response(1))];
    let why = "hyp: INTERFACE OPEN RESPONSE HMC index 0 session 1: refused, and nothing was wrong with the request";
    assert_reports(&of_willing(ready(), refused.clone()), &[why]);
    let order = orders(MessageType::InterfaceOpen, 1);
    assert_eq!(of_willing(ready(), [order].into_iter().chain(refused.clone())), [""; 0]);
    let twice = [orders(MessageType::InterfaceOpen, 1)].into_iter().chain(refused.clone());
    assert_reports(&of_willing(ready(), twice.chain(refused)), &[why]);
    // There is a session.
    assert_eq!(of_willing(session(), [take(open()), send(open_response(1))]), [""; 0]);
    assert_reports(
        &of_willing(session(), [take(open()), send(open_response(7))]),
        &[
            "hyp: INTERFACE OPEN RESPONSE HMC index 0 session 1: a status that the response does not have",
        ],
    );
    assert_reports(
        &of_willing(session(), [take(close()), send(close_response(1))]),
        &[
            "hyp: INTERFACE CLOSE RESPONSE HMC index 0 session 1: refused, and nothing was wrong with the request",
        ],
    );
    assert_eq!(of_willing(ready(), [take(close()), send(close_response(1))]), [""; 0]);
}
