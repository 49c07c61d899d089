//! Fields of objects by pypowervm's names, and where they stand in documents.

use crate::cli::output::{Failure, UsageError};
use crate::objects::{Field, ValueError, by_xml};

/// A field: pypowervm's class and property, and the path in the object's document.
pub(super) type Named = (&'static str, &'static str);

/// Those of a partition.
pub(super) const PARTITION: &[Named] = &[
    ("LogicalPartition.name", "PartitionName"),
    ("LogicalPartition.id", "PartitionID"),
    ("LogicalPartition.uuid", "PartitionUUID"),
    ("LogicalPartition.state", "PartitionState"),
    ("LogicalPartition.env", "PartitionType"),
    ("LogicalPartition.type", "PartitionType"),
    ("LogicalPartition.rmc_state", "ResourceMonitoringControlState"),
    ("LogicalPartition.ref_code", "ReferenceCode"),
    ("LogicalPartition.ref_code_full", "ReferenceCodeFull"),
    ("LogicalPartition.bootmode", "BootMode"),
    ("LogicalPartition.keylock_pos", "KeylockPosition"),
    ("LogicalPartition.avail_priority", "AvailabilityPriority"),
    ("LogicalPartition.is_mgmt_partition", "IsManagementPartition"),
    ("LogicalPartition.proc_compat_mode", "CurrentProcessorCompatibilityMode"),
    ("LogicalPartition.pending_proc_compat_mode", "PendingProcessorCompatibilityMode"),
    ("PartitionMemoryConfiguration.desired", "PartitionMemoryConfiguration/DesiredMemory"),
    ("PartitionMemoryConfiguration.min", "PartitionMemoryConfiguration/MinimumMemory"),
    ("PartitionMemoryConfiguration.max", "PartitionMemoryConfiguration/MaximumMemory"),
    ("PartitionMemoryConfiguration.current", "PartitionMemoryConfiguration/CurrentMemory"),
    (
        "PartitionIOConfiguration.max_virtual_slots",
        "PartitionIOConfiguration/MaximumVirtualIOSlots",
    ),
    (
        "PartitionProcessorConfiguration.has_dedicated",
        "PartitionProcessorConfiguration/HasDedicatedProcessors",
    ),
    ("PartitionProcessorConfiguration.sharing_mode", "PartitionProcessorConfiguration/SharingMode"),
    (
        "DedicatedProcessorConfiguration.desired",
        "PartitionProcessorConfiguration/DedicatedProcessorConfiguration/DesiredProcessors",
    ),
    (
        "DedicatedProcessorConfiguration.min",
        "PartitionProcessorConfiguration/DedicatedProcessorConfiguration/MinimumProcessors",
    ),
    (
        "DedicatedProcessorConfiguration.max",
        "PartitionProcessorConfiguration/DedicatedProcessorConfiguration/MaximumProcessors",
    ),
    (
        "SharedProcessorConfiguration.desired_virtual",
        "PartitionProcessorConfiguration/SharedProcessorConfiguration/DesiredVirtualProcessors",
    ),
    (
        "SharedProcessorConfiguration.min_virtual",
        "PartitionProcessorConfiguration/SharedProcessorConfiguration/MinimumVirtualProcessors",
    ),
    (
        "SharedProcessorConfiguration.max_virtual",
        "PartitionProcessorConfiguration/SharedProcessorConfiguration/MaximumVirtualProcessors",
    ),
    (
        "SharedProcessorConfiguration.desired_units",
        "PartitionProcessorConfiguration/SharedProcessorConfiguration/DesiredProcessingUnits",
    ),
    (
        "SharedProcessorConfiguration.min_units",
        "PartitionProcessorConfiguration/SharedProcessorConfiguration/MinimumProcessingUnits",
    ),
    (
        "SharedProcessorConfiguration.max_units",
        "PartitionProcessorConfiguration/SharedProcessorConfiguration/MaximumProcessingUnits",
    ),
    (
        "SharedProcessorConfiguration.uncapped_weight",
        "PartitionProcessorConfiguration/SharedProcessorConfiguration/UncappedWeight",
    ),
    (
        "SharedProcessorConfiguration.pool_id",
        "PartitionProcessorConfiguration/SharedProcessorConfiguration/SharedProcessorPoolID",
    ),
];

