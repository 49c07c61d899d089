//! Why a request was refused. A refused request has changed nothing.

use crate::amounts::ProcessorUnits;
use crate::ids::{
    JobId, MacAddress, NetworkId, Object, PartitionId, Slot, SwitchId, Uuid, Version, VlanId,
};
use crate::state::{PartitionState, RmcState, SystemState};
use std::fmt;
use thiserror::Error;

/// What has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Named {
    /// The system.
    System,
    /// A partition.
    Partition,
    /// A profile of a partition.
    Profile,
    /// A virtual switch.
    Switch,
    /// A virtual network.
    Network,
    /// A physical volume.
    Volume,
    /// A volume group.
    VolumeGroup,
    /// A virtual disk.
    Disk,
    /// The media repository.
    Repository,
    /// A medium in the media repository.
    Medium,
    /// A target device of a virtual SCSI server adapter.
    Target,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Named::System => "system",
            Named::Partition => "partition",
            Named::Profile => "profile",
            Named::Switch => "virtual switch",
            Named::Network => "virtual network",
            Named::Volume => "physical volume",
            Named::VolumeGroup => "volume group",
            Named::Disk => "virtual disk",
            Named::Repository => "media repository",
            Named::Medium => "medium",
            Named::Target => "target device",
        })
    }
}

/// What of a definition has a value, by the name that the command line gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Attribute {
    MinMemory,
    Memory,
    MaxMemory,
    MinProcessors,
    Processors,
    MaxProcessors,
    MinUnits,
    Units,
    MaxUnits,
    ProcessorMode,
    SharedPool,
    MaxSlots,
    CompatibilityMode,
    PageTableRatio,
    SecureBoot,
    PartitionId,
    Description,
    MacAddress,
    PortVlan,
    AdditionalVlans,
    TrunkPriority,
    DiskSize,
}

impl Attribute {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Attribute::MinMemory => "min_mem",
            Attribute::Memory => "desired_mem",
            Attribute::MaxMemory => "max_mem",
            Attribute::MinProcessors => "min_procs",
            Attribute::Processors => "desired_procs",
            Attribute::MaxProcessors => "max_procs",
            Attribute::MinUnits => "min_proc_units",
            Attribute::Units => "desired_proc_units",
            Attribute::MaxUnits => "max_proc_units",
            Attribute::ProcessorMode => "proc_mode",
            Attribute::SharedPool => "shared_proc_pool_id",
            Attribute::MaxSlots => "max_virtual_slots",
            Attribute::CompatibilityMode => "lpar_proc_compat_mode",
            Attribute::PageTableRatio => "ppt_ratio",
            Attribute::SecureBoot => "secure_boot",
            Attribute::PartitionId => "lpar_id",
            Attribute::Description => "description",
            Attribute::MacAddress => "mac_addr",
            Attribute::PortVlan => "port_vlan_id",
            Attribute::AdditionalVlans => "addl_vlan_ids",
            Attribute::TrunkPriority => "trunk_priority",
            Attribute::DiskSize => "size",
        }
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What there can be too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// Memory, in MB.
    Memory,
    /// Processing power, in hundredths of a processor.
    Processors,
}

impl Resource {
    fn amount(self, amount: u32) -> String {
        match self {
            Resource::Memory => format!("{amount} MB of memory"),
            Resource::Processors => format!("{} processing units", ProcessorUnits(amount)),
        }
    }
}

