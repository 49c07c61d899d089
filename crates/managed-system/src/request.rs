//! What a manager can ask for, and what it gets.

use crate::amounts::Amounts;
use crate::definition::{BootMode, Configuration, Keylock, PartitionDefinition, Processors};
use crate::ethernet::EthernetDefinition;
use crate::ids::{JobId, NetworkId, PartitionId, SessionId, Slot, SwitchId, Uuid, Version, VlanId};
use crate::jobs::JobFault;
use crate::networks::SwitchMode;
use crate::scsi::Backing;
use crate::slots::SlotChoice;
use std::collections::BTreeSet;

/// A manager asks for something.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// The session that asks, for the books of jobs.
    pub session: Option<SessionId>,
    /// The version that the manager has seen of the object which the operation concerns. If the object has changed since,
    /// the request is refused. Without one the request holds for any version.
    pub expected: Option<Version>,
    /// What it asks for.
    pub operation: Operation,
    /// What goes wrong with the job that it starts, if it starts one.
    pub fault: JobFault,
}

impl From<Operation> for Request {
    /// Without session and without condition.
    fn from(operation: Operation) -> Request {
        Request { session: None, expected: None, operation, fault: JobFault::default() }
    }
}

impl Request {
    /// The same, on condition that the object has that version.
    pub fn expecting(self, version: Version) -> Request {
        Request { expected: Some(version), ..self }
    }

    /// The same, from a session.
    pub fn from_session(self, session: SessionId) -> Request {
        Request { session: Some(session), ..self }
    }
}

/// How a partition is powered off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PowerOff {
    /// Its operating system is told by way of RMC, and shuts down.
    OperatingSystem {
        /// Without giving its programs time.
        immediate: bool,
    },
    /// The virtual service processor asks for it: an operating system that is up shuts down, firmware ends at once.
    Normal,
    /// At once, in any state.
    Hard,
    /// Its operating system writes a dump and starts again.
    DumpRestart,
}

/// What of a partition is to change; what is not said stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "as in `Configuration`")]
pub struct Change {
    pub description: Option<String>,
    pub memory_mb: Option<Amounts<u32>>,
    pub processors: Option<Processors>,
    pub max_slots: Option<u16>,
    pub availability_priority: Option<u8>,
    pub boot_mode: Option<BootMode>,
    pub keylock: Option<Keylock>,
    pub auto_start: Option<bool>,
    pub compatibility_mode: Option<String>,
    pub page_table_ratio: Option<u8>,
    pub secure_boot: Option<u8>,
}

/// What a manager can ask for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the fields are what the operation concerns, by their types")]
pub enum Operation {
    /// Gives the system another name.
    RenameSystem { name: String },
    /// Powers the system on; on standby no partition starts by itself.
    SystemOn { standby: bool },
    /// Powers the system off, immediately even while partitions run, and on again if wanted.
    SystemOff { immediate: bool, restart: bool },

    /// Defines a partition. It may have more than is free: that matters when it is activated.
    CreatePartition(Box<PartitionDefinition>),
    /// Deletes a partition that is off, with its adapters and the servers' ends of them.
    DeletePartition { partition: PartitionId },
    /// Gives a partition another name, in any state.
    RenamePartition { partition: PartitionId, name: String },
    /// Changes a partition's current configuration; of an active one what its operating system can be told.
    ChangePartition { partition: PartitionId, change: Box<Change> },
    /// Takes from a partition that is off what it has kept.
    ReleaseResources { partition: PartitionId },
    /// Moves memory from one running partition to another.
    MoveMemory { from: PartitionId, to: PartitionId, memory_mb: u32 },

    /// Keeps a configuration under a name, or changes the one that has it.
    SetProfile { partition: PartitionId, name: String, configuration: Box<Configuration> },
    /// Keeps the current configuration under a name.
    SaveProfile { partition: PartitionId, name: String },
    /// Makes a profile the current configuration of a partition that is off.
    ApplyProfile { partition: PartitionId, name: String },
    /// Deletes a profile.
    DeleteProfile { partition: PartitionId, name: String },

