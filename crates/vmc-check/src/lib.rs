//! What must hold of a Virtual Management Channel, judged from a trace alone (runtime verification): the trace of a run on threads, of a
//! deterministic one, of a driver that was not written here, or one that was read from a file.
//!
//! [`check`] goes through the records once and returns each [`Violation`] with the name of the checker that found it.
//! Each checker is a file of its own, which opens with what it verifies and what it does not:
//!
//! | checker | what must hold |
//! |---|---|
//! | `queue` | what is stored in a queue is taken from it in order, once and unchanged |
//! | `delivery` | messages arrive once, in order, unchanged, at their own session |
//! | `hypervisor` | the hypervisor's side of the protocol |
//! | `isolation` | a call copies for its own file's session, and a session gets what the hypervisor had for it |
//! | `outstanding` | requests stay within half of the peer's queue |
//! | `rdma` | copies lie within buffers that were offered, are owned and mapped at both ends |
//! | `results` | each result of a call on the device has a reason |
//! | `wakeups` | a call does not sleep across a moment at which it had a reason to return |
//! | `protocol` | the management partition's side of the protocol |
//!
//! ```
//! use vmc_check::{Ending, Setting, check};
//! use vmc_trace::{Trace, TraceNames};
//!
//! let trace = Trace::new(Vec::new(), TraceNames::default());
//! assert!(check(&trace, &Setting::default(), &Ending::UNKNOWN).is_empty());
//! ```

#![forbid(unsafe_code)]

mod delivery;
mod device;
mod hypervisor;
mod isolation;
mod offers;
mod outstanding;
mod protocol;
mod queue;
mod rdma;
mod results;
mod setting;
#[cfg(test)]
mod testing;
mod wakeups;
mod wire;

pub use setting::{Content, Ending, Setting};

use device::Watcher;
use vmc_trace::{Side, Trace};

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The checker that found it.
    pub checker: &'static str,
    /// What is wrong.
    pub what: String,
}

/// Runs every checker over a trace. What they find comes by checker, and in the order of the run.
pub fn check(trace: &Trace, setting: &Setting, ending: &Ending) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |checker: &'static str, problems: Vec<String>| {
        found.extend(problems.into_iter().map(|what| Violation { checker, what }));
    };
    report("queue", queue::check(trace, ending.at_rest, |side| ending.takes_entries(side)));
    let must_come_to_rest = ending.at_rest && ending.hypervisor_looks;
    let is_willing = setting.content != Content::Any;
    let hypervisor = hypervisor::Automaton::new(must_come_to_rest, is_willing);
    let watchers: [(_, Box<dyn Watcher>); 7] = [
        ("delivery", Box::new(delivery::Checker::default())),
        ("hypervisor", Box::new(hypervisor)),
        ("isolation", Box::new(isolation::Checker::new(setting.content))),
        ("outstanding", Box::new(outstanding::Checker::default())),
        ("rdma", Box::new(rdma::Checker::default())),
        ("results", Box::new(results::Checker::default())),
        ("wakeups", Box::new(wakeups::Checker::new(ending.at_rest))),
    ];
    let (names, watchers): (Vec<_>, Vec<_>) = watchers.into_iter().unzip();
    let (problems, device) = device::watch(trace, setting, watchers);
    names.into_iter().zip(problems).for_each(|(name, problems)| report(name, problems));
    let automaton = device.into_automaton();
    report("protocol", automaton.problems(ending.at_rest, ending.takes_entries(Side::Mgmt)));
    found
}

/// Runs every checker over the beginning of a run whose rest was not recorded: only what has happened is judged, as far
/// as every send is told to its end.
pub fn check_beginning(trace: &Trace, setting: &Setting) -> Vec<Violation> {
    let records = trace.records();
    let beginning = Trace::new(records[..wire::whole(records)].to_vec(), trace.names().clone());
    check(&beginning, setting, &Ending::UNKNOWN)
}

/// The number of the record with which a violation first shows: without it and what follows, nothing that
/// happened would be wrong. `None` for what only the end of the run tells.
pub fn locate(trace: &Trace, setting: &Setting, violation: &Violation) -> Option<u64> {
    let records = trace.records();
    let shows = |count: usize| {
        let beginning = Trace::new(records[..count].to_vec(), trace.names().clone());
        check(&beginning, setting, &Ending::UNKNOWN).contains(violation)
    };
    if !shows(records.len()) {
        return None;
    }
    // What the first `without` records show is not wrong, what the first `with` show is.
    let (mut without, mut with) = (0, records.len());
    while with - without > 1 {
        let middle = without.midpoint(with);
        match shows(middle) {
            true => with = middle,
            false => without = middle,
        }
    }
    Some(records[with - 1].seq)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Run, ours};
    use papr::{CrqEntry, InitFormat, ReturnCode};
    use vmc_trace::{ActorId, Event};

    #[test]
    fn a_beginning_is_judged_as_far_as_every_send_is_told() {
        let init = CrqEntry::init(InitFormat::INITIALIZE);
        let stored = Event::Enqueued { to: Side::Hyp, element: 0, entry: init, overlaid: None };
        let taken = Event::Dequeued { by: Side::Hyp, element: 0, entry: init };
        let sent = ours::sends(init, ReturnCode::SUCCESS);
        let looks = Event::Sleep(vmc_trace::Waiting::Work);
        // The consumer needs no lock, and may be recorded before the one who stored.
        let all = [
            (ActorId::Service, looks),
            (ActorId::Service, taken),
            (ActorId::Task, stored),
            (ActorId::Task, sent),
        ];
        for (records, whole) in [(1, 1), (2, 1), (3, 1), (4, 4)] {
            let trace = Run::of(all.clone().into_iter().take(records)).trace();
            assert_eq!(wire::whole(trace.records()), whole, "{records} records");
        }
    }

    #[test]
    fn a_violation_is_located_at_the_record_that_it_shows_with() {
        let init = CrqEntry::init(InitFormat::INITIALIZE);
        // Nothing was registered: INIT is not due.
        let taken = Event::Dequeued { by: Side::Hyp, element: 0, entry: init };
        let run = Run::of([
            (ActorId::Service, taken),
            (ActorId::Task, ours::sends(init, ReturnCode::SUCCESS)),
            (ActorId::Service, Event::Sleep(vmc_trace::Waiting::Work)),
        ]);
        let trace = run.trace();
        let setting = Setting::default();
        let found = check(&trace, &setting, &Ending::UNKNOWN);
        let of = |checker| found.iter().find(|violation| violation.checker == checker);
        let protocol = of("protocol").expect("INIT out of turn");
        assert_eq!(locate(&trace, &setting, protocol), Some(1));
        let other = Violation { what: String::from("another"), ..protocol.clone() };
        assert_eq!(locate(&trace, &setting, &other), None);
    }
}
