//! `H_COPY_RDMA` in two halves, so that the world can change in between: the first half checks the call and
//! holds its pages, the second one moves the bytes and lets go.
//!
//! Between the halves the pages cannot be remapped (`H_Resource`) and the connection cannot be freed for
//! good (`H_Busy`). A crash waits for nobody who is between the halves: the second half then finds another
//! incarnation and copies nothing.
//!
//! Where LoPAR is silent:
//!
//! - While the connection is not complete the TCEs of the remote pane count as invalid: `H_Permission`.
//! - A copy of no bytes touches no TCE and succeeds once its other parameters are right.
//! - When all pins of a pane are taken, or a TCE of the copy is being changed at this moment, the call
//!   answers `H_Busy`.
//! - Both ends may be in one pane. What arrives where they overlap is not defined.

use crate::copy::copy_piece;
use crate::endpoint::Side;
use crate::hypervisor::Hypervisor;
use crate::pins::Pin;
use crate::platform::Platform;
use crate::window::{Fault, Window};
use papr::{Access, CopyRdma, IoRange, Ioba, Liobn, PAGE_SIZE, PartitionId, ReturnCode};
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
    len_bytes: u64,
    source: End,
    destination: End,
    caller: Life,
}

/// One end of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct End {
    owner: Life,
    ioba: Ioba,
    /// `None` for a copy of no bytes.
    pin: Option<Pin>,
}

/// A partition between two crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Life {
    side: Side,
    incarnation: u64,
}

/// A pane that a caller may name.
#[derive(Clone, Copy)]
struct Pane {
    owner: Side,
    /// The second pane, which works only while the connection is complete.
    remote: bool,
}

impl<P: Platform> Hypervisor<P> {
    /// First half of LoPAR's `H_COPY_RDMA`: all of its checks, in its order.
    pub fn copy_rdma_begin(
        &self,
        caller: PartitionId,
        call: &CopyRdma,
    ) -> Result<PinnedCopy, ReturnCode> {
        if call.len_bytes > self.max_virtual_dma_size {
            return Err(ReturnCode::PARAMETER);
        }
        let source = self.pane(caller, call.source_liobn).ok_or(ReturnCode::S_PARM)?;
        let destination = self.pane(caller, call.destination_liobn).ok_or(ReturnCode::D_PARM)?;
        self.check_range(source, &call.source()).ok_or(ReturnCode::S_PARM)?;
        self.check_range(destination, &call.destination()).ok_or(ReturnCode::D_PARM)?;
        let caller = self.own_side(caller).and_then(|side| self.life(side));
        let owners = (self.life(source.owner), self.life(destination.owner));
        let (Some(caller), (Some(source_owner), Some(destination_owner))) = (caller, owners) else {
            return Err(ReturnCode::PERMISSION);
        };
        let mut copy = PinnedCopy {
            len_bytes: call.len_bytes,
            source: End { owner: source_owner, ioba: call.source_ioba, pin: None },
            destination: End { owner: destination_owner, ioba: call.destination_ioba, pin: None },
            caller,
        };
        match self.pin_both(&mut copy, call, source, destination) {
            Ok(()) => Ok(copy),
            Err(code) => {
                self.copy_rdma_abandon(copy);
                Err(code)
            }
        }
    }

    /// Second half: moves the bytes and lets go of the pages. `H_Permission`, and nothing is copied, when
    /// the caller or the owner of one of the panes has crashed since the first half.
    pub fn copy_rdma_finish(&self, copy: PinnedCopy) -> ReturnCode {
        let pins_held = self.pins_of(&copy).all(|(window, pin)| window.pins.start_copying(pin));
        let lives = [copy.caller, copy.source.owner, copy.destination.owner];
        let moved = pins_held
            && lives.into_iter().all(|life| self.life(life.side) == Some(life))
            && self.move_bytes(&copy).is_some();
        self.copy_rdma_abandon(copy);
        if moved { ReturnCode::SUCCESS } else { ReturnCode::PERMISSION }
    }

    /// Lets go of the pages and copies nothing: for a caller that does not live to see the second half.
    pub fn copy_rdma_abandon(&self, copy: PinnedCopy) {
        for (window, pin) in self.pins_of(&copy) {
            window.pins.release(pin);
        }
    }

