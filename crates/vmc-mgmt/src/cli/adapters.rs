//! Lists of adapters: `slot/ieee/pvid/…` of a record (management reference, section 2.2).

use super::output::{Failure, UsageError};
use super::quoted::split_quoted;
use super::scene::{NO_SUCH_OBJECT, Scene, number, refused};
use crate::app::{PartitionView, Snapshot};
use hmc_proto::{AdapterSide, AddEthernet, AddScsi, Ethernet, Mac, Scsi};
use std::str::FromStr;

/// A virtual Ethernet adapter of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EthernetElement {
    slot: u16,
    pub(super) ieee: bool,
    pub(super) vlan: u16,
    pub(super) additional: Vec<u16>,
    pub(super) trunk_priority: u8,
    pub(super) switch: u16,
    pub(super) mac: Option<Mac>,
}

const ETHERNET_FORM: &str =
    "slot/ieee/vlan/[additional,vlans]/[trunk priority]/required[/switch[/mac[/os macs[/qos]]]]";
const SCSI_FORM: &str = "slot/client/server's ID/[server's name]/server's slot/required";

impl EthernetElement {
    /// The adapters of a list.
    pub(super) fn list(scene: &Scene<'_>, text: &str) -> Result<Vec<EthernetElement>, Failure> {
        let elements = elements(text)?;
        elements.iter().map(|element| EthernetElement::parse(scene, element)).collect()
    }

    fn parse(scene: &Scene<'_>, element: &str) -> Result<EthernetElement, Failure> {
        let parts: Vec<&str> = element.split('/').collect();
        let wrong = || bad("virtual_eth_adapters", ETHERNET_FORM, element);
        let (&[slot, ieee, vlan, additional, trunk, required], rest) =
            parts.split_first_chunk::<6>().ok_or_else(wrong)?;
        let ([switch, mac, _, _], true) = (padded(rest), rest.len() <= 4) else {
            return Err(wrong().into());
        };
        if !["0", "1"].contains(&ieee) || !["0", "1", ""].contains(&required) {
            return Err(wrong().into());
        }
        let mut vlans = Vec::new();
        for vlan in additional.split(',').filter(|vlan| !vlan.is_empty()) {
            vlans.push(number("an additional VLAN", vlan, 4095)? as u16);
        }
        Ok(EthernetElement {
            slot: number("the slot", slot, 65535)? as u16,
            ieee: ieee == "1",
            vlan: number("the VLAN", vlan, 4095)? as u16,
            additional: vlans,
            trunk_priority: match trunk {
                "" => 0,
                trunk => number("the trunk priority", trunk, 255)? as u8,
            },
            switch: if switch.is_empty() { 0 } else { switch_named(scene.snapshot, switch)? },
            mac: if mac.is_empty() { None } else { Some(parse_mac(mac)?) },
        })
    }

    /// What adds it.
    pub(super) fn add(&self, partition: u16) -> AddEthernet {
        AddEthernet {
            partition,
            slot: Some(self.slot),
            highest: false,
            version: None,
            mac: self.mac,
            switch: self.switch,
            vlan: self.vlan,
            ieee: self.ieee,
            additional: self.additional.clone(),
            trunk_priority: self.trunk_priority,
        }
    }
}

/// A virtual SCSI adapter of a record: a client's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ScsiElement {
    slot: u16,
    vios: u16,
    server_slot: Option<u16>,
}

impl ScsiElement {
    /// The adapters of a list.
    pub(super) fn list(scene: &Scene<'_>, text: &str) -> Result<Vec<ScsiElement>, Failure> {
        let elements = elements(text)?;
        elements.iter().map(|element| ScsiElement::parse(scene, element)).collect()
    }

    fn parse(scene: &Scene<'_>, element: &str) -> Result<ScsiElement, Failure> {
        let wrong = || bad("virtual_scsi_adapters", SCSI_FORM, element);
        let parts: Vec<&str> = element.split('/').collect();
        let [slot, "client", id, name, server_slot, "" | "0" | "1"] = parts[..] else {
            return Err(wrong().into());
        };
        let server = match (id, name) {
            ("", "") => return Err(wrong().into()),
            (id, "") => scene.partition_numbered(id)?,
            (_, name) => scene.partition_named(name)?,
        };
        Ok(ScsiElement {
            slot: number("the slot", slot, 65535)? as u16,
            vios: server.partition.id,
            server_slot: match server_slot {
                "any" | "" => None,
                slot => Some(number("the server's slot", slot, 65535)? as u16),
            },
        })
    }

    /// What adds it and its server's.
    pub(super) fn add(&self, client: u16) -> AddScsi {
        AddScsi {
            vios: self.vios,
            version: None,
            server_slot: self.server_slot,
            client,
            client_slot: Some(self.slot),
            highest: false,
        }
    }
}

/// The elements of a list, in which those with commas are quoted; `none` is the empty one.
fn elements(text: &str) -> Result<Vec<String>, UsageError> {
    match text {
        "" | "none" => Ok(Vec::new()),
        text => split_quoted(text).map_err(UsageError::Quotes),
    }
}

/// What follows the parts that must be there; what does not follow is empty.
fn padded<'p>(rest: &[&'p str]) -> [&'p str; 4] {
    std::array::from_fn(|at| rest.get(at).copied().unwrap_or(""))
}

fn bad(attribute: &str, form: &str, got: &str) -> UsageError {
    let (attribute, got) = (attribute.to_owned(), got.to_owned());
    UsageError::Value { attribute, expected: form.to_owned(), got }
}

/// The number of the virtual switch of this name.
pub(super) fn switch_named(snapshot: &Snapshot, name: &str) -> Result<u16, Failure> {
    let found = snapshot.switches.iter().find(|switch| switch.name == name);
    found.map(|switch| switch.id).ok_or_else(|| {
        let names: Vec<_> = snapshot.switches.iter().map(|switch| &*switch.name).collect();
        let text =
            format!("The virtual switch {name} was not found; there are {}.", names.join(", "));
        refused(NO_SUCH_OBJECT, text)
    })
}

/// The name of a virtual switch.
pub(super) fn switch_name(snapshot: &Snapshot, id: u16) -> String {
    snapshot.switch(id).map_or_else(|| id.to_string(), |switch| switch.name.clone())
}

/// A MAC address of 12 hexadecimal digits.
pub(super) fn parse_mac(text: &str) -> Result<Mac, UsageError> {
    Mac::from_str(text).map_err(|_| bad("mac_addr", "12 hexadecimal digits", text))
}

/// An Ethernet adapter as an element of a list.
pub(super) fn ethernet_element(snapshot: &Snapshot, adapter: &Ethernet) -> String {
    let additional: Vec<_> = adapter.additional.iter().map(u16::to_string).collect();
    format!(
        "{}/{}/{}/{}/{}/0/{}//all/none",
        adapter.slot,
        u8::from(adapter.ieee),
        adapter.vlan,
        additional.join(","),
        adapter.trunk_priority,
        switch_name(snapshot, adapter.switch)
    )
}

/// A SCSI adapter as an element of a list.
pub(super) fn scsi_element(snapshot: &Snapshot, adapter: &Scsi) -> String {
    let remote = snapshot.partition(adapter.remote_partition);
    let name = remote.map_or("", |view: &std::sync::Arc<PartitionView>| &*view.partition.name);
    let side = match adapter.side {
        AdapterSide::Client => "client",
        AdapterSide::Server => "server",
    };
    let (slot, id, remote_slot) = (adapter.slot, adapter.remote_partition, adapter.remote_slot);
    format!("{slot}/{side}/{id}/{name}/{remote_slot}/0")
}
