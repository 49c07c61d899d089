//! The canonical state of a machine, for the exploration of its states: machines that behave alike
//! from now on hash alike.
//!
//! What is left out, and why it makes no difference:
//!
//! - Where in its ring a queue stands. Producer and consumer walk it in the same direction and modulo its length, so
//!   only what lies between them counts; elements are hashed from the consumer's next one on.
//! - The bytes of free elements. A producer writes both words of an element before it is valid.
//! - Which frame backs a page of a window. Only the owner's memory management sees frames; pages are hashed by
//!   their window address, with what they hold, and a TCE by its access bits.
//! - Memory that its owner's memory management counts as free. It is zeroed when it is given out again.
//! - What a thread remembers of translations, and in which epoch: the answers are those of the TCEs.

use crate::backend::Backend;
use crate::endpoint::Side;
use crate::hypervisor::Hypervisor;
use crate::memory::{CowMemory, Page};
use crate::ring;
use papr::crq::ENTRY_SIZE;
use papr::{CrqEntry, GuestAddress, PAGE_SIZE};
use std::hash::{Hash, Hasher};
use std::sync::atomic::Ordering;

/// What the machine does not know of a partition: how it reads its queue, and which memory it uses.
#[derive(Clone, Debug, Default)]
pub struct Consumer {
    /// The pages of the queue, in order; none when there is no queue.
    pub queue: Vec<GuestAddress>,
    /// The element that is looked at next.
    pub next: u32,
    /// Pages in use beside the queue: a name for each, and where it lies.
    pub pages: Vec<(u64, GuestAddress)>,
}

impl<P: Backend<Memory = CowMemory>> Hypervisor<P> {
    /// Hashes the machine's canonical state; `consumers` are the management partition and the platform.
    pub fn hash_canonical(&self, consumers: &[Consumer; 2], state: &mut impl Hasher) {
        self.connection.lock().hash(state);
        self.status.now().hash(state);
        self.pins.claimed().for_each(|claimed| claimed.hash(state));
        self.vmc.exists().hash(state);
        self.vmc.hmc_attached.load(Ordering::Acquire).hash(state);
        for (side, consumer) in Side::BOTH.into_iter().zip(consumers) {
            self.hash_endpoint(side, consumer, state);
        }
    }

    /// What lies in both queues, the next entry first; `consumers` are the management partition and the platform.
    pub fn queued(&self, consumers: &[Consumer; 2]) -> [Vec<CrqEntry>; 2] {
        Side::BOTH.map(|side| {
            let valid = valid_entries(&self.endpoint(side).memory, &consumers[side as usize]);
            valid.into_iter().map(|(_, entry)| entry).collect()
        })
    }

    fn hash_endpoint(&self, side: Side, consumer: &Consumer, state: &mut impl Hasher) {
        let endpoint = self.endpoint(side);
        endpoint.latch.bits().hash(state);
        let crq = endpoint.crq.lock();
        (crq.sender_registered, crq.sender_disabled).hash(state);
        crq.queue.map(|queue| queue.ahead(consumer.next)).hash(state);
        drop(crq);
        for page in 0..endpoint.window.pages() {
            endpoint.window.get(page).map(|tce| tce.access()).hash(state);
        }
        valid_entries(&endpoint.memory, consumer).hash(state);
        consumer.pages.len().hash(state);
        for (name, at) in &consumer.pages {
            name.hash(state);
            endpoint.memory.look_at_page(*at, |page| match page {
                Some(page) => hash_page(page, state),
                // Like one of zeros.
                None => u32::MAX.hash(state),
            });
        }
    }
}

/// The valid elements of a queue, each with its distance from the next one, ascending.
fn valid_entries(memory: &CowMemory, consumer: &Consumer) -> Vec<(u32, CrqEntry)> {
    let per_page = (PAGE_SIZE / ENTRY_SIZE) as u32;
    let elements = consumer.queue.len() as u32 * per_page;
    let mut valid = Vec::new();
    for (number, at) in (0..).zip(&consumer.queue) {
        memory.look_at_page(*at, |page| {
            // One that was never written holds nothing.
            let Some(page) = page else { return };
            for (element, bytes) in (number * per_page..).zip(page.as_chunks().0) {
                if let Some(entry) = ring::valid_entry(bytes) {
                    let distance = (element + elements - consumer.next) % elements;
                    valid.push((distance, entry));
                }
            }
        });
    }
    valid.sort_unstable();
    valid
}

/// Hashes what a page holds beside zeros.
fn hash_page(page: &Page, state: &mut impl Hasher) {
    for (number, word) in (0u32..).zip(page.as_chunks().0) {
        let word = u64::from_be_bytes(*word);
        if word != 0 {
            (number, word).hash(state);
        }
    }
    u32::MAX.hash(state);
}
