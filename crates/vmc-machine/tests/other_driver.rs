//! A machine around a driver that is not ours: a small one that brings the channel up and takes the buffers that it
//! is given, and whose device file cannot be opened.

use ibmvmc::{
    Background, CallId, ChannelState, Dma, Effect, Errno, Event, EventSink, Input, Outcome,
    Profile, Reply, Subject, Wakeup,
};
use papr::crq::ENTRY_SIZE;
use papr::{CrqEntry, Hcall, InitFormat, PAGE_SIZE, UnitAddress};
use std::collections::VecDeque;
use std::time::Duration;
use vmc_check::{Ending, Setting, Violation, check};
use vmc_machine::actor::Actor;
use vmc_machine::backend::{Deterministic, Setup, Threads};
use vmc_machine::build;
use vmc_machine::deterministic::{self, RunConfig};
use vmc_machine::embed::Machine;
use vmc_machine::ending::End;
use vmc_machine::guest_driver::{GuestDriver, IndexView};
use vmc_machine::recorder::take_all;
use vmc_machine::threads::{self, WaitMode};
use vmc_machine::world::World;
use vmc_proto::{BufferOwner, HmcIndex, Limits, Message, Received, Status, Version};
use vmc_trace::{Sequence, Trace, TraceNames, render};

/// The names of its calls: there is one of a kind at a time.
const PROBE: CallId = CallId::new(0, 0);
const INTERRUPT: CallId = CallId::new(1, 0);
const BOTTOM_HALF: CallId = CallId::new(2, 0);

const LIMITS: Limits =
    Limits { hmcs: 1, pool_size: 32, mtu: 4096, crq_size: 256, version: Version::CURRENT };

struct Small {
    unit_address: UnitAddress,
    queue: Option<Dma>,
    element: u16,
    state: ChannelState,
    is_probing: bool,
    /// The queue was found empty and the interrupt enabled: it is looked at once more.
    looks_again: bool,
    outgoing: VecDeque<CrqEntry>,
    seeded: bool,
    /// What the driver does wrong: it answers Add Buffer for the next index.
    names_wrong_index: bool,
}

impl Small {
    fn new(names_wrong_index: bool) -> Small {
        Small {
            unit_address: UnitAddress(0),
            queue: None,
            element: 0,
            state: ChannelState::Initial,
            is_probing: false,
            looks_again: false,
            outgoing: VecDeque::new(),
            seeded: false,
            names_wrong_index,
        }
    }

    fn enter(&mut self, state: ChannelState, sink: &mut impl EventSink) {
        if self.state != state {
            self.state = state;
            sink.event(Event::Channel(state));
        }
    }

    fn enable_interrupt(&self, mode: u64) -> Effect {
        let unit_address = self.unit_address;
        Effect::Hcall(Hcall::VioSignal { unit_address, mode }, Subject::Channel)
    }

    /// Sends what is due, then looks at the queue.
    fn go_on(&mut self) -> Effect {
        if let Some(entry) = self.outgoing.pop_front() {
            let unit_address = self.unit_address;
            return Effect::Hcall(Hcall::SendCrq { unit_address, entry }, Subject::Channel);
        }
        let take = |queue| Effect::TakeEntry { queue, element: self.element };
        self.queue.map_or(Effect::Done(Reply::Ok), take)
    }

    fn take(&mut self, entry: CrqEntry, sink: &mut impl EventSink) {
        self.element = (self.element + 1) % (PAGE_SIZE / ENTRY_SIZE) as u16;
        match Received::from_entry(entry) {
            Received::Init => {
                self.outgoing.push_back(CrqEntry::init(InitFormat::COMPLETE));
                self.outgoing.push_back(Message::Capabilities { limits: LIMITS }.encode());
                self.enter(ChannelState::Capabilities, sink);
            }
            Received::Message(decoded) => match decoded.message {
                Message::CapabilitiesResponse { .. } => self.enter(ChannelState::Seeding, sink),
                Message::AddBuffer { owner, session, index, buffer, .. } => {
                    let index = HmcIndex(index.0 + u8::from(self.names_wrong_index));
                    let status = Status::SUCCESS;
                    let answer = Message::AddBufferResponse { status, session, index, buffer };
                    self.outgoing.push_back(answer.encode());
                    self.seeded |= owner == BufferOwner::MANAGEMENT;
                    self.enter(ChannelState::Ready, sink);
                }
                message => panic!("no session is open: {message:?}"),
            },
            other => panic!("the hypervisor's side starts after the driver: {other:?}"),
        }
    }
}

impl GuestDriver for Small {
    fn reloaded(&self) -> Small {
        Small::new(self.names_wrong_index)
    }

