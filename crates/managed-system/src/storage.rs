//! Storage of a Virtual I/O Server: physical volumes, volume groups, and the virtual disks in them (management reference,
//! section 1.14).

use crate::events::{EventKind, Property};
use crate::ids::{Object, PartitionId, Slot, Version};
use crate::limits::{check_name, check_range};
use crate::media::Repository;
use crate::refusal::{Attribute, Named, Refusal};
use crate::request::Outcome;
use crate::scsi::Backing;
use crate::state::RmcState;
use crate::system::System;
use crate::table::{Page, Table};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// Storage of a Virtual I/O Server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Storage {
    pub(crate) volumes: Table<String, Volume>,
    pub(crate) groups: Table<String, VolumeGroup>,
    pub(crate) disks: Table<String, Disk>,
    pub(crate) repository: Option<Repository>,
    /// Target devices by name, with the slots of their adapters.
    pub(crate) targets: Table<String, Slot>,
}

/// A physical volume.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Volume {
    pub(crate) name: String,
    pub(crate) capacity_mb: u64,
    pub(crate) group: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) serial: Version,
}

/// Physical volumes, out of which disks are cut.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VolumeGroup {
    pub(crate) name: String,
    pub(crate) volumes: BTreeSet<String>,
    pub(crate) capacity_mb: u64,
    pub(crate) used_mb: u64,
    pub(crate) disks: BTreeSet<String>,
    pub(crate) has_repository: bool,
    pub(crate) serial: Version,
    pub(crate) version: Version,
}

/// A virtual disk: a logical volume.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Disk {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) size_mb: u64,
    pub(crate) target: Option<String>,
    pub(crate) serial: Version,
}

impl Volume {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its capacity in MB.
    pub fn capacity_mb(&self) -> u64 {
        self.capacity_mb
    }

    /// The volume group that it belongs to.
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// The target device that it backs.
    pub fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// What tells it from every other object of the system, for good: the version at which it came.
    pub fn serial(&self) -> Version {
        self.serial
    }
}

impl VolumeGroup {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its volumes by name.
    pub fn volumes(&self) -> impl Iterator<Item = &str> {
        self.volumes.iter().map(String::as_str)
    }

    /// Its disks by name.
    pub fn disks(&self) -> impl Iterator<Item = &str> {
        self.disks.iter().map(String::as_str)
    }

    /// Its capacity in MB.
    pub fn capacity_mb(&self) -> u64 {
        self.capacity_mb
    }

    /// What is not used of it, in MB.
    pub fn free_mb(&self) -> u64 {
        self.capacity_mb - self.used_mb
    }

    /// Whether the media repository lies in it.
    pub fn has_repository(&self) -> bool {
        self.has_repository
    }

    /// What tells it from every other object of the system, for good: the version at which it came.
    pub fn serial(&self) -> Version {
        self.serial
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }
}

impl Disk {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its volume group.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Its size in MB.
    pub fn size_mb(&self) -> u64 {
        self.size_mb
    }

    /// The target device that it backs.
    pub fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// What tells it from every other object of the system, for good: the version at which it came.
    pub fn serial(&self) -> Version {
        self.serial
    }
}

fn none(what: Named, name: &str) -> Refusal {
    Refusal::NoSuchName { what, name: name.to_owned() }
}

fn in_use(what: Named, name: &str) -> Refusal {
    Refusal::NameInUse { what, name: name.to_owned() }
}

impl Storage {
    /// A physical volume.
    pub fn volume(&self, name: &str) -> Result<&Volume, Refusal> {
        self.volumes.get(&name.to_owned()).ok_or_else(|| none(Named::Volume, name))
    }

    /// Some physical volumes, in the order of their names, behind a cursor.
    pub fn volumes(&self, after: Option<&String>, limit: usize) -> Page<String, &Volume> {
        self.volumes.page(after, limit)
    }

    /// A volume group.
    pub fn group(&self, name: &str) -> Result<&VolumeGroup, Refusal> {
        self.groups.get(&name.to_owned()).ok_or_else(|| none(Named::VolumeGroup, name))
    }

