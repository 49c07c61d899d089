//! `chhwres`: memory, processors, virtual adapters and switches, also of partitions that run.

use super::adapters::{parse_mac, switch_named};
use super::args::{ChangeResources, ResourceOperation, ResourceType, VirtualType};
use super::attributes::set;
use super::output::{Failure, UsageError};
use super::record::Record;
use super::scene::{
    Done, NO_SUCH_OBJECT, NOT_SUPPORTED, Scene, hundredths, needed, number, options,
    refuse_options, refused, silent,
};
use crate::app::PartitionView;
use crate::objects::{adapter, by_cli, network, two_decimals};
use hmc_proto::{
    AdapterSide, AddScsi, ChangeSwitch, CreateNetwork, CreateSwitch, DeleteNetwork, DeleteSwitch,
    MoveMemory, ProcessorMode, RemoveAdapter, SetMemory, SetProcessors, SwitchMode,
};
use std::sync::Arc;

pub(super) fn run(scene: &mut Scene<'_>, args: &ChangeResources) -> Result<Done, Failure> {
    scene.check_system(&args.system)?;
    check(args)?;
    match (args.kind, args.rsubtype) {
        (ResourceType::Mem, _) => memory(scene, args),
        (ResourceType::Proc, _) => processors(scene, args),
        (ResourceType::Virtualio, Some(VirtualType::Eth)) => ethernet(scene, args),
        (ResourceType::Virtualio, Some(VirtualType::Scsi)) => scsi(scene, args),
        (ResourceType::Virtualio, Some(VirtualType::Vswitch)) => switch(scene, args),
        (ResourceType::Virtualio, Some(VirtualType::Vnetwork)) => network(scene, args),
        (
            ResourceType::Virtualio,
            Some(VirtualType::Fc | VirtualType::Serial | VirtualType::Slot),
        ) => {
            let text = "Only eth, scsi, vswitch and vnetwork can be changed with --rsubtype.";
            Err(refused(NOT_SUPPORTED, text))
        }
        (ResourceType::Virtualio, None) => {
            Err(options("expected --rsubtype <SUBTYPE> with -r virtualio"))
        }
    }
}

/// Refuses options that say nothing with this resource.
fn check(args: &ChangeResources) -> Result<(), Failure> {
    let is_virtual = args.kind == ResourceType::Virtualio;
    let (memory, processors) = (args.kind == ResourceType::Mem, args.kind == ResourceType::Proc);
    let moves = args.operation == ResourceOperation::M;
    let target = args.target.is_some() || args.target_id.is_some();
    let with = match (args.kind, args.rsubtype) {
        (ResourceType::Mem, _) => "-r mem",
        (ResourceType::Proc, _) => "-r proc",
        (ResourceType::Virtualio, _) => "this --rsubtype",
    };
    let switches = args.rsubtype == Some(VirtualType::Vswitch);
    let networks = args.rsubtype == Some(VirtualType::Vnetwork);
    let in_partition = !switches && !networks;
    refuse_options(
        &[
            (args.rsubtype.is_some() && !is_virtual, "--rsubtype"),
            (args.quantity.is_some() && !memory, "-q"),
            (args.procs.is_some() && !processors, "--procs"),
            (args.procunits.is_some() && !processors, "--procunits"),
            (args.slot.is_some() && !(is_virtual && in_partition), "-s"),
            (args.vswitch.is_some() && !switches, "--vswitch"),
            (args.vnetwork.is_some() && !networks, "--vnetwork"),
            (args.of.partition.is_some() && !in_partition, "-p"),
            (args.of.id.is_some() && !in_partition, "--id"),
            (args.record.is_some() && memory, "-a"),
        ],
        with,
    )?;
    for (option, text) in [("-w", &args.wait), ("-d", &args.detail)] {
        if let Some(text) = text {
            number(option, text, 999)?;
        }
    }
    match (moves, target) {
        (false, true) => Err(options("the option -t goes with -o m")),
        (true, false) => Err(options("expected -t <PARTITION> or --tid <ID> with -o m")),
        _ => Ok(()),
    }
}

/// The partition that gets what another one gives.
fn target(scene: &Scene<'_>, args: &ChangeResources) -> Result<Arc<PartitionView>, Failure> {
    scene.partition(("-t", args.target.as_deref()), args.target_id.as_deref())
}

