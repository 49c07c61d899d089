//! Running a scenario: what to choose, and what comes back.

use crate::foreign::DriverSource;
use crate::invariants;
use crate::reasons::{self, History};
use crate::run::{self, Mode, Outcome, ThreadFailureKind};
use ibmvmc::{Driver, QuirkSet, Quirks};
use std::borrow::Cow;
use std::time::{Duration, Instant};
use vmc_check::{Ending, Setting, Violation};
use vmc_machine::activity::StepFailure;
use vmc_machine::backend::Setup;
use vmc_machine::build::MachineError;
use vmc_machine::deterministic::{Observer, RunConfig};
use vmc_machine::embed::Run;
use vmc_machine::ending::Stuck;
use vmc_machine::fault::{Occasion, Trigger};
use vmc_machine::plan::{Plan, StartOrder};
use vmc_machine::schedule::{Actors, Decisions, Deviation, Keep, Schedule, ScheduleKind};
use vmc_machine::script::Action;
use vmc_machine::threads::WaitMode;
use vmc_scenario::{Scenario, ScenarioError};
use vmc_trace::{ActorId, Event, Sequence, Trace, render};

/// Which runtime runs a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuntimeKind {
    /// One thread, virtual time, an order of steps that a seed draws.
    Deterministic,
    /// Real threads, each of which waits until it is woken.
    Threads,
    /// Real threads which look at their queues while they wait.
    Polling,
}

impl RuntimeKind {
    /// The name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            RuntimeKind::Deterministic => "deterministic",
            RuntimeKind::Threads => "threads",
            RuntimeKind::Polling => "polling",
        }
    }
}

/// How to run a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Which runtime.
    pub runtime: RuntimeKind,
    /// The order of steps in the deterministic runtime. On threads the operating system decides.
    pub schedule: ScheduleKind,
    /// Whether the decisions of the schedule are kept. On threads there are none.
    pub keep: Keep,
    /// Longest that a run on threads may take, in wall-clock time: beyond it the run is ended as hung.
    pub deadline: Duration,
    /// Most steps of a deterministic run: beyond it the run is ended as endless.
    pub max_steps: u64,
    /// Whether what happens is recorded. Without records there is no trace, and the invariants that are
    /// checked on it are not; a run is faster.
    pub record: bool,
    /// Whether the bytes of every message are recorded, beside its digest.
    pub payloads: bool,
    /// Hazards that the driver is to show, beside those that the scenario names.
    pub quirks: QuirkSet,
    /// Where a driver comes from that takes the place of our own. Quirks and liberties are our own driver's.
    pub driver: Option<DriverSource>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            runtime: RuntimeKind::Deterministic,
            schedule: ScheduleKind::Scenario,
            keep: Keep::Nothing,
            deadline: Duration::from_secs(60),
            max_steps: 50_000_000,
            record: true,
            payloads: false,
            quirks: QuirkSet::default(),
            driver: None,
        }
    }
}

impl Options {
    /// The same in the random order that the seed draws.
    pub fn with_seed(self, seed: u64) -> Options {
        Options { schedule: ScheduleKind::Random { seed }, ..self }
    }

    fn config(&self, plan: &Plan) -> RunConfig<'static> {
        let actors = Actors::new(&plan.threads);
        RunConfig {
            schedule: Schedule::new(&self.schedule, plan.decisions.as_ref(), &actors),
            recording: self.keep.recording(),
            watch: None,
            max_steps: self.max_steps,
        }
    }
}

