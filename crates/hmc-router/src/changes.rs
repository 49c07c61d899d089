//! Requests that change the managed system.

use crate::words;
use hmc_proto as wire;
use hmc_proto::{Answer, BackingKind, Changed, JobStarted, Nothing, Request, Response, ReturnCode};
use managed_system::{
    Amounts, Backing, Change, EthernetDefinition, JobFault, JobId, MacAddress, NetworkId,
    Operation, Outcome, PartitionDefinition, PartitionId, PowerOff, ProcessorUnits, Processors,
    Refusal, SessionId, SharedSharing, Slot, SlotChoice, SwitchId, System, Version, VlanId,
};
use std::time::Duration;

/// An operation of the model, on condition that its object has a version.
type Wanted = (Option<u64>, Operation);

/// Why a request cannot be put to the model.
enum Unfit {
    /// Its data have the form that they should, and cannot be meant.
    Data,
    Refused(Refusal),
}

impl From<Refusal> for Unfit {
    fn from(refusal: Refusal) -> Unfit {
        Unfit::Refused(refusal)
    }
}

/// Makes a change.
pub(crate) fn change(
    system: &mut System,
    request: Request,
    session: u64,
    now: Duration,
    fault: JobFault,
) -> Answer {
    system.advance(now);
    let refused = |refusal: &Refusal| Answer::Refused(words::refusal(refusal));
    let asked = request.operation();
    let (expected, operation) = match operation(system, request) {
        Ok(wanted) => wanted,
        Err(Unfit::Data) => return Answer::Failed(ReturnCode::INVALID_DATA),
        Err(Unfit::Refused(refusal)) => return refused(&refusal),
    };
    let request_of_model = managed_system::Request {
        session: Some(SessionId(session)),
        expected: expected.map(Version),
        operation,
        fault,
    };
    match system.apply(&request_of_model, now) {
        Ok(outcome) => response(system, asked, &request_of_model.operation, outcome)
            .map_or(Answer::Failed(ReturnCode::ERROR), Answer::Good),
        Err(refusal) => refused(&refusal),
    }
}

fn operation(system: &System, request: Request) -> Result<Wanted, Unfit> {
    let id = PartitionId;
    Ok(match request {
        Request::ChangeSystem(request) => {
            (request.version, Operation::RenameSystem { name: request.name })
        }
        Request::CreatePartition(request) => {
            (None, Operation::CreatePartition(Box::new(definition(request).ok_or(Unfit::Data)?)))
        }
        Request::ChangePartition(request) => {
            let (partition, version) = (id(request.id), request.version);
            let change = Box::new(change_of(request).ok_or(Unfit::Data)?);
            (version, Operation::ChangePartition { partition, change })
        }
        Request::DeletePartition(request) => {
            (request.version, Operation::DeletePartition { partition: id(request.id) })
        }
        Request::RenamePartition(request) => {
            let (partition, name) = (id(request.id), request.name);
            (request.version, Operation::RenamePartition { partition, name })
        }
        Request::SetDescription(request) => {
            let change = Change { description: Some(request.text), ..Change::default() };
            let partition = id(request.id);
            (request.version, Operation::ChangePartition { partition, change: Box::new(change) })
        }
        Request::StoreProfile(request) => {
            let configuration = words::configuration_to_model(&request.profile.configuration);
            let configuration = Box::new(configuration.ok_or(Unfit::Data)?);
            let (partition, name) = (id(request.partition), request.profile.name);
            (request.version, Operation::SetProfile { partition, name, configuration })
        }
        Request::DeleteProfile(profile) => {
            let (partition, name) = (id(profile.partition), profile.name);
            (profile.version, Operation::DeleteProfile { partition, name })
        }
        Request::ApplyProfile(profile) => {
            let (partition, name) = (id(profile.partition), profile.name);
            (profile.version, Operation::ApplyProfile { partition, name })
        }
        Request::SaveProfile(profile) => {
            let (partition, name) = (id(profile.partition), profile.name);
            (profile.version, Operation::SaveProfile { partition, name })
        }
        Request::SetMemory(request) => {
            let partition = id(request.partition);
            let current = system.partition(partition)?.configuration().memory_mb;
            let memory_mb = Some(Amounts { desired: request.mb, ..current });
            let change = Box::new(Change { memory_mb, ..Change::default() });
            (request.version, Operation::ChangePartition { partition, change })
        }
        Request::SetProcessors(request) => {
            let partition = id(request.partition);
            let current = system.partition(partition)?.configuration().processors;
            let processors = Some(desired_processors(current, &request).ok_or(Unfit::Data)?);
            let change = Box::new(Change { processors, ..Change::default() });
            (request.version, Operation::ChangePartition { partition, change })
        }
        Request::MoveMemory(request) => {
            let (from, to, memory_mb) = (id(request.from), id(request.to), request.mb);
            (request.version, Operation::MoveMemory { from, to, memory_mb })
        }
        Request::ReleaseResources(request) => {
            (request.version, Operation::ReleaseResources { partition: id(request.id) })
        }
        Request::PowerOn(request) => {
            let (partition, profile) = (id(request.id), request.profile);
            let boot_mode = request.boot_mode.map(words::boot_mode::to_model);
            (request.version, Operation::PowerOn { partition, profile, boot_mode })
        }
        Request::PowerOff(request) => {
            let (partition, how) = (id(request.id), stop(request.stop));
            (request.version, Operation::PowerOff { partition, how, restart: false })
        }
        Request::Restart(request) => {
            let (partition, how) = (id(request.id), stop(request.stop));
            (request.version, Operation::PowerOff { partition, how, restart: true })
        }
        Request::SystemOn(request) => (None, Operation::SystemOn { standby: request.standby }),
        Request::SystemOff(request) => {
            let (immediate, restart) = (request.immediate, request.restart);
            (None, Operation::SystemOff { immediate, restart })
        }
        Request::OpenTerminal(request) => {
            (request.version, Operation::OpenTerminal { partition: id(request.id) })
        }
        Request::CloseTerminal(request) => {
            (request.version, Operation::CloseTerminal { partition: id(request.id) })
        }
        Request::CancelJob(request) => (None, Operation::CancelJob { job: JobId(request.job) }),
        Request::DeleteJob(request) => (None, Operation::DeleteJob { job: JobId(request.job) }),
        other => match network_operation(other) {
            Ok(wanted) => wanted,
            Err(other) => storage_operation(other).ok_or(Unfit::Data)?,
        },
    })
}

