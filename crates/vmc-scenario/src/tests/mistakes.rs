//! Every kind of mistake is refused at its place, with what to write instead.

use crate::Scenario;

/// Marks the place of the mistake; not part of the text.
const MARK: char = '‸';

/// Asserts that `text` is refused at the mark, with this message and this remedy.
#[track_caller]
fn refused(text: &str, message: &str, remedy: &str) {
    let (before, after) = text.split_once(MARK).expect("a mark");
    let error = Scenario::parse("test.toml", &format!("{before}{after}")).expect_err("a mistake");
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |start| start.chars().count()) + 1;
    assert_eq!(error.to_string(), format!("test.toml:{line}:{column}: {message}; {remedy}"));
}

/// A scenario whose first application has these steps.
fn app(steps: &str) -> String {
    format!("title = \"T\"\n[[app]]\nname = \"a\"\nsteps = [\n{steps}\n]\n")
}

fn machine(keys: &str) -> String {
    format!("title = \"T\"\n[machine]\n{keys}\n")
}

const EXAMPLES: &str = "compare with the examples in scenarios/README.md";

#[test]
fn names_that_do_not_exist() {
    refused(&machine("hmcs = 1\n‸hmc = 2"), "`machine` has no key `hmc`", "did you mean `hmcs`?");
    refused(
        &app("{ poll = { expect = ‸\"gone\" } }"),
        "`expect`: expected \"readable\", \"nothing\", \"hung-up\", \"invalid\", \"any\" or \"EINTR\", got \"gone\"",
        "use one of `readable`, `nothing`, `hung-up`, `invalid`, `any`, `EINTR`",
    );
    refused(
        &app("{ poll = { wait = true, expect = ‸\"EIO\" } }"),
        "`expect`: expected \"readable\", \"nothing\", \"hung-up\", \"invalid\", \"any\" or \"EINTR\", got \"EIO\"",
        "use one of `readable`, `nothing`, `hung-up`, `invalid`, `any`, `EINTR`",
    );
    refused(
        &app("{ open = {} },\n{ ‸closs = {} },"),
        "there is no step `closs`",
        "did you mean `close`?",
    );
    refused(
        &app("{ open = {} }, { read = { expect = ‸\"eco\" } }"),
        "`expect`: expected \"echo\", \"event\", \"empty\", \"any\", the name of an errno or a table, got \"eco\"",
        "write `expect = \"echo\"`",
    );
}

#[test]
fn return_codes_and_hcalls_in_another_spelling() {
    let rule = |when: &str, act: &str| {
        format!("title = \"T\"\n[[fault]]\nname = \"f\"\nwhen = {{ {when} }}\ndo = {act}\n")
    };
    let enable = "hcall = \"H_ENABLE_CRQ\"";
    for &(name, _) in papr::ReturnCode::SPELLINGS {
        let text = rule(enable, &format!("{{ answer = \"{name}\" }}"));
        assert!(Scenario::parse("test.toml", &text).is_ok(), "{name}");
    }
    for (linux, lopar) in [
        ("H_LONG_BUSY_ORDER_10_MSEC", "H_LongBusyOrder10mSec"),
        ("H_CLOSED", "H_Closed"),
        ("H_DEST_PARM", "H_D_Parm"),
        ("h_busy", "H_Busy"),
    ] {
        refused(
            &rule(enable, &format!("{{ answer = ‸\"{linux}\" }}")),
            &format!("LoPAR has no return code `{linux}`"),
            &format!("did you mean `{lopar}`?"),
        );
        refused(
            &rule(&format!("{enable}, code = ‸\"{linux}\""), "{ crash = \"hyp\" }"),
            &format!("LoPAR has no return code `{linux}`"),
            &format!("did you mean `{lopar}`?"),
        );
    }
    let text = rule(enable, "{ answer = \"H_RESCINDED\" }");
    let error = Scenario::parse("test.toml", &text).expect_err("no value");
    assert_eq!(error.message(), "LoPAR names `H_RESCINDED`, and its value is not known here");
    for name in ["h_reg_crq", "H_Reg_Crq", "H_REG_CQR"] {
        refused(
            &rule(&format!("hcall = ‸\"{name}\""), "{ crash = \"hyp\" }"),
            &format!("no hcall is named `{name}`"),
            "did you mean `H_REG_CRQ`?",
        );
    }
}