    /// Some volume groups, in the order of their names, behind a cursor.
    pub fn groups(&self, after: Option<&String>, limit: usize) -> Page<String, &VolumeGroup> {
        self.groups.page(after, limit)
    }

    /// A virtual disk.
    pub fn disk(&self, name: &str) -> Result<&Disk, Refusal> {
        self.disks.get(&name.to_owned()).ok_or_else(|| none(Named::Disk, name))
    }

    /// Some virtual disks, in the order of their names, behind a cursor.
    pub fn disks(&self, after: Option<&String>, limit: usize) -> Page<String, &Disk> {
        self.disks.page(after, limit)
    }

    /// The media repository.
    pub fn repository(&self) -> Option<&Repository> {
        self.repository.as_ref()
    }

    /// Volumes that a group could have: they are there, belong to none and back nothing.
    fn check_free_volumes(&self, names: &BTreeSet<String>) -> Result<u64, Refusal> {
        if names.is_empty() {
            return Err(Refusal::NoVolumes);
        }
        let mut capacity_mb = 0;
        for name in names {
            let volume = self.volume(name)?;
            self.check_unmapped(&Backing::Volume(name.clone()))?;
            capacity_mb += volume.capacity_mb;
        }
        Ok(capacity_mb)
    }

    /// There is so much room in a volume group.
    pub(crate) fn check_room(&self, group: &str, wanted_mb: u64) -> Result<(), Refusal> {
        let free_mb = self.group(group)?.free_mb();
        if wanted_mb <= free_mb {
            return Ok(());
        }
        let (what, name) = (Named::VolumeGroup, group.to_owned());
        Err(Refusal::NoRoom { what, name, wanted_mb, free_mb })
    }

    /// The name of a target device to be: the one that is wanted, or the first free one.
    pub(crate) fn target_name(
        &self,
        wanted: Option<&str>,
        backing: &Backing,
    ) -> Result<String, Refusal> {
        match wanted {
            Some(name) => {
                check_name(Named::Target, name)?;
                match self.targets.contains(&name.to_owned()) {
                    true => Err(in_use(Named::Target, name)),
                    false => Ok(name.to_owned()),
                }
            }
            None => {
                let stem = if matches!(backing, Backing::Optical(_)) { "vtopt" } else { "vtscsi" };
                let mut names = (0u32..).map(|n| format!("{stem}{n}"));
                let free = names.find(|name| !self.targets.contains(name));
                Ok(free.unwrap_or_default())
            }
        }
    }

    /// What is to be behind a target device is there, and behind no other.
    pub(crate) fn check_unmapped(&self, backing: &Backing) -> Result<(), Refusal> {
        let (what, name, target) = match backing {
            Backing::Volume(name) => {
                let volume = self.volume(name)?;
                if let Some(group) = &volume.group {
                    let (name, group) = (name.clone(), group.clone());
                    return Err(Refusal::VolumeInGroup { name, group });
                }
                (Named::Volume, name, &volume.target)
            }
            Backing::Disk(name) => (Named::Disk, name, &self.disk(name)?.target),
            Backing::Optical(Some(medium)) => return self.check_loadable(medium),
            Backing::Optical(None) => return Ok(()),
        };
        match target {
            Some(target) => {
                Err(Refusal::Mapped { what, name: name.clone(), target: target.clone() })
            }
            None => Ok(()),
        }
    }

    pub(crate) fn map(&mut self, target: &str, slot: Slot, backing: &Backing) {
        self.targets.insert(target.to_owned(), slot);
        self.set_target(Some(target), target, backing);
    }

    pub(crate) fn unmap(&mut self, target: &str, backing: &Backing) {
        self.targets.remove(&target.to_owned());
        self.set_target(None, target, backing);
    }

    /// Notes at what is behind a target device whether it is.
    fn set_target(&mut self, backed: Option<&str>, target: &str, backing: &Backing) {
        let backed_owned = backed.map(str::to_owned);
        match backing {
            Backing::Volume(name) => {
                if let Some(volume) = self.volumes.get_mut(name) {
                    volume.target = backed_owned;
                }
            }
            Backing::Disk(name) => {
                if let Some(disk) = self.disks.get_mut(name) {
                    disk.target = backed_owned;
                }
            }
            Backing::Optical(Some(medium)) => self.set_loaded(target, medium, backed.is_some()),
            Backing::Optical(None) => {}
        }
    }
}

