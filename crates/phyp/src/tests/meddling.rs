//! Consumer and hypervisor at the same element of a queue, the one between two looks of the other.

use crate::crq::{Crq, Placed, QUEUE_ACCESS, Queue};
use crate::ring::{Freeing, Overlays, take_entry};
use crate::window::Window;
use crate::{BadAddress, CowMemory, Memory, ring};
use papr::crq::ENTRY_SIZE;
use papr::{CrqEntry, GuestAddress, IoRange, Ioba, Liobn, PAGE_SIZE, Tce, TransportEvent};
use std::cell::Cell;
use std::sync::atomic::Ordering;

/// The first element of the queue.
const FIRST: GuestAddress = GuestAddress(0);

const ELEMENTS: u64 = PAGE_SIZE / ENTRY_SIZE;

/// Memory with one queue at address 0, where another thread acts once: right after the next look at the first
/// element.
struct Meddled {
    memory: CowMemory,
    meddle: Cell<Option<fn(&CowMemory)>>,
}

impl Meddled {
    fn looked(&self, at: GuestAddress) {
        if at == FIRST
            && let Some(meddle) = self.meddle.take()
        {
            meddle(&self.memory);
        }
    }
}

impl Memory for Meddled {
    fn new(pages: u64) -> Meddled {
        Meddled { memory: CowMemory::new(pages), meddle: Cell::new(None) }
    }

    fn pages(&self) -> u64 {
        self.memory.pages()
    }

    fn load(&self, at: GuestAddress, order: Ordering) -> Result<u64, BadAddress> {
        let value = self.memory.load(at, order);
        self.looked(at);
        value
    }

    fn store(&self, at: GuestAddress, value: u64, order: Ordering) -> Result<(), BadAddress> {
        self.memory.store(at, value, order)
    }

    fn compare_exchange(
        &self,
        at: GuestAddress,
        current: u64,
        new: u64,
    ) -> Result<Result<u64, u64>, BadAddress> {
        self.memory.compare_exchange(at, current, new)
    }

    fn read(&self, at: GuestAddress, out: &mut [u8]) -> Result<(), BadAddress> {
        self.memory.read(at, out)
    }

    fn write(&self, at: GuestAddress, bytes: &[u8]) -> Result<(), BadAddress> {
        self.memory.write(at, bytes)
    }

    fn copy_to(
        &self,
        from: GuestAddress,
        destination: &Meddled,
        to: GuestAddress,
        len_bytes: u64,
    ) -> Result<(), BadAddress> {
        self.memory.copy_to(from, &destination.memory, to, len_bytes)
    }

    fn clear(&self) {
        self.memory.clear();
    }
}

#[test]
fn an_event_is_enqueued_when_the_full_queue_was_emptied_after_the_first_look() {
    let (memory, window) = (Meddled::new(1), Window::new(1));
    window.change(0..=0, || (), |_| false, |_| Tce::new(GuestAddress(0), QUEUE_ACCESS)).unwrap();
    let range = IoRange { liobn: Liobn(1), ioba: Ioba(0), len_bytes: PAGE_SIZE };
    let queue = Some(Queue::new(range));
    let mut crq = Crq { queue, sender_registered: true, sender_disabled: false };
    for n in 0..ELEMENTS {
        crq.send(&window, &memory, super::message(n)).unwrap();
    }
    memory.meddle.set(Some(|memory| {
        for element in 0..ELEMENTS {
            take_entry(memory, GuestAddress(element * ENTRY_SIZE), Freeing::Exchange).unwrap();
        }
    }));
    let event = TransportEvent::PARTNER_FAILED;
    let placed = crq.notify(&window, &memory, event, &Overlays::default(), || ());
    assert_eq!(placed, Ok(Placed { element: 0, overlaid: None }));
    let taken = take_entry(&memory, FIRST, Freeing::Exchange).unwrap();
    assert_eq!(taken, Some(CrqEntry::transport_event(event)));
}

#[test]
fn an_event_that_overlays_an_entry_while_it_is_taken_is_taken_instead() {
    let memory = Meddled::new(1);
    assert_eq!(ring::publish(&memory, FIRST, super::message(1)), Ok(true));
    memory.meddle.set(Some(|memory| {
        let overlaid = ring::overlay(memory, FIRST, TransportEvent::PARTNER_FAILED);
        assert_eq!(overlaid, Ok(Some(super::message(1))));
    }));
    let event = CrqEntry::transport_event(TransportEvent::PARTNER_FAILED);
    assert_eq!(take_entry(&memory, FIRST, Freeing::Exchange), Ok(Some(event)));
    assert_eq!(take_entry(&memory, FIRST, Freeing::Exchange), Ok(None));
}
