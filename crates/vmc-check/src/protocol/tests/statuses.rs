//! Each status of a refusal has its cause.

use super::*;
use vmc_proto::mgmt::SessionState;

fn reports(state: SessionState) -> (ActorId, Event) {
    (ActorId::App(0), Event::SessionState(INDEX, FIRST, vmc_trace::SessionState::Mgmt(state)))
}

fn fails_allocation() -> (ActorId, Event) {
    let (rule, act) = ("no memory".into(), FaultAct::FailAllocation);
    (ActorId::Platform, Event::Fault { rule, act, entry: None, subject: None })
}

/// What is wrong when this comes after a session was opened, of a driver that has the memory that it needs.
fn told(profile: Profile, events: impl IntoIterator<Item = (ActorId, Event)>) -> Vec<String> {
    let mut run = session();
    run.push(reports(SessionState::Ready));
    run.extend(events);
    let mut automaton = Automaton::new(1..=255, profile, false);
    wire::walk(&Run::of(run).trace(), |seq, seen| automaton.see(seq, &seen));
    automaton.problems(true, true)
}

/// Which statuses of LoPAR an Add Buffer of such a kind may be refused with.
fn right(before: Vec<(ActorId, Event)>, request: &Message) -> Vec<u8> {
    let passes = |status: &u8| {
        let answer = match *request {
            Message::AddBuffer { session, index, buffer, .. } => {
                Message::AddBufferResponse { status: Status(*status), session, index, buffer }
            }
            Message::RemoveBuffer { session, index } => {
                let (status, buffer) = (Status(*status), BufferId(0));
                Message::RemoveBufferResponse { status, session, index, buffer }
            }
            other => panic!("{other:?} is no request for a buffer"),
        };
        let mut events = vec![take(request.encode())];
        events.extend(before.clone());
        events.push(send(answer.encode()));
        told(Profile::Document, events).is_empty()
    };
    (0..=6).filter(passes).collect()
}

fn adding(index: u8, session: u8, buffer: u16, owner: u8) -> Message {
    let (index, session, buffer) = (HmcIndex(index), HmcSession(session), BufferId(buffer));
    Message::AddBuffer { owner: BufferOwner(owner), session, index, buffer, lioba: Lioba(0x1000) }
}

#[test]
fn lopar_add_buffer_response_each_status_has_its_cause() {
    let none = Vec::new;
    assert_eq!(right(none(), &adding(0, 1, 3, 0)), [0], "nothing is wrong");
    assert_eq!(right(vec![fails_allocation()], &adding(0, 1, 3, 0)), [0, 1], "no memory");
    assert_eq!(right(none(), &adding(0, 1, 3, 2)), [1], "an owner that there is not");
    // A seed may be refused in general (1) once there was a session, whose memory may not be free yet.
    assert_eq!(right(none(), &adding(1, 0, 3, 0)), [1, 2, 4], "an index that was not negotiated");
    assert_eq!(right(none(), &adding(0, 1, 2, 0)), [3], "a buffer that is there");
    assert_eq!(right(none(), &adding(0, 1, 4, 0)), [3], "beyond the pool");
    assert_eq!(right(none(), &adding(0, 7, 3, 0)), [4], "a session that there is not");
    let closing = vec![reports(SessionState::Closing)];
    assert_eq!(right(closing, &adding(0, 1, 3, 0)), [0, 4], "closed meanwhile");
}

#[test]
fn lopar_remove_buffer_response_each_status_has_its_cause() {
    let removing = |index, session| Message::RemoveBuffer {
        index: HmcIndex(index),
        session: HmcSession(session),
    };
    let none = Vec::new;
    // That no buffer is free (3) is for the driver to know.
    assert_eq!(right(none(), &removing(0, 1)), [0, 3], "nothing is wrong");
    assert_eq!(right(none(), &removing(1, 0)), [1, 2, 3], "an index that was not negotiated");
    assert_eq!(right(none(), &removing(0, 7)), [1, 3], "a session that there is not");
    let closing = vec![reports(SessionState::Closing)];
    assert_eq!(right(closing, &removing(0, 1)), [0, 1, 3], "closed meanwhile");
}

#[test]
fn the_numbers_of_the_linux_driver_mean_something_else() {
    let add = |status| {
        let (session, index, buffer) = (HmcSession(7), INDEX, BufferId(3));
        let answer = Message::AddBufferResponse { status: Status(status), session, index, buffer };
        let events = [take(adding(0, 7, 3, 0).encode()), send(answer.encode())];
        told(Profile::Linux, events)
    };
    assert_eq!(add(3), [""; 0]);
    assert_reports(
        &add(4),
        &["mgmt: ADD BUFFER RESPONSE HMC index 0 session 7: refused, and there is no reason to"],
    );
    assert_reports(
        &add(6),
        &[
            "mgmt: ADD BUFFER RESPONSE HMC index 0 session 7: a status that the response does not have",
        ],
    );
}

#[test]
fn memory_that_may_lack_is_a_reason() {
    let mut run = session();
    run.extend([add(FIRST, 3, BufferOwner::MANAGEMENT), added(FIRST, 3, 1)]);
    assert_eq!(problems(run), [""; 0]);
}
