//! The states of a model, what leads from one to the next, and what must hold in each.

use super::catalogue::{self, Model};
use super::liveness::Recovering;
use super::machine::{Machine, Move, Setting};
use crate::activity::Activity;
use crate::invariants::{self, Violation};
use crate::line::Line;
use crate::normal::Fingerprint;
use crate::plan::Plan;
use crate::run::{End, MachineError};
use ibmvmc::QuirkSet;
use stateright::Property;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use vmc_trace::{Sequence, render};

/// How many faults may happen in a run.
const FAULTS: u8 = 1;

/// What does not hold of a state.
type Check = fn(&Space, &State) -> Vec<Violation>;

/// What holds in every state.
pub(super) const PROPERTIES: [(&str, Check); 4] = [
    // What the scripts expect of their calls.
    ("expectations", |_, state| state.look(expectations)),
    // Requests stay within half of the peer's queue.
    ("outstanding", |_, state| {
        state.look(|machine| invariants::outstanding_now(&machine.world, &machine.lines))
    }),
    // Where nothing is left to run, every invariant of a run that has ended.
    ("rest", Space::check_rest),
    // Every state leads back to a channel that works.
    ("recovery", |space, state| {
        let what = state.look(|machine| space.recovering.check(machine, state.normal)).err();
        what.into_iter().map(|what| Violation { checker: "recovery", what }).collect()
    }),
];

/// A model, ready to be explored.
pub(super) struct Space {
    plan: Plan,
    /// The rules of its faults that strike by themselves.
    strikes: Vec<usize>,
    setting: Setting,
    recovering: Recovering,
    at_rest: AtomicUsize,
    initial: State,
}

/// A state. The lock is there because the machine is made for one thread at a time.
pub(super) struct State {
    machine: Mutex<Machine>,
    /// Of the machine's normal form.
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
        // A panic while somebody looked has changed nothing.
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
            let service = machine.world.desk.lock().service_state;
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
            let ready = machine.books.ready();
            ready.iter().try_for_each(|id| writeln!(f, "ready: {id}"))?;
            let waiting = machine.end().waiting;
            let waiting = waiting.iter().filter(|stuck| !ready.contains(&stuck.id));
            waiting.map(|stuck| stuck.id).try_for_each(|id| writeln!(f, "waits: {id}"))?;
            writeln!(f, "faults that may still happen: {}", machine.faults_left)
        })
    }
}

impl Space {
    pub(super) fn new(model: &Model, quirks: QuirkSet) -> Result<Space, MachineError> {
        let plan = model.plan()?;
        let ready = model.begins_ready()?;
        let setting = Setting { quirks, faults: FAULTS, settles: true, record: false, ready };
        let initial = State::new(Machine::new(&plan, setting)?, None);
        let strikes = catalogue::strikes(&plan);
        let (recovering, at_rest) = (Recovering::default(), AtomicUsize::new(0));
        Ok(Space { plan, strikes, setting, recovering, at_rest, initial })
    }

    /// How many states at rest were looked at.
    pub(super) fn at_rest(&self) -> usize {
        self.at_rest.load(Ordering::Relaxed)
    }

    /// Goes a path once more, with an eye on what happens.
    fn go(&self, moves: &[Move]) -> Result<Machine, MachineError> {
        let mut machine = Machine::new(&self.plan, Setting { record: true, ..self.setting })?;
        for next in moves {
            machine.make(*next);
        }
        Ok(machine)
    }

    /// Says what does not hold at the end of a path.
    pub(super) fn explain(
        &self,
        property: &'static str,
        moves: &[Move],
    ) -> Result<super::PathTo, MachineError> {
        let mut machine = self.go(moves)?;
        let trace = render(&Sequence::of(&machine.take_trace(&self.plan)));
        let path =
            moves.iter().fold(None, |before, made| Some(Arc::new(Link { made: *made, before })));
        let state = State::new(machine, path);
        let found = PROPERTIES.iter().find(|(name, _)| *name == property);
        let violation = found.and_then(|(_, check)| check(self, &state).into_iter().next());
        let (checker, what) = match violation {
            Some(Violation { checker, what }) => (checker, what),
            None => ("", String::from("it holds when the path is gone once more")),
        };
        let moves = moves.iter().map(|next| self.describe(*next)).collect();
        Ok(super::PathTo { property, checker, what, moves, trace })
    }

    fn check_rest(&self, state: &State) -> Vec<Violation> {
        let Some(end) = state.look(|machine| machine.is_at_rest().then(|| machine.end())) else {
            return Vec::new();
        };
        self.at_rest.fetch_add(1, Ordering::Relaxed);
        let mut machine = match self.go(&state.moves()) {
            Ok(machine) => machine,
            Err(error) => return vec![Violation { checker: "machine", what: error.to_string() }],
        };
        let trace = machine.take_trace(&self.plan);
        let mut found =
            invariants::check_end(&machine.world, &machine.lines, &trace, &end, &self.plan);
        if self.plan.rules.is_empty() {
            found.extend(stuck(&machine.lines, &end));
        }
        found
    }

    fn describe(&self, next: Move) -> String {
        let fault = |rule: usize| self.plan.rules[rule].describe(&[]);
        match next {
            Move::Step(id) => id.to_string(),
            Move::Struck(id, rule) => format!("{id}; fault: {}", fault(rule)),
            Move::Strike(rule) => format!("fault: {}", fault(rule)),
            Move::Time => String::from("time passes"),
        }
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
        moves.extend(state.look(|machine| machine.moves(&self.strikes)));
    }

    fn next_state(&self, state: &State, next: Move) -> Option<State> {
        let mut machine = state.look(Machine::clone);
        let link = Link { made: next, before: state.path.clone() };
        machine.make(next).then(|| State::new(machine, Some(Arc::new(link))))
    }

    fn format_action(&self, next: &Move) -> String {
        self.describe(*next)
    }

    fn properties(&self) -> Vec<Property<Space>> {
        vec![
            Property::always(PROPERTIES[0].0, |space, state| space.holds(0, state)),
            Property::always(PROPERTIES[1].0, |space, state| space.holds(1, state)),
            Property::always(PROPERTIES[2].0, |space, state| space.holds(2, state)),
            Property::always(PROPERTIES[3].0, |space, state| space.holds(3, state)),
        ]
    }
}

fn expectations(machine: &Machine) -> Vec<Violation> {
    let failure = |line: &Line| match &line.activity {
        Activity::App(app) => app.failure().map(|f| Violation {
            checker: "expectation",
            what: format!("expected {}, came {}", f.expected, f.came),
        }),
        _ => None,
    };
    machine.lines.iter().filter_map(failure).collect()
}

/// Scripts that do not get to their end although nothing has gone wrong.
fn stuck(lines: &[Line], end: &End) -> Vec<Violation> {
    let is_app =
        |id: &crate::runtime::ActivityId| matches!(lines[id.index()].activity, Activity::App(_));
    let stuck = end.waiting.iter().map(|stuck| stuck.id).filter(is_app);
    stuck.map(|id| Violation { checker: "stuck", what: format!("{id} waits for ever") }).collect()
}
