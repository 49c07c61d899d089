//! A registered queue and its cursor: LoPAR's critical section on the target CRQ.
//!
//! A send takes one lock. Before an exchange the processor waits for all that it has stored, and the last thing that a
//! send stores is the entry, in a cache line that its consumer has. So the thread that sends again and again owns the
//! lock and takes it without an exchange, until another one takes it, and a plain store gives it back (`lock`): a
//! thread that finds it taken looks again, and later yields its processor, but does not sleep. `H_EOI` and
//! `H_VIO_SIGNAL` take the queue's lock, too. A pulse of the interrupt's latch, under the same lock, is then a look,
//! unless it makes an interrupt pending. What is written while messages pass (the queue's lock and cursor, the latch)
//! is in cache lines apart from what every call reads.
//!
//! A consumer takes no lock, and frees an entry by a store; a transport event into a full queue waits for the consumer
//! that is at work, and the next ones see that it is about to come (`ring`). When a consumer begins a cache line it prefetches the one after the next, to write to it, so that it neither waits
//! for the line nor asks for it twice. A producer that does the same gains nothing: its consumer works on what lies ahead.
//! `benches/README.md` has the measurements.

use crate::memory::Memory;
use crate::ring::{self, Overlays};
use crate::window::Window;
use papr::crq::ENTRY_SIZE;
use papr::{Access, CrqEntry, GuestAddress, IoRange, Ioba, TransportEvent};

/// The header of an element is both looked at and stored.
pub(crate) const QUEUE_ACCESS: Access = Access::ReadWrite;

/// What a send needs to know of the queue it goes to and of its sender: the contents of the queue's lock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crq {
    /// Where the queue is, while it is registered.
    pub(crate) queue: Option<Queue>,
    /// Whether the partner's queue is registered, so that the connection is complete.
    pub(crate) sender_registered: bool,
    /// Whether the partner's queue is disabled by a "partner suspended" event that the partner got.
    pub(crate) sender_disabled: bool,
}

/// Geometry of a queue, kept in I/O addresses: each enqueue translates anew, so remapping is effective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Queue {
    ioba: Ioba,
    elements: u32,
    /// The element that the next entry goes to.
    cursor: u32,
}

/// An entry that is in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) element: u32,
    pub(crate) overlaid: Option<CrqEntry>,
}

/// Why an entry is not in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotPlaced {
    /// There is no queue, or the connection is not complete.
    Closed,
    /// The next element is not free, or not mapped for reading and writing any more.
    NoRoom,
}

/// How often a transport event tries for a place. A full queue has one unless its consumer frees elements
/// out of their order meanwhile.
const EVENT_ATTEMPTS: u32 = 2;

impl Crq {
    /// Enqueues an entry of the partner.
    #[inline]
    pub(crate) fn send<M: Memory>(
        &mut self,
        window: &Window,
        memory: &M,
        entry: CrqEntry,
    ) -> Result<Placed, NotPlaced> {
        if !self.sender_registered || self.sender_disabled {
            return Err(NotPlaced::Closed);
        }
        self.place(window, memory, entry)
    }

    /// Enqueues an entry of any origin.
    #[inline]
    pub(crate) fn place<M: Memory>(
        &mut self,
        window: &Window,
        memory: &M,
        entry: CrqEntry,
    ) -> Result<Placed, NotPlaced> {
        let queue = self.queue.as_mut().ok_or(NotPlaced::Closed)?;
        let element = queue.enqueue(window, memory, entry).ok_or(NotPlaced::NoRoom)?;
        Ok(Placed { element, overlaid: None })
    }

    /// Enqueues a transport event; in a full queue it replaces the last valid entry, once `wait` has waited at the gate.
    pub(crate) fn notify<M: Memory>(
        &mut self,
        window: &Window,
        memory: &M,
        event: TransportEvent,
        overlays: &Overlays,
        wait: impl Fn(),
    ) -> Result<Placed, NotPlaced> {
        let queue = self.queue.as_mut().ok_or(NotPlaced::Closed)?;
        for _ in 0..EVENT_ATTEMPTS {
            let entry = CrqEntry::transport_event(event);
            if let Some(element) = queue.enqueue(window, memory, entry) {
                return Ok(Placed { element, overlaid: None });
            }
            let overlaid = overlays.replace(&wait, || queue.overlay(window, memory, event));
            if let Some((element, overlaid)) = overlaid {
                return Ok(Placed { element, overlaid: Some(overlaid) });
            }
        }
        Err(NotPlaced::NoRoom)
    }
}

impl Queue {
    /// A queue in `range`, which is aligned and mapped.
    pub(crate) fn new(range: IoRange) -> Queue {
        Queue { ioba: range.ioba, elements: (range.len_bytes / ENTRY_SIZE) as u32, cursor: 0 }
    }

    /// How many elements the cursor is ahead of the element `of`.
    pub(crate) fn ahead(&self, of: u32) -> u32 {
        (self.cursor + self.elements - of % self.elements) % self.elements
    }

    /// How many elements hold a valid entry, of how many. A consumer may free some meanwhile.
    pub(crate) fn fill<M: Memory>(&self, window: &Window, memory: &M) -> (u32, u32) {
        let is_filled = |element: &u32| {
            self.address(*element, window).is_some_and(|at| ring::has_entry(memory, at))
        };
        ((0..self.elements).filter(is_filled).count() as u32, self.elements)
    }

    #[inline]
    fn enqueue<M: Memory>(&mut self, window: &Window, memory: &M, entry: CrqEntry) -> Option<u32> {
        let element = self.cursor;
        let at = self.address(element, window)?;
        ring::publish(memory, at, entry).ok().filter(|&published| published)?;
        self.cursor = if element + 1 == self.elements { 0 } else { element + 1 };
        Some(element)
    }

    fn overlay<M: Memory>(
        &self,
        window: &Window,
        memory: &M,
        event: TransportEvent,
    ) -> Option<(u32, CrqEntry)> {
        let last = self.cursor.checked_sub(1).unwrap_or(self.elements - 1);
        let at = self.address(last, window)?;
        Some((last, ring::overlay(memory, at, event).ok()??))
    }

    #[inline]
    fn address(&self, element: u32, window: &Window) -> Option<GuestAddress> {
        window.translate(Ioba(self.ioba.0 + u64::from(element) * ENTRY_SIZE), QUEUE_ACCESS)
    }
}
