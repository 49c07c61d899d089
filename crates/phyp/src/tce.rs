//! The TCE hcalls: `H_GET_TCE`, `H_PUT_TCE`, `H_STUFF_TCE`, `H_PUT_TCE_INDIRECT`.
//!
//! They work on the first pane of the caller's own adapter (LoPAR, TCE hcalls against RTCE tables). A page
//! that a copy holds between its halves cannot be remapped: no bit bucket is allowed, the call answers `H_Resource` and
//! changes nothing. A copy that is made at once is waited for. Bits that a TCE reserves are not stored.

use crate::backend::Backend;
use crate::endpoint::{Endpoint, Side};
use crate::hypervisor::Hypervisor;
use crate::memory::{Memory, WORD_BYTES};
use crate::pins::Span;
use papr::hcall::MAX_TCE_COUNT;
use papr::{Access, GuestAddress, HcallReturn, Ioba, Liobn, PAGE_SIZE, ReturnCode, Tce};
use std::ops::Range;
use std::sync::atomic::Ordering;

impl<P: Backend> Hypervisor<P> {
    /// LoPAR, `H_GET_TCE`: R4 is the entry. Real pages are the partition's logical ones here, so there is
    /// no reverse translation that could be partial.
    pub(crate) fn get_tce(
        &self,
        caller: Option<Side>,
        liobn: Liobn,
        ioba: Ioba,
    ) -> Result<HcallReturn, ReturnCode> {
        let own = self.own_pane(caller, liobn)?;
        let tce = own.window.get(ioba.page()).ok_or(ReturnCode::PARAMETER)?;
        Ok(HcallReturn::success_with(tce.0))
    }

    /// LoPAR, `H_PUT_TCE`: sets one entry.
    pub(crate) fn put_tce(
        &self,
        caller: Option<Side>,
        liobn: Liobn,
        ioba: Ioba,
        tce: Tce,
    ) -> Result<HcallReturn, ReturnCode> {
        let own = self.own_pane(caller, liobn)?;
        let pages = own.entries(ioba, 1)?;
        own.check_tce(tce)?;
        self.set_entries(own, pages, |_| tce)
    }

    /// LoPAR, `H_STUFF_TCE`: sets `count` entries to one value. A count above 512 is `H_P4`, found after a
    /// bad handle or address and before a range that leaves the pane.
    pub(crate) fn stuff_tce(
        &self,
        caller: Option<Side>,
        liobn: Liobn,
        ioba: Ioba,
        tce: Tce,
        count: u64,
    ) -> Result<HcallReturn, ReturnCode> {
        let own = self.own_pane(caller, liobn)?;
        own.entries(ioba, 1)?;
        if count > MAX_TCE_COUNT {
            return Err(ReturnCode::P4);
        }
        let pages = own.entries(ioba, count)?;
        own.check_tce(tce)?;
        self.set_entries(own, pages, |_| tce)
    }

    /// LoPAR, `H_PUT_TCE_INDIRECT`: sets `count` entries from a list in a page of the caller's memory. The
    /// list is copied, then checked entry by entry, then stored: a bad entry changes nothing. The Multi-TCE
    /// Table option, which a negative handle asks for, is not there.
    pub(crate) fn put_tce_indirect(
        &self,
        caller: Option<Side>,
        liobn: Liobn,
        ioba: Ioba,
        list: GuestAddress,
        count: u64,
    ) -> Result<HcallReturn, ReturnCode> {
        if liobn.0.cast_signed() < 0 {
            return Err(ReturnCode::FUNCTION);
        }
        if count > MAX_TCE_COUNT {
            return Err(ReturnCode::PARAMETER);
        }
        let own = self.own_pane(caller, liobn)?;
        let pages = own.entries(ioba, count)?;
        let list = own.copy_list(list, count)?;
        list.iter().try_for_each(|&tce| own.check_tce(tce))?;
        self.set_entries(own, pages, |n| list[n])
    }

    fn set_entries(
        &self,
        own: &Endpoint<P>,
        pages: Range<u64>,
        new: impl Fn(usize) -> Tce,
    ) -> Result<HcallReturn, ReturnCode> {
        let _serialised = own.crq.lock();
        // A partition that crashed on another processor of its own must not leave a mapping behind.
        if !self.status.now().is_running(own.side) {
            return Err(ReturnCode::HARDWARE);
        }
        if !pages.is_empty() {
            let held = |pages| self.pins.hold(Span::of(own.side, &pages));
            let pages = pages.start..=pages.end - 1;
            let changed = own.window.change(pages, || self.settle(), held, new);
            changed.map_err(|_| ReturnCode::RESOURCE)?;
        }
        Ok(ReturnCode::SUCCESS.into())
    }
}

impl<P: Backend> Endpoint<P> {
    /// Page numbers of `count` entries from `ioba` on, if the pane has them, else `H_Parameter`.
    fn entries(&self, ioba: Ioba, count: u64) -> Result<Range<u64>, ReturnCode> {
        let first = ioba.page();
        let end = first.checked_add(count).filter(|&end| end <= self.window.pages());
        Ok(first..end.ok_or(ReturnCode::PARAMETER)?)
    }

    /// The address in a TCE that maps something belongs to the partition, else `H_Parameter`.
    fn check_tce(&self, tce: Tce) -> Result<(), ReturnCode> {
        if tce.access() != Access::None && tce.address().page() >= self.memory.pages() {
            return Err(ReturnCode::PARAMETER);
        }
        Ok(())
    }

    /// A copy of the list page's first `count` entries; the page is a page of the partition, else
    /// `H_Parameter`.
    fn copy_list(&self, list: GuestAddress, count: u64) -> Result<Vec<Tce>, ReturnCode> {
        if !list.0.is_multiple_of(PAGE_SIZE) || list.page() >= self.memory.pages() {
            return Err(ReturnCode::PARAMETER);
        }
        (0..count)
            .map(|n| {
                let at = GuestAddress(list.0 + n * WORD_BYTES);
                let word = self.memory.load(at, Ordering::Relaxed);
                word.map(Tce).map_err(|_| ReturnCode::PARAMETER)
            })
            .collect()
    }
}
