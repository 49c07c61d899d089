//! Looking for a hazard of the driver: a run that something finds wrong with the quirk, and nothing without it.

use super::{Explored, Search, Subject, verdict};
use ibmvmc::{Quirk, QuirkSet};
use std::collections::BTreeSet;

/// What a seed says of a quirk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hunted {
    /// Nothing is wrong, or only what a scenario expects, which proves nothing.
    Missed,
    /// The run is wrong without the quirk, too: a defect, or a scenario that is no good. This is that run.
    Suspect(Box<Explored>),
    /// The quirk was found.
    Found {
        /// The invariants that do not hold, `hang`, or `panic`.
        checkers: BTreeSet<String>,
        /// The run with the quirk.
        run: Box<Explored>,
    },
}

impl Search {
    /// Makes the run of a seed with the quirk, and if something is wrong, without it.
    pub fn hunt(&self, subject: &Subject, seed: u64, quirk: Quirk) -> Hunted {
        let run = Search { quirks: self.quirks.with(quirk), ..self.clone() }.explore(subject, seed);
        let checkers: BTreeSet<_> =
            run.checkers.iter().filter(|checker| verdict::proves(checker)).cloned().collect();
        if checkers.is_empty() {
            return Hunted::Missed;
        }
        let without = Search { quirks: QuirkSet::default(), ..self.clone() }.explore(subject, seed);
        if without.passed() {
            Hunted::Found { checkers, run: Box::new(run) }
        } else {
            Hunted::Suspect(Box::new(without))
        }
    }
}