/// Those of a virtual Ethernet adapter.
pub(super) const ETHERNET: &[Named] = &[
    ("VirtualEthernetAdapter.pvid", "PortVLANID"),
    ("VirtualEthernetAdapter.tagged_vlans", "TaggedVLANIDs"),
    ("VirtualEthernetAdapter.is_tagged_vlan_supported", "TaggedVLANSupported"),
    ("VirtualEthernetAdapter.mac", "MACAddress"),
    ("VirtualEthernetAdapter.slot", "VirtualSlotNumber"),
    ("VirtualEthernetAdapter.lpar_id", "LocalPartitionID"),
    ("VirtualEthernetAdapter.vswitch_id", "VirtualSwitchID"),
    ("VirtualEthernetAdapter.loc_code", "LocationCode"),
    ("VirtualEthernetAdapter.trunk_pri", "TrunkPriority"),
];

/// Those of a virtual disk.
pub(super) const DISK: &[Named] = &[
    ("VirtualDisk.name", "DiskName"),
    ("VirtualDisk.capacity", "DiskCapacity"),
    ("VirtualDisk.label", "DiskLabel"),
];

/// Those of the system.
pub(super) const SYSTEM: &[Named] = &[
    ("ManagedSystem.system_name", "SystemName"),
    ("ManagedSystem.state", "State"),
    ("ManagedSystem.memory_total", "AssociatedSystemMemoryConfiguration/InstalledSystemMemory"),
    (
        "ManagedSystem.memory_configurable",
        "AssociatedSystemMemoryConfiguration/ConfigurableSystemMemory",
    ),
    (
        "ManagedSystem.memory_free",
        "AssociatedSystemMemoryConfiguration/CurrentAvailableSystemMemory",
    ),
    ("ManagedSystem.memory_region_size", "AssociatedSystemMemoryConfiguration/MemoryRegionSize"),
    (
        "ManagedSystem.proc_units",
        "AssociatedSystemProcessorConfiguration/InstalledSystemProcessorUnits",
    ),
    (
        "ManagedSystem.proc_units_configurable",
        "AssociatedSystemProcessorConfiguration/ConfigurableSystemProcessorUnits",
    ),
    (
        "ManagedSystem.proc_units_avail",
        "AssociatedSystemProcessorConfiguration/CurrentAvailableSystemProcessorUnits",
    ),
    ("ManagedSystem.max_lpars", "MaximumPartitions"),
];

/// The path of a field.
fn path(named: &[Named], name: &str) -> Result<&'static str, UsageError> {
    let found = named.iter().find(|(own, _)| *own == name);
    found.map(|(_, path)| *path).ok_or_else(|| {
        let known: Vec<&str> = named.iter().map(|(own, _)| *own).collect();
        UsageError::unknown("field", name, &known)
    })
}

/// The value of a field; empty when the object has none.
pub(super) fn read<T, E>(
    named: &[Named],
    fields: &[Field<T, E>],
    object: &T,
    name: &str,
) -> Result<String, Failure> {
    let path = path(named, name)?;
    Ok(by_xml(fields, path).and_then(|field| field.xml_text(object)).unwrap_or_default())
}

/// Writes `FIELD=VALUE`.
pub(super) fn write<T, E>(
    named: &[Named],
    fields: &[Field<T, E>],
    edit: &mut E,
    pair: &str,
) -> Result<(), Failure> {
    let (name, value) = split(pair)?;
    let path = path(named, name)?;
    let Some(field) = by_xml(fields, path) else { return Ok(()) };
    let written = field.write_rest(edit, value);
    Ok(written.map_err(|error| match error {
        ValueError::Bad { expected, got, .. } => {
            UsageError::Value { attribute: name.to_owned(), expected, got }
        }
        ValueError::ReadOnly { .. } => {
            UsageError::Options(format!("{name} cannot be set: the system sets it"))
        }
    })?)
}

/// The parts of `KEY=VALUE`.
pub(super) fn split(pair: &str) -> Result<(&str, &str), UsageError> {
    let wrong = || UsageError::Options(format!("expected KEY=VALUE, got `{pair}`"));
    pair.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::{adapter, partition, storage, system};

    fn unknown<T, E>(named: &[Named], fields: &[Field<T, E>]) -> Vec<&'static str> {
        named
            .iter()
            .filter(|(_, path)| by_xml(fields, path).is_none())
            .map(|(name, _)| *name)
            .collect()
    }

    #[test]
    fn each_field_stands_in_a_document() {
        assert_eq!(unknown(PARTITION, partition::FIELDS), [""; 0]);
        assert_eq!(unknown(ETHERNET, adapter::FIELDS), [""; 0]);
        assert_eq!(unknown(DISK, storage::DISK), [""; 0]);
        assert_eq!(unknown(SYSTEM, system::FIELDS), [""; 0]);
    }
}
