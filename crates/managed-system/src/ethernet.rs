//! Virtual Ethernet adapters (management reference, sections 1.12 and 3.1).

use crate::events::{EventKind, Property};
use crate::ids::{MacAddress, Object, PartitionId, Slot, SwitchId, Version, VlanId};
use crate::limits::{self, check_range};
use crate::partition::Partition;
use crate::refusal::{Attribute, Refusal};
use crate::request::Outcome;
use crate::slots::{Adapter, SlotChoice};
use crate::system::System;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// An Ethernet adapter to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EthernetDefinition {
    /// Its address; the system chooses one by default.
    pub mac: Option<MacAddress>,
    /// Its virtual switch.
    pub switch: SwitchId,
    /// VLAN of frames without a tag.
    pub port_vlan: VlanId,
    /// Whether frames can have tags (IEEE 802.1Q).
    pub tagged: bool,
    /// VLANs of frames with a tag.
    pub additional_vlans: BTreeSet<VlanId>,
    /// Priority of a trunk adapter, which bridges its VLANs to a physical network; the lowest number counts.
    pub trunk_priority: Option<u8>,
}

impl EthernetDefinition {
    /// An adapter of a VLAN on the default switch.
    pub fn on(port_vlan: VlanId) -> EthernetDefinition {
        EthernetDefinition {
            mac: None,
            switch: SwitchId(0),
            port_vlan,
            tagged: false,
            additional_vlans: BTreeSet::new(),
            trunk_priority: None,
        }
    }

    /// Every VLAN that it belongs to.
    pub fn vlans(&self) -> impl Iterator<Item = VlanId> {
        std::iter::once(self.port_vlan).chain(self.additional_vlans.iter().copied())
    }

    fn check(&self) -> Result<(), Refusal> {
        check_range(Attribute::PortVlan, self.port_vlan.0, limits::VLANS)?;
        for vlan in &self.additional_vlans {
            check_range(Attribute::AdditionalVlans, vlan.0, limits::VLANS)?;
        }
        if !self.additional_vlans.is_empty() && !self.tagged {
            return Err(Refusal::NotTagged);
        }
        if self.additional_vlans.contains(&self.port_vlan) {
            return Err(Refusal::VlanTwice { vlan: self.port_vlan });
        }
        let (got, most) = (self.additional_vlans.len() as u64, limits::MAX_ADDITIONAL_VLANS as u64);
        check_range(Attribute::AdditionalVlans, got, 0..=most)?;
        match self.trunk_priority {
            Some(priority) => {
                check_range(Attribute::TrunkPriority, priority, limits::TRUNK_PRIORITIES)
            }
            None => Ok(()),
        }
    }
}

/// An Ethernet adapter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ethernet {
    pub(crate) mac: MacAddress,
    pub(crate) definition: EthernetDefinition,
    pub(crate) version: Version,
}

impl Ethernet {
    /// Its address.
    pub fn mac(&self) -> MacAddress {
        self.mac
    }

    /// As what it was defined.
    pub fn definition(&self) -> &EthernetDefinition {
        &self.definition
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }
}

impl System {
    pub(crate) fn add_ethernet(
        &mut self,
        id: PartitionId,
        choice: SlotChoice,
        definition: &EthernetDefinition,
    ) -> Result<Outcome, Refusal> {
        let partition = self.partition(id)?;
        let slot = partition.slot_for(choice)?;
        partition.check_adapters_can_change()?;
        self.check_port(partition, slot, definition)?;
        let mac = self.mac_for(partition, slot, definition)?;
        self.plug_in(id, slot, mac, definition);
        self.note(Object::Ethernet(id, slot), EventKind::Added, &[]);
        self.touch(id, &[Property::Adapters]);
        Ok(Outcome::Adapter(slot, self.ethernet(id, slot)?.version))
    }

