//! Verifies what a command router and the system that it manages do, at every message, at every moment at which time lets
//! something happen, and at every fault:
//!
//! - The system: what is handed out is there, once, and nothing is lost (memory, processing power, slots, MAC addresses, room on
//!   disks); what refers to something is known there; states change along the documented edges; a change has a new version and
//!   an event (`managed_system::problems` and `problems_between`, which none of its operations uses).
//! - The exchange (`exchange`): a request gets the response that it asks for, one that fits it, and at most one; a request that is
//!   refused, that only looks, or that repeats an earlier change leaves the system as it is; a change that names a version finds
//!   that one.
//! - Commands with which something goes wrong, on order: what is lost or answered in another way is not done; an answer that is
//!   late comes when it is due, unless its session is over, and one that is lost does not come.
//! - Events (`exchange`): each session that has subscribed gets every event, in order and without a gap, or is told how many are
//!   lost. At rest no event waits beside a free buffer.
//! - A crash of the platform partition takes what was kept for managers and leaves the rest.
//!
//! A trace has digests of messages, not their content, so commands are judged where they pass the router. That they arrive as
//! they were sent is for `delivery` and `isolation` to say.
//!
//! Does not verify whether a refusal is right, nor the words of a good response.

mod exchange;
#[cfg(test)]
mod tests;

use exchange::Exchange;
use hmc_router::Router;
use managed_system::{Partition, SessionId, System, problems, problems_between};
use phyp::vmc::{
    Actions, AnyBehaviour, Behaviour, BufferState, Command, Incoming, SessionKey, SessionState,
    Verdict,
};
use std::borrow::Cow;
use std::time::Duration;
use vmc_check::Violation;
use vmc_machine::activity::Service;
use vmc_machine::actor::Actor;
use vmc_machine::plan::Plan;
use vmc_proto::PartitionFault;

/// A system that has gone wrong goes on doing so: the first problems say it.
const MAX_PROBLEMS: usize = 16;

/// The plan with a watched router, if it has one.
pub(crate) fn watch(plan: &Plan) -> Cow<'_, Plan> {
    match plan.machine.behaviour.other::<Router>() {
        None => Cow::Borrowed(plan),
        Some(router) => {
            let mut watched = plan.clone();
            watched.machine.behaviour = AnyBehaviour::new(Watched::new(router.clone()));
            Cow::Owned(watched)
        }
    }
}

/// What was found of the router so far; `at_rest`: and what shows when nothing is under way.
pub(crate) fn check(actors: &[Actor], at_rest: bool) -> Vec<Violation> {
    let Some(service) = vmc_machine::actor::service(actors).map(Service::service) else {
        return Vec::new();
    };
    let behaviour = service.behaviour();
    let mut found = match (behaviour.other::<Watched>(), behaviour.other::<Router>()) {
        (Some(watched), _) => watched.problems.clone(),
        (None, Some(router)) => problems(router.system()),
        (None, None) => return Vec::new(),
    };
    if at_rest && let Some(watched) = behaviour.other::<Watched>() {
        let is_free = |buffer: &BufferState| *buffer == BufferState::Hypervisor;
        let ready = service.sessions().filter(|view| view.state == SessionState::Ready);
        let with_room = ready.filter(|view| view.buffers.iter().any(is_free));
        let keys = with_room.map(|view| SessionKey { index: view.index, session: view.session });
        let last = watched.router.system().last_event();
        found.extend(keys.filter_map(|key| watched.exchange.waits(key, last)));
        found.extend(watched.exchange.owes());
    }
    found.into_iter().map(|what| Violation { checker: "management", what }).collect()
}

/// A router that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Watched {
    router: Router,
    exchange: Exchange,
    problems: Vec<String>,
}

impl Watched {
    pub(crate) fn new(router: Router) -> Watched {
        let mut watched = Watched { router, exchange: Exchange::default(), problems: Vec::new() };
        let found = problems(watched.router.system());
        watched.report(found);
        watched
    }

