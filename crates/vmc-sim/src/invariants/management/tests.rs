//! Each thing that a watched router must not do is reported, and nothing else.

use super::exchange::Exchange;
use super::{Watched, lost_by_crash};
use hmc_proto::{
    Answer, Changed, Echo, EventKind, ExchangeOperations, Flags, Header, Message, Nothing,
    ObjectKind, Opcode, OperationsExchanged, Refusal, Request, Response, Rest, ReturnCode,
    Subscribed, Target, Token,
};
use hmc_router::{Router, SMALL_VIOS, small_system};
use managed_system::{JobId, Operation, PowerOff, System};
use phyp::vmc::{Actions, Incoming, SessionKey};
use std::time::Duration;
use vmc_proto::{CommandFault, HmcIndex, HmcSession, ShortCode};

const MTU: u32 = 4096;

fn key(session: u8) -> SessionKey {
    SessionKey { index: HmcIndex(0), session: HmcSession(session) }
}

/// A system after a change of it.
fn after(operation: Operation) -> System {
    let mut system = small_system();
    system.apply(&operation.into(), Duration::ZERO).expect("it is allowed");
    system
}

fn renamed() -> System {
    after(Operation::RenameSystem { name: "sys2".into() })
}

fn rename(version: Option<u64>) -> Request {
    Request::ChangeSystem(hmc_proto::ChangeSystem { version, name: "sys2".into() })
}

/// What is found when a session's message is followed by these, each to the session of its number.
fn found(
    exchange: &mut Exchange,
    message: &[u8],
    sent: &[(u8, Vec<u8>)],
    system: (&System, &System),
) -> Vec<String> {
    let mut actions = Actions::new(MTU, Duration::ZERO);
    sent.iter().for_each(|(to, bytes)| actions.send(key(*to), bytes.clone()));
    exchange.message(key(1), incoming(message, &[]), &actions, system)
}

fn incoming<'a>(message: &'a [u8], faults: &'a [CommandFault]) -> Incoming<'a> {
    Incoming { len_bytes: message.len() as u32, payload: Some(message), faults }
}

fn of(request: &Request, token: u32, answer: &Answer) -> (Vec<u8>, Vec<u8>) {
    let message = request.encode(Token(token));
    let header = Message::decode(&message).expect("a good header").header;
    (message, answer.encode(header))
}

/// An exchange whose session 1 is open as number 7.
fn open() -> Exchange {
    let mut exchange = Exchange::default();
    let request =
        Request::ExchangeOperations(ExchangeOperations { reserved: 0, version: 1, resume: 0 });
    let exchanged =
        OperationsExchanged { reserved: 0, version: 1, session: 7, mtu: MTU, operations: vec![] };
    let answer = Answer::Good(Response::ExchangeOperations(exchanged));
    let (message, response) = of(&request, 1, &answer);
    let system = small_system();
    assert_eq!(found(&mut exchange, &message, &[(1, response)], (&system, &system)), [""; 0]);
    assert_eq!(exchange.numbers().collect::<Vec<_>>(), [7]);
    exchange
}

#[test]
fn a_request_gets_one_response_that_fits_it() {
    let system = small_system();
    let look = Request::Echo(Echo { data: Rest(vec![1]) });
    let good = Answer::Good(Response::Echo(Echo { data: Rest(vec![1]) }));
    let (message, response) = of(&look, 2, &good);
    let sees = |message: &[u8], sent: &[(u8, Vec<u8>)]| {
        found(&mut open(), message, sent, (&system, &system)).join("; ")
    };
    assert_eq!(sees(&message, &[(1, response.clone())]), "");
    let says = |what: &str| format!("HMC index 0 session 1: {what}");
    let number = |got| says(&format!("expected 1 response to a request, got {got}"));
    assert_eq!(sees(&message, &[]), number(0));
    assert_eq!(sees(&message, &[(1, response.clone()), (1, response.clone())]), number(2));
    assert_eq!(
        sees(&message, &[(2, response.clone())]),
        says("the response goes to HMC index 0 session 2")
    );
    let (_, other) = of(&look, 3, &good);
    assert_eq!(sees(&message, &[(1, other)]), says("expected a response with token 2, got 3"));
    let (_, other) = of(&Request::Close(Nothing {}), 2, &Answer::Failed(ReturnCode::INVALID_DATA));
    assert_eq!(
        sees(&message, &[(1, other)]),
        says("expected a response to ECHO, got one to CLOSE")
    );
    assert_eq!(
        sees(&message, &[(1, message.clone())]),
        says("a response: expected a response, got a request")
    );
    let mut long = response.clone();
    long.resize(MTU as usize + 1, 0);
    assert_eq!(
        sees(&message, &[(1, long)]),
        format!(
            "{}; {}",
            says("a response of 4097 bytes"),
            says("a response: expected a message of 32 to 4096 bytes, got 4097")
        )
    );
    let mut without = message.clone();
    without[15] = Flags::NONE.0;
    assert_eq!(sees(&without, &[]), "");
    assert_eq!(sees(&without, &[(1, response)]), says("expected 0 response to a request, got 1"));
    // What has no header is answered, too.
    let unreadable = Header {
        token: Token(0),
        target: Target::ROUTER,
        flags: Flags::RESPONSE_EXPECTED,
        opcode: Opcode(0),
        return_code: ReturnCode::GOOD,
    };
    let refusal = Answer::Failed(ReturnCode::SIZE).encode(unreadable);
    assert_eq!(sees(&[0xDE], &[(1, refusal)]), "");
}

