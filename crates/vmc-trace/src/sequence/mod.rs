//! The canonical projection of a trace: what the architecture and the applications see.
//!
//! Shown are calls of applications and their results; every entry placed on a queue; the results of
//! `H_REG_CRQ`, `H_FREE_CRQ`, `H_ENABLE_CRQ` and `H_REQUEST_VMC`, and of an `H_SEND_CRQ` that failed;
//! `H_COPY_RDMA`; states of the channel and of sessions; breaches of the protocol; faults; what the operator did
//! and which transport events found no queue. Left out are time, addresses, the TCE and interrupt calls,
//! interrupts, sleeps and wake-ups.
//!
//! The order is not the order of the run. Events are nodes of a graph whose edges are cause and effect
//! ([`cause`]), the *happens-before* relation (Lamport, 1978) as far as every schedule of the run shares it; the text is its topological order with a tie-break that knows only the graph and the
//! names of its strands ([`order`]). So two schedules of a run that does not race give one text.

mod arrange;
mod cause;
mod fold;
mod label;
mod live;
mod names;
mod order;
mod reply;
mod strand;
#[cfg(test)]
mod tests;
mod text;

use crate::event::Side;
use crate::trace::Trace;
pub use live::Live;
pub use text::{Piece, Text};

/// A run as a sequence of steps, repetitions folded.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Sequence {
    /// The steps, in canonical order.
    pub items: Vec<Item>,
}

/// A step, or steps that were repeated.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// One step.
    Step(Step),
    /// The items happened that many times, one round after the other; numbers that ran on from round to
    /// round are ranges.
    Repeat {
        /// How often, at least 2.
        times: u32,
        /// One round.
        items: Vec<Item>,
    },
}

/// Something that happened, ready to be drawn.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// Where it is drawn.
    pub place: Place,
    /// What happened.
    pub text: Text,
    /// What became of it, if that is worth saying: a return code, `(not received)`. Otherwise empty.
    pub note: String,
}

/// Where a step is drawn.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// At the left edge: a call of the application with this name.
    Application(Text),
    /// In the lane of one side.
    At(Side),
    /// An arrow to a side: a message or an initialization entry.
    Message {
        /// The receiver.
        to: Side,
    },
    /// An arrow that does not arrive: `H_SEND_CRQ` failed.
    Unsent {
        /// Who should have received it.
        to: Side,
    },
    /// An arrow to a side that the platform draws.
    TransportEvent {
        /// The receiver.
        to: Side,
    },
    /// A double arrow to the side whose memory was written.
    Rdma {
        /// Where the payload went.
        to: Side,
    },
    /// At the left edge: the operator of the machine.
    Operator,
    /// At the left edge: a fault that the scenario scripts.
    Fault,
}

impl Sequence {
    /// The canonical projection of `trace`.
    pub fn of(trace: &Trace) -> Sequence {
        Sequence::numbered(trace).0
    }

    /// The same, and for each line of it, a repeated round's once, the number of the record that it shows: of a call its
    /// return, of a round the first.
    pub fn numbered(trace: &Trace) -> (Sequence, Vec<u64>) {
        let joined = fold::join_numbered(Sequence::steps_of(trace));
        let (numbers, steps): (Vec<u64>, Vec<Step>) = joined.into_iter().unzip();
        let items = fold::fold(steps);
        let mut lines = Vec::new();
        number_lines(&items, &numbers, &mut lines);
        (Sequence { items }, lines)
    }

    /// The steps of the canonical projection of `trace`, none joined or folded, each with the number of its record.
    pub fn steps_of(trace: &Trace) -> Vec<(u64, Step)> {
        let graph = cause::graph_of(trace);
        let order = graph.topological_order();
        graph.into_steps(&order)
    }
}

/// Takes the numbers of the lines; how many steps the items stand for.
fn number_lines(items: &[Item], numbers: &[u64], lines: &mut Vec<u64>) -> usize {
    let mut at = 0;
    for item in items {
        match item {
            Item::Step(_) => {
                lines.extend(numbers.get(at));
                at += 1;
            }
            Item::Repeat { times, items } => {
                let round = number_lines(items, numbers.get(at..).unwrap_or_default(), lines);
                at += round * *times as usize;
            }
        }
    }
    at
}
