//! Mappings: made and removed by posting the whole server with more or fewer of them.
//!
//! A mapping that there is, is known by its target device's name, and by its server's slot when it has none. Several mappings can
//! share a pair of adapters; the pair goes with the last of its mappings.

use crate::app::{AppClient, PartitionView, Snapshot};
use crate::rest::docs::target_name;
use crate::rest::error::RestError;
use crate::rest::xml::Element;
use hmc_proto::{
    AdapterSide, AddScsi, BackingKind, CreateMapping, LoadMedia, RemoveAdapter, StorageName, Uuid,
};
use std::collections::BTreeSet;

/// What a document wants: the mapping that there is, or a new one.
struct New<'e> {
    element: &'e Element,
    server_slot: Option<u16>,
}

/// Makes of the mappings of a server what its document says; one without the list of them says nothing.
pub fn update(
    client: &mut AppClient,
    snapshot: &Snapshot,
    vios: &PartitionView,
    element: &Element,
) -> Result<(), RestError> {
    let Some(list) = element.get("VirtualSCSIMappings") else { return Ok(()) };
    let owned = vios.storage.clone().unwrap_or_default();
    let id = vios.partition.id;
    let mut kept_targets = BTreeSet::new();
    let mut kept_slots = BTreeSet::new();
    let mut new = Vec::new();
    let servers = || vios.scsi.iter().filter(|it| it.side == AdapterSide::Server);
    for mapping in list.children.iter().filter(|it| it.name == "VirtualSCSIMapping") {
        let slot =
            mapping.text_at("ServerAdapter/VirtualSlotNumber").and_then(|text| text.parse().ok());
        let there = slot.filter(|slot| servers().any(|it| it.slot == *slot));
        kept_slots.extend(there);
        let target = owned.mappings.iter().find(|it| {
            Some(it.target.as_str()) == target_name(mapping) && Some(it.server_slot) == slot
        });
        match (target, there) {
            (Some(target), _) => {
                kept_targets.insert(target.target.clone());
                medium(client, id, target, mapping)?;
            }
            // A pair of adapters without storage.
            (None, Some(_)) if storage(mapping)?.is_none() && target_name(mapping).is_none() => {}
            (None, _) => new.push(New { element: mapping, server_slot: slot }),
        }
    }
    for gone in owned.mappings.iter().filter(|it| !kept_targets.contains(&it.target)) {
        client.delete_mapping(StorageName {
            vios: id,
            version: None,
            name: gone.target.clone(),
        })?;
    }
    for pair in servers().filter(|it| !kept_slots.contains(&it.slot)) {
        client.remove_scsi(RemoveAdapter { partition: id, slot: pair.slot, version: None })?;
    }
    new.iter().try_for_each(|new| create(client, snapshot, vios, new))
}

/// The storage that a mapping's element names.
fn storage(mapping: &Element) -> Result<Option<(BackingKind, String)>, RestError> {
    let Some(storage) =
        mapping.get("Storage").and_then(|it| it.children.iter().find(|it| it.name != "Metadata"))
    else {
        return Ok(None);
    };
    let (kind, name) = match storage.name.as_str() {
        "VirtualDisk" => (BackingKind::Disk, "DiskName"),
        "PhysicalVolume" => (BackingKind::Volume, "VolumeName"),
        "VirtualOpticalMedia" => (BackingKind::Optical, "MediaName"),
        other => {
            let text = format!(
                "expected Storage as VirtualDisk, PhysicalVolume or VirtualOpticalMedia, got {other}: shared storage pools are not simulated"
            );
            return Err(RestError::bad(text));
        }
    };
    let named = storage.text_at(name).filter(|name| !name.is_empty());
    let named = named
        .ok_or_else(|| RestError::bad(format!("expected {name} in {}, got none", storage.name)))?;
    Ok(Some((kind, named.to_owned())))
}

/// Puts the medium of a document into an optical device, or takes out what is in it.
fn medium(
    client: &mut AppClient,
    vios: u16,
    now: &hmc_proto::Mapping,
    mapping: &Element,
) -> Result<(), RestError> {
    if now.kind != BackingKind::Optical {
        return Ok(());
    }
    let wanted = storage(mapping)?.map(|(_, name)| name);
    if wanted == now.backing {
        return Ok(());
    }
    let (target, version) = (now.target.clone(), None);
    if now.backing.is_some() {
        client.unload_media(StorageName { vios, version, name: target.clone() })?;
    }
    if let Some(medium) = wanted {
        client.load_media(LoadMedia { vios, version, target, medium })?;
    }
    Ok(())
}

fn create(
    client: &mut AppClient,
    snapshot: &Snapshot,
    vios: &PartitionView,
    new: &New<'_>,
) -> Result<(), RestError> {
    let id = vios.partition.id;
    let storage = storage(new.element)?;
    let there = new.server_slot.filter(|slot| {
        vios.scsi.iter().any(|it| it.side == AdapterSide::Server && it.slot == *slot)
    });
    let (server_slot, made) = match there {
        Some(slot) => (slot, false),
        None => {
            let client_slot = new.element.text_at("ClientAdapter/VirtualSlotNumber");
            let highest =
                new.element.text_at("ClientAdapter/UseNextAvailableHighSlotID") == Some("true");
            let request = AddScsi {
                vios: id,
                version: None,
                server_slot: new.server_slot,
                client: client_of(snapshot, new.element)?,
                client_slot: client_slot.and_then(|text| text.parse().ok()),
                highest,
            };
            (client.add_scsi(request)?.server_slot, true)
        }
    };
    let Some((kind, backing)) = storage else { return Ok(()) };
    let target = target_name(new.element).map(str::to_owned);
    let request = CreateMapping {
        vios: id,
        version: None,
        server_slot,
        kind,
        backing: Some(backing),
        target,
    };
    if let Err(error) = client.create_mapping(request) {
        // The pair was made for this mapping alone; if it cannot be removed either, it is shown as a pair without storage.
        if made {
            let _ = client.remove_scsi(RemoveAdapter {
                partition: id,
                slot: server_slot,
                version: None,
            });
        }
        return Err(error.into());
    }
    Ok(())
}

/// The partition that a mapping is for, by the UUID at the end of its link.
fn client_of(snapshot: &Snapshot, mapping: &Element) -> Result<u16, RestError> {
    let uuid = mapping.linked("AssociatedLogicalPartition").unwrap_or_default();
    let parsed: Option<Uuid> = uuid.parse().ok();
    let client = parsed.and_then(|uuid| snapshot.partition_with_uuid(uuid));
    let wrong = || {
        RestError::bad(format!(
            "AssociatedLogicalPartition names no partition of this system: {uuid}"
        ))
    };
    Ok(client.ok_or_else(wrong)?.partition.id)
}
