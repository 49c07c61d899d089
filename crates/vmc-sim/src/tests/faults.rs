//! Each fault does what it says, and a rule that cannot fire fails the run.

use crate::trace::{Event, FaultKind};
use crate::{Options, Problem, Report, RuntimeKind, Scenario, ScenarioError, simulate};

/// An application that writes and reads back, on a small machine.
const ECHO: &str = r#"
[[app]]
name = "a"
steps = [
  { open = {} }, { set-hmc-id = "HMC-A" }, { wait = "session-ready" },
  { write = { bytes = 10 } }, { read = { expect = "echo" } }, { post = "read" },
]
"#;

/// An application that waits for a message which does not come, so that nothing is under way.
const WAITS: &str = r#"
[[app]]
name = "a"
steps = [
  { open = {} }, { set-hmc-id = "HMC-A" }, { wait = "session-ready" }, { read = { expect = "echo" } },
]
"#;

fn parse(faults: &str, apps: &str) -> Result<Scenario, ScenarioError> {
    let text = format!("title = \"t\"\n[machine]\npool-size = 3\n{faults}\n{apps}");
    Scenario::parse("fault.toml", &text)
}

/// Runs on both runtimes; returns the deterministic report.
fn run(faults: &str, apps: &str) -> Report {
    let scenario = parse(faults, apps).unwrap_or_else(|error| panic!("{error}"));
    let threads = Options { runtime: RuntimeKind::Threads, ..Options::default() };
    let on_threads = simulate(&scenario, &threads).unwrap();
    let report = simulate(&scenario, &Options::default()).unwrap();
    assert_eq!(report.canonical(), on_threads.canonical());
    report
}

/// Runs what must pass, and show these pieces of text in this order.
fn shows(faults: &str, apps: &str, pieces: &[&str]) -> Report {
    let report = run(faults, apps);
    let text = report.canonical();
    assert!(report.passed(), "{:?}\n{text}", report.problems);
    let mut rest = text.as_str();
    for piece in pieces {
        let Some(place) = rest.find(piece) else { panic!("no {piece:?} in\n{text}") };
        rest = &rest[place + piece.len()..];
    }
    report
}

fn kind_of_first_fault(report: &Report) -> FaultKind {
    let fault = report.trace.records().iter().find_map(|record| match &record.event {
        Event::Fault { act, .. } => Some(act.kind()),
        _ => None,
    });
    fault.expect("a fault was recorded")
}

fn rule(when: &str, act: &str) -> String {
    format!("[[fault]]\nname = \"it\"\nwhen = {when}\ndo = {act}\n")
}

fn by_step(act: &str) -> String {
    format!("[[fault]]\nname = \"it\"\ndo = {act}\n")
}

/// The application of [`ECHO`], with more steps at its end.
fn echo_then(steps: &str) -> String {
    ECHO.replace("{ post = \"read\" },", steps)
}

const WHEN_READ: &str = "{ call = \"read\", app = \"a\" }";

#[test]
fn crash_ends_the_partition_and_reboot_begins_another_life() {
    let faults = rule(WHEN_READ, "{ crash = \"mgmt\" }")
        + "[[fault]]\nname = \"boot\"\nwhen = { after = \"it\", ms = 3 }\ndo = { reboot = \"mgmt\" }\n";
    let apps = format!("{WAITS}[[app]]\nlife = 2\nsteps = [ {{ open = {{}} }} ]\n");
    let report = shows(
        &faults,
        &apps,
        &["it: mgmt crashes", "partner failed", "boot: mgmt boots", "H_REG_CRQ", "b  open() = 0"],
    );
    assert_eq!(kind_of_first_fault(&report), FaultKind::Architected);
    assert_eq!(report.virtual_time.as_millis(), 3);
}

#[test]
fn kexec_ends_a_life_and_begins_another_one_that_finds_its_queue_registered() {
    let apps = format!("{WAITS}[[app]]\nlife = 2\nsteps = [ {{ open = {{}} }} ]\n");
    let pieces = [
        "it: mgmt starts another kernel",
        "H_REG_CRQ = H_Resource",
        "partner deregistered",
        "H_FREE_CRQ = H_Success",
        "H_REG_CRQ = H_Success",
        "b  open() = 0",
    ];
    let report = shows(&rule(WHEN_READ, "\"kexec\""), &apps, &pieces);
    assert_eq!(kind_of_first_fault(&report), FaultKind::Architected);
}

