//! Partitions are defined, deleted, renamed and changed; their profiles, terminals and jobs.

use crate::definition::{Configuration, PartitionDefinition};
use crate::events::{EventKind, Property};
use crate::ids::{Object, PartitionId, Slot, Uuid};
use crate::limits::{self, check_name, check_range};
use crate::partition::Partition;
use crate::refusal::{Attribute, Named, Refusal};
use crate::request::Outcome;
use crate::slots::Adapter;
use crate::state::PartitionState;
use crate::system::System;

impl System {
    pub(crate) fn create_partition(
        &mut self,
        definition: &PartitionDefinition,
    ) -> Result<Outcome, Refusal> {
        let most = self.config.capacity.max_partitions;
        self.check_partition_name(&definition.name)?;
        check_description(&definition.description)?;
        if let Some(profile) = &definition.profile {
            check_name(Named::Profile, profile)?;
        }
        definition.configuration.check(&self.config.capacity)?;
        if self.partitions.len() >= usize::from(most) {
            return Err(Refusal::TooManyPartitions { most });
        }
        let id = match definition.id {
            Some(id) => {
                check_range(Attribute::PartitionId, id.0, 1..=most)?;
                if self.partitions.contains(&id) {
                    return Err(Refusal::IdInUse { id });
                }
                id
            }
            None => self.lowest_free_id(),
        };
        let uuid = match definition.uuid {
            Some(uuid) if !uuid.fits_a_partition() => return Err(Refusal::BadUuid { uuid }),
            Some(uuid) if self.uuids.contains(&uuid) => return Err(Refusal::UuidInUse { uuid }),
            Some(uuid) => uuid,
            None => self.fresh_uuid(&definition.name),
        };
        let mut partition = Partition::new(definition, id, uuid);
        partition.rmc = System::rmc_at_rest(&partition);
        partition.version = self.next_version();
        let version = partition.version;
        self.names.insert(definition.name.clone(), id);
        self.uuids.insert(uuid, id);
        self.note(partition.object(), EventKind::Added, &[]);
        self.partitions.insert(id, partition);
        Ok(Outcome::Partition(id, uuid, version))
    }

    fn lowest_free_id(&self) -> PartitionId {
        let taken = self.partitions.iter().map(|(id, _)| id.0);
        let gap = (1..).zip(taken).find(|(wanted, taken)| wanted != taken);
        PartitionId(gap.map_or(self.partitions.len() as u16 + 1, |(wanted, _)| wanted))
    }

    /// A generated identifier. It follows from the seed, the name and how much has happened, so that a
    /// partition that is deleted and defined again has another one.
    fn fresh_uuid(&self, name: &str) -> Uuid {
        let drawn =
            (self.last_version.0..).map(|n| Uuid::derive(self.config.seed ^ (n << 32), name));
        let mut free = drawn.filter(|uuid| !self.uuids.contains(uuid));
        free.next().unwrap_or(Uuid(0))
    }

    pub(crate) fn delete_partition(&mut self, id: PartitionId) -> Result<Outcome, Refusal> {
        let partition = self.partition(id)?;
        if partition.is_management {
            return Err(Refusal::ManagementPartition { partition: id, what: "deleted" });
        }
        self.check_off(id)?;
        if partition.terminal_open {
            return Err(Refusal::TerminalOpen { partition: id });
        }
        if let Some(client) = partition.scsi_servers().map(|(_, server)| server.client).next() {
            return Err(Refusal::HasClients { vios: id, client });
        }
        let adapters: Vec<(Slot, Adapter)> =
            partition.adapters().map(|(slot, adapter)| (slot, adapter.clone())).collect();
        for (slot, adapter) in adapters {
            match adapter {
                Adapter::Ethernet(_) => {
                    self.unplug(id, slot);
                    self.note(Object::Ethernet(id, slot), EventKind::Removed, &[]);
                }
                Adapter::ScsiClient(server, server_slot) => self.drop_pair(server, server_slot),
                Adapter::ScsiServer(_) => {}
            }
        }
        self.give_up(id);
        self.let_end_of(id);
        if let Some(partition) = self.partitions.remove(&id) {
            self.names.remove(&partition.name);
            self.uuids.remove(&partition.uuid);
            self.note(partition.object(), EventKind::Removed, &[]);
        }
        Ok(Outcome::Removed)
    }

