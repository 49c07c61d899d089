//! What scripts wait for.

use super::App;
use crate::backend::Setup;
use crate::context::Context;
use crate::guest_driver::{GuestDriver, IndexView};
use crate::runtime::{Progress, Runtime};
use crate::script::{Condition, ProcessTable};
use crate::world::{WakeCondition, World};
use ibmvmc::{ChannelState, FileId, Profile, SessionState};
use vmc_trace::{Event, FileNumber, Waiting};

impl App {
    pub(super) fn wait<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        condition: &Condition,
    ) -> Progress {
        if self.holds(cx, condition) {
            return self.waited(cx, condition);
        }
        Progress::Block { until_ns: None, why: Waiting::State }
    }

    /// The same, but no longer than patience lasts.
    pub(super) fn wait_briefly<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        condition: &Condition,
        patience_ns: u64,
    ) -> Progress {
        if self.holds(cx, condition) {
            return self.waited(cx, condition);
        }
        self.sleep(cx.now_ns(), patience_ns)
    }

    /// The wait is over. What ended a session comes before what the thread does next.
    fn waited<P: Setup, R: Runtime>(
        &mut self,
        cx: &mut Context<'_, P, R>,
        condition: &Condition,
    ) -> Progress {
        if let Condition::SessionEnded { file } = condition {
            let file = cx.world.process_table.lock().file_even_closed(self.process, file);
            file.into_iter().for_each(|id| cx.record(|| Event::SawEnd(FileNumber(id.number()))));
        }
        self.done()
    }

    /// Whether a condition holds; if not, the thread is woken when it may hold.
    pub(super) fn holds<P: Setup, R: Runtime>(
        &self,
        cx: &Context<'_, P, R>,
        condition: &Condition,
    ) -> bool {
        let mut process_table = cx.world.process_table.lock();
        if let Some(holds) = hypervisor_condition(&process_table, condition) {
            if !holds {
                process_table.watch(cx.me);
            }
            return holds;
        }
        let file = self.file_of(&process_table, condition);
        drop(process_table);
        let mut kernel = cx.world.kernel.lock();
        let holds = driver_condition(&kernel.driver, condition, file);
        if !holds {
            let watch = watch_for(&kernel.driver, condition, file);
            kernel.watch(cx.me, watch);
        }
        holds
    }

    /// The same without a wake-up later.
    pub(super) fn is_met<P: Setup>(&self, world: &World<P>, condition: &Condition) -> bool {
        let process_table = world.process_table.lock();
        if let Some(holds) = hypervisor_condition(&process_table, condition) {
            return holds;
        }
        let file = self.file_of(&process_table, condition);
        drop(process_table);
        driver_condition(&world.kernel.lock().driver, condition, file)
    }

    fn file_of(&self, process_table: &ProcessTable, condition: &Condition) -> Option<FileId> {
        process_table.file(self.process, condition.file()?)
    }
}

/// Which changes of the driver may make a condition hold.
pub(crate) fn watch_for(
    driver: &impl GuestDriver,
    condition: &Condition,
    file: Option<FileId>,
) -> WakeCondition {
    match (condition, file) {
        // The end of a task is no change of state.
        (Condition::DriverStarted, _) if greets_absent_partner(driver) => WakeCondition::Anything,
        (
            Condition::SessionReady { .. }
            | Condition::SessionSettled { .. }
            | Condition::SessionEnded { .. },
            Some(file),
        ) => WakeCondition::Session(file),
        (
            Condition::ChannelReady
            | Condition::ChannelDown
            | Condition::ChannelNegotiating
            | Condition::ChannelFailed
            | Condition::DriverStarted
            | Condition::DriverStopped,
            _,
        ) => WakeCondition::Channel,
        _ => WakeCondition::Anything,
    }
}

/// Whether a condition of the hypervisor's side holds; `None` for one of the driver.
fn hypervisor_condition(process_table: &ProcessTable, condition: &Condition) -> Option<bool> {
    use phyp::vmc::ChannelState;
    match condition {
        Condition::HypervisorStarted => Some(process_table.service_state > ChannelState::Starting),
        Condition::HypervisorWaiting => {
            Some(process_table.service_state == ChannelState::WaitingForInit)
        }
        Condition::HypervisorStopped => Some(process_table.service_state == ChannelState::Stopped),
        Condition::HypervisorPaused => Some(process_table.service_paused),
        _ => None,
    }
}

/// Whether the driver sends INIT after it has registered, even without a partner: it has started only then.
fn greets_absent_partner(driver: &impl GuestDriver) -> bool {
    driver.profile() == Profile::Linux
}

/// Whether a condition of the driver holds; one of the hypervisor's side does not.
pub(crate) fn driver_condition(
    driver: &impl GuestDriver,
    condition: &Condition,
    file: Option<FileId>,
) -> bool {
    let session = || {
        let of_file = |view: &IndexView| view.file.is_some() && view.file == file;
        driver.indexes().find(of_file)
    };
    let session_state = || session().and_then(|view| view.session).map(|(_, state)| state);
    match condition {
        Condition::ChannelReady => driver.state() == ChannelState::Ready,
        Condition::ChannelDown => {
            matches!(driver.state(), ChannelState::CrqInit | ChannelState::Initial)
        }
        Condition::ChannelNegotiating => {
            matches!(driver.state(), ChannelState::Capabilities | ChannelState::Seeding)
        }
        Condition::ChannelFailed => driver.state() == ChannelState::Failed,
        Condition::DriverStarted => {
            let is_down = ChannelState::Initial == driver.state()
                || ChannelState::ResetScheduled == driver.state();
            let is_about_to_greet = greets_absent_partner(driver) && driver.has_task();
            !is_down && !is_about_to_greet
        }
        Condition::DriverStopped => driver.state() == ChannelState::Initial,
        Condition::HypervisorStarted
        | Condition::HypervisorWaiting
        | Condition::HypervisorStopped
        | Condition::HypervisorPaused => false,
        Condition::Seeded => {
            driver.state() == ChannelState::Ready
                && driver.indexes().all(|view| {
                    view.is_free
                        || view.session.is_some_and(|(_, state)| state != SessionState::Closing)
                })
        }
        Condition::SessionReady { .. } => session_state() == Some(SessionState::Ready),
        Condition::SessionSettled { .. } => {
            !matches!(session_state(), Some(SessionState::Starting | SessionState::Opening))
        }
        Condition::SessionEnded { .. } => session_state().is_none(),
        Condition::Readable { .. } => session().is_some_and(|view| view.unread > 0),
    }
}

/// Whether `poll()` has something to report of a file: a message waits, or its session is over.
pub(crate) fn has_report(driver: &impl GuestDriver, file: FileId) -> bool {
    let of_file = |view: &IndexView| view.file == Some(file);
    let session = driver.indexes().find(of_file);
    session.is_none_or(|view| view.unread > 0 || view.session.is_none())
}
