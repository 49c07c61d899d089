//! Commands that look at a server's storage.

use super::flags::Flags;
use super::{Failure, Server, missing, mistake};
use crate::objects::adapter::location;
use crate::objects::storage::{is_free, lua, vhost};
use hmc_proto::{AdapterSide, BackingKind, Mapping, PhysicalVolume, VolumeGroup};

/// Lines of columns, as the server prints them, or with the delimiter of `-fmt`.
struct Columns<'f> {
    widths: &'static [usize],
    delimiter: Option<&'f str>,
}

impl Columns<'_> {
    fn of<'f>(flags: &'f Flags, widths: &'static [usize]) -> Result<Columns<'f>, Failure> {
        match flags.get("fmt") {
            Some(delimiter) if delimiter.chars().count() != 1 => {
                Err(mistake(format!("expected one character after -fmt, got `{delimiter}`")))
            }
            delimiter => Ok(Columns { widths, delimiter }),
        }
    }

    /// The first line names the columns, unless they have a delimiter.
    fn head(&self, names: &[&str]) -> Vec<String> {
        match self.delimiter {
            Some(_) => Vec::new(),
            None => vec![self.line(names)],
        }
    }

    fn line(&self, cells: &[&str]) -> String {
        if let Some(delimiter) = self.delimiter {
            return cells.join(delimiter);
        }
        let widths = self.widths.iter().chain(std::iter::repeat(&0));
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    }
}

/// `ioslevel`: the version that the server says that it has.
pub(super) fn level(_: &mut Server<'_, '_>, _: &Flags) -> Result<Vec<String>, Failure> {
    Ok(vec![String::from("3.1.4.10")])
}

/// `lsmap`: server adapters, and the target devices of each.
pub(super) fn maps(server: &mut Server<'_, '_>, flags: &Flags) -> Result<Vec<String>, Failure> {
    let wanted = flags.get("vadapter");
    if wanted.is_some() == flags.has("all") {
        return Err(mistake("expected one of -all and -vadapter after lsmap"));
    }
    let columns = Columns::of(flags, &[15, 44, 18])?;
    let view = &server.view;
    let servers = view.scsi.iter().filter(|scsi| scsi.side == AdapterSide::Server);
    let mut lines = Vec::new();
    let mut found = false;
    for scsi in servers.filter(|scsi| wanted.is_none_or(|wanted| vhost(scsi.slot) == wanted)) {
        found = true;
        let place = location(server.scene.snapshot, server.id(), scsi.slot);
        let (name, client) = (vhost(scsi.slot), format!("0x{:08x}", scsi.remote_partition));
        let mappings = server.storage().mappings.iter();
        let mappings: Vec<_> = mappings.filter(|it| it.server_slot == scsi.slot).collect();
        match columns.delimiter {
            Some(_) => {
                let mut cells = vec![name, place, client];
                cells.extend(mappings.iter().flat_map(|mapping| cells_of(mapping)));
                if mappings.is_empty() {
                    cells.push(String::from(NO_TARGET));
                }
                lines.push(columns.line(&cells.iter().map(String::as_str).collect::<Vec<_>>()));
            }
            None => {
                lines.push(columns.line(&["SVSA", "Physloc", "Client Partition ID"]));
                let rule = ["-", "-", "-"].iter().zip([15, 44, 18]).map(|(dash, n)| dash.repeat(n));
                lines.push(rule.collect::<Vec<_>>().join(" "));
                lines.push(columns.line(&[&name, &place, &client]));
                lines.push(String::new());
                if mappings.is_empty() {
                    lines.push(format!("{:<21} {NO_TARGET}", "VTD"));
                    lines.push(String::new());
                }
                for mapping in mappings {
                    let names = ["VTD", "Status", "LUN", "Backing device", "Physloc", "Mirrored"];
                    let pairs = names.iter().zip(cells_of(mapping));
                    lines
                        .extend(pairs.map(|(name, cell)| {
                            format!("{name:<21} {cell}").trim_end().to_owned()
                        }));
                    lines.push(String::new());
                }
            }
        }
    }
    match wanted {
        Some(wanted) if !found => Err(missing("adapter", wanted)),
        _ => Ok(lines),
    }
}

const NO_TARGET: &str = "NO VIRTUAL TARGET DEVICE FOUND";

/// Target device, status, LUN, backing device, its place, and whether it is mirrored.
fn cells_of(mapping: &Mapping) -> [String; 6] {
    [
        mapping.target.clone(),
        String::from("Available"),
        lua(mapping),
        backing_path(mapping),
        String::new(),
        String::from("N/A"),
    ]
}

/// A medium is a file of the repository; others are devices.
fn backing_path(mapping: &Mapping) -> String {
    match (mapping.kind, mapping.backing.as_deref()) {
        (BackingKind::Optical, Some(medium)) => format!("/var/vio/VMLibrary/{medium}"),
        (_, backing) => backing.unwrap_or_default().to_owned(),
    }
}