/// Something that was not as it must be.
#[derive(Clone, Debug)]
pub enum Problem {
    /// A step's expectation was not met.
    Unmet {
        /// What was wrong; it points at the step.
        error: ScenarioError,
        /// What the step expects.
        expected: String,
        /// What its call came to.
        got: String,
        /// The number of the application thread.
        app: u16,
    },
    /// An application waits for what cannot happen; the error points at the step.
    Stuck(ScenarioError),
    /// A fault rule never fired; the error points at the rule.
    Unfired(ScenarioError),
    /// The scenario expects another state at the end.
    Channel {
        /// What the scenario says.
        expected: ibmvmc::ChannelState,
        /// What the driver says.
        got: ibmvmc::ChannelState,
    },
    /// An invariant did not hold.
    Invariant {
        /// Which checker found it.
        checker: &'static str,
        /// What was wrong.
        what: String,
    },
    /// The run did not come to rest.
    Endless(String),
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Problem::Unmet { error, .. } | Problem::Stuck(error) | Problem::Unfired(error) => {
                write!(f, "{error}")
            }
            Problem::Channel { expected, got } => {
                write!(f, "the channel at the end: expected {expected}, got {got}")
            }
            Problem::Invariant { checker, what } => {
                write!(f, "invariant violated: {checker}: {what}")
            }
            Problem::Endless(what) => write!(f, "the run does not come to rest: {what}"),
        }
    }
}

/// What a run brought.
#[derive(Debug)]
pub struct Report {
    /// Everything that happened.
    pub trace: Trace,
    /// What was not as it must be; empty for a good run.
    pub problems: Vec<Problem>,
    /// What may surprise about a run with problems: rules that fired again.
    pub notes: Vec<String>,
    /// Steps of all activities.
    pub steps: u64,
    /// Virtual time at the end.
    pub virtual_time: Duration,
    /// How long the run took.
    pub wall_time: Duration,
    /// What the schedule decided, if the options said to keep it.
    pub decisions: Option<Decisions>,
    /// Where a pinned schedule could not be followed; `None` when it was followed exactly, or none was pinned.
    pub deviation: Option<Deviation>,
    /// The machine, as the checkers of traces know it.
    pub setting: Setting,
    /// How the run ended, as the checkers of traces know it.
    pub ending: Ending,
}

impl Report {
    /// Whether everything was as it must be.
    pub fn passed(&self) -> bool {
        self.problems.is_empty()
    }

    /// The number of the record at which a problem of this run shows: the return of the call that an expectation was
    /// not met by, the first record that breaks an invariant. `None` for what is wrong with the run as a whole.
    pub fn event_of(&self, problem: &Problem) -> Option<u64> {
        event_of(&self.trace, &self.setting, problem)
    }

    /// The canonical trace, drawn as a sequence: what snapshots hold.
    pub fn canonical(&self) -> String {
        render(&Sequence::of(&self.trace))
    }
}

/// Runs a scenario once.
pub fn simulate(scenario: &Scenario, options: &Options) -> Result<Report, MachineError> {
    let mut plan = Cow::Borrowed(scenario.plan());
    if options.payloads {
        plan.to_mut().keeps_payloads = true;
    }
    let plan = &*plan;
    let deadline = options.deadline;
    let mode = match options.runtime {
        RuntimeKind::Deterministic => Mode::Deterministic(options.config(plan)),
        RuntimeKind::Threads => Mode::Threads { deadline, wait: WaitMode::Block },
        RuntimeKind::Polling => Mode::Threads { deadline, wait: WaitMode::Poll },
    };
    let started = Instant::now();
    let outcome =
        run::run(plan, mode, options.record, quirks(plan, options), options.driver.as_ref())?;
    let wall_time = started.elapsed();
    tracing::info!(
        scenario = scenario.title(),
        runtime = options.runtime.name(),
        steps = outcome.end.steps,
        records = outcome.trace.records().len(),
        "run ended"
    );
    let problems = problems(scenario, &outcome);
    let notes = match problems.is_empty() {
        true => Vec::new(),
        false => History::of(&outcome.trace, plan).fired_again(),
    };
    let Outcome { trace, end, decisions, deviation, ending, .. } = outcome;
    let setting = invariants::setting(&plan.machine);
    let virtual_time = Duration::from_nanos(end.virtual_ns);
    let steps = end.steps;
    Ok(Report {
        trace,
        problems,
        notes,
        steps,
        virtual_time,
        wall_time,
        decisions,
        deviation,
        setting,
        ending,
    })
}