#[test]
fn what_only_looks_or_is_refused_changes_nothing() {
    let (before, after) = (small_system(), renamed());
    let look = Request::ShowSystem(Nothing {});
    let refused = Answer::Refused(Refusal { code: "HSCLF003".into(), text: String::new() });
    for (request, what) in [(look, "SHOW SYSTEM"), (rename(None), "a refused CHANGE SYSTEM")] {
        let (message, response) = of(&request, 2, &refused);
        let sent = [(1, response)];
        assert_eq!(found(&mut open(), &message, &sent, (&before, &before)), [""; 0]);
        assert_eq!(
            found(&mut open(), &message, &sent, (&before, &after)),
            [format!("{what} has changed the system")]
        );
    }
}

#[test]
fn a_change_is_made_once_and_on_the_version_that_it_names() {
    let (before, after) = (small_system(), renamed());
    let version = before.version().0;
    let done = |version| Answer::Good(Response::ChangeSystem(Changed { version }));
    let (message, response) = of(&rename(Some(version)), 2, &done(20));
    let mut exchange = open();
    let sent = [(1, response)];
    assert_eq!(found(&mut exchange, &message, &sent, (&before, &after)), [""; 0]);
    // Once more: the same answer, and nothing is done.
    assert_eq!(found(&mut exchange, &message, &sent, (&after, &after)), [""; 0]);
    assert_eq!(
        found(&mut exchange, &message, &sent, (&before, &after)),
        ["a second CHANGE SYSTEM has changed the system"]
    );
    let (_, other) = of(&rename(Some(version)), 2, &done(21));
    assert_eq!(
        found(&mut exchange, &message, &[(1, other)], (&after, &after)),
        ["a second CHANGE SYSTEM is answered in another way"]
    );
    // Another change has that token.
    let (message, response) = of(&rename(None), 2, &done(20));
    let problems = found(&mut exchange, &message, &[(1, response)], (&before, &after));
    assert_eq!(problems, ["a change with the token of another has changed the system"]);
    // It names a version that the system did not have.
    let (message, response) = of(&rename(Some(version + 5)), 3, &done(20));
    let problems = found(&mut exchange, &message, &[(1, response)], (&before, &after));
    assert_eq!(
        problems,
        ["CHANGE SYSTEM name sys2: expected version 6 was accepted, the object had 1"]
    );
}

#[test]
fn a_session_is_open_once() {
    let mut exchange = open();
    let system = small_system();
    let request =
        Request::ExchangeOperations(ExchangeOperations { reserved: 0, version: 1, resume: 7 });
    let exchanged =
        OperationsExchanged { reserved: 0, version: 1, session: 7, mtu: MTU, operations: vec![] };
    let (message, response) =
        of(&request, 1, &Answer::Good(Response::ExchangeOperations(exchanged)));
    let problems = found(&mut exchange, &message, &[(1, response)], (&system, &system));
    assert_eq!(problems, ["session 7 is open already"]);
    assert_eq!(exchange.closed(key(1)), Some(7));
    assert_eq!(exchange.closed(key(1)), None);
}

fn event(number: u64, kind: EventKind, lost: u64) -> Vec<u8> {
    let event = hmc_proto::Event {
        number,
        at_ns: 0,
        kind,
        lost,
        object: ObjectKind::System,
        partition: 0,
        id: 0,
        name: String::new(),
        properties: Vec::new(),
        state: None,
    };
    Request::Event(event).encode(Token(number as u32))
}

