//! A command by a step of a scenario and the same by the client are the same messages.

use crate::common::{client, machine, rename, web};
use vmc_sim::{Options, Scenario, simulate};
use vmc_trace::{Event, Trace};

const MACHINE: &str = "[machine]\npool-size = 8\nbehaviour = \"router\"\n";

const STEPS: &str = r#"
[[app]]
name = "manager"
steps = [
  { open = {} },
  { set-hmc-id = "HMC-0" },
  { wait = "session-ready" },
  { command = { token = 1, name = "EXCHANGE OPERATIONS", with = { reserved = 0, version = 1, resume = 0 } } },
  { command = { token = 2, name = "CHANGE SYSTEM", with = { name = "sys2" } } },
  { command = { token = 3, name = "CREATE PARTITION", with = { name = "vios1", kind = "AIX/Linux", os = "Linux", physical_boot_device = true, configuration = { memory = { min_mb = 1024, desired_mb = 2048, max_mb = 8192 }, processors = { mode = "shared", sharing = "uncapped", weight = 128, pool = 0, min = 1, desired = 2, max = 4, min_units = 50, desired_units = 100, max_units = 400 }, max_slots = 64, availability = 127, boot_mode = "normal", keylock = "normal", compatibility = "default", page_table_ratio = 0, secure_boot = 0 } }, expect = { refused = "HSCL05DE" } } },
  { command = { token = 4, name = "SUBSCRIBE" } },
  { command = { token = 5, name = "LIST PARTITIONS" } },
  { command = { token = 6, name = "CLOSE" } },
  { close = {} },
]
"#;

/// What was copied between the partitions, in order: from which side, how many bytes, and which.
fn copies(trace: &Trace) -> Vec<String> {
    let copies = trace.records().iter().filter_map(|record| match &record.event {
        Event::Rdma(_, rdma) => {
            Some(format!("{:?} {} {:?}", rdma.direction, rdma.len_bytes, rdma.digest))
        }
        _ => None,
    });
    copies.collect()
}

#[test]
fn the_same_commands_are_the_same_bytes_in_both_directions() {
    let text = format!("title = \"test\"\n{MACHINE}{STEPS}");
    let scenario = Scenario::parse("test.toml", &text).unwrap_or_else(|error| panic!("{error}"));
    let report = simulate(&scenario, &Options { record: true, ..Options::default() }).unwrap();
    let problems: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, [""; 0]);
    let (_, trace) = machine(MACHINE, |programs| {
        let mut client = client(programs, 0);
        client.change_system(rename("sys2")).unwrap();
        client.create_partition(web("vios1")).unwrap_err();
        client.subscribe().unwrap();
        client.all_partitions().unwrap();
        client.close().unwrap();
    });
    let by_steps = copies(&report.trace);
    // The HMC ID, and two for each of six commands.
    assert_eq!(by_steps.len(), 13, "{by_steps:#?}");
    assert_eq!(copies(&trace), by_steps);
}
