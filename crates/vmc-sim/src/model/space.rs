//! The states of a model, what leads from one to the next, and what must hold in each.

use super::ModelError;
use super::catalogue::{self, Model};
use super::liveness::Recovering;
use super::machine::{Machine, Move, Setting};
use crate::invariants;
use ibmvmc::QuirkSet;
use stateright::Property;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use vmc_check::Violation;
use vmc_machine::activity::Activity;
use vmc_machine::actor::Actor;
use vmc_machine::canonical::Fingerprint;
use vmc_machine::ending::End;
use vmc_machine::plan::Plan;
use vmc_machine::runtime::ActivityId;
use vmc_trace::{Record, Sequence, Trace, render};

/// How many faults may happen in a run.
const FAULTS: u8 = 1;

/// The property that looks at what happened on the way to a state.
const RECORDS: &str = "invariants";

/// One of so many states has the records of the way to it looked at.
const SAMPLE: u64 = 64;

/// What does not hold of a state.
type Check = fn(&Space, &State) -> Vec<Violation>;

/// What holds in every state.
pub(super) const PROPERTIES: [(&str, Check); 5] = [
    // What the scripts expect of their calls.
    ("expectations", |_, state| state.look(expectations)),
    // Requests stay within half of the peer's queue.
    ("outstanding", |_, state| {
        state.look(|machine| invariants::outstanding_now(&machine.world, &machine.actors))
    }),
    // What a command router does is right, and so is the system that it manages.
    ("management", |_, state| {
        state.look(|machine| invariants::management::check(&machine.actors, machine.is_at_rest()))
    }),
    // Every invariant of a run that has ended, on the way here; at rest those of its end.
    (RECORDS, Space::check_records),
    // Every state leads back to a channel that works.
    ("recovery", |space, state| {
        let what = state.look(|machine| space.recovering.check(machine, state.normal)).err();
        what.into_iter().map(|what| Violation { checker: "recovery", what }).collect()
    }),
];

/// A model, ready to be explored.
pub(super) struct Space {
    plan: Plan,
    /// The rules of its faults that happen by themselves.
    injections: Vec<usize>,
    setting: Setting,
    recovering: Recovering,
    at_rest: AtomicUsize,
    /// Which rules have fired on the way to some state.
    fired: Vec<AtomicBool>,
    initial: State,
}

/// A state. The lock is there because the machine is made for one thread at a time.
pub(super) struct State {
    machine: Mutex<Machine>,
    /// Of the machine's canonical state.
    normal: Fingerprint,
    /// Of that and of what may still happen.
    fingerprint: u64,
    /// The move that led here, and those before it.
    path: Option<Arc<Link>>,
}

struct Link {
    made: Move,
    before: Option<Arc<Link>>,
}

impl State {
    fn new(machine: Machine, path: Option<Arc<Link>>) -> State {
        let normal = machine.fingerprint();
        let mut state = normal;
        state.write_u8(machine.faults_left);
        State { machine: Mutex::new(machine), normal, fingerprint: state.finish(), path }
    }

    /// Works with the machine.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Machine) -> T) -> T {
        // A panic in a reader has changed nothing.
        look(&self.machine.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The moves that led here.
    fn moves(&self) -> Vec<Move> {
        let first = self.path.as_ref();
        let links = std::iter::successors(first, |link| link.before.as_ref());
        let mut moves: Vec<Move> = links.map(|link| link.made).collect();
        moves.reverse();
        moves
    }
}

impl Link {
    fn of(moves: &[Move]) -> Option<Arc<Link>> {
        let link = |before, made: &Move| Some(Arc::new(Link { made: *made, before }));
        moves.iter().fold(None, link)
    }
}

/// A path may be long: it is taken apart link by link, not by a call inside a call.
impl Drop for Link {
    fn drop(&mut self) {
        let mut before = self.before.take();
        while let Some(mut link) = before.and_then(Arc::into_inner) {
            before = link.before.take();
        }
    }
}

impl Clone for State {
    fn clone(&self) -> State {
        let machine = Mutex::new(self.look(Machine::clone));
        let State { normal, fingerprint, .. } = *self;
        State { machine, normal, fingerprint, path: self.path.clone() }
    }
}

impl PartialEq for State {
    fn eq(&self, other: &State) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.fingerprint);
    }
}

