//! Small numbers of threads, so that each has a place of its own to announce itself in. A thread takes one when it first
//! needs it, and gives it back when it ends.

use super::{NUMBERS, barrier};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// The numbers that threads have, a bit each.
static TAKEN: AtomicU64 = AtomicU64::new(0);

const _: () = assert!(NUMBERS == u64::BITS as usize);

/// What a thread that has not asked yet, that found no number left, or that ends has instead of one.
const NONE: usize = usize::MAX;

/// Added to the number of a thread that no barrier reaches.
const FENCED: usize = NUMBERS;

thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(NONE) };
    static RETURN: Return = const { Return };
}

/// Gives the number back when its thread ends.
struct Return;

impl Drop for Return {
    fn drop(&mut self) {
        let number = NUMBER.replace(NONE);
        if number != NONE {
            // All that the thread did with the number is visible to the next one that takes it.
            TAKEN.fetch_and(!(1 << (number % NUMBERS)), Ordering::Release);
        }
    }
}

/// The number of this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// A barrier reaches it, so it needs no fence.
    Reached(usize),
    /// No barrier reaches it, so it needs a fence.
    Fenced(usize),
    /// It has none: all of them are taken, or it is about to end.
    None,
}

/// The number of this thread if a barrier reaches it, and it has asked by [`Number::ask`] before; any other number from
/// [`NUMBERS`] on if not.
#[inline(always)]
pub(crate) fn number() -> usize {
    NUMBER.get()
}

impl Number {
    /// The number of this thread, which takes one if it has none.
    #[cold]
    pub(crate) fn ask() -> Number {
        if NUMBER.get() == NONE
            && let Ok(Some(number)) = RETURN.try_with(|_| take())
        {
            NUMBER.set(if barrier::reaches_all() { number } else { FENCED + number });
        }
        match NUMBER.get() {
            NONE => Number::None,
            number if number < FENCED => Number::Reached(number),
            number => Number::Fenced(number - FENCED),
        }
    }
}

fn take() -> Option<usize> {
    let one_more = |taken: u64| (taken != u64::MAX).then(|| taken | (taken + 1));
    let before = TAKEN.try_update(Ordering::Acquire, Ordering::Relaxed, one_more).ok()?;
    Some(before.trailing_ones() as usize)
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::thread;

    fn plain(number: Number) -> Option<usize> {
        match number {
            Number::Reached(number) | Number::Fenced(number) => Some(number),
            Number::None => None,
        }
    }

    #[test]
    fn threads_that_live_at_the_same_time_have_different_numbers() {
        const THREADS: usize = 8;
        let all_there = &Barrier::new(THREADS);
        let mut numbers: Vec<usize> = thread::scope(|scope| {
            let asks = || {
                let number = Number::ask();
                assert_eq!(Number::ask(), number);
                all_there.wait();
                plain(number)
            };
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(asks)).collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        numbers.sort_unstable();
        numbers.dedup();
        // Threads of other tests may have most of the numbers; this many are never left out.
        assert!(numbers.len() > 1 && numbers.iter().all(|number| *number < NUMBERS));
    }

    #[test]
    fn a_thread_that_ends_leaves_its_number_to_others() {
        for _ in 0..4 * NUMBERS {
            let number = thread::spawn(|| plain(Number::ask())).join().unwrap();
            assert!(number.is_some(), "a number was not given back");
        }
    }
}