impl System {
    /// Storage of a Virtual I/O Server.
    pub fn storage(&self, id: PartitionId) -> Result<&Storage, Refusal> {
        let storage = self.partition(id)?.storage.as_deref();
        storage.ok_or(Refusal::NotVios { partition: id })
    }

    pub(crate) fn storage_mut(&mut self, id: PartitionId) -> Option<&mut Storage> {
        self.partitions.get_mut(&id)?.storage.as_deref_mut()
    }

    /// Storage of a Virtual I/O Server that can be told to change it.
    pub(crate) fn answering_storage(&self, id: PartitionId) -> Result<&Storage, Refusal> {
        let storage = self.storage(id)?;
        let partition = self.partition(id)?;
        if partition.rmc != RmcState::Active && !self.setting_up {
            let (rmc, state) = (partition.rmc, partition.state());
            return Err(Refusal::NoRmc { partition: id, rmc, state });
        }
        Ok(storage)
    }

    /// A physical volume is attached to a Virtual I/O Server: hardware, which no manager can make.
    pub fn attach_volume(
        &mut self,
        vios: PartitionId,
        name: &str,
        capacity_mb: u64,
        now: Duration,
    ) -> Result<Outcome, Refusal> {
        self.advance(now);
        check_name(Named::Volume, name)?;
        check_range(Attribute::DiskSize, capacity_mb, 1..=u64::from(u32::MAX))?;
        if self.storage(vios)?.volume(name).is_ok() {
            return Err(in_use(Named::Volume, name));
        }
        let serial = self.next_version();
        let (name, group, target) = (name.to_owned(), None, None);
        if let Some(storage) = self.storage_mut(vios) {
            let volume = Volume { name: name.clone(), capacity_mb, group, target, serial };
            storage.volumes.insert(name, volume);
        }
        Ok(Outcome::Done(self.touch(vios, &[Property::Storage])))
    }

    pub(crate) fn create_group(
        &mut self,
        vios: PartitionId,
        name: &str,
        volumes: &BTreeSet<String>,
    ) -> Result<Outcome, Refusal> {
        let storage = self.answering_storage(vios)?;
        check_name(Named::VolumeGroup, name)?;
        if storage.group(name).is_ok() {
            return Err(in_use(Named::VolumeGroup, name));
        }
        let capacity_mb = storage.check_free_volumes(volumes)?;
        let version = self.next_version();
        let group = VolumeGroup {
            name: name.to_owned(),
            volumes: BTreeSet::new(),
            capacity_mb: 0,
            used_mb: 0,
            disks: BTreeSet::new(),
            has_repository: false,
            serial: version,
            version,
        };
        if let Some(storage) = self.storage_mut(vios) {
            storage.groups.insert(name.to_owned(), group);
        }
        self.take_volumes(vios, name, volumes, capacity_mb);
        self.note(Object::VolumeGroup(vios, name.to_owned()), EventKind::Added, &[]);
        self.touch(vios, &[Property::Storage]);
        Ok(Outcome::Done(version))
    }

    pub(crate) fn extend_group(
        &mut self,
        vios: PartitionId,
        name: &str,
        volumes: &BTreeSet<String>,
    ) -> Result<Outcome, Refusal> {
        let storage = self.answering_storage(vios)?;
        let capacity_mb = storage.check_free_volumes(volumes)?;
        self.take_volumes(vios, name, volumes, capacity_mb);
        Ok(Outcome::Done(self.group_changed(vios, name)))
    }

    fn take_volumes(
        &mut self,
        vios: PartitionId,
        group: &str,
        volumes: &BTreeSet<String>,
        capacity_mb: u64,
    ) {
        let Some(storage) = self.storage_mut(vios) else { return };
        for volume in volumes {
            if let Some(volume) = storage.volumes.get_mut(volume) {
                volume.group = Some(group.to_owned());
            }
        }
        if let Some(group) = storage.groups.get_mut(&group.to_owned()) {
            group.capacity_mb += capacity_mb;
            group.volumes.extend(volumes.iter().cloned());
        }
    }

