//! What names an object, a change or a moment.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

number!(
    /// Number of a partition, from 1 to the system's maximum. A number is free again when its partition is deleted.
    PartitionId(u16)
);
number!(
    /// Number of a virtual slot. 0 and 1 hold the virtual serial adapters.
    Slot(u16)
);
number!(
    /// Number of a virtual switch; 0 is the default switch.
    SwitchId(u16)
);
number!(
    /// Number of a virtual network.
    NetworkId(u32)
);
number!(
    /// Number of a VLAN, 1 to 4094.
    VlanId(u16)
);
number!(
    /// Number of a job. Numbers are never used twice.
    JobId(u64)
);
number!(
    /// A manager's session, as the layer above numbers them.
    SessionId(u64)
);
number!(
    /// State of an object, for optimistic concurrency: every change of any object takes the next number, so an object never
    /// has the same version twice, not even one that was deleted and defined again.
    Version(u64)
);

/// Universally unique identifier of a partition or of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub u128);

impl Uuid {
    /// One that follows from a seed and a name, the same in every run. Its first digit is 0 to 7, as a partition's must be.
    pub fn derive(seed: u64, name: &str) -> Uuid {
        let high = mix(seed, name.bytes());
        let low = mix(high ^ 0x5555, name.bytes());
        let random = (u128::from(high) << 64) | u128::from(low);
        // Version 4, variant 1, first digit below 8: RFC 9562, and management reference, section 3.1.
        let fixed = !((1 << 127) | (0xf << 76) | (0x3 << 62));
        Uuid((random & fixed) | (0x4 << 76) | (0x2 << 62))
    }

    /// Whether a partition can have it: the first digit is 0 to 7.
    pub fn fits_a_partition(self) -> bool {
        self.0 >> 127 == 0
    }

    /// From the form 8-4-4-4-12, in either case.
    pub fn parse(text: &str) -> Option<Uuid> {
        let groups: Vec<&str> = text.split('-').collect();
        let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
        let digits = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
        if lengths != [8, 4, 4, 4, 12] || !digits {
            return None;
        }
        u128::from_str_radix(&groups.concat(), 16).ok().map(Uuid)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032X}", self.0);
        let (a, b, c, d, e) =
            (&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]);
        write!(f, "{a}-{b}-{c}-{d}-{e}")
    }
}

/// Address of an Ethernet adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// One that follows from a partition, a slot and how many were in use already; its last byte is the slot's, as it
    /// often is on real systems.
    pub fn derive(partition: Uuid, slot: Slot, tries: u32) -> MacAddress {
        let words = partition.0.to_be_bytes().into_iter().chain(slot.0.to_be_bytes());
        let drawn = mix(u64::from(tries), words).to_be_bytes();
        let [_, last] = slot.0.to_be_bytes();
        MacAddress([drawn[0] & 0xfc | 0x02, drawn[1], drawn[2], drawn[3], drawn[4], last])
    }

    /// Whether it is locally administered and unicast, as a virtual adapter's must be: the second digit is 2, 6, A or E.
    pub fn is_local_unicast(self) -> bool {
        self.0[0] & 0x03 == 0x02
    }

    /// From 12 hexadecimal digits.
    pub fn parse(text: &str) -> Option<MacAddress> {
        if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let number = u64::from_str_radix(text, 16).ok()?;
        let [_, _, address @ ..] = number.to_be_bytes();
        Some(MacAddress(address))
    }
}

/// Both are stored as they are written.
macro_rules! stored_as_text {
    ($name:ident, $form:literal) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = String::deserialize(deserializer)?;
                let wrong =
                    || D::Error::custom(format!(concat!("expected ", $form, ", got {:?}"), text));
                $name::parse(&text).ok_or_else(wrong)
            }
        }
    };
}

stored_as_text!(Uuid, "a UUID in the form 8-4-4-4-12");
stored_as_text!(MacAddress, "12 hexadecimal digits");

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// A name that says which kind of object it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// The system itself.
    System,
    /// A partition, with its profiles and, on a Virtual I/O Server, its storage. The UUID tells it from another partition
    /// that had or will have the same number.
    Partition(PartitionId, Uuid),
    /// A virtual Ethernet adapter.
    Ethernet(PartitionId, Slot),
    /// A pair of virtual SCSI adapters, by its server's end.
    Scsi(PartitionId, Slot),
    /// A virtual switch.
    Switch(SwitchId),
    /// A virtual network.
    Network(NetworkId),
    /// A volume group of a Virtual I/O Server.
    VolumeGroup(PartitionId, String),
    /// A job.
    Job(JobId),
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Object::System => write!(f, "the system"),
            Object::Partition(id, _) => write!(f, "partition {id}"),
            Object::Ethernet(id, slot) => write!(f, "Ethernet adapter {slot} of partition {id}"),
            Object::Scsi(id, slot) => write!(f, "virtual SCSI server {slot} of partition {id}"),
            Object::Switch(id) => write!(f, "virtual switch {id}"),
            Object::Network(id) => write!(f, "virtual network {id}"),
            Object::VolumeGroup(id, name) => write!(f, "volume group {name} of partition {id}"),
            Object::Job(id) => write!(f, "job {id}"),
        }
    }
}

/// Mixes bytes into a number that looks random (FNV-1a, finished as SplitMix64 does).
fn mix(seed: u64, bytes: impl IntoIterator<Item = u8>) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hash = bytes
        .into_iter()
        .fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_seeds_give_identifiers_that_stay_the_same() {
        let uuid = Uuid::derive(7, "web1");
        assert_eq!(uuid, Uuid::derive(7, "web1"));
        assert_ne!(uuid, Uuid::derive(8, "web1"));
        assert_ne!(uuid, Uuid::derive(7, "web2"));
        assert_eq!(uuid.to_string(), UUID_OF_WEB1);
        assert_eq!(Uuid::parse(UUID_OF_WEB1), Some(uuid));
        assert_eq!(Uuid::parse(&UUID_OF_WEB1.to_lowercase()), Some(uuid));
        for wrong in ["", "5", "0A1B-", &UUID_OF_WEB1.replace('-', ""), &UUID_OF_WEB1[1..]] {
            assert_eq!(Uuid::parse(wrong), None, "{wrong}");
        }
        for n in 0..500 {
            let uuid = Uuid::derive(n, "name");
            assert!(uuid.fits_a_partition());
            let mac = MacAddress::derive(uuid, Slot(0x1234), 0);
            assert!(mac.is_local_unicast());
            assert_eq!(mac.0[5], 0x34);
            assert_eq!(MacAddress::parse(&mac.to_string()), Some(mac));
            assert_ne!(mac, MacAddress::derive(uuid, Slot(0x1234), 1));
        }
        assert_eq!(MacAddress::parse("FAD48DC2DC0"), None);
        assert_eq!(MacAddress::parse("FA:D4:8D:C2"), None);
        assert!(!MacAddress([0x03, 0, 0, 0, 0, 0]).is_local_unicast(), "a multicast address");
        assert!(!MacAddress([0x00, 0, 0, 0, 0, 1]).is_local_unicast(), "a maker's address");
    }

    const UUID_OF_WEB1: &str = "06EE8E1F-5DEF-499F-ABBE-ECC429F3A2C2";
}