fn no_such_operation(args: &ChangeResources, expected: &str) -> Failure {
    let got = match args.operation {
        ResourceOperation::A => "a",
        ResourceOperation::R => "r",
        ResourceOperation::S => "s",
        ResourceOperation::M => "m",
        ResourceOperation::D => "d",
        ResourceOperation::E => "e",
    };
    options(format!("expected {expected} after -o here, got `{got}`"))
}

/// What becomes of an amount; `None` when it would be less than nothing, or too much to be written.
fn changed(operation: ResourceOperation, now: u32, by: u32) -> Option<u32> {
    match operation {
        ResourceOperation::A => now.checked_add(by),
        ResourceOperation::R => now.checked_sub(by),
        _ => Some(by),
    }
}

fn too_much(what: &str, now: String, by: &str) -> Failure {
    let (attribute, expected) =
        (what.to_owned(), format!("an amount that fits the {now} that there are"));
    UsageError::Value { attribute, expected, got: by.to_owned() }.into()
}

fn memory(scene: &mut Scene<'_>, args: &ChangeResources) -> Result<Done, Failure> {
    let view = scene.of_partition(&args.of)?;
    let text = needed(&args.quantity, "-q <MB> with -r mem")?;
    let mb = number("-q", text, u64::from(u32::MAX))? as u32;
    let partition = view.partition.id;
    match args.operation {
        ResourceOperation::A | ResourceOperation::R | ResourceOperation::S => {
            let now = has_now(&view).memory_mb;
            let mb = changed(args.operation, now, mb);
            let mb = mb.ok_or_else(|| too_much("-q", format!("{now} MB"), text))?;
            let version = Some(view.partition.version);
            scene.client.set_memory(SetMemory { partition, version, mb })?;
        }
        ResourceOperation::M => {
            let to = target(scene, args)?.partition.id;
            let request = MoveMemory { from: partition, version: None, to, mb };
            scene.client.move_memory(request)?;
        }
        ResourceOperation::D | ResourceOperation::E => {
            return Err(no_such_operation(args, "one of a, r, s, m"));
        }
    }
    Ok(silent())
}

/// What a partition has, or is to have when it has nothing.
struct HasNow {
    memory_mb: u32,
    processors: u16,
    units: u32,
}

fn has_now(view: &PartitionView) -> HasNow {
    let partition = &view.partition;
    let (memory, processors) =
        (&partition.configuration.memory, &partition.configuration.processors);
    let is_off = partition.state == hmc_proto::PartitionState::NotActivated;
    match is_off || partition.memory_mb == 0 {
        true => HasNow {
            memory_mb: memory.desired_mb,
            processors: processors.desired,
            units: processors.desired_units,
        },
        false => HasNow {
            memory_mb: partition.memory_mb,
            processors: partition.processors,
            units: partition.units,
        },
    }
}

fn processors(scene: &mut Scene<'_>, args: &ChangeResources) -> Result<Done, Failure> {
    let view = scene.of_partition(&args.of)?;
    let shares = view.partition.configuration.processors.mode == ProcessorMode::Shared;
    refuse_options(
        &[(args.procunits.is_some() && !shares, "--procunits")],
        "a partition whose processors are dedicated",
    )?;
    let record = args.record.as_deref().map(Record::parse).transpose()?.unwrap_or_default();
    record.only(&["uncap_weight"])?;
    let weight = match record.get("uncap_weight") {
        Some(pair) => Some(number("uncap_weight", set(pair)?, 255)? as u8),
        None => None,
    };
    if args.procs.is_none() && args.procunits.is_none() && weight.is_none() {
        return Err(options(
            "expected --procs <COUNT>, --procunits <UNITS> or -a <RECORD> with -r proc",
        ));
    }
    let procs = match &args.procs {
        Some(text) => Some((number("--procs", text, 65535)? as u16, text.as_str())),
        None => None,
    };
    let units = match &args.procunits {
        Some(text) => Some((hundredths("--procunits", text)?, text.as_str())),
        None => None,
    };
    match args.operation {
        ResourceOperation::A | ResourceOperation::R | ResourceOperation::S => {
            set_processors(scene, args.operation, &view, procs, units, weight)?;
        }
        // The one gives, then the other gets; if it cannot, the first has it back.
        ResourceOperation::M => {
            let to = target(scene, args)?;
            if to.partition.id == view.partition.id {
                return Err(options("expected another partition after -t"));
            }
            set_processors(scene, ResourceOperation::R, &view, procs, units, weight)?;
            let gets = set_processors(scene, ResourceOperation::A, &to, procs, units, None);
            if let Err(failure) = gets {
                let now = has_now(&view);
                let (partition, version) = (view.partition.id, None);
                let back = SetProcessors {
                    partition,
                    version,
                    processors: now.processors,
                    units: now.units,
                    weight: None,
                };
                scene.client.set_processors(back)?;
                return Err(failure);
            }
        }
        ResourceOperation::D | ResourceOperation::E => {
            return Err(no_such_operation(args, "one of a, r, s, m"));
        }
    }
    Ok(silent())
}

