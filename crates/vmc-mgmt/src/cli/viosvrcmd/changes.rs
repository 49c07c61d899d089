//! Commands that change a server's storage.

use super::flags::Flags;
use super::{Failure, Server, missing, mistake};
use crate::cli::scene::number;
use crate::objects::storage::vhost;
use hmc_proto::{
    AdapterSide, BackingKind, CreateDisk, CreateGroup, CreateMapping, CreateMedia,
    CreateRepository, ExtendDisk, ExtendGroup, LoadMedia, OfVios, StorageName,
};

type Lines = Result<Vec<String>, Failure>;

/// What a command says about what it has made.
fn available(device: &str) -> Vec<String> {
    vec![format!("{device} Available")]
}

/// A size: `10G`, `512M`, or megabytes without a unit.
fn megabytes(text: &str) -> Result<u64, Failure> {
    let (digits, unit) = match text.char_indices().next_back() {
        Some((at, 'G' | 'g')) => (&text[..at], 1024),
        Some((at, 'M' | 'm')) => (&text[..at], 1),
        _ => (text, 1),
    };
    let size = number("a size", digits, u64::from(u32::MAX)).ok();
    let size = size.and_then(|size| size.checked_mul(unit)).filter(|size| *size > 0);
    size.ok_or_else(|| mistake(format!("expected a size as in 10G or 512M, got `{text}`")))
}

/// The slot of a server adapter by its name.
fn adapter(server: &Server<'_, '_>, name: &str) -> Result<u16, Failure> {
    let servers = server.view.scsi.iter().filter(|scsi| scsi.side == AdapterSide::Server);
    let mut slots = servers.map(|scsi| scsi.slot);
    slots.find(|slot| vhost(*slot) == name).ok_or_else(|| missing("adapter", name))
}

/// What backs a target device, by its name: a virtual disk, or a physical volume.
fn backing_kind(server: &Server<'_, '_>, name: &str) -> Result<BackingKind, Failure> {
    let storage = server.storage();
    if storage.disks.iter().any(|disk| disk.name == name) {
        return Ok(BackingKind::Disk);
    }
    match storage.volumes.iter().any(|volume| volume.name == name) {
        true => Ok(BackingKind::Volume),
        false => Err(missing("logical or physical volume", name)),
    }
}

/// `mkvdev`: maps a volume, or makes an optical device.
pub(super) fn map(server: &mut Server<'_, '_>, flags: &Flags) -> Lines {
    let server_slot = adapter(server, flags.need("vadapter")?)?;
    let (kind, backing) = match (flags.has("fbo"), flags.get("vdev")) {
        (true, None) => (BackingKind::Optical, None),
        (false, Some(name)) => (backing_kind(server, name)?, Some(name.to_owned())),
        _ => return Err(mistake("expected one of -vdev and -fbo after mkvdev")),
    };
    let target = flags.get("dev").map(str::to_owned);
    let vios = server.id();
    let request = CreateMapping { vios, version: None, server_slot, kind, backing, target };
    let created = server.scene.client.create_mapping(request)?;
    Ok(available(&created.target))
}

/// `rmvdev`: removes a target device by its name, or by that of what backs it.
pub(super) fn unmap(server: &mut Server<'_, '_>, flags: &Flags) -> Lines {
    let name = match (flags.get("vtd"), flags.get("vdev")) {
        (Some(target), None) => target.to_owned(),
        (None, Some(backing)) => {
            let mut mappings = server.storage().mappings.iter();
            let found = mappings.find(|it| it.backing.as_deref() == Some(backing));
            found.ok_or_else(|| missing("target device of", backing))?.target.clone()
        }
        _ => return Err(mistake("expected one of -vtd and -vdev after rmvdev")),
    };
    let vios = server.id();
    let request = StorageName { vios, version: None, name: name.clone() };
    server.scene.client.delete_mapping(request)?;
    Ok(vec![format!("{name} deleted")])
}

