//! What machines cost by their size: in time, and in memory. Each cost should grow linearly or better.
//!
//! A series is a size that grows with everything else as it is. Its exponent is the power of the size by which the
//! cost grows in the upper half of the sizes, where it matters and what does not grow weighs least.
//!
//! Memory is what the kernel counts as resident (`/proc/self/smaps_rollup`) while more and more machines are kept,
//! so it includes what the allocator adds to each block.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::time::Instant;
use vmc_bench::{Fit, PAGE, RowFile};
use vmc_machine::embed::{Application, Deterministic, File, Machine};

/// Machines that are kept at a time to see how much memory one takes.
const KEPT: usize = 8;

fn main() {
    if !std::env::args().any(|word| word == "--bench") {
        return try_out();
    }
    let mut file = RowFile::create("scale").expect("a target folder for the rows");
    let mut push = |fit: Fit| {
        println!("{fit}");
        file.push(&fit).expect("a row can be written");
    };
    const CONNECTIONS: [u16; 5] = [1, 4, 16, 64, 255];
    let connections = |n: u16| Machine { connections: n as u8, ..Machine::default() };
    push(Fit::times("scale", "boot and a message", "connections", &CONNECTIONS, connections, boot));
    push(Fit::times(
        "scale",
        "a message",
        "connections",
        &CONNECTIONS,
        |n| ready(&connections(n), n),
        exchange,
    ));
    const BUFFERS: [u16; 3] = [16, 32, 64];
    let buffers = |n: u16| Machine { buffers: n, ..Machine::default() };
    push(Fit::times("scale", "boot and a message", "buffers", &BUFFERS, buffers, boot));
    push(Fit::times(
        "scale",
        "a message",
        "buffers",
        &BUFFERS,
        |n| ready(&buffers(n), 1),
        exchange,
    ));
    const PAGES: [u16; 3] = [1, 4, 16];
    let pages = |n: u16| Machine { crq_pages: n, ..Machine::default() };
    push(Fit::times("scale", "boot and a message", "CRQ pages", &PAGES, pages, boot));
    push(Fit::times("scale", "a message", "CRQ pages", &PAGES, |n| ready(&pages(n), 1), exchange));
    const EVENTS: [u64; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
    let (by_time, by_memory) = EVENTS.iter().map(|&events| trace(events)).unzip();
    push(Fit::new("scale", "a recorded run", "events", "ns", by_time));
    push(Fit::new("scale", "memory of a trace", "events", "B", by_memory));
    push(idle(&CONNECTIONS));
}

/// One of the smallest of each kind, to see that it works.
fn try_out() {
    boot(&mut Machine::default());
    exchange(&mut ready(&Machine::default(), 1));
    trace(1_000);
    println!("scale: ok");
}

/// A machine with open sessions.
struct Ready {
    app: Application<Deterministic>,
    first: File,
}

fn ready(machine: &Machine, sessions: u16) -> Ready {
    let mut app = machine.deterministic().expect("a possible machine");
    let first = app.open_session("HMC-0").expect("a session");
    for n in 1..sessions {
        app.open_session(&format!("HMC-{n}")).expect("a session");
    }
    app.settle();
    Ready { app, first }
}

fn boot(machine: &mut Machine) {
    exchange(&mut ready(machine, 1));
}

fn exchange(Ready { app, first }: &mut Ready) {
    let mut answer = [0; 32];
    assert_eq!(app.write(*first, &[7; 32]), Ok(32));
    assert_eq!(app.read(*first, &mut answer), Ok(32));
}

/// A run that is recorded until there are so many events; the time and the memory that it and its trace take.
fn trace(events: u64) -> ((f64, f64), (f64, f64)) {
    let machine = Machine { record: true, ..Machine::default() };
    let recorded = |exchanges: u64| {
        let mut ready = ready(&machine, 1);
        (0..exchanges).for_each(|_| exchange(&mut ready));
        ready.app.into_trace()
    };
    let per_exchange = (recorded(64).records().len() - recorded(0).records().len()) as u64 / 64;
    let (before, start) = (resident(), Instant::now());
    let trace = black_box(recorded(events / per_exchange));
    let (ns, size) = (start.elapsed().as_nanos() as f64, trace.records().len() as f64);
    ((size, ns), (size, resident() - before))
}

/// Memory of machines whose connections all have an idle session. What a connection costs beyond its buffers is the
/// rest when for each of them is taken off what one buffer more costs. That is the page at the driver's end, which it
/// clears, and what both ends keep in their books; at the hypervisor's end only the seed has been written to, when it
/// brought the HMC ID.
fn idle(connections: &[u16]) -> Fit {
    const FEW: u16 = 4;
    const MANY: u16 = 32;
    let memory = |buffers: u16, n: u16| {
        let machine = Machine { connections: n as u8, buffers, ..Machine::default() };
        let before = resident();
        let kept: Vec<Ready> = (0..KEPT).map(|_| ready(&machine, n)).collect();
        let taken = resident() - before;
        // Given back memory would hide what the next machine takes.
        std::mem::forget(kept);
        taken / KEPT as f64
    };
    let most = connections[connections.len() - 1];
    let per_connection =
        |buffers| (memory(buffers, most) - memory(buffers, 1)) / f64::from(most - 1);
    let per_buffer = (per_connection(MANY) - per_connection(FEW)) / f64::from(MANY - FEW);
    let beyond = |&n: &u16| {
        let buffers = f64::from(FEW) * per_buffer + PAGE as f64;
        (f64::from(n), memory(FEW, n) - buffers * f64::from(n))
    };
    println!(
        "  (a buffer costs {per_buffer:.0} B, of which {PAGE} are its memory at the driver's end)"
    );
    Fit::new(
        "scale",
        "memory of idle connections",
        "connections",
        "B",
        connections.iter().map(beyond).collect(),
    )
}

/// Resident memory of this process in bytes.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) * 1024.0
}
