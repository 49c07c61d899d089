//! How two runs differ, in their canonical order: chance does not show.

use similar::{ChangeTag, TextDiff};
use vmc_trace::{Place, Sequence, Side, Step, Trace, render};

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
    let lines = |trace| -> Vec<Line> {
        let steps = Sequence::steps_of(trace).into_iter();
        steps.map(|(seq, step)| Line { event: Some(seq), text: line(&step) }).collect()
    };
    aligned(&lines(old), &lines(new))
}

/// A sequence that was drawn, such as a snapshot, beside a run as it is drawn.
pub(crate) fn difference_from_text(old: &str, new: &Trace) -> Vec<DiffLine> {
    let (sequence, numbers) = Sequence::numbered(new);
    let drawn = render(&sequence);
    // The heading shows no record.
    let (heading, drawn) = drawn.split_once('\n').unwrap_or((&drawn, ""));
    let old = old.strip_prefix(heading).unwrap_or(old).trim_start_matches('\n');
    let old: Vec<_> = old.lines().map(|line| Line { event: None, text: narrow(line) }).collect();
    let new = drawn.lines().zip(numbers.into_iter().map(Some).chain(std::iter::repeat(None)));
    let new: Vec<_> = new.map(|(text, event)| Line { event, text: narrow(text) }).collect();
    aligned(&old, &new)
}

/// A line of one run.
struct Line {
    event: Option<u64>,
    text: String,
}

fn aligned(old: &[Line], new: &[Line]) -> Vec<DiffLine> {
    let old_texts: Vec<&str> = old.iter().map(|line| line.text.as_str()).collect();
    let new_texts: Vec<&str> = new.iter().map(|line| line.text.as_str()).collect();
    let diff = TextDiff::from_slices(&old_texts, &new_texts);
    let mut rows: Vec<DiffLine> = Vec::new();
    // Where the lines begin that only the old run has: new ones are put beside them.
    let mut unpaired = 0;
    for change in diff.iter_all_changes() {
        let left = change.old_index().map(|at| &old[at]);
        let right = change.new_index().map(|at| &new[at]);
        match (change.tag(), right) {
            (ChangeTag::Insert, Some(line)) if rows.len() > unpaired => {
                let row = &mut rows[unpaired];
                (row.new, row.new_event) = (Some(line.text.clone()), line.event);
                unpaired += 1;
                continue;
            }
            _ => rows.push(DiffLine {
                old: left.map(|line| line.text.clone()),
                old_event: left.and_then(|line| line.event),
                new: right.map(|line| line.text.clone()),
                new_event: right.and_then(|line| line.event),
            }),
        }
        if change.tag() != ChangeTag::Delete {
            unpaired = rows.len();
        }
    }
    rows
}

/// Column of the management partition's lane in a drawn sequence, and of the hypervisor's.
const LANES: [usize; 2] = [14, 83];

/// A line of a drawn sequence without its lanes, in the form of [`line`], so that two of them have room side by side.
pub(crate) fn narrow(drawn: &str) -> String {
    let indent = drawn.len() - drawn.trim_start_matches(' ').len();
    if indent >= LANES[0]
        && let Some(arrow) = narrow_arrow(drawn.trim_start_matches(' '))
    {
        return arrow;
    }
    // The marks of a repetition stand far to the right.
    let text = drawn.split("   ").map(str::trim).filter(|piece| !piece.is_empty());
    let text = text.collect::<Vec<_>>().join("  ");
    match (indent, text.split_once("  ")) {
        (0, Some((mark @ ("*" | "!"), what))) => format!("{mark} {what}"),
        (0, Some((name, what))) => format!("{name}: {what}"),
        (0, None) => text,
        (indent, _) if indent >= LANES[1] => format!("hyp: {text}"),
        _ => format!("mgmt: {text}"),
    }
}

/// An arrow, from its left end on: `|<---- TEXT ----|  note`.
fn narrow_arrow(drawn: &str) -> Option<String> {
    let inner = drawn.strip_prefix('|').unwrap_or(drawn);
    let (to_mgmt, inner) = match inner.strip_prefix(['<', 'x']) {
        Some(inner) => (true, inner),
        None => (false, inner),
    };
    let shaft = inner.chars().next().filter(|shaft| "-=.".contains(*shaft))?;
    let (text, rest) = inner
        .trim_start_matches(shaft)
        .split_at_checked(1)?
        .1
        .rsplit_once(&format!(" {shaft}{shaft}"))?;
    let rest = rest.trim_start_matches(shaft);
    let is_unsent = rest.starts_with('x') || drawn.starts_with('x');
    let note = rest.trim_start_matches(['>', 'x', '|', ' ']);
    let to = match (shaft, to_mgmt) {
        ('=', true) => "⇐ mgmt ",
        ('=', false) => "⇒ hyp  ",
        (_, true) => "← mgmt ",
        (_, false) => "→ hyp  ",
    };
    let unsent = if is_unsent { " (not sent)" } else { "" };
    let note = if note.is_empty() { String::new() } else { format!("  {note}") };
    Some(format!("{to}{text}{unsent}{note}"))
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
