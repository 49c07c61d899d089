//! Actions that change something.

use super::args::{
    Chosen, Mapped, NewDisk, NewEthernet, NewPartition, PowerOff, PowerOn, ProcessorType,
    StorageType, Update,
};
use super::{choose, fields};
use crate::app::PartitionView;
use crate::cli::adapters::{parse_mac, switch_named};
use crate::cli::chsyscfg::make;
use crate::cli::chsysstate::boot_mode;
use crate::cli::output::{Failure, Output};
use crate::cli::scene::{
    Done, NO_SUCH_OBJECT, Scene, hundredths, number, options, refuse_options, refused, silent,
};
use crate::objects::partition::{self, Edit};
use crate::objects::{adapter, storage, system};
use hmc_proto::{
    AddScsi, BackingKind, ChangeSystem, CreateDisk, CreateMapping, ExtendDisk, LoadMedia, Mapping,
    PartitionState, PartitionVersion, ProcessorMode, RemoveAdapter, RmcState, SharingMode, Stop,
    StorageName,
};
use std::sync::Arc;

/// Weight of a partition for which none is named, as pypowervm has it.
const WEIGHT: u8 = 64;

fn amount(option: &str, text: &str) -> Result<u32, Failure> {
    Ok(number(option, text, u64::from(u32::MAX))? as u32)
}

fn units(option: &str, text: &str) -> Result<u32, Failure> {
    Ok(hundredths(option, text)?)
}

/// What an option says, or what is desired.
fn or<T: Copy>(
    given: Option<&str>,
    desired: T,
    parse: impl FnOnce(&str) -> Result<T, Failure>,
) -> Result<T, Failure> {
    given.map_or(Ok(desired), parse)
}

/// `pvmctl lpar create`.
pub(super) fn create_partition(scene: &mut Scene<'_>, new: &NewPartition) -> Result<Done, Failure> {
    let mut edit = Edit::new();
    edit.name.clone_from(&new.name);
    let set = |edit: &mut Edit, field: &str, value: &str| {
        fields::write(fields::PARTITION, partition::FIELDS, edit, &format!("{field}={value}"))
    };
    set(&mut edit, "LogicalPartition.type", &new.kind)?;
    if let Some(id) = &new.id {
        edit.id = Some(number("--id", id, 65535)? as u16);
    }
    let memory = &mut edit.configuration.memory;
    memory.desired_mb = amount("--mem", &new.mem)?;
    memory.min_mb =
        or(new.min_mem.as_deref(), memory.desired_mb, |text| amount("--min-mem", text))?;
    memory.max_mb =
        or(new.max_mem.as_deref(), memory.desired_mb, |text| amount("--max-mem", text))?;
    let is_shared = new.proc_type == ProcessorType::Shared;
    let of_shared = [
        (new.proc_unit.is_some(), "--proc-unit"),
        (new.min_proc_unit.is_some(), "--min-proc-unit"),
        (new.max_proc_unit.is_some(), "--max-proc-unit"),
        (new.weight.is_some(), "--uncapped-weight"),
    ];
    if !is_shared {
        refuse_options(&of_shared, "--proc-type dedicated")?;
    }
    edit.set_mode(!is_shared);
    let processors = &mut edit.configuration.processors;
    let count = |option: &str, text: &str| Ok(number(option, text, 65535)? as u16);
    processors.desired = count("--proc", &new.proc)?;
    processors.min =
        or(new.min_proc.as_deref(), processors.desired, |text| count("--min-proc", text))?;
    processors.max =
        or(new.max_proc.as_deref(), processors.desired, |text| count("--max-proc", text))?;
    if is_shared {
        let half = 50 * u32::from(processors.desired);
        processors.desired_units =
            or(new.proc_unit.as_deref(), half, |text| units("--proc-unit", text))?;
        let desired = processors.desired_units;
        processors.min_units =
            or(new.min_proc_unit.as_deref(), desired, |text| units("--min-proc-unit", text))?;
        processors.max_units =
            or(new.max_proc_unit.as_deref(), desired, |text| units("--max-proc-unit", text))?;
        processors.sharing = SharingMode::Uncapped;
        processors.weight = or(new.weight.as_deref(), WEIGHT, |text| {
            Ok(number("--uncapped-weight", text, 255)? as u8)
        })?;
    }
    if let Some(slots) = &new.max_slots {
        edit.configuration.max_slots = number("--max-virtual-slots", slots, 65535)? as u16;
    }
    if let Some(mode) = &new.sharing_mode {
        set(&mut edit, "PartitionProcessorConfiguration.sharing_mode", mode)?;
    }
    check_sharing(&edit)?;
    scene.client.create_partition(edit.create())?;
    Ok(silent())
}