fn set_processors(
    scene: &mut Scene<'_>,
    operation: ResourceOperation,
    view: &PartitionView,
    procs: Option<(u16, &str)>,
    units: Option<(u32, &str)>,
    weight: Option<u8>,
) -> Result<(), Failure> {
    let now = has_now(view);
    let processors = match procs {
        Some((by, text)) => {
            let changed = changed(operation, u32::from(now.processors), u32::from(by));
            let fits = changed.and_then(|changed| u16::try_from(changed).ok());
            fits.ok_or_else(|| too_much("--procs", now.processors.to_string(), text))?
        }
        None => now.processors,
    };
    let units = match units {
        Some((by, text)) => {
            let shown = || two_decimals(now.units);
            changed(operation, now.units, by)
                .ok_or_else(|| too_much("--procunits", shown(), text))?
        }
        None => now.units,
    };
    let (partition, version) = (view.partition.id, Some(view.partition.version));
    scene.client.set_processors(SetProcessors { partition, version, processors, units, weight })?;
    Ok(())
}

/// The slot that -s names.
fn slot(args: &ChangeResources) -> Result<Option<u16>, Failure> {
    let slot = args.slot.as_deref().map(|text| number("-s", text, 65535)).transpose()?;
    Ok(slot.map(|slot| slot as u16))
}

fn needs_slot(args: &ChangeResources) -> Result<u16, Failure> {
    slot(args)?.ok_or_else(|| options("expected -s <SLOT>"))
}

/// Attributes of a virtual Ethernet adapter that can be written, beside the switch.
const ETHERNET: &[&str] =
    &["ieee_virtual_eth", "port_vlan_id", "addl_vlan_ids", "mac_addr", "trunk_priority"];

fn ethernet(scene: &mut Scene<'_>, args: &ChangeResources) -> Result<Done, Failure> {
    let view = scene.of_partition(&args.of)?;
    let partition = view.partition.id;
    match args.operation {
        ResourceOperation::A => {
            let slot = slot(args)?;
            let mut edit = adapter::Edit { slot, ..adapter::Edit::default() };
            let record = Record::parse(needed(&args.record, "-a <RECORD> with -o a")?)?;
            if record.get("port_vlan_id").is_none() {
                return Err(UsageError::Missing(String::from("port_vlan_id")).into());
            }
            write_ethernet(scene, &mut edit, &record)?;
            scene.client.add_ethernet(edit.add(partition))?;
        }
        ResourceOperation::R => {
            refuse_options(&[(args.record.is_some(), "-a")], "-o r")?;
            let slot = needs_slot(args)?;
            let request = RemoveAdapter { partition, slot, version: None };
            scene.client.remove_ethernet(request)?;
        }
        ResourceOperation::S => {
            let slot = needs_slot(args)?;
            let found = view.ethernet.iter().find(|it| it.slot == slot);
            let found = found.ok_or_else(|| no_adapter(&view, "Ethernet", slot))?;
            let mut edit = adapter::Edit::of(found);
            let record = Record::parse(needed(&args.record, "-a <RECORD> with -o s")?)?;
            write_ethernet(scene, &mut edit, &record)?;
            scene.client.change_ethernet(edit.change(found))?;
        }
        ResourceOperation::D | ResourceOperation::E => {
            let text =
                "Adapters cannot be disabled or enabled here: remove the adapter, or add it.";
            return Err(refused(NOT_SUPPORTED, text));
        }
        ResourceOperation::M => return Err(no_such_operation(args, "one of a, r, s")),
    }
    Ok(silent())
}

