//! What becomes of a case that hangs: the benchmark ends, says where it stood, and can go on with the next case when it is
//! started again.

use crate::rows::{Hung, RowFile};
use parking_lot::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// Longest that a call may take. A sample takes milliseconds, and a busy machine makes that seconds.
pub const PATIENCE_OF_A_CALL: Duration = Duration::from_secs(60);

/// Longest that a case may take. One that is given up because the machine is busy takes half a minute.
const PATIENCE_OF_A_CASE: Duration = Duration::from_secs(180);

/// How often that is looked at.
const LOOKS: Duration = Duration::from_secs(1);

/// The exit status of a benchmark of which a case hung.
pub const HUNG: i32 = 75;

/// The case that is being measured.
static NOW: Mutex<Option<Now>> = Mutex::new(None);

#[derive(Clone, Debug)]
struct Now {
    bench: &'static str,
    case: String,
    since: Instant,
}

/// Looks after the cases of this process from now on.
pub(crate) fn watch() {
    thread::spawn(|| {
        loop {
            thread::sleep(LOOKS);
            if NOW.lock().as_ref().is_some_and(|now| is_overdue(now.since.elapsed())) {
                hung(format!("the case has not ended in {PATIENCE_OF_A_CASE:?}"));
            }
        }
    });
}

fn is_overdue(elapsed: Duration) -> bool {
    elapsed > PATIENCE_OF_A_CASE
}

/// Measures a case: from its begin to its end it is the one that is named when something hangs.
pub(crate) fn during<T>(bench: &'static str, case: &str, measure: impl FnOnce() -> T) -> T {
    *NOW.lock() = Some(Now { bench, case: case.to_owned(), since: Instant::now() });
    let measured = measure();
    *NOW.lock() = None;
    measured
}

/// Ends the benchmark with [`HUNG`] and leaves a line of what hung, for `vmc_machine::embed::Monitor::watch`, too.
pub fn hung(standing: String) {
    let now = NOW.lock().clone();
    eprintln!("{}", message(now.as_ref(), &standing));
    if let Some(Now { bench, case, .. }) = now {
        let line = Hung { bench: bench.to_owned(), case, hung: standing };
        match RowFile::append(bench).and_then(|mut file| file.push(&line)) {
            Ok(()) => std::process::exit(HUNG),
            Err(e) => eprintln!("{bench}: {e}"),
        }
    }
    std::process::exit(1);
}

fn message(now: Option<&Now>, standing: &str) -> String {
    match now {
        Some(Now { bench, case, .. }) => format!("{bench}/{case} hangs: {standing}"),
        None => format!("the benchmark hangs between two cases: {standing}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_named_while_it_is_measured() {
        let named = || message(NOW.lock().as_ref(), "no progress");
        let within = during("crq", "stream", named);
        assert_eq!(within, "crq/stream hangs: no progress");
        assert_eq!(named(), "the benchmark hangs between two cases: no progress");
    }
}
