//! From the form of a scenario to a plan that can be run.

use super::bounds::{self, number};
use super::check::version;
use super::command::{Awaited, Command, CommandForm};
use super::error::Problem;
use super::fault::FaultForm;
use super::file::{
    AppStartForm, BehaviourForm, DupResultForm, HypervisorForm, MachineForm, MachineSideForm,
    PatternForm, PollResultForm, ProfileForm, ReadForm, ReadWord, ResultForm, ScenarioForm,
    ScheduleForm, StartForm, StepForm, VmcForm, WaitForm, WaitStateForm, WriteForm,
};
use super::length::Length;
use super::names::Names;
use super::rules::rules;
use super::spanned::{Number, Spanned};
use hmc_router::Router;
use ibmvmc::{Config, Liberty, Profile, Quirk, QuirkSet};
use managed_system::System;
use phyp::VmcPresence;
use phyp::vmc::{AnyBehaviour, Named, ServiceLiberty, Source};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::ops::Range;
use std::sync::Arc;
use vmc_machine::incarnation::Incarnation;
use vmc_machine::plan::{MachinePlan, Plan, StartOrder, ThreadPlan};
use vmc_machine::schedule::{Actors, Decisions, DecisionsError, below};
use vmc_machine::script::{
    Action, AnyCheck, Condition, Expect, Machine, PollExpect, ReadExpect, Retry, Step,
};
use vmc_proto::{CRQ_ENTRIES_PER_PAGE, Limits};

/// How long a command waits for an answer that may be anything.
const ANSWER_PATIENCE_NS: u64 = 200_000_000;

/// Replaced by the number of the replica in the HMC IDs of an application with a `count`.
const REPLICA: &str = "{n}";

/// The plan; `system` is what the inventory describes, of a machine that has one.
pub(super) fn compile(form: &ScenarioForm, system: Option<System>) -> Result<Plan, Problem> {
    let machine = machine(&form.machine, system)?;
    let names = Names::of(form)?;
    let mut threads = Vec::new();
    for (app, of_app) in form.app.iter().zip(names.apps()) {
        let span = app.span();
        let app = app.get_ref();
        for (replica, (name, own)) in of_app.names.iter().zip(of_app.numbers.clone()).enumerate() {
            let mut compiler = Compiler::new(&names, form, (own, replica + 1));
            if app.start == AppStartForm::Ready {
                compiler.push(Action::Wait(Condition::ChannelReady), span.clone());
            }
            compiler.steps(&app.steps)?;
            let process = of_app.shares.unwrap_or(own);
            let life = match &app.life {
                Some(life) => Incarnation::nth(number("life", life, bounds::LIFE)? as u32),
                None => Incarnation::FIRST,
            };
            let (name, optional, steps) = (name.clone(), app.optional, compiler.steps);
            threads.push(ThreadPlan { name, process, life, optional, steps });
        }
    }
    let rules = rules(form, &names)?;
    let expected_channel = form.expect.channel.map(Into::into);
    let quirks = quirks(&form.quirks)?;
    let decisions = form.schedule.as_ref().map(|form| decisions(form, &threads)).transpose()?;
    Ok(Plan { machine, threads, rules, quirks, expected_channel, decisions, keeps_payloads: false })
}

/// The order of steps that is pinned; it may name those only who are there.
fn decisions(form: &ScheduleForm, threads: &[ThreadPlan]) -> Result<Arc<Decisions>, Problem> {
    let wrong = |message: String, remedy| Problem::new(form.decisions.span(), message, remedy);
    let decisions: Decisions = form.decisions.get_ref().parse().map_err(|e: DecisionsError| {
        wrong(e.to_string(), "write names of activities, each with its number of times")
    })?;
    match Actors::new(threads).unknown(&decisions) {
        None => Ok(Arc::new(decisions)),
        Some(word) => Err(wrong(
            format!("the schedule names `{word}`, whom the scenario does not have"),
            "name one of its applications, or one of interrupt, bottom-half, task, service, director, operator \
             and first",
        )),
    }
}

fn quirks(ids: &[Spanned<String>]) -> Result<QuirkSet, Problem> {
    let quirk = |id: &Spanned<String>| {
        Quirk::from_id(id.get_ref()).ok_or_else(|| {
            let all: Vec<_> = Quirk::ALL.iter().map(|quirk| quirk.id()).collect();
            Problem::new(
                id.span(),
                format!("there is no quirk `{}`", id.get_ref()),
                format!("use one of {}", all.join(", ")),
            )
        })
    };
    ids.iter().map(quirk).collect()
}

