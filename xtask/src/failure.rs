//! Judging a run of a scenario: its problems, and how its trace differs from the one that it should give.

use crate::last_events::last_events;
use crate::lines::{Line, diff};
use crate::races;
use crate::snapshot_file::Snapshot;
use crate::workspace::{ScenarioFile, short};
use std::cell::OnceCell;
use std::io;
use std::path::PathBuf;
use vmc_sim::{
    Divergence, Options, Problem, Report, RuntimeKind, Scenario, ScheduleKind, simulate,
};

/// How a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Which run it was: runtime and seed.
    pub(crate) run: String,
    /// The command that repeats it.
    pub(crate) repeat: String,
    /// What was expected and what was got.
    pub(crate) problems: Vec<String>,
    /// What else may surprise.
    pub(crate) notes: Vec<String>,
    pub(crate) difference: Option<Difference>,
    /// Where every actor was at the end; empty if nothing but the trace is wrong.
    pub(crate) last_events: Vec<Line>,
}

/// A trace that is not the one that it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// What differs from what, and what to do.
    pub(crate) heading: String,
    /// The trace that it should be, and what that is.
    pub(crate) expected: (String, String),
    /// Which things raced, and what can be done about a race; empty if every run gives this trace.
    pub(crate) race: Vec<String>,
    pub(crate) diff: Vec<Line>,
}

/// What the runs of one scenario are held against: its snapshot, one of its outcomes if it races on purpose, or,
/// without any, the run first come, first served.
pub(crate) struct Judge<'a> {
    file: &'a ScenarioFile,
    scenario: &'a Scenario,
    /// Whether traces are compared at all.
    compares: bool,
    /// Each with its file; empty if there are none, or not all that there should be.
    snapshots: Vec<(PathBuf, Snapshot)>,
    /// The trace of the run first come, first served, once it is needed; `None` if there is none.
    first_come: OnceCell<Option<String>>,
}

impl Failure {
    /// Whether another run failed in the same way: its last events may be others.
    pub(crate) fn is_like(&self, other: &Failure) -> bool {
        self.problems == other.problems && self.difference == other.difference
    }

    /// The same of a run in the order that a seed draws from schedules of a kind, whose own seed is another one.
    pub(crate) fn drawn_from(self, kind: &str, seed: u64, file: &ScenarioFile) -> Failure {
        let repeat = repeat_command(file, RuntimeKind::Deterministic, Some(seed));
        Failure {
            run: format!("{}, {kind}, seed {seed}", RuntimeKind::Deterministic.name()),
            repeat: format!("{repeat} --schedule {kind}"),
            ..self
        }
    }

    /// Problems and difference as one text, for programs.
    pub(crate) fn text(&self) -> String {
        let difference = self.difference.iter().flat_map(|difference| {
            let diff = difference.diff.iter().map(Line::text);
            let race = difference.race.iter().map(String::as_str);
            std::iter::once(difference.heading.as_str()).chain(race).chain(diff)
        });
        let problems = self.problems.iter().chain(&self.notes).map(String::as_str);
        problems.chain(difference).collect::<Vec<_>>().join("\n")
    }
}

