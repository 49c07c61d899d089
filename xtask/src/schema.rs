//! `cargo xtask schema`: writes the schema of scenario files, by which editors know what can be written.

use crate::Verdict;
use crate::terminal::complain;
use crate::workspace::{root, scenarios, short};
use std::path::PathBuf;
use vmc_sim::scenario_schema;

/// First line of every scenario file: Taplo and the editors that use it find the schema by it.
const DIRECTIVE: &str = "#:schema ../schema.json";

/// Options of `cargo xtask schema`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail if the file is not current
    #[arg(long)]
    check: bool,
}

/// Writes the schema, or says whether it is current.
pub(crate) fn run(args: &Args) -> Verdict {
    if args.check {
        let problems = stale();
        problems.iter().for_each(|problem| complain(problem));
        return if problems.is_empty() { Verdict::Good } else { Verdict::Failed };
    }
    match std::fs::write(path(), scenario_schema()) {
        Ok(()) => {
            println!("{} is current", short(&path()));
            Verdict::Good
        }
        Err(e) => {
            complain(&format!("{}: {e}", short(&path())));
            Verdict::Mistake
        }
    }
}

fn path() -> PathBuf {
    root().join("scenarios/schema.json")
}

/// What is untidy about the schema: that it is stale, and scenarios that do not name it.
pub(crate) fn problems() -> Vec<String> {
    let mut problems = stale();
    let files = match scenarios() {
        Ok(files) => files,
        Err(e) => return vec![format!("scenarios: {e}")],
    };
    for file in files {
        let named = std::fs::read_to_string(&file.path).is_ok_and(|text| names_schema(&text));
        if !named {
            problems.push(format!("{} does not begin with `{DIRECTIVE}`", short(&file.path)));
        }
    }
    problems
}

fn stale() -> Vec<String> {
    // A checkout may have changed the ends of lines.
    let current = |text: String| text.lines().eq(scenario_schema().lines());
    if std::fs::read_to_string(path()).is_ok_and(current) {
        return Vec::new();
    }
    vec![format!("{} is not current: run `cargo xtask schema`", short(&path()))]
}

fn names_schema(text: &str) -> bool {
    text.lines().next() == Some(DIRECTIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_of_the_workspace_is_current() {
        assert_eq!(stale(), [""; 0]);
    }

    #[test]
    fn a_scenario_names_the_schema_on_its_first_line() {
        assert!(names_schema("#:schema ../schema.json\ntitle = \"t\"\n"));
        assert!(!names_schema("title = \"t\"\n#:schema ../schema.json\n"));
        assert!(!names_schema("#:schema schema.json\n"));
        assert!(!names_schema(""));
    }
}
