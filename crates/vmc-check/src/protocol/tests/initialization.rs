//! INITs that cross, are lost, or answer nothing.

use super::*;

/// LoPAR, CRQ Entry Format: a queue may be deregistered to reset the channel, so the partner's next queue may have got
/// our INIT, and answers it from there.
#[test]
fn an_init_complete_that_answers_an_earlier_init_ends_an_initialization_sequence() {
    let (init, complete) =
        (CrqEntry::init(InitFormat::INITIALIZE), CrqEntry::init(InitFormat::COMPLETE));
    let gone = CrqEntry::transport_event(TransportEvent::PARTNER_FAILED);
    let capabilities = || send(Message::Capabilities { limits: LIMITS }.encode());
    let (status, limits) = (Status::SUCCESS, LIMITS);
    let response = || take(Message::CapabilitiesResponse { status, limits }.encode());
    let mut answered = handshake();
    answered.truncate(2);
    answered.extend([take(gone), take(complete)]);
    assert_reports(&problems(answered.clone()), &["mgmt: CAPABILITIES was never sent"]);
    answered.extend([capabilities(), response()]);
    assert_reports(&problems(answered), &[]);
    // Where another sequence has begun since, the driver may begin the exchange anew, and need not; but not twice.
    let mut begun = handshake();
    begun.truncate(2);
    begun.extend([take(gone), take(init), send(complete), capabilities(), take(complete)]);
    let mut goes_on = begun.clone();
    goes_on.push(response());
    assert_reports(&problems(goes_on), &[]);
    begun.push(capabilities());
    let mut anew = begun.clone();
    anew.push(response());
    assert_reports(&problems(anew), &[]);
    begun.push(capabilities());
    assert_reports(&problems(begun), &["mgmt: CAPABILITIES without a handshake before it"]);
}

/// A made-up INIT COMPLETE: the driver has sent no INIT that it could answer, and waits for its partner's.
#[test]
fn an_init_complete_that_answers_nothing_may_be_taken_for_the_handshake_or_left() {
    let (init, complete) =
        (CrqEntry::init(InitFormat::INITIALIZE), CrqEntry::init(InitFormat::COMPLETE));
    let gone = CrqEntry::transport_event(TransportEvent::PARTNER_DEREGISTERED);
    let refused = (ActorId::Task, ours::sends(init, ReturnCode::DROPPED));
    let capabilities = || send(Message::Capabilities { limits: LIMITS }.encode());
    let (status, limits) = (Status::SUCCESS, LIMITS);
    let response = take(Message::CapabilitiesResponse { status, limits }.encode());
    let mut run = handshake();
    run.truncate(1);
    run.extend([refused, take(gone), take(complete)]);
    assert_reports(&problems(run.clone()), &[]);
    let greeted = [take(init), send(complete), capabilities(), response];
    let left: Vec<_> = run.iter().cloned().chain(greeted.clone()).collect();
    assert_reports(&problems(left), &[]);
    run.push(capabilities());
    let taken: Vec<_> = run.iter().cloned().chain(greeted).collect();
    assert_reports(&problems(taken), &[]);
    run.push(capabilities());
    assert_reports(&problems(run), &["mgmt: CAPABILITIES without a handshake before it"]);
}

/// A partner that died with an INIT of ours in its queue needs no other: the next one begins with its own.
#[test]
fn an_init_that_nobody_got_need_not_be_sent_again() {
    let init =
        (ActorId::Task, ours::sends(CrqEntry::init(InitFormat::INITIALIZE), ReturnCode::CLOSED));
    let mut run = handshake();
    run.truncate(1);
    run.push(init);
    assert_eq!(problems(run), [""; 0]);
}

/// An INIT that waits to be sent again has told the partner nothing; the answer to its own INIT does.
#[test]
fn an_init_that_found_no_room_is_not_owed_once_the_partners_own_came() {
    let init = || CrqEntry::init(InitFormat::INITIALIZE);
    let mut run = handshake();
    run.truncate(1);
    run.push((ActorId::Task, ours::sends(init(), ReturnCode::DROPPED)));
    assert_reports(&problems(run.clone()), &["mgmt: CRQ INIT was never sent"]);
    // The partner cannot answer what it did not get.
    let unasked = run.iter().cloned().chain([take(CrqEntry::init(InitFormat::COMPLETE))]);
    assert_reports(&problems(unasked.collect::<Vec<_>>()), &["mgmt: CRQ INIT was never sent"]);
    let answers = [
        take(init()),
        send(CrqEntry::init(InitFormat::COMPLETE)),
        send(Message::Capabilities { limits: LIMITS }.encode()),
    ];
    run.extend(answers);
    assert_eq!(problems(run.clone()), [""; 0]);
    // An INIT COMPLETE to it answers nothing, then: the exchange may begin anew, and need not.
    let response =
        Message::CapabilitiesResponse { status: Status::SUCCESS, limits: LIMITS }.encode();
    for exchanged in [false, true] {
        let mut unasked = run.clone();
        unasked.extend(exchanged.then(|| take(response)));
        unasked.push(take(CrqEntry::init(InitFormat::COMPLETE)));
        assert_eq!(problems(unasked.clone()), [""; 0]);
        unasked.push(send(Message::Capabilities { limits: LIMITS }.encode()));
        assert_eq!(problems(unasked), [""; 0]);
    }
    // It may be sent all the same: INITs cross.
    run.push((ActorId::Task, ours::sends(init(), ReturnCode::SUCCESS)));
    assert_eq!(problems(run), [""; 0]);
}

/// An INIT that was under way when the partner went reaches the next one, which has sent its own: its answer begins no
/// other handshake.
#[test]
fn an_init_that_was_decided_on_before_the_partner_went_is_not_awaited() {
    let init = || CrqEntry::init(InitFormat::INITIALIZE);
    let gone = CrqEntry::transport_event(TransportEvent::PARTNER_DEREGISTERED);
    let mut run = handshake();
    run.truncate(1);
    run.extend([
        take(gone),
        (ActorId::Task, ours::sends(init(), ReturnCode::SUCCESS)),
        take(init()),
        send(CrqEntry::init(InitFormat::COMPLETE)),
    ]);
    let rest = handshake().split_off(3);
    run.push(rest[0].clone());
    run.push(take(CrqEntry::init(InitFormat::COMPLETE)));
    run.extend_from_slice(&rest[1..]);
    assert_eq!(problems(run), [""; 0]);
}
