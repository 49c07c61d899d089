//! The lock-free parts under every interleaving and every value that a thread may see, by loom (stateless model checking
//! of a memory model, as CDSChecker has it: Norris and Demsky, 2013):
//! `RUSTFLAGS="--cfg loom" cargo test -p phyp --lib --target-dir target/loom loom_tests`.
//!
//! What runs here is the code that runs elsewhere, with atomics that loom knows and fewer words of pins. Only the
//! memory under a queue is a small one of its own, which keeps to the contract of [`Memory`].
//!
//! Loom knows no load that returns what is stored later than it, so it cannot tell why `publish` acquires the free
//! element: without that, the language would allow the consumer to read the next entry's low word.

use crate::endpoint::Side;
use crate::interrupt::Latch;
use crate::lock::Flag;
use crate::memory::{BadAddress, Memory};
use crate::pins::{Pins, Span};
use crate::ring;
use crate::status::{Status, StatusMask, StatusSnapshot};
use crate::sync::AtomicU64;
use crate::window::{Fault, Window};
use loom::sync::Arc;
use loom::thread;
use papr::{Access, CrqEntry, GuestAddress, Tce, TransportEvent};
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
        let taken = ring::take_entry(&*memory, AT).unwrap();
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
        let first = ring::take_entry(&*memory, AT).unwrap();
        assert_eq!(first, Some(message(1)));
        let published = producer.join().unwrap();
        let second = ring::take_entry(&*memory, AT).unwrap();
        assert_eq!(second, published.then(|| message(2)));
    });
}

#[test]
fn a_transport_event_in_a_full_queue_is_not_lost_and_takes_at_most_the_last_message_with_it() {
    loom::model(|| {
        let memory = element();
        assert_eq!(ring::publish(&*memory, AT, message(1)), Ok(true));
        let platform = thread::spawn({
            let memory = memory.clone();
            move || match ring::publish(&*memory, AT, CrqEntry::transport_event(EVENT)).unwrap() {
                true => None,
                false => Some(ring::overlay(&*memory, AT, EVENT).unwrap()),
            }
        });
        let first = ring::take_entry(&*memory, AT).unwrap();
        let overlaid = platform.join().unwrap();
        let second = ring::take_entry(&*memory, AT).unwrap();
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
    flag: Arc<Flag>,
    latch: Arc<Latch>,
}

impl Crq {
    fn new() -> Crq {
        Crq { memory: element(), flag: Arc::default(), latch: Arc::default() }
    }

    /// Does what is done with the queue's lock held.
    fn locked<T>(&self, work: impl FnOnce() -> T) -> T {
        self.flag.set();
        let result = work();
        self.flag.clear();
        result
    }

    /// A message comes, and another thread, after it has let interrupts through, looks at the queue.
    fn message_comes_beside(&self, let_through: impl FnOnce(&Latch)) {
        let sender = thread::spawn({
            let crq = self.clone();
            move || {
                crq.locked(|| {
                    assert_eq!(ring::publish(&*crq.memory, AT, message(1)), Ok(true));
                    crq.latch.pulse()
                })
            }
        });
        self.locked(|| let_through(&self.latch));
        let seen = ring::take_entry(&*self.memory, AT).unwrap().is_some();
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
        let pulsed = crq.locked(|| crq.latch.pulse());
        crq.locked(|| crq.latch.set_enabled(false));
        assert!(accepting.join().unwrap() && !pulsed);
        assert!(!crq.latch.accept(), "one interrupt, accepted twice");
    });
}

/// The holder of the lock sees all that was done under it before.
#[test]
fn a_lock_is_held_by_one_thread_after_the_other() {
    loom::model(|| {
        let (flag, sum) = (Arc::new(Flag::default()), Arc::new(Sum::default()));
        let adding = thread::spawn({
            let (flag, sum) = (flag.clone(), sum.clone());
            move || sum.add(&flag)
        });
        sum.add(&flag);
        adding.join().unwrap();
        assert_eq!(sum.0.load(Ordering::Relaxed), 2);
    });
}

/// Counts by relaxed loads and stores, which a lock must put in order.
#[derive(Default)]
struct Sum(AtomicU64);

impl Sum {
    fn add(&self, flag: &Flag) {
        flag.set();
        self.0.store(self.0.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        flag.clear();
    }
}

/// A pane of one page, the words of the copies, and who runs.
struct Panes {
    window: Window,
    pins: Pins,
    status: Status,
    /// Whether bytes move.
    moving: AtomicU64,
}

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
            moving: AtomicU64::new(0),
        };
        panes.status.set_linked(true);
        assert!(panes.map(Tce::new(GuestAddress(0), Access::ReadWrite)));
        Arc::new(panes)
    }

    fn map(&self, tce: Tce) -> bool {
        let held = |pages| self.pins.hold(Span::of(Side::Management, &pages));
        self.window.change(0..=0, held, |_| tce).is_ok()
    }

    /// What a copy does that holds the page, from its checks on.
    fn copy(&self, start: impl FnOnce() -> bool) -> Result<(), Fault> {
        self.window.entry_at(papr::Ioba(0)).unwrap().check_each(Access::Read)?;
        assert!(start());
        let still = self.window.translate(papr::Ioba(0), Access::Read);
        assert!(still.is_some(), "the page went away under the copy");
        Ok(())
    }

    /// What a copy does that holds the page and has begun when this was the status.
    fn move_bytes(&self, begun: StatusSnapshot) {
        if begun
            .lives(StatusMask::CONNECTION)
            .is_some_and(|lives| lives.go_on_as_needed(self.status.now()))
        {
            self.moving.store(1, Ordering::Relaxed);
            self.moving.store(0, Ordering::Relaxed);
        }
    }

    fn crash(&self) {
        self.status.end_life(Side::Management);
        self.pins.wait_for_copying(Side::Management);
        assert_eq!(self.moving.load(Ordering::Relaxed), 0, "memory is wiped under the copy");
    }
}

