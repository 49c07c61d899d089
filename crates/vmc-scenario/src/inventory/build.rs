//! A system is made of an inventory: by the operations that managers have, so that the same is refused.

use super::file::*;
use crate::bounds::{Bounds, out_of_bounds};
use crate::error::Problem;
use crate::spanned::{Number, Spanned};
use crate::words;
use managed_system::{
    Amounts, Backing, BootMode, Capacity, Configuration, DedicatedSharing, EthernetDefinition,
    MacAddress, Named, OperatingSystem, Operation, Outcome, PartitionDefinition, PartitionId,
    PartitionType, ProcessorUnits, Processors, Refusal, SharedSharing, Slot, SlotChoice, SwitchId,
    SwitchMode, System, SystemConfig, Timings, Uuid, VlanId,
};
use std::ops::Range;
use std::time::Duration;

/// The system of an inventory, or what is wrong with the inventory.
pub(crate) fn build(form: &InventoryForm) -> Result<System, Problem> {
    let seed = number_or("seed", &form.seed, &SEED, 1u64)?;
    let management = management(form)?;
    let config = SystemConfig {
        name: form.name.get_ref().clone(),
        uuid: uuid(&form.system.uuid, seed, form.name.get_ref())?,
        machine_type: form.system.machine_type.clone().unwrap_or_else(|| "9009".into()),
        model: form.system.model.clone().unwrap_or_else(|| "42A".into()),
        serial: form.system.serial.clone().unwrap_or_else(|| "1234567".into()),
        firmware_level: form
            .system
            .firmware_level
            .clone()
            .unwrap_or_else(|| "FW950.40 (VL950_092)".into()),
        seed,
        capacity: capacity(&form.capacity)?,
        timings: timings(&form.timings)?,
        event_log: number_or("event-log", &form.event_log, &EVENTS, 1000)?,
        management: definition(management.get_ref(), seed)?,
    };
    let mut system = System::new(config).map_err(|error| {
        let what = error.to_string();
        match error {
            managed_system::ConfigError::Refused(refusal) => {
                let span = match refusal {
                    Refusal::BadName { what: Named::System, .. } => form.name.span(),
                    _ => management.span(),
                };
                refused(&refusal, span)
            }
            _ => Problem::new(form.name.span(), what, "change `[capacity]`"),
        }
    })?;
    for partition in form.partition.iter().filter(|at| !at.get_ref().management) {
        let definition = Box::new(definition(partition.get_ref(), seed)?);
        let create = Operation::CreatePartition(definition);
        set_up(&mut system, &create, partition.span())?;
    }
    networks(form, &mut system)?;
    for partition in &form.partition {
        let id = id_of(&system, &partition.get_ref().name)?;
        ethernet(&mut system, id, partition.get_ref())?;
        storage(&mut system, id, partition)?;
    }
    for partition in &form.partition {
        let id = id_of(&system, &partition.get_ref().name)?;
        for adapter in &partition.get_ref().scsi {
            scsi(&mut system, id, adapter)?;
        }
    }
    for partition in form.partition.iter().map(Spanned::get_ref) {
        if partition.state == StateForm::Running && !partition.management {
            let id = id_of(&system, &partition.name)?;
            let begun = system.begin_running(id);
            begun.map_err(|refusal| refused(&refusal, partition.name.span()))?;
        }
    }
    Ok(system)
}

/// The one that manages the system.
fn management(form: &InventoryForm) -> Result<&Spanned<PartitionForm>, Problem> {
    let mut managers = form.partition.iter().filter(|at| at.get_ref().management);
    match (managers.next(), managers.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(second)) => Err(Problem::new(
            second.get_ref().name.span(),
            "expected one management partition, got another one",
            "leave `management` out here",
        )),
        (None, _) => Err(Problem::new(
            form.name.span(),
            "expected one management partition, got none",
            "write `management = true` in one `[[partition]]`",
        )),
    }
}