    /// An adapter keeps its slot and its address, and has all the rest anew.
    pub(crate) fn change_ethernet(
        &mut self,
        id: PartitionId,
        slot: Slot,
        definition: &EthernetDefinition,
    ) -> Result<Outcome, Refusal> {
        let before = self.ethernet(id, slot)?.clone();
        let partition = self.partition(id)?;
        partition.check_adapters_can_change()?;
        self.check_port(partition, slot, definition)?;
        let mac = match definition.mac {
            Some(mac) if mac != before.mac => {
                let state = partition.state();
                if state.is_active() {
                    let attribute = Attribute::MacAddress;
                    return Err(Refusal::FixedWhileActive { partition: id, attribute, state });
                }
                self.mac_for(partition, slot, definition)?
            }
            _ => before.mac,
        };
        // The new networks first, so that one that stays does not go meanwhile.
        self.leave_switch(id, slot, &before.definition);
        self.macs.remove(&before.mac);
        self.plug_in(id, slot, mac, definition);
        self.leave_networks(&before.definition);
        self.note(Object::Ethernet(id, slot), EventKind::Changed, &[Property::Configuration]);
        self.touch(id, &[Property::Adapters]);
        Ok(Outcome::Done(self.ethernet(id, slot)?.version))
    }

    pub(crate) fn remove_ethernet(
        &mut self,
        id: PartitionId,
        slot: Slot,
    ) -> Result<Outcome, Refusal> {
        self.ethernet(id, slot)?;
        self.partition(id)?.check_adapters_can_change()?;
        self.unplug(id, slot);
        self.note(Object::Ethernet(id, slot), EventKind::Removed, &[]);
        self.touch(id, &[Property::Adapters]);
        Ok(Outcome::Removed)
    }

    /// The Ethernet adapter in a slot.
    pub fn ethernet(&self, id: PartitionId, slot: Slot) -> Result<&Ethernet, Refusal> {
        match self.partition(id)?.adapters.get(&slot) {
            Some(Adapter::Ethernet(ethernet)) => Ok(ethernet),
            _ => Err(Refusal::NoSuchAdapter { partition: id, slot }),
        }
    }

    fn check_port(
        &self,
        partition: &Partition,
        slot: Slot,
        definition: &EthernetDefinition,
    ) -> Result<(), Refusal> {
        definition.check()?;
        let switch = self.switch(definition.switch)?;
        let Some(priority) = definition.trunk_priority else { return Ok(()) };
        if partition.storage.is_none() && !partition.is_management {
            return Err(Refusal::NoTrunkHere { partition: partition.id });
        }
        for vlan in definition.vlans() {
            match switch.trunks.get(&(vlan, priority)) {
                Some((other, other_slot)) if (*other, *other_slot) != (partition.id, slot) => {
                    let (partition, slot) = (*other, *other_slot);
                    return Err(Refusal::TrunkPriorityInUse { partition, slot, priority, vlan });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The address of an adapter: the one that is wanted, or an unused one.
    fn mac_for(
        &self,
        partition: &Partition,
        slot: Slot,
        definition: &EthernetDefinition,
    ) -> Result<MacAddress, Refusal> {
        let Some(mac) = definition.mac else {
            let mut drawn = (0..MAX_TRIES).map(|n| MacAddress::derive(partition.uuid, slot, n));
            let free = drawn.find(|mac| !self.macs.contains(mac));
            return free.ok_or(Refusal::NoMacLeft { partition: partition.id, slot });
        };
        if !self.config.capacity.custom_mac_addresses {
            return Err(Refusal::NoCustomMac);
        }
        if !mac.is_local_unicast() {
            return Err(Refusal::BadMac { mac });
        }
        match self.macs.get(&mac).copied() {
            Some((partition, slot)) => Err(Refusal::MacInUse { mac, partition, slot }),
            None => Ok(mac),
        }
    }

    fn plug_in(
        &mut self,
        id: PartitionId,
        slot: Slot,
        mac: MacAddress,
        definition: &EthernetDefinition,
    ) {
        let version = self.next_version();
        let definition = EthernetDefinition { mac: Some(mac), ..definition.clone() };
        self.join_switch(id, slot, &definition);
        self.join_networks(&definition);
        self.macs.insert(mac, (id, slot));
        if let Some(partition) = self.partitions.get_mut(&id) {
            let ethernet = Ethernet { mac, definition, version };
            partition.adapters.insert(slot, Adapter::Ethernet(ethernet));
        }
    }

    pub(crate) fn unplug(&mut self, id: PartitionId, slot: Slot) {
        let adapter = self.partitions.get_mut(&id).and_then(|at| at.adapters.remove(&slot));
        if let Some(Adapter::Ethernet(ethernet)) = adapter {
            self.macs.remove(&ethernet.mac);
            self.leave_switch(id, slot, &ethernet.definition);
            self.leave_networks(&ethernet.definition);
        }
    }
}

/// How many addresses are tried before it is said that none is left.
const MAX_TRIES: u32 = 1 << 16;
