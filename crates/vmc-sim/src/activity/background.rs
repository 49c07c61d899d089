//! The driver's bottom half, run whenever it was scheduled.

use crate::call::{CallProgress, CallRunner, User};
use crate::context::Context;
use crate::platform::Setup;
use crate::runtime::{Progress, Runtime};
use ibmvmc::Input;
use vmc_trace::Waiting;

#[derive(Clone, Debug, Default)]
pub(crate) struct BottomHalf {
    running: Option<CallRunner>,
}

impl BottomHalf {
    pub(crate) fn step<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) -> Progress {
        let Some(call) = &mut self.running else {
            if !std::mem::take(&mut cx.world.kernel.lock().bottom_half_due) {
                return Progress::Block { until_ns: None, why: Waiting::Work };
            }
            self.running = Some(CallRunner::start(cx, Input::BottomHalf));
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
