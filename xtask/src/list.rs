//! Listing scenarios without running them.

use crate::Verdict;
use crate::lines::counted;
use crate::select::Chosen;
use crate::terminal::print;
use crate::workspace::{ScenarioFile, short};
use serde_json::json;
use vmc_sim::trace::escaped;
use vmc_sim::{Scenario, ScenarioError};

/// What is known of a scenario that was not run.
type Known<'a> = (&'a ScenarioFile, Result<Scenario, ScenarioError>);

/// Prints a line for each scenario, for people or as JSON.
pub(crate) fn list(chosen: &[Chosen], json: bool) -> Verdict {
    let known = |chosen: &'_ Chosen| Scenario::load(&chosen.file.path);
    let known: Vec<Known<'_>> = chosen.iter().map(|one| (&one.file, known(one))).collect();
    print(&if json { as_json(&known) } else { as_columns(&known) });
    if known.iter().all(|(_, scenario)| scenario.is_ok()) {
        Verdict::Good
    } else {
        Verdict::Mistake
    }
}

/// Name, tags and title in aligned columns, and how many there are.
fn as_columns(known: &[Known<'_>]) -> String {
    let row = |(file, scenario): &Known<'_>| match scenario {
        Ok(scenario) => (file.name.clone(), scenario.tags().join(","), scenario.title().to_owned()),
        Err(error) => (file.name.clone(), String::new(), format!("mistake: {error}")),
    };
    let in_a_line = |text: String| escaped(&text).into_owned();
    let row = |known| {
        let (name, tags, title) = row(known);
        (in_a_line(name), in_a_line(tags), in_a_line(title))
    };
    let rows: Vec<_> = known.iter().map(row).collect();
    let names = rows.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    let tags = rows.iter().map(|(_, tags, _)| tags.chars().count()).max().unwrap_or(0);
    let mut lines: Vec<_> = rows
        .iter()
        .map(|(name, words, title)| match tags {
            0 => format!("{name:names$}  {title}"),
            _ => format!("{name:names$}  {words:tags$}  {title}"),
        })
        .collect();
    lines.extend([String::new(), counted(rows.len(), "scenario")]);
    lines.join("\n")
}

/// An object a line.
fn as_json(known: &[Known<'_>]) -> String {
    let object = |(file, scenario): &Known<'_>| {
        let path = short(&file.path);
        match scenario {
            Ok(scenario) => json!({
                "scenario": file.name, "file": path, "tags": scenario.tags(), "title": scenario.title(),
            }),
            Err(error) => json!({
                "scenario": file.name, "file": path, "status": "mistake", "failure": error.to_string(),
            }),
        }
    };
    known.iter().map(|one| object(one).to_string()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn file(path: &str) -> ScenarioFile {
        ScenarioFile::named(Path::new(path))
    }

    fn scenario(text: &str) -> Result<Scenario, ScenarioError> {
        Scenario::parse("x.toml", text)
    }

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let files = [file("/a.toml"), file("/longer.toml")];
        let tagged = scenario("title = \"First\"\ntags = [\"slow\", \"crash\"]\n");
        let plain = scenario("title = \"Second\"\n");
        let text = as_columns(&[(&files[0], tagged), (&files[1], plain)]);
        let expected = "\
/a.toml       slow,crash  First
/longer.toml              Second

2 scenarios";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_file_with_a_mistake_is_listed_with_it() {
        let files = [file("/a.toml")];
        let known = || [(&files[0], scenario("titel = \"x\""))];
        let text = as_columns(&known());
        assert!(text.starts_with("/a.toml  mistake: x.toml:1:1: "), "{text}");
        assert!(text.ends_with("\n1 scenario"), "{text}");
        assert!(as_json(&known()).contains(r#""status":"mistake""#));
    }

    #[test]
    fn json_has_an_object_a_line() {
        let files = [file("/a.toml"), file("/b.toml")];
        let known = [
            (&files[0], scenario("title = \"A\"\ntags = [\"x\"]")),
            (&files[1], scenario("title = \"B\"")),
        ];
        let objects: Vec<serde_json::Value> = as_json(&known)
            .lines()
            .map(|line| serde_json::from_str(line).expect("an object"))
            .collect();
        let expected = [
            json!({ "scenario": "/a.toml", "file": "/a.toml", "tags": ["x"], "title": "A" }),
            json!({ "scenario": "/b.toml", "file": "/b.toml", "tags": [], "title": "B" }),
        ];
        assert_eq!(objects, expected);
    }
}
