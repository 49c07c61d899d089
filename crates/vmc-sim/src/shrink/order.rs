//! Making a schedule plain: as few departures from first come, first served as the failure needs, and then as few
//! switches from one activity to another.
//!
//! Decisions that are edited are followed as far as they can be. What a run really did is recorded anew, so that the
//! decisions that are kept are followed exactly.

use super::Shrinker;
use super::document::Document;
use std::sync::Arc;
use vmc_machine::schedule::{Decisions, ScheduleKind};
use vmc_scenario::Scenario;

/// The word for first come, first served.
const FIRST: &str = "first";

/// One decision, several times.
type Run = (String, u64);

impl Shrinker<'_> {
    /// The plainest schedule under which the document still fails.
    pub(super) fn order(&mut self, document: &Document, decisions: Decisions) -> Decisions {
        let Ok(scenario) = Scenario::parse(self.file, &document.text()) else { return decisions };
        let mut best = decisions;
        loop {
            let before = cost(&best);
            self.towards_first_come(document, &scenario, &mut best);
            self.with_fewer_switches(document, &scenario, &mut best);
            if self.over || cost(&best) == before {
                return best;
            }
        }
    }

    /// Puts first come in the place of departures: of many at once, and then of fewer.
    fn towards_first_come(
        &mut self,
        document: &Document,
        scenario: &Scenario,
        best: &mut Decisions,
    ) {
        let mut chunk = places(best).len();
        while chunk > 0 && !self.over {
            let mut end = places(best).len();
            while end > 0 && !self.over {
                let start = end.saturating_sub(chunk);
                let mut runs = runs_of(best);
                for &place in places(best).get(start..end).unwrap_or_default() {
                    // One that is taken several times at once is halved when it is alone.
                    let times = if chunk == 1 { runs[place].1.div_ceil(2) } else { runs[place].1 };
                    let word = std::mem::replace(&mut runs[place].0, FIRST.to_owned());
                    let left = runs[place].1 - times;
                    runs[place].1 = times;
                    if left > 0 {
                        runs[place] = (word, left);
                        runs.insert(place + 1, (FIRST.to_owned(), times));
                    }
                }
                if !self.try_order(document, scenario, best, &runs) {
                    end = start;
                }
                end = end.min(places(best).len());
            }
            chunk /= 2;
        }
    }

    /// Has an activity go on where another one was to take its place.
    fn with_fewer_switches(
        &mut self,
        document: &Document,
        scenario: &Scenario,
        best: &mut Decisions,
    ) {
        let mut place = 1;
        while place < runs_of(best).len() && !self.over {
            let mut runs = runs_of(best);
            runs[place].0 = runs[place - 1].0.clone();
            if !self.try_order(document, scenario, best, &runs) {
                place += 1;
            }
        }
    }

    /// Takes the schedule if the document fails under it and it is plainer than the best so far.
    fn try_order(
        &mut self,
        document: &Document,
        scenario: &Scenario,
        best: &mut Decisions,
        runs: &[Run],
    ) -> bool {
        let candidate: Decisions =
            runs.iter().map(|(word, times)| (word.as_str(), *times)).collect();
        let schedule = ScheduleKind::Pinned(Arc::new(candidate));
        let Some(report) = self.run(scenario, schedule) else { return false };
        let found = without_tail(&report.decisions.clone().unwrap_or_default());
        if cost(&found) >= cost(best) || !self.fails_alike(document, &report, &found) {
            return false;
        }
        self.size = document.size(&found, &report);
        *best = found;
        true
    }
}

/// Departures from first come, first served.
pub(super) fn departures(decisions: &Decisions) -> u64 {
    decisions.iter().filter(|(word, _)| *word != FIRST).map(|(_, times)| times).sum()
}

/// The decisions without those at the end that go without saying.
pub(super) fn without_tail(decisions: &Decisions) -> Decisions {
    let mut runs: Vec<_> = decisions.iter().collect();
    if runs.last().is_some_and(|(word, _)| *word == FIRST) {
        runs.pop();
    }
    runs.into_iter().collect()
}

/// The less the plainer.
fn cost(decisions: &Decisions) -> (u64, usize) {
    (departures(decisions), without_tail(decisions).switches())
}

fn runs_of(decisions: &Decisions) -> Vec<Run> {
    decisions.iter().map(|(word, times)| (word.to_owned(), times)).collect()
}

/// Where the decisions depart from first come.
fn places(decisions: &Decisions) -> Vec<usize> {
    let departs = |(place, (word, _)): (usize, (&str, u64))| (word != FIRST).then_some(place);
    decisions.iter().enumerate().filter_map(departs).collect()
}