fn no_adapter(view: &PartitionView, kind: &str, slot: u16) -> Failure {
    let name = &view.partition.name;
    refused(
        NO_SUCH_OBJECT,
        format!("The partition {name} has no virtual {kind} adapter in slot {slot}."),
    )
}

fn write_ethernet(
    scene: &Scene<'_>,
    edit: &mut adapter::Edit,
    record: &Record,
) -> Result<(), Failure> {
    let known: Vec<_> = ETHERNET
        .iter()
        .copied()
        .chain(["vswitch", "is_trunk", "is_required", "qos_priority"])
        .collect();
    record.only(&known)?;
    for pair in record.pairs() {
        match pair.name.as_str() {
            "vswitch" => edit.switch = switch_named(scene.snapshot, set(pair)?)?,
            "mac_addr" => edit.mac = Some(parse_mac(set(pair)?)?),
            "addl_vlan_ids" => write_vlans(edit, pair)?,
            // A trunk adapter is one that has a priority.
            "is_trunk" => match set(pair)? {
                "0" => edit.trunk_priority = 0,
                "1" if edit.trunk_priority == 0 => edit.trunk_priority = 1,
                "1" => {}
                got => return Err(flag("is_trunk", got)),
            },
            "is_required" | "qos_priority" => match set(pair)? {
                "0" | "none" => {}
                got => {
                    let text = format!("{}={got} is not supported here.", pair.name);
                    return Err(refused(NOT_SUPPORTED, text));
                }
            },
            name => {
                let field = by_cli(adapter::FIELDS, name);
                let Some(field) = field else { continue };
                field
                    .write_cli(edit, set(pair)?)
                    .map_err(|error| super::attributes::of_value(name, error))?;
            }
        }
    }
    Ok(())
}

fn flag(attribute: &str, got: &str) -> Failure {
    let (attribute, got) = (attribute.to_owned(), got.to_owned());
    UsageError::Value { attribute, expected: String::from("0 or 1"), got }.into()
}

/// Additional VLANs are a list: they can be set, added and removed.
fn write_vlans(edit: &mut adapter::Edit, pair: &super::record::Pair) -> Result<(), Failure> {
    use super::record::Change;
    let mut vlans = Vec::new();
    for vlan in pair.elements() {
        vlans.push(number("addl_vlan_ids", vlan, 4095)? as u16);
    }
    match pair.change {
        Change::Set => edit.additional = vlans,
        Change::Add => edit.additional.extend(vlans),
        Change::Remove => edit.additional.retain(|vlan| !vlans.contains(vlan)),
    }
    Ok(())
}

fn scsi(scene: &mut Scene<'_>, args: &ChangeResources) -> Result<Done, Failure> {
    let view = scene.of_partition(&args.of)?;
    let partition = view.partition.id;
    match args.operation {
        ResourceOperation::A => {
            let record = Record::parse(needed(&args.record, "-a <RECORD> with -o a")?)?;
            let request = add_scsi(scene, args, &view, &record)?;
            scene.client.add_scsi(request)?;
        }
        ResourceOperation::R => {
            refuse_options(&[(args.record.is_some(), "-a")], "-o r")?;
            let slot = needs_slot(args)?;
            let found = view.scsi.iter().find(|it| it.slot == slot);
            let found = found.ok_or_else(|| no_adapter(&view, "SCSI", slot))?;
            // A pair is removed by its server's end.
            let (partition, slot) = match found.side {
                AdapterSide::Server => (partition, slot),
                AdapterSide::Client => (found.remote_partition, found.remote_slot),
            };
            let version = Some(found.version);
            scene.client.remove_scsi(RemoveAdapter { partition, slot, version })?;
        }
        _ => return Err(no_such_operation(args, "one of a, r")),
    }
    Ok(silent())
}