impl<'a> Judge<'a> {
    /// A judge who knows the scenario's snapshot, or one who does not want to.
    pub(crate) fn new(
        file: &'a ScenarioFile,
        scenario: &'a Scenario,
        with_snapshot: bool,
    ) -> io::Result<Judge<'a>> {
        let paths = if with_snapshot { file.snapshots(scenario) } else { Vec::new() };
        let mut snapshots = Vec::new();
        for path in &paths {
            snapshots.extend(Snapshot::read(path)?.map(|snapshot| (path.clone(), snapshot)));
        }
        if snapshots.len() < paths.len() {
            snapshots.clear();
        }
        let first_come = OnceCell::new();
        Ok(Judge { file, scenario, compares: true, snapshots, first_come })
    }

    /// The same, but the trace may be any.
    pub(crate) fn of_invariants_only(self) -> Judge<'a> {
        Judge { compares: false, ..self }
    }

    pub(crate) fn has_snapshot(&self) -> bool {
        !self.snapshots.is_empty()
    }

    /// What is wrong with a run.
    pub(crate) fn failure(&self, options: &Options, report: &Report) -> Option<Failure> {
        let problems: Vec<_> = report.problems.iter().map(Problem::to_string).collect();
        let difference = self.difference(options, report);
        if problems.is_empty() && difference.is_none() {
            return None;
        }
        let last_events = if problems.is_empty() { Vec::new() } else { last_events(&report.trace) };
        let repeat = repeat_command(self.file, options.runtime, options.schedule.seed());
        let (run, notes) = (run_name(options), report.notes.clone());
        Some(Failure { run, repeat, problems, notes, difference, last_events })
    }

    /// A run that does not go the same way twice.
    pub(crate) fn divergence(&self, options: &Options, divergence: &Divergence) -> Failure {
        let repeat = repeat_command(self.file, options.runtime, options.schedule.seed());
        Failure {
            run: run_name(options),
            repeat: repeat + " --check-determinism",
            problems: vec![divergence.to_string()],
            notes: Vec::new(),
            difference: None,
            last_events: Vec::new(),
        }
    }

    fn difference(&self, options: &Options, report: &Report) -> Option<Difference> {
        let is_first_come = is_first_come(options);
        let races = !self.scenario.outcomes().is_empty();
        if !self.compares || races && self.snapshots.is_empty() {
            // Its outcomes are not known yet.
            return None;
        }
        let came = report.canonical();
        if is_first_come {
            self.first_come.get_or_init(|| Some(came.clone()));
        }
        if self.snapshots.iter().any(|(_, snapshot)| snapshot.holds(&came)) {
            return None;
        }
        let Some((path, snapshot)) = self.snapshots.first() else {
            let expected = "the run first come, first served";
            let first_come = self.first_come().filter(|first_come| *first_come != came)?;
            let diff = diff((expected, first_come), ("got", &came));
            let heading = self.heading(expected, &came, options, report);
            let expected = (expected.to_owned(), first_come.to_owned());
            return Some(Difference { heading, expected, race: self.race(&came, report), diff });
        };
        let expected = short(path);
        let diff = diff((&expected, &snapshot.text()), ("got", &snapshot.text_with(&came)));
        if races {
            let count = self.snapshots.len();
            let heading = format!("none of the {count} outcomes; beside the first, {expected}");
            let expected = (expected, snapshot.trace().to_owned());
            return Some(Difference { heading, expected, race: Vec::new(), diff });
        }
        let heading = self.heading(&expected, &came, options, report);
        let expected = (expected, snapshot.trace().to_owned());
        Some(Difference { heading, expected, race: self.race(&came, report), diff })
    }

    /// Says what to do: accept what every run gives, or look for the schedule that gives something else.
    fn heading(&self, expected: &str, came: &str, options: &Options, report: &Report) -> String {
        let name = &self.file.name;
        if self.first_come() != Some(came) {
            let look = match options.runtime {
                RuntimeKind::Threads | RuntimeKind::Polling => {
                    format!(
                        "; to look for one that repeats: `cargo xtask sim {name} --schedules 200`"
                    )
                }
                RuntimeKind::Deterministic => String::new(),
            };
            return format!("another schedule gives another trace than {expected}{look}");
        }
        // A run that failed is no snapshot.
        let accept = if report.passed() {
            format!("; to accept this trace: `cargo xtask snapshots accept {name}`")
        } else {
            String::new()
        };
        format!("the trace differs from {expected}{accept}")
    }

    /// What raced, if another run gives another trace, and what can be done about it.
    fn race(&self, came: &str, report: &Report) -> Vec<String> {
        if self.first_come().is_none_or(|first_come| first_come == came) {
            return Vec::new();
        }
        races::race(self.scenario, report)
    }

    fn first_come(&self) -> Option<&str> {
        let run = || Some(simulate(self.scenario, &Options::default()).ok()?.canonical());
        self.first_come.get_or_init(run).as_deref()
    }
}

