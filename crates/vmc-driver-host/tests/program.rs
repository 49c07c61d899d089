//! The program, as a developer of a driver calls it, with drivers that do one thing wrong each.

mod common;

use common::{compile, folder};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use vmc_trace_file::Run;

const SCENARIO: &str = "boot/driver-first";

fn scenario(name: &str) -> PathBuf {
    folder().join("../../scenarios").join(name).with_extension("toml")
}

fn wrong(what: &str) -> PathBuf {
    compile("tests/wrong.c", &format!("wrong-{what}"), &[&format!("-DWRONG={what}")])
}

/// Runs the program over a scenario; its exit code, and what it prints.
fn run(library: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_vmc-driver-host"));
    program.arg("--driver").arg(library).args(arguments).arg(scenario(SCENARIO));
    let Output { status, stdout, stderr } = program.output().expect("the program");
    let text = [stdout, stderr].concat();
    (status.code(), String::from_utf8(text).expect("text"))
}

#[test]
fn what_the_interface_excludes_is_told() {
    for (what, told) in [
        ("HANG", "probe, on the driver's task; its last service was `log`"),
        ("HANG_IN_LOAD", "load; its last service was `none`"),
        ("KEEP_LOCK", "probe, on the driver's task returned with a lock"),
        ("LOCK_TWICE", "lock: this call has the lock already"),
        ("UNLOCK", "unlock: this call does not have the lock"),
        ("STRANGE", "schedule: expected VMCSIM_BOTTOM_HALF or VMCSIM_RESET, got 77"),
        ("POINTERS", "hcall: `args` is null: expected nine numbers"),
        ("POINTERS", "free: `alloc` has not given this address, or it was freed"),
        ("ADDRESSES", "copy_to_user: expected up to 4096 bytes at "),
        ("ADDRESSES", "take_entry: expected an element up to 255, got 256"),
        (
            "OTHER_THREAD",
            "the service `wake` was used on a thread that makes no call of the driver",
        ),
    ] {
        let (code, text) = run(&wrong(what), &["--patience", "1"]);
        assert_eq!(code, Some(1), "{what}: {text}");
        assert!(text.contains(told), "{what}: {text}");
    }
}

/// What a driver does not take is not for it; where nothing is left, nothing was shown.
#[test]
fn a_driver_that_takes_no_parameters_has_shown_nothing() {
    let (code, text) = run(&wrong("REFUSE"), &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("`load` of wrong returned -22"), "{text}");
    assert!(text.contains("0 of 0 scenarios hold"), "{text}");
}