/// The request again, if it is none for networks.
#[expect(clippy::result_large_err, reason = "it is looked at further, and is no error")]
fn network_operation(request: Request) -> Result<Wanted, Request> {
    Ok(match request {
        Request::CreateSwitch(request) => {
            let mode = words::switch_mode::to_model(request.mode);
            (None, Operation::CreateSwitch { name: request.name, mode })
        }
        Request::ChangeSwitch(request) => {
            let mode = words::switch_mode::to_model(request.mode);
            (request.version, Operation::ChangeSwitch { switch: SwitchId(request.id), mode })
        }
        Request::DeleteSwitch(request) => {
            (request.version, Operation::RemoveSwitch { switch: SwitchId(request.id) })
        }
        Request::CreateNetwork(request) => {
            let (name, tagged) = (request.name, request.tagged);
            let (switch, vlan) = (SwitchId(request.switch), VlanId(request.vlan));
            (None, Operation::CreateNetwork { name, switch, vlan, tagged })
        }
        Request::DeleteNetwork(request) => {
            (request.version, Operation::RemoveNetwork { network: NetworkId(request.id) })
        }
        Request::AddEthernet(request) => {
            let wire::AddEthernet { mac, switch, vlan, ieee, trunk_priority, .. } = request;
            let ethernet = ethernet(mac, switch, vlan, ieee, &request.additional, trunk_priority);
            let slot = slot_choice(request.slot, request.highest);
            let partition = PartitionId(request.partition);
            (request.version, Operation::AddEthernet { partition, slot, ethernet })
        }
        Request::ChangeEthernet(request) => {
            let wire::ChangeEthernet { mac, switch, vlan, ieee, trunk_priority, .. } = request;
            let ethernet = ethernet(mac, switch, vlan, ieee, &request.additional, trunk_priority);
            let (partition, slot) = (PartitionId(request.partition), Slot(request.slot));
            (request.version, Operation::ChangeEthernet { partition, slot, ethernet })
        }
        Request::RemoveEthernet(request) => {
            let (partition, slot) = (PartitionId(request.partition), Slot(request.slot));
            (request.version, Operation::RemoveEthernet { partition, slot })
        }
        Request::AddScsi(request) => {
            let (vios, client) = (PartitionId(request.vios), PartitionId(request.client));
            let server_slot = slot_choice(request.server_slot, request.highest);
            let client_slot = slot_choice(request.client_slot, request.highest);
            (request.version, Operation::AddScsiPair { vios, server_slot, client, client_slot })
        }
        Request::RemoveScsi(request) => {
            let (vios, server_slot) = (PartitionId(request.partition), Slot(request.slot));
            (request.version, Operation::RemoveScsiPair { vios, server_slot })
        }
        other => return Err(other),
    })
}