#[test]
fn keys_that_are_missing() {
    refused("‸[machine]\nhmcs = 1\n", "a scenario needs the key `title`", "write `title = \"…\"`");
    let text = app("{ repeat = ‸{ times = 2 } }");
    refused(&text, "`repeat` needs the key `steps`", "write `steps = [{ open = {} }]`");
}

#[test]
fn values_of_the_wrong_type() {
    refused(
        &machine("hmcs = ‸\"two\""),
        "`hmcs`: expected a number from 1 to 255, got \"two\"",
        "write `hmcs = 1`",
    );
    refused(
        &app("{ set-hmc-id = ‸7 }"),
        "`set-hmc-id`: expected a string or a table, got 7",
        "write `set-hmc-id = \"7\"`",
    );
}

#[test]
fn text_that_is_no_toml() {
    refused(
        "title = \"T\"\n[machine‸\nhmcs = 1\n",
        "this is not TOML: unclosed table, expected `]`",
        EXAMPLES,
    );
    refused(
        "title = \"T\"\n[app]\nsteps = []\n[‸app]\nsteps = []\n",
        "this is not TOML: duplicate key",
        "write the key once; a table of which there are several has two brackets, as `[[app]]`",
    );
}

#[test]
fn values_out_of_bounds() {
    for (key, bad, least, most) in [
        ("mtu", 16, 32, 16384),
        ("mtu", 16385, 32, 16384),
        ("hmcs", 300, 1, 255),
        ("hmcs", 0, 1, 255),
        ("pool-size", 0, 1, 64),
        ("pool-size", 65, 1, 64),
        ("crq-pages", 17, 1, 16),
        ("window-pages", 0, 1, 65536),
        ("window-pages", 65537, 1, 65536),
    ] {
        refused(
            &machine(&format!("{key} = ‸{bad}")),
            &format!("{key} is {least} to {most}, not {bad}"),
            &format!("write a number from {least} to {most}"),
        );
    }
    refused(
        &machine("profile = \"linux\"\nhmcs = ‸3"),
        "hmcs is 1 to 2, not 3",
        "write a number from 1 to 2",
    );
    refused(
        &machine("[machine.hypervisor]\nhmcs = ‸256"),
        "hmcs of the hypervisor is 0 to 255, not 256",
        "write a number from 0 to 255",
    );
    refused(
        &machine("behaviour = { source = { events = ‸0, bytes = 1 } }"),
        "events is 1 to 100000, not 0",
        "write a number from 1 to 100000",
    );
    refused(
        &app("{ open = {} }, { write = { bytes = ‸1048577 } }"),
        "bytes is 0 to 1048576, not 1048577",
        "write a number from 0 to 1048576",
    );
    refused(
        &app("{ sleep-ms = ‸-1 }"),
        "sleep-ms is 0 to 86400000, not -1",
        "write a number from 0 to 86400000",
    );
    refused(
        &app("{ repeat = { times = ‸10001, steps = [] } }"),
        "times is 1 to 10000, not 10001",
        "write a number from 1 to 10000",
    );
    refused(
        "title = \"T\"\n[[app]]\ncount = ‸513\nsteps = []\n",
        "count is 1 to 512, not 513",
        "write a number from 1 to 512",
    );
}

#[test]
fn values_that_do_not_fit_together() {
    refused(
        &machine("[machine.hypervisor]\nsession-buffers = 2\ninbound-buffers = ‸3"),
        "3 inbound buffers of 2 in all",
        "make inbound-buffers at most session-buffers",
    );
    refused(
        "title = \"T\"\n[[app]]\ncount = 300\nsteps = []\n‸[[app]]\ncount = 300\nsteps = []\n",
        "a scenario has at most 512 threads",
        "lower a `count`",
    );
    refused(
        &app("{ open = {} }, { write = { bytes = ‸3, pattern = { text = \"abc\" } } }"),
        "a text has its own length",
        "leave `bytes` out, or choose another pattern",
    );
    refused(
        &app("{ open = {} }, ‸{ write = {} }"),
        "a write needs its length",
        "add `bytes`, such as { write = { bytes = 4096 } }",
    );
}

#[test]
fn versions_that_are_none() {
    for version in ["1", "1.256", "x.1", "1.1.1", ""] {
        refused(
            &machine(&format!("version = ‸\"{version}\"")),
            &format!("`{version}` is no protocol version"),
            "write major and minor number, each 0 to 255, such as \"1.1\"",
        );
    }
}