fn liberties<L: Copy, S: FromIterator<L>>(
    names: &[Spanned<String>],
    all: &[(&str, L)],
) -> Result<S, Problem> {
    let liberty = |name: &Spanned<String>| {
        let found = all.iter().find(|(known, _)| known == name.get_ref());
        found.map(|(_, liberty)| *liberty).ok_or_else(|| {
            let known: Vec<_> = all.iter().map(|(known, _)| *known).collect();
            Problem::new(
                name.span(),
                format!("there is no liberty `{}`", name.get_ref()),
                format!("use one of {}", known.join(", ")),
            )
        })
    };
    names.iter().map(liberty).collect()
}

fn machine(form: &MachineForm, system: Option<System>) -> Result<MachinePlan, Problem> {
    let defaults = Config::default();
    let driver = Config {
        profile: match form.profile {
            ProfileForm::Document => Profile::Document,
            ProfileForm::Linux => Profile::Linux,
        },
        hmcs: or(&form.hmcs, defaults.hmcs),
        pool_size: or(&form.pool_size, defaults.pool_size),
        mtu: or(&form.mtu, defaults.mtu),
        crq_pages: or(&form.crq_pages, defaults.crq_pages),
        first_session: or(&form.first_session, defaults.first_session),
        version: match &form.version {
            Some(text) => version(text)?,
            None => defaults.version,
        },
    };
    let (hypervisor, hypervisor_crq_pages) = hypervisor(&form.hypervisor, &driver)?;
    let driver_liberties: Vec<_> = Liberty::ALL.iter().map(|l| (l.name(), *l)).collect();
    let optional = |number: &Option<Number>| number.as_ref().map(|_| or(number, 0));
    Ok(MachinePlan {
        driver,
        liberties: liberties(&form.liberties, &driver_liberties)?,
        hypervisor,
        hypervisor_crq_pages,
        session_buffers: optional(&form.hypervisor.session_buffers),
        inbound_buffers: optional(&form.hypervisor.inbound_buffers),
        service_liberties: liberties(
            &form.hypervisor.liberties,
            &ServiceLiberty::ALL.map(|liberty| (liberty.name(), liberty)),
        )?,
        behaviour: match &form.behaviour.0 {
            BehaviourForm::Echo => Named::Echo.into(),
            BehaviourForm::Sink => Named::Sink.into(),
            BehaviourForm::Source(form) => {
                Named::Source(Source::new(value(&form.events), value(&form.bytes))).into()
            }
            BehaviourForm::Router | BehaviourForm::Inventory(_) => {
                AnyBehaviour::new(Router::new(system.unwrap_or_else(hmc_router::small_system)))
            }
        },
        start: match form.start {
            StartForm::DriverFirst => StartOrder::Driver,
            StartForm::HypervisorFirst => StartOrder::Hypervisor,
            StartForm::Manual => StartOrder::Manual,
        },
        vmc: match form.vmc {
            VmcForm::Present => VmcPresence::Present,
            VmcForm::OnRequest => VmcPresence::OnRequest,
        },
        hmc_attached: form.hmc_attached,
        window_pages: form.window_pages.as_ref().map(value),
        kernel_page: form.kernel_page.page(),
    })
}

/// What the hypervisor offers: what the driver does, unless the scenario says otherwise.
fn hypervisor(form: &HypervisorForm, driver: &Config) -> Result<(Limits, u16), Problem> {
    let crq_pages = or(&form.crq_pages, 1);
    let limits = Limits {
        hmcs: or(&form.hmcs, driver.hmcs),
        pool_size: or(&form.pool_size, driver.pool_size),
        mtu: or(&form.mtu, driver.mtu),
        crq_size: crq_pages * CRQ_ENTRIES_PER_PAGE,
        version: match &form.version {
            Some(text) => version(text)?,
            None => driver.version,
        },
    };
    Ok((limits, crq_pages))
}

/// The number, or what goes without saying. The checks have bounded it.
fn or<T: TryFrom<i64>>(number: &Option<Number>, default: T) -> T {
    number.as_ref().and_then(|number| T::try_from(*number.get_ref()).ok()).unwrap_or(default)
}

/// The number; the checks have bounded it.
fn value<T: TryFrom<i64> + Default>(number: &Number) -> T {
    T::try_from(*number.get_ref()).unwrap_or_default()
}

/// A number of milliseconds, in nanoseconds.
fn nanoseconds(ms: &Number) -> u64 {
    value::<u64>(ms).saturating_mul(1_000_000)
}

