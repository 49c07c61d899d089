//! What the two sides trade in the capabilities exchange.

use core::fmt;
use papr::PAGE_SIZE;
use papr::crq::ENTRY_SIZE;

/// Length of an HMC ID in bytes (driver document, VMC Interface Open).
pub const HMC_ID_BYTES: u32 = 32;

/// Most HMC connections one channel can carry: indexes 0 to 254 (driver document, VMC Interface Open).
pub const MAX_HMCS: u8 = 255;

/// Entries of a CRQ in one 4 KiB page.
pub const CRQ_ENTRIES_PER_PAGE: u16 = 256;

const _: () = assert!(CRQ_ENTRIES_PER_PAGE as u64 * ENTRY_SIZE == PAGE_SIZE);

/// Protocol version: major in the high-order byte, minor in the low-order byte.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Sides with different major versions cannot talk.
    pub major: u8,
    /// Code level within a major version.
    pub minor: u8,
}

impl Version {
    /// The version this crate speaks.
    pub const CURRENT: Version = Version { major: 1, minor: 1 };
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({self})")
    }
}

/// Parameters of one side, as Capabilities and its response carry them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Most independent HMC connections.
    pub hmcs: u8,
    /// Most buffers of one HMC connection.
    pub pool_size: u16,
    /// Longest message in bytes.
    pub mtu: u32,
    /// Entries of this side's CRQ. The other side keeps at most half as many messages outstanding.
    pub crq_size: u16,
    /// Code level.
    pub version: Version,
}

impl Limits {
    /// The values both sides use: the minimum of each parameter. The CRQ size is not negotiated: the
    /// result holds the peer's, which bounds what this side may have outstanding.
    pub fn negotiate(self, peer: Limits) -> Limits {
        Limits {
            hmcs: self.hmcs.min(peer.hmcs),
            pool_size: self.pool_size.min(peer.pool_size),
            mtu: self.mtu.min(peer.mtu),
            crq_size: peer.crq_size,
            version: self.version.min(peer.version),
        }
    }

    /// Whether a channel can work with these values: at least one connection, one buffer, an MTU that
    /// holds an HMC ID, and a queue of which one half admits a request. Versions are not looked at.
    pub const fn workable(self) -> bool {
        self.hmcs > 0 && self.pool_size > 0 && self.mtu >= HMC_ID_BYTES && self.crq_size >= 2
    }

    /// How many requests may await their response at a peer with this CRQ size: one half of it (LoPAR,
    /// VMC Capabilities).
    pub const fn max_outstanding(self) -> u16 {
        self.crq_size / 2
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Limits { hmcs, pool_size, mtu, crq_size, version } = self;
        write!(f, "hmcs={hmcs} pool={pool_size} mtu={mtu} crq={crq_size} v{version}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Limits =
        Limits { hmcs: 2, pool_size: 64, mtu: 4096, crq_size: 256, version: Version::CURRENT };
    const THEIRS: Limits = Limits {
        hmcs: 255,
        pool_size: 16,
        mtu: 16384,
        crq_size: 512,
        version: Version { major: 1, minor: 0 },
    };

    /// LoPAR, VMC Capabilities Response: both sides use the minimum.
    #[test]
    fn both_sides_negotiate_the_minimum_and_keep_the_size_of_the_peers_queue() {
        let minimum = Limits {
            hmcs: 2,
            pool_size: 16,
            mtu: 4096,
            crq_size: 512,
            version: Version { major: 1, minor: 0 },
        };
        assert_eq!(OURS.negotiate(THEIRS), minimum);
        assert_eq!(THEIRS.negotiate(OURS), Limits { crq_size: 256, ..minimum });
    }

    #[test]
    fn versions_order_by_major_before_minor() {
        assert!(Version { major: 1, minor: 255 } < Version { major: 2, minor: 0 });
        assert!(Version { major: 1, minor: 0 } < Version::CURRENT);
    }

    #[test]
    fn only_what_cannot_work_is_refused() {
        let least =
            Limits { hmcs: 1, pool_size: 1, mtu: 32, crq_size: 2, version: Version::CURRENT };
        assert!(least.workable());
        assert!(!Limits { hmcs: 0, ..least }.workable());
        assert!(!Limits { pool_size: 0, ..least }.workable());
        assert!(!Limits { mtu: 31, ..least }.workable());
        assert!(!Limits { crq_size: 1, ..least }.workable());
    }

    /// LoPAR, VMC Capabilities: outstanding messages are limited to one half of the CRQ or less.
    #[test]
    fn outstanding_requests_never_exceed_half_of_the_peers_queue() {
        for (crq_size, most) in [(0, 0), (1, 0), (2, 1), (3, 1), (256, 128), (u16::MAX, 32767)] {
            assert_eq!(Limits { crq_size, ..OURS }.max_outstanding(), most);
        }
    }

    #[test]
    fn limits_read_as_one_line() {
        assert_eq!(alloc::format!("{OURS}"), "hmcs=2 pool=64 mtu=4096 crq=256 v1.1");
    }
}
