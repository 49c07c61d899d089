//! Runs on several threads, with results in the order of their numbers.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// Runs that a worker may be ahead of the oldest one that is not done. So many results wait at most, times workers.
const AHEAD: u64 = 64;

/// Makes the runs `0..items` and takes their results in this order, until `take` says that it is enough or the time
/// is over. Returns how many were taken: all before that number, with any number of workers.
pub(crate) fn run<T: Send>(
    items: u64,
    workers: usize,
    time: Option<Duration>,
    make: impl Fn(u64) -> T + Sync,
    mut take: impl FnMut(u64, T) -> Result<bool, String>,
) -> Result<u64, String> {
    let started = Instant::now();
    let in_time = || time.is_none_or(|time| started.elapsed() < time);
    let window = AHEAD.saturating_mul(workers as u64);
    let (order, orders) = channel::<u64>();
    let orders = Mutex::new(orders);
    std::thread::scope(|scope| {
        // Dropped with this closure, whichever way it ends; then the workers end, too.
        let order = order;
        let (result, results) = channel();
        for _ in 0..workers {
            let (result, make, orders) = (result.clone(), &make, &orders);
            scope.spawn(move || {
                loop {
                    let next = orders.lock().map(|orders| orders.recv());
                    let Ok(Ok(number)) = next else { return };
                    if result.send((number, make(number))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(result);
        let (mut ordered, mut taken) = (0, 0);
        let mut early = BTreeMap::new();
        loop {
            while ordered < items && ordered - taken < window && in_time() {
                order.send(ordered).map_err(|_| String::from("every worker has ended"))?;
                ordered += 1;
            }
            if taken == ordered {
                return Ok(taken);
            }
            let (number, came) =
                results.recv().map_err(|_| String::from("every worker has ended"))?;
            early.insert(number, came);
            while let Some(came) = early.remove(&taken) {
                taken += 1;
                if !take(taken - 1, came)? {
                    return Ok(taken);
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers taken until one is `last`.
    fn taken(items: u64, workers: usize, last: u64) -> Vec<u64> {
        let mut taken = Vec::new();
        let make = |number: u64| {
            // The later ones are done first.
            std::thread::sleep(Duration::from_micros(500 * (8 - number % 8)));
            number * 10
        };
        let done = run(items, workers, None, make, |number, came| {
            assert_eq!(came, number * 10);
            taken.push(number);
            Ok(number != last)
        });
        assert_eq!(done, Ok(taken.len() as u64));
        taken
    }

    #[test]
    fn results_come_in_order_whatever_the_number_of_workers() {
        for workers in [1, 2, 7] {
            assert_eq!(taken(100, workers, u64::MAX), Vec::from_iter(0..100));
            assert_eq!(taken(100, workers, 20), Vec::from_iter(0..21));
        }
        assert!(taken(0, 2, 0).is_empty());
    }

    #[test]
    fn when_the_time_is_over_what_was_begun_is_taken_and_nothing_else_begins() {
        let time = Some(Duration::from_millis(20));
        let begun = std::sync::atomic::AtomicU64::new(0);
        let make = |_| {
            begun.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(1));
        };
        let done = run(u64::MAX, 2, time, make, |_, ()| Ok(true)).expect("an end");
        assert!(done > 0);
        assert_eq!(done, begun.into_inner());
    }

    #[test]
    fn a_result_that_cannot_be_taken_ends_the_runs() {
        let ended =
            run(100, 2, None, |number| number, |_, _| Err(String::from("the disk is full")));
        assert_eq!(ended, Err(String::from("the disk is full")));
    }
}