/// Makes the steps of one thread.
struct Compiler<'a> {
    names: &'a Names,
    faults: &'a [Spanned<FaultForm>],
    behaviour: &'a BehaviourForm,
    /// Number of the thread among all.
    thread: u16,
    /// Which replica of its application the thread is, from 1.
    replica: usize,
    /// How many messages were written so far, so that no two are alike.
    writes: u32,
    /// The round of the innermost block, from 0.
    round: u32,
    steps: Vec<Step>,
}

impl<'a> Compiler<'a> {
    fn new(
        names: &'a Names,
        form: &'a ScenarioForm,
        (thread, replica): (u16, usize),
    ) -> Compiler<'a> {
        let (faults, behaviour) = (&form.fault, &form.machine.behaviour.0);
        Compiler {
            names,
            faults,
            behaviour,
            thread,
            replica,
            writes: 0,
            round: 0,
            steps: Vec::new(),
        }
    }

    fn push(&mut self, action: Action, span: Range<usize>) {
        self.steps.push(Step { action, span, retry: None });
    }

    fn steps(&mut self, steps: &[Spanned<StepForm>]) -> Result<(), Problem> {
        for step in steps {
            let span = step.span();
            if let StepForm::Repeat(form) = step.get_ref() {
                let outer = self.round;
                for round in 0..number("times", &form.times, bounds::REPEATS)? as u32 {
                    self.round = round;
                    self.steps(&form.steps)?;
                }
                self.round = outer;
                continue;
            }
            match step.get_ref() {
                StepForm::Command(form) => self.command(form, span)?,
                StepForm::Event(form) => {
                    let check = AnyCheck::new(form.check()?);
                    self.push(read_checked(&form.file, check), span);
                }
                _ => self.one_action(step, span),
            }
        }
        Ok(())
    }

    /// A command: what the trace says, the request, the answer.
    fn command(&mut self, form: &CommandForm, span: Range<usize>) -> Result<(), Problem> {
        let token = (u32::from(self.thread) + 1) << 16 | self.writes & 0xFFFF;
        self.writes += 1;
        let Command { words, message, answer } = form.command(token, self.round, span.clone())?;
        self.push(Action::Say(words), span.clone());
        let file = form.file.clone();
        let (expect, read) = match answer {
            Awaited::Nothing => (Expect::Ok, None),
            Awaited::Checked(check) => {
                (Expect::Ok, Some(read_checked(&file, AnyCheck::new(check))))
            }
            Awaited::Anything => {
                let (file, expect) = (file.clone(), ReadExpect::Any);
                let patience_ns = Some(ANSWER_PATIENCE_NS);
                let (len_bytes, faults) = (None, false);
                let read = Action::Read { file, len_bytes, faults, patience_ns, expect };
                (Expect::Any, Some(read))
            }
        };
        self.push(Action::Write { file, payload: message, faults: false, expect }, span.clone());
        if let Some(read) = read {
            self.push(read, span);
        }
        Ok(())
    }

    fn one_action(&mut self, step: &Spanned<StepForm>, span: Range<usize>) {
        if let Some(action) = self.action(step.get_ref()) {
            let paused = action == Action::Pause;
            self.steps.push(Step { action, span: span.clone(), retry: retry(step.get_ref()) });
            if paused {
                self.push(Action::Wait(Condition::HypervisorPaused), span);
            }
        }
    }

    fn action(&mut self, step: &StepForm) -> Option<Action> {
        Some(match step {
            StepForm::Open(form) => Action::Open {
                file: form.file.clone(),
                nonblock: form.nonblock,
                expect: expect(form.expect),
            },
            StepForm::SetHmcId(form) => Action::SetHmcId {
                file: form.0.file.clone(),
                id: self.hmc_id(&form.0.id),
                expect: expect(form.0.expect),
            },
            StepForm::Write(form) => self.write(form),
            StepForm::Read(form) => self.read(form),
            StepForm::Poll(form) => Action::Poll {
                file: form.file.clone(),
                wait: form.wait,
                patience_ns: form.patience_ms.as_ref().map(nanoseconds),
                expect: match form.expect {
                    PollResultForm::Readable => PollExpect::Readable,
                    PollResultForm::Nothing => PollExpect::Nothing,
                    PollResultForm::HungUp => PollExpect::HungUp,
                    PollResultForm::Invalid => PollExpect::Invalid,
                    PollResultForm::Any => PollExpect::Any,
                    PollResultForm::Error(errno) => PollExpect::Error(errno),
                },
            },
            StepForm::Query(form) => Action::Query {
                file: form.file.clone(),
                state: form.expect.map(Into::into),
                have_vmc: form.have_vmc,
            },
            StepForm::RequestVmc(form) => {
                Action::RequestVmc { file: form.file.clone(), expect: expect(form.expect) }
            }
            StepForm::Ioctl(form) => Action::Ioctl {
                file: form.file.clone(),
                number: value(&form.number),
                id: form.id.as_ref().map_or_else(String::new, |id| self.hmc_id(id.get_ref())),
                faults: form.fault,
                expect: expect(form.expect),
            },
            StepForm::Dup(form) => Action::Dup {
                file: form.file.clone(),
                name: form.name.clone(),
                may_fail: form.expect == DupResultForm::Any,
            },
            StepForm::Close(form) => {
                Action::Close { file: form.file.clone(), expect: expect(form.expect) }
            }
            StepForm::Wait(form) => match &form.0.patience_ms {
                Some(ms) => Action::WaitBriefly(condition(&form.0), nanoseconds(ms)),
                None => Action::Wait(condition(&form.0)),
            },
            StepForm::SleepMs(ms) => Action::SleepNs(nanoseconds(ms)),
            StepForm::Start(side) => Action::Start(side.into()),
            StepForm::Stop(side) => Action::Stop(side.into()),
            StepForm::Pause(_) => Action::Pause,
            StepForm::Resume(_) => Action::Resume,
            StepForm::AttachHmc(attached) => Action::AttachHmc(*attached),
            StepForm::Post(flag) => Action::Post(flag.clone()),
            StepForm::Await(flag) => Action::Await(flag.clone()),
            StepForm::Interrupt(name) => Action::Interrupt(self.names.thread(name)?),
            StepForm::Fault(name) => Action::Fault(self.fault(name)?),
            StepForm::Repeat(_) | StepForm::Command(_) | StepForm::Event(_) => return None,
        })
    }

    /// The HMC ID of this replica.
    fn hmc_id(&self, id: &str) -> String {
        id.replace(REPLICA, &self.replica.to_string())
    }

    /// The rule of that name; the checks have found it.
    fn fault(&self, name: &Spanned<String>) -> Option<usize> {
        self.faults.iter().position(|f| f.get_ref().name.get_ref() == name.get_ref())
    }

    fn write(&mut self, form: &WriteForm) -> Action {
        let len_bytes = form.bytes.as_ref().map_or(0, |bytes| self.length(bytes));
        let payload = payload(&form.pattern, self.thread, self.writes, len_bytes);
        self.writes += 1;
        Action::Write {
            file: form.file.clone(),
            payload,
            faults: form.fault,
            expect: expect(form.expect),
        }
    }

    fn read(&self, form: &ReadForm) -> Action {
        let result = &form.expect.0;
        Action::Read {
            file: form.file.clone(),
            len_bytes: form.bytes.as_ref().map(|bytes| self.length(bytes)),
            faults: form.fault,
            // With `retry` it is the step that has it.
            patience_ns: form
                .patience_ms
                .as_ref()
                .filter(|_| form.retry.is_empty())
                .map(nanoseconds),
            expect: match result.word {
                Some(ReadWord::Echo) => ReadExpect::Echo,
                Some(ReadWord::Event) => ReadExpect::Event { len_bytes: self.event_bytes() },
                Some(ReadWord::Empty) => ReadExpect::Empty,
                Some(ReadWord::Any) => ReadExpect::Any,
                Some(ReadWord::Error(errno)) => ReadExpect::Error(errno),
                None => {
                    let len_bytes = result.bytes.as_ref().map_or(0, |bytes| self.length(bytes));
                    ReadExpect::Bytes(payload(&result.pattern, self.thread, 0, len_bytes))
                }
            },
        }
    }

    /// The length in this round; the checks have bounded it.
    fn length<T: TryFrom<i64> + Default>(&self, length: &Length) -> T {
        T::try_from(length.get_ref().in_round(self.round)).unwrap_or_default()
    }

    /// How long the messages are that the hypervisor sends by itself.
    fn event_bytes(&self) -> u32 {
        match self.behaviour {
            BehaviourForm::Source(form) => value(&form.bytes),
            BehaviourForm::Echo
            | BehaviourForm::Sink
            | BehaviourForm::Router
            | BehaviourForm::Inventory(_) => 0,
        }
    }
}

