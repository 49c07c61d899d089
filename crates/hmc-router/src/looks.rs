//! Requests that look at the managed system.

use crate::words::{self, ns};
use hmc_proto as wire;
use hmc_proto::{
    AdapterSide, Answer, BackingKind, Bytes, Cursor, Page, Request, Response, ReturnCode, SlotKind,
};
use managed_system::{
    Adapter, Backing, JobId, JobKind, JobStatus, MAX_FINISHED_JOBS, NetworkId, Partition,
    PartitionId, Refusal, Slot, Storage, SwitchId, System,
};

/// Entries that are asked of the model for one page: no message holds more.
const LIMIT: usize = hmc_proto::MAX_DATA_BYTES;

/// Why there is no answer with data.
enum Failure {
    Refused(Refusal),
    /// The cursor is none of this list.
    Cursor,
    /// It is no request that looks.
    Operation,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure::Refused(refusal)
    }
}

/// Looks; an answer has at most `room` bytes of data.
pub(crate) fn look(system: &System, request: &Request, room: usize) -> Result<Answer, ReturnCode> {
    match response(system, request, room) {
        Ok(response) => Ok(Answer::Good(response)),
        Err(Failure::Refused(refusal)) => Ok(Answer::Refused(words::refusal(&refusal))),
        Err(Failure::Cursor) => Err(ReturnCode::INVALID_DATA),
        Err(Failure::Operation) => Err(ReturnCode::INVALID_OPCODE),
    }
}

fn response(system: &System, request: &Request, room: usize) -> Result<Response, Failure> {
    let partition = |id: u16| system.partition(PartitionId(id));
    Ok(match request {
        Request::ShowSystem(_) => Response::ShowSystem(show_system(system)),
        Request::ShowPartition(request) => {
            Response::ShowPartition(show_partition(system, partition(request.id)?))
        }
        Request::ShowStatus(request) => {
            Response::ShowStatus(status(system, partition(request.id)?))
        }
        Request::ShowDescription(request) => {
            Response::ShowDescription(description(partition(request.id)?, request.from, room)?)
        }
        Request::ListPartitions(list) => {
            let after = number(&list.after)?.map(PartitionId);
            let partitions = system.partitions(after, LIMIT / 16).items.into_iter();
            let entries = partitions.map(|partition| (key(partition.id().0), summary(partition)));
            Response::ListPartitions(Page::fill(room, entries))
        }
        Request::ListProfiles(list) => {
            let after = name(&list.after)?;
            let partition = partition(list.partition)?;
            let profiles = partition.profiles().filter(|(name, _)| Some(*name) > after.as_deref());
            let entries = profiles.map(|(name, configuration)| {
                let configuration = words::configuration_to_wire(configuration);
                let entry = wire::Profile { name: name.into(), configuration };
                (name.as_bytes().to_vec(), entry)
            });
            Response::ListProfiles(Page::fill(room, entries))
        }
        Request::ListSwitches(list) => {
            let after = number(&list.after)?.map(SwitchId);
            let switches = system.switches(after, LIMIT).items.into_iter();
            let entries = switches.map(|switch| {
                let entry = wire::Switch {
                    id: switch.id().0,
                    version: switch.version().0,
                    name: switch.name().into(),
                    mode: words::switch_mode::to_wire(switch.mode()),
                    ports: count(switch.ports().len()),
                };
                (key(switch.id().0), entry)
            });
            Response::ListSwitches(Page::fill(room, entries))
        }
        Request::ListNetworks(list) => {
            let after = match &list.after.0[..] {
                [] => None,
                bytes => {
                    let bytes = bytes.try_into().map_err(|_| Failure::Cursor)?;
                    Some(NetworkId(u32::from_be_bytes(bytes)))
                }
            };
            let networks = system.networks(after, LIMIT).items.into_iter();
            let entries = networks.map(|network| {
                let entry = wire::Network {
                    id: network.id().0,
                    version: network.version().0,
                    name: network.name().into(),
                    switch: network.switch().0,
                    vlan: network.vlan().0,
                    tagged: network.tagged(),
                    created: network.is_defined(),
                    ports: count(network.ports()),
                };
                (network.id().0.to_be_bytes().to_vec(), entry)
            });
            Response::ListNetworks(Page::fill(room, entries))
        }
        Request::ListSlots(list) => {
            Response::ListSlots(slots(partition(list.partition)?, &list.after, room)?)
        }
        Request::ListEthernet(list) => {
            let id = list.partition;
            let entries = adapters(partition(id)?, &list.after)?.filter_map(|(slot, adapter)| {
                let Adapter::Ethernet(ethernet) = adapter else { return None };
                Some((key(slot.0), show_ethernet(id, slot, ethernet)))
            });
            Response::ListEthernet(Page::fill(room, entries))
        }
        Request::ListScsi(list) => {
            let entries = adapters(partition(list.partition)?, &list.after)?
                .filter_map(|(slot, adapter)| Some((key(slot.0), scsi(system, slot, adapter)?)));
            Response::ListScsi(Page::fill(room, entries))
        }
        Request::ListReferenceCodes(list) => Response::ListReferenceCodes(reference_codes(
            partition(list.partition)?,
            &list.after,
            room,
        )?),
        Request::ShowJob(request) => Response::ShowJob(show_job(system.job(JobId(request.job))?)),
        Request::ListJobs(list) => {
            let after = match &list.after.0[..] {
                [] => None,
                bytes => {
                    let bytes = bytes.try_into().map_err(|_| Failure::Cursor)?;
                    Some(JobId(u64::from_be_bytes(bytes)))
                }
            };
            let jobs = system.jobs(after, MAX_FINISHED_JOBS).items.into_iter();
            let entries = jobs.map(|job| (job.id().0.to_be_bytes().to_vec(), show_job(job)));
            Response::ListJobs(Page::fill(room, entries))
        }
        other => return storage_response(system, other, room),
    })
}

