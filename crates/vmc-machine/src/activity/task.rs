//! The driver's task: probes a device that appeared, resets the channel, removes the device.

use crate::backend::Setup;
use crate::call::{CallProgress, CallRunner};
use crate::canonical_hasher::CanonicalHasher;
use crate::context::Context;
use crate::runtime::{Progress, Runtime};
use crate::world::{TaskRequest, World};
use ibmvmc::Input;
use ibmvmc::shell::User;
use papr::Hcall;
use vmc_trace::Waiting;

#[derive(Clone, Debug, Default)]
pub struct Task {
    running: Option<CallRunner>,
}

impl Task {
    pub(crate) fn step<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) -> Progress {
        let Some(call) = &mut self.running else {
            let Some(request) = cx.world.kernel.lock().tasks.pop_front() else {
                return Progress::Block { until_ns: None, why: Waiting::Work };
            };
            let input = match request {
                TaskRequest::Probe(node) => Input::Probe(node),
                TaskRequest::Reset => Input::Reset,
                TaskRequest::Remove => Input::Remove,
            };
            self.running = Some(CallRunner::start(cx, input));
            return Progress::Again;
        };
        match call.step(cx, &mut User::default()) {
            CallProgress::Again => Progress::Again,
            CallProgress::Block { until_ns } => Progress::Block { until_ns, why: call.waiting() },
            CallProgress::Done(_) => {
                self.running = None;
                Progress::Again
            }
        }
    }

    /// Whether the next step is invisible to the other activities.
    pub(crate) fn is_invisible<P: Setup>(&self, world: &World<P>) -> bool {
        self.running
            .as_ref()
            .map_or_else(|| world.kernel.lock().tasks.is_empty(), CallRunner::is_invisible)
    }

    /// The hcall that the next step makes, if it is known.
    pub(crate) fn next_hcall(&self) -> Option<&Hcall> {
        self.running.as_ref()?.next_hcall()
    }

    /// Hashes where it stands.
    pub(crate) fn hash_canonical(&self, canonical: &mut CanonicalHasher<'_>) {
        canonical.runner(self.running.as_ref());
    }

    pub(crate) fn die<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) {
        if let Some(call) = self.running.take() {
            call.abandon(cx);
        }
    }
}
