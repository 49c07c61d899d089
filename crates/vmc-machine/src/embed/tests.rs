//! Embedded machines, on both runtimes and with both ways to wait.

use super::fault::{EntryKind, HcallPoint, MessagePoint};
use super::*;
use papr::{HcallName, ReturnCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use vmc_proto::MessageType;
use vmc_trace::{Event, Side};

/// Messages of a test that are written and read one after the other.
const MESSAGES: u16 = 2_000;

fn exchange<H: Host>(app: &mut Application<H>, name: &str) {
    let file = app.open_session(name).unwrap();
    let mut answer = [0; 4096];
    for n in 0..MESSAGES {
        let message = vec![n as u8; usize::from(n % 4096 + 1)];
        assert_eq!(app.write(file, &message), Ok(message.len()));
        let len = app.read(file, &mut answer).unwrap();
        assert_eq!(answer[..len], message);
    }
    app.close(file).unwrap();
}

#[test]
fn without_recording_the_same_steps_are_made() {
    let steps = |record| {
        let mut app = Machine { record, ..Machine::default() }.deterministic().unwrap();
        exchange(&mut app, "HMC-A");
        app.settle();
        app.steps()
    };
    assert_eq!(steps(true), steps(false));
}

#[test]
fn a_call_that_nothing_can_wake_says_so() {
    let machine = Machine { behaviour: Named::Sink.into(), ..Machine::default() };
    let mut app = machine.deterministic().unwrap();
    let file = app.open_session("HMC-A").unwrap();
    assert_eq!(app.read(file, &mut [0; 8]), Err(CallError::Stuck));
    for waiting in [Waiting::Block, Waiting::Poll] {
        let read = machine.on_threads(waiting, 1, |mut apps| {
            let file = apps[0].open_session("HMC-A").unwrap();
            apps[0].read(file, &mut [0; 8])
        });
        assert_eq!(read.unwrap(), Err(CallError::Stuck));
    }
}

#[test]
fn errors_of_the_device_come_through() {
    let mut app = Machine { buffers: 2, ..Machine::default() }.deterministic().unwrap();
    let file = app.open_session("HMC-A").unwrap();
    assert_eq!(app.write(file, &[0; 5000]), Err(CallError::Failed(Errno::EIO)));
    assert_eq!(app.open_session("HMC-B"), Err(CallError::Failed(Errno::EBUSY)));
    app.close(file).unwrap();
    assert_eq!(app.write(file, &[0; 8]), Err(CallError::Failed(Errno::EIO)));
}

#[test]
fn on_threads_several_applications_talk_at_the_same_time() {
    let machine = Machine { connections: 3, ..Machine::default() };
    for waiting in [Waiting::Block, Waiting::Poll] {
        machine
            .on_threads(waiting, 3, |apps| {
                std::thread::scope(|scope| {
                    for (n, mut app) in apps.into_iter().enumerate() {
                        scope.spawn(move || exchange(&mut app, &format!("HMC-{n}")));
                    }
                });
            })
            .unwrap();
    }
}

#[test]
fn a_read_that_does_not_block_sees_what_has_arrived_while_it_polls() {
    let machine =
        Machine { behaviour: Named::Source(Source::new(1, 64)).into(), ..Machine::default() };
    machine
        .on_threads(Waiting::Poll, 1, |mut apps| {
            let app = &mut apps[0];
            let file = app.open_session("HMC-A").unwrap();
            while !app.poll(file, false).unwrap().readable {}
            assert_eq!(app.read(file, &mut [0; 64]), Ok(64));
        })
        .unwrap();
}

#[test]
fn the_service_runs_on_a_thread_of_the_caller_s_until_it_is_enough() {
    let is_enough = AtomicBool::new(false);
    Machine::default()
        .on_two_threads(|mut app, mut service| {
            std::thread::scope(|scope| {
                scope.spawn(|| service.serve(|| is_enough.load(Ordering::Relaxed)));
                exchange(&mut app, "HMC-A");
                is_enough.store(true, Ordering::Relaxed);
            });
        })
        .unwrap();
}

/// The application has its answer and makes no call: time goes on, and with it the driver.
#[test]
fn the_interrupt_is_enabled_again_while_an_application_is_outside_of_calls() {
    let machine = Machine::default();
    machine
        .on_threads(Waiting::Poll, 1, |mut apps| {
            let app = &mut apps[0];
            let file = app.open_session("HMC-A").unwrap();
            let monitor = app.monitor();
            let is_left_without_interrupt = || {
                let standing = monitor.standing();
                standing.contains("is left at its queue") && standing.contains("enabled false")
            };
            while !is_left_without_interrupt() {
                app.write(file, b"hello").unwrap();
                app.read(file, &mut [0; 8]).unwrap();
            }
            while !monitor.standing().contains("CRQ interrupt: enabled true") {
                std::thread::yield_now();
            }
        })
        .unwrap();
}

#[test]
fn a_call_after_the_end_of_the_run_comes_back() {
    let machine = Machine { behaviour: Named::Sink.into(), ..Machine::default() };
    let reads = machine.on_threads(Waiting::Poll, 1, |mut apps| {
        let file = apps[0].open_session("HMC-A").unwrap();
        [(); 2].map(|()| apps[0].read(file, &mut [0; 8]))
    });
    assert_eq!(reads.unwrap(), [Err(CallError::Stuck); 2]);
}

/// One application waits for an answer that does not come while another one is outside of calls: nothing tells that
/// it never will.
#[test]
fn a_call_that_makes_no_progress_is_told_with_what_each_waits_for() {
    const LINES: [&str; 6] = [
        "application thread 1     waits for what its call sleeps for",
        "application thread 2     runs, or is outside of calls",
        "the bottom half is not left at its queue; 0 poll",
        "CRQ interrupt: enabled true, pending false; channel ready",
        "application 0: in its call number",
        "application 1: outside of calls",
    ];
    let machine = Machine { connections: 2, behaviour: Named::Sink.into(), ..Machine::default() };
    for waiting in [Waiting::Block, Waiting::Poll] {
        let mut told = None;
        let read = machine.on_threads(waiting, 2, |mut apps| {
            let file = apps[0].open_session("HMC-A").unwrap();
            let monitor = apps[0].monitor();
            let on_hang = |standing| {
                told = Some(standing);
                // The call has begun. It takes its time until it sleeps.
                while !LINES.iter().all(|actor| monitor.standing().contains(actor)) {
                    std::thread::yield_now();
                }
            };
            monitor.watch(Duration::from_millis(1), on_hang, || apps[0].read(file, &mut [0; 8]))
        });
        assert_eq!(read.unwrap(), Err(CallError::Stuck));
        assert!(told.unwrap().contains("application 0: in its call number"));
    }
}

#[test]
fn several_applications_share_a_machine_on_the_callers_thread() {
    let machine = Machine { connections: 3, ..Machine::default() };
    let mut apps = machine.deterministic_with(3).unwrap();
    assert!(apps.get(3).is_none());
    let files = [0, 1, 2].map(|n| {
        let mut app = apps.get(n).unwrap();
        (n, app.open_session(&format!("HMC-{n}")).unwrap())
    });
    for round in 0..100 {
        for (n, file) in files {
            apps.get(n).unwrap().write(file, &[n as u8, round]).unwrap();
        }
        for (n, file) in files.into_iter().rev() {
            let mut answer = [0; 2];
            assert_eq!(apps.get(n).unwrap().read(file, &mut answer), Ok(2));
            assert_eq!(answer, [n as u8, round]);
        }
    }
}

#[test]
fn a_call_that_only_another_application_could_wake_is_stuck_and_its_wake_up_is_harmless() {
    for seed in [None, Some(1)] {
        let mut apps = Machine { seed, ..Machine::default() }.deterministic_with(2).unwrap();
        let file = apps.get(0).unwrap().open_session("HMC-A").unwrap();
        assert_eq!(apps.get(0).unwrap().read(file, &mut [0; 8]), Err(CallError::Stuck));
        // The message wakes the read that was given up.
        assert_eq!(apps.get(1).unwrap().write(file, &[1; 8]), Ok(8));
        apps.settle();
        assert_eq!(apps.get(1).unwrap().write(file, &[2; 8]), Ok(8));
        apps.settle();
        let mut answer = [0; 8];
        assert_eq!(apps.get(1).unwrap().read(file, &mut answer), Ok(8));
        assert_eq!(answer, [1; 8]);
    }
}

/// One thread reads what comes while the other one writes.
#[test]
fn two_threads_share_a_file() {
    for waiting in [Waiting::Block, Waiting::Poll] {
        let (machine, mut apps) = Machine::default().spawn(waiting, 2).unwrap();
        let (mut reader, mut writer) = (apps.remove(0), apps.remove(0));
        let file = writer.open_session("HMC-A").unwrap();
        let reading = std::thread::spawn(move || {
            let mut message = [0; 2];
            (0..MESSAGES).for_each(|n| {
                assert_eq!(reader.read(file, &mut message), Ok(2));
                assert_eq!(message, n.to_be_bytes());
            });
        });
        for n in 0..MESSAGES {
            while let Err(error) = writer.write(file, &n.to_be_bytes()) {
                // Every buffer holds an answer that was not read yet.
                assert_eq!(error, CallError::Failed(Errno::EBUSY));
                std::thread::yield_now();
            }
        }
        reading.join().unwrap();
        drop(writer);
        assert!(machine.into_run().unwrap().end.quiescent);
    }
}

#[test]
fn an_owned_machine_gives_its_run_when_no_application_is_in_use() {
    let (machine, mut apps) = Machine::default().spawn(Waiting::Block, 1).unwrap();
    let machine = machine.into_run().expect_err("its application is in use");
    exchange(&mut apps[0], "HMC-A");
    drop(apps);
    let run = machine.into_run().unwrap();
    assert!(run.end.quiescent && run.trace.records().is_empty());
}

#[test]
fn calls_on_an_owned_machine_that_was_dropped_come_back() {
    let machine = Machine { behaviour: Named::Sink.into(), ..Machine::default() };
    for waiting in [Waiting::Block, Waiting::Poll] {
        let (machine, mut apps) = machine.spawn(waiting, 1).unwrap();
        let file = apps[0].open_session("HMC-A").unwrap();
        std::thread::scope(|scope| {
            let app = &mut apps[0];
            let reading = scope.spawn(move || app.read(file, &mut [0; 8]));
            drop(machine);
            assert_eq!(reading.join().unwrap(), Err(CallError::Stuck));
        });
        assert_eq!(apps[0].read(file, &mut [0; 8]), Err(CallError::Stuck));
    }
}

/// What happens, in its order, under a seed.
fn order_under(seed: Option<u64>) -> Vec<String> {
    let machine = Machine { seed, connections: 2, record: true, ..Machine::default() };
    let mut apps = machine.deterministic_with(2).unwrap();
    for n in 0..2 {
        let mut app = apps.get(n).unwrap();
        let file = app.open_session(&format!("HMC-{n}")).unwrap();
        app.write(file, &[1; 32]).unwrap();
        assert_eq!(app.read(file, &mut [0; 32]), Ok(32));
        app.close(file).unwrap();
    }
    apps.into_run().trace.records().iter().map(ToString::to_string).collect()
}

#[test]
fn a_seed_draws_the_order_and_the_same_one_draws_it_again() {
    let orders: Vec<_> = (0..20).map(|seed| order_under(Some(seed))).collect();
    assert_eq!(order_under(Some(7)), orders[7]);
    assert_eq!(order_under(None), order_under(None));
    let different = orders.iter().collect::<std::collections::BTreeSet<_>>().len();
    assert!(different > 10, "only {different} orders of {}", orders.len());
}

/// The second copy of the second application fails: the first one is its HMC ID.
fn second_copy_fails() -> Rule {
    let code = None;
    let (by, name, at) = (Side::Mgmt, HcallName::CopyRdma, HcallPoint::Before);
    let occasion = Occasion::Hcall { by, name, at, code };
    let mut rule = Rule::new("no copy", occasion, Act::Answer(ReturnCode::HARDWARE));
    rule.nth = 2;
    rule.trigger = rule.trigger.map(|trigger| Trigger { app: Some(1), ..trigger });
    rule
}

fn fires(trace: &Trace) -> usize {
    let is_it = |event: &Event| matches!(event, Event::Fault { rule, .. } if rule == "no copy");
    trace.records().iter().filter(|record| is_it(&record.event)).count()
}

#[test]
fn a_fault_rule_fires_for_the_application_that_it_names() {
    let faults = vec![second_copy_fails()];
    let machine = Machine { faults, connections: 2, record: true, ..Machine::default() };
    let files = ["HMC-A", "HMC-B"];
    let results = [Ok(8), Err(CallError::Failed(Errno::EIO))];
    let mut apps = machine.deterministic_with(2).unwrap();
    let write = |n: usize| {
        let mut app = apps.get(n).unwrap();
        let file = app.open_session(files[n]).unwrap();
        app.write(file, &[1; 8])
    };
    assert_eq!([0, 1].map(write), results);
    let run = apps.into_run();
    assert_eq!((fires(&run.trace), run.unfired()), (1, vec![]));
    for waiting in [Waiting::Block, Waiting::Poll] {
        let (machine, mut apps) = machine.spawn(waiting, 2).unwrap();
        let write = |n: usize| {
            let file = apps[n].open_session(files[n]).unwrap();
            apps[n].write(file, &[1; 8])
        };
        assert_eq!([0, 1].map(write), results);
        drop(apps);
        let run = machine.into_run().unwrap();
        assert_eq!((fires(&run.trace), run.unfired()), (1, vec![]));
    }
}

#[test]
fn a_fault_rule_that_never_fires_is_told() {
    let machine = Machine { faults: vec![second_copy_fails()], ..Machine::default() };
    let run = machine.deterministic().unwrap().into_run();
    assert_eq!(run.unfired(), ["no copy"]);
}

#[test]
fn a_fault_rule_that_cannot_fire_is_refused() {
    let crash = || Act::Crash(Side::Mgmt);
    let rule = |occasion, act| Rule::new("it", occasion, act);
    let write = Occasion::Call { call: fault::CallKind::Write, effect: 0 };
    let by_a_step = Rule { trigger: None, ..rule(Occasion::Allocation, crash()) };
    for (rule, why) in [
        (by_a_step, "fault `it` cannot fire: it has no trigger"),
        (rule(write, crash()), "fault `it` cannot fire: it waits for a call"),
        (rule(Occasion::Time { ns: 1 }, Act::Kill(0)), "fault `it` cannot fire: it kills"),
    ] {
        let machine = Machine { faults: vec![rule], ..Machine::default() };
        let error = machine.deterministic().unwrap_err().to_string();
        assert!(error.starts_with(why), "{error}");
        assert_eq!(machine.spawn(Waiting::Block, 1).unwrap_err().to_string(), error);
    }
}

fn when_sent(message: MessageType, by: Side, act: Act) -> Vec<Rule> {
    let (kind, at) = (EntryKind::Message(message), MessagePoint::Sent);
    vec![Rule::new("it", Occasion::Message { by, kind, at }, act)]
}

#[test]
fn an_application_is_gone_when_its_partition_crashes() {
    let faults = when_sent(MessageType::Signal, Side::Mgmt, Act::Crash(Side::Mgmt));
    for seed in [None, Some(3)] {
        let machine = Machine { faults: faults.clone(), seed, ..Machine::default() };
        let mut app = machine.deterministic().unwrap();
        let file = app.open_session("HMC-A").unwrap();
        assert_eq!(app.write(file, &[1; 8]), Err(CallError::Crashed));
        assert_eq!(app.open(false), Err(CallError::Crashed));
        assert_eq!(app.open_session("HMC-A"), Err(CallError::Crashed));
    }
    // One sleeps in a call meanwhile.
    let machine = Machine { faults, connections: 2, ..Machine::default() };
    for waiting in [Waiting::Block, Waiting::Poll] {
        let (machine, mut apps) = machine.spawn(waiting, 2).unwrap();
        let mut reader = apps.remove(0);
        let file = reader.open_session("HMC-A").unwrap();
        let other = apps[0].open_session("HMC-B").unwrap();
        let reading = std::thread::spawn(move || reader.read(file, &mut [0; 8]));
        assert_eq!(apps[0].write(other, &[1; 8]), Err(CallError::Crashed));
        assert_eq!(reading.join().unwrap(), Err(CallError::Crashed));
        drop(apps);
        assert!(machine.into_run().unwrap().end.quiescent);
    }
}

#[test]
fn a_session_that_is_refused_while_it_opens_is_told() {
    let status = vmc_proto::Status(1);
    let refuse = Act::Refuse { request: MessageType::InterfaceOpen, status };
    let faults = vec![Rule::new("it", Occasion::Time { ns: 1 }, refuse)];
    let mut app = Machine { faults, ..Machine::default() }.deterministic().unwrap();
    app.settle();
    assert_eq!(app.open_session("HMC-A"), Err(CallError::Failed(Errno::EIO)));
    app.settle();
    app.open_session("HMC-A").unwrap();
}

/// More room than the longest message has: the Linux driver refuses it.
#[test]
fn the_profile_can_be_chosen() {
    let read = |profile| {
        let mut app = Machine { profile, ..Machine::default() }.deterministic().unwrap();
        let file = app.open_session("HMC-A").unwrap();
        app.write(file, &[1; 8]).unwrap();
        app.read(file, &mut [0; 5000])
    };
    assert_eq!(read(Profile::Document), Ok(8));
    assert_eq!(read(Profile::Linux), Err(CallError::Failed(Errno::EINVAL)));
}

#[test]
fn errors_are_io_errors_with_their_errno() {
    let mut app = Machine::default().deterministic().unwrap();
    let file = app.open_session("HMC-A").unwrap();
    let error: io::Error = app.write(file, &[0; 5000]).unwrap_err().into();
    assert_eq!(error.raw_os_error(), Some(Errno::EIO.number()));
    assert_eq!(io::Error::from(CallError::Stuck).kind(), io::ErrorKind::Deadlock);
    assert_eq!(io::Error::from(CallError::Crashed).kind(), io::ErrorKind::NotConnected);
}
