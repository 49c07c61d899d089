//! Embedded machines, on both runtimes and with both ways to wait.

use super::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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