/// Judges the run of an embedded machine that has ended; returns its trace, and what does not hold. Most is checked on
/// what was recorded, so of a machine that does not record little is known. Where only the beginning was, what goes by the
/// trace is judged for that, and the machine as it is at the end.
///
/// ```
/// use vmc_machine::embed::Machine;
///
/// let mut app = Machine { record: true, ..Machine::default() }.deterministic()?;
/// let file = app.open_session("HMC-A")?;
/// app.write(file, b"hello")?;
/// let (trace, problems) = vmc_sim::judge(app.into_run());
/// assert!(problems.is_empty() && trace.counts().sessions == 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn judge<Q: Quirks, P: Setup<Driver = Driver<Q>>>(run: Run<P>) -> (Trace, Vec<Problem>) {
    let Judged { trace, problems, .. } = judge_whole(run);
    (trace, problems)
}

/// The run of an embedded machine that was judged, with what the checkers of traces know of it: a trace file has it all.
#[derive(Debug)]
pub struct Judged {
    /// Everything that happened.
    pub trace: Trace,
    /// What does not hold.
    pub problems: Vec<Problem>,
    /// The machine.
    pub setting: Setting,
    /// How the run ended.
    pub ending: Ending,
}

impl Judged {
    /// The number of the record at which a problem of this run shows, as [`Report::event_of`] has it.
    pub fn event_of(&self, problem: &Problem) -> Option<u64> {
        event_of(&self.trace, &self.setting, problem)
    }
}

fn event_of(trace: &Trace, setting: &Setting, problem: &Problem) -> Option<u64> {
    match problem {
        Problem::Unmet { app, .. } => {
            let returned = trace.records().iter().rev().find(|record| {
                record.actor == ActorId::App(*app) && matches!(record.event, Event::Return(..))
            });
            returned.map(|record| record.seq)
        }
        Problem::Invariant { checker, what } => {
            let violation = Violation { checker, what: what.clone() };
            vmc_check::locate(trace, setting, &violation)
        }
        Problem::Stuck(_) | Problem::Unfired(_) | Problem::Channel { .. } | Problem::Endless(_) => {
            None
        }
    }
}

/// The same as [`judge`], with what a trace file holds beside the trace.
pub fn judge_whole<Q: Quirks, P: Setup<Driver = Driver<Q>>>(mut run: Run<P>) -> Judged {
    let Run { world, actors, trace, left_out, end, plan } = &mut run;
    let violations = invariants::check(world, actors, trace, *left_out == 0, end, plan);
    let (setting, ending) = (invariants::setting(&plan.machine), invariants::ending(world, end));
    let problem = |Violation { checker, what }| Problem::Invariant { checker, what };
    let problems = violations.into_iter().map(problem).collect();
    Judged { trace: run.trace, problems, setting, ending }
}

/// Makes a deterministic run with an observer of every step, and ends it when the observer has seen enough.
pub(crate) fn observe(
    scenario: &Scenario,
    options: &Options,
    watch: Observer<'_>,
) -> Result<Outcome, MachineError> {
    let plan = scenario.plan();
    let config = RunConfig { watch: Some(watch), ..options.config(plan) };
    run::run(
        plan,
        Mode::Deterministic(config),
        options.record,
        quirks(plan, options),
        options.driver.as_ref(),
    )
}

fn quirks(plan: &Plan, options: &Options) -> QuirkSet {
    plan.quirks.iter().chain(options.quirks.iter()).collect()
}