    pub(crate) fn rename_partition(
        &mut self,
        id: PartitionId,
        name: &str,
    ) -> Result<Outcome, Refusal> {
        if self.partition(id)?.name != name {
            self.check_partition_name(name)?;
        }
        if let Some(partition) = self.partitions.get_mut(&id) {
            let before = std::mem::replace(&mut partition.name, name.to_owned());
            self.names.remove(&before);
            self.names.insert(name.to_owned(), id);
        }
        Ok(Outcome::Done(self.touch(id, &[Property::Name])))
    }

    fn check_partition_name(&self, name: &str) -> Result<(), Refusal> {
        check_name(Named::Partition, name)?;
        match self.names.contains(&name.to_owned()) {
            true => Err(Refusal::NameInUse { what: Named::Partition, name: name.to_owned() }),
            false => Ok(()),
        }
    }

    /// A partition is off, and not because the system is.
    pub(crate) fn check_off(&self, id: PartitionId) -> Result<(), Refusal> {
        match self.partition(id)?.state() {
            PartitionState::NotActivated => Ok(()),
            state => Err(Refusal::StillActive { partition: id, state }),
        }
    }

    pub(crate) fn release_resources(&mut self, id: PartitionId) -> Result<Outcome, Refusal> {
        self.check_off(id)?;
        self.release(id);
        Ok(Outcome::Done(self.partition(id)?.version))
    }

    pub(crate) fn set_profile(
        &mut self,
        id: PartitionId,
        name: &str,
        configuration: Configuration,
    ) -> Result<Outcome, Refusal> {
        check_name(Named::Profile, name)?;
        configuration.check(&self.config.capacity)?;
        let partition = self.partition(id)?;
        let (is_new, most) = (partition.profile(name).is_none(), limits::MAX_PROFILES);
        if is_new && partition.profiles.len() >= most {
            return Err(Refusal::TooManyProfiles { partition: id, most });
        }
        if let Some(partition) = self.partitions.get_mut(&id) {
            partition.profiles.insert(name.to_owned(), configuration);
        }
        Ok(Outcome::Done(self.touch(id, &[Property::Profiles])))
    }

    pub(crate) fn apply_profile(
        &mut self,
        id: PartitionId,
        name: &str,
    ) -> Result<Outcome, Refusal> {
        let configuration = self.profile_of(id, name)?;
        self.check_off(id)?;
        self.check_slots(id, configuration.max_slots)?;
        if let Some(partition) = self.partitions.get_mut(&id) {
            partition.configuration = configuration;
            partition.last_profile = Some(name.to_owned());
        }
        Ok(Outcome::Done(self.touch(id, &[Property::Configuration])))
    }

    pub(crate) fn delete_profile(
        &mut self,
        id: PartitionId,
        name: &str,
    ) -> Result<Outcome, Refusal> {
        self.profile_of(id, name)?;
        if let Some(partition) = self.partitions.get_mut(&id) {
            partition.profiles.remove(&name.to_owned());
        }
        Ok(Outcome::Done(self.touch(id, &[Property::Profiles])))
    }

    /// The configuration that a partition keeps under a name.
    pub(crate) fn profile_of(&self, id: PartitionId, name: &str) -> Result<Configuration, Refusal> {
        let profile = self.partition(id)?.profile(name).cloned();
        profile.ok_or_else(|| Refusal::NoSuchName { what: Named::Profile, name: name.to_owned() })
    }

    pub(crate) fn open_terminal(&mut self, id: PartitionId) -> Result<Outcome, Refusal> {
        if self.partition(id)?.terminal_open {
            return Err(Refusal::TerminalOpen { partition: id });
        }
        self.set_terminal(id, true)
    }

    pub(crate) fn close_terminal(&mut self, id: PartitionId) -> Result<Outcome, Refusal> {
        if !self.partition(id)?.terminal_open {
            return Err(Refusal::NoTerminal { partition: id });
        }
        self.set_terminal(id, false)
    }

    fn set_terminal(&mut self, id: PartitionId, open: bool) -> Result<Outcome, Refusal> {
        if let Some(partition) = self.partitions.get_mut(&id) {
            partition.terminal_open = open;
        }
        Ok(Outcome::Done(self.touch(id, &[Property::Terminal])))
    }

    pub(crate) fn note(&mut self, object: Object, kind: EventKind, properties: &[Property]) {
        self.log.push(self.now, object, kind, properties, None);
    }
}

pub(crate) fn check_description(text: &str) -> Result<(), Refusal> {
    let (most, got) = (limits::MAX_DESCRIPTION as u64, text.chars().count() as u64);
    check_range(Attribute::Description, got, 0..=most)
}
