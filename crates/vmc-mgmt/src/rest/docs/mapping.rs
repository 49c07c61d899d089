//! Mappings: pairs of virtual SCSI adapters, and the storage behind them.

use super::{Scene, storage, structure};
use crate::app::PartitionView;
use crate::objects::adapter::location;
use crate::objects::storage::{lua, vhost};
use crate::rest::ids;
use crate::rest::xml::Element;
use hmc_proto::{AdapterSide, BackingKind, Mapping, Scsi};

/// All mappings of a server: by adapter pair, and one for a pair without storage.
pub(super) fn mappings(scene: &Scene, vios: &PartitionView) -> Element {
    let owned = vios.storage.clone().unwrap_or_default();
    let servers = vios.scsi.iter().filter(|it| it.side == AdapterSide::Server);
    let mut made = structure("VirtualSCSIMappings");
    for pair in servers {
        let mut behind = owned.mappings.iter().filter(|it| it.server_slot == pair.slot).peekable();
        if behind.peek().is_none() {
            made.children.push(mapping(scene, vios, pair, None));
        }
        for target in behind {
            made.children.push(mapping(scene, vios, pair, Some(target)));
        }
    }
    made
}

/// The name of the target device in a mapping's element, if it has one.
pub fn target_name(mapping: &Element) -> Option<&str> {
    let device =
        mapping.get("TargetDevice")?.children.iter().find(|it| it.get("TargetName").is_some())?;
    device.text_at("TargetName").filter(|name| !name.is_empty())
}

fn mapping(scene: &Scene, vios: &PartitionView, pair: &Scsi, target: Option<&Mapping>) -> Element {
    let snapshot = &scene.snapshot;
    let mut made = structure("VirtualSCSIMapping");
    if let Some(client) = snapshot.partition(pair.remote_partition) {
        let link = scene.link(&scene.system_path(client));
        made.children.push(Element { name: String::from("AssociatedLogicalPartition"), ..link });
    }
    let server_place = location(snapshot, vios.partition.id, pair.slot);
    let client_place = location(snapshot, pair.remote_partition, pair.remote_slot);
    let client = structure("ClientAdapter")
        .child(Element::text("AdapterType", "Client"))
        .child(Element::text("DynamicReconfigurationConnectorName", &client_place))
        .child(Element::text("LocationCode", &client_place))
        .child(Element::text("LocalPartitionID", pair.remote_partition.to_string()))
        .child(Element::text("RequiredAdapter", "false"))
        .child(Element::text("VariedOn", "true"))
        .child(Element::text("VirtualSlotNumber", pair.remote_slot.to_string()))
        .child(Element::text("RemoteLogicalPartitionID", vios.partition.id.to_string()))
        .child(Element::text("RemoteSlotNumber", pair.slot.to_string()))
        .child(Element::text("ServerLocationCode", &server_place));
    let mut server = structure("ServerAdapter")
        .child(Element::text("AdapterType", "Server"))
        .child(Element::text("DynamicReconfigurationConnectorName", &server_place))
        .child(Element::text("LocationCode", &server_place))
        .child(Element::text("LocalPartitionID", vios.partition.id.to_string()))
        .child(Element::text("RequiredAdapter", "false"))
        .child(Element::text("VariedOn", "true"))
        .child(Element::text("VirtualSlotNumber", pair.slot.to_string()))
        .child(Element::text("AdapterName", vhost(pair.slot)));
    if let Some(backing) = target.and_then(|target| target.backing.as_ref()) {
        server.children.push(Element::text("BackingDeviceName", backing));
    }
    let server = server
        .child(Element::text("RemoteLogicalPartitionID", pair.remote_partition.to_string()))
        .child(Element::text("RemoteSlotNumber", pair.remote_slot.to_string()))
        .child(Element::text(
            "UniqueDeviceID",
            ids::device(vios, "adapter", &pair.slot.to_string()),
        ));
    let mut made = made.child(client).child(server);
    if let Some(target) = target {
        made.children.extend(behind(vios, target));
    }
    made
}

/// The storage of a mapping, and its target device.
fn behind(vios: &PartitionView, target: &Mapping) -> Vec<Element> {
    let owned = vios.storage.clone().unwrap_or_default();
    let name = target.backing.as_deref();
    let (device, storage) = match target.kind {
        BackingKind::Disk => {
            let disk = owned.disks.iter().find(|it| Some(it.name.as_str()) == name);
            ("LogicalVolumeVirtualTargetDevice", disk.map(|it| storage::disk(vios, it)))
        }
        BackingKind::Volume => {
            let volume = owned.volumes.iter().find(|it| Some(it.name.as_str()) == name);
            ("PhysicalVolumeVirtualTargetDevice", volume.map(|it| storage::volume(vios, it)))
        }
        BackingKind::Optical => {
            let medium = owned.media.iter().find(|it| Some(it.name.as_str()) == name);
            ("VirtualOpticalTargetDevice", medium.map(|it| storage::medium(vios, it)))
        }
    };
    let device = structure(device)
        .child(Element::text("LogicalUnitAddress", lua(target)))
        .child(Element::text("TargetName", &target.target))
        .child(Element::text("UniqueDeviceID", ids::device(vios, "target", &target.target)));
    let storage = storage.map(|it| Element::new("Storage").with("kxe", "false").child(it));
    storage.into_iter().chain([Element::new("TargetDevice").child(device)]).collect()
}