/// Reads a message that must fit.
fn read_checked(file: &str, check: AnyCheck) -> Action {
    let expect = ReadExpect::Checked(check);
    Action::Read {
        file: file.to_owned(),
        len_bytes: None,
        faults: false,
        patience_ns: None,
        expect,
    }
}

impl From<&MachineSideForm> for Machine {
    fn from(form: &MachineSideForm) -> Machine {
        match form {
            MachineSideForm::Driver => Machine::Driver,
            MachineSideForm::Hypervisor => Machine::Hypervisor,
        }
    }
}

/// When the call of a step is made again.
fn retry(step: &StepForm) -> Option<Retry> {
    let (errnos, patience_ms) = step.retry()?;
    let patience_ns = patience_ms.map_or(0, nanoseconds);
    let errnos: Vec<_> = errnos.iter().copied().map(Into::into).collect();
    (!errnos.is_empty()).then_some(Retry { errnos, patience_ns })
}

fn expect(form: ResultForm) -> Expect {
    match form {
        ResultForm::Ok => Expect::Ok,
        ResultForm::Any => Expect::Any,
        ResultForm::Error(errno) => Expect::Error(errno),
    }
}

fn condition(form: &WaitForm) -> Condition {
    let file = form.file.clone();
    match form.state {
        WaitStateForm::ChannelReady => Condition::ChannelReady,
        WaitStateForm::ChannelDown => Condition::ChannelDown,
        WaitStateForm::ChannelNegotiating => Condition::ChannelNegotiating,
        WaitStateForm::ChannelFailed => Condition::ChannelFailed,
        WaitStateForm::DriverStarted => Condition::DriverStarted,
        WaitStateForm::DriverStopped => Condition::DriverStopped,
        WaitStateForm::HypervisorStarted => Condition::HypervisorStarted,
        WaitStateForm::HypervisorWaiting => Condition::HypervisorWaiting,
        WaitStateForm::HypervisorStopped => Condition::HypervisorStopped,
        WaitStateForm::Seeded => Condition::Seeded,
        WaitStateForm::SessionReady => Condition::SessionReady { file },
        WaitStateForm::SessionSettled => Condition::SessionSettled { file },
        WaitStateForm::SessionEnded => Condition::SessionEnded { file },
        WaitStateForm::Readable => Condition::Readable { file },
    }
}

