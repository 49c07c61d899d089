//! What a partition is defined to have, and which parts of a definition are refused in any system.

use crate::amounts::{Amounts, ProcessorUnits};
use crate::config::Capacity;
use crate::ids::{PartitionId, Uuid};
use crate::limits::{self, check_range};
use crate::refusal::{Attribute, Refusal};
use serde::{Deserialize, Serialize};

/// Type of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PartitionType {
    /// It runs AIX or Linux.
    AixLinux,
    /// It shares its devices with other partitions.
    VirtualIoServer,
    /// It runs IBM i. Nothing but its shutdown without RMC is particular to it.
    IbmI,
}

/// Operating system of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OperatingSystem {
    /// AIX.
    Aix,
    /// Linux.
    Linux,
    /// The Virtual I/O Server.
    Vios,
    /// IBM i.
    IbmI,
}

/// How a partition is started.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum BootMode {
    /// Into its operating system.
    #[default]
    Normal,
    /// Into the menu of System Management Services.
    SystemManagementServices,
    /// Into diagnostics, with the default boot list.
    DiagnosticWithDefaultBootList,
    /// Into diagnostics, with the stored boot list.
    DiagnosticWithStoredBootList,
    /// To the prompt of its firmware.
    OpenFirmware,
}

impl BootMode {
    /// Whether it ends in the firmware.
    pub fn is_firmware(self) -> bool {
        matches!(self, BootMode::SystemManagementServices | BootMode::OpenFirmware)
    }
}

/// Position of the keylock.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Keylock {
    /// An operator may do everything.
    Manual,
    /// Normal operation.
    #[default]
    Normal,
}

/// Processors of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Processors {
    /// Whole processors of its own.
    Dedicated {
        /// How many.
        processors: Amounts<u16>,
        /// What becomes of their idle time.
        sharing: DedicatedSharing,
    },
    /// Virtual processors, which share those of the default pool.
    Shared {
        /// How many virtual processors.
        processors: Amounts<u16>,
        /// How much processing power they are entitled to.
        units: Amounts<ProcessorUnits>,
        /// Number of the shared pool; 0 is the default pool, the only one.
        pool: u16,
        /// Whether they get idle power beyond that.
        sharing: SharedSharing,
    },
}

/// What becomes of the idle time of dedicated processors.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum DedicatedSharing {
    /// It stays with the partition.
    Keep,
    /// It is shared while the partition is off.
    #[default]
    WhenOff,
    /// It is shared while the partition is active.
    WhenActive,
    /// It is always shared.
    Always,
}

/// Whether virtual processors get idle power beyond their entitlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SharedSharing {
    /// They do not.
    Capped,
    /// They do, in proportion to their weight.
    Uncapped {
        /// Weight, 0 to 255.
        weight: u8,
    },
}

impl Processors {
    /// How many processors, virtual or dedicated.
    pub fn count(&self) -> Amounts<u16> {
        match self {
            Processors::Dedicated { processors, .. } | Processors::Shared { processors, .. } => {
                *processors
            }
        }
    }

    /// How much processing power.
    pub fn units(&self) -> Amounts<ProcessorUnits> {
        match self {
            Processors::Dedicated { processors, .. } => Amounts {
                min: ProcessorUnits::whole(processors.min),
                desired: ProcessorUnits::whole(processors.desired),
                max: ProcessorUnits::whole(processors.max),
            },
            Processors::Shared { units, .. } => *units,
        }
    }

    /// Whether they are dedicated.
    pub fn is_dedicated(&self) -> bool {
        matches!(self, Processors::Dedicated { .. })
    }
}