fn is_first_come(options: &Options) -> bool {
    options.runtime == RuntimeKind::Deterministic && options.schedule == ScheduleKind::Scenario
}

fn run_name(options: &Options) -> String {
    let runtime = options.runtime.name();
    options.schedule.seed().map_or(runtime.to_owned(), |seed| format!("{runtime}, seed {seed}"))
}

/// The command that makes a run again.
pub(crate) fn repeat_command(
    file: &ScenarioFile,
    runtime: RuntimeKind,
    seed: Option<u64>,
) -> String {
    let seed = seed.map(|seed| format!(" --seed {seed}")).unwrap_or_default();
    format!("cargo xtask sim {} --runtime {}{seed}", file.name, runtime.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Either message may be written first.
    const RACE: &str = include_str!("../tests/race.toml");

    const GOOD: &str = r#"
        title = "An application opens the device"
        [[app]]
        steps = [{ open = {} }]
    "#;

    fn parse(text: &str) -> Scenario {
        Scenario::parse("/nowhere/test.toml", text).expect("a scenario")
    }

    fn on(runtime: RuntimeKind, seed: Option<u64>) -> Options {
        let schedule = seed.map_or(ScheduleKind::Scenario, |seed| ScheduleKind::Random { seed });
        Options { runtime, schedule, ..Options::default() }
    }

    /// What the judge says of a run of `scenario` under `options`, if the snapshot holds `trace`.
    fn judged(scenario: &Scenario, trace: Option<&str>, options: &Options) -> Option<Failure> {
        let file = ScenarioFile::named(Path::new("/nowhere/test.toml"));
        let mut judge = Judge::new(&file, scenario, false).expect("a judge");
        judge.snapshots = trace
            .map(|trace| (PathBuf::from("/nowhere/test.snap"), Snapshot::of(trace)))
            .into_iter()
            .collect();
        judge.failure(options, &simulate(scenario, options).expect("a machine"))
    }

    fn first_come_trace(scenario: &Scenario) -> String {
        simulate(scenario, &Options::default()).expect("a machine").canonical()
    }

    fn heading(failure: &Failure) -> &str {
        &failure.difference.as_ref().expect("a difference").heading
    }

    #[test]
    fn a_good_run_with_the_trace_of_its_snapshot_is_no_failure() {
        let scenario = parse(GOOD);
        let trace = first_come_trace(&scenario);
        for runtime in [RuntimeKind::Deterministic, RuntimeKind::Threads] {
            assert_eq!(judged(&scenario, Some(&trace), &on(runtime, None)), None);
            assert_eq!(judged(&scenario, None, &on(runtime, None)), None);
        }
    }

    #[test]
    fn a_run_that_differs_as_every_run_does_may_be_accepted() {
        let scenario = parse(GOOD);
        let trace = first_come_trace(&scenario).replace("open() = 0", "open() = 1");
        for options in [Options::default(), on(RuntimeKind::Threads, None)] {
            let failure = judged(&scenario, Some(&trace), &options).expect("a failure");
            assert_eq!(
                heading(&failure),
                "the trace differs from /nowhere/test.snap; to accept this trace: \
                 `cargo xtask snapshots accept /nowhere/test.toml`"
            );
            assert!(failure.text().contains("open() = 1\n+"), "{}", failure.text());
            assert!(failure.last_events.is_empty());
        }
    }

    #[test]
    fn a_run_that_failed_is_not_offered_as_a_snapshot() {
        let scenario = parse(&GOOD.replace("{} }", "{ expect = \"EIO\" } }"));
        let failure = judged(&scenario, Some("another"), &Options::default()).expect("a failure");
        assert_eq!(heading(&failure), "the trace differs from /nowhere/test.snap");
        assert!(failure.problems[0].contains("expected EIO, got"), "{:?}", failure.problems);
        assert!(!failure.last_events.is_empty());
        assert_eq!(failure.repeat, "cargo xtask sim /nowhere/test.toml --runtime deterministic");
    }

    #[test]
    fn a_schedule_that_gives_another_trace_is_named_by_its_seed() {
        let scenario = parse(RACE);
        // Where the two threads take each other's buffer, too, the first difference is told, and not what raced.
        let changes_places = |failure: &Failure| {
            let difference = failure.difference.as_ref();
            difference.is_some_and(|it| it.race.iter().any(|line| line.starts_with("what raced")))
        };
        let failure = (0..50)
            .filter_map(|seed| judged(&scenario, None, &on(RuntimeKind::Deterministic, Some(seed))))
            .find(changes_places);
        let failure = failure.expect("a schedule with another outcome");
        let expected = "another schedule gives another trace than the run first come, first served";
        assert_eq!(heading(&failure), expected);
        let race = &failure.difference.as_ref().expect("a difference").race;
        let [raced, remedy] = &race[..] else { panic!("{race:?}") };
        assert!(raced.starts_with("what raced: `"), "{raced}");
        assert!(raced.contains("10") && raced.contains("20"), "{raced}");
        assert!(
            remedy.contains("`outcomes`") && remedy.contains("`sim --invariants-only`"),
            "{remedy}"
        );
        let seed = failure.run.strip_prefix("deterministic, seed ").expect("a seed");
        assert!(failure.repeat.ends_with(&format!("--runtime deterministic --seed {seed}")));
    }

    #[test]
    fn a_race_passes_where_only_invariants_count() {
        let scenario = parse(RACE);
        let file = ScenarioFile::named(Path::new("/nowhere/test.toml"));
        let judge = Judge::new(&file, &scenario, false).expect("a judge").of_invariants_only();
        for seed in 0..50 {
            let options = on(RuntimeKind::Deterministic, Some(seed));
            let report = simulate(&scenario, &options).expect("a machine");
            assert_eq!(judge.failure(&options, &report), None, "seed {seed}");
        }
        let broken = parse(&GOOD.replace("{} }", "{ expect = \"EIO\" } }"));
        let judge = Judge::new(&file, &broken, false).expect("a judge").of_invariants_only();
        let report = simulate(&broken, &Options::default()).expect("a machine");
        assert!(judge.failure(&Options::default(), &report).is_some());
    }

    #[test]
    fn a_race_must_give_one_of_its_outcomes_once_they_are_known() {
        let scenario =
            parse(&RACE.replacen("[[app]]", "outcomes = [\"either first\"]\n[[app]]", 1));
        for seed in 0..50 {
            let options = on(RuntimeKind::Deterministic, Some(seed));
            assert_eq!(judged(&scenario, None, &options), None, "seed {seed}");
            let failure = judged(&scenario, Some("another"), &options).expect("a failure");
            assert_eq!(
                heading(&failure),
                "none of the 1 outcomes; beside the first, /nowhere/test.snap"
            );
        }
    }

    #[test]
    fn threads_that_give_another_trace_say_where_to_look_for_the_schedule() {
        let scenario = parse(GOOD);
        let file = ScenarioFile::named(Path::new("/nowhere/test.toml"));
        let judge = Judge::new(&file, &scenario, false).expect("a judge");
        judge.first_come.set(Some(String::from("another"))).expect("not yet run");
        let options = on(RuntimeKind::Threads, None);
        let report = simulate(&scenario, &options).expect("a machine");
        let failure = judge.failure(&options, &report).expect("a failure");
        let command = "`cargo xtask sim /nowhere/test.toml --schedules 200`";
        assert!(heading(&failure).ends_with(command), "{}", heading(&failure));
    }
}
