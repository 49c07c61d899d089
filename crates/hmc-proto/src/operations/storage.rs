//! Storage of a Virtual I/O Server.

use crate::record::{codes, records};
use alloc::string::String;
use alloc::vec::Vec;

codes! {
    /// What stands behind a mapping.
    BackingKind {
        /// A virtual disk.
        Disk = 0, "disk";
        /// A physical volume.
        Volume = 1, "volume";
        /// An optical device, empty or with a medium.
        Optical = 2, "optical";
    }
}

records! {
    /// A physical volume.
    PhysicalVolume {
        /// Its name, as in hdisk1.
        name: String,
        /// Its size, in MB.
        size_mb: u64,
        /// The volume group that it belongs to.
        group: Option<String>,
        /// The target device that it backs.
        target: Option<String>,
    }

    /// A volume group.
    VolumeGroup {
        /// Its name.
        name: String,
        /// Its size, in MB.
        size_mb: u64,
        /// What no disk and no repository takes, in MB.
        free_mb: u64,
        /// Grows with every change.
        version: u64,
        /// The number of its disks.
        disks: u32,
        /// The media repository lies in it.
        has_repository: bool,
    }

    /// Creates a volume group of physical volumes.
    CreateGroup {
        /// The Virtual I/O Server's ID.
        vios: u16,
        /// Its version; any without it.
        version: Option<u64>,
        /// The group's name.
        group: String,
        /// The physical volumes' names.
        volumes: Vec<String>,
    }

    /// Adds physical volumes to a volume group.
    ExtendGroup {
        /// The Virtual I/O Server's ID.
        vios: u16,
        /// The group's version; any without it.
        version: Option<u64>,
        /// The group's name.
        group: String,
        /// The physical volumes' names.
        volumes: Vec<String>,
    }

    /// Names a volume group, to be removed.
    GroupName {
        /// The Virtual I/O Server's ID.
        vios: u16,
        /// The group's version; any without it.
        version: Option<u64>,
        /// The group's name.
        group: String,
    }

    /// A virtual disk.
    Disk {
        /// Its name.
        name: String,
        /// The volume group that it lies in.
        group: String,
        /// Its size, in MB.
        size_mb: u64,
        /// The target device that it backs.
        target: Option<String>,
    }

    /// Makes a virtual disk larger.
    ExtendDisk {
        /// The Virtual I/O Server's ID.
        vios: u16,
        /// Its version; any without it.
        version: Option<u64>,
        /// The disk's name.
        name: String,
        /// Its size from now on, in MB.
        size_mb: u64,
    }

    /// Creates a virtual disk.
    CreateDisk {
        /// The Virtual I/O Server's ID.
        vios: u16,
        /// The group's version; any without it.
        version: Option<u64>,
        /// The volume group.
        group: String,
        /// The disk's name.
        name: String,
        /// Its size, in MB.
        size_mb: u64,
    }

    /// Names a disk or media, to be removed.
    StorageName {
        /// The Virtual I/O Server's ID.
        vios: u16,
        /// Its version; any without it.
        version: Option<u64>,
        /// The name.
        name: String,
    }

    /// Asks for, or removes, what a Virtual I/O Server has one of.
    OfVios {
        /// The Virtual I/O Server's ID.
        vios: u16,
        /// Its version; any without it.
        version: Option<u64>,
    }

    /// Creates the media repository.
    CreateRepository {
        /// The Virtual I/O Server's ID.
        vios: u16,
        /// The group's version; any without it.
        version: Option<u64>,
        /// The volume group.
        group: String,
        /// Its size, in MB.
        size_mb: u64,
    }

    /// Virtual optical media.
    Media {
        /// Its name.
        name: String,
        /// Its size, in MB.
        size_mb: u64,
        /// It cannot be written to; then several devices can hold it.
        read_only: bool,
        /// The number of devices that hold it.
        loaded: u32,
    }

    /// Creates virtual optical media.
    CreateMedia {
        /// The Virtual I/O Server's ID.
        vios: u16,
        /// Its version; any without it.
        version: Option<u64>,
        /// The media's name.
        name: String,
        /// Its size, in MB.
        size_mb: u64,
        /// It cannot be written to.
        read_only: bool,
    }

    /// A mapping: a target device of a server adapter, and the storage behind it.
    Mapping {
        /// The target device's name.
        target: String,
        /// The server adapter's slot.
        server_slot: u16,
        /// The ID of the client.
        client: u16,
        /// The client adapter's slot.
        client_slot: u16,
        /// Logical unit address.
        lua: u64,
        /// What stands behind it.
        kind: BackingKind,
        /// The name of that; none of an empty optical device.
        backing: Option<String>,
    }

    /// Maps storage to a server adapter.
    CreateMapping {
        /// The Virtual I/O Server's ID.
        vios: u16,
        /// The version of the pair of adapters; any without it.
        version: Option<u64>,
        /// The server adapter's slot.
        server_slot: u16,
        /// What stands behind it.
        kind: BackingKind,
        /// The name of that; none for an empty optical device.
        backing: Option<String>,
        /// The target device's name; without it the next of vtscsi0, vtscsi1, …
        target: Option<String>,
    }

    /// Puts a medium into an optical device.
    LoadMedia {
        /// The Virtual I/O Server's ID.
        vios: u16,
        /// Its version; any without it.
        version: Option<u64>,
        /// The target device's name.
        target: String,
        /// The medium's name.
        medium: String,
    }

    /// A mapping was created.
    MappingCreated {
        /// The target device's name.
        target: String,
        /// The version of the pair of adapters.
        version: u64,
    }
}