/// What a reader of the explorer's page sees.
impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.look(|machine| {
            let service = machine.world.process_table.lock().service_state;
            let kernel = machine.world.kernel.lock();
            writeln!(f, "driver: {}, hypervisor's side: {service}", kernel.driver.state())?;
            for slot in kernel.driver.slots() {
                write!(f, "HMC index {}: ", slot.index)?;
                match slot.session {
                    Some((number, state)) => writeln!(f, "session {number} {}", state.name())?,
                    None => writeln!(f, "no session")?,
                }
                slot.buffers().try_for_each(|b| writeln!(f, "  buffer {}: {:?}", b.id, b.owner))?;
            }
            drop(kernel);
            let sides = ["management partition", "hypervisor's side"];
            for (side, entries) in sides.iter().zip(machine.queued()) {
                let lies = if entries.is_empty() { " empty" } else { "" };
                let entries = entries.iter().map(|entry| format!("\n  {entry}"));
                writeln!(f, "queue of the {side}:{lies}{}", entries.collect::<String>())?;
            }
            let ready = machine.runtime.ready();
            let steps = ready.iter().map(|id| machine.next_step(*id));
            steps.into_iter().try_for_each(|step| writeln!(f, "ready: {step}"))?;
            let waiting = machine.end().waiting;
            let waiting = waiting.iter().filter(|stuck| !ready.contains(&stuck.id));
            let names = waiting.map(|stuck| machine.name_of(stuck.id));
            names.into_iter().try_for_each(|name| writeln!(f, "waits: {name}"))?;
            writeln!(f, "faults that may still happen: {}", machine.faults_left)
        })
    }
}

impl Space {
    pub(super) fn new(model: &Model, quirks: QuirkSet) -> Result<Space, ModelError> {
        let plan = model.plan()?;
        let begin = model.begin()?;
        let setting = Setting { quirks, faults: FAULTS, settles: true, record: false, begin };
        let initial = State::new(Machine::new(&plan, setting)?, None);
        let injections = catalogue::injections(&plan);
        let (recovering, at_rest) = (Recovering::default(), AtomicUsize::new(0));
        let fired = plan.rules.iter().map(|_| AtomicBool::new(false)).collect();
        Ok(Space { plan, injections, setting, recovering, at_rest, fired, initial })
    }

    /// How many states at rest were looked at.
    pub(super) fn at_rest(&self) -> usize {
        self.at_rest.load(Ordering::Relaxed)
    }

    /// Names of the faults that have happened in no state so far.
    pub(super) fn unfired(&self) -> Vec<String> {
        let rules = self.plan.rules.iter().zip(&self.fired);
        let never = rules.filter(|(_, fired)| !fired.load(Ordering::Relaxed));
        never.map(|(rule, _)| rule.name.clone()).collect()
    }

    /// The machine with which every path begins, with an eye on what happens.
    fn recording(&self) -> Result<Machine, ModelError> {
        Ok(Machine::new(&self.plan, Setting { record: true, ..self.setting })?)
    }

    /// Says what does not hold at the end of a path. What the records show is there for the rest of the path, and is
    /// told where it first shows.
    pub(super) fn explain(
        &self,
        property: &'static str,
        moves: &[Move],
    ) -> Result<super::PathTo, ModelError> {
        let check = PROPERTIES.iter().find(|(name, _)| *name == property).map(|(_, check)| check);
        let violation = |machine: &Machine, moves: &[Move]| {
            let state = State::new(machine.clone(), Link::of(moves));
            check.and_then(|check| check(self, &state).into_iter().next())
        };
        let mut machine = self.recording()?;
        let mut described = Vec::new();
        for next in moves {
            described.push(self.describe(*next, Some(&machine)));
            machine.make(*next);
            if property == RECORDS && !self.of_records(&machine)?.is_empty() {
                break;
            }
        }
        let found = match property {
            RECORDS => self.of_records(&machine)?.into_iter().next(),
            _ => violation(&machine, moves),
        };
        let (checker, what) = match found {
            Some(Violation { checker, what }) => (checker, what),
            None => ("", String::from("it holds when the path is gone once more")),
        };
        let trace = render(&Sequence::of(&machine.take_trace(&self.plan)));
        Ok(super::PathTo { property, checker, what, moves: described, trace })
    }

