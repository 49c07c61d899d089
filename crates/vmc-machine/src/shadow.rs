//! A shadow of both partitions' memory: what each byte must be if nothing writes but its owner, the platform that puts
//! entries into queues, and copies that were reported, each within its bounds and by TCEs that its owners have put.
//!
//! It translates by TCEs of its own, which it learns from the hcalls alone, and moves the bytes of a copy itself. So
//! every other byte is a guard: a page that differs from its shadow was written to by something that no record speaks
//! of. Pages are compared where a copy may have gone astray (at its destination), before what they hold is lost (when
//! they are given out again, and before a crash wipes them), and all of them in the end.
//!
//! Of each page it also remembers how much of it the last message took, so that a copy which takes more than that along
//! is told: what lies behind is of an older message.
//!
//! On threads there is none: a queue's owner and the platform write to one element at the same time there, and the order
//! of what they did is not recorded.

use crate::runtime::ActivityId;
use papr::{Access, CrqEntry, GuestAddress, Hcall, HcallReturn, Ioba, PAGE_SIZE, ReturnCode, Tce};
use phyp::Memory;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use vmc_trace::Side;

const PAGE_BYTES: usize = PAGE_SIZE as usize;

type Page = [u8; PAGE_BYTES];

static ZERO: Page = [0; PAGE_BYTES];

/// Problems beyond these are of no further use.
const MAX_PROBLEMS: usize = 16;

/// What the memory of both partitions must hold.
#[derive(Clone, Debug, Default)]
pub struct Shadow {
    partitions: [Partition; 2],
    /// The copies between their halves.
    under_way: BTreeMap<ActivityId, Transfer>,
    /// How many messages were put into memory.
    messages: u64,
    problems: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct Partition {
    /// By number; `None` is zero.
    pages: Vec<Option<Box<Page>>>,
    /// The memory behind each page of the window.
    window: BTreeMap<u64, GuestAddress>,
    /// Where the queue begins, in the window.
    queue: Option<Ioba>,
    /// What the last message took of a page of the window.
    filled: BTreeMap<u64, Filled>,
    /// Pages that were mapped anew under a message. A driver that had heard of the message before may copy it still; what it
    /// gets then is for a session that is over.
    anew: BTreeSet<u64>,
    /// Where the owner's last write into a buffer ended.
    written_to: Option<u64>,
}

/// What a message takes of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Filled {
    /// Which message it is.
    message: u64,
    /// How many bytes of the page are its.
    len_bytes: u64,
}

/// One end of a copy: whose window, and where in it.
pub(crate) type End = (Side, Ioba);

/// A copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transfer {
    pub(crate) len_bytes: u64,
    pub(crate) source: End,
    pub(crate) destination: End,
    /// Why it must not succeed any more.
    pub(crate) void: Option<&'static str>,
}

impl Shadow {
    /// The owner writes bytes.
    pub(crate) fn writes(&mut self, side: Side, at: GuestAddress, bytes: &[u8]) {
        self.of(side).write(at, bytes);
    }

    /// The owner zeroes memory.
    pub(crate) fn zeroes(&mut self, side: Side, at: GuestAddress, len_bytes: u64) {
        let partition = self.of(side);
        for (at, range) in pieces(at.0, len_bytes) {
            partition.page_mut(at.page())[range].fill(0);
        }
    }

    /// Memory is given out again: until now it was free, and nothing has written to it.
    pub(crate) fn given_out(&mut self, side: Side, at: GuestAddress, memory: &impl Memory) {
        self.compare(side, at.page(), memory, "before it is given out");
        self.zeroes(side, at, PAGE_SIZE);
    }

    /// The management partition puts a message into a buffer, which lies so in its window.
    pub(crate) fn fills(&mut self, ioba: Ioba, len_bytes: u64) {
        self.messages += 1;
        let message = self.messages;
        self.of(Side::Mgmt).fill(ioba, len_bytes, message);
    }