#[test]
fn an_hmc_id_that_is_too_long() {
    refused(
        &app("{ open = {} },\n‸{ set-hmc-id = \"a-management-console-of-33-bytes!\" }"),
        "the HMC ID has 33 bytes, at most 32 fit",
        "shorten the HMC ID",
    );
}

#[test]
fn names_that_cannot_be_told_apart_or_found() {
    refused(
        "title = \"T\"\n[[app]]\nname = ‸\"A b\"\nsteps = []\n",
        "`A b` cannot name an application",
        "use small letters, digits and `-`",
    );
    refused(
        "title = \"T\"\n[[app]]\nname = \"x\"\nsteps = []\n[[app]]\nname = ‸\"x\"\nsteps = []\n",
        "two applications are named `x`",
        "give each application a name of its own",
    );
    refused(
        "title = \"T\"\n[[app]]\nname = \"b\"\nsteps = []\n‸[[app]]\nsteps = []\n",
        "two applications are named `b`",
        "give each application a name of its own",
    );
    refused(
        "title = \"T\"\n[[app]]\nname = \"x\"\ncount = 2\nsteps = []\n[[app]]\nname = ‸\"x-2\"\nsteps = []\n",
        "two applications are named `x-2`",
        "give each application a name of its own",
    );
    refused(
        "title = \"T\"\n[[app]]\nprocess = ‸\"x\"\nsteps = []\n",
        "no application is named `x`",
        "name the application whose process this thread belongs to",
    );
    refused(
        &app("‸{ interrupt = \"x\" }"),
        "no application is named `x`",
        "name the application whose call is to be interrupted",
    );
}

#[test]
fn files_that_are_not_open() {
    for step in
        ["{ write = { bytes = 1 } }", "{ close = {} }", "{ set-hmc-id = \"H\" }", "{ query = {} }"]
    {
        refused(
            &app(&format!("‸{step}")),
            "the file `vmc` is not open here",
            "add a step { open = {} } before it",
        );
    }
    refused(
        &app("{ open = {} }, { close = {} }, ‸{ poll = { expect = \"nothing\" } }"),
        "the file `vmc` is not open here",
        "add a step { open = {} } before it",
    );
    refused(
        &app("{ open = { expect = \"EBUSY\" } }, ‸{ close = {} }"),
        "the file `vmc` is not open here",
        "add a step { open = {} } before it",
    );
}

#[test]
fn reads_of_what_never_comes() {
    let read_echo = "‸{ read = { expect = \"echo\" } }";
    let write = "{ write = { bytes = 1 } }";
    refused(
        &app(&format!(
            "{{ open = {{}} }}, {write}, {{ read = {{ expect = \"echo\" }} }},\n{read_echo}"
        )),
        "this waits for an echo of a message that was never written",
        "write a message before it, or read less often",
    );
    refused(
        &app("{ open = {} }, { write = { bytes = 0 } }, ‸{ read = { expect = \"echo\" } }"),
        "this waits for an echo of a message that was never written",
        "write a message before it, or read less often",
    );
    let with_sink = format!(
        "{}[machine]\nbehaviour = \"sink\"\n",
        app(&format!("{{ open = {{}} }}, {write}, {read_echo}"))
    );
    refused(
        &with_sink,
        "this waits for an echo, but the hypervisor does not echo",
        "set behaviour = \"echo\" for the machine, or expect something else",
    );
    let read_event = "{ read = { expect = \"event\" } }";
    refused(
        &app(&format!("{{ open = {{}} }}, ‸{read_event}")),
        "this waits for an event, but the hypervisor sends none by itself",
        "set behaviour = { source = { events = 1, bytes = 64 } } for the machine",
    );
    let beyond = app(&format!("{{ open = {{}} }}, {read_event}, ‸{read_event}"));
    refused(
        &format!("{beyond}[machine]\nbehaviour = {{ source = {{ events = 1, bytes = 1 }} }}\n"),
        "this waits for event 2, but the hypervisor sends 1",
        "raise `events` of the source, or read less often",
    );
    refused(
        &app("{ open = {} }, ‸{ read = { expect = \"EAGAIN\" } }"),
        "a blocking file never returns EAGAIN: this waits forever",
        "open the file with nonblock = true",
    );
    refused(
        &app("{ open = {} }, ‸{ read = { expect = \"EINTR\" } }"),
        "no step or fault interrupts this application: this never returns",
        "name the application, and add a step { interrupt = \"its name\" } to another",
    );
}