/// Why a request was refused. Its text says what was asked for, what there is, and what to do.
#[derive(Clone, Debug, Error, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the message of each variant names its fields")]
pub enum Refusal {
    #[error("there is no partition {id}")]
    NoSuchPartition { id: PartitionId },
    #[error("there is no {what} named {name:?}")]
    NoSuchName { what: Named, name: String },
    #[error("there is no virtual switch {id}")]
    NoSuchSwitch { id: SwitchId },
    #[error("there is no virtual network {id}")]
    NoSuchNetwork { id: NetworkId },
    #[error("partition {partition} has no such adapter in slot {slot}")]
    NoSuchAdapter { partition: PartitionId, slot: Slot },
    #[error("there is no job {id}")]
    NoSuchJob { id: JobId },
    #[error(
        "{object} has changed: expected version {expected}, got version {actual}; read it again, then repeat the change"
    )]
    VersionConflict { object: Object, expected: Version, actual: Version },
    #[error("a version was given, but this request concerns no object that has one")]
    VersionOfNothing,

    #[error("{name:?} is no name of a {what}: expected 1 to {most} characters{}", wrong_character(*.wrong))]
    BadName { what: Named, name: String, most: usize, wrong: Option<char> },
    #[error("there is already a {what} named {name:?}")]
    NameInUse { what: Named, name: String },
    #[error("there is already a partition {id}")]
    IdInUse { id: PartitionId },
    #[error("there is already a partition with the UUID {uuid}")]
    UuidInUse { uuid: Uuid },
    #[error("expected a UUID whose first digit is 0 to 7, got {uuid}")]
    BadUuid { uuid: Uuid },
    #[error("all {most} partitions that the system can have are defined")]
    TooManyPartitions { most: u16 },
    #[error("partition {partition} has all {most} profiles that it can have")]
    TooManyProfiles { partition: PartitionId, most: usize },
    #[error("expected {attribute} from {least} to {most}, got {got}")]
    OutOfRange { attribute: Attribute, got: u64, least: u64, most: u64 },
    #[error("expected {attribute} as a positive multiple of {of} MB, got {got} MB")]
    NotMultiple { attribute: Attribute, got: u32, of: u32 },
    #[error("expected {low} to be at least {bound}, got {got}: it is the lower bound of {high}")]
    Disordered { low: Attribute, high: Attribute, got: u64, bound: u64 },
    #[error(
        "expected max_mem to be at most {ratio} times min_mem, got {max} MB and {min} MB: raise min_mem"
    )]
    MemoryRatio { min: u32, max: u32, ratio: u32 },
    #[error(
        "expected {attribute} from {least} to {most} for {processors} virtual processors, got {got}"
    )]
    UnitsPerProcessor {
        attribute: Attribute,
        got: ProcessorUnits,
        processors: u16,
        least: ProcessorUnits,
        most: ProcessorUnits,
    },
    #[error("expected a processor compatibility mode of {}, got {mode:?}", .supported.join(", "))]
    UnknownCompatibilityMode { mode: String, supported: Vec<String> },

    #[error("partition {partition} is {state}; expected not activated")]
    AlreadyActive { partition: PartitionId, state: PartitionState },
    #[error("partition {partition} is off already")]
    AlreadyOff { partition: PartitionId },
    #[error("partition {partition} is {state}: power it off before this")]
    StillActive { partition: PartitionId, state: PartitionState },
    #[error("{attribute} cannot change while partition {partition} is {state}: power it off first")]
    FixedWhileActive { partition: PartitionId, attribute: Attribute, state: PartitionState },
    #[error("partition {partition} is in the state error: only a hard power off ends that")]
    InError { partition: PartitionId },
    #[error("partition {partition} is being shut down; a hard power off stops it at once")]
    ShuttingDown { partition: PartitionId },
    #[error(
        "the operating system of partition {partition} cannot be told: expected RMC to be active, got {rmc}, and the partition is {state}"
    )]
    NoRmc { partition: PartitionId, rmc: RmcState, state: PartitionState },
    #[error(
        "partition {partition} has no operating system up that could write a dump: it is {state}"
    )]
    NothingToDump { partition: PartitionId, state: PartitionState },
    #[error(
        "partition {partition} is the management partition: it cannot be {what} by way of itself"
    )]
    ManagementPartition { partition: PartitionId, what: &'static str },
    #[error("partition {partition} cannot give memory to itself")]
    SamePartition { partition: PartitionId },
    #[error("a virtual terminal of partition {partition} is open: close it first")]
    TerminalOpen { partition: PartitionId },
    #[error("no virtual terminal of partition {partition} is open")]
    NoTerminal { partition: PartitionId },
    #[error("there is not enough: expected {}, got {} that is free", .resource.amount(*.wanted), .resource.amount(*.free))]
    NotEnough { resource: Resource, wanted: u32, free: u32 },

    #[error("the system is {state}: expected it to be operating or on standby")]
    SystemNotUp { state: SystemState },
    #[error("the system is {state}: it can be powered on when it is off")]
    SystemNotOff { state: SystemState },
    #[error(
        "{active} partitions beside the management partition are active: power them off first, or do it immediately"
    )]
    PartitionsActive { active: usize },
    #[error("job {id} is over")]
    JobOver { id: JobId },
    #[error("job {id} is not over yet: cancel it first")]
    JobRunning { id: JobId },

    #[error("slot {slot} of partition {partition} is in use")]
    SlotInUse { partition: PartitionId, slot: Slot },
    #[error("expected a slot from 2 to {}, got {slot}: partition {partition} has {max_slots} virtual slots", .max_slots - 1)]
    SlotOutOfRange { partition: PartitionId, slot: Slot, max_slots: u16 },
    #[error("partition {partition} has no free virtual slot below {max_slots}")]
    NoFreeSlot { partition: PartitionId, max_slots: u16 },
    #[error(
        "{max_slots} virtual slots are too few for the adapter in slot {slot} of partition {partition}"
    )]
    SlotsInUse { partition: PartitionId, slot: Slot, max_slots: u16 },
    #[error("additional VLANs need an adapter with IEEE 802.1Q")]
    NotTagged,
    #[error("the port's own VLAN {vlan} cannot be an additional one, too")]
    VlanTwice { vlan: VlanId },
    #[error(
        "only a Virtual I/O Server or the management partition can have a trunk adapter; partition {partition} is neither"
    )]
    NoTrunkHere { partition: PartitionId },
    #[error(
        "the trunk adapter in slot {slot} of partition {partition} has the same priority {priority} for VLAN {vlan}"
    )]
    TrunkPriorityInUse { partition: PartitionId, slot: Slot, priority: u8, vlan: VlanId },
    #[error(
        "expected a locally administered unicast MAC address (second digit 2, 6, A or E), got {mac}"
    )]
    BadMac { mac: MacAddress },
    #[error("the MAC address {mac} is that of the adapter in slot {slot} of partition {partition}")]
    MacInUse { mac: MacAddress, partition: PartitionId, slot: Slot },
    #[error("this system chooses MAC addresses itself")]
    NoCustomMac,
    #[error("no MAC address is left for slot {slot} of partition {partition}")]
    NoMacLeft { partition: PartitionId, slot: Slot },
    #[error("virtual switch {id} has {ports} adapters: remove them first")]
    SwitchInUse { id: SwitchId, ports: usize },
    #[error("virtual switch 0 is the default switch, which stays")]
    DefaultSwitch,
    #[error("all {most} virtual switches that the system can have are defined")]
    TooManySwitches { most: usize },
    #[error("virtual network {id} has {ports} adapters: remove them first")]
    NetworkInUse { id: NetworkId, ports: usize },
    #[error("virtual switch {switch} has a virtual network for VLAN {vlan} already: {id}")]
    NetworkExists { switch: SwitchId, vlan: VlanId, id: NetworkId },

    #[error("partition {partition} is no Virtual I/O Server")]
    NotVios { partition: PartitionId },
    #[error("partition {partition} cannot be client of itself")]
    OwnClient { partition: PartitionId },
    #[error("partition {vios} serves partition {client}: remove their adapters first")]
    HasClients { vios: PartitionId, client: PartitionId },
    #[error(
        "the adapters in slot {slot} of partition {vios} carry {name:?}: remove that target device first"
    )]
    PairInUse { vios: PartitionId, slot: Slot, name: String },
    #[error("{what} {name:?} backs the target device {target:?}: remove that first")]
    Mapped { what: Named, name: String, target: String },
    #[error("physical volume {name:?} belongs to volume group {group:?}")]
    VolumeInGroup { name: String, group: String },
    #[error("{what} {name:?} is not empty: {content:?} is in it")]
    NotEmpty { what: Named, name: String, content: String },
    #[error("a volume group needs a physical volume, at least one")]
    NoVolumes,
    #[error(
        "{what} {name:?} has too little room: expected {wanted_mb} MB, got {free_mb} MB that are free"
    )]
    NoRoom { what: Named, name: String, wanted_mb: u64, free_mb: u64 },
    #[error(
        "virtual disk {name:?} can only grow: expected more than {size_mb} MB, got {wanted_mb} MB"
    )]
    CannotShrink { name: String, size_mb: u64, wanted_mb: u64 },
    #[error("partition {vios} has a media repository already, in volume group {group:?}")]
    RepositoryExists { vios: PartitionId, group: String },
    #[error("partition {vios} has no media repository: create one first")]
    NoRepository { vios: PartitionId },
    #[error("target device {name:?} is no optical device")]
    NotOptical { name: String },
    #[error("target device {name:?} holds the medium {medium:?}: unload it first")]
    MediumLoaded { name: String, medium: String },
    #[error("target device {name:?} holds no medium")]
    NothingLoaded { name: String },
}

