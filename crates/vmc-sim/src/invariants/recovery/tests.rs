//! What recovers passes, and each session that carries no message is seen.

use super::{MAX_STEPS, check, rest, survivors};
use crate::Scenario;
use ibmvmc::{Conduct, Driver, Quirk};
use vmc_machine::backend::Deterministic;
use vmc_machine::build;
use vmc_machine::deterministic::{self, RunConfig};
use vmc_machine::orders::ServiceOrder;
use vmc_machine::runtime::ActivityId;
use vmc_proto::{Message, Received};
use vmc_trace::{Event, Side};

/// An application that opens a session and does this, on a machine with these keys.
fn scenario(machine: &str, steps: &str) -> String {
    format!(
        "title = \"t\"\n[machine]\npool-size = 2\n{machine}\n\
         [[fault]]\nname = \"killed\"\ndo = {{ kill = \"a\" }}\n\
         [[app]]\nname = \"a\"\nsteps = [\n\
         {{ open = {{}} }}, {{ set-hmc-id = \"HMC-A\" }}, {{ wait = \"session-ready\" }},\n{steps}]\n"
    )
}

/// What is wrong after a run, and the indexes by which messages went to the hypervisor since.
fn recovered(text: &str, quirks: impl IntoIterator<Item = Quirk>) -> (Vec<String>, Vec<u8>) {
    let scenario = Scenario::parse("recovery.toml", text).unwrap_or_else(|e| panic!("{e}"));
    let conduct = Conduct { quirks: quirks.into_iter().collect(), ..Conduct::default() };
    let driver = Driver::with_quirks(scenario.plan().machine.driver, conduct).unwrap();
    let (world, mut actors) =
        build::world::<Deterministic<_>>(scenario.plan(), true, driver).unwrap();
    deterministic::run(&world, &mut actors, &mut RunConfig::first_come(MAX_STEPS));
    let recorded = actors[ActivityId::SERVICE.index()].recorder.recorded();
    let problems = check(&world, &mut actors, None);
    let records = actors[ActivityId::SERVICE.index()].recorder.since(recorded);
    let by_index = records.iter().filter_map(|record| match record.event {
        Event::Dequeued { by: Side::Hyp, entry, .. } => match Received::from_entry(entry) {
            Received::Message(decoded) => match decoded.message {
                Message::Signal { index, .. } => Some(index.0),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    (problems, by_index.collect())
}

#[track_caller]
fn assert_told(text: &str, quirk: Quirk, part: &str) {
    let (problems, _) = recovered(text, [quirk]);
    assert!(problems.iter().any(|what| what.contains(part)), "{part}: {problems:?}");
    assert_eq!(recovered(text, []).0, [""; 0]);
}

#[test]
fn a_message_goes_through_every_index_with_a_session_and_without_one() {
    for steps in [
        // A message waits, a reader does, and an application that goes on when its own is there.
        "{ write = { bytes = 8 } },",
        "{ read = { expect = \"any\" } },",
        "{ poll = { wait = true, expect = \"readable\" } }, { read = { expect = \"any\" } },",
    ] {
        assert_eq!(recovered(&scenario("hmcs = 3", steps), []), (vec![], vec![0, 1, 2]), "{steps}");
    }
    // Woken by the message it closes, and the index is free for the new application.
    let closes = "{ read = { expect = \"any\" } }, { close = {} },";
    assert_eq!(recovered(&scenario("hmcs = 2", closes), []), (vec![], vec![0, 0, 1]));
    let nobody_left = "{ fault = \"killed\" },";
    assert_eq!(recovered(&scenario("hmcs = 2", nobody_left), []), (vec![], vec![0, 1]));
}

#[test]
fn a_session_whose_buffers_the_hypervisor_keeps_need_not_carry_a_message() {
    let sink = "hmcs = 2\nbehaviour = \"sink\"";
    let used_up = "{ write = { bytes = 8 } },";
    assert_eq!(recovered(&scenario(sink, used_up), []), (vec![], vec![1]));
    assert_eq!(recovered(&scenario(sink, ""), []), (vec![], vec![0, 1]));
}

#[test]
fn a_session_without_buffers_is_told() {
    let faults = "{ write = { bytes = 8, fault = true, expect = \"EFAULT\" } },";
    let part = "HMC index 0 session 1 lived through the faults, and then: vmc: no message can be \
                written: EBUSY";
    assert_told(&scenario("hmcs = 2", faults), Quirk::H31, part);
}

/// Here it ends because the hypervisor starts over, as it could be made to by the message.
#[test]
fn a_session_that_ends_is_told_unless_a_script_may_have_ended_it() {
    let text = scenario("", "");
    let scenario = Scenario::parse("recovery.toml", &text).unwrap_or_else(|e| panic!("{e}"));
    for (may_end, told) in [(false, "and then: it is over"), (true, "")] {
        let driver = Driver::new(scenario.plan().machine.driver).unwrap();
        let (world, mut actors) =
            build::world::<Deterministic<_>>(scenario.plan(), true, driver).unwrap();
        rest(&world, &mut actors).unwrap();
        let [survivor] = &survivors(&world, may_end)[..] else { panic!("one session") };
        world.orders.give([ServiceOrder::Stop, ServiceOrder::Start]);
        rest(&world, &mut actors).unwrap();
        let problem = survivor.carry(&world, &mut actors, true).err().unwrap_or_default();
        assert!(problem.ends_with(told), "{problem}");
        assert_eq!(problem.is_empty(), may_end);
    }
}

#[test]
fn a_message_that_its_reader_does_not_get_is_told() {
    // The copy of a message fails, and with it goes the only buffer to write with.
    let steps = "{ pause = \"hypervisor\" }, { write = { bytes = 8 } }, { fault = \"now\" },\n\
                 { resume = \"hypervisor\" }, { read = { expect = \"EIO\" } },";
    let text = scenario("", steps)
        + "[[fault]]\nname = \"now\"\ndo = { return-buffer = { index = 0 } }\n\
           [[fault]]\nname = \"not mapped\"\n\
           when = { hcall = \"H_COPY_RDMA\", by = \"mgmt\", since = \"now\" }\n\
           do = { answer = \"H_Permission\" }\n";
    assert_told(&text, Quirk::H21, "lived through the faults");
}

#[test]
fn an_index_that_is_lost_is_told() {
    let text = "title = \"t\"\n[machine]\npool-size = 2\nhmcs = 2\n\
                [[fault]]\nname = \"fails\"\nwhen = { hcall = \"H_COPY_RDMA\" }\n\
                do = { answer = \"H_Permission\" }\n\
                [[app]]\nname = \"a\"\nsteps = [\n{ open = {} }, \
                { set-hmc-id = { id = \"HMC-A\", expect = \"EIO\" } }, { close = {} },\n]\n";
    assert_told(text, Quirk::H12, "HMC index 0 session 1 is starting forever");
}
