//! What must hold in every run. What can be judged from the trace alone is judged by `vmc-check`; the checkers here
//! need the world that the run has left. Each is a file of its own and opens with what it verifies.

mod leaks;
pub(crate) mod management;
mod memory;
mod outstanding;
mod ownership;
mod pacing;
pub(crate) mod recovery;
mod sleepers;

use ibmvmc::{ChannelState, Driver, Quirks};
use phyp::vmc::{AnyBehaviour, Named};
use std::sync::atomic::Ordering;
use vmc_check::{Content, Ending, Setting, Violation};
use vmc_machine::activity::{Activity, Service};
use vmc_machine::actor::{Actor, service};
use vmc_machine::backend::Setup;
use vmc_machine::ending::End;
use vmc_machine::foreign::Foreign;
use vmc_machine::guest_driver::GuestDriver;
use vmc_machine::plan::{MachinePlan, Plan};
use vmc_machine::world::World;
use vmc_trace::{Side, Trace};

/// A driver whose runs are judged.
pub(crate) trait Inspected: GuestDriver {
    /// What is wrong inside of it when nothing is under way; `agree`: both sides must agree, too.
    fn at_rest<P: Setup<Driver = Self>>(
        world: &World<P>,
        actors: &[Actor],
        agree: bool,
    ) -> Vec<Violation>;
}

/// Our own driver, whose state can be looked at.
impl<Q: Quirks> Inspected for Driver<Q> {
    fn at_rest<P: Setup<Driver = Self>>(
        world: &World<P>,
        actors: &[Actor],
        agree: bool,
    ) -> Vec<Violation> {
        let kernel = world.kernel.lock();
        let in_call = calling_threads(actors);
        let agreeing = service(actors).filter(|_| agree).map(Service::service);
        let are_ready =
            agreeing.is_some_and(|service| service.state() == phyp::vmc::ChannelState::Ready);
        let owners =
            agreeing.map_or(Vec::new(), |service| ownership::check(&kernel.driver, service));
        let left = leaks::check(&kernel, &world.guest, in_call.len(), are_ready);
        let asleep = sleepers::check(&kernel.driver, &world.process_table.lock(), actors);
        let by = |checker| move |what| Violation { checker, what };
        let owners = owners.into_iter().map(by("ownership"));
        let left = left.into_iter().map(by("leaks"));
        owners.chain(left).chain(asleep.into_iter().map(by("sleepers"))).collect()
    }
}

/// Another driver: what it has found itself at the interface around it, and pages that it has left mapped.
impl Inspected for Foreign {
    fn at_rest<P: Setup<Driver = Self>>(world: &World<P>, _: &[Actor], _: bool) -> Vec<Violation> {
        let kernel = world.kernel.lock();
        let problems = kernel.driver.0.problems().into_iter();
        let mut found: Vec<_> =
            problems.map(|what| Violation { checker: "driver", what }).collect();
        let in_use = world.guest.window_pages_in_use();
        if kernel.driver.state() == ChannelState::Initial && in_use != 0 {
            let what = format!("the driver has no device, and {in_use} pages are still mapped");
            found.push(Violation { checker: "leaks", what });
        }
        found
    }
}

/// A machine around such a driver.
pub(crate) trait Judged: Setup<Driver: Inspected> {}

impl<P: Setup<Driver: Inspected>> Judged for P {}

/// A machine around our own driver.
pub(crate) trait OwnDriver: Setup<Driver = Driver<Self::Quirks>> {
    /// What the driver does in another way than it would by itself.
    type Quirks: Quirks;
}

impl<Q: Quirks, P: Setup<Driver = Driver<Q>>> OwnDriver for P {
    type Quirks = Q;
}

