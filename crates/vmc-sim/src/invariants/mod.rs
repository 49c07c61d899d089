//! What must hold in every run. Each checker is a file of its own and opens with what it verifies.

mod delivery;
mod leaks;
mod outstanding;
mod ownership;
mod protocol;
mod queue;
pub(crate) mod recovery;
mod sleepers;
#[cfg(test)]
mod testing;
mod wire;

use crate::activity::{Activity, Service};
use crate::line::Line;
use crate::platform::Setup;
use crate::run::End;
use crate::world::World;
use ibmvmc::ChannelState;
use std::collections::BTreeMap;
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
    expected: Option<ChannelState>,
) -> Vec<Violation> {
    let mut found = check_end(world, lines, trace, end);
    if end.quiescent && !world.faults.are_none() {
        let problems = recovery::check(world, lines, expected);
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
) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |checker: &'static str, problems: Vec<String>| {
        found.extend(problems.into_iter().map(|what| Violation { checker, what }));
    };
    report("delivery", delivery::check(trace, process_of(lines)));
    report("outstanding", outstanding::check(trace));
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
    let config = *world.kernel.lock().driver.config();
    let sessions = config.first_session..=config.profile.last_session();
    let is_watched = looks_at_queue(Side::Mgmt);
    report("protocol", protocol::check(trace, end.quiescent, is_watched, sessions));
    if end.quiescent {
        found.extend(at_rest(world, lines));
    }
    found
}

/// What must hold of books that agree only when nothing is under way.
fn at_rest<P: Setup>(world: &World<P>, lines: &[Line]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |checker: &'static str, problems: Vec<String>| {
        found.extend(problems.into_iter().map(|what| Violation { checker, what }));
    };
    {
        let kernel = world.kernel.lock();
        let in_call = calling_threads(lines);
        report(
            "ownership",
            match service(lines) {
                // A message that was lost or made up leaves each side with books of its own, and so does one
                // that a side which stands still has not looked at.
                Some(service) if !world.faults.were_unarchitected() && !is_paused(world) => {
                    ownership::check(&kernel.driver, service.service())
                }
                _ => Vec::new(),
            },
        );
        report("leaks", leaks::check(&kernel, &world.guest, in_call.len()));
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

/// The process of each application thread.
fn process_of(lines: &[Line]) -> impl Fn(u16) -> u16 {
    let of_app = |line: &Line| match &line.activity {
        Activity::App(app) => Some((app.number(), app.process())),
        _ => None,
    };
    let processes: BTreeMap<u16, u16> = lines.iter().filter_map(of_app).collect();
    move |thread| processes.get(&thread).copied().unwrap_or(thread)
}

/// Threads whose call has not come back.
fn calling_threads(lines: &[Line]) -> Vec<u16> {
    let calling = |line: &Line| match &line.activity {
        Activity::App(app) if app.is_in_call() => Some(app.number()),
        _ => None,
    };
    lines.iter().filter_map(calling).collect()
}
