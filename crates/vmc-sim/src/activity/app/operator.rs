//! What scripts do as the machine's operator.

use super::App;
use crate::context::Context;
use crate::runtime::{ActivityId, Progress, Runtime};
use crate::script::{Machine, ServiceCommand};
use crate::world::TaskRequest;
use phyp::Platform;
use vmc_trace::{Actor, Event};

impl App {
    /// Records what a script does as the machine's operator.
    pub(super) fn announce<P: Platform, R: Runtime>(&self, cx: &mut Context<'_, P, R>, what: &str) {
        if self.actor != Actor::Platform {
            cx.record(|| Event::Operator(String::from(what)));
        }
    }

    pub(super) fn start_machine<P: Platform, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        machine: Machine,
    ) -> Progress {
        match machine {
            Machine::Driver => {
                self.announce(cx, "start the driver");
                probe(cx);
            }
            Machine::Hypervisor => {
                self.announce(cx, "start the hypervisor's side");
                command_service(cx, ServiceCommand::Start);
            }
        }
        self.done()
    }

    pub(super) fn stop_machine<P: Platform, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        machine: Machine,
    ) -> Progress {
        match machine {
            Machine::Driver => {
                self.announce(cx, "remove the driver");
                cx.world.kernel.lock().tasks.push_back(TaskRequest::Remove);
                cx.runtime.wake(ActivityId::TASK);
            }
            Machine::Hypervisor => {
                self.announce(cx, "stop the hypervisor's side");
                command_service(cx, ServiceCommand::Stop);
            }
        }
        self.done()
    }

    /// Has the hypervisor's side leave its queue alone, or look at it again.
    pub(super) fn pause_hypervisor<P: Platform, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        paused: bool,
    ) -> Progress {
        let (what, command) = match paused {
            true => ("pause the hypervisor's side", ServiceCommand::Pause),
            false => ("resume the hypervisor's side", ServiceCommand::Resume),
        };
        self.announce(cx, what);
        command_service(cx, command);
        self.done()
    }

    /// The VMC is disabled while an HMC is attached: the hypervisor's side deregisters.
    pub(super) fn attach_hmc<P: Platform, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        attached: bool,
    ) -> Progress {
        self.announce(cx, if attached { "attach an HMC" } else { "detach the HMC" });
        cx.world.hypervisor.set_hmc_attached(attached);
        if attached {
            command_service(cx, ServiceCommand::Stop);
        }
        self.done()
    }

    /// A device that was requested shows up in the device tree.
    pub(super) fn device_appeared<P: Platform, R: Runtime>(&self, cx: &mut Context<'_, P, R>) {
        probe(cx);
        cx.runtime.wake(ActivityId::SERVICE);
    }
}

/// Has the driver probe the device, if there is one.
pub(crate) fn probe<P: Platform, R: Runtime>(cx: &Context<'_, P, R>) {
    if let Some(node) = cx.world.hypervisor.vmc_node() {
        cx.world.kernel.lock().tasks.push_back(TaskRequest::Probe(Box::new(node)));
        cx.runtime.wake(ActivityId::TASK);
    }
}

pub(crate) fn command_service<P: Platform, R: Runtime>(
    cx: &Context<'_, P, R>,
    command: ServiceCommand,
) {
    cx.world.desk.lock().service_commands.push_back(command);
    cx.runtime.wake(ActivityId::SERVICE);
}
