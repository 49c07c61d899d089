//! Virtual switches and virtual networks.
//!
//! A virtual network is a VLAN of a switch. It can be defined, and it is there by itself as long as an adapter uses its
//! VLAN: so both kinds of managers, those that define networks first and those that only name VLANs, find what they expect.

use crate::ethernet::EthernetDefinition;
use crate::events::{EventKind, Property};
use crate::ids::{NetworkId, Object, PartitionId, Slot, SwitchId, Version, VlanId};
use crate::limits::{self, check_name, check_range};
use crate::refusal::{Attribute, Named, Refusal};
use crate::request::Outcome;
use crate::system::System;
use crate::table::{Page, Table};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Where frames between adapters of different partitions of a switch go.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum SwitchMode {
    /// From adapter to adapter (virtual Ethernet bridging).
    #[default]
    Veb,
    /// By way of the switch outside (virtual Ethernet port aggregation).
    Vepa,
}

/// A virtual switch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Switch {
    pub(crate) id: SwitchId,
    pub(crate) name: String,
    pub(crate) mode: SwitchMode,
    pub(crate) version: Version,
    // These three follow from adapters and networks.
    #[serde(skip)]
    pub(crate) ports: BTreeSet<(PartitionId, Slot)>,
    #[serde(skip)]
    pub(crate) trunks: BTreeMap<(VlanId, u8), (PartitionId, Slot)>,
    #[serde(skip)]
    pub(crate) networks: BTreeMap<VlanId, NetworkId>,
}

impl Switch {
    pub(crate) fn new(id: SwitchId, name: &str, mode: SwitchMode, version: Version) -> Switch {
        let (ports, trunks, networks) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        Switch { id, name: name.to_owned(), mode, version, ports, trunks, networks }
    }

    /// Its number.
    pub fn id(&self) -> SwitchId {
        self.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its mode.
    pub fn mode(&self) -> SwitchMode {
        self.mode
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The adapters that belong to it.
    pub fn ports(&self) -> impl ExactSizeIterator<Item = (PartitionId, Slot)> {
        self.ports.iter().copied()
    }

    /// The VLANs that are in use on it or defined, with their networks.
    pub fn networks(&self) -> impl ExactSizeIterator<Item = (VlanId, NetworkId)> {
        self.networks.iter().map(|(vlan, network)| (*vlan, *network))
    }
}

/// A virtual network: a VLAN of a switch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Network {
    pub(crate) id: NetworkId,
    pub(crate) name: String,
    pub(crate) switch: SwitchId,
    pub(crate) vlan: VlanId,
    pub(crate) tagged: bool,
    /// A manager has defined it, so it stays without adapters.
    pub(crate) is_defined: bool,
    /// Follows from adapters.
    #[serde(skip)]
    pub(crate) ports: usize,
    pub(crate) version: Version,
}

impl Network {
    /// Its number.
    pub fn id(&self) -> NetworkId {
        self.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its switch.
    pub fn switch(&self) -> SwitchId {
        self.switch
    }

    /// Its VLAN.
    pub fn vlan(&self) -> VlanId {
        self.vlan
    }

    /// Whether its frames have tags.
    pub fn tagged(&self) -> bool {
        self.tagged
    }

    /// Whether a manager has defined it, so that it stays without adapters.
    pub fn is_defined(&self) -> bool {
        self.is_defined
    }

    /// How many adapters belong to it.
    pub fn ports(&self) -> usize {
        self.ports
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }
}

/// Switches and networks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Networks {
    pub(crate) switches: Table<SwitchId, Switch>,
    pub(crate) all: Table<NetworkId, Network>,
    last: u32,
}

/// Name of the switch that every system has.
pub const DEFAULT_SWITCH: &str = "ETHERNET0";

impl System {
    /// A virtual switch.
    pub fn switch(&self, id: SwitchId) -> Result<&Switch, Refusal> {
        self.networks.switches.get(&id).ok_or(Refusal::NoSuchSwitch { id })
    }