    fn start(&mut self, input: Input, _: &mut impl EventSink) -> (Option<CallId>, Effect) {
        match input {
            Input::Probe(node) => {
                self.unit_address = node.unit_address;
                self.is_probing = true;
                (Some(PROBE), Effect::Map { len_bytes: PAGE_SIZE as u32 })
            }
            Input::Interrupt => (Some(INTERRUPT), self.enable_interrupt(0)),
            Input::BottomHalf => {
                self.looks_again = false;
                (Some(BOTTOM_HALF), self.go_on())
            }
            Input::Open { .. } => (None, Effect::Done(Reply::Failed(Errno::EBUSY))),
            _ => (None, Effect::Done(Reply::Ok)),
        }
    }

    fn resume(&mut self, id: CallId, outcome: Outcome, sink: &mut impl EventSink) -> Effect {
        match (id, outcome) {
            (PROBE, Outcome::Mapped(Ok(queue))) => {
                let (unit_address, len_bytes) = (self.unit_address, PAGE_SIZE);
                self.queue = Some(queue);
                let call = Hcall::RegCrq { unit_address, queue: queue.ioba, len_bytes };
                Effect::Hcall(call, Subject::Channel)
            }
            (PROBE, _) if self.state == ChannelState::Initial => {
                self.enter(ChannelState::CrqInit, sink);
                self.enable_interrupt(1)
            }
            (PROBE, _) => {
                self.is_probing = false;
                Effect::Done(Reply::Ok)
            }
            (INTERRUPT, Outcome::Hcall(_)) => {
                Effect::Wake(Wakeup::Background(Background::BottomHalf))
            }
            (BOTTOM_HALF, Outcome::Entry(Some(entry))) => {
                self.looks_again = false;
                self.take(entry, sink);
                self.go_on()
            }
            (BOTTOM_HALF, Outcome::Entry(None)) if !self.looks_again => {
                self.looks_again = true;
                self.enable_interrupt(1)
            }
            (BOTTOM_HALF, Outcome::Hcall(_)) => self.go_on(),
            _ => Effect::Done(Reply::Ok),
        }
    }

    fn profile(&self) -> Profile {
        Profile::Document
    }

    fn state(&self) -> ChannelState {
        self.state
    }

    fn has_task(&self) -> bool {
        self.is_probing
    }

    fn is_registered(&self) -> bool {
        self.queue.is_some()
    }

    fn mtu(&self) -> u32 {
        LIMITS.mtu
    }

    fn indexes(&self) -> impl Iterator<Item = IndexView> {
        let (index, is_free) = (HmcIndex(0), self.seeded);
        std::iter::once(IndexView { index, session: None, file: None, unread: 0, is_free })
    }
}

/// Boots a machine around the driver; what it has sent, its state at the end, and what is wrong by the trace.
fn boot<P: Setup<Driver = Small>>(
    driver: Small,
    go: impl FnOnce(World<P>, Vec<Actor>) -> (World<P>, Vec<Actor>, End),
) -> (String, ChannelState, Vec<Violation>) {
    let plan = Machine::default().plan();
    let (world, actors) = build::world::<P>(&plan, true, driver).expect("a machine");
    let (world, mut actors, end) = go(world, actors);
    assert!(end.quiescent, "{end:?}");
    let records = take_all(actors.iter_mut().map(|actor| &mut actor.recorder));
    let trace = Trace::new(records, TraceNames::default());
    let ending = Ending { at_rest: true, management_looks: true, hypervisor_looks: true };
    let found = check(&trace, &Setting::default(), &ending);
    (render(&Sequence::of(&trace)), world.kernel.lock().driver.state(), found)
}

fn on_one_thread(
    world: World<Deterministic<Small>>,
    mut actors: Vec<Actor>,
) -> (World<Deterministic<Small>>, Vec<Actor>, End) {
    let end = deterministic::run(&world, &mut actors, &mut RunConfig::first_come(10_000));
    (world, actors, end)
}

#[test]
fn a_driver_of_a_user_brings_the_channel_up() {
    let (sequence, state, found) = boot::<Deterministic<Small>>(Small::new(false), on_one_thread);
    assert_eq!((state, found), (ChannelState::Ready, vec![]), "{sequence}");
    assert!(sequence.contains("ADD BUFFER RESPONSE"), "{sequence}");
    for wait in [WaitMode::Block, WaitMode::Poll] {
        let run = |world, actors| threads::run(world, actors, Duration::from_secs(60), wait);
        let (on_threads, state, found) = boot::<Threads<Small>>(Small::new(false), run);
        assert_eq!((state, found), (ChannelState::Ready, vec![]));
        assert_eq!(on_threads, sequence);
    }
}

#[test]
fn what_a_driver_of_a_user_does_wrong_is_told_from_its_trace() {
    let (sequence, _, found) = boot::<Deterministic<Small>>(Small::new(true), on_one_thread);
    let by: Vec<_> = found.iter().map(|violation| violation.checker).collect();
    // The answer that it gave, and the one that is missing.
    assert_eq!(by, ["protocol", "protocol"], "{found:?}\n{sequence}");
}
