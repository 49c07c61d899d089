//! What cannot be meant: impossible values, names that do not exist, and waiting for what cannot happen.

mod ioctl;
mod machine;
mod retry;

pub(super) use machine::version;

use super::bounds::{self, Bounds};
use super::compile::kernel_page;
use super::error::Problem;
use super::fault::FaultForm;
use super::file::{
    AppForm, AppStartForm, BehaviourForm, MachineForm, MachineSideForm, Number, OpenForm,
    PatternForm, PollForm, PollResultForm, ReadForm, ReadWord, ResultForm, ScenarioForm, StartForm,
    StepForm, VmcForm, WaitStateForm, WriteForm,
};
use super::length::{self, Length};
use super::names::Names;
use super::size;
use super::spanned::Spanned;
use ibmvmc::Errno;
use machine::negotiated;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// How deep blocks of steps nest.
const MAX_NESTING: usize = 2;

type Check = Result<(), Problem>;

pub(super) fn check(form: &ScenarioForm) -> Check {
    machine::check(&form.machine)?;
    size::check(form)?;
    let apps = Apps::of(form)?;
    for (place, app) in form.app.iter().enumerate() {
        apps.check_app(place, app)?;
    }
    Ok(())
}

/// A number within bounds, or an error that says them.
pub(super) fn number(what: &str, number: &Number, bounds: Bounds) -> Result<i64, Problem> {
    let value = *number.get_ref();
    if bounds.contains(&value) {
        return Ok(value);
    }
    let (message, remedy) = out_of_bounds(what, value, &bounds);
    Err(Problem::new(number.span(), message, remedy))
}

/// What is wrong with a number that lies outside, and what to do.
pub(crate) fn out_of_bounds(
    what: &str,
    value: impl std::fmt::Display,
    bounds: &Bounds,
) -> (String, String) {
    let (least, most) = (bounds.start(), bounds.end());
    let message = format!("{what} is {least} to {most}, not {value}");
    (message, format!("write a number from {least} to {most}"))
}

/// What the applications of a scenario offer to each other.
struct Apps<'a> {
    form: &'a ScenarioForm,
    names: Names,
    /// Who posts a flag: the places of the applications.
    posters: BTreeMap<&'a str, BTreeSet<usize>>,
    /// Threads that are interrupted.
    interrupted: BTreeSet<u16>,
    /// Files that some thread of a process opens, by the number of the process.
    opened: BTreeSet<(u16, &'a str)>,
    /// Those that are opened with O_NONBLOCK.
    nonblocking: BTreeSet<(u16, &'a str)>,
    /// Processes in which a file gets another name.
    dups: BTreeSet<u16>,
    /// Files of a process that get an HMC ID.
    with_session: BTreeSet<(u16, &'a str)>,
    /// Why the channel can never be ready, if so. Faults may make what cannot happen otherwise.
    never_ready: Option<&'static str>,
}

/// What a thread's script has done so far, file by file.
struct Progress<'a> {
    /// The place of the application.
    place: usize,
    process: u16,
    posted: BTreeSet<&'a str>,
    open: BTreeSet<&'a str>,
    with_session: BTreeSet<&'a str>,
    unread: BTreeMap<&'a str, i64>,
    events: BTreeMap<&'a str, i64>,
    nonblock: BTreeSet<&'a str>,
    /// The round of the innermost block, from 0.
    round: Option<u32>,
}

impl Progress<'_> {
    fn new(place: usize, process: u16) -> Self {
        Progress {
            place,
            process,
            posted: BTreeSet::new(),
            open: BTreeSet::new(),
            with_session: BTreeSet::new(),
            unread: BTreeMap::new(),
            events: BTreeMap::new(),
            nonblock: BTreeSet::new(),
            round: None,
        }
    }
}

