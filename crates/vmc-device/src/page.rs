//! The run for people's tools: a page that follows it, and a trace file when it has ended.

use crate::device::Options;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use vmc_machine::embed::programs::Programs;
use vmc_sim::{Judged, Problem};
use vmc_trace::{Trace, TraceNames};
use vmc_trace_file::{About, Machine, Run};
use vmc_view::LivePage;

/// How often new records are looked for.
const PERIOD: Duration = Duration::from_millis(100);

/// How long the verdict waits for browsers that are still busy with the run.
const SETTLING: Duration = Duration::from_secs(3);

/// What ran it, by the name that trace files have for it.
const RUNTIME: &str = "device";

/// The rule of problems that programs have told.
const PROGRAMS: &str = "programs";

/// Brings what happens to a page.
pub(crate) struct Feeder<'p> {
    pub(crate) programs: &'p Programs<'p>,
    pub(crate) page: &'p LivePage,
    /// How many records are kept: the page shows no others.
    pub(crate) keep: usize,
}

impl Feeder<'_> {
    /// Goes on until `has_ended`, and then brings what is left.
    pub(crate) fn run(&self, has_ended: impl Fn() -> bool) {
        let mut shown = 0;
        loop {
            let ends = has_ended();
            if shown < self.keep {
                let (mut records, all) = self.programs.log().since(shown);
                records.truncate(self.keep - shown);
                shown += records.len();
                // As those of the judged run: they have the time that a thread has read last, which says nothing.
                records.iter_mut().for_each(|record| record.time_ns = 0);
                self.page.push(&records, &self.programs.names());
                if all > self.keep {
                    self.page.notice(Some(&beginning_only(self.keep)));
                }
            }
            if ends {
                return;
            }
            std::thread::sleep(PERIOD);
        }
    }
}

/// What a page says that shows the beginning of a run.
fn beginning_only(events: usize) -> String {
    format!("The page shows the first {events} events, which are kept; --keep keeps more")
}

/// The run before anything has happened.
pub(crate) fn beginning(options: &Options) -> Run {
    let mut run = Run::of(Trace::new(Vec::new(), TraceNames::default()));
    run.machine.profile = options.scenario.plan().machine.driver.profile;
    run.about = about(options);
    run.is_complete = false;
    run
}

/// The whole run. `told`: what is not so by what programs tell.
pub(crate) fn judged(options: &Options, judged: Judged, left_out: usize, told: &[String]) -> Run {
    let told = told.iter().map(|what| vmc_trace_file::Problem {
        rule: PROGRAMS.to_owned(),
        what: what.clone(),
        event: None,
    });
    let found = judged.problems.iter().map(|problem| {
        let (rule, what) = match problem {
            Problem::Invariant { checker, what } => ((*checker).to_owned(), what.clone()),
            other => (PROGRAMS.to_owned(), other.to_string()),
        };
        vmc_trace_file::Problem { rule, what, event: judged.event_of(problem) }
    });
    let problems = told.chain(found).collect();
    Run {
        about: about(options),
        machine: Machine::from(&judged.setting),
        ending: judged.ending,
        problems,
        trace: judged.trace,
        is_complete: left_out == 0,
    }
}

fn about(options: &Options) -> About {
    About {
        title: Some(options.scenario.title().to_owned()),
        runtime: Some(RUNTIME.to_owned()),
        ..About::default()
    }
}

/// Writes the run into a folder, into a file whose name no other run has.
pub(crate) fn save(folder: &Path, run: &Run) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("{RUNTIME}-{}.jsonl", std::process::id()));
    run.save(&path)?;
    Ok(path)
}

/// Shows the judged run, and waits until browsers that are open have it.
pub(crate) fn show_verdict(page: &LivePage, run: &mut Run) {
    let is_whole = std::mem::replace(&mut run.is_complete, true);
    page.show(run);
    if !is_whole {
        page.notice(Some(&beginning_only(run.trace.records().len())));
    }
    page.settle(SETTLING);
}