    /// The VMC service puts a part of a message into a buffer: what follows a page that it has just filled belongs to the
    /// same message.
    pub(crate) fn fills_part(&mut self, at: GuestAddress, len_bytes: u64) {
        self.messages += 1;
        let newest = self.messages;
        let partition = self.of(Side::Hyp);
        let found = partition.window.iter().find(|(_, page)| page.page() == at.page());
        let Some(page) = found.map(|(page, _)| *page) else { return };
        let follows = partition.written_to == Some(page * PAGE_SIZE);
        let before = page.checked_sub(1).filter(|_| follows);
        let before = before.and_then(|before| partition.filled.get(&before));
        let message = before.map_or(newest, |filled| filled.message);
        let ioba = Ioba(page * PAGE_SIZE + at.offset());
        partition.fill(ioba, len_bytes, message);
        partition.written_to = Some(ioba.0 + len_bytes);
    }

    /// The owner of a queue has taken an entry from it, and freed the element.
    pub(crate) fn takes(&mut self, side: Side, at: GuestAddress) {
        self.of(side).write(at, &CrqEntry::FREE.high().to_be_bytes());
    }

    /// An entry is in a queue; of one that is overlaid the second word stays.
    pub(crate) fn enqueued(
        &mut self,
        side: Side,
        element: u32,
        entry: CrqEntry,
        overlaid: Option<CrqEntry>,
    ) {
        let partition = self.of(side);
        let place = u64::from(element) * papr::crq::ENTRY_SIZE;
        let at = partition.queue.and_then(|queue| partition.translate(Ioba(queue.0 + place)));
        match at {
            Some(at) if overlaid.is_some() => partition.write(at, &entry.high().to_be_bytes()),
            Some(at) => partition.write(at, &entry.0),
            None => self.report(format!("{side}: an entry in a queue that is not mapped: {entry}")),
        }
    }

    /// A partition has made an hcall.
    pub(crate) fn called(&mut self, side: Side, call: &Hcall, result: HcallReturn) {
        // A queue is registered also while the partner has none.
        if result.code == ReturnCode::CLOSED
            && let Hcall::RegCrq { queue, .. } = call
        {
            self.of(side).queue = Some(*queue);
        }
        if !result.code.is_success() {
            return;
        }
        match *call {
            Hcall::RegCrq { queue, .. } => self.of(side).queue = Some(queue),
            Hcall::FreeCrq { .. } => {
                self.of(side).queue = None;
                self.lets_go(side, "H_FREE_CRQ", |_| true);
            }
            Hcall::PutTce { ioba, tce, .. } => self.maps(side, ioba.page(), [tce]),
            Hcall::StuffTce { ioba, tce, count, .. } => {
                self.maps(side, ioba.page(), (0..count).map(|_| tce));
            }
            Hcall::PutTceIndirect { ioba, list, count, .. } => {
                let tce =
                    |n| Tce(self.partitions[side as usize].word(GuestAddress(list.0 + 8 * n)));
                let tces: Vec<Tce> = (0..count).map(tce).collect();
                self.maps(side, ioba.page(), tces);
            }
            _ => {}
        }
    }

    /// A copy has passed its checks, and holds its pages.
    pub(crate) fn copy_begins(&mut self, by: ActivityId, transfer: Transfer) {
        self.under_way.insert(by, transfer);
    }

    /// A copy is not made, as its caller has died.
    pub(crate) fn copy_abandoned(&mut self, by: ActivityId) {
        self.under_way.remove(&by);
    }

    /// A copy has come to an end. `are_true`: no message was made up or changed so far.
    pub(crate) fn copy_ends(
        &mut self,
        by: ActivityId,
        code: ReturnCode,
        are_true: bool,
        memory: [&impl Memory; 2],
    ) {
        let Some(transfer) = self.under_way.remove(&by) else { return };
        let Transfer { len_bytes, source, destination: (side, to), void } = transfer;
        let name = format!("{by}: RDMA {len_bytes} B to {side}");
        if code.is_success() && len_bytes > 0 {
            if let Some(why) = void {
                self.report(format!("{name}: expected no success, {why}"));
            }
            self.takes_along(&name, &transfer, are_true);
            self.moves(&name, &transfer);
        }
        let pages = to.page()..(to.0 + len_bytes).div_ceil(PAGE_SIZE);
        for page in pages {
            if let Some(at) = self.of(side).window.get(&page).copied() {
                self.compare(side, at.page(), memory[side as usize], &name);
            }
        }
        // One that fails has changed nothing, at its source either.
        let (side, from) = source;
        if let Some(at) = self.of(side).translate(from) {
            self.compare(side, at.page(), memory[side as usize], &name);
        }
    }

