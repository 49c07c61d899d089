//! What the checks accept and refuse, block by block and name by name.

use crate::Scenario;

const SESSION: &str = r#"{ open = {} }, { set-hmc-id = "H" }, { wait = "session-ready" }"#;

/// A scenario whose only application begins with a session, on line 4, and goes on with `steps`, on line 5.
fn with_session(machine: &str, steps: &str) -> String {
    format!("title = \"t\"\nmachine = {{ {machine} }}\n[[app]]\nsteps = [ {SESSION},\n{steps} ]\n")
}

/// Where the mistake is, what was wrong, what to do: as the first line of the report has them.
#[track_caller]
fn mistake(text: &str, report: &str) {
    let error =
        Scenario::parse("t.toml", text).expect_err("the scenario has a mistake").to_string();
    assert_eq!(error, report, "of\n{text}");
}

#[track_caller]
fn meant(text: &str) {
    if let Err(error) = Scenario::parse("t.toml", text) {
        panic!("{error}, but nothing is wrong with\n{text}");
    }
}

#[test]
fn every_round_of_a_block_counts_for_what_follows() {
    let write = "{ write = { bytes = 8 } }";
    let read = r#"{ read = { expect = "echo" } }"#;
    let thrice = |step: &str| format!("{{ repeat = {{ times = 3, steps = [ {step} ] }} }}");
    let no_echo = "this waits for an echo of a message that was never written; write a message before it, or \
                   read less often";
    meant(&with_session("", &format!("{},\n{read}, {read}, {read}", thrice(write))));
    mistake(
        &with_session("", &format!("{write},\n{}", thrice(read))),
        &format!("t.toml:6:35: {no_echo}"),
    );
    mistake(
        &with_session("", &format!("{},\n{read}, {read}, {read},\n{read}", thrice(write))),
        &format!("t.toml:7:1: {no_echo}"),
    );
}

#[test]
fn every_round_of_a_block_reads_another_event() {
    let source = "behaviour = { source = { events = 2, bytes = 8 } }";
    let read = |times| {
        format!(
            r#"{{ repeat = {{ times = {times}, steps = [ {{ read = {{ expect = "event" }} }} ] }} }}"#
        )
    };
    meant(&with_session(source, &read(2)));
    mistake(
        &with_session(source, &read(3)),
        "t.toml:5:35: this waits for event 3, but the hypervisor sends 2; raise `events` of the source, or \
         read less often",
    );
}

#[test]
fn a_file_that_a_sibling_opens_anew_brings_its_events_again() {
    let event = r#"{ read = { expect = "event" } }"#;
    meant(&format!(
        "title = \"t\"\nmachine.behaviour = {{ source = {{ events = 1, bytes = 8 }} }}\n[[app]]\nname = \
         \"a\"\nsteps = [ {SESSION}, {{ post = \"one\" }}, {{ await = \"read\" }}, {{ close = {{}} }}, {{ wait = \
         \"seeded\" }}, {SESSION}, {{ post = \"two\" }} ]\n[[app]]\nprocess = \"a\"\nsteps = [ {{ await = \"one\" \
         }}, {event}, {{ post = \"read\" }}, {{ await = \"two\" }}, {event} ]\n"
    ));
}

#[test]
fn a_block_may_not_use_what_its_first_round_closed() {
    mistake(
        &with_session("", "{ repeat = { times = 2, steps = [ { close = {} } ] } }"),
        "t.toml:5:35: the file `vmc` is not open here; add a step { open = {} } before it",
    );
}

#[test]
fn an_application_that_waits_for_the_channel_cannot_bring_it_up() {
    let why = |why: &str| {
        format!(
            "t.toml:3:1: this application starts when the channel is ready, which cannot happen: {why}; write \
             start = \"boot\" for the application, or change the machine"
        )
    };
    let steps = r#"{ start = "driver" }, { start = "hypervisor" }"#;
    let manual = |start: &str, steps: &str| {
        format!("title = \"t\"\nmachine.start = \"manual\"\n[[app]]\n{start}steps = [ {steps} ]\n")
    };
    mistake(&manual("", steps), &why("only who waits for it starts the driver"));
    let channel_ready = format!("{steps}, {{ wait = \"channel-ready\" }}");
    meant(&manual("start = \"boot\"\n", &channel_ready));

    let request = |start: &str| {
        format!(
            "title = \"t\"\nmachine.vmc = \"on-request\"\n[[app]]\n{start}steps = [ {{ open = {{}} }}, \
             {{ request-vmc = {{}} }}, {{ wait = \"channel-ready\" }} ]\n"
        )
    };
    mistake(&request(""), &why("only who waits for it requests the VMC"));
    meant(&request("start = \"boot\"\n"));
}

#[test]
fn a_request_has_the_driver_probe_unless_the_device_is_there_already() {
    let text = |machine: &str| {
        format!(
            "title = \"t\"\nmachine.{machine}\n[[app]]\nstart = \"boot\"\nsteps = [ {{ open = {{}} }}, {{ \
             attach-hmc = false }}, {{ request-vmc = {{}} }}, {{ start = \"hypervisor\" }},\n{{ wait = \
             \"channel-ready\" }} ]\n"
        )
    };
    meant(&text("hmc-attached = true"));
    mistake(
        &text("start = \"manual\""),
        "t.toml:6:1: the channel is never ready: no step starts the driver; wait for something else, or change \
         the machine",
    );
}

#[test]
fn a_request_that_is_refused_brings_no_channel() {
    mistake(
        "title = \"t\"\nmachine.vmc = \"on-request\"\n[[app]]\nstart = \"boot\"\nsteps = [ { open = {} },\n\
         { request-vmc = { expect = \"EPERM\" } },\n{ wait = \"channel-ready\" } ]\n",
        "t.toml:7:1: the channel is never ready: no step requests the VMC; wait for \
         something else, or change the machine",
    );
}

