//! A scenario as a document: what could be left out of it, what could be smaller, and its text.
//!
//! Of the keys it knows only those that frame a scenario, and `repeat`, in whose place its steps can stand once.

use super::CaseSize;
use super::order::departures;
use crate::simulation::Report;
use ibmvmc::QuirkSet;
use std::fmt::Write;
use toml::{Table, Value};
use vmc_machine::schedule::Decisions;

/// First line of scenario files: where editors find the schema.
const DIRECTIVE: &str = "#:schema ../schema.json";

/// Keys that say something to people and nothing to a run.
const PROSE: [&str; 4] = ["description", "tags", "outcomes", "deterministic-only"];

/// Keys that are not left out: the first must be there, the second is what the failure needs.
const KEPT: [&str; 2] = ["title", "quirks"];

/// Keys of which the head of the file consists, in the order in which they are written.
const HEAD: [&str; 3] = ["title", "description", "quirks"];

/// Tables in the order in which they are written.
const TABLES: [&str; 5] = ["machine", "fault", "app", "expect", "schedule"];

/// Columns of a line of prose.
const LINE_WIDTH: usize = 110;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Document(Table);

/// A place in a document.
type Path = Vec<Segment>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Key(String),
    Index(usize),
}

impl Document {
    pub(super) fn parse(text: &str) -> Option<Document> {
        text.parse().ok().map(Document)
    }

    /// Leaves out what a run does not see, and the schedule, which is kept apart.
    pub(super) fn forget_prose(&mut self) {
        self.0.retain(|key, _| key != "schedule" && !PROSE.contains(&key));
    }

    pub(super) fn set_prose(&mut self, title: &str, description: &str) {
        self.0.insert(String::from("title"), title.into());
        self.0.insert(String::from("description"), (wrapped(description) + "\n").into());
    }

    pub(super) fn set_quirks(&mut self, quirks: QuirkSet) {
        let ids: Vec<Value> = quirks.iter().map(|quirk| quirk.id().into()).collect();
        if ids.is_empty() {
            self.0.remove("quirks");
        } else {
            self.0.insert(String::from("quirks"), ids.into());
        }
    }

    pub(super) fn set_decisions(&mut self, decisions: &Decisions) {
        self.0.remove("schedule");
        if decisions.is_empty() {
            return;
        }
        let lines: Vec<_> = decisions.lines().collect();
        let text = if lines.len() == 1 { lines.concat() } else { lines.join("\n") + "\n" };
        let schedule = Table::from_iter([(String::from("decisions"), Value::from(text))]);
        self.0.insert(String::from("schedule"), schedule.into());
    }

    pub(super) fn size(&self, decisions: &Decisions, report: &Report) -> CaseSize {
        let tables = |key| self.0.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let apps = tables("app");
        let steps = apps.iter().filter_map(|app| app.get("steps")?.as_array()).map(|s| steps(s));
        CaseSize {
            applications: apps.len(),
            steps: steps.sum(),
            faults: tables("fault").len(),
            departures: departures(decisions),
            events: report.trace.records().len(),
        }
    }

    pub(super) fn edits(&self) -> Edits {
        Edits { stage: Stage::Elements { array: 0, chunk: None, end: usize::MAX } }
    }

