//! Addresses and handles of the platform, each a type of its own.

use core::fmt;

/// Size in bytes of a page that one TCE maps (LoPAR, Translation Control Entry Access).
pub const PAGE_SIZE: u64 = 4096;

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident($inner:ty), $format:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "(", $format, ")"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, $format, self.0)
            }
        }
    };
}

handle! {
    /// Unit address of a virtual I/O adapter: its `reg` property.
    UnitAddress(u64), "{:#x}"
}
handle! {
    /// Logical I/O Bus Number: an opaque handle of one window pane, as a register carries it.
    Liobn(u64), "{:#x}"
}
handle! {
    /// I/O bus address: an offset in bytes into a window pane.
    Ioba(u64), "{:#x}"
}
handle! {
    /// Logical real address in the memory of a partition, in bytes.
    GuestAddress(u64), "{:#x}"
}
handle! {
    /// Dynamic reconfiguration connector index of a device.
    DrcIndex(u32), "{:#x}"
}
handle! {
    /// Number of a partition.
    PartitionId(u16), "{}"
}
handle! {
    /// Interrupt source number: the low 24 bits of an XIRR.
    InterruptSource(u32), "{:#x}"
}

impl Ioba {
    /// The page this address lies in, counted from the start of its window pane.
    pub const fn page(self) -> u64 {
        self.0 / PAGE_SIZE
    }

    /// Offset of this address in its page, in bytes.
    pub const fn offset(self) -> u64 {
        self.0 % PAGE_SIZE
    }

    /// Whether this address is the first of a page.
    pub const fn is_page_aligned(self) -> bool {
        self.offset() == 0
    }
}

impl GuestAddress {
    /// The page this address lies in, counted from address 0 of its partition.
    pub const fn page(self) -> u64 {
        self.0 / PAGE_SIZE
    }

    /// Offset of this address in its page, in bytes.
    pub const fn offset(self) -> u64 {
        self.0 % PAGE_SIZE
    }
}

/// A range of I/O bus addresses in one window pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IoRange {
    /// The window pane.
    pub liobn: Liobn,
    /// First address.
    pub ioba: Ioba,
    /// Length in bytes.
    pub len_bytes: u64,
}

impl IoRange {
    /// The pages the range touches, as a half-open range of page numbers; empty for an empty range.
    /// `None` when the range wraps around the address space.
    pub const fn pages(self) -> Option<core::ops::Range<u64>> {
        let first = self.ioba.page();
        if self.len_bytes == 0 {
            return Some(first..first);
        }
        match self.ioba.0.checked_add(self.len_bytes - 1) {
            Some(last) => Some(first..last / PAGE_SIZE + 1),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(ioba: u64, len_bytes: u64) -> IoRange {
        IoRange { liobn: Liobn(1), ioba: Ioba(ioba), len_bytes }
    }

    #[test]
    fn an_address_is_a_page_and_an_offset_in_it() {
        for (address, page, offset) in
            [(0, 0, 0), (1, 0, 1), (4095, 0, 4095), (4096, 1, 0), (0x1234_5678, 0x12345, 0x678)]
        {
            assert_eq!((Ioba(address).page(), Ioba(address).offset()), (page, offset));
            let guest = GuestAddress(address);
            assert_eq!((guest.page(), guest.offset()), (page, offset));
            assert_eq!(Ioba(address).is_page_aligned(), offset == 0, "{address:#x}");
        }
    }

    #[test]
    fn pages_of_a_range_include_a_page_that_is_touched_by_one_byte() {
        assert_eq!(range(0, 4096).pages(), Some(0..1));
        assert_eq!(range(0, 4097).pages(), Some(0..2));
        assert_eq!(range(4095, 2).pages(), Some(0..2));
        assert_eq!(range(8192, 0).pages(), Some(2..2));
    }

    #[test]
    fn a_range_that_wraps_has_no_pages() {
        assert_eq!(range(u64::MAX, 1).pages(), Some(u64::MAX / 4096..u64::MAX / 4096 + 1));
        assert_eq!(range(u64::MAX, 2).pages(), None);
    }
}