#[test]
fn a_driver_that_crashes_fails_its_scenario_in_a_process_of_its_own() {
    let (code, text) = run(&wrong("CRASH"), &["--isolate"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("the driver ended the process by signal 11; the last services:"),
        "{text}"
    );
    assert!(text.contains(": log\n") && text.contains("0 of   1"), "{text}");
    // One that lives has the same report as in the same process.
    let library = compile("drivers/reference.c", "isolated", &[]);
    let (code, text) = run(&library, &["--isolate"]);
    assert!(code == Some(0) && text.contains("1 of 1 scenarios hold"), "{text}");
}

#[test]
fn results_are_written_for_programs() {
    let (good, bad) = (compile("drivers/reference.c", "formats", &[]), wrong("UNLOCK"));
    let (_, text) = run(&bad, &["--format", "json"]);
    let row: serde_json::Value = serde_json::from_str(text.trim()).expect("one object");
    assert_eq!((&row["scenario"], &row["status"]), (&SCENARIO.into(), &"fails".into()));
    assert!(row["why"].to_string().contains("unlock:") && row["sequence"].is_string());
    let (_, text) = run(&bad, &["--format", "junit"]);
    assert!(text.starts_with("<testsuite name=\"wrong\" tests=\"1\" failures=\"1\">"), "{text}");
    assert!(text.contains("<testcase classname=\"boot\" name=\"driver-first\">"), "{text}");
    assert!(text.contains("<failure message=\"") && text.contains("vmcsim.h, struct"), "{text}");
    let (_, text) = run(&good, &["--format", "junit"]);
    assert!(text.contains("failures=\"0\"") && !text.contains("<failure"), "{text}");
}

/// What a person needs of a failure: the sequence, what was wrong first, and the sentence that it breaks.
#[test]
fn a_report_is_by_section_and_hazard_and_each_failure_names_the_sentence_that_it_breaks() {
    let careless = compile("drivers/reference.c", "report", &["-DCARELESS=ENABLE_CRQ"]);
    let scenarios = ["hazards/h03-partner-suspended", SCENARIO].map(scenario);
    let mut program = Command::new(env!("CARGO_BIN_EXE_vmc-driver-host"));
    let output =
        program.arg("--driver").arg(&careless).args(&scenarios).output().expect("the program");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.starts_with("FAILED hazards/h03-partner-suspended: H03: "), "{text}");
    let sequence = "application   management partition";
    let sentence =
        "LoPAR, H_ENABLE_CRQ: \"This hcall() explicitly enables a CRQ that has been disabled";
    let first = "the first wrong message";
    let places: Vec<_> = [sequence, first, sentence]
        .iter()
        .map(|part| text.find(part).unwrap_or_else(|| panic!("{part}: {text}")))
        .collect();
    assert!(places.is_sorted(), "{text}");
    assert!(text.contains("expected `mgmt: H_ENABLE_CRQ"), "{text}");
    for line in [
        "driver document, VMC Interface Initialization   1 of   1\n",
        "  0 of   1  not hazards/h03-partner-suspended\n",
        "reference driver: 1 of 2 scenarios hold; ",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let hazard = text.lines().find(|line| line.starts_with("H03 "));
    assert!(hazard.is_some_and(|line| line.contains("0 of   1  not hazards/h03")), "{text}");
    let output = program.args(["--format", "json"]).output().expect("the program");
    let row = output.stdout.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let row: serde_json::Value = serde_json::from_slice(row).expect("one object a line");
    assert_eq!(row["hazards"], serde_json::json!(["H03"]));
    assert_eq!(row["first_wrong"]["section"], "LoPAR, H_ENABLE_CRQ");
}

/// A failure that is known is no news, and neither is it one that is gone.
#[test]
fn failures_that_are_known_are_told_apart() {
    let known = Path::new(env!("CARGO_TARGET_TMPDIR")).join("known.txt");
    std::fs::write(&known, format!("# of this driver\n{SCENARIO} # not begun\n")).expect("a file");
    let options = ["--known-failures", known.to_str().expect("text")];
    let (code, text) = run(&wrong("NOTHING"), &options);
    assert!(code == Some(0) && text.contains("1 known failures"), "{text}");
    let library = compile("drivers/reference.c", "known", &[]);
    let (code, text) = run(&library, &options);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("boot/driver-first holds now: take it off the known failures"), "{text}");
}

#[test]
fn what_is_no_driver_is_a_mistake() {
    let (code, text) = run(Path::new("/nowhere/driver.so"), &[]);
    assert!(code == Some(2) && text.contains("expected a shared library"), "{text}");
}

/// The option of the other runs: the trace as a file that reads back, of a run that failed with what was wrong.
#[test]
fn a_run_is_left_as_a_trace_file() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("traces");
    let file = |end: &str| folder.join(format!("boot-driver-first-deterministic-{end}.jsonl"));
    let wanted = ["--save-traces", folder.to_str().expect("text"), "--seed", "7"];
    for isolated in [&[][..], &["--isolate"]] {
        // One of an earlier time is no evidence.
        let _ = std::fs::remove_dir_all(&folder);
        let library = compile("drivers/reference.c", "traced", &[]);
        let (code, text) = run(&library, &[&wanted, isolated].concat());
        assert_eq!(code, Some(0), "{text}");
        let run = Run::load(&file("reference-driver-seed-7")).expect("a trace file");
        assert!(run.is_complete && run.trace.records().len() > 30);
        assert_eq!(run.check(|_, _| Vec::new()), run.problems);
        assert_eq!(run.about.scenario.as_deref(), Some(SCENARIO));
    }
    let (code, text) = run(&wrong("UNLOCK"), &wanted);
    assert_eq!(code, Some(1), "{text}");
    let run = Run::load(&file("wrong-seed-7")).expect("a trace file");
    assert!(run.problems.iter().any(|problem| problem.what.contains("unlock:")), "{run:?}");
    // What cannot be written is told.
    let (code, text) = self::run(&wrong("NOTHING"), &["--save-traces", "/dev/null/traces"]);
    assert!(code == Some(1) && text.contains("/dev/null/traces: "), "{text}");
}