fn storage_operation(request: Request) -> Option<Wanted> {
    let id = PartitionId;
    Some(match request {
        Request::CreateGroup(request) => {
            let (vios, name) = (id(request.vios), request.group);
            let volumes = request.volumes.into_iter().collect();
            (request.version, Operation::CreateGroup { vios, name, volumes })
        }
        Request::ExtendGroup(request) => {
            let (vios, group) = (id(request.vios), request.group);
            let volumes = request.volumes.into_iter().collect();
            (request.version, Operation::ExtendGroup { vios, group, volumes })
        }
        Request::DeleteGroup(request) => {
            let (vios, group) = (id(request.vios), request.group);
            (request.version, Operation::RemoveGroup { vios, group })
        }
        Request::CreateDisk(request) => {
            let (vios, size_mb) = (id(request.vios), request.size_mb);
            let (group, name) = (request.group, request.name);
            (request.version, Operation::CreateDisk { vios, group, name, size_mb })
        }
        Request::ExtendDisk(request) => {
            let (vios, disk) = (id(request.vios), request.name);
            (request.version, Operation::ExtendDisk { vios, disk, size_mb: request.size_mb })
        }
        Request::DeleteDisk(request) => {
            let (vios, disk) = (id(request.vios), request.name);
            (request.version, Operation::RemoveDisk { vios, disk })
        }
        Request::CreateRepository(request) => {
            let (vios, group, size_mb) = (id(request.vios), request.group, request.size_mb);
            (request.version, Operation::CreateRepository { vios, group, size_mb })
        }
        Request::DeleteRepository(request) => {
            (request.version, Operation::RemoveRepository { vios: id(request.vios) })
        }
        Request::CreateMedia(request) => {
            let wire::CreateMedia { size_mb, read_only, .. } = request;
            let (vios, name) = (id(request.vios), request.name);
            (request.version, Operation::CreateMedium { vios, name, size_mb, read_only })
        }
        Request::DeleteMedia(request) => {
            let (vios, name) = (id(request.vios), request.name);
            (request.version, Operation::RemoveMedium { vios, name })
        }
        Request::CreateMapping(request) => {
            let backing = match (request.kind, request.backing) {
                (BackingKind::Volume, Some(volume)) => Backing::Volume(volume),
                (BackingKind::Disk, Some(disk)) => Backing::Disk(disk),
                (BackingKind::Optical, medium) => Backing::Optical(medium),
                (BackingKind::Volume | BackingKind::Disk, None) => return None,
            };
            let (vios, server_slot) = (id(request.vios), Slot(request.server_slot));
            let name = request.target;
            (request.version, Operation::AddTarget { vios, server_slot, name, backing })
        }
        Request::DeleteMapping(request) => {
            let (vios, name) = (id(request.vios), request.name);
            (request.version, Operation::RemoveTarget { vios, name })
        }
        Request::LoadMedia(request) => {
            let (target, medium) = (request.target, request.medium);
            (request.version, Operation::LoadMedium { vios: id(request.vios), target, medium })
        }
        Request::UnloadMedia(request) => {
            let (vios, target) = (id(request.vios), request.name);
            (request.version, Operation::UnloadMedium { vios, target })
        }
        _ => return None,
    })
}

fn definition(request: wire::CreatePartition) -> Option<PartitionDefinition> {
    let kind = words::partition_type::to_model(request.kind);
    let configuration = words::configuration_to_model(&request.configuration)?;
    let usual = PartitionDefinition::new(request.name, kind, configuration);
    Some(PartitionDefinition {
        id: request.id.map(PartitionId),
        uuid: request.uuid.map(words::uuid_to_model),
        os: request.os.map_or(usual.os, words::operating_system::to_model),
        physical_boot_device: request.physical_boot_device || usual.physical_boot_device,
        profile: request.profile,
        ..usual
    })
}