#[test]
fn calls_that_are_made_again() {
    let write = |options: &str| {
        app(&format!("{{ open = {{}} }}, {{ write = {{ bytes = 1, {options} }} }}"))
    };
    assert!(Scenario::parse("t.toml", &write("retry = [\"EBUSY\"], patience-ms = 1")).is_ok());
    for (options, message, remedy) in [
        (
            "retry = [\"EBUSY\"]",
            "this step is tried again and again, and never gives up",
            "say for how long, such as patience-ms = 100",
        ),
        (
            "patience-ms = 100",
            "this step has patience, but says nothing that it is for",
            "add retry = [\"EBUSY\"], or leave `patience-ms` out",
        ),
        (
            "retry = [\"EAGAIN\", \"EBUSY\"], patience-ms = 100, expect = \"EBUSY\"",
            "this step expects EBUSY and is tried again while it gets EBUSY",
            "expect what comes in the end, or leave the errno out of `retry`",
        ),
    ] {
        refused(&write(options).replace("{ write", "‸{ write"), message, remedy);
    }
    refused(
        &write("retry = [\"EBUSY\"], patience-ms = ‸60001"),
        "patience-ms is 1 to 60000, not 60001",
        "write a number from 1 to 60000",
    );
    refused(
        &write("retry = [‸\"EIO\"], patience-ms = 1"),
        "an element of `retry`: expected \"EBUSY\", \"EAGAIN\" or \"ENOBUFS\", got \"EIO\"",
        "use one of `EBUSY`, `EAGAIN`, `ENOBUFS`",
    );
    refused(
        &app(
            "{ open = {} }, ‸{ read = { expect = \"any\", retry = [\"EAGAIN\"], patience-ms = 9 } }",
        ),
        "a blocking file never returns EAGAIN: this read is never tried again",
        "open the file with nonblock = true, or leave `retry` out",
    );
}

#[test]
fn lengths_that_grow() {
    let block = |bytes: &str, times: u32| {
        let write = format!("{{ write = {{ bytes = ‸{bytes} }} }}");
        app(&format!("{{ open = {{}} }}, {{ repeat = {{ times = {times}, steps = [{write}] }} }}"))
    };
    let outside =
        |bytes: &str| app(&format!("{{ open = {{}} }}, {{ write = {{ bytes = {bytes} }} }}"));
    refused(
        &outside("‸{ from = 1, step = 1 }"),
        "a length grows with the rounds of a `repeat`, and this step is in none",
        "put the step into a `repeat`, or write `bytes` as a number",
    );
    refused(
        &block("{ from = 1, step = 1, factor = 2 }", 2),
        "a length grows by a step or by a factor, not by both",
        "leave `step` or `factor` out",
    );
    refused(
        &block("{ from = 1 }", 2),
        "this length does not say how it grows",
        "add `step`, so many bytes more in each round, or `factor`, so many times as long",
    );
    let too_long = "in round 22 this length is more than 1048576 bytes";
    let remedy = "lower `times` of the block, or `from`, `step` or `factor`";
    refused(&block("{ from = 1, factor = 2 }", 22), too_long, remedy);
    assert!(
        Scenario::parse("t.toml", &block("{ from = 1, factor = 2 }", 21).replace('‸', "")).is_ok()
    );
    for (key, least) in [("step", 1), ("factor", 2)] {
        refused(
            &block("", 2).replace("‸", &format!("{{ from = 1, {key} = ‸0 }}")),
            &format!("{key} is {least} to 1048576, not 0"),
            &format!("write a number from {least} to 1048576"),
        );
    }
    refused(
        &outside("‸\"4k\""),
        "`bytes`: expected a number from 0 to 1048576 or a table, got \"4k\"",
        "write `bytes = 4096`",
    );
}

#[test]
fn names_of_files() {
    refused(
        &app("‸{ dup = { as = \"other\" } }"),
        "the file `vmc` is not open here",
        "add a step { open = {} } before it",
    );
    refused(
        &app("{ open = {} }, ‸{ dup = { as = \"vmc\" } }"),
        "the file `vmc` has this name already",
        "give it another one after `as`",
    );
    let steps = "{ open = {} }, { dup = { as = \"other\" } }, { set-hmc-id = \"H\" },\n\
                 { wait = { state = \"session-ready\", file = \"other\" } }";
    assert!(Scenario::parse("t.toml", &app(steps)).is_ok());
}