/// A pair of adapters, of which either end can be the one that is named.
fn add_scsi(
    scene: &Scene<'_>,
    args: &ChangeResources,
    view: &PartitionView,
    record: &Record,
) -> Result<AddScsi, Failure> {
    record.only(&[
        "adapter_type",
        "remote_lpar_name",
        "remote_lpar_id",
        "remote_slot_num",
        "is_required",
    ])?;
    let value = |name: &str| record.get(name).map(set).transpose();
    let remote = (value("remote_lpar_name")?, value("remote_lpar_id")?);
    if let (None, None) = remote {
        return Err(UsageError::Missing(String::from("remote_lpar_name")).into());
    }
    let remote = scene.partition(("remote_lpar_name", remote.0), remote.1)?.partition.id;
    let own_slot = slot(args)?;
    let remote_slot = match value("remote_slot_num")? {
        None | Some("any") => None,
        Some(text) => Some(number("remote_slot_num", text, 65535)? as u16),
    };
    let own = view.partition.id;
    let (vios, server_slot, client, client_slot) = match value("adapter_type")? {
        Some("client") => (remote, remote_slot, own, own_slot),
        Some("server") => (own, own_slot, remote, remote_slot),
        None => return Err(UsageError::Missing(String::from("adapter_type")).into()),
        Some(got) => {
            let (attribute, got) = (String::from("adapter_type"), got.to_owned());
            let expected = String::from("client or server");
            return Err(UsageError::Value { attribute, expected, got }.into());
        }
    };
    Ok(AddScsi { vios, version: None, server_slot, client, client_slot, highest: false })
}

fn switch(scene: &mut Scene<'_>, args: &ChangeResources) -> Result<Done, Failure> {
    let name = needed(&args.vswitch, "--vswitch <NAME>")?.to_owned();
    let record = args.record.as_deref().map(Record::parse).transpose()?.unwrap_or_default();
    record.only(&["switch_mode"])?;
    let mut edit = CreateSwitch { name, mode: SwitchMode::Veb };
    let mode = record.get("switch_mode");
    if let Some(pair) = mode {
        write(network::SWITCH, &mut edit, "switch_mode", set(pair)?)?;
    }
    match args.operation {
        ResourceOperation::A => {
            scene.client.create_switch(edit)?;
        }
        ResourceOperation::R => {
            refuse_options(&[(args.record.is_some(), "-a")], "-o r")?;
            let id = switch_named(scene.snapshot, &edit.name)?;
            scene.client.delete_switch(DeleteSwitch { id, version: None })?;
        }
        ResourceOperation::S => {
            let id = switch_named(scene.snapshot, &edit.name)?;
            mode.ok_or_else(|| UsageError::Missing(String::from("switch_mode")))?;
            let request = ChangeSwitch { id, version: None, mode: edit.mode };
            scene.client.change_switch(request)?;
        }
        _ => return Err(no_such_operation(args, "one of a, r, s")),
    }
    Ok(silent())
}

fn network(scene: &mut Scene<'_>, args: &ChangeResources) -> Result<Done, Failure> {
    let name = needed(&args.vnetwork, "--vnetwork <NAME>")?.to_owned();
    match args.operation {
        ResourceOperation::A => {
            let record = Record::parse(needed(&args.record, "-a <RECORD> with -o a")?)?;
            record.only(&["vswitch", "vlan_id", "is_tagged"])?;
            let mut edit = CreateNetwork { name, switch: 0, vlan: 0, tagged: false };
            if record.get("vlan_id").is_none() {
                return Err(UsageError::Missing(String::from("vlan_id")).into());
            }
            for pair in record.pairs() {
                match pair.name.as_str() {
                    "vswitch" => edit.switch = switch_named(scene.snapshot, set(pair)?)?,
                    name => write(network::NETWORK, &mut edit, name, set(pair)?)?,
                }
            }
            scene.client.create_network(edit)?;
        }
        ResourceOperation::R => {
            refuse_options(&[(args.record.is_some(), "-a")], "-o r")?;
            let found = scene.snapshot.networks.iter().find(|network| network.name == name);
            let id = found.map(|network| network.id).ok_or_else(|| {
                refused(NO_SUCH_OBJECT, format!("The virtual network {name} was not found."))
            })?;
            scene.client.delete_network(DeleteNetwork { id, version: None })?;
        }
        _ => return Err(no_such_operation(args, "one of a, r")),
    }
    Ok(silent())
}

fn write<T, E>(
    fields: &[crate::objects::Field<T, E>],
    edit: &mut E,
    name: &str,
    value: &str,
) -> Result<(), UsageError> {
    let Some(field) = by_cli(fields, name) else {
        return Err(UsageError::unknown("attribute", name, &[]));
    };
    field.write_cli(edit, value).map_err(|error| super::attributes::of_value(name, error))
}
