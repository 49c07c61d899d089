//! `mksyscfg`: makes partitions and profiles.

use super::adapters::{EthernetElement, ScsiElement};
use super::args::{MadeType, MakeConfiguration};
use super::attributes::{
    CONFIGURATION, require, set, settle, without_meaning, write, write_without_meaning,
};
use super::dialect::Dialect;
use super::output::{Failure, UsageError};
use super::record::Record;
use super::scene::{Done, Scene, needed, options, record_alone, refused, silent};
use crate::app::PartitionView;
use crate::objects::partition::Edit;
use hmc_proto::{
    Memory, PartitionVersion, ProcessorMode, Processors, ProfileName, SharingMode, StoreProfile,
};
use managed_system::refusal_codes::IN_USE;
use std::sync::Arc;

/// Virtual slots of a partition for which none are named: what an HMC gives it.
const SLOTS_OF_HMC: u16 = 6;

pub(super) fn run(scene: &mut Scene<'_>, args: &MakeConfiguration) -> Result<Done, Failure> {
    scene.check_system(&args.system)?;
    if args.kind == MadeType::Prof {
        scene.needs_profiles("The command mksyscfg -r prof")?;
    }
    let record = record_alone(args.record.as_deref(), args.profile.as_deref(), &args.of)?;
    let Some(record) = record else { return save(scene, args) };
    match args.kind {
        MadeType::Lpar => partition(scene, &record),
        MadeType::Prof => profile(scene, &record),
    }
}

/// What a partition is to have now becomes a profile.
fn save(scene: &mut Scene<'_>, args: &MakeConfiguration) -> Result<Done, Failure> {
    if args.kind == MadeType::Lpar {
        return Err(options("the option -o does not go with -r lpar"));
    }
    let view = scene.of_partition(&args.of)?;
    let name = needed(&args.profile, "-n <PROFILE>")?.to_owned();
    let partition = view.partition.id;
    scene.client.save_profile(ProfileName { partition, version: None, name })?;
    Ok(silent())
}

fn partition(scene: &mut Scene<'_>, record: &Record) -> Result<Done, Failure> {
    let known: Vec<_> = CONFIGURATION
        .iter()
        .copied()
        .chain(OF_NEW)
        .chain(without_meaning())
        .chain((scene.dialect == Dialect::NovaLink).then_some("lpar_proc_compat_mode"))
        .collect();
    record.only(&known)?;
    match scene.dialect {
        Dialect::Hmc => require(record, &["name", "profile_name", "lpar_env"])?,
        Dialect::NovaLink => {
            if record.get("profile_name").is_some() {
                scene.needs_profiles("The attribute profile_name")?;
            }
            if record.get("sync_curr_profile").is_some() {
                scene.needs_profiles("The attribute sync_curr_profile")?;
            }
            require(record, &["name", "lpar_env"])?;
        }
    }
    let mut edit = Edit::new();
    if scene.dialect == Dialect::Hmc {
        edit.configuration.max_slots = SLOTS_OF_HMC;
    }
    resources(scene, &mut edit, record)?;
    let (mut ethernet, mut scsi) = (Vec::new(), Vec::new());
    let mut boots_of_its_own = true;
    for pair in record.pairs() {
        match pair.name.as_str() {
            "name" => edit.name = set(pair)?.to_owned(),
            "profile_name" => edit.profile = Some(set(pair)?.to_owned()),
            "description" => edit.description = Some(set(pair)?.to_owned()),
            "virtual_eth_adapters" => ethernet = EthernetElement::list(scene, set(pair)?)?,
            "virtual_scsi_adapters" => {
                scsi = ScsiElement::list(scene, set(pair)?)?;
                boots_of_its_own &= scsi.is_empty();
            }
            "io_slots" => boots_of_its_own = !matches!(set(pair)?, "none" | ""),
            "all_resources" => {}
            _ if write_without_meaning(pair)? => {}
            name => write(&mut edit, name, set(pair)?)?,
        }
    }
    settle(&mut edit);
    let mut request = edit.create();
    request.physical_boot_device = boots_of_its_own;
    let created = scene.client.create_partition(request)?;
    let finished = finish(scene, created.id, edit.description, &ethernet, &scsi);
    if let Err(failure) = finished {
        // It is made whole or not at all.
        let whole = PartitionVersion { id: created.id, version: None };
        scene.client.delete_partition(whole)?;
        return Err(failure);
    }
    Ok(silent())
}

/// Attributes of a new partition beside [`CONFIGURATION`].
const OF_NEW: [&str; 9] = [
    "name",
    "lpar_id",
    "lpar_env",
    "profile_name",
    "description",
    "virtual_eth_adapters",
    "virtual_scsi_adapters",
    "io_slots",
    "all_resources",
];

/// What the system decides where a record says nothing, and what the record has to say.
fn resources(scene: &Scene<'_>, edit: &mut Edit, record: &Record) -> Result<(), Failure> {
    if let Some(pair) = record.get("all_resources") {
        match set(pair)? {
            "0" => {}
            "1" => {
                all_resources(scene, edit);
                return Ok(());
            }
            got => {
                let (attribute, expected) = (pair.name.clone(), String::from("0 or 1"));
                let got = got.to_owned();
                return Err(UsageError::Value { attribute, expected, got }.into());
            }
        }
    }
    require(record, &["min_mem", "desired_mem", "max_mem"])?;
    let of_processors = |name: &&&str| name.contains("proc") || name.contains("sharing");
    let any = CONFIGURATION.iter().filter(of_processors).any(|name| record.get(name).is_some());
    let mode = record.get("proc_mode").map(|pair| pair.value.as_str());
    match (mode, any) {
        // One processor of its own, shared while it is off, as an HMC gives.
        (None, false) => edit.configuration.processors = dedicated(1, 1),
        (None, true) => return Err(UsageError::Missing(String::from("proc_mode")).into()),
        (Some("ded"), _) => {
            require(record, &["sharing_mode", "min_procs", "desired_procs", "max_procs"])?;
        }
        (Some(_), _) => require(
            record,
            &[
                "min_procs",
                "desired_procs",
                "max_procs",
                "min_proc_units",
                "desired_proc_units",
                "max_proc_units",
            ],
        )?,
    }
    Ok(())
}