fn capacity(form: &CapacityForm) -> Result<Capacity, Problem> {
    let usual = Capacity::default();
    let memory = number_or("memory-mb", &form.memory_mb, &MEGABYTES, usual.configurable_memory_mb)?;
    let processors =
        number_or("processors", &form.processors, &PROCESSORS, usual.configurable_processors)?;
    Ok(Capacity {
        installed_memory_mb: number_or(
            "installed-memory-mb",
            &form.installed_memory_mb,
            &MEGABYTES,
            memory,
        )?,
        configurable_memory_mb: memory,
        hypervisor_memory_mb: number_or(
            "hypervisor-memory-mb",
            &form.hypervisor_memory_mb,
            &MEGABYTES,
            usual.hypervisor_memory_mb,
        )?,
        lmb_mb: number_or("lmb-mb", &form.lmb_mb, &LMB, usual.lmb_mb)?,
        installed_processors: number_or(
            "installed-processors",
            &form.installed_processors,
            &PROCESSORS,
            processors,
        )?,
        configurable_processors: processors,
        min_units_per_processor: ProcessorUnits(number_or(
            "least-units",
            &form.least_units,
            &LEAST_UNITS,
            usual.min_units_per_processor.0,
        )?),
        max_processors_per_partition: number_or(
            "max-processors-per-partition",
            &form.max_processors_per_partition,
            &OF_PARTITION,
            usual.max_processors_per_partition,
        )?,
        max_partitions: number_or(
            "max-partitions",
            &form.max_partitions,
            &PARTITIONS,
            usual.max_partitions,
        )?,
        compatibility_modes: usual.compatibility_modes,
        custom_mac_addresses: form.custom_mac_addresses.unwrap_or(usual.custom_mac_addresses),
    })
}

fn timings(form: &TimingsForm) -> Result<Timings, Problem> {
    let time = |key: &str, written: &Option<Number>, usual: Duration| match written {
        Some(written) => {
            number(key, written, &MILLISECONDS).map(|ms: u64| Duration::from_millis(ms))
        }
        None => Ok(usual),
    };
    let usual = Timings::default();
    Ok(Timings {
        start: time("start-ms", &form.start_ms, usual.start)?,
        firmware: time("firmware-ms", &form.firmware_ms, usual.firmware)?,
        boot: time("boot-ms", &form.boot_ms, usual.boot)?,
        rmc: time("rmc-ms", &form.rmc_ms, usual.rmc)?,
        shutdown: time("shutdown-ms", &form.shutdown_ms, usual.shutdown)?,
        immediate_shutdown: time(
            "immediate-shutdown-ms",
            &form.immediate_shutdown_ms,
            usual.immediate_shutdown,
        )?,
        shutdown_limit: time("shutdown-limit-ms", &form.shutdown_limit_ms, usual.shutdown_limit)?,
        system_on: time("system-on-ms", &form.system_on_ms, usual.system_on)?,
        system_off: time("system-off-ms", &form.system_off_ms, usual.system_off)?,
    })
}

fn definition(form: &PartitionForm, seed: u64) -> Result<PartitionDefinition, Problem> {
    let kind = match form.kind {
        TypeForm::AixLinux => PartitionType::AixLinux,
        TypeForm::Vios => PartitionType::VirtualIoServer,
        TypeForm::IbmI => PartitionType::IbmI,
    };
    let is_server = form.kind == TypeForm::Vios;
    let mut definition = PartitionDefinition::new(
        form.name.get_ref().clone(),
        kind,
        configuration(form, is_server)?,
    );
    definition.id = match &form.id {
        Some(id) => Some(PartitionId(number("id", id, &PARTITIONS)?)),
        None => None,
    };
    definition.uuid = Some(uuid(&form.uuid, seed, form.name.get_ref())?);
    if let (Some(os), TypeForm::AixLinux) = (form.os, form.kind) {
        definition.os = match os {
            OsForm::Aix => OperatingSystem::Aix,
            OsForm::Linux => OperatingSystem::Linux,
        };
    }
    definition.physical_boot_device = form.physical_boot_device.unwrap_or(form.scsi.is_empty());
    definition.profile.clone_from(&form.profile);
    definition.description.clone_from(&form.description);
    Ok(definition)
}

