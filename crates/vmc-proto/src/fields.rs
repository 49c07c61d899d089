//! Values that the fields of a message hold.

use core::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

number! {
    /// HMC index: the slot of an HMC connection, 0 to 254.
    HmcIndex(u8)
}
number! {
    /// HMC session number: 1 to 255, counted per index; 0 is the number of an index without a session.
    HmcSession(u8)
}
number! {
    /// Number of a buffer in the pool of its HMC connection.
    BufferId(u16)
}
number! {
    /// Address of a buffer in the remote window.
    Lioba(u32)
}

impl HmcSession {
    /// The number of an index that has no session: only its seed buffer carries it.
    pub const NONE: HmcSession = HmcSession(0);
}

/// Who may send with a buffer first (Add Buffer's `hypervisor` field). Open: 2 to 255 are undefined.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferOwner(pub u8);

impl BufferOwner {
    /// The management partition: for messages inbound to the hypervisor.
    pub const MANAGEMENT: BufferOwner = BufferOwner(0);
    /// The hypervisor: for messages outbound from it.
    pub const HYPERVISOR: BufferOwner = BufferOwner(1);
}

impl fmt::Display for BufferOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            BufferOwner::MANAGEMENT => f.write_str("mgmt"),
            BufferOwner::HYPERVISOR => f.write_str("hyp"),
            BufferOwner(other) => write!(f, "{other}?"),
        }
    }
}

impl fmt::Debug for BufferOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn numbers_and_owners_are_shown_as_traces_have_them() {
        assert_eq!(format!("{} {:?}", HmcIndex(7), HmcIndex(7)), "7 HmcIndex(7)");
        let owners = [BufferOwner::MANAGEMENT, BufferOwner::HYPERVISOR, BufferOwner(2)];
        assert_eq!(owners.map(|owner| format!("{owner}")), ["mgmt", "hyp", "2?"]);
        assert_eq!(format!("{owners:?}"), "[mgmt, hyp, 2?]");
    }
}
