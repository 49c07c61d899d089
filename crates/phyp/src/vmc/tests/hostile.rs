//! Arbitrary entries of the peer and answers of the platform: no panic, and the books stay sound.

use super::peer::{LIMITS, config, key};
use crate::vmc::*;
use papr::{CrqEntry, HcallReturn, ReturnCode};
use proptest::prelude::*;
use vmc_proto::{
    BufferId, BufferOwner, HmcIndex, HmcSession, Limits, Message, MessageType, Status,
};

/// What happens to the service, if it waits for such a thing.
#[derive(Clone, Debug)]
pub(super) enum Input {
    Entry(CrqEntry),
    NoEntry,
    Code(ReturnCode),
    Success,
    Bytes(u8),
    Done,
    Woken,
    Elapsed,
    Start,
    Stop,
    TakeBuffer(u8),
    ReturnBuffer(u8),
    Refuse(MessageType, u8),
}

fn small_message() -> impl Strategy<Value = Message> {
    let fields = (0u8..7, 0u8..3, 0u8..3, 0u16..5, 0u8..2, 0u32..40, 1u8..3);
    fields.prop_map(|(kind, index, session, buffer, status, len_bytes, hmcs)| {
        let (index, session) = (HmcIndex(index), HmcSession(session));
        let (buffer, status) = (BufferId(buffer), Status(status));
        match kind {
            0 => Message::Capabilities { limits: Limits { hmcs, ..LIMITS } },
            1 => Message::InterfaceOpen { session, index, buffer: BufferId(0) },
            2 => Message::InterfaceClose { session, index },
            3 | 4 => Message::AddBufferResponse { status, session, index, buffer },
            5 => Message::RemoveBufferResponse { status, session, index, buffer },
            _ => Message::Signal { session, index, buffer, len_bytes },
        }
    })
}