/// `lsdev`: devices, or the virtual ones alone.
pub(super) fn devices(server: &mut Server<'_, '_>, flags: &Flags) -> Result<Vec<String>, Failure> {
    let columns = Columns::of(flags, &[16, 11])?;
    let (view, storage) = (&server.view, server.storage());
    let mut devices: Vec<(String, &str)> = Vec::new();
    for (number, _) in view.ethernet.iter().enumerate() {
        devices.push((format!("ent{number}"), "Virtual I/O Ethernet Adapter (l-lan)"));
    }
    if !flags.has("virtual") {
        let disks = storage.volumes.iter().map(|volume| (volume.name.clone(), "SAS Disk Drive"));
        devices.extend(disks);
    }
    for scsi in view.scsi.iter().filter(|scsi| scsi.side == AdapterSide::Server) {
        devices.push((vhost(scsi.slot), "Virtual SCSI Server Adapter"));
    }
    devices.push((String::from("vsa0"), "LPAR Virtual Serial Adapter"));
    for mapping in &storage.mappings {
        let kind = match mapping.kind {
            BackingKind::Disk => "Virtual Target Device - Logical Volume",
            BackingKind::Volume => "Virtual Target Device - Disk",
            BackingKind::Optical => "Virtual Target Device - File-backed Optical",
        };
        devices.push((mapping.target.clone(), kind));
    }
    let mut lines = columns.head(&["name", "status", "description"]);
    lines.extend(devices.iter().map(|(name, kind)| columns.line(&[name, "Available", kind])));
    Ok(lines)
}

/// `lspv`: physical volumes.
pub(super) fn volumes(server: &mut Server<'_, '_>, flags: &Flags) -> Result<Vec<String>, Failure> {
    let columns = Columns::of(flags, &[16, 36, 16])?;
    let volumes = &server.storage().volumes;
    if let Some(name) = flags.words.first() {
        let found = volumes.iter().find(|volume| volume.name == *name);
        let volume = found.ok_or_else(|| missing("physical volume", name))?;
        let group = volume.group.as_deref().unwrap_or("None");
        return Ok(vec![
            two("PHYSICAL VOLUME:", name, "VOLUME GROUP:", group),
            two("PV STATE:", "active", "PP SIZE:", "1 megabyte(s)"),
            two("TOTAL PPs:", &amount(volume.size_mb), "", ""),
        ]);
    }
    let sizes = flags.has("size") || flags.has("free");
    let is_shown = |volume: &&PhysicalVolume| !flags.has("free") || is_free(volume);
    let mut lines = columns.head(match sizes {
        true => &["NAME", "PVID", "SIZE(megabytes)"],
        false => &["NAME", "PVID", "VG", "STATUS"],
    });
    for volume in volumes.iter().filter(is_shown) {
        let size = volume.size_mb.to_string();
        let group = volume.group.as_deref().unwrap_or("None");
        let status = if volume.group.is_some() { "active" } else { "" };
        lines.push(match sizes {
            true => columns.line(&[&volume.name, "none", &size]),
            false => columns.line(&[&volume.name, "none", group, status]),
        });
    }
    Ok(lines)
}

fn find_group<'s>(server: &'s Server<'_, '_>, name: &str) -> Result<&'s VolumeGroup, Failure> {
    let found = server.storage().groups.iter().find(|group| group.name == name);
    found.ok_or_else(|| missing("volume group", name))
}

/// `lsvg`: volume groups, or one of them: itself, its disks, its physical volumes.
pub(super) fn groups(server: &mut Server<'_, '_>, flags: &Flags) -> Result<Vec<String>, Failure> {
    let storage = server.storage();
    let Some(name) = flags.words.first() else {
        if flags.has("lv") || flags.has("pv") {
            return Err(mistake("expected the name of a volume group with -lv and -pv"));
        }
        return Ok(storage.groups.iter().map(|group| group.name.clone()).collect());
    };
    let group = find_group(server, name)?;
    let mut lines = Vec::new();
    if flags.has("lv") {
        let columns = Columns { widths: &[19, 10, 7, 7, 7, 13], delimiter: None };
        lines.push(format!("{name}:"));
        lines.push(columns.line(&[
            "LV NAME",
            "TYPE",
            "LPs",
            "PPs",
            "PVs",
            "LV STATE",
            "MOUNT POINT",
        ]));
        for disk in storage.disks.iter().filter(|disk| disk.group == *name) {
            let (size, state) = (disk.size_mb.to_string(), state_of(disk.target.is_some()));
            lines.push(columns.line(&[&disk.name, "jfs", &size, &size, "1", state, "N/A"]));
        }
        return Ok(lines);
    }
    let of_group: Vec<_> =
        storage.volumes.iter().filter(|volume| volume.group.as_ref() == Some(name)).collect();
    if flags.has("pv") {
        let columns = Columns { widths: &[17, 17, 11, 11], delimiter: None };
        lines.push(format!("{name}:"));
        lines.push(columns.line(&["PV_NAME", "PV STATE", "TOTAL PPs"]));
        for volume in of_group {
            lines.push(columns.line(&[&volume.name, "active", &volume.size_mb.to_string()]));
        }
        return Ok(lines);
    }
    let used = group.size_mb - group.free_mb.min(group.size_mb);
    Ok(vec![
        two("VOLUME GROUP:", name, "VG STATE:", "active"),
        two("PP SIZE:", "1 megabyte(s)", "TOTAL PPs:", &amount(group.size_mb)),
        two("LVs:", &group.disks.to_string(), "FREE PPs:", &amount(group.free_mb)),
        two("TOTAL PVs:", &of_group.len().to_string(), "USED PPs:", &amount(used)),
    ])
}

