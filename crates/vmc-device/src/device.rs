//! A machine, its device file, and everything around them, from the mount to the verdict.

use crate::callers::Callers;
use crate::control;
use crate::error::DeviceError;
use crate::fuse::connection::{Connection, Stop};
use crate::live::{TraceTo, Writer};
use crate::page;
use crate::place::Place;
use crate::process;
use crate::rules;
use crate::script;
use crate::server::Server;
use parking_lot::Mutex;
use phyp::VmcPresence;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use vmc_machine::embed::programs::{self, Next, Programs, Serving, Time};
use vmc_machine::fault::Rule;
use vmc_machine::incarnation::Incarnation;
use vmc_machine::plan::{MachinePlan, Plan, StartOrder, ThreadPlan};
use vmc_proto::mgmt::ChannelState;
use vmc_sim::{Problem, Scenario};
use vmc_trace::Trace;
use vmc_view::LivePage;

/// Threads of programs that have a seat at a time, besides the applications of a scenario.
const SEATS: u16 = 512;

/// Longest name of a thread.
const MAX_THREAD_NAME: usize = 15;

/// What is served, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The place of the device.
    pub at: PathBuf,
    /// The machine, its applications' names and its fault rules.
    pub scenario: Scenario,
    /// The scripts of the scenario say which calls programs make, and time is virtual. Without this programs do as they
    /// like, and time is that of the clock.
    pub scripted: bool,
    /// Where the trace goes while it comes about.
    pub trace: TraceTo,
    /// How many records are kept from the beginning, to be judged. `None`: there is no trace, and little can be judged.
    pub keep: Option<usize>,
    /// Whether the bytes of messages are recorded, too.
    pub payloads: bool,
    /// The port of 127.0.0.1 at which a page follows the run; 0 for any that is free.
    pub page: Option<u16>,
    /// The folder into which the trace is written when the run has ended.
    pub save_traces: Option<PathBuf>,
}

/// How long a device is not served because its channel is not ready.
const BOOT_PATIENCE: Duration = Duration::from_secs(1);

/// How often the channel is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(1);

/// A device that is being served.
#[derive(Clone, Debug)]
pub struct Served {
    /// What programs open.
    pub device: PathBuf,
    /// The socket for orders.
    pub socket: PathBuf,
    /// The folder in which a file is an order, by its name.
    pub orders: PathBuf,
    /// Where the page is that follows the run.
    pub page: Option<SocketAddr>,
    stop: Arc<Stop>,
}

impl Served {
    /// Ends it.
    pub fn stop(&self) {
        self.stop.set();
    }
}

/// What has come of it.
#[derive(Debug)]
pub struct Verdict {
    /// Everything that happened, or the beginning of it.
    pub trace: Trace,
    /// How many records came after what was kept.
    pub left_out: usize,
    /// What was not as it must be.
    pub problems: Vec<String>,
    /// What programs could not be given, and why.
    pub warnings: Vec<String>,
    /// The file into which the trace was written.
    pub saved: Option<PathBuf>,
}

/// What answers orders.
pub(crate) struct Daemon<'p> {
    programs: &'p Programs<'p>,
    server: &'p Server<'p>,
    plan: &'p Plan,
    /// The fault rules, by their number.
    rules: Mutex<Vec<Rule>>,
    scripted: bool,
    stop: &'p Stop,
    has_ended: AtomicBool,
    /// Applications whose script is over, and why if it was not at its end.
    ended: Mutex<BTreeMap<u16, Option<String>>>,
    /// What programs have seen that was not so.
    untrue: Mutex<Vec<String>>,
}

