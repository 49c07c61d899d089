//! Liberties of the service: what the references leave to the hypervisor's side, and other hypervisors may do in another
//! way than this one does by itself.

use std::fmt;

/// A choice that the service makes in the other way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceLiberty {
    /// The buffers of a session are offered from the highest id down. LoPAR, VMC Add Buffer, gives them no order.
    DescendingBuffers,
    /// The HMC indexes are seeded from the highest down. LoPAR, VMC Capabilities, gives them no order.
    DescendingSeeds,
    /// Interface Open is answered once the buffers are offered, before the management partition has answered for them.
    /// LoPAR, VMC Add Buffer: the message itself transfers the buffer.
    EarlyOpenResponse,
    /// Messages to the management partition use the free buffer with the highest id. LoPAR, VMC Signal Message: the
    /// sender names the buffer.
    HighestBuffer,
}

impl ServiceLiberty {
    /// Every liberty.
    pub const ALL: [ServiceLiberty; 4] = [
        ServiceLiberty::DescendingBuffers,
        ServiceLiberty::DescendingSeeds,
        ServiceLiberty::EarlyOpenResponse,
        ServiceLiberty::HighestBuffer,
    ];

    /// How scenarios call it.
    pub const fn name(self) -> &'static str {
        match self {
            ServiceLiberty::DescendingBuffers => "descending-buffers",
            ServiceLiberty::DescendingSeeds => "descending-seeds",
            ServiceLiberty::EarlyOpenResponse => "early-open-response",
            ServiceLiberty::HighestBuffer => "highest-buffer",
        }
    }

    /// What the service does, in one line.
    pub const fn summary(self) -> &'static str {
        match self {
            ServiceLiberty::DescendingBuffers => {
                "the buffers of a session are offered from the highest id down"
            }
            ServiceLiberty::DescendingSeeds => "the HMC indexes are seeded from the highest down",
            ServiceLiberty::EarlyOpenResponse => {
                "Interface Open is answered before the management partition has answered for the session's buffers"
            }
            ServiceLiberty::HighestBuffer => {
                "messages to the management partition use the free buffer with the highest id"
            }
        }
    }

    /// The liberty of this name, such as `descending-seeds`.
    pub fn from_name(name: &str) -> Option<ServiceLiberty> {
        ServiceLiberty::ALL.into_iter().find(|liberty| liberty.name() == name)
    }
}

impl fmt::Display for ServiceLiberty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The liberties that a service takes. The default is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct ServiceLiberties(u8);

impl ServiceLiberties {
    /// The service does as it does by itself.
    pub const NONE: ServiceLiberties = ServiceLiberties(0);

    /// The same set and one liberty more.
    #[must_use]
    pub const fn with(self, liberty: ServiceLiberty) -> ServiceLiberties {
        ServiceLiberties(self.0 | 1 << liberty as u8)
    }

    /// Whether the service takes this liberty.
    #[inline]
    pub const fn takes(self, liberty: ServiceLiberty) -> bool {
        self.0 & 1 << liberty as u8 != 0
    }
}

impl FromIterator<ServiceLiberty> for ServiceLiberties {
    fn from_iter<I: IntoIterator<Item = ServiceLiberty>>(liberties: I) -> ServiceLiberties {
        liberties.into_iter().fold(ServiceLiberties::NONE, ServiceLiberties::with)
    }
}
