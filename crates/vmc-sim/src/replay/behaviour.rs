//! A fingerprint of how driver, hypervisor and simulator behave.
//!
//! A few small scenarios that together use every kind of message and the faults that reach deepest are run under fixed
//! schedules, and their raw traces are hashed. So the fingerprint changes when what the code does, records or counts
//! as a step changes, and stays when code is only written in another way. What these scenarios do not reach can
//! change unnoticed; then a replay is told from its run by the fingerprint of its own trace.

use super::Fingerprint;
use crate::simulation::{Options, simulate};
use std::sync::OnceLock;
use vmc_machine::build::MachineError;
use vmc_machine::schedule::ScheduleKind;
use vmc_scenario::Scenario;

/// The scenarios that are run.
const PROBES: [&str; 3] = [
    include_str!("probes/exchange.toml"),
    include_str!("probes/crash.toml"),
    include_str!("probes/linux.toml"),
];

/// The orders in which each of them is run.
const SCHEDULES: [ScheduleKind; 3] = [
    ScheduleKind::FirstCome,
    ScheduleKind::Random { seed: 1 },
    ScheduleKind::Pct { seed: 2, depth: 4, horizon: 300 },
];

/// The fingerprint of the code that is running; worked out once, in a few milliseconds.
pub fn behaviour() -> Fingerprint {
    static BEHAVIOUR: OnceLock<Fingerprint> = OnceLock::new();
    *BEHAVIOUR.get_or_init(|| of(&PROBES))
}

fn of(probes: &[&str]) -> Fingerprint {
    let mut fingerprint = Fingerprint::EMPTY;
    for (probe, schedule) in probes.iter().flat_map(|probe| SCHEDULES.map(|way| (probe, way))) {
        match run(probe, schedule) {
            Ok(trace) => fingerprint.add_line(&trace),
            // Code that refuses a probe behaves in another way, too.
            Err(refusal) => fingerprint.add_line(&refusal),
        }
    }
    fingerprint
}

fn run(probe: &str, schedule: ScheduleKind) -> Result<Fingerprint, String> {
    let scenario = Scenario::parse("probe.toml", probe).map_err(|error| error.to_string())?;
    let options = Options { schedule, ..Options::default() };
    let report = simulate(&scenario, &options).map_err(|e: MachineError| e.to_string())?;
    Ok(Fingerprint::of_trace(&report.trace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probes_run_and_pass() {
        for (probe, schedule) in PROBES.iter().flat_map(|probe| SCHEDULES.map(|way| (probe, way))) {
            let scenario = Scenario::parse("probe.toml", probe).expect("a scenario");
            let options = Options { schedule, ..Options::default() };
            let report = simulate(&scenario, &options).expect("a machine");
            assert!(report.passed(), "{:?}", report.problems);
        }
    }

    #[test]
    fn a_probe_that_behaves_in_another_way_changes_it() {
        let other = PROBES[0].replace("bytes = 3000", "bytes = 3001");
        assert_ne!(of(&[&other, PROBES[1], PROBES[2]]), behaviour());
        assert_ne!(of(&["no scenario", PROBES[1], PROBES[2]]), behaviour());
        assert_eq!(of(&PROBES), behaviour());
    }
}