fn storage_response(system: &System, request: &Request, room: usize) -> Result<Response, Failure> {
    let storage = |id: u16| system.storage(PartitionId(id));
    Ok(match request {
        Request::ListVolumes(list) => {
            let volumes = storage(list.partition)?.volumes(name(&list.after)?.as_ref(), LIMIT);
            let entries = volumes.items.into_iter().map(|volume| {
                let entry = wire::PhysicalVolume {
                    name: volume.name().into(),
                    size_mb: volume.capacity_mb(),
                    group: volume.group().map(Into::into),
                    target: volume.target().map(Into::into),
                };
                (volume.name().as_bytes().to_vec(), entry)
            });
            Response::ListVolumes(Page::fill(room, entries))
        }
        Request::ListGroups(list) => {
            let groups = storage(list.partition)?.groups(name(&list.after)?.as_ref(), LIMIT);
            let entries = groups.items.into_iter().map(|group| {
                let entry = wire::VolumeGroup {
                    name: group.name().into(),
                    size_mb: group.capacity_mb(),
                    free_mb: group.free_mb(),
                    version: group.version().0,
                    disks: count(group.disks().count()),
                    has_repository: group.has_repository(),
                };
                (group.name().as_bytes().to_vec(), entry)
            });
            Response::ListGroups(Page::fill(room, entries))
        }
        Request::ListDisks(list) => {
            let disks = storage(list.partition)?.disks(name(&list.after)?.as_ref(), LIMIT);
            let entries = disks.items.into_iter().map(|disk| {
                let entry = wire::Disk {
                    name: disk.name().into(),
                    group: disk.group().into(),
                    size_mb: disk.size_mb(),
                    target: disk.target().map(Into::into),
                };
                (disk.name().as_bytes().to_vec(), entry)
            });
            Response::ListDisks(Page::fill(room, entries))
        }
        Request::ListMedia(list) => {
            let after = name(&list.after)?;
            let repository = storage(list.partition)?.repository();
            let media = repository.map(|repository| repository.media(after.as_ref(), LIMIT).items);
            let entries = media.unwrap_or_default().into_iter().map(|medium| {
                let entry = wire::Media {
                    name: medium.name().into(),
                    size_mb: medium.size_mb(),
                    read_only: medium.read_only(),
                    loaded: count(medium.loaded().len()),
                };
                (medium.name().as_bytes().to_vec(), entry)
            });
            Response::ListMedia(Page::fill(room, entries))
        }
        Request::ListMappings(list) => {
            // That it is a Virtual I/O Server.
            let _: &Storage = storage(list.partition)?;
            let after = name(&list.after)?;
            let partition = system.partition(PartitionId(list.partition))?;
            Response::ListMappings(Page::fill(room, mappings(partition, after.as_deref())))
        }
        _ => return Err(Failure::Operation),
    })
}

/// The key of a list in the order of numbers.
fn key(number: u16) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

fn number(after: &Cursor) -> Result<Option<u16>, Failure> {
    match after.0[..] {
        [] => Ok(None),
        [high, low] => Ok(Some(u16::from_be_bytes([high, low]))),
        _ => Err(Failure::Cursor),
    }
}