fn change_of(request: wire::ChangePartition) -> Option<Change> {
    let processors = match &request.processors {
        Some(processors) => Some(words::processors_to_model(processors)?),
        None => None,
    };
    Some(Change {
        description: None,
        memory_mb: request.memory.as_ref().map(words::memory_to_model),
        processors,
        max_slots: request.max_slots,
        availability_priority: request.availability,
        boot_mode: request.boot_mode.map(words::boot_mode::to_model),
        keylock: request.keylock.map(words::keylock::to_model),
        auto_start: request.auto_start,
        compatibility_mode: request.compatibility,
        page_table_ratio: request.page_table_ratio,
        secure_boot: request.secure_boot,
    })
}

/// `None` if units or a weight are given to dedicated processors.
fn desired_processors(current: Processors, request: &wire::SetProcessors) -> Option<Processors> {
    let desired = request.processors;
    Some(match current {
        Processors::Dedicated { .. } if request.units != 0 || request.weight.is_some() => {
            return None;
        }
        Processors::Dedicated { processors, sharing } => {
            Processors::Dedicated { processors: Amounts { desired, ..processors }, sharing }
        }
        Processors::Shared { processors, units, pool, sharing } => Processors::Shared {
            processors: Amounts { desired, ..processors },
            units: Amounts { desired: ProcessorUnits(request.units), ..units },
            pool,
            sharing: match (request.weight, sharing) {
                (None, sharing) => sharing,
                (Some(weight), SharedSharing::Uncapped { .. }) => {
                    SharedSharing::Uncapped { weight }
                }
                (Some(_), SharedSharing::Capped) => return None,
            },
        },
    })
}

fn ethernet(
    mac: Option<wire::Mac>,
    switch: u16,
    vlan: u16,
    ieee: bool,
    additional: &[u16],
    trunk_priority: u8,
) -> Box<EthernetDefinition> {
    Box::new(EthernetDefinition {
        mac: mac.map(|mac| MacAddress(mac.0)),
        switch: SwitchId(switch),
        port_vlan: VlanId(vlan),
        tagged: ieee,
        additional_vlans: additional.iter().copied().map(VlanId).collect(),
        trunk_priority: (trunk_priority != 0).then_some(trunk_priority),
    })
}

fn slot_choice(slot: Option<u16>, highest: bool) -> SlotChoice {
    match slot {
        Some(slot) => SlotChoice::At(Slot(slot)),
        None if highest => SlotChoice::Highest,
        None => SlotChoice::Lowest,
    }
}

const fn stop(stop: wire::Stop) -> PowerOff {
    match stop {
        wire::Stop::Os => PowerOff::OperatingSystem { immediate: false },
        wire::Stop::OsImmediate => PowerOff::OperatingSystem { immediate: true },
        wire::Stop::Normal => PowerOff::Normal,
        wire::Stop::Immediate => PowerOff::Hard,
        wire::Stop::DumpRestart => PowerOff::DumpRestart,
    }
}

/// The response of an operation with what became of it; `None` if one does not fit the other.
fn response(
    system: &System,
    operation: hmc_proto::Operation,
    made: &Operation,
    outcome: Outcome,
) -> Option<Response> {
    match outcome {
        Outcome::Job(JobId(job)) => Response::of(operation, &JobStarted { job }),
        Outcome::Removed => Response::of(operation, &Nothing {}),
        Outcome::Partition(id, uuid, version) => {
            let uuid = words::uuid_to_wire(uuid);
            let created = wire::PartitionCreated { id: id.0, uuid, version: version.0 };
            Response::of(operation, &created)
        }
        Outcome::Adapter(slot, version) => {
            let Operation::AddEthernet { partition, .. } = made else { return None };
            let ethernet = system.ethernet(*partition, slot).ok()?;
            let mac = wire::Mac(ethernet.mac().0);
            let added = wire::EthernetAdded { slot: slot.0, mac, version: version.0 };
            Response::of(operation, &added)
        }
        Outcome::ScsiPair { server_slot, client_slot, version } => {
            let (server_slot, client_slot) = (server_slot.0, client_slot.0);
            let added = wire::ScsiAdded { server_slot, client_slot, version: version.0 };
            Response::of(operation, &added)
        }
        Outcome::Target(target, version) => {
            Response::of(operation, &wire::MappingCreated { target, version: version.0 })
        }
        Outcome::Switch(id, version) => {
            Response::of(operation, &wire::SwitchCreated { id: id.0, version: version.0 })
        }
        Outcome::Network(id, version) => {
            Response::of(operation, &wire::NetworkCreated { id: id.0, version: version.0 })
        }
        // Most changes are answered with the version alone, some with nothing.
        Outcome::Done(Version(version)) => Response::of(operation, &Changed { version })
            .or_else(|| Response::of(operation, &Nothing {})),
    }
}
