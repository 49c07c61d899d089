//! Translation Control Entries (LoPAR, TCE definition).

use crate::address::{GuestAddress, PAGE_SIZE};
use core::fmt;

/// A Translation Control Entry. In IBM's numbering (bit 0 most significant): bits 0-51 real page number,
/// bits 52-61 reserved, bits 62-63 page mapping and control.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Tce(pub u64);

/// What the device, here the RDMA engine, may do to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Page fault: no access.
    None = 0b00,
    /// The device may read the page.
    Read = 0b01,
    /// The device may write the page.
    Write = 0b10,
    /// The device may read and write the page.
    ReadWrite = 0b11,
}

impl Access {
    /// Whether everything that `wanted` allows is allowed.
    pub const fn allows(self, wanted: Access) -> bool {
        self as u8 & wanted as u8 == wanted as u8
    }
}

impl Tce {
    /// The entry that maps nothing.
    pub const INVALID: Tce = Tce(0);

    /// An entry that maps the page of `address` with `access`.
    pub const fn new(address: GuestAddress, access: Access) -> Tce {
        Tce(address.0 & !(PAGE_SIZE - 1) | access as u64)
    }

    /// The page mapping and control field.
    pub const fn access(self) -> Access {
        match self.0 & 0b11 {
            0b00 => Access::None,
            0b01 => Access::Read,
            0b10 => Access::Write,
            _ => Access::ReadWrite,
        }
    }

    /// Whether the device may do everything to the page that `wanted` allows.
    pub const fn allows(self, wanted: Access) -> bool {
        self.0 & wanted as u64 == wanted as u64
    }

    /// Address of the first byte of the mapped page. Meaningless when nothing is mapped.
    pub const fn address(self) -> GuestAddress {
        GuestAddress(self.0 & !(PAGE_SIZE - 1))
    }
}

impl fmt::Debug for Tce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tce({:#x}, {:?})", self.address().0, self.access())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_their_architected_positions() {
        let tce = Tce::new(GuestAddress(0x1234_5678_9ABC), Access::Write);
        assert_eq!(tce.0, 0x1234_5678_9000 | 0b10);
        assert_eq!(tce.address(), GuestAddress(0x1234_5678_9000));
        assert_eq!(tce.access(), Access::Write);
    }

    #[test]
    fn a_tce_gives_its_access_back_and_allows_that() {
        extern crate std;
        use Access::{None, Read, ReadWrite, Write};
        for access in [None, Read, Write, ReadWrite] {
            let tce = Tce::new(GuestAddress(0x5000), access);
            assert_eq!(tce.access(), access);
            for wanted in [Read, Write, ReadWrite] {
                assert_eq!(tce.allows(wanted), access.allows(wanted), "{access:?} {wanted:?}");
            }
            assert_eq!(std::format!("{tce:?}"), std::format!("Tce(0x5000, {access:?})"));
        }
        assert_eq!(Tce::INVALID.access(), None);
    }

    #[test]
    fn access_allows_only_what_its_bits_say() {
        use Access::{None, Read, ReadWrite, Write};
        for (have, want, allowed) in [
            (None, Read, false),
            (None, Write, false),
            (Read, Read, true),
            (Read, Write, false),
            (Write, Write, true),
            (Write, Read, false),
            (ReadWrite, Read, true),
            (ReadWrite, Write, true),
            (Read, ReadWrite, false),
        ] {
            assert_eq!(have.allows(want), allowed, "{have:?} {want:?}");
        }
    }
}
