//! The VMC service of the hypervisor, on the platform partition.

use crate::backend::Setup;
use crate::canonical_hasher::CanonicalHasher;
use crate::context::Context;
use crate::fault::MessagePoint;
use crate::orders::ServiceOrder;
use crate::runtime::{Progress, Runtime};
use crate::traced::{service_subject, subject_of};
use crate::world::{PLATFORM, World};
use papr::{CrqEntry, GuestAddress, Hcall, Header};
use phyp::Memory;
use phyp::vmc::{AnyBehaviour, Behaviour, ChannelState, Effect, Outcome, SessionKey};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use vmc_trace::{Event, Side, Subject, Waiting};

/// The VMC service as an activity: takes entries, makes its hcalls, follows orders.
#[derive(Clone, Debug)]
pub struct Service {
    service: phyp::vmc::Service<AnyBehaviour>,
    /// As it was at first, for the next incarnation of its partition.
    fresh: Arc<phyp::vmc::Service<AnyBehaviour>>,
    /// It was told to stop, and has not begun to.
    stopping: bool,
    /// The operator wants it to run. It does not while an HMC manages the system.
    wanted: bool,
    /// The state that was published last.
    state: ChannelState,
    work: Work,
}

/// What the service has asked for, and what doing it takes.
#[derive(Clone, Debug)]
struct Work {
    effect: Effect,
    /// When the service wants to be woken, while it is idle.
    until_ns: Option<u64>,
    /// What a buffer read brought.
    bytes: Vec<u8>,
    /// The operator has the service take no entry from its queue.
    paused: bool,
    /// The element of the queue that was looked at last, and was free.
    free: Option<GuestAddress>,
}

/// Whether an order to stop has taken effect, or has nothing to do.
fn has_stopped(state: ChannelState) -> bool {
    matches!(state, ChannelState::Stopped | ChannelState::Failed | ChannelState::Resetting)
}

impl Service {
    pub(crate) fn new(service: phyp::vmc::Service<AnyBehaviour>) -> Service {
        Service {
            fresh: Arc::new(service.clone()),
            state: service.state(),
            service,
            stopping: false,
            wanted: false,
            work: Work {
                effect: Effect::Idle { wake_after: None },
                until_ns: None,
                bytes: Vec::new(),
                paused: false,
                free: None,
            },
        }
    }

    /// The service itself.
    pub fn service(&self) -> &phyp::vmc::Service<AnyBehaviour> {
        &self.service
    }