fn state_of(mapped: bool) -> &'static str {
    if mapped { "open/syncd" } else { "closed/syncd" }
}

fn amount(mb: u64) -> String {
    format!("{mb} ({mb} megabytes)")
}

fn two(left: &str, value: &str, right: &str, other: &str) -> String {
    format!("{left:<19} {value:<24} {right:<15} {other}").trim_end().to_owned()
}

/// `lslv`: a logical volume.
pub(super) fn logical_volume(
    server: &mut Server<'_, '_>,
    flags: &Flags,
) -> Result<Vec<String>, Failure> {
    let name = flags.word(0);
    let found = server.storage().disks.iter().find(|disk| disk.name == name);
    let disk = found.ok_or_else(|| missing("logical volume", name))?;
    Ok(vec![
        two("LOGICAL VOLUME:", name, "VOLUME GROUP:", &disk.group),
        two("LV STATE:", state_of(disk.target.is_some()), "PP SIZE:", "1 megabyte(s)"),
        two("LPs:", &disk.size_mb.to_string(), "PPs:", &disk.size_mb.to_string()),
    ])
}

/// `lssp`: storage pools, or the backing devices in one of them.
pub(super) fn pools(server: &mut Server<'_, '_>, flags: &Flags) -> Result<Vec<String>, Failure> {
    let storage = server.storage();
    if !flags.has("bd") {
        let columns = Columns::of(flags, &[16, 10, 10, 15, 6])?;
        let mut lines =
            columns.head(&["Pool", "Size(mb)", "Free(mb)", "Alloc Size(mb)", "BDs", "Type"]);
        for group in &storage.groups {
            let (size, free) = (group.size_mb.to_string(), group.free_mb.to_string());
            let disks = group.disks.to_string();
            lines.push(columns.line(&[&group.name, &size, &free, "1", &disks, "LVPOOL"]));
        }
        return Ok(lines);
    }
    let pool = flags.need("sp")?;
    find_group(server, pool)?;
    let columns = Columns::of(flags, &[16, 11, 27])?;
    let mut lines = columns.head(&["Name", "Size(mb)", "VTD", "SVSA"]);
    for disk in storage.disks.iter().filter(|disk| disk.group == pool) {
        let mapping = storage.mappings.iter().find(|it| Some(&it.target) == disk.target.as_ref());
        let adapter = mapping.map_or(String::from("None"), |it| vhost(it.server_slot));
        let target = disk.target.as_deref().unwrap_or("None");
        lines.push(columns.line(&[&disk.name, &disk.size_mb.to_string(), target, &adapter]));
    }
    Ok(lines)
}

/// `lsrep`: the media repository.
pub(super) fn repository(
    server: &mut Server<'_, '_>,
    flags: &Flags,
) -> Result<Vec<String>, Failure> {
    let storage = server.storage();
    let Some(group) = storage.groups.iter().find(|group| group.has_repository) else {
        return Err(missing("media repository", "of this server"));
    };
    let columns = Columns::of(flags, &[45, 10, 15])?;
    let mut lines = Vec::new();
    if columns.delimiter.is_none() {
        let (size, free) = (group.size_mb.to_string(), group.free_mb.to_string());
        let pool = Columns { widths: &[20, 16], delimiter: None };
        lines.push(pool.line(&["Parent Pool", "Parent Size", "Parent Free"]));
        lines.push(pool.line(&[&group.name, &size, &free]));
        lines.push(String::new());
    }
    lines.extend(columns.head(&["Name", "File Size", "Optical", "Access"]));
    for medium in &storage.media {
        let size = medium.size_mb.to_string();
        let holders = storage.mappings.iter().filter(|it| {
            it.kind == BackingKind::Optical && it.backing.as_deref() == Some(&medium.name)
        });
        let holders: Vec<_> = holders.map(|it| it.target.as_str()).collect();
        let optical = if holders.is_empty() { String::from("None") } else { holders.join(",") };
        let access = if medium.read_only { "ro" } else { "rw" };
        lines.push(columns.line(&[&medium.name, &size, &optical, access]));
    }
    Ok(lines)
}
