//! Drawing: what a seed decides, one small choice after the other.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use vmc_machine::schedule::below;

/// What a seed draws.
#[derive(Debug)]
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    pub(crate) fn new(seed: u64) -> Draw {
        Draw(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number from `least` to `most`, both included.
    pub(crate) fn within(&mut self, least: u64, most: u64) -> u64 {
        least + below(&mut self.0, most - least + 1)
    }

    /// `true` in so many of a hundred cases.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        below(&mut self.0, 100) < percent
    }

    /// One of several, of which there is at least one.
    pub(crate) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[below(&mut self.0, all.len() as u64) as usize]
    }

    /// One of several, each with its weight.
    pub(crate) fn weighted<T: Copy>(&mut self, all: &[(u64, T)]) -> T {
        let sum: u64 = all.iter().map(|(weight, _)| weight).sum();
        let mut left = below(&mut self.0, sum);
        for &(weight, one) in all {
            match left.checked_sub(weight) {
                Some(rest) => left = rest,
                None => return one,
            }
        }
        all[0].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_bounds_are_kept() {
        let mut draw = Draw::new(1);
        let mut counts = [0; 3];
        (0..1000).for_each(|_| counts[draw.weighted(&[(1, 0), (0, 1), (3, 2)])] += 1);
        assert_eq!(counts[1], 0);
        assert!(counts[2] > 2 * counts[0] && counts[0] > 100, "{counts:?}");
        assert!((0..100).all(|_| (5..=7).contains(&draw.within(5, 7))));
        assert!((0..100).all(|_| !draw.percent(0) && draw.percent(100)));
    }
}
