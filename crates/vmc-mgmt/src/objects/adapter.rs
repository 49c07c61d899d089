//! Virtual Ethernet adapters.

use super::{Datum, Field, Kind, shown, written};
use crate::app::Snapshot;
use hmc_proto::{AddEthernet, ChangeEthernet, Ethernet, Mac};
use std::sync::Arc;

/// An Ethernet adapter, with what is around it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Everything that is there.
    pub snapshot: Arc<Snapshot>,
    /// The adapter.
    pub ethernet: Ethernet,
}

/// What an adapter is to be.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Edit {
    /// Its slot; one that is free without it.
    pub slot: Option<u16>,
    /// Of the free slots the highest, not the lowest.
    pub highest: bool,
    /// Its MAC address; the system's choice without it.
    pub mac: Option<Mac>,
    /// The switch's number.
    pub switch: u16,
    /// The port's VLAN.
    pub vlan: u16,
    /// IEEE 802.1Q.
    pub ieee: bool,
    /// Additional VLANs.
    pub additional: Vec<u16>,
    /// Priority of a trunk adapter; 0 when it is to be none.
    pub trunk_priority: u8,
}

impl Edit {
    /// An adapter that there is.
    pub fn of(ethernet: &Ethernet) -> Edit {
        Edit {
            slot: Some(ethernet.slot),
            highest: false,
            mac: Some(ethernet.mac),
            switch: ethernet.switch,
            vlan: ethernet.vlan,
            ieee: ethernet.ieee,
            additional: ethernet.additional.clone(),
            trunk_priority: ethernet.trunk_priority,
        }
    }

    /// What adds it.
    #[expect(clippy::should_implement_trait, reason = "adapters are added to partitions")]
    pub fn add(self, partition: u16) -> AddEthernet {
        AddEthernet {
            partition,
            slot: self.slot,
            highest: self.highest,
            version: None,
            mac: self.mac,
            switch: self.switch,
            vlan: self.vlan,
            ieee: self.ieee,
            additional: self.additional,
            trunk_priority: self.trunk_priority,
        }
    }

    /// What makes it of an adapter that there is.
    pub fn change(self, ethernet: &Ethernet) -> ChangeEthernet {
        ChangeEthernet {
            partition: ethernet.partition,
            slot: ethernet.slot,
            version: Some(ethernet.version),
            mac: self.mac,
            switch: self.switch,
            vlan: self.vlan,
            ieee: self.ieee,
            additional: self.additional,
            trunk_priority: self.trunk_priority,
        }
    }
}

/// Where an adapter stands: `U9009.42A.1234567-V3-C4`.
pub fn location(snapshot: &Snapshot, partition: u16, slot: u16) -> String {
    let system = &snapshot.system;
    format!("U{}.{}.{}-V{partition}-C{slot}", system.machine_type, system.model, system.serial)
}

const BYTE: Kind = Kind::Number(255);
const WORD: Kind = Kind::Number(65535);

/// The attributes of an Ethernet adapter, in the order of its document.
pub static FIELDS: &[Field<Subject, Edit>] = &[
    shown("AdapterType", "", &[], Kind::Text, |it| match it.ethernet.trunk_priority {
        0 => "Client".into(),
        _ => "Server".into(),
    }),
    shown("DynamicReconfigurationConnectorName", "", &["drc_name"], Kind::Text, place),
    shown("LocationCode", "", &[], Kind::Text, place),
    shown("LocalPartitionID", "", &["lpar_id"], WORD, |it| it.ethernet.partition.into()),
    shown("RequiredAdapter", "", &["is_required"], Kind::Flag, |_| false.into()),
    shown("VariedOn", "", &["state"], Kind::Flag, |_| true.into()),
    written(
        "UseNextAvailableSlotID",
        "",
        &[],
        Kind::Flag,
        |_| Datum::Absent,
        |edit, datum| {
            if datum.flag() {
                (edit.slot, edit.highest) = (None, false);
            }
        },
    ),
    written(
        "UseNextAvailableHighSlotID",
        "",
        &[],
        Kind::Flag,
        |_| Datum::Absent,
        |edit, datum| {
            if datum.flag() {
                (edit.slot, edit.highest) = (None, true);
            }
        },
    ),
    written(
        "VirtualSlotNumber",
        "",
        &["slot_num"],
        WORD,
        |it| it.ethernet.slot.into(),
        |edit, datum| edit.slot = Some(datum.number() as u16),
    ),
    shown("AllowedOperatingSystemMACAddresses", "", &["allowed_os_mac_addrs"], Kind::Text, |_| {
        "ALL".into()
    }),
    written(
        "MACAddress",
        "",
        &["mac_addr"],
        Kind::Mac,
        |it| it.ethernet.mac.to_string().into(),
        |edit, datum| edit.mac = datum.text().parse().ok(),
    ),
    written(
        "PortVLANID",
        "",
        &["port_vlan_id"],
        WORD,
        |it| it.ethernet.vlan.into(),
        |edit, datum| edit.vlan = datum.number() as u16,
    ),
    shown("QualityOfServicePriorityEnabled", "", &[], Kind::Flag, |_| false.into()),
    written(
        "TaggedVLANIDs",
        "",
        &["addl_vlan_ids"],
        Kind::Vlans,
        |it| match it.ethernet.additional.as_slice() {
            [] => Datum::Absent,
            vlans => Datum::List(vlans.iter().map(u16::to_string).collect()),
        },
        |edit, datum| {
            edit.additional = datum.list().iter().filter_map(|vlan| vlan.parse().ok()).collect();
        },
    ),
    written(
        "TaggedVLANSupported",
        "",
        &["ieee_virtual_eth"],
        Kind::Flag,
        |it| it.ethernet.ieee.into(),
        |edit, datum| edit.ieee = datum.flag(),
    ),
    shown("AssociatedVirtualSwitch", "", &[], Kind::Part, |_| Datum::Absent),
    shown("VirtualSwitchID", "", &["vswitch_id"], WORD, |it| it.ethernet.switch.into()),
    written(
        "TrunkPriority",
        "",
        &["trunk_priority"],
        BYTE,
        |it| match it.ethernet.trunk_priority {
            0 => Datum::Absent,
            priority => priority.into(),
        },
        |edit, datum| edit.trunk_priority = datum.number() as u8,
    ),
    shown("VirtualNetworks", "", &[], Kind::Part, |_| Datum::Absent),
    shown("", "", &["is_trunk"], Kind::Flag, |it| (it.ethernet.trunk_priority > 0).into()),
    shown("", "", &["vswitch"], Kind::Text, |it| {
        it.snapshot.switch(it.ethernet.switch).map(|switch| switch.name.as_str()).into()
    }),
    shown("", "", &["lpar_name"], Kind::Text, |it| {
        let view = it.snapshot.partition(it.ethernet.partition);
        view.map(|view| view.partition.name.as_str()).into()
    }),
    shown("", "", &["qos_priority"], Kind::Text, |_| "none".into()),
];

fn place(it: &Subject) -> Datum {
    location(&it.snapshot, it.ethernet.partition, it.ethernet.slot).into()
}
