//! What a driver is loaded with.

use crate::errno::Errno;
use vmc_proto::{
    AddBufferStatus, BufferId, CRQ_ENTRIES_PER_PAGE, HMC_ID_BYTES, Limits, RemoveBufferStatus,
    Status, Version,
};

/// Most buffers of one HMC connection that a driver offers.
const MAX_POOL_SIZE: u16 = 64;

/// Longest message that a driver offers, in bytes.
const MAX_MTU: u32 = 16384;

/// Most pages of a CRQ: 4096 entries.
const MAX_CRQ_PAGES: u16 = 16;

/// Which observable behaviour the driver shows where the driver document and the Linux driver differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// The driver document with LoPAR's status codes.
    #[default]
    Document,
    /// The Linux driver's status codes and errno.
    Linux,
}

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

/// Every observable in which the profiles differ, one function each. Whatever is not here is the same in
/// both.
impl Profile {
    /// Most HMC connections.
    pub const fn max_hmcs(self) -> u8 {
        match self {
            Profile::Document => vmc_proto::MAX_HMCS,
            Profile::Linux => 2,
        }
    }

    /// The last session number before they start again with 1.
    pub const fn last_session(self) -> u8 {
        match self {
            Profile::Document => 255,
            Profile::Linux => 254,
        }
    }

    /// Whether `open()` is refused until the initialization has completed.
    pub(crate) const fn open_needs_initialization(self) -> bool {
        matches!(self, Profile::Document)
    }

    /// Whether `open()` of a failed device is refused.
    pub(crate) const fn open_needs_working_device(self) -> bool {
        matches!(self, Profile::Document)
    }

    /// Every other failure of `open()`.
    pub(crate) const fn open_failed(self) -> Errno {
        match self {
            Profile::Document => Errno::EIO,
            Profile::Linux => Errno::ENOMEM,
        }
    }

    /// Whether QUERY shows the channel as ready, and `SETHMCID` looks for a seed buffer, as soon as the
    /// capabilities are exchanged.
    pub(crate) const fn is_ready_before_seeds(self) -> bool {
        matches!(self, Profile::Linux)
    }

    /// Whether QUERY shows the DRC index that REQUESTVMC got last, or that of the device.
    pub(crate) const fn queries_requested_index(self) -> bool {
        matches!(self, Profile::Linux)
    }

    /// `SETHMCID` while the channel is not ready.
    pub(crate) const fn not_ready(self) -> Errno {
        match self {
            Profile::Document => Errno::EIO,
            Profile::Linux => Errno::EAGAIN,
        }
    }

    /// `SETHMCID` when an index is unused but the hypervisor has not seeded it (again) yet. To the document
    /// such an index is not free.
    pub(crate) const fn no_seed_buffer(self) -> Errno {
        match self {
            Profile::Document => Errno::EBUSY,
            Profile::Linux => Errno::ENOBUFS,
        }
    }

    /// Whether `read()` looks at its length before anything else: 0 bytes are read at once, more than the MTU
    /// are refused with `EINVAL`.
    pub(crate) const fn read_checks_length_first(self) -> bool {
        matches!(self, Profile::Linux)
    }

    /// Whether a `read()` into bad memory takes its message all the same.
    pub(crate) const fn loses_message_of_faulting_read(self) -> bool {
        matches!(self, Profile::Linux)
    }

    /// Whether a `write()` of 0 bytes needs all that another one needs: a session that is open, and a buffer.
    pub(crate) const fn empty_write_needs_buffer(self) -> bool {
        matches!(self, Profile::Linux)
    }

    /// Whether a reader learns, once, that the RDMA of a message failed.
    pub(crate) const fn reports_lost_message(self) -> bool {
        matches!(self, Profile::Document)
    }

    /// Whether a message of length 0 reaches the application, as a `read()` of 0 bytes.
    pub(crate) const fn delivers_empty_message(self) -> bool {
        matches!(self, Profile::Linux)
    }

    /// Whether a Signal that announces more than the MTU is ignored, its buffer included. Otherwise only its
    /// message is refused.
    pub(crate) const fn ignores_long_signal(self) -> bool {
        matches!(self, Profile::Linux)
    }

    /// Whether `close()` leaves other calls on the file alone: the last of them releases the file.
    pub(crate) const fn last_call_releases(self) -> bool {
        matches!(self, Profile::Linux)
    }

    /// Whether every transport event but the suspension of the partner says that the partner is gone.
    pub(crate) const fn every_event_ends_sessions(self) -> bool {
        matches!(self, Profile::Linux)
    }

    /// Whether a probe sends INIT even if `H_REG_CRQ` says that there is no partner.
    pub(crate) const fn greets_absent_partner(self) -> bool {
        matches!(self, Profile::Linux)
    }

    /// Whether Remove Buffer gives up the free buffer with the lowest id, or that with the highest.
    pub(crate) const fn gives_up_lowest_buffer(self) -> bool {
        matches!(self, Profile::Linux)
    }

    /// The buffer id of a Remove Buffer Response that says that there is none to give up.
    pub(crate) const fn no_buffer_id(self) -> BufferId {
        match self {
            Profile::Document => BufferId(0),
            Profile::Linux => BufferId(u16::MAX),
        }
    }

    /// Whether `poll()` shows errors and hang-ups, or `POLLIN` only.
    pub(crate) const fn polls_errors(self) -> bool {
        matches!(self, Profile::Document)
    }

    /// Whether `close()` frees the connection's storage before Interface Close is sent, or the response
    /// does.
    pub(crate) const fn frees_before_close(self) -> bool {
        matches!(self, Profile::Document)
    }

    /// Status byte of an Add Buffer Response.
    pub(crate) const fn add_buffer_status(self, status: AddBufferStatus) -> Status {
        match self {
            Profile::Document => Status(status as u8),
            Profile::Linux => Status(match status {
                AddBufferStatus::Success => 0,
                AddBufferStatus::InvalidHmcIndex => 1,
                AddBufferStatus::InvalidBufferId => 2,
                AddBufferStatus::ConnectionClosed => 3,
                AddBufferStatus::GeneralFailure => 4,
            }),
        }
    }

    /// Status byte of a Remove Buffer Response to a request for a session that is not there.
    pub(crate) const fn remove_buffer_closed(self) -> Status {
        match self {
            Profile::Document => Status(RemoveBufferStatus::GeneralFailure as u8),
            Profile::Linux => Status(3),
        }
    }

    /// Status byte of a Remove Buffer Response.
    pub(crate) const fn remove_buffer_status(self, status: RemoveBufferStatus) -> Status {
        match self {
            Profile::Document => Status(status as u8),
            Profile::Linux => Status(match status {
                RemoveBufferStatus::Success => 0,
                RemoveBufferStatus::InvalidHmcIndex => 1,
                RemoveBufferStatus::GeneralFailure => 4,
                RemoveBufferStatus::NoBufferFound => 5,
            }),
        }
    }
}
