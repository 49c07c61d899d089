//! What a driver is loaded with.

use vmc_proto::{CRQ_ENTRIES_PER_PAGE, HMC_ID_BYTES, Limits, Profile, Version};

/// Most buffers of one HMC connection that a driver offers.
const MAX_POOL_SIZE: u16 = 64;

/// Longest message that a driver offers, in bytes.
const MAX_MTU: u32 = 16384;

/// Most pages of a CRQ: 4096 entries.
const MAX_CRQ_PAGES: u16 = 16;

/// Parameters of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// Observable behaviour.
    pub profile: Profile,
    /// HMC connections offered, 1 to 255; 1 or 2 in the Linux profile.
    pub hmcs: u8,
    /// Buffers per HMC connection offered, 1 to 64.
    pub pool_size: u16,
    /// Longest message offered in bytes, 32 to 16384.
    pub mtu: u32,
    /// Pages of the CRQ, 1 to 16.
    pub crq_pages: u16,
    /// Protocol version offered.
    pub version: Version,
    /// Number of the first session of each HMC index, 1 to the profile's last: a driver that has run for long.
    pub first_session: u8,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            profile: Profile::Document,
            hmcs: 1,
            pool_size: 32,
            mtu: 4096,
            crq_pages: 1,
            version: Version::CURRENT,
            first_session: 1,
        }
    }
}

/// A parameter that no driver can work with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// the driver offers 1 to {most} HMC connections, not {hmcs}
    #[error("the driver offers 1 to {most} HMC connections, not {hmcs}")]
    Hmcs {
        /// The value refused.
        hmcs: u8,
        /// The profile's bound.
        most: u8,
    },
    /// a connection has 1 to 64 buffers, not {0}
    #[error("a connection has 1 to 64 buffers, not {0}")]
    PoolSize(u16),
    /// the MTU is 32 to 16384 bytes, not {0}
    #[error("the MTU is 32 to 16384 bytes, not {0}")]
    Mtu(u32),
    /// a CRQ has 1 to 16 pages, not {0}
    #[error("a CRQ has 1 to 16 pages, not {0}")]
    CrqPages(u16),
    /// the first session is 1 to {last}, not {first}
    #[error("the first session is 1 to {last}, not {first}")]
    FirstSession {
        /// The value refused.
        first: u8,
        /// The profile's bound.
        last: u8,
    },
}

impl Config {
    /// The same parameters, or which one cannot be.
    pub fn checked(self) -> Result<Config, ConfigError> {
        let most = self.profile.max_hmcs();
        if self.hmcs == 0 || self.hmcs > most {
            return Err(ConfigError::Hmcs { hmcs: self.hmcs, most });
        }
        if self.pool_size == 0 || self.pool_size > MAX_POOL_SIZE {
            return Err(ConfigError::PoolSize(self.pool_size));
        }
        if self.mtu < HMC_ID_BYTES || self.mtu > MAX_MTU {
            return Err(ConfigError::Mtu(self.mtu));
        }
        if self.crq_pages == 0 || self.crq_pages > MAX_CRQ_PAGES {
            return Err(ConfigError::CrqPages(self.crq_pages));
        }
        let (first, last) = (self.first_session, self.profile.last_session());
        if first == 0 || first > last {
            return Err(ConfigError::FirstSession { first, last });
        }
        Ok(self)
    }

    /// What the driver says in its Capabilities message.
    pub fn limits(&self) -> Limits {
        Limits {
            hmcs: self.hmcs,
            pool_size: self.pool_size,
            mtu: self.mtu,
            crq_size: self.crq_entries(),
            version: self.version,
        }
    }

    /// Entries of the CRQ.
    pub(crate) fn crq_entries(&self) -> u16 {
        self.crq_pages * CRQ_ENTRIES_PER_PAGE
    }
}
