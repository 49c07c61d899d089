//! Decisions that are followed.

use super::decisions::{Actors, Decisions};
use crate::runtime::ActivityId;
use std::collections::VecDeque;
use std::sync::Arc;

/// Where a run could not follow the decisions that were pinned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Deviation {
    /// The activity was not ready; the one that had been ready longest made the step.
    #[error("decision {decision} could not be followed: `{wanted}` was not ready")]
    NotReady {
        /// The first decision of which this is so, from 1.
        decision: u64,
        /// The activity that it names.
        wanted: String,
    },
    /// The run was over before.
    #[error("the run was over after {made} of {all} decisions")]
    Unused {
        /// How many were followed.
        made: u64,
        /// How many there are.
        all: u64,
    },
}

/// Decisions, and how far they were followed.
#[derive(Clone, Debug)]
pub struct Pinned {
    decisions: Arc<Decisions>,
    /// The activities that the words name; `None` is first come.
    ids: Vec<Option<ActivityId>>,
    /// Words that name an activity which the scenario does not have.
    unknown: Vec<bool>,
    /// The run of decisions that is being followed, and how far.
    run: usize,
    done: u64,
    /// Decisions made so far.
    made: u64,
    not_ready: Option<Deviation>,
}

impl Pinned {
    pub(super) fn new(decisions: &Arc<Decisions>, actors: &Actors<'_>) -> Pinned {
        let words = decisions.words();
        let ids: Vec<_> = words.iter().map(|word| actors.id(word)).collect();
        let unknown = |(word, id): (&String, &Option<_>)| id.is_none() && word != super::FIRST;
        let unknown = words.iter().zip(&ids).map(unknown).collect();
        let decisions = Arc::clone(decisions);
        Pinned { decisions, ids, unknown, run: 0, done: 0, made: 0, not_ready: None }
    }

    pub(super) fn pick(&mut self, ready: &VecDeque<ActivityId>) -> usize {
        if ready.len() == 1 {
            return 0;
        }
        let Some(run) = self.decisions.run(self.run) else { return 0 };
        self.made += 1;
        self.done += 1;
        if self.done == run.times {
            (self.run, self.done) = (self.run + 1, 0);
        }
        let place = match self.ids[run.word] {
            Some(wanted) => ready.iter().position(|id| *id == wanted),
            None => (!self.unknown[run.word]).then_some(0),
        };
        if place.is_none() && self.not_ready.is_none() {
            let wanted = self.decisions.words()[run.word].clone();
            self.not_ready = Some(Deviation::NotReady { decision: self.made, wanted });
        }
        place.unwrap_or(0)
    }

    pub(super) fn deviation(&self) -> Option<Deviation> {
        let (made, all) = (self.made, self.decisions.len());
        let unused = || (made < all).then_some(Deviation::Unused { made, all });
        self.not_ready.clone().or_else(unused)
    }
}
