//! The VMC service by steps: what it asks for is done on the platform partition, and what is ordered is followed.

use crate::machine::{Machine, PLATFORM, Sink};
use phyp::vmc::{
    AnyBehaviour, Behaviour, ChannelState, Effect, Outcome, Service, ServiceEvent, ServiceSink,
};
use std::collections::VecDeque;
use std::time::Duration;
use vmc_machine::traced::service_event;
use vmc_proto::HmcIndex;
use vmc_trace::{ActorId, Side};

/// Something for the VMC service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Start,
    Stop,
    /// An HMC takes the channel.
    GiveUp,
    /// The HMC is gone: start, if that was the last that the operator wanted.
    TakeBack,
    Pause,
    Resume,
    TakeBuffer(HmcIndex),
    ReturnBuffer(HmcIndex),
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Made,
    /// There is nothing to do before an entry, an order, or that time.
    Idle {
        until_ns: Option<u64>,
    },
}

/// The VMC service, and what it has asked for.
pub(crate) struct Runner {
    pub(crate) service: Service<AnyBehaviour>,
    /// As it was at first, for the next life of its partition.
    fresh: Service<AnyBehaviour>,
    work: Work,
    orders: VecDeque<Order>,
    /// It was told to stop, and has not begun to: an order to start would take that back.
    stopping: bool,
    /// The operator wants it to run. It does not while an HMC manages the machine.
    wanted: bool,
}

/// What the service has asked for, and what doing it takes.
struct Work {
    effect: Effect,
    /// When it wants to be woken, while it is idle.
    until_ns: Option<u64>,
    bytes: Vec<u8>,
    paused: bool,
    /// It has to look at its queue, or at its orders.
    woken: bool,
}

impl Runner {
    pub(crate) fn new(service: Service<AnyBehaviour>) -> Runner {
        Runner {
            fresh: service.clone(),
            service,
            work: Work {
                effect: Effect::Idle { wake_after: None },
                until_ns: None,
                bytes: Vec::new(),
                paused: false,
                woken: true,
            },
            orders: VecDeque::new(),
            stopping: false,
            wanted: false,
        }
    }

    /// Gives it an order.
    pub(crate) fn order(&mut self, order: Order) {
        match order {
            Order::Start => self.wanted = true,
            Order::Stop => self.wanted = false,
            _ => {}
        }
        self.orders.push_back(order);
        self.work.woken = true;
    }

    /// Whether it takes entries from its queue.
    pub(crate) fn is_paused(&self) -> bool {
        self.work.paused
    }

    /// The partition died: the next life begins with an empty memory, and so with empty books, but for what its behaviour
    /// keeps. It starts when the partition boots, if the operator wants it to run.
    pub(crate) fn die(&mut self, machine: &Machine) {
        let now = Duration::from_nanos(machine.now().0);
        let next = self.service.after_crash(&self.fresh, now);
        let (fresh, wanted) = (self.fresh.clone(), self.wanted);
        *self = Runner { fresh, wanted, ..Runner::new(next) };
    }

    /// The partition runs again.
    pub(crate) fn boot(&mut self) {
        self.order(Order::TakeBack);
    }

    /// Makes one step, if there is one to make.
    pub(crate) fn step(&mut self, machine: &Machine, sink: &mut Sink<'_>) -> Step {
        if !machine.hypervisor.is_running(PLATFORM) {
            return Step::Idle { until_ns: None };
        }
        while !self.stopping
            && let Some(order) = self.orders.pop_front()
        {
            self.follow(machine, order);
        }
        let until_ns = self.work.until_ns;
        let Some(outcome) = self.work.perform(&self.service, machine, sink) else {
            return Step::Idle { until_ns };
        };
        if self.service.behaviour().wants_time() {
            self.service.set_time(Duration::from_nanos(machine.now().0));
        }
        let mut events = Events(machine);
        self.work.effect = self.service.step(outcome, &mut events);
        self.stopping = self.stopping && !has_stopped(self.service.state());
        self.work.until_ns = match self.work.effect {
            Effect::Idle { wake_after: Some(wait) } => {
                let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
                Some(machine.now().0.saturating_add(wait))
            }
            _ => None,
        };
        // An order that had to wait for the end of a stop.
        self.work.woken |= !self.stopping && !self.orders.is_empty();
        Step::Made
    }

    fn follow(&mut self, machine: &Machine, order: Order) {
        match order {
            Order::Start => self.start(machine),
            Order::Stop | Order::GiveUp => self.stop(),
            Order::TakeBack if self.wanted => self.start(machine),
            Order::TakeBack => {}
            Order::Pause => self.work.paused = true,
            Order::Resume => self.work.paused = false,
            Order::TakeBuffer(index) => self.service.take_buffer(index),
            Order::ReturnBuffer(index) => self.service.return_buffer(index),
        }
    }

    /// Starts, unless an HMC manages the machine: then it registers no queue.
    fn start(&mut self, machine: &Machine) {
        if !machine.hypervisor.is_hmc_attached() {
            self.service.start();
        }
    }

    fn stop(&mut self) {
        self.service.stop();
        self.stopping = !has_stopped(self.service.state());
    }
}

impl Work {
    /// Does what the service has asked for; `None` when it is idle, and stays so.
    fn perform(
        &mut self,
        service: &phyp::vmc::Service<AnyBehaviour>,
        machine: &Machine,
        sink: &mut Sink<'_>,
    ) -> Option<Outcome<'_>> {
        let memory = machine.memory(Side::Hyp);
        match &self.effect {
            Effect::Hcall(call, _) => Some(Outcome::Hcall(machine.hcall(Side::Hyp, call, sink))),
            Effect::TakeEntry { .. } if self.paused => Some(Outcome::Entry(None)),
            Effect::TakeEntry { at, element } => {
                let taken = machine.take_entry(Side::Hyp, Some(*element), *at);
                // The service lays its own memory out: the address is good.
                Some(Outcome::Entry(taken.unwrap_or(None)))
            }
            Effect::Idle { .. } => {
                if machine.bell.take() | std::mem::take(&mut self.woken) {
                    return Some(Outcome::Woken);
                }
                let is_over = self.until_ns.is_some_and(|until| machine.now().0 >= until);
                is_over.then_some(Outcome::Elapsed)
            }
            effect => service.on_memory(effect, memory, &mut self.bytes),
        }
    }
}

/// Whether an order to stop has taken effect, or has nothing to do.
fn has_stopped(state: ChannelState) -> bool {
    matches!(state, ChannelState::Stopped | ChannelState::Failed | ChannelState::Resetting)
}

/// Records what the service reports.
struct Events<'a>(&'a Machine);

impl ServiceSink for Events<'_> {
    fn event(&mut self, event: ServiceEvent) {
        let Events(machine) = self;
        if let Some(log) = &machine.log {
            log.record(machine.now(), ActorId::Service, service_event(event));
        }
    }
}
