//! Partitions start, run, stop and fail (management reference, sections 3.2, 3.3 and 3.6).

use crate::codes::{self, Code};
use crate::config::Timings;
use crate::definition::{BootMode, OperatingSystem, PartitionType};
use crate::events::{Property, StateChange};
use crate::ids::{PartitionId, SessionId};
use crate::jobs::{Failure, JobKind, JobStatus};
use crate::partition::{Boot, BootFault, Phase};
use crate::refusal::{Named, Refusal};
use crate::request::{Outcome, PowerOff};
use crate::resources::TooLittle;
use crate::state::{PartitionState, RmcState};
use crate::system::{Due, System};
use std::time::Duration;

impl System {
    pub(crate) fn power_on(
        &mut self,
        id: PartitionId,
        profile: Option<&str>,
        boot_mode: Option<BootMode>,
        session: Option<SessionId>,
    ) -> Result<Outcome, Refusal> {
        let partition = self.partition(id)?;
        let state = partition.state();
        if state != PartitionState::NotActivated {
            return Err(Refusal::AlreadyActive { partition: id, state });
        }
        let configuration = match profile {
            Some(name) => {
                let found = partition.profile(name).cloned();
                let (what, name) = (Named::Profile, name.to_owned());
                let configuration =
                    found.ok_or(Refusal::NoSuchName { what, name: name.clone() })?;
                self.check_slots(id, configuration.max_slots)?;
                Some((name, configuration))
            }
            None => None,
        };
        self.leave_standby();
        self.let_end_of(id);
        let job = self.start_job(JobKind::PowerOn(id), session);
        if let Some(partition) = self.partitions.get_mut(&id) {
            partition.job = Some(job);
            if let Some((name, configuration)) = configuration {
                partition.configuration = configuration;
                partition.last_profile = Some(name);
            }
            let mode = boot_mode.unwrap_or(partition.configuration.boot_mode);
            self.begin(id, mode);
        }
        Ok(Outcome::Job(job))
    }

    pub(crate) fn power_off(
        &mut self,
        id: PartitionId,
        how: PowerOff,
        restart: bool,
        session: Option<SessionId>,
    ) -> Result<Outcome, Refusal> {
        let partition = self.partition(id)?;
        let state = partition.state();
        if state == PartitionState::NotActivated {
            return Err(Refusal::AlreadyOff { partition: id });
        }
        if partition.is_management {
            return Err(Refusal::ManagementPartition { partition: id, what: "powered off" });
        }
        let timings = &self.config.timings;
        let (phase, is_dump) = (partition.phase, how == PowerOff::DumpRestart);
        // How long its operating system takes to stop; none if it stops at once.
        let lasts = match how {
            PowerOff::OperatingSystem { immediate } => {
                let can_be_told = partition.rmc == RmcState::Active
                    || matches!(phase, Phase::Up(_)) && partition.kind == PartitionType::IbmI;
                if !can_be_told {
                    let rmc = partition.rmc;
                    return Err(Refusal::NoRmc { partition: id, rmc, state });
                }
                Some(if immediate { timings.immediate_shutdown } else { timings.shutdown })
            }
            PowerOff::Normal => match phase {
                Phase::Up(_) => Some(timings.shutdown),
                Phase::Hung(_) => Some(timings.shutdown_limit),
                Phase::Stopping { .. } => return Err(Refusal::ShuttingDown { partition: id }),
                Phase::Failed(_) => return Err(Refusal::InError { partition: id }),
                _ => None,
            },
            PowerOff::Hard => None,
            PowerOff::DumpRestart => match phase {
                Phase::Up(_) | Phase::Hung(_) | Phase::Failed(Some(_)) => None,
                _ => return Err(Refusal::NothingToDump { partition: id, state }),
            },
        };
        let mode = phase.mode().unwrap_or(partition.configuration.boot_mode);
        self.break_job_of(id, JobStatus::Failed(Failure::PoweredOff));
        let restarts = restart || is_dump;
        let kind = if restarts { JobKind::Restart(id) } else { JobKind::PowerOff(id) };
        let job = self.start_job(kind, session);
        if let Some(partition) = self.partitions.get_mut(&id) {
            partition.job = Some(job);
        }
        match lasts {
            Some(lasts) => {
                let hung = matches!(phase, Phase::Hung(_));
                let stopping = Phase::Stopping { restart, mode, hung };
                self.set_phase(id, stopping, Some(lasts), &[(codes::SHUTS_DOWN, 0)]);
            }
            None if is_dump => {
                self.set_codes(id, &[(codes::DUMPS, 0)]);
                self.begin(id, mode);
            }
            None => match self.job_fails(id).filter(|_| !restart) {
                Some(code) => {
                    self.set_codes(id, &[(code, 0)]);
                    self.end_job_of(id, JobStatus::Failed(Failure::NotStopped { code }));
                }
                None => self.goes_off(id, restart.then_some(mode)),
            },
        }
        Ok(Outcome::Job(job))
    }