#[test]
fn a_partition_that_dies_between_two_kernels_boots_and_the_second_one_does_not_start() {
    let faults = rule(WHEN_READ, "\"kexec\"")
        + "[[fault]]\nname = \"crash\"\nwhen = { call = \"read\", app = \"a\" }\ndo = { crash = \"mgmt\" }\n"
        + "[[fault]]\nname = \"boot\"\nwhen = { after = \"crash\", ms = 3 }\ndo = { reboot = \"mgmt\" }\n";
    let apps = format!("{WAITS}[[app]]\nlife = 2\nsteps = [ {{ open = {{}} }} ]\n");
    let pieces = ["it: mgmt starts", "crash: mgmt crashes", "partner failed", "boot: mgmt boots"];
    let report = shows(&faults, &apps, &pieces);
    assert!(!report.canonical().contains("H_Resource"), "{}", report.canonical());
}

#[test]
fn a_partition_that_is_away_starts_no_kernel() {
    let faults = rule(WHEN_READ, "{ crash = \"mgmt\" }")
        + "[[fault]]\nname = \"kexec\"\nwhen = { after = \"it\", ms = 1 }\ndo = \"kexec\"\n";
    let report = shows(&faults, ECHO, &["it: mgmt crashes", "kexec: "]);
    assert_eq!(report.canonical().matches("H_REG_CRQ").count(), 2, "{}", report.canonical());
}

#[test]
fn crash_of_the_hypervisor_s_side_ends_its_sessions() {
    let faults = by_step("{ crash = \"hyp\" }");
    let steps = "{ fault = \"it\" }, { wait = \"session-ended\" }, { write = { bytes = 1, expect = \"EIO\" } },";
    shows(&faults, &echo_then(steps), &["it: hyp crashes", "partner failed", "session a#1: ended"]);
}

#[test]
fn terminate_is_told_to_the_partner_as_such() {
    let faults = rule(WHEN_READ, "{ terminate = \"mgmt\" }");
    shows(&faults, ECHO, &["it: mgmt is terminated", "partner terminated by request"]);
}

#[test]
fn free_crq_deregisters_and_registers_again() {
    let steps = "{ fault = \"it\" }, { wait = \"session-ended\" }, { wait = \"channel-ready\" },";
    for (side, event) in [("hyp", "partner deregistered"), ("mgmt", "partner deregistered")] {
        let faults = by_step(&format!("{{ free-crq = \"{side}\" }}"));
        let pieces = ["it: ", event, "H_REG_CRQ = H_Success", "channel: ready"];
        shows(&faults, &echo_then(steps), &pieces);
    }
}

#[test]
fn stop_frees_the_queue_for_good_and_start_registers_it() {
    let faults = by_step("{ stop = \"hyp\" }")
        + "[[fault]]\nname = \"again\"\nwhen = { after = \"it\", ms = 9 }\ndo = { start = \"hyp\" }\n";
    let steps = "{ fault = \"it\" }, { wait = \"session-ended\" }, { wait = \"channel-ready\" },";
    let pieces = ["H_FREE_CRQ", "channel: stopped", "again: hyp is started", "H_REG_CRQ"];
    let report = shows(&faults, &echo_then(steps), &pieces);
    assert_eq!(report.virtual_time.as_millis(), 9);
}

#[test]
fn suspend_disables_the_partner_s_sends_until_enabled() {
    let faults = by_step("{ suspend = \"hyp\" }");
    let steps = "{ fault = \"it\" }, { wait = \"session-ended\" }, { wait = \"channel-ready\" },";
    let pieces =
        ["it: hyp is suspended", "partner suspended", "H_ENABLE_CRQ = H_Success", "CRQ INIT"];
    shows(&faults, &echo_then(steps), &pieces);
}

