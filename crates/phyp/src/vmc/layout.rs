//! The service's memory and window: what lies where.
//!
//! The CRQ comes first, at the same I/O address as in memory. The buffers follow: contiguous in I/O
//! addresses, each at the start of a page, and in memory in descending order of pages, so that nothing
//! that takes one address for the other can work.

use super::liberties::ServiceLiberties;
use papr::crq::ENTRY_SIZE;
use papr::tce::{Access, Tce};
use papr::{GuestAddress, Ioba, Liobn, PAGE_SIZE, UnitAddress};
use vmc_proto::{BufferId, CRQ_ENTRIES_PER_PAGE, HmcIndex, Limits, Lioba};

/// Most pages of the CRQ: its number of entries has 16 bits in Capabilities.
const MAX_CRQ_PAGES: u16 = u16::MAX / CRQ_ENTRIES_PER_PAGE;

/// What a service is made of. It also fixes the layout of its memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceConfig {
    /// The platform partition's adapter.
    pub unit_address: UnitAddress,
    /// The first window pane of that adapter.
    pub liobn: Liobn,
    /// Pages of the CRQ, 1 to 255.
    pub crq_pages: u16,
    /// What the hypervisor offers. The CRQ size follows from `crq_pages`, not from this. Values that
    /// no channel can work with are announced all the same, with a failure status.
    pub limits: Limits,
    /// Buffers of a session, the seed counts as one; the negotiated pool size when `None`.
    pub session_buffers: Option<u16>,
    /// How many of them are for messages inbound to the hypervisor, the seed included; half of them when
    /// `None`. At least 1.
    pub inbound: Option<u16>,
    /// What it does in another way than it would by itself.
    pub liberties: ServiceLiberties,
}

/// Why a service cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ServiceConfigError {
    /// a CRQ has 1 to 255 pages, not {0}
    #[error("a CRQ has 1 to 255 pages, not {0}")]
    CrqPages(u16),
    /// {pages} pages of buffers cannot be addressed with the 32 bits of a buffer LIOBA
    #[error("{pages} pages of buffers cannot be addressed with the 32 bits of a buffer LIOBA")]
    TooManyBuffers {
        /// Pages that the CRQ and all buffers need.
        pages: u64,
    },
}

impl ServiceConfig {
    /// Whether a service can be made of this.
    pub fn check(&self) -> Result<(), ServiceConfigError> {
        if !(1..=MAX_CRQ_PAGES).contains(&self.crq_pages) {
            return Err(ServiceConfigError::CrqPages(self.crq_pages));
        }
        let pages = Layout::new(self).pages();
        if pages > (u64::from(u32::MAX) + 1) / PAGE_SIZE {
            return Err(ServiceConfigError::TooManyBuffers { pages });
        }
        Ok(())
    }

    /// The hypervisor's parameters as Capabilities Response carries them.
    pub(super) fn announced(&self) -> Limits {
        Limits { crq_size: self.crq_pages.saturating_mul(CRQ_ENTRIES_PER_PAGE), ..self.limits }
    }

    /// Buffers of a session, and how many of them are inbound, with a negotiated pool of `pool_size`.
    pub(super) fn session_split(&self, pool_size: u16) -> (u16, u16) {
        let buffers = self.session_buffers.unwrap_or(pool_size).clamp(1, pool_size.max(1));
        let inbound = self.inbound.unwrap_or(buffers / 2).clamp(1, buffers);
        (buffers, inbound)
    }
}

/// Addresses, as the configuration fixes them. All arithmetic is in pages; a sum cannot exceed 64 bits,
/// since its factors have 8, 16 and 20 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Layout {
    crq_pages: u64,
    hmcs: u64,
    pool_size: u64,
    stride_pages: u64,
}

impl Layout {
    pub(super) fn new(config: &ServiceConfig) -> Layout {
        Layout {
            crq_pages: u64::from(config.crq_pages),
            hmcs: u64::from(config.limits.hmcs),
            pool_size: u64::from(config.limits.pool_size),
            stride_pages: pages_of(config.limits.mtu),
        }
    }

    /// Pages of everything.
    #[inline]
    pub(super) fn pages(&self) -> u64 {
        self.crq_pages + self.hmcs * self.pool_size * self.stride_pages
    }

    pub(super) fn crq_pages(&self) -> u64 {
        self.crq_pages
    }

    #[inline]
    pub(super) fn crq_len_bytes(&self) -> u64 {
        self.crq_pages * PAGE_SIZE
    }

    #[inline]
    pub(super) fn crq_entries(&self) -> u32 {
        (self.crq_len_bytes() / ENTRY_SIZE) as u32
    }

    /// First I/O address of the CRQ.
    #[inline]
    pub(super) fn crq(&self) -> Ioba {
        Ioba(0)
    }

    #[inline]
    pub(super) fn crq_address(&self) -> GuestAddress {
        self.address(self.crq())
    }

