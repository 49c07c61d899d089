//! Sessions of the router, malformed messages, tokens.

use crate::talk::*;
use hmc_proto::*;

/// The public test program: exchange operations, 100 growing echoes one at a time, close.
#[test]
fn the_public_test_programs_flow() {
    let mut manager = Manager::without_session(&machine(4096, 100));
    let exchange = [0, 1, 0, 0, 0, 0];
    let header = Header::request(Token(0), Target::ROUTER, Opcode(1)).encode(6);
    let (header, _) = manager.raw(&[&header[..], &exchange].concat());
    assert_eq!(header.return_code, ReturnCode::GOOD);
    for len in 1..=100 {
        let data = vec![len as u8; len];
        let echo = Request::Echo(Echo { data: Rest(data.clone()) });
        let (header, answer) = manager.raw(&echo.encode(Token(len as u32)));
        assert_eq!((header.token, header.flags), (Token(len as u32), Flags::RESPONSE));
        assert_eq!(answer, data);
    }
    let (header, data) = manager.raw(&Request::Close(Nothing {}).encode(Token(7)));
    assert_eq!((header.return_code, data.len()), (ReturnCode::GOOD, 0));
    manager.app.close(manager.file).expect("a good close");
}

#[test]
fn nothing_but_exchange_operations_opens_a_session() {
    let mut manager = Manager::without_session(&machine(4096, 100));
    let closed = Answer::Failed(ReturnCode::INVALID_STATE);
    assert_eq!(manager.ask(Request::ShowSystem(Nothing {})), closed);
    let exchange = |version, reserved| {
        Request::ExchangeOperations(ExchangeOperations { reserved, version, resume: 0 })
    };
    let invalid = Answer::Failed(ReturnCode::INVALID_DATA);
    assert_eq!(manager.ask(exchange(0, 0)), invalid);
    assert_eq!(manager.ask(exchange(1, 1)), invalid);
    let Answer::Good(Response::ExchangeOperations(exchanged)) = manager.ask(exchange(9, 0)) else {
        panic!("expected a session");
    };
    assert_eq!((exchanged.version, exchanged.mtu), (1, 4096));
    assert_eq!(exchanged.operations, Operation::by_target());
    assert_eq!(manager.ask(exchange(1, 0)), Answer::Failed(ReturnCode::ALREADY_OPEN));
    assert_eq!(manager.ask(Request::Close(Nothing {})).return_code(), ReturnCode::GOOD);
    assert_eq!(manager.ask(Request::ShowSystem(Nothing {})), closed);
}

#[test]
fn an_mtu_that_is_too_small_opens_no_session() {
    let mut manager = Manager::without_session(&machine(511, 100));
    let request = ExchangeOperations { reserved: 0, version: 1, resume: 0 };
    let answer = manager.ask(Request::ExchangeOperations(request));
    assert_eq!(answer, Answer::Failed(ReturnCode::SIZE));
}

#[test]
fn every_malformed_message_gets_its_return_code() {
    let mut manager = Manager::new(&machine(4096, 100));
    let good = Request::ShowSystem(Nothing {}).encode(Token(0x0102_0304));
    let mut with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        let (header, data) = manager.raw(&bytes);
        assert_eq!(data, [0; 0]);
        assert_eq!(header.token, Token(0x0102_0304), "byte {at}");
        header.return_code
    };
    assert_eq!(with(0, 0), ReturnCode::INVALID_DATA);
    assert_eq!(with(3, 31), ReturnCode::SIZE);
    assert_eq!(with(7, 33), ReturnCode::SIZE);
    assert_eq!(with(19, 1), ReturnCode::SIZE);
    assert_eq!(with(14, 1), ReturnCode::INVALID_DATA);
    assert_eq!(with(31, 1), ReturnCode::INVALID_DATA);
    assert_eq!(with(15, 0x81), ReturnCode::INVALID_DATA);
    assert_eq!(with(15, 0x40), ReturnCode::INVALID_RESPONSE);
    assert_eq!(with(23, 1), ReturnCode::INVALID_DATA);
    assert_eq!(with(13, 0x04), ReturnCode::INVALID_CATEGORY);
    assert_eq!(with(13, 0x08), ReturnCode::INVALID_TARGET);
    assert_eq!(with(21, 0xFF), ReturnCode::INVALID_OPCODE);
    let (header, _) = manager.raw(&[1, 2, 3]);
    assert_eq!((header.token, header.return_code), (Token(0), ReturnCode::SIZE));
    let mut trailing =
        Header::request(Token(1), Target::CONFIGURATION, Opcode(1)).encode(1).to_vec();
    trailing.push(0);
    assert_eq!(manager.raw(&trailing).0.return_code, ReturnCode::INVALID_DATA);
    let event = Header::request(Token(1), Target::SERVICE_PROCESSOR, Opcode(0x21)).encode(0);
    assert_eq!(manager.raw(&event).0.return_code, ReturnCode::INVALID_DATA);
}

#[test]
fn a_request_that_expects_no_response_is_applied_and_gets_none() {
    let mut manager = Manager::new(&machine(4096, 100));
    let mut rename = Request::ChangeSystem(ChangeSystem { version: None, name: "sys2".into() });
    let mut bytes = rename.encode(Token(1));
    bytes[15] = 0;
    manager.send(&bytes);
    // A malformed one without the flag gets none either.
    bytes[14] = 1;
    manager.send(&bytes);
    let system = manager.good(Operation::ShowSystem, table(&[]));
    assert_eq!(system.get("name"), Some(&text("sys2")));
    rename = Request::QueryOutcome(QueryOutcome { token: 1 });
    let Answer::Good(Response::QueryOutcome(outcome)) = manager.ask(rename) else {
        panic!("expected an outcome");
    };
    assert_eq!((outcome.state, outcome.return_code), (OutcomeState::Answered, 0));
}