#[test]
fn pause_leaves_messages_in_the_queue_and_resume_takes_them() {
    for side in ["hyp", "mgmt"] {
        let faults = by_step(&format!("{{ pause = \"{side}\" }}"))
            + &format!("[[fault]]\nname = \"again\"\ndo = {{ resume = \"{side}\" }}\n");
        let steps = "{ fault = \"it\" }, { sleep-ms = 1 }, { write = { bytes = 9 } }, { sleep-ms = 1 }, \
                     { poll = { expect = \"nothing\" } }, { fault = \"again\" }, { read = { expect = \"echo\" } },";
        shows(
            &faults,
            &echo_then(steps),
            &["leaves its queue alone", "poll() = 0", "looks at its"],
        );
    }
}

#[test]
fn fill_crq_leaves_no_room() {
    let faults = by_step("{ pause = \"hyp\" }").replace("it", "pause")
        + &by_step("{ fill-crq = \"hyp\" }")
        + &by_step("{ resume = \"hyp\" }").replace("it", "resume");
    let steps = "{ fault = \"pause\" }, { sleep-ms = 1 }, { fault = \"it\" }, \
                 { write = { bytes = 9, expect = \"EBUSY\" } }, { fault = \"resume\" }, { sleep-ms = 1 }, \
                 { write = { bytes = 9 } }, { read = { expect = \"echo\" } },";
    shows(
        &faults,
        &echo_then(steps),
        &["the queue of hyp is filled", "H_Dropped", "write(9) = EBUSY"],
    );
}

#[test]
fn attach_hmc_disables_the_vmc() {
    let faults = by_step("{ attach-hmc = true }");
    let steps = "{ fault = \"it\" }, { wait = \"session-ended\" }, { request-vmc = { expect = \"EPERM\" } },";
    shows(&faults, &echo_then(steps), &["an HMC is attached", "H_FREE_CRQ", "H_Not_Available"]);
}

#[test]
fn answer_takes_the_place_of_an_hcall_as_often_as_it_says() {
    let faults = rule(
        "{ hcall = \"H_COPY_RDMA\", app = \"a\", nth = 2, times = 2 }",
        "{ answer = \"H_Permission\" }",
    );
    let steps = "{ write = { bytes = 5, expect = \"EIO\" } }, { write = { bytes = 5 } }, \
                 { read = { expect = \"echo\" } },";
    let apps = echo_then(steps).replace(
        "{ write = { bytes = 10 } }, { read = { expect = \"echo\" } },",
        "{ write = { bytes = 10, expect = \"EIO\" } },",
    );
    shows(
        &faults,
        &apps,
        &["answers H_Permission", "H_Permission", "write(10) = EIO", "write(5) = EIO"],
    );
}

#[test]
fn answer_to_a_message_s_send_returns_the_code_to_its_sender() {
    let faults = rule("{ message = \"signal\", by = \"mgmt\" }", "{ answer = \"H_Dropped\" }");
    let apps = ECHO.replace(
        "{ write = { bytes = 10 } },",
        "{ write = { bytes = 10, expect = \"EBUSY\" } }, { write = { bytes = 10 } },",
    );
    shows(
        &faults,
        &apps,
        &["the message is refused, H_Dropped", "write(10) = EBUSY", "write(10) = 10"],
    );
}

#[test]
fn a_busy_free_closes_the_connection_already() {
    let faults =
        rule("{ hcall = \"H_FREE_CRQ\", by = \"hyp\" }", "{ answer = \"H_LongBusyOrder10mSec\" }")
            + &by_step("{ stop = \"hyp\" }").replace("it", "stop");
    let steps = "{ fault = \"stop\" }, { sleep-ms = 1 }, { write = { bytes = 1, expect = \"EIO\" } }, \
                 { wait = \"session-ended\" },";
    let pieces = [
        "H_FREE_CRQ = H_LongBusyOrder10mSec",
        "H_Permission",
        "write(1) = EIO",
        "session a#1: ended",
        "H_FREE_CRQ = H_Success",
    ];
    shows(&faults, &echo_then(steps), &pieces);
}

