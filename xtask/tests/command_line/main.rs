//! The command line as its users see it: what it prints, and its exit codes.

mod opening;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const GOOD: &str = r#"
title = "An application opens the device"
tags = ["small"]
[[app]]
name = "a"
steps = [{ open = {} }]
"#;

const FAILING: &str = r#"
title = "An application expects too much"
[[app]]
name = "a"
steps = [{ open = { expect = "EIO" } }]
"#;

/// Two threads write to one session: either may be first.
const RACE: &str = include_str!("../race.toml");

/// What a command brought.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

fn xtask(arguments: &[&str]) -> Ran {
    xtask_with(&[], arguments)
}

/// The same with these variables of the environment.
fn xtask_with(variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    let output = command.args(arguments).envs(variables.iter().copied()).output();
    let Output { status, stdout, stderr } = output.expect("the command runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// A new folder with scenario files in it, for one test.
fn folder(test: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("an old folder goes");
    }
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, text) in files {
        std::fs::write(folder.join(name), text).expect("a file");
    }
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

#[test]
fn a_failing_run_says_what_came_where_each_actor_was_and_how_to_repeat_it() {
    let folder = folder("failing", &[("failing.toml", FAILING)]);
    let file = folder.join("failing.toml");
    let file = text(&file);
    let ran = xtask(&["sim", file, "--runtime", "deterministic", "--seed", "3"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.out.contains("application `a`: expected EIO, got success"), "{}", ran.out);
    assert!(ran.out.contains("return open() = 0"), "{}", ran.out);
    assert!(!ran.out.contains('\x1b'), "colours are for terminals: {}", ran.out);
    let repeat = format!("cargo xtask sim {file} --runtime deterministic --seed 3");
    assert!(ran.out.contains(&repeat), "{}", ran.out);
    assert!(ran.out.contains("0 scenarios passed, 1 failed; 1 run in"), "{}", ran.out);
}

#[test]
fn a_snapshot_is_accepted_held_against_runs_and_shown_where_they_differ() {
    let folder = folder("snapshot", &[("good.toml", GOOD)]);
    let file = folder.join("good.toml");
    let path = text(&file);
    assert_eq!(xtask(&["snapshots", "check", path]).code, Some(1), "there is none yet");
    assert_eq!(xtask(&["snapshots", "accept", path]).code, Some(0));
    assert_eq!(xtask(&["snapshots", "check", path]).code, Some(0));
    assert_eq!(xtask(&["sim", path]).code, Some(0));

    std::fs::write(&file, GOOD.replace("open = {}", "open = { nonblock = true }")).expect("a file");
    let accept = format!("to accept this trace: `cargo xtask snapshots accept {path}`");
    for ran in [xtask(&["sim", path]), xtask(&["snapshots", "check", path])] {
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        let snapshot = folder.join("good.snap");
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
        let shown = snapshot.strip_prefix(top).unwrap_or(&snapshot);
        let head = format!("--- {}\n", shown.display());
        assert!(ran.out.contains(&head), "{}", ran.out);
        assert!(ran.out.contains("\n    -a  open() = 0\n"), "{}", ran.out);
        assert!(ran.out.contains("\n    +a  open(O_NONBLOCK) = 0\n"), "{}", ran.out);
        assert!(ran.out.contains(&accept), "{}", ran.out);
    }
    assert_eq!(xtask(&["sim", path, "--no-snapshots"]).code, Some(0));
    assert_eq!(xtask(&["snapshots", "accept", path]).code, Some(0));
    assert_eq!(xtask(&["sim", path]).code, Some(0));
}

#[test]
fn a_run_that_failed_is_not_accepted() {
    let folder = folder("not-accepted", &[("failing.toml", FAILING)]);
    let ran = xtask(&["snapshots", "accept", text(&folder)]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("not accepted, because the run failed"), "{}", ran.out);
    assert!(!folder.join("failing.snap").exists());
}

#[test]
fn a_script_that_races_fails_and_the_seed_of_the_other_order_is_named() {
    let folder = folder("race", &[("race.toml", RACE)]);
    let path = folder.join("race.toml");
    let ran = xtask(&["sim", text(&path), "--runtime", "deterministic", "--schedules", "50"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.out.contains("another schedule gives another trace"), "{}", ran.out);
    let seed = ran.out.split("--seed ").nth(1).and_then(|rest| rest.lines().next());
    let seed = seed.expect("a seed");
    let again = xtask(&["sim", text(&path), "--runtime", "deterministic", "--seed", seed]);
    assert_eq!(again.code, Some(1), "{}", again.out);
}

#[test]
fn a_failing_scenario_fills_no_screens_unless_it_is_asked_to() {
    let waiter = |n: u32| {
        format!(
            r#"
            [[app]]
            name = "app-{n}"
            steps = [
              {{ open = {{}} }}, {{ set-hmc-id = "HMC-{n}" }}, {{ wait = "session-ready" }},
              {{ poll = {{ expect = "readable" }} }},
            ]
            "#
        )
    };
    let waiters: String = (0..30).map(waiter).collect();
    let many =
        format!("title = \"Thirty find nothing\"\n[machine]\nhmcs = 30\npool-size = 2\n{waiters}");
    let folder = folder("many", &[("a.toml", &many), ("b.toml", GOOD)]);
    let ran = xtask(&["sim", text(&folder), "--runtime", "deterministic"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let report = ran.out.lines().skip_while(|line| !line.starts_with("FAILED"));
    let report = report.take_while(|line| !line.starts_with("ok")).count();
    assert_eq!(report, 62, "a heading, 60 lines, and how many more: {}", ran.out);
    assert!(ran.out.contains(" lines more: `--full` shows them\n"), "{}", ran.out);
    let full = xtask(&["sim", text(&folder), "--runtime", "deterministic", "--full"]);
    assert!(full.out.lines().count() > 100 && !full.out.contains("--full"), "{}", full.out);
}

#[test]
fn explore_makes_a_failure_small_and_keeps_both() {
    let folder = folder("explore-small", &[("failing.toml", FAILING)]);
    let kept = folder.join("kept");
    let explore = ["explore", text(&folder), "--seeds", "1", "--check-determinism"];
    let ran = xtask(&[&explore[..], &["--budget", "20s", "--save", text(&kept)]].concat());
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(
        ran.out.contains("\n  made small:\n") && !ran.out.contains("determinism"),
        "{}",
        ran.out
    );
    let names =
        std::fs::read_dir(&kept).expect("a folder").map(|file| file.expect("a file").path());
    let mut names: Vec<_> = names.collect();
    names.sort();
    let [replay, small] = &names[..] else { panic!("a replay and a scenario: {names:?}") };
    let again = xtask(&["replay", text(replay)]);
    assert!(again.out.contains("the same run to the last byte"), "{}", again.out);
    let ran = xtask(&["sim", text(small), "--runtime", "deterministic", "--no-snapshots"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
}

#[test]
fn explore_finds_a_quirk_and_says_how_small_its_case_is() {
    let ran = xtask(&["explore", "--generated", "--quirk", "H15", "--budget", "20s"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let row = ran.out.lines().nth(1).expect("a heading and a row");
    let cells: Vec<_> = row.split_whitespace().collect();
    // Identifier, checker, seeds, seconds, seed, applications, steps, faults, events.
    assert_eq!((cells.len(), cells[0], cells[1], cells[5]), (9, "H15", "protocol", "1"), "{row}");
}

#[test]
fn scenarios_are_listed_and_not_run() {
    let folder = folder("list", &[("failing.toml", FAILING), ("good.toml", GOOD)]);
    let ran = xtask(&["sim", "--list", text(&folder)]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let lines: Vec<_> = ran.out.lines().collect();
    assert_eq!(lines.len(), 4, "{}", ran.out);
    assert!(lines[0].ends_with("         An application expects too much"), "{}", ran.out);
    assert!(lines[1].ends_with("small  An application opens the device"), "{}", ran.out);
    assert_eq!(lines[3], "2 scenarios");
    let ran = xtask(&["sim", "--list", "--format", "json", "--filter", "SMALL", text(&folder)]);
    assert_eq!(ran.out.lines().count(), 1, "a filter finds tags: {}", ran.out);
    assert!(ran.out.contains(r#""tags":["small"],"title":"An application opens the device""#));
}

#[test]
fn a_name_below_scenarios_means_the_same_to_sim_and_to_snapshots() {
    for command in [["sim", "--list"].as_slice(), &["snapshots", "check", "--list"]] {
        for (name, number) in [("boot/driver-first", "1 scenario"), ("boot/driver-f", "1 scenario")]
        {
            let ran = xtask(&[command, &[name]].concat());
            assert_eq!(ran.code, Some(0), "{}", ran.err);
            assert!(ran.out.starts_with("boot/driver-first "), "{}", ran.out);
            assert!(ran.out.ends_with(&format!("\n{number}\n")), "{}", ran.out);
        }
    }
}

#[test]
fn what_matches_nothing_is_a_mistake_that_lists_the_folders() {
    for arguments in [["sim", "nowhere"], ["sim", "--filter=nowhere"]] {
        let ran = xtask(&arguments);
        assert_eq!(ran.code, Some(2));
        assert!(ran.err.contains("`nowhere`"), "{}", ran.err);
        assert!(ran.err.contains("\nfolders: boot, "), "{}", ran.err);
        assert!(ran.out.is_empty(), "{}", ran.out);
    }
}

#[test]
fn a_mistake_in_a_file_is_told_apart_from_a_failure() {
    let folder = folder("mistake", &[("mistake.toml", "titel = \"x\"\n"), ("good.toml", GOOD)]);
    let ran = xtask(&["sim", text(&folder)]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("mistake.toml:1:1"), "{}", ran.err);
    assert!(ran.out.contains("1 scenario passed, 1 failed"), "{}", ran.out);
}

/// The lines of a trace, before what is said of the run.
fn trace(out: &str) -> Vec<&str> {
    let of_trace = |line: &&str| !line.starts_with("FAILED") && !line.contains("failing.toml:");
    out.lines().skip(2).take_while(of_trace).collect()
}

#[test]
fn a_failing_run_is_saved_and_replayed_in_another_process() {
    let folder = folder("saved", &[("failing.toml", FAILING)]);
    let (file, kept) = (folder.join("failing.toml"), folder.join("kept"));
    let sim = ["sim", text(&file), "--seed", "3", "--save", text(&kept)];
    let ran = xtask(&sim);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let files: Vec<_> = std::fs::read_dir(&kept).expect("a folder").collect();
    let [Ok(saved)] = &files[..] else { panic!("one deterministic run failed: {files:?}") };
    let saved = saved.path();
    assert!(text(&saved).ends_with("failing-toml-seed-3.replay"), "{}", saved.display());
    let command = format!("cargo xtask replay {}", text(&saved));
    assert!(ran.out.contains(&command), "{}", ran.out);

    let again = xtask(&["replay", text(&saved)]);
    assert_eq!(again.code, Some(1), "{}", again.err);
    assert!(again.out.contains("application `a`: expected EIO, got success"), "{}", again.out);
    assert!(again.out.contains("the same run to the last byte"), "{}", again.out);
    assert!(trace(&again.out).len() > 10, "{}", again.out);
    assert_eq!(trace(&ran.out), trace(&again.out));

    let spoilt = std::fs::read_to_string(&saved).expect("a file").replace("open = {", "open =");
    std::fs::write(&saved, spoilt).expect("a file");
    assert_eq!(xtask(&["replay", text(&saved)]).code, Some(2));
}

#[test]
fn a_stored_replay_is_replayed_or_refused_with_what_to_do() {
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stored.replay");
    let the_same = |ran: &Ran| {
        let failed = ran.code == Some(1) && ran.out.contains("expected ");
        failed && ran.out.contains("the same run to the last byte")
    };
    let ran = xtask(&["replay", text(&stored)]);
    let refused = ran.code == Some(2) && ran.err.contains("cargo xtask replay --renew");
    assert!(the_same(&ran) || refused, "{}{}", ran.out, ran.err);
    // Renewed, it runs.
    let copy = folder("stored", &[]).join("stored.replay");
    std::fs::copy(&stored, &copy).expect("a copy");
    assert_eq!(xtask(&["replay", "--renew", text(&copy)]).code, Some(0));
    let again = xtask(&["replay", text(&copy)]);
    assert!(the_same(&again), "{}{}", again.out, again.err);
}

#[test]
fn a_failing_run_becomes_small_and_is_a_scenario_that_fails_alike() {
    let more = "[[app]]\nname = \"b\"\nsteps = [{ open = {} }, { close = {} }]\n";
    let large = format!("{}{more}", FAILING.replace("steps = [", "steps = [{ sleep-ms = 3 }, "));
    let folder = folder("shrunk", &[("large.toml", &large), ("good.toml", GOOD)]);
    let small = folder.join("small.toml");
    let large = folder.join("large.toml");
    let ran = xtask(&["shrink", text(&large), "--seed", "1", "--output", text(&small)]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains("from 2 applications, 4 steps"), "{}", ran.out);
    assert!(ran.out.contains("to   1 application, 1 step, 0 faults"), "{}", ran.out);
    let again = xtask(&["sim", text(&small), "--runtime", "deterministic"]);
    assert_eq!(again.code, Some(1), "{}", again.err);
    assert!(again.out.contains("expected EIO, got success"), "{}", again.out);
    let good = xtask(&["shrink", text(&folder.join("good.toml"))]);
    assert_eq!(good.code, Some(2));
    assert!(good.err.contains("the run does not fail"), "{}", good.err);
}

#[test]
fn runs_are_compared_step_by_step_when_that_is_asked_for() {
    let folder = folder("determinism", &[("good.toml", GOOD)]);
    let file = folder.join("good.toml");
    let ran = xtask(&["sim", text(&file), "--schedules", "3", "--check-determinism"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
}

#[test]
fn an_exploration_split_in_any_way_merges_to_one_report() {
    let folder = folder("explore-split", &[("good.toml", GOOD), ("race.toml", RACE)]);
    let path = text(&folder);
    let out = |name: &str| text(&folder.join(name)).to_owned();
    let whole = out("whole.jsonl");
    let explore = ["explore", path, "--seeds", "30", "--start", "5"];
    let ran = xtask(&[&explore[..], &["--jobs", "1", "--out", &whole]].concat());
    assert_eq!(ran.code, Some(1), "one script races: {}{}", ran.out, ran.err);
    let mut merge = vec![String::from("explore"), String::from("--merge")];
    for shard in ["2/3", "0/3", "1/3"] {
        let part = out(&format!("{}.jsonl", &shard[..1]));
        xtask(&[&explore[..], &["--jobs", "3", "--shard", shard, "--out", &part]].concat());
        merge.push(part);
    }
    let merge: Vec<_> = merge.iter().map(String::as_str).collect();
    let (parts, one) = (xtask(&merge), xtask(&["explore", "--merge", &whole]));
    assert_eq!((parts.code, parts.err.as_str()), (Some(1), ""), "a run failed");
    assert_eq!(parts.out, one.out);
    assert!(one.out.starts_with("60 runs, "), "{}", one.out);
    assert!(one.out.contains("good.toml: 30 seeds, 5-34\n"), "{}", one.out);
    assert!(one.out.contains("  mgmt channel ready "), "{}", one.out);

    let twice = xtask(&[&merge[..], &[&whole]].concat());
    assert!(
        twice.out.contains("60 results occur more than once and are counted once:"),
        "{}",
        twice.out
    );
    assert!(twice.out.starts_with("60 runs, "), "{}", twice.out);
}

#[test]
fn a_failing_seed_is_told_once_in_full_and_its_command_repeats_it() {
    let folder = folder("explore-race", &[("race.toml", RACE)]);
    let path = folder.join("race.toml");
    let ran = xtask(&["explore", text(&path), "--seeds", "40"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(
        ran.out.contains("the trace leaves the trace that every schedule must give"),
        "{}",
        ran.out
    );
    assert_eq!(ran.out.matches("  what is wrong:").count(), 1, "{}", ran.out);
    let race = ran.out.split("\n  the race:\n").nth(1).expect("a race that is told");
    let told = ["what raced: `", "the first difference: expected `"];
    assert!(told.iter().any(|told| race.trim_start().starts_with(told)), "{race}");
    assert!(race.contains("list what may come in `outcomes`"), "{race}");
    assert!(ran.out.contains("\n  trace "), "{}", ran.out);
    let command =
        ran.out.split("to repeat it: cargo xtask ").nth(1).and_then(|rest| rest.lines().next());
    let words: Vec<_> = command.expect("a command").split(' ').collect();
    let again = xtask(&words);
    assert_eq!(again.code, Some(1), "{}", again.out);
    assert_eq!(again.out.lines().next(), ran.out.lines().next());
}

#[test]
fn an_exploration_that_is_out_of_time_ends_well_and_says_so() {
    let folder = folder("explore-time", &[("good.toml", GOOD)]);
    let ran = xtask(&["explore", text(&folder), "--seeds", "1000000000", "--time", "1s"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("ended by --time after "), "{}", ran.out);
}

#[test]
fn results_are_lines_of_json_and_a_line_that_is_none_is_named() {
    let folder = folder("explore-json", &[("good.toml", GOOD)]);
    let ran = xtask(&["explore", text(&folder), "--seeds", "3", "--format", "json"]);
    assert_eq!((ran.code, ran.out.lines().count()), (Some(0), 3), "{}", ran.out);
    let row: serde_json::Value = serde_json::from_str(ran.out.lines().next().unwrap()).unwrap();
    assert_eq!((&row["seed"], &row["verdict"]), (&0.into(), &"passed".into()), "{row}");
    let broken = folder.join("broken.jsonl");
    let first = ran.out.lines().next().unwrap();
    std::fs::write(&broken, format!("{first}\n{}\n", &first[..first.len() / 2])).expect("a file");
    let merged = xtask(&["explore", "--merge", text(&broken)]);
    assert_eq!(merged.code, Some(2), "{}", merged.out);
    assert!(merged.err.contains("broken.jsonl:2: this is no result of a run"), "{}", merged.err);
}

#[test]
fn options_of_an_exploration_that_make_no_sense_are_refused() {
    for wrong in [
        &["--shard", "3/3"][..],
        &["--time", "60"],
        &["--start", "18446744073709551615", "--seeds", "2"],
        &["no-such-scenario"],
        &["--merge", "x.jsonl", "--seeds", "1"],
        &["--merge", "/nowhere/x.jsonl"],
    ] {
        let ran = xtask(&[&["explore"], wrong].concat());
        assert_eq!(ran.code, Some(2), "{wrong:?}: {}", ran.err);
        assert!(!ran.err.is_empty(), "{wrong:?}");
    }
}

#[test]
fn a_model_is_explored_and_a_hazard_in_it_told_with_the_way_to_it() {
    let ran = xtask(&["check", "boot-hypervisor-first"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{}", ran.out);
    assert!(ran.out.contains("boot-hypervisor-first    holds"), "{}", ran.out);
    let ran = xtask(&["check", "boot-busy", "--quirk", "H05"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    for expected in ["H05  found by", "    driver task\n", "H_REG_CRQ = H_Closed", "1 of 1"] {
        assert!(ran.out.contains(expected), "{expected}: {}", ran.out);
    }
    let ran = xtask(&["check", "boot", "--quirk", "H05", "--max-states", "300"]);
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    let ran = xtask(&["check", "--list"]);
    assert!(ran.code == Some(0) && ran.out.contains("echo"), "{}", ran.out);
    let ran = xtask(&["check", "bot"]);
    assert!(ran.code == Some(2) && ran.err.contains("--list"), "{}", ran.err);
}

#[test]
fn a_port_that_is_taken_is_a_mistake() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let ran = xtask(&["check", "boot", "--serve", &port]);
    assert!(ran.code == Some(2) && ran.err.contains("choose another port"), "{}", ran.err);
}

#[test]
fn what_runs_nothing_is_a_mistake() {
    let folder = folder("nothing", &[("good.toml", GOOD)]);
    let file = folder.join("good.toml");
    let none = folder.join("none.jsonl");
    std::fs::write(&none, "").expect("a file");
    for wrong in [
        &["sim", text(&file), "--repeat", "0"][..],
        &["explore", text(&file), "--seeds", "0"],
        &["explore", text(&file), "--time", "0s"],
        &["explore", text(&file), "--jobs", "0"],
        &["explore", text(&file), "--seeds", "1", "--shard", "1/2"],
        &["explore", "--generated", "--quirk", "H01", "--seeds", "0"],
        &["explore", "--generated", "--quirk", "H01", "--budget", "0s"],
        &["explore", "--merge", text(&none)],
        &["explore", "--merge", text(&none), "--format", "json"],
        &["check", "boot", "--max-states", "0"],
        &["check", "boot", "--threads", "0"],
        &["check", "boot", "--quirk", "H99"],
        &["bench", "--only", "nothing"],
        &["snapshots", "check", text(&folder), "--filter", "no-such-word"],
    ] {
        let ran = xtask(wrong);
        assert_eq!(ran.code, Some(2), "{wrong:?}: {}{}", ran.out, ran.err);
        assert!(!ran.err.is_empty() && ran.out.is_empty(), "{wrong:?}: {}", ran.out);
    }
}

#[test]
fn a_merge_tells_which_seeds_are_missing_and_fails_for_a_file_without_any() {
    let folder = folder("merge-gap", &[("good.toml", GOOD)]);
    let out = |name: &str| text(&folder.join(name)).to_owned();
    let (first, third, none) = (out("first.jsonl"), out("third.jsonl"), out("none.jsonl"));
    std::fs::write(&none, "").expect("a file");
    for (shard, file) in [("0/3", &first), ("2/3", &third)] {
        let explore = ["explore", text(&folder), "--seeds", "9", "--shard", shard, "--out", file];
        assert_eq!(xtask(&explore).code, Some(0));
    }
    let gap = xtask(&["explore", "--merge", &first, &third]);
    assert!(gap.out.contains(": 3 seeds missing between 0 and 8\n"), "{}", gap.out);
    let merged = xtask(&["explore", "--merge", &first, &none]);
    assert_eq!(merged.code, Some(1), "{}", merged.err);
    assert!(merged.out.contains(": 4 seeds missing between 0 and 6\n"), "{}", merged.out);
    assert!(merged.err.contains("none.jsonl: no result of a run"), "{}", merged.err);
}

#[test]
fn a_run_that_ends_as_hung_has_failed_and_is_no_mistake() {
    let stuck = GOOD.replace("{ open = {} }", "{ wait = \"channel-failed\" }");
    let folder = folder("hung", &[("stuck.toml", &stuck)]);
    let file = folder.join("stuck.toml");
    for runtime in ["deterministic", "threads"] {
        let ran = xtask(&["sim", text(&file), "--runtime", runtime, "--deadline", "0"]);
        assert_eq!(ran.code, Some(1), "{runtime}: {}{}", ran.out, ran.err);
    }
}

/// Everything that a terminal would obey in a scenario file.
const HOSTILE: &str = r#"
title = "\u001b[31mred\u0007 \n two lines \u009b2J"
description = "\u001b[2J"
tags = ["\u001b]0;title\u0007"]
[[fault]]
name = "\u001b[2Jfault"
do = { send = { raw = "10 06 0000 00000000 0000000000000000" } }
[[app]]
name = "a"
steps = [
  { open = {} }, { set-hmc-id = "\u001bc" }, { fault = "\u001b[2Jfault" }, { post = "\u001b[1m" },
  { wait = "session-ready" }, { write = { pattern = { text = "\u001b[7m" } } }, { read = { expect = "EIO" } },
]
"#;

#[test]
fn every_event_can_be_logged() {
    let Ran { err, .. } = xtask(&["sim", "messages/echo", "--log", "vmc_machine=trace"]);
    assert!(err.contains("H_SEND_CRQ") && err.contains("interrupt"), "{err}");
}

#[test]
fn what_a_file_says_is_shown_and_not_obeyed() {
    let mistaken = HOSTILE.replace("raw =", "\"\\u001b[5m\" =");
    let names = ["\u{1b}[1mhostile.toml", "mistaken.toml", "binary.toml"];
    let folder = folder("hostile", &[(names[0], HOSTILE), (names[1], &mistaken)]);
    std::fs::write(folder.join(names[2]), "title = \"\u{1b}[31m\"\n").expect("a file");
    let [hostile, mistaken, binary] = names.map(|name| text(&folder.join(name)).to_owned());
    let kept = folder.join("kept");
    let mut ran = Vec::new();
    let mut run = |arguments: &[&str]| ran.push((arguments.join(" "), xtask(arguments)));
    for file in [&hostile, &mistaken, &binary] {
        for more in [&[][..], &["--list"], &["--format", "json"], &["--list", "--format", "json"]] {
            run(&[&["sim", file, "--save", text(&kept)], more].concat());
        }
        run(&["sim", file, "--log", "vmc_machine=trace"]);
        run(&["snapshots", "check", file]);
        run(&["snapshots", "accept", file]);
        run(&["explore", file, "--seeds", "1"]);
        run(&["shrink", file, "--budget", "1s"]);
        run(&["replay", file]);
        run(&["explore", "--merge", file]);
    }
    run(&["sim", text(&folder)]);
    for file in std::fs::read_dir(&kept).expect("replay files").map(|file| file.expect("a file")) {
        run(&["replay", text(&file.path())]);
    }
    assert!(ran.len() > 30, "{}", ran.len());
    for (arguments, Ran { out, err, .. }) in &ran {
        let obeyed = |c: char| c.is_control() && c != '\n';
        assert!(!out.chars().chain(err.chars()).any(obeyed), "{arguments}: {out:?}{err:?}");
    }
    let (_, first) = &ran[0];
    assert!(first.out.starts_with(r"\u001b[31mred\u0007 \n two lines \u009b2J"), "{}", first.out);
    assert!(first.out.contains(r"!  \u001b[2Jfault: "), "{}", first.out);
}

#[test]
fn what_people_write_by_mistake_is_answered_with_what_to_write() {
    let app = |step: &str| format!("title = \"x\"\n[[app]]\nsteps = [{step}]\n");
    let machine = |key: &str| format!("title = \"x\"\n[machine]\n{key}\n");
    let rule = |when: &str, act: &str| {
        format!("title = \"x\"\n[[fault]]\nname = \"f\"\nwhen = {{ {when} }}\ndo = {{ {act} }}\n")
    };
    let enable = "hcall = \"H_ENABLE_CRQ\"";
    let cases = [
        (String::from("title = \"x\"\n[app]\nsteps = [{ open = {} }]\n"), 2, "write `[[app]]`"),
        (
            rule(enable, "answer = \"H_LONG_BUSY_ORDER_10_MSEC\""),
            5,
            "did you mean `H_LongBusyOrder10mSec`?",
        ),
        (
            rule("hcall = \"H_REG_CRQ\", code = \"H_CLOSED\"", "crash = \"hyp\""),
            4,
            "did you mean `H_Closed`?",
        ),
        (rule("hcall = \"h_reg_crq\"", "crash = \"hyp\""), 4, "did you mean `H_REG_CRQ`?"),
        (app("{ open = { expect = -16 } }"), 3, "write `expect = \"EBUSY\"`"),
        (app("{ open = { expect = \"-EBUSY\" } }"), 3, "write `expect = \"EBUSY\"`"),
        (app("{ open = { expect = \"ERESTARTSYS\" } }"), 3, "the application sees `EINTR`"),
        (machine("mtu = 4096.0"), 3, "write `mtu = 4096`"),
        (machine("hmcs = \"2\""), 3, "write `hmcs = 2`"),
        (machine("mtu = \"4k\""), 3, "write `mtu = 4096`"),
        (app("{ sleep-ms = 99999999999999999999 }"), 3, "write a number from 0 to 86400000"),
        (app("\"open\", \"close\""), 3, "write `{ open = {} }`"),
    ];
    for (content, line, remedy) in &cases {
        let folder = folder("mistakes", &[("mistake.toml", content)]);
        let file = folder.join("mistake.toml");
        let ran = xtask(&["sim", text(&file), "--no-snapshots"]);
        assert_eq!(ran.code, Some(2), "{content}\n{}", ran.err);
        assert!(ran.err.contains(&format!("mistake.toml:{line}:")), "{content}\n{}", ran.err);
        assert!(ran.err.contains(remedy), "{content}\n{}", ran.err);
        for phrase in ["invalid type", "variant", "i64", "sequence"] {
            assert!(!ran.err.contains(phrase), "{content}\n{}", ran.err);
        }
    }
    // LoPAR's own spellings are taken: the rule is good, and nothing calls H_ENABLE_CRQ.
    for name in ["H_IN_PROGRESS", "H_LongBusyOrder1msec", "H_LongBusyOrder1mSec"] {
        let content = rule(enable, &format!("answer = \"{name}\""));
        let folder = folder("spellings", &[("spelling.toml", &content)]);
        let ran = xtask(&["sim", text(&folder.join("spelling.toml")), "--no-snapshots"]);
        assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
        assert!(ran.out.contains("fault `f` never fired"), "{}", ran.out);
    }
}

#[test]
fn a_race_names_what_raced_and_passes_where_only_invariants_count() {
    let folder = folder("what-raced", &[("race.toml", RACE)]);
    let file = folder.join("race.toml");
    let arguments = ["sim", text(&file), "--schedules", "50", "--runtime", "deterministic"];
    let ran = xtask(&arguments);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    // Which of them depends on the first schedule that gives another trace.
    let raced = ["what raced: `", "the first difference: expected `"];
    assert!(raced.iter().any(|words| ran.out.contains(words)), "{}", ran.out);
    assert!(ran.out.contains("`outcomes`; `sim --invariants-only`"), "{}", ran.out);
    let ran = xtask(&[&arguments[..], &["--invariants-only"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.out);
}

#[test]
fn a_device_tree_is_written_read_back_and_its_mistakes_are_told() {
    let folder = folder("device-tree", &[("good.toml", GOOD)]);
    let path = |name: &str| folder.join(name).display().to_string();
    let (scenario, file) = (path("good.toml"), path("vmc.dtb"));
    let written = xtask(&["device-tree", "write", &scenario, &file]);
    assert_eq!(written.code, Some(0), "{}", written.err);
    let read = xtask(&["device-tree", "read", &file]);
    assert_eq!((read.code, &read.out), (Some(0), &written.out));
    assert!(read.out.contains("unit address   0x30000003"), "{}", read.out);
    let mut bytes = std::fs::read(&file).expect("a dump");
    let at = bytes.windows(9).position(|name| name == b"@30000003").expect("the node's name");
    bytes[at + 1] = b'4';
    std::fs::write(&file, &bytes).expect("a file");
    let wrong = xtask(&["device-tree", "read", &file]);
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.err.contains("expected the unit address of `reg`, 30000003"), "{}", wrong.err);
    std::fs::write(&file, b"\x1b[31mno tree").expect("a file");
    let none = xtask(&["device-tree", "read", &file]);
    assert_eq!(none.code, Some(1));
    assert!(none.err.contains("expected the magic number 0xd00dfeed"), "{}", none.err);
    for arguments in [["read", "no-such-file.dtb", ""], ["write", "no-such-scenario", "x.dtb"]] {
        let arguments: Vec<_> = arguments.into_iter().filter(|word| !word.is_empty()).collect();
        let ran = xtask(&[&["device-tree"], &arguments[..]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{arguments:?}");
    }
}

#[test]
fn a_report_of_benchmarks_that_left_nothing_is_no_success() {
    let target = folder("bench-last", &[]);
    let results = target.join("vmc-bench");
    std::fs::create_dir(&results).expect("a folder");
    let target = target.display().to_string();
    let last =
        || xtask_with(&[("CARGO_TARGET_DIR", &target)], &["bench", "--last", "--only", "crq"]);
    let none = last();
    assert_eq!((none.code, none.out.as_str()), (Some(2), ""));
    assert!(none.err.contains("`cargo xtask bench --only crq` writes it"), "{}", none.err);
    let file = results.join("crq.jsonl");
    for (left, why) in [("", "no figure in it"), ("{}\n", "crq.jsonl:1: ")] {
        std::fs::write(&file, left).expect("a file");
        let ran = last();
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{left:?}");
        assert!(ran.err.contains(why), "{}", ran.err);
    }
    // A target that was not measured does not hold. What a file says is shown and not obeyed.
    let spread = r#"{"median":3.0,"low":3.0,"high":3.0}"#;
    let hostile = r#"\u001b[31m<script>"#;
    let row = format!(
        r#"{{"bench":"crq","case":"{hostile}","peer":"{hostile}","class":"{hostile}","ns":{spread},"ratio":{spread},"rounds":3,"bytes":16,"messages":null}}"#
    );
    std::fs::write(&file, row).expect("a file");
    let ran = last();
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let page = std::fs::read_to_string(results.join("report.html")).expect("a report");
    for text in [&ran.out, &page] {
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"), "{page}");
}

/// The tools are missing, or fail: then nothing was counted.
#[cfg(unix)]
#[test]
fn instructions_that_could_not_be_counted_are_no_success() {
    for cargo in ["/bin/false", "/bin/true", "/no/such/cargo"] {
        let ran = xtask_with(&[("CARGO", cargo), ("PATH", "")], &["instructions"]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{cargo}");
        assert!(!ran.err.is_empty(), "{cargo}");
    }
}
