//! The managed system.

use super::{Datum, Field, Kind, shown, written};
use crate::app::Snapshot;
use hmc_proto::{SystemMemory, SystemProcessors};
use std::sync::Arc;

/// The managed system, with what is on it.
pub type Subject = Arc<Snapshot>;

/// What of a system can be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Its name.
    pub name: String,
}

fn memory(it: &Subject) -> &SystemMemory {
    &it.system.memory
}

fn processors(it: &Subject) -> &SystemProcessors {
    &it.system.processors
}

const MB: Kind = Kind::Number(u32::MAX as u64);
const WORD: Kind = Kind::Number(65535);

/// The attributes of the managed system, in the order of its document.
pub static FIELDS: &[Field<Subject, Edit>] = rows! {
    "AssociatedSystemCapabilities/ActiveLogicalPartitionMobilityCapable", "", ["active_lpar_mobility_capable"], Kind::Flag, |_| false;
    "AssociatedSystemCapabilities/AIXCapable", "", ["aix_capable"], Kind::Flag, |_| true;
    "AssociatedSystemCapabilities/CustomPhysicalPageTableRatioCapable", "", [], Kind::Flag, |_| true;
    "AssociatedSystemCapabilities/IBMiCapable", "", ["os400_capable"], Kind::Flag, |_| true;
    "AssociatedSystemCapabilities/InactiveLogicalPartitionMobilityCapable", "", ["inactive_lpar_mobility_capable"], Kind::Flag, |_| false;
    "AssociatedSystemCapabilities/LinuxCapable", "", ["linux_capable"], Kind::Flag, |_| true;
    "AssociatedSystemCapabilities/SharedProcessorPoolCapable", "", [], Kind::Flag, |_| false;
    "AssociatedSystemCapabilities/VirtualEthernetCustomMACAddressCapable", "", [], Kind::Flag, |_| true;
    "AssociatedSystemIOConfiguration", "", [], Kind::Part, |_| Datum::Absent;
    "AssociatedSystemMemoryConfiguration/ConfigurableSystemMemory", "ConfigurableSystemMemory", ["configurable_sys_mem"], MB, |it| memory(it).configurable_mb;
    "AssociatedSystemMemoryConfiguration/CurrentAvailableSystemMemory", "CurrentAvailableSystemMemory", ["curr_avail_sys_mem", "pend_avail_sys_mem"], MB, |it| memory(it).available_mb;
    "AssociatedSystemMemoryConfiguration/CurrentLogicalMemoryBlockSize", "", [], MB, |it| memory(it).lmb_mb;
    "AssociatedSystemMemoryConfiguration/DefaultHardwarePageTableRatio", "", [], Kind::Number(255), |_| 0u8;
    "AssociatedSystemMemoryConfiguration/InstalledSystemMemory", "InstalledSystemMemory", ["installed_sys_mem"], MB, |it| memory(it).installed_mb;
    "AssociatedSystemMemoryConfiguration/MemoryRegionSize", "", ["mem_region_size", "pend_mem_region_size"], MB, |it| memory(it).lmb_mb;
    "AssociatedSystemMemoryConfiguration/MemoryUsedByHypervisor", "", ["sys_firmware_mem"], MB, |it| memory(it).hypervisor_mb;
    "AssociatedSystemProcessorConfiguration/ConfigurableSystemProcessorUnits", "ConfigurableSystemProcessorUnits", ["configurable_sys_proc_units"], Kind::Units, |it| Datum::Units(processors(it).configurable_units);
    "AssociatedSystemProcessorConfiguration/CurrentAvailableSystemProcessorUnits", "CurrentAvailableSystemProcessorUnits", ["curr_avail_sys_proc_units", "pend_avail_sys_proc_units"], Kind::Units, |it| Datum::Units(processors(it).available_units);
    "AssociatedSystemProcessorConfiguration/CurrentMaximumProcessorsPerAIXOrLinuxPartition", "", ["max_curr_procs_per_aixlinux_lpar"], WORD, |it| processors(it).max_per_partition;
    "AssociatedSystemProcessorConfiguration/CurrentMaximumVirtualProcessorsPerAIXOrLinuxPartition", "", ["max_curr_virtual_procs_per_aixlinux_lpar"], WORD, |it| processors(it).max_per_partition;
    "AssociatedSystemProcessorConfiguration/InstalledSystemProcessorUnits", "InstalledSystemProcessorUnits", ["installed_sys_proc_units"], Kind::Units, |it| Datum::Units(processors(it).installed_units);
    "AssociatedSystemProcessorConfiguration/MaximumAllowedVirtualProcessorsPerPartition", "", ["max_virtual_procs_per_lpar"], WORD, |it| processors(it).max_per_partition;
    "AssociatedSystemProcessorConfiguration/MaximumProcessorUnitsPerIBMiPartition", "", [], WORD, |it| processors(it).max_per_partition;
    "AssociatedSystemProcessorConfiguration/MinimumProcessorUnitsPerVirtualProcessor", "", ["min_proc_units_per_virtual_proc"], Kind::Units, |it| Datum::Units(u32::from(processors(it).min_units_per_processor));
    "AssociatedSystemProcessorConfiguration/SupportedPartitionProcessorCompatibilityModes", "", ["lpar_proc_compat_modes"], Kind::Repeated, |_| compatibility_modes();
    "AssociatedSystemVirtualStorage", "", [], Kind::Part, |_| Datum::Absent;
    "AssociatedVirtualIOServers", "", [], Kind::Part, |_| Datum::Absent;
    "Description", "", ["description"], Kind::Text, |_| "";
    "DetailedState", "", ["detailed_state"], Kind::Text, |_| "None";
    "IsPowerVMManagementMaster", "", [], Kind::Flag, |_| true;
    "MachineTypeModelAndSerialNumber/MachineType", "", [], Kind::Text, |it| it.system.machine_type.as_str();
    "MachineTypeModelAndSerialNumber/Model", "", [], Kind::Text, |it| it.system.model.as_str();
    "MachineTypeModelAndSerialNumber/SerialNumber", "", ["serial_num"], Kind::Text, |it| it.system.serial.as_str();
    "", "MTMS", [], Kind::Text, |it| type_model_serial(it);
    "", "", ["type_model"], Kind::Text, |it| type_model(it);
    "ManufacturingDefaultConfigurationEnabled", "", [], Kind::Flag, |_| false;
    "MaximumPartitions", "MaximumPartitions", ["max_lpars"], WORD, |it| it.system.max_partitions;
    "PrimaryIPAddress", "IPAddress", ["ipaddr"], Kind::Text, |_| "127.0.0.1";
    "State", "State", ["state"], Kind::State, |it| it.system.state.name();
    "", "StateDetail", ["state_detail"], Kind::Text, |_| "";
    "SystemFirmware", "SystemFirmware", [], Kind::Text, |it| it.system.firmware.as_str();
    "SystemMigrationInformation", "", [], Kind::Part, |_| Datum::Absent;
    "SystemName", "SystemName", ["name"], Kind::Text, |it| it.system.name.as_str(), |edit, datum| edit.name = datum.text().to_owned();
};

/// The machine's type and model: `9009-42A`.
fn type_model(it: &Snapshot) -> String {
    format!("{}-{}", it.system.machine_type, it.system.model)
}

/// The same with its serial number: `9009-42A*1234567`.
pub fn type_model_serial(it: &Snapshot) -> String {
    format!("{}*{}", type_model(it), it.system.serial)
}

/// What partitions can ask for. HMC commands do not tell what a system has beside the default: these are what every system of the
/// simulator has.
fn compatibility_modes() -> Datum {
    let modes = managed_system::Capacity::default().compatibility_modes;
    Datum::List(std::iter::once(String::from("default")).chain(modes).collect())
}
