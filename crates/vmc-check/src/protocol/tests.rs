//! The automaton lets a right run pass, and sees each way to deviate from it.

use super::Automaton;
use crate::testing::assert_reports;
use crate::testing::{Run, ours};
use crate::wire;
use papr::{CrqEntry, InitFormat, ReturnCode, TransportEvent};
use vmc_proto::{
    BufferId, BufferOwner, HmcIndex, HmcSession, Limits, Lioba, Message, Profile, Status, Version,
};
use vmc_trace::{ActorId, Event, FaultAct, OperatorAct, Side};

const INDEX: HmcIndex = HmcIndex(0);
const FIRST: HmcSession = HmcSession(1);
const LIMITS: Limits =
    Limits { hmcs: 1, pool_size: 4, mtu: 4096, crq_size: 256, version: Version::CURRENT };

mod initialization;
mod statuses;

fn take(entry: CrqEntry) -> (ActorId, Event) {
    (ActorId::BottomHalf, Event::Dequeued { by: Side::Mgmt, element: 0, entry })
}

fn send(entry: CrqEntry) -> (ActorId, Event) {
    (ActorId::BottomHalf, ours::sends(entry, ReturnCode::SUCCESS))
}

fn add(session: HmcSession, buffer: u16, owner: BufferOwner) -> (ActorId, Event) {
    let (index, buffer, lioba) = (INDEX, BufferId(buffer), Lioba(0x1000));
    take(Message::AddBuffer { owner, session, index, buffer, lioba }.encode())
}

fn added(session: HmcSession, buffer: u16, status: u8) -> (ActorId, Event) {
    let (status, index, buffer) = (Status(status), INDEX, BufferId(buffer));
    send(Message::AddBufferResponse { status, session, index, buffer }.encode())
}

fn signal(buffer: u16, len_bytes: u32) -> CrqEntry {
    let (session, index, buffer) = (FIRST, INDEX, BufferId(buffer));
    Message::Signal { session, index, buffer, len_bytes }.encode()
}

fn remove_response(status: u8, buffer: u16) -> (ActorId, Event) {
    let (status, session, index, buffer) = (Status(status), FIRST, INDEX, BufferId(buffer));
    send(Message::RemoveBufferResponse { status, session, index, buffer }.encode())
}

fn remove() -> (ActorId, Event) {
    take(Message::RemoveBuffer { session: FIRST, index: INDEX }.encode())
}

fn handshake() -> Vec<(ActorId, Event)> {
    let response = Message::CapabilitiesResponse { status: Status::SUCCESS, limits: LIMITS };
    vec![
        (ActorId::Task, ours::registers(ReturnCode::SUCCESS)),
        (ActorId::Task, ours::sends(CrqEntry::init(InitFormat::INITIALIZE), ReturnCode::SUCCESS)),
        take(CrqEntry::init(InitFormat::COMPLETE)),
        send(Message::Capabilities { limits: LIMITS }.encode()),
        take(response.encode()),
        add(HmcSession::NONE, 0, BufferOwner::MANAGEMENT),
        added(HmcSession::NONE, 0, 0),
    ]
}

/// A session with a buffer on each side, besides the seed.
fn session() -> Vec<(ActorId, Event)> {
    let (session, index, buffer, status) = (FIRST, INDEX, BufferId(0), Status::SUCCESS);
    let mut run = handshake();
    run.extend([
        (ActorId::App(0), Event::SessionStarted(INDEX, FIRST)),
        send(Message::InterfaceOpen { session, index, buffer }.encode()),
        add(FIRST, 1, BufferOwner::MANAGEMENT),
        added(FIRST, 1, 0),
        add(FIRST, 2, BufferOwner::HYPERVISOR),
        added(FIRST, 2, 0),
        take(Message::InterfaceOpenResponse { status, session, index, buffer }.encode()),
    ]);
    run
}

fn problems(run: Vec<(ActorId, Event)>) -> Vec<String> {
    problems_in(Profile::Document, run)
}