/// Shared and dedicated processors are shared in different ways.
fn check_sharing(edit: &Edit) -> Result<(), Failure> {
    let processors = &edit.configuration.processors;
    let of_shared = matches!(processors.sharing, SharingMode::Capped | SharingMode::Uncapped);
    match (processors.mode, of_shared) {
        (ProcessorMode::Shared, true) | (ProcessorMode::Dedicated, false) => Ok(()),
        (mode, _) => {
            let (mode, sharing) = (mode.name(), processors.sharing.name());
            Err(options(format!("{mode} processors cannot be shared as `{sharing}`")))
        }
    }
}

/// `pvmctl lpar update`.
pub(super) fn update_partition(scene: &mut Scene<'_>, update: &Update) -> Result<Done, Failure> {
    let view = choose::needed_partition(scene, update.chosen.object_id.as_deref())?;
    let mut edit = Edit::of(&view);
    edit.description = None;
    for pair in &update.set {
        fields::write(fields::PARTITION, partition::FIELDS, &mut edit, pair)?;
    }
    if (edit.id, edit.uuid) != (Some(view.partition.id), Some(view.partition.uuid)) {
        return Err(options("a partition's ID and UUID are chosen when it is created, and stay"));
    }
    check_sharing(&edit)?;
    make(scene, &view, &edit)?;
    Ok(silent())
}

/// `pvmctl lpar delete`.
pub(super) fn delete_partition(scene: &mut Scene<'_>, chosen: &Chosen) -> Result<Done, Failure> {
    let view = choose::needed_partition(scene, chosen.object_id.as_deref())?;
    let whole = PartitionVersion { id: view.partition.id, version: None };
    scene.client.delete_partition(whole)?;
    Ok(silent())
}

/// A job, and what is said when it is begun and when it is over.
fn job(job: u64, name: &str, doing: &str, done: &str) -> Done {
    let begun = format!("{doing} partition {name}, this may take a few minutes.\n");
    let over = format!("Partition {name} {done} completed successfully.\n");
    Done::JobsSaying(vec![job], Output { stdout: begun + &over, ..Output::default() })
}

/// `pvmctl lpar power-on`.
pub(super) fn power_on(scene: &mut Scene<'_>, how: &PowerOn) -> Result<Done, Failure> {
    let view = choose::partition(scene, &how.object_id)?;
    let (id, boot_mode) = (view.partition.id, how.bootmode.map(boot_mode));
    let request = hmc_proto::PowerOn { id, version: None, profile: None, boot_mode };
    let started = scene.client.power_on(request)?;
    Ok(job(started.job, &view.partition.name, "Powering on", "power-on"))
}

/// `pvmctl lpar power-off` and `restart`. Without `--hard` the operating system is told if it can be, as pypowervm does it.
pub(super) fn power_off(
    scene: &mut Scene<'_>,
    how: &PowerOff,
    restart: bool,
) -> Result<Done, Failure> {
    let view = choose::partition(scene, &how.object_id)?;
    let partition = &view.partition;
    let can_be_told =
        partition.rmc == RmcState::Active && partition.state == PartitionState::Running;
    let stop = match (how.hard, can_be_told) {
        (true, _) => Stop::Immediate,
        (false, true) => Stop::Os,
        (false, false) => Stop::Normal,
    };
    let request = hmc_proto::PowerOff { id: partition.id, version: None, stop };
    let (started, doing, done) = match restart {
        true => (scene.client.restart(request)?, "Restarting", "restart"),
        false => (scene.client.power_off(request)?, "Powering off", "power-off"),
    };
    Ok(job(started.job, &partition.name, doing, done))
}

/// `pvmctl vea create`.
pub(super) fn create_ethernet(scene: &mut Scene<'_>, new: &NewEthernet) -> Result<Done, Failure> {
    let view = choose::partition(scene, &new.parent_id)?;
    let mut additional = Vec::new();
    for vlan in new.vlans.iter().flat_map(|vlans| vlans.split(',')) {
        additional.push(number("--vlans", vlan, 4095)? as u16);
    }
    let slot = new.slot.as_deref().map(|text| number("--slot", text, 65535)).transpose()?;
    let priority =
        new.trunk_priority.as_deref().map(|text| number("--trunk-pri", text, 255)).transpose()?;
    let edit = adapter::Edit {
        slot: slot.map(|slot| slot as u16),
        highest: slot.is_none(),
        mac: new.mac.as_deref().map(|mac| parse_mac(&mac.replace(':', ""))).transpose()?,
        switch: switch_named(scene.snapshot, &new.vswitch)?,
        vlan: number("--pvid", &new.pvid, 4095)? as u16,
        ieee: !additional.is_empty(),
        additional,
        trunk_priority: priority.unwrap_or(0) as u8,
    };
    scene.client.add_ethernet(edit.add(view.partition.id))?;
    Ok(silent())
}