/// Runs every checker over a run that has ended; with `is_whole`, all of it was recorded.
pub(crate) fn check<P: Judged>(
    world: &World<P>,
    actors: &mut Vec<Actor>,
    trace: &Trace,
    is_whole: bool,
    end: &End,
    plan: &Plan,
) -> Vec<Violation> {
    let mut found = check_end(world, actors, trace, is_whole, end, plan);
    let known = found.clone();
    if end.quiescent && !world.faults.are_none() {
        let problems = recovery::check(world, actors, plan.expected_channel);
        found.extend(problems.into_iter().map(|what| Violation { checker: "recovery", what }));
        // The run has gone on.
        let later = management::check(actors, false);
        found.extend(later.into_iter().filter(|later| !known.contains(later)));
    }
    found
}

/// What must hold where the run has ended.
pub(crate) fn check_end<P: Judged>(
    world: &World<P>,
    actors: &[Actor],
    trace: &Trace,
    is_whole: bool,
    end: &End,
    plan: &Plan,
) -> Vec<Violation> {
    let setting = setting(&plan.machine);
    let mut found = match is_whole {
        true => vmc_check::check(trace, &setting, &ending(world, end)),
        false => vmc_check::check_beginning(trace, &setting),
    };
    let early = pacing::check(trace).into_iter();
    found.extend(early.map(|what| Violation { checker: "pacing", what }));
    let strayed = memory::check(world).into_iter();
    found.extend(strayed.map(|what| Violation { checker: "memory", what }));
    found.extend(management::check(actors, end.quiescent && !is_paused(world)));
    if end.quiescent {
        // A message that was lost or made up leaves each side with a state of its own, and so does one that a side
        // which stands still has not looked at.
        let agree = !world.faults.were_unarchitected() && !is_paused(world);
        found.extend(P::Driver::at_rest(world, actors, agree));
    }
    found
}

/// The machine, as the checkers of traces want to know it.
pub(crate) fn setting(machine: &MachinePlan) -> Setting {
    let driver = &machine.driver;
    let content = match &machine.behaviour {
        AnyBehaviour::Named(Named::Echo) => Content::Echo,
        AnyBehaviour::Named(Named::Sink) => Content::Own,
        AnyBehaviour::Named(Named::Source(source)) => {
            Content::Numbered { messages: source.events(), payload: phyp::vmc::pattern }
        }
        // What another behaviour sends is its own affair.
        _ => Content::Any,
    };
    let session_numbers = driver.first_session..=driver.profile.last_session();
    Setting {
        profile: driver.profile,
        session_numbers,
        mtu: driver.mtu,
        content,
        memory_may_lack: machine.window_pages.is_some(),
    }
}

/// How a run has ended, as the checkers of traces want to know it.
pub(crate) fn ending<P: Judged>(world: &World<P>, end: &End) -> Ending {
    let runs = |side| world.incarnations.is_running(side);
    let kernel = world.kernel.lock();
    let driver_looks =
        !world.driver_paused.load(Ordering::Acquire) && kernel.driver.is_registered();
    Ending {
        at_rest: end.quiescent,
        management_looks: runs(Side::Mgmt) && driver_looks,
        hypervisor_looks: runs(Side::Hyp) && !world.process_table.lock().service_paused,
    }
}

/// The bound on outstanding requests, of which both sides know in every state how many they are.
pub(crate) fn outstanding_now<P: OwnDriver>(world: &World<P>, actors: &[Actor]) -> Vec<Violation> {
    let kernel = world.kernel.lock();
    let driver = &kernel.driver;
    let problems = outstanding::check_now(driver, service(actors).map(Service::service));
    problems.into_iter().map(|what| Violation { checker: "outstanding", what }).collect()
}

/// Whether a side was told to leave its queue alone.
fn is_paused<P: Judged>(world: &World<P>) -> bool {
    world.process_table.lock().service_paused || world.driver_paused.load(Ordering::Acquire)
}

/// Threads whose call has not come back.
fn calling_threads(actors: &[Actor]) -> Vec<u16> {
    let calling = |actor: &Actor| match &actor.activity {
        Activity::App(app) if app.is_in_call() => Some(app.number()),
        _ => None,
    };
    actors.iter().filter_map(calling).collect()
}
