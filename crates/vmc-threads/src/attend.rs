//! Threads that do the work of others while they are in a call (the caller-runs policy of executors).
//!
//! A call of a program outside often gives work to the bottom half, and to activities that are *lent*. To wake their
//! threads costs more than the work. So the calling thread *attends*: until it leaves, none of them is woken, and before
//! it leaves or sleeps it does what they were woken for.
//!
//! An attendant counts as a poller, so the rules of [`crate::polling`] hold for it. A wake-up of an activity that is lent is
//! kept as its token. The thread that takes the token holds the lock around the activity, and does its work. An attendant that finds
//! the lock taken leaves the token: the holder blocks with it, or leaves with it, and either notices.

use crate::polling::{BottomHalf, SharedActor, Watch};
use crate::sync::{Mutex, MutexGuard};
use crate::threads::Threads;

impl<W: Copy> Threads<W> {
    /// The calling thread attends from now on.
    pub fn attend(&self) {
        self.watch.change(Watch::POLLER);
    }

    /// It leaves. What is left to do then is for others.
    pub fn leave(&self) {
        self.poller_leaves(Watch::POLLER.wrapping_neg());
    }

    /// Does what there is to do for the bottom half and for the activities that are lent, in the order of
    /// [`Threads::lending`], until there is no more, or others do it. `run` says whether the activity needs its own thread, to
    /// wait for a time or to end.
    pub fn work_off<B: BottomHalf, A>(
        &self,
        (bottom_half, shared): (&B, &SharedActor<B::Actor>),
        lent: &[Mutex<A>],
        mut run: impl FnMut(&mut A) -> bool,
    ) {
        loop {
            self.look_once(bottom_half, shared);
            let mut has_work = false;
            for (&id, lent) in self.lent.iter().zip(lent) {
                let Some(mut actor) = self.take_lent(id, lent) else { continue };
                self.turns.count_done(id);
                let needs_own_thread = run(&mut actor);
                self.turns.count_done(id);
                drop(actor);
                if needs_own_thread {
                    self.wake_own_thread(id);
                } else {
                    has_work = true;
                }
            }
            if !has_work {
                return;
            }
        }
    }

    /// An activity that is lent, if it was woken and no other thread has it.
    fn take_lent<'a, A>(&self, id: usize, lent: &'a Mutex<A>) -> Option<MutexGuard<'a, A>> {
        let mark = &self.marks[id];
        if !mark.has_token() {
            return None;
        }
        let actor = lent.try_lock()?;
        mark.take_token().then_some(actor)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::polling::BottomHalf;
    use crate::sync::Parker;
    use crate::threads::State;

    const BOTTOM_HALF: usize = 0;
    const LENT: usize = 1;

    /// One that is never left at its queue, and has no work.
    struct Idle;

    impl BottomHalf for Idle {
        type Actor = ();
        type Progress = ();

        fn look(&self, (): &mut (), _: bool) {}

        fn is_left(&self, (): &()) -> bool {
            false
        }

        fn go_on(&self, (): &mut ()) {}
    }

    /// A run in which an activity is lent, and its own thread blocks.
    fn lending() -> Threads<()> {
        let parkers: Vec<Parker> = (0..3).map(|_| Parker::new()).collect();
        let unparkers = parkers.iter().map(|parker| parker.unparker().clone()).collect();
        let threads = Threads::new(unparkers, BOTTOM_HALF).lending(vec![LENT]);
        threads.block_without_sleep(LENT);
        threads
    }

    fn is_blocked(threads: &Threads<()>) -> bool {
        matches!(threads.snapshot().states[LENT].0, State::Blocked { .. })
    }

    /// Has an attendant work off what there is. The lent activity counts how often it is run.
    fn work_off(threads: &Threads<()>, lent: &[Mutex<u32>], needs_own_thread: bool) {
        threads.work_off((&Idle, &SharedActor::new(())), lent, |runs| {
            *runs += 1;
            needs_own_thread
        });
    }

    #[test]
    fn an_attendant_does_the_work_in_place_of_the_own_thread() {
        let (threads, lent) = (lending(), [Mutex::new(0)]);
        threads.attend();
        threads.wake(LENT);
        assert!(is_blocked(&threads));
        work_off(&threads, &lent, false);
        threads.leave();
        assert!(is_blocked(&threads) && *lent[0].lock() == 1);
    }

    #[test]
    fn what_the_last_attendant_leaves_is_for_the_own_thread() {
        let threads = lending();
        threads.attend();
        threads.attend();
        threads.wake(LENT);
        threads.leave();
        assert!(is_blocked(&threads), "another one attends");
        threads.leave();
        assert!(!is_blocked(&threads));
    }

    #[test]
    fn without_an_attendant_the_own_thread_is_woken() {
        let threads = lending();
        threads.wake(LENT);
        assert!(!is_blocked(&threads));
    }

    #[test]
    fn work_that_another_thread_is_at_is_left_to_it() {
        let (threads, lent) = (lending(), [Mutex::new(0)]);
        let other = lent[0].lock();
        threads.attend();
        threads.wake(LENT);
        work_off(&threads, &lent, false);
        drop(other);
        assert_eq!(*lent[0].lock(), 0);
        threads.leave();
        assert!(!is_blocked(&threads), "the wake-up is not lost");
    }

    #[test]
    fn a_wait_for_a_time_is_for_the_own_thread() {
        let (threads, lent) = (lending(), [Mutex::new(0)]);
        threads.attend();
        threads.wake(LENT);
        work_off(&threads, &lent, true);
        assert!(!is_blocked(&threads) && *lent[0].lock() == 1);
    }

    #[test]
    fn a_time_waits_for_work_that_is_not_done_yet() {
        let threads = lending();
        threads.finish(BOTTOM_HALF);
        threads.finish(2);
        assert!(threads.is_time_now(2));
        threads.attend();
        threads.wake(LENT);
        assert!(!threads.is_time_now(2));
    }
}
