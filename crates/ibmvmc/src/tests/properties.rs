//! Arbitrary entries of a peer, arbitrary results of hcalls and arbitrary calls of applications, in any
//! order: no panic, and the [checks](super::checks) hold after every transition. Then the faults stop, and
//! the channel comes back.

use super::flows::*;
use super::peer::{Handle, Peer, To};
use crate::{
    ChannelState, Config, Effect, Errno, FileId, Input, NoQuirks, Outcome, PollEvents, Profile,
    Quirk, QuirkSet, Quirks, Reply,
};
use alloc::vec;
use alloc::vec::Vec;
use papr::hcall::opcode;
use papr::{CrqEntry, ReturnCode};
use proptest::prelude::*;
use std::hash::{DefaultHasher, Hash, Hasher};
use vmc_proto::{BufferId, BufferOwner as Owner, HmcIndex, HmcSession, Limits, Message, Status};

/// One thing that happens.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// A call starts, on one of the files that are open.
    Start(Call),
    /// A call in flight goes on by one effect, or a background activity starts.
    Step(usize),
    /// A call that sleeps is interrupted.
    Interrupt(usize),
    /// The peer sends something.
    Deliver(CrqEntry),
    /// A user copy or a mapping fails.
    Fail { map: bool },
    /// The next such hcall fails.
    Answer(To, ReturnCode),
    /// A call that has long ended gets an outcome.
    Late(usize),
    /// Everything comes to rest.
    Settle,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    Open { nonblock: bool },
    SetHmcId(usize),
    Write(usize, u64),
    Read(usize, u64),
    Poll(usize, bool),
    Close(usize),
    Interrupt,
    BottomHalf,
    Reset,
    Remove,
    Probe,
}

/// Values that are often right: small indexes, sessions and buffers, and a few that never are.
fn message() -> impl Strategy<Value = CrqEntry> {
    let index = prop_oneof![9 => 0..2u8, 1 => Just(200)];
    let session = prop_oneof![9 => 0..4u8, 1 => any::<u8>()];
    let buffer = prop_oneof![9 => 0..4u16, 1 => any::<u16>()];
    let status = prop_oneof![8 => Just(0), 1 => Just(1)];
    let owner = prop_oneof![9 => 0..2u8, 1 => any::<u8>()];
    let len = prop_oneof![8 => 1..100u32, 1 => Just(0), 1 => 4096..5000u32];
    let fields = (index, session, buffer, status, owner, len, 0..12);
    fields.prop_map(|(index, session, buffer, status, owner, len_bytes, kind)| {
        let (index, session) = (HmcIndex(index), HmcSession(session));
        let (buffer, status) = (BufferId(buffer), Status(status));
        match kind {
            0 => Message::InterfaceOpenResponse { status, session, index, buffer },
            1 => Message::InterfaceCloseResponse { status, session, index },
            2 => Message::RemoveBuffer { session, index },
            3..=5 => Message::Signal { session, index, buffer, len_bytes },
            6 => capabilities_response(status.0, Limits { crq_size: 2, ..PEER_LIMITS }),
            7 => Message::InterfaceOpen { session, index, buffer },
            _ => add_buffer(Owner(owner), index.0, session.0, buffer.0),
        }
        .encode()
    })
}

