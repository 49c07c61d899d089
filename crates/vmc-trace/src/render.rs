//! Draws a sequence as text, in the manner of the driver document's diagrams: applications at the left
//! edge, a lane for each side, arrows between the lanes, and a bracket at the right for what was repeated.

use crate::event::Side;
use crate::sequence::{Item, Place, Sequence, Step};

/// Column of the management partition's lane.
const MGMT_COLUMN: usize = 14;

/// Width of an arrow from lane to lane, its ends included.
const ARROW_WIDTH: usize = 70;

/// Column of the hypervisor's lane.
const HYP_COLUMN: usize = MGMT_COLUMN + ARROW_WIDTH - 1;

/// Shortest piece of an arrow before and after its text.
const MIN_SHAFT: usize = 2;

/// What an arrow has besides its text: two pieces, two spaces, two lanes, a tip.
const ARROW_ENDS: usize = 2 * MIN_SHAFT + 5;

/// The diagram, with a line for each step; every line ends in a newline.
pub fn render(sequence: &Sequence) -> String {
    render_with(Some(heading()), sequence)
}

/// The same without its heading: what follows a diagram that was drawn before.
pub fn render_steps(sequence: &Sequence) -> String {
    render_with(None, sequence)
}

fn heading() -> String {
    format!(
        "{:MGMT_COLUMN$}{:width$}hypervisor",
        "application",
        "management partition",
        width = HYP_COLUMN - MGMT_COLUMN
    )
}

fn render_with(heading: Option<String>, sequence: &Sequence) -> String {
    let names = name_width(&sequence.items);
    let mut text = String::new();
    for line in heading.into_iter().chain(lines(&sequence.items, names)) {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn lines(items: &[Item], names: usize) -> Vec<String> {
    let mut all = Vec::new();
    for item in items {
        match item {
            Item::Step(step) => all.push(line(step, names)),
            Item::Repeat { times, items } => all.extend(bracket(lines(items, names), *times)),
        }
    }
    all
}

/// Marks lines as one round of a repetition.
fn bracket(lines: Vec<String>, times: u32) -> impl Iterator<Item = String> {
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or_default();
    let count = lines.len();
    lines.into_iter().enumerate().map(move |(i, line)| {
        let mark = match i {
            _ if count == 1 => format!("x{times}"),
            0 => "\\".to_owned(),
            _ if i == count - 1 => format!("/ x{times}"),
            _ => "|".to_owned(),
        };
        format!("{line:width$}  {mark}")
    })
}

fn line(step: &Step, names: usize) -> String {
    let Step { place, text, note } = step;
    let text = text.to_string();
    let drawn = match place {
        Place::Application(name) => format!("{:names$}  {text}", name.to_string()),
        Place::Operator => format!("*  {text}"),
        Place::Fault => format!("!  {text}"),
        Place::At(side) => format!("{:column$}{text}", "", column = column(*side)),
        Place::Message { to } => arrow(&text, *to, '-', end(*to)),
        Place::Rdma { to } => arrow(&text, *to, '=', end(*to)),
        Place::TransportEvent { to } => arrow(&text, *to, '.', end(*to)),
        Place::Unsent { to } => arrow(&text, *to, '-', 'x'),
    };
    if note.is_empty() { drawn } else { format!("{drawn}  {note}") }
}

fn column(side: Side) -> usize {
    match side {
        Side::Mgmt => MGMT_COLUMN,
        Side::Hyp => HYP_COLUMN,
    }
}

/// The tip of an arrow that arrives.
fn end(to: Side) -> char {
    match to {
        Side::Mgmt => '<',
        Side::Hyp => '>',
    }
}

/// An arrow with its text in the middle. One that does not arrive stops short of the other lane.
fn arrow(text: &str, to: Side, shaft: char, tip: char) -> String {
    let room = ARROW_WIDTH.saturating_sub(text.chars().count() + ARROW_ENDS);
    let shafts = |n: usize| shaft.to_string().repeat(n + MIN_SHAFT);
    let (left, right) = (shafts(room / 2), shafts(room - room / 2));
    let drawn = match to {
        Side::Hyp if tip == 'x' => format!("|{left} {text} {right}x "),
        Side::Hyp => format!("|{left} {text} {right}{tip}|"),
        Side::Mgmt if tip == 'x' => format!(" x{left} {text} {right}|"),
        Side::Mgmt => format!("|{tip}{left} {text} {right}|"),
    };
    format!("{:MGMT_COLUMN$}{drawn}", "")
}

/// Width of the longest name of an application.
fn name_width(items: &[Item]) -> usize {
    let width = |item: &Item| match item {
        Item::Step(Step { place: Place::Application(name), .. }) => {
            name.to_string().chars().count()
        }
        Item::Step(_) => 0,
        Item::Repeat { items, .. } => name_width(items),
    };
    items.iter().map(width).max().unwrap_or_default()
}