    /// Every checker that there is, over a path that was recorded.
    fn of_records(&self, machine: &Machine) -> Result<Vec<Violation>, ModelError> {
        let end = machine.end();
        // Here time may pass although an activity could go on, so it says nothing about who sleeps too long.
        let trace = machine.clone().take_trace(&self.plan);
        let timeless = |record: &Record| Record { time_ns: 0, ..record.clone() };
        let records = trace.records().iter().map(timeless).collect();
        let trace = Trace::new(records, trace.names().clone());
        let mut found =
            invariants::check_end(&machine.world, &machine.actors, &trace, true, &end, &self.plan);
        if end.quiescent && self.plan.rules.is_empty() {
            found.extend(stuck(&machine.actors, &end));
        }
        Ok(found)
    }

    /// At rest, and in some of the other states: what is wrong with a path is so with all that go on from it.
    fn check_records(&self, state: &State) -> Vec<Violation> {
        if state.look(Machine::is_at_rest) {
            self.at_rest.fetch_add(1, Ordering::Relaxed);
        } else if !state.fingerprint.is_multiple_of(SAMPLE) {
            return Vec::new();
        }
        let gone = self.recording().and_then(|mut machine| {
            for next in state.moves() {
                machine.make(next);
            }
            self.of_records(&machine)
        });
        gone.unwrap_or_else(|error| vec![Violation { checker: "machine", what: error.to_string() }])
    }

    /// What a move does; from a state of the machine, if that is known.
    fn describe(&self, next: Move, machine: Option<&Machine>) -> String {
        let fault = |rule: usize| self.plan.rules[rule].describe(&self.initial_threads());
        let step = |id: ActivityId| match machine {
            Some(machine) => machine.next_step(id),
            None => self.initial.look(|machine| machine.name_of(id)),
        };
        match next {
            Move::Step(id) => step(id),
            Move::Struck(id, rule) => format!("{}; fault: {}", step(id), fault(rule)),
            Move::Strike(rule) => format!("fault: {}", fault(rule)),
            Move::Time => String::from("time passes"),
        }
    }

    fn initial_threads(&self) -> Vec<String> {
        self.plan.threads.iter().map(|thread| thread.name.clone()).collect()
    }

    fn holds(&self, property: usize, state: &State) -> bool {
        PROPERTIES[property].1(self, state).is_empty()
    }
}

impl stateright::Model for Space {
    type State = State;
    type Action = Move;

    fn init_states(&self) -> Vec<State> {
        vec![self.initial.clone()]
    }

    fn actions(&self, state: &State, moves: &mut Vec<Move>) {
        moves.extend(state.look(|machine| machine.moves(&self.injections)));
    }

    fn next_state(&self, state: &State, next: Move) -> Option<State> {
        let mut machine = state.look(Machine::clone);
        let link = Link { made: next, before: state.path.clone() };
        machine.make(next).then(|| {
            machine.world.faults.each_fired(|rule| self.fired[rule].store(true, Ordering::Relaxed));
            State::new(machine, Some(Arc::new(link)))
        })
    }

    fn format_action(&self, next: &Move) -> String {
        self.describe(*next, None)
    }

    fn properties(&self) -> Vec<Property<Space>> {
        // As many as there are in the table.
        let all: [_; PROPERTIES.len()] =
            [property::<0>(), property::<1>(), property::<2>(), property::<3>(), property::<4>()];
        all.into()
    }
}

/// A row of the table, as stateright wants it: a function, which knows its row by its type.
fn property<const ROW: usize>() -> Property<Space> {
    Property::always(PROPERTIES[ROW].0, |space, state| space.holds(ROW, state))
}

fn expectations(machine: &Machine) -> Vec<Violation> {
    let failure = |actor: &Actor| match &actor.activity {
        Activity::App(app) => app.failure().map(|f| Violation {
            checker: "expectation",
            what: format!("expected {}, got {}", f.expected, f.got),
        }),
        _ => None,
    };
    machine.actors.iter().filter_map(failure).collect()
}

/// Scripts that do not get to their end although nothing has gone wrong.
fn stuck(actors: &[Actor], end: &End) -> Vec<Violation> {
    let is_app = |id: &ActivityId| matches!(actors[id.index()].activity, Activity::App(_));
    let stuck = end.waiting.iter().map(|stuck| stuck.id).filter(is_app);
    stuck.map(|id| Violation { checker: "stuck", what: format!("{id} waits forever") }).collect()
}
