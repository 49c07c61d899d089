//! Exhaustive exploration: every order of steps of a small machine, of the very code that runs, as a model of
//! `stateright` (explicit-state model checking).
//!
//! A state is the deterministic world between two steps (`space.rs`). A step of any ready activity follows it, or the
//! passing of time to the next sleeper (a ready activity may be slow), or one fault, at any point (`machine.rs`). The
//! models are the scenario files of `models/` (`catalogue.rs`).
//!
//! Two things keep the spaces finite and small, and tests guard both:
//!
//! - **Canonical states** (`canonical.rs` of `ibmvmc`, `phyp` and `vmc-machine`). A 64-bit hash of what decides how a state
//!   goes on tells states apart. Left out are virtual time (sleepers count from now), generations of calls that only tell
//!   live names from stale ones, where in its ring a queue stands, the bytes of free elements and free memory, which frame
//!   backs a page, the order of the ready list, how often a fault rule saw an occasion, and records. Random walks compare
//!   what follows states of one hash.
//! - **Invisible steps** are made at once (`machine.rs`), a partial-order reduction (Godefroid, 1996): a look for work that
//!   finds none, going to sleep, coming back from a call that is over. They commute with every other step. A test compares
//!   the states at rest with and without this.
//!
//! In every state the expectations of scripts and the bound on outstanding requests hold. Every checker of a run that has
//! ended looks at the path by which a state was found, for each state at rest and for one in 64 of the others; a violation
//! is reported where it first shows. Liveness is checked apart (`liveness.rs`): from every state, without further faults
//! and first come, first served, the machine must come to rest within a bound, and from there every session must carry a
//! message.
//!
//! A model begins with the first step of either side, where the channel is ready (tag `begins-ready`), or where everything
//! is at rest and only a fault goes on (`begins-at-rest`): what a model is not about costs no states. Each quirk is found
//! in a model that has its number among the tags, within some 20,000 states; a test pins it. A fault that has happened in
//! no state fails a model that was explored to its end, as a rule that never fires fails a scenario.
//!
//! Not covered: races inside of one step, which is one transition and its effect; two faults in one run, unless one
//! follows the other; window pages other than the lowest free ones; queues that wrap. The checkers that read records see,
//! of all the paths to a state, the one by which it was found. An invented message about a session that an index may have
//! next is not judged, so the bad signals of H22 name a session that cannot be, or a buffer that is not there.

mod catalogue;
mod liveness;
mod machine;
mod space;
#[cfg(test)]
mod tests;

pub use catalogue::{Model, models, models_for};

use ibmvmc::QuirkSet;
use space::Space;
use stateright::{Checker, HasDiscoveries, Model as _};
use vmc_machine::build::MachineError;
use vmc_scenario::ScenarioError;

/// Why a model cannot be explored.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ModelError {
    /// {0}
    #[error(transparent)]
    File(#[from] ScenarioError),
    /// {0}
    #[error(transparent)]
    Machine(#[from] MachineError),
}

/// How to explore.
#[derive(Clone, Copy, Debug)]
pub struct CheckOptions {
    /// Hazards that the driver is to show.
    pub quirks: QuirkSet,
    /// Ends the exploration after so many states.
    pub max_states: Option<usize>,
    /// How many threads explore. With more than one the depth and the path that is found may differ.
    pub threads: usize,
}

impl Default for CheckOptions {
    fn default() -> CheckOptions {
        CheckOptions { quirks: QuirkSet::default(), max_states: None, threads: 1 }
    }
}

/// What an exploration brought.
#[derive(Clone, Debug)]
pub struct Checked {
    /// States that were reached, as often as they were reached.
    pub states: usize,
    /// Different states.
    pub unique_states: usize,
    /// Different states in which nothing is left to run.
    pub at_rest: usize,
    /// The most moves to a state.
    pub depth: usize,
    /// Whether every state was seen.
    pub complete: bool,
    /// Faults of the model that have happened in none of the states.
    pub unfired: Vec<String>,
    /// What does not hold, if anything.
    pub violation: Option<PathTo>,
}

/// The way to a state in which something does not hold.
#[derive(Clone, Debug)]
pub struct PathTo {
    /// The property.
    pub property: &'static str,
    /// Which checker found it.
    pub checker: &'static str,
    /// What is wrong.
    pub what: String,
    /// Each move.
    pub moves: Vec<String>,
    /// The messages on the way.
    pub trace: String,
}

/// Explores a model.
pub fn check(model: &Model, options: &CheckOptions) -> Result<Checked, ModelError> {
    let space = Space::new(model, options.quirks)?;
    let mut checker = space.checker().threads(options.threads);
    checker = checker.finish_when(HasDiscoveries::AnyFailures);
    if let Some(most) = options.max_states {
        checker = checker.target_state_count(most);
    }
    let checker = checker.spawn_bfs().join();
    let states = checker.state_count();
    let paths = checker.discoveries().into_iter().map(|(name, path)| (name, path.into_actions()));
    let shortest = paths.min_by_key(|(_, moves)| moves.len());
    let space = checker.model();
    let violation = match shortest {
        Some((property, moves)) => Some(space.explain(property, &moves)?),
        None => None,
    };
    Ok(Checked {
        states,
        unique_states: checker.unique_state_count(),
        at_rest: space.at_rest(),
        depth: checker.max_depth(),
        complete: violation.is_none() && options.max_states.is_none_or(|most| states < most),
        unfired: space.unfired(),
        violation,
    })
}

/// Serves stateright's page on this port of 127.0.0.1, on which a reader walks through the states; does not return
/// while the page is served.
///
/// # Errors
///
/// A model that cannot be built; nothing else fails here, but stateright panics where the port is taken.
pub fn serve(model: &Model, quirks: QuirkSet, port: u16) -> Result<(), ModelError> {
    Space::new(model, quirks)?.checker().serve((std::net::Ipv4Addr::LOCALHOST, port));
    Ok(())
}
