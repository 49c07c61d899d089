//! What cannot be meant: impossible values, names that do not exist, and waiting for what cannot happen.

mod calls;
mod ioctl;
mod machine;
mod ready;
mod retry;

pub(super) use machine::{must_route, version};

use super::bounds::{self, number};
use super::error::Problem;
use super::fault::FaultForm;
use super::file::{
    AppForm, AppStartForm, OpenForm, ResultForm, ScenarioForm, StepForm, WaitStateForm,
};
use super::names::Names;
use super::size;
use super::spanned::{Number, Spanned};
use ready::never_ready;
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
                must_route(&self.form.machine.behaviour.0, span.clone())?;
                form.command(0, progress.round.unwrap_or(0), span).map(|_| ())
            }
            StepForm::Event(form) => {
                self.must_be_open(progress, &form.file, span.clone())?;
                must_route(&self.form.machine.behaviour.0, span)?;
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

fn for_each_step<'a>(steps: &'a [Spanned<StepForm>], visit: &mut impl FnMut(&'a StepForm)) {
    for step in steps {
        match step.get_ref() {
            StepForm::Repeat(form) => for_each_step(&form.steps, visit),
            step => visit(step),
        }
    }
}

#[cfg(test)]
mod tests;
