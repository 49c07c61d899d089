//! The lock-free parts under every interleaving and every value that a thread may see, by loom (stateless model checking
//! of a memory model, as CDSChecker has it: Norris and Demsky, 2013):
//! `RUSTFLAGS="--cfg loom" cargo test -p phyp --lib --target-dir target/loom loom_tests`.
//!
//! What runs here is the code that runs elsewhere, with atomics that loom knows and fewer words of pins. Only the
//! memory under a queue is a small one of its own, which keeps to the contract of [`Memory`].
//!
//! Loom knows no load that returns what is stored later than it, so it cannot tell why the consumer frees an element with
//! release, and why `publish` acquires it: without these, the language would allow the consumer to read the next
//! entry's low word.

use crate::asymmetric::{Announcement, heavy, light};
use crate::endpoint::Side;
use crate::interrupt::Latch;
use crate::lock::Biased;
use crate::memory::{BadAddress, Memory};
use crate::pins::{Pins, Span};
use crate::ring::{self, Freeing, Overlays};
use crate::status::{Status, StatusMask};
use crate::sync::AtomicU64;
use crate::translations::{Cache, Epoch, Piece, Role};
use crate::window::{Fault, Window};
use loom::sync::Arc;
use loom::thread;
use papr::{
    Access, CopyRdma, CrqEntry, GuestAddress, Ioba, Liobn, PartitionId, Tce, TransportEvent,
};
use std::sync::atomic::Ordering;

const AT: GuestAddress = GuestAddress(0);
const EVENT: TransportEvent = TransportEvent::PARTNER_FAILED;

/// One element of a queue.
///
/// Loom remembers one access of each atomic, the last one. A thread that looks at a word before it stores there
/// hides its own store from what loom remembers of another thread's look, and orders are left out. So every access
/// here takes a number first, from a counter that all accesses change and that orders nothing for the language:
/// loom then tries them in every order.
struct Element {
    words: [AtomicU64; 2],
    accesses: AtomicU64,
}

impl Element {
    fn word(&self, at: GuestAddress) -> Result<&AtomicU64, BadAddress> {
        self.accesses.fetch_add(1, Ordering::Relaxed);
        let bad = BadAddress { address: at, len_bytes: 8 };
        self.words.get((at.0 / 8) as usize).ok_or(bad)
    }
}

impl Memory for Element {
    fn new(_: u64) -> Element {
        let words = [AtomicU64::new(0), AtomicU64::new(0)];
        Element { words, accesses: AtomicU64::new(0) }
    }

    fn pages(&self) -> u64 {
        1
    }

    fn load(&self, at: GuestAddress, order: Ordering) -> Result<u64, BadAddress> {
        Ok(self.word(at)?.load(order))
    }

    fn store(&self, at: GuestAddress, value: u64, order: Ordering) -> Result<(), BadAddress> {
        self.word(at)?.store(value, order);
        Ok(())
    }

    fn compare_exchange(
        &self,
        at: GuestAddress,
        current: u64,
        new: u64,
    ) -> Result<Result<u64, u64>, BadAddress> {
        let word = self.word(at)?;
        Ok(word.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire))
    }

    fn read(&self, at: GuestAddress, _: &mut [u8]) -> Result<(), BadAddress> {
        Err(BadAddress { address: at, len_bytes: 0 })
    }

    fn write(&self, at: GuestAddress, _: &[u8]) -> Result<(), BadAddress> {
        Err(BadAddress { address: at, len_bytes: 0 })
    }

    fn copy_to(
        &self,
        from: GuestAddress,
        _: &Element,
        _: GuestAddress,
        len_bytes: u64,
    ) -> Result<(), BadAddress> {
        Err(BadAddress { address: from, len_bytes })
    }

    fn clear(&self) {}
}

fn message(n: u64) -> CrqEntry {
    CrqEntry::from_words(0x8006_0000_0000_0000 | n, n)
}

fn element() -> Arc<Element> {
    Arc::new(Element::new(1))
}

#[test]
fn an_entry_is_taken_whole_or_not_at_all() {
    loom::model(|| {
        let memory = element();
        let producer = thread::spawn({
            let memory = memory.clone();
            move || assert_eq!(ring::publish(&*memory, AT, message(1)), Ok(true))
        });
        let taken = ring::take_entry(&*memory, AT, Freeing::Store).unwrap();
        assert!(taken.is_none_or(|entry| entry == message(1)), "{taken:?}");
        producer.join().unwrap();
    });
}