    /// Every place, what contains before what is contained.
    fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        for (key, value) in &self.0 {
            if !KEPT.contains(&key.as_str()) {
                walk(value, &vec![Segment::Key(key.clone())], &mut paths);
            }
        }
        paths
    }

    fn arrays(&self) -> Vec<Path> {
        let is_array = |path: &Path| self.get(path).is_some_and(Value::is_array);
        self.paths().into_iter().filter(is_array).collect()
    }

    fn get(&self, path: &[Segment]) -> Option<&Value> {
        let (Segment::Key(key), rest) = path.split_first()? else { return None };
        rest.iter().try_fold(self.0.get(key)?, |value, segment| match segment {
            Segment::Key(key) => value.get(key),
            Segment::Index(index) => value.get(index),
        })
    }

    fn get_mut(&mut self, path: &[Segment]) -> Option<&mut Value> {
        let (Segment::Key(key), rest) = path.split_first()? else { return None };
        rest.iter().try_fold(self.0.get_mut(key)?, |value, segment| match segment {
            Segment::Key(key) => value.get_mut(key),
            Segment::Index(index) => value.get_mut(index),
        })
    }

    /// The document with another value, or without it.
    fn with(&self, path: &[Segment], value: Option<Value>) -> Option<Document> {
        let mut document = self.clone();
        if let Some(value) = value {
            *document.get_mut(path)? = value;
            return Some(document);
        }
        let (Segment::Key(key), parent) = path.split_last()? else { return None };
        let table = match parent {
            [] => &mut document.0,
            _ => document.get_mut(parent)?.as_table_mut()?,
        };
        table.remove(key)?;
        Some(document)
    }

    /// The document without an element of an array.
    fn without_element(&self, path: &[Segment]) -> Option<Document> {
        let (Segment::Index(index), parent) = path.split_last()? else { return None };
        let mut document = self.clone();
        document.get_mut(parent)?.as_array_mut()?.remove(*index);
        Some(document)
    }

    /// The document with the steps of a block in its place, once.
    fn unrolled(&self, path: &[Segment]) -> Option<Document> {
        let steps = self.get(path)?.get("repeat")?.get("steps")?.as_array()?.clone();
        let (Segment::Index(index), parent) = path.split_last()? else { return None };
        let mut document = self.clone();
        document.get_mut(parent)?.as_array_mut()?.splice(*index..=*index, steps);
        Some(document)
    }

    /// The `n`th way to make what is at a place simpler; `None` when there are no more.
    fn simpler(&self, path: &[Segment], n: usize) -> Option<Document> {
        let number = self.get(path)?.as_integer().unwrap_or(0);
        let smaller =
            [0, 1, number / 2, number - 1].into_iter().filter(|n| (0..number).contains(n));
        let smaller = smaller.map(|n| self.with(path, Some(n.into())));
        let without = [self.with(path, None), self.unrolled(path)];
        without.into_iter().chain(smaller).flatten().nth(n)
    }

    /// The text of the scenario file.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{DIRECTIVE}\n");
        let is_table = |key: &str| TABLES.contains(&key);
        let others = self.0.keys().map(String::as_str);
        let others = others.filter(|key| !HEAD.contains(key) && !is_table(key));
        for key in HEAD.into_iter().chain(others) {
            if let Some(value) = self.0.get(key) {
                entry(&mut text, key, value);
            }
        }
        for key in TABLES {
            match self.0.get(key) {
                Some(Value::Table(table)) => section(&mut text, &format!("[{key}]"), table),
                Some(Value::Array(tables)) => {
                    let tables = tables.iter().filter_map(Value::as_table);
                    tables.for_each(|table| section(&mut text, &format!("[[{key}]]"), table));
                }
                _ => {}
            }
        }
        text
    }
}

fn walk(value: &Value, path: &Path, paths: &mut Vec<Path>) {
    paths.push(path.clone());
    let mut inner = |value, segment| {
        let path: Path = path.iter().cloned().chain([segment]).collect();
        walk(value, &path, paths);
    };
    match value {
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(index, value)| inner(value, Segment::Index(index)))
        }
        Value::Table(table) => {
            table.iter().for_each(|(key, value)| inner(value, Segment::Key(key.clone())));
        }
        _ => {}
    }
}

/// Steps as they are written, those in blocks once.
fn steps(values: &[Value]) -> usize {
    let block = |step: &Value| step.get("repeat")?.get("steps")?.as_array().map(|s| steps(s));
    values.iter().map(|step| block(step).unwrap_or(1)).sum()
}

/// What can be tried with a document, in order: many elements of an array at once, and then fewer; then each value,
/// by leaving it out or making it smaller; then any two elements at once, because a fault and the step that waits for
/// it, or a thread and whom it wakes, can only go together.
pub(super) struct Edits {
    stage: Stage,
}

enum Stage {
    /// The elements before `end` of an array, `chunk` at a time; at first all.
    Elements { array: usize, chunk: Option<usize>, end: usize },
    /// The `way`th way to make a value simpler.
    Values { place: usize, way: usize },
    /// Two elements, by their places among all.
    Pairs { first: usize, second: usize },
}

impl Edits {
    /// The next candidate, made from the document as it is now.
    pub(super) fn next(&mut self, document: &Document) -> Option<Document> {
        let arrays = document.arrays();
        while let Stage::Elements { array, chunk, end } = &mut self.stage {
            let path = arrays.get(*array);
            let Some(elements) = path.and_then(|path| document.get(path)?.as_array()) else {
                self.stage = Stage::Values { place: 0, way: 0 };
                break;
            };
            let size = *chunk.get_or_insert(elements.len());
            match size {
                0 => (*array, *chunk, *end) = (*array + 1, None, usize::MAX),
                _ if *end == 0 => (*chunk, *end) = (Some(size / 2), elements.len()),
                _ => {
                    *end = (*end).min(elements.len());
                    let start = end.saturating_sub(size);
                    let mut elements = elements.clone();
                    elements.drain(start..*end);
                    *end = start;
                    return document.with(&arrays[*array], Some(elements.into()));
                }
            }
        }
        let paths = document.paths();
        while let Stage::Values { place, way } = &mut self.stage {
            let Some(path) = paths.get(*place) else {
                self.stage = Stage::Pairs { first: 0, second: 1 };
                break;
            };
            match document.simpler(path, *way) {
                Some(candidate) => {
                    *way += 1;
                    return Some(candidate);
                }
                None => (*place, *way) = (*place + 1, 0),
            }
        }
        let elements: Vec<_> =
            paths.iter().filter(|path| matches!(path.last(), Some(Segment::Index(_)))).collect();
        while let Stage::Pairs { first, second } = &mut self.stage {
            let one = elements.get(*first)?;
            let Some(other) = elements.get(*second) else {
                (*first, *second) = (*first + 1, *first + 2);
                continue;
            };
            *second += 1;
            if !other.starts_with(one) {
                // The later one first: the place of the other one stays.
                return document.without_element(other)?.without_element(one);
            }
        }
        None
    }