/// Serves a device until it is stopped; `started` is called when programs can open it.
pub fn serve(options: &Options, started: impl FnOnce(&Served)) -> Result<Verdict, DeviceError> {
    let plan = plan_of(options);
    // Before anything is mounted: nothing is to be undone if it fails.
    let bind = |port| LivePage::bind(port).map_err(|source| DeviceError::NoPage { port, source });
    let live = options.page.map(bind).transpose()?;
    if let Some(live) = &live {
        live.show(&page::beginning(options));
    }
    let (place, fuse) = Place::mount(&options.at)?;
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| DeviceError::Io { path, source }
    };
    let stop = Arc::new(Stop::new().map_err(io(&options.at))?);
    let connection = Connection::new(fuse, Arc::clone(&stop)).map_err(io(&options.at))?;
    let listener = UnixListener::bind(place.socket()).map_err(io(&place.socket()))?;
    let served = Served {
        device: place.device(),
        socket: place.socket(),
        orders: place.orders(),
        page: live.as_ref().map(LivePage::address),
        stop: stop.clone(),
    };
    let time = if options.scripted { Time::Scripts } else { Time::Clock };
    let serving = Serving { time, keep: options.keep };
    let warnings = Mutex::new(Vec::new());
    let warn = |warning: String| {
        let mut warnings = warnings.lock();
        if !warnings.contains(&warning) {
            eprintln!("{warning}");
            warnings.push(warning);
        }
    };
    let (result, run) = programs::serve(&plan, serving, |programs| {
        let writer = Writer::new(programs, &options.trace).map_err(io(&options.at))?;
        let callers = Callers::new(reserved(options), plan.threads.len() as u16);
        let server = Server::new(&connection, programs, &place, options.scripted, callers, &warn);
        let daemon = Daemon {
            programs,
            server: &server,
            plan: &plan,
            rules: Mutex::new(plan.rules.clone()),
            scripted: options.scripted,
            stop: &stop,
            has_ended: AtomicBool::new(false),
            ended: Mutex::default(),
            untrue: Mutex::default(),
        };
        if !options.scripted && boots_by_itself(&plan.machine) {
            wait_for_boot(programs);
        }
        // Before the first order can come.
        started(&served);
        std::thread::scope(|scope| {
            let daemon = &daemon;
            scope.spawn(move || control::listen(&listener, daemon, scope));
            let orders = place.orders();
            scope.spawn(move || control::watch(&orders, daemon));
            scope.spawn(move || control::read_console(daemon));
            if let Some(writer) = writer {
                scope.spawn(move || writer.run(|| daemon.has_ended()));
            }
            if let Some(page) = &live {
                let keep = options.keep.unwrap_or(0);
                let since = |len| programs.log().since(len);
                scope.spawn(move || {
                    page.follow(keep, since, || programs.names(), || daemon.has_ended());
                });
            }
            server.run();
            place.unmount();
            daemon.has_ended.store(true, Ordering::Release);
        });
        Ok::<_, DeviceError>(daemon.problems())
    })?;
    let mut problems = result?;
    let left_out = run.left_out;
    let judged = vmc_sim::judge_whole(run);
    let told = problems.clone();
    problems.extend(judged.problems.iter().map(Problem::to_string));
    let mut run = page::judged(options, judged, left_out, &told);
    let save = |folder: &PathBuf| run.save_in(folder).map_err(io(folder));
    let saved = options.save_traces.as_ref().map(save).transpose()?;
    if let Some(live) = &live {
        live.conclude(&mut run);
    }
    Ok(Verdict { trace: run.trace, left_out, problems, warnings: warnings.into_inner(), saved })
}

/// Whether the channel gets ready without an operator or a program.
fn boots_by_itself(machine: &MachinePlan) -> bool {
    machine.start != StartOrder::Manual
        && machine.vmc == VmcPresence::Present
        && !machine.hmc_attached
}

/// A program that finds the device finds it as on a system that booted long ago: calls wait in the kernel until then. Where
/// faults keep the channel from getting ready, programs see that.
fn wait_for_boot(programs: &Programs<'_>) {
    let deadline = Instant::now() + BOOT_PATIENCE;
    let is_done = |state| matches!(state, ChannelState::Ready | ChannelState::Failed);
    while !is_done(programs.status().channel) && Instant::now() < deadline {
        std::thread::sleep(LOOK);
    }
}

/// The names under which programs find the applications of the scenario.
fn reserved(options: &Options) -> Vec<String> {
    let names = options.scenario.plan().threads.iter();
    names.map(|thread| thread.name.chars().take(MAX_THREAD_NAME).collect()).collect()
}

fn plan_of(options: &Options) -> Plan {
    let mut plan = options.scenario.plan().clone();
    plan.keeps_payloads = options.payloads;
    let seats = plan.threads.len() as u16;
    if options.scripted {
        // For what the kernel does by itself.
        plan.threads.push(seat(seats));
        return plan;
    }
    // Each thread is a process here: a rule that kills one means the seat of its first thread.
    let processes: Vec<u16> = plan.threads.iter().map(|thread| thread.process).collect();
    plan.rules.iter_mut().for_each(|rule| rules::of_seats(rule, &processes));
    for (number, thread) in (0..).zip(&mut plan.threads) {
        let name = std::mem::take(&mut thread.name);
        *thread = ThreadPlan { name, ..seat(number) };
    }
    plan.threads.extend((seats..seats + SEATS).map(seat));
    rules::add(&mut plan.rules);
    plan
}

fn seat(number: u16) -> ThreadPlan {
    ThreadPlan {
        name: format!("program-{number}"),
        process: number,
        life: Incarnation::FIRST,
        optional: true,
        steps: Vec::new(),
    }
}

