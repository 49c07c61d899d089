//! Requests and answers in a few words, for a trace.

use crate::operation::{Answer, Request, Response};
use crate::operations::*;
use core::fmt::{Display, Formatter, Result};

impl Display for Request {
    /// The operation and its main fields: `CREATE PARTITION web1 2048 MB`.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}", self.operation())?;
        match self {
            Request::ExchangeOperations(request) => {
                write!(f, " version {}", request.version)?;
                match request.resume {
                    0 => Ok(()),
                    session => write!(f, ", session {session}"),
                }
            }
            Request::Echo(echo) => write!(f, " {} bytes", echo.data.0.len()),
            Request::ChangeSystem(request) => write!(f, " name {}", request.name),
            Request::CreatePartition(request) => {
                write!(f, " {} {} MB", request.name, request.configuration.memory.desired_mb)
            }
            Request::ChangePartition(request) => {
                write!(f, " partition {}", request.id)?;
                match &request.memory {
                    Some(memory) => write!(f, ", {} MB", memory.desired_mb),
                    None => Ok(()),
                }
            }
            Request::RenamePartition(request) => {
                write!(f, " partition {}, {}", request.id, request.name)
            }
            Request::ShowPartition(PartitionId { id })
            | Request::ShowStatus(PartitionId { id })
            | Request::DeletePartition(PartitionVersion { id, .. })
            | Request::ReleaseResources(PartitionVersion { id, .. })
            | Request::OpenTerminal(PartitionVersion { id, .. })
            | Request::CloseTerminal(PartitionVersion { id, .. })
            | Request::ShowDescription(ShowDescription { id, .. })
            | Request::SetDescription(SetDescription { id, .. })
            | Request::PowerOn(PowerOn { id, .. }) => write!(f, " partition {id}"),
            Request::PowerOff(request) | Request::Restart(request) => {
                write!(f, " partition {}, {}", request.id, request.stop)
            }
            Request::ListProfiles(list)
            | Request::ListVolumes(list)
            | Request::ListGroups(list)
            | Request::ListDisks(list)
            | Request::ListMedia(list)
            | Request::ListMappings(list)
            | Request::ListSlots(list)
            | Request::ListEthernet(list)
            | Request::ListScsi(list)
            | Request::ListReferenceCodes(list) => {
                write!(f, " partition {}", list.partition)?;
                continued(&list.after, f)
            }
            Request::ListPartitions(list)
            | Request::ListSwitches(list)
            | Request::ListNetworks(list)
            | Request::ListJobs(list) => continued(&list.after, f),
            Request::StoreProfile(request) => {
                write!(f, " {} of partition {}", request.profile.name, request.partition)
            }
            Request::DeleteProfile(profile)
            | Request::ApplyProfile(profile)
            | Request::SaveProfile(profile) => {
                write!(f, " {} of partition {}", profile.name, profile.partition)
            }
            Request::CreateSwitch(request) => write!(f, " {}", request.name),
            Request::DeleteSwitch(request) => write!(f, " {}", request.id),
            Request::ChangeSwitch(request) => write!(f, " {}, {}", request.id, request.mode),
            Request::CreateNetwork(request) => {
                write!(f, " {} VLAN {} of switch {}", request.name, request.vlan, request.switch)
            }
            Request::DeleteNetwork(request) => write!(f, " {}", request.id),
            Request::CreateGroup(CreateGroup { vios, group, volumes, .. })
            | Request::ExtendGroup(ExtendGroup { vios, group, volumes, .. }) => {
                write!(f, " {group} with {} of partition {vios}", volumes.join(" and "))
            }
            Request::DeleteGroup(request) => {
                write!(f, " {} of partition {}", request.group, request.vios)
            }
            Request::CreateDisk(request) => {
                let CreateDisk { vios, name, size_mb, .. } = request;
                write!(f, " {name} {size_mb} MB of partition {vios}")
            }
            Request::ExtendDisk(ExtendDisk { vios, name, size_mb, .. }) => {
                write!(f, " {name} to {size_mb} MB of partition {vios}")
            }
            Request::DeleteRepository(request) => write!(f, " of partition {}", request.vios),
            Request::LoadMedia(LoadMedia { vios, target, medium, .. }) => {
                write!(f, " {medium} into {target} of partition {vios}")
            }
            Request::CreateRepository(request) => {
                write!(f, " {} MB of partition {}", request.size_mb, request.vios)
            }
            Request::CreateMedia(request) => {
                write!(f, " {} of partition {}", request.name, request.vios)
            }
            Request::DeleteDisk(storage)
            | Request::DeleteMedia(storage)
            | Request::UnloadMedia(storage)
            | Request::DeleteMapping(storage) => {
                write!(f, " {} of partition {}", storage.name, storage.vios)
            }
            Request::CreateMapping(request) => {
                let CreateMapping { vios, server_slot, kind, .. } = request;
                let backing = request.backing.as_deref().unwrap_or("without a medium");
                write!(f, " {kind} {backing} to slot {server_slot} of partition {vios}")
            }
            Request::SetMemory(request) => {
                write!(f, " partition {}, {} MB", request.partition, request.mb)
            }
            Request::MoveMemory(MoveMemory { from, to, mb, .. }) => {
                write!(f, " {mb} MB from partition {from} to {to}")
            }
            Request::SetProcessors(request) => {
                let SetProcessors { partition, processors, units, .. } = request;
                write!(f, " partition {partition}, {processors} with {units} hundredths")
            }
            Request::AddEthernet(request) => {
                write!(f, " partition {}, VLAN {}", request.partition, request.vlan)
            }
            Request::ChangeEthernet(request) => {
                write!(f, " slot {} of partition {}", request.slot, request.partition)
            }
            Request::AddScsi(request) => {
                write!(f, " partition {} to partition {}", request.client, request.vios)
            }
            Request::RemoveEthernet(request) | Request::RemoveScsi(request) => {
                write!(f, " slot {} of partition {}", request.slot, request.partition)
            }
            Request::SystemOff(request) => match request.restart {
                true => write!(f, " and on again"),
                false => Ok(()),
            },
            Request::SystemOn(request) => match request.standby {
                true => write!(f, " to standby"),
                false => Ok(()),
            },
            Request::ShowJob(JobNumber { job })
            | Request::CancelJob(JobNumber { job })
            | Request::DeleteJob(JobNumber { job }) => {
                write!(f, " {job}")
            }
            Request::Event(event) => event.fmt(f),
            Request::QueryOutcome(request) => write!(f, " token {}", request.token),
            Request::Close(Nothing {})
            | Request::ShowSystem(Nothing {})
            | Request::Subscribe(Nothing {}) => Ok(()),
        }
    }
}

