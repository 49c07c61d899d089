//! Volume groups, and what lies in them.

use super::{Scene, fill, structure};
use crate::app::PartitionView;
use crate::objects::storage::{DISK, GROUP, MEDIA, VOLUME};
use crate::rest::atom::{Entry, object};
use crate::rest::ids;
use crate::rest::xml::{Element, UOM};
use hmc_proto::{Disk, Media, PhysicalVolume, VolumeGroup};

/// A volume group's entry.
pub fn group(scene: &Scene, vios: &PartitionView, group: &VolumeGroup) -> Entry {
    let id = ids::group(&scene.snapshot, vios, group);
    let mut made = object(UOM, "VolumeGroup", &id, scene.created);
    let owned = vios.storage.clone().unwrap_or_default();
    fill(&mut made, GROUP, group, |name| match name {
        "GroupSerialID" | "UniqueDeviceID" => {
            Some(Element::text(name, ids::device(vios, "group", &group.name)))
        }
        "MediaRepositories" => Some(media_repositories(vios, Some(group))),
        "PhysicalVolumes" => Some(physical_volumes(vios, Some(group))),
        "VirtualDisks" => {
            let disks = owned.disks.iter().filter(|disk| disk.group == group.name);
            Some(structure(name).all(disks.map(|it| disk(vios, it))))
        }
        _ => None,
    });
    let (server, system) = (scene.path(vios), scene.system_path(vios));
    let paths = [server, system].map(|path| format!("/rest/api/uom/{path}/VolumeGroup/{id}"));
    scene.entry(id, paths.to_vec(), made)
}

/// A virtual disk.
pub(super) fn disk(vios: &PartitionView, disk: &Disk) -> Element {
    let mut made = structure("VirtualDisk");
    fill(&mut made, DISK, disk, |name| {
        Some(Element::text(name, ids::device(vios, "disk", &disk.name)))
    });
    made
}

/// A physical volume.
pub fn volume(vios: &PartitionView, volume: &PhysicalVolume) -> Element {
    let mut made = structure("PhysicalVolume");
    fill(&mut made, VOLUME, volume, |name| {
        Some(Element::text(name, ids::device(vios, "volume", &volume.name)))
    });
    made
}

/// A medium.
pub(super) fn medium(vios: &PartitionView, medium: &Media) -> Element {
    let mut made = structure("VirtualOpticalMedia");
    fill(&mut made, MEDIA, medium, |name| {
        Some(Element::text(name, ids::device(vios, "media", &medium.name)))
    });
    made
}

/// The physical volumes of a server, or of a group of it.
pub(super) fn physical_volumes(vios: &PartitionView, of: Option<&VolumeGroup>) -> Element {
    let owned = vios.storage.iter().flat_map(|storage| &storage.volumes);
    let mine = owned.filter(|it| of.is_none_or(|group| it.group.as_ref() == Some(&group.name)));
    structure("PhysicalVolumes").all(mine.map(|it| volume(vios, it)))
}

/// The repository of a server, if it lies in that group.
pub(super) fn media_repositories(vios: &PartitionView, of: Option<&VolumeGroup>) -> Element {
    let made = structure("MediaRepositories");
    let Some(owned) = &vios.storage else { return made };
    let mut groups = owned.groups.iter().filter(|group| group.has_repository);
    let Some(group) = groups.find(|it| of.is_none_or(|group| group.name == it.name)) else {
        return made;
    };
    let media = owned.media.iter().map(|it| medium(vios, it));
    let size = crate::objects::Kind::Gigabytes.rest_text(&repository_mb(vios, group).into());
    let repository = structure("VirtualMediaRepository")
        .child(structure("OpticalMedia").all(media))
        .child(Element::text("RepositoryName", "VMLibrary"))
        .child(Element::text("RepositorySize", size.unwrap_or_default()));
    made.child(repository)
}

/// The repository takes what of its group is neither free nor a disk's.
fn repository_mb(vios: &PartitionView, group: &VolumeGroup) -> u64 {
    let disks = vios.storage.iter().flat_map(|storage| &storage.disks);
    let of_disks: u64 =
        disks.filter(|disk| disk.group == group.name).map(|disk| disk.size_mb).sum();
    group.size_mb.saturating_sub(group.free_mb).saturating_sub(of_disks)
}