/// An element is used again only when its consumer has read both words.
#[test]
fn an_element_that_was_taken_is_used_again() {
    loom::model(|| {
        let memory = element();
        assert_eq!(ring::publish(&*memory, AT, message(1)), Ok(true));
        let producer = thread::spawn({
            let memory = memory.clone();
            move || ring::publish(&*memory, AT, message(2)).unwrap()
        });
        let first = ring::take_entry(&*memory, AT, Freeing::Store).unwrap();
        assert_eq!(first, Some(message(1)));
        let published = producer.join().unwrap();
        let second = ring::take_entry(&*memory, AT, Freeing::Store).unwrap();
        assert_eq!(second, published.then(|| message(2)));
    });
}

/// A queue of one element, which is full.
struct Full {
    memory: Element,
    overlays: Overlays,
    gate: Gate,
}

impl Full {
    fn new() -> Arc<Full> {
        let memory = Element::new(1);
        assert_eq!(ring::publish(&memory, AT, message(1)), Ok(true));
        Arc::new(Full { memory, overlays: Overlays::default(), gate: Gate::default() })
    }

    fn take(&self) -> Option<CrqEntry> {
        self.gate.inside(|| self.overlays.take(&self.memory, AT).unwrap())
    }

    /// A transport event comes; what it replaces if the element is not free.
    fn notify(&self) -> Option<Option<CrqEntry>> {
        if ring::publish(&self.memory, AT, CrqEntry::transport_event(EVENT)).unwrap() {
            return None;
        }
        let overlay = || ring::overlay(&self.memory, AT, EVENT).unwrap();
        Some(self.overlays.replace(|| self.gate.wait(), overlay))
    }
}

#[test]
fn a_transport_event_in_a_full_queue_is_not_lost_and_takes_at_most_the_last_message_with_it() {
    loom::model(|| {
        let full = Full::new();
        let platform = thread::spawn({
            let full = full.clone();
            move || full.notify()
        });
        let first = full.take();
        let overlaid = platform.join().unwrap();
        let second = full.take();
        let event = Some(CrqEntry::transport_event(EVENT));
        match overlaid {
            // It found the element free, or freed it cannot be for long: it comes in the next one then.
            None => assert_eq!((first, second), (Some(message(1)), event)),
            Some(None) => assert_eq!((first, second), (Some(message(1)), None)),
            Some(lost) => {
                assert_eq!(lost, Some(message(1)));
                assert_eq!((first, second), (event, None));
            }
        }
    });
}

/// A queue of one element with its lock, and its interrupt.
#[derive(Clone)]
struct Crq {
    memory: Arc<Element>,
    lock: Arc<Biased>,
    latch: Arc<Latch>,
}

impl Crq {
    fn new() -> Crq {
        Crq { memory: element(), lock: Arc::default(), latch: Arc::default() }
    }

    /// Does what is done with the queue's lock held, by the thread with this number.
    fn locked<T>(&self, thread: u64, work: impl FnOnce() -> T) -> T {
        self.lock.enter(thread);
        let result = work();
        self.lock.leave();
        result
    }

    /// A message comes, and another thread, after it has let interrupts through, looks at the queue.
    fn message_comes_beside(&self, let_through: impl FnOnce(&Latch)) {
        let sender = thread::spawn({
            let crq = self.clone();
            move || {
                crq.locked(1, || {
                    assert_eq!(ring::publish(&*crq.memory, AT, message(1)), Ok(true));
                    crq.latch.pulse()
                })
            }
        });
        self.locked(0, || let_through(&self.latch));
        let seen = ring::take_entry(&*self.memory, AT, Freeing::Store).unwrap().is_some();
        let pulsed = sender.join().unwrap();
        assert!(seen || pulsed && self.latch.accept(), "no thread would ever look");
    }
}

/// LoPAR, CRQ Facility Interrupt Notification: a look at the queue after `H_EOI` misses nothing.
#[test]
fn a_message_gives_an_interrupt_or_is_seen_after_the_end_of_the_last_one() {
    loom::model(|| {
        let crq = Crq::new();
        crq.latch.set_enabled(true);
        assert!(crq.latch.pulse() && crq.latch.accept());
        crq.message_comes_beside(Latch::end);
    });
}

/// The same of `H_VIO_SIGNAL`: a look at the queue after enabling misses nothing.
#[test]
fn a_message_gives_an_interrupt_or_is_seen_after_enabling() {
    loom::model(|| Crq::new().message_comes_beside(|latch| latch.set_enabled(true)));
}

/// `H_XIRR` takes no lock. It accepts what is pending once, while the mode changes and another message arrives.
#[test]
fn an_interrupt_is_accepted_once_beside_a_change_of_the_mode_and_a_message() {
    loom::model(|| {
        let crq = Crq::new();
        crq.latch.set_enabled(true);
        assert!(crq.latch.pulse());
        let accepting = thread::spawn({
            let crq = crq.clone();
            move || crq.latch.accept()
        });
        let pulsed = crq.locked(0, || crq.latch.pulse());
        crq.locked(0, || crq.latch.set_enabled(false));
        assert!(accepting.join().unwrap() && !pulsed);
        assert!(!crq.latch.accept(), "one interrupt, accepted twice");
    });
}

