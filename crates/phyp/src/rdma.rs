//! `H_COPY_RDMA`: at once, or in two halves so that the world can change in between. The first half checks the call
//! and holds its pages, the second one moves the bytes and lets go.
//!
//! All work is done inside the hypervisor's gate (`gate`), where what could take its pages away waits for it: a change of a
//! TCE, `H_FREE_CRQ`, a crash. A copy that is made at once needs nothing more. Most of its checks have been made
//! before: if both ends are known in this epoch (`translations`), it moves its bytes next.
//!
//! Between the halves the pages cannot be remapped (`H_Resource`) and the connection cannot be freed for
//! good (`H_Busy`), which a word of `pins` is for. A crash does not wait for a copy between its halves: the second half
//! then finds another life and copies nothing.
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
use crate::gate::Gate;
use crate::hypervisor::Hypervisor;
use crate::memory::Memory;
use crate::pins::{Pin, Span};
use crate::status::{Epochs, StatusMask};
use crate::translations::{Cache, Piece, Place, Role, Stamp, with_cache};
use crate::window::{Entries, Fault};
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

/// A copy that has passed its checks.
struct Checked {
    /// Whose panes the source and the destination are in.
    owners: [Side; 2],
    /// What both need to work for the caller.
    needs: StatusMask,
    mapped: Mapped,
}

/// Where in memory source and destination begin, if the pages of each lie together.
type Mapped = Option<[GuestAddress; 2]>;

impl<P: Backend> Hypervisor<P> {
    /// LoPAR's `H_COPY_RDMA`, both halves at once.
    #[inline(never)]
    pub(crate) fn copy_rdma(&self, caller: PartitionId, call: &CopyRdma) -> HcallReturn {
        let copied = self.gate.inside(|| {
            let stamp = self.epoch.stamp(caller);
            with_cache(|cache| match self.known(cache, stamp, call) {
                Some([from, to]) => {
                    self.move_at([from.owner, to.owner], [from.address, to.address], call.len_bytes)
                }
                None => self.copy_and_remember(cache, caller, stamp, call),
            })
        });
        copied.err().unwrap_or(ReturnCode::SUCCESS).into()
    }

    /// Where both ends are, if the call would pass all checks for certain. Inside the gate.
    #[inline(always)]
    fn known(&self, cache: &Cache, stamp: Stamp, call: &CopyRdma) -> Option<[Place; 2]> {
        if call.len_bytes > self.max_virtual_dma_size {
            return None;
        }
        cache.both(stamp, call)
    }

    /// A copy of which not both ends are known. Inside the gate.
    #[inline(never)]
    fn copy_and_remember(
        &self,
        cache: &Cache,
        caller: PartitionId,
        stamp: Stamp,
        call: &CopyRdma,
    ) -> Result<(), ReturnCode> {
        self.check_running(self.side_of(caller))?;
        let checked = self.check_and_remember(cache, caller, stamp, call)?;
        self.move_bytes(checked.owners, checked.mapped, call)
    }

    /// First half of LoPAR's `H_COPY_RDMA`: all of its checks, in its order.
    #[inline(always)]
    pub fn copy_rdma_begin(
        &self,
        caller: PartitionId,
        call: &CopyRdma,
    ) -> Result<PinnedCopy, ReturnCode> {
        self.gate.inside(|| {
            let stamp = self.epoch.stamp(caller);
            with_cache(|cache| {
                let checked = match self.known(cache, stamp, call) {
                    Some(places) => self.checked(caller, places),
                    None => self.check_and_remember(cache, caller, stamp, call)?,
                };
                self.pin(&checked, call)
            })
        })
    }

    /// Holds the pages of a copy. Inside the gate, so that what would take them away waits and then finds the pin.
    #[inline(always)]
    fn pin(&self, checked: &Checked, call: &CopyRdma) -> Result<PinnedCopy, ReturnCode> {
        let lives = self.status.now().lives(checked.needs).ok_or(ReturnCode::PERMISSION)?;
        let [source, destination] = checked.owners;
        let len_bytes = call.len_bytes;
        let pin = if len_bytes == 0 {
            None
        } else {
            let span = |owner, ioba: Ioba| {
                let pages = (ioba.offset() + len_bytes).div_ceil(PAGE_SIZE);
                Span::new(owner, ioba.page(), pages)
            };
            let ends = [span(source, call.source_ioba), span(destination, call.destination_ioba)];
            Some(self.pins.claim(ends).ok_or(ReturnCode::BUSY)?)
        };
        Ok(PinnedCopy {
            len_bytes,
            source: (source, call.source_ioba),
            destination: (destination, call.destination_ioba),
            lives,
            mapped: checked.mapped,
            pin,
        })
    }

