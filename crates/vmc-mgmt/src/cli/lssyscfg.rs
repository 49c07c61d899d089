//! `lssyscfg`: systems, partitions, profiles.

use super::args::{ListConfiguration, ListedType};
use super::dialect::Dialect;
use super::filter::Filters;
use super::listing::{Column, Row, filters, fixed, of, on_demand, print};
use super::output::Failure;
use super::rows::{PartitionRow, ProfileRow, SystemRow};
use super::scene::{Done, NO_SUCH_PROFILE, Scene, options, refuse_options, refused};
use crate::app::PartitionView;
use std::sync::Arc;

/// Attributes of a system (management reference, section 2.3).
const SYSTEM: &[Column] = &[
    of("name"),
    of("type_model"),
    of("serial_num"),
    of("ipaddr"),
    fixed("sp_type", "fsp"),
    of("state"),
    of("state_detail"),
    of("detailed_state"),
    of("sys_time"),
    fixed("power_off_policy", "0"),
    of("active_lpar_mobility_capable"),
    of("inactive_lpar_mobility_capable"),
    fixed("custom_mac_addr_capable", "1"),
    fixed("dlpar_mem_capable", "1"),
    of("os400_capable"),
    fixed("sni_msg_passing_capable", "0"),
    fixed("sriov_capable", "0"),
    fixed("virtual_eth_qos_capable", "0"),
    fixed("virtual_fc_capable", "0"),
    fixed("virtual_io_server_capable", "1"),
    fixed("virtual_switch_capable", "1"),
    of("max_lpars"),
    fixed("max_power_ctrl_lpars", "0"),
    fixed("service_lpar_id", "none"),
    fixed("curr_sys_keylock", "norm"),
    fixed("pend_power_on_option", "autostart"),
    of("lpar_proc_compat_modes"),
    of("description"),
];

/// Attributes of a partition, in the HMC's order (management reference, section 2.3).
const PARTITION: &[Column] = &[
    of("name"),
    of("lpar_id"),
    of("lpar_env"),
    of("state"),
    of("resource_config"),
    of("os_version"),
    of("logical_serial_num"),
    of("default_profile"),
    of("curr_profile"),
    fixed("work_group_id", "none"),
    fixed("shared_proc_pool_util_auth", "0"),
    of("allow_perf_collection"),
    fixed("power_ctrl_lpar_ids", "none"),
    of("boot_mode"),
    of("lpar_keylock"),
    of("auto_start"),
    of("redundant_err_path_reporting"),
    of("rmc_state"),
    of("rmc_ipaddr"),
    of("time_ref"),
    of("lpar_avail_priority"),
    of("desired_lpar_proc_compat_mode"),
    of("curr_lpar_proc_compat_mode"),
    of("sync_curr_profile"),
    fixed("affinity_group_id", "none"),
    of("vtpm_enabled"),
    of("uuid"),
    of("description"),
    on_demand("refcode"),
    on_demand("uptime"),
];

/// Attributes that come with profiles, and that NovaLink does not have.
const OF_PROFILES: &[&str] = &["default_profile", "curr_profile", "sync_curr_profile"];

/// Attributes of a profile (management reference, section 2.3).
const PROFILE: &[Column] = &[
    of("name"),
    of("lpar_name"),
    of("lpar_id"),
    of("lpar_env"),
    fixed("all_resources", "0"),
    of("min_mem"),
    of("desired_mem"),
    of("max_mem"),
    fixed("mem_mode", "ded"),
    of("hpt_ratio"),
    of("proc_mode"),
    of("min_proc_units"),
    of("desired_proc_units"),
    of("max_proc_units"),
    of("min_procs"),
    of("desired_procs"),
    of("max_procs"),
    of("sharing_mode"),
    of("uncap_weight"),
    of("shared_proc_pool_id"),
    of("shared_proc_pool_name"),
    fixed("affinity_group_id", "none"),
    of("io_slots"),
    fixed("lpar_io_pool_ids", "none"),
    of("max_virtual_slots"),
    fixed("virtual_serial_adapters", "0/server/1/any//any/1,1/server/1/any//any/1"),
    of("virtual_scsi_adapters"),
    of("virtual_eth_adapters"),
    of("boot_mode"),
    of("conn_monitoring"),
    of("auto_start"),
    of("lpar_proc_compat_mode"),
    of("secure_boot"),
];

