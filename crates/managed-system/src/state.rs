//! States of partitions and of the system, and the edges between them (management reference, section 3.2).

use std::fmt;

/// State of a partition, as managers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartitionState {
    /// It is defined, and off.
    NotActivated,
    /// It was powered on; its firmware is being loaded.
    Starting,
    /// Its firmware or its operating system is up.
    Running,
    /// Its firmware waits for orders: a menu was asked for, or there is nothing to boot from.
    OpenFirmware,
    /// Its operating system is being shut down.
    ShuttingDown,
    /// It could not be activated, could not boot, or its operating system has crashed.
    Error,
    /// The system is off.
    NotAvailable,
}

use PartitionState::{
    Error, NotActivated, NotAvailable, OpenFirmware, Running, ShuttingDown, Starting,
};

/// Every change of state that there is, with what makes it.
pub const PARTITION_EDGES: &[(PartitionState, PartitionState, &str)] = &[
    (NotActivated, Starting, "power on"),
    (NotActivated, NotAvailable, "the system goes off"),
    (Starting, Running, "the firmware is loaded"),
    (Starting, Error, "resources are missing, the boot fails, or it crashes"),
    (Starting, NotActivated, "power off"),
    (Starting, NotAvailable, "the system goes off"),
    (Running, OpenFirmware, "a menu was asked for, or there is nothing to boot from"),
    (Running, ShuttingDown, "power off by the operating system"),
    (Running, NotActivated, "power off while the firmware runs, or hard"),
    (Running, Starting, "a dump, then a restart"),
    (Running, Error, "the boot fails, or it crashes"),
    (Running, NotAvailable, "the system goes off"),
    (OpenFirmware, NotActivated, "power off"),
    (OpenFirmware, Error, "it crashes"),
    (OpenFirmware, NotAvailable, "the system goes off"),
    (ShuttingDown, NotActivated, "the operating system is down, or hard power off"),
    (ShuttingDown, Running, "the operating system did not stop in time"),
    (ShuttingDown, Error, "it crashes"),
    (ShuttingDown, NotAvailable, "the system goes off"),
    (Error, NotActivated, "hard power off"),
    (Error, Starting, "a dump, then a restart"),
    (Error, NotAvailable, "the system goes off"),
    (NotAvailable, NotActivated, "the system comes up"),
];

impl PartitionState {
    /// Every state.
    pub const ALL: [PartitionState; 7] =
        [NotActivated, Starting, Running, OpenFirmware, ShuttingDown, Error, NotAvailable];

    /// Its name in REST documents.
    pub fn name(self) -> &'static str {
        match self {
            NotActivated => "not activated",
            Starting => "starting",
            Running => "running",
            OpenFirmware => "open firmware",
            ShuttingDown => "shutting down",
            Error => "error",
            NotAvailable => "not available",
        }
    }

    /// Whether an edge leads there.
    pub fn may_become(self, next: PartitionState) -> bool {
        PARTITION_EDGES.iter().any(|(from, to, _)| (*from, *to) == (self, next))
    }

    /// Whether the partition has been powered on and not off since: its definition's limits are fixed, and it cannot be
    /// deleted.
    pub fn is_active(self) -> bool {
        matches!(self, Starting | Running | OpenFirmware | ShuttingDown | Error)
    }
}

impl fmt::Display for PartitionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// State of the connection to a partition's operating system (Resource Monitoring and Control).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RmcState {
    /// The operating system has none.
    None,
    /// There is no connection now.
    #[default]
    Inactive,
    /// The operating system can be asked and told.
    Active,
}

impl RmcState {
    /// Its name in REST documents and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            RmcState::None => "none",
            RmcState::Inactive => "inactive",
            RmcState::Active => "active",
        }
    }
}

impl fmt::Display for RmcState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// State of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SystemState {
    /// It is off; its service processor listens.
    PowerOff,
    /// The hypervisor is being loaded.
    Initializing,
    /// The hypervisor is up and starts no partition by itself.
    Standby,
    /// The hypervisor is up.
    Operating,
    /// It is going down.
    PoweringOff,
}

/// Every change of the system's state that there is, with what makes it.
pub const SYSTEM_EDGES: &[(SystemState, SystemState, &str)] = &[
    (SystemState::PowerOff, SystemState::Initializing, "power on"),
    (SystemState::Initializing, SystemState::Standby, "the hypervisor is up, on standby"),
    (SystemState::Initializing, SystemState::Operating, "the hypervisor is up"),
    (SystemState::Standby, SystemState::Operating, "a partition is powered on"),
    (SystemState::Standby, SystemState::PoweringOff, "power off"),
    (SystemState::Operating, SystemState::PoweringOff, "power off"),
    (SystemState::PoweringOff, SystemState::PowerOff, "the hypervisor is down"),
];

impl SystemState {
    /// Every state.
    pub const ALL: [SystemState; 5] = [
        SystemState::PowerOff,
        SystemState::Initializing,
        SystemState::Standby,
        SystemState::Operating,
        SystemState::PoweringOff,
    ];

    /// Its name in REST documents.
    pub fn name(self) -> &'static str {
        match self {
            SystemState::PowerOff => "power off",
            SystemState::Initializing => "initializing",
            SystemState::Standby => "standby",
            SystemState::Operating => "operating",
            SystemState::PoweringOff => "powering off",
        }
    }

    /// Whether an edge leads there.
    pub fn may_become(self, next: SystemState) -> bool {
        SYSTEM_EDGES.iter().any(|(from, to, _)| (*from, *to) == (self, next))
    }

    /// Whether the hypervisor is up.
    pub fn is_up(self) -> bool {
        matches!(self, SystemState::Standby | SystemState::Operating)
    }
}

impl fmt::Display for SystemState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
