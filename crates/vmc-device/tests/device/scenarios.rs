//! Scenarios by real system calls: a program makes the calls of each application, and the trace must be the simulator's.

use crate::common::{Device, compile, folder, in_time, need_fuse, options};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;
use vmc_machine::plan::Plan;
use vmc_machine::script::{Action, PollExpect, ReadExpect};
use vmc_proto::Profile;
use vmc_sim::Scenario;
use vmc_trace::{Sequence, render};

/// Every scenario is made by the C program, and one of so many by the Python program, too, which takes longer.
const EVERY: usize = 10;

/// Fewer scenarios than this must not be compared by either.
const ENOUGH: usize = 40;

/// Longest name of a thread.
const MAX_NAME: usize = 15;

/// More calls would take long, and show nothing new.
const MAX_STEPS: usize = 600;

/// How much longer than another test the comparison of all scenarios may take.
const MOST: Duration = Duration::from_secs(1800);

/// How long a scenario may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every scenario, by its name.
fn scenarios() -> BTreeMap<String, PathBuf> {
    let top = workspace().join("scenarios");
    let folders = std::fs::read_dir(&top).unwrap().flatten().map(|entry| entry.path());
    let files = folders.filter(|path| path.is_dir()).flat_map(|folder| {
        std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect::<Vec<_>>()
    });
    let named = |path: PathBuf| {
        let name = path.strip_prefix(&top).unwrap().with_extension("");
        (name.to_string_lossy().into_owned(), path)
    };
    files.filter(|path| path.extension().is_some_and(|end| end == "toml")).map(named).collect()
}

/// Why a scenario cannot be made by system calls, or has no one trace.
fn why_not(scenario: &Scenario) -> Option<&'static str> {
    let plan = scenario.plan();
    if !scenario.outcomes().is_empty() {
        return Some("it races on purpose");
    }
    if scenario.deterministic_only().is_some() {
        return Some("it does not run on threads");
    }
    if plan.threads.is_empty() {
        return Some("it has no application");
    }
    if plan.threads.iter().any(|thread| thread.name.len() > MAX_NAME) {
        return Some("a name is too long for a thread");
    }
    let steps = || plan.threads.iter().flat_map(|thread| &thread.steps);
    if steps().count() > MAX_STEPS {
        return Some("it is long");
    }
    if polls_closed_file(plan) {
        return Some("poll() looks its descriptor up again, and another thread has closed that");
    }
    if kills(plan) {
        return Some("the kernel closes the files of a killed process in an order of its own");
    }
    steps().find_map(|step| match &step.action {
        Action::Write { faults: true, .. }
        | Action::Read { faults: true, .. }
        | Action::Ioctl { faults: true, .. } => Some("the kernel looks at memory first"),
        Action::Write { payload, .. } if payload.is_empty() => {
            Some("the kernel answers a write() of 0 bytes")
        }
        Action::Read { len_bytes: Some(0), .. } => Some("the kernel answers a read() of 0 bytes"),
        Action::Poll { expect: PollExpect::Error(_), .. }
        | Action::Poll { patience_ns: Some(_), .. } => Some("only a signal interrupts poll()"),
        Action::Poll { expect: PollExpect::Invalid, .. } => Some("the kernel hides POLLNVAL"),
        Action::Interrupt(_) => Some("it interrupts a poll()").filter(|_| polls(plan)),
        Action::Read { expect: ReadExpect::Any, .. } => Some("it takes any message"),
        _ => None,
    })
}

fn polls(plan: &Plan) -> bool {
    let mut steps = plan.threads.iter().flat_map(|thread| &thread.steps);
    steps.any(|step| matches!(step.action, Action::Poll { wait: true, .. }))
}

/// Whether a thread closes a file on which another thread of its process waits in `poll()`.
fn polls_closed_file(plan: &Plan) -> bool {
    let polled = |process: u16, closer: &str, closed: &str| {
        let others = plan.threads.iter();
        let others = others.filter(|other| other.process == process && other.name != closer);
        let mut steps = others.flat_map(|thread| &thread.steps);
        steps.any(
            |step| matches!(&step.action, Action::Poll { file, wait: true, .. } if file == closed),
        )
    };
    plan.threads.iter().any(|thread| {
        thread.steps.iter().any(|step| {
            matches!(&step.action, Action::Close { file, .. }
                if polled(thread.process, &thread.name, file))
        })
    })
}

fn kills(plan: &Plan) -> bool {
    plan.rules.iter().any(|rule| matches!(rule.act, vmc_machine::fault::Act::Kill(_)))
}

/// What makes the calls: the same in two languages.
#[derive(Clone, Copy, Debug)]
enum Interpreter<'a> {
    /// The compiled `tests/scenario.c`.
    C(&'a Path),
    /// `tests/scenario.py`.
    Python,
}