fn entry() -> impl Strategy<Value = CrqEntry> {
    let formats = prop_oneof![Just(0xC0u8), Just(0xFF), Just(0x80)];
    prop_oneof![
        8 => small_message().prop_map(|message| message.encode()),
        1 => any::<[u8; 16]>().prop_map(CrqEntry),
        2 => (formats, 0u8..12, any::<[u8; 14]>()).prop_map(|(header, format, rest)| {
            let mut bytes = [header, format, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            bytes[2..].copy_from_slice(&rest);
            CrqEntry(bytes)
        }),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    let named = prop::sample::select(ReturnCode::NAMED);
    let message_type = prop::sample::select(MessageType::ALL);
    prop_oneof![
        20 => entry().prop_map(Input::Entry),
        10 => Just(Input::NoEntry),
        4 => prop_oneof![named, any::<i64>().prop_map(ReturnCode)].prop_map(Input::Code),
        40 => Just(Input::Success),
        4 => any::<u8>().prop_map(Input::Bytes),
        10 => Just(Input::Done),
        4 => Just(Input::Woken),
        4 => Just(Input::Elapsed),
        1 => Just(Input::Start),
        1 => Just(Input::Stop),
        4 => (0u8..3).prop_map(Input::TakeBuffer),
        4 => (0u8..3).prop_map(Input::ReturnBuffer),
        1 => (message_type, 0u8..3).prop_map(|(message, status)| Input::Refuse(message, status)),
    ]
}

/// Brings a service up to an open session, so that most inputs meet one, then lets the inputs loose.
fn ready_service(behaviour: Named) -> Service<Named> {
    let mut peer = super::peer::Peer::with_session(config(), behaviour, key(0, 1));
    peer.run();
    peer.service
}

/// Gives the service an order, if the input is one, at any moment.
fn order(service: &mut Service<Named>, input: &Input) {
    match input {
        Input::Start => service.start(),
        Input::Stop => service.stop(),
        Input::TakeBuffer(index) => service.take_buffer(HmcIndex(*index)),
        Input::ReturnBuffer(index) => service.return_buffer(HmcIndex(*index)),
        Input::Refuse(request, status) => {
            service.refuse_next(*request, Status(*status));
        }
        _ => {}
    }
}

fn apply(service: &mut Service<Named>, effect: &Effect, input: &Input) -> Effect {
    let length = if let Effect::ReadBuffer { len_bytes, .. } = effect { *len_bytes } else { 0 };
    let bytes;
    let outcome = match input {
        Input::Entry(entry) => Outcome::Entry(Some(*entry)),
        Input::NoEntry => Outcome::Entry(None),
        Input::Code(code) => Outcome::Hcall(HcallReturn::from(*code)),
        Input::Success => Outcome::Hcall(HcallReturn::from(ReturnCode::SUCCESS)),
        Input::Bytes(byte) => {
            bytes = vec![*byte; length as usize];
            Outcome::Bytes(&bytes)
        }
        Input::Done => Outcome::Done,
        Input::Elapsed => Outcome::Elapsed,
        Input::Woken
        | Input::Start
        | Input::Stop
        | Input::TakeBuffer(_)
        | Input::ReturnBuffer(_)
        | Input::Refuse(..) => Outcome::Woken,
    };
    service.step(outcome, &mut ())
}

/// Whether the input is an outcome of the kind that the effect asks for.
fn fits(effect: &Effect, input: &Input) -> bool {
    match effect {
        Effect::Hcall(..) => matches!(input, Input::Code(_) | Input::Success),
        Effect::TakeEntry { .. } => matches!(input, Input::Entry(_) | Input::NoEntry),
        Effect::ReadBuffer { .. } => matches!(input, Input::Bytes(_)),
        Effect::ClearQueue { .. } | Effect::WriteBuffer { .. } => matches!(input, Input::Done),
        Effect::Idle { .. } => true,
    }
}

/// An outcome of the kind that the effect asks for, if the input is none.
fn fitting(effect: &Effect, input: &Input) -> Input {
    match effect {
        _ if fits(effect, input) => input.clone(),
        Effect::Hcall(..) => Input::Success,
        Effect::TakeEntry { .. } => Input::NoEntry,
        Effect::ReadBuffer { .. } => Input::Bytes(1),
        Effect::ClearQueue { .. } | Effect::WriteBuffer { .. } => Input::Done,
        Effect::Idle { .. } => Input::Woken,
    }
}

fn check(service: &Service<Named>, effect: &Effect) -> Result<(), TestCaseError> {
    if let Some(limits) = service.limits() {
        prop_assert!(service.outstanding() <= usize::from(limits.max_outstanding()));
        prop_assert_eq!(service.sessions().count(), usize::from(limits.hmcs));
    }
    for view in service.sessions() {
        let live = matches!(view.state, SessionState::Opening | SessionState::Ready);
        prop_assert_eq!(live, view.session != HmcSession::NONE);
        let owned = view.buffers.iter().filter(|b| b.owner().is_some()).count();
        match view.state {
            SessionState::Vacant => prop_assert_eq!(owned, 0),
            SessionState::Seeded => {
                prop_assert_eq!(view.buffers[0].owner(), Some(BufferOwner::MANAGEMENT));
                prop_assert_eq!(owned, 1);
            }
            // A peer that should not give up its last buffer may do so.
            SessionState::Opening | SessionState::Ready => {}
            SessionState::Closed => prop_assert!(false, "no connection stays closed"),
        }
    }
    match effect {
        Effect::ReadBuffer { at, len_bytes } | Effect::WriteBuffer { at, len_bytes, .. } => {
            prop_assert!(at.page() >= 1 && at.offset() + u64::from(*len_bytes) <= 4096);
        }
        Effect::Hcall(..)
        | Effect::TakeEntry { .. }
        | Effect::ClearQueue { .. }
        | Effect::Idle { .. } => {}
    }
    Ok(())
}

fn named() -> impl Strategy<Value = Named> {
    let source = (0u32..5, 0u32..10).prop_map(|(n, len)| Named::Source(Source::new(n, len)));
    prop_oneof![Just(Named::Echo), Just(Named::Sink), source]
}

/// What the service keeps is sound after every input whose kind fits.
pub(super) fn keeps_sound(behaviour: Named, inputs: &[Input]) -> Result<(), TestCaseError> {
    let mut service = ready_service(behaviour);
    let mut effect = service.step(Outcome::Woken, &mut ());
    for input in inputs {
        order(&mut service, input);
        let input = fitting(&effect, input);
        effect = apply(&mut service, &effect, &input);
        check(&service, &effect)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_from_outside_unsettles_the_books(
        behaviour in named(),
        inputs in prop::collection::vec(input(), 1..300),
    ) {
        keeps_sound(behaviour, &inputs)?;
    }

    #[test]
    fn outcomes_that_do_not_fit_are_harmless(
        behaviour in named(),
        inputs in prop::collection::vec(input(), 1..300),
    ) {
        let mut service = ready_service(behaviour);
        let mut effect = service.step(Outcome::Woken, &mut ());
        for input in &inputs {
            order(&mut service, input);
            let next = apply(&mut service, &effect, input);
            if !fits(&effect, input) {
                prop_assert_eq!(&next, &effect);
            }
            effect = next;
            check(&service, &effect)?;
        }
    }
}
