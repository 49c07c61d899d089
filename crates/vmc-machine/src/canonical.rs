//! The canonical state of the deterministic world between two steps: worlds that go on alike hash alike.
//!
//! Left out is what only names things or only grows: virtual time (a sleeper counts from now), generations of
//! calls, where the rings of the queues stand, which frame backs a page, the order in which activities became ready
//! or began to watch. `ibmvmc::Driver::normal` and `phyp::Consumer` give the reasons for their parts. Session
//! numbers, lives and incarnations stay: scripts and faults are few, and so are they.

use crate::actor::{Actor, service};
use crate::backend::{Deterministic, Setup};
use crate::call::CallRunner;
use crate::deterministic;
use crate::runtime::Runtime;
use crate::world::World;
use ibmvmc::{CallId, Driver, Effect, Quirks};
use papr::{GuestAddress, Ioba, PAGE_SIZE};
use phyp::Consumer;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::atomic::Ordering;

/// Takes the parts of a world one after the other.
pub(crate) struct CanonicalHasher<'a> {
    pub(crate) hasher: &'a mut dyn Hasher,
    name: &'a dyn Fn(CallId) -> CallId,
    now_ns: u64,
}

impl CanonicalHasher<'_> {
    /// A call in flight.
    pub(crate) fn call(&mut self, id: Option<CallId>) {
        id.map(self.name).hash(&mut self.hasher);
    }

    /// What a call asks for.
    pub(crate) fn effect(&mut self, effect: Effect) {
        effect.canonical(self.name).hash(&mut self.hasher);
    }

    /// A virtual time, as that long from now. One that has passed is as good as another.
    pub(crate) fn time(&mut self, at_ns: Option<u64>) {
        at_ns.map(|at_ns| at_ns.saturating_sub(self.now_ns)).hash(&mut self.hasher);
    }

    /// A virtual time in the past, as that long ago.
    pub(crate) fn passed(&mut self, at_ns: u64) {
        self.now_ns.saturating_sub(at_ns).hash(&mut self.hasher);
    }

    /// A call that an activity runs, if it does.
    pub(crate) fn runner(&mut self, runner: Option<&CallRunner>) {
        runner.is_some().hash(&mut self.hasher);
        if let Some(runner) = runner {
            runner.hash_canonical(self);
        }
    }
}

/// Hashes a world between two steps.
pub fn hash<Q: Quirks>(
    world: &World<Deterministic<Driver<Q>>>,
    actors: &[Actor],
    runtime: &deterministic::Deterministic,
    state: &mut impl Hasher,
) {
    let now_ns = runtime.now_ns();
    runtime.hash_canonical(state);
    let kernel = world.kernel.lock();
    let driver = &kernel.driver;
    driver.canonical().hash(state);
    (kernel.life, &kernel.tasks, kernel.bottom_half_due).hash(state);
    kernel.watchers.iter().copied().collect::<BTreeSet<_>>().hash(state);
    let name = |id| driver.canonical_id(id);
    kernel.callers.len().hash(state);
    for (id, caller) in kernel.callers.iter() {
        (name(id), caller).hash(state);
    }
    for actor in actors {
        actor.hash_canonical(&mut CanonicalHasher { hasher: state, name: &name, now_ns });
    }
    world.process_table.lock().hash_canonical(state);
    world.orders.hash_canonical(state);
    world.faults.hash_canonical(now_ns, state);
    world.incarnations.hash_canonical(state);
    world.driver_paused.load(Ordering::Acquire).hash(state);
    world.guest.reserved_pages().hash(state);
    world.hypervisor.hash_canonical(&consumers(world, driver, actors), state);
}

/// How both sides read their queues, and which memory they use.
pub fn consumers<Q: Quirks>(
    world: &World<Deterministic<Driver<Q>>>,
    driver: &Driver<Q>,
    actors: &[Actor],
) -> [Consumer; 2] {
    [management(world, driver.queue()), platform(actors)]
}

fn management<P: Setup>(world: &World<P>, queue: Option<(ibmvmc::Dma, u16)>) -> Consumer {
    let mut pages = world.guest.mapped_pages();
    let Some((dma, next)) = queue else { return Consumer { pages, ..Consumer::default() } };
    let of_queue = dma.ioba.page()..(dma.ioba.page() + u64::from(dma.len_bytes) / PAGE_SIZE);
    let at = |page: u64| world.guest.translate(Ioba(page * PAGE_SIZE));
    let queue = of_queue.clone().filter_map(at).collect();
    pages.retain(|(page, _)| !of_queue.contains(page));
    Consumer { queue, next: next.into(), pages }
}

fn platform(actors: &[Actor]) -> Consumer {
    let Some(service) = service(actors) else { return Consumer::default() };
    let (at, elements, next) = service.service().queue();
    let queue_pages = u64::from(elements) * papr::crq::ENTRY_SIZE / PAGE_SIZE;
    let page = |n: u64| GuestAddress(at.0 + n * PAGE_SIZE);
    let all = service.service().pages();
    Consumer {
        queue: (0..queue_pages).map(page).collect(),
        next,
        pages: (queue_pages..all).map(|n| (n, page(n))).collect(),
    }
}

/// A hash that is the same in every process and on every machine: each word is folded in by a multiplication.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Odd, with as many bits set as not.
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    const STEP: u64 = 0xD6E8_FEB8_6659_FD93;

    fn word(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word ^ Self::STEP) * u128::from(Self::FACTOR);
        self.0 = (wide as u64 ^ (wide >> 64) as u64).wrapping_add(Self::STEP).rotate_left(23);
    }
}

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
        self.word(bytes.len() as u64);
    }

    fn write_u8(&mut self, n: u8) {
        self.word(n.into());
    }

    fn write_u16(&mut self, n: u16) {
        self.word(n.into());
    }

    fn write_u32(&mut self, n: u32) {
        self.word(n.into());
    }

    fn write_u64(&mut self, n: u64) {
        self.word(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.word(n as u64);
    }

    fn write_isize(&mut self, n: isize) {
        self.word(n as u64);
    }

    fn finish(&self) -> u64 {
        let mut last = *self;
        last.word(0);
        last.0
    }
}