    /// Source and destination handles are checked for authorization per `ibm,my-dma-window`.
    fn pane(&self, caller: PartitionId, liobn: Liobn) -> Option<Pane> {
        let side = self.own_side(caller)?;
        if self.endpoint(side).liobn == liobn {
            Some(Pane { owner: side, remote: false })
        } else if side == Side::Management && self.vmc.remote_liobn == liobn {
            Some(Pane { owner: Side::Platform, remote: true })
        } else {
            None
        }
    }

    /// Address and length are checked for valid ranges per `ibm,my-dma-window`.
    fn check_range(&self, pane: Pane, range: &IoRange) -> Option<()> {
        self.endpoint(pane.owner).window.contains(range).then_some(())
    }

    /// Holds the pages of both ends, then checks the access bits of their TCEs.
    fn pin_both(
        &self,
        copy: &mut PinnedCopy,
        call: &CopyRdma,
        source: Pane,
        destination: Pane,
    ) -> Result<(), ReturnCode> {
        if call.len_bytes == 0 {
            return Ok(());
        }
        copy.source.pin = Some(self.pin(source, &call.source())?);
        copy.destination.pin = Some(self.pin(destination, &call.destination())?);
        self.check_access(source, &call.source(), Access::Read)?;
        self.check_access(destination, &call.destination(), Access::Write)
    }

    fn pin(&self, pane: Pane, range: &IoRange) -> Result<Pin, ReturnCode> {
        let pages = pages(range).ok_or(ReturnCode::PERMISSION)?;
        self.endpoint(pane.owner).window.pins.claim(&pages).ok_or(ReturnCode::BUSY)
    }

    /// The access bits of the TCEs are checked for authorization, else `H_Permission`.
    fn check_access(&self, pane: Pane, range: &IoRange, wanted: Access) -> Result<(), ReturnCode> {
        if pane.remote && !self.linked.load(Ordering::Acquire) {
            return Err(ReturnCode::PERMISSION);
        }
        let pages = pages(range).ok_or(ReturnCode::PERMISSION)?;
        self.endpoint(pane.owner).window.check(pages, wanted).map_err(|fault| match fault {
            Fault::Denied => ReturnCode::PERMISSION,
            Fault::Changing => ReturnCode::BUSY,
        })
    }

    /// Moves the bytes piece by piece, each within one page at both ends. The pins are held, so every page
    /// is mapped as it was when it was checked.
    fn move_bytes(&self, copy: &PinnedCopy) -> Option<()> {
        let source = self.endpoint(copy.source.owner.side);
        let destination = self.endpoint(copy.destination.owner.side);
        let (mut from, mut to) = (copy.source.ioba, copy.destination.ioba);
        let mut left = copy.len_bytes;
        while left > 0 {
            let piece = left.min(PAGE_SIZE - from.offset()).min(PAGE_SIZE - to.offset());
            let from_address = source.window.translate(from, Access::Read)?;
            let to_address = destination.window.translate(to, Access::Write)?;
            let (source, destination) = (&source.memory, &destination.memory);
            copy_piece(source, from_address, destination, to_address, piece).ok()?;
            (from, to) = (Ioba(from.0 + piece), Ioba(to.0 + piece));
            left -= piece;
        }
        Some(())
    }

    fn pins_of(&self, copy: &PinnedCopy) -> impl Iterator<Item = (&Window, Pin)> {
        [copy.source, copy.destination]
            .into_iter()
            .filter_map(|end| Some((&self.endpoint(end.owner.side).window, end.pin?)))
    }

    /// The life a side is in; `None` between a crash and the next boot. A crash ends `running` before it
    /// counts, so a new number is not seen before the crash has wiped what belonged to the old one.
    fn life(&self, side: Side) -> Option<Life> {
        let endpoint = self.endpoint(side);
        let incarnation = endpoint.incarnation.load(Ordering::Acquire);
        endpoint.is_running().then_some(Life { side, incarnation })
    }
}

/// The pages of a range that is not empty.
fn pages(range: &IoRange) -> Option<RangeInclusive<u64>> {
    let pages = range.pages().filter(|pages| !pages.is_empty())?;
    Some(pages.start..=pages.end - 1)
}