fn continued(after: &Cursor, f: &mut Formatter<'_>) -> Result {
    if after.0.is_empty() { Ok(()) } else { write!(f, " after {after:?}") }
}

impl Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, " {}", self.number)?;
        if self.kind == EventKind::Overflow {
            return write!(f, ", {} are lost", self.lost);
        }
        write!(f, ", {} {}", self.object, self.kind)?;
        if self.partition != 0 {
            write!(f, ", partition {}", self.partition)?;
        }
        if self.id != 0 {
            write!(f, ", number {}", self.id)?;
        }
        match &self.state {
            Some(StateChange { from, to }) => write!(f, ", {from} to {to}"),
            None => self.properties.iter().try_for_each(|property| write!(f, ", {property}")),
        }
    }
}

impl Display for Answer {
    /// The operation, the return code and what the answer is about: `POWER ON -> good, job 3`.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Answer::Good(response) => {
                write!(f, "{} -> good", response.operation())?;
                response.brief(f)
            }
            Answer::Refused(refusal) => write!(f, "refused, {}", refusal.code),
            Answer::Failed(code) => write!(f, "{code}"),
        }
    }
}

impl Response {
    fn brief(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Response::ExchangeOperations(response) => {
                write!(f, ", version {}, session {}", response.version, response.session)
            }
            Response::Echo(echo) => write!(f, ", {} bytes", echo.data.0.len()),
            Response::CreatePartition(created) => write!(f, ", partition {}", created.id),
            Response::ShowPartition(partition) => {
                write!(f, ", {} {}", partition.name, partition.state)
            }
            Response::ShowStatus(status) => write!(f, ", {}", status.state),
            Response::ShowSystem(system) => write!(f, ", {} {}", system.name, system.state),
            Response::PowerOn(started)
            | Response::PowerOff(started)
            | Response::Restart(started)
            | Response::SystemOn(started)
            | Response::SystemOff(started) => write!(f, ", job {}", started.job),
            Response::ShowJob(job) => write!(f, ", {}", job.state),
            Response::AddEthernet(added) => write!(f, ", slot {}", added.slot),
            Response::AddScsi(added) => {
                write!(f, ", slots {} and {}", added.server_slot, added.client_slot)
            }
            Response::CreateMapping(created) => write!(f, ", {}", created.target),
            Response::CreateSwitch(created) => write!(f, ", switch {}", created.id),
            Response::CreateNetwork(created) => write!(f, ", network {}", created.id),
            Response::ListPartitions(page) => entries(page, f),
            Response::ListProfiles(page) => entries(page, f),
            Response::ListSwitches(page) => entries(page, f),
            Response::ListNetworks(page) => entries(page, f),
            Response::ListVolumes(page) => entries(page, f),
            Response::ListGroups(page) => entries(page, f),
            Response::ListDisks(page) => entries(page, f),
            Response::ListMedia(page) => entries(page, f),
            Response::ListMappings(page) => entries(page, f),
            Response::ListSlots(page) => entries(page, f),
            Response::ListEthernet(page) => entries(page, f),
            Response::ListScsi(page) => entries(page, f),
            Response::ListReferenceCodes(page) => entries(page, f),
            Response::ListJobs(page) => entries(page, f),
            Response::QueryOutcome(outcome) => write!(f, ", {}", outcome.state),
            Response::Subscribe(subscribed) => write!(f, ", after event {}", subscribed.last),
            _ => Ok(()),
        }
    }
}

fn entries<T>(page: &Page<T>, f: &mut Formatter<'_>) -> Result {
    let more = if page.next.0.is_empty() { "" } else { " and more" };
    write!(f, ", {} entries{more}", page.entries.len())
}