/// What a partition is to have when it runs. A profile is one under a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Configuration {
    /// Memory in MB, in multiples of the logical memory block.
    pub memory_mb: Amounts<u32>,
    /// Processors.
    pub processors: Processors,
    /// Virtual slots: adapters lie in slots below this number.
    pub max_slots: u16,
    /// Which partitions keep their processors when some fail: the higher.
    pub availability_priority: u8,
    /// How it is started unless the order to start it says.
    pub boot_mode: BootMode,
    /// Position of the keylock.
    pub keylock: Keylock,
    /// Whether it starts when the system comes up.
    pub auto_start: bool,
    /// Processor compatibility mode that is asked for, one of [`Capacity::compatibility_modes`] or `default`.
    pub compatibility_mode: String,
    /// Ratio of the page table to memory: 0 is 1:64, each more halves it.
    pub page_table_ratio: u8,
    /// Secure boot; 0 is off.
    pub secure_boot: u8,
}

impl Configuration {
    /// Shared and uncapped, with what the most used client library defaults to: half a unit for each virtual processor,
    /// weight 64, 64 slots.
    pub fn shared(memory_mb: Amounts<u32>, processors: Amounts<u16>) -> Configuration {
        let half = |processors: u16| ProcessorUnits(u32::from(processors) * 50);
        let units = Amounts {
            min: half(processors.min),
            desired: half(processors.desired),
            max: half(processors.max),
        };
        let sharing = SharedSharing::Uncapped { weight: 64 };
        Configuration::with(memory_mb, Processors::Shared { processors, units, pool: 0, sharing })
    }

    /// With processors of its own.
    pub fn dedicated(memory_mb: Amounts<u32>, processors: Amounts<u16>) -> Configuration {
        let sharing = DedicatedSharing::default();
        Configuration::with(memory_mb, Processors::Dedicated { processors, sharing })
    }

    fn with(memory_mb: Amounts<u32>, processors: Processors) -> Configuration {
        Configuration {
            memory_mb,
            processors,
            max_slots: 64,
            availability_priority: 127,
            boot_mode: BootMode::Normal,
            keylock: Keylock::Normal,
            auto_start: false,
            compatibility_mode: String::from("default"),
            page_table_ratio: 0,
            secure_boot: 0,
        }
    }

    /// Whether the system could have it at all, even if none is free; over-commitment is accepted here, and checked
    /// at activation.
    pub(crate) fn check(&self, capacity: &Capacity) -> Result<(), Refusal> {
        self.check_memory(capacity)?;
        self.check_processors(capacity)?;
        check_range(Attribute::MaxSlots, self.max_slots, limits::MAX_SLOTS)?;
        check_range(Attribute::PageTableRatio, self.page_table_ratio, limits::PAGE_TABLE_RATIOS)?;
        check_range(Attribute::SecureBoot, self.secure_boot, limits::SECURE_BOOT)?;
        let mode = &self.compatibility_mode;
        if mode != "default" && !capacity.compatibility_modes.contains(mode) {
            let supported = capacity.compatibility_modes.clone();
            return Err(Refusal::UnknownCompatibilityMode { mode: mode.clone(), supported });
        }
        Ok(())
    }

    fn check_memory(&self, capacity: &Capacity) -> Result<(), Refusal> {
        let Amounts { min, desired, max } = self.memory_mb;
        let attributes = [
            (Attribute::MinMemory, min),
            (Attribute::Memory, desired),
            (Attribute::MaxMemory, max),
        ];
        for (attribute, got) in attributes {
            if got == 0 || !got.is_multiple_of(capacity.lmb_mb) {
                return Err(Refusal::NotMultiple { attribute, got, of: capacity.lmb_mb });
            }
        }
        ordered(self.memory_mb, Attribute::MinMemory, Attribute::Memory, Attribute::MaxMemory)?;
        let ratio = match min {
            0..limits::SMALL_MEMORY_MB => limits::MAX_SMALL_MEMORY_RATIO,
            _ => limits::MAX_MEMORY_RATIO,
        };
        if u64::from(max) > u64::from(min) * u64::from(ratio) {
            return Err(Refusal::MemoryRatio { min, max, ratio });
        }
        Ok(())
    }