    /// Powers a partition on: with its current configuration, or with that of a profile, which takes its place.
    PowerOn { partition: PartitionId, profile: Option<String>, boot_mode: Option<BootMode> },
    /// Powers a partition off, and on again if wanted.
    PowerOff { partition: PartitionId, how: PowerOff, restart: bool },
    /// Opens the virtual terminal of a partition, which has one.
    OpenTerminal { partition: PartitionId },
    /// Closes it.
    CloseTerminal { partition: PartitionId },

    /// Gives a partition an Ethernet adapter.
    AddEthernet { partition: PartitionId, slot: SlotChoice, ethernet: Box<EthernetDefinition> },
    /// Defines an Ethernet adapter anew, in its slot; its address stays unless another one is given.
    ChangeEthernet { partition: PartitionId, slot: Slot, ethernet: Box<EthernetDefinition> },
    /// Removes an Ethernet adapter.
    RemoveEthernet { partition: PartitionId, slot: Slot },
    /// Makes a virtual switch.
    CreateSwitch { name: String, mode: SwitchMode },
    /// Changes the mode of a virtual switch.
    ChangeSwitch { switch: SwitchId, mode: SwitchMode },
    /// Removes a virtual switch without adapters, with its networks.
    RemoveSwitch { switch: SwitchId },
    /// Defines a virtual network, or gives a name to one that is there because adapters use its VLAN.
    CreateNetwork { name: String, switch: SwitchId, vlan: VlanId, tagged: bool },
    /// Removes a virtual network without adapters.
    RemoveNetwork { network: NetworkId },

    /// Makes a pair of virtual SCSI adapters.
    AddScsiPair {
        vios: PartitionId,
        server_slot: SlotChoice,
        client: PartitionId,
        client_slot: SlotChoice,
    },
    /// Removes a pair without target devices.
    RemoveScsiPair { vios: PartitionId, server_slot: Slot },
    /// Offers a client something by way of a pair.
    AddTarget { vios: PartitionId, server_slot: Slot, name: Option<String>, backing: Backing },
    /// Takes a target device away.
    RemoveTarget { vios: PartitionId, name: String },
    /// Puts a medium into an optical device.
    LoadMedium { vios: PartitionId, target: String, medium: String },
    /// Takes the medium out of an optical device.
    UnloadMedium { vios: PartitionId, target: String },
    /// Makes a volume group of physical volumes.
    CreateGroup { vios: PartitionId, name: String, volumes: BTreeSet<String> },
    /// Adds physical volumes to a volume group.
    ExtendGroup { vios: PartitionId, group: String, volumes: BTreeSet<String> },
    /// Removes a volume group in which nothing is.
    RemoveGroup { vios: PartitionId, group: String },
    /// Makes a virtual disk.
    CreateDisk { vios: PartitionId, group: String, name: String, size_mb: u64 },
    /// Makes a virtual disk larger.
    ExtendDisk { vios: PartitionId, disk: String, size_mb: u64 },
    /// Removes a virtual disk that backs nothing.
    RemoveDisk { vios: PartitionId, disk: String },
    /// Makes the media repository.
    CreateRepository { vios: PartitionId, group: String, size_mb: u64 },
    /// Removes the media repository, in which nothing is.
    RemoveRepository { vios: PartitionId },
    /// Makes a medium.
    CreateMedium { vios: PartitionId, name: String, size_mb: u64, read_only: bool },
    /// Removes a medium that no device holds.
    RemoveMedium { vios: PartitionId, name: String },

    /// Stops waiting for a job. What it has begun goes on.
    CancelJob { job: JobId },
    /// Forgets a job that is over.
    DeleteJob { job: JobId },
}

