//! The canonical sequence as a picture for documents: SVG, and Mermaid's text.

use crate::explain::{Why, whys};
use std::collections::BTreeMap;
use std::fmt::Write;
use svg::Document;
use svg::node::element::{Path, Rectangle, Style, Text, Title};
use vmc_trace::{Item, Place, Sequence, Side, Step, Trace, escaped};

const ROW: usize = 24;
const APP_X: usize = 24;
const MGMT_X: usize = 220;
const HYP_X: usize = 760;
const WIDTH: usize = 900;
const TOP: usize = 44;

const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#1b1f24}.dim{fill:#5b6470}.line{stroke:#c9ced6}.bracket{fill:none}.m{stroke:#1f5fbf;fill:none}\
.r{stroke:#7a3fb0;stroke-width:4;fill:none}.t{stroke:#a05a00;stroke-dasharray:2 4;fill:none}.x{stroke:#b3261e;fill:none}\
.app{fill:#0f6d53}.bad{fill:#b3261e;font-weight:600}.state{font-weight:600}.fault{font-weight:600;fill:#a05a00}.halo{paint-order:stroke;stroke:#fff;stroke-width:4px}\
.mt{fill:#1f5fbf}.rt{fill:#7a3fb0}.tt{fill:#a05a00}.back{fill:#fff}\
@media(prefers-color-scheme:dark){text{fill:#e6e9ee}.dim{fill:#9aa4b2}.back{fill:#14171c}.halo{stroke:#14171c}.line{stroke:#3a424e}\
.m{stroke:#7db0ff}.mt{fill:#7db0ff}.r{stroke:#c79bf2}.rt{fill:#c79bf2}.app{fill:#63d0ae}.bad{fill:#ff8a80}.t{stroke:#f0b35e}.tt,.fault{fill:#f0b35e}}";

/// The sequence as an SVG of its own, light and dark; repetitions are folded as in the text.
pub fn svg(title: &str, trace: &Trace) -> String {
    let (sequence, numbers) = Sequence::numbered(trace);
    let mut drawing = Drawing { nodes: Vec::new(), row: 0, numbers, whys: whys(trace) };
    drawing.items(&sequence.items, 0);
    let height = TOP + drawing.row * ROW + 12;
    let title = plain_text(title);
    let mut document = Document::new()
        .set("viewBox", format!("0 0 {WIDTH} {height}"))
        .set("role", "img")
        .set("aria-label", title.as_str())
        .add(Title::new(title))
        .add(Style::new(STYLE))
        .add(Rectangle::new().set("class", "back").set("width", WIDTH).set("height", height))
        .add(text(APP_X, 24, "state", "start", "application"))
        .add(text(MGMT_X, 24, "state", "middle", "management partition"))
        .add(text(HYP_X, 24, "state", "middle", "hypervisor"));
    for x in [MGMT_X, HYP_X] {
        document = document.add(path("line", format!("M{x} {}V{}", TOP - 10, height - 6)));
    }
    for node in drawing.nodes {
        document = document.add(node);
    }
    format!("{document}\n")
}

fn text(x: usize, y: usize, class: &str, anchor: &str, text: &str) -> Text {
    let text = Text::new(plain_text(text));
    text.set("x", x).set("y", y).set("class", class).set("text-anchor", anchor)
}

/// Text that XML can hold.
fn plain_text(text: &str) -> String {
    escaped(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

fn path(class: &str, d: String) -> Path {
    Path::new().set("class", class).set("d", d)
}

struct Drawing {
    nodes: Vec<Box<dyn svg::Node>>,
    row: usize,
    /// The record that each row shows.
    numbers: Vec<u64>,
    /// Why calls failed.
    whys: BTreeMap<u64, Why>,
}

impl Drawing {
    fn items(&mut self, items: &[Item], depth: usize) {
        for item in items {
            match item {
                Item::Step(step) => {
                    let y = TOP + self.row * ROW;
                    self.step(step, y);
                    self.row += 1;
                }
                Item::Repeat { times, items } => {
                    let from = TOP + self.row * ROW - 6;
                    self.items(items, depth + 1);
                    let to = TOP + self.row * ROW - 12;
                    let x = WIDTH - 44 - 14 * depth.min(3);
                    let middle = usize::midpoint(from, to) + 4;
                    self.put(path("line bracket", format!("M{} {from}h6V{to}h-6", x - 6)));
                    self.put(text(x + 4, middle, "dim", "start", &format!("×{times}")));
                }
            }
        }
    }

    fn put(&mut self, node: impl svg::Node) {
        self.nodes.push(Box::new(node));
    }

    fn step(&mut self, step: &Step, y: usize) {
        let why = self.numbers.get(self.row).and_then(|number| self.whys.get(number));
        let note = match why {
            Some(why) => format!("  ({})", why.short),
            None if step.note.is_empty() => String::new(),
            None => format!("  {}", step.note),
        };
        let words = format!("{}{note}", step.text);
        match &step.place {
            Place::Application(name) => {
                let class = if is_error(&step.text.to_string()) { "bad halo" } else { "app halo" };
                self.put(text(APP_X, y, class, "start", &format!("{name}: {words}")));
            }
            Place::Operator => self.put(text(APP_X, y, "state", "start", &format!("⚙ {words}"))),
            Place::Fault => self.put(text(APP_X, y, "fault", "start", &format!("⚡ {words}"))),
            Place::At(Side::Mgmt) => {
                self.put(text(MGMT_X + 8, y, "state halo", "start", &words));
            }
            Place::At(Side::Hyp) => self.put(text(HYP_X - 8, y, "state halo", "end", &words)),
            Place::Message { to } => self.arrow(*to, y, "m", "mt", &words, true),
            Place::Rdma { to } => self.arrow(*to, y, "r", "rt", &words, true),
            Place::TransportEvent { to } => self.arrow(*to, y, "t", "tt", &words, true),
            Place::Unsent { to } => self.arrow(*to, y, "x", "mt", &words, false),
        }
    }

    fn arrow(&mut self, to: Side, y: usize, line: &str, tip: &str, words: &str, arrives: bool) {
        let (from, to) = match to {
            Side::Hyp => (MGMT_X, HYP_X),
            Side::Mgmt => (HYP_X, MGMT_X),
        };
        let back = if to > from { to - 9 } else { to + 9 };
        let y_line = y + 5;
        if arrives {
            let (up, down) = (y_line - 5, y_line + 5);
            self.put(path(line, format!("M{from} {y_line}H{back}")));
            self.put(path(tip, format!("M{to} {y_line}L{back} {up}V{down}z")));
        } else {
            let stop = usize::midpoint(usize::midpoint(from, to), to);
            self.put(path(line, format!("M{from} {y_line}H{stop}m-5 -5l10 10m0 -10l-10 10")));
        }
        self.put(text(usize::midpoint(from, to), y, "halo", "middle", words));
    }
}

/// Whether a call ended with an errno.
fn is_error(call: &str) -> bool {
    let result = call.rsplit_once(" = ").map_or("", |(_, result)| result);
    result.len() > 1 && result.starts_with('E') && result.bytes().all(|c| c.is_ascii_uppercase())
}

/// The sequence in Mermaid's text, for documents that draw it themselves.
pub fn mermaid(trace: &Trace) -> String {
    let sequence = Sequence::of(trace);
    let mut text = String::from("sequenceDiagram\n");
    let mut apps: Vec<String> = Vec::new();
    mermaid_apps(&sequence.items, &mut apps);
    for (number, app) in apps.iter().enumerate() {
        let _ = writeln!(text, "  participant A{number} as {}", plain(app));
    }
    text.push_str("  participant M as management partition\n  participant H as hypervisor\n");
    mermaid_items(&sequence.items, &apps, 1, &mut text);
    text
}

fn mermaid_apps(items: &[Item], apps: &mut Vec<String>) {
    for item in items {
        match item {
            Item::Repeat { items, .. } => mermaid_apps(items, apps),
            Item::Step(Step { place: Place::Application(name), .. }) => {
                let name = name.to_string();
                if !apps.contains(&name) {
                    apps.push(name);
                }
            }
            Item::Step(_) => {}
        }
    }
}

fn mermaid_items(items: &[Item], apps: &[String], depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    for item in items {
        match item {
            Item::Repeat { times, items } => {
                let _ = writeln!(text, "{indent}loop {times} times");
                mermaid_items(items, apps, depth + 1, text);
                let _ = writeln!(text, "{indent}end");
            }
            Item::Step(step) => {
                let what = plain(&format!("{} {}", step.text, step.note));
                let arrow = |to: &Side, arrow: &str| match to {
                    Side::Hyp => format!("M{arrow}H"),
                    Side::Mgmt => format!("H{arrow}M"),
                };
                let line = match &step.place {
                    Place::Application(name) => {
                        let name = name.to_string();
                        let number = apps.iter().position(|app| *app == name).unwrap_or(0);
                        format!("A{number}->>M: {what}")
                    }
                    Place::Operator | Place::Fault => format!("Note over M,H: {what}"),
                    Place::At(Side::Mgmt) => format!("Note over M: {what}"),
                    Place::At(Side::Hyp) => format!("Note over H: {what}"),
                    Place::Message { to } => format!("{}: {what}", arrow(to, "->>")),
                    Place::Rdma { to } => format!("{}: {what}", arrow(to, "-)")),
                    Place::TransportEvent { to } => format!("{}: {what}", arrow(to, "-->>")),
                    Place::Unsent { to } => format!("{}: {what}", arrow(to, "-x")),
                };
                let _ = writeln!(text, "{indent}{line}");
            }
        }
    }
}

/// Text without what Mermaid takes for its own.
fn plain(text: &str) -> String {
    let piece = |c: char| match c {
        '#' => String::from("#35;"),
        ';' => String::from("#59;"),
        c if c.is_control() => String::from(" "),
        c => String::from(c),
    };
    text.trim().chars().map(piece).collect()
}
