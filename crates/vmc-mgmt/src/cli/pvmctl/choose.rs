//! Which object is meant: `-i name=x`, `-p id=5`.

use super::args::Chosen;
use super::fields::split;
use crate::app::{PartitionView, Storage};
use crate::cli::output::{Failure, UsageError};
use crate::cli::scene::{NO_SUCH_OBJECT, Scene, options, refused};
use hmc_proto::{Disk, Ethernet};
use std::sync::Arc;

/// The partition of `name=x` or `id=5`.
pub(super) fn partition(scene: &Scene<'_>, pair: &str) -> Result<Arc<PartitionView>, Failure> {
    match split(pair)? {
        ("name" | "LogicalPartition.name", name) => scene.partition_named(name),
        ("id" | "LogicalPartition.id", id) => scene.partition_numbered(id),
        ("uuid" | "LogicalPartition.uuid", uuid) => {
            let found = uuid.parse().ok().and_then(|uuid| scene.snapshot.partition_with_uuid(uuid));
            found.cloned().ok_or_else(|| {
                let text = format!("The partition with the UUID {uuid} was not found.");
                refused(crate::cli::scene::NO_SUCH_PARTITION, text)
            })
        }
        (key, _) => Err(UsageError::unknown("key", key, &["name", "id", "uuid"]).into()),
    }
}

/// That of an option which must be given.
pub(super) fn needed_partition(
    scene: &Scene<'_>,
    pair: Option<&str>,
) -> Result<Arc<PartitionView>, Failure> {
    partition(scene, pair.ok_or_else(|| options("expected -i KEY=VALUE"))?)
}

/// The Virtual I/O Server of `name=x` or `id=5`; the only one without a pair.
pub(super) fn server(scene: &Scene<'_>, pair: Option<&str>) -> Result<Arc<PartitionView>, Failure> {
    if let Some(pair) = pair {
        let view = partition(scene, pair)?;
        storage(&view)?;
        return Ok(view);
    }
    let mut servers = scene.snapshot.of_kind(true);
    match (servers.next(), servers.next()) {
        (Some(only), None) => Ok(Arc::clone(only)),
        (None, _) => Err(refused(NO_SUCH_OBJECT, "The system has no Virtual I/O Server.")),
        (Some(_), Some(_)) => {
            Err(options("there are several Virtual I/O Servers: name one with -p name=…"))
        }
    }
}

/// The storage of a Virtual I/O Server.
pub(super) fn storage(view: &PartitionView) -> Result<&Storage, Failure> {
    view.storage.as_ref().ok_or_else(|| {
        let name = &view.partition.name;
        options(format!("the partition {name} is no Virtual I/O Server"))
    })
}

/// The adapter of `mac=…`, or of a parent and `slot=…`.
pub(super) fn ethernet(scene: &Scene<'_>, chosen: &Chosen) -> Result<Ethernet, Failure> {
    let pair = chosen
        .object_id
        .as_deref()
        .ok_or_else(|| options("expected -i mac=… or -p name=… -i slot=…"))?;
    let parent = chosen.parent_id.as_deref().map(|pair| partition(scene, pair)).transpose()?;
    let (key, value) = split(pair)?;
    let matches: fn(&Ethernet, &str) -> bool = match key {
        "mac" => |it, value| it.mac.to_string().eq_ignore_ascii_case(&value.replace(':', "")),
        "slot" if parent.is_some() => |it, value| it.slot.to_string() == value,
        "slot" => return Err(options("expected -p name=… with -i slot=…")),
        key => return Err(UsageError::unknown("key", key, &["mac", "slot"]).into()),
    };
    let of_parent = |view: &&Arc<PartitionView>| {
        parent.as_ref().is_none_or(|parent| parent.partition.id == view.partition.id)
    };
    let mut adapters =
        scene.snapshot.partitions.iter().filter(of_parent).flat_map(|view| &view.ethernet);
    let found = adapters.find(|it| matches(it, value)).cloned();
    found.ok_or_else(|| refused(NO_SUCH_OBJECT, format!("No virtual Ethernet adapter has {pair}.")))
}

/// The name of `name=…`.
pub(super) fn name(pair: &str) -> Result<&str, Failure> {
    match split(pair)? {
        ("name", name) => Ok(name),
        (key, _) => Err(UsageError::unknown("key", key, &["name"]).into()),
    }
}

/// The disk of `name=…`, and the server that has it.
pub(super) fn disk(
    scene: &Scene<'_>,
    chosen: &Chosen,
) -> Result<(Arc<PartitionView>, Disk), Failure> {
    let pair = chosen.object_id.as_deref().ok_or_else(|| options("expected -i name=…"))?;
    let name = name(pair)?;
    let parent = chosen.parent_id.as_deref().map(|pair| server(scene, Some(pair))).transpose()?;
    let mut found = Vec::new();
    for (view, storage) in scene.snapshot.servers() {
        if parent.as_ref().is_none_or(|parent| parent.partition.id == view.partition.id) {
            let disks = storage.disks.iter().filter(|disk| disk.name == name);
            found.extend(disks.map(|disk| (Arc::clone(view), disk.clone())));
        }
    }
    match found.len() {
        0 => Err(refused(NO_SUCH_OBJECT, format!("The virtual disk {name} was not found."))),
        1 => Ok(found.remove(0)),
        _ => Err(options(format!(
            "several Virtual I/O Servers have a disk {name}: name one with -p name=…"
        ))),
    }
}
