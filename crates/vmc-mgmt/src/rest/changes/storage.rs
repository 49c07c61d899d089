//! Volume groups: their disks and media are created and removed by posting the group with more or fewer of them.

use super::write;
use crate::app::{AppClient, PartitionView};
use crate::objects::storage::{DISK, DiskEdit, MEDIA, MediaEdit};
use crate::objects::{Datum, Kind};
use crate::rest::error::RestError;
use crate::rest::xml::Element;
use hmc_proto::{
    CreateDisk, CreateGroup, CreateMedia, CreateRepository, ExtendDisk, ExtendGroup, GroupName,
    OfVios, StorageName, VolumeGroup,
};

/// The elements of a name in the element at a path; `None` when there is no such element, which says nothing of them.
fn all<'e>(element: &'e Element, path: &str, name: &'e str) -> Option<Vec<&'e Element>> {
    let list = element.at(path)?;
    Some(list.children.iter().filter(|child| child.name == name).collect())
}

fn names(element: &Element, path: &str, name: &str, key: &str) -> Option<Vec<String>> {
    let list = all(element, path, name)?;
    Some(list.iter().filter_map(|child| child.text_at(key).map(str::to_owned)).collect())
}

/// Creates a volume group of the physical volumes in its document, and says its name.
pub fn create(
    client: &mut AppClient,
    vios: &PartitionView,
    element: &Element,
) -> Result<String, RestError> {
    let group = element.text_at("GroupName").unwrap_or_default().to_owned();
    let volumes = names(element, "PhysicalVolumes", "PhysicalVolume", "VolumeName");
    let volumes = volumes.unwrap_or_default();
    let vios = vios.partition.id;
    client.create_group(CreateGroup { vios, version: None, group: group.clone(), volumes })?;
    Ok(group)
}

/// Removes a volume group that holds nothing.
pub fn delete(
    client: &mut AppClient,
    vios: &PartitionView,
    group: &VolumeGroup,
) -> Result<(), RestError> {
    let (version, group) = (Some(group.version), group.name.clone());
    Ok(client.delete_group(GroupName { vios: vios.partition.id, version, group })?)
}

/// Makes of a group what its document says: volumes, disks, the repository and its media. What goes, goes first, so that its room
/// can be used.
pub fn update(
    client: &mut AppClient,
    vios: &PartitionView,
    group: &VolumeGroup,
    element: &Element,
) -> Result<(), RestError> {
    volumes(client, vios, group, element)?;
    disks(client, vios, group, element)?;
    media(client, vios, group, element)
}

fn volumes(
    client: &mut AppClient,
    vios: &PartitionView,
    group: &VolumeGroup,
    element: &Element,
) -> Result<(), RestError> {
    let owned = vios.storage.clone().unwrap_or_default();
    let wanted = names(element, "PhysicalVolumes", "PhysicalVolume", "VolumeName");
    let has = |name: &String| {
        owned.volumes.iter().any(|it| it.name == *name && it.group.as_ref() == Some(&group.name))
    };
    let volumes: Vec<_> = wanted.unwrap_or_default().into_iter().filter(|it| !has(it)).collect();
    if !volumes.is_empty() {
        let (vios, group) = (vios.partition.id, group.name.clone());
        client.extend_group(ExtendGroup { vios, version: None, group, volumes })?;
    }
    Ok(())
}

fn disks(
    client: &mut AppClient,
    vios: &PartitionView,
    group: &VolumeGroup,
    element: &Element,
) -> Result<(), RestError> {
    let Some(wanted) = all(element, "VirtualDisks", "VirtualDisk") else { return Ok(()) };
    let owned = vios.storage.clone().unwrap_or_default();
    let (id, version) = (vios.partition.id, None);
    let mut edits = Vec::new();
    for disk in wanted {
        let now = owned.disks.iter().find(|it| Some(it.name.as_str()) == disk.text_at("DiskName"));
        let mut edit = DiskEdit::default();
        if let Some(now) = now {
            (edit.name, edit.size_mb) = (now.name.clone(), now.size_mb);
        }
        write(DISK, disk, now, &mut edit)?;
        edits.push((edit, now));
    }
    for gone in owned.disks.iter().filter(|it| it.group == group.name) {
        if !edits.iter().any(|(edit, _)| edit.name == gone.name) {
            client.delete_disk(StorageName { vios: id, version, name: gone.name.clone() })?;
        }
    }
    for (DiskEdit { name, size_mb }, now) in edits {
        match now {
            None => {
                let group = group.name.clone();
                client.create_disk(CreateDisk { vios: id, version, group, name, size_mb })?;
            }
            Some(now) if now.size_mb != size_mb => {
                client.extend_disk(ExtendDisk { vios: id, version, name, size_mb })?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn media(
    client: &mut AppClient,
    vios: &PartitionView,
    group: &VolumeGroup,
    element: &Element,
) -> Result<(), RestError> {
    let Some(repositories) = all(element, "MediaRepositories", "VirtualMediaRepository") else {
        return Ok(());
    };
    let owned = vios.storage.clone().unwrap_or_default();
    let (id, version) = (vios.partition.id, None);
    let Some(repository) = repositories.first() else {
        if group.has_repository {
            client.delete_repository(OfVios { vios: id, version })?;
        }
        return Ok(());
    };
    if !group.has_repository {
        let size = repository.text_at("RepositorySize").unwrap_or_default();
        let size_mb = Kind::Gigabytes.parse_rest(size).as_ref().map_or(0, Datum::number);
        let group = group.name.clone();
        client.create_repository(CreateRepository { vios: id, version, group, size_mb })?;
    }
    let Some(wanted) = all(repository, "OpticalMedia", "VirtualOpticalMedia") else {
        return Ok(());
    };
    let mut edits = Vec::new();
    for medium in wanted {
        let now =
            owned.media.iter().find(|it| Some(it.name.as_str()) == medium.text_at("MediaName"));
        let mut edit = MediaEdit::default();
        if let Some(now) = now {
            edit = MediaEdit {
                name: now.name.clone(),
                size_mb: now.size_mb,
                read_only: now.read_only,
            };
        }
        write(MEDIA, medium, now, &mut edit)?;
        edits.push((edit, now.is_some()));
    }
    for gone in owned.media.iter().filter(|_| group.has_repository) {
        if !edits.iter().any(|(edit, _)| edit.name == gone.name) {
            client.delete_media(StorageName { vios: id, version, name: gone.name.clone() })?;
        }
    }
    for (MediaEdit { name, size_mb, read_only }, is_there) in edits {
        if !is_there {
            client.create_media(CreateMedia { vios: id, version, name, size_mb, read_only })?;
        }
    }
    Ok(())
}