#[test]
fn tce_forbids_the_copy_in_either_window_and_is_as_before_afterwards() {
    for (window, access) in [("local", "write"), ("remote", "read"), ("remote", "none")] {
        let faults = rule(
            "{ hcall = \"H_COPY_RDMA\", app = \"a\", nth = 2 }",
            &format!("{{ tce = {{ window = \"{window}\", access = \"{access}\" }} }}"),
        );
        let apps = ECHO.replace(
            "{ write = { bytes = 10 } },",
            "{ write = { bytes = 10, expect = \"EIO\" } }, { write = { bytes = 10 } },",
        );
        shows(&faults, &apps, &["page 0 of the buffer", "H_Permission", "write(10) = 10"]);
    }
}

#[test]
fn a_tce_that_two_rules_change_is_as_before_afterwards() {
    let fault = |name: &str, access: &str| {
        let when = "{ hcall = \"H_COPY_RDMA\", app = \"a\", nth = 2 }";
        let act = format!("{{ tce = {{ window = \"remote\", access = \"{access}\" }} }}");
        format!("[[fault]]\nname = \"{name}\"\nwhen = {when}\ndo = {act}\n")
    };
    // The last one counts; that it makes a page of the one before, which is mapped to nothing, changes nothing else.
    let faults = fault("first", "none") + &fault("second", "read");
    let apps = ECHO.replace(
        "{ write = { bytes = 10 } },",
        "{ write = { bytes = 10, expect = \"EIO\" } }, { write = { bytes = 10 } },",
    );
    shows(&faults, &apps, &["is not mapped", "is read-only", "H_Permission", "write(10) = 10"]);
}

#[test]
fn a_tce_that_allows_the_access_lets_the_copy_through() {
    let act = "{ tce = { window = \"local\", access = \"read\" } }";
    shows(&rule("{ hcall = \"H_COPY_RDMA\", app = \"a\", nth = 2 }", act), ECHO, &["is read-only"]);
}

#[test]
fn fail_allocation_refuses_a_buffer() {
    let faults = rule("{ allocation = true, nth = 2 }", "\"fail-allocation\"");
    shows(&faults, ECHO, &["there is no memory", "ADD BUFFER RESPONSE a#1 b2 status=1"]);
}

#[test]
fn take_buffer_asks_for_one_and_return_buffer_gives_it_back() {
    let faults = by_step("{ take-buffer = { index = 0 } }")
        + &by_step("{ return-buffer = { index = 0 } }").replace("it", "back");
    let steps = "{ fault = \"it\" }, { sleep-ms = 1 }, { fault = \"back\" }, { sleep-ms = 1 }, \
                 { write = { bytes = 1 } },";
    let apps = echo_then(steps);
    let text = format!("[machine.hypervisor]\ninbound-buffers = 2\n{faults}");
    let pieces = ["REMOVE BUFFER a#1", "REMOVE BUFFER RESPONSE a#1 b1", "ADD BUFFER a#1 b1"];
    shows(&text, &apps, &pieces);
}

#[test]
fn refuse_answers_with_the_status_and_does_nothing() {
    let faults = by_step("{ refuse = { request = \"interface-open\", status = 1 } }");
    let apps = "[[app]]\nsteps = [ { fault = \"it\" }, { sleep-ms = 1 }, { open = {} }, { set-hmc-id = \"A\" }, \
                { wait = \"session-ended\" }, { open = { file = \"b\" } }, \
                { set-hmc-id = { id = \"B\", file = \"b\" } }, \
                { wait = { state = \"session-ready\", file = \"b\" } } ]\n";
    shows(&faults, apps, &["status=1", "session a#1: ended", "session a#2: ready"]);
}

#[test]
fn kill_wakes_a_sleeping_call_and_closes_the_files() {
    let faults = by_step("{ kill = \"a\" }");
    let apps = echo_then("{ post = \"asleep\" }, { read = { expect = \"echo\" } },")
        + "[[app]]\nsteps = [ { await = \"asleep\" }, { sleep-ms = 1 }, { fault = \"it\" } ]\n";
    let pieces =
        ["the process of a is killed", "read(4096) = killed", "close() = 0", "INTERFACE CLOSE"];
    shows(&faults, &apps, &pieces);
}

#[test]
fn kill_at_an_effect_lets_the_call_run_to_its_end() {
    let faults = rule("{ call = \"write\", app = \"a\", effect = 3 }", "{ kill = \"a\" }");
    let machine = format!("behaviour = \"sink\"\n{faults}");
    let apps = ECHO.replace("{ read = { expect = \"echo\" } },", "");
    shows(
        &machine,
        &apps,
        &["is killed", "SIGNAL a#1 b0 10 B", "write(10) = killed", "close() = 0"],
    );
}

