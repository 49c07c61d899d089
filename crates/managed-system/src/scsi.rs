//! Virtual SCSI: pairs of adapters, and the target devices that a server offers through them (management reference,
//! section 1.13).
//!
//! A pair is made and removed as a whole, so that no end is left without the other.

use crate::events::{EventKind, Property};
use crate::ids::{Object, PartitionId, Slot, Version};
use crate::partition::{Partition, Phase};
use crate::refusal::{Named, Refusal};
use crate::request::Outcome;
use crate::slots::{Adapter, SlotChoice};
use crate::storage::Storage;
use crate::system::System;
use crate::table::Table;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The server's end of a pair of SCSI adapters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ScsiServer {
    pub(crate) client: PartitionId,
    pub(crate) client_slot: Slot,
    /// Number in its device's name.
    pub(crate) number: u16,
    pub(crate) targets: Table<String, Target>,
    pub(crate) version: Version,
}

impl ScsiServer {
    /// The client.
    pub fn client(&self) -> PartitionId {
        self.client
    }

    /// Slot of the client's end.
    pub fn client_slot(&self) -> Slot {
        self.client_slot
    }

    /// Name of its device on the server, `vhost0` and so on.
    pub fn device_name(&self) -> String {
        format!("vhost{}", self.number)
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Its target devices by name.
    pub fn targets(&self) -> impl Iterator<Item = (&str, &Target)> {
        self.targets.iter().map(|(name, target)| (name.as_str(), target))
    }
}

/// A device that a server offers to a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    /// Number of its logical unit.
    pub(crate) unit: u16,
    pub(crate) backing: Backing,
}

impl Target {
    /// Address of its logical unit: the first of an adapter is `0x8100000000000000`.
    pub fn address(&self) -> u64 {
        (0x8100 + u64::from(self.unit)) << 48
    }

    /// What is behind it.
    pub fn backing(&self) -> &Backing {
        &self.backing
    }
}

/// What is behind a target device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Backing {
    /// A physical volume.
    Volume(String),
    /// A virtual disk.
    Disk(String),
    /// An optical device, with the medium that it holds.
    Optical(Option<String>),
}

impl System {
    pub(crate) fn add_scsi_pair(
        &mut self,
        server: PartitionId,
        server_slot: SlotChoice,
        client: PartitionId,
        client_slot: SlotChoice,
    ) -> Result<Outcome, Refusal> {
        self.storage(server)?;
        let (serving, using) = (self.partition(server)?, self.partition(client)?);
        if server == client {
            return Err(Refusal::OwnClient { partition: server });
        }
        let (server_slot, client_slot) =
            (serving.slot_for(server_slot)?, using.slot_for(client_slot)?);
        serving.check_adapters_can_change()?;
        using.check_adapters_can_change()?;
        let number = serving.free_device_number();
        let version = self.next_version();
        let targets = Table::default();
        let adapter = ScsiServer { client, client_slot, number, targets, version };
        if let Some(partition) = self.partitions.get_mut(&server) {
            partition.adapters.insert(server_slot, Adapter::ScsiServer(adapter));
        }
        if let Some(partition) = self.partitions.get_mut(&client) {
            partition.adapters.insert(client_slot, Adapter::ScsiClient(server, server_slot));
        }
        self.note(Object::Scsi(server, server_slot), EventKind::Added, &[]);
        self.touch(server, &[Property::Adapters]);
        self.touch(client, &[Property::Adapters]);
        Ok(Outcome::ScsiPair { server_slot, client_slot, version })
    }

    pub(crate) fn remove_scsi_pair(
        &mut self,
        server: PartitionId,
        server_slot: Slot,
    ) -> Result<Outcome, Refusal> {
        let adapter = self.scsi_server(server, server_slot)?;
        if let Some((name, _)) = adapter.targets().next() {
            let (vios, slot, name) = (server, server_slot, name.to_owned());
            return Err(Refusal::PairInUse { vios, slot, name });
        }
        let client = adapter.client;
        self.partition(server)?.check_adapters_can_change()?;
        self.partition(client)?.check_adapters_can_change()?;
        self.drop_pair(server, server_slot);
        self.touch(client, &[Property::Adapters]);
        Ok(Outcome::Removed)
    }

    /// Both ends of a pair go, with the target devices of the server's; the client is not told.
    pub(crate) fn drop_pair(&mut self, server: PartitionId, server_slot: Slot) {
        let adapter =
            self.partitions.get_mut(&server).and_then(|at| at.adapters.remove(&server_slot));
        let Some(Adapter::ScsiServer(adapter)) = adapter else { return };
        if let Some(storage) = self.storage_mut(server) {
            let targets = adapter.targets.iter();
            targets.for_each(|(name, target)| storage.unmap(name, &target.backing));
        }
        if let Some(client) = self.partitions.get_mut(&adapter.client) {
            client.adapters.remove(&adapter.client_slot);
        }
        self.note(Object::Scsi(server, server_slot), EventKind::Removed, &[]);
        self.touch(server, &[Property::Adapters, Property::Storage]);
    }