impl Interpreter<'_> {
    fn command(self) -> Command {
        match self {
            Interpreter::C(binary) => Command::new(binary),
            Interpreter::Python => {
                let mut command = Command::new("python3");
                command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenario.py"));
                command
            }
        }
    }
}

/// Runs a scenario by system calls; what differs from its snapshot, or is not as it must be.
fn compare(name: &str, scenario: Scenario, interpreter: Interpreter<'_>) -> Result<(), String> {
    let folder = folder();
    let mut processes: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for thread in &scenario.plan().threads {
        processes.entry(thread.process).or_default().push(thread.name.clone());
    }
    let options =
        vmc_device::Options { scenario, scripted: true, ..options(&folder.join("ibmvmc"), "") };
    let device = Device::serve(options, folder);
    let mut programs: Vec<_> = processes
        .values()
        .map(|apps| {
            let mut command = interpreter.command();
            command.arg(&device.served.device).arg(&device.served.socket).args(apps);
            command.stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    let is_over = device.wait(PATIENCE);
    let verdict = device.end();
    for program in &mut programs {
        if !is_over {
            program.kill().unwrap();
        }
        in_time(|| program.wait().unwrap());
    }
    let trace = render(&Sequence::of(&verdict.trace));
    let wrong = |what: String| Err(format!("{name} by {interpreter:?}: {what}\n{trace}"));
    if !is_over {
        return wrong(String::from("it does not come to its end"));
    }
    if !verdict.problems.is_empty() {
        return wrong(verdict.problems.join("\n"));
    }
    let snapshot = workspace().join("snapshots").join(format!("{name}.snap"));
    let snapshot = std::fs::read_to_string(snapshot).unwrap();
    if !snapshot.ends_with(&trace) {
        return wrong(String::from("another trace than its snapshot"));
    }
    Ok(())
}

/// Whether a scenario shows one of the things that must be among those compared.
type Shows = fn(&str, &Plan) -> bool;

/// What the scenarios of both programs must show.
const MUST_SHOW: [(&str, Shows); 7] = [
    ("the Linux profile", |_, plan| plan.machine.driver.profile == Profile::Linux),
    ("the driver document", |_, plan| plan.machine.driver.profile == Profile::Document),
    ("a crash", |name, _| name.starts_with("crash/")),
    ("exhaustion", |name, _| name.starts_with("buffers/")),
    ("two applications", |_, plan| plan.threads.iter().any(|thread| thread.process > 0)),
    ("a close while another thread reads", |name, _| {
        name.contains("clos") && name.contains("read")
    }),
    ("a call that must not sleep", |_, plan| {
        let mut steps = plan.threads.iter().flat_map(|thread| &thread.steps);
        steps.any(|step| matches!(step.action, Action::Open { nonblock: true, .. }))
    }),
];

#[test]
fn programs_that_make_the_calls_of_scenarios_give_the_traces_of_the_simulator() {
    need_fuse!(MOST);
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let top = folder();
    let binary = compile("tests/scenario.c", &top);
    let mut skipped = BTreeMap::<&str, usize>::new();
    let mut compared = Vec::new();
    for (name, path) in scenarios() {
        let scenario = Scenario::load(&path).unwrap();
        match why_not(&scenario) {
            _ if !name.contains(&only) => {}
            Some(why) => *skipped.entry(why).or_default() += 1,
            None => compared.push((name, scenario)),
        }
    }
    let by_c = compared.iter().map(|scenario| (scenario, Interpreter::C(&binary)));
    // The first scenario that shows each thing is among those of both.
    let shows = |shows: Shows| {
        compared.iter().position(|(name, scenario): &(_, Scenario)| shows(name, scenario.plan()))
    };
    let shown: Vec<_> = MUST_SHOW.iter().map(|(what, is_it)| (what, shows(*is_it))).collect();
    let by_both: BTreeSet<usize> =
        (0..compared.len()).step_by(EVERY).chain(shown.iter().filter_map(|(_, at)| *at)).collect();
    let by_python = by_both.iter().map(|at| (&compared[*at], Interpreter::Python));
    let (left, wrong) = (Mutex::new(by_c.chain(by_python)), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, |cores| cores.get()) {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().next();
                    let Some(((name, scenario), interpreter)) = next else { return };
                    wrong
                        .lock()
                        .unwrap()
                        .extend(compare(name, scenario.clone(), interpreter).err());
                }
            });
        }
    });
    skipped.iter().for_each(|(why, number)| println!("{number} left out: {why}"));
    println!("{} compared, {} of them by both programs", compared.len(), by_both.len());
    std::fs::remove_dir_all(top).unwrap();
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), compared.len(), wrong.join("\n\n"));
    if only.is_empty() {
        assert!(by_both.len() >= ENOUGH, "{} scenarios were compared", by_both.len());
        for (what, at) in shown {
            assert!(at.is_some(), "{what} is shown by no scenario");
        }
    }
}