#[test]
fn interrupt_ends_a_sleep_with_eintr() {
    let faults = rule("{ time-ms = 7 }", "{ interrupt = \"a\" }");
    let report = shows(
        &faults,
        &echo_then("{ read = { expect = \"EINTR\" } },"),
        &["a signal for a", "read(4096) = EINTR"],
    );
    assert_eq!(report.virtual_time.as_millis(), 7);
}

#[test]
fn drop_loses_the_message_and_its_sender_does_not_notice() {
    let faults = rule("{ message = \"signal\", by = \"mgmt\" }", "\"drop\"");
    let apps =
        ECHO.replace("{ read = { expect = \"echo\" } },", "{ poll = { expect = \"nothing\" } },");
    let report = shows(&faults, &apps, &["the message is lost", "write(10) = 10", "poll() = 0"]);
    assert_eq!(kind_of_first_fault(&report), FaultKind::Unarchitected);
    assert!(!report.canonical().contains("SIGNAL"));
}

#[test]
fn duplicate_lets_the_message_arrive_twice() {
    let faults = rule("{ message = \"signal\", by = \"mgmt\" }", "\"duplicate\"");
    shows(
        &faults,
        ECHO,
        &["arrives twice", "SIGNAL a#1 b0 10 B", "x2", "breach a#1: SIGNAL: invalid buffer 0"],
    );
}

#[test]
fn delay_lets_the_message_arrive_later() {
    let faults = rule("{ message = \"signal\", by = \"mgmt\" }", "{ delay-ms = 25 }");
    let report = shows(&faults, ECHO, &["25 ms late", "SIGNAL a#1 b0 10 B", "read(4096) = 10"]);
    assert_eq!(report.virtual_time.as_millis(), 25);
}

#[test]
fn reorder_swaps_a_message_with_the_next_one() {
    let faults = rule("{ message = \"signal\", by = \"mgmt\" }", "\"reorder\"");
    let apps = ECHO.replace(
        "{ write = { bytes = 10 } }, { read = { expect = \"echo\" } },",
        "{ write = { bytes = 10 } }, { write = { bytes = 20 } }, \
         { read = { expect = { bytes = 20, pattern = { text = \"x\" } } } },",
    );
    let scenario = parse(
        &(faults + "[machine.hypervisor]\ninbound-buffers = 2\n"),
        &apps.replace("{ read = { expect = { bytes = 20, pattern = { text = \"x\" } } } },", ""),
    );
    let report = simulate(&scenario.unwrap(), &Options::default()).unwrap();
    let text = report.canonical();
    let places =
        ["SIGNAL a#1 b1 20 B", "SIGNAL a#1 b0 10 B"].map(|piece| text.find(piece).unwrap());
    assert!(places[0] < places[1], "{text}");
}

#[test]
fn a_message_that_nothing_overtakes_arrives_after_a_while() {
    let faults = rule("{ message = \"signal\", by = \"mgmt\" }", "\"reorder\"");
    let report = shows(&faults, ECHO, &["is overtaken", "SIGNAL a#1 b0 10 B", "read(4096) = 10"]);
    assert_eq!(report.virtual_time.as_millis(), 10);
}

#[test]
fn corrupt_changes_what_arrives() {
    let faults = rule("{ message = \"signal\", by = \"mgmt\" }", "{ corrupt = { buffer = 77 } }");
    let apps = ECHO.replace("{ read = { expect = \"echo\" } },", "{ sleep-ms = 1 },");
    shows(&faults, &apps, &["arrives changed", "SIGNAL", "write(10) = 10", "breach"]);
}

#[test]
fn send_puts_anything_into_a_queue() {
    let sent = [
        ("{ message = \"signal\", fields = { session = 1, buffer = 9, length = 8 } }", "SIGNAL"),
        ("{ transport-event = 9 }", "prepare for client adapter suspend"),
        ("{ raw = \"81 00 0000 00000000 0000000000000000\" }", "unknown entry"),
        ("{ message = \"init\", by = \"mgmt\" }", "CRQ INIT"),
    ];
    for (what, came) in sent {
        let faults = by_step(&format!("{{ send = {what} }}"));
        shows(&faults, &echo_then("{ fault = \"it\" }, { sleep-ms = 1 },"), &["as if from", came]);
    }
}

