//! The media repository of a Virtual I/O Server: virtual optical media, and the devices that hold them.

use crate::events::Property;
use crate::ids::{PartitionId, Version};
use crate::limits::{check_name, check_range};
use crate::refusal::{Attribute, Named, Refusal};
use crate::request::Outcome;
use crate::scsi::Backing;
use crate::storage::Storage;
use crate::system::System;
use crate::table::{Page, Table};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Room in a volume group for virtual optical media. A server has at most one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Repository {
    pub(crate) group: String,
    pub(crate) size_mb: u64,
    pub(crate) used_mb: u64,
    pub(crate) media: Table<String, Medium>,
}

/// A virtual optical medium.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Medium {
    pub(crate) name: String,
    pub(crate) size_mb: u64,
    pub(crate) read_only: bool,
    /// Devices that hold it.
    pub(crate) loaded: BTreeSet<String>,
    pub(crate) serial: Version,
}

impl Repository {
    /// The volume group that it lies in.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Its size in MB.
    pub fn size_mb(&self) -> u64 {
        self.size_mb
    }

    /// What is not used of it, in MB.
    pub fn free_mb(&self) -> u64 {
        self.size_mb - self.used_mb
    }

    /// Some media, in the order of their names, behind a cursor.
    pub fn media(&self, after: Option<&String>, limit: usize) -> Page<String, &Medium> {
        self.media.page(after, limit)
    }

    /// A medium.
    pub fn medium(&self, name: &str) -> Result<&Medium, Refusal> {
        let medium = self.media.get(&name.to_owned());
        medium.ok_or_else(|| Refusal::NoSuchName { what: Named::Medium, name: name.to_owned() })
    }
}

impl Medium {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its size in MB.
    pub fn size_mb(&self) -> u64 {
        self.size_mb
    }

    /// Whether it cannot be written to; then several devices can hold it.
    pub fn read_only(&self) -> bool {
        self.read_only
    }

    /// The target devices that hold it.
    pub fn loaded(&self) -> impl ExactSizeIterator<Item = &str> {
        self.loaded.iter().map(String::as_str)
    }

    /// What tells it from every other object of the system, for good: the version at which it came.
    pub fn serial(&self) -> Version {
        self.serial
    }
}

