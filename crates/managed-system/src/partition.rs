//! A partition: its definition, and what is the case with it now.

use crate::amounts::Assignment;
use crate::codes::{self, Code, Codes, ReferenceCode};
use crate::definition::{
    BootMode, Configuration, OperatingSystem, PartitionDefinition, PartitionType,
};
use crate::ids::{JobId, Object, PartitionId, Slot, Uuid, Version};
use crate::slots::Adapter;
use crate::state::{PartitionState, RmcState};
use crate::storage::Storage;
use crate::table::Table;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Partition {
    pub(crate) id: PartitionId,
    pub(crate) uuid: Uuid,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) kind: PartitionType,
    pub(crate) os: OperatingSystem,
    pub(crate) is_management: bool,
    pub(crate) physical_boot_device: bool,
    pub(crate) configuration: Configuration,
    pub(crate) profiles: Table<String, Configuration>,
    pub(crate) last_profile: Option<String>,
    pub(crate) adapters: Table<Slot, Adapter>,
    /// What a Virtual I/O Server has.
    pub(crate) storage: Option<Box<Storage>>,
    pub(crate) version: Version,

    // What follows is not stored.
    #[serde(skip)]
    pub(crate) phase: Phase,
    /// When the phase ends by itself.
    #[serde(skip)]
    pub(crate) timer: Option<Duration>,
    #[serde(skip)]
    pub(crate) rmc: RmcState,
    #[serde(skip)]
    pub(crate) running_since: Option<Duration>,
    #[serde(skip)]
    pub(crate) codes: Codes,
    #[serde(skip)]
    pub(crate) holding: Holding,
    #[serde(skip)]
    pub(crate) assignment: Assignment,
    /// The job that the phase is part of.
    #[serde(skip)]
    pub(crate) job: Option<JobId>,
    #[serde(skip)]
    pub(crate) terminal_open: bool,
    #[serde(skip)]
    pub(crate) boot_fault: Option<BootFault>,
}

/// What a partition does: the finer form of its state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    #[default]
    Off,
    /// Its firmware is loaded.
    Starting(Boot),
    /// Its firmware runs.
    Firmware(Boot),
    /// Its operating system comes up.
    Booting(Boot),
    /// Its operating system is up.
    Up(BootMode),
    /// Its operating system does nothing any more.
    Hung(BootMode),
    /// Its firmware waits.
    Menu(BootMode),
    /// Its operating system goes down.
    Stopping { restart: bool, mode: BootMode, hung: bool },
    /// It failed; in which mode it was started, if it was.
    Failed(Option<BootMode>),
    /// The system is off.
    Unavailable,
}

/// How a start goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Boot {
    pub(crate) mode: BootMode,
    pub(crate) fault: Option<BootFault>,
}

/// What is to go wrong with the next start of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BootFault {
    /// It ends in the state error.
    Fails,
    /// It never ends: the operating system hangs while it comes up.
    Hangs,
    /// The firmware finds nothing to boot from.
    FindsNoDevice,
}

/// Whether a partition has resources, and may lose them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Holding {
    #[default]
    Nothing,
    /// It was powered on.
    Active,
    /// It was powered off at that version, and keeps what it had until another partition needs it.
    Idle(Version),
}

impl Partition {
    pub(crate) fn new(definition: &PartitionDefinition, id: PartitionId, uuid: Uuid) -> Partition {
        let mut profiles = Table::default();
        if let Some(name) = &definition.profile {
            profiles.insert(name.clone(), definition.configuration.clone());
        }
        Partition {
            id,
            uuid,
            name: definition.name.clone(),
            description: definition.description.clone(),
            kind: definition.kind,
            os: definition.os,
            is_management: false,
            physical_boot_device: definition.physical_boot_device
                || definition.kind == PartitionType::VirtualIoServer,
            configuration: definition.configuration.clone(),
            profiles,
            last_profile: None,
            adapters: Table::default(),
            storage: (definition.kind == PartitionType::VirtualIoServer).then(Box::default),
            version: Version(0),
            phase: Phase::Off,
            timer: None,
            rmc: RmcState::Inactive,
            running_since: None,
            codes: Codes::default(),
            holding: Holding::Nothing,
            assignment: Assignment::NONE,
            job: None,
            terminal_open: false,
            boot_fault: None,
        }
    }

    /// Its number.
    pub fn id(&self) -> PartitionId {
        self.id
    }

    /// Its identifier.
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// How events and errors name it.
    pub fn object(&self) -> Object {
        Object::Partition(self.id, self.uuid)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What people say about it.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Its type.
    pub fn kind(&self) -> PartitionType {
        self.kind
    }

    /// Its operating system.
    pub fn os(&self) -> OperatingSystem {
        self.os
    }

    /// Whether it is the one that manages the system.
    pub fn is_management(&self) -> bool {
        self.is_management
    }

    /// Whether it has a physical adapter with a disk to boot from.
    pub fn has_physical_boot_device(&self) -> bool {
        self.physical_boot_device
    }

    /// What it is defined to have: its current configuration.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Its profiles by name.
    pub fn profiles(&self) -> impl Iterator<Item = (&str, &Configuration)> {
        self.profiles.iter().map(|(name, configuration)| (name.as_str(), configuration))
    }

    /// One of its profiles.
    pub fn profile(&self, name: &str) -> Option<&Configuration> {
        self.profiles.get(&name.to_owned())
    }

    /// The profile that it was activated with last, or that was applied last.
    pub fn last_profile(&self) -> Option<&str> {
        self.last_profile.as_deref()
    }

    /// The same without what is kept for managers alone: the job that it is busy with, and its open terminal.
    #[must_use]
    pub fn without_managers(&self) -> Partition {
        Partition { job: None, terminal_open: false, ..self.clone() }
    }

    /// Its version: every change of the partition, of its adapters, its storage or its state takes the next.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Its state.
    pub fn state(&self) -> PartitionState {
        match self.phase {
            Phase::Off => PartitionState::NotActivated,
            Phase::Starting(_) => PartitionState::Starting,
            Phase::Firmware(_) | Phase::Booting(_) | Phase::Up(_) | Phase::Hung(_) => {
                PartitionState::Running
            }
            Phase::Menu(_) => PartitionState::OpenFirmware,
            Phase::Stopping { .. } => PartitionState::ShuttingDown,
            Phase::Failed(_) => PartitionState::Error,
            Phase::Unavailable => PartitionState::NotAvailable,
        }
    }

    /// State of the connection to its operating system.
    pub fn rmc(&self) -> RmcState {
        self.rmc
    }

    /// Whether what it has can change while it runs.
    pub fn can_change_while_active(&self) -> bool {
        self.rmc == RmcState::Active
    }

    /// What it has been given. A partition that is off keeps it until another one needs it.
    pub fn assignment(&self) -> Assignment {
        self.assignment
    }

    /// The code that it shows.
    pub fn reference_code(&self) -> Code {
        self.codes.iter().next().map_or(codes::OFF, |code| code.code)
    }

    /// The codes that it has shown, the newest first.
    pub fn reference_codes(&self) -> impl ExactSizeIterator<Item = &ReferenceCode> {
        self.codes.iter()
    }

    /// How long it has been running.
    pub fn uptime(&self, now: Duration) -> Duration {
        self.running_since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    /// Whether its virtual terminal is open.
    pub fn terminal_open(&self) -> bool {
        self.terminal_open
    }

    /// The job that it is busy with.
    pub fn job(&self) -> Option<JobId> {
        self.job
    }
}