fn dedicated(desired: u16, max: u16) -> Processors {
    Processors {
        mode: ProcessorMode::Dedicated,
        sharing: SharingMode::ShareIdle,
        weight: 0,
        pool: 0,
        min: 1,
        desired,
        max,
        min_units: 0,
        desired_units: 0,
        max_units: 0,
    }
}

/// As much as the system has; it is not activated while others have some of it, but with what is left.
fn all_resources(scene: &Scene<'_>, edit: &mut Edit) {
    let system = &scene.snapshot.system;
    let lmb = system.memory.lmb_mb.max(1);
    let all = (system.memory.configurable_mb
        - system.memory.hypervisor_mb.min(system.memory.configurable_mb))
        / lmb
        * lmb;
    // The least that a maximum can be reached from.
    let min_mb = all.div_ceil(64).next_multiple_of(lmb).max(lmb);
    edit.configuration.memory = Memory { min_mb, desired_mb: all, max_mb: all };
    let processors = system.processors.configurable_units / 100;
    let most = u32::from(system.processors.max_per_partition);
    let all = processors.min(most).max(1) as u16;
    edit.configuration.processors = dedicated(all, all);
}

/// What a new partition has beside its configuration.
fn finish(
    scene: &mut Scene<'_>,
    id: u16,
    description: Option<String>,
    ethernet: &[EthernetElement],
    scsi: &[ScsiElement],
) -> Result<(), Failure> {
    if let Some(text) = description {
        scene.client.set_description(hmc_proto::SetDescription { id, version: None, text })?;
    }
    for element in ethernet {
        scene.client.add_ethernet(element.add(id))?;
    }
    for element in scsi {
        scene.client.add_scsi(element.add(id))?;
    }
    Ok(())
}

/// Makes a profile of a partition: what a record does not say is as the partition is to have it now.
fn profile(scene: &mut Scene<'_>, record: &Record) -> Result<Done, Failure> {
    let (view, name) = profile_of(scene, record)?;
    check_free(&view, &name)?;
    let edit = Edit::of(&view);
    store(scene, &view, edit, &name, record)
}

/// A partition has no profile of this name yet.
fn check_free(view: &PartitionView, name: &str) -> Result<(), Failure> {
    if view.profiles.iter().any(|profile| profile.name == name) {
        let partition = &view.partition.name;
        let text = format!("there is already a profile named {name} of {partition}");
        return Err(refused(IN_USE, text));
    }
    Ok(())
}

/// The partition and the name of the profile that a record is about.
pub(super) fn profile_of(
    scene: &Scene<'_>,
    record: &Record,
) -> Result<(Arc<PartitionView>, String), Failure> {
    let name = record.get("name").map(set).transpose()?;
    let name = name.ok_or_else(|| UsageError::Missing(String::from("name")))?.to_owned();
    let partition = record.get("lpar_name").map(set).transpose()?;
    let id = record.get("lpar_id").map(set).transpose()?;
    if partition.is_none() && id.is_none() {
        return Err(UsageError::Missing(String::from("lpar_name")).into());
    }
    let view = scene.partition(("lpar_name", partition), id)?;
    Ok((view, name))
}

/// Stores a profile with what a record changes of it.
pub(super) fn store(
    scene: &mut Scene<'_>,
    view: &PartitionView,
    mut edit: Edit,
    name: &str,
    record: &Record,
) -> Result<Done, Failure> {
    let own =
        ["name", "lpar_name", "lpar_id", "new_name", "lpar_proc_compat_mode", "all_resources"];
    let known: Vec<_> = CONFIGURATION.iter().copied().chain(own).chain(without_meaning()).collect();
    for pair in record.pairs() {
        if ["virtual_eth_adapters", "virtual_scsi_adapters", "io_slots"].contains(&&*pair.name) {
            return Err(options(format!(
                "`{}` belongs to the partition here, not to its profiles: use chhwres -r virtualio",
                pair.name
            )));
        }
    }
    record.only(&known)?;
    for pair in record.pairs() {
        match pair.name.as_str() {
            "name" | "lpar_name" | "lpar_id" | "new_name" => {}
            "all_resources" if pair.value == "1" => all_resources(scene, &mut edit),
            "all_resources" => {}
            _ if write_without_meaning(pair)? => {}
            attribute => write(&mut edit, attribute, set(pair)?)?,
        }
    }
    settle(&mut edit);
    let new_name =
        record.get("new_name").map(set).transpose()?.filter(|new_name| *new_name != name);
    if let Some(new_name) = new_name {
        check_free(view, new_name)?;
    }
    let (partition, version) = (view.partition.id, Some(view.partition.version));
    let profile = edit.profile(new_name.unwrap_or(name));
    let stored = scene.client.store_profile(StoreProfile { partition, version, profile })?;
    if new_name.is_some() {
        let version = Some(stored.version);
        let old = ProfileName { partition, version, name: name.to_owned() };
        scene.client.delete_profile(old)?;
    }
    Ok(silent())
}