/// The bytes of the `n`th message of a thread.
fn payload(pattern: &PatternForm, thread: u16, n: u32, len_bytes: usize) -> Vec<u8> {
    match pattern {
        PatternForm::Counter => (0..len_bytes).map(|i| (i + n as usize) as u8).collect(),
        PatternForm::Zeros => vec![0; len_bytes],
        PatternForm::Random => random(u64::from(n), len_bytes),
        // No other pattern has these numbers.
        PatternForm::Unique => random(((u64::from(thread) + 1) << 32) | u64::from(n), len_bytes),
        PatternForm::Text(text) => text.as_bytes().to_vec(),
    }
}

fn random(seed: u64, len_bytes: usize) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..len_bytes).map(|_| below(&mut rng, 256) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scenario;

    fn steps(text: &str) -> Vec<Step> {
        Scenario::parse("t.toml", text).unwrap().plan().threads[0].steps.clone()
    }

    #[test]
    fn waiting_for_the_channel_is_blamed_on_the_application_that_does() {
        let text = "title = \"t\"\n[[app]]\nsteps = []\n";
        let [Step { action: Action::Wait(Condition::ChannelReady), span, .. }] = &steps(text)[..]
        else {
            panic!("{:?}", steps(text))
        };
        assert_eq!(span.start, text.find("[[app]]").unwrap());
    }

    #[test]
    fn a_schedule_may_name_those_only_who_are_there() {
        let text = |word: &str| {
            format!(
                "title = \"t\"\nschedule.decisions = \"first*2 {word}*3\"\n[[app]]\nsteps = []\n"
            )
        };
        for word in ["a", "app:a", "service", "operator", "director"] {
            Scenario::parse("t.toml", &text(word)).unwrap();
        }
        for (word, message) in [
            ("b", "the schedule names `b`, whom the scenario does not have"),
            ("app:service", "the schedule names `app:service`"),
            ("A", "decision 2: `A*3` names no activity"),
            ("a*0", "decision 2: `a*0*3` says no number of times"),
        ] {
            let error = Scenario::parse("t.toml", &text(word)).unwrap_err();
            assert_eq!((error.line(), error.column()), (2, 22), "{error}");
            assert!(error.message().starts_with(message), "{error}");
        }
    }

    #[test]
    fn an_event_is_expected_to_be_as_long_as_the_source_sends_it() {
        let text = r#"
            title = "t"
            machine.behaviour = { source = { events = 1, bytes = 64 } }
            [[app]]
            steps = [ { open = {} }, { read = { expect = "event" } } ]
        "#;
        let Some(Action::Read { expect, .. }) = steps(text).pop().map(|step| step.action) else {
            panic!("{:?}", steps(text))
        };
        assert_eq!(expect, ReadExpect::Event { len_bytes: 64 });
    }
}