fn problems_in(profile: Profile, run: Vec<(ActorId, Event)>) -> Vec<String> {
    let mut automaton = Automaton::new(1..=255, profile, true);
    wire::walk(&Run::of(run).trace(), |seq, seen| automaton.see(seq, &seen));
    automaton.problems(true, true)
}

/// What is wrong when this comes after a session was opened.
fn after_open(events: impl IntoIterator<Item = (ActorId, Event)>) -> Vec<String> {
    let mut run = session();
    run.extend(events);
    problems(run)
}

#[test]
fn a_right_run_passes() {
    let (session, index, status) = (FIRST, INDEX, Status::SUCCESS);
    let right = after_open([
        send(signal(1, 4096)),
        take(signal(1, 8)),
        send(signal(1, 1)),
        add(FIRST, 3, BufferOwner(9)),
        added(FIRST, 3, 1),
        send(Message::InterfaceClose { session, index }.encode()),
        take(Message::InterfaceCloseResponse { status, session, index }.encode()),
        add(HmcSession::NONE, 0, BufferOwner::MANAGEMENT),
        added(HmcSession::NONE, 0, 0),
        take(CrqEntry::transport_event(TransportEvent::PARTNER_DEREGISTERED)),
    ]);
    assert_eq!(right, [""; 0]);
}

#[test]
fn driver_document_initialization_each_step_follows_the_one_before() {
    let init = CrqEntry::init(InitFormat::INITIALIZE);
    let complete = CrqEntry::init(InitFormat::COMPLETE);
    let capabilities = Message::Capabilities { limits: LIMITS }.encode();
    assert_reports(
        &after_open([send(init)]),
        &["mgmt: CRQ INIT without a registration that it belongs to"],
    );
    assert_reports(
        &after_open([send(complete)]),
        &["mgmt: CRQ INIT COMPLETE that answers no INIT"],
    );
    assert_reports(
        &after_open([send(capabilities)]),
        &["mgmt: CAPABILITIES without a handshake before it"],
    );
    assert_reports(
        &after_open([take(init)]),
        &["mgmt: CRQ INIT COMPLETE was never sent", "mgmt: CAPABILITIES was never sent"],
    );
    assert_reports(
        &after_open([take(init), send(complete)]),
        &["mgmt: CAPABILITIES was never sent"],
    );
    assert_reports(
        &after_open([take(init), send(capabilities), send(complete)]),
        &["mgmt: CAPABILITIES before INIT COMPLETE"],
    );
}

#[test]
fn lopar_vmc_capabilities_nothing_is_sent_before_they_are_exchanged_nor_after_a_refusal() {
    let early = |place: usize| {
        let mut run = handshake();
        run.truncate(place);
        run.extend([
            add(HmcSession::NONE, 0, BufferOwner::MANAGEMENT),
            added(HmcSession::NONE, 0, 0),
        ]);
        run
    };
    assert_reports(
        &problems(early(4)),
        &["mgmt: ADD BUFFER RESPONSE HMC index 0 session 0: before the capabilities exchange"],
    );
    let limits = LIMITS;
    let mut refused = early(4);
    refused.insert(4, take(Message::CapabilitiesResponse { status: Status(2), limits }.encode()));
    assert_reports(
        &problems(refused),
        &["mgmt: ADD BUFFER RESPONSE HMC index 0 session 0: before the capabilities exchange"],
    );
    assert_eq!(problems(early(5)), [""; 0]);
}