fn name(Bytes(after): &Cursor) -> Result<Option<String>, Failure> {
    if after.is_empty() {
        return Ok(None);
    }
    String::from_utf8(after.clone()).map(Some).map_err(|_| Failure::Cursor)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn show_system(system: &System) -> wire::System {
    let config = system.config();
    let capacity = &config.capacity;
    let available = system.available();
    let units = |processors: u16| u32::from(processors) * 100;
    wire::System {
        version: system.version().0,
        name: config.name.clone(),
        machine_type: config.machine_type.clone(),
        model: config.model.clone(),
        serial: config.serial.clone(),
        firmware: config.firmware_level.clone(),
        state: words::system_state(system.state()),
        memory: wire::SystemMemory {
            installed_mb: capacity.installed_memory_mb,
            configurable_mb: capacity.configurable_memory_mb,
            available_mb: available.memory_mb,
            hypervisor_mb: capacity.hypervisor_memory_mb,
            lmb_mb: capacity.lmb_mb,
        },
        processors: wire::SystemProcessors {
            installed_units: units(capacity.installed_processors),
            configurable_units: units(capacity.configurable_processors),
            available_units: available.units.0,
            min_units_per_processor: u16::try_from(capacity.min_units_per_processor.0)
                .unwrap_or(u16::MAX),
            max_per_partition: capacity.max_processors_per_partition,
        },
        max_partitions: capacity.max_partitions,
        partitions: u16::try_from(system.number_of_partitions()).unwrap_or(u16::MAX),
        last_event: system.last_event(),
    }
}

fn summary(partition: &Partition) -> wire::PartitionSummary {
    let assignment = partition.assignment();
    wire::PartitionSummary {
        id: partition.id().0,
        version: partition.version().0,
        name: partition.name().into(),
        kind: words::partition_type::to_wire(partition.kind()),
        state: words::partition_state(partition.state()),
        rmc: words::rmc(partition.rmc()),
        reference_code: partition.reference_code().into(),
        memory_mb: assignment.memory_mb,
        processors: assignment.processors,
        units: assignment.units.0,
    }
}

fn show_partition(system: &System, partition: &Partition) -> wire::Partition {
    let assignment = partition.assignment();
    wire::Partition {
        id: partition.id().0,
        uuid: words::uuid_to_wire(partition.uuid()),
        version: partition.version().0,
        name: partition.name().into(),
        kind: words::partition_type::to_wire(partition.kind()),
        os: words::operating_system::to_wire(partition.os()),
        configuration: words::configuration_to_wire(partition.configuration()),
        state: words::partition_state(partition.state()),
        rmc: words::rmc(partition.rmc()),
        reference_code: partition.reference_code().into(),
        uptime_s: partition.uptime(system.now()).as_secs(),
        memory_mb: assignment.memory_mb,
        processors: assignment.processors,
        units: assignment.units.0,
        management: partition.is_management(),
        physical_boot_device: partition.has_physical_boot_device(),
        terminal_open: partition.terminal_open(),
        job: partition.job().map(|job| job.0),
        profile: partition.last_profile().map(Into::into),
    }
}

fn status(system: &System, partition: &Partition) -> wire::Status {
    wire::Status {
        id: partition.id().0,
        version: partition.version().0,
        state: words::partition_state(partition.state()),
        rmc: words::rmc(partition.rmc()),
        reference_code: partition.reference_code().into(),
        uptime_s: partition.uptime(system.now()).as_secs(),
    }
}

/// A part of the description that ends between two characters.
fn description(
    partition: &Partition,
    from: u16,
    room: usize,
) -> Result<wire::Description, Failure> {
    let text = partition.description();
    let rest = text.get(usize::from(from)..).ok_or(Failure::Cursor)?;
    // A version, a number and a length beside the text.
    let part = &rest[..rest.floor_char_boundary(room.saturating_sub(12).min(rest.len()))];
    let next = if part.len() == rest.len() { 0 } else { usize::from(from) + part.len() };
    Ok(wire::Description {
        version: partition.version().0,
        next: u16::try_from(next).map_err(|_| Failure::Cursor)?,
        text: part.into(),
    })
}

fn adapters<'a>(
    partition: &'a Partition,
    after: &Cursor,
) -> Result<impl Iterator<Item = (Slot, &'a Adapter)> + use<'a>, Failure> {
    let after = number(after)?.map(Slot);
    Ok(partition.adapters_after(after, LIMIT).items.into_iter())
}

/// The serial adapters and all others.
fn slots(partition: &Partition, after: &Cursor, room: usize) -> Result<Page<wire::Slot>, Failure> {
    let from = number(after)?;
    let serial = (0..managed_system::limits::FIRST_SLOT).map(|slot| (slot, SlotKind::Serial));
    let serial = serial.filter(|(slot, _)| from.is_none_or(|from| *slot > from));
    let others = adapters(partition, after)?.map(|(slot, adapter)| match adapter {
        Adapter::Ethernet(_) => (slot.0, SlotKind::Ethernet),
        Adapter::ScsiClient(..) | Adapter::ScsiServer(_) => (slot.0, SlotKind::Scsi),
    });
    let entries = serial.chain(others);
    Ok(Page::fill(room, entries.map(|(slot, kind)| (key(slot), wire::Slot { slot, kind }))))
}

fn show_ethernet(
    partition: u16,
    slot: Slot,
    ethernet: &managed_system::Ethernet,
) -> wire::Ethernet {
    let definition = ethernet.definition();
    wire::Ethernet {
        partition,
        slot: slot.0,
        version: ethernet.version().0,
        mac: wire::Mac(ethernet.mac().0),
        switch: definition.switch.0,
        vlan: definition.port_vlan.0,
        ieee: definition.tagged,
        additional: definition.additional_vlans.iter().map(|vlan| vlan.0).collect(),
        trunk_priority: definition.trunk_priority.unwrap_or(0),
    }
}

fn scsi(system: &System, slot: Slot, adapter: &Adapter) -> Option<wire::Scsi> {
    let (side, remote, remote_slot, version) = match adapter {
        Adapter::Ethernet(_) => return None,
        Adapter::ScsiServer(server) => {
            (AdapterSide::Server, server.client(), server.client_slot(), server.version())
        }
        Adapter::ScsiClient(vios, server_slot) => {
            let version = system.scsi_server(*vios, *server_slot).ok()?.version();
            (AdapterSide::Client, *vios, *server_slot, version)
        }
    };
    Some(wire::Scsi {
        slot: slot.0,
        version: version.0,
        side,
        remote_partition: remote.0,
        remote_slot: remote_slot.0,
    })
}

/// Target devices in the order of their names, whichever adapter they belong to.
fn mappings(partition: &Partition, after: Option<&str>) -> Vec<(Vec<u8>, wire::Mapping)> {
    let mut found = Vec::new();
    for (slot, server) in partition.scsi_servers() {
        for (name, target) in server.targets().filter(|(name, _)| Some(*name) > after) {
            let (kind, backing) = match target.backing() {
                Backing::Volume(volume) => (BackingKind::Volume, Some(volume)),
                Backing::Disk(disk) => (BackingKind::Disk, Some(disk)),
                Backing::Optical(medium) => (BackingKind::Optical, medium.as_ref()),
            };
            let mapping = wire::Mapping {
                target: name.into(),
                server_slot: slot.0,
                client: server.client().0,
                client_slot: server.client_slot().0,
                lua: target.address(),
                kind,
                backing: backing.cloned(),
            };
            found.push((name.as_bytes().to_vec(), mapping));
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    found
}

/// The newest first. The cursor is the number of a code: the same code can come twice, also at one time.
fn reference_codes(
    partition: &Partition,
    after: &Cursor,
    room: usize,
) -> Result<Page<wire::ReferenceCode>, Failure> {
    let after = match &after.0[..] {
        [] => u64::MAX,
        bytes => u64::from_be_bytes(bytes.try_into().map_err(|_| Failure::Cursor)?),
    };
    let behind = partition.reference_codes().filter(|code| code.number < after);
    let entries = behind.map(|code| {
        let entry =
            wire::ReferenceCode { at_ns: ns(code.at), code: code.code.into(), word2: code.word2 };
        (code.number.to_be_bytes().to_vec(), entry)
    });
    Ok(Page::fill(room, entries))
}

fn show_job(job: &managed_system::Job) -> wire::Job {
    let (kind, partition) = match job.kind() {
        JobKind::PowerOn(id) => (wire::JobKind::PowerOn, id.0),
        JobKind::PowerOff(id) => (wire::JobKind::PowerOff, id.0),
        JobKind::Restart(id) => (wire::JobKind::Restart, id.0),
        JobKind::SystemOn => (wire::JobKind::SystemOn, 0),
        JobKind::SystemOff => (wire::JobKind::SystemOff, 0),
        JobKind::SystemRestart => (wire::JobKind::SystemRestart, 0),
    };
    let (state, failure) = match job.status() {
        JobStatus::Running => (wire::JobState::Running, None),
        JobStatus::Completed => (wire::JobState::Done, None),
        JobStatus::Cancelled => (wire::JobState::Cancelled, None),
        JobStatus::Failed(failure) => {
            let refusal = wire::Refusal { code: failure.code().into(), text: failure.to_string() };
            (wire::JobState::Failed, Some(refusal))
        }
    };
    wire::Job {
        job: job.id().0,
        kind,
        partition,
        state,
        started_ns: ns(job.started()),
        ended_ns: job.ended().map(ns),
        failure,
    }
}