/// The holder of the lock sees all that was done under it before, whether it came in by the flag or as the owner.
#[test]
fn a_lock_is_held_by_one_thread_after_the_other() {
    for owner_is_inside in [1, 2] {
        loom::model(move || {
            let sum = Arc::new(Sum::default());
            // The first time makes it the owner.
            sum.add(0);
            let adding = thread::spawn({
                let sum = sum.clone();
                move || sum.add(1)
            });
            (0..owner_is_inside).for_each(|_| sum.add(0));
            adding.join().unwrap();
            sum.lock.enter(2);
            assert_eq!(sum.sum.load(Ordering::Relaxed), 2 + owner_is_inside);
            sum.lock.leave();
        });
    }
}

/// Counts by relaxed loads and stores, which a lock must put in order.
#[derive(Default)]
struct Sum {
    lock: Biased,
    sum: AtomicU64,
}

impl Sum {
    fn add(&self, thread: u64) {
        self.lock.enter(thread);
        self.sum.store(self.sum.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        self.lock.leave();
    }
}

/// What [`crate::gate::ThreadGate`] does for the one thread that is the frequent side.
#[derive(Default)]
struct Gate(Announcement);

impl Gate {
    fn inside<T>(&self, work: impl FnOnce() -> T) -> T {
        let _announced = self.0.announce();
        light();
        work()
    }

    fn wait(&self) {
        heavy();
        self.0.wait();
    }
}

/// A pane of one page, the copies that work with it, and who runs.
struct Panes {
    window: Window,
    pins: Pins,
    status: Status,
    epoch: Epoch,
    /// Where the copying thread announces itself.
    gate: Gate,
    /// Whether bytes move.
    moving: AtomicU64,
}

const CALLER: PartitionId = PartitionId(1);
const LIOBN: Liobn = Liobn(3);

/// A copy within the page.
const COPY: CopyRdma = CopyRdma {
    len_bytes: 8,
    source_liobn: LIOBN,
    source_ioba: Ioba(0),
    destination_liobn: LIOBN,
    destination_ioba: Ioba(16),
};

/// The page at both ends.
fn the_page() -> [Span; 2] {
    [Span::new(Side::Management, 0, 1); 2]
}

impl Panes {
    fn new() -> Arc<Panes> {
        let panes = Panes {
            window: Window::new(1),
            pins: Pins::new(),
            status: Status::default(),
            epoch: Epoch::new(),
            gate: Gate::default(),
            moving: AtomicU64::new(0),
        };
        panes.status.set_linked(true);
        assert!(panes.map(Tce::new(GuestAddress(0), Access::ReadWrite)));
        Arc::new(panes)
    }

    /// What [`crate::Hypervisor::settle`] does.
    fn settle(&self) {
        self.epoch.advance();
        self.gate.wait();
    }

    fn map(&self, tce: Tce) -> bool {
        let held = |pages| self.pins.hold(Span::of(Side::Management, &pages));
        self.window.change(0..=0, || self.settle(), held, |_| tce).is_ok()
    }

    /// The checks of a copy, or what is known of them from before. Inside the gate.
    fn check(&self, cache: &Cache) -> Result<(), Fault> {
        let stamp = self.epoch.stamp(CALLER);
        if cache.both(stamp, &COPY).is_some() {
            return Ok(());
        }
        let now = self.status.now();
        let lives = now.lives(StatusMask::CONNECTION).ok_or(Fault::Denied)?;
        if !lives.go_on_as_needed(now) {
            return Err(Fault::Denied);
        }
        let Some((address, pages)) = self.window.piece(0, 1, Access::ReadWrite) else {
            let entries = self.window.entries(Ioba(0), 8).unwrap();
            return entries.check_each(Access::ReadWrite);
        };
        let piece = Piece { owner: Side::Management, address, pages };
        cache.fill(Role::Source, stamp, LIOBN, Ioba(0), piece);
        cache.fill(Role::Destination, stamp, LIOBN, Ioba(0), piece);
        Ok(())
    }

    /// Moves the bytes of a copy that has passed its checks. Its page stays where it was.
    fn move_bytes(&self) {
        self.moving.store(1, Ordering::Relaxed);
        let still = self.window.translate(Ioba(0), Access::Read);
        assert!(still.is_some(), "the page went away under the copy");
        self.moving.store(0, Ordering::Relaxed);
    }

    fn copy_at_once(&self, cache: &Cache) -> Result<(), Fault> {
        self.gate.inside(|| {
            self.check(cache)?;
            self.move_bytes();
            Ok(())
        })
    }

