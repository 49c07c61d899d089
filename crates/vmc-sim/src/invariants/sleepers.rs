//! Verifies that no thread sleeps that has a reason to wake up: when nothing is left to run, no thread blocks
//! in `read()` or `poll()` on a file that a `poll()` would report as readable or hung up, or that is closed. In
//! the Linux profile it does not look for the latter.
//!
//! Does not verify that a script gets to its end; that is for its expectations.

use ibmvmc::{Driver, Profile, Quirks};
use vmc_machine::activity::Activity;
use vmc_machine::actor::Actor;
use vmc_machine::script::{Action, ProcessTable};

pub(super) fn check<Q: Quirks>(
    driver: &Driver<Q>,
    process_table: &ProcessTable,
    actors: &[Actor],
) -> Vec<String> {
    let mut problems = Vec::new();
    for actor in actors {
        let Activity::App(app) = &actor.activity else { continue };
        let step = app.current_step().filter(|_| app.is_in_call());
        let Some(Action::Read { file, .. } | Action::Poll { file, .. }) = step.map(|s| &s.action)
        else {
            continue;
        };
        let Some(file) = process_table.file(app.process(), file) else {
            // There the file is released by the last call on it. Whether that had a reason to wake up, `wakeups` knows.
            if driver.config().profile == Profile::Linux {
                continue;
            }
            problems.push(format!("thread {} sleeps on a closed file", app.number()));
            continue;
        };
        let events = driver.poll_events(file);
        if events.readable || events.hung_up {
            problems.push(format!("thread {} sleeps although poll() = {events:?}", app.number()));
        }
    }
    problems
}