#[test]
fn a_rule_counts_on_each_strand_by_itself() {
    let faults = rule("{ hcall = \"H_COPY_RDMA\", nth = 2 }", "{ answer = \"H_Permission\" }");
    let machine = format!("hmcs = 3\n{faults}");
    let apps = "[[app]]\ncount = 3\nsteps = [ { open = {} }, { set-hmc-id = \"{n}\" }, \
                { wait = \"session-ready\" }, { write = { bytes = 1, expect = \"EIO\" } } ]\n";
    let report = shows(&machine, apps, &["it: H_COPY_RDMA answers H_Permission"]);
    assert_eq!(report.canonical().matches("it: H_COPY_RDMA answers").count(), 3);
}

#[test]
fn the_rules_of_one_occasion_fire_before_anybody_else_moves() {
    // The message is in the queue, and its receiver was woken: on threads there is time enough to take it.
    const RULES: usize = 300;
    let when = "{ message = \"signal\", by = \"mgmt\", at = \"delivered\" }";
    let signals = (0..RULES)
        .map(|n| rule(when, "{ pause = \"mgmt\" }").replace("\"it\"", &format!("\"busy {n}\"")));
    let faults = signals.collect::<String>() + &rule(when, "{ crash = \"hyp\" }");
    // The write returns before the driver hears of it.
    let faults = faults
        + "[[fault]]\nname = \"on\"\nwhen = { after = \"it\", ms = 1 }\ndo = { resume = \"mgmt\" }\n";
    let apps = ECHO.replace("expect = \"echo\"", "expect = \"EBADFD\"");
    for _ in 0..10 {
        shows(&faults, &apps, &["SIGNAL a#1 b0 10 B", "(not received)", "it: hyp crashes"]);
    }
}

/// How often the rule `it` fired.
fn hits(report: &Report) -> usize {
    report.canonical().lines().filter(|line| line.starts_with("!  it: ")).count()
}

#[test]
fn a_rule_with_a_code_waits_for_an_hcall_that_returned_it() {
    // The driver's H_REG_CRQ finds no partner, the hypervisor's finds one.
    for (by, code, fires) in [
        ("mgmt", "H_Closed", true),
        ("mgmt", "H_Success", false),
        ("hyp", "H_Success", true),
        ("hyp", "H_Closed", false),
    ] {
        let when = format!("{{ hcall = \"H_REG_CRQ\", by = \"{by}\", code = \"{code}\" }}");
        let report = run(&rule(&when, "{ resume = \"hyp\" }"), ECHO);
        assert_eq!(hits(&report), usize::from(fires), "{when}: {:?}", report.problems);
        assert_eq!(report.passed(), fires, "{when}: {:?}", report.problems);
    }
}

#[test]
fn a_rule_since_another_counts_only_what_comes_after_it() {
    let signal = "message = \"signal\", by = \"mgmt\", at = \"delivered\"";
    let faults = rule(
        &format!("{{ {signal}, since = \"first\", times = \"always\" }}"),
        "{ resume = \"hyp\" }",
    ) + &format!(
        "[[fault]]\nname = \"first\"\nwhen = {{ {signal}, nth = 2 }}\ndo = {{ resume = \"mgmt\" }}\n"
    );
    let once = "{ write = { bytes = 1 } }, { read = { expect = \"echo\" } },";
    let report = shows(&faults, &echo_then(&once.repeat(3)), &["first: "]);
    // Of four signals the second lets the rule begin, and the last two count.
    assert_eq!(hits(&report), 2, "{}", report.canonical());
}

#[test]
fn a_rule_about_the_channel_leaves_sessions_alone() {
    let when = "message = \"any\", by = \"hyp\", at = \"sent\", times = \"always\"";
    let of = |narrowed: &str| {
        let rule = rule(&format!("{{ {when}{narrowed} }}"), "{ resume = \"hyp\" }");
        let scenario = parse(&rule, ECHO).unwrap_or_else(|error| panic!("{error}"));
        hits(&simulate(&scenario, &Options::default()).unwrap())
    };
    // INIT and CAPABILITIES RESPONSE, and no buffer or answer of the only index.
    assert_eq!(of(", about = \"channel\""), 2);
    assert!(of("") > 2);
}