/// `pvmctl vea update`.
pub(super) fn update_ethernet(scene: &mut Scene<'_>, update: &Update) -> Result<Done, Failure> {
    let found = choose::ethernet(scene, &update.chosen)?;
    let mut edit = adapter::Edit::of(&found);
    for pair in &update.set {
        fields::write(fields::ETHERNET, adapter::FIELDS, &mut edit, pair)?;
    }
    if edit.slot != Some(found.slot) {
        return Err(options("an adapter's slot is chosen when it is created, and stays"));
    }
    scene.client.change_ethernet(edit.change(&found))?;
    Ok(silent())
}

/// `pvmctl vea delete`.
pub(super) fn delete_ethernet(scene: &mut Scene<'_>, chosen: &Chosen) -> Result<Done, Failure> {
    let found = choose::ethernet(scene, chosen)?;
    let (partition, slot, version) = (found.partition, found.slot, Some(found.version));
    scene.client.remove_ethernet(RemoveAdapter { partition, slot, version })?;
    Ok(silent())
}

/// The volume group of `name=…`; the server's only one without a pair.
fn group(view: &PartitionView, pair: Option<&str>) -> Result<String, Failure> {
    if let Some(pair) = pair {
        return choose::name(pair).map(str::to_owned);
    }
    match &choose::storage(view)?.groups[..] {
        [only] => Ok(only.name.clone()),
        [] => {
            let name = &view.partition.name;
            Err(refused(NO_SUCH_OBJECT, format!("{name} has no volume group.")))
        }
        _ => Err(options("there are several volume groups: name one with --vg name=…")),
    }
}

/// Gigabytes, with at most two decimals, as MB.
fn megabytes(option: &str, text: &str) -> Result<u64, Failure> {
    Ok(u64::from(units(option, text)?) * 1024 / 100)
}

/// `pvmctl lv create`.
pub(super) fn create_disk(scene: &mut Scene<'_>, new: &NewDisk) -> Result<Done, Failure> {
    let view = choose::server(scene, new.parent_id.as_deref())?;
    let group = group(&view, new.vg.as_deref())?;
    let size_mb = megabytes("--size", &new.size)?;
    let (vios, name) = (view.partition.id, new.name.clone());
    scene.client.create_disk(CreateDisk { vios, version: None, group, name, size_mb })?;
    Ok(silent())
}

/// `pvmctl lv update`.
pub(super) fn update_disk(scene: &mut Scene<'_>, update: &Update) -> Result<Done, Failure> {
    let (view, disk) = choose::disk(scene, &update.chosen)?;
    let mut edit = storage::DiskEdit { name: disk.name.clone(), size_mb: disk.size_mb };
    for pair in &update.set {
        fields::write(fields::DISK, storage::DISK, &mut edit, pair)?;
    }
    if edit.name != disk.name {
        return Err(options("a disk's name is chosen when it is created, and stays"));
    }
    let (vios, version, name, size_mb) = (view.partition.id, None, disk.name, edit.size_mb);
    scene.client.extend_disk(ExtendDisk { vios, version, name, size_mb })?;
    Ok(silent())
}

/// `pvmctl lv delete`.
pub(super) fn delete_disk(scene: &mut Scene<'_>, chosen: &Chosen) -> Result<Done, Failure> {
    let (view, disk) = choose::disk(scene, chosen)?;
    let (vios, version, name) = (view.partition.id, None, disk.name);
    scene.client.delete_disk(StorageName { vios, version, name })?;
    Ok(silent())
}

/// The server that has the storage of a mapping.
fn server_with(scene: &Scene<'_>, mapped: &Mapped) -> Result<Arc<PartitionView>, Failure> {
    let group = mapped.vg.as_deref().map(choose::name).transpose()?;
    if group.is_some() && mapped.kind != StorageType::Lv {
        return Err(options("the option --vg goes with --type lv"));
    }
    let named =
        mapped.parent_id.as_deref().map(|pair| choose::server(scene, Some(pair))).transpose()?;
    let name = mapped.storage.as_str();
    let has = |view: &PartitionView| {
        view.storage.as_ref().is_some_and(|it| match mapped.kind {
            StorageType::Lv => it
                .disks
                .iter()
                .any(|disk| disk.name == name && group.is_none_or(|group| group == disk.group)),
            StorageType::Pv => it.volumes.iter().any(|volume| volume.name == name),
            StorageType::Vopt => it.media.iter().any(|medium| medium.name == name),
        })
    };
    let servers = scene.snapshot.of_kind(true).filter(|view| {
        named.as_ref().is_none_or(|named| named.partition.id == view.partition.id) && has(view)
    });
    let found: Vec<_> = servers.collect();
    match found[..] {
        [only] => Ok(Arc::clone(only)),
        [] => Err(refused(NO_SUCH_OBJECT, format!("No Virtual I/O Server has {name}."))),
        _ => Err(options(format!(
            "several Virtual I/O Servers have {name}: name one with -p name=…"
        ))),
    }
}