/// What an operation concerns: the object whose version counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Nothing,
    System,
    Partition(PartitionId),
    Ethernet(PartitionId, Slot),
    Scsi(PartitionId, Slot),
    Switch(SwitchId),
    Network(NetworkId),
    VolumeGroup(PartitionId, String),
    Job(JobId),
}

impl Operation {
    pub(crate) fn subject(&self) -> Subject {
        match self {
            Operation::RenameSystem { .. }
            | Operation::SystemOn { .. }
            | Operation::SystemOff { .. } => Subject::System,
            Operation::CreatePartition(_)
            | Operation::CreateSwitch { .. }
            | Operation::CreateNetwork { .. } => Subject::Nothing,
            Operation::ChangeEthernet { partition, slot, .. }
            | Operation::RemoveEthernet { partition, slot } => Subject::Ethernet(*partition, *slot),
            Operation::RemoveScsiPair { vios, server_slot }
            | Operation::AddTarget { vios, server_slot, .. } => Subject::Scsi(*vios, *server_slot),
            Operation::ChangeSwitch { switch, .. } | Operation::RemoveSwitch { switch } => {
                Subject::Switch(*switch)
            }
            Operation::RemoveNetwork { network } => Subject::Network(*network),
            Operation::ExtendGroup { vios, group, .. }
            | Operation::RemoveGroup { vios, group }
            | Operation::CreateDisk { vios, group, .. }
            | Operation::CreateRepository { vios, group, .. } => {
                Subject::VolumeGroup(*vios, group.clone())
            }
            Operation::DeletePartition { partition }
            | Operation::RenamePartition { partition, .. }
            | Operation::ChangePartition { partition, .. }
            | Operation::ReleaseResources { partition }
            | Operation::MoveMemory { from: partition, .. }
            | Operation::SetProfile { partition, .. }
            | Operation::SaveProfile { partition, .. }
            | Operation::ApplyProfile { partition, .. }
            | Operation::DeleteProfile { partition, .. }
            | Operation::PowerOn { partition, .. }
            | Operation::PowerOff { partition, .. }
            | Operation::OpenTerminal { partition }
            | Operation::CloseTerminal { partition }
            | Operation::AddEthernet { partition, .. }
            | Operation::AddScsiPair { vios: partition, .. }
            | Operation::RemoveTarget { vios: partition, .. }
            | Operation::LoadMedium { vios: partition, .. }
            | Operation::UnloadMedium { vios: partition, .. }
            | Operation::CreateGroup { vios: partition, .. }
            | Operation::ExtendDisk { vios: partition, .. }
            | Operation::RemoveDisk { vios: partition, .. }
            | Operation::RemoveRepository { vios: partition }
            | Operation::CreateMedium { vios: partition, .. }
            | Operation::RemoveMedium { vios: partition, .. } => Subject::Partition(*partition),
            Operation::CancelJob { job } | Operation::DeleteJob { job } => Subject::Job(*job),
        }
    }

    /// Whether the service processor does it, also while the hypervisor is down.
    pub(crate) fn needs_no_hypervisor(&self) -> bool {
        matches!(self.subject(), Subject::System | Subject::Job(_))
    }
}

/// What became of a request that was not refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is done; the object has this version now.
    Done(Version),
    /// It is done, and the object is gone.
    Removed,
    /// The partition is defined.
    Partition(PartitionId, Uuid, Version),
    /// The adapter is there.
    Adapter(Slot, Version),
    /// The pair of adapters is there.
    ScsiPair {
        /// Slot of the server's end.
        server_slot: Slot,
        /// Slot of the client's end.
        client_slot: Slot,
        /// Version of the pair.
        version: Version,
    },
    /// The target device is there, under that name; the version is that of its pair.
    Target(String, Version),
    /// The virtual switch is there.
    Switch(SwitchId, Version),
    /// The virtual network is there.
    Network(NetworkId, Version),
    /// It is under way; the job tells its end.
    Job(JobId),
}
