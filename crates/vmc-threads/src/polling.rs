//! Who looks at the queue of a bottom half that has left its interrupt disabled.
//!
//! An activity that waits in a call looks at the bottom half's queue for a while and does its work, as busy polling
//! of a network socket does: it is a *poller*. A bottom half that finds its queue empty meanwhile is *left* there: it
//! has not enabled its interrupt. A poller that has looked in vain becomes a *sleeper*: it blocks.
//!
//! What must not be is a lost wake-up: a sleeper while the bottom half is left and there is no poller. How many pollers and sleepers
//! there are, and whether the bottom half is left, is one word ([`Watch`]). Changes of one atomic word have an order,
//! so one of them makes it so, and its author hands the bottom half back: the bottom half's own thread goes on. It
//! enables the interrupt, looks once more, and is left no more. Whether it is to go on is a bit that no poller can
//! take away, unlike a wake-up.
//!
//! So everything depends on three rules:
//!
//! 1. An activity is counted as a sleeper in the same change by which it stops to be a poller.
//! 2. The word says that the bottom half is left before the lock around it is released.
//! 3. Each change that can make it so looks at what it has made.
//!
//! Wake-ups of the bottom half, which an interrupt or a call schedules, are the pollers' while there are any, so that
//! they need no system call. One that comes when the last poller leaves is seen by either of the two.
//!
//! When no activity sleeps in a call, the bottom half may stay: the next call comes soon, as a rule. It goes on when every
//! activity waits and, with guests, when none has looked for [`GRACE`](crate::threads::GRACE).

use crate::sync::{AtomicU64, Mutex, MutexGuard, Parker, fence_for_loom, spin_loop, yield_now};
use crate::threads::Threads;
use std::sync::atomic::Ordering;

/// How often one looks before the processor is lent to others between looks.
const SPINS: u32 = if cfg!(loom) { 0 } else { 1 << 13 };

/// How often one looks before one sleeps.
const LOOKS: u32 = SPINS + if cfg!(loom) { 1 } else { 1 << 7 };

/// Pollers, sleepers, and whether the bottom half is left at its queue.
#[derive(Debug, Default)]
pub(crate) struct Watch(AtomicU64);

impl Watch {
    pub(crate) const POLLER: u64 = 1;
    const SLEEPER: u64 = 1 << 24;
    const LEFT: u64 = 1 << 48;

    /// Adds, modulo 2^64; what it is then.
    pub(crate) fn change(&self, by: u64) -> Seen {
        Seen(self.0.fetch_add(by, Ordering::SeqCst).wrapping_add(by))
    }

    fn see(&self) -> Seen {
        Seen(self.0.load(Ordering::SeqCst))
    }

    pub(crate) fn pollers(&self) -> u64 {
        self.see().pollers()
    }

    pub(crate) fn sleepers(&self) -> u64 {
        self.see().sleepers()
    }

    pub(crate) fn is_left(&self) -> bool {
        self.see().is_left()
    }
}

/// The word as it was at a moment.
#[derive(Clone, Copy)]
pub(crate) struct Seen(u64);

impl Seen {
    fn pollers(self) -> u64 {
        self.0 % Watch::SLEEPER
    }

    fn sleepers(self) -> u64 {
        self.0 / Watch::SLEEPER % Watch::SLEEPER
    }

    fn is_left(self) -> bool {
        self.0 >= Watch::LEFT
    }

    /// What must not be.
    fn is_unwatched(self) -> bool {
        self.is_left() && self.pollers() == 0 && self.sleepers() > 0
    }
}

/// Where the bottom half lies, for its own thread and for pollers.
#[derive(Debug)]
pub struct SharedActor<A> {
    place: Mutex<Place<A>>,
}

#[derive(Debug)]
struct Place<A> {
    actor: A,
    /// As the word has it.
    is_left: bool,
    /// The count of others' looks when its own thread ran last.
    looks_before: u64,
}

impl<A> SharedActor<A> {
    /// A bottom half that is not at its queue.
    pub fn new(actor: A) -> SharedActor<A> {
        SharedActor { place: Mutex::new(Place { actor, is_left: false, looks_before: 0 }) }
    }

    /// The bottom half, when the run is over.
    pub fn into_inner(self) -> A {
        self.place.into_inner().actor
    }

    /// Shows the bottom half, unless a thread has it.
    pub fn peek<T>(&self, look: impl FnOnce(&A) -> T) -> Option<T> {
        Some(look(&self.place.try_lock()?.actor))
    }
}

/// What is done with the bottom half.
pub trait BottomHalf {
    /// Where it stands.
    type Actor;
    /// How its own thread goes on.
    type Progress;

    /// Handles what is in the queue and leaves it there when it is empty. `is_due`: it may have been scheduled.
    /// What takes a thread of its own is left to that ([`Threads::wake_bottom_half`]).
    fn look(&self, actor: &mut Self::Actor, is_due: bool);

