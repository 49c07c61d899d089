//! The managed system.

use crate::record::{codes, records};
use alloc::string::String;

codes! {
    /// State of the managed system.
    SystemState {
        /// Powered off.
        PowerOff = 0, "power off";
        /// It initializes.
        Initializing = 1, "initializing";
        /// Up, without partitions running yet.
        Standby = 2, "standby";
        /// Up.
        Operating = 3, "operating";
        /// Its partitions are being stopped.
        PoweringOff = 4, "powering off";
        /// It failed.
        Error = 5, "error";
    }
}

records! {
    /// The managed system.
    System {
        /// Grows with every change.
        version: u64,
        /// Its name.
        name: String,
        /// Machine type, as in 9009.
        machine_type: String,
        /// Model, as in 42A.
        model: String,
        /// Serial number.
        serial: String,
        /// Firmware level.
        firmware: String,
        /// Its state.
        state: SystemState,
        /// Its memory.
        memory: SystemMemory,
        /// Its processors.
        processors: SystemProcessors,
        /// The highest partition ID.
        max_partitions: u16,
        /// The number of partitions that are defined.
        partitions: u16,
        /// The number of the latest event; 0 before the first.
        last_event: u64,
    }

    /// Memory of the managed system, in MB.
    SystemMemory {
        /// Installed.
        installed_mb: u32,
        /// Can be given to partitions and the hypervisor.
        configurable_mb: u32,
        /// Held by no partition and not used by the hypervisor.
        available_mb: u32,
        /// Used by the hypervisor.
        hypervisor_mb: u32,
        /// Logical memory block: what memory is given in multiples of.
        lmb_mb: u32,
    }

    /// Processors of the managed system, in hundredths of a processor where the name says units.
    SystemProcessors {
        /// Installed.
        installed_units: u32,
        /// Can be given to partitions.
        configurable_units: u32,
        /// Held by no partition.
        available_units: u32,
        /// Least units for each virtual processor.
        min_units_per_processor: u16,
        /// Most processors of a partition.
        max_per_partition: u16,
    }

    /// Changes the managed system.
    ChangeSystem {
        /// The version that is changed; any without it.
        version: Option<u64>,
        /// Another name.
        name: String,
    }
}