#[test]
fn after_an_hmc_is_detached_somebody_must_start_both_sides() {
    let text = |steps: &str| {
        format!(
            "title = \"t\"\nmachine.hmc-attached = true\n[[app]]\nstart = \"boot\"\nsteps = [ {{ attach-hmc = \
             false }},\n{steps}\n{{ wait = \"channel-ready\" }} ]\n"
        )
    };
    mistake(
        &text(""),
        "t.toml:7:1: the channel is never ready: no step starts the driver; wait for \
         something else, or change the machine",
    );
    meant(&text(r#"{ start = "driver" }, { start = "hypervisor" },"#));
}

#[test]
fn a_flag_is_posted_by_another_application_or_beforehand() {
    let text = |steps: &str| format!("title = \"t\"\n[[app]]\nsteps = [\n{steps} ]\n");
    let remedy = "add a step { post = \"x\" } to another application";
    mistake(
        &text(r#"{ await = "x" }"#),
        &format!("t.toml:4:1: no step posts `x`, so this waits forever; {remedy}"),
    );
    mistake(
        &text(r#"{ await = "x" }, { post = "x" }"#),
        &format!("t.toml:4:1: only this application posts `x`, so this waits forever; {remedy}"),
    );
    meant(&text(r#"{ post = "x" }, { await = "x" }"#));
}

#[test]
fn only_a_file_that_is_opened_so_is_nonblocking() {
    let read = r#"{ read = { expect = "EAGAIN" } }"#;
    mistake(
        &with_session(
            "",
            &format!(
                "{{ close = {{}} }}, {{ open = {{ nonblock = true }} }}, {{ open = {{}} }},\n{read}"
            ),
        ),
        "t.toml:6:1: a blocking file never returns EAGAIN: this waits forever; open the file with nonblock \
         = true",
    );
    // Whichever thread of the process opened it.
    meant(&format!(
        "title = \"t\"\n[[app]]\nname = \"a\"\nsteps = [ {{ open = {{ nonblock = true }} }}, {{ set-hmc-id = \
         \"H\" }} ]\n[[app]]\nprocess = \"a\"\nsteps = [ {{ wait = \"session-ready\" }}, {read} ]\n"
    ));
}

#[test]
fn an_application_without_a_name_can_be_interrupted() {
    let text = |name: &str| {
        format!(
            "title = \"t\"\n[[app]]\nsteps = [ {SESSION}, {{ post = \"go\" }},\n{{ read = {{ expect = \
             \"EINTR\" }} }} ]\n[[app]]\nsteps = [ {{ await = \"go\" }},\n{{ interrupt = \"{name}\" }} ]\n"
        )
    };
    meant(&text("a"));
    mistake(
        &text("b"),
        "t.toml:4:1: no step or fault interrupts this application: this never returns; name the application, and add a step { \
         interrupt = \"its name\" } to another",
    );
}

#[test]
fn a_poll_that_waits_cannot_report_nothing() {
    mistake(
        &with_session("", r#"{ poll = { expect = "nothing", wait = true } }"#),
        "t.toml:5:1: a poll that waits for something never reports nothing; leave `wait` out, or expect what \
         it waits for",
    );
    meant(&with_session("", r#"{ poll = { expect = "nothing" } }"#));
}

#[test]
fn an_expected_message_has_one_length() {
    mistake(
        &with_session("", r#"{ read = { expect = { pattern = "zeros" } } }"#),
        "t.toml:5:1: an expected message needs its length; add `bytes`, such as { read = { expect = { bytes \
         = 4096 } } }",
    );
    mistake(
        &with_session("", r#"{ read = { expect = { bytes = 9, pattern = { text = "x" } } } }"#),
        "t.toml:5:31: a text has its own length; leave `bytes` out, or choose another pattern",
    );
}

#[test]
fn a_source_stays_within_the_negotiated_mtu() {
    let text = |bytes: u32, mtu: &str| {
        format!(
            "title = \"t\"\n[machine]\n{mtu}\nbehaviour = {{ source = {{ events = 1, bytes = {bytes} }} }}\n"
        )
    };
    let report = |bytes: u32, mtu: u32| {
        format!(
            "t.toml:4:46: a source cannot send messages of {bytes} bytes, the negotiated MTU is {mtu}; lower \
             `bytes`, or raise the MTU of both sides"
        )
    };
    meant(&text(4096, ""));
    mistake(&text(4097, ""), &report(4097, 4096));
    mistake(&text(4096, "hypervisor.mtu = 1024"), &report(4096, 1024));
    mistake(&text(4097, "hypervisor.mtu = 16384"), &report(4097, 4096));
}

#[test]
fn a_session_has_no_more_buffers_than_the_pool() {
    let text = |buffers: &str| {
        format!("title = \"t\"\n[machine]\npool-size = 4\n[machine.hypervisor]\n{buffers}\n")
    };
    meant(&text("session-buffers = 4\ninbound-buffers = 4"));
    mistake(
        &text("session-buffers = 5"),
        "t.toml:5:19: session-buffers is 5, but the negotiated pool-size is 4; make session-buffers at most \
         the pool-size of both sides",
    );
    mistake(
        &text("inbound-buffers = 5"),
        "t.toml:5:19: inbound-buffers is 5, but the negotiated pool-size is 4; make inbound-buffers at most \
         the pool-size of both sides",
    );
    mistake(
        &text("session-buffers = 2\ninbound-buffers = 3"),
        "t.toml:6:19: 3 inbound buffers of 2 in all; make inbound-buffers at most \
         session-buffers",
    );
}
