//! The management partition's processor taking the CRQ interrupt: accept it with `H_XIRR`, run the driver's
//! handler, finish with `H_EOI`.
//!
//! Either call may fail ("the caller must be prepared for a return code of H_Hardware from all functions", LoPAR).
//! The operating system then makes it again after a while, [`MAX_TRIES`] times in all; the queue is looked at all
//! the same, because the interrupt may be lost.

use crate::backend::Setup;
use crate::call::{CallProgress, CallRunner};
use crate::canonical_hasher::CanonicalHasher;
use crate::context::Context;
use crate::runtime::{ActivityId, Progress, Runtime};
use crate::world::{MANAGEMENT, World};
use ibmvmc::Input;
use ibmvmc::shell::User;
use papr::{Hcall, HcallReturn, Xirr};
use std::hash::Hash;
use vmc_trace::{Side, Subject, Waiting};

/// How often a call is made that fails.
const MAX_TRIES: u8 = 8;

/// How long the operating system waits before it makes a call again, in nanoseconds.
const RETRY_NS: u64 = 1_000_000;

/// The management partition's processor that takes CRQ interrupts.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    stage: Stage,
    /// How often the present call has failed.
    failures: u8,
}

#[derive(Clone, Debug, Default)]
#[allow(clippy::large_enum_variant, reason = "there is one, and an interrupt should not allocate")]
enum Stage {
    #[default]
    Accept,
    Handle(Xirr, CallRunner),
    Finish(Xirr),
}

impl Interrupt {
    pub(crate) fn step<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) -> Progress {
        match std::mem::take(&mut self.stage) {
            Stage::Accept => self.accept(cx),
            Stage::Handle(xirr, handler) => self.handle(cx, xirr, handler),
            Stage::Finish(xirr) => self.finish(cx, xirr),
        }
    }

    /// The processor stops. It ends an interrupt that it has accepted, or the partition's next kernel would get none
    /// (LoPAR, H_EOI); a partition that has died has nothing to end.
    pub(crate) fn die<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) {
        self.failures = 0;
        let xirr = match std::mem::take(&mut self.stage) {
            Stage::Accept => return,
            Stage::Handle(xirr, handler) => {
                handler.abandon(cx);
                xirr
            }
            Stage::Finish(xirr) => xirr,
        };
        cx.world.hypervisor.hcall(MANAGEMENT, &Hcall::Eoi { xirr }, &mut ());
    }

    /// Whether the next step is invisible to the other activities.
    pub(crate) fn is_invisible<P: Setup>(&self, world: &World<P>) -> bool {
        matches!(self.stage, Stage::Accept) && !world.hypervisor.has_interrupt(MANAGEMENT)
    }

    /// The hcall that the next step makes, if it is known.
    pub(crate) fn next_hcall(&self) -> Option<&Hcall> {
        match &self.stage {
            Stage::Handle(_, handler) => handler.next_hcall(),
            Stage::Accept | Stage::Finish(_) => None,
        }
    }

    /// Hashes where it stands.
    pub(crate) fn hash_canonical(&self, canonical: &mut CanonicalHasher<'_>) {
        self.failures.hash(&mut canonical.hasher);
        match &self.stage {
            Stage::Accept => 0u8.hash(&mut canonical.hasher),
            Stage::Finish(_) => 1u8.hash(&mut canonical.hasher),
            Stage::Handle(_, handler) => canonical.runner(Some(handler)),
        }
    }

    fn accept<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>) -> Progress {
        let result = cx.hcall(Side::Mgmt, &Hcall::Xirr, Subject::Channel);
        if let Some(wait) = self.failed(cx, result) {
            look_at_queue(cx);
            return wait;
        }
        // The low order 4 bytes of R4 (LoPAR, H_XIRR).
        let xirr = Xirr(result.r4 as u32);
        if xirr.source().is_none() {
            return Progress::Block { until_ns: None, why: Waiting::Work };
        }
        self.stage = Stage::Handle(xirr, CallRunner::start(cx, Input::Interrupt));
        Progress::Again
    }

    fn handle<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        xirr: Xirr,
        mut handler: CallRunner,
    ) -> Progress {
        match handler.step(cx, &mut User::default()) {
            CallProgress::Done(_) => self.finish(cx, xirr),
            CallProgress::Again => {
                self.stage = Stage::Handle(xirr, handler);
                Progress::Again
            }
            CallProgress::Block { until_ns } => {
                self.stage = Stage::Handle(xirr, handler);
                Progress::Block { until_ns, why: Waiting::Call }
            }
        }
    }

    fn finish<P: Setup, R: Runtime>(&mut self, cx: &mut Context<'_, P, R>, xirr: Xirr) -> Progress {
        let result = cx.hcall(Side::Mgmt, &Hcall::Eoi { xirr }, Subject::Channel);
        // The bottom half may have run and ended already. A message that came after that and before the H_EOI
        // gave no interrupt, so the queue is looked at once more (LoPAR, CRQ Facility Interrupt Notification).
        look_at_queue(cx);
        match self.failed(cx, result) {
            Some(wait) => {
                self.stage = Stage::Finish(xirr);
                wait
            }
            None => Progress::Again,
        }
    }

    /// How to wait before a call that failed is made again; `None` when it succeeded or is given up.
    fn failed<P: Setup, R: Runtime>(
        &mut self,
        cx: &Context<'_, P, R>,
        result: HcallReturn,
    ) -> Option<Progress> {
        self.failures += 1;
        if result.code.is_success() || self.failures == MAX_TRIES {
            self.failures = 0;
            return None;
        }
        let until_ns = Some(cx.now_ns().saturating_add(RETRY_NS));
        Some(Progress::Block { until_ns, why: Waiting::Work })
    }
}

/// Has the bottom half run once more.
fn look_at_queue<P: Setup, R: Runtime>(cx: &Context<'_, P, R>) {
    cx.world.kernel.lock().bottom_half_due = true;
    cx.runtime.wake(ActivityId::BOTTOM_HALF);
}
