//! `lshwres`: memory, processors, virtual adapters and switches.

use super::args::{Level, ListResources, ResourceType, VirtualType};
use super::filter::Filters;
use super::listing::{Column, Row, filters, fixed, of, print};
use super::lssyscfg::partitions;
use super::output::{Failure, Output};
use super::rows::{EthernetRow, NetworkRow, PartitionRow, ScsiRow, SlotRow, SwitchRow, SystemRow};
use super::scene::{Done, Scene, options, refuse_options};
use crate::app::PartitionView;
use crate::objects::Value;
use hmc_proto::SlotKind;
use std::sync::Arc;

/// Memory of the system (management reference, section 2.3; the order of the names is the simulator's).
const SYSTEM_MEMORY: &[Column] = &[
    of("configurable_sys_mem"),
    of("curr_avail_sys_mem"),
    of("pend_avail_sys_mem"),
    of("installed_sys_mem"),
    fixed("deconfig_sys_mem", "0"),
    of("sys_firmware_mem"),
    of("mem_region_size"),
    of("pend_mem_region_size"),
];

/// Processors of the system.
const SYSTEM_PROCESSORS: &[Column] = &[
    of("configurable_sys_proc_units"),
    of("curr_avail_sys_proc_units"),
    of("pend_avail_sys_proc_units"),
    of("installed_sys_proc_units"),
    fixed("deconfig_sys_proc_units", "0.0"),
    of("min_proc_units_per_virtual_proc"),
    of("max_virtual_procs_per_lpar"),
    fixed("max_shared_proc_pools", "1"),
];

/// Memory of a partition (management reference, section 2.3).
const MEMORY: &[Column] = &[
    of("lpar_name"),
    of("lpar_id"),
    of("curr_min_mem"),
    of("curr_mem"),
    of("curr_max_mem"),
    of("pend_min_mem"),
    of("pend_mem"),
    of("pend_max_mem"),
    of("run_min_mem"),
    of("run_mem"),
    fixed("mem_mode", "ded"),
    fixed("desired_hpt_ratio", "default"),
    of("curr_hpt_ratio"),
];

/// Processors of a partition (management reference, section 2.3).
const PROCESSORS: &[Column] = &[
    of("lpar_name"),
    of("lpar_id"),
    of("curr_shared_proc_pool_id"),
    of("curr_shared_proc_pool_name"),
    of("curr_proc_mode"),
    of("curr_min_proc_units"),
    of("curr_proc_units"),
    of("curr_max_proc_units"),
    of("curr_min_procs"),
    of("curr_procs"),
    of("curr_max_procs"),
    of("curr_sharing_mode"),
    of("curr_uncap_weight"),
    of("pend_shared_proc_pool_id"),
    of("pend_shared_proc_pool_name"),
    of("pend_proc_mode"),
    of("pend_min_proc_units"),
    of("pend_proc_units"),
    of("pend_max_proc_units"),
    of("pend_min_procs"),
    of("pend_procs"),
    of("pend_max_procs"),
    of("pend_sharing_mode"),
    of("pend_uncap_weight"),
    of("run_proc_units"),
    of("run_procs"),
    of("run_uncap_weight"),
];

/// Ethernet adapters (management reference, section 2.3).
const ETHERNET: &[Column] = &[
    of("lpar_name"),
    of("lpar_id"),
    of("slot_num"),
    of("state"),
    of("is_required"),
    of("is_trunk"),
    of("trunk_priority"),
    of("ieee_virtual_eth"),
    of("port_vlan_id"),
    of("vswitch"),
    of("addl_vlan_ids"),
    of("mac_addr"),
    of("allowed_os_mac_addrs"),
    of("qos_priority"),
];

/// SCSI adapters (management reference, section 2.3).
const SCSI: &[Column] = &[
    of("lpar_name"),
    of("lpar_id"),
    of("slot_num"),
    fixed("state", "1"),
    fixed("is_required", "0"),
    of("adapter_type"),
    of("remote_lpar_id"),
    of("remote_lpar_name"),
    of("remote_slot_num"),
];

/// Serial adapters: each partition has two.
const SERIAL: &[Column] = &[
    of("lpar_name"),
    of("lpar_id"),
    of("slot_num"),
    fixed("state", "1"),
    fixed("is_required", "1"),
    fixed("adapter_type", "server"),
    fixed("supports_hmc", "1"),
    fixed("remote_lpar_id", "any"),
    fixed("remote_lpar_name", ""),
    fixed("remote_slot_num", "any"),
];

