//! The activities of a machine. Each advances by steps: one transition of the driver or the service, with its
//! effect; wake-ups of the driver, and what the service does in its own buffers, belong to the step before. Both
//! runtimes run the same code; they differ in who picks the next step.

mod app;
mod background;
mod director;
mod interrupt;
mod service;
mod task;

pub use app::{App, Instruction, Request, StepFailure};
pub(crate) use app::{driver_condition, has_report, operator, watch_for};
pub use background::BottomHalf;
pub use director::Director;
pub use interrupt::Interrupt;
pub use service::Service;
pub(crate) use task::Task;

use crate::backend::Setup;
use crate::canonical_hasher::CanonicalHasher;
use crate::context::Context;
use crate::incarnation::Incarnation;
use crate::runtime::{ActivityId, Progress, Runtime};
use crate::world::World;
use papr::Hcall;
use vmc_trace::{ActorId, Side};

/// An activity of a machine. Which one it is stands at the beginning: every step asks.
#[derive(Clone, Debug)]
#[repr(u8)]
pub enum Activity {
    /// The interrupt handler.
    Interrupt(Interrupt),
    /// The driver's bottom half.
    BottomHalf(BottomHalf),
    /// The driver's task: probe, reset, remove.
    Task(Task),
    /// The hypervisor's VMC service.
    Service(Box<Service>),
    /// The director of the faults.
    Director(Director),
    /// A thread of an application, or the operator.
    App(Box<App>),
}

impl Activity {
    /// Makes one step.
    pub(crate) fn step<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) -> Progress {
        match self {
            Activity::Interrupt(activity) => activity.step(cx),
            Activity::BottomHalf(activity) => activity.step(cx),
            Activity::Task(activity) => activity.step(cx),
            Activity::Service(activity) => activity.step(cx),
            Activity::Director(activity) => activity.step(cx),
            Activity::App(activity) => activity.step(cx),
        }
    }

    /// The side that it is part of, and dies with; `None` for what is no part of a partition.
    pub fn side(&self) -> Option<Side> {
        match self {
            Activity::Director(_) => None,
            Activity::App(app) if app.is_operator() => None,
            other => other.actor().side(),
        }
    }

    /// Whether it is a thread of an application.
    pub fn is_application(&self) -> bool {
        matches!(self, Activity::App(app) if !app.is_operator())
    }

    /// The incarnation of its partition that it begins with.
    pub(crate) fn first_life(&self) -> Incarnation {
        match self {
            Activity::App(app) => app.life(),
            _ => Incarnation::FIRST,
        }
    }

    /// Its partition died. Whether it takes part in the next incarnation.
    pub(crate) fn die<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) -> bool {
        match self {
            Activity::Interrupt(activity) => activity.die(cx),
            Activity::BottomHalf(activity) => activity.die(cx),
            Activity::Task(activity) => activity.die(cx),
            Activity::Service(activity) => activity.die(cx),
            Activity::Director(_) => {}
            Activity::App(activity) => return activity.die(cx),
        }
        true
    }

    /// Whether the next step is invisible to the other activities.
    pub(crate) fn is_invisible<P: Setup>(&self, world: &World<P>) -> bool {
        match self {
            Activity::Interrupt(activity) => activity.is_invisible(world),
            Activity::BottomHalf(activity) => activity.is_invisible(world),
            Activity::Task(activity) => activity.is_invisible(world),
            Activity::Service(activity) => activity.is_invisible(world),
            Activity::Director(activity) => activity.is_invisible(world),
            Activity::App(activity) => activity.is_invisible(world),
        }
    }

    /// The hcall that the next step makes, if it is known.
    pub fn next_hcall(&self) -> Option<&Hcall> {
        match self {
            Activity::Interrupt(activity) => activity.next_hcall(),
            Activity::BottomHalf(activity) => activity.next_hcall(),
            Activity::Task(activity) => activity.next_hcall(),
            Activity::Service(activity) => activity.next_hcall(),
            Activity::Director(_) => None,
            Activity::App(activity) => activity.next_hcall(),
        }
    }

    /// Hashes where it stands.
    pub(crate) fn hash_canonical(&self, canonical: &mut CanonicalHasher<'_>) {
        match self {
            Activity::Interrupt(activity) => activity.hash_canonical(canonical),
            Activity::BottomHalf(activity) => activity.hash_canonical(canonical),
            Activity::Task(activity) => activity.hash_canonical(canonical),
            Activity::Service(activity) => activity.hash_canonical(canonical),
            Activity::Director(_) => {}
            Activity::App(activity) => activity.hash_canonical(canonical),
        }
    }

    /// The name under which the activity appears in the trace.
    pub(crate) fn actor(&self) -> ActorId {
        match self {
            Activity::App(app) => app.actor(),
            other => other.id().actor(),
        }
    }

    /// The name under which the activity is woken.
    pub(crate) fn id(&self) -> ActivityId {
        match self {
            Activity::Interrupt(_) => ActivityId::INTERRUPT,
            Activity::BottomHalf(_) => ActivityId::BOTTOM_HALF,
            Activity::Task(_) => ActivityId::TASK,
            Activity::Service(_) => ActivityId::SERVICE,
            Activity::Director(_) => ActivityId::DIRECTOR,
            Activity::App(app) => ActivityId::app(app.number()),
        }
    }
}