pub(super) fn run(scene: &mut Scene<'_>, args: &ListConfiguration) -> Result<Done, Failure> {
    let needs_system = || options("expected -m <SYSTEM>");
    match (&args.system, args.kind) {
        (Some(system), _) => scene.check_system(system)?,
        (None, ListedType::Sys) => {}
        (None, _) => return Err(needs_system()),
    }
    Ok(match args.kind {
        ListedType::Sys => {
            refuse_options(&[(args.listing.filter.is_some(), "--filter")], "-r sys")?;
            let now = scene.client.now();
            let now = scene.times.since_1970(now.as_nanos() as u64);
            let row = SystemRow { snapshot: Arc::clone(scene.snapshot), now };
            print(SYSTEM, [row], &args.listing)?
        }
        ListedType::Lpar => {
            let filters = filters(&args.listing, &["lpar_names", "lpar_ids"])?;
            let chosen = partitions(scene, &filters)?;
            let rows = chosen.iter().map(|view| PartitionRow::new(scene.snapshot, view));
            print(&partition_columns(scene.dialect), rows, &args.listing)?
        }
        ListedType::Prof => {
            scene.needs_profiles("A listing of profiles")?;
            let filters = filters(&args.listing, &["lpar_names", "lpar_ids", "profile_names"])?;
            let chosen = partitions(scene, &filters)?;
            let rows = profiles(scene, &chosen, &filters)?;
            print(PROFILE, rows, &args.listing)?
        }
        // Profiles of the whole system are not simulated: it has none.
        ListedType::Sysprof => {
            scene.needs_profiles("A listing of profiles")?;
            print::<Nothing>(
                &[of("name"), of("lpar_names"), of("profile_names")],
                [],
                &args.listing,
            )?
        }
    }
    .into())
}

/// No object.
enum Nothing {}

impl Row for Nothing {
    fn value(&self, _: &str) -> Option<crate::objects::Value> {
        match *self {}
    }
}

fn partition_columns(dialect: Dialect) -> Vec<Column> {
    let shown = |column: &&Column| dialect == Dialect::Hmc || !OF_PROFILES.contains(&column.name());
    PARTITION.iter().filter(shown).copied().collect()
}

/// The partitions that filters leave. A name or an ID that there is not is a failure, as on an HMC.
pub(super) fn partitions(
    scene: &Scene<'_>,
    filters: &Filters,
) -> Result<Vec<Arc<PartitionView>>, Failure> {
    let mut chosen: Vec<_> = scene.snapshot.partitions.clone();
    if let Some(names) = filters.values("lpar_names") {
        let named = names.iter().map(|name| scene.partition_named(name));
        let ids: Vec<u16> = ids(named)?;
        chosen.retain(|view| ids.contains(&view.partition.id));
    }
    if let Some(numbers) = filters.values("lpar_ids") {
        let numbered = numbers.iter().map(|number| scene.partition_numbered(number));
        let ids: Vec<u16> = ids(numbered)?;
        chosen.retain(|view| ids.contains(&view.partition.id));
    }
    Ok(chosen)
}

fn ids(
    views: impl Iterator<Item = Result<Arc<PartitionView>, Failure>>,
) -> Result<Vec<u16>, Failure> {
    views.map(|view| view.map(|view| view.partition.id)).collect()
}

fn profiles(
    scene: &Scene<'_>,
    chosen: &[Arc<PartitionView>],
    filters: &Filters,
) -> Result<Vec<ProfileRow>, Failure> {
    let named = filters.values("profile_names");
    let all =
        chosen.iter().flat_map(|view| view.profiles.iter().map(move |profile| (view, profile)));
    let rows: Vec<_> = all
        .filter(|(_, profile)| filters.pass("profile_names", &profile.name))
        .map(|(view, profile)| ProfileRow::new(scene.snapshot, view, profile))
        .collect();
    let is_missing = |name: &&String| !rows.iter().any(|row| row.name() == **name);
    match named.into_iter().flatten().find(is_missing) {
        Some(name) => {
            Err(refused(NO_SUCH_PROFILE, format!("The profile named {name} was not found.")))
        }
        None => Ok(rows),
    }
}