#[test]
fn lopar_add_and_remove_buffer_get_one_response_each_and_success_only_if_they_are_right() {
    assert_reports(
        &after_open([add(FIRST, 3, BufferOwner::MANAGEMENT)]),
        &["mgmt: HMC index 0 session 1: 1 ADD BUFFER not answered"],
    );
    assert_reports(
        &after_open([added(FIRST, 3, 1)]),
        &["mgmt: ADD BUFFER RESPONSE HMC index 0 session 1: no request awaits it"],
    );
    for (session, buffer, owner) in
        [(FIRST, 4, 0), (FIRST, 1, 0), (FIRST, 3, 2), (HmcSession(7), 3, 0)]
    {
        let wrong =
            after_open([add(session, buffer, BufferOwner(owner)), added(session, buffer, 0)]);
        let told = format!(
            "mgmt: ADD BUFFER RESPONSE HMC index 0 session {session}: success, where the request had to be refused"
        );
        assert_reports(&wrong, &[&told]);
    }
    assert_eq!(after_open([remove(), remove_response(0, 1)]), [""; 0]);
    assert_reports(
        &after_open([remove(), remove_response(0, 2)]),
        &[
            "mgmt: REMOVE BUFFER RESPONSE HMC index 0 session 1: gives up a buffer that the hypervisor owns",
        ],
    );
    let last = [remove(), remove_response(0, 1), remove(), remove_response(0, 0)];
    assert_reports(
        &after_open(last),
        &[
            "mgmt: REMOVE BUFFER RESPONSE HMC index 0 session 1: success, where the request had to be refused",
        ],
    );
}

#[test]
fn lopar_signal_needs_an_open_session_a_buffer_of_the_sender_and_a_length() {
    assert_reports(
        &after_open([send(signal(2, 8))]),
        &["mgmt: SIGNAL HMC index 0 session 1: the hypervisor owns the buffer"],
    );
    assert_reports(
        &after_open([send(signal(1, 8)), send(signal(1, 8))]),
        &["mgmt: SIGNAL HMC index 0 session 1: the hypervisor owns the buffer"],
    );
    assert_reports(
        &after_open([send(signal(1, 0))]),
        &["mgmt: SIGNAL HMC index 0 session 1: its length is not 1 to the MTU"],
    );
    assert_reports(
        &after_open([send(signal(1, 4097))]),
        &["mgmt: SIGNAL HMC index 0 session 1: its length is not 1 to the MTU"],
    );
    let mut bytes = signal(1, 8);
    bytes.0[8] = 1;
    assert_reports(&after_open([send(bytes)]), &["mgmt: SIGNAL: reserved bytes 8 not zero"]);
}

#[test]
fn lopar_interface_open_takes_the_next_session_of_a_free_index() {
    let (index, buffer) = (INDEX, BufferId(0));
    let open = |session| send(Message::InterfaceOpen { session, index, buffer }.encode());
    let started = |number| (ActorId::App(0), Event::SessionStarted(INDEX, HmcSession(number)));
    assert_reports(
        &after_open([started(2), open(HmcSession(2))]),
        &["mgmt: INTERFACE OPEN HMC index 0 session 2: the index has a session"],
    );
    assert_reports(&after_open([started(3)]), &["mgmt: HMC index 0 gets session 3 after 1"]);
    let mut first = handshake();
    first.extend([started(1), open(HmcSession(2))]);
    assert_reports(
        &problems(first),
        &["mgmt: INTERFACE OPEN HMC index 0 session 2: another number than the session was given"],
    );
}

const NO_REASON: &str = "mgmt: the queue is freed, and there is no reason to";

fn frees() -> (ActorId, Event) {
    (ActorId::Task, ours::frees())
}

fn befalls(act: FaultAct) -> (ActorId, Event) {
    let rule = String::from("it");
    (ActorId::Platform, Event::Fault { rule, act, subject: None, entry: None })
}

#[test]
fn a_queue_is_freed_for_a_reason() {
    let told = CrqEntry::transport_event(TransportEvent::PARTNER_DEREGISTERED);
    assert_reports(&after_open([take(told), frees()]), &[NO_REASON]);
    let (session, index, status) = (FIRST, INDEX, Status(1));
    let failure = Message::InterfaceCloseResponse { status, session, index }.encode();
    assert_reports(&after_open([take(failure), frees()]), &[]);
    // What found no room is a reason as long as it has not got through.
    let answer = || Message::RemoveBufferResponse {
        status: Status(0),
        session: FIRST,
        index: INDEX,
        buffer: BufferId(1),
    };
    let finds_no_room =
        || (ActorId::BottomHalf, ours::sends(answer().encode(), ReturnCode::DROPPED));
    assert_reports(&after_open([remove(), finds_no_room(), frees()]), &[]);
    let got_through = [remove(), finds_no_room(), send(answer().encode()), frees()];
    assert_reports(&after_open(got_through), &[NO_REASON]);
}

