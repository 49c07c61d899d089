//! Where things are in the workspace, and which scenarios there are.

use std::io;
use std::path::{Path, PathBuf};
use vmc_sim::Scenario;

/// The workspace's top folder.
pub fn root() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.ancestors().nth(2).unwrap_or(folder).to_owned()
}

/// A path as people read it: below the workspace's top folder if it is there.
pub fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// A scenario file of the workspace or of the user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScenarioFile {
    /// Path below `scenarios/` without its ending, or the path as the user wrote it.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Whether it lies below `scenarios/`.
    pub in_workspace: bool,
}

impl ScenarioFile {
    /// A file that the user named.
    pub fn named(path: &Path) -> ScenarioFile {
        let below = || {
            let top = root().join("scenarios").canonicalize().ok()?;
            Some(path.canonicalize().ok()?.strip_prefix(top).ok()?.to_owned())
        };
        match below() {
            Some(below) => ScenarioFile::below(path, &below),
            None => {
                let name = path.display().to_string();
                ScenarioFile { name, path: path.to_owned(), in_workspace: false }
            }
        }
    }

    fn below(path: &Path, below: &Path) -> ScenarioFile {
        let parts = below.with_extension("");
        let parts: Vec<_> = parts.iter().map(|part| part.to_string_lossy()).collect();
        ScenarioFile { name: parts.join("/"), path: path.to_owned(), in_workspace: true }
    }

    /// The folder in its name; empty if there is none.
    pub fn folder(&self) -> &str {
        self.name.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The file of its snapshot: below `snapshots/`, or beside a scenario that lies elsewhere.
    pub fn snapshot(&self) -> PathBuf {
        if self.in_workspace {
            root().join("snapshots").join(format!("{}.snap", self.name))
        } else {
            self.path.with_extension("snap")
        }
    }

    /// The files of a scenario's snapshots: one, or one for each outcome of a race, numbered from 1.
    pub fn snapshots(&self, scenario: &Scenario) -> Vec<PathBuf> {
        match scenario.outcomes().len() {
            0 => vec![self.snapshot()],
            outcomes => (1..=outcomes).map(|n| self.outcome(n)).collect(),
        }
    }

    fn outcome(&self, n: usize) -> PathBuf {
        self.snapshot().with_extension(format!("{n}.snap"))
    }
}

/// Folders of this name, below `scenarios/`, have inventories: what scenarios manage.
const INVENTORIES: &str = "inventories";

/// Whether a file lies where inventories do.
fn is_inventory(path: &Path) -> bool {
    path.parent().is_some_and(|folder| folder.ends_with(INVENTORIES))
}

/// Every inventory below `scenarios/`.
pub fn inventories() -> io::Result<Vec<PathBuf>> {
    let mut files = files_below(&root().join("scenarios"), "toml")?;
    files.retain(|path| is_inventory(path));
    files.sort();
    Ok(files)
}

/// Every scenario of the workspace, by name.
pub fn scenarios() -> io::Result<Vec<ScenarioFile>> {
    let top = root().join("scenarios");
    let below = |path: &PathBuf| {
        ScenarioFile::below(path, path.strip_prefix(&top).unwrap_or(path.as_path()))
    };
    let files = files_below(&top, "toml")?;
    let mut files: Vec<_> = files.iter().filter(|path| !is_inventory(path)).map(below).collect();
    files.sort();
    Ok(files)
}

/// Every file below a folder with that ending.
pub fn files_below(folder: &Path, ending: &str) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path, ending)?);
        } else if path.extension().is_some_and(|found| found == ending) {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_workspace_has_its_name_and_snapshot_there() {
        let path = root().join("xtask/../scenarios/boot/driver-first.toml");
        let file = ScenarioFile::named(&path);
        assert_eq!((file.name.as_str(), file.folder()), ("boot/driver-first", "boot"));
        assert_eq!(short(&file.snapshot()), "snapshots/boot/driver-first.snap");
    }

    #[test]
    fn a_race_has_a_snapshot_for_each_outcome() {
        let file = ScenarioFile::named(&root().join("scenarios/boot/driver-first.toml"));
        let text = "title = \"t\"\noutcomes = [\"one\", \"the other\"]\n";
        let scenario = Scenario::parse("t.toml", text).expect("a scenario");
        let names: Vec<_> = file.snapshots(&scenario).iter().map(|path| short(path)).collect();
        let expected = ["snapshots/boot/driver-first.1.snap", "snapshots/boot/driver-first.2.snap"];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_file_elsewhere_keeps_its_path_and_has_its_snapshot_beside_it() {
        let file = ScenarioFile::named(Path::new("/nowhere/mine.toml"));
        assert_eq!(file.name, "/nowhere/mine.toml");
        assert_eq!(file.snapshot(), Path::new("/nowhere/mine.snap"));
    }

    #[test]
    fn scenarios_are_listed_by_name() {
        let files = scenarios().expect("the workspace's scenarios");
        assert!(files.is_sorted_by(|a, b| a.name < b.name));
        assert!(files.iter().all(|file| file.in_workspace));
    }
}