impl Storage {
    /// A device can hold a medium: no other device does, unless it is read-only.
    pub(crate) fn check_loadable(&self, medium: &str) -> Result<(), Refusal> {
        let none = || Refusal::NoSuchName { what: Named::Medium, name: medium.to_owned() };
        let medium = self.repository.as_ref().ok_or_else(none)?.medium(medium)?;
        match medium.loaded.first() {
            Some(holder) if !medium.read_only => {
                let (what, name, target) = (Named::Medium, medium.name.clone(), holder.clone());
                Err(Refusal::Mapped { what, name, target })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn set_loaded(&mut self, device: &str, medium: &str, loaded: bool) {
        let media = self.repository.as_mut().map(|repository| &mut repository.media);
        let Some(medium) = media.and_then(|media| media.get_mut(&medium.to_owned())) else {
            return;
        };
        if loaded {
            medium.loaded.insert(device.to_owned());
        } else {
            medium.loaded.remove(device);
        }
    }
}

impl System {
    pub(crate) fn create_repository(
        &mut self,
        vios: PartitionId,
        group: &str,
        size_mb: u64,
    ) -> Result<Outcome, Refusal> {
        let storage = self.answering_storage(vios)?;
        check_range(Attribute::DiskSize, size_mb, 1..=u64::from(u32::MAX))?;
        if let Some(repository) = &storage.repository {
            return Err(Refusal::RepositoryExists { vios, group: repository.group.clone() });
        }
        storage.check_room(group, size_mb)?;
        if let Some(storage) = self.storage_mut(vios) {
            let (name, media) = (group.to_owned(), Table::default());
            storage.repository = Some(Repository { group: name, size_mb, used_mb: 0, media });
            if let Some(group) = storage.groups.get_mut(&group.to_owned()) {
                (group.has_repository, group.used_mb) = (true, group.used_mb + size_mb);
            }
        }
        Ok(Outcome::Done(self.group_changed(vios, group)))
    }

    pub(crate) fn remove_repository(&mut self, vios: PartitionId) -> Result<Outcome, Refusal> {
        let repository = self.repository(vios)?;
        if let Some(medium) = repository.media.values().next() {
            let (what, content) = (Named::Repository, medium.name.clone());
            let name = repository.group.clone();
            return Err(Refusal::NotEmpty { what, name, content });
        }
        let (group, size_mb) = (repository.group.clone(), repository.size_mb);
        if let Some(storage) = self.storage_mut(vios) {
            storage.repository = None;
            if let Some(group) = storage.groups.get_mut(&group) {
                (group.has_repository, group.used_mb) = (false, group.used_mb - size_mb);
            }
        }
        Ok(Outcome::Done(self.group_changed(vios, &group)))
    }

    /// The repository of a server that can be told to change it.
    fn repository(&self, vios: PartitionId) -> Result<&Repository, Refusal> {
        let repository = self.answering_storage(vios)?.repository.as_ref();
        repository.ok_or(Refusal::NoRepository { vios })
    }

    pub(crate) fn create_medium(
        &mut self,
        vios: PartitionId,
        name: &str,
        size_mb: u64,
        read_only: bool,
    ) -> Result<Outcome, Refusal> {
        let repository = self.repository(vios)?;
        check_name(Named::Medium, name)?;
        check_range(Attribute::DiskSize, size_mb, 1..=u64::from(u32::MAX))?;
        if repository.medium(name).is_ok() {
            return Err(Refusal::NameInUse { what: Named::Medium, name: name.to_owned() });
        }
        let free_mb = repository.free_mb();
        if size_mb > free_mb {
            let (what, name) = (Named::Repository, repository.group.clone());
            return Err(Refusal::NoRoom { what, name, wanted_mb: size_mb, free_mb });
        }
        let serial = self.next_version();
        let (name, loaded) = (name.to_owned(), BTreeSet::new());
        if let Some(repository) = self.repository_mut(vios) {
            repository.used_mb += size_mb;
            let medium = Medium { name: name.clone(), size_mb, read_only, loaded, serial };
            repository.media.insert(name, medium);
        }
        Ok(Outcome::Done(self.touch(vios, &[Property::Storage])))
    }

    fn repository_mut(&mut self, vios: PartitionId) -> Option<&mut Repository> {
        self.storage_mut(vios)?.repository.as_mut()
    }

    pub(crate) fn remove_medium(
        &mut self,
        vios: PartitionId,
        name: &str,
    ) -> Result<Outcome, Refusal> {
        let medium = self.repository(vios)?.medium(name)?;
        if let Some(target) = medium.loaded.first() {
            let (what, name, target) = (Named::Medium, name.to_owned(), target.clone());
            return Err(Refusal::Mapped { what, name, target });
        }
        let size_mb = medium.size_mb;
        if let Some(repository) = self.repository_mut(vios) {
            repository.used_mb -= size_mb;
            repository.media.remove(&name.to_owned());
        }
        Ok(Outcome::Done(self.touch(vios, &[Property::Storage])))
    }

    pub(crate) fn load_medium(
        &mut self,
        vios: PartitionId,
        target: &str,
        medium: &str,
    ) -> Result<Outcome, Refusal> {
        let held = self.optical(vios, target)?;
        if let Some(medium) = held {
            return Err(Refusal::MediumLoaded { name: target.to_owned(), medium });
        }
        self.answering_storage(vios)?.check_loadable(medium)?;
        Ok(self.set_medium(vios, target, None, Some(medium)))
    }

    pub(crate) fn unload_medium(
        &mut self,
        vios: PartitionId,
        target: &str,
    ) -> Result<Outcome, Refusal> {
        let held = self.optical(vios, target)?;
        self.answering_storage(vios)?;
        let medium = held.ok_or_else(|| Refusal::NothingLoaded { name: target.to_owned() })?;
        Ok(self.set_medium(vios, target, Some(&medium), None))
    }

    /// What an optical device holds.
    fn optical(&self, vios: PartitionId, target: &str) -> Result<Option<String>, Refusal> {
        match self.target(vios, target)? {
            (_, Backing::Optical(medium)) => Ok(medium),
            _ => Err(Refusal::NotOptical { name: target.to_owned() }),
        }
    }

    fn set_medium(
        &mut self,
        vios: PartitionId,
        target: &str,
        before: Option<&str>,
        after: Option<&str>,
    ) -> Outcome {
        let version = self.next_version();
        if let Some(storage) = self.storage_mut(vios) {
            before.iter().for_each(|medium| storage.set_loaded(target, medium, false));
            after.iter().for_each(|medium| storage.set_loaded(target, medium, true));
        }
        if let Ok((slot, _)) = self.target(vios, target)
            && let Some(adapter) = self.scsi_server_mut(vios, slot)
        {
            adapter.version = version;
            if let Some(target) = adapter.targets.get_mut(&target.to_owned()) {
                target.backing = Backing::Optical(after.map(str::to_owned));
            }
            self.scsi_changed(vios, slot);
        }
        Outcome::Done(version)
    }
}