/// Of what is done to the machine only an order to remove the driver is a reason to free its queue, and for one time.
#[test]
fn what_befalls_the_management_partition_excuses_no_more_than_it_leads_to() {
    let told = CrqEntry::transport_event(TransportEvent::PARTNER_DEREGISTERED);
    for act in [
        FaultAct::Pause(Side::Mgmt),
        FaultAct::Resume(Side::Mgmt),
        FaultAct::Suspend(Side::Mgmt),
        FaultAct::Start(Side::Mgmt),
        FaultAct::FillCrq(Side::Mgmt),
        FaultAct::FreeCrq(Side::Hyp),
        FaultAct::Stop(Side::Hyp),
        FaultAct::Corrupt,
    ] {
        let late = after_open([befalls(act), take(told), frees()]);
        assert_eq!(late, [NO_REASON], "{act}");
    }
    let registers = || (ActorId::Task, ours::registers(ReturnCode::CLOSED));
    let operator = (ActorId::App(0), Event::Operator(OperatorAct::Stop(Side::Mgmt)));
    for order in
        [befalls(FaultAct::FreeCrq(Side::Mgmt)), befalls(FaultAct::Stop(Side::Mgmt)), operator]
    {
        assert_reports(&after_open([order.clone(), frees()]), &[]);
        let again = [order.clone(), frees(), registers(), frees()];
        assert_reports(&after_open(again), &[NO_REASON]);
        let twice = [order.clone(), order.clone(), frees(), registers(), frees()];
        assert_reports(&after_open(twice), &[]);
        // So does another kernel, which frees the queue of the one before for itself.
        let kexec = || befalls(FaultAct::Kexec);
        let starts = || {
            let refused = (ActorId::Task, ours::registers(ReturnCode::RESOURCE));
            [refused, frees(), registers(), frees()]
        };
        let before = [order.clone(), kexec()].into_iter().chain(starts());
        assert_reports(&after_open(before), &[NO_REASON]);
        let between = [kexec(), order.clone(), kexec()].into_iter().chain(starts());
        assert_reports(&after_open(between), &[]);
        // The next driver follows the orders that were given after the last one's end.
        let (dies, boots) =
            (befalls(FaultAct::Crash(Side::Mgmt)), befalls(FaultAct::Boot(Side::Mgmt)));
        let before = [order.clone(), dies.clone(), boots.clone(), registers(), frees()];
        assert_reports(&after_open(before), &[NO_REASON]);
        let after = [dies.clone(), order, dies, boots, registers(), frees()];
        assert_reports(&after_open(after), &[]);
    }
}

/// A driver that was about to send when its partner went away cannot take that back.
#[test]
fn what_was_decided_before_the_channel_went_down_is_not_judged() {
    let gone = CrqEntry::transport_event(TransportEvent::PARTNER_FAILED);
    let by_app = (ActorId::App(0), ours::sends(signal(1, 8), ReturnCode::SUCCESS));
    assert_eq!(after_open([take(gone), by_app]), [""; 0]);
    assert_reports(
        &after_open([take(gone), send(signal(1, 8))]),
        &["mgmt: SIGNAL HMC index 0 session 1: before the capabilities exchange"],
    );
}

