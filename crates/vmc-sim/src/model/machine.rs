//! The machine between two moves, and every way to go on from there.
//!
//! A move is a step of a ready activity, a fault in it, or the passing of time; after it the machine **settles**:
//! every invisible step is made at once. An invisible step (`Actor::is_invisible`) looks for work and finds none, goes to sleep, or
//! comes back from a call that is over: an *invisible* step in the terms of partial-order reduction (Godefroid, 1996; Peled,
//! 1993). It neither changes what another activity can see nor sees what another one
//! can change without waking it: an activity that was about to look and one that looked, slept and was woken stand at
//! the same place with the same work. So what can happen before an invisible step can happen after it, with the same
//! state in the end, and no order of the other steps is lost.

use crate::invariants::management;
use ibmvmc::{Conduct, Driver, QuirkSet};
use papr::{CrqEntry, Hcall};
use vmc_machine::activity::Activity;
use vmc_machine::actor::Actor;
use vmc_machine::backend::Deterministic;
use vmc_machine::build::{self, MachineError};
use vmc_machine::canonical::{self, Fingerprint};
use vmc_machine::deterministic;
use vmc_machine::ending::End;
use vmc_machine::plan::Plan;
use vmc_machine::recorder;
use vmc_machine::runtime::ActivityId;
use vmc_machine::world::World;
use vmc_proto::Received;
use vmc_trace::{Trace, TraceNames};

/// A way to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// A ready activity makes its next step.
    Step(ActivityId),
    /// The same, and this fault happens in it.
    Struck(ActivityId, usize),
    /// This fault happens to the machine.
    Strike(usize),
    /// Time moves on to the earliest sleeper.
    Time,
}

/// The whole machine.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) world: World<Deterministic<Driver<Conduct>>>,
    pub(crate) actors: Vec<Actor>,
    pub(crate) runtime: deterministic::Deterministic,
    /// How many faults may still happen.
    pub(crate) faults_left: u8,
    /// Whether invisible steps are made at once, or are moves like any other.
    settles: bool,
}

/// How a machine is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) quirks: QuirkSet,
    /// How many faults may happen.
    pub(crate) faults: u8,
    /// Whether invisible steps are made at once.
    pub(crate) settles: bool,
    /// Whether what happens is recorded.
    pub(crate) record: bool,
    pub(crate) begin: Begin,
}

/// Where the exploration begins. What comes before happens first come, first served, without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// With the first step of either side.
    Boot,
    /// Where the channel is ready and at rest, and no application has begun.
    Ready,
    /// Where everything is at rest, the applications too.
    Rest,
}

impl Machine {
    pub(crate) fn new(plan: &Plan, setting: Setting) -> Result<Machine, MachineError> {
        let Setting { quirks, faults, settles, record, begin } = setting;
        let conduct = Conduct { quirks, liberties: plan.machine.liberties };
        let driver = Driver::with_quirks(plan.machine.driver, conduct)?;
        let plan = &*management::watch(plan);
        let (world, actors) = build::world(plan, record, driver)?;
        world.faults.arm(None);
        let runtime = deterministic::Deterministic::new(actors.len());
        let mut machine = Machine { world, actors, runtime, faults_left: faults, settles };
        // Every activity joins the life of its partition, and finds nothing to do.
        for id in (0..ActivityId::FIXED).map(ActivityId) {
            machine.step(id);
        }
        machine.settle();
        match begin {
            Begin::Boot => {}
            Begin::Ready => machine.rest_but_for(|actor| actor.activity.is_application()),
            Begin::Rest => machine.rest_but_for(|_| false),
        }
        Ok(machine)
    }

    /// Goes on first come, first served, until nothing is left to run but what stays where it is.
    fn rest_but_for(&mut self, stays: impl Fn(&Actor) -> bool) {
        loop {
            let next = self.runtime.find_ready(|id| !stays(&self.actors[id.index()]));
            if !self.make(next.map_or(Move::Time, Move::Step)) {
                return;
            }
        }
    }

    /// The ways to go on.
    pub(crate) fn moves(&self, injections: &[usize]) -> Vec<Move> {
        let mut ready = self.runtime.ready();
        ready.sort_unstable();
        let mut moves: Vec<Move> = ready.iter().map(|id| Move::Step(*id)).collect();
        if self.runtime.has_sleeper() {
            moves.push(Move::Time);
        }
        for number in injections.iter().copied().filter(|_| self.faults_left > 0) {
            match &self.world.faults.rule(number).trigger {
                None => moves.push(Move::Strike(number)),
                Some(trigger) => {
                    let befalls = |id: &&ActivityId| {
                        let activity = &self.actors[id.index()].activity;
                        trigger.may_be_at(activity.side(), activity.next_hcall())
                    };
                    moves.extend(ready.iter().filter(befalls).map(|id| Move::Struck(*id, number)));
                }
            }
        }
        moves
    }

