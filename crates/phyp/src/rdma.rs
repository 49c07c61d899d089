//! `H_COPY_RDMA` in two halves, so that the world can change in between: the first half checks the call and
//! holds its pages, the second one moves the bytes and lets go.
//!
//! A call of `hcall` makes both at once, and holds its pages by a single exchange. What it consists of is inlined
//! always: passing intermediate results through memory would cost more than the checks.
//!
//! Between the halves the pages cannot be remapped (`H_Resource`) and the connection cannot be freed for
//! good (`H_Busy`). A crash waits for nobody who is between the halves: the second half then finds another
//! life and copies nothing.
//!
//! Where LoPAR is silent:
//!
//! - While the connection is not complete the TCEs of the remote pane count as invalid: `H_Permission`.
//! - A copy of no bytes touches no TCE and succeeds once its other parameters are right.
//! - When all pins are taken, or a TCE of the copy is being changed at this moment, the call
//!   answers `H_Busy`.
//! - Both ends may be in one pane. What arrives where they overlap is not defined.

use crate::endpoint::Side;
use crate::hypervisor::Hypervisor;
use crate::memory::Memory;
use crate::pins::{Pin, Span};
use crate::platform::Platform;
use crate::window::Fault;
use papr::{
    Access, CopyRdma, GuestAddress, HcallReturn, Ioba, Liobn, PAGE_SIZE, PartitionId, ReturnCode,
};
use std::hash::{Hash, Hasher};
use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;

/// An `H_COPY_RDMA` that has passed its checks and holds its pages. It must be given to
/// [`copy_rdma_finish`](Hypervisor::copy_rdma_finish) or
/// [`copy_rdma_abandon`](Hypervisor::copy_rdma_abandon) of its hypervisor once: until then its pages stay
/// mapped and `H_FREE_CRQ` is busy. It is a value that refers to nothing, so dropping it lets go of
/// nothing; a clone of it belongs to a clone of the hypervisor.
#[must_use = "its pages are held until it is finished or abandoned"]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PinnedCopy {
    copy: Copying,
    lives: Lives,
    mapped: Mapped,
    /// `None` for a copy of no bytes.
    pin: Option<Pin>,
}

impl PinnedCopy {
    /// Hashes its normal form. Where in memory its pages lie follows from their TCEs, which stay as they are.
    pub fn hash_normal(&self, state: &mut impl Hasher) {
        (self.copy, self.lives, self.pin).hash(state);
    }
}

/// A copy whose parameters are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Copying {
    len_bytes: u64,
    caller: Side,
    source: End,
    destination: End,
}

/// How many pages a copy has at its ends.
enum Shape {
    Empty,
    PageToPage,
    Any,
}

/// One end of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct End {
    owner: Side,
    /// By the second pane, which works only while the connection is complete.
    remote: bool,
    ioba: Ioba,
}

/// The life of each side that the copy has to do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Lives([u64; 2]);

/// Where in memory source and destination begin, each if its pages lie together.
type Mapped = [Option<GuestAddress>; 2];

impl<P: Platform> Hypervisor<P> {
    /// LoPAR's `H_COPY_RDMA`, both halves at once.
    #[inline]
    pub(crate) fn copy_rdma(
        &self,
        caller: PartitionId,
        call: &CopyRdma,
    ) -> Result<HcallReturn, ReturnCode> {
        let copy = self.check_parameters(caller, call)?;
        let lives = self.lives(&copy).ok_or(ReturnCode::PERMISSION)?;
        // Most copies lie within a page at either end, which saves them the loops.
        match copy.shape() {
            Shape::Empty => {}
            Shape::PageToPage => self.copy_at_once(&copy, lives, copy.pages_of_one())?,
            Shape::Any => self.copy_at_once(&copy, lives, copy.pages())?,
        }
        Ok(ReturnCode::SUCCESS.into())
    }

    /// The rest of a copy that is not empty: from and to these pages.
    #[inline(always)]
    fn copy_at_once(
        &self,
        copy: &Copying,
        lives: Lives,
        pages: [RangeInclusive<u64>; 2],
    ) -> Result<(), ReturnCode> {
        let claim = self.pins.claim_at_once(copy.spans(&pages));
        let _held = claim.ok_or(ReturnCode::BUSY)?;
        let mapped = self.check_access(copy, pages)?;
        self.move_bytes(copy, lives, mapped).ok_or(ReturnCode::PERMISSION)
    }

