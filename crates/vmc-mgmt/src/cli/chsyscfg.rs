//! `chsyscfg`: changes partitions, profiles and the system.

use super::args::{ChangeConfiguration, ChangedType};
use super::attributes::{
    CONFIGURATION, set, settle, without_meaning, write, write_without_meaning,
};
use super::dialect::Dialect;
use super::mksyscfg::{profile_of, store};
use super::output::{Failure, UsageError};
use super::record::Record;
use super::scene::{Done, NO_SUCH_PROFILE, Scene, needed, options, record_alone, refused, silent};
use crate::app::PartitionView;
use crate::objects::partition::Edit;
use hmc_proto::{ChangeSystem, ProfileName, RenamePartition, SetDescription};
use std::sync::Arc;

pub(super) fn run(scene: &mut Scene<'_>, args: &ChangeConfiguration) -> Result<Done, Failure> {
    scene.check_system(&args.system)?;
    if args.kind == ChangedType::Prof {
        scene.needs_profiles("The command chsyscfg -r prof")?;
    }
    let record = record_alone(args.record.as_deref(), args.profile.as_deref(), &args.of)?;
    let Some(record) = record else { return apply(scene, args) };
    match args.kind {
        ChangedType::Sys => system(scene, &record),
        ChangedType::Lpar => partition(scene, &record),
        ChangedType::Prof => profile(scene, &record),
    }
}

/// A profile becomes what its partition is to have.
fn apply(scene: &mut Scene<'_>, args: &ChangeConfiguration) -> Result<Done, Failure> {
    if args.kind != ChangedType::Lpar {
        return Err(options("the option -o goes with -r lpar"));
    }
    scene.needs_profiles("The option -o apply")?;
    let view = scene.of_partition(&args.of)?;
    let name = needed(&args.profile, "-n <PROFILE>")?.to_owned();
    let partition = view.partition.id;
    scene.client.apply_profile(ProfileName { partition, version: None, name })?;
    Ok(silent())
}

fn system(scene: &mut Scene<'_>, record: &Record) -> Result<Done, Failure> {
    record.only(&["new_name"])?;
    let pair =
        record.get("new_name").ok_or_else(|| UsageError::Missing(String::from("new_name")))?;
    scene.client.change_system(ChangeSystem { version: None, name: set(pair)?.to_owned() })?;
    Ok(silent())
}

/// Attributes that belong to the partition itself where it has profiles for the others.
const OF_PARTITION: [&str; 3] = ["auto_start", "boot_mode", "lpar_avail_priority"];

fn partition(scene: &mut Scene<'_>, record: &Record) -> Result<Done, Failure> {
    let own = ["name", "lpar_id", "new_name", "description"];
    let is_hmc = scene.dialect == Dialect::Hmc;
    if let Some(pair) = record.pairs().iter().find(|pair| {
        is_hmc && CONFIGURATION.contains(&&*pair.name) && !OF_PARTITION.contains(&&*pair.name)
    }) {
        return Err(options(format!(
            "the attribute `{}` belongs to profiles: use chsyscfg -r prof, or chhwres",
            pair.name
        )));
    }
    if !is_hmc && record.get("sync_curr_profile").is_some() {
        scene.needs_profiles("The attribute sync_curr_profile")?;
    }
    let configuration =
        CONFIGURATION.iter().copied().filter(|name| !is_hmc || OF_PARTITION.contains(name));
    let known: Vec<_> = own
        .into_iter()
        .chain(configuration)
        .chain((!is_hmc).then_some("lpar_proc_compat_mode"))
        .chain(without_meaning())
        .collect();
    record.only(&known)?;
    let view = named(scene, record)?;
    let mut edit = Edit::of(&view);
    edit.description = None;
    for pair in record.pairs() {
        match pair.name.as_str() {
            "name" | "lpar_id" => {}
            "new_name" => edit.name = set(pair)?.to_owned(),
            "description" => edit.description = Some(set(pair)?.to_owned()),
            _ if write_without_meaning(pair)? => {}
            attribute => write(&mut edit, attribute, set(pair)?)?,
        }
    }
    settle(&mut edit);
    make(scene, &view, &edit)?;
    Ok(silent())
}

/// The partition that `name` or `lpar_id` names.
fn named(scene: &Scene<'_>, record: &Record) -> Result<Arc<PartitionView>, Failure> {
    let name = record.get("name").map(set).transpose()?;
    let id = record.get("lpar_id").map(set).transpose()?;
    match (name, id) {
        (None, None) => Err(UsageError::Missing(String::from("name")).into()),
        (name, id) => scene.partition(("name", name), id),
    }
}

/// Makes a partition what an edit says. Its name comes first, since another may have it; when the rest is refused the name goes
/// back, so that the change is made whole or not at all.
pub(super) fn make(
    scene: &mut Scene<'_>,
    view: &PartitionView,
    edit: &Edit,
) -> Result<(), Failure> {
    let (change, rename) = edit.change(view);
    let id = view.partition.id;
    let mut version = Some(view.partition.version);
    let renamed = rename.is_some();
    if let Some(rename) = rename {
        version = Some(scene.client.rename_partition(rename)?.version);
    }
    let rest = || {
        if let Some(mut change) = change {
            change.version = version;
            version = Some(scene.client.change_partition(change)?.version);
        }
        if let Some(text) = edit.description.clone().filter(|text| *text != view.description) {
            scene.client.set_description(SetDescription { id, version, text })?;
        }
        Ok(())
    };
    let Err(failure) = rest() else { return Ok(()) };
    if renamed {
        let name = view.partition.name.clone();
        scene.client.rename_partition(RenamePartition { id, version: None, name })?;
    }
    Err(failure)
}

fn profile(scene: &mut Scene<'_>, record: &Record) -> Result<Done, Failure> {
    let (view, name) = profile_of(scene, record)?;
    let found = view.profiles.iter().find(|profile| profile.name == name);
    let profile = found.ok_or_else(|| {
        let partition = &view.partition.name;
        refused(NO_SUCH_PROFILE, format!("The profile named {name} of {partition} was not found."))
    })?;
    let mut edit = Edit::of(&view);
    edit.configuration = profile.configuration.clone();
    store(scene, &view, edit, &name, record)
}