fn create_disk(
    server: &mut Server<'_, '_>,
    group: &str,
    name: &str,
    size: &str,
) -> Result<(), Failure> {
    let size_mb = megabytes(size)?;
    let (vios, group, name) = (server.id(), group.to_owned(), name.to_owned());
    server.scene.client.create_disk(CreateDisk { vios, version: None, group, name, size_mb })?;
    Ok(())
}

fn delete_disk(server: &mut Server<'_, '_>, name: &str) -> Result<(), Failure> {
    let request = StorageName { vios: server.id(), version: None, name: name.to_owned() };
    server.scene.client.delete_disk(request)?;
    Ok(())
}

/// `mkbdsp`: makes a backing device in a pool, maps one, or both.
pub(super) fn backing_device(server: &mut Server<'_, '_>, flags: &Flags) -> Lines {
    let name = flags.need("bd")?;
    let adapter = flags.get("vadapter").map(|name| adapter(server, name)).transpose()?;
    if flags.has("tn") && adapter.is_none() {
        return Err(mistake("the flag -tn goes with -vadapter"));
    }
    let size = flags.words.first();
    let mut lines = Vec::new();
    match (size, flags.get("sp")) {
        (Some(size), Some(pool)) => {
            create_disk(server, pool, name, size)?;
            lines.push(format!("Creating logical volume \"{name}\"."));
        }
        (None, _) if adapter.is_some() => {}
        _ => return Err(mistake("expected -sp with a pool, and a size, after mkbdsp")),
    }
    if let Some(server_slot) = adapter {
        let kind = if size.is_some() { BackingKind::Disk } else { backing_kind(server, name)? };
        let (vios, backing) = (server.id(), Some(name.to_owned()));
        let target = flags.get("tn").map(str::to_owned);
        let request = CreateMapping { vios, version: None, server_slot, kind, backing, target };
        match server.scene.client.create_mapping(request) {
            Ok(created) => lines.extend(available(&created.target)),
            Err(error) => {
                // It is made and mapped, or neither.
                if size.is_some() {
                    delete_disk(server, name)?;
                }
                return Err(error.into());
            }
        }
    }
    Ok(lines)
}

/// `rmbdsp`: removes a backing device by its name, or by its target device's; the target device goes with it.
pub(super) fn remove_backing_device(server: &mut Server<'_, '_>, flags: &Flags) -> Lines {
    let (storage, vios) = (server.storage(), server.id());
    let disk = match (flags.get("bd"), flags.get("vtd")) {
        (Some(name), None) => storage.disks.iter().find(|disk| disk.name == name),
        (None, Some(target)) => {
            storage.disks.iter().find(|disk| disk.target.as_deref() == Some(target))
        }
        _ => return Err(mistake("expected one of -bd and -vtd after rmbdsp")),
    };
    let named = flags.get("bd").or(flags.get("vtd")).unwrap_or_default();
    let disk = disk.ok_or_else(|| missing("backing device", named))?.clone();
    if flags.get("sp").is_some_and(|pool| pool != disk.group) {
        return Err(missing("backing device", &disk.name));
    }
    let mut lines = Vec::new();
    if let Some(name) = disk.target {
        lines.push(format!("{name} deleted"));
        server.scene.client.delete_mapping(StorageName { vios, version: None, name })?;
    }
    delete_disk(server, &disk.name)?;
    lines.push(format!("Logical volume \"{}\" is removed.", disk.name));
    Ok(lines)
}

/// `mklv`: makes a logical volume.
pub(super) fn logical_volume(server: &mut Server<'_, '_>, flags: &Flags) -> Lines {
    let name = flags.get("lv").map_or_else(|| free_name(server), str::to_owned);
    create_disk(server, flags.word(0), &name, flags.word(1))?;
    Ok(vec![name])
}

/// The first of lv00, lv01, … that no disk has.
fn free_name(server: &Server<'_, '_>) -> String {
    let is_free = |name: &String| !server.storage().disks.iter().any(|disk| disk.name == *name);
    let mut names = (0u32..).map(|number| format!("lv{number:02}"));
    names.find(is_free).unwrap_or_default()
}

