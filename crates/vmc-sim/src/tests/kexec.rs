//! A kernel that ends at any moment leaves the next one a machine that works.

use crate::{Options, RuntimeKind, Scenario, ScheduleKind, simulate};

/// The second application ends the kernel while the first one writes and reads.
const KEXEC: &str = r#"
    title = "A kernel ends at any moment of an exchange"
    [machine]
    pool-size = 2
    mtu = 8192
    [[fault]]
    name = "kexec"
    do = "kexec"
    [[app]]
    name = "a"
    steps = [
      { open = {} }, { set-hmc-id = "HMC-A" }, { wait = "session-ready" }, { post = "ready" },
      { write = { bytes = 8000 } }, { read = { expect = "any" } },
    ]
    [[app]]
    name = "k"
    steps = [{ await = "ready" }, { fault = "kexec" }]
    [[app]]
    name = "b"
    life = 2
    steps = [
      { open = {} }, { set-hmc-id = "HMC-B" }, { wait = "session-ready" },
      { write = { bytes = 64 } }, { read = { expect = "echo" } }, { close = {} },
    ]
    [expect]
    channel = "ready"
"#;

/// A copy under way holds pages, and an interrupt that was accepted holds the next one up: the processor lets go of both.
#[test]
fn no_copy_and_no_interrupt_is_left_to_the_next_kernel() {
    let scenario = Scenario::parse("kexec.toml", KEXEC).expect("a scenario");
    for seed in 0..150 {
        let schedule = ScheduleKind::Random { seed };
        let runtime = RuntimeKind::Deterministic;
        let report = simulate(&scenario, &Options { runtime, schedule, ..Options::default() });
        let report = report.expect("a machine");
        assert!(report.passed(), "seed {seed}: {:?}", report.problems);
    }
}
