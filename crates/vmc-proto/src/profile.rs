//! The two readings of the protocol: the driver document's, and the Linux driver's.

/// Which observable behaviour the driver shows where the driver document and the Linux driver differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// The driver document with LoPAR's status codes.
    #[default]
    Document,
    /// The Linux driver's status codes and errno.
    Linux,
}

/// The protocol's numbers in which the profiles differ.
impl Profile {
    /// Most HMC connections.
    pub const fn max_hmcs(self) -> u8 {
        match self {
            Profile::Document => crate::MAX_HMCS,
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
}
