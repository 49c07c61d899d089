//! `H_COPY_RDMA` in two halves, so that the world can change in between: the first half checks the call and
//! holds its pages, the second one moves the bytes and lets go.
//!
//! A call of `hcall` makes both at once, and holds its pages by a single exchange. What it consists of is inlined
//! always: passing intermediate results through memory would cost more than the checks.
//!
//! Between the halves the pages cannot be remapped (`H_Resource`) and the connection cannot be freed for
//! good (`H_Busy`). A crash does not wait for a copy between its halves: the second half then finds another
//! life and copies nothing.
//!
//! Where LoPAR is silent:
//!
//! - While the connection is not complete the TCEs of the remote pane count as invalid: `H_Permission`.
//! - A copy of no bytes touches no TCE and succeeds once its other parameters are right.
//! - When all pins are taken, or a TCE of the copy is being changed at this moment, the call
//!   answers `H_Busy`.
//! - Both ends may be in one pane. What arrives where they overlap is not defined.

use crate::backend::Backend;
use crate::endpoint::{Endpoint, Side};
use crate::hypervisor::Hypervisor;
use crate::memory::Memory;
use crate::pins::{Pin, Span};
use crate::status::{Epochs, StatusMask, StatusSnapshot};
use crate::window::{Entries, Fault, Window};
use papr::{
    Access, CopyRdma, GuestAddress, HcallReturn, Ioba, Liobn, PAGE_SIZE, PartitionId, ReturnCode,
};
use std::hash::{Hash, Hasher};

/// An `H_COPY_RDMA` that has passed its checks and holds its pages. It must be given to
/// [`copy_rdma_finish`](Hypervisor::copy_rdma_finish) or
/// [`copy_rdma_abandon`](Hypervisor::copy_rdma_abandon) of its hypervisor once: until then its pages stay
/// mapped and `H_FREE_CRQ` is busy. It is a value that refers to nothing, so dropping it lets go of
/// nothing; a clone of it belongs to a clone of the hypervisor.
#[must_use = "its pages are held until it is finished or abandoned"]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PinnedCopy {
    len_bytes: u64,
    /// Owner of the source's pane, address there.
    source: (Side, Ioba),
    destination: (Side, Ioba),
    lives: Epochs,
    mapped: Mapped,
    /// `None` for a copy of no bytes.
    pin: Option<Pin>,
}

impl PinnedCopy {
    /// Hashes its canonical state. Where in memory its pages lie follows from their TCEs, which stay as they are.
    pub fn hash_canonical(&self, state: &mut impl Hasher) {
        (self.len_bytes, self.source, self.destination, self.lives, self.pin).hash(state);
    }
}

/// A copy whose length and handles are right.
struct Copying<'a, P: Backend> {
    len_bytes: u64,
    source: End<'a, P>,
    destination: End<'a, P>,
    needs: StatusMask,
}

/// One end of a copy: whose pane, and where in it.
struct End<'a, P: Backend> {
    owner: &'a Endpoint<P>,
    ioba: Ioba,
}

/// Where in memory source and destination begin, if the pages of each lie together.
type Mapped = Option<[GuestAddress; 2]>;

impl<P: Backend> Hypervisor<P> {
    /// LoPAR's `H_COPY_RDMA`, both halves at once. `now` is the status at the beginning of the call.
    #[inline(never)]
    pub(crate) fn copy_rdma(
        &self,
        caller: Option<Side>,
        now: StatusSnapshot,
        call: &CopyRdma,
    ) -> HcallReturn {
        let copied = self.check_handles(caller, call).and_then(|copy| {
            // Most copies lie within a page at either end, which saves them the loops.
            if copy.is_page_to_page() {
                self.copy_at_once(&copy, now, |window, ioba| window.entry_at(ioba))
            } else {
                self.copy_at_once(&copy, now, |window, ioba| window.entries(ioba, copy.len_bytes))
            }
        });
        copied.err().unwrap_or(ReturnCode::SUCCESS).into()
    }

