//! Every scenario of the workspace: its trace is that of its snapshot, under any schedule and on both runtimes.
//!
//! `cargo xtask snapshots` reads and writes the same files.

use std::path::{Path, PathBuf};
use std::time::Duration;
use vmc_proto::hyp;
use vmc_sim::trace::{ActorId, Event, Record, SessionState};
use vmc_sim::{Options, Report, RuntimeKind, Scenario, simulate};

const OPENING: SessionState = SessionState::Hyp(hyp::SessionState::Opening);
const CLOSED: SessionState = SessionState::Hyp(hyp::SessionState::Closed);

/// Random schedules that must give one text for a scenario to count as race-free.
const SCHEDULES: u64 = 200;

/// Seeds of the runs that are compared byte by byte, beside the run without a seed.
const SEEDS: [u64; 3] = [1, 7, 0xFFFF_FFFF_FFFF_FFFF];

/// A run on threads that takes longer is hung: the slowest scenario needs less than a second.
const DEADLINE: Duration = Duration::from_secs(30);

/// A scenario file of the workspace.
struct File {
    /// Path below `scenarios/`, without its ending.
    name: String,
    path: PathBuf,
}

impl File {
    fn load(&self) -> Scenario {
        Scenario::load(&self.path).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs the scenario, which must pass.
    fn run(&self, scenario: &Scenario, options: &Options) -> Report {
        let report = simulate(scenario, options).expect("a machine");
        let problems: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
        assert!(report.passed(), "{}\n{}", problems.join("\n"), self.repeat_command(options));
        report
    }

    fn repeat_command(&self, options: &Options) -> String {
        let seed =
            options.schedule.seed().map(|seed| format!(" --seed {seed}")).unwrap_or_default();
        let runtime = options.runtime.name();
        format!(
            "repeat with: cargo xtask sim scenarios/{}.toml --runtime {runtime}{seed}",
            self.name
        )
    }

    /// The texts that a scenario which races on purpose may give: a snapshot for each of its outcomes.
    fn outcomes(&self, scenario: &Scenario) -> Vec<String> {
        let outcome = |n: usize| {
            let path = top().join(format!("../snapshots/{}.{n}.snap", self.name));
            let text = std::fs::read_to_string(&path)
                .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            text.splitn(3, "---\n").nth(2).expect("a header and a text").to_owned()
        };
        (1..=scenario.outcomes().len()).map(outcome).collect()
    }

    /// Which of the outcomes a text is, from 0.
    fn outcome_of(&self, text: &str, outcomes: &[String], options: &Options) -> usize {
        let place = outcomes.iter().position(|outcome| outcome.trim_end() == text.trim_end());
        place.unwrap_or_else(|| {
            panic!("none of its outcomes:\n{text}\n{}", self.repeat_command(options))
        })
    }

    /// Asserts that two texts are the same, and shows the first line that is not.
    fn assert_same(&self, text: &str, expected: &str, options: &Options) {
        if text == expected {
            return;
        }
        let line = text.lines().zip(expected.lines()).position(|(came, wanted)| came != wanted);
        let at = line.unwrap_or(text.lines().count().min(expected.lines().count()));
        panic!(
            "line {}: expected\n{}\ngot\n{}\n{}",
            at + 1,
            expected.lines().nth(at).unwrap_or("(the end)"),
            text.lines().nth(at).unwrap_or("(the end)"),
            self.repeat_command(options),
        );
    }
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

/// Every scenario, by name.
fn files() -> Vec<File> {
    let mut files = Vec::new();
    for folder in entries(&top()).filter(|path| path.is_dir()) {
        for path in entries(&folder).filter(|path| path.extension().is_some_and(|e| e == "toml")) {
            let part =
                |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
            files.push(File { name: format!("{}/{}", part(&folder), part(&path)), path });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!files.is_empty());
    files
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").path())
}

fn seeded(seed: u64) -> Options {
    Options::default().with_seed(seed)
}

#[test]
fn every_scenario_gives_the_trace_of_its_snapshot() {
    for file in files() {
        let scenario = file.load();
        let report = file.run(&scenario, &Options::default());
        if !scenario.outcomes().is_empty() {
            let outcomes = file.outcomes(&scenario);
            file.outcome_of(&report.canonical(), &outcomes, &Options::default());
            continue;
        }
        let (folder, name) = file.name.split_once('/').expect("a folder and a name");
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(format!("../../../snapshots/{folder}"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, report.canonical()));
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let ways = SEEDS.map(seeded).into_iter().chain([Options::default()]);
    for (file, options) in files().iter().flat_map(|file| ways.clone().map(move |way| (file, way)))
    {
        let run = || file.run(&file.load(), &options).trace.raw_text();
        file.assert_same(&run(), &run(), &options);
    }
}

#[test]
fn every_random_schedule_gives_the_same_canonical_trace() {
    for file in files() {
        let scenario = file.load();
        if !scenario.outcomes().is_empty() {
            continue;
        }
        let expected = file.run(&scenario, &Options::default()).canonical();
        for options in (0..SCHEDULES).map(seeded) {
            let text = file.run(&scenario, &options).canonical();
            file.assert_same(&text, &expected, &options);
        }
    }
}

#[test]
fn every_random_schedule_of_a_race_gives_one_of_its_outcomes_and_some_schedule_each_of_them() {
    for file in files() {
        let scenario = file.load();
        let outcomes = file.outcomes(&scenario);
        if outcomes.is_empty() {
            continue;
        }
        let mut reached = vec![false; outcomes.len()];
        for options in (0..SCHEDULES).map(seeded) {
            let text = file.run(&scenario, &options).canonical();
            reached[file.outcome_of(&text, &outcomes, &options)] = true;
        }
        assert!(!reached.contains(&false), "{}: outcomes reached: {reached:?}", file.name);
    }
}

#[test]
fn threads_give_the_same_canonical_trace() {
    on_threads(RuntimeKind::Threads);
}

#[test]
fn threads_that_poll_give_the_same_canonical_trace() {
    on_threads(RuntimeKind::Polling);
}

/// Runs every scenario on threads of a kind, and compares.
fn on_threads(runtime: RuntimeKind) {
    let options = Options { runtime, deadline: DEADLINE, ..Options::default() };
    for file in files() {
        let scenario = file.load();
        if scenario.deterministic_only().is_some() {
            continue;
        }
        let text = file.run(&scenario, &options).canonical();
        if !scenario.outcomes().is_empty() {
            file.outcome_of(&text, &file.outcomes(&scenario), &options);
            continue;
        }
        let expected = file.run(&scenario, &Options::default()).canonical();
        file.assert_same(&text, &expected, &options);
    }
}

#[test]
fn session_numbers_start_again_with_1_after_the_profile_s_last() {
    // The canonical text names sessions in the order of an application; the numbers are in the raw trace.
    for (name, last) in [("sessions/numbers-wrap", 255), ("linux/numbers-wrap", 254)] {
        let file = files().into_iter().find(|file| file.name == name).expect("the scenario");
        let report = file.run(&file.load(), &Options::default());
        let started = report.trace.records().iter().filter_map(|record| match record.event {
            Event::SessionState(_, session, OPENING) => Some(session.0),
            _ => None,
        });
        let expected: Vec<u8> = (1..=last).chain([1]).collect();
        assert_eq!(started.collect::<Vec<_>>(), expected, "{name}");
    }
}

#[test]
fn the_document_frees_storage_before_the_close_and_linux_at_its_response() {
    for (name, freed_first) in [("messages/echo", true), ("linux/echo", false)] {
        let file = files().into_iter().find(|file| file.name == name).expect("the scenario");
        let report = file.run(&file.load(), &Options::default());
        let position =
            |wanted: &dyn Fn(&Record) -> bool| report.trace.records().iter().position(wanted);
        let unmapped = position(&|record| {
            let by_driver = record.actor != ActorId::Service;
            by_driver
                && matches!(&record.event, Event::Hcall { call, .. } if call.name() == "H_STUFF_TCE")
        });
        let closed = position(&|record| matches!(record.event, Event::SessionState(_, _, CLOSED)));
        assert!(unmapped.is_some() && closed.is_some(), "{name}");
        assert_eq!(unmapped < closed, freed_first, "{name}");
    }
}
