//! What a system is made of before anything is defined on it.

use crate::amounts::ProcessorUnits;
use crate::definition::PartitionDefinition;
use crate::ids::Uuid;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a system is made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SystemConfig {
    /// Its name, which managers can change.
    pub name: String,
    /// Its universally unique identifier.
    pub uuid: Uuid,
    /// Machine type, such as `9009`.
    pub machine_type: String,
    /// Model, such as `42A`.
    pub model: String,
    /// Serial number, seven characters.
    pub serial: String,
    /// Level of the firmware, such as `FW950.40 (VL950_092)`.
    pub firmware_level: String,
    /// The seed of identifiers that are not chosen.
    pub seed: u64,
    /// What there is to hand out, and in which portions.
    pub capacity: Capacity,
    /// How long things take.
    pub timings: Timings,
    /// Events that are kept for sessions that have not read them; a session that falls further behind is told so.
    pub event_log: usize,
    /// The management partition, which is running when the model begins.
    pub management: PartitionDefinition,
}

/// What there is to hand out, and in which portions.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Capacity {
    /// Memory that is installed, in MB.
    pub installed_memory_mb: u32,
    /// Memory that can be used, in MB.
    pub configurable_memory_mb: u32,
    /// Memory of the hypervisor itself, in MB.
    pub hypervisor_memory_mb: u32,
    /// Size of a logical memory block, in MB: memory is handed out in multiples of it.
    pub lmb_mb: u32,
    /// Processors that are installed.
    pub installed_processors: u16,
    /// Processors that can be used.
    pub configurable_processors: u16,
    /// Least entitlement of a virtual processor.
    pub min_units_per_processor: ProcessorUnits,
    /// Most processors, virtual or dedicated, of a partition.
    pub max_processors_per_partition: u16,
    /// Most partitions that can be defined; partition numbers end there, too.
    pub max_partitions: u16,
    /// Processor compatibility modes that partitions can ask for, beside `default`.
    pub compatibility_modes: Vec<String>,
    /// Whether adapters can be given MAC addresses of the manager's choice.
    pub custom_mac_addresses: bool,
}

impl Default for Capacity {
    /// 64 GB and 16 processors.
    fn default() -> Self {
        Capacity {
            installed_memory_mb: 65536,
            configurable_memory_mb: 65536,
            hypervisor_memory_mb: 2048,
            lmb_mb: 256,
            installed_processors: 16,
            configurable_processors: 16,
            min_units_per_processor: ProcessorUnits(5),
            max_processors_per_partition: 64,
            max_partitions: 400,
            compatibility_modes: ["POWER8", "POWER9_Base", "POWER9"].map(String::from).to_vec(),
            custom_mac_addresses: true,
        }
    }
}

/// How long things take, in virtual time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Timings {
    /// From power on to running: the partition's firmware is loaded.
    pub start: Duration,
    /// From running to the operating system's first code, or to a menu of the firmware.
    pub firmware: Duration,
    /// From there until the operating system is up.
    pub boot: Duration,
    /// From there until RMC is active.
    pub rmc: Duration,
    /// Shutting an operating system down.
    pub shutdown: Duration,
    /// The same at once.
    pub immediate_shutdown: Duration,
    /// How long a shutdown is waited for.
    pub shutdown_limit: Duration,
    /// Bringing the hypervisor up.
    pub system_on: Duration,
    /// Bringing the hypervisor down.
    pub system_off: Duration,
}

impl Default for Timings {
    /// As seen of real systems where the reference has them: a start into a menu takes some ten seconds.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Timings {
            start: seconds(2),
            firmware: seconds(10),
            boot: seconds(20),
            rmc: seconds(15),
            shutdown: seconds(15),
            immediate_shutdown: seconds(5),
            shutdown_limit: seconds(300),
            system_on: seconds(120),
            system_off: seconds(30),
        }
    }
}
