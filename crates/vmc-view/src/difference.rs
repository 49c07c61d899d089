//! How two runs differ, in their canonical order: chance does not show.

use similar::{ChangeTag, TextDiff};
use vmc_trace::{Place, Sequence, Side, Step, Trace};

/// A line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffLine {
    /// What the old run has here; `None` for what only the new one has.
    pub old: Option<String>,
    /// The number of the event.
    pub old_event: Option<u64>,
    /// What the new run has here.
    pub new: Option<String>,
    /// The number of the event.
    pub new_event: Option<u64>,
}

impl DiffLine {
    /// Whether both runs have this line.
    pub fn is_same(&self) -> bool {
        self.old == self.new
    }
}

/// The steps of two runs, side by side where they are the same; what was replaced stands side by side, too.
pub fn difference(old: &Trace, new: &Trace) -> Vec<DiffLine> {
    let lines = |trace| -> Vec<(u64, String)> {
        Sequence::steps_of(trace).into_iter().map(|(seq, step)| (seq, line(&step))).collect()
    };
    let (old, new) = (lines(old), lines(new));
    let texts = |lines: &[(u64, String)]| -> Vec<String> {
        lines.iter().map(|(_, text)| text.clone()).collect()
    };
    let (old_texts, new_texts) = (texts(&old), texts(&new));
    let old_refs: Vec<&str> = old_texts.iter().map(String::as_str).collect();
    let new_refs: Vec<&str> = new_texts.iter().map(String::as_str).collect();
    let diff = TextDiff::from_slices(&old_refs, &new_refs);
    let mut rows: Vec<DiffLine> = Vec::new();
    // Where the lines begin that only the old run has: new ones are put beside them.
    let mut unpaired = 0;
    for change in diff.iter_all_changes() {
        let left = change.old_index().map(|at| &old[at]);
        let right = change.new_index().map(|at| &new[at]);
        match (change.tag(), left, right) {
            (ChangeTag::Insert, _, Some((seq, text))) if rows.len() > unpaired => {
                let row = &mut rows[unpaired];
                (row.new, row.new_event) = (Some(text.clone()), Some(*seq));
                unpaired += 1;
                continue;
            }
            _ => rows.push(DiffLine {
                old: left.map(|(_, text)| text.clone()),
                old_event: left.map(|(seq, _)| *seq),
                new: right.map(|(_, text)| text.clone()),
                new_event: right.map(|(seq, _)| *seq),
            }),
        }
        if change.tag() != ChangeTag::Delete {
            unpaired = rows.len();
        }
    }
    rows
}

/// A step as one short line.
pub(crate) fn line(step: &Step) -> String {
    let Step { place, text, note } = step;
    let towards = |to: &Side| if *to == Side::Hyp { "→ hyp " } else { "← mgmt" };
    let text = match place {
        Place::Application(name) => format!("{name}: {text}"),
        Place::Operator => format!("* {text}"),
        Place::Fault => format!("! {text}"),
        Place::At(side) => format!("{side}: {text}"),
        Place::Message { to } | Place::TransportEvent { to } => format!("{} {text}", towards(to)),
        Place::Rdma { to } => {
            format!("{} {text}", if *to == Side::Hyp { "⇒ hyp " } else { "⇐ mgmt" })
        }
        Place::Unsent { to } => format!("{} {text} (not sent)", towards(to)),
    };
    if note.is_empty() { text } else { format!("{text}  {note}") }
}
