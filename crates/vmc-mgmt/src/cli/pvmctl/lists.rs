//! Actions that list.

use super::args::Listing;
use super::fields::{self, Named, split};
use super::{choose, table};
use crate::cli::adapters::switch_name;
use crate::cli::output::{Failure, Output};
use crate::cli::scene::{Done, Scene, options};
use crate::objects::{Field, Value, adapter, partition, storage, system, two_decimals};
use hmc_proto::{BackingKind, Disk, Mapping};
use std::sync::Arc;

/// How a kind of objects is listed.
struct Kind<T: 'static, E: 'static> {
    title: &'static str,
    columns: &'static [&'static str],
    named: &'static [Named],
    fields: &'static [Field<T, E>],
}

/// Objects as a table, or with `-d` as fields. Each has its cells beside.
fn print<T, E>(
    kind: &Kind<T, E>,
    mut objects: Vec<(T, Vec<String>)>,
    listing: &Listing,
) -> Result<Done, Failure> {
    if let Some(condition) = &listing.condition {
        let (name, wanted) = split(condition)?;
        let mut left = Vec::new();
        for object in objects {
            if fields::read(kind.named, kind.fields, &object.0, name)? == wanted {
                left.push(object);
            }
        }
        objects = left;
    }
    if listing.fields.is_empty() {
        if listing.hide_label {
            return Err(options("the option --hide-label goes with -d"));
        }
        let rows: Vec<_> = objects.into_iter().map(|(_, cells)| cells).collect();
        return Ok(Output::lines(&table::boxed(kind.title, kind.columns, &rows)).into());
    }
    let mut lines = Vec::new();
    for (object, _) in &objects {
        let mut shown = Vec::new();
        for name in listing.fields.iter().flat_map(|names| names.split(',')) {
            let value = fields::read(kind.named, kind.fields, object, name)?;
            let label = name.rsplit('.').next().unwrap_or(name);
            shown.push(if listing.hide_label { value } else { format!("{label}={value}") });
        }
        lines.push(shown.join(&listing.delimiter));
    }
    Ok(Output::lines(&lines).into())
}

/// `pvmctl lpar list`.
pub(super) fn partitions(scene: &Scene<'_>, listing: &Listing) -> Result<Done, Failure> {
    let chosen = match &listing.chosen.object_id {
        Some(pair) => vec![choose::partition(scene, pair)?],
        None => scene.snapshot.partitions.clone(),
    };
    let objects = chosen.iter().map(|view| {
        let it = &view.partition;
        let units = |units: u32| match units {
            0 => String::new(),
            units => Value::Units(units).in_field(),
        };
        let subject = partition::Subject::new(scene.snapshot, view);
        let of = |name: &str| fields::read(fields::PARTITION, partition::FIELDS, &subject, name);
        let cells = vec![
            it.name.clone(),
            it.id.to_string(),
            it.state.name().to_owned(),
            it.rmc.name().to_owned(),
            it.kind.name().to_owned(),
            it.reference_code.clone(),
            of("PartitionMemoryConfiguration.current").unwrap_or_default(),
            it.configuration.processors.desired.to_string(),
            units(it.configuration.processors.desired_units),
        ];
        (subject, cells)
    });
    let kind = Kind {
        title: "Logical Partitions",
        columns: &["Name", "ID", "State", "RMC", "Env", "Ref Code", "Mem", "CPU", "Ent"],
        named: fields::PARTITION,
        fields: partition::FIELDS,
    };
    print(&kind, objects.collect(), listing)
}

/// `pvmctl vea list`.
pub(super) fn ethernet(scene: &Scene<'_>, listing: &Listing) -> Result<Done, Failure> {
    let parent = listing.chosen.parent_id.as_deref();
    let parent = parent.map(|pair| choose::partition(scene, pair)).transpose()?;
    let one = match &listing.chosen.object_id {
        Some(_) => Some(choose::ethernet(scene, &listing.chosen)?),
        None => None,
    };
    let mut objects = Vec::new();
    for view in &scene.snapshot.partitions {
        if parent.as_ref().is_some_and(|parent| parent.partition.id != view.partition.id) {
            continue;
        }
        for ethernet in &view.ethernet {
            if one.as_ref().is_some_and(|one| one != ethernet) {
                continue;
            }
            let vlans: Vec<_> = ethernet.additional.iter().map(u16::to_string).collect();
            let cells = vec![
                ethernet.vlan.to_string(),
                vlans.join(","),
                ethernet.mac.to_string(),
                ethernet.slot.to_string(),
                switch_name(scene.snapshot, ethernet.switch),
                view.partition.name.clone(),
                view.partition.id.to_string(),
            ];
            let snapshot = Arc::clone(scene.snapshot);
            objects.push((adapter::Subject { snapshot, ethernet: ethernet.clone() }, cells));
        }
    }
    let kind = Kind {
        title: "Virtual Ethernet Adapters",
        columns: &["PVID", "VLANs", "MAC", "Slot", "VSwitch", "LPAR", "LPAR ID"],
        named: fields::ETHERNET,
        fields: adapter::FIELDS,
    };
    print(&kind, objects, listing)
}

