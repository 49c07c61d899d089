//! The system: what it knows, and how a request or time changes it.

use crate::config::SystemConfig;
use crate::events::{EventKind, EventLog, Events, Property, StateChange};
use crate::ids::{JobId, MacAddress, Object, PartitionId, SessionId, Slot, Uuid, Version};
use crate::jobs::{Job, JobFault, Jobs};
use crate::networks::Networks;
use crate::partition::Partition;
use crate::refusal::{Named, Refusal};
use crate::request::{Operation, Outcome, Request, Subject};
use crate::resources::Totals;
use crate::state::SystemState;
use crate::system_power::SystemPhase;
use crate::table::{Page, Table};
use std::collections::BTreeSet;
use std::time::Duration;

/// A system that can be managed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct System {
    pub(crate) config: SystemConfig,
    pub(crate) now: Duration,
    pub(crate) last_version: Version,
    pub(crate) version: Version,
    pub(crate) phase: SystemPhase,
    pub(crate) system_job: Option<JobId>,
    pub(crate) partitions: Table<PartitionId, Partition>,
    pub(crate) names: Table<String, PartitionId>,
    pub(crate) uuids: Table<Uuid, PartitionId>,
    pub(crate) management: PartitionId,
    pub(crate) totals: Totals,
    /// Partitions that are off and have kept resources, those that have been off longest first.
    pub(crate) idle: BTreeSet<(Version, PartitionId)>,
    /// What happens by itself, in order; a partition has at most one entry.
    pub(crate) timers: BTreeSet<(Duration, Due)>,
    pub(crate) macs: Table<MacAddress, (PartitionId, Slot)>,
    pub(crate) networks: Networks,
    pub(crate) jobs: Jobs,
    pub(crate) log: EventLog,
    /// Storage is defined as if its servers were up.
    pub(crate) setting_up: bool,
    /// What goes wrong with the job that the request which is being looked at starts.
    pub(crate) next_job: JobFault,
}

/// Whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Due {
    System,
    Partition(PartitionId),
    /// The end of a job that is late.
    Job(JobId),
}

impl System {
    /// Does what a manager asks for, at a time, or says why not. What happens by itself until then happens before; a refused
    /// request changes nothing beyond that. A time before that of an earlier call counts as that one.
    pub fn apply(&mut self, request: &Request, now: Duration) -> Result<Outcome, Refusal> {
        self.advance(now);
        let operation = &request.operation;
        self.check_version(request)?;
        if !operation.needs_no_hypervisor() && !self.state().is_up() {
            return Err(Refusal::SystemNotUp { state: self.state() });
        }
        self.next_job = request.fault;
        let outcome = self.perform(operation, request.session);
        self.next_job = JobFault::default();
        outcome
    }

    /// Does what an operation says before a system is handed over, also on a server that is not up yet.
    pub fn set_up(&mut self, operation: &Operation) -> Result<Outcome, Refusal> {
        self.setting_up = true;
        let outcome = self.apply(&operation.clone().into(), self.now);
        self.setting_up = false;
        outcome
    }