impl<'a> Apps<'a> {
    fn of(form: &'a ScenarioForm) -> Result<Apps<'a>, Problem> {
        let mut apps = Apps {
            form,
            names: Names::of(form)?,
            posters: BTreeMap::new(),
            interrupted: BTreeSet::new(),
            opened: BTreeSet::new(),
            nonblocking: BTreeSet::new(),
            dups: BTreeSet::new(),
            with_session: BTreeSet::new(),
            never_ready: never_ready(form).filter(|_| form.fault.is_empty()),
        };
        for (place, app) in form.app.iter().enumerate() {
            for_each_step(&app.get_ref().steps, &mut |step| apps.note(place, step));
        }
        Ok(apps)
    }

    fn note(&mut self, place: usize, step: &'a StepForm) {
        let process = self.names.apps()[place].process();
        match step {
            StepForm::Post(flag) => {
                self.posters.entry(flag).or_default().insert(place);
            }
            StepForm::Interrupt(name) => self.interrupted.extend(self.names.thread(name)),
            StepForm::Open(OpenForm { file, expect, nonblock, .. }) if may_succeed(*expect) => {
                self.opened.insert((process, file));
                if *nonblock {
                    self.nonblocking.insert((process, file));
                }
            }
            StepForm::Dup(form) => {
                self.opened.insert((process, &form.name));
                self.dups.insert(process);
            }
            StepForm::SetHmcId(form) if may_succeed(form.0.expect) => {
                self.with_session.insert((process, &form.0.file));
            }
            StepForm::Ioctl(form) if ioctl::opens_session(form) => {
                self.with_session.insert((process, &form.file));
            }
            _ => {}
        }
    }

    fn check_app(&self, place: usize, app: &'a Spanned<AppForm>) -> Check {
        let span = app.span();
        let app = app.get_ref();
        if app.start == AppStartForm::Ready
            && let Some(why) = self.never_ready
        {
            return Err(Problem::new(
                span,
                format!(
                    "this application starts when the channel is ready, which cannot happen: {why}"
                ),
                "write start = \"boot\" for the application, or change the machine",
            ));
        }
        let process = self.names.apps()[place].process();
        self.check_steps(&app.steps, &mut Progress::new(place, process), 0)
    }

    fn check_steps(
        &self,
        steps: &'a [Spanned<StepForm>],
        progress: &mut Progress<'a>,
        depth: usize,
    ) -> Check {
        for step in steps {
            self.check_step(step, progress, depth)?;
        }
        Ok(())
    }

    fn check_step(
        &self,
        step: &'a Spanned<StepForm>,
        progress: &mut Progress<'a>,
        depth: usize,
    ) -> Check {
        let span = step.span();
        self.check_retry(step, progress)?;
        match step.get_ref() {
            StepForm::Open(form) => {
                if may_succeed(form.expect) {
                    progress.open.insert(&form.file);
                    progress.with_session.remove(form.file.as_str());
                    progress.unread.remove(form.file.as_str());
                    progress.events.remove(form.file.as_str());
                    if form.nonblock {
                        progress.nonblock.insert(&form.file);
                    } else {
                        progress.nonblock.remove(form.file.as_str());
                    }
                }
                Ok(())
            }
            StepForm::SetHmcId(form) => {
                hmc_id(&form.0.id, &span)?;
                self.must_be_open(progress, &form.0.file, span)?;
                if may_succeed(form.0.expect) {
                    progress.with_session.insert(&form.0.file);
                }
                Ok(())
            }
            StepForm::Write(form) => self.check_write(form, progress, span),
            StepForm::Read(form) => self.check_read(form, progress, span),
            StepForm::Command(form) => {
                self.must_be_open(progress, &form.file, span.clone())?;
                self.must_route(span.clone())?;
                form.command(0, progress.round.unwrap_or(0), span).map(|_| ())
            }
            StepForm::Event(form) => {
                self.must_be_open(progress, &form.file, span.clone())?;
                self.must_route(span)?;
                form.check().map(|_| ())
            }
            StepForm::Poll(form) => self.check_poll(form, progress, span),
            StepForm::Query(form) => self.must_be_open(progress, &form.file, span),
            StepForm::RequestVmc(form) => self.must_be_open(progress, &form.file, span),
            StepForm::Ioctl(form) => {
                self.must_be_open(progress, &form.file, span.clone())?;
                ioctl::check(form, span)?;
                if ioctl::opens_session(form) {
                    progress.with_session.insert(&form.file);
                }
                Ok(())
            }
            StepForm::Dup(form) => {
                if form.name == form.file {
                    return Err(Problem::new(
                        span,
                        format!("the file `{}` has this name already", form.file),
                        "give it another one after `as`",
                    ));
                }
                self.must_be_open(progress, &form.file, span)?;
                progress.open.insert(&form.name);
                Ok(())
            }
            StepForm::Close(form) => {
                self.must_be_open(progress, &form.file, span)?;
                progress.open.remove(form.file.as_str());
                Ok(())
            }
            StepForm::Wait(form) => {
                patience(form.0.patience_ms.as_ref())?;
                self.check_wait(form.0.state, &form.0.file, progress, span)
            }
            StepForm::SleepMs(ms) => number("sleep-ms", ms, bounds::MILLISECONDS).map(|_| ()),
            StepForm::Post(flag) => {
                progress.posted.insert(flag);
                Ok(())
            }
            StepForm::Await(flag) => self.check_await(flag, progress, span),
            StepForm::Interrupt(name) if self.names.thread(name).is_none() => Err(Problem::new(
                span,
                format!("no application is named `{name}`"),
                "name the application whose call is to be interrupted",
            )),
            StepForm::Repeat(form) => {
                let times = number("times", &form.times, bounds::REPEATS)?;
                if depth == MAX_NESTING {
                    return Err(Problem::new(
                        span,
                        format!("blocks of steps nest at most {MAX_NESTING} deep"),
                        "write the inner steps out",
                    ));
                }
                // Each round, because it may find open, written or read what the one before left.
                let outer = progress.round;
                for round in 0..times as u32 {
                    progress.round = Some(round);
                    self.check_steps(&form.steps, progress, depth + 1)?;
                }
                progress.round = outer;
                Ok(())
            }
            StepForm::Fault(name) => self.check_fault(name),
            StepForm::Start(_)
            | StepForm::Stop(_)
            | StepForm::Pause(_)
            | StepForm::Resume(_)
            | StepForm::AttachHmc(_)
            | StepForm::Interrupt(_) => Ok(()),
        }
    }

    /// HMC commands need a hypervisor that knows them.
    fn must_route(&self, span: Range<usize>) -> Check {
        if matches!(self.form.machine.behaviour, BehaviourForm::Router) {
            return Ok(());
        }
        Err(Problem::new(
            span,
            "this is about HMC commands, but the hypervisor does not know any",
            "set behaviour = \"router\" for the machine",
        ))
    }

    /// A step fires a rule that waits for nothing else.
    fn check_fault(&self, name: &Spanned<String>) -> Check {
        let same = |fault: &&Spanned<FaultForm>| fault.get_ref().name.get_ref() == name.get_ref();
        let (message, remedy) = match self.form.fault.iter().find(same) {
            Some(fault) if fault.get_ref().when.is_none() => return Ok(()),
            Some(_) => (
                format!("the fault `{}` has a `when` of its own", name.get_ref()),
                "remove the step, or the fault's `when`",
            ),
            None => (
                format!("no fault is named `{}`", name.get_ref()),
                "write a `[[fault]]` with that name",
            ),
        };
        Err(Problem::new(name.span(), message, remedy))
    }

    /// A flag must be posted by an application that does not wait for it.
    fn check_await(&self, flag: &str, progress: &Progress<'_>, span: Range<usize>) -> Check {
        let posters = self.posters.get(flag);
        let by_another = posters.is_some_and(|places| places.iter().any(|p| *p != progress.place));
        if by_another || progress.posted.contains(flag) {
            return Ok(());
        }
        let who = if posters.is_some() { "only this application" } else { "no step" };
        Err(Problem::new(
            span,
            format!("{who} posts `{flag}`, so this waits forever"),
            format!("add a step {{ post = \"{flag}\" }} to another application"),
        ))
    }

    /// Whether another thread of the process, or this one, opens the file.
    fn must_be_open(&self, progress: &Progress<'_>, file: &str, span: Range<usize>) -> Check {
        if progress.open.contains(file) || self.by_sibling(&self.opened, progress, file) {
            return Ok(());
        }
        Err(Problem::new(
            span,
            format!("the file `{file}` is not open here"),
            "add a step { open = {} } before it",
        ))
    }

    /// Whether some thread of a process that several share does something to a file.
    fn by_sibling(
        &self,
        done: &BTreeSet<(u16, &str)>,
        progress: &Progress<'_>,
        file: &str,
    ) -> bool {
        self.has_siblings(progress) && done.contains(&(progress.process, file))
    }

    /// Whether something is done to a file of a process in which files have several names: it may be the same one.
    fn by_other_name(&self, done: &BTreeSet<(u16, &str)>, progress: &Progress<'_>) -> bool {
        let process = progress.process;
        self.dups.contains(&process) && done.iter().any(|(other, _)| *other == process)
    }

    /// Whether other applications share the process of this one.
    fn has_siblings(&self, progress: &Progress<'_>) -> bool {
        self.names.apps().iter().filter(|app| app.process() == progress.process).count() > 1
    }

    fn has_session(&self, progress: &Progress<'_>, file: &str) -> bool {
        progress.with_session.contains(file)
            || self.by_sibling(&self.with_session, progress, file)
            || self.by_other_name(&self.with_session, progress)
    }

    fn check_write(
        &self,
        form: &'a WriteForm,
        progress: &mut Progress<'a>,
        span: Range<usize>,
    ) -> Check {
        self.must_be_open(progress, &form.file, span.clone())?;
        let round = progress.round;
        check_payload(WRITTEN, (form.bytes.as_ref(), round), &form.pattern, span)?;
        let bytes = |length: &Length| length.get_ref().in_round(round.unwrap_or(0));
        let empty = form.bytes.as_ref().is_some_and(|length| bytes(length) == 0);
        if form.expect == ResultForm::Ok && !empty {
            *progress.unread.entry(&form.file).or_default() += 1;
        }
        Ok(())
    }

    fn check_read(
        &self,
        form: &'a ReadForm,
        progress: &mut Progress<'a>,
        span: Range<usize>,
    ) -> Check {
        self.must_be_open(progress, &form.file, span.clone())?;
        if let Some(bytes) = &form.bytes {
            length::check(bytes, progress.round)?;
        }
        patience(form.patience_ms.as_ref())?;
        if form.expect.0.word.is_none() {
            check_payload(
                EXPECTED,
                (form.expect.0.bytes.as_ref(), progress.round),
                &form.expect.0.pattern,
                span.clone(),
            )?;
        }
        let siblings = self.has_siblings(progress) || self.dups.contains(&progress.process);
        let cannot =
            |message: String, remedy: &str| Err(Problem::new(span.clone(), message, remedy));
        match (form.expect.0.word, &self.form.machine.behaviour) {
            (Some(ReadWord::Echo), BehaviourForm::Echo) => {
                let unread = progress.unread.entry(&form.file).or_default();
                *unread -= 1;
                if *unread < 0 && !siblings && self.form.fault.is_empty() {
                    return cannot(
                        String::from("this waits for an echo of a message that was never written"),
                        "write a message before it, or read less often",
                    );
                }
                Ok(())
            }
            (Some(ReadWord::Echo), _) => cannot(
                String::from("this waits for an echo, but the hypervisor does not echo"),
                "set behaviour = \"echo\" for the machine, or expect something else",
            ),
            (Some(ReadWord::Event), BehaviourForm::Source(source)) => {
                let read = progress.events.entry(&form.file).or_default();
                *read += 1;
                let sent = *source.events.get_ref();
                if *read > sent && !siblings {
                    return cannot(
                        format!("this waits for event {read}, but the hypervisor sends {sent}"),
                        "raise `events` of the source, or read less often",
                    );
                }
                Ok(())
            }
            (Some(ReadWord::Event), _) => cannot(
                String::from("this waits for an event, but the hypervisor sends none by itself"),
                "set behaviour = { source = { events = 1, bytes = 64 } } for the machine",
            ),
            (Some(ReadWord::Error(Errno::EAGAIN)), _)
                if !self.is_nonblocking(progress, &form.file) =>
            {
                cannot(
                    String::from("a blocking file never returns EAGAIN: this waits forever"),
                    "open the file with nonblock = true",
                )
            }
            (Some(ReadWord::Error(Errno::EINTR)), _) if form.patience_ms.is_none() => {
                self.must_be_interrupted(progress, span)
            }
            _ => Ok(()),
        }
    }

    /// Whether the file may have been opened with O_NONBLOCK.
    fn is_nonblocking(&self, progress: &Progress<'_>, file: &str) -> bool {
        progress.nonblock.contains(file)
            || self.by_sibling(&self.nonblocking, progress, file)
            || self.by_other_name(&self.nonblocking, progress)
    }

    /// A call of this application waits for a signal, which must come from somewhere.
    fn must_be_interrupted(&self, progress: &Progress<'_>, span: Range<usize>) -> Check {
        if self.is_interrupted(progress.place) || !self.form.fault.is_empty() {
            return Ok(());
        }
        Err(Problem::new(
            span,
            "no step or fault interrupts this application: this never returns",
            "name the application, and add a step { interrupt = \"its name\" } to another",
        ))
    }

    fn is_interrupted(&self, place: usize) -> bool {
        self.interrupted.iter().any(|thread| self.names.apps()[place].numbers.contains(thread))
    }

    fn check_poll(&self, form: &PollForm, progress: &Progress<'_>, span: Range<usize>) -> Check {
        patience(form.patience_ms.as_ref())?;
        if form.wait && form.expect == PollResultForm::Nothing {
            return Err(Problem::new(
                span,
                "a poll that waits for something never reports nothing",
                "leave `wait` out, or expect what it waits for",
            ));
        }
        if let PollResultForm::Error(ibmvmc::Errno::EINTR) = form.expect {
            if !form.wait {
                return Err(Problem::new(
                    span,
                    "a poll that does not wait is never interrupted",
                    "add wait = true",
                ));
            }
            if form.patience_ms.is_none() {
                self.must_be_interrupted(progress, span.clone())?;
            }
        }
        self.must_be_open(progress, &form.file, span)
    }

    fn check_wait(
        &self,
        state: WaitStateForm,
        file: &str,
        progress: &Progress<'_>,
        span: Range<usize>,
    ) -> Check {
        match state {
            WaitStateForm::ChannelReady | WaitStateForm::Seeded => match self.never_ready {
                Some(why) => Err(Problem::new(
                    span,
                    format!("the channel is never ready: {why}"),
                    "wait for something else, or change the machine",
                )),
                None => Ok(()),
            },
            WaitStateForm::SessionSettled => self.must_be_open(progress, file, span),
            WaitStateForm::SessionReady | WaitStateForm::Readable => {
                self.must_be_open(progress, file, span.clone())?;
                if self.has_session(progress, file) {
                    return Ok(());
                }
                Err(Problem::new(
                    span,
                    format!("the file `{file}` has no session to wait for"),
                    "add a step { set-hmc-id = \"…\" } before it",
                ))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a call that must come to this may succeed.
fn may_succeed(expect: ResultForm) -> bool {
    matches!(expect, ResultForm::Ok | ResultForm::Any)
}

fn hmc_id(id: &str, span: &Range<usize>) -> Check {
    if id.len() <= vmc_proto::HMC_ID_BYTES as usize {
        return Ok(());
    }
    let message = format!("the HMC ID has {} bytes, at most 32 fit", id.len());
    Err(Problem::new(span.clone(), message, "shorten the HMC ID"))
}

fn patience(ms: Option<&Number>) -> Check {
    ms.map_or(Ok(()), |ms| number("patience-ms", ms, bounds::MILLISECONDS).map(|_| ()))
}

/// A message in a scenario, for errors about it.
struct Payload {
    name: &'static str,
    example: &'static str,
}

const WRITTEN: Payload = Payload { name: "a write", example: "{ write = { bytes = 4096 } }" };
const EXPECTED: Payload =
    Payload { name: "an expected message", example: "{ read = { expect = { bytes = 4096 } } }" };

/// A message is a text, or so many bytes of a pattern.
fn check_payload(
    what: Payload,
    (bytes, round): (Option<&Length>, Option<u32>),
    pattern: &PatternForm,
    span: Range<usize>,
) -> Check {
    match (bytes, pattern) {
        (Some(bytes), PatternForm::Text(_)) => Err(Problem::new(
            bytes.span(),
            "a text has its own length",
            "leave `bytes` out, or choose another pattern",
        )),
        (Some(bytes), _) => length::check(bytes, round),
        (None, PatternForm::Text(_)) => Ok(()),
        (None, _) => Err(Problem::new(
            span,
            format!("{} needs its length", what.name),
            format!("add `bytes`, such as {}", what.example),
        )),
    }
}

fn for_each_step<'a>(steps: &'a [Spanned<StepForm>], visit: &mut impl FnMut(&'a StepForm)) {
    for step in steps {
        match step.get_ref() {
            StepForm::Repeat(form) => for_each_step(&form.steps, visit),
            step => visit(step),
        }
    }
}

/// Why the channel of a machine can never be ready. Only applications that begin at once can help it along: the
/// others wait for it.
fn never_ready(form: &ScenarioForm) -> Option<&'static str> {
    let machine = &form.machine;
    let major = |text: &Option<Spanned<String>>| {
        text.as_ref()
            .and_then(|text| version(text).ok())
            .unwrap_or(vmc_proto::Version::CURRENT)
            .major
    };
    let driver = major(&machine.version);
    let hypervisor = if machine.hypervisor.version.is_some() {
        major(&machine.hypervisor.version)
    } else {
        driver
    };
    let detaches = Help::of(form, |step| matches!(step, StepForm::AttachHmc(false)));
    if machine.hmc_attached && detaches != Help::InTime {
        return Some("an HMC manages the system");
    }
    if driver != hypervisor {
        return Some("the major versions differ");
    }
    if window_is_too_small(machine) {
        return Some("the window has no room for the queue and a buffer");
    }
    let zero = |value: &Option<Number>| value.as_ref().is_some_and(|value| *value.get_ref() == 0);
    let too_small = |mtu: &Option<Number>| mtu.as_ref().is_some_and(|mtu| *mtu.get_ref() < 32);
    let offered = &machine.hypervisor;
    if zero(&offered.hmcs) || zero(&offered.pool_size) || too_small(&offered.mtu) {
        return Some("the hypervisor offers what no channel can work with");
    }
    let starts = |side: MachineSideForm| {
        Help::of(form, |step| matches!(step, StepForm::Start(started) if *started == side))
    };
    let requests = Help::of(form, |step| match step {
        StepForm::RequestVmc(form) => form.expect == ResultForm::Ok,
        StepForm::Ioctl(form) => ioctl::requests_vmc(form),
        _ => false,
    });
    // After an HMC was detached the sides do not start by themselves either.
    let by_hand = machine.start == StartForm::Manual || machine.hmc_attached;
    let on_request = machine.vmc == VmcForm::OnRequest;
    // A device that is requested is probed then; one that is there already cannot be requested.
    let probes = if on_request || machine.hmc_attached { requests } else { Help::Never };
    let driver = probes.max(starts(MachineSideForm::Driver));
    match (requests, driver, starts(MachineSideForm::Hypervisor)) {
        (Help::Never, _, _) if on_request => Some("no step requests the VMC"),
        (Help::TooLate, _, _) if on_request => Some("only who waits for it requests the VMC"),
        (_, Help::Never, _) if by_hand => Some("no step starts the driver"),
        (_, Help::TooLate, _) if by_hand => Some("only who waits for it starts the driver"),
        (_, _, Help::Never) if by_hand => Some("no step starts the hypervisor's side"),
        (_, _, Help::TooLate) if by_hand => {
            Some("only who waits for it starts the hypervisor's side")
        }
        _ => None,
    }
}

/// Whether the driver cannot map its queue and one buffer.
fn window_is_too_small(machine: &MachineForm) -> bool {
    let defaults = ibmvmc::Config::default();
    let or = |number: &Option<Number>, default: i64| {
        number.as_ref().map_or(default, |number| *number.get_ref())
    };
    let queue = or(&machine.crq_pages, defaults.crq_pages.into());
    let mtu = negotiated(&machine.mtu, &machine.hypervisor.mtu, defaults.mtu);
    let page = kernel_page(machine.kernel_page);
    let pages = |bytes: u64| page.window_pages(bytes) as i64;
    let least = pages(queue.unsigned_abs() * papr::PAGE_SIZE) + pages(mtu.unsigned_abs());
    machine.window_pages.as_ref().is_some_and(|pages| *pages.get_ref() < least)
}

/// Whether some application does what the channel needs to come up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Help {
    Never,
    /// Only applications do that begin when the channel is ready.
    TooLate,
    InTime,
}

impl Help {
    fn of(form: &ScenarioForm, wanted: impl Fn(&StepForm) -> bool) -> Help {
        let by = |app: &AppForm| {
            let mut found = false;
            for_each_step(&app.steps, &mut |step| found |= wanted(step));
            match (found, app.start) {
                (false, _) => Help::Never,
                (true, AppStartForm::Ready) => Help::TooLate,
                (true, AppStartForm::Boot) => Help::InTime,
            }
        };
        form.app.iter().map(|app| by(app.get_ref())).max().unwrap_or(Help::Never)
    }
}

#[cfg(test)]
mod tests;