/// A size as GB.
fn gigabytes(mb: u64) -> String {
    match mb.is_multiple_of(1024) {
        true => (mb / 1024).to_string(),
        false => format!("{:.2}", mb as f64 / 1024.0),
    }
}

/// `pvmctl lv list`.
pub(super) fn disks(scene: &Scene<'_>, listing: &Listing) -> Result<Done, Failure> {
    let mut objects: Vec<(Disk, Vec<String>)> = Vec::new();
    let chosen = &listing.chosen;
    let one = chosen.object_id.as_ref().map(|_| choose::disk(scene, chosen)).transpose()?;
    let parent =
        chosen.parent_id.as_deref().map(|pair| choose::server(scene, Some(pair))).transpose()?;
    for (view, storage) in scene.snapshot.servers() {
        if parent.as_ref().is_some_and(|parent| parent.partition.id != view.partition.id) {
            continue;
        }
        for disk in &storage.disks {
            if one.as_ref().is_some_and(|(server, one)| {
                one != disk || server.partition.id != view.partition.id
            }) {
                continue;
            }
            let target = disk.target.clone().unwrap_or_default();
            let cells = vec![
                disk.name.clone(),
                gigabytes(disk.size_mb),
                disk.group.clone(),
                view.partition.name.clone(),
                target,
            ];
            objects.push((disk.clone(), cells));
        }
    }
    let kind = Kind {
        title: "Logical Volumes",
        columns: &["Name", "Size (GB)", "VG", "VIOS", "Target"],
        named: fields::DISK,
        fields: storage::DISK,
    };
    print(&kind, objects, listing)
}

/// `pvmctl scsi list`.
pub(super) fn mappings(scene: &Scene<'_>, listing: &Listing) -> Result<Done, Failure> {
    if !listing.fields.is_empty()
        || listing.condition.is_some()
        || listing.chosen.object_id.is_some()
    {
        return Err(options(
            "scsi list has no fields: expected -p with a Virtual I/O Server, or nothing",
        ));
    }
    let parent = listing.chosen.parent_id.as_deref();
    let parent = parent.map(|pair| choose::server(scene, Some(pair))).transpose()?;
    let mut rows = Vec::new();
    for (view, storage) in scene.snapshot.servers() {
        if parent.as_ref().is_some_and(|parent| parent.partition.id != view.partition.id) {
            continue;
        }
        for mapping in &storage.mappings {
            rows.push(row(scene, &view.partition.name, mapping));
        }
    }
    let columns = ["LPAR", "Slot", "LUA", "Type", "Storage", "Target", "VIOS", "VIOS Slot"];
    Ok(Output::lines(&table::boxed("Virtual SCSI Mappings", &columns, &rows)).into())
}

fn row(scene: &Scene<'_>, server: &str, mapping: &Mapping) -> Vec<String> {
    let client = scene.snapshot.partition(mapping.client);
    let kind = match mapping.kind {
        BackingKind::Disk => "lv",
        BackingKind::Volume => "pv",
        BackingKind::Optical => "vopt",
    };
    vec![
        client.map_or_else(|| mapping.client.to_string(), |view| view.partition.name.clone()),
        mapping.client_slot.to_string(),
        storage::lua(mapping),
        kind.to_owned(),
        mapping.backing.clone().unwrap_or_default(),
        mapping.target.clone(),
        server.to_owned(),
        mapping.server_slot.to_string(),
    ]
}

/// `pvmctl sys list`.
pub(super) fn system(scene: &Scene<'_>, listing: &Listing) -> Result<Done, Failure> {
    let it = &scene.snapshot.system;
    let cells = vec![
        it.name.clone(),
        it.state.name().to_owned(),
        system::type_model_serial(scene.snapshot),
        it.memory.configurable_mb.to_string(),
        it.memory.available_mb.to_string(),
        two_decimals(it.processors.configurable_units),
        two_decimals(it.processors.available_units),
    ];
    let kind = Kind {
        title: "Managed System",
        columns: &["Name", "State", "MTMS", "Mem", "Free Mem", "CPU", "Free CPU"],
        named: fields::SYSTEM,
        fields: system::FIELDS,
    };
    print(&kind, vec![(Arc::clone(scene.snapshot), cells)], listing)
}
