//! Which of the ready activities makes the next step.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Picks among ready activities.
#[derive(Clone, Debug)]
pub(crate) enum Schedule {
    /// First come, first served.
    FirstCome,
    /// Any of them, as the seed has it.
    Random(Box<ChaCha8Rng>),
}

impl Schedule {
    pub(crate) fn random(seed: u64) -> Schedule {
        Schedule::Random(Box::new(ChaCha8Rng::seed_from_u64(seed)))
    }

    /// A place in a list of `len` ready activities, which is not empty.
    pub(crate) fn pick(&mut self, len: usize) -> usize {
        match self {
            Schedule::FirstCome => 0,
            Schedule::Random(rng) => below(rng, len as u64) as usize,
        }
    }
}

/// A number below `bound`, all of them equally likely. Our own few lines, because a seed must mean the same
/// with every version of every library: the multiply-shift method of Lemire, with rejection.
pub(crate) fn below(rng: &mut impl Rng, bound: u64) -> u64 {
    let threshold = bound.wrapping_neg() % bound;
    loop {
        let wide = u128::from(rng.next_u64()) * u128::from(bound);
        if wide as u64 >= threshold {
            return (wide >> 64) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_means_the_same_on_every_machine_and_with_every_version() {
        let mut schedule = Schedule::random(7);
        let picks: Vec<_> = (0..12).map(|_| schedule.pick(10)).collect();
        assert_eq!(picks, [1, 1, 7, 7, 6, 3, 0, 8, 3, 9, 2, 3]);
    }

    #[test]
    fn numbers_below_a_bound_reach_all_of_them_and_nothing_else() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut seen = [0; 5];
        (0..1000).for_each(|_| seen[below(&mut rng, 5) as usize] += 1);
        assert!(seen.iter().all(|count| *count > 150), "{seen:?}");
    }
}
