//! The deterministic runtime: messages, events and whole scenario runs per second, against others that run
//! several parties on one thread under virtual time.
//!
//! An operation is a whole run: it boots what it needs, passes so many messages to and fro and ends. A message is one that
//! an application writes or reads: of vmcsim's a SIGNAL on a CRQ and the `H_COPY_RDMA` of its payload, of shuttle's a send
//! on a channel, of turmoil's a datagram, of the event loop an event. Each run has as many of them.

#![forbid(unsafe_code)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use vmc_bench::{Bench, Case};
use vmc_machine::embed::{Application, Deterministic, File, Machine};
use vmc_sim::{Options, Scenario, simulate};

/// Messages of a run that go to the other party; as many come back.
const ROUND_TRIPS: usize = 512;

/// Messages under way at a time where there is more than one: as many as the session has buffers to write with.
const PIPELINE: usize = 16;

/// Bytes of a message.
const LEN: usize = 32;

/// A message as the others pass it on: queue entry and payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Message {
    entry: [u64; 2],
    payload: [u8; LEN],
}

impl Message {
    fn new(n: usize) -> Message {
        Message { entry: [0x8006 << 48, n as u64], payload: [n as u8; LEN] }
    }
}

fn main() {
    let mut bench = Bench::from_args("sim_rate");
    one_by_one(&mut bench);
    pipeline(&mut bench);
    events(&mut bench);
    scenarios(&mut bench);
}

fn one_by_one(bench: &mut Bench) {
    let case = Case::new("one by one")
        .alone("vmcsim", || drop(run(1, false)))
        .alone("vmcsim, recording", || drop(run(1, true)))
        .alone("vmcsim, recording and invariants", || check(run(1, true)))
        .alone("event loop", || event_loop(1));
    bench.run(with_peers(case).messages(2 * ROUND_TRIPS as u64));
}

fn pipeline(bench: &mut Bench) {
    let case = Case::new("pipeline")
        .alone("vmcsim", || drop(run(PIPELINE, false)))
        .alone("vmcsim, recording", || drop(run(PIPELINE, true)))
        .alone("vmcsim, recording and invariants", || check(run(PIPELINE, true)))
        .alone("event loop", || event_loop(PIPELINE));
    bench.run(case.messages(2 * ROUND_TRIPS as u64));
}

/// Messages are events here, as every hypervisor call and wake-up is.
fn events(bench: &mut Bench) {
    let recorded = run(1, true).into_trace().records().len() as u64;
    let case = Case::new("events").alone("vmcsim, recording", || drop(run(1, true)));
    bench.run(case.messages(recorded));
}

/// Whole scenario runs: boot, an echo, close; with `simulate`, as the command line does it.
fn scenarios(bench: &mut Bench) {
    let text = r#"
        title = "An echo"
        [machine]
        pool-size = 4
        [[app]]
        steps = [
          { open = {} }, { set-hmc-id = "HMC-A" }, { wait = "session-ready" },
          { write = { bytes = 32 } }, { read = { expect = "echo" } }, { close = {} },
        ]
    "#;
    let scenario = Scenario::parse("echo.toml", text).expect("a scenario");
    let simulate = |record| {
        let options = Options { record, ..Options::default() };
        assert!(simulate(&scenario, &options).expect("a machine").passed());
    };
    let case = Case::new("scenario")
        .alone("vmcsim", || simulate(false))
        .alone("vmcsim, recording and invariants", || simulate(true));
    bench.run(case.messages(1));
}

fn run(pipeline: usize, record: bool) -> Application<Deterministic> {
    let machine = Machine { record, ..Machine::default() };
    let mut app = machine.deterministic().expect("a possible machine");
    let file = app.open_session("HMC-A").expect("a session");
    (0..ROUND_TRIPS / pipeline).for_each(|_| exchange(&mut app, file, pipeline));
    app
}