    /// A partition dies, or its next life begins: its memory is zero, and nothing is mapped.
    pub(crate) fn wiped(&mut self, side: Side, memory: &impl Memory) {
        self.compare_all(side, memory, "before the partition's memory is cleared");
        *self.of(side) = Partition::default();
        self.life_ends("one of its partitions has crashed since it began");
    }

    /// Another kernel starts in the management partition: nothing goes on for the old one.
    pub(crate) fn kernel_ends(&mut self) {
        self.life_ends("its kernel has ended since it began");
    }

    /// What was wrong so far, and what differs from the memory now.
    pub fn problems(&self, memory: [&impl Memory; 2]) -> Vec<String> {
        let mut last = self.clone();
        for side in [Side::Mgmt, Side::Hyp] {
            last.compare_all(side, memory[side as usize], "at the end");
        }
        last.problems
    }

    fn of(&mut self, side: Side) -> &mut Partition {
        &mut self.partitions[side as usize]
    }

    fn report(&mut self, problem: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }

    fn life_ends(&mut self, why: &'static str) {
        self.under_way.values_mut().for_each(|transfer| transfer.void = Some(why));
    }

    fn maps(&mut self, side: Side, first: u64, tces: impl IntoIterator<Item = Tce>) {
        let mut changed = Vec::new();
        for (page, tce) in (first..).zip(tces) {
            let partition = self.of(side);
            let now = (tce.access() != Access::None).then(|| tce.address());
            if partition.window.get(&page).copied() != now {
                changed.push(page);
            }
            match now {
                Some(at) => drop(partition.window.insert(page, at)),
                None => drop(partition.window.remove(&page)),
            }
            if partition.filled.remove(&page).is_some() {
                partition.anew.insert(page);
            }
        }
        self.lets_go(side, "a TCE hcall", |page| changed.contains(&page));
    }

    /// What a copy between its halves holds, an hcall must not take away.
    fn lets_go(&mut self, side: Side, call: &str, takes_away: impl Fn(u64) -> bool) {
        let held = self.under_way.iter().filter(|(_, transfer)| transfer.void.is_none());
        let is_hurt = |(_, transfer): &(&ActivityId, &Transfer)| {
            let ends = [transfer.source, transfer.destination];
            let mut pages = ends.into_iter().filter(|end| end.0 == side).flat_map(|(_, ioba)| {
                ioba.page()..(ioba.0 + transfer.len_bytes).div_ceil(PAGE_SIZE)
            });
            pages.any(&takes_away)
        };
        if let Some((by, transfer)) = held.into_iter().find(is_hurt) {
            let problem = format!(
                "{side}: expected {call} to be refused, it succeeded while {by} was between the halves of an RDMA of {} B",
                transfer.len_bytes
            );
            self.report(problem);
        }
    }

    /// Whether a copy takes along what is not of its message.
    fn takes_along(&mut self, name: &str, transfer: &Transfer, are_true: bool) {
        let (side, from) = transfer.source;
        let partition = self.of(side);
        let message = partition.message_at(from, transfer.len_bytes);
        let is_anew = partition.anew.contains(&from.page());
        if message >= transfer.len_bytes {
            partition.anew.remove(&from.page());
        }
        // A message that was made up has any length, and a service may answer with the beginning of what it got.
        let is_whole = match side {
            Side::Mgmt => message == transfer.len_bytes,
            Side::Hyp => message >= transfer.len_bytes || is_anew || !are_true,
        };
        if !is_whole {
            self.report(format!("{name}: the message there has {message} B"));
        }
    }

    fn moves(&mut self, name: &str, transfer: &Transfer) {
        let Transfer { len_bytes, source: (owner, from), destination: (side, to), .. } = *transfer;
        let bytes = self.of(owner).read(from, len_bytes);
        let done = bytes.is_some_and(|bytes| self.of(side).write_mapped(to, &bytes));
        if !done {
            self.report(format!("{name}: it succeeded, and one of its pages is not mapped"));
        }
        self.messages += 1;
        let message = self.messages;
        self.of(side).fill(to, len_bytes, message);
    }

    fn compare_all(&mut self, side: Side, memory: &impl Memory, when: &str) {
        (0..memory.pages()).for_each(|page| self.compare(side, page, memory, when));
    }