#[test]
fn a_change_is_applied_once_and_its_outcome_can_be_asked_for() {
    let mut manager = Manager::new(&machine(4096, 100));
    let create = Request::from_value(Operation::CreatePartition, &partition("web1", "AIX/Linux"))
        .expect("a request");
    let first = manager.ask_with(Token(5), create.clone());
    assert_eq!(first.return_code(), ReturnCode::GOOD);
    assert_eq!(
        manager.ask_with(Token(5), create.clone()),
        first,
        "the same change, the same answer"
    );
    let Answer::Refused(refusal) = manager.ask_with(Token(6), create.clone()) else {
        panic!("expected a refusal");
    };
    assert_eq!(refusal.code, "HSCL05DE");
    let again = manager.ask_with(Token(6), create);
    assert_eq!(again, Answer::Refused(refusal), "a refusal is an outcome, too");
    let other = Request::DeletePartition(PartitionVersion { id: 2, version: None });
    let Answer::Refused(refusal) = manager.ask_with(Token(5), other) else {
        panic!("expected a refusal");
    };
    assert_eq!(refusal.code, "HSCLF100");
    let mut outcome = |token| match manager.ask(Request::QueryOutcome(QueryOutcome { token })) {
        Answer::Good(Response::QueryOutcome(outcome)) => outcome,
        other => panic!("expected an outcome, got {other}"),
    };
    let known = outcome(5);
    assert_eq!((known.target, known.opcode, known.return_code), (0x8001, 0x12, 0));
    assert_eq!(known.data.0, first.encode_data());
    assert_eq!(outcome(6).return_code, 0x8006);
    assert_eq!(outcome(99).state, OutcomeState::Unknown);
}

#[test]
fn a_session_can_be_resumed_by_its_own_hmc_only() {
    let mut manager = Manager::without_session(&machine(4096, 100));
    let number = manager.exchange(0);
    let rename = Request::ChangeSystem(ChangeSystem { version: None, name: "sys2".into() });
    let done = manager.ask_with(Token(1), rename.clone());
    manager.reopen("HMC-A");
    assert_eq!(manager.exchange(number), number);
    assert_eq!(manager.ask_with(Token(1), rename.clone()), done, "not applied again");
    manager.reopen("HMC-B");
    let request = ExchangeOperations { reserved: 0, version: 1, resume: number };
    let answer = manager.ask(Request::ExchangeOperations(request));
    assert_eq!(answer, Answer::Failed(ReturnCode::SESSION_MISMATCH));
    let other = manager.exchange(12345);
    assert!(other != number && other != 12345, "one that is not known gets another number");
    let query = Request::QueryOutcome(QueryOutcome { token: 1 });
    let Answer::Good(Response::QueryOutcome(outcome)) = manager.ask(query) else {
        panic!("expected an outcome");
    };
    assert_eq!(outcome.state, OutcomeState::Unknown);
}

#[test]
fn the_last_outcomes_of_a_session_are_kept_and_no_more() {
    let mut manager = Manager::new(&machine(4096, 100));
    let rename = |n| Request::ChangeSystem(ChangeSystem { version: None, name: format!("sys{n}") });
    let last = hmc_router::MAX_OUTCOMES as u32 + 1;
    for n in 1..=last {
        manager.ask_with(Token(n), rename(n));
    }
    let mut state = |token| match manager
        .ask_with(Token(u32::MAX), Request::QueryOutcome(QueryOutcome { token }))
    {
        Answer::Good(Response::QueryOutcome(outcome)) => outcome.state,
        other => panic!("expected an outcome, got {other}"),
    };
    assert_eq!(
        [1, 2, last].map(&mut state),
        [OutcomeState::Unknown, OutcomeState::Answered, OutcomeState::Answered]
    );
}

#[test]
fn the_last_sessions_can_be_resumed_and_no_more() {
    let mut manager = Manager::without_session(&machine(4096, 100));
    let last = hmc_router::MAX_RESUMABLE as u32 + 1;
    for n in 1..=last {
        assert_eq!(manager.exchange(0), n);
        manager.reopen("HMC-A");
    }
    // The first has made room for the last.
    assert_eq!(manager.exchange(1), last + 1);
    manager.reopen("HMC-A");
    assert_eq!(manager.exchange(3), 3);
}

#[test]
fn a_session_is_told_what_happens_while_it_is_subscribed() {
    let mut first = Manager::new(&machine(4096, 100));
    first.good(Operation::Subscribe, table(&[]));
    first.good(Operation::Subscribe, table(&[]));
    first.good(Operation::ChangeSystem, table(&[("name", text("sys2"))]));
    // The second time that it subscribed has lost nothing and doubled nothing.
    let number = first.event().number;
    first.good(Operation::ChangeSystem, table(&[("name", text("sys3"))]));
    assert_eq!(first.event().number, number + 1);
    // Its events end with the session.
    first.ask(Request::Close(Nothing {}));
    first.exchange(0);
    first.good(Operation::ChangeSystem, table(&[("name", text("sys4"))]));
    first.good(Operation::Subscribe, table(&[]));
    first.good(Operation::ChangeSystem, table(&[("name", text("sys5"))]));
    assert_eq!(first.event().number, number + 3);
    assert!(first.events.is_empty());
}
