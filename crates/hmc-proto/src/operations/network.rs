//! Virtual slots, Ethernet, switches and networks, and pairs of virtual SCSI adapters.

use crate::octets::Mac;
use crate::record::{codes, records};
use alloc::string::String;
use alloc::vec::Vec;

codes! {
    /// What stands in a virtual slot.
    SlotKind {
        /// A serial adapter: slots 0 and 1.
        Serial = 0, "serial";
        /// An Ethernet adapter.
        Ethernet = 1, "eth";
        /// A SCSI adapter.
        Scsi = 2, "scsi";
    }

    /// Who switches between the partitions of a switch.
    SwitchMode {
        /// The switch itself.
        Veb = 0, "VEB";
        /// A switch outside.
        Vepa = 1, "VEPA";
    }

    /// End of a pair of virtual SCSI adapters.
    AdapterSide {
        /// It uses storage.
        Client = 0, "client";
        /// It offers storage; only a Virtual I/O Server has one.
        Server = 1, "server";
    }
}

records! {
    /// A virtual slot that is taken.
    Slot {
        /// Its number.
        slot: u16,
        /// What stands in it.
        kind: SlotKind,
    }

    /// A virtual switch.
    Switch {
        /// Its number; 0 is the default one.
        id: u16,
        /// Grows with every change.
        version: u64,
        /// Its name.
        name: String,
        /// Its mode.
        mode: SwitchMode,
        /// The number of its adapters.
        ports: u32,
    }

    /// Changes the mode of a virtual switch.
    ChangeSwitch {
        /// Its number.
        id: u16,
        /// The version that is changed; any without it.
        version: Option<u64>,
        /// Its mode from now on.
        mode: SwitchMode,
    }

    /// Creates a virtual switch.
    CreateSwitch {
        /// Its name.
        name: String,
        /// Its mode.
        mode: SwitchMode,
    }

    /// A virtual switch was created.
    SwitchCreated {
        /// Its number.
        id: u16,
        /// Its version.
        version: u64,
    }

    /// Removes a virtual switch.
    DeleteSwitch {
        /// Its number.
        id: u16,
        /// The version that is removed; any without it.
        version: Option<u64>,
    }

    /// A virtual network: a VLAN of a switch.
    Network {
        /// Its number.
        id: u32,
        /// Grows with every change.
        version: u64,
        /// Its name.
        name: String,
        /// The switch's number.
        switch: u16,
        /// The VLAN.
        vlan: u16,
        /// Frames carry the VLAN's tag.
        tagged: bool,
        /// It was created; otherwise it is there because adapters use its VLAN.
        created: bool,
        /// The number of its adapters.
        ports: u32,
    }

    /// Creates a virtual network.
    CreateNetwork {
        /// Its name.
        name: String,
        /// The switch's number.
        switch: u16,
        /// The VLAN.
        vlan: u16,
        /// Frames carry the VLAN's tag.
        tagged: bool,
    }

    /// A virtual network was created.
    NetworkCreated {
        /// Its number.
        id: u32,
        /// Its version.
        version: u64,
    }

    /// Removes a virtual network.
    DeleteNetwork {
        /// Its number.
        id: u32,
        /// The version that is removed; any without it.
        version: Option<u64>,
    }

    /// A virtual Ethernet adapter.
    Ethernet {
        /// The partition's ID.
        partition: u16,
        /// Its slot.
        slot: u16,
        /// Grows with every change.
        version: u64,
        /// Its MAC address.
        mac: Mac,
        /// The switch's number.
        switch: u16,
        /// The port's VLAN.
        vlan: u16,
        /// IEEE 802.1Q: it takes part in the additional VLANs.
        ieee: bool,
        /// Additional VLANs.
        additional: Vec<u16>,
        /// Priority of a trunk adapter; 0 when it is none.
        trunk_priority: u8,
    }

    /// Adds an Ethernet adapter.
    AddEthernet {
        /// The partition's ID.
        partition: u16,
        /// The slot; without it one that is free.
        slot: Option<u16>,
        /// Of the free ones the highest, not the lowest.
        highest: bool,
        /// The partition's version; any without it.
        version: Option<u64>,
        /// The MAC address; without it one of the system's.
        mac: Option<Mac>,
        /// The switch's number.
        switch: u16,
        /// The port's VLAN.
        vlan: u16,
        /// IEEE 802.1Q: it takes part in the additional VLANs.
        ieee: bool,
        /// Additional VLANs.
        additional: Vec<u16>,
        /// Priority of a trunk adapter; 0 when it is to be none.
        trunk_priority: u8,
    }

    /// An Ethernet adapter was added.
    EthernetAdded {
        /// Its slot.
        slot: u16,
        /// Its MAC address.
        mac: Mac,
        /// Its version.
        version: u64,
    }

    /// Defines an Ethernet adapter anew.
    ChangeEthernet {
        /// The partition's ID.
        partition: u16,
        /// Its slot.
        slot: u16,
        /// The version that is changed; any without it.
        version: Option<u64>,
        /// The MAC address; without it the one that it has.
        mac: Option<Mac>,
        /// The switch's number.
        switch: u16,
        /// The port's VLAN.
        vlan: u16,
        /// IEEE 802.1Q: it takes part in the additional VLANs.
        ieee: bool,
        /// Additional VLANs.
        additional: Vec<u16>,
        /// Priority of a trunk adapter; 0 when it is to be none.
        trunk_priority: u8,
    }

    /// Removes what stands in a slot.
    RemoveAdapter {
        /// The partition's ID.
        partition: u16,
        /// The slot.
        slot: u16,
        /// The version that is removed; any without it.
        version: Option<u64>,
    }

    /// An end of a pair of virtual SCSI adapters.
    Scsi {
        /// Its slot.
        slot: u16,
        /// The pair's version.
        version: u64,
        /// Client or server.
        side: AdapterSide,
        /// The ID of the other end's partition.
        remote_partition: u16,
        /// The other end's slot.
        remote_slot: u16,
    }

    /// Makes a pair of virtual SCSI adapters.
    AddScsi {
        /// The Virtual I/O Server's ID.
        vios: u16,
        /// Its version; any without it.
        version: Option<u64>,
        /// The server's slot; without it one that is free.
        server_slot: Option<u16>,
        /// The client's ID.
        client: u16,
        /// The client's slot; without it one that is free.
        client_slot: Option<u16>,
        /// Of the free ones the highest, not the lowest.
        highest: bool,
    }

    /// A pair of virtual SCSI adapters was made.
    ScsiAdded {
        /// The server's slot.
        server_slot: u16,
        /// The client's slot.
        client_slot: u16,
        /// The pair's version.
        version: u64,
    }
}