/// Virtual slots that are taken.
const SLOT: &[Column] = &[
    of("slot_num"),
    of("lpar_name"),
    of("lpar_id"),
    of("config"),
    fixed("state", "1"),
    fixed("is_required", "0"),
    of("drc_name"),
];

/// Virtual slots of a partition.
const SLOTS: &[Column] = &[
    of("lpar_name"),
    of("lpar_id"),
    of("curr_max_virtual_slots"),
    of("pend_max_virtual_slots"),
    of("next_avail_virtual_slot"),
];

/// Virtual switches (management reference, section 2.3).
const SWITCH: &[Column] = &[of("vswitch"), of("switch_mode"), of("vlan_ids")];

/// Virtual networks.
const NETWORK: &[Column] = &[of("vnetwork"), of("vswitch"), of("vlan_id"), of("is_tagged")];

const OF_PARTITIONS: &[&str] = &["lpar_names", "lpar_ids"];
const OF_SLOTS: &[&str] = &["lpar_names", "lpar_ids", "slots"];
const OF_ETHERNET: &[&str] = &["lpar_names", "lpar_ids", "slots", "vswitches", "vlans"];

pub(super) fn run(scene: &mut Scene<'_>, args: &ListResources) -> Result<Done, Failure> {
    scene.check_system(&args.system)?;
    let output = match (args.kind, args.rsubtype) {
        (ResourceType::Virtualio, None) => {
            return Err(options("expected --rsubtype <SUBTYPE> with -r virtualio"));
        }
        (ResourceType::Virtualio, Some(subtype)) => virtual_io(scene, args, subtype)?,
        (_, Some(_)) => return Err(options("the option --rsubtype goes with -r virtualio")),
        (ResourceType::Mem, None) => amounts(scene, args, SYSTEM_MEMORY, MEMORY)?,
        (ResourceType::Proc, None) => amounts(scene, args, SYSTEM_PROCESSORS, PROCESSORS)?,
    };
    Ok(output.into())
}

fn amounts(
    scene: &Scene<'_>,
    args: &ListResources,
    of_system: &[Column],
    of_partitions: &[Column],
) -> Result<Output, Failure> {
    match args.level {
        Some(Level::Sys) => {
            refuse_options(&[(args.listing.filter.is_some(), "--filter")], "--level sys")?;
            let snapshot = Arc::clone(scene.snapshot);
            let row = SystemRow { snapshot, now: std::time::Duration::ZERO };
            print(of_system, [row], &args.listing)
        }
        Some(Level::Lpar) => {
            let filters = filters(&args.listing, OF_PARTITIONS)?;
            let chosen = partitions(scene, &filters)?;
            let rows = chosen.iter().map(|view| PartitionRow::new(scene.snapshot, view));
            print(of_partitions, rows, &args.listing)
        }
        Some(Level::Slot) | None => {
            Err(options("expected --level sys or --level lpar with -r mem and -r proc"))
        }
    }
}

