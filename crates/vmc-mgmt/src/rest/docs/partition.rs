//! Partitions and Virtual I/O Servers.

use super::{Scene, fill, mapping, storage, structure};
use crate::app::PartitionView;
use crate::objects::partition::{FIELDS, Subject};
use crate::rest::atom::{Entry, object};
use crate::rest::ids;
use crate::rest::xml::{Element, UOM};
use std::sync::Arc;

/// Groups of attributes that are shown only when they are asked for.
const SCSI: &str = "ViosSCSIMapping";
const STORAGE: &str = "ViosStorage";
const FIBRE_CHANNEL: &str = "ViosFCMapping";

/// A partition's entry.
pub fn partition(scene: &Scene, view: &Arc<PartitionView>) -> Entry {
    let mut made = object(UOM, "LogicalPartition", &ids::partition(view), scene.created);
    common(scene, view, &mut made);
    let lasts = [
        ("RemoteRestartCapable", "false"),
        ("SimplifiedRemoteRestartCapable", "false"),
        ("HasDedicatedProcessorsForMigration", "false"),
        ("SuspendCapable", "false"),
        ("MigrationDisable", "false"),
        ("MigrationState", "Not_Migrating"),
        ("RemoteRestartState", "Invalid"),
        ("PowerManagementMode", "default"),
    ];
    made.children.extend(lasts.map(|(name, text)| Element::text(name, text)));
    if !scene.novalink {
        let adapters = view.scsi.iter().map(|_| scene.link(&scene.path(view)));
        made.children.push(Element::new("VirtualSCSIClientAdapters").all(adapters));
    }
    entry(scene, view, made)
}

/// A Virtual I/O Server's entry, with these groups of attributes.
pub fn vios(scene: &Scene, view: &Arc<PartitionView>, groups: &[String]) -> Entry {
    let mut made = object(UOM, "VirtualIOServer", &ids::partition(view), scene.created);
    common(scene, view, &mut made);
    let has = |group: &str| groups.iter().any(|it| it == group || it == "All");
    made.children.push(Element::text("APICapable", "true"));
    made.children.push(Element::text("IsVNICCapable", "false"));
    made.children.push(Element::text("VNICFailOverCapable", "false"));
    made.children.push(Element::text("ManagerPassthroughCapable", "false"));
    if has(STORAGE) {
        made.children.push(storage::media_repositories(view, None));
    }
    made.children.push(Element::text("MoverServicePartition", "false"));
    made.children.push(Element::text("PagingServicePartition", "false"));
    if has(STORAGE) {
        made.children.push(storage::physical_volumes(view, None));
    }
    made.children.push(Element::text("SharedStoragePoolCapable", "false"));
    if has(STORAGE)
        && let Some(owned) = &view.storage
    {
        let link = |group| {
            let group = ids::group(&scene.snapshot, view, group);
            scene.link(&format!("{}/VolumeGroup/{group}", scene.path(view)))
        };
        made.children.push(Element::new("StoragePools").all(owned.groups.iter().map(link)));
    }
    made.children.push(Element::text("VirtualIOServerLicenseAccepted", "true"));
    if has(FIBRE_CHANNEL) {
        made.children.push(structure("VirtualFibreChannelMappings"));
    }
    if has(SCSI) {
        made.children.push(mapping::mappings(scene, view));
    }
    // A client posts to the link that it was given: with the groups, its document and the answer say as much.
    let is_group = |it: &&str| {
        *it != "None" && !it.is_empty() && it.chars().all(|c| c.is_ascii_alphanumeric())
    };
    let known: Vec<&str> = groups.iter().map(String::as_str).filter(is_group).collect();
    let mut entry = entry(scene, view, made);
    if !known.is_empty() {
        let query = format!("?group={}", known.join(","));
        entry.paths.iter_mut().for_each(|path| path.push_str(&query));
    }
    entry
}

/// What partitions of all types have.
fn common(scene: &Scene, view: &Arc<PartitionView>, made: &mut Element) {
    let snapshot = &scene.snapshot;
    let subject = Subject::new(snapshot, view);
    let path = scene.path(view);
    fill(made, FIELDS, &subject, |name| match name {
        "AssociatedManagedSystem" => {
            let link = scene.link(&format!("ManagedSystem/{}", ids::system(snapshot)));
            Some(Element { name: name.to_owned(), ..link })
        }
        "ClientNetworkAdapters" if !scene.novalink => {
            let link = |ethernet| {
                let id = ids::ethernet(snapshot, ethernet);
                scene.link(&format!("{path}/ClientNetworkAdapter/{id}"))
            };
            Some(Element::new(name).all(view.ethernet.iter().map(link)))
        }
        "PartitionProfiles" if !scene.novalink => {
            let link = |profile: &hmc_proto::Profile| {
                scene.link(&format!(
                    "{path}/LogicalPartitionProfile/{}",
                    ids::profile(view, &profile.name)
                ))
            };
            Some(Element::new(name).all(view.profiles.iter().map(link)))
        }
        _ => None,
    });
}

/// A partition's ETag follows from its version, which grows with each change, and from what is kept of it.
fn entry(scene: &Scene, view: &PartitionView, mut made: Element) -> Entry {
    let partition = &view.partition;
    let paths = [scene.path(view), scene.system_path(view)];
    let paths = paths.map(|path| format!("/rest/api/uom/{path}")).to_vec();
    let kept = scene.kept.show(&ids::partition(view), &mut made).unwrap_or_default();
    let etag = ids::etag(&format!("{} {} {kept}", partition.uuid, partition.version));
    Entry::versioned(ids::partition(view), paths, made, etag)
}