    /// Some virtual switches, in the order of their numbers, behind a cursor.
    pub fn switches(&self, after: Option<SwitchId>, limit: usize) -> Page<SwitchId, &Switch> {
        self.networks.switches.page(after.as_ref(), limit)
    }

    /// A virtual switch by its name.
    pub fn switch_named(&self, name: &str) -> Result<&Switch, Refusal> {
        let found = self.networks.switches.values().find(|switch| switch.name == name);
        found.ok_or_else(|| Refusal::NoSuchName { what: Named::Switch, name: name.to_owned() })
    }

    /// A virtual network.
    pub fn network(&self, id: NetworkId) -> Result<&Network, Refusal> {
        self.networks.all.get(&id).ok_or(Refusal::NoSuchNetwork { id })
    }

    /// Some virtual networks, in the order of their numbers, behind a cursor.
    pub fn networks(&self, after: Option<NetworkId>, limit: usize) -> Page<NetworkId, &Network> {
        self.networks.all.page(after.as_ref(), limit)
    }

    pub(crate) fn create_switch(
        &mut self,
        name: &str,
        mode: SwitchMode,
    ) -> Result<Outcome, Refusal> {
        check_name(Named::Switch, name)?;
        if self.switch_named(name).is_ok() {
            return Err(Refusal::NameInUse { what: Named::Switch, name: name.to_owned() });
        }
        let ids = (0..limits::MAX_SWITCHES as u16).map(SwitchId);
        let free = { ids }.find(|id| !self.networks.switches.contains(id));
        let id = free.ok_or(Refusal::TooManySwitches { most: limits::MAX_SWITCHES })?;
        let version = self.next_version();
        self.networks.switches.insert(id, Switch::new(id, name, mode, version));
        self.note(Object::Switch(id), EventKind::Added, &[]);
        Ok(Outcome::Switch(id, version))
    }

    pub(crate) fn change_switch(
        &mut self,
        id: SwitchId,
        mode: SwitchMode,
    ) -> Result<Outcome, Refusal> {
        self.switch(id)?;
        let version = self.next_version();
        if let Some(switch) = self.networks.switches.get_mut(&id) {
            (switch.mode, switch.version) = (mode, version);
        }
        self.note(Object::Switch(id), EventKind::Changed, &[Property::Configuration]);
        Ok(Outcome::Done(version))
    }

    pub(crate) fn remove_switch(&mut self, id: SwitchId) -> Result<Outcome, Refusal> {
        let switch = self.switch(id)?;
        if id == SwitchId(0) {
            return Err(Refusal::DefaultSwitch);
        }
        if !switch.ports.is_empty() {
            return Err(Refusal::SwitchInUse { id, ports: switch.ports.len() });
        }
        let networks: Vec<NetworkId> = switch.networks.values().copied().collect();
        networks.into_iter().for_each(|network| self.drop_network(network));
        self.networks.switches.remove(&id);
        self.note(Object::Switch(id), EventKind::Removed, &[]);
        Ok(Outcome::Removed)
    }

    pub(crate) fn create_network(
        &mut self,
        name: &str,
        switch: SwitchId,
        vlan: VlanId,
        tagged: bool,
    ) -> Result<Outcome, Refusal> {
        check_name(Named::Network, name)?;
        check_range(Attribute::PortVlan, vlan.0, limits::VLANS)?;
        let there = self.switch(switch)?.networks.get(&vlan).copied();
        let there = there.and_then(|id| self.networks.all.get(&id));
        if let Some(network) = there.filter(|network| network.is_defined) {
            return Err(Refusal::NetworkExists { switch, vlan, id: network.id });
        }
        if self.network_named(name).is_some_and(|id| there.is_none_or(|at| at.id != id)) {
            return Err(Refusal::NameInUse { what: Named::Network, name: name.to_owned() });
        }
        let id = match there.map(Network::id) {
            Some(id) => id,
            None => self.make_network(name, switch, vlan),
        };
        let version = self.next_version();
        if let Some(network) = self.networks.all.get_mut(&id) {
            name.clone_into(&mut network.name);
            (network.tagged, network.is_defined, network.version) = (tagged, true, version);
        }
        self.note(Object::Network(id), EventKind::Changed, &[Property::Configuration]);
        Ok(Outcome::Network(id, version))
    }

