//! The console, the system, switches, networks and Ethernet adapters.

use super::{Scene, fill, structure};
use crate::objects::{adapter, network as networks, system as systems};
use crate::rest::atom::{Entry, object};
use crate::rest::ids;
use crate::rest::xml::{Element, UOM};
use hmc_proto::{Ethernet, Network, Switch};
use std::sync::Arc;

/// The management console's entry.
pub fn console(scene: &Scene) -> Entry {
    let snapshot = &scene.snapshot;
    let id = ids::console(snapshot);
    let path = format!("/rest/api/uom/ManagementConsole/{id}");
    let mtms = structure("MachineTypeModelAndSerialNumber")
        .child(Element::text("MachineType", &snapshot.system.machine_type))
        .child(Element::text("Model", &snapshot.system.model))
        .child(Element::text("SerialNumber", &snapshot.system.serial));
    let version = structure("VersionInfo")
        .child(Element::text("BuildLevel", env!("CARGO_PKG_VERSION")))
        .child(Element::text("Maintenance", "0"))
        .child(Element::text("Minor", "0"))
        .child(Element::text("ReleaseLevel", "10"))
        .child(Element::text("ServicePackName", ""))
        .child(Element::text("Version", "10"));
    let system = format!("ManagedSystem/{}", ids::system(snapshot));
    let console = object(UOM, "ManagementConsole", &id, scene.created)
        .child(mtms)
        .child(Element::new("ManagedSystems").child(scene.link(&system)))
        .child(Element::text("ManagementConsoleName", "vmcsim"))
        .child(version);
    Entry::new(id, path, console)
}

/// The managed system's entry.
pub fn system(scene: &Scene) -> Entry {
    let snapshot = &scene.snapshot;
    let id = ids::system(snapshot);
    let mut system = object(UOM, "ManagedSystem", &id, scene.created);
    fill(&mut system, systems::FIELDS, snapshot, |name| match name {
        "AssociatedVirtualIOServers" => {
            let servers = snapshot.of_kind(true);
            Some(Element::new(name).all(servers.map(|vios| scene.link(&scene.system_path(vios)))))
        }
        "AssociatedSystemIOConfiguration" => {
            let switches = snapshot.switches.iter();
            let link = |switch| {
                format!("ManagedSystem/{id}/VirtualSwitch/{}", ids::switch(snapshot, switch))
            };
            let virtual_network = structure("AssociatedSystemVirtualNetwork").child(
                Element::new("VirtualSwitches").all(switches.map(|it| scene.link(&link(it)))),
            );
            Some(
                structure(name)
                    .child(Element::text("AvailableWWPNs", "65536"))
                    .child(virtual_network),
            )
        }
        "SystemMigrationInformation" => {
            let counts = [
                "MaximumInactiveMigrations",
                "MaximumActiveMigrations",
                "NumberOfInactiveMigrationsInProgress",
                "NumberOfActiveMigrationsInProgress",
            ];
            Some(structure(name).all(counts.map(|count| Element::text(count, "0"))))
        }
        _ => None,
    });
    let path = format!("/rest/api/uom/ManagedSystem/{id}");
    scene.entry(id, vec![path], system)
}

/// A virtual switch's entry.
pub fn switch(scene: &Scene, switch: &Switch) -> Entry {
    let snapshot = &scene.snapshot;
    let id = ids::switch(snapshot, switch);
    let system = ids::system(snapshot);
    let mut made = object(UOM, "VirtualSwitch", &id, scene.created);
    fill(&mut made, networks::SWITCH, switch, |name| {
        let of_switch = snapshot.networks.iter().filter(|network| network.switch == switch.id);
        let link = |it| {
            scene.link(&format!(
                "ManagedSystem/{system}/VirtualNetwork/{}",
                ids::network(snapshot, it)
            ))
        };
        Some(Element::new(name).all(of_switch.map(link)))
    });
    let path = format!("/rest/api/uom/ManagedSystem/{system}/VirtualSwitch/{id}");
    scene.entry(id, vec![path], made)
}

/// A virtual network's entry.
pub fn network(scene: &Scene, network: &Network) -> Entry {
    let snapshot = &scene.snapshot;
    let id = ids::network(snapshot, network);
    let system = ids::system(snapshot);
    let mut made = object(UOM, "VirtualNetwork", &id, scene.created);
    fill(&mut made, networks::NETWORK, network, |name| {
        let switch = snapshot.switch(network.switch)?;
        let path =
            format!("ManagedSystem/{system}/VirtualSwitch/{}", ids::switch(snapshot, switch));
        let link = scene.link(&path);
        Some(Element { name: name.to_owned(), ..link })
    });
    let path = format!("/rest/api/uom/ManagedSystem/{system}/VirtualNetwork/{id}");
    scene.entry(id, vec![path], made)
}

/// An Ethernet adapter's entry, below its partition of that path.
pub fn ethernet(scene: &Scene, path: &str, ethernet: &Ethernet) -> Entry {
    let snapshot = &scene.snapshot;
    let id = ids::ethernet(snapshot, ethernet);
    let system = ids::system(snapshot);
    let subject = adapter::Subject { snapshot: Arc::clone(snapshot), ethernet: ethernet.clone() };
    let mut made = object(UOM, "ClientNetworkAdapter", &id, scene.created);
    fill(&mut made, adapter::FIELDS, &subject, |name| match name {
        "AssociatedVirtualSwitch" => {
            let switch = ids::switch(snapshot, snapshot.switch(ethernet.switch)?);
            let link = scene.link(&format!("ManagedSystem/{system}/VirtualSwitch/{switch}"));
            Some(Element::new(name).child(link))
        }
        "VirtualNetworks" => {
            let vlans = [ethernet.vlan].into_iter().chain(ethernet.additional.iter().copied());
            let vlans: Vec<u16> = vlans.collect();
            let mine = snapshot.networks.iter().filter(|network| {
                network.switch == ethernet.switch && vlans.contains(&network.vlan)
            });
            let link = |it| {
                scene.link(&format!(
                    "ManagedSystem/{system}/VirtualNetwork/{}",
                    ids::network(snapshot, it)
                ))
            };
            Some(Element::new(name).all(mine.map(link)))
        }
        _ => None,
    });
    let paths = [path.to_owned(), format!("ManagedSystem/{system}/{path}")];
    let paths = paths.map(|path| format!("/rest/api/uom/{path}/ClientNetworkAdapter/{id}"));
    scene.entry(id, paths.to_vec(), made)
}
