//! Medians of times and of ratios, within a class.

use crate::canary::Class;
use crate::case::Round;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// Fewest rounds that say anything; criterion takes no fewer samples either.
pub(crate) const MIN_ROUNDS: usize = 10;

/// The median, and what a tenth of the values lies below and above.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Half of the values lie below.
    pub median: f64,
    /// A tenth of the values lies below.
    pub low: f64,
    /// A tenth of the values lies above.
    pub high: f64,
}

impl Spread {
    /// Of values of which there is at least one, else NaN.
    pub fn of(values: &[f64]) -> Spread {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let quantile = |share: f64| {
            let place = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
            sorted.get(place).copied().unwrap_or(f64::NAN)
        };
        Spread { median: quantile(0.5), low: quantile(0.1), high: quantile(0.9) }
    }
}

/// The classes in which some contender can be compared with the first one, that with the most rounds first.
pub(crate) fn classes(rounds: &[Round]) -> Vec<Class> {
    let mut counts = Class::COMPARABLE.map(|class| (counts(rounds, class), class)).to_vec();
    counts.retain(|(counts, _)| counts.iter().skip(1).any(|&count| count >= MIN_ROUNDS));
    counts.sort_by_key(|(counts, _)| Reverse(counts.iter().sum::<usize>()));
    counts.into_iter().map(|(_, class)| class).collect()
}

/// Whether there is a class in which each contender can be compared with the first one in so many rounds.
pub(crate) fn are_enough(rounds: &[Round], wanted: usize) -> bool {
    let fewest = |class| counts(rounds, class).into_iter().min().unwrap_or(0);
    Class::COMPARABLE.into_iter().any(|class| fewest(class) >= wanted)
}

/// In how many rounds of a class each contender can be compared with the first one.
fn counts(rounds: &[Round], class: Class) -> Vec<usize> {
    let contenders = 0..rounds.first().map_or(0, Vec::len);
    contenders.map(|contender| ratios(rounds, class, contender).len()).collect()
}

/// What a contender's operation took, in the rounds of a class.
pub(crate) fn of_class(rounds: &[Round], class: Class, contender: usize) -> Vec<f64> {
    let samples = rounds.iter().map(|round| round[contender]);
    samples.filter(|sample| sample.class == class).map(|sample| sample.ns).collect()
}

/// The first contender's time divided by that of another one, round by round.
pub(crate) fn ratios(rounds: &[Round], class: Class, contender: usize) -> Vec<f64> {
    let pairs = rounds.iter().map(|round| (round[0], round[contender]));
    let comparable = pairs.filter(|(ours, other)| ours.class == class && other.class == class);
    comparable.map(|(ours, other)| ours.ns / other.ns).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Sample;

    fn round(samples: [(f64, Class); 2]) -> Round {
        samples.map(|(ns, class)| Sample { ns, class }).to_vec()
    }

    #[test]
    fn a_ratio_is_taken_within_a_round_and_a_class() {
        use Class::{Below200Ns, Below1200Ns, Disturbed};
        let mut rounds = vec![round([(30.0, Below200Ns), (10.0, Below200Ns)]); MIN_ROUNDS];
        rounds.push(round([(90.0, Below1200Ns), (10.0, Below200Ns)]));
        rounds.push(round([(90.0, Disturbed), (10.0, Disturbed)]));
        assert_eq!(classes(&rounds), [Below200Ns]);
        assert!(are_enough(&rounds, MIN_ROUNDS) && !are_enough(&rounds, MIN_ROUNDS + 1));
        assert_eq!(ratios(&rounds, Below200Ns, 1), [3.0; MIN_ROUNDS]);
        assert_eq!(of_class(&rounds, Below200Ns, 0).len(), MIN_ROUNDS);
    }

    #[test]
    fn the_class_with_the_most_rounds_comes_first() {
        use Class::{Below200Ns, Below1200Ns};
        let mut rounds = vec![round([(30.0, Below200Ns), (10.0, Below200Ns)]); MIN_ROUNDS];
        rounds.extend(vec![round([(90.0, Below1200Ns), (30.0, Below1200Ns)]); MIN_ROUNDS + 1]);
        assert_eq!(classes(&rounds), [Below1200Ns, Below200Ns]);
    }

    #[test]
    fn a_contender_that_others_disturb_leaves_the_rest_comparable() {
        use Class::{Below200Ns, Disturbed};
        let samples = [Below200Ns, Below200Ns, Disturbed].map(|class| Sample { ns: 1.0, class });
        let rounds = vec![samples.to_vec(); MIN_ROUNDS];
        assert_eq!(classes(&rounds), [Below200Ns]);
        assert!(!are_enough(&rounds, MIN_ROUNDS));
    }

    #[test]
    fn a_machine_that_is_too_busy_is_told_and_not_measured() {
        let disturbed = round([(1.0, Class::Disturbed), (1.0, Class::Disturbed)]);
        assert_eq!(classes(&vec![disturbed; 100]), []);
        let few =
            vec![round([(1.0, Class::Below1200Ns), (1.0, Class::Below1200Ns)]); MIN_ROUNDS - 1];
        assert_eq!(classes(&few), []);
    }

    #[test]
    fn a_spread_is_made_of_values_that_were_there() {
        let values: Vec<f64> = (0..=20).rev().map(f64::from).collect();
        assert_eq!(Spread::of(&values), Spread { median: 10.0, low: 2.0, high: 18.0 });
        assert_eq!(Spread::of(&[3.0]), Spread { median: 3.0, low: 3.0, high: 3.0 });
        assert!(Spread::of(&[]).median.is_nan());
    }
}
