//! The graph of a run's events, and the order of its text.

use crate::event::Side;
use crate::sequence::Step;
use crate::sequence::strand::Strand;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// A node of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(usize);

/// What the order must know of a node beyond its strand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An application enters a call. It waits in the text until all that was set going has run its course.
    Call,
    /// A call comes back; shown at once.
    Return,
    /// An entry is taken from its queue, or threads of applications leave word for each other: not shown.
    Hidden,
    /// Anything else.
    Plain,
}

/// A step, and the number of the record that it shows.
pub(crate) type Shown = (u64, Step);

struct Node {
    strand: Strand,
    /// Place among the nodes named after the strand.
    position: u32,
    kind: Kind,
    /// Shown directly before the step: what has befallen it.
    before: Vec<Shown>,
    shown: Option<Shown>,
    successors: Vec<NodeId>,
    predecessors: usize,
}

/// Events and their causes. Edges lead from older nodes to newer ones only, so that there is no cycle.
#[derive(Default)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    lengths: BTreeMap<Strand, u32>,
}

impl Graph {
    pub(crate) fn add(&mut self, strand: Strand, kind: Kind, shown: Option<Shown>) -> NodeId {
        let length = self.lengths.entry(strand).or_default();
        let position = *length;
        *length += 1;
        let (successors, predecessors) = (Vec::new(), 0);
        let before = Vec::new();
        self.nodes.push(Node { strand, position, kind, before, shown, successors, predecessors });
        NodeId(self.nodes.len() - 1)
    }

    /// States that `effect` came after `cause`, an older node.
    pub(crate) fn order(&mut self, cause: NodeId, effect: NodeId) {
        if cause < effect {
            self.nodes[cause.0].successors.push(effect);
            self.nodes[effect.0].predecessors += 1;
        }
    }

    pub(crate) fn step_mut(&mut self, node: NodeId) -> Option<&mut Step> {
        self.nodes[node.0].shown.as_mut().map(|(_, step)| step)
    }

    /// Has a step shown directly before that of a node.
    pub(crate) fn show_before(&mut self, node: NodeId, shown: Shown) {
        self.nodes[node.0].before.push(shown);
    }

    /// The steps of the nodes that have one, in this order.
    pub(crate) fn into_steps(mut self, order: &[NodeId]) -> Vec<Shown> {
        let mut steps = Vec::with_capacity(order.len());
        for id in order {
            let node = &mut self.nodes[id.0];
            steps.append(&mut node.before);
            steps.extend(node.shown.take());
        }
        steps
    }

    /// Every node after its causes. Among the nodes that could come next, the one that became possible
    /// last goes first, so that an exchange is followed to its end before another begins. Nothing here
    /// depends on the order in which the nodes were added, except along a strand.
    pub(crate) fn topological_order(&self) -> Vec<NodeId> {
        let mut waiting_for: Vec<usize> = self.nodes.iter().map(|node| node.predecessors).collect();
        let mut ready = BinaryHeap::new();
        for (i, node) in self.nodes.iter().enumerate() {
            if node.predecessors == 0 {
                ready.push(self.candidate(NodeId(i), 0, None));
            }
        }
        let mut order = Vec::with_capacity(self.nodes.len());
        while let Some(Candidate { node, .. }) = ready.pop() {
            order.push(node);
            let Node { strand, successors, .. } = &self.nodes[node.0];
            for &next in successors {
                waiting_for[next.0] -= 1;
                if waiting_for[next.0] == 0 {
                    ready.push(self.candidate(next, order.len(), strand.side()));
                }
            }
        }
        order
    }

    fn candidate(&self, id: NodeId, since: usize, enabled_by: Option<Side>) -> Candidate {
        let node = &self.nodes[id.0];
        let preference = match node.kind {
            Kind::Call => Preference::Call,
            _ => Preference::Follow(since, Rank::of(node, enabled_by)),
        };
        Candidate { preference, strand: Reverse((node.strand, node.position)), node: id }
    }
}

/// Compared from the first field on; the greatest goes first. No two nodes have the same `strand` field.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    preference: Preference,
    strand: Reverse<(Strand, u32)>,
    node: NodeId,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Preference {
    Call,
    /// The length of the text when the node became possible, and what it is to the node before it.
    Follow(usize, Rank),
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    SameSide,
    OtherSide,
    Return,
    Hidden,
}

impl Rank {
    fn of(node: &Node, enabled_by: Option<Side>) -> Rank {
        match node.kind {
            Kind::Hidden => Rank::Hidden,
            Kind::Return => Rank::Return,
            Kind::Call | Kind::Plain if node.strand.side() == enabled_by => Rank::SameSide,
            Kind::Call | Kind::Plain => Rank::OtherSide,
        }
    }
}
