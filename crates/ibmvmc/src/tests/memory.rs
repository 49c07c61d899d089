//! The management partition's memory as the driver sees it: what it mapped, and user copies that may fault.

use crate::Dma;
use crate::step::MapError;
use alloc::collections::BTreeMap;
use papr::{CopyRdma, Ioba, Liobn, PAGE_SIZE};

/// First pane of the test's VMC.
pub(super) const LOCAL: Liobn = Liobn(0x1000_0001);
/// Second pane of the test's VMC.
pub(super) const REMOTE: Liobn = Liobn(0x1000_0002);

/// Every mapping, and how the next ones fare.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    mapped: BTreeMap<u64, u32>,
    next_ioba: u64,
    /// So many mappings fail from now on.
    pub(super) map_failures: u32,
    /// So many user copies fault from now on.
    pub(super) user_faults: u32,
}

impl Memory {
    pub(super) fn map(&mut self, len_bytes: u32) -> Result<Dma, MapError> {
        assert!(len_bytes > 0, "mapped nothing");
        if self.map_failures > 0 {
            self.map_failures -= 1;
            return Err(MapError);
        }
        let ioba = self.next_ioba;
        // Addresses are never used again, so that use after free shows.
        self.next_ioba += u64::from(len_bytes).next_multiple_of(PAGE_SIZE);
        self.mapped.insert(ioba, len_bytes);
        Ok(Dma { ioba: Ioba(ioba), len_bytes })
    }

    pub(super) fn unmap(&mut self, dma: Dma) {
        assert_eq!(self.mapped.remove(&dma.ioba.0), Some(dma.len_bytes), "freed {dma:?}");
    }

    /// Whether the user's memory faults in the copy that comes now.
    pub(super) fn takes_fault(&mut self) -> bool {
        let faults = self.user_faults > 0;
        self.user_faults = self.user_faults.saturating_sub(1);
        faults
    }

    /// Whether the local side of an RDMA lies within one mapping.
    pub(super) fn holds(&self, call: &CopyRdma) -> bool {
        let local =
            if call.source_liobn == LOCAL { call.source_ioba } else { call.destination_ioba };
        let mapped = self.mapped.get(&local.0);
        mapped.is_some_and(|len_bytes| call.len_bytes <= u64::from(*len_bytes))
    }

    pub(super) fn assert_mapped(&self, dma: Dma) {
        assert_eq!(self.mapped.get(&dma.ioba.0), Some(&dma.len_bytes), "{dma:?} is not mapped");
    }

    /// Everything that is mapped, ascending.
    pub(super) fn mapped(&self) -> impl Iterator<Item = Dma> {
        self.mapped.iter().map(|(&ioba, &len_bytes)| Dma { ioba: Ioba(ioba), len_bytes })
    }
}