fn configuration(form: &PartitionForm, is_server: bool) -> Result<Configuration, Problem> {
    let memory_mb = amounts("memory-mb", &form.memory_mb, &MEGABYTES)?;
    let processors: Amounts<u16> = amounts("processors", &form.processors, &OF_PARTITION)?;
    let mut configuration = Configuration::shared(memory_mb, processors);
    if form.dedicated {
        if let Some(units) = &form.units {
            let message = "dedicated processors have no entitlement of their own";
            return Err(Problem::new(units.span(), message, "leave `units` or `dedicated` out"));
        }
        let sharing = DedicatedSharing::default();
        configuration.processors = Processors::Dedicated { processors, sharing };
    } else if let Processors::Shared { units, sharing, .. } = &mut configuration.processors {
        if let Some(written) = &form.units {
            let Amounts { min, desired, max } = amounts("units", written, &UNITS)?;
            let [min, desired, max] = [min, desired, max].map(ProcessorUnits);
            *units = Amounts { min, desired, max };
        }
        let weight = number_or("weight", &form.weight, &BYTE, 64)?;
        *sharing =
            if form.capped { SharedSharing::Capped } else { SharedSharing::Uncapped { weight } };
    }
    let (slots, priority) = if is_server { (1000, 191) } else { (64, 127) };
    configuration.max_slots = number_or("max-slots", &form.max_slots, &SLOTS, slots)?;
    configuration.availability_priority =
        number_or("availability-priority", &form.availability_priority, &BYTE, priority)?;
    configuration.boot_mode = match form.boot_mode {
        BootForm::Normal => BootMode::Normal,
        BootForm::Sms => BootMode::SystemManagementServices,
        BootForm::OpenFirmware => BootMode::OpenFirmware,
    };
    configuration.auto_start = form.auto_start;
    if let Some(mode) = &form.compatibility_mode {
        configuration.compatibility_mode.clone_from(mode);
    }
    Ok(configuration)
}

fn networks(form: &InventoryForm, system: &mut System) -> Result<(), Problem> {
    for switch in &form.switch {
        let SwitchForm { name, mode } = switch.get_ref();
        let mode = match mode {
            ModeForm::Veb => SwitchMode::Veb,
            ModeForm::Vepa => SwitchMode::Vepa,
        };
        let create = Operation::CreateSwitch { name: name.clone(), mode };
        set_up(system, &create, switch.span())?;
    }
    for network in &form.network {
        let NetworkForm { name, switch, vlan, tagged } = network.get_ref();
        let (name, tagged) = (name.clone(), *tagged);
        let (switch, vlan) = (switch_of(system, switch)?, VlanId(number("vlan", vlan, &VLANS)?));
        let create = Operation::CreateNetwork { name, switch, vlan, tagged };
        set_up(system, &create, network.span())?;
    }
    Ok(())
}

fn ethernet(
    system: &mut System,
    partition: PartitionId,
    form: &PartitionForm,
) -> Result<(), Problem> {
    for adapter in &form.ethernet {
        let at = adapter.get_ref();
        let mac = match &at.mac {
            Some(written) => Some(MacAddress::parse(written.get_ref()).ok_or_else(|| {
                let message =
                    format!("mac: expected 12 hexadecimal digits, got {:?}", written.get_ref());
                Problem::new(
                    written.span(),
                    message,
                    "write it as `\"02AABBCCDD03\"`, or leave it out",
                )
            })?),
            None => None,
        };
        let additional = at.additional_vlans.iter();
        let additional =
            additional.map(|vlan| number("additional-vlans", vlan, &VLANS).map(VlanId));
        let trunk_priority = match &at.trunk_priority {
            Some(priority) => Some(number("trunk-priority", priority, &TRUNK_PRIORITY)?),
            None => None,
        };
        let definition = EthernetDefinition {
            mac,
            switch: switch_of(system, &at.switch)?,
            port_vlan: VlanId(number("vlan", &at.vlan, &VLANS)?),
            tagged: !at.additional_vlans.is_empty(),
            additional_vlans: additional.collect::<Result<_, _>>()?,
            trunk_priority,
        };
        let (slot, ethernet) = (choice("slot", &at.slot)?, Box::new(definition));
        let add = Operation::AddEthernet { partition, slot, ethernet };
        set_up(system, &add, adapter.span())?;
    }
    Ok(())
}

