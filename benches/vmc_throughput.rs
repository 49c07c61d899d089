//! Messages per second through several connections, each with every buffer under way that it has.
//!
//! An operation is a message that is written, echoed and read back. Applications write to all of their
//! connections until no buffer is left, then read from all of them.

#![forbid(unsafe_code)]

use std::sync::mpsc;
use vmc_bench::{Bench, Case, PATIENCE_OF_A_CALL, hung};
use vmc_machine::embed::{Application, CallError, Errno, File, Machine, OnThreads, Waiting};

const CONNECTIONS: [u16; 4] = [1, 2, 8, 64];

const LENGTHS: [(usize, &str); 2] = [(32, "32 B"), (4096, "4 KiB")];

/// The longest message that there can be: most of its time goes to copies, which take no lock.
const LONGEST: usize = 16 * 1024;

/// Messages of a sample at the least.
const MESSAGES: u64 = 1 << 12;

/// Buffers of a connection; half of them are for writing.
const BUFFERS: u16 = 32;

fn main() {
    let mut bench = Bench::from_args("vmc_throughput");
    two_for_one(&mut bench);
    for (len, length) in LENGTHS {
        for connections in CONNECTIONS {
            for threads in [1, 2] {
                if threads > connections {
                    continue;
                }
                let name = format!("{length} {connections} connections {threads} threads");
                let machine = Machine {
                    connections: connections as u8,
                    buffers: BUFFERS,
                    crq_pages: 16,
                    ..Machine::default()
                };
                on(&machine, Waiting::Poll, threads, |polling| {
                    on(&machine, Waiting::Block, threads, |blocking| {
                        run(&mut bench, &name, len, polling, blocking);
                    });
                });
            }
        }
    }
}

/// Two connections whose applications are on threads of their own, beside one.
fn two_for_one(bench: &mut Bench) {
    let machine = |connections| Machine {
        connections,
        buffers: BUFFERS,
        mtu: LONGEST as u32,
        crq_pages: 16,
        ..Machine::default()
    };
    let message = &vec![0xA5; LONGEST];
    on(&machine(2), Waiting::Poll, 2, |two| {
        on(&machine(1), Waiting::Poll, 1, |one| {
            let case = Case::new("16 KiB two for one").at_least(MESSAGES);
            let case = contender(case, "vmcsim", two, message);
            let case = contender(case, "one connection", one, message);
            bench.run(case.bytes(2 * LONGEST as u64).messages(2));
        });
    });
}

/// An application with its sessions.
struct Pump<'a> {
    app: Application<OnThreads<'a>>,
    /// The sessions, and how many messages of each are under way.
    files: Vec<(File, usize)>,
}

/// Boots a machine for as long as `body` takes, whose connections the applications share.
fn on(machine: &Machine, waiting: Waiting, threads: u16, body: impl FnOnce(Vec<Pump<'_>>)) {
    let booted = machine.on_threads(waiting, threads, |apps| {
        let monitor = apps[0].monitor();
        monitor.watch(PATIENCE_OF_A_CALL, hung, || {
            let mut pumps: Vec<Pump<'_>> =
                apps.into_iter().map(|app| Pump { app, files: Vec::new() }).collect();
            for n in 0..usize::from(machine.connections) {
                let place = n % pumps.len();
                let pump = &mut pumps[place];
                let file = pump.app.open_session(&format!("HMC-{n}")).expect("a session");
                pump.files.push((file, 0));
            }
            body(pumps);
        });
    });
    booted.expect("a possible machine");
}

impl Pump<'_> {
    /// Passes on so many messages.
    fn messages(&mut self, times: u64, message: &[u8], answer: &mut [u8]) {
        let mut left = times;
        while left > 0 {
            for (file, under_way) in &mut self.files {
                while left > 0 {
                    match self.app.write(*file, message) {
                        Ok(_) => (*under_way, left) = (*under_way + 1, left - 1),
                        Err(CallError::Failed(Errno::EBUSY)) => break,
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            for (file, under_way) in &mut self.files {
                for _ in 0..std::mem::take(under_way) {
                    assert_eq!(self.app.read(*file, answer), Ok(message.len()));
                }
            }
        }
    }
}

fn run(bench: &mut Bench, name: &str, len: usize, polling: Vec<Pump<'_>>, blocking: Vec<Pump<'_>>) {
    let message = &vec![0xA5; len];
    let case = contender(Case::new(name).at_least(MESSAGES), "vmcsim, polling", polling, message);
    let case = contender(case, "vmcsim, blocking", blocking, message);
    bench.run(case.bytes(2 * len as u64).messages(2));
}

/// The near thread has one application, the far one the other; if there is one only, the far thread sleeps, as the
/// machine's threads work.
fn contender<'a>(
    case: Case<'a>,
    name: &'static str,
    mut pumps: Vec<Pump<'a>>,
    message: &'a [u8],
) -> Case<'a> {
    let mut near = pumps.remove(0);
    let mut far = pumps.pop();
    let mut answer = message.to_vec();
    let mut far_answer = message.to_vec();
    let (end, ended) = mpsc::channel();
    let share = if far.is_some() { 2 } else { 1 };
    case.pair(
        name,
        move |times| {
            near.messages(times.div_ceil(share), message, &mut answer);
            // The far thread's half is done when it has heard of this one's.
            end.send(()).expect("a far thread");
        },
        move |times| {
            if let Some(far) = &mut far {
                far.messages(times / share, message, &mut far_answer);
            }
            ended.recv().expect("a near thread");
        },
    )
}