fn entry() -> impl Strategy<Value = CrqEntry> {
    prop_oneof![
        24 => message(),
        1 => Just(INIT),
        1 => Just(INIT_COMPLETE),
        1 => any::<u8>().prop_map(|event| CrqEntry::transport_event(papr::TransportEvent(event))),
        1 => prop::sample::select(&[1, 2, 4, 6, 9, 10][..])
            .prop_map(|event| CrqEntry::transport_event(papr::TransportEvent(event))),
        1 => any::<[u8; 16]>().prop_filter("a free entry is none", |bytes| bytes[0] != 0)
            .prop_map(CrqEntry),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let file = 0..4usize;
    let len = prop_oneof![8 => 1..100u64, 1 => Just(0), 1 => any::<u64>()];
    prop_oneof![
        4 => any::<bool>().prop_map(|nonblock| Call::Open { nonblock }),
        6 => file.clone().prop_map(Call::SetHmcId),
        8 => (file.clone(), len.clone()).prop_map(|(file, len)| Call::Write(file, len)),
        6 => (file.clone(), len).prop_map(|(file, len)| Call::Read(file, len)),
        3 => (file.clone(), any::<bool>()).prop_map(|(file, wait)| Call::Poll(file, wait)),
        4 => file.prop_map(Call::Close),
        2 => Just(Call::Interrupt),
        2 => Just(Call::BottomHalf),
        1 => Just(Call::Reset),
        1 => Just(Call::Remove),
        1 => Just(Call::Probe),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let to = prop::sample::select(
        &[
            To::Opcode(opcode::SEND_CRQ),
            To::Opcode(opcode::COPY_RDMA),
            To::Opcode(opcode::VIO_SIGNAL),
            To::Opcode(opcode::FREE_CRQ),
            To::Opcode(opcode::REG_CRQ),
            To::Opcode(opcode::ENABLE_CRQ),
        ][..],
    );
    prop_oneof![
        12 => call().prop_map(Action::Start),
        40 => any::<usize>().prop_map(Action::Step),
        2 => any::<usize>().prop_map(Action::Interrupt),
        16 => entry().prop_map(Action::Deliver),
        1 => any::<bool>().prop_map(|map| Action::Fail { map }),
        3 => (to, prop::sample::select(ReturnCode::NAMED)).prop_map(|(to, code)| {
            Action::Answer(to, code)
        }),
        1 => any::<usize>().prop_map(Action::Late),
        4 => Just(Action::Settle),
    ]
}

/// A machine that is driven at random.
struct World<Q: Quirks = NoQuirks> {
    peer: Peer<Q>,
}

impl<Q: Quirks> World<Q> {
    fn act(&mut self, action: &Action) {
        match action {
            Action::Start(call) => self.start(*call),
            Action::Step(which) => self.step(*which),
            Action::Interrupt(which) => self.interrupt(*which),
            Action::Deliver(entry) => {
                if self.peer.has_room() {
                    self.peer.deliver(*entry);
                }
            }
            Action::Fail { map: true } => self.peer.memory.map_failures = 1,
            Action::Fail { map: false } => self.peer.memory.user_faults = 1,
            Action::Answer(to, code) => self.peer.answer(*to, &[*code]),
            Action::Late(which) => self.late(*which),
            Action::Settle => self.peer.settle(),
        }
    }

    fn start(&mut self, call: Call) {
        let file = |n: usize| self.peer.files.get(n % self.peer.files.len().max(1)).copied();
        let input = match call {
            Call::Open { nonblock } => Some(Input::Open { nonblock }),
            Call::SetHmcId(n) => file(n).map(Input::SetHmcId),
            Call::Write(n, len_bytes) => file(n).map(|file| Input::Write { file, len_bytes }),
            Call::Read(n, len_bytes) => file(n).map(|file| Input::Read { file, len_bytes }),
            Call::Poll(n, wait) => file(n).map(|file| Input::Poll { file, wait }),
            Call::Close(n) => file(n).map(Input::Close),
            Call::Interrupt => Some(Input::Interrupt),
            Call::BottomHalf => Some(Input::BottomHalf),
            Call::Reset => Some(Input::Reset),
            Call::Remove => Some(Input::Remove),
            Call::Probe => Some(Input::Probe(super::peer::node())),
        };
        if let Some(input) = input {
            self.peer.start(input);
        }
    }

    /// Calls that are not over.
    fn in_flight(&self) -> Vec<Handle> {
        let over = |effect: &Effect| matches!(effect, Effect::Done(_));
        let calls = self.peer.calls.iter().enumerate();
        calls.filter(|(_, call)| !over(&call.effect)).map(|(index, _)| Handle(index)).collect()
    }

    fn step(&mut self, which: usize) {
        let calls = self.in_flight();
        let index = which % (calls.len() + 1);
        let _did_something = match calls.get(index) {
            Some(call) => self.peer.step(*call),
            None => self.peer.start_due(),
        };
    }

    fn interrupt(&mut self, which: usize) {
        let mut calls = self.in_flight();
        calls.retain(|call| self.peer.calls[call.0].effect == Effect::Wait);
        if !calls.is_empty() {
            let call = calls[which % calls.len()];
            if let Some(id) = self.peer.calls[call.0].id {
                self.peer.resume(call, id, Outcome::Interrupted);
            }
        }
    }

    fn interrupt_polls_of_closed_files(&mut self) {
        for call in self.in_flight() {
            assert_eq!(self.peer.calls[call.0].effect, Effect::Wait);
            self.peer.interrupt(call);
            let invalid = PollEvents { invalid: true, ..PollEvents::default() };
            assert_eq!(self.peer.reply(call), Some(Reply::Poll(invalid)));
        }
    }

    fn late(&mut self, which: usize) {
        let over = self.peer.calls.iter().filter(|call| matches!(call.effect, Effect::Done(_)));
        let ids: Vec<_> = over.filter_map(|call| call.id).collect();
        if !ids.is_empty() {
            let before = self.peer.driver.clone();
            let id = ids[which % ids.len()];
            let effect = self.peer.driver.resume(id, Outcome::Done, &mut ());
            assert_eq!(effect, Effect::Done(Reply::Stale));
            assert_eq!(self.peer.driver, before);
        }
    }

    /// Faults stop. When the partner starts over a session must open; the same with another device.
    fn heal(&mut self) {
        self.peer.forget_answers();
        (self.peer.memory.map_failures, self.peer.memory.user_faults) = (0, 0);
        self.peer.settle();
        if self.peer.has_room() && self.peer.driver.is_registered() {
            self.peer.transport_event(papr::TransportEvent::PARTNER_DEREGISTERED);
            self.peer.reinitialize();
            assert_eq!(self.peer.driver.state(), ChannelState::Ready);
            let file = self.peer.open();
            self.peer.open_session(file, 0);
        }
        self.peer.call(Input::Remove);
        for file in core::mem::take(&mut self.peer.files) {
            assert!(matches!(self.peer.call(Input::Close(file)), Reply::Ok));
        }
        self.peer.drain();
        if self.peer.driver.config().profile == Profile::Linux {
            // Nothing wakes who polls a file that was closed and has no session.
            self.interrupt_polls_of_closed_files();
        }
        let in_flight = self.in_flight();
        assert!(in_flight.is_empty(), "calls hang: {:?}", self.peer.calls[in_flight[0].0]);
        assert_eq!(self.peer.driver.calls_in_flight(), 0);
        assert_eq!(self.peer.memory.mapped().count(), 0, "leak");
        self.peer.boot();
        let file = self.peer.session(0);
        assert_eq!(self.peer.write(file, 10), Reply::Bytes(10));
        assert_eq!(self.peer.read(file, 0), Reply::Bytes(0));
        assert_eq!(self.peer.set_hmc_id(file), Reply::Failed(Errno::EIO));
    }
}

fn config(profile: Profile) -> Config {
    super::peer::config(profile)
}

fn profile() -> impl Strategy<Value = Profile> {
    prop_oneof![Just(Profile::Document), Just(Profile::Linux)]
}

/// No quirk, or a few.
fn quirks() -> impl Strategy<Value = QuirkSet> {
    let quirks = prop::collection::vec(prop::sample::select(&Quirk::ALL[..]), 0..4);
    quirks.prop_map(|quirks| quirks.into_iter().collect())
}

/// The checks hold after each action, and the driver comes back when the faults end.
pub(super) fn survives(profile: Profile, ready: bool, actions: &[Action]) {
    let peer = if ready { Peer::ready(profile) } else { Peer::new(config(profile)) };
    let mut world = World { peer };
    if ready {
        world.peer.session(0);
    }
    for action in actions {
        world.act(action);
    }
    world.heal();
}

/// A driver that misbehaves neither panics nor works without end.
pub(super) fn survives_with_quirks(profile: Profile, quirks: QuirkSet, actions: &[Action]) {
    let mut world = World { peer: Peer::quirky(config(profile), quirks) };
    world.peer.boot();
    world.peer.session(0);
    for action in actions {
        world.act(action);
    }
    world.peer.settle();
    world.peer.call(Input::Remove);
    world.peer.forget_answers();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn nothing_breaks_the_driver(
        profile in profile(),
        ready in any::<bool>(),
        actions in prop::collection::vec(action(), 1..150),
    ) {
        survives(profile, ready, &actions);
    }

    /// A driver that misbehaves still neither panics nor works forever.
    #[test]
    fn nothing_breaks_a_driver_with_quirks(
        profile in profile(),
        quirks in quirks(),
        actions in prop::collection::vec(action(), 1..150),
    ) {
        survives_with_quirks(profile, quirks, &actions);
    }

    /// The driver is a value: the same state and the same inputs give the same result.
    #[test]
    fn clones_stay_equal(
        profile in profile(),
        actions in prop::collection::vec(action(), 1..100),
        at in 0..100usize,
    ) {
        let mut world = World { peer: Peer::ready(profile) };
        for (step, action) in actions.iter().enumerate() {
            if step == at {
                world.peer.fork();
            }
            world.act(action);
        }
        if let Some(twin) = world.peer.twin() {
            prop_assert_eq!(twin, &world.peer.driver);
            prop_assert_eq!(hash(twin), hash(&world.peer.driver));
        }
        world.peer.forget_answers();
    }

    /// Any effect may come back with any outcome: the shell is wrong then, but nothing panics.
    #[test]
    fn an_outcome_that_does_not_fit_is_no_panic(
        profile in profile(),
        quirks in quirks(),
        inputs in prop::collection::vec((call(), prop::collection::vec(outcome(), 0..12)), 1..20),
    ) {
        let mut peer = Peer::quirky(config(profile), quirks);
        peer.boot();
        let mut driver = peer.driver.clone();
        let mut files = Vec::new();
        for (call, outcomes) in inputs {
            let Some(input) = plain_input(call, &files) else { continue };
            let (id, mut effect) = driver.start(input, &mut ());
            for outcome in outcomes {
                let Some(id) = id else { break };
                effect = driver.resume(id, outcome, &mut ());
            }
            if let Effect::Done(Reply::Opened(file)) = effect {
                files.push(file);
            }
        }
    }
}

fn hash(driver: &crate::Driver) -> u64 {
    let mut hasher = DefaultHasher::new();
    driver.hash(&mut hasher);
    hasher.finish()
}

fn plain_input(call: Call, files: &[FileId]) -> Option<Input> {
    let file = |n: usize| files.get(n).copied();
    Some(match call {
        Call::Open { nonblock } => Input::Open { nonblock },
        Call::SetHmcId(n) => Input::SetHmcId(file(n)?),
        Call::Write(n, len_bytes) => Input::Write { file: file(n)?, len_bytes },
        Call::Read(n, len_bytes) => Input::Read { file: file(n)?, len_bytes },
        Call::Poll(n, wait) => Input::Poll { file: file(n)?, wait },
        Call::Close(n) => Input::Close(file(n)?),
        Call::Interrupt => Input::Interrupt,
        Call::BottomHalf => Input::BottomHalf,
        Call::Reset => Input::Reset,
        Call::Remove => Input::Remove,
        Call::Probe => Input::Probe(super::peer::node()),
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Done),
        Just(Outcome::Woken),
        Just(Outcome::Interrupted),
        Just(Outcome::Copied(Ok(()))),
        Just(Outcome::Copied(Err(crate::UserFault))),
        Just(Outcome::Mapped(Err(crate::MapError))),
        (0..8u64).prop_map(|page| {
            Outcome::Mapped(Ok(crate::Dma { ioba: papr::Ioba(page << 12), len_bytes: 4096 }))
        }),
        entry().prop_map(|entry| Outcome::Entry(Some(entry))),
        Just(Outcome::Entry(None)),
        prop::sample::select(ReturnCode::NAMED).prop_map(|code| Outcome::Hcall(code.into())),
        Just(Outcome::Hcall(ReturnCode::SUCCESS.into())),
    ]
}