    /// Both halves, with nothing in between.
    fn copy_in_halves(&self, cache: &Cache) -> Result<(), Fault> {
        let begun = self.gate.inside(|| {
            self.check(cache)?;
            let lives = self.status.now().lives(StatusMask::CONNECTION).ok_or(Fault::Denied)?;
            Ok((lives, self.pins.claim(the_page()).unwrap()))
        });
        let (lives, pin) = begun?;
        self.gate.inside(|| {
            assert!(self.pins.is_held(pin));
            if lives.go_on(self.status.now()) {
                self.move_bytes();
            }
            assert!(self.pins.release(pin));
        });
        Ok(())
    }

    fn crash(&self) {
        self.status.end_life(Side::Management);
        self.status.set_linked(false);
        self.settle();
        assert_eq!(self.moving.load(Ordering::Relaxed), 0, "memory is wiped under the copy");
        self.window.invalidate();
    }
}

type Copy = fn(&Panes, &Cache) -> Result<(), Fault>;

/// Runs a copy, of which nothing is known or everything, beside a thread that does something.
fn beside_a_copy(copy: Copy, intrusion: fn(&Panes)) {
    for known in [false, true] {
        loom::model(move || {
            let (panes, cache) = (Panes::new(), Cache::new());
            if known {
                assert_eq!(panes.check(&cache), Ok(()));
            }
            let copying = thread::spawn({
                let panes = panes.clone();
                move || copy(&panes, &cache)
            });
            intrusion(&panes);
            let _either_way = copying.join().unwrap();
        });
    }
}

/// A copy that has passed its checks keeps its page until its bytes have moved: the change of the mapping is refused, or
/// waits. One that sees the change is refused itself.
#[test]
fn a_page_is_not_unmapped_under_a_copy_at_once() {
    beside_a_copy(Panes::copy_at_once, |panes| {
        assert!(panes.map(Tce::INVALID), "a copy at once is waited for");
        assert_eq!(panes.check(&Cache::new()), Err(Fault::Denied));
    });
}

#[test]
fn a_page_is_not_unmapped_under_a_copy_in_two_halves() {
    beside_a_copy(Panes::copy_in_halves, |panes| {
        let unmapped = panes.map(Tce::INVALID);
        assert_eq!(panes.check(&Cache::new()), if unmapped { Err(Fault::Denied) } else { Ok(()) });
    });
}

/// A copy is not denied by a change that does not happen.
#[test]
fn a_copy_beside_a_refused_change_is_busy_or_made() {
    loom::model(|| {
        let panes = Panes::new();
        let pin = panes.pins.claim(the_page()).unwrap();
        let copying = thread::spawn({
            let panes = panes.clone();
            move || panes.copy_at_once(&Cache::new())
        });
        assert!(!panes.map(Tce::INVALID));
        assert!(panes.pins.release(pin));
        assert_ne!(copying.join().unwrap(), Err(Fault::Denied));
    });
}

#[test]
fn a_crash_waits_for_a_copy_at_once_or_is_seen_by_it() {
    beside_a_copy(Panes::copy_at_once, Panes::crash);
}

#[test]
fn a_crash_waits_for_a_second_half_or_is_seen_by_it() {
    beside_a_copy(Panes::copy_in_halves, Panes::crash);
}

/// LoPAR, `H_FREE_CRQ`: it is busy while a copy works with the remote pane, and no copy begins after it.
#[test]
fn a_connection_is_not_freed_under_a_copy() {
    for copy in [Panes::copy_at_once as Copy, Panes::copy_in_halves] {
        beside_a_copy(copy, |panes| {
            panes.status.set_linked(false);
            panes.settle();
            if !panes.pins.hold(Span::whole(Side::Management)) {
                assert_eq!(panes.moving.load(Ordering::Relaxed), 0, "freed under the copy");
                assert_eq!(panes.check(&Cache::new()), Err(Fault::Denied));
            }
        });
    }
}

/// An announcement that ends hands over what was done during it, without another store.
#[test]
fn the_rare_side_sees_the_work_that_it_has_waited_for() {
    loom::model(|| {
        let (announcement, closed) =
            (Arc::new(Announcement::default()), Arc::new(AtomicU64::new(0)));
        let work = Arc::new(loom::cell::UnsafeCell::new(0));
        let working = thread::spawn({
            let (announcement, closed, work) = (announcement.clone(), closed.clone(), work.clone());
            move || {
                let _announced = announcement.announce();
                light();
                if closed.load(Ordering::Acquire) == 0 {
                    work.with_mut(|_| ());
                }
            }
        });
        closed.store(1, Ordering::Release);
        heavy();
        announcement.wait();
        work.with_mut(|_| ());
        working.join().unwrap();
    });
}