    /// Performs the effect that is due, and makes the next transition. What follows in the partition's own buffers, which
    /// is in no other activity's sight, belongs to the same step.
    pub(crate) fn step<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) -> Progress {
        loop {
            let progress = self.advance(cx);
            let is_own =
                matches!(self.work.effect, Effect::ReadBuffer { .. } | Effect::WriteBuffer { .. });
            if !is_own || !cx.is_alive() {
                return progress;
            }
        }
    }

    #[inline(never)]
    fn advance<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) -> Progress {
        self.take_orders(cx);
        let outcome = self.work.perform(&self.service, cx);
        if !cx.is_alive() {
            return Progress::Again;
        }
        let mut then = Vec::new();
        if cx.world.faults.watch_commands()
            && let Some((SessionKey { index, session }, command)) =
                self.service.command_in(&outcome)
        {
            let subject = Subject::Session(index, session);
            let (befalls, later) = cx.at_command(&command, subject);
            if !cx.is_alive() {
                return Progress::Again;
            }
            befalls.into_iter().for_each(|fault| self.service.befall(fault));
            then = later;
        }
        if self.service.behaviour().wants_time() {
            self.service.set_time(Duration::from_nanos(cx.now_ns()));
        }
        let mut sink = cx.service_sink();
        self.work.effect = self.service.step(outcome, &mut sink);
        let changes = sink.changes;
        let state = self.service.state();
        self.stopping = self.stopping && !has_stopped(state);
        if state != self.state {
            self.state = state;
            self.publish_state(cx);
        }
        cx.at_changes(changes);
        then.into_iter().for_each(|rule| cx.fire_after_command(rule));
        match self.work.effect {
            Effect::Idle { wake_after } => {
                let after = |wait: Duration| u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
                self.work.until_ns = wake_after.map(|wait| cx.now_ns().saturating_add(after(wait)));
                Progress::Block { until_ns: self.work.until_ns, why: Waiting::Work }
            }
            _ => Progress::Again,
        }
    }

    /// Whether an entry has arrived since the queue was looked at last.
    pub(crate) fn has_mail<P: Setup>(&self, world: &World<P>) -> bool {
        let (Some(at), Some(memory)) = (self.work.free, world.hypervisor.memory(PLATFORM)) else {
            return false;
        };
        let header = |high| CrqEntry::from_words(high, 0).header();
        let is_valid = |high| header(high) != Header::FREE;
        !self.work.paused && memory.load(at, Ordering::Acquire).is_ok_and(is_valid)
    }

    /// The partition died: the next incarnation begins with an empty memory and knows no buffers, but for what its behaviour
    /// has stored.
    pub(crate) fn die<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) {
        let now = Duration::from_nanos(cx.now_ns());
        let next = self.service.after_crash(&self.fresh, now);
        let fresh = Arc::clone(&self.fresh);
        *self = Service { fresh, ..Service::new(next) };
        self.publish_state(cx);
    }

    /// Whether the next step is invisible to the other activities, if no order can come: the service looks at its
    /// queue, finds nothing and has nothing else to do.
    pub(crate) fn is_invisible<P: Setup>(&self, world: &World<P>) -> bool {
        let memory = world.hypervisor.memory(PLATFORM);
        let finds_nothing = match &self.work.effect {
            Effect::Idle { wake_after: None } => true,
            Effect::TakeEntry { at, .. } => !memory.is_some_and(|m| phyp::has_entry(m, *at)),
            _ => false,
        };
        let has_orders = self.stopping || !world.orders.is_empty();
        finds_nothing && !self.work.paused && !has_orders && self.service.only_looks()
    }

    /// The hcall that the next step makes, unless it follows an order.
    pub(crate) fn next_hcall(&self) -> Option<&Hcall> {
        match &self.work.effect {
            Effect::Hcall(call, _) => Some(call),
            _ => None,
        }
    }

    /// Hashes where it stands.
    pub(crate) fn hash_canonical(&self, canonical: &mut CanonicalHasher<'_>) {
        self.service.canonical().hash(&mut canonical.hasher);
        match &self.work.effect {
            // Which element it is, the service's queue tells.
            Effect::TakeEntry { .. } => u8::MAX.hash(&mut canonical.hasher),
            Effect::Idle { .. } => canonical.time(self.work.until_ns),
            effect => effect.hash(&mut canonical.hasher),
        }
        (self.stopping, self.wanted, self.work.paused).hash(&mut canonical.hasher);
    }

    /// Does what the operator of the machine has asked for.
    fn take_orders<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) {
        // The last order counts: one to start would take back the one to stop.
        while !self.stopping
            && let Some(order) = cx.world.orders.take()
        {
            self.follow(order, cx);
        }
    }

    #[cold]
    fn follow<P: Setup, R: Runtime>(&mut self, order: ServiceOrder, cx: &mut Context<'_, P, R>) {
        match order {
            ServiceOrder::Start => {
                self.wanted = true;
                self.start(cx);
            }
            ServiceOrder::Stop => {
                self.wanted = false;
                self.stop();
            }
            ServiceOrder::GiveUp => self.stop(),
            ServiceOrder::TakeBack if self.wanted => self.start(cx),
            ServiceOrder::TakeBack => {}
            ServiceOrder::TakeBuffer(index) => self.service.take_buffer(index),
            ServiceOrder::ReturnBuffer(index) => self.service.return_buffer(index),
            ServiceOrder::RefuseNext(request, status) => {
                // The form knows only requests.
                let _ = self.service.refuse_next(request, status);
            }
            ServiceOrder::RefuseNothing => self.service.refuse_nothing(),
            ServiceOrder::PartitionFails(partition, fault) => {
                self.service.set_time(Duration::from_nanos(cx.now_ns()));
                self.service.partition_fails(partition, fault, &mut cx.service_sink());
            }
            ServiceOrder::Pause => self.pause(cx, true),
            ServiceOrder::Resume => {
                self.pause(cx, false);
                // The interrupts of what arrived meanwhile are gone.
                self.work.effect = self.service.step(Outcome::Woken, &mut cx.service_sink());
            }
        }
    }

    /// Starts, unless an HMC manages the system: then it registers no queue.
    fn start<P: Setup, R: Runtime>(&mut self, cx: &Context<'_, P, R>) {
        if !cx.world.hypervisor.is_hmc_attached() {
            self.service.start();
        }
    }

    fn stop(&mut self) {
        self.service.stop();
        self.stopping = !has_stopped(self.service.state());
    }

    fn pause<P: Setup, R: Runtime>(&mut self, cx: &Context<'_, P, R>, paused: bool) {
        self.work.paused = paused;
        let mut process_table = cx.world.process_table.lock();
        process_table.service_paused = paused;
        let mut watchers = std::mem::take(&mut process_table.watchers);
        drop(process_table);
        cx.wake_all(&mut watchers);
    }

    /// Tells the operator where the service stands.
    #[cold]
    fn publish_state<P: Setup, R: Runtime>(&self, cx: &Context<'_, P, R>) {
        let state = self.service.state();
        let mut process_table = cx.world.process_table.lock();
        if process_table.service_state != state {
            process_table.service_state = state;
            let mut watchers = std::mem::take(&mut process_table.watchers);
            drop(process_table);
            cx.wake_all(&mut watchers);
        }
    }
}