/// Which handshake an answer belongs to, when the partner went away in between, no reference says.
#[test]
fn an_answer_that_may_be_to_earlier_capabilities_may_be_taken_in_each_way() {
    let init = CrqEntry::init(InitFormat::INITIALIZE);
    let complete = CrqEntry::init(InitFormat::COMPLETE);
    let gone = CrqEntry::transport_event(TransportEvent::PARTNER_FAILED);
    let capabilities = || send(Message::Capabilities { limits: LIMITS }.encode());
    let (status, limits) = (Status::SUCCESS, LIMITS);
    let response = || take(Message::CapabilitiesResponse { status, limits }.encode());
    let seed =
        || [add(HmcSession::NONE, 0, BufferOwner::MANAGEMENT), added(HmcSession::NONE, 0, 0)];
    let greeted_twice = || {
        let mut run = handshake();
        run.truncate(4);
        run.extend([take(gone), take(init), send(complete), capabilities(), response()]);
        run
    };
    // Nothing was said in between: both answers agree on the same, and what follows is judged as ever.
    let mut silent = greeted_twice();
    silent.push(response());
    let [asks, answers] = seed();
    silent.push(asks);
    assert_reports(
        &problems(silent.clone()),
        &["mgmt: HMC index 0 session 0: 1 ADD BUFFER not answered"],
    );
    silent.push(answers);
    assert_reports(&problems(silent.clone()), &[]);
    silent.push(capabilities());
    assert_reports(&problems(silent), &["mgmt: CAPABILITIES without a handshake before it"]);
    // It has spoken in between: it may hold on to the first answer, or to the second, or begin the exchange anew.
    let mut spoke = greeted_twice();
    spoke.extend(seed());
    spoke.push(response());
    assert_reports(&problems(spoke.clone()), &[]);
    let mut goes_on = spoke.clone();
    goes_on.extend(seed());
    assert_reports(&problems(goes_on.clone()), &[]);
    // One that has gone on has decided.
    goes_on.push(capabilities());
    assert_reports(&problems(goes_on), &["mgmt: CAPABILITIES without a handshake before it"]);
    spoke.extend([capabilities(), response()]);
    assert_reports(&problems(spoke.clone()), &[]);
    // With the new exchange it is judged again.
    spoke.push(send(signal(0, 8)));
    assert_reports(
        &problems(spoke),
        &["mgmt: SIGNAL HMC index 0 session 1: there is no such session"],
    );
    // Refused, before the latest ones are answered: whether it has its seed taken is for it to say.
    let refusal = take(Message::CapabilitiesResponse { status: Status(1), limits }.encode());
    let mut refused = greeted_twice();
    *refused.last_mut().unwrap() = refusal;
    let [asks, answers] = seed();
    refused.extend([response(), asks]);
    assert_reports(&problems(refused.clone()), &[]);
    refused.push(answers);
    assert_reports(&problems(refused), &[]);
}

#[test]
fn what_a_made_up_message_leads_to_is_not_judged_until_the_channel_is_down() {
    let twice = [send(signal(1, 8)), take(signal(1, 8)), take(signal(1, 8))];
    let wrong = [send(signal(1, 8)), send(signal(1, 8))];
    assert_eq!(after_open(twice.into_iter().chain(wrong)), [""; 0]);
    let open = Message::InterfaceOpenResponse {
        status: Status::SUCCESS,
        session: FIRST,
        index: INDEX,
        buffer: BufferId(0),
    };
    let mut foretold = handshake();
    foretold.extend([take(open.encode()), send(signal(0, 8))]);
    assert_eq!(problems(foretold), [""; 0]);
    let mut unheard = handshake();
    unheard.push(send(signal(0, 8)));
    assert_reports(
        &problems(unheard),
        &["mgmt: SIGNAL HMC index 0 session 1: there is no such session"],
    );
}

