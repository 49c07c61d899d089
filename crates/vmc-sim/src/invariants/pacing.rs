//! Verifies that our driver and our service make a call that a hint told to wait no sooner again. LoPAR leaves a caller free
//! to "immediately turn around and try again" (H_LongBusyOrder1msec), so a foreign driver is not held to it; the protocol
//! that ours implements has it wait as hinted. The time is the trace's: virtual, or measured on threads, where a call is
//! recorded when it came back, so no earlier than it was made.
//!
//! A hint binds the actor that got it, for that call, until it has made the call again or gives it up: a call on the device
//! that returns, and a partition that dies or boots another kernel, have given it up.
//!
//! Does not verify how long a sender waits after H_Dropped, which is no hint.

use papr::{HcallName, ReturnCode};
use std::collections::BTreeMap;
use vmc_trace::{ActorId, Event, FaultAct, Record, Side, Trace};

/// What an actor was told, and when.
struct Hint {
    code: ReturnCode,
    given_at_ns: u64,
}

type Hints = BTreeMap<(ActorId, HcallName), Hint>;

pub(super) fn check(trace: &Trace) -> Vec<String> {
    let mut hints = Hints::new();
    let mut problems = Vec::new();
    for record in trace.records() {
        match &record.event {
            Event::Hcall { call, result, .. } => {
                problems.extend(called(&mut hints, record, call.kind(), result.code));
            }
            Event::Return(..) => hints.retain(|(actor, _), _| *actor != record.actor),
            Event::Fault { act: FaultAct::Kexec, .. } => gives_up(&mut hints, Side::Mgmt),
            Event::Fault {
                act: FaultAct::Crash(side) | FaultAct::Terminate(side) | FaultAct::Boot(side),
                ..
            } => gives_up(&mut hints, *side),
            _ => {}
        }
    }
    problems
}

fn gives_up(hints: &mut Hints, side: Side) {
    hints.retain(|(actor, _), _| actor.side() != Some(side));
}

fn called(
    hints: &mut Hints,
    &Record { actor, time_ns, .. }: &Record,
    name: HcallName,
    code: ReturnCode,
) -> Option<String> {
    let key = (actor, name);
    let problem = hints.remove(&key).and_then(|hint| {
        let asked_ns = hint.code.busy_hint().unwrap_or_default().as_nanos() as u64;
        let waited_ns = time_ns.saturating_sub(hint.given_at_ns);
        (waited_ns < asked_ns).then(|| {
            format!("{actor}: {name} again after {waited_ns} ns, {} came before", hint.code)
        })
    });
    if code.busy_hint().is_some() {
        hints.insert(key, Hint { code, given_at_ns: time_ns });
    }
    problem
}

#[cfg(test)]
mod tests {
    use super::*;
    use papr::{Hcall, HcallReturn, UnitAddress};
    use vmc_trace::{Subject, TraceNames};

    const MS: u64 = 1_000_000;
    const BUSY: ReturnCode = ReturnCode::LONG_BUSY_10_MSEC;

    /// H_FREE_CRQ at a time.
    fn frees(at_ms: u64, actor: ActorId, code: ReturnCode) -> (u64, ActorId, Event) {
        let call = Hcall::FreeCrq { unit_address: UnitAddress(3) };
        let result = HcallReturn { code, r4: 0 };
        (at_ms * MS, actor, Event::Hcall { call, result, subject: Subject::Channel })
    }

    fn problems(events: impl IntoIterator<Item = (u64, ActorId, Event)>) -> Vec<String> {
        let record = |(seq, (time_ns, actor, event))| Record { seq, time_ns, actor, event };
        check(&Trace::new((0..).zip(events).map(record).collect(), TraceNames::default()))
    }

    #[test]
    fn a_call_is_made_again_no_sooner_than_the_hint() {
        let run = |again| {
            problems([
                frees(5, ActorId::Task, BUSY),
                frees(6, ActorId::Service, ReturnCode::SUCCESS),
                frees(again, ActorId::Task, ReturnCode::SUCCESS),
                frees(again, ActorId::Task, ReturnCode::SUCCESS),
            ])
        };
        let early = "task: H_FREE_CRQ again after 9000000 ns, H_LongBusyOrder10mSec came before";
        assert_eq!(run(14), [early]);
        assert_eq!(run(15), [""; 0]);
    }

    #[test]
    fn each_hint_counts_from_its_own_call() {
        let run = [
            frees(0, ActorId::Task, BUSY),
            frees(10, ActorId::Task, BUSY),
            frees(11, ActorId::Task, ReturnCode::BUSY),
            frees(11, ActorId::Task, ReturnCode::SUCCESS),
        ];
        assert_eq!(problems(run).len(), 1);
    }

    #[test]
    fn a_partition_that_dies_has_given_the_call_up() {
        for (act, reports) in [
            (FaultAct::Crash(Side::Mgmt), 0),
            (FaultAct::Kexec, 0),
            (FaultAct::Crash(Side::Hyp), 1),
        ] {
            let dies = Event::Fault { rule: "dies".into(), act, entry: None, subject: None };
            let run = [
                frees(0, ActorId::Task, BUSY),
                (MS, ActorId::Platform, dies),
                frees(2, ActorId::Task, ReturnCode::SUCCESS),
            ];
            assert_eq!(problems(run).len(), reports);
        }
    }
}