#[test]
fn ioctls_that_cannot_be_meant() {
    let ioctl = |options: &str| app(&format!("{{ open = {{}} }}, {{ ioctl = {{ {options} }} }}"));
    let whole = |options: &str| ioctl(options).replace("{ ioctl", "‸{ ioctl");
    refused(
        &whole("number = 0x5401"),
        "the driver has no ioctl 0x00005401: it returns EINVAL",
        "add expect = \"EINVAL\", or use a number of SETHMCID, QUERY or REQUESTVMC",
    );
    for number in ["0x4008CC00", "0x8008CC00"] {
        refused(
            &whole(&format!("number = {number}")),
            "this SETHMCID has no HMC ID to copy",
            "add id = \"HMC-A\", or fault = true for memory that is not there",
        );
        refused(
            &ioctl(&format!("number = {number}, fault = true, id = ‸\"HMC-A\"")),
            "memory that is not there holds no HMC ID",
            "leave `id` or `fault` out",
        );
    }
    refused(
        &whole("number = 0x800CCC01, fault = true"),
        "an ioctl whose argument points to memory that is not there never succeeds",
        "add expect = \"EFAULT\", or leave `fault` out",
    );
    refused(
        &ioctl("number = 0x400CCC01, id = ‸\"HMC-A\""),
        "the ioctl 0x400ccc01 takes no HMC ID",
        "leave `id` out, or use the number of SETHMCID: 0x4008CC00 on x86-64, 0x8008CC00 on ppc64",
    );
    refused(
        &ioctl("number = ‸0x100000000, expect = \"EINVAL\""),
        "number is 0 to 4294967295, not 4294967296",
        "write a number from 0 to 4294967295",
    );
}

#[test]
fn waits_for_what_cannot_happen() {
    refused(
        &app("‸{ await = \"go\" }"),
        "no step posts `go`, so this waits forever",
        "add a step { post = \"go\" } to another application",
    );
    for state in ["session-ready", "readable"] {
        refused(
            &app(&format!("{{ open = {{}} }}, ‸{{ wait = \"{state}\" }}")),
            "the file `vmc` has no session to wait for",
            "add a step { set-hmc-id = \"…\" } before it",
        );
    }
}

#[test]
fn a_channel_that_is_never_ready() {
    for (keys, why) in [
        ("hmc-attached = true", "an HMC manages the system"),
        ("[machine.hypervisor]\nversion = \"2.0\"", "the major versions differ"),
        ("[machine.hypervisor]\nhmcs = 0", "the hypervisor offers what no channel can work with"),
        (
            "[machine.hypervisor]\npool-size = 0",
            "the hypervisor offers what no channel can work with",
        ),
        ("[machine.hypervisor]\nmtu = 31", "the hypervisor offers what no channel can work with"),
        ("window-pages = 1", "the window has no room for the queue and a buffer"),
        ("vmc = \"on-request\"", "no step requests the VMC"),
        ("start = \"manual\"", "no step starts the driver"),
    ] {
        refused(
            &format!("{}‸[[app]]\nsteps = []\n", machine(keys)),
            &format!(
                "this application starts when the channel is ready, which cannot happen: {why}"
            ),
            "write start = \"boot\" for the application, or change the machine",
        );
        for state in ["channel-ready", "seeded"] {
            refused(
                &format!(
                    "{}[[app]]\nstart = \"boot\"\nsteps = [‸{{ wait = \"{state}\" }}]\n",
                    machine(keys)
                ),
                &format!("the channel is never ready: {why}"),
                "wait for something else, or change the machine",
            );
        }
    }
    refused(
        &format!(
            "{}[[app]]\nstart = \"boot\"\nsteps = [{{ start = \"driver\" }}, ‸{{ wait = \"channel-ready\" }}]\n",
            machine("start = \"manual\"")
        ),
        "the channel is never ready: no step starts the hypervisor's side",
        "wait for something else, or change the machine",
    );
}

