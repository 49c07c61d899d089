//! Reads `linux-calls.md`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

const TEXT: &str = include_str!("linux-calls.md");

/// A row of one of its tables.
#[derive(Debug)]
pub(super) struct Row {
    /// The columns that say what is tried.
    pub(super) keys: [String; 2],
    /// What the Linux driver does; `None` where that is not known.
    linux: Option<String>,
    /// What ours does.
    ours: String,
}

/// The rows of the table below a heading that begins so.
pub(super) fn rows(heading: &str) -> Vec<Row> {
    let mut sections = TEXT.split("\n## ");
    let section = sections.find(|section| section.starts_with(heading.trim_start_matches("## ")));
    let section = section.unwrap_or_else(|| panic!("no section {heading}"));
    let is_row = |line: &&str| line.starts_with("| ");
    // The first is the head.
    let rows: Vec<Row> = section.lines().filter(is_row).skip(1).map(row).collect();
    assert!(!rows.is_empty(), "no rows below {heading}");
    rows
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [first, second, linux, ours, why] = cells[..] else { panic!("not five columns: {line}") };
    let differs = !ours.is_empty() && linux != "?";
    assert_eq!(differs, !why.is_empty(), "a difference has a reason, and nothing else has: {line}");
    assert!(ours != linux, "agrees, so ours is left out: {line}");
    assert!(!ours.is_empty() || linux != "?", "one of them must be known: {line}");
    let linux = (linux != "?").then(|| String::from(linux));
    let ours = if ours.is_empty() { linux.clone().unwrap_or_default() } else { ours.into() };
    Row { keys: [first.into(), second.into()], linux, ours }
}

impl Row {
    /// Notes it when something else came than the row says.
    pub(super) fn compare(&self, came: &str, what: &str, wrong: &mut Vec<String>) {
        if came != self.ours {
            let linux = self.linux.as_deref().unwrap_or("not known");
            wrong.push(format!("{what}: expected {}, got {came} (Linux: {linux})", self.ours));
        }
    }
}