    /// Goes on; `false` when that is no move of this state.
    pub(crate) fn make(&mut self, next: Move) -> bool {
        let made = match next {
            Move::Step(id) => self.step(id),
            Move::Struck(id, rule) => {
                let before = self.world.faults.hits(rule);
                self.world.faults.arm(Some(rule));
                let stepped = self.step(id);
                self.world.faults.arm(None);
                self.faults_left = self.faults_left.saturating_sub(1);
                stepped && self.world.faults.hits(rule) > before
            }
            Move::Strike(rule) => {
                self.faults_left = self.faults_left.saturating_sub(1);
                let director = &mut self.actors[ActivityId::DIRECTOR.index()];
                director.inject(&self.world, &self.runtime, rule);
                true
            }
            Move::Time => self.runtime.advance_time(),
        };
        self.settle();
        made
    }

    fn settle(&mut self) {
        let orders_may_come = self.orders_may_come();
        while self.settles
            && let Some(id) = self.runtime.find_ready(|id| self.is_invisible(id, orders_may_come))
        {
            self.step(id);
        }
    }

    /// The service looks for orders in every step, so none of its steps is invisible while there may be one.
    fn is_invisible(&self, id: ActivityId, orders_may_come: bool) -> bool {
        let may_be = id != ActivityId::SERVICE || !orders_may_come;
        may_be && self.actors[id.index()].is_invisible(&self.world)
    }

    /// Whether a fault or the operator may yet give an order to the service.
    fn orders_may_come(&self) -> bool {
        let faults = &self.world.faults;
        let is_busy = |actor: &Actor| match &actor.activity {
            Activity::App(app) => app.is_operator() && app.current_step().is_some(),
            _ => false,
        };
        self.faults_left > 0 && !faults.are_none()
            || faults.with(|state| !state.is_idle())
            || self.actors.iter().any(is_busy)
    }

    fn step(&mut self, id: ActivityId) -> bool {
        if !self.runtime.take(id) {
            return false;
        }
        // Which window pages are in use must not depend on how many were used before.
        self.world.guest.rewind();
        let progress = self.actors[id.index()].step(&self.world, &self.runtime);
        self.runtime.after_step(id, progress);
        true
    }

    /// An activity's name, and what its next step asks of the hypervisor.
    pub(crate) fn next_step(&self, id: ActivityId) -> String {
        let name = self.name_of(id);
        match self.actors[id.index()].activity.next_hcall() {
            Some(Hcall::SendCrq { entry, .. }) => format!("{name}: sends {}", describe(*entry)),
            Some(call) => format!("{name}: {}", call.name()),
            None => name,
        }
    }

    pub(crate) fn name_of(&self, id: ActivityId) -> String {
        let Some(number) = id.0.checked_sub(ActivityId::FIXED) else { return id.to_string() };
        match self.world.threads.get(usize::from(number)) {
            Some(name) => format!("application {name}"),
            None => String::from("operator"),
        }
    }

    /// What lies in the queues of the management partition and of the hypervisor's side.
    pub(crate) fn queued(&self) -> [Vec<String>; 2] {
        let kernel = self.world.kernel.lock();
        let consumers = canonical::consumers(&self.world, &kernel.driver, &self.actors);
        let queued = self.world.hypervisor.queued(&consumers);
        queued.map(|entries| entries.into_iter().map(describe).collect())
    }

    /// Whether nothing is left to run.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.runtime.find_ready(|_| true).is_none() && !self.runtime.has_sleeper()
    }

    /// A hash of the machine's canonical state; of the faults, only what has happened.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let mut state = Fingerprint::default();
        canonical::hash(&self.world, &self.actors, &self.runtime, &mut state);
        state
    }

    /// How the run so far would have ended if nothing more had happened.
    pub(crate) fn end(&self) -> End {
        End { steps: 0, virtual_ns: 0, quiescent: self.is_at_rest(), waiting: self.runtime.stuck() }
    }

    /// What was recorded so far.
    pub(crate) fn take_trace(&mut self, plan: &Plan) -> Trace {
        let records = recorder::take_all(self.actors.iter_mut().map(|actor| &mut actor.recorder));
        let apps = plan.threads.iter().map(|thread| thread.name.clone()).collect();
        Trace::new(records, TraceNames { apps })
    }
}

/// What an entry is, in words.
fn describe(entry: CrqEntry) -> String {
    match Received::from_entry(entry) {
        Received::Init => String::from("CRQ INIT"),
        Received::InitComplete => String::from("CRQ INIT COMPLETE"),
        Received::TransportEvent(event) => event.to_string(),
        Received::Message(decoded) => decoded.message.message_type().name().to_owned(),
        _ => entry.to_string(),
    }
}