#[test]
fn events_are_complete_and_in_order() {
    let system = small_system();
    let last = system.last_event();
    let subscribed = || {
        let mut exchange = open();
        let answer = Answer::Good(Response::Subscribe(Subscribed { last }));
        let (message, response) = of(&Request::Subscribe(Nothing {}), 2, &answer);
        let problems = found(&mut exchange, &message, &[(1, response)], (&system, &system));
        assert_eq!(problems, [""; 0]);
        exchange
    };
    let told = |exchange: &mut Exchange, to: u8, bytes: Vec<u8>| {
        exchange.events(key(1), &[(key(to), bytes)], last + 9).join("; ")
    };
    let changed = |number| event(number, EventKind::Changed, 0);
    let mut exchange = subscribed();
    assert_eq!(told(&mut exchange, 1, changed(last + 1)), "");
    assert_eq!(told(&mut exchange, 1, event(last + 4, EventKind::Overflow, 3)), "");
    assert_eq!(told(&mut exchange, 1, changed(last + 5)), "");
    assert_eq!(exchange.waits(key(1), last + 5), None);
    assert!(exchange.waits(key(1), last + 6).is_some());
    assert_eq!(exchange.waits(key(2), last + 6), None);
    for (to, bytes, said) in [
        (1, changed(last + 2), ": expected event 14 of 22, got 15"),
        (1, changed(last), ": expected event 14 of 22, got 13"),
        (1, event(last + 4, EventKind::Overflow, 2), ": expected event 15 of 22, got 17"),
        (1, event(last, EventKind::Overflow, 0), " is told that no event is lost"),
        (1, event(last + 20, EventKind::Overflow, 20), ": expected event 33 of 22, got 33"),
        (2, changed(last + 1), ": an event goes to HMC index 0 session 2"),
        (1, Request::Close(Nothing {}).encode(Token(1)), " is sent what is no event"),
        (1, vec![1, 2, 3], ": expected a message of 32 to 4096 bytes, got 3"),
    ] {
        let problem = told(&mut subscribed(), to, bytes);
        assert_eq!(problem, format!("HMC index 0 session 1{said}"));
    }
    let problem = told(&mut open(), 1, changed(last + 1));
    assert_eq!(problem, "HMC index 0 session 1 gets event 14 and has not subscribed");
    let answer = Answer::Good(Response::Subscribe(Subscribed { last: last + 1 }));
    let (message, response) = of(&Request::Subscribe(Nothing {}), 2, &answer);
    let problems = found(&mut open(), &message, &[(1, response)], (&system, &system));
    assert_eq!(problems, ["events come after 13, and the response says 14"]);
    // What waits for a buffer comes, although there were more events before the session subscribed once more.
    let mut again = subscribed();
    let of_last = |last| {
        of(
            &Request::Subscribe(Nothing {}),
            2,
            &Answer::Good(Response::Subscribe(Subscribed { last })),
        )
        .1
    };
    assert_eq!(told(&mut again, 1, changed(last + 1)), "");
    let problems = found(&mut again, &message, &[(1, of_last(last + 1))], (&system, &system));
    assert_eq!(problems, [""; 0]);
    let problems = found(&mut again, &message, &[(1, of_last(last))], (&system, &system));
    assert_eq!(problems, ["events come after 14, and the response says 13"]);
}

#[test]
fn a_crash_takes_what_was_kept_for_managers_and_nothing_else() {
    let off = PowerOff::Normal;
    let power_off = Operation::PowerOff { partition: SMALL_VIOS, how: off, restart: false };
    let mut before = after(power_off);
    before
        .apply(&Operation::OpenTerminal { partition: SMALL_VIOS }.into(), Duration::ZERO)
        .unwrap();
    assert!(before.job(JobId(1)).is_ok());
    let mut crashed = before.clone();
    crashed.platform_crashed(Duration::ZERO);
    assert_eq!(lost_by_crash(&before, &crashed), [""; 0]);
    assert_eq!(
        lost_by_crash(&before, &before),
        ["job 1 outlives a crash of the platform partition"]
    );
    let name = String::from("other");
    for (operation, what) in [
        (Operation::RenamePartition { partition: SMALL_VIOS, name: name.clone() }, "partitions"),
        (Operation::CreateSwitch { name, mode: managed_system::SwitchMode::Veb }, "networks"),
    ] {
        let mut changed = crashed.clone();
        changed.apply(&operation.into(), Duration::ZERO).expect("it is allowed");
        assert_eq!(
            lost_by_crash(&before, &changed),
            [format!("a crash of the platform partition has changed {what}")]
        );
    }
}

