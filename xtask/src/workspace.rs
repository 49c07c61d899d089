//! Where things are in the workspace, and which scenarios there are.

use std::path::{Path, PathBuf};

/// The workspace's top folder.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

/// A scenario file of the workspace or of the user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ScenarioFile {
    pub(crate) path: PathBuf,
    /// Path below `scenarios/` without its ending, or the path as the user wrote it.
    pub(crate) name: String,
}

impl ScenarioFile {
    /// A file that the user named.
    pub(crate) fn named(path: &Path) -> ScenarioFile {
        let below = path
            .canonicalize()
            .ok()
            .and_then(|full| Some(full.strip_prefix(root().join("scenarios")).ok()?.to_owned()));
        let name = match below {
            Some(below) => name_of(&below),
            None => path.display().to_string(),
        };
        ScenarioFile { path: path.to_owned(), name }
    }

    /// The file of its snapshot; only scenarios of the workspace have one.
    pub(crate) fn snapshot(&self) -> PathBuf {
        root().join("snapshots").join(format!("{}.snap", self.name))
    }
}

/// Every scenario of the workspace, by name.
pub(crate) fn scenarios() -> std::io::Result<Vec<ScenarioFile>> {
    let top = root().join("scenarios");
    let mut files: Vec<_> = files_below(&top, "toml")?
        .into_iter()
        .map(|path| {
            let name = name_of(path.strip_prefix(&top).unwrap_or(&path));
            ScenarioFile { path, name }
        })
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// Every file below a folder with that ending.
pub(crate) fn files_below(folder: &Path, ending: &str) -> std::io::Result<Vec<PathBuf>> {
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

fn name_of(below: &Path) -> String {
    let parts = below.with_extension("");
    parts.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}
