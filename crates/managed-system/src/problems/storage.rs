//! Storage: disk space is handed out once and comes back, and what is mapped is there.

use crate::ids::PartitionId;
use crate::scsi::Backing;
use crate::storage::Storage;
use crate::system::System;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(system: &System, found: &mut Vec<String>) {
    for (id, partition) in system.partitions.iter() {
        if let Some(storage) = &partition.storage {
            groups(*id, storage, found);
            repository(*id, storage, found);
            targets(system, *id, storage, found);
        }
    }
}

fn groups(id: PartitionId, storage: &Storage, found: &mut Vec<String>) {
    for (name, group) in storage.groups.iter() {
        let volumes = storage.volumes.values().filter(|at| at.group.as_ref() == Some(name));
        let capacity_mb: u64 = volumes.clone().map(|volume| volume.capacity_mb).sum();
        let disks = storage.disks.values().filter(|disk| disk.group == *name);
        let repository = storage.repository.as_ref().filter(|at| at.group == *name);
        let used_mb = disks.clone().map(|disk| disk.size_mb).sum::<u64>()
            + repository.map_or(0, |repository| repository.size_mb);
        let is_right = volumes.map(|volume| &volume.name).eq(&group.volumes)
            && disks.map(|disk| &disk.name).eq(&group.disks)
            && (capacity_mb, used_mb) == (group.capacity_mb, group.used_mb)
            && used_mb <= capacity_mb
            && repository.is_some() == group.has_repository;
        if !is_right {
            found.push(format!(
                "volume group {name} of partition {id} has {used_mb} of {capacity_mb} MB in use: {group:?}"
            ));
        }
    }
    let homes = storage.volumes.values().filter_map(|volume| volume.group.as_ref());
    let homes = homes.chain(storage.disks.values().map(|disk| &disk.group));
    for group in homes.filter(|group| !storage.groups.contains(group)) {
        found.push(format!("partition {id} has something in a volume group {group} that is gone"));
    }
}

fn repository(id: PartitionId, storage: &Storage, found: &mut Vec<String>) {
    let Some(repository) = &storage.repository else { return };
    let used_mb: u64 = repository.media.values().map(|medium| medium.size_mb).sum();
    if used_mb != repository.used_mb || used_mb > repository.size_mb {
        found.push(format!(
            "the repository of partition {id} has {used_mb} MB in use: {repository:?}"
        ));
    }
    for medium in repository.media.values() {
        if medium.loaded.len() > 1 && !medium.read_only {
            found.push(format!(
                "medium {} of partition {id} is in {:?}",
                medium.name, medium.loaded
            ));
        }
    }
}

/// Target devices, what is behind them, and what that knows of it.
fn targets(system: &System, id: PartitionId, storage: &Storage, found: &mut Vec<String>) {
    let mut by_name = BTreeMap::new();
    let (mut volumes, mut disks) = (BTreeMap::new(), BTreeMap::new());
    let mut media: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
    let Ok(partition) = system.partition(id) else { return };
    for (slot, server) in partition.scsi_servers() {
        let mut units = BTreeSet::new();
        for (name, target) in server.targets.iter() {
            if by_name.insert(name, slot).is_some() || !units.insert(target.unit) {
                found.push(format!("partition {id} has target device {name} or its unit twice"));
            }
            let other = match &target.backing {
                Backing::Volume(volume) => volumes.insert(volume, name),
                Backing::Disk(disk) => disks.insert(disk, name),
                Backing::Optical(Some(medium)) => {
                    media.entry(medium).or_default().insert(name);
                    None
                }
                Backing::Optical(None) => None,
            };
            if let Some(other) = other {
                found.push(format!("{other} and {name} of partition {id} have the same backing"));
            }
        }
    }
    let agree = by_name.into_iter().eq(storage.targets.iter().map(|(name, slot)| (name, *slot)))
        && volumes.into_iter().eq(storage
            .volumes
            .iter()
            .filter_map(|(name, volume)| Some((name, volume.target.as_ref()?))))
        && disks.into_iter().eq(storage
            .disks
            .iter()
            .filter_map(|(name, disk)| Some((name, disk.target.as_ref()?))));
    let repository = storage.repository.iter();
    let loaded: BTreeMap<&String, BTreeSet<&String>> = repository
        .flat_map(|repository| repository.media.iter())
        .filter(|(_, medium)| !medium.loaded.is_empty())
        .map(|(name, medium)| (name, medium.loaded.iter().collect()))
        .collect();
    if !agree || media != loaded {
        found
            .push(format!("partition {id} does not know what its target devices have behind them"));
    }
}
