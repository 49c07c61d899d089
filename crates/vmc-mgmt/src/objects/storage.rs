//! Storage of a Virtual I/O Server: volumes, groups, disks and media.

use super::{Datum, Field, Kind, shown, written};
use hmc_proto::{Disk, Mapping, Media, PhysicalVolume, VolumeGroup};

const BIG: Kind = Kind::Number(u64::MAX);

/// A physical volume, and the server that has it.
pub static VOLUME: &[Field<PhysicalVolume>] = &[
    shown("AvailablePhysicalPartitions", "", &[], BIG, |_| Datum::Absent),
    shown("Description", "", &[], Kind::Text, |_| "Virtual SCSI disk".into()),
    shown("ReservePolicy", "", &[], Kind::Text, |_| "NoReserve".into()),
    shown("ReservePolicyAlgorithm", "", &[], Kind::Text, |_| "Failover".into()),
    shown("UniqueDeviceID", "", &[], Kind::Part, |_| Datum::Absent),
    shown("AvailableForUsage", "", &[], Kind::Flag, |it| is_free(it).into()),
    shown("VolumeCapacity", "", &["size"], BIG, |it| it.size_mb.into()),
    shown("VolumeName", "", &["name"], Kind::Text, |it| it.name.as_str().into()),
    shown("VolumeState", "", &[], Kind::Text, |_| "active".into()),
    shown("IsFibreChannelBacked", "", &[], Kind::Flag, |_| false.into()),
];

/// Whether a physical volume is in no group, and backs no target device.
pub fn is_free(volume: &PhysicalVolume) -> bool {
    volume.group.is_none() && volume.target.is_none()
}

/// The logical unit address of a mapping: `0x8100000000000000`.
pub fn lua(mapping: &Mapping) -> String {
    format!("0x{:016x}", mapping.lua)
}

/// A volume group.
pub static GROUP: &[Field<VolumeGroup>] = &[
    shown("AvailableSize", "", &[], Kind::Gigabytes, |it| it.free_mb.into()),
    shown("BackingDeviceCount", "", &[], BIG, |it| it.disks.into()),
    shown("FreeSpace", "", &["freespace"], Kind::Gigabytes, |it| it.free_mb.into()),
    shown("GroupCapacity", "", &["size"], Kind::Gigabytes, |it| it.size_mb.into()),
    shown("GroupName", "", &["name"], Kind::Text, |it| it.name.as_str().into()),
    shown("GroupSerialID", "", &[], Kind::Part, |_| Datum::Absent),
    shown("GroupState", "", &[], Kind::Text, |_| "active".into()),
    shown("MaximumLogicalVolumes", "", &[], BIG, |_| 256u32.into()),
    shown("MediaRepositories", "", &[], Kind::Part, |_| Datum::Absent),
    shown("MinimumAllocationSize", "", &[], BIG, |_| 1u32.into()),
    shown("PhysicalVolumes", "", &[], Kind::Part, |_| Datum::Absent),
    shown("UniqueDeviceID", "", &[], Kind::Part, |_| Datum::Absent),
    shown("VirtualDisks", "", &[], Kind::Part, |_| Datum::Absent),
];

/// What a virtual disk is to be.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct DiskEdit {
    /// Its name.
    pub name: String,
    /// Its size, in MB.
    pub size_mb: u64,
}

/// A virtual disk.
pub static DISK: &[Field<Disk, DiskEdit>] = &[
    written(
        "DiskCapacity",
        "",
        &["size"],
        Kind::Gigabytes,
        |it| it.size_mb.into(),
        |edit, datum| edit.size_mb = datum.number(),
    ),
    shown("DiskLabel", "", &[], Kind::Text, |_| "None".into()),
    written(
        "DiskName",
        "",
        &["name"],
        Kind::Text,
        |it| it.name.as_str().into(),
        |edit, datum| edit.name = datum.text().to_owned(),
    ),
    shown("UniqueDeviceID", "", &[], Kind::Part, |_| Datum::Absent),
    shown("VirtualDiskType", "", &[], Kind::Text, |_| "LogicalVolume".into()),
];

/// What a medium is to be.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MediaEdit {
    /// Its name.
    pub name: String,
    /// Its size, in MB.
    pub size_mb: u64,
    /// It cannot be written to.
    pub read_only: bool,
}

/// Words for how a medium is mounted.
pub const MOUNT_TYPES: Kind = Kind::Word(&[("r", "ro"), ("rw", "rw")]);

/// Virtual optical media.
pub static MEDIA: &[Field<Media, MediaEdit>] = &[
    written(
        "MediaName",
        "",
        &["name"],
        Kind::Text,
        |it| it.name.as_str().into(),
        |edit, datum| edit.name = datum.text().to_owned(),
    ),
    shown("MediaUDID", "", &[], Kind::Part, |_| Datum::Absent),
    written(
        "MountType",
        "",
        &["access"],
        MOUNT_TYPES,
        |it| if it.read_only { "r".into() } else { "rw".into() },
        |edit, datum| edit.read_only = datum.text() == "r",
    ),
    written(
        "Size",
        "",
        &["size"],
        Kind::Gigabytes,
        |it| it.size_mb.into(),
        |edit, datum| edit.size_mb = datum.number(),
    ),
];

/// The name that a Virtual I/O Server has for its adapter in a slot. It follows from the slot, so it stays the same whichever
/// other adapters come and go: the first slot that an adapter can have is that of `vhost0`.
pub fn vhost(slot: u16) -> String {
    format!("vhost{}", slot.saturating_sub(managed_system::limits::FIRST_SLOT))
}