    /// A partition begins to start, unless its resources are missing: then it fails at once.
    pub(crate) fn begin(&mut self, id: PartitionId, mode: BootMode) {
        let Some(partition) = self.partitions.get_mut(&id) else { return };
        let boot = Boot { mode, fault: partition.boot_fault.take() };
        let configuration = partition.configuration.clone();
        let start = self.config.timings.start;
        let progress = [(codes::ACTIVATES, 0), (codes::ASSIGNS, 0)];
        self.set_phase(id, Phase::Starting(boot), Some(start), &progress);
        if let Err(TooLittle { resource, wanted, free }) = self.activate(id, &configuration) {
            let word2 = u32::from(id.0);
            self.set_phase(id, Phase::Failed(None), None, &[(codes::ACTIVATION_FAILED, word2)]);
            let failure = Failure::NotEnough { resource, wanted, free };
            self.end_job_of(id, JobStatus::Failed(failure));
        }
    }

    /// A partition is up at once, when the model begins.
    pub(crate) fn start_at_once(&mut self, id: PartitionId) -> Result<(), Refusal> {
        let configuration = self.partition(id)?.configuration.clone();
        self.activate(id, &configuration).map_err(|TooLittle { resource, wanted, free }| {
            Refusal::NotEnough { resource, wanted, free }
        })?;
        self.is_running_at_once(id);
        Ok(())
    }

    /// A partition that has its resources has been running for long.
    pub(crate) fn is_running_at_once(&mut self, id: PartitionId) {
        let boot = Boot { mode: BootMode::Normal, fault: None };
        self.set_phase(id, Phase::Starting(boot), None, &[]);
        self.set_phase(id, Phase::Firmware(boot), None, &[]);
        self.is_up(id, BootMode::Normal);
        self.set_timer(id, None);
        self.rmc_is_up(id);
    }

    /// The time of a partition's phase is over.
    pub(crate) fn partition_is_due(&mut self, id: PartitionId) {
        let Some(partition) = self.partitions.get_mut(&id) else { return };
        partition.timer = None;
        let Timings { firmware, boot: boots, .. } = self.config.timings;
        match partition.phase {
            Phase::Starting(boot) => {
                let phase = Phase::Firmware(boot);
                self.set_phase(id, phase, Some(firmware), &[(codes::FIRMWARE, 0)]);
            }
            Phase::Firmware(boot) => {
                let found =
                    self.finds_boot_device(id) && boot.fault != Some(BootFault::FindsNoDevice);
                let menu = match boot.mode {
                    BootMode::SystemManagementServices => Some(codes::MENU),
                    mode if mode.is_firmware() || !found => Some(codes::PROMPT),
                    _ => None,
                };
                let own = (boot.fault == Some(BootFault::Fails)).then_some(codes::BOOT_FAILED);
                if let Some(code) = self.job_fails(id).or(own) {
                    return self.fails(id, code, Failure::BootFailed { code });
                }
                match menu {
                    Some(code) => {
                        let shown = [(codes::LOOKS_FOR_BOOT, 0), (code, 0)];
                        self.set_phase(id, Phase::Menu(boot.mode), None, &shown);
                    }
                    None => {
                        let shown = [(codes::LOOKS_FOR_BOOT, 0), (codes::BOOTS, 0)];
                        self.set_phase(id, Phase::Booting(boot), Some(boots), &shown);
                    }
                }
                self.end_job_of(id, JobStatus::Completed);
            }
            Phase::Booting(boot) if boot.fault == Some(BootFault::Hangs) => {
                self.set_phase(id, Phase::Hung(boot.mode), None, &[]);
            }
            Phase::Booting(boot) => self.is_up(id, boot.mode),
            Phase::Up(_) => self.rmc_is_up(id),
            Phase::Stopping { restart, mode, hung: false } => {
                match self.job_fails(id).filter(|_| !restart) {
                    Some(code) => {
                        self.set_phase(id, Phase::Hung(mode), None, &[(code, 0)]);
                        self.end_job_of(id, JobStatus::Failed(Failure::NotStopped { code }));
                    }
                    None => self.goes_off(id, restart.then_some(mode)),
                }
            }
            Phase::Stopping { mode, hung: true, .. } => {
                let code = codes::SHUTDOWN_FAILED;
                self.set_phase(id, Phase::Hung(mode), None, &[(code, 0)]);
                self.end_job_of(id, JobStatus::Failed(Failure::TimedOut { code }));
            }
            Phase::Off
            | Phase::Hung(_)
            | Phase::Menu(_)
            | Phase::Failed(_)
            | Phase::Unavailable => {}
        }
    }