    pub(crate) fn remove_group(
        &mut self,
        vios: PartitionId,
        name: &str,
    ) -> Result<Outcome, Refusal> {
        let group = self.answering_storage(vios)?.group(name)?;
        let content = group.disks.first().cloned();
        let content = content.or(group.has_repository.then(|| String::from("the repository")));
        if let Some(content) = content {
            let (what, name) = (Named::VolumeGroup, name.to_owned());
            return Err(Refusal::NotEmpty { what, name, content });
        }
        if let Some(storage) = self.storage_mut(vios)
            && let Some(group) = storage.groups.remove(&name.to_owned())
        {
            for volume in &group.volumes {
                if let Some(volume) = storage.volumes.get_mut(volume) {
                    volume.group = None;
                }
            }
        }
        self.note(Object::VolumeGroup(vios, name.to_owned()), EventKind::Removed, &[]);
        self.touch(vios, &[Property::Storage]);
        Ok(Outcome::Removed)
    }

    pub(crate) fn create_disk(
        &mut self,
        vios: PartitionId,
        group: &str,
        name: &str,
        size_mb: u64,
    ) -> Result<Outcome, Refusal> {
        let storage = self.answering_storage(vios)?;
        check_name(Named::Disk, name)?;
        check_range(Attribute::DiskSize, size_mb, 1..=u64::from(u32::MAX))?;
        if storage.disk(name).is_ok() {
            return Err(in_use(Named::Disk, name));
        }
        storage.check_room(group, size_mb)?;
        let serial = self.next_version();
        let disk =
            Disk { name: name.to_owned(), group: group.to_owned(), size_mb, target: None, serial };
        if let Some(storage) = self.storage_mut(vios) {
            storage.disks.insert(name.to_owned(), disk);
            if let Some(group) = storage.groups.get_mut(&group.to_owned()) {
                group.used_mb += size_mb;
                group.disks.insert(name.to_owned());
            }
        }
        Ok(Outcome::Done(self.group_changed(vios, group)))
    }

    pub(crate) fn extend_disk(
        &mut self,
        vios: PartitionId,
        name: &str,
        wanted_mb: u64,
    ) -> Result<Outcome, Refusal> {
        let storage = self.answering_storage(vios)?;
        let Disk { size_mb, group, .. } = storage.disk(name)?.clone();
        if wanted_mb <= size_mb {
            return Err(Refusal::CannotShrink { name: name.to_owned(), size_mb, wanted_mb });
        }
        let more_mb = wanted_mb - size_mb;
        storage.check_room(&group, more_mb)?;
        if let Some(storage) = self.storage_mut(vios) {
            if let Some(disk) = storage.disks.get_mut(&name.to_owned()) {
                disk.size_mb = wanted_mb;
            }
            if let Some(group) = storage.groups.get_mut(&group) {
                group.used_mb += more_mb;
            }
        }
        Ok(Outcome::Done(self.group_changed(vios, &group)))
    }

    pub(crate) fn remove_disk(
        &mut self,
        vios: PartitionId,
        name: &str,
    ) -> Result<Outcome, Refusal> {
        let storage = self.answering_storage(vios)?;
        storage.check_unmapped(&Backing::Disk(name.to_owned()))?;
        let Disk { size_mb, group, .. } = storage.disk(name)?.clone();
        if let Some(storage) = self.storage_mut(vios) {
            storage.disks.remove(&name.to_owned());
            if let Some(group) = storage.groups.get_mut(&group) {
                group.used_mb -= size_mb;
                group.disks.remove(name);
            }
        }
        Ok(Outcome::Done(self.group_changed(vios, &group)))
    }

    /// A volume group has changed, and its server with it.
    pub(crate) fn group_changed(&mut self, vios: PartitionId, name: &str) -> Version {
        let version = self.next_version();
        if let Some(storage) = self.storage_mut(vios)
            && let Some(group) = storage.groups.get_mut(&name.to_owned())
        {
            group.version = version;
        }
        let object = Object::VolumeGroup(vios, name.to_owned());
        self.note(object, EventKind::Changed, &[Property::Storage]);
        self.touch(vios, &[Property::Storage]);
        version
    }
}