fn exchange(app: &mut Application<Deterministic>, file: File, messages: usize) {
    let mut answer = [0; LEN];
    for n in 0..messages {
        assert_eq!(app.write(file, &[n as u8; LEN]), Ok(LEN));
    }
    for n in 0..messages {
        assert_eq!(app.read(file, &mut answer), Ok(LEN));
        assert_eq!(answer[0], n as u8);
    }
}

fn check(app: Application<Deterministic>) {
    let (_trace, problems) = vmc_sim::judge(app.into_run());
    assert!(problems.is_empty(), "{problems:?}");
}

/// What any discrete-event simulation does at the least: take the earliest event from a heap, hand it to its
/// party, put what that sends into the heap.
fn event_loop(pipeline: usize) {
    let mut heap = BinaryHeap::new();
    let mut number = 0;
    let mut send = |heap: &mut BinaryHeap<_>, now: u64, to: usize, message: Message| {
        number += 1;
        heap.push(Reverse((now + 1, number, to, message)));
    };
    (0..pipeline).for_each(|n| send(&mut heap, 0, 1, Message::new(n)));
    let mut returned = 0;
    while let Some(Reverse((now, _, to, message))) = heap.pop() {
        let message = black_box(message);
        returned += 1 - to;
        let is_last = to == 0 && returned + pipeline > ROUND_TRIPS;
        if !is_last {
            send(&mut heap, now, 1 - to, message);
        }
    }
    assert_eq!(returned, ROUND_TRIPS);
}

#[cfg(not(feature = "peers"))]
fn with_peers(case: Case<'_>) -> Case<'_> {
    case
}

#[cfg(feature = "peers")]
fn with_peers(case: Case<'_>) -> Case<'_> {
    case.alone("shuttle", peers::shuttle).alone("turmoil", peers::turmoil)
}

#[cfg(feature = "peers")]
mod peers {
    use super::{Message, ROUND_TRIPS};
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    /// Two threads of shuttle and two of its channels, under one random schedule.
    pub(super) fn shuttle() {
        use shuttle::sync::mpsc::channel;
        let mut config = shuttle::Config::new();
        config.max_steps = shuttle::MaxSteps::None;
        let scheduler = shuttle::scheduler::RandomScheduler::new_from_seed(1, 1);
        let runner = shuttle::Runner::new(scheduler, config);
        runner.run(|| {
            let (there, far) = channel::<Message>();
            let (back, near) = channel::<Message>();
            let echo = shuttle::thread::spawn(move || {
                while let Ok(message) = far.recv() {
                    back.send(message).expect("a receiver");
                }
            });
            for n in 0..ROUND_TRIPS {
                there.send(Message::new(n)).expect("a receiver");
                assert_eq!(near.recv(), Ok(Message::new(n)));
            }
            drop(there);
            echo.join().expect("no panic");
        });
    }

    /// Two hosts of turmoil and datagrams between them.
    pub(super) fn turmoil() {
        use turmoil::net::UdpSocket;
        const PORT: u16 = 4000;
        let any = (IpAddr::from(Ipv4Addr::UNSPECIFIED), PORT);
        let mut sim = turmoil::Builder::new()
            .simulation_duration(Duration::from_secs(1 << 20))
            .min_message_latency(Duration::ZERO)
            .max_message_latency(Duration::from_micros(1))
            .build();
        sim.host("far", move || async move {
            let socket = UdpSocket::bind(any).await?;
            let mut message = [0; size_of::<Message>()];
            loop {
                let (len, from) = socket.recv_from(&mut message).await?;
                socket.send_to(&message[..len], from).await?;
            }
        });
        sim.client("near", async move {
            let socket = UdpSocket::bind(any).await?;
            let mut answer = [0; size_of::<Message>()];
            for n in 0..ROUND_TRIPS {
                let message = [n as u8; size_of::<Message>()];
                socket.send_to(&message, ("far", PORT)).await?;
                socket.recv_from(&mut answer).await?;
                assert_eq!(answer, message);
            }
            Ok(())
        });
        sim.run().expect("every message comes back");
    }
}
