//! The driver's task: probes a device that appeared, resets the channel, removes the device.

use crate::call::{CallProgress, CallRunner, User};
use crate::context::Context;
use crate::platform::Setup;
use crate::runtime::{Progress, Runtime};
use crate::world::TaskRequest;
use ibmvmc::Input;
use vmc_trace::Waiting;

#[derive(Clone, Debug, Default)]
pub(crate) struct Task {
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

    pub(crate) fn die<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) {
        if let Some(call) = self.running.take() {
            call.abandon(cx);
        }
    }
}
