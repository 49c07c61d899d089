//! Drivers of users under many schedules: what fails is found, repeated and made small.

mod common;

use common::{compile, folder};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs the program; its exit code, and what it prints.
fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_vmc-driver-host"));
    let Output { status, stdout, stderr } = program.args(arguments).output().expect("the program");
    (status.code(), String::from_utf8([stdout, stderr].concat()).expect("text"))
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// A driver that loses a buffer when the RDMA of a message fails (H21).
fn careless(name: &str) -> PathBuf {
    compile("drivers/reference.c", name, &["-DCARELESS=BUFFER_OF_FAILED_RDMA"])
}

/// An empty folder.
fn empty(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // It may not be there.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
}

#[test]
fn the_same_seeds_give_the_same_bytes() {
    let library = compile("drivers/reference.c", "explored", &[]);
    for subject in ["--generated", "hazards"] {
        let rows = || {
            let of = ["explore", subject, "--driver", shown(&library), "--seeds", "6"];
            let (code, text) = run(&[&of[..], &["--start", "40", "--format", "json"]].concat());
            assert_eq!(code, Some(0), "{text}");
            text
        };
        let first = rows();
        assert!(
            first.lines().count() > 1 && first.contains("\"driver\":\"reference driver\""),
            "{first}"
        );
        assert_eq!(first, rows(), "{subject}");
    }
}

#[test]
fn seeds_that_are_not_for_the_driver_are_counted_and_are_no_gap() {
    let library = compile("drivers/reference.c", "left-out", &[]);
    let (code, text) =
        run(&["explore", "--generated", "--seeds", "20", "--driver", shown(&library)]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("left out") && !text.contains("missing between"), "{text}");
}

#[test]
fn a_failure_is_found_kept_repeated_and_made_small() {
    let (library, saved) = (careless("found"), empty("found"));
    let driver = ["--driver", shown(&library)];
    let of = ["explore", "hazards/h21-inbound-copy-fails", "--seeds", "3", "--schedule", "pct"];
    let (code, text) = run(&[&of[..], &driver, &["--save", shown(&saved)]].concat());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("3 runs, 3 failed"), "{text}");
    let repeat = format!("--start 0 --seeds 1 --schedule pct --driver {}", library.display());
    assert!(text.contains(&repeat), "{text}");

    let replays = files(&saved, "replay");
    assert_eq!(replays.len(), 3, "{text}");
    let replay = shown(&replays[0]);
    let (code, text) = run(&[&["replay", replay][..], &driver].concat());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("the same run to the last byte"), "{text}");

    // The run of another driver goes another way, and one of another name is refused.
    let mended = compile("drivers/reference.c", "mended", &[]);
    let (code, text) = run(&["replay", replay, "--driver", shown(&mended)]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("the run went another way"), "{text}");
    let other = compile("tests/wrong.c", "of-another-name", &["-DWRONG=NOTHING"]);
    let (code, text) = run(&["replay", replay, "--driver", shown(&other)]);
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("the run was made by `reference driver`, expected the library"),
        "{text}"
    );

    let small = saved.join("small.toml");
    let of = ["shrink", replay, "--budget", "20s", "--output", shown(&small)];
    let (code, text) = run(&[&of[..], &driver].concat());
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("\nfrom ") && text.contains("\nto   "), "{text}");
    let whole = folder().join("../../scenarios/hazards/h21-inbound-copy-fails.toml");
    let length = |path: &Path| std::fs::read_to_string(path).expect("a scenario").lines().count();
    assert!(length(&small) <= length(&whole));
    // What was made small fails with this driver, and holds with the mended one.
    let (code, text) = run(&[&driver[..], &[shown(&small)]].concat());
    assert_eq!(code, Some(1), "{text}");
    let (code, text) = run(&["--driver", shown(&mended), shown(&small)]);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn what_has_no_effect_is_a_mistake() {
    let library = compile("drivers/reference.c", "mistakes", &[]);
    let driver = ["--driver", shown(&library)];
    for (arguments, told) in [
        (&["explore", "--generated", "--quirk", "H21"][..], "cannot be used with"),
        (&["shrink", "x.toml", "--quirk", "H21"], "cannot be used with"),
        (&["replay", "/nowhere.replay"], "name a file that `cargo xtask sim --save` wrote"),
        (
            &["explore", "linux", "--seeds", "1"],
            "no scenario is for this driver: it is of the other profile",
        ),
    ] {
        let (code, text) = run(&[arguments, &driver].concat());
        assert_eq!(code, Some(2), "{arguments:?}: {text}");
        assert!(text.contains(told), "{arguments:?}: {text}");
    }
    let (code, text) = run(&["explore", "--generated", "--patience", "3"]);
    assert!(code == Some(2) && text.contains("--driver"), "{text}");
    let (code, text) = run(&["explore", "--generated", "--seeds", "1"]);
    assert!(code == Some(2) && text.contains("expected --driver FILE"), "{text}");
}