fn wrong_character(wrong: Option<char>) -> String {
    match wrong {
        Some(wrong) => format!(", and {wrong:?} is none that it can have"),
        None => String::new(),
    }
}

/// Codes of [`Refusal::code`] that programs go by, beside showing them.
pub mod codes {
    /// There is no such partition.
    pub const NO_SUCH_PARTITION: &str = "HSCL8012";
    /// There is no such profile.
    pub const NO_SUCH_PROFILE: &str = "HSCL800F";
    /// There is none of another kind of objects: the simulator's own.
    pub const NO_SUCH_OBJECT: &str = "HSCLF001";
    /// A partition has the name.
    pub const PARTITION_NAME_IN_USE: &str = "HSCL05DE";
    /// An object of another kind has the name or the number: the simulator's own.
    pub const IN_USE: &str = "HSCLF004";
    /// The object has another version than the one that was named: the simulator's own.
    pub const VERSION_CONFLICT: &str = "HSCLF002";
    /// The partition is active already.
    pub const ALREADY_ACTIVE: &str = "HSCL05EA";
    /// It is fixed while the partition is active: the simulator's own.
    pub const FIXED_WHILE_ACTIVE: &str = "HSCLF007";
    /// The system cannot do it.
    pub const NOT_SUPPORTED: &str = "HSCLA4A0";
}

