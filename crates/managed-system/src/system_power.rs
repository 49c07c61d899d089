//! The system itself: its name, powering it on and off, and how a model begins.

use crate::config::{Capacity, SystemConfig};
use crate::events::{EventKind, EventLog, Property, StateChange};
use crate::ids::{JobId, Object, PartitionId, SessionId, SwitchId, Version};
use crate::jobs::{Failure, JobFault, JobKind, JobStatus, Jobs};
use crate::limits::check_name;
use crate::networks::{DEFAULT_SWITCH, Networks, Switch, SwitchMode};
use crate::partition::{Partition, Phase};
use crate::refusal::{Named, Refusal};
use crate::request::Outcome;
use crate::resources::Totals;
use crate::state::{PartitionState, RmcState, SystemState};
use crate::system::{Due, System};
use crate::table::Table;
use std::collections::BTreeSet;
use std::time::Duration;
use thiserror::Error;

/// What the system does: the finer form of its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SystemPhase {
    Off,
    Initializing { standby: bool },
    Standby,
    Operating,
    PoweringOff { restart: bool },
}

impl SystemPhase {
    pub(crate) fn state(self) -> SystemState {
        match self {
            SystemPhase::Off => SystemState::PowerOff,
            SystemPhase::Initializing { .. } => SystemState::Initializing,
            SystemPhase::Standby => SystemState::Standby,
            SystemPhase::Operating => SystemState::Operating,
            SystemPhase::PoweringOff { .. } => SystemState::PoweringOff,
        }
    }
}

/// Why there can be no such system.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[expect(missing_docs, reason = "the message of each variant names its fields")]
pub enum ConfigError {
    #[error(
        "expected the logical memory block as a power of two from 16 to 4096 MB, got {lmb_mb} MB"
    )]
    Lmb { lmb_mb: u32 },
    #[error(
        "expected hypervisor memory < configurable memory ≤ installed memory, got {hypervisor} < {configurable} ≤ {installed} MB"
    )]
    Memory { hypervisor: u32, configurable: u32, installed: u32 },
    #[error(
        "expected 1 ≤ configurable processors ≤ installed processors, got {configurable} and {installed}"
    )]
    Processors { configurable: u16, installed: u16 },
    #[error("expected a least entitlement from 0.01 to 1.0 for a virtual processor, got {0}")]
    MinUnits(crate::ProcessorUnits),
    #[error(
        "expected room for partitions, and for processors of each, got {partitions} and {processors}"
    )]
    NoRoom { partitions: u16, processors: u16 },
    #[error("the system cannot have that name or that management partition: {0}")]
    Refused(#[from] Refusal),
}

impl Capacity {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let Capacity { lmb_mb, installed_processors, configurable_processors, .. } = *self;
        if !lmb_mb.is_power_of_two() || !(16..=4096).contains(&lmb_mb) {
            return Err(ConfigError::Lmb { lmb_mb });
        }
        let (hypervisor, configurable, installed) =
            (self.hypervisor_memory_mb, self.configurable_memory_mb, self.installed_memory_mb);
        if hypervisor >= configurable || configurable > installed {
            return Err(ConfigError::Memory { hypervisor, configurable, installed });
        }
        if !(1..=installed_processors).contains(&configurable_processors) {
            let (configurable, installed) = (configurable_processors, installed_processors);
            return Err(ConfigError::Processors { configurable, installed });
        }
        if !(1..=100).contains(&self.min_units_per_processor.0) {
            return Err(ConfigError::MinUnits(self.min_units_per_processor));
        }
        let (partitions, processors) = (self.max_partitions, self.max_processors_per_partition);
        if partitions == 0 || processors == 0 {
            return Err(ConfigError::NoRoom { partitions, processors });
        }
        Ok(())
    }
}

impl System {
    /// A system that is operating, with nothing on it but its management partition, which is running.
    pub fn new(config: SystemConfig) -> Result<System, ConfigError> {
        config.capacity.check()?;
        check_name(Named::System, &config.name)?;
        let management = config.management.clone();
        let mut system = System {
            now: Duration::ZERO,
            last_version: Version(1),
            version: Version(1),
            phase: SystemPhase::Operating,
            system_job: None,
            partitions: Table::default(),
            names: Table::default(),
            uuids: Table::default(),
            management: PartitionId(0),
            totals: Totals::default(),
            idle: BTreeSet::new(),
            timers: BTreeSet::new(),
            macs: Table::default(),
            networks: Networks::default(),
            jobs: Jobs::default(),
            log: EventLog::new(config.event_log),
            setting_up: false,
            next_job: JobFault::default(),
            config,
        };
        let switch = SwitchId(0);
        let default = Switch::new(switch, DEFAULT_SWITCH, SwitchMode::Veb, Version(1));
        system.networks.switches.insert(switch, default);
        if let Outcome::Partition(id, ..) = system.create_partition(&management)? {
            system.management = id;
            if let Some(partition) = system.partitions.get_mut(&id) {
                partition.is_management = true;
                partition.physical_boot_device = true;
            }
            system.begin_running(id)?;
        }
        Ok(system)
    }

