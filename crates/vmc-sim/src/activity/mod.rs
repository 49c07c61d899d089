//! The activities of a machine. Each advances by steps: one transition of the driver or the service, with its
//! effect. Both runtimes run the same code; they differ in who picks the next step.

mod app;
mod background;
mod interrupt;
mod service;
mod task;

pub(crate) use app::{App, StepFailure};
pub(crate) use background::BottomHalf;
pub(crate) use interrupt::Interrupt;
pub(crate) use service::Service;
pub(crate) use task::Task;

use crate::context::Context;
use crate::runtime::{ActivityId, Progress, Runtime};
use phyp::Platform;
use vmc_trace::Actor;

/// One of a machine's lines of control.
#[derive(Debug)]
pub(crate) enum Activity {
    Interrupt(Interrupt),
    BottomHalf(BottomHalf),
    Task(Task),
    Service(Box<Service>),
    App(Box<App>),
}

impl Activity {
    /// Makes one step.
    pub(crate) fn step<P: Platform, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) -> Progress {
        match self {
            Activity::Interrupt(activity) => activity.step(cx),
            Activity::BottomHalf(activity) => activity.step(cx),
            Activity::Task(activity) => activity.step(cx),
            Activity::Service(activity) => activity.step(cx),
            Activity::App(activity) => activity.step(cx),
        }
    }

    /// The name under which the activity appears in the trace.
    pub(crate) fn actor(&self) -> Actor {
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
            Activity::App(app) => ActivityId::app(app.number()),
        }
    }
}
