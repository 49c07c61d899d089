//! The management partition's processor taking the CRQ interrupt: accept it with `H_XIRR`, run the driver's
//! handler, finish with `H_EOI`.

use crate::call::{CallProgress, CallRunner, User};
use crate::context::Context;
use crate::runtime::{ActivityId, Progress, Runtime};
use ibmvmc::Input;
use papr::{Hcall, Xirr};
use phyp::Platform;
use vmc_trace::{Side, Subject, Waiting};

#[derive(Debug, Default)]
pub(crate) struct Interrupt {
    /// The accepted interrupt and its handler.
    handling: Option<(Xirr, CallRunner)>,
}

impl Interrupt {
    pub(crate) fn step<P: Platform, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) -> Progress {
        let Some((xirr, mut handler)) = self.handling.take() else { return self.accept(cx) };
        match handler.step(cx, &mut User::default()) {
            CallProgress::Done(_) => {
                cx.hcall(Side::Mgmt, &Hcall::Eoi { xirr }, Subject::Channel);
                // The bottom half may have run and ended already. A message that came after that and before
                // the H_EOI gave no interrupt, so the queue is looked at once more (LoPAR, CRQ Facility
                // Interrupt Notification).
                cx.world.kernel.lock().bottom_half_due = true;
                cx.runtime.wake(ActivityId::BOTTOM_HALF);
                Progress::Again
            }
            CallProgress::Again => {
                self.handling = Some((xirr, handler));
                Progress::Again
            }
            CallProgress::Block { until_ns } => {
                self.handling = Some((xirr, handler));
                Progress::Block { until_ns, why: Waiting::Call }
            }
        }
    }

    fn accept<P: Platform, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) -> Progress {
        let result = cx.hcall(Side::Mgmt, &Hcall::Xirr, Subject::Channel);
        // The low order 4 bytes of R4 (LoPAR, H_XIRR).
        let xirr = Xirr(result.r4 as u32);
        if xirr.source().is_none() {
            return Progress::Block { until_ns: None, why: Waiting::Work };
        }
        self.handling = Some((xirr, CallRunner::start(cx, Input::Interrupt)));
        Progress::Again
    }
}