    /// Compares a page, and goes on with what it holds.
    fn compare(&mut self, side: Side, page: u64, memory: &impl Memory, when: impl Display) {
        let mut real = ZERO;
        let at = GuestAddress(page * PAGE_SIZE);
        if memory.read(at, &mut real).is_err() {
            return;
        }
        let expected = self.of(side).page(page);
        if *expected == real {
            return;
        }
        let mut wrong = (0..).zip(expected.iter().zip(&real)).filter(|(_, (a, b))| a != b);
        let Some((offset, (old, new))) = wrong.next() else { return };
        let (at, others) = (GuestAddress(at.0 + offset), wrong.count());
        let problem = format!(
            "{side}: {when}: memory at {at}: expected {old:#04x}, got {new:#04x}, and {others} other bytes of the page differ"
        );
        *self.of(side).page_mut(page) = real;
        self.report(problem);
    }
}

impl Partition {
    fn page(&self, page: u64) -> &Page {
        self.pages.get(page as usize).and_then(Option::as_deref).unwrap_or(&ZERO)
    }

    fn page_mut(&mut self, page: u64) -> &mut Page {
        let page = page as usize;
        if self.pages.len() <= page {
            self.pages.resize(page + 1, None);
        }
        self.pages[page].get_or_insert_with(|| Box::new(ZERO))
    }

    fn write(&mut self, at: GuestAddress, bytes: &[u8]) {
        let mut rest = bytes;
        for (at, range) in pieces(at.0, bytes.len() as u64) {
            let (here, later) = rest.split_at(range.len());
            self.page_mut(at.page())[range].copy_from_slice(here);
            rest = later;
        }
    }

    fn word(&self, at: GuestAddress) -> u64 {
        let offset = at.offset() as usize;
        let bytes = self.page(at.page()).get(offset..offset + 8);
        bytes.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes)
    }

    fn translate(&self, ioba: Ioba) -> Option<GuestAddress> {
        self.window.get(&ioba.page()).map(|page| GuestAddress(page.0 + ioba.offset()))
    }

    /// What lies in the window.
    fn read(&self, from: Ioba, len_bytes: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(len_bytes as usize);
        for (at, range) in pieces(from.0, len_bytes) {
            let at = self.translate(Ioba(at.0))?;
            bytes.extend_from_slice(&self.page(at.page())[range]);
        }
        Some(bytes)
    }

    /// Writes to the window; `false` when it is not mapped.
    fn write_mapped(&mut self, to: Ioba, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        for (at, range) in pieces(to.0, bytes.len() as u64) {
            let (here, later) = rest.split_at(range.len());
            let Some(at) = self.translate(Ioba(at.0)) else { return false };
            self.write(at, here);
            rest = later;
        }
        true
    }

    /// A message takes these bytes of the window.
    fn fill(&mut self, ioba: Ioba, len_bytes: u64, message: u64) {
        for (at, range) in pieces(ioba.0, len_bytes) {
            let len_bytes = range.len() as u64;
            self.filled.insert(at.page(), Filled { message, len_bytes });
        }
    }

    /// How much of one message lies at an address, in the pages of so many bytes.
    fn message_at(&self, from: Ioba, len_bytes: u64) -> u64 {
        let pages = from.page()..(from.0 + len_bytes).div_ceil(PAGE_SIZE);
        let mut filled = pages.map_while(|page| self.filled.get(&page));
        let Some(first) = filled.next() else { return 0 };
        let mut last = first.len_bytes;
        let mut all = last;
        for next in filled {
            if next.message != first.message || last < PAGE_SIZE {
                break;
            }
            last = next.len_bytes;
            all += last;
        }
        all
    }
}

/// The pieces of a range of addresses, page by page: where each begins, and which bytes of its page it is.
fn pieces(
    start: u64,
    len_bytes: u64,
) -> impl Iterator<Item = (GuestAddress, std::ops::Range<usize>)> {
    let end = start + len_bytes;
    let mut at = start;
    std::iter::from_fn(move || {
        let here = GuestAddress(at);
        let next = end.min((here.page() + 1) * PAGE_SIZE);
        let first = here.offset() as usize;
        let range = first..first + (next - at) as usize;
        at = next;
        (!range.is_empty()).then_some((here, range))
    })
}

#[cfg(test)]
mod tests;