fn storage(
    system: &mut System,
    vios: PartitionId,
    form: &Spanned<PartitionForm>,
) -> Result<(), Problem> {
    let form = form.get_ref();
    for volume in &form.volume {
        let SizedForm { name, size_mb } = volume.get_ref();
        let size_mb = number("size-mb", size_mb, &MEGABYTES)?;
        let attached = system.attach_volume(vios, name, size_mb, Duration::ZERO);
        attached.map_err(|refusal| refused(&refusal, volume.span()))?;
    }
    for group in &form.group {
        let GroupForm { name, volumes, disk, repository } = group.get_ref();
        let volumes = volumes.iter().cloned().collect();
        let create = Operation::CreateGroup { vios, name: name.clone(), volumes };
        set_up(system, &create, group.span())?;
        for disk in disk {
            let SizedForm { name: disk_name, size_mb } = disk.get_ref();
            let size_mb = number("size-mb", size_mb, &MEGABYTES)?;
            let (group, name) = (name.clone(), disk_name.clone());
            let create = Operation::CreateDisk { vios, group, name, size_mb };
            set_up(system, &create, disk.span())?;
        }
        let Some(repository) = repository else { continue };
        let size_mb = number("size-mb", &repository.get_ref().size_mb, &MEGABYTES)?;
        let create = Operation::CreateRepository { vios, group: name.clone(), size_mb };
        set_up(system, &create, repository.span())?;
        for medium in &repository.get_ref().medium {
            let MediumForm { name, size_mb, writable } = medium.get_ref();
            let (name, read_only) = (name.clone(), !writable);
            let size_mb = number("size-mb", size_mb, &MEGABYTES)?;
            let create = Operation::CreateMedium { vios, name, size_mb, read_only };
            set_up(system, &create, medium.span())?;
        }
    }
    Ok(())
}

fn scsi(
    system: &mut System,
    client: PartitionId,
    adapter: &Spanned<ScsiForm>,
) -> Result<(), Problem> {
    let form = adapter.get_ref();
    let vios = id_of(system, &form.server)?;
    let server_slot = choice("server-slot", &form.server_slot)?;
    let client_slot = choice("slot", &form.slot)?;
    let add = Operation::AddScsiPair { vios, server_slot, client, client_slot };
    let Outcome::ScsiPair { server_slot, .. } = set_up(system, &add, adapter.span())? else {
        return Ok(());
    };
    for target in &form.target {
        let TargetForm { name, disk, volume, optical } = target.get_ref();
        let backing = match (disk, volume, optical) {
            (Some(disk), None, None) => Backing::Disk(disk.clone()),
            (None, Some(volume), None) => Backing::Volume(volume.clone()),
            (None, None, Some(medium)) => {
                Backing::Optical(Some(medium.clone()).filter(|medium| !medium.is_empty()))
            }
            _ => {
                let message = "expected one of `disk`, `volume` and `optical`";
                let remedy = "keep the one that is meant, as `disk = \"lv1\"`";
                return Err(Problem::new(target.span(), message, remedy));
            }
        };
        let add = Operation::AddTarget { vios, server_slot, name: name.clone(), backing };
        set_up(system, &add, target.span())?;
    }
    Ok(())
}

fn set_up(
    system: &mut System,
    operation: &Operation,
    span: Range<usize>,
) -> Result<Outcome, Problem> {
    system.set_up(operation).map_err(|refusal| refused(&refusal, span))
}

/// The system refuses something: what is wrong, and what to write.
fn refused(refusal: &Refusal, span: Range<usize>) -> Problem {
    let remedy = match refusal {
        Refusal::BadName { .. } | Refusal::NameInUse { .. } => String::from("give it another name"),
        Refusal::IdInUse { .. } => String::from("choose another `id`, or leave it out"),
        Refusal::BadUuid { .. } | Refusal::UuidInUse { .. } => {
            String::from("choose another `uuid`, or leave it out")
        }
        Refusal::TooManyPartitions { .. } => String::from("raise `max-partitions` in `[capacity]`"),
        Refusal::OutOfRange { least, most, .. } => format!("write a number from {least} to {most}"),
        Refusal::NotMultiple { got, of, .. } => {
            format!("write {}", got.div_ceil(*of).max(1).saturating_mul(*of))
        }
        Refusal::Disordered { bound, .. } => format!("write at least {bound}"),
        Refusal::UnitsPerProcessor { least, most, .. } => {
            format!("write {} to {} hundredths", least.0, most.0)
        }
        Refusal::UnknownCompatibilityMode { mode, supported } => {
            words::instead(mode, supported.iter().map(String::as_str))
        }
        Refusal::SlotInUse { .. } | Refusal::SlotOutOfRange { .. } => {
            String::from("choose another slot, or leave it out")
        }
        Refusal::NoFreeSlot { .. } => String::from("raise `max-slots` of that partition"),
        Refusal::BadMac { .. } | Refusal::MacInUse { .. } | Refusal::NoCustomMac => {
            String::from("choose another `mac`, or leave it out")
        }
        Refusal::TrunkPriorityInUse { .. } => String::from("choose another `trunk-priority`"),
        Refusal::NoTrunkHere { .. } => String::from("leave `trunk-priority` out"),
        Refusal::NotVios { .. } => String::from("name a partition with `type = \"vios\"`"),
        Refusal::NotEnough { .. } => {
            String::from("raise `[capacity]`, or leave `state = \"running\"` out")
        }
        Refusal::NoRoom { free_mb, .. } => format!("write at most {free_mb} MB, or make it larger"),
        Refusal::NoSuchName { what, .. } => {
            format!("define that {what}, or name one that is defined")
        }
        Refusal::NoVolumes => String::from("write the names of some `[[partition.volume]]`"),
        Refusal::NetworkExists { .. } => String::from("leave one of the two out"),
        Refusal::RepositoryExists { .. } => String::from("leave this `repository` out"),
        Refusal::Mapped { .. } | Refusal::VolumeInGroup { .. } => {
            String::from("name another one, or leave it out in the other place")
        }
        _ => String::from("change this, or leave it out"),
    };
    Problem::new(span, refusal.to_string(), remedy)
}

