//! What cannot be meant: impossible values, names that do not exist, and waiting for what cannot happen.

use super::compile::thread_names;
use super::error::Problem;
use super::file::{
    AppForm, AppStartForm, BehaviourForm, MachineForm, MachineSideForm, Number, OpenForm,
    ProfileForm, ReadForm, ReadWord, ResultForm, ScenarioForm, StartForm, StepForm, VmcForm,
    WaitStateForm, WriteForm,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};
use toml::Spanned;

/// Most times that a block of steps repeats.
const MAX_REPEATS: i64 = 10_000;
/// Most threads of a scenario.
const MAX_THREADS: i64 = 512;
/// Longest user buffer or message of a step, in bytes.
const MAX_BYTES: i64 = 1 << 20;
/// Longest sleep, in milliseconds: a day of virtual time.
const MAX_SLEEP_MS: i64 = 86_400_000;
/// Most messages that a source sends in each session.
const MAX_EVENTS: i64 = 100_000;
/// How deep blocks of steps nest.
const MAX_NESTING: usize = 2;

type Check = Result<(), Problem>;

pub(super) fn check(form: &ScenarioForm) -> Check {
    machine(&form.machine)?;
    let apps = Apps::of(form)?;
    for app in &form.app {
        apps.check_app(app)?;
    }
    Ok(())
}

/// A number within bounds, or an error that says them.
pub(super) fn number(
    what: &str,
    number: &Number,
    bounds: RangeInclusive<i64>,
) -> Result<i64, Problem> {
    let value = *number.get_ref();
    if bounds.contains(&value) {
        return Ok(value);
    }
    let (least, most) = (bounds.start(), bounds.end());
    Err(Problem::new(
        number.span(),
        format!("{what} is {least} to {most}, not {value}"),
        format!("write a number from {least} to {most}"),
    ))
}

fn machine(machine: &MachineForm) -> Check {
    let most_hmcs = match machine.profile {
        ProfileForm::Document => 255,
        ProfileForm::Linux => 2,
    };
    let limits = [
        ("hmcs", &machine.hmcs, 1..=most_hmcs),
        ("pool-size", &machine.pool_size, 1..=64),
        ("mtu", &machine.mtu, 32..=16384),
        ("crq-pages", &machine.crq_pages, 1..=16),
        ("hmcs of the hypervisor", &machine.hypervisor.hmcs, 0..=255),
        ("pool-size of the hypervisor", &machine.hypervisor.pool_size, 0..=64),
        ("mtu of the hypervisor", &machine.hypervisor.mtu, 0..=65536),
        ("crq-pages of the hypervisor", &machine.hypervisor.crq_pages, 1..=16),
        ("session-buffers", &machine.hypervisor.session_buffers, 1..=64),
        ("inbound-buffers", &machine.hypervisor.inbound_buffers, 1..=64),
    ];
    for (what, value, bounds) in limits {
        if let Some(value) = value {
            number(what, value, bounds)?;
        }
    }
    for version_text in [&machine.version, &machine.hypervisor.version].into_iter().flatten() {
        version(version_text)?;
    }
    let hypervisor = &machine.hypervisor;
    if let (Some(inbound), Some(all)) = (&hypervisor.inbound_buffers, &hypervisor.session_buffers)
        && inbound.get_ref() > all.get_ref()
    {
        return Err(Problem::new(
            inbound.span(),
            format!("{} inbound buffers of {} in all", inbound.get_ref(), all.get_ref()),
            "make inbound-buffers at most session-buffers",
        ));
    }
    if let BehaviourForm::Source(source) = &machine.behaviour {
        number("events", &source.events, 1..=MAX_EVENTS)?;
        number("bytes", &source.bytes, 0..=65536)?;
    }
    Ok(())
}

/// A version as `major.minor`.
pub(super) fn version(text: &Spanned<String>) -> Result<vmc_proto::Version, Problem> {
    let parts = text.get_ref().split_once('.');
    let parsed = parts.and_then(|(major, minor)| {
        Some(vmc_proto::Version { major: major.parse().ok()?, minor: minor.parse().ok()? })
    });
    parsed.ok_or_else(|| {
        Problem::new(
            text.span(),
            format!("`{}` is no protocol version", text.get_ref()),
            "write major and minor number, each 0 to 255, such as \"1.1\"",
        )
    })
}

