//! `rmsyscfg`: removes partitions and profiles.

use super::args::{MadeType, RemoveConfiguration};
use super::output::Failure;
use super::scene::{Done, Scene, needed, refuse_options, silent};
use hmc_proto::{BackingKind, PartitionVersion, ProfileName, StorageName};

pub(super) fn run(scene: &mut Scene<'_>, args: &RemoveConfiguration) -> Result<Done, Failure> {
    scene.check_system(&args.system)?;
    match args.kind {
        MadeType::Lpar => partition(scene, args),
        MadeType::Prof => profile(scene, args),
    }
}

fn profile(scene: &mut Scene<'_>, args: &RemoveConfiguration) -> Result<Done, Failure> {
    scene.needs_profiles("The command rmsyscfg -r prof")?;
    refuse_options(&[(args.vioscfg, "--vioscfg"), (args.vdisks, "--vdisks")], "-r prof")?;
    let name = needed(&args.name, "-n <PROFILE>")?.to_owned();
    let partition = scene.of_partition(&args.of)?.partition.id;
    scene.client.delete_profile(ProfileName { partition, version: None, name })?;
    Ok(silent())
}

fn partition(scene: &mut Scene<'_>, args: &RemoveConfiguration) -> Result<Done, Failure> {
    refuse_options(&[(args.of.partition.is_some(), "-p")], "-r lpar")?;
    let view = scene.partition(("-n", args.name.as_deref()), args.of.id.as_deref())?;
    let id = view.partition.id;
    let disks = if args.vdisks { disks_of(scene, id) } else { Vec::new() };
    scene.client.delete_partition(PartitionVersion { id, version: None })?;
    for (vios, name) in disks {
        scene.client.delete_disk(StorageName { vios, version: None, name })?;
    }
    Ok(silent())
}

/// The virtual disks behind a client's target devices, with the ID of the server that has them.
fn disks_of(scene: &Scene<'_>, client: u16) -> Vec<(u16, String)> {
    let mappings = scene.snapshot.servers().flat_map(|(view, storage)| {
        storage.mappings.iter().map(move |mapping| (view.partition.id, mapping))
    });
    let of_client = mappings.filter(|(_, it)| it.client == client && it.kind == BackingKind::Disk);
    of_client.filter_map(|(vios, it)| Some((vios, it.backing.clone()?))).collect()
}
