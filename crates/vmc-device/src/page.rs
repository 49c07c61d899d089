//! The run for people's tools: a page that follows it, and a trace file when it has ended.

use crate::device::Options;
use vmc_sim::{Judged, Problem};
use vmc_trace::{Trace, TraceNames};
use vmc_trace_file::{About, Machine, Run};

/// What ran it, by the name that trace files have for it.
const RUNTIME: &str = "device";

/// The rule of problems that programs have told.
const PROGRAMS: &str = "programs";

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
        description: options.scenario.description().map(str::to_owned),
        runtime: Some(RUNTIME.to_owned()),
        ..About::default()
    }
}
