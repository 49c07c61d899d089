//! Embedded machines, judged.

use crate::judge;
use vmc_machine::embed::{Application, File, Host, Machine, Waiting};

/// Messages that are written and read one after the other.
const MESSAGES: u16 = 2_000;

fn exchange(app: &mut Application<impl Host>, file: File, messages: u16) {
    let mut answer = [0; 4096];
    for n in 0..messages {
        let message = vec![n as u8; usize::from(n % 4096 + 1)];
        assert_eq!(app.write(file, &message), Ok(message.len()));
        let len = app.read(file, &mut answer).unwrap();
        assert_eq!(answer[..len], message);
    }
}

#[test]
fn a_deterministic_machine_answers_and_every_invariant_holds() {
    let machine = Machine { record: true, ..Machine::default() };
    let mut app = machine.deterministic().unwrap();
    let file = app.open_session("HMC-A").unwrap();
    exchange(&mut app, file, MESSAGES);
    app.close(file).unwrap();
    let (trace, problems) = judge(app.into_run());
    assert!(problems.is_empty(), "{problems:?}");
    assert!(trace.counts().entries.values().sum::<u64>() > 2 * u64::from(MESSAGES));
}

#[test]
fn under_seeds_every_invariant_holds() {
    for seed in 0..50 {
        let machine =
            Machine { connections: 2, record: true, seed: Some(seed), ..Machine::default() };
        let mut apps = machine.deterministic_with(2).unwrap();
        for n in [0, 1] {
            let mut app = apps.get(n).unwrap();
            let file = app.open_session("HMC").unwrap();
            exchange(&mut app, file, 20);
            app.close(file).unwrap();
        }
        let (trace, problems) = judge(apps.into_run());
        assert!(problems.is_empty(), "seed {seed}: {problems:?}");
        let drawn = vmc_trace::render(&vmc_trace::Sequence::of(&trace));
        assert!(["a#1", "b#1"].iter().all(|session| drawn.contains(session)), "{drawn}");
    }
}

#[test]
fn the_trace_of_a_machine_on_threads_is_judged() {
    for waiting in [Waiting::Block, Waiting::Poll] {
        let machine = Machine { connections: 2, record: true, ..Machine::default() };
        let (machine, apps) = machine.spawn(waiting, 2).unwrap();
        let talks = apps.into_iter().map(|mut app| {
            std::thread::spawn(move || {
                let file = app.open_session("HMC").unwrap();
                exchange(&mut app, file, 200);
                app.close(file).unwrap();
            })
        });
        let talks: Vec<_> = talks.collect();
        talks.into_iter().for_each(|talk| talk.join().unwrap());
        let (trace, problems) = judge(machine.into_run().unwrap());
        assert!(problems.is_empty(), "{problems:?}");
        assert!(trace.counts().entries.values().sum::<u64>() > 4 * 200);
    }
}
