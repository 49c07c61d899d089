//! What must hold in every run. Each checker is a file of its own and opens with what it verifies.

mod delivery;
mod device;
mod hypervisor;
mod isolation;
mod leaks;
mod offers;
mod outstanding;
mod ownership;
mod protocol;
mod queue;
mod rdma;
pub(crate) mod recovery;
mod results;
mod sleepers;
#[cfg(test)]
mod testing;
mod wakeups;
mod wire;

use crate::activity::{Activity, Service};
use crate::line::Line;
use crate::plan::Plan;
use crate::platform::Setup;
use crate::run::End;
use crate::world::World;
use device::Watcher;
use std::sync::atomic::Ordering;
use vmc_trace::{Side, Trace};

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Which checker found it.
    pub(crate) checker: &'static str,
    /// What was wrong.
    pub(crate) what: String,
}

/// Runs every checker over a run that has ended.
pub(crate) fn check<P: Setup>(
    world: &World<P>,
    lines: &mut Vec<Line>,
    trace: &Trace,
    end: &End,
    plan: &Plan,
) -> Vec<Violation> {
    let mut found = check_end(world, lines, trace, end, plan);
    if end.quiescent && !world.faults.are_none() {
        let problems = recovery::check(world, lines, plan.expected_channel);
        found.extend(problems.into_iter().map(|what| Violation { checker: "recovery", what }));
    }
    found
}

/// What must hold where the run has ended.
pub(crate) fn check_end<P: Setup>(
    world: &World<P>,
    lines: &[Line],
    trace: &Trace,
    end: &End,
    plan: &Plan,
) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |checker: &'static str, problems: Vec<String>| {
        found.extend(problems.into_iter().map(|what| Violation { checker, what }));
    };
    let paused = world.driver_paused.load(Ordering::Acquire);
    let is_watched = |side| {
        let paused = match side {
            Side::Mgmt => paused,
            Side::Hyp => world.desk.lock().service_paused,
        };
        world.lives.is_running(side) && !paused
    };
    let has_queue = world.kernel.lock().driver.is_registered();
    let looks_at_queue = |side| is_watched(side) && (side == Side::Hyp || has_queue);
    report("queue", queue::check(trace, end.quiescent, looks_at_queue));
    let watchers: [(_, Box<dyn Watcher>); 7] = [
        ("delivery", Box::new(delivery::Checker::default())),
        (
            "hypervisor",
            Box::new(hypervisor::Automaton::new(end.quiescent && is_watched(Side::Hyp))),
        ),
        ("isolation", Box::new(isolation::Checker::new(&plan.machine.behaviour))),
        ("outstanding", Box::new(outstanding::Checker::default())),
        ("rdma", Box::new(rdma::Checker::default())),
        ("results", Box::new(results::Checker::default())),
        ("wakeups", Box::new(wakeups::Checker::new(end.quiescent))),
    ];
    let (names, watchers): (Vec<_>, Vec<_>) = watchers.into_iter().unzip();
    let (problems, device) = device::watch(trace, &plan.machine.driver, watchers);
    names.into_iter().zip(problems).for_each(|(name, problems)| report(name, problems));
    let automaton = device.into_automaton();
    report("protocol", automaton.problems(end.quiescent, looks_at_queue(Side::Mgmt)));
    if end.quiescent {
        // A message that was lost or made up leaves each side with books of its own, and so does one that a side
        // which stands still has not looked at.
        let agree = !world.faults.were_unarchitected() && !is_paused(world);
        found.extend(at_rest(world, lines, agree));
    }
    found
}

/// What must hold when nothing is under way; `agree`: of the books of both sides, too.
fn at_rest<P: Setup>(world: &World<P>, lines: &[Line], agree: bool) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |checker: &'static str, problems: Vec<String>| {
        found.extend(problems.into_iter().map(|what| Violation { checker, what }));
    };
    {
        let kernel = world.kernel.lock();
        let in_call = calling_threads(lines);
        let agreeing = service(lines).filter(|_| agree).map(Service::service);
        report(
            "ownership",
            agreeing.map_or(Vec::new(), |service| ownership::check(&kernel.driver, service)),
        );
        let are_ready =
            agreeing.is_some_and(|service| service.state() == phyp::vmc::ChannelState::Ready);
        report("leaks", leaks::check(&kernel, &world.guest, in_call.len(), are_ready));
        report("sleepers", sleepers::check(&kernel.driver, &world.desk.lock(), lines));
    }
    found
}

/// The bound on outstanding requests, of which both sides know in every state how many they are.
pub(crate) fn outstanding_now<P: Setup>(world: &World<P>, lines: &[Line]) -> Vec<Violation> {
    let kernel = world.kernel.lock();
    let driver = &kernel.driver;
    let problems = outstanding::check_now(driver, service(lines).map(Service::service));
    problems.into_iter().map(|what| Violation { checker: "outstanding", what }).collect()
}

/// Whether a side was told to leave its queue alone.
fn is_paused<P: Setup>(world: &World<P>) -> bool {
    world.desk.lock().service_paused || world.driver_paused.load(Ordering::Acquire)
}

pub(crate) fn service(lines: &[Line]) -> Option<&Service> {
    lines.iter().find_map(|line| match &line.activity {
        Activity::Service(service) => Some(&**service),
        _ => None,
    })
}

/// Threads whose call has not come back.
fn calling_threads(lines: &[Line]) -> Vec<u16> {
    let calling = |line: &Line| match &line.activity {
        Activity::App(app) if app.is_in_call() => Some(app.number()),
        _ => None,
    };
    lines.iter().filter_map(calling).collect()
}