/// The partition with a name.
fn id_of(system: &System, name: &Spanned<String>) -> Result<PartitionId, Problem> {
    system.partition_named(name.get_ref()).map(|partition| partition.id()).map_err(|refusal| {
        let all = system.partitions(None, usize::MAX).items;
        let names: Vec<&str> = all.iter().map(|partition| partition.name()).collect();
        let remedy = words::instead(name.get_ref(), names);
        Problem::new(name.span(), refusal.to_string(), remedy)
    })
}

/// The switch with a name, or the default one.
fn switch_of(system: &System, name: &Option<Spanned<String>>) -> Result<SwitchId, Problem> {
    let Some(name) = name else { return Ok(SwitchId(0)) };
    system.switch_named(name.get_ref()).map(|switch| switch.id()).map_err(|refusal| {
        let all = system.switches(None, usize::MAX).items;
        let names: Vec<&str> = all.iter().map(|switch| switch.name()).collect();
        Problem::new(name.span(), refusal.to_string(), words::instead(name.get_ref(), names))
    })
}

fn uuid(written: &Option<Spanned<String>>, seed: u64, name: &str) -> Result<Uuid, Problem> {
    let Some(written) = written else { return Ok(Uuid::derive(seed, name)) };
    Uuid::parse(written.get_ref()).ok_or_else(|| {
        let message = format!(
            "uuid: expected 32 hexadecimal digits as 8-4-4-4-12, got {:?}",
            written.get_ref()
        );
        let remedy = format!("write it as `\"{}\"`, or leave it out", Uuid::derive(seed, name));
        Problem::new(written.span(), message, remedy)
    })
}

fn choice(key: &str, written: &Option<Number>) -> Result<SlotChoice, Problem> {
    match written {
        Some(slot) => Ok(SlotChoice::At(Slot(number(key, slot, &SLOTS)?))),
        None => Ok(SlotChoice::Lowest),
    }
}

fn amounts<T: TryFrom<i64> + Copy>(
    key: &str,
    written: &Spanned<AmountsForm>,
    bounds: &Bounds,
) -> Result<Amounts<T>, Problem> {
    let AmountsForm { min, desired, max } = written.get_ref();
    let desired = number(key, desired, bounds)?;
    let min = number_or(key, min, bounds, desired)?;
    let max = number_or(key, max, bounds, desired)?;
    Ok(Amounts { min, desired, max })
}

fn number_or<T: TryFrom<i64>>(
    key: &str,
    written: &Option<Number>,
    bounds: &Bounds,
    usual: T,
) -> Result<T, Problem> {
    written.as_ref().map_or(Ok(usual), |written| number(key, written, bounds))
}

fn number<T: TryFrom<i64>>(key: &str, written: &Number, bounds: &Bounds) -> Result<T, Problem> {
    let value = *written.get_ref();
    let within = bounds.contains(&value).then(|| T::try_from(value).ok()).flatten();
    within.ok_or_else(|| {
        let (message, remedy) = out_of_bounds(key, value, bounds);
        Problem::new(written.span(), message, remedy)
    })
}
