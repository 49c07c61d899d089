//! What scripts do as the machine's operator.

use super::App;
use crate::backend::Setup;
use crate::context::Context;
use crate::orders::ServiceOrder;
use crate::runtime::{ActivityId, Progress, Runtime};
use crate::script::Machine;
use crate::world::TaskRequest;
use std::sync::atomic::Ordering;
use vmc_trace::{ActorId, Event, OperatorAct, Side};

impl App {
    /// Records what a script does as the machine's operator.
    pub(super) fn announce<P: Setup, R: Runtime>(
        &self,
        cx: &mut Context<'_, P, R>,
        act: OperatorAct,
    ) {
        if self.actor != ActorId::Platform {
            cx.record(|| Event::Operator(act));
        }
    }

    pub(super) fn start_machine<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        machine: Machine,
    ) -> Progress {
        match machine {
            Machine::Driver => {
                self.announce(cx, OperatorAct::Start(Side::Mgmt));
                probe(cx);
            }
            Machine::Hypervisor => {
                self.announce(cx, OperatorAct::Start(Side::Hyp));
                order_service(cx, ServiceOrder::Start);
            }
        }
        self.done()
    }

    pub(super) fn stop_machine<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        machine: Machine,
    ) -> Progress {
        match machine {
            Machine::Driver => {
                self.announce(cx, OperatorAct::Stop(Side::Mgmt));
                cx.world.kernel.lock().tasks.push_back(TaskRequest::Remove);
                cx.runtime.wake(ActivityId::TASK);
            }
            Machine::Hypervisor => {
                self.announce(cx, OperatorAct::Stop(Side::Hyp));
                order_service(cx, ServiceOrder::Stop);
            }
        }
        self.done()
    }

    /// Has the hypervisor's side leave its queue alone, or look at it again.
    pub(super) fn pause_hypervisor<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        paused: bool,
    ) -> Progress {
        self.announce(
            cx,
            match paused {
                true => OperatorAct::PauseHypervisor,
                false => OperatorAct::ResumeHypervisor,
            },
        );
        pause(cx, Side::Hyp, paused);
        self.done()
    }

    pub(super) fn attach_hmc<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        attached: bool,
    ) -> Progress {
        self.announce(
            cx,
            match attached {
                true => OperatorAct::AttachHmc,
                false => OperatorAct::DetachHmc,
            },
        );
        attach_hmc(cx, attached);
        self.done()
    }

    /// A device that was requested shows up in the device tree.
    pub(super) fn device_appeared<P: Setup, R: Runtime>(&self, cx: &mut Context<'_, P, R>) {
        probe(cx);
        cx.runtime.wake(ActivityId::SERVICE);
    }
}

/// Has the driver probe the device, if there is one.
pub(crate) fn probe<P: Setup, R: Runtime>(cx: &Context<'_, P, R>) {
    if let Some(node) = cx.world.hypervisor.vmc_node() {
        cx.world.kernel.lock().tasks.push_back(TaskRequest::Probe(Box::new(node)));
        cx.runtime.wake(ActivityId::TASK);
    }
}

pub(crate) fn order_service<P: Setup, R: Runtime>(cx: &Context<'_, P, R>, order: ServiceOrder) {
    cx.world.orders.give([order]);
    cx.runtime.wake(ActivityId::SERVICE);
}

/// The VMC is disabled while an HMC is attached: the hypervisor's side deregisters. An HMC that is detached gives the
/// channel back: the hypervisor's side registers again, unless the operator has stopped it.
pub(crate) fn attach_hmc<P: Setup, R: Runtime>(cx: &Context<'_, P, R>, attached: bool) {
    cx.world.hypervisor.set_hmc_attached(attached);
    order_service(cx, if attached { ServiceOrder::GiveUp } else { ServiceOrder::TakeBack });
}

/// Has a side leave its queue alone, or look at it again.
pub(crate) fn pause<P: Setup, R: Runtime>(cx: &Context<'_, P, R>, side: Side, paused: bool) {
    match (side, paused) {
        (Side::Hyp, true) => order_service(cx, ServiceOrder::Pause),
        (Side::Hyp, false) => order_service(cx, ServiceOrder::Resume),
        (Side::Mgmt, paused) => {
            cx.world.driver_paused.store(paused, Ordering::Release);
            // The interrupts of what arrived meanwhile are gone.
            cx.world.kernel.lock().bottom_half_due = true;
            cx.runtime.wake(ActivityId::BOTTOM_HALF);
        }
    }
}
