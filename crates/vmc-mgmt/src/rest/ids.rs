//! UUIDs of what has none of its own: they follow from the system's serial number and the object's, so they are the same in each run.

use crate::app::{PartitionView, Snapshot};
use hmc_proto::{Ethernet, Network, Switch, VolumeGroup};
use managed_system::Uuid;

/// 64-bit FNV-1a.
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn derived(snapshot: &Snapshot, what: &str) -> String {
    let uuid = Uuid::derive(hash(snapshot.system.serial.as_bytes()), what);
    uuid.to_string().to_ascii_lowercase()
}

/// The management console's.
pub fn console(snapshot: &Snapshot) -> String {
    derived(snapshot, "console")
}

/// The managed system's.
pub fn system(snapshot: &Snapshot) -> String {
    derived(snapshot, "system")
}

/// A partition's.
pub fn partition(view: &PartitionView) -> String {
    view.partition.uuid.to_string()
}

/// A virtual switch's.
pub fn switch(snapshot: &Snapshot, switch: &Switch) -> String {
    derived(snapshot, &format!("switch {} {}", switch.id, switch.name))
}

/// A virtual network's.
pub fn network(snapshot: &Snapshot, network: &Network) -> String {
    derived(snapshot, &format!("network {} {}", network.switch, network.vlan))
}

/// An Ethernet adapter's.
pub fn ethernet(snapshot: &Snapshot, ethernet: &Ethernet) -> String {
    derived(snapshot, &format!("ethernet {} {}", ethernet.mac, ethernet.slot))
}

/// A volume group's.
pub fn group(snapshot: &Snapshot, vios: &PartitionView, group: &VolumeGroup) -> String {
    derived(snapshot, &format!("group {} {}", vios.partition.uuid, group.name))
}

/// An identifier of a device of a server, as a text without blanks.
pub fn device(vios: &PartitionView, kind: &str, name: &str) -> String {
    let first = hash(format!("{} {kind} {name}", vios.partition.uuid).as_bytes());
    let second = hash(format!("{name} {kind} {}", vios.partition.uuid).as_bytes());
    format!("01{first:016X}{second:016X}")
}

/// One of what has no more than a number, or the hash of its path. The digit tells kinds of such objects apart.
pub fn of_number(kind: char, number: u64) -> String {
    format!("00000000-0000-4000-{kind}000-{:012x}", number & 0xffff_ffff_ffff)
}

/// An ETag: a signed number of 32 bits.
pub fn etag(text: &str) -> String {
    let hash = hash(text.as_bytes());
    (((hash >> 32) ^ hash) as u32 as i32).to_string()
}

/// A profile's.
pub fn profile(view: &PartitionView, name: &str) -> String {
    let seed = hash(view.partition.uuid.to_string().as_bytes());
    Uuid::derive(seed, name).to_string().to_ascii_lowercase()
}