    /// A partition that is off is running, as if it had been started long ago: for systems that begin with running
    /// partitions.
    pub fn begin_running(&mut self, id: PartitionId) -> Result<(), Refusal> {
        let partition = self.partition(id)?;
        let state = partition.state();
        if state != PartitionState::NotActivated {
            return Err(Refusal::AlreadyActive { partition: id, state });
        }
        self.start_at_once(id)
    }

    pub(crate) fn rename_system(&mut self, name: &str) -> Result<Outcome, Refusal> {
        check_name(Named::System, name)?;
        name.clone_into(&mut self.config.name);
        Ok(Outcome::Done(self.touch_system(&[Property::Name], None)))
    }

    pub(crate) fn system_on(
        &mut self,
        standby: bool,
        session: Option<SessionId>,
    ) -> Result<Outcome, Refusal> {
        match self.state() {
            SystemState::PowerOff => {}
            state => return Err(Refusal::SystemNotOff { state }),
        }
        let job = self.start_system_job(JobKind::SystemOn, session);
        self.initialize(standby);
        Ok(Outcome::Job(job))
    }

    pub(crate) fn system_off(
        &mut self,
        immediate: bool,
        restart: bool,
        session: Option<SessionId>,
    ) -> Result<Outcome, Refusal> {
        let state = self.state();
        if !state.is_up() {
            return Err(Refusal::SystemNotUp { state });
        }
        let management = self.partition(self.management).map(Partition::state);
        let management = usize::from(management.is_ok_and(|state| state.is_active()));
        let active = self.totals.active_partitions - management;
        if active > 0 && !immediate {
            return Err(Refusal::PartitionsActive { active });
        }
        let kind = if restart { JobKind::SystemRestart } else { JobKind::SystemOff };
        let job = self.start_system_job(kind, session);
        self.set_system(SystemPhase::PoweringOff { restart }, Some(self.config.timings.system_off));
        for id in self.partition_ids() {
            self.set_phase(id, Phase::Unavailable, None, &[]);
            self.give_up(id);
            self.break_job_of(id, JobStatus::Failed(Failure::SystemOff));
        }
        Ok(Outcome::Job(job))
    }

    fn initialize(&mut self, standby: bool) {
        let on = self.config.timings.system_on;
        self.set_system(SystemPhase::Initializing { standby }, Some(on));
    }

    pub(crate) fn system_is_due(&mut self) {
        match self.phase {
            SystemPhase::Initializing { standby } => {
                let phase = if standby { SystemPhase::Standby } else { SystemPhase::Operating };
                self.set_system(phase, None);
                let ids = self.partition_ids();
                ids.iter().for_each(|id| self.set_phase(*id, Phase::Off, None, &[]));
                if !standby {
                    ids.iter().for_each(|id| self.start_if_wanted(*id));
                }
                self.end_system_job();
            }
            SystemPhase::PoweringOff { restart } => {
                self.set_system(SystemPhase::Off, None);
                if restart { self.initialize(false) } else { self.end_system_job() }
            }
            SystemPhase::Off | SystemPhase::Standby | SystemPhase::Operating => {}
        }
    }

    /// Partitions start with the system if they are to; the management partition always does.
    fn start_if_wanted(&mut self, id: PartitionId) {
        if let Ok(partition) = self.partition(id)
            && (partition.configuration.auto_start || partition.is_management)
        {
            let mode = partition.configuration.boot_mode;
            self.begin(id, mode);
        }
    }

    fn start_system_job(&mut self, kind: JobKind, session: Option<SessionId>) -> JobId {
        if let Some(late) = self.system_job.take() {
            self.let_end(late);
        }
        let job = self.start_job(kind, session);
        self.system_job = Some(job);
        job
    }

    fn end_system_job(&mut self) {
        if let Some(job) = self.system_job
            && !self.hold(job, &JobStatus::Completed)
        {
            self.system_job = None;
            self.end_job(job, JobStatus::Completed);
        }
    }

    fn partition_ids(&self) -> Vec<PartitionId> {
        self.partitions.values().map(Partition::id).collect()
    }

    /// The first partition of a system on standby is powered on.
    pub(crate) fn leave_standby(&mut self) {
        if self.phase == SystemPhase::Standby {
            self.set_system(SystemPhase::Operating, None);
        }
    }

    fn set_system(&mut self, phase: SystemPhase, lasts: Option<Duration>) {
        let before = self.state();
        self.phase = phase;
        if let Some(lasts) = lasts {
            self.timers.insert((self.now.saturating_add(lasts), Due::System));
        }
        let change = StateChange::System(before, self.state());
        self.touch_system(&[Property::State], Some(change));
    }

    fn touch_system(&mut self, properties: &[Property], state: Option<StateChange>) -> Version {
        self.version = self.next_version();
        self.log.push(self.now, Object::System, EventKind::Changed, properties, state);
        self.version
    }

    /// State of RMC of a partition whose operating system is not up.
    pub(crate) fn rmc_at_rest(partition: &Partition) -> RmcState {
        match partition.os {
            crate::OperatingSystem::IbmI => RmcState::None,
            _ => RmcState::Inactive,
        }
    }
}
