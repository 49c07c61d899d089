//! Generated scenarios: a seed draws a machine, what its applications do, and what goes wrong.
//!
//! What comes is the text of an ordinary scenario file, so that a failure can be cut down as a document and kept.
//! Scripts accept any result of their calls (`expect = "any"`), and wait for nothing longer than their patience
//! lasts: what must hold is for the checkers to say. Each seed first draws which kinds of faults exist at all
//! (swarm testing; Groce, Zhang, Eide, Chen and Regehr, 2012), because a run in which everything goes wrong never gets far enough for most of it.

mod apps;
mod draw;
mod faults;
mod machine;
mod management;
mod newer;

pub(crate) use draw::Draw;
use management::Management;
use newer::Newer;
use std::fmt::Write as _;

/// Tells the two streams of a seed apart.
const LATER: u64 = 0x6c61_7465_7200_0000;

/// The scenario of a seed, as the text of a scenario file. A seed means the same on every machine.
///
/// ```
/// use vmc_scenario::{Scenario, generate};
///
/// let scenario = Scenario::parse("generated", &generate(7))?;
/// assert_eq!(scenario.title(), "Generated from seed 7");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn generate(seed: u64) -> String {
    let mut draw = Draw::new(seed);
    let mut management = Management::of(seed);
    let mut newer = Newer::of(seed);
    let mut machine = machine::draw(&mut draw);
    newer.widen(&mut machine);
    if management.is_drawn() {
        machine.answer_commands();
    }
    let mut faults = faults::draw(&mut draw, &machine);
    // What came into being later has a stream of its own: the rest of a seed's scenario stays what it was.
    let mut later = Draw::new(seed ^ LATER);
    faults.draw_later(&mut later);
    let liberties = machine::liberties(&mut later);
    let service_liberties = machine::service_liberties(&mut later);
    newer.add_faults(&mut faults);
    management.add_faults(&mut faults);
    let mut text = String::with_capacity(4096);
    // Writing into a string does not fail.
    let _ = writeln!(text, "title = \"Generated from seed {seed}\"\n");
    machine.write((&liberties, &service_liberties), &mut newer, &mut text);
    apps::write(&mut draw, &machine, (&mut newer, &mut management), &mut text);
    newer.write_app(&mut text);
    faults.write(&mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scenario;
    use std::collections::BTreeSet;

    #[test]
    fn a_seed_gives_the_same_scenario_again_and_another_one_another() {
        assert_eq!(generate(3), generate(3));
        let body = |seed| generate(seed).lines().skip(1).map(String::from).collect::<Vec<_>>();
        let different: BTreeSet<_> = (0..100).map(body).collect();
        assert_eq!(different.len(), 100);
    }

    #[test]
    fn every_seed_gives_a_scenario_that_is_accepted() {
        for seed in 0..2000 {
            let text = generate(seed);
            if let Err(error) = Scenario::parse("generated", &text) {
                panic!("seed {seed}: {error}\n{text}");
            }
        }
    }

    #[test]
    fn every_key_of_a_generated_scenario_is_drawn_by_some_seed() {
        let all: String = (0..2000).map(generate).collect();
        for word in [
            "profile = \"linux\"",
            "first-session",
            "mtu = 16384",
            "hmcs = 255",
            "pool-size = 64",
            "corrupt = { version",
            "corrupt = { crq-size",
            "message = \"capabilities\", fields",
            "early-use",
            "highest-buffer",
            "other-given-up",
            "early-init",
            "one-entry",
            "descending-seeds",
            "descending-buffers",
            "early-open-response",
            "hypervisor-first",
            "source",
            "sink",
            "process = ",
            "life = 2",
            "fault = true",
            "unique",
            "bytes = 0, patience-ms",
            "set-hmc-id = { id = \"again\"",
            "nonblock",
            "crash = \"hyp\"",
            "reboot = \"mgmt\"",
            "suspend",
            "fill-crq",
            "fail-allocation",
            "\"drop\"",
            "corrupt",
            "transport-event",
            "attach-hmc = false",
            "\"driver loaded 3\"",
            "retry = ",
            "factor = 2",
            "step = ",
            "number = 0x8008CC00",
            "number = 0xFFFFFFFF, fault = true",
            "dup = ",
            "file = \"second\"",
            "driver-stopped",
            "window-pages",
            "64 KiB",
            "nth-session",
            "do = \"kexec\"",
            "name = \"next\"",
            "behaviour = \"router\"",
            "EXCHANGE OPERATIONS",
            "DECAFF20",
            "CREATE MAPPING",
            "SUBSCRIBE",
            "partition = { id = 3, fault = \"hang\" }",
        ] {
            assert!(all.contains(word), "{word}");
        }
    }
}