    fn check_processors(&self, capacity: &Capacity) -> Result<(), Refusal> {
        let counts = self.processors.count();
        let most = capacity.max_processors_per_partition;
        let attributes = [
            (Attribute::MinProcessors, counts.min),
            (Attribute::Processors, counts.desired),
            (Attribute::MaxProcessors, counts.max),
        ];
        for (attribute, got) in attributes {
            check_range(attribute, got, 1..=most)?;
        }
        let [min, desired, max] = attributes.map(|(attribute, _)| attribute);
        ordered(counts, min, desired, max)?;
        let Processors::Shared { units, pool, .. } = self.processors else { return Ok(()) };
        check_range(Attribute::SharedPool, pool, 0..=0)?;
        let attributes = [
            (Attribute::MinUnits, units.min, counts.min),
            (Attribute::Units, units.desired, counts.desired),
            (Attribute::MaxUnits, units.max, counts.max),
        ];
        for (attribute, units, processors) in attributes {
            check_units(attribute, units, processors, capacity)?;
        }
        ordered(
            Amounts { min: units.min.0, desired: units.desired.0, max: units.max.0 },
            Attribute::MinUnits,
            Attribute::Units,
            Attribute::MaxUnits,
        )
    }
}

/// A virtual processor has its least entitlement and at most a whole processor.
fn check_units(
    attribute: Attribute,
    got: ProcessorUnits,
    processors: u16,
    capacity: &Capacity,
) -> Result<(), Refusal> {
    let least = ProcessorUnits(capacity.min_units_per_processor.0 * u32::from(processors));
    let most = ProcessorUnits::whole(processors);
    if (least..=most).contains(&got) {
        return Ok(());
    }
    Err(Refusal::UnitsPerProcessor { attribute, got, processors, least, most })
}

fn ordered<T: Copy + Ord + Into<u64>>(
    amounts: Amounts<T>,
    min: Attribute,
    desired: Attribute,
    max: Attribute,
) -> Result<(), Refusal> {
    let (low, high, got, bound) = if amounts.desired < amounts.min {
        (desired, min, amounts.desired, amounts.min)
    } else if amounts.desired > amounts.max {
        (max, desired, amounts.max, amounts.desired)
    } else {
        return Ok(());
    };
    Err(Refusal::Disordered { low, high, got: got.into(), bound: bound.into() })
}

/// A partition to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PartitionDefinition {
    /// Its name, unique on the system.
    pub name: String,
    /// Its number; the lowest free one by default.
    pub id: Option<PartitionId>,
    /// Its identifier; one that follows from the system's seed and the name by default.
    pub uuid: Option<Uuid>,
    /// Its type.
    pub kind: PartitionType,
    /// Its operating system, which it has as soon as it boots.
    pub os: OperatingSystem,
    /// What it is to have.
    pub configuration: Configuration,
    /// Whether it has a physical adapter with a disk to boot from. A Virtual I/O Server and the management partition always
    /// have one.
    pub physical_boot_device: bool,
    /// Name of a first profile with the same configuration.
    pub profile: Option<String>,
    /// What people say about it.
    pub description: String,
}

impl PartitionDefinition {
    /// One with defaults for all the rest.
    pub fn new(
        name: impl Into<String>,
        kind: PartitionType,
        configuration: Configuration,
    ) -> PartitionDefinition {
        let os = match kind {
            PartitionType::AixLinux => OperatingSystem::Linux,
            PartitionType::VirtualIoServer => OperatingSystem::Vios,
            PartitionType::IbmI => OperatingSystem::IbmI,
        };
        PartitionDefinition {
            name: name.into(),
            id: None,
            uuid: None,
            kind,
            os,
            configuration,
            physical_boot_device: kind == PartitionType::VirtualIoServer,
            profile: None,
            description: String::new(),
        }
    }
}