    fn report(&mut self, found: Vec<String>) {
        for problem in found {
            if self.problems.len() < MAX_PROBLEMS && !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
    }

    /// Has the router do something that may change the system and sends nothing by itself.
    fn watch_change(
        &mut self,
        actions: &mut Actions,
        change: impl FnOnce(&mut Router, &mut Actions),
    ) {
        let before = self.router.system().clone();
        change(&mut self.router, actions);
        self.look_at_system(&before);
        if !actions.sends().is_empty() {
            self.report(vec![String::from("the router sends something that was not asked for")]);
        }
    }

    fn look_at_system(&mut self, before: &System) {
        let system = self.router.system();
        let mut found = problems(system);
        found.extend(problems_between(before, system));
        self.report(found);
    }
}

impl Behaviour for Watched {
    fn session_opened(
        &mut self,
        session: SessionKey,
        hmc_id: &[u8; 32],
        actions: &mut Actions,
    ) -> Verdict {
        self.router.session_opened(session, hmc_id, actions)
    }

    fn message(&mut self, session: SessionKey, message: Incoming<'_>, actions: &mut Actions) {
        let before = self.router.system().clone();
        let open = self.exchange.number(session);
        self.router.message(session, message, actions);
        if message.payload.is_some() {
            let after = self.router.system();
            let mut found = self.exchange.message(session, message, actions, (&before, after));
            let over = open.filter(|_| self.exchange.number(session).is_none());
            found.extend(over.and_then(|number| kept_events(after, number)));
            self.report(found);
        }
        self.look_at_system(&before);
    }

    fn command(&self, message: &[u8]) -> Option<Command> {
        self.router.command(message)
    }

    fn buffer_free(&mut self, session: SessionKey, actions: &mut Actions) {
        self.router.buffer_free(session, actions);
        let last = self.router.system().last_event();
        let found = self.exchange.events(session, actions.sends(), last);
        self.report(found);
    }

    fn wants_free_buffers(&self) -> bool {
        self.router.wants_free_buffers()
    }

    fn session_closed(&mut self, session: SessionKey) {
        self.router.session_closed(session);
        let Some(number) = self.exchange.closed(session) else { return };
        self.report(kept_events(self.router.system(), number).into_iter().collect());
    }

    fn wants_payload(&self) -> bool {
        self.router.wants_payload()
    }

    fn wants_time(&self) -> bool {
        self.router.wants_time()
    }

    fn wake_at(&self) -> Option<Duration> {
        self.router.wake_at()
    }

    fn time_passed(&mut self, actions: &mut Actions) {
        let before = self.router.system().clone();
        self.router.time_passed(actions);
        self.look_at_system(&before);
        let found = self.exchange.late(actions);
        self.report(found);
    }

    fn partition_fails(&mut self, partition: u16, fault: PartitionFault, actions: &mut Actions) {
        self.watch_change(actions, |router, actions| {
            router.partition_fails(partition, fault, actions);
        });
    }

    fn after_crash(&self, now: Duration) -> Option<Watched> {
        let mut next = Watched { router: self.router.after_crash(now)?, ..self.clone() };
        let mut before = self.router.system().clone();
        before.advance(now);
        let mut found = problems(next.router.system());
        found.extend(lost_by_crash(&before, next.router.system()));
        let system = next.router.system();
        found.extend(next.exchange.numbers().filter_map(|number| kept_events(system, number)));
        next.exchange = Exchange::default();
        next.report(found);
        Some(next)
    }
}

/// What is wrong if events are kept for a session of the router that is over.
fn kept_events(system: &System, number: u32) -> Option<String> {
    let kept = system.peek_events(SessionId(u64::from(number)), 1);
    kept.map(|_| format!("session {number} is over and its events are kept"))
}

/// What a crash of the platform partition must not take: definitions, which are in NVRAM, and what partitions do.
fn lost_by_crash(before: &System, after: &System) -> Vec<String> {
    let mut found = Vec::new();
    let all = usize::MAX;
    let partitions = |system: &System| -> Vec<Partition> {
        system.partitions(None, all).items.into_iter().map(Partition::without_managers).collect()
    };
    if partitions(before) != partitions(after) {
        found.push(String::from("a crash of the platform partition has changed partitions"));
    }
    if before.switches(None, all).items != after.switches(None, all).items
        || before.networks(None, all).items != after.networks(None, all).items
    {
        found.push(String::from("a crash of the platform partition has changed networks"));
    }
    if before.last_event() > after.last_event() || before.state() != after.state() {
        found.push(String::from("a crash of the platform partition has changed the system"));
    }
    if let Some(job) = after.jobs(None, 1).items.first() {
        found.push(format!("job {} outlives a crash of the platform partition", job.id()));
    }
    found
}
