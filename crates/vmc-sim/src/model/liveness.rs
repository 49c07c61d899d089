//! Verifies that every state leads back to a channel that works once nothing goes wrong any more: no further fault
//! happens, ready activities step first come, first served, and the machine comes to rest within [`MAX_STEPS`];
//! from there a message goes through every session, old and new (`invariants/recovery.rs`).
//!
//! This bounded liveness is a check of its own because `eventually` of stateright misses cycles (lassos). Runs from
//! different states soon meet; what such a run has passed is remembered by a hash of the canonical state and the order
//! of the ready list, and a run that comes there again would go on in the same way. So every state is checked.

use super::machine::{Machine, Move};
use crate::invariants;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Mutex;
use vmc_machine::canonical::Fingerprint;
use vmc_machine::runtime::ActivityId;

/// More than any run of a small model takes to come to rest.
const MAX_STEPS: usize = 20_000;

/// The states that are known to recover.
#[derive(Debug, Default)]
pub(super) struct Recovering(Mutex<BTreeSet<u64>>);

impl Recovering {
    /// What is wrong on the way back from a state, whose canonical state has this hash.
    pub(super) fn check(&self, from: &Machine, normal: Fingerprint) -> Result<(), String> {
        let mut ready = from.runtime.ready();
        ready.sort_unstable();
        if self.is_known(name(normal, &ready)) {
            return Ok(());
        }
        let mut machine = from.clone();
        machine.faults_left = 0;
        machine.runtime.sort_ready();
        let mut passed = vec![name(normal, &ready)];
        while !machine.is_at_rest() {
            if passed.len() == MAX_STEPS {
                return Err(format!("it does not come to rest within {MAX_STEPS} steps"));
            }
            let next = machine.runtime.find_ready(|_| true).map_or(Move::Time, Move::Step);
            machine.make(next);
            let state = name(machine.fingerprint(), &machine.runtime.ready());
            if self.is_known(state) {
                return self.remember(&passed);
            }
            passed.push(state);
        }
        let problems = invariants::recovery::check(&machine.world, &mut machine.actors, None);
        match problems.into_iter().next() {
            Some(problem) => Err(problem),
            None => self.remember(&passed),
        }
    }

    fn is_known(&self, state: u64) -> bool {
        self.0.lock().is_ok_and(|known| known.contains(&state))
    }

    fn remember(&self, passed: &[u64]) -> Result<(), String> {
        if let Ok(mut known) = self.0.lock() {
            known.extend(passed);
        }
        Ok(())
    }
}

/// A hash of a canonical state and of the order in which activities became ready.
fn name(normal: Fingerprint, ready: &[ActivityId]) -> u64 {
    let mut name = normal;
    ready.hash(&mut name);
    name.finish()
}