#[test]
fn blocks_of_steps_that_nest_too_deep() {
    let block = |steps: &str| format!("{{ repeat = {{ times = 2, steps = [{steps}] }} }}");
    let two = block(&block("{ sleep-ms = 1 }"));
    assert!(Scenario::parse("test.toml", &app(&two)).is_ok());
    let three = block(&block(&format!("‸{}", block("{ sleep-ms = 1 }"))));
    refused(&app(&three), "blocks of steps nest at most 2 deep", "write the inner steps out");
}

#[test]
fn a_file_that_cannot_be_read() {
    let error = Scenario::load("no/such/file.toml".as_ref()).unwrap_err();
    assert_eq!((error.line(), error.column(), error.file()), (0, 0, "no/such/file.toml"));
    assert!(error.message().starts_with("the file cannot be read: "), "{error}");
    assert_eq!(error.remedy(), "name a scenario file, such as scenarios/boot/driver-first.toml");
}

/// A scenario whose hypervisor answers commands, with a rule.
fn command_rule(when: &str, act: &str) -> String {
    format!(
        "title = \"T\"\nmachine.behaviour = \"router\"\n[[fault]]\nname = \"f\"\nwhen = {when}\ndo = {act}\n"
    )
}

#[test]
fn rules_about_commands() {
    let rule = |when: &str| command_rule(when, "{ answer = \"busy\" }");
    refused(
        &rule("{ command = ‸\"POWERON\" }"),
        "there is no operation `POWERON`",
        "did you mean `POWER ON`?",
    );
    refused(
        &rule("{ command = ‸\"EVENT\" }"),
        "EVENT is what the hypervisor's side sends",
        "wait for a command of an application",
    );
    refused(
        &command_rule("‸{ hcall = \"H_SEND_CRQ\", partition = \"web1\" }", "{ crash = \"hyp\" }"),
        "`partition` means nothing for this occasion",
        "remove `partition`; scenarios/README.md says which keys go together",
    );
    refused(
        &rule("‸{ command = \"any\", app = \"a\" }"),
        "`app` means nothing for this occasion",
        "remove `app`; scenarios/README.md says which keys go together",
    );
    let echo = rule("‸{ command = \"any\" }").replace("\"router\"", "\"echo\"");
    refused(
        &echo,
        "this is about HMC commands, but the hypervisor does not know any",
        "set behaviour = \"router\" for the machine",
    );
    let act = |act: &str| command_rule("{ command = \"POWER ON\" }", act);
    refused(
        &act("{ answer = ‸\"no bufer\" }"),
        "no command is answered with `no bufer`",
        "did you mean `no buffer`?; or write the code of a refusal, as in `HSCL3205`",
    );
    refused(
        &act("{ answer = ‸\"generic error\" }"),
        "`generic error` is the return code of a refusal",
        "write the refusal's code, as in `HSCL3205`",
    );
    refused(
        &act("{ job = { fails = ‸\"ba210001\" } }"),
        "`ba210001` is no reference code",
        "write eight hexadecimal digits in capitals, as in `BA210001`",
    );
    refused(
        &command_rule("{ command = \"POWER ON\", ms = 5 }", "‸{ answer = \"busy\" }"),
        "this can be done only to a command, and not so many `ms` after it",
        "give the rule another `when`, or have it do something else",
    );
    refused(
        &command_rule("{ command = \"POWER ON\", at = \"after\" }", "‸{ answer = \"busy\" }"),
        "this can be done only to a command that is not done yet",
        "leave `at` out",
    );
    refused(
        &command_rule("{ command = \"CREATE PARTITION\" }", "‸{ job = \"never-ends\" }"),
        "only some commands start a job",
        "wait for one of `POWER ON`, `POWER OFF`, `RESTART`, `SYSTEM ON`, `SYSTEM OFF`",
    );
    refused(
        &command_rule("{ command = \"SYSTEM OFF\" }", "‸{ job = { fails = \"BA210001\" } }"),
        "only the job of a partition fails with a reference code",
        "wait for one of `POWER ON`, `POWER OFF`, `RESTART`",
    );
    refused(
        &command_rule("{ time-ms = 5 }", "‸{ job = \"never-ends\" }"),
        "this can be done only to a command, and not so many `ms` after it",
        "give the rule another `when`, or have it do something else",
    );
    refused(
        &command_rule("{ command = \"any\" }", "‸{ corrupt = { session = 9 } }"),
        "this can be done only to a message that is being sent",
        "give the rule another `when`, or have it do something else",
    );
}