    /// First half of LoPAR's `H_COPY_RDMA`: all of its checks, in its order.
    pub fn copy_rdma_begin(
        &self,
        caller: PartitionId,
        call: &CopyRdma,
    ) -> Result<PinnedCopy, ReturnCode> {
        let copy = self.check_parameters(caller, call)?;
        let lives = self.lives(&copy).ok_or(ReturnCode::PERMISSION)?;
        let mut pinned = PinnedCopy { copy, lives, mapped: [None; 2], pin: None };
        if copy.len_bytes > 0 {
            let pages = copy.pages();
            let pin = self.pins.claim(copy.spans(&pages));
            pinned.pin = Some(pin.ok_or(ReturnCode::BUSY)?);
            match self.check_access(&copy, pages) {
                Ok(mapped) => pinned.mapped = mapped,
                Err(code) => {
                    self.copy_rdma_abandon(pinned);
                    return Err(code);
                }
            }
        }
        Ok(pinned)
    }

    /// Second half: moves the bytes and lets go of the pages. `H_Permission`, and nothing is copied, when
    /// the caller or the owner of one of the panes has crashed since the first half.
    pub fn copy_rdma_finish(&self, pinned: PinnedCopy) -> ReturnCode {
        let held = pinned.pin.is_none_or(|pin| self.pins.start_copying(pin));
        let moved = held && self.move_bytes(&pinned.copy, pinned.lives, pinned.mapped).is_some();
        self.copy_rdma_abandon(pinned);
        if moved { ReturnCode::SUCCESS } else { ReturnCode::PERMISSION }
    }

    /// Lets go of the pages and copies nothing: for a caller that does not live to see the second half.
    pub fn copy_rdma_abandon(&self, pinned: PinnedCopy) {
        if let Some(pin) = pinned.pin {
            self.pins.release(pin);
        }
    }

    /// Every check but those of the pages themselves.
    #[inline(always)]
    fn check_parameters(
        &self,
        caller: PartitionId,
        call: &CopyRdma,
    ) -> Result<Copying, ReturnCode> {
        let len_bytes = call.len_bytes;
        if len_bytes > self.max_virtual_dma_size {
            return Err(ReturnCode::PARAMETER);
        }
        let caller = self.own_side(caller).ok_or(ReturnCode::S_PARM)?;
        let end = |liobn, ioba| self.end_of_copy(caller, liobn, ioba);
        let source = end(call.source_liobn, call.source_ioba).ok_or(ReturnCode::S_PARM)?;
        let destination =
            end(call.destination_liobn, call.destination_ioba).ok_or(ReturnCode::D_PARM)?;
        if !self.is_in_pane(source, len_bytes) {
            return Err(ReturnCode::S_PARM);
        }
        if !self.is_in_pane(destination, len_bytes) {
            return Err(ReturnCode::D_PARM);
        }
        Ok(Copying { len_bytes, caller, source, destination })
    }

    /// Source and destination handles are checked for authorization per `ibm,my-dma-window`.
    #[inline(always)]
    fn end_of_copy(&self, caller: Side, liobn: Liobn, ioba: Ioba) -> Option<End> {
        if self.endpoint(caller).liobn == liobn {
            Some(End { owner: caller, remote: false, ioba })
        } else if caller == Side::Management && self.vmc.remote_liobn == liobn {
            Some(End { owner: Side::Platform, remote: true, ioba })
        } else {
            None
        }
    }

    /// Address and length are checked for valid ranges per `ibm,my-dma-window`.
    #[inline(always)]
    fn is_in_pane(&self, end: End, len_bytes: u64) -> bool {
        self.endpoint(end.owner).window.contains(end.ioba, len_bytes)
    }

