//! The canonical state of the deterministic world between two steps: worlds that go on alike hash alike.
//!
//! Left out is what only names things or only grows: virtual time (a sleeper counts from now), generations of
//! calls, where the rings of the queues stand, which frame backs a page, the order in which activities became ready
//! or began to watch. `ibmvmc::Driver::canonical` and `phyp::Consumer` give the reasons for their parts. Session
//! numbers and incarnations stay in: scripts and fault rules are short, so there are few of them.

use crate::actor::{Actor, service};
use crate::backend::{Deterministic, Setup};
use crate::canonical_hasher::CanonicalHasher;
use crate::deterministic;
use crate::runtime::Runtime;
use crate::world::World;
use ibmvmc::{Driver, Quirks};
use papr::{GuestAddress, Ioba, PAGE_SIZE};
use phyp::Consumer;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::atomic::Ordering;

pub use crate::canonical_hasher::Fingerprint;

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
