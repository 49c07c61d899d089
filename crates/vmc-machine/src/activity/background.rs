//! The driver's bottom half, run whenever it was scheduled.

use crate::backend::Setup;
use crate::call::{CallProgress, CallRunner};
use crate::canonical_hasher::CanonicalHasher;
use crate::context::Context;
use crate::runtime::{Progress, Runtime};
use crate::world::World;
use ibmvmc::Input;
use ibmvmc::shell::User;
use papr::Hcall;
use vmc_trace::Waiting;

/// The driver's bottom half: works through its CRQ.
#[derive(Clone, Debug, Default)]
pub struct BottomHalf {
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

    /// The same for a poller: where the queue is empty it stays there. Whether it was scheduled is looked at
    /// only if a caller says that it may have been.
    pub(crate) fn look<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        is_due: bool,
    ) -> Progress {
        let nothing = Progress::Block { until_ns: None, why: Waiting::Work };
        match &mut self.running {
            None if is_due => self.step(cx),
            None => nothing,
            Some(call) if call.is_at_queue() => {
                if is_due && std::mem::take(&mut cx.world.kernel.lock().bottom_half_due) {
                    return self.look_again(cx);
                }
                if call.take_from_queue(cx) { Progress::Again } else { nothing }
            }
            Some(_) => self.step(cx),
        }
    }

    /// It was scheduled while it stands at its queue: the driver has it look once more, and not enable the
    /// interrupt before that. One that has been cancelled goes to its end, and the next one does what was scheduled.
    fn look_again<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) -> Progress {
        // It is over at once, but for wake-ups that it may have to hand out.
        let mut scheduled = CallRunner::start(cx, Input::BottomHalf);
        while let CallProgress::Again = scheduled.step(cx, &mut User::default()) {}
        let progress = self.step(cx);
        if self.running.as_ref().is_none_or(CallRunner::is_over) {
            cx.world.kernel.lock().bottom_half_due = true;
        }
        progress
    }

    /// Whether it looks at its queue.
    pub(crate) fn is_at_queue(&self) -> bool {
        self.running.as_ref().is_some_and(CallRunner::is_at_queue)
    }

    /// Whether something is in the queue that it looks at; `None` when it does not.
    pub(crate) fn queue_has_entry<P: Setup>(&self, world: &World<P>) -> Option<bool> {
        self.running.as_ref()?.queue_has_entry(world)
    }

    /// Whether it has nothing in hand.
    pub(crate) fn is_between_entries(&self) -> bool {
        self.running.as_ref().is_none_or(CallRunner::is_at_queue)
    }

    /// Whether the next step is invisible to the other activities.
    pub(crate) fn is_invisible<P: Setup>(&self, world: &World<P>) -> bool {
        self.running
            .as_ref()
            .map_or_else(|| !world.kernel.lock().bottom_half_due, CallRunner::is_invisible)
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