    /// The last candidate is now the document.
    pub(super) fn accepted(&mut self) {
        match &mut self.stage {
            Stage::Values { way, .. } => *way = 0,
            // Others have moved into their places.
            Stage::Pairs { first, second } => *second = *first + 1,
            Stage::Elements { .. } => {}
        }
    }
}

fn section(text: &mut String, heading: &str, table: &Table) {
    let _ = writeln!(text, "\n{heading}");
    // Names first, steps last.
    let rank = |key: &str| match key {
        "name" => 0,
        "when" => 1,
        "steps" => 3,
        _ => 2,
    };
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| rank(key));
    entries.into_iter().for_each(|(key, value)| entry(text, key, value));
}

/// A line of a table; a list of steps has a line for each of its own.
fn entry(text: &mut String, key: &str, value: &Value) {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let quoted = key.is_empty() || !key.chars().all(is_bare);
    let key = if quoted { Value::from(key).to_string() } else { key.to_owned() };
    let _ = match value {
        Value::Array(steps) if key == "steps" && !steps.is_empty() => {
            let steps: String = steps.iter().map(|step| format!("  {step},\n")).collect();
            writeln!(text, "{key} = [\n{steps}]")
        }
        _ => writeln!(text, "{key} = {value}"),
    };
}

/// Prose in lines of readable length.
fn wrapped(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= LINE_WIDTH => *line += &format!(" {word}"),
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    fn entries(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }

    #[test]
    fn the_text_of_every_scenario_means_what_was_read() {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
        let folders = entries(&top).into_iter().filter(|path| path.is_dir());
        let files = folders.flat_map(|folder| entries(&folder)).filter(|path| path.is_file());
        let files: Vec<_> = files.collect();
        assert!(files.len() > 100, "{}", files.len());
        for file in files {
            let text = std::fs::read_to_string(&file).expect("a scenario");
            let document = Document::parse(&text).expect("TOML");
            assert_eq!(Document::parse(&document.text()), Some(document), "{}", file.display());
        }
    }

    #[test]
    fn strange_strings_survive_the_text() {
        for text in ["a\"b\\c", "tab\tbell\u{7}", "two\nlines \"\"\" and \\", "end\n", "ä€"] {
            let mut document = Document(Table::new());
            document.0.insert(String::from("title"), text.into());
            assert_eq!(Document::parse(&document.text()), Some(document), "{text:?}");
        }
    }

    /// Every candidate, each made from the document as it is, as if none were accepted.
    fn candidates(text: &str) -> Vec<Document> {
        let document = Document::parse(text).expect("TOML");
        let mut edits = document.edits();
        std::iter::from_fn(|| edits.next(&document)).collect()
    }

    #[test]
    fn everything_is_tried_in_parts_and_one_by_one() {
        let came = candidates("title = \"t\"\nquirks = [\"H01\"]\na = [1, 2, 3]\nb = { c = 9 }");
        let keys = |document: &Document| document.0.len();
        let lists = came.iter().filter_map(|d| d.0.get("a")?.as_array().map(Vec::len));
        assert_eq!(lists.clone().filter(|len| *len == 0).count(), 1);
        assert_eq!(lists.clone().filter(|len| *len == 2).count(), 3);
        // Two of three go together.
        assert_eq!(lists.filter(|len| *len == 1).count(), 3);
        assert_eq!(came.iter().filter(|document| keys(document) == 3).count(), 2);
        let smaller = came.iter().filter_map(|d| d.0.get("b")?.get("c")?.as_integer());
        assert_eq!(smaller.filter(|c| *c != 9).collect::<Vec<_>>(), [0, 1, 4, 8]);
        assert!(came.iter().all(|document| document.0.contains_key("quirks")));
    }

    #[test]
    fn two_elements_that_need_each_other_go_together() {
        let text = "fault = [1, 2]\napp = [{ steps = [3, 4] }]";
        let without = Document::parse("fault = [1]\napp = [{ steps = [4] }]");
        assert!(candidates(text).into_iter().any(|document| Some(document) == without));
    }

    #[test]
    fn a_block_is_written_out_once() {
        let text = "app = [{ steps = [1, { repeat = { times = 9, steps = [2, 3] } }, 4] }]";
        let unrolled = Document::parse("app = [{ steps = [1, 2, 3, 4] }]");
        assert!(candidates(text).into_iter().any(|document| Some(document) == unrolled));
    }

    #[test]
    fn candidates_that_are_accepted_come_to_an_end() {
        let text = "title = \"t\"\na = [[1, 2], [3, { b = 17 }]]\nc = { d = 1000, e = \"x\" }";
        let mut document = Document::parse(text).expect("TOML");
        let mut edits = document.edits();
        while let Some(candidate) = edits.next(&document) {
            document = candidate;
            edits.accepted();
        }
        assert_eq!(document, Document::parse("title = \"t\"").expect("TOML"));
    }
}