    pub(crate) fn remove_network(&mut self, id: NetworkId) -> Result<Outcome, Refusal> {
        let network = self.network(id)?;
        if network.ports > 0 {
            return Err(Refusal::NetworkInUse { id, ports: network.ports });
        }
        self.drop_network(id);
        Ok(Outcome::Removed)
    }

    fn network_named(&self, name: &str) -> Option<NetworkId> {
        let found = self.networks.all.values().find(|network| network.name == name);
        found.map(|network| network.id)
    }

    fn make_network(&mut self, name: &str, switch: SwitchId, vlan: VlanId) -> NetworkId {
        self.networks.last += 1;
        let id = NetworkId(self.networks.last);
        let version = self.next_version();
        let name = name.to_owned();
        let (tagged, is_defined, ports) = (vlan != VlanId(1), false, 0);
        let network = Network { id, name, switch, vlan, tagged, is_defined, ports, version };
        self.networks.all.insert(id, network);
        if let Some(switch) = self.networks.switches.get_mut(&switch) {
            switch.networks.insert(vlan, id);
        }
        self.note(Object::Network(id), EventKind::Added, &[]);
        id
    }

    fn drop_network(&mut self, id: NetworkId) {
        let Some(network) = self.networks.all.remove(&id) else { return };
        if let Some(switch) = self.networks.switches.get_mut(&network.switch) {
            switch.networks.remove(&network.vlan);
        }
        self.note(Object::Network(id), EventKind::Removed, &[]);
    }

    /// An adapter belongs to its switch from now on.
    pub(crate) fn join_switch(&mut self, id: PartitionId, slot: Slot, port: &EthernetDefinition) {
        let Some(switch) = self.networks.switches.get_mut(&port.switch) else { return };
        switch.ports.insert((id, slot));
        let trunk = port.trunk_priority;
        let trunks =
            trunk.iter().flat_map(|priority| port.vlans().map(move |vlan| (vlan, *priority)));
        switch.trunks.extend(trunks.map(|trunk| (trunk, (id, slot))));
    }

    /// An adapter does not belong to its switch any more.
    pub(crate) fn leave_switch(&mut self, id: PartitionId, slot: Slot, port: &EthernetDefinition) {
        let Some(switch) = self.networks.switches.get_mut(&port.switch) else { return };
        switch.ports.remove(&(id, slot));
        let trunk = port.trunk_priority;
        for trunk in
            trunk.iter().flat_map(|priority| port.vlans().map(move |vlan| (vlan, *priority)))
        {
            switch.trunks.remove(&trunk);
        }
    }

    /// An adapter belongs to its networks from now on.
    pub(crate) fn join_networks(&mut self, port: &EthernetDefinition) {
        let Ok(switch) = self.switch(port.switch) else { return };
        let name = switch.name.clone();
        for vlan in port.vlans() {
            let there = self.networks.switches.get(&port.switch).map(|at| &at.networks);
            let network = match there.and_then(|networks| networks.get(&vlan)).copied() {
                Some(network) => network,
                None => self.make_network(&format!("VLAN{vlan}-{name}"), port.switch, vlan),
            };
            if let Some(network) = self.networks.all.get_mut(&network) {
                network.ports += 1;
            }
        }
    }

    /// An adapter does not belong to its networks any more; those that were there because of it go.
    pub(crate) fn leave_networks(&mut self, port: &EthernetDefinition) {
        for vlan in port.vlans() {
            let network = self.switch(port.switch).ok().and_then(|at| at.networks.get(&vlan));
            let Some(network) = network.copied() else { continue };
            let Some(entry) = self.networks.all.get_mut(&network) else { continue };
            entry.ports -= 1;
            if entry.ports == 0 && !entry.is_defined {
                self.drop_network(network);
            }
        }
    }
}