    /// A server's end of a pair.
    pub fn scsi_server(&self, id: PartitionId, slot: Slot) -> Result<&ScsiServer, Refusal> {
        match self.partition(id)?.adapters.get(&slot) {
            Some(Adapter::ScsiServer(adapter)) => Ok(adapter),
            _ => Err(Refusal::NoSuchAdapter { partition: id, slot }),
        }
    }

    pub(crate) fn scsi_server_mut(
        &mut self,
        id: PartitionId,
        slot: Slot,
    ) -> Option<&mut ScsiServer> {
        match self.partitions.get_mut(&id)?.adapters.get_mut(&slot) {
            Some(Adapter::ScsiServer(adapter)) => Some(adapter),
            _ => None,
        }
    }

    pub(crate) fn add_target(
        &mut self,
        vios: PartitionId,
        slot: Slot,
        name: Option<&str>,
        backing: &Backing,
    ) -> Result<Outcome, Refusal> {
        let adapter = self.scsi_server(vios, slot)?;
        let storage = self.answering_storage(vios)?;
        let name = storage.target_name(name, backing)?;
        storage.check_unmapped(backing)?;
        let units = adapter.targets.values().map(|target| target.unit);
        let units: BTreeSet<u16> = units.collect();
        let unit = (0..=u16::MAX).find(|unit| !units.contains(unit)).unwrap_or(u16::MAX);
        let version = self.next_version();
        if let Some(storage) = self.storage_mut(vios) {
            storage.map(&name, slot, backing);
        }
        if let Some(adapter) = self.scsi_server_mut(vios, slot) {
            adapter.version = version;
            adapter.targets.insert(name.clone(), Target { unit, backing: backing.clone() });
        }
        self.scsi_changed(vios, slot);
        Ok(Outcome::Target(name, version))
    }

    pub(crate) fn remove_target(
        &mut self,
        vios: PartitionId,
        name: &str,
    ) -> Result<Outcome, Refusal> {
        let (slot, backing) = self.target(vios, name)?;
        self.answering_storage(vios)?;
        let version = self.next_version();
        if let Some(storage) = self.storage_mut(vios) {
            storage.unmap(name, &backing);
        }
        if let Some(adapter) = self.scsi_server_mut(vios, slot) {
            adapter.version = version;
            adapter.targets.remove(&name.to_owned());
        }
        self.scsi_changed(vios, slot);
        Ok(Outcome::Removed)
    }

    pub(crate) fn scsi_changed(&mut self, vios: PartitionId, slot: Slot) {
        self.note(Object::Scsi(vios, slot), EventKind::Changed, &[Property::Storage]);
        self.touch(vios, &[Property::Storage]);
    }

    /// A target device of a server: the slot of its adapter, and what is behind it.
    pub fn target(&self, vios: PartitionId, name: &str) -> Result<(Slot, Backing), Refusal> {
        let slot = self.storage(vios)?.targets.get(&name.to_owned()).copied();
        let target = slot.and_then(|slot| {
            let adapter = self.scsi_server(vios, slot).ok()?;
            Some((slot, adapter.targets.get(&name.to_owned())?.backing.clone()))
        });
        target.ok_or_else(|| Refusal::NoSuchName { what: Named::Target, name: name.to_owned() })
    }

    /// Whether the firmware of a partition finds something to boot from: a device of its own, or one that a running server
    /// offers.
    pub(crate) fn finds_boot_device(&self, id: PartitionId) -> bool {
        let Ok(partition) = self.partition(id) else { return false };
        partition.physical_boot_device
            || partition.adapters.values().any(|adapter| match adapter {
                Adapter::ScsiClient(server, slot) => {
                    self.partition(*server).is_ok_and(Partition::serves)
                        && self.scsi_server(*server, *slot).is_ok_and(ScsiServer::is_bootable)
                }
                Adapter::Ethernet(_) | Adapter::ScsiServer(_) => false,
            })
    }
}

impl ScsiServer {
    fn is_bootable(&self) -> bool {
        self.targets.values().any(|target| target.backing != Backing::Optical(None))
    }
}

impl Partition {
    /// Storage of a Virtual I/O Server.
    pub fn storage(&self) -> Option<&Storage> {
        self.storage.as_deref()
    }

    /// Whether its operating system is up, and so serves clients.
    fn serves(&self) -> bool {
        matches!(self.phase, Phase::Up(_))
    }

    /// Its servers' ends of pairs.
    pub fn scsi_servers(&self) -> impl Iterator<Item = (Slot, &ScsiServer)> {
        self.adapters().filter_map(|(slot, adapter)| match adapter {
            Adapter::ScsiServer(server) => Some((slot, server)),
            Adapter::Ethernet(_) | Adapter::ScsiClient(..) => None,
        })
    }

    fn free_device_number(&self) -> u16 {
        let taken: BTreeSet<u16> = self.scsi_servers().map(|(_, server)| server.number).collect();
        (0..=u16::MAX).find(|number| !taken.contains(number)).unwrap_or(u16::MAX)
    }
}