    /// The rest of a copy; `entries` tells those of an end.
    #[inline(always)]
    fn copy_at_once<'a>(
        &self,
        copy: &Copying<'a, P>,
        now: StatusSnapshot,
        entries: impl Fn(&'a Window, Ioba) -> Option<Entries<'a>>,
    ) -> Result<(), ReturnCode> {
        let ends = copy.check_ranges(entries)?;
        let lives = now.lives(copy.needs).ok_or(ReturnCode::PERMISSION)?;
        if copy.len_bytes == 0 {
            return Ok(());
        }
        let _held = self.pins.claim_at_once(copy.spans(&ends)).ok_or(ReturnCode::BUSY)?;
        let mapped = self.check_access(copy, lives, ends)?;
        let moved = move_bytes(&copy.source, &copy.destination, copy.len_bytes, mapped);
        moved.ok_or(ReturnCode::PERMISSION)
    }

    /// First half of LoPAR's `H_COPY_RDMA`: all of its checks, in its order.
    #[inline(always)]
    pub fn copy_rdma_begin(
        &self,
        caller: PartitionId,
        call: &CopyRdma,
    ) -> Result<PinnedCopy, ReturnCode> {
        let copy = self.check_handles(self.side_of(caller), call)?;
        let ends = copy.check_ranges(|window, ioba| window.entries(ioba, copy.len_bytes))?;
        let lives = self.status.now().lives(copy.needs).ok_or(ReturnCode::PERMISSION)?;
        let mut pinned = PinnedCopy {
            len_bytes: copy.len_bytes,
            source: (copy.source.owner.side, copy.source.ioba),
            destination: (copy.destination.owner.side, copy.destination.ioba),
            lives,
            mapped: None,
            pin: None,
        };
        if copy.len_bytes > 0 {
            let pin = self.pins.claim(copy.spans(&ends));
            pinned.pin = Some(pin.ok_or(ReturnCode::BUSY)?);
            match self.check_access(&copy, lives, ends) {
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
    #[inline(always)]
    pub fn copy_rdma_finish(&self, pinned: PinnedCopy) -> ReturnCode {
        let held = pinned.pin.is_none_or(|pin| self.pins.start_copying(pin));
        let end = |(owner, ioba)| End { owner: self.endpoint(owner), ioba };
        let (source, destination) = (end(pinned.source), end(pinned.destination));
        let may_move = held && pinned.lives.go_on(self.status.now());
        let (len_bytes, mapped) = (pinned.len_bytes, pinned.mapped);
        let moved = may_move && move_bytes(&source, &destination, len_bytes, mapped).is_some();
        self.copy_rdma_abandon(pinned);
        if moved { ReturnCode::SUCCESS } else { ReturnCode::PERMISSION }
    }

    /// Lets go of the pages and copies nothing: for a caller that does not live to see the second half.
    pub fn copy_rdma_abandon(&self, pinned: PinnedCopy) {
        if let Some(pin) = pinned.pin {
            self.pins.release(pin);
        }
    }

    /// The checks of length and handles.
    #[inline(always)]
    fn check_handles(
        &self,
        caller: Option<Side>,
        call: &CopyRdma,
    ) -> Result<Copying<'_, P>, ReturnCode> {
        let len_bytes = call.len_bytes;
        if len_bytes > self.max_virtual_dma_size {
            return Err(ReturnCode::PARAMETER);
        }
        let caller = self.own_side(caller).ok_or(ReturnCode::S_PARM)?;
        let pane = |liobn| self.pane(caller, liobn);
        let (from, source_needs) = pane(call.source_liobn).ok_or(ReturnCode::S_PARM)?;
        let (to, needs) = pane(call.destination_liobn).ok_or(ReturnCode::D_PARM)?;
        Ok(Copying {
            len_bytes,
            source: End { owner: from, ioba: call.source_ioba },
            destination: End { owner: to, ioba: call.destination_ioba },
            needs: source_needs.and(needs),
        })
    }

    /// Source and destination handles are checked for authorization per `ibm,my-dma-window`. Whose pane it is, and
    /// what it needs to work for the caller.
    #[inline(always)]
    fn pane(&self, caller: Side, liobn: Liobn) -> Option<(&Endpoint<P>, StatusMask)> {
        let own = self.endpoint(caller);
        if own.liobn == liobn {
            Some((own, StatusMask::life(caller)))
        } else if caller == Side::Management && self.vmc.remote_liobn == liobn {
            Some((self.endpoint(Side::Platform), StatusMask::CONNECTION))
        } else {
            None
        }
    }

    /// The access bits of the TCEs of a copy that is not empty are checked for authorization, else
    /// `H_Permission`. The pages are held, so what is found here stays.
    #[inline(always)]
    fn check_access(
        &self,
        copy: &Copying<'_, P>,
        lives: Epochs,
        [source, destination]: [Entries<'_>; 2],
    ) -> Result<Mapped, ReturnCode> {
        if !lives.go_on_as_needed(self.status.now()) {
            return Err(ReturnCode::PERMISSION);
        }
        let together = (source.together(Access::Read), destination.together(Access::Write));
        if let (Some(from), Some(to)) = together {
            return Ok(Some(copy.addresses(from, to)));
        }
        source.check_each(Access::Read).map_err(code)?;
        destination.check_each(Access::Write).map_err(code)?;
        Ok(None)
    }
}

impl<'a, P: Backend> Copying<'a, P> {
    /// Whether it has bytes, and those lie within a page at either end.
    #[inline(always)]
    fn is_page_to_page(&self) -> bool {
        let fits = |end: &End<'_, P>| end.ioba.offset() + self.len_bytes <= PAGE_SIZE;
        self.len_bytes > 0 && fits(&self.source) && fits(&self.destination)
    }

    /// Address and length are checked for valid ranges per `ibm,my-dma-window`.
    #[inline(always)]
    fn check_ranges(
        &self,
        entries: impl Fn(&'a Window, Ioba) -> Option<Entries<'a>>,
    ) -> Result<[Entries<'a>; 2], ReturnCode> {
        let of = |end: &End<'a, P>| entries(&end.owner.window, end.ioba);
        let source = of(&self.source).ok_or(ReturnCode::S_PARM)?;
        Ok([source, of(&self.destination).ok_or(ReturnCode::D_PARM)?])
    }

    #[inline(always)]
    fn spans(&self, [source, destination]: &[Entries<'_>; 2]) -> [Span; 2] {
        [source.span(self.source.owner.side), destination.span(self.destination.owner.side)]
    }

    /// Where in memory the ends are, if these are their first pages.
    #[inline(always)]
    fn addresses(&self, from: GuestAddress, to: GuestAddress) -> [GuestAddress; 2] {
        let at = |page: GuestAddress, ioba: Ioba| GuestAddress(page.0 + ioba.offset());
        [at(from, self.source.ioba), at(to, self.destination.ioba)]
    }
}

/// What a call answers to a fault.
fn code(fault: Fault) -> ReturnCode {
    match fault {
        Fault::Denied => ReturnCode::PERMISSION,
        Fault::Changing => ReturnCode::BUSY,
    }
}

/// Moves the bytes of pages that are held, so each is mapped as it was when it was checked.
#[inline(always)]
fn move_bytes<P: Backend>(
    source: &End<'_, P>,
    destination: &End<'_, P>,
    len_bytes: u64,
    mapped: Mapped,
) -> Option<()> {
    match mapped {
        Some([from, to]) => {
            let (source, destination) = (&source.owner.memory, &destination.owner.memory);
            source.copy_to(from, destination, to, len_bytes).ok()
        }
        None => {
            move_by_page(source.owner, source.ioba, destination.owner, destination.ioba, len_bytes)
        }
    }
}

/// Moves the bytes piece by piece, each within one page at both ends.
#[inline(never)]
fn move_by_page<P: Backend>(
    source: &Endpoint<P>,
    mut from: Ioba,
    destination: &Endpoint<P>,
    mut to: Ioba,
    mut left: u64,
) -> Option<()> {
    while left > 0 {
        let piece = left.min(PAGE_SIZE - from.offset()).min(PAGE_SIZE - to.offset());
        let from_address = source.window.translate(from, Access::Read)?;
        let to_address = destination.window.translate(to, Access::Write)?;
        source.memory.copy_to(from_address, &destination.memory, to_address, piece).ok()?;
        (from, to) = (Ioba(from.0 + piece), Ioba(to.0 + piece));
        left -= piece;
    }
    Some(())
}