fn problems(scenario: &Scenario, outcome: &Outcome) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !outcome.end.quiescent {
        let text = |stuck: &Stuck| format!("{} ({:?})", stuck.id, stuck.why);
        let waiting: Vec<_> = outcome.end.waiting.iter().map(text).collect();
        problems.push(Problem::Endless(format!("still there: {}", waiting.join(", "))));
    }
    let names = &outcome.trace.names().apps;
    let history = History::of(&outcome.trace, scenario.plan());
    for failure in &outcome.failures {
        let thread = usize::from(failure.thread);
        let Some(name) = names.get(thread) else {
            problems.extend(operator_stuck(scenario, outcome));
            continue;
        };
        let span = failure.step.span.clone();
        problems.push(match &failure.what {
            ThreadFailureKind::Unmet(unmet) => {
                let StepFailure { expected, got, .. } = unmet.clone();
                let known = reasons::remedy(&history, failure, unmet);
                let error = scenario.report(
                    span,
                    format!("application `{name}`: expected {expected}, got {got}"),
                    known.as_deref().unwrap_or(
                        "correct the expectation, or look at the trace for what went another way",
                    ),
                );
                Problem::Unmet { error, expected, got, app: failure.thread }
            }
            ThreadFailureKind::Unborn => Problem::Stuck(scenario.report(
                span,
                format!("application `{name}` belongs to a life of the partition that never begins"),
                "have faults crash and reboot the management partition, or start another kernel (`kexec`), that often, or lower `life`",
            )),
            ThreadFailureKind::Stuck => {
                let (why, known) = reasons::why_stuck(&history, failure, &outcome.failures);
                let why = why.map_or(String::new(), |why| format!(": {why}"));
                let waits = waits_for(&failure.step.action);
                Problem::Stuck(scenario.report(
                    span,
                    format!("application `{name}` waits forever: {waits}{why}"),
                    known.as_deref().unwrap_or(
                        "nothing is left to run that could end the wait; have another step cause it, or remove \
                         this one",
                    ),
                ))
            }
        });
    }
    problems.extend(outcome.unfired.iter().map(|&(rule, seen)| unfired(scenario, rule, seen)));
    if let Some(expected) = scenario.expected_channel()
        && expected.number() != outcome.channel.number()
    {
        let got = outcome.channel;
        problems.push(Problem::Channel { expected, got });
    }
    problems.extend(outcome.violations.iter().map(|violation| Problem::Invariant {
        checker: violation.checker,
        what: violation.what.clone(),
    }));
    problems
}

fn unfired(scenario: &Scenario, number: usize, seen: u32) -> Problem {
    let rule = &scenario.plan().rules[number];
    let name = &rule.name;
    let of_rule = |number: usize| &scenario.plan().rules[number].name;
    let message = match (&rule.trigger, seen) {
        (Some(Trigger { occasion: Occasion::After { rule: cause, .. }, .. }), 1..) => format!(
            "fault `{name}` never fired: `nth` of a rule with `after` counts the firings of fault `{}`, which were \
             {seen}; it waits for number {}",
            of_rule(*cause),
            rule.nth
        ),
        (None, _) => format!("fault `{name}` never fired: no step fired it"),
        (Some(_), 0) => format!("fault `{name}` never fired: its occasion never occurred"),
        (Some(_), _) => {
            let times = if seen == 1 { String::from("once") } else { format!("{seen} times") };
            format!(
                "fault `{name}` never fired: its occasion occurred {times} on the busiest strand, it waits for \
                 number {}",
                rule.nth
            )
        }
    };
    Problem::Unfired(scenario.report(
        rule.span.clone(),
        message,
        "look at the trace for what happens instead, and correct `when`",
    ))
}

/// The operator could not start both sides.
fn operator_stuck(scenario: &Scenario, outcome: &Outcome) -> Option<Problem> {
    // On request the second side waits for an application; a scenario may mean just that.
    let machine = &scenario.plan().machine;
    let meant = machine.vmc == phyp::VmcPresence::OnRequest || machine.start == StartOrder::Manual;
    (!meant).then(|| {
        Problem::Endless(format!("the channel stays {}, one side never starts", outcome.channel))
    })
}