    /// Second half: moves the bytes and lets go of the pages. `H_Permission`, and nothing is copied, when
    /// the caller or the owner of one of the panes has crashed since the first half.
    #[inline(always)]
    pub fn copy_rdma_finish(&self, pinned: PinnedCopy) -> ReturnCode {
        self.gate.inside(|| {
            let held = pinned.pin.is_none_or(|pin| self.pins.is_held(pin));
            let may_move = held && pinned.lives.go_on(self.status.now());
            let moved =
                if may_move { self.move_pinned(&pinned) } else { Err(ReturnCode::PERMISSION) };
            // Not before the bytes have moved: a change that comes while this is inside the gate finds the pages held.
            self.copy_rdma_abandon(pinned);
            moved.err().unwrap_or(ReturnCode::SUCCESS)
        })
    }

    #[inline(always)]
    fn move_pinned(&self, pinned: &PinnedCopy) -> Result<(), ReturnCode> {
        let (source, destination) = (pinned.source, pinned.destination);
        let owners = [source.0, destination.0];
        match pinned.mapped {
            Some(addresses) => self.move_at(owners, addresses, pinned.len_bytes),
            None => self.move_by_page(owners, [source.1, destination.1], pinned.len_bytes),
        }
    }

    /// Lets go of the pages and copies nothing: for a caller that does not live to see the second half.
    pub fn copy_rdma_abandon(&self, pinned: PinnedCopy) {
        if let Some(pin) = pinned.pin {
            self.pins.release(pin);
        }
    }

    /// What is known of a copy whose ends are.
    #[inline(always)]
    fn checked(&self, caller: PartitionId, [from, to]: [Place; 2]) -> Checked {
        let needs = |owner: Side| match self.endpoint(owner).partition == caller {
            true => StatusMask::life(owner),
            false => StatusMask::CONNECTION,
        };
        Checked {
            owners: [from.owner, to.owner],
            needs: needs(from.owner).and(needs(to.owner)),
            mapped: Some([from.address, to.address]),
        }
    }

    /// All checks of a copy. Inside the gate, where what is found stays; `stamp` is of a moment inside.
    #[inline(never)]
    fn check_and_remember(
        &self,
        cache: &Cache,
        caller: PartitionId,
        stamp: Stamp,
        call: &CopyRdma,
    ) -> Result<Checked, ReturnCode> {
        cache.miss();
        let len_bytes = call.len_bytes;
        if len_bytes > self.max_virtual_dma_size {
            return Err(ReturnCode::PARAMETER);
        }
        let caller = self.own_side(self.side_of(caller)).ok_or(ReturnCode::S_PARM)?;
        let pane = |liobn| self.pane(caller, liobn);
        let (from, source_needs) = pane(call.source_liobn).ok_or(ReturnCode::S_PARM)?;
        let (to, needs) = pane(call.destination_liobn).ok_or(ReturnCode::D_PARM)?;
        // Address and length are checked for valid ranges per `ibm,my-dma-window`.
        let source = from.window.entries(call.source_ioba, len_bytes);
        let source = source.ok_or(ReturnCode::S_PARM)?;
        let destination = to.window.entries(call.destination_ioba, len_bytes);
        let destination = destination.ok_or(ReturnCode::D_PARM)?;
        let (now, needs) = (self.status.now(), source_needs.and(needs));
        let lives = now.lives(needs).ok_or(ReturnCode::PERMISSION)?;
        let mut checked = Checked { owners: [from.side, to.side], needs, mapped: None };
        if len_bytes == 0 {
            return Ok(checked);
        }
        if !lives.go_on_as_needed(now) {
            return Err(ReturnCode::PERMISSION);
        }
        let (liobn, ioba) = (call.source_liobn, call.source_ioba);
        let from = End { owner: from, liobn, ioba, role: Role::Source };
        let (liobn, ioba) = (call.destination_liobn, call.destination_ioba);
        let to = End { owner: to, liobn, ioba, role: Role::Destination };
        let start = self.check_access(cache, &from, stamp, len_bytes, source)?;
        let target = self.check_access(cache, &to, stamp, len_bytes, destination)?;
        checked.mapped = start.zip(target).map(|(start, target)| [start, target]);
        Ok(checked)
    }