impl Refusal {
    /// The code that managers show in front of the text and that clients look for (management reference, section 2.4).
    /// Those that no public text has are the simulator's own, from `HSCLF001` on: unused there, and stable.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::NoSuchPartition { .. }
            | Refusal::NoSuchName { what: Named::Partition, .. } => codes::NO_SUCH_PARTITION,
            Refusal::NoSuchName { what: Named::Profile, .. } => codes::NO_SUCH_PROFILE,
            Refusal::NameInUse { what: Named::Partition, .. } => codes::PARTITION_NAME_IN_USE,
            Refusal::AlreadyActive { .. } => codes::ALREADY_ACTIVE,
            Refusal::AlreadyOff { .. } => "HSCL1558",
            Refusal::NoRmc { .. } => "HSCL0DB4",
            Refusal::InError { .. } | Refusal::ShuttingDown { .. } => "HSCL3205",
            Refusal::OutOfRange { .. }
            | Refusal::NotMultiple { .. }
            | Refusal::Disordered { .. }
            | Refusal::MemoryRatio { .. }
            | Refusal::UnitsPerProcessor { .. }
            | Refusal::UnknownCompatibilityMode { .. } => "HSCL0617",
            Refusal::NoCustomMac => codes::NOT_SUPPORTED,

            Refusal::NoSuchSwitch { .. }
            | Refusal::NoSuchNetwork { .. }
            | Refusal::NoSuchAdapter { .. }
            | Refusal::NoSuchJob { .. }
            | Refusal::NoSuchName { .. } => codes::NO_SUCH_OBJECT,
            Refusal::VersionConflict { .. } | Refusal::VersionOfNothing => codes::VERSION_CONFLICT,
            Refusal::BadName { .. } => "HSCLF003",
            Refusal::NameInUse { .. }
            | Refusal::IdInUse { .. }
            | Refusal::UuidInUse { .. }
            | Refusal::NetworkExists { .. }
            | Refusal::RepositoryExists { .. } => codes::IN_USE,
            Refusal::BadUuid { .. } => "HSCLF005",
            Refusal::TooManyPartitions { .. }
            | Refusal::TooManyProfiles { .. }
            | Refusal::TooManySwitches { .. } => "HSCLF006",
            Refusal::StillActive { .. } | Refusal::FixedWhileActive { .. } => {
                codes::FIXED_WHILE_ACTIVE
            }
            Refusal::NothingToDump { .. } => "HSCLF008",
            Refusal::ManagementPartition { .. } => "HSCLF009",
            Refusal::TerminalOpen { .. } | Refusal::NoTerminal { .. } => "HSCLF00A",
            Refusal::NotEnough { .. } => "HSCLF00B",
            Refusal::SamePartition { .. } => "HSCLF00F",
            Refusal::SystemNotUp { .. } | Refusal::SystemNotOff { .. } => "HSCLF00C",
            Refusal::PartitionsActive { .. } => "HSCLF00D",
            Refusal::JobOver { .. } | Refusal::JobRunning { .. } => "HSCLF00E",
            Refusal::SlotInUse { .. } | Refusal::SlotsInUse { .. } => "HSCLF010",
            Refusal::SlotOutOfRange { .. } | Refusal::NoFreeSlot { .. } => "HSCLF011",
            Refusal::NotTagged | Refusal::VlanTwice { .. } => "HSCLF012",
            Refusal::NoTrunkHere { .. } | Refusal::TrunkPriorityInUse { .. } => "HSCLF013",
            Refusal::BadMac { .. } | Refusal::MacInUse { .. } | Refusal::NoMacLeft { .. } => {
                "HSCLF014"
            }
            Refusal::SwitchInUse { .. } | Refusal::NetworkInUse { .. } => "HSCLF015",
            Refusal::DefaultSwitch => "HSCLF016",
            Refusal::NotVios { .. } | Refusal::OwnClient { .. } => "HSCLF020",
            Refusal::HasClients { .. }
            | Refusal::PairInUse { .. }
            | Refusal::Mapped { .. }
            | Refusal::VolumeInGroup { .. }
            | Refusal::NotEmpty { .. }
            | Refusal::MediumLoaded { .. } => "HSCLF021",
            Refusal::NoVolumes => "HSCLF022",
            Refusal::NoRoom { .. } => "HSCLF023",
            Refusal::CannotShrink { .. } => "HSCLF024",
            Refusal::NoRepository { .. } => "HSCLF025",
            Refusal::NotOptical { .. } | Refusal::NothingLoaded { .. } => "HSCLF026",
        }
    }

    /// Whether another manager's change came first: read the object again, then repeat the request.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Refusal::VersionConflict { .. })
    }
}