fn waits_for(action: &Action) -> String {
    match action {
        Action::Wait(condition) => format!("{condition} never comes"),
        Action::Await(flag) => format!("no step posts `{flag}` any more"),
        Action::Read { .. } => String::from("no message arrives for its read()"),
        Action::Poll { .. } => String::from("nothing happens that its poll() could report"),
        _ => String::from("its call does not come back"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECHO: &str = r#"
        title = "An echo"
        [machine]
        pool-size = 2
        [[app]]
        steps = [
          { open = {} }, { set-hmc-id = "HMC-A" }, { wait = "session-ready" },
          { write = { bytes = 10 } }, { read = { expect = "echo" } }, { sleep-ms = 5 },
        ]
        [expect]
        channel = "ready"
    "#;

    fn run(text: &str, options: &Options) -> Report {
        let scenario = Scenario::parse("test.toml", text).expect("a scenario");
        simulate(&scenario, options).expect("a machine")
    }

    fn on(runtime: RuntimeKind) -> Options {
        Options { runtime, ..Options::default() }
    }

    #[test]
    fn both_runtimes_run_a_scenario_to_the_same_end() {
        let deterministic = run(ECHO, &on(RuntimeKind::Deterministic));
        let threads = run(ECHO, &on(RuntimeKind::Threads));
        assert!(deterministic.passed() && threads.passed());
        assert_eq!(deterministic.canonical(), threads.canonical());
        let five_ms = Duration::from_millis(5);
        assert_eq!((deterministic.virtual_time, threads.virtual_time), (five_ms, five_ms));
    }

    #[test]
    fn whoever_polls_needs_fewer_interrupts_than_messages() {
        let text = ECHO.replace(
            "{ write = { bytes = 10 } }, { read = { expect = \"echo\" } },",
            "{ repeat = { times = 500, steps = [
               { write = { bytes = 10 } }, { read = { expect = \"echo\" } },
             ] } },",
        );
        let interrupts = |runtime| {
            let report = run(&text, &on(runtime));
            assert!(report.passed(), "{:?}", report.problems);
            report.trace.counts().hcalls.get("H_EOI").copied().unwrap_or(0)
        };
        assert!(interrupts(RuntimeKind::Threads) >= 500);
        assert!(interrupts(RuntimeKind::Polling) < 500);
    }

    #[test]
    fn an_unmet_expectation_names_the_step_and_what_came() {
        let report = run(&ECHO.replace("\"echo\"", "\"EIO\""), &Options::default());
        let [Problem::Unmet { error, .. }] = &report.problems[..] else {
            panic!("{:?}", report.problems)
        };
        assert_eq!(error.line(), 8);
        assert!(error.message().ends_with("expected EIO, got 10 bytes"), "{error}");
    }

    #[test]
    fn a_script_that_waits_for_ever_is_told_on_both_runtimes() {
        let text = ECHO.replace("{ sleep-ms = 5 }", "{ wait = \"readable\" }");
        for runtime in [RuntimeKind::Deterministic, RuntimeKind::Threads] {
            let report = run(&text, &on(runtime));
            let [Problem::Stuck(error)] = &report.problems[..] else {
                panic!("{:?}", report.problems)
            };
            assert_eq!((error.file(), error.line()), ("test.toml", 8));
            assert!(error.remedy().contains("have another step cause it"), "{error}");
        }
    }

    #[test]
    fn whoever_has_patience_gives_up_on_both_runtimes() {
        let text = ECHO.replace(
            "{ sleep-ms = 5 }",
            "{ wait = { state = \"readable\", patience-ms = 7 } },
             { poll = { expect = \"any\", wait = true, patience-ms = 2 } },
             { read = { expect = \"any\", patience-ms = 3 } }",
        );
        for runtime in [RuntimeKind::Deterministic, RuntimeKind::Threads] {
            let report = run(&text, &on(runtime));
            assert!(report.passed(), "{:?}", report.problems);
            assert_eq!(report.virtual_time, Duration::from_millis(12));
            assert!(report.canonical().contains("read(4096) = EINTR"), "{}", report.canonical());
        }
    }

    #[test]
    fn a_call_is_made_again_until_patience_is_over_on_both_runtimes() {
        let again = |expect: &str| {
            let write = format!(
                "{{ pause = \"hypervisor\" }}, {{ write = {{ bytes = 10 }} }},
                 {{ write = {{ bytes = 20, retry = [\"EBUSY\"], patience-ms = 10, {expect} }} }},
                 {{ resume = \"hypervisor\" }}"
            );
            ECHO.replace("{ sleep-ms = 5 }", &write)
        };
        for runtime in [RuntimeKind::Deterministic, RuntimeKind::Threads] {
            let report = run(&again(""), &on(runtime));
            let [Problem::Unmet { error, .. }] = &report.problems[..] else {
                panic!("{:?}", report.problems)
            };
            let got = "expected success, got EBUSY, after 5 calls in 10 ms";
            assert!(error.message().ends_with(got), "{error}");
            assert_eq!(report.virtual_time, Duration::from_millis(10));
            let any = run(&again("expect = \"any\""), &on(runtime));
            assert!(any.passed(), "{:?}", any.problems);
        }
    }

    #[test]
    fn optional_rules_and_lives_need_not_come_about() {
        let more = |optional: bool| {
            format!(
                "{ECHO}\n[[app]]\nlife = 2\noptional = {optional}\nsteps = []\n[[fault]]\nname = \"f\"\n\
                 optional = {optional}\nwhen = {{ hcall = \"H_FREE_CRQ\" }}\ndo = {{ answer = \"H_Busy\" }}\n"
            )
        };
        assert!(run(&more(true), &Options::default()).passed());
        assert_eq!(run(&more(false), &Options::default()).problems.len(), 2);
    }

    #[test]
    fn the_first_session_has_the_number_that_the_scenario_says() {
        let text = ECHO.replace("pool-size = 2", "pool-size = 2\nfirst-session = 255");
        let report = run(&text, &Options::default());
        assert!(report.passed() && report.trace.raw_text().contains("255"));
    }

    #[test]
    fn another_state_at_the_end_is_a_problem() {
        let report =
            run(&ECHO.replace("channel = \"ready\"", "channel = \"failed\""), &Options::default());
        assert!(matches!(report.problems[..], [Problem::Channel { .. }]), "{:?}", report.problems);
    }

    #[test]
    fn a_run_that_takes_too_many_steps_is_ended_and_told() {
        let report = run(ECHO, &Options { max_steps: 20, ..Options::default() });
        let endless = |problem: &Problem| matches!(problem, Problem::Endless(_));
        assert!(report.problems.iter().any(endless), "{:?}", report.problems);
        assert_eq!(report.steps, 20);
    }

    #[test]
    fn a_run_on_threads_that_takes_too_long_is_ended_and_says_who_is_still_there() {
        let text = ECHO.replace(
            "{ sleep-ms = 5 }",
            "{ repeat = { times = 10000, steps = [{ sleep-ms = 1 }] } }",
        );
        let report = run(&text, &Options { deadline: Duration::ZERO, ..on(RuntimeKind::Threads) });
        let told = |problem: &Problem| matches!(problem, Problem::Endless(what) if what.contains("still there"));
        assert!(report.problems.iter().any(told), "{:?}", report.problems);
    }

    #[test]
    fn without_recording_a_run_goes_the_same_way_and_leaves_no_trace() {
        let recorded = run(ECHO, &Options::default());
        let silent = run(ECHO, &Options { record: false, ..Options::default() });
        assert!(silent.passed() && silent.trace.records().is_empty());
        assert_eq!(silent.steps, recorded.steps);
    }

    #[test]
    fn a_seed_gives_the_same_bytes_again_and_another_seed_another_order() {
        let raw = |seed| run(ECHO, &Options::default().with_seed(seed)).trace.raw_text();
        assert_eq!(raw(3), raw(3));
        assert_ne!(raw(3), raw(4));
    }
}
