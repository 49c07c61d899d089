//! Adapters: each lies in a slot of its own, each pair has two ends, and switches know their ports.

use crate::ids::{NetworkId, PartitionId, Slot, SwitchId, VlanId};
use crate::limits::FIRST_SLOT;
use crate::slots::Adapter;
use crate::system::System;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(system: &System, found: &mut Vec<String>) {
    let mut macs = 0;
    let mut ports: BTreeSet<(SwitchId, PartitionId, Slot)> = BTreeSet::new();
    let mut members: BTreeMap<(SwitchId, VlanId), usize> = BTreeMap::new();
    let mut trunks = BTreeMap::new();
    for (id, partition) in system.partitions.iter() {
        let mut numbers = BTreeSet::new();
        for (slot, adapter) in partition.adapters() {
            if !(FIRST_SLOT..partition.configuration.max_slots).contains(&slot.0) {
                found.push(format!("partition {id} has an adapter in slot {slot}"));
            }
            match adapter {
                Adapter::Ethernet(ethernet) => {
                    let port = &ethernet.definition;
                    macs += 1;
                    if system.macs.get(&ethernet.mac) != Some(&(*id, slot)) {
                        found.push(format!(
                            "partition {id} slot {slot}: {} is not its own",
                            ethernet.mac
                        ));
                    }
                    ports.insert((port.switch, *id, slot));
                    for vlan in port.vlans() {
                        *members.entry((port.switch, vlan)).or_default() += 1;
                        let trunk =
                            port.trunk_priority.map(|priority| (port.switch, vlan, priority));
                        if let Some(other) = trunk.and_then(|key| trunks.insert(key, (*id, slot))) {
                            found.push(format!(
                                "{other:?} and partition {id} slot {slot} are the same trunk"
                            ));
                        }
                    }
                }
                Adapter::ScsiClient(server, server_slot) => {
                    let end = system.scsi_server(*server, *server_slot);
                    if !end.is_ok_and(|end| (end.client, end.client_slot) == (*id, slot)) {
                        found.push(format!("partition {id} slot {slot} is client of no server"));
                    }
                }
                Adapter::ScsiServer(server) => {
                    let client = system.partition(server.client).ok();
                    let end = client.and_then(|client| client.adapter(server.client_slot));
                    if end != Some(&Adapter::ScsiClient(*id, slot)) || partition.storage.is_none() {
                        found.push(format!("partition {id} slot {slot} is server of no client"));
                    }
                    if !numbers.insert(server.number) {
                        found.push(format!("partition {id} has two {}", server.device_name()));
                    }
                }
            }
        }
    }
    if macs != system.macs.len() {
        found.push(format!("{macs} adapters have {} MAC addresses", system.macs.len()));
    }
    let known = system.networks.switches.iter().flat_map(|(switch, entry)| {
        entry.ports.iter().map(move |(id, slot)| (*switch, *id, *slot))
    });
    if ports != known.collect() {
        found.push(String::from("switches and adapters do not agree on ports"));
    }
    let known = system.networks.switches.iter().flat_map(|(switch, entry)| {
        entry.trunks.iter().map(move |((vlan, priority), at)| ((*switch, *vlan, *priority), *at))
    });
    if trunks != known.collect() {
        found.push(String::from("switches and adapters do not agree on trunks"));
    }
    networks(system, &members, found);
}

fn networks(
    system: &System,
    members: &BTreeMap<(SwitchId, VlanId), usize>,
    found: &mut Vec<String>,
) {
    let mut by_vlan: BTreeMap<(SwitchId, VlanId), NetworkId> = BTreeMap::new();
    for (id, network) in system.networks.all.iter() {
        let key = (network.switch, network.vlan);
        let ports = members.get(&key).copied().unwrap_or_default();
        let is_known = system.switch(network.switch).is_ok_and(|switch| {
            switch.networks.get(&network.vlan) == Some(id) && network.id == *id
        });
        if !is_known || network.ports != ports || ports == 0 && !network.is_defined {
            found.push(format!("virtual network {id} has {} of {ports} ports", network.ports));
        }
        by_vlan.insert(key, *id);
    }
    if let Some((switch, vlan)) = members.keys().find(|key| !by_vlan.contains_key(key)) {
        found.push(format!("VLAN {vlan} of switch {switch} has no virtual network"));
    }
    let listed: usize = system.networks.switches.values().map(|switch| switch.networks.len()).sum();
    if listed != by_vlan.len() || by_vlan.len() != system.networks.all.len() {
        found.push(String::from("switches list virtual networks that are not there"));
    }
}