/// LoPAR, Add Buffer: the message itself transfers the buffer, so its use may come before the response.
#[test]
fn a_buffer_may_be_used_before_its_add_buffer_is_answered_and_is_not_refused_after_that() {
    let (session, index, buffer) = (FIRST, INDEX, BufferId(0));
    let open = || send(Message::InterfaceOpen { session, index, buffer }.encode());
    let opened_early = || {
        let mut run = handshake();
        run.pop();
        run.extend([(ActorId::App(0), Event::SessionStarted(INDEX, FIRST)), open()]);
        run
    };
    let after_early = |status| {
        let mut run = opened_early();
        run.push(added(HmcSession::NONE, 0, status));
        problems(run)
    };
    assert_eq!(after_early(0), [""; 0]);
    assert_reports(
        &after_early(1),
        &["mgmt: ADD BUFFER RESPONSE HMC index 0 session 0: refused, after the buffer was used"],
    );
    assert_reports(
        &problems(opened_early()),
        &["mgmt: HMC index 0 session 0: 1 ADD BUFFER not answered"],
    );
    let mgmt = || add(FIRST, 3, BufferOwner::MANAGEMENT);
    assert_eq!(after_open([mgmt(), send(signal(3, 8)), added(FIRST, 3, 0)]), [""; 0]);
    assert_eq!(after_open([mgmt(), send(signal(3, 8)), added(FIRST, 3, 4)]), [""; 0]);
    let refused = [mgmt(), send(signal(3, 8)), added(FIRST, 3, 1)];
    assert_reports(
        &after_open(refused),
        &["mgmt: ADD BUFFER RESPONSE HMC index 0 session 1: refused, after the buffer was used"],
    );
    let given_up = [mgmt(), remove(), remove_response(0, 3), added(FIRST, 3, 0)];
    assert_eq!(after_open(given_up), [""; 0]);
    // With its use the buffer is the hypervisor's.
    let twice = [mgmt(), send(signal(3, 8)), added(FIRST, 3, 0), send(signal(3, 8))];
    assert_reports(
        &after_open(twice),
        &["mgmt: SIGNAL HMC index 0 session 1: the hypervisor owns the buffer"],
    );
    let back = [mgmt(), send(signal(3, 8)), take(signal(3, 8)), added(FIRST, 3, 0)];
    assert_eq!(after_open(back.into_iter().chain([send(signal(3, 8))])), [""; 0]);
    // A buffer that the hypervisor owns, that was refused or whose offer was wrong must not be used.
    let outbound = [add(FIRST, 3, BufferOwner::HYPERVISOR), send(signal(3, 8)), added(FIRST, 3, 0)];
    assert_reports(
        &after_open(outbound),
        &["mgmt: SIGNAL HMC index 0 session 1: there is no such buffer"],
    );
    let gone = [mgmt(), added(FIRST, 3, 1), send(signal(3, 8))];
    assert_reports(
        &after_open(gone),
        &["mgmt: SIGNAL HMC index 0 session 1: there is no such buffer"],
    );
    let wrong = [add(FIRST, 4, BufferOwner::MANAGEMENT), send(signal(4, 8)), added(FIRST, 4, 1)];
    assert_reports(
        &after_open(wrong),
        &["mgmt: SIGNAL HMC index 0 session 1: there is no such buffer"],
    );
}

/// Responses to requests about a session that is over say nothing of the buffers that came since.
#[test]
fn late_responses_are_about_what_they_were_asked() {
    let (session, index, status, buffer) = (FIRST, INDEX, Status::SUCCESS, BufferId(0));
    let close = send(Message::InterfaceClose { session, index }.encode());
    let closed = take(Message::InterfaceCloseResponse { status, session, index }.encode());
    let seed = || add(HmcSession::NONE, 0, BufferOwner::MANAGEMENT);
    let late = after_open([
        add(FIRST, 3, BufferOwner::MANAGEMENT),
        remove(),
        close,
        closed.clone(),
        seed(),
        added(FIRST, 3, 0),
        remove_response(0, 1),
        added(HmcSession::NONE, 0, 0),
    ]);
    assert_eq!(late, [""; 0]);
    // Opened and closed before the old seed was answered.
    let mut run = handshake();
    run.pop();
    run.extend([
        (ActorId::App(0), Event::SessionStarted(INDEX, FIRST)),
        send(Message::InterfaceOpen { session, index, buffer }.encode()),
        take(Message::InterfaceOpenResponse { status, session, index, buffer }.encode()),
        send(Message::InterfaceClose { session, index }.encode()),
        closed,
        seed(),
        added(HmcSession::NONE, 0, 4),
        added(HmcSession::NONE, 0, 0),
        (ActorId::App(0), Event::SessionStarted(INDEX, HmcSession(2))),
        send(Message::InterfaceOpen { session: HmcSession(2), index, buffer }.encode()),
    ]);
    assert_eq!(problems(run), [""; 0]);
}