/// Runs `copy` beside a thread that takes its page away. A copy that has passed its checks keeps its page: the
/// change of the mapping is refused. One that sees the change is refused itself. Never are both let through.
fn unmapped_under(copy: fn(&Panes) -> Result<(), Fault>) {
    loom::model(move || {
        let panes = Panes::new();
        let copying = thread::spawn({
            let panes = panes.clone();
            move || copy(&panes)
        });
        let unmapped = panes.map(Tce::INVALID);
        let checked = copying.join().unwrap();
        assert!(
            unmapped || checked != Err(Fault::Denied),
            "denied by a change that did not happen"
        );
    });
}

#[test]
fn a_page_is_not_unmapped_under_a_copy_in_two_halves() {
    unmapped_under(|panes| {
        let pin = panes.pins.claim(the_page()).unwrap();
        let copied = panes.copy(|| panes.pins.start_copying(pin));
        panes.pins.release(pin);
        copied
    });
}

#[test]
fn a_page_is_not_unmapped_under_a_copy_at_once() {
    unmapped_under(|panes| {
        let _claim = panes.pins.claim_at_once(the_page()).unwrap();
        panes.copy(|| true)
    });
}

/// A crash waits for the bytes that move, and a copy that starts after it finds out.
#[test]
fn a_crash_waits_for_a_second_half_or_is_seen_by_it() {
    loom::model(|| {
        let panes = Panes::new();
        let pin = panes.pins.claim(the_page()).unwrap();
        let begun = panes.status.now();
        let copying = thread::spawn({
            let panes = panes.clone();
            move || {
                if panes.pins.start_copying(pin) {
                    panes.move_bytes(begun);
                }
                panes.pins.release(pin);
            }
        });
        panes.crash();
        copying.join().unwrap();
    });
}

/// A thread that makes a copy at once.
fn copying_at_once(panes: &Arc<Panes>) -> thread::JoinHandle<()> {
    let panes = panes.clone();
    thread::spawn(move || {
        let begun = panes.status.now();
        let _claim = panes.pins.claim_at_once(the_page()).unwrap();
        panes.move_bytes(begun);
    })
}

#[test]
fn a_crash_waits_for_a_copy_at_once_or_is_seen_by_it() {
    loom::model(|| {
        let panes = Panes::new();
        let copying = copying_at_once(&panes);
        panes.crash();
        copying.join().unwrap();
    });
}

/// LoPAR, `H_FREE_CRQ`: it is busy while a copy works with the remote pane, and no copy begins after it.
#[test]
fn a_connection_is_not_freed_under_a_copy() {
    loom::model(|| {
        let panes = Panes::new();
        let copying = copying_at_once(&panes);
        panes.status.set_linked(false);
        if !panes.pins.hold(Span::whole(Side::Management)) {
            assert_eq!(panes.moving.load(Ordering::Relaxed), 0, "freed under the copy");
        }
        copying.join().unwrap();
    });
}