/// What the applications of a scenario offer to each other.
struct Apps<'a> {
    form: &'a ScenarioForm,
    names: BTreeSet<&'a str>,
    posted: BTreeSet<&'a str>,
    interrupted: BTreeSet<&'a str>,
    /// Files that some thread of a process opens, by the name of the process.
    opened: BTreeSet<(&'a str, &'a str)>,
    /// Files of a process that get an HMC ID.
    with_session: BTreeSet<(&'a str, &'a str)>,
    /// Why the channel can never be ready, if so.
    never_ready: Option<&'static str>,
}

/// What a thread's script has done so far, file by file.
#[derive(Clone, Default)]
struct Progress<'a> {
    open: BTreeSet<&'a str>,
    with_session: BTreeSet<&'a str>,
    unread: BTreeMap<&'a str, i64>,
    events: BTreeMap<&'a str, i64>,
    nonblock: BTreeSet<&'a str>,
}

impl<'a> Apps<'a> {
    fn of(form: &'a ScenarioForm) -> Result<Apps<'a>, Problem> {
        let mut apps = Apps {
            form,
            names: BTreeSet::new(),
            posted: BTreeSet::new(),
            interrupted: BTreeSet::new(),
            opened: BTreeSet::new(),
            with_session: BTreeSet::new(),
            never_ready: None,
        };
        let mut threads = 0;
        for app in &form.app {
            let span = app.span();
            let app = app.get_ref();
            threads += match &app.count {
                Some(count) => number("count", count, 1..=MAX_THREADS)?,
                None => 1,
            };
            if threads > MAX_THREADS {
                return Err(Problem::new(
                    span,
                    format!("a scenario has at most {MAX_THREADS} threads"),
                    "lower a `count`",
                ));
            }
            if let Some(name) = &app.name {
                apps.add_name(name)?;
            }
            let process = process_of(app);
            for_each_step(&app.steps, &mut |step| apps.note(process, step));
        }
        apps.never_ready = never_ready(form);
        tell_threads_apart(form)?;
        Ok(apps)
    }

    fn add_name(&mut self, name: &'a Spanned<String>) -> Check {
        let text = name.get_ref().as_str();
        let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.is_empty() || !text.chars().all(valid) {
            return Err(Problem::new(
                name.span(),
                format!("`{text}` cannot name an application"),
                "use small letters, digits and `-`",
            ));
        }
        self.names.insert(text);
        Ok(())
    }

    fn note(&mut self, process: &'a str, step: &'a StepForm) {
        match step {
            StepForm::Post(flag) => {
                self.posted.insert(flag);
            }
            StepForm::Interrupt(name) => {
                self.interrupted.insert(name);
            }
            StepForm::Open(OpenForm { file, expect: ResultForm::Ok, .. }) => {
                self.opened.insert((process, file));
            }
            StepForm::SetHmcId(form) if form.0.expect == ResultForm::Ok => {
                self.with_session.insert((process, &form.0.file));
            }
            _ => {}
        }
    }

    fn check_app(&self, app: &'a Spanned<AppForm>) -> Check {
        let span = app.span();
        let app = app.get_ref();
        if let Some(process) = &app.process
            && !self.names.contains(process.get_ref().as_str())
        {
            return Err(Problem::new(
                process.span(),
                format!("no application is named `{}`", process.get_ref()),
                "name the application whose process this thread belongs to",
            ));
        }
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
        self.check_steps(app, &app.steps, &mut Progress::default(), 0)
    }

    fn check_steps(
        &self,
        app: &'a AppForm,
        steps: &'a [Spanned<StepForm>],
        progress: &mut Progress<'a>,
        depth: usize,
    ) -> Check {
        for step in steps {
            self.check_step(app, step, progress, depth)?;
        }
        Ok(())
    }

    fn check_step(
        &self,
        app: &'a AppForm,
        step: &'a Spanned<StepForm>,
        progress: &mut Progress<'a>,
        depth: usize,
    ) -> Check {
        let span = step.span();
        match step.get_ref() {
            StepForm::Open(form) => {
                if form.expect == ResultForm::Ok {
                    progress.open.insert(&form.file);
                    progress.with_session.remove(form.file.as_str());
                    progress.unread.remove(form.file.as_str());
                    progress.events.remove(form.file.as_str());
                    if form.nonblock {
                        progress.nonblock.insert(&form.file);
                    }
                }
                Ok(())
            }
            StepForm::SetHmcId(form) => {
                if form.0.id.len() > vmc_proto::HMC_ID_BYTES as usize {
                    return Err(Problem::new(
                        span,
                        format!("the HMC ID has {} bytes, at most 32 fit", form.0.id.len()),
                        "shorten the HMC ID",
                    ));
                }
                self.must_be_open(app, progress, &form.0.file, span)?;
                if form.0.expect == ResultForm::Ok {
                    progress.with_session.insert(&form.0.file);
                }
                Ok(())
            }
            StepForm::Write(form) => self.check_write(app, form, progress, span),
            StepForm::Read(form) => self.check_read(app, form, progress, span),
            StepForm::Poll(form) => self.must_be_open(app, progress, &form.file, span),
            StepForm::Query(form) => self.must_be_open(app, progress, &form.file, span),
            StepForm::RequestVmc(form) => self.must_be_open(app, progress, &form.file, span),
            StepForm::Close(form) => {
                self.must_be_open(app, progress, &form.file, span)?;
                progress.open.remove(form.file.as_str());
                Ok(())
            }
            StepForm::Wait(form) => {
                self.check_wait(app, form.0.state, &form.0.file, progress, span)
            }
            StepForm::SleepMs(ms) => number("sleep-ms", ms, 0..=MAX_SLEEP_MS).map(|_| ()),
            StepForm::Await(flag) if !self.posted.contains(flag.as_str()) => Err(Problem::new(
                span,
                format!("nobody posts `{flag}`, so this waits for ever"),
                format!("add a step {{ post = \"{flag}\" }} to another application"),
            )),
            StepForm::Interrupt(name) if !self.names.contains(name.as_str()) => Err(Problem::new(
                span,
                format!("no application is named `{name}`"),
                "name the application whose call is to be interrupted",
            )),
            StepForm::Repeat(form) => {
                number("times", &form.times, 1..=MAX_REPEATS)?;
                if depth == MAX_NESTING {
                    return Err(Problem::new(
                        span,
                        format!("blocks of steps nest at most {MAX_NESTING} deep"),
                        "write the inner steps out",
                    ));
                }
                self.check_steps(app, &form.steps, progress, depth + 1)
            }
            StepForm::Start(_)
            | StepForm::Stop(_)
            | StepForm::Pause(_)
            | StepForm::Resume(_)
            | StepForm::AttachHmc(_)
            | StepForm::Post(_)
            | StepForm::Await(_)
            | StepForm::Interrupt(_) => Ok(()),
        }
    }

    /// Whether another thread of the process, or this one, opens the file.
    fn must_be_open(
        &self,
        app: &AppForm,
        progress: &Progress<'_>,
        file: &str,
        span: Range<usize>,
    ) -> Check {
        let by_sibling = self.has_siblings(app) && self.opened.contains(&(process_of(app), file));
        if progress.open.contains(file) || by_sibling {
            return Ok(());
        }
        Err(Problem::new(
            span,
            format!("the file `{file}` is not open here"),
            "add a step { open = {} } before it",
        ))
    }

    /// Whether other threads share the process of this one.
    fn has_siblings(&self, app: &AppForm) -> bool {
        let process = process_of(app);
        let same = |other: &&Spanned<AppForm>| process_of(other.get_ref()) == process;
        !process.is_empty() && self.form.app.iter().filter(same).count() > 1
    }

    fn has_session(&self, app: &AppForm, progress: &Progress<'_>, file: &str) -> bool {
        progress.with_session.contains(file)
            || self.has_siblings(app) && self.with_session.contains(&(process_of(app), file))
    }

    fn check_write(
        &self,
        app: &AppForm,
        form: &'a WriteForm,
        progress: &mut Progress<'a>,
        span: Range<usize>,
    ) -> Check {
        self.must_be_open(app, progress, &form.file, span.clone())?;
        let text = matches!(form.pattern, super::file::PatternForm::Text(_));
        match (&form.bytes, text) {
            (Some(bytes), false) => {
                number("bytes", bytes, 0..=MAX_BYTES)?;
            }
            (None, true) => {}
            (Some(bytes), true) => {
                return Err(Problem::new(
                    bytes.span(),
                    "a text has its own length",
                    "leave `bytes` out, or choose another pattern",
                ));
            }
            (None, false) => {
                return Err(Problem::new(
                    span,
                    "a write needs its length",
                    "add `bytes`, such as { write = { bytes = 4096 } }",
                ));
            }
        }
        let empty = form.bytes.as_ref().is_some_and(|bytes| *bytes.get_ref() == 0);
        if form.expect == ResultForm::Ok && !empty {
            *progress.unread.entry(&form.file).or_default() += 1;
        }
        Ok(())
    }

    fn check_read(
        &self,
        app: &AppForm,
        form: &'a ReadForm,
        progress: &mut Progress<'a>,
        span: Range<usize>,
    ) -> Check {
        self.must_be_open(app, progress, &form.file, span.clone())?;
        if let Some(bytes) = &form.bytes {
            number("bytes", bytes, 0..=MAX_BYTES)?;
        }
        if let Some(bytes) = &form.expect.0.bytes {
            number("bytes", bytes, 0..=MAX_BYTES)?;
        }
        let cannot =
            |message: String, remedy: &str| Err(Problem::new(span.clone(), message, remedy));
        match (form.expect.0.word, &self.form.machine.behaviour) {
            (Some(ReadWord::Echo), BehaviourForm::Echo) => {
                let unread = progress.unread.entry(&form.file).or_default();
                *unread -= 1;
                if *unread < 0 && !self.has_siblings(app) {
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
                if *read > sent {
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
            (Some(ReadWord::Error(ibmvmc::Errno::EAGAIN)), _)
                if !progress.nonblock.contains(form.file.as_str()) =>
            {
                cannot(
                    String::from("a blocking file never returns EAGAIN: this waits for ever"),
                    "open the file with nonblock = true",
                )
            }
            (Some(ReadWord::Error(ibmvmc::Errno::EINTR)), _)
                if !app
                    .name
                    .as_ref()
                    .is_some_and(|name| self.interrupted.contains(name.get_ref().as_str())) =>
            {
                cannot(
                    String::from("nobody interrupts this application: this waits for ever"),
                    "name the application, and add a step { interrupt = \"its name\" } to another",
                )
            }
            _ => Ok(()),
        }
    }

    fn check_wait(
        &self,
        app: &AppForm,
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
            WaitStateForm::SessionReady | WaitStateForm::Readable => {
                self.must_be_open(app, progress, file, span.clone())?;
                if self.has_session(app, progress, file) {
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

/// Names that nobody wrote, letters and those of replicas, must not be taken either.
fn tell_threads_apart(form: &ScenarioForm) -> Check {
    let mut taken = BTreeSet::new();
    for (place, app) in form.app.iter().enumerate() {
        for name in thread_names((place, app)) {
            if taken.contains(&name) {
                let written = app.get_ref().name.as_ref();
                return Err(Problem::new(
                    written.map_or(app.span(), Spanned::span),
                    format!("two applications are named `{name}`"),
                    "give each application a name of its own",
                ));
            }
            taken.insert(name);
        }
    }
    Ok(())
}

/// The name of an application's process; its own name, if it is not told to share.
fn process_of(app: &AppForm) -> &str {
    let own = app.name.as_ref().map_or("", |name| name.get_ref());
    app.process.as_ref().map_or(own, |process| process.get_ref())
}

fn for_each_step<'a>(steps: &'a [Spanned<StepForm>], visit: &mut impl FnMut(&'a StepForm)) {
    for step in steps {
        match step.get_ref() {
            StepForm::Repeat(form) => for_each_step(&form.steps, visit),
            step => visit(step),
        }
    }
}

/// Why the channel of a machine can never be ready.
fn never_ready(form: &ScenarioForm) -> Option<&'static str> {
    let machine = &form.machine;
    let any_step = |wanted: &dyn Fn(&StepForm) -> bool| {
        let mut found = false;
        for app in &form.app {
            for_each_step(&app.get_ref().steps, &mut |step| found |= wanted(step));
        }
        found
    };
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
    if machine.hmc_attached && !any_step(&|step| matches!(step, StepForm::AttachHmc(false))) {
        return Some("an HMC manages the system");
    }
    if driver != hypervisor {
        return Some("the major versions differ");
    }
    let zero = |value: &Option<Number>| value.as_ref().is_some_and(|value| *value.get_ref() == 0);
    let too_small = |mtu: &Option<Number>| mtu.as_ref().is_some_and(|mtu| *mtu.get_ref() < 32);
    let offered = &machine.hypervisor;
    if zero(&offered.hmcs) || zero(&offered.pool_size) || too_small(&offered.mtu) {
        return Some("the hypervisor offers what no channel can work with");
    }
    let starts = |side: MachineSideForm| {
        any_step(&|step| matches!(step, StepForm::Start(started) if *started == side))
    };
    let requested = any_step(&|step| matches!(step, StepForm::RequestVmc(_)));
    let on_request = machine.vmc == VmcForm::OnRequest;
    if on_request && !requested {
        return Some("nobody requests the VMC");
    }
    if machine.start == StartForm::Manual {
        if !starts(MachineSideForm::Driver) && !on_request {
            return Some("nobody starts the driver");
        }
        if !starts(MachineSideForm::Hypervisor) {
            return Some("nobody starts the hypervisor's side");
        }
    }
    None
}