    #[inline]
    pub(super) fn element(&self, element: u32) -> GuestAddress {
        GuestAddress(self.crq_address().0 + u64::from(element) * ENTRY_SIZE)
    }

    /// The element after one.
    #[inline]
    pub(super) fn element_after(&self, element: u32) -> u32 {
        let next = element + 1;
        if next < self.crq_entries() { next } else { 0 }
    }

    /// Pages that a buffer may take, with the hypervisor's own MTU.
    pub(super) fn stride_pages(&self) -> u64 {
        self.stride_pages
    }

    /// First I/O address of a buffer.
    pub(super) fn buffer(&self, index: HmcIndex, buffer: BufferId) -> Ioba {
        let number = u64::from(index.0) * self.pool_size + u64::from(buffer.0);
        Ioba((self.crq_pages + number * self.stride_pages) * PAGE_SIZE)
    }

    /// First I/O address of a buffer, as Add Buffer carries it.
    pub(super) fn lioba(&self, index: HmcIndex, buffer: BufferId) -> Lioba {
        // No buffer lies beyond 4 GiB: `ServiceConfig::check`.
        Lioba(self.buffer(index, buffer).0 as u32)
    }

    /// Where an I/O address lies in memory.
    #[inline]
    pub(super) fn address(&self, ioba: Ioba) -> GuestAddress {
        let page = if ioba.page() < self.crq_pages {
            ioba.page()
        } else {
            self.crq_pages + self.pages() - 1 - ioba.page()
        };
        GuestAddress(page * PAGE_SIZE + ioba.offset())
    }

    /// The TCE that maps the page of an I/O address for both directions.
    pub(super) fn tce(&self, ioba: Ioba) -> Tce {
        Tce::new(self.address(ioba), Access::ReadWrite)
    }
}

/// Pages that a buffer of `mtu` bytes takes.
pub(super) fn pages_of(mtu: u32) -> u64 {
    u64::from(mtu).div_ceil(PAGE_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use vmc_proto::Version;

    fn config(hmcs: u8, pool_size: u16, mtu: u32, crq_pages: u16) -> ServiceConfig {
        let limits = Limits { hmcs, pool_size, mtu, crq_size: 0, version: Version::CURRENT };
        ServiceConfig {
            unit_address: UnitAddress(0x3000_0000),
            liobn: Liobn(1),
            crq_pages,
            limits,
            session_buffers: None,
            inbound: None,
            liberties: ServiceLiberties::NONE,
        }
    }

    #[test]
    fn every_page_of_the_window_has_its_own_page_of_memory() {
        let layout = Layout::new(&config(3, 4, 5000, 2));
        assert_eq!(layout.pages(), 2 + 3 * 4 * 2);
        let pages: BTreeSet<u64> =
            (0..layout.pages()).map(|p| layout.address(Ioba(p * PAGE_SIZE)).page()).collect();
        assert_eq!(pages, (0..layout.pages()).collect());
    }

    #[test]
    fn buffers_are_contiguous_for_io_and_descending_in_memory() {
        let layout = Layout::new(&config(2, 2, 5000, 1));
        let first = layout.buffer(HmcIndex(0), BufferId(0));
        assert_eq!(first, Ioba(PAGE_SIZE));
        assert_eq!(layout.address(first), GuestAddress(8 * PAGE_SIZE));
        assert_eq!(layout.address(Ioba(first.0 + PAGE_SIZE + 7)), GuestAddress(7 * PAGE_SIZE + 7));
        assert_eq!(layout.buffer(HmcIndex(1), BufferId(1)), Ioba(7 * PAGE_SIZE));
        assert_eq!(layout.lioba(HmcIndex(1), BufferId(1)).0, 7 * 4096);
        assert_eq!(layout.element(255), GuestAddress(255 * 16));
    }

    #[test]
    fn a_configuration_that_cannot_be_laid_out_is_refused() {
        assert_eq!(config(1, 1, 4096, 0).check(), Err(ServiceConfigError::CrqPages(0)));
        assert_eq!(config(1, 1, 4096, 256).check(), Err(ServiceConfigError::CrqPages(256)));
        assert_eq!(config(255, 64, 16384, 255).check(), Ok(()));
        assert!(matches!(
            config(255, u16::MAX, u32::MAX, 1).check(),
            Err(ServiceConfigError::TooManyBuffers { .. })
        ));
        assert_eq!(config(0, 0, 0, 1).check(), Ok(()));
    }

    #[test]
    fn the_split_of_a_session_keeps_an_inbound_buffer_and_fits_the_pool() {
        let mut config = config(1, 8, 4096, 1);
        assert_eq!(config.session_split(8), (8, 4));
        assert_eq!(config.session_split(1), (1, 1));
        config.session_buffers = Some(5);
        config.inbound = Some(0);
        assert_eq!(config.session_split(8), (5, 1));
        config.inbound = Some(99);
        assert_eq!(config.session_split(4), (4, 4));
    }
}