impl Daemon<'_> {
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// Carries out an order; what is to be told.
    pub(crate) fn order(&self, order: &str) -> String {
        let (word, rest) = order.split_once(' ').unwrap_or((order, ""));
        match word {
            "status" => self.status(),
            "next" if self.scripted => self.next(rest),
            "rules" if !self.scripted => self.add_rules(Path::new(rest)),
            _ => {
                let rules = self.rules.lock();
                match rules::find(&rules, order) {
                    Some(rule) => {
                        let name = rules[rule].name.clone();
                        drop(rules);
                        self.programs.fire(rule);
                        format!("done: {name}")
                    }
                    None => {
                        let known = rules::names(&rules);
                        format!(
                            "error: `{order}` is no order; known are `status`, `rules FILE`, {known}"
                        )
                    }
                }
            }
        }
    }

    /// Adds the fault rules of a scenario file.
    fn add_rules(&self, path: &Path) -> String {
        let scenario = match Scenario::load(path) {
            Ok(scenario) => scenario,
            Err(e) => return format!("error: {}", e.to_string().replace('\n', " ")),
        };
        let names = self.programs.names().apps;
        let mut rules = self.rules.lock();
        let added = match rules::of_file(scenario.plan(), &names, &rules) {
            Ok(added) => added,
            Err(why) => return format!("error: {}: {why}", path.display()),
        };
        let told = added.iter().map(|rule| match &rule.trigger {
            Some(_) => format!("`{}` waits for its occasion", rule.name),
            None => format!("`{}` is an order", rule.name),
        });
        let told = told.collect::<Vec<_>>().join(", ");
        self.programs.add_rules(added.clone());
        rules.extend(added);
        format!("done: {told}")
    }

    /// The next instruction for an application, after the outcome of the last one.
    fn next(&self, words: &str) -> String {
        let (name, result) = words.split_once(' ').unwrap_or((words, ""));
        let number = self.plan.threads.iter().position(|thread| thread.name == name);
        let Some(seat) = number.map(|number| number as u16) else {
            return format!("error: there is no application `{name}`");
        };
        if let Some(expected) = self.server.take_result(seat)
            && expected != result
        {
            self.untrue.lock().push(format!(
                "application `{name}`: the driver said `{expected}`, and the program saw `{result}`"
            ));
        }
        let next = self.programs.next(seat);
        let line = script::line_of(&next);
        if !matches!(next, Next::Do(_)) {
            let why = (next != Next::End).then(|| format!("application `{name}`: {line}"));
            let mut ended = self.ended.lock();
            ended.insert(seat, why);
            let scripted = self.plan.threads.iter().filter(|thread| !thread.steps.is_empty());
            if ended.len() == scripted.count() {
                self.stop.set();
            }
        }
        line
    }

    /// What was not as it must be, as far as programs tell.
    fn problems(&self) -> Vec<String> {
        let ended = self.ended.lock();
        ended.values().flatten().cloned().chain(self.untrue.lock().iter().cloned()).collect()
    }

    fn status(&self) -> String {
        let status = self.programs.status();
        let mut text = String::new();
        let runs = status.running.map(|runs| if runs { "runs" } else { "is down" });
        // A String takes every write.
        let queues = status.queues.map(|queue| match queue {
            Some((filled, slots)) => format!("{filled} of {slots} entries in its queue"),
            None => String::from("no queue"),
        });
        let (mgmt, hyp) = (status.channel, &status.hypervisor);
        let _ = writeln!(text, "management partition {}, channel {mgmt}, {}", runs[0], queues[0]);
        let _ = writeln!(text, "hypervisor {}, channel {hyp}, {}", runs[1], queues[1]);
        for session in &status.sessions {
            let state = match session.session {
                Some((number, state)) => format!("session {number} {state}"),
                None => String::from("no session"),
            };
            let file = session.file.map_or(String::new(), |file| format!(", file {file}"));
            let _ = writeln!(
                text,
                "index {}: {state}{file}; {} unread; buffers: {} to write with, {} of the hypervisor, {} in use",
                session.index, session.unread, session.inbound, session.outbound, session.in_use
            );
        }
        let names = self.programs.names().apps;
        for (thread, seat) in self.server.threads() {
            let name = names.get(usize::from(seat)).map_or("", String::as_str);
            let of = process::of(thread).map_or(String::new(), |pid| format!("process {pid}, "));
            let _ = writeln!(text, "program {name}: {of}thread {thread}");
        }
        for (file, thread) in self.server.open_files() {
            let _ = writeln!(text, "file {file}: opened by thread {thread}");
        }
        let _ = writeln!(text, "{} calls in flight, {} records", status.calls, status.records);
        text
    }
}