    /// The access bits of an end's TCEs are checked for authorization, else `H_Permission`. Where its bytes are, if they
    /// lie together.
    fn check_access(
        &self,
        cache: &Cache,
        end: &End<'_, P>,
        stamp: Stamp,
        len_bytes: u64,
        entries: Entries<'_>,
    ) -> Result<Option<GuestAddress>, ReturnCode> {
        let ioba = end.ioba;
        let wanted = match end.role {
            Role::Source => Access::Read,
            Role::Destination => Access::Write,
        };
        // As far ahead as the longest copy from this page on can need it.
        let ahead = self.max_virtual_dma_size.div_ceil(PAGE_SIZE) + 1;
        let piece = end.owner.window.piece(ioba.page(), ahead, wanted);
        let mut start = None;
        if let Some((address, pages)) = piece {
            let piece = Piece { owner: end.owner.side, address, pages };
            cache.fill(end.role, stamp, end.liobn, ioba, piece);
            let all = ioba.offset() + len_bytes <= pages * PAGE_SIZE;
            start = all.then_some(GuestAddress(address.0 + ioba.offset()));
        }
        if start.is_none() {
            entries.check_each(wanted).map_err(code)?;
        }
        Ok(start)
    }

    /// Source and destination handles are checked for authorization per `ibm,my-dma-window`. Whose pane it is, and
    /// what it needs to work for the caller.
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

    /// Moves the bytes of pages that stay mapped as they were when they were checked.
    fn move_bytes(
        &self,
        owners: [Side; 2],
        mapped: Mapped,
        call: &CopyRdma,
    ) -> Result<(), ReturnCode> {
        match mapped {
            Some(addresses) => self.move_at(owners, addresses, call.len_bytes),
            None => {
                let ends = [call.source_ioba, call.destination_ioba];
                self.move_by_page(owners, ends, call.len_bytes)
            }
        }
    }

    #[inline(always)]
    fn move_at(
        &self,
        [source, destination]: [Side; 2],
        [from, to]: [GuestAddress; 2],
        len_bytes: u64,
    ) -> Result<(), ReturnCode> {
        let [source, destination] = [source, destination].map(|side| &self.endpoint(side).memory);
        let moved = source.copy_to(from, destination, to, len_bytes);
        moved.map_err(|_| ReturnCode::PERMISSION)
    }

    /// Moves the bytes piece by piece, each within one page at both ends.
    #[inline(never)]
    fn move_by_page(
        &self,
        [source, destination]: [Side; 2],
        [mut from, mut to]: [Ioba; 2],
        mut left: u64,
    ) -> Result<(), ReturnCode> {
        let [source, destination] = [source, destination].map(|side| self.endpoint(side));
        while left > 0 {
            let piece = left.min(PAGE_SIZE - from.offset()).min(PAGE_SIZE - to.offset());
            let from_address = source.window.translate(from, Access::Read);
            let to_address = destination.window.translate(to, Access::Write);
            let (from_address, to_address) =
                from_address.zip(to_address).ok_or(ReturnCode::PERMISSION)?;
            let moved = source.memory.copy_to(from_address, &destination.memory, to_address, piece);
            moved.map_err(|_| ReturnCode::PERMISSION)?;
            (from, to) = (Ioba(from.0 + piece), Ioba(to.0 + piece));
            left -= piece;
        }
        Ok(())
    }
}

/// One end of a copy: whose pane, by the name that the caller has for it, and where in it.
struct End<'a, P: Backend> {
    owner: &'a Endpoint<P>,
    liobn: Liobn,
    ioba: Ioba,
    role: Role,
}

/// What a call answers to a fault.
fn code(fault: Fault) -> ReturnCode {
    match fault {
        Fault::Denied => ReturnCode::PERMISSION,
        Fault::Changing => ReturnCode::BUSY,
    }
}