/// Driver document, VMC Interface Close: close() results in an Interface Close, which need not wait for the answer to the
/// Open.
#[test]
fn a_session_may_be_closed_before_its_open_is_answered() {
    let (session, index, buffer) = (FIRST, INDEX, BufferId(0));
    let opened = |status| {
        let status = Status(status);
        take(Message::InterfaceOpenResponse { status, session, index, buffer }.encode())
    };
    let closed = |status| {
        let status = Status(status);
        take(Message::InterfaceCloseResponse { status, session, index }.encode())
    };
    let opens = |number| {
        let session = HmcSession(number);
        let open = Message::InterfaceOpen { session, index, buffer };
        [(ActorId::App(0), Event::SessionStarted(INDEX, session)), send(open.encode())]
    };
    let close = || send(Message::InterfaceClose { session, index }.encode());
    let run = |profile, rest: Vec<(ActorId, Event)>| {
        let mut run = handshake();
        run.extend(opens(1));
        run.push(close());
        run.extend(rest);
        problems_in(profile, run)
    };
    let mgmt = || add(FIRST, 1, BufferOwner::MANAGEMENT);
    for profile in [Profile::Document, Profile::Linux] {
        let seed =
            || [add(HmcSession::NONE, 0, BufferOwner::MANAGEMENT), added(HmcSession::NONE, 0, 0)];
        let with_seed = |rest: &[(ActorId, Event)]| {
            let rest = rest.iter().cloned().chain(seed()).chain(opens(2));
            run(profile, rest.collect())
        };
        // The response to the Close is the end, whether the Open was answered or not.
        assert_eq!(with_seed(&[closed(0)]), [""; 0]);
        assert_eq!(with_seed(&[opened(0), closed(0)]), [""; 0]);
        assert_eq!(with_seed(&[opened(1), closed(0)]), [""; 0]);
        // After a refusal there is nothing to close, and the seed is there.
        let [start, open] = opens(2);
        assert_eq!(run(profile, vec![opened(1), closed(1), start, open]), [""; 0]);
        let told = run(profile, [opened(1)].into_iter().chain(opens(2)).collect());
        assert_reports(
            &told,
            &["mgmt: INTERFACE OPEN HMC index 0 session 2: the index has a session"],
        );
        let told = run(profile, [opened(0), closed(1)].into_iter().chain(opens(2)).collect());
        assert_reports(
            &told,
            &["mgmt: INTERFACE OPEN HMC index 0 session 2: the index has a session"],
        );
        assert_eq!(run(profile, vec![mgmt(), added(FIRST, 1, 4)]), [""; 0]);
        assert_reports(
            &run(profile, vec![send(signal(0, 8))]),
            &["mgmt: SIGNAL HMC index 0 session 1: the session is not open yet"],
        );
        // Once the Open is answered, the session is one that is being closed like any other.
        let late = run(profile, vec![opened(0), mgmt(), added(FIRST, 1, 0)]);
        assert_reports(
            &late,
            &[
                "mgmt: ADD BUFFER RESPONSE HMC index 0 session 1: success, where the request had to be refused",
            ],
        );
        assert_reports(
            &run(profile, vec![close()]),
            &["mgmt: INTERFACE CLOSE HMC index 0 session 1: the session is being closed already"],
        );
    }
    // One that was decided on before the refusal came, and one that was not.
    let mut crosses = handshake();
    crosses.extend(opens(1));
    let by_app = Message::InterfaceClose { session, index };
    crosses.extend([
        opened(1),
        (ActorId::App(0), ours::sends(by_app.encode(), ReturnCode::SUCCESS)),
        closed(1),
    ]);
    crosses.extend(opens(2));
    assert_eq!(problems(crosses), [""; 0]);
    let mut needless = handshake();
    needless.extend(opens(1));
    needless.extend([opened(1), close()]);
    assert_reports(
        &problems(needless),
        &["mgmt: INTERFACE CLOSE HMC index 0 session 1: there is no such session"],
    );
    // The Linux driver takes its buffers as before.
    assert_eq!(run(Profile::Linux, vec![mgmt(), added(FIRST, 1, 0)]), [""; 0]);
    let document = run(Profile::Document, vec![mgmt(), added(FIRST, 1, 0)]);
    assert_reports(
        &document,
        &[
            "mgmt: ADD BUFFER RESPONSE HMC index 0 session 1: success, where the request had to be refused",
        ],
    );
}