/// Every fault, at an occasion that fits it.
const FAULTS: &[(&str, &str)] = &[
    ("{ crash = \"mgmt\" }", ANY),
    ("{ terminate = \"hyp\" }", ANY),
    ("{ reboot = \"mgmt\" }", ANY),
    ("\"kexec\"", ANY),
    ("{ free-crq = \"hyp\" }", ANY),
    ("{ stop = \"hyp\" }", ANY),
    ("{ start = \"mgmt\" }", ANY),
    ("{ suspend = \"hyp\" }", ANY),
    ("{ pause = \"mgmt\" }", ANY),
    ("{ resume = \"mgmt\" }", ANY),
    ("{ fill-crq = \"hyp\" }", ANY),
    ("{ attach-hmc = true }", ANY),
    ("{ send = { message = \"init\" } }", ANY),
    ("\"drop\"", SENT),
    ("\"duplicate\"", SENT),
    ("{ delay-ms = 1 }", SENT),
    ("\"reorder\"", SENT),
    ("{ corrupt = { index = 1 } }", SENT),
    ("{ answer = \"H_Busy\" }", SENT),
    ("{ tce = { window = \"local\", access = \"none\" } }", "hcall = \"H_COPY_RDMA\""),
    ("\"fail-allocation\"", "allocation = true"),
    ("{ take-buffer = { index = 0 } }", ANY),
    ("{ return-buffer = { index = 0 } }", ANY),
    ("{ refuse = { request = \"capabilities\", status = 1 } }", ANY),
    ("{ kill = \"a\" }", ANY),
    ("{ interrupt = \"a\" }", ANY),
];

const ANY: &str = "channel = \"ready\"";
const SENT: &str = "message = \"signal\", by = \"hyp\"";

#[test]
fn a_rule_that_cannot_fire_fails_the_run_and_says_how_far_it_got() {
    for (act, when) in FAULTS {
        let report = run(&rule(&format!("{{ {when}, nth = 99 }}"), act), ECHO);
        let [Problem::Unfired(error)] = &report.problems[..] else {
            panic!("{act}: {:?}", report.problems)
        };
        assert!(
            error.message().contains("fault `it` never fired: its occasion occurred"),
            "{error}"
        );
        assert!(error.message().ends_with("it waits for number 99"), "{error}");
        assert_eq!(error.line(), 4, "{error}");
    }
}

#[test]
fn a_rule_whose_occasion_never_comes_fails_the_run() {
    for (when, why) in [
        ("{ message = \"remove-buffer\" }", "its occasion never occurred"),
        ("{ after = \"it\" }", "its occasion never occurred"),
        ("{ session = \"closing\" }", "its occasion never occurred"),
    ] {
        let report = run(&rule(when, "{ crash = \"mgmt\" }"), ECHO);
        let told = |p: &Problem| matches!(p, Problem::Unfired(e) if e.message().ends_with(why));
        assert!(report.problems.iter().any(told), "{when}: {:?}", report.problems);
    }
    let report = run(&by_step("{ crash = \"mgmt\" }"), ECHO);
    let told =
        |p: &Problem| matches!(p, Problem::Unfired(e) if e.message().ends_with("no step fired it"));
    assert!(report.problems.iter().any(told), "{:?}", report.problems);
}

#[test]
fn a_channel_that_does_not_come_back_is_a_violation() {
    // The only thing that the driver cannot get over by itself.
    let faults = rule("{ hcall = \"H_REG_CRQ\" }", "{ answer = \"H_Hardware\" }");
    let report = run(&faults, "");
    let told = |p: &Problem| matches!(p, Problem::Invariant { checker: "recovery", .. });
    assert!(report.problems.iter().any(told), "{:?}", report.problems);
    let report = run(&format!("{faults}[expect]\nchannel = \"failed\"\n"), "");
    assert!(report.passed(), "{:?}", report.problems);
}
