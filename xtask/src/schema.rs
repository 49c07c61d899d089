//! `cargo xtask schema`: writes the schemas of scenario files and of inventories, by which editors know what can be
//! written, and that of trace files, for programs that read them.

use crate::Verdict;
use crate::terminal::complain;
use crate::workspace::{inventories, root, scenarios, short};
use std::path::PathBuf;
use vmc_sim::{inventory_schema, scenario_schema};

/// First line of every scenario file: Taplo and the editors that use it find the schema by it.
const DIRECTIVE: &str = "#:schema ../schema.json";

/// First line of every inventory of a scenario.
const INVENTORY_DIRECTIVE: &str = "#:schema ../../inventory-schema.json";

/// Options of `cargo xtask schema`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail if the file is not current
    #[arg(long)]
    check: bool,
}

/// Writes the schemas, or says whether they are current.
pub(crate) fn run(args: &Args) -> Verdict {
    if args.check {
        let problems = stale();
        problems.iter().for_each(|problem| complain(problem));
        return if problems.is_empty() { Verdict::Good } else { Verdict::Failed };
    }
    for (path, text) in schemas() {
        if let Err(e) = std::fs::write(&path, text) {
            complain(&format!("{}: {e}", short(&path)));
            return Verdict::Mistake;
        }
        println!("{} is current", short(&path));
    }
    Verdict::Good
}

/// Each schema and its file.
fn schemas() -> [(PathBuf, String); 3] {
    [
        (root().join("scenarios/schema.json"), scenario_schema()),
        (root().join("scenarios/inventory-schema.json"), inventory_schema()),
        (root().join("crates/vmc-trace-file/trace.schema.json"), vmc_trace_file::schema()),
    ]
}

/// What is untidy about the schemas: that one is stale, and scenarios that do not name it.
pub(crate) fn problems() -> Vec<String> {
    let files = scenarios().and_then(|scenarios| Ok((scenarios, inventories()?)));
    let (scenarios, inventories) = match files {
        Ok(files) => files,
        Err(e) => return vec![format!("scenarios: {e}")],
    };
    let scenarios = scenarios.into_iter().map(|file| (file.path, DIRECTIVE));
    let inventories = inventories.into_iter().map(|path| (path, INVENTORY_DIRECTIVE));
    let unnamed = scenarios.chain(inventories).filter(|(path, directive)| {
        !std::fs::read_to_string(path).is_ok_and(|text| names_schema(&text, directive))
    });
    let told = |(path, directive): (PathBuf, &str)| {
        format!("{} does not begin with `{directive}`", short(&path))
    };
    stale().into_iter().chain(unnamed.map(told)).collect()
}

fn stale() -> Vec<String> {
    let is_stale = |(path, text): &(PathBuf, String)| {
        // A checkout may have changed the ends of lines.
        let current = |found: String| found.lines().eq(text.lines());
        !std::fs::read_to_string(path).is_ok_and(current)
    };
    let told = |(path, _): (PathBuf, String)| {
        format!("{} is not current: run `cargo xtask schema`", short(&path))
    };
    schemas().into_iter().filter(is_stale).map(told).collect()
}

fn names_schema(text: &str, directive: &str) -> bool {
    text.lines().next() == Some(directive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemas_of_the_workspace_are_current() {
        assert_eq!(stale(), [""; 0]);
    }

    #[test]
    fn a_scenario_names_the_schema_on_its_first_line() {
        let names = |text| names_schema(text, DIRECTIVE);
        assert!(names("#:schema ../schema.json\ntitle = \"t\"\n"));
        assert!(!names("title = \"t\"\n#:schema ../schema.json\n"));
        assert!(!names("#:schema schema.json\n"));
        assert!(!names(""));
    }
}