impl Work {
    fn perform<P: Setup, R: Runtime>(
        &mut self,
        service: &phyp::vmc::Service<AnyBehaviour>,
        cx: &mut Context<'_, P, R>,
    ) -> Outcome<'_> {
        let world = cx.world;
        let memory = world.hypervisor.memory(PLATFORM);
        match &self.effect {
            Effect::Hcall(call, subject) => {
                Outcome::Hcall(cx.hcall(Side::Hyp, call, service_subject(*subject)))
            }
            Effect::TakeEntry { .. } if self.paused => Outcome::Entry(None),
            Effect::TakeEntry { at, element } => {
                let element = *element;
                let entry = world.hypervisor.take_entry(PLATFORM, *at).ok().flatten();
                self.free = entry.is_none().then_some(*at);
                if let Some(entry) = entry {
                    world.shadow(|shadow| shadow.takes(Side::Hyp, *at));
                    cx.record(|| Event::Dequeued { by: Side::Hyp, element, entry });
                    if !cx.world.faults.are_none() {
                        let subject = subject_of(entry);
                        cx.at_message(Side::Mgmt, entry, MessagePoint::Received, subject);
                    }
                }
                Outcome::Entry(entry)
            }
            Effect::ClearQueue { .. } | Effect::ReadBuffer { .. } | Effect::WriteBuffer { .. } => {
                world.shadow(|shadow| match &self.effect {
                    Effect::ClearQueue { at, len_bytes } => {
                        shadow.zeroes(Side::Hyp, *at, *len_bytes);
                    }
                    Effect::WriteBuffer { at, from, len_bytes } => {
                        shadow.writes(Side::Hyp, *at, service.part(*from, *len_bytes));
                        shadow.fills_part(*at, u64::from(*len_bytes));
                    }
                    _ => {}
                });
                let done = memory
                    .and_then(|memory| service.on_memory(&self.effect, memory, &mut self.bytes));
                done.unwrap_or(Outcome::Done)
            }
            Effect::Idle { .. } => {
                // Unless it looks at its queue now it has none, and what is there is no mail.
                self.free = None;
                match self.until_ns {
                    Some(until_ns) if cx.now_ns() >= until_ns => Outcome::Elapsed,
                    _ => Outcome::Woken,
                }
            }
        }
    }
}
