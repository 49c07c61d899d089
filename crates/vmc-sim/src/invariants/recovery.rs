//! Verifies that the channel comes back once nothing goes wrong any more: the faults stop, whoever was told to
//! leave a queue alone looks at it again, nothing is refused any more, a device that failed because of optional
//! faults is probed anew, and, after faults that the architecture does not know, the hypervisor starts over once.
//! Then the channel must get ready, and a new application must get a session and send a message, within
//! [`MAX_STEPS`] steps.
//!
//! Does not verify a channel that is meant to be down at the end: one whose side was stopped and not started
//! again, whose partition has not booted, that an HMC has taken over, or that the scenario expects in another
//! state. Without a free HMC index no session is opened.

use crate::activity::{Activity, App};
use crate::deterministic::{self, Course};
use crate::life::Life;
use crate::line::Line;
use crate::platform::Setup;
use crate::recorder::{Order, Recorder};
use crate::script::{Action, Condition, Expect, ServiceCommand, Step};
use crate::world::{TaskRequest, World};
use ibmvmc::{ChannelState, Driver, Quirks};
use std::sync::atomic::Ordering;
use vmc_trace::{Actor, Side};

/// More than the longest way back: every page of the largest pool unmapped, mapped and offered anew.
const MAX_STEPS: u64 = 2_000_000;

/// Runs the world on, from where a run has left it.
pub(crate) fn check<P: Setup>(
    world: &World<P>,
    lines: &mut Vec<Line>,
    expected: Option<ChannelState>,
) -> Vec<String> {
    if is_meant_to_be_down(world, expected) {
        return Vec::new();
    }
    heal(world);
    // First to rest: a channel that is ready now may be about to start over.
    deterministic::run(world, lines, &mut Course::first_come(MAX_STEPS));
    let number = lines.len() as u16 - crate::runtime::ActivityId::FIXED;
    let app = App::new(number, number, Life::FIRST, steps(world));
    let recorder = Recorder::new(Actor::App(number), &Order::default(), false);
    let visitor =
        Line::visitor(Activity::App(Box::new(app)), recorder, world.lives.now(Side::Mgmt));
    lines.push(visitor);
    deterministic::run(world, lines, &mut Course::first_come(MAX_STEPS));
    let stands_at = lines.pop().and_then(|line| match line.activity {
        Activity::App(app) => app.current_step().map(|step| step.action.clone()),
        _ => None,
    });
    let Some(action) = stands_at else { return Vec::new() };
    let (driver, service) = (world.kernel.lock().driver.state(), world.desk.lock().service_state);
    let reached = match action {
        Action::Wait(Condition::ChannelReady) => "the channel does not come back",
        Action::Open { .. } => "a new file cannot be opened",
        Action::SetHmcId { .. } | Action::Wait(_) => "no new session opens",
        Action::Write { .. } => "a new session carries no message",
        _ => "a new session cannot be closed",
    };
    vec![format!("{reached}: the driver is {driver}, the hypervisor's side {service}")]
}

fn is_meant_to_be_down<P: Setup>(world: &World<P>, expected: Option<ChannelState>) -> bool {
    use phyp::vmc::ChannelState as ServiceState;
    let is_running = |side| world.lives.is_running(side);
    let kernel = world.kernel.lock();
    let service = world.desk.lock().service_state;
    expected.is_some_and(|expected| expected != ChannelState::Ready)
        || !is_running(Side::Mgmt)
        || !is_running(Side::Hyp)
        || kernel.driver.state() == ChannelState::Initial
        || matches!(service, ServiceState::Stopped)
}

fn heal<P: Setup>(world: &World<P>) {
    world.faults.end();
    world.driver_paused.store(false, Ordering::Release);
    world.kernel.lock().bottom_half_due = true;
    restart_failed_device(world);
    let mut desk = world.desk.lock();
    desk.service_commands.extend([ServiceCommand::Resume, ServiceCommand::RefuseNothing]);
    if world.faults.were_unarchitected() {
        desk.service_commands.extend([ServiceCommand::Stop, ServiceCommand::Start]);
    }
}

/// A device that has failed rightly stays so until its operator loads the driver again.
fn restart_failed_device<P: Setup>(world: &World<P>) {
    let mut kernel = world.kernel.lock();
    if kernel.driver.state() == ChannelState::Failed && world.faults.may_have_failed_device() {
        let node = world.hypervisor.vmc_node();
        kernel.tasks.push_back(TaskRequest::Remove);
        kernel.tasks.extend(node.map(|node| TaskRequest::Probe(Box::new(node))));
    }
}

/// What a new application does.
fn steps<P: Setup>(world: &World<P>) -> Vec<Step> {
    let file = || String::from("recovery");
    let mut actions = vec![Action::Wait(Condition::ChannelReady)];
    if has_room(&world.kernel.lock().driver) {
        actions.extend([
            Action::Open { file: file(), nonblock: false, expect: Expect::Ok },
            Action::SetHmcId { file: file(), id: file(), expect: Expect::Ok },
            Action::Wait(Condition::SessionReady { file: file() }),
            Action::Write { file: file(), payload: vec![0; 32], faults: false, expect: Expect::Ok },
            Action::Close { file: file(), expect: Expect::Ok },
        ]);
    }
    actions.into_iter().map(|action| Step { action, span: 0..0 }).collect()
}

/// Whether an index will be free. After a reset all are.
fn has_room<Q: Quirks>(driver: &Driver<Q>) -> bool {
    driver.state() != ChannelState::Ready || driver.slots().any(|slot| slot.session.is_none())
}
