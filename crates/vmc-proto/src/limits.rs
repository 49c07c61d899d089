//! What the two sides trade in the capabilities exchange.

use core::fmt;

/// Length of an HMC ID in bytes (driver document, VMC Interface Open).
pub const HMC_ID_BYTES: u32 = 32;

/// Most HMC connections one channel can carry: indexes 0 to 254 (driver document, VMC Interface Open).
pub const MAX_HMCS: u8 = 255;

/// Entries of a CRQ in one 4 KiB page.
pub const CRQ_ENTRIES_PER_PAGE: u16 = 256;

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
    /// holds an HMC ID, and a queue that holds a request and its answer.
    pub const fn workable(self) -> bool {
        self.hmcs > 0 && self.pool_size > 0 && self.mtu >= HMC_ID_BYTES && self.crq_size >= 2
    }

    /// How many requests may await their response at a peer with this CRQ size.
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