    /// Lets happen what happens by itself until a time.
    pub fn advance(&mut self, now: Duration) {
        while let Some((at, due)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, due));
            self.now = self.now.max(at);
            match due {
                Due::System => self.system_is_due(),
                Due::Partition(partition) => self.partition_is_due(partition),
                Due::Job(job) => self.let_end(job),
            }
        }
        self.now = self.now.max(now);
    }

    /// When something happens by itself next.
    pub fn next_due(&self) -> Option<Duration> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// The object that a request concerns is there, and has the version that the request expects.
    fn check_version(&self, request: &Request) -> Result<(), Refusal> {
        let (object, actual) = match request.operation.subject() {
            Subject::System => (Object::System, self.version),
            Subject::Partition(id) => {
                let partition = self.partition(id)?;
                (partition.object(), partition.version)
            }
            Subject::Ethernet(id, slot) => {
                (Object::Ethernet(id, slot), self.ethernet(id, slot)?.version)
            }
            Subject::Scsi(id, slot) => {
                (Object::Scsi(id, slot), self.scsi_server(id, slot)?.version)
            }
            Subject::Switch(id) => (Object::Switch(id), self.switch(id)?.version),
            Subject::Network(id) => (Object::Network(id), self.network(id)?.version),
            Subject::VolumeGroup(id, name) => {
                let version = self.storage(id)?.group(&name)?.version;
                (Object::VolumeGroup(id, name), version)
            }
            Subject::Job(id) => {
                self.job(id)?;
                return request.expected.map_or(Ok(()), |_| Err(Refusal::VersionOfNothing));
            }
            Subject::Nothing => {
                return request.expected.map_or(Ok(()), |_| Err(Refusal::VersionOfNothing));
            }
        };
        match request.expected {
            Some(expected) if expected != actual => {
                Err(Refusal::VersionConflict { object, expected, actual })
            }
            _ => Ok(()),
        }
    }

    fn perform(
        &mut self,
        operation: &Operation,
        session: Option<SessionId>,
    ) -> Result<Outcome, Refusal> {
        match operation {
            Operation::RenameSystem { name } => self.rename_system(name),
            Operation::SystemOn { standby } => self.system_on(*standby, session),
            Operation::SystemOff { immediate, restart } => {
                self.system_off(*immediate, *restart, session)
            }
            Operation::CreatePartition(definition) => self.create_partition(definition),
            Operation::DeletePartition { partition } => self.delete_partition(*partition),
            Operation::RenamePartition { partition, name } => {
                self.rename_partition(*partition, name)
            }
            Operation::ChangePartition { partition, change } => {
                self.change_partition(*partition, change)
            }
            Operation::ReleaseResources { partition } => self.release_resources(*partition),
            Operation::MoveMemory { from, to, memory_mb } => {
                self.move_memory(*from, *to, *memory_mb)
            }
            Operation::SetProfile { partition, name, configuration } => {
                self.set_profile(*partition, name, configuration.as_ref().clone())
            }
            Operation::SaveProfile { partition, name } => {
                let configuration = self.partition(*partition)?.configuration.clone();
                self.set_profile(*partition, name, configuration)
            }
            Operation::ApplyProfile { partition, name } => self.apply_profile(*partition, name),
            Operation::DeleteProfile { partition, name } => self.delete_profile(*partition, name),
            Operation::PowerOn { partition, profile, boot_mode } => {
                self.power_on(*partition, profile.as_deref(), *boot_mode, session)
            }
            Operation::PowerOff { partition, how, restart } => {
                self.power_off(*partition, *how, *restart, session)
            }
            Operation::OpenTerminal { partition } => self.open_terminal(*partition),
            Operation::CloseTerminal { partition } => self.close_terminal(*partition),
            Operation::AddEthernet { partition, slot, ethernet } => {
                self.add_ethernet(*partition, *slot, ethernet)
            }
            Operation::ChangeEthernet { partition, slot, ethernet } => {
                self.change_ethernet(*partition, *slot, ethernet)
            }
            Operation::RemoveEthernet { partition, slot } => {
                self.remove_ethernet(*partition, *slot)
            }
            Operation::CreateSwitch { name, mode } => self.create_switch(name, *mode),
            Operation::ChangeSwitch { switch, mode } => self.change_switch(*switch, *mode),
            Operation::RemoveSwitch { switch } => self.remove_switch(*switch),
            Operation::CreateNetwork { name, switch, vlan, tagged } => {
                self.create_network(name, *switch, *vlan, *tagged)
            }
            Operation::RemoveNetwork { network } => self.remove_network(*network),
            Operation::AddScsiPair { vios, server_slot, client, client_slot } => {
                self.add_scsi_pair(*vios, *server_slot, *client, *client_slot)
            }
            Operation::RemoveScsiPair { vios, server_slot } => {
                self.remove_scsi_pair(*vios, *server_slot)
            }
            Operation::AddTarget { vios, server_slot, name, backing } => {
                self.add_target(*vios, *server_slot, name.as_deref(), backing)
            }
            Operation::RemoveTarget { vios, name } => self.remove_target(*vios, name),
            Operation::LoadMedium { vios, target, medium } => {
                self.load_medium(*vios, target, medium)
            }
            Operation::UnloadMedium { vios, target } => self.unload_medium(*vios, target),
            Operation::CreateGroup { vios, name, volumes } => {
                self.create_group(*vios, name, volumes)
            }
            Operation::ExtendGroup { vios, group, volumes } => {
                self.extend_group(*vios, group, volumes)
            }
            Operation::RemoveGroup { vios, group } => self.remove_group(*vios, group),
            Operation::CreateDisk { vios, group, name, size_mb } => {
                self.create_disk(*vios, group, name, *size_mb)
            }
            Operation::ExtendDisk { vios, disk, size_mb } => {
                self.extend_disk(*vios, disk, *size_mb)
            }
            Operation::RemoveDisk { vios, disk } => self.remove_disk(*vios, disk),
            Operation::CreateRepository { vios, group, size_mb } => {
                self.create_repository(*vios, group, *size_mb)
            }
            Operation::RemoveRepository { vios } => self.remove_repository(*vios),
            Operation::CreateMedium { vios, name, size_mb, read_only } => {
                self.create_medium(*vios, name, *size_mb, *read_only)
            }
            Operation::RemoveMedium { vios, name } => self.remove_medium(*vios, name),
            Operation::CancelJob { job } => self.cancel_job(*job),
            Operation::DeleteJob { job } => self.delete_job(*job),
        }
    }

    /// What the system is made of; the name is the current one.
    pub fn config(&self) -> &SystemConfig {
        &self.config
    }

    /// Its version: it changes with the system's name and state, not with what is defined on it.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Its state.
    pub fn state(&self) -> SystemState {
        self.phase.state()
    }

    /// The time that it is there.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// A partition.
    pub fn partition(&self, id: PartitionId) -> Result<&Partition, Refusal> {
        self.partitions.get(&id).ok_or(Refusal::NoSuchPartition { id })
    }

    /// A partition by its name.
    pub fn partition_named(&self, name: &str) -> Result<&Partition, Refusal> {
        let id = self.names.get(&name.to_owned()).copied();
        let partition = id.and_then(|id| self.partitions.get(&id));
        let (what, name) = (Named::Partition, name.to_owned());
        partition.ok_or(Refusal::NoSuchName { what, name })
    }

    /// A partition by its identifier.
    pub fn partition_with_uuid(&self, uuid: Uuid) -> Option<&Partition> {
        self.uuids.get(&uuid).and_then(|id| self.partitions.get(id))
    }

    /// Some partitions, in the order of their numbers, behind a cursor.
    pub fn partitions(
        &self,
        after: Option<PartitionId>,
        limit: usize,
    ) -> Page<PartitionId, &Partition> {
        self.partitions.page(after.as_ref(), limit)
    }

    /// How many partitions are defined.
    pub fn number_of_partitions(&self) -> usize {
        self.partitions.len()
    }

    /// The partition that manages the system.
    pub fn management(&self) -> PartitionId {
        self.management
    }

    /// A job.
    pub fn job(&self, id: JobId) -> Result<&Job, Refusal> {
        self.jobs.all.get(&id).ok_or(Refusal::NoSuchJob { id })
    }

    /// Some jobs, in the order of their numbers, behind a cursor.
    pub fn jobs(&self, after: Option<JobId>, limit: usize) -> Page<JobId, &Job> {
        self.jobs.all.page(after.as_ref(), limit)
    }

    /// Opens a queue of events for a session: it gets what happens from now on. `false` if it has one.
    pub fn open_session(&mut self, session: SessionId) -> bool {
        self.log.open(session)
    }

    /// Closes it; `false` if there is none.
    pub fn close_session(&mut self, session: SessionId) -> bool {
        self.log.close(session)
    }

    /// Number of the last event that a session has got, or that came before it was opened: the next ones come. `None` if it
    /// has no queue.
    pub fn last_read(&self, session: SessionId) -> Option<u64> {
        self.log.last_read(session)
    }

    /// The next events of a session; they stay in its queue. `None` if it has no queue.
    pub fn peek_events(&self, session: SessionId, limit: usize) -> Option<Events> {
        self.log.peek(session, limit)
    }

    /// The session has got the events up to that number, and has been told of those that it missed before.
    pub fn acknowledge_events(&mut self, session: SessionId, up_to: u64) {
        self.log.read(session, up_to);
    }

    /// Takes the next events of a session from its queue. `None` if it has no queue.
    pub fn events(&mut self, session: SessionId, limit: usize) -> Option<Events> {
        let events = self.log.peek(session, limit)?;
        let last = events.events.last().map(|event| event.number);
        let lost = self.log.oldest() - 1;
        self.log.read(session, last.unwrap_or(lost));
        Some(events)
    }

    /// Number of the last event.
    pub fn last_event(&self) -> u64 {
        self.log.last()
    }

    /// The hypervisor's platform partition has crashed: what was kept for managers is gone, that is, queues of events, jobs
    /// and open terminals. Definitions are in NVRAM, and what partitions do is the hypervisor's: both go on, and so do the
    /// numbers of versions, jobs and events, so that a new one is not taken for an old one.
    pub fn platform_crashed(&mut self, now: Duration) {
        self.advance(now);
        self.log.forget();
        self.jobs.forget();
        self.timers.retain(|(_, due)| !matches!(due, Due::Job(_)));
        self.system_job = None;
        let busy: Vec<PartitionId> = self.partitions.values().map(Partition::id).collect();
        for id in busy {
            if let Some(partition) = self.partitions.get_mut(&id) {
                (partition.job, partition.terminal_open) = (None, false);
            }
        }
    }

    pub(crate) fn next_version(&mut self) -> Version {
        self.last_version.0 += 1;
        self.last_version
    }

    /// A partition has changed: it takes the next version, and an event tells it.
    pub(crate) fn touch(&mut self, id: PartitionId, properties: &[Property]) -> Version {
        self.changed(id, properties, None)
    }

    pub(crate) fn changed(
        &mut self,
        id: PartitionId,
        properties: &[Property],
        state: Option<StateChange>,
    ) -> Version {
        let version = self.next_version();
        let now = self.now;
        if let Some(partition) = self.partitions.get_mut(&id) {
            partition.version = version;
            self.log.push(now, partition.object(), EventKind::Changed, properties, state);
        }
        version
    }
}
