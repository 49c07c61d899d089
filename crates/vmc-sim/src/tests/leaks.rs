//! What is left behind, seen by nothing but the `leaks` checker.

use crate::{Options, Problem, RuntimeKind, Scenario, simulate};

/// The driver is removed, and stays away.
const REMOVED: &str = r#"
    title = "The driver is removed"
    [machine]
    pool-size = 4
    [[app]]
    steps = [{ stop = "driver" }, { wait = "driver-stopped" }, { sleep-ms = 5 }]
"#;

/// The books of the driver and the window agree: what gives it away is that there is no device any more.
#[test]
fn buffers_that_stay_mapped_when_the_driver_is_removed_are_noticed_by_leaks_alone() {
    for runtime in [RuntimeKind::Deterministic, RuntimeKind::Threads] {
        let options = Options { runtime, ..Options::default() };
        let run = |quirks: &str| {
            let text = format!("quirks = [{quirks}]\n{REMOVED}");
            let scenario = Scenario::parse("removed.toml", &text).expect("a scenario");
            simulate(&scenario, &options).expect("a machine").problems
        };
        assert!(run("").is_empty());
        let problems = run("'H38'");
        let [Problem::Invariant { checker: "leaks", what }] = &problems[..] else {
            panic!("{problems:?}");
        };
        assert_eq!(what, "the driver has no device, and 1 pages are still mapped");
    }
}