    /// The operating system is up. Only one that was booted normally gets RMC.
    fn is_up(&mut self, id: PartitionId, mode: BootMode) {
        let Ok(partition) = self.partition(id) else { return };
        let shown =
            if partition.os == OperatingSystem::Linux { codes::LINUX } else { codes::QUIET };
        let has_rmc = mode == BootMode::Normal && partition.os != OperatingSystem::IbmI;
        let rmc = has_rmc.then_some(self.config.timings.rmc);
        self.set_phase(id, Phase::Up(mode), rmc, &[(shown, 0)]);
    }

    fn rmc_is_up(&mut self, id: PartitionId) {
        let Some(partition) = self.partitions.get_mut(&id) else { return };
        if partition.os != OperatingSystem::IbmI {
            partition.rmc = RmcState::Active;
            self.touch(id, &[Property::Rmc]);
        }
    }

    /// A partition fails. It keeps its resources until it is powered off.
    pub(crate) fn fails(&mut self, id: PartitionId, code: Code, failure: Failure) {
        let Ok(partition) = self.partition(id) else { return };
        let mode = partition.phase.mode();
        self.set_phase(id, Phase::Failed(mode), None, &[(code, 0)]);
        self.end_job_of(id, JobStatus::Failed(failure));
    }

    /// A partition is off, and starts again if it is to.
    fn goes_off(&mut self, id: PartitionId, then: Option<BootMode>) {
        self.set_phase(id, Phase::Off, None, &[(codes::OFF, 0)]);
        self.keep_for_now(id);
        match then {
            Some(mode) => self.begin(id, mode),
            None => self.end_job_of(id, JobStatus::Completed),
        }
    }

    /// Begins a phase, which lasts so long or until something ends it, and shows codes.
    pub(crate) fn set_phase(
        &mut self,
        id: PartitionId,
        phase: Phase,
        lasts: Option<Duration>,
        shown: &[(Code, u32)],
    ) {
        self.set_timer(id, lasts);
        let now = self.now;
        let Some(partition) = self.partitions.get_mut(&id) else { return };
        let (before, rmc_before) = (partition.state(), partition.rmc);
        partition.phase = phase;
        partition.rmc = System::rmc_at_rest(partition);
        shown.iter().for_each(|(code, word2)| partition.codes.show(now, *code, *word2));
        let after = partition.state();
        partition.running_since = match after {
            PartitionState::Running
            | PartitionState::OpenFirmware
            | PartitionState::ShuttingDown => partition.running_since.or(Some(now)),
            _ => None,
        };
        let mut properties = Vec::new();
        if before != after {
            properties.push(Property::State);
        }
        if rmc_before != partition.rmc {
            properties.push(Property::Rmc);
        }
        if !shown.is_empty() {
            properties.push(Property::ReferenceCode);
        }
        match (before.is_active(), after.is_active()) {
            (false, true) => self.totals.active_partitions += 1,
            (true, false) => self.totals.active_partitions -= 1,
            _ => {}
        }
        let change = (before != after).then_some(StateChange::Partition(before, after));
        self.changed(id, &properties, change);
    }

    /// Shows codes in the phase that is.
    pub(crate) fn set_codes(&mut self, id: PartitionId, shown: &[(Code, u32)]) {
        let now = self.now;
        let Some(partition) = self.partitions.get_mut(&id) else { return };
        shown.iter().for_each(|(code, word2)| partition.codes.show(now, *code, *word2));
        self.touch(id, &[Property::ReferenceCode]);
    }

    fn set_timer(&mut self, id: PartitionId, lasts: Option<Duration>) {
        let ends = lasts.map(|lasts| self.now.saturating_add(lasts));
        let Some(partition) = self.partitions.get_mut(&id) else { return };
        if let Some(before) = std::mem::replace(&mut partition.timer, ends) {
            self.timers.remove(&(before, Due::Partition(id)));
        }
        if let Some(ends) = ends {
            self.timers.insert((ends, Due::Partition(id)));
        }
    }
}

impl Phase {
    /// How the partition was started.
    fn mode(self) -> Option<BootMode> {
        match self {
            Phase::Off | Phase::Unavailable => None,
            Phase::Starting(boot) | Phase::Firmware(boot) | Phase::Booting(boot) => Some(boot.mode),
            Phase::Up(mode) | Phase::Hung(mode) | Phase::Menu(mode) => Some(mode),
            Phase::Stopping { mode, .. } => Some(mode),
            Phase::Failed(mode) => mode,
        }
    }
}
