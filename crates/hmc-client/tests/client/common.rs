//! A machine with a router, and programs on its seats.

use hmc_client::{Client, Options, Seat};
use hmc_proto::*;
use vmc_machine::embed::programs::{self, Programs, Serving, Time};
use vmc_machine::incarnation::Incarnation;
use vmc_machine::plan::{Plan, ThreadPlan};
use vmc_sim::Scenario;
use vmc_trace::Trace;

/// A client on a seat.
pub(crate) type SeatClient<'p> = Client<Seat<'p>>;

/// A router with the small system.
pub(crate) const ROUTER: &str = "[machine]\nhmcs = 2\npool-size = 8\nbehaviour = \"router\"\n";

/// The plan of a scenario, with seats for so many programs.
fn plan(text: &str, seats: u16) -> Plan {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/client/test.toml");
    let scenario = Scenario::parse(file, &format!("title = \"test\"\n{text}"));
    let mut plan = scenario.unwrap_or_else(|error| panic!("{error}")).plan().clone();
    plan.threads = (0..seats)
        .map(|number| ThreadPlan {
            name: format!("program-{number}"),
            process: number,
            life: Incarnation::FIRST,
            optional: true,
            steps: Vec::new(),
        })
        .collect();
    plan
}

/// Serves a program on a machine; every invariant must hold at the end. Time stands still while the program is outside of
/// calls.
pub(crate) fn machine<T>(text: &str, body: impl FnOnce(&Programs<'_>) -> T) -> (T, Trace) {
    serve(text, 1, Time::Programs, body)
}

/// The same with two programs, and with the clock's time: one of them may sleep while the other is outside of calls.
pub(crate) fn two<T>(text: &str, body: impl FnOnce(&Programs<'_>) -> T) -> T {
    serve(text, 2, Time::Clock, body).0
}

fn serve<T>(
    text: &str,
    seats: u16,
    time: Time,
    body: impl FnOnce(&Programs<'_>) -> T,
) -> (T, Trace) {
    let serving = Serving { time, keep: Some(usize::MAX) };
    let (result, run) = programs::serve(&plan(text, seats), serving, body).expect("a machine");
    let (trace, problems) = vmc_sim::judge(run);
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let shown = vmc_trace::render(&vmc_trace::Sequence::of(&trace));
    assert_eq!(problems, [""; 0], "\n{shown}");
    (result, trace)
}

/// A client on a seat, with the usual options.
pub(crate) fn client<'p>(programs: &'p Programs<'p>, seat: u16) -> SeatClient<'p> {
    let options = Options::new(format!("HMC-{seat}"));
    Client::open(Seat::new(programs, seat), options).expect("a session")
}

/// Serves one client.
pub(crate) fn one<T>(text: &str, body: impl FnOnce(&mut SeatClient<'_>, &Programs<'_>) -> T) -> T {
    machine(text, |programs| body(&mut client(programs, 0), programs)).0
}

/// A partition to be created.
pub(crate) fn web(name: &str) -> CreatePartition {
    CreatePartition::linux(name, Memory { min_mb: 1024, desired_mb: 2048, max_mb: 8192 }, 2)
}

/// Another name of the system.
pub(crate) fn rename(name: &str) -> ChangeSystem {
    ChangeSystem { version: None, name: name.into() }
}

/// Start it as it is.
pub(crate) fn start(id: u16) -> PowerOn {
    PowerOn { id, version: None, profile: None, boot_mode: None }
}

/// Stop it.
pub(crate) fn stop(id: u16, stop: Stop) -> PowerOff {
    PowerOff { id, version: None, stop }
}