    /// The access bits of the TCEs of a copy that is not empty are checked for authorization, else
    /// `H_Permission`. The pages are held, so what is found here stays.
    #[inline(always)]
    fn check_access(
        &self,
        copy: &Copying,
        pages: [RangeInclusive<u64>; 2],
    ) -> Result<Mapped, ReturnCode> {
        let [from, to] = pages;
        let check = |end: End, pages, wanted: Access| {
            if end.remote && !self.linked.load(Ordering::SeqCst) {
                return Err(ReturnCode::PERMISSION);
            }
            match self.endpoint(end.owner).window.check(pages, wanted) {
                Ok(start) => Ok(start.map(|start| GuestAddress(start.0 + end.ioba.offset()))),
                Err(Fault::Denied) => Err(ReturnCode::PERMISSION),
                Err(Fault::Changing) => Err(ReturnCode::BUSY),
            }
        };
        Ok([check(copy.source, from, Access::Read)?, check(copy.destination, to, Access::Write)?])
    }

    /// Moves the bytes, unless somebody has crashed. The pages are held, so each is mapped as it was when it
    /// was checked.
    #[inline(always)]
    fn move_bytes(&self, copy: &Copying, lives: Lives, mapped: Mapped) -> Option<()> {
        if self.lives(copy) != Some(lives) {
            return None;
        }
        match mapped {
            [Some(from), Some(to)] => {
                let source = &self.endpoint(copy.source.owner).memory;
                let destination = &self.endpoint(copy.destination.owner).memory;
                source.copy_to(from, destination, to, copy.len_bytes).ok()
            }
            _ => self.move_by_page(copy),
        }
    }

    /// Moves the bytes piece by piece, each within one page at both ends.
    fn move_by_page(&self, copy: &Copying) -> Option<()> {
        let source = self.endpoint(copy.source.owner);
        let destination = self.endpoint(copy.destination.owner);
        let (mut from, mut to) = (copy.source.ioba, copy.destination.ioba);
        let mut left = copy.len_bytes;
        while left > 0 {
            let piece = left.min(PAGE_SIZE - from.offset()).min(PAGE_SIZE - to.offset());
            let from_address = source.window.translate(from, Access::Read)?;
            let to_address = destination.window.translate(to, Access::Write)?;
            let (source, destination) = (&source.memory, &destination.memory);
            source.copy_to(from_address, destination, to_address, piece).ok()?;
            (from, to) = (Ioba(from.0 + piece), Ioba(to.0 + piece));
            left -= piece;
        }
        Some(())
    }

    /// The lives of the caller and of the panes' owners; `None` when one of them does not run. All loads are
    /// sequentially consistent, for a copy that has claimed its pins.
    #[inline(always)]
    fn lives(&self, copy: &Copying) -> Option<Lives> {
        let mut lives = [0; 2];
        for side in Side::BOTH {
            if copy.concerns(side) {
                lives[side as usize] = self.endpoint(side).running_life()?;
            }
        }
        Some(Lives(lives))
    }
}

impl Copying {
    #[inline(always)]
    fn concerns(&self, side: Side) -> bool {
        self.caller == side || self.source.owner == side || self.destination.owner == side
    }

    #[inline(always)]
    fn shape(&self) -> Shape {
        let fits = |end: End| end.ioba.offset() + self.len_bytes <= PAGE_SIZE;
        if self.len_bytes == 0 {
            Shape::Empty
        } else if fits(self.source) & fits(self.destination) {
            Shape::PageToPage
        } else {
            Shape::Any
        }
    }

    /// The pages of both ends of a copy that is not empty.
    #[inline(always)]
    fn pages(&self) -> [RangeInclusive<u64>; 2] {
        let last = |end: End| Ioba(end.ioba.0 + self.len_bytes - 1).page();
        [self.source, self.destination].map(|end| end.ioba.page()..=last(end))
    }

    /// The same of one from a page to a page.
    #[inline(always)]
    fn pages_of_one(&self) -> [RangeInclusive<u64>; 2] {
        [self.source, self.destination].map(|end| end.ioba.page()..=end.ioba.page())
    }

    #[inline(always)]
    fn spans(&self, [from, to]: &[RangeInclusive<u64>; 2]) -> [Span; 2] {
        [Span::new(self.source.owner, from), Span::new(self.destination.owner, to)]
    }
}