/// `extendlv`: makes a logical volume larger by a size.
pub(super) fn extend_logical_volume(server: &mut Server<'_, '_>, flags: &Flags) -> Lines {
    let name = flags.word(0).to_owned();
    let by = megabytes(flags.word(1))?;
    let found = server.storage().disks.iter().find(|disk| disk.name == name);
    let size_mb = found.ok_or_else(|| missing("logical volume", &name))?.size_mb.saturating_add(by);
    let (vios, version) = (server.id(), None);
    server.scene.client.extend_disk(ExtendDisk { vios, version, name, size_mb })?;
    Ok(Vec::new())
}

/// `rmlv`: removes a logical volume.
pub(super) fn remove_logical_volume(server: &mut Server<'_, '_>, flags: &Flags) -> Lines {
    delete_disk(server, flags.word(0))?;
    Ok(vec![format!("rmlv: Logical volume {} is removed.", flags.word(0))])
}

/// `mkvg`: makes a volume group.
pub(super) fn group(server: &mut Server<'_, '_>, flags: &Flags) -> Lines {
    let group = flags.need("vg")?.to_owned();
    let (vios, volumes) = (server.id(), flags.words.clone());
    let request = CreateGroup { vios, version: None, group: group.clone(), volumes };
    server.scene.client.create_group(request)?;
    Ok(vec![group])
}

/// `extendvg`: adds physical volumes to a volume group.
pub(super) fn extend_group(server: &mut Server<'_, '_>, flags: &Flags) -> Lines {
    let (group, volumes) = (flags.word(0).to_owned(), flags.words[1..].to_vec());
    let (vios, version) = (server.id(), None);
    server.scene.client.extend_group(ExtendGroup { vios, version, group, volumes })?;
    Ok(Vec::new())
}

/// `mkrep`: makes the media repository.
pub(super) fn repository(server: &mut Server<'_, '_>, flags: &Flags) -> Lines {
    let (group, size_mb) = (flags.need("sp")?.to_owned(), megabytes(flags.need("size")?)?);
    let (vios, version) = (server.id(), None);
    server.scene.client.create_repository(CreateRepository { vios, version, group, size_mb })?;
    Ok(vec![String::from("Virtual Media Repository Created")])
}

/// `rmrep`: removes the media repository.
pub(super) fn remove_repository(server: &mut Server<'_, '_>, _: &Flags) -> Lines {
    let vios = server.id();
    server.scene.client.delete_repository(OfVios { vios, version: None })?;
    Ok(vec![String::from("Virtual Media Repository deleted.")])
}

/// `mkvopt`: makes a medium.
pub(super) fn medium(server: &mut Server<'_, '_>, flags: &Flags) -> Lines {
    let (name, size_mb) = (flags.need("name")?.to_owned(), megabytes(flags.need("size")?)?);
    let (vios, version, read_only) = (server.id(), None, flags.has("ro"));
    server.scene.client.create_media(CreateMedia { vios, version, name, size_mb, read_only })?;
    Ok(Vec::new())
}

/// `rmvopt`: removes a medium.
pub(super) fn remove_medium(server: &mut Server<'_, '_>, flags: &Flags) -> Lines {
    let (vios, version, name) = (server.id(), None, flags.need("name")?.to_owned());
    server.scene.client.delete_media(StorageName { vios, version, name })?;
    Ok(Vec::new())
}

/// `loadopt`: puts a medium into an optical device.
pub(super) fn load(server: &mut Server<'_, '_>, flags: &Flags) -> Lines {
    let (target, medium) = (flags.need("vtd")?.to_owned(), flags.need("disk")?.to_owned());
    let (vios, version) = (server.id(), None);
    server.scene.client.load_media(LoadMedia { vios, version, target, medium })?;
    Ok(Vec::new())
}

/// `unloadopt`: takes the medium out of an optical device.
pub(super) fn unload(server: &mut Server<'_, '_>, flags: &Flags) -> Lines {
    let (vios, version, name) = (server.id(), None, flags.need("vtd")?.to_owned());
    server.scene.client.unload_media(StorageName { vios, version, name })?;
    Ok(Vec::new())
}