/// `pvmctl scsi create`: by a pair of adapters that the partition has with the server, or by a new one.
pub(super) fn map(scene: &mut Scene<'_>, mapped: &Mapped) -> Result<Done, Failure> {
    let client = choose::partition(scene, &mapped.lpar)?;
    let server = server_with(scene, mapped)?;
    let (vios, id) = (server.partition.id, client.partition.id);
    let existing =
        server.scsi.iter().find(|scsi| scsi.remote_partition == id).map(|scsi| scsi.slot);
    let server_slot = match existing {
        Some(slot) => slot,
        None => {
            let pair = AddScsi {
                vios,
                version: None,
                server_slot: None,
                client: id,
                client_slot: None,
                highest: true,
            };
            scene.client.add_scsi(pair)?.server_slot
        }
    };
    let made = attach(scene, vios, server_slot, mapped);
    if made.is_err() && existing.is_none() {
        // It is made whole or not at all.
        let pair = RemoveAdapter { partition: vios, slot: server_slot, version: None };
        scene.client.remove_scsi(pair)?;
    }
    made.map(|()| silent())
}

fn attach(
    scene: &mut Scene<'_>,
    vios: u16,
    server_slot: u16,
    mapped: &Mapped,
) -> Result<(), Failure> {
    let name = mapped.storage.clone();
    let (kind, backing) = match mapped.kind {
        StorageType::Lv => (BackingKind::Disk, Some(name)),
        StorageType::Pv => (BackingKind::Volume, Some(name)),
        StorageType::Vopt => (BackingKind::Optical, None),
    };
    let request = CreateMapping { vios, version: None, server_slot, kind, backing, target: None };
    let target = scene.client.create_mapping(request)?.target;
    if mapped.kind == StorageType::Vopt {
        let (medium, device) = (mapped.storage.clone(), target.clone());
        let loaded =
            scene.client.load_media(LoadMedia { vios, version: None, target: device, medium });
        if let Err(error) = loaded {
            scene.client.delete_mapping(StorageName { vios, version: None, name: target })?;
            return Err(error.into());
        }
    }
    Ok(())
}

/// `pvmctl scsi delete`: the pair of adapters goes with its last mapping.
pub(super) fn unmap(scene: &mut Scene<'_>, mapped: &Mapped) -> Result<Done, Failure> {
    let client = choose::partition(scene, &mapped.lpar)?.partition.id;
    let server = server_with(scene, mapped)?;
    let vios = server.partition.id;
    let mappings = &choose::storage(&server)?.mappings;
    let is_it =
        |it: &&Mapping| it.client == client && it.backing.as_deref() == Some(&mapped.storage);
    let Some(mapping) = mappings.iter().find(is_it) else {
        let (storage, lpar) = (&mapped.storage, &mapped.lpar);
        let text = format!("The partition {lpar} has no mapping of {storage}.");
        return Err(refused(NO_SUCH_OBJECT, text));
    };
    if mapping.kind == BackingKind::Optical {
        let device = StorageName { vios, version: None, name: mapping.target.clone() };
        scene.client.unload_media(device)?;
    }
    let device = StorageName { vios, version: None, name: mapping.target.clone() };
    scene.client.delete_mapping(device)?;
    let is_last = mappings.iter().filter(|it| it.server_slot == mapping.server_slot).count() == 1;
    if is_last {
        let pair = RemoveAdapter { partition: vios, slot: mapping.server_slot, version: None };
        scene.client.remove_scsi(pair)?;
    }
    Ok(silent())
}

/// `pvmctl sys update`.
pub(super) fn update_system(scene: &mut Scene<'_>, update: &Update) -> Result<Done, Failure> {
    let mut edit = system::Edit { name: scene.snapshot.system.name.clone() };
    for pair in &update.set {
        fields::write(fields::SYSTEM, system::FIELDS, &mut edit, pair)?;
    }
    scene.client.change_system(ChangeSystem { version: None, name: edit.name })?;
    Ok(silent())
}