    /// Whether it is left at its queue, so that the interrupt is disabled.
    fn is_left(&self, actor: &Self::Actor) -> bool;

    /// Goes on, on its own thread, until it waits.
    fn go_on(&self, actor: &mut Self::Actor) -> Self::Progress;
}

impl<W: Copy> Threads<W> {
    /// An activity waits in a call: it does the bottom half's work for a while, and then sleeps. `false` when the run
    /// is over.
    pub fn poll_and_block<B: BottomHalf>(
        &self,
        bottom_half: (&B, &SharedActor<B::Actor>),
        me: (usize, &Parker),
        until_ns: Option<u64>,
        why: W,
    ) -> bool {
        self.poll_briefly_and_block(bottom_half, me, (until_ns, why), LOOKS, || ())
    }

    /// The same for one that looks no more often than so, and has to do something before it sleeps.
    pub fn poll_briefly_and_block<B: BottomHalf>(
        &self,
        (bottom_half, shared): (&B, &SharedActor<B::Actor>),
        (id, parker): (usize, &Parker),
        (until_ns, why): (Option<u64>, W),
        mut looks: u32,
        before_sleep: impl FnOnce(),
    ) -> bool {
        self.watch.change(Watch::POLLER);
        let has_ended = self.look(1, id, || {
            self.look_once(bottom_half, shared);
            looks = looks.saturating_sub(1);
            looks == 0
        });
        if has_ended && looks > 0 {
            self.poller_leaves(Watch::POLLER.wrapping_neg());
            return true;
        }
        self.poller_leaves(Watch::SLEEPER - Watch::POLLER);
        before_sleep();
        let is_woken = self.block(id, parker, until_ns, why);
        self.watch.change(Watch::SLEEPER.wrapping_neg());
        is_woken
    }

    /// A poller stops looking. A wake-up of an activity whose work pollers do, and that none of them has seen, is its own
    /// thread's.
    pub(crate) fn poller_leaves(&self, change: u64) {
        let now = self.watch.change(change);
        if now.is_unwatched() {
            self.hand_back();
        }
        fence_for_loom();
        if now.pollers() > 0 {
            return;
        }
        for &id in self.lent.iter().chain([&self.bottom_half]) {
            if self.marks[id].has_token() {
                self.wake_own_thread(id);
            }
        }
    }

    /// Looks until something is there, a wake-up of this activity included, or it was often enough; whether there is.
    #[inline]
    pub fn look(&self, looks_per_token: u32, id: usize, mut look: impl FnMut() -> bool) -> bool {
        for looks in 0..LOOKS {
            if looks.is_multiple_of(looks_per_token) {
                if self.take_token(id) {
                    return true;
                }
                if self.is_aborted() {
                    return false;
                }
                self.turns.count_turn(id);
            }
            if look() {
                return true;
            }
            if looks < SPINS { spin_loop() } else { yield_now() }
        }
        false
    }

    /// Does the bottom half's work once, unless another thread does.
    #[inline]
    pub fn look_once<B: BottomHalf>(&self, bottom_half: &B, shared: &SharedActor<B::Actor>) {
        if let Some(mut place) = shared.place.try_lock() {
            let is_due = self.take_token(self.bottom_half);
            self.turns.count_look();
            bottom_half.look(&mut place.actor, is_due);
            self.note_whether_left(bottom_half, &mut place);
            self.turns.count_look();
        }
    }

    /// What the bottom half's own thread does when it was woken. Where pollers have left it at its queue it looks there
    /// and stays, unless it is to go on; `None` when it stays.
    pub fn run_bottom_half<B: BottomHalf>(
        &self,
        bottom_half: &B,
        shared: &SharedActor<B::Actor>,
    ) -> Option<B::Progress> {
        let mut place = shared.place.lock();
        let is_to_go_on = self.marks[self.bottom_half].take_go_on();
        let looks = self.turns.looks();
        let is_forgotten = self.time.follows_clock() && looks == place.looks_before;
        place.looks_before = looks;
        if place.is_left && !is_to_go_on && !is_forgotten {
            bottom_half.look(&mut place.actor, true);
            self.note_whether_left(bottom_half, &mut place);
            if place.is_left && !self.is_aborted() {
                return None;
            }
        }
        let progress = bottom_half.go_on(&mut place.actor);
        self.turns.count_turn(self.bottom_half);
        self.note_whether_left(bottom_half, &mut place);
        Some(progress)
    }

    #[inline]
    fn note_whether_left<B: BottomHalf>(
        &self,
        bottom_half: &B,
        place: &mut MutexGuard<'_, Place<B::Actor>>,
    ) {
        let is_left = bottom_half.is_left(&place.actor);
        if is_left == place.is_left {
            return;
        }
        place.is_left = is_left;
        if !is_left {
            self.watch.change(Watch::LEFT.wrapping_neg());
            return;
        }
        if self.watch.change(Watch::LEFT).is_unwatched() {
            self.hand_back();
        } else if self.time.follows_clock() {
            self.unpark_bottom_half();
        }
    }
}