#[test]
fn a_system_that_goes_back_is_told_once() {
    let mut watched = Watched::new(Router::new(small_system()));
    assert_eq!(watched.problems, [""; 0]);
    watched.look_at_system(&renamed());
    watched.look_at_system(&renamed());
    assert_eq!(watched.problems, ["versions or events have gone back"]);
}

/// What is found when a command with which this goes wrong is followed by these answers.
fn found_of_fault(
    exchange: &mut Exchange,
    fault: CommandFault,
    sent: &[Vec<u8>],
    system: (&System, &System),
) -> Vec<String> {
    let message = rename(None).encode(Token(9));
    let mut actions = Actions::new(MTU, Duration::ZERO);
    sent.iter().for_each(|bytes| actions.send(key(1), bytes.clone()));
    exchange.message(key(1), incoming(&message, &[fault]), &actions, system)
}

#[test]
fn a_command_that_is_lost_or_answered_in_another_way_is_not_done() {
    let (before, changed) = (small_system(), renamed());
    let busy = CommandFault::Answered(ReturnCode::NO_BUFFER.0);
    let refused = CommandFault::Refused(ShortCode::new("HSCL3205").expect("a code"));
    let response = |answer: &Answer| of(&rename(None), 9, answer).1;
    let refusal =
        |code: &str| response(&Answer::Refused(Refusal { code: code.into(), text: String::new() }));
    let is_busy = response(&Answer::Failed(ReturnCode::NO_BUFFER));
    let lost = CommandFault::Lost;
    for (fault, sent, after, said) in [
        (lost, vec![], &before, None),
        (lost, vec![], &changed, Some("has changed the system")),
        (lost, vec![is_busy.clone()], &before, Some("expected 0 response")),
        (busy, vec![is_busy.clone()], &before, None),
        (busy, vec![is_busy.clone()], &changed, Some("has changed the system")),
        (busy, vec![], &before, Some("expected 1 response")),
        (busy, vec![refusal("HSCL3205")], &before, Some("expected the answer no buffer")),
        (refused, vec![refusal("HSCL3205")], &before, None),
        (refused, vec![refusal("HSCL3206")], &before, Some("expected the answer generic error")),
        (refused, vec![is_busy], &before, Some("expected the answer generic error")),
    ] {
        let found = found_of_fault(&mut open(), fault, &sent, (&before, after));
        match said {
            None => assert_eq!(found, [""; 0], "{fault:?}"),
            Some(said) => assert!(found.join("; ").contains(said), "{fault:?}: {found:?}"),
        }
    }
}

#[test]
fn an_answer_that_is_late_comes_when_it_is_due_and_one_that_is_lost_does_not() {
    let system = (&small_system(), &renamed());
    let good = Answer::Good(Response::ChangeSystem(Changed { version: 2 }));
    let (_, response) = of(&rename(None), 9, &good);
    let mut exchange = open();
    let lost = CommandFault::AnswerLost;
    assert_eq!(found_of_fault(&mut exchange, lost, &[], system), [""; 0]);
    assert_eq!(exchange.owes(), None);
    let late = CommandFault::AnswerLate(5_000_000);
    let early = found_of_fault(&mut open(), late, std::slice::from_ref(&response), system);
    assert!(early.join("; ").contains("expected 0 response"), "{early:?}");
    let mut exchange = open();
    assert_eq!(found_of_fault(&mut exchange, late, &[], system), [""; 0]);
    assert!(exchange.owes().is_some());
    let mut sent = Actions::new(MTU, Duration::from_millis(4));
    assert_eq!(exchange.late(&sent), [""; 0]);
    sent.send(key(1), response.clone());
    assert!(exchange.late(&sent).join("; ").contains("expected 0 answers"));
    let mut other = exchange.clone();
    let mut sent = Actions::new(MTU, Duration::from_millis(5));
    sent.send(key(1), response);
    assert_eq!((exchange.late(&sent), exchange.owes()), (Vec::new(), None));
    let nothing = Actions::new(MTU, Duration::from_millis(5));
    assert!(other.clone().late(&nothing).join("; ").contains("expected 1 answers"));
    let mut wrong = Actions::new(MTU, Duration::from_millis(5));
    wrong.send(key(2), of(&rename(None), 9, &good).1);
    assert!(other.clone().late(&wrong).join("; ").contains("goes to"));
    other.closed(key(1));
    assert_eq!((other.late(&nothing), other.owes()), (Vec::new(), None));
}