fn virtual_io(
    scene: &Scene<'_>,
    args: &ListResources,
    subtype: VirtualType,
) -> Result<Output, Failure> {
    let listing = &args.listing;
    let known = match subtype {
        VirtualType::Eth => OF_ETHERNET,
        VirtualType::Scsi | VirtualType::Fc | VirtualType::Serial => OF_SLOTS,
        VirtualType::Slot if args.level == Some(Level::Slot) => OF_SLOTS,
        VirtualType::Slot => OF_PARTITIONS,
        VirtualType::Vswitch => &["vswitches"],
        VirtualType::Vnetwork => &["vnetworks", "vswitches", "vlans"],
    };
    let filters = filters(listing, known)?;
    let is_adapter = !matches!(subtype, VirtualType::Vswitch | VirtualType::Vnetwork);
    let level_fits = match (subtype, args.level) {
        (VirtualType::Slot, Some(Level::Slot | Level::Lpar)) => true,
        (VirtualType::Slot, _) => {
            return Err(options("expected --level slot or --level lpar with --rsubtype slot"));
        }
        (_, Some(Level::Lpar)) => is_adapter,
        (_, level) => !is_adapter && matches!(level, None | Some(Level::Sys)),
    };
    if !level_fits {
        let expected = if is_adapter { "--level lpar" } else { "--level sys, or no --level," };
        return Err(options(format!("expected {expected} with this --rsubtype")));
    }
    let chosen = if is_adapter { partitions(scene, &filters)? } else { Vec::new() };
    let snapshot = scene.snapshot;
    match subtype {
        VirtualType::Eth => {
            let all = chosen.iter().flat_map(|view| &view.ethernet);
            let rows = all.map(|ethernet| EthernetRow::new(snapshot, ethernet));
            print(ETHERNET, rows.filter(|row| passes(row, &filters)), listing)
        }
        VirtualType::Scsi => {
            let row = |view: &Arc<PartitionView>, scsi: &hmc_proto::Scsi| ScsiRow {
                snapshot: Arc::clone(snapshot),
                view: Arc::clone(view),
                scsi: scsi.clone(),
            };
            let rows =
                chosen.iter().flat_map(|view| view.scsi.iter().map(move |scsi| row(view, scsi)));
            print(SCSI, rows.filter(|row| passes(row, &filters)), listing)
        }
        // There is no Fibre Channel in the simulated system.
        VirtualType::Fc => print::<SlotRow>(&SLOT[..3], [], listing),
        VirtualType::Serial => {
            let rows = chosen.iter().flat_map(|view| slots(scene, view));
            let serial = rows.filter(|row| row.kind == SlotKind::Serial);
            print(SERIAL, serial.filter(|row| passes(row, &filters)), listing)
        }
        VirtualType::Slot if args.level == Some(Level::Slot) => {
            let rows = chosen.iter().flat_map(|view| slots(scene, view));
            print(SLOT, rows.filter(|row| passes(row, &filters)), listing)
        }
        VirtualType::Slot => {
            print(SLOTS, chosen.iter().map(|view| PartitionRow::new(snapshot, view)), listing)
        }
        VirtualType::Vswitch => {
            let rows = snapshot
                .switches
                .iter()
                .map(|switch| SwitchRow { snapshot: Arc::clone(snapshot), switch: switch.clone() });
            print(SWITCH, rows.filter(|row| passes(row, &filters)), listing)
        }
        VirtualType::Vnetwork => {
            let rows = snapshot.networks.iter().map(|network| NetworkRow {
                snapshot: Arc::clone(snapshot),
                network: network.clone(),
            });
            print(NETWORK, rows.filter(|row| passes(row, &filters)), listing)
        }
    }
}

/// Filters of adapters, switches and networks, and the attributes that they look at.
const FILTERED: &[(&str, &[&str])] = &[
    ("slots", &["slot_num"]),
    ("vswitches", &["vswitch"]),
    ("vnetworks", &["vnetwork"]),
    ("vlans", &["vlan_id", "port_vlan_id", "addl_vlan_ids"]),
];

fn passes(row: &impl Row, filters: &Filters) -> bool {
    FILTERED.iter().all(|(filter, attributes)| {
        let Some(wanted) = filters.values(filter) else { return true };
        let values = attributes.iter().filter_map(|attribute| row.value(attribute));
        let has = |value: Value| match value {
            Value::Number(number) => wanted.contains(&number.to_string()),
            Value::Text(text) => wanted.contains(&text),
            Value::List(list) => list.iter().any(|one| wanted.contains(one)),
            _ => false,
        };
        values.into_iter().any(has)
    })
}

/// The slots of a partition that are taken: 0 and 1 are those of its serial adapters.
fn slots(scene: &Scene<'_>, view: &Arc<PartitionView>) -> Vec<SlotRow> {
    let serial = [0, 1].map(|slot| (slot, SlotKind::Serial));
    let ethernet = view.ethernet.iter().map(|it| (it.slot, SlotKind::Ethernet));
    let scsi = view.scsi.iter().map(|it| (it.slot, SlotKind::Scsi));
    let mut taken: Vec<_> = serial.into_iter().chain(ethernet).chain(scsi).collect();
    taken.sort_unstable_by_key(|(slot, _)| *slot);
    let row = |(slot, kind)| SlotRow {
        snapshot: Arc::clone(scene.snapshot),
        view: Arc::clone(view),
        slot,
        kind,
    };
    taken.into_iter().map(row).collect()
}
