//! `cargo xtask snapshots`: compares traces with their snapshots, for those without cargo-insta.
//!
//! The files are insta's: a header between two lines of dashes, then the text.

use crate::Verdict;
use crate::workspace::{ScenarioFile, scenarios};
use similar::{ChangeTag, TextDiff};
use std::fmt::Write;
use vmc_sim::{Options, Scenario, simulate};

/// Lines around a change that a diff shows.
const CONTEXT_LINES: usize = 3;

/// Header of a snapshot file; the test that reads it is named as insta does.
const HEADER: &str = "---\nsource: crates/vmc-sim/tests/scenarios.rs\n---\n";

/// What to do with snapshots.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show how traces differ from their snapshots
    Check {
        /// Part of the scenarios' names; all of them without it
        name: Option<String>,
    },
    /// Write what came as the new snapshots
    Accept {
        /// Part of the scenarios' names; all of them without it
        name: Option<String>,
    },
}

/// A trace beside its snapshot.
pub(crate) enum Comparison {
    Same,
    Missing,
    Differs(String),
}

pub(crate) fn run(command: &Command) -> Verdict {
    let (name, accepting) = match command {
        Command::Check { name } => (name, false),
        Command::Accept { name } => (name, true),
    };
    let files = match scenarios() {
        Ok(files) => files,
        Err(e) => {
            eprintln!("scenarios/ cannot be read: {e}; run this in a checkout");
            return Verdict::Mistake;
        }
    };
    let wanted = |file: &&ScenarioFile| name.as_ref().is_none_or(|name| file.name.contains(name));
    let mut verdict = Verdict::Good;
    let mut seen = 0;
    for file in files.iter().filter(wanted) {
        seen += 1;
        match check(file, accepting) {
            Verdict::Good => {}
            other => verdict = other,
        }
    }
    if seen == 0 {
        eprintln!("no scenario's name contains that; `cargo xtask sim` lists them");
        return Verdict::Mistake;
    }
    println!("{seen} snapshots {}", if accepting { "written or unchanged" } else { "compared" });
    verdict
}

fn check(file: &ScenarioFile, accepting: bool) -> Verdict {
    let report = match Scenario::load(&file.path) {
        Ok(scenario) => simulate(&scenario, &Options::default()).map_err(|e| e.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            eprintln!("{error}");
            return Verdict::Mistake;
        }
    };
    let canonical = report.canonical();
    for problem in &report.problems {
        println!("{}: {problem}", file.name);
    }
    match compare(file, &canonical) {
        Comparison::Same => Verdict::Good,
        _ if accepting && report.passed() => accept(file, &canonical),
        _ if accepting => {
            println!("{}: not accepted, because the run failed", file.name);
            Verdict::Failed
        }
        Comparison::Missing => {
            println!("{}: no snapshot yet\n{canonical}", file.name);
            Verdict::Failed
        }
        Comparison::Differs(diff) => {
            println!("{}: differs\n{diff}", file.name);
            Verdict::Failed
        }
    }
}

fn accept(file: &ScenarioFile, canonical: &str) -> Verdict {
    let path = file.snapshot();
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    match folder.and_then(|()| std::fs::write(&path, format!("{HEADER}{canonical}"))) {
        Ok(()) => {
            println!("{}: written", file.name);
            Verdict::Good
        }
        Err(e) => {
            eprintln!("{}: {e}", path.display());
            Verdict::Failed
        }
    }
}

/// Compares a trace with the snapshot of its scenario.
pub(crate) fn compare(file: &ScenarioFile, canonical: &str) -> Comparison {
    let Ok(text) = std::fs::read_to_string(file.snapshot()) else { return Comparison::Missing };
    let stored = text.splitn(3, "---\n").nth(2).unwrap_or_default();
    if stored.trim_end() == canonical.trim_end() {
        return Comparison::Same;
    }
    Comparison::Differs(readable_diff(stored, canonical))
}

/// A diff of two sequences with a little context: `-` is what the snapshot has, `+` what came.
pub(crate) fn readable_diff(stored: &str, came: &str) -> String {
    let diff = TextDiff::from_lines(stored.trim_end(), came.trim_end());
    let mut text = String::new();
    for (n, group) in diff.grouped_ops(CONTEXT_LINES).iter().enumerate() {
        if n > 0 {
            text.push_str("    ⋮\n");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            // A String takes every write.
            let _ = writeln!(text, "{sign} {}", change.value().trim_end());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_shows_the_change_and_what_is_around_it() {
        let stored = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let diff = readable_diff(stored, &stored.replace('5', "five"));
        assert_eq!(diff, "  2\n  3\n  4\n- 5\n+ five\n  6\n  7\n  8\n");
    }
}
