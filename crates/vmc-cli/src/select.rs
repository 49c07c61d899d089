//! Which scenarios a command is about.

use crate::workspace::{ScenarioFile, files_below, scenarios};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use vmc_sim::Scenario;

/// The options that choose scenarios, the same for every command that takes some.
#[derive(Debug, clap::Args)]
pub struct Selection {
    /// Scenarios: a file, a folder, a name below scenarios/ such as `messages/echo`, or how names begin
    #[arg(value_name = "SCENARIO")]
    names: Vec<String>,

    /// Only scenarios with this word in their folder, name, tags or title; of several, all must be there
    #[arg(long = "filter", value_name = "WORD")]
    words: Vec<String>,

    /// Prints name, tags and title of the scenarios and runs nothing
    #[arg(long)]
    pub list: bool,
}

/// A scenario that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Its file.
    pub file: ScenarioFile,
    /// Whether the user named this one, and not a group that it belongs to.
    pub singled_out: bool,
}

/// Names that are offered for one that stands for nothing.
const MAX_ALIKE: usize = 3;

/// Why nothing was chosen.
#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    /// A folder cannot be read.
    #[error("{folder}: {error}; name a folder with scenario files, or run this in a checkout")]
    Unreadable {
        /// The folder.
        folder: String,
        /// Why not.
        error: io::Error,
    },
    /// An argument stands for nothing.
    #[error(
        "no scenario for `{name}`: there is no such file, no scenario file in such a folder, and no name below \
         scenarios/ that begins so\n{help}"
    )]
    Unknown {
        /// The argument.
        name: String,
        /// What there is.
        help: String,
    },
    /// An argument stands for more than one scenario.
    #[error(
        "expected one scenario, `{name}` stands for {number}; `cargo xtask sim --list {name}` prints them"
    )]
    Several {
        /// The argument.
        name: String,
        /// How many.
        number: usize,
    },
    /// The words of the filter are nowhere together.
    #[error("no scenario of {among} has {} in its folder, name, tags or title\n{help}", .words.join(" and "))]
    Filtered {
        /// How many scenarios were looked at.
        among: usize,
        /// The words.
        words: Vec<String>,
        /// What there is.
        help: String,
    },
}

impl Selection {
    /// The one scenario that a name stands for.
    pub fn one(name: &str) -> Result<ScenarioFile, SelectionError> {
        let names = vec![name.to_owned()];
        let mut chosen = Selection { names, words: Vec::new(), list: false }.chosen()?;
        match (chosen.pop(), chosen.len()) {
            (Some(only), 0) => Ok(only.file),
            (_, others) => {
                Err(SelectionError::Several { name: name.to_owned(), number: others + 1 })
            }
        }
    }

    /// The scenarios meant, each once: in the order of the arguments, or all by name.
    pub fn chosen(&self) -> Result<Vec<Chosen>, SelectionError> {
        let unreadable =
            |error| SelectionError::Unreadable { folder: String::from("scenarios/"), error };
        self.among(&scenarios().map_err(unreadable)?)
    }

    fn among(&self, all: &[ScenarioFile]) -> Result<Vec<Chosen>, SelectionError> {
        let mut chosen = if self.names.is_empty() {
            let whole = |file: &ScenarioFile| Chosen { file: file.clone(), singled_out: false };
            all.iter().map(whole).collect()
        } else {
            named(&self.names, all)?
        };
        let among = chosen.len();
        if !self.words.is_empty() {
            chosen.retain(|chosen| has_words(&chosen.file, &self.words));
        }
        if chosen.is_empty() {
            let words = self.words.iter().map(|word| format!("`{word}`")).collect();
            return Err(SelectionError::Filtered { among, words, help: help(all) });
        }
        Ok(chosen)
    }
}

/// What the names stand for, each scenario once.
fn named(names: &[String], all: &[ScenarioFile]) -> Result<Vec<Chosen>, SelectionError> {
    let mut chosen: Vec<Chosen> = Vec::new();
    for name in names {
        let files = meant(name, all)?;
        let singled_out = files.len() == 1;
        for file in files {
            match chosen.iter_mut().find(|other| other.file.name == file.name) {
                Some(other) => other.singled_out |= singled_out,
                None => chosen.push(Chosen { file, singled_out }),
            }
        }
    }
    Ok(chosen)
}

/// The scenario that a name stands for, where only one will do.
pub fn one(name: &str) -> Result<ScenarioFile, String> {
    let all = scenarios().map_err(|e| format!("scenarios/: {e}; run this in a checkout"))?;
    let files = meant(name, &all).map_err(|e| e.to_string())?;
    match &files[..] {
        [file] => Ok(file.clone()),
        files => {
            Err(format!("`{name}`: expected one scenario, got {}; name one of them", files.len()))
        }
    }
}

/// What one name stands for: what is nearest to what was typed wins.
fn meant(name: &str, all: &[ScenarioFile]) -> Result<Vec<ScenarioFile>, SelectionError> {
    let path = Path::new(name);
    if path.is_file() {
        return Ok(vec![ScenarioFile::named(path)]);
    }
    if path.is_dir() {
        let unreadable = |error| SelectionError::Unreadable { folder: name.to_owned(), error };
        let mut files = files_below(path, "toml").map_err(unreadable)?;
        files.sort();
        if !files.is_empty() {
            return Ok(files.iter().map(|path| ScenarioFile::named(path)).collect());
        }
    }
    let below = name.strip_prefix("scenarios/").unwrap_or(name);
    let below = below.strip_suffix(".toml").unwrap_or(below);
    let folder = format!("{}/", below.trim_end_matches('/'));
    let readings: [&dyn Fn(&str) -> bool; 3] =
        [&|name| name == below, &|name| name.starts_with(&folder), &|name| {
            !below.is_empty() && name.starts_with(below)
        }];
    let pick = |reading: &dyn Fn(&str) -> bool| -> Vec<ScenarioFile> {
        all.iter().filter(|file| reading(&file.name)).cloned().collect()
    };
    let found = readings.into_iter().map(pick).find(|files| !files.is_empty());
    found.ok_or_else(|| {
        let help = format!("{}{}", alike(below, all), help(all));
        SelectionError::Unknown { name: name.to_owned(), help }
    })
}

/// The names of which `name` is the last part, or else a part.
fn alike(name: &str, all: &[ScenarioFile]) -> String {
    let last = format!("/{name}");
    let readings: [&dyn Fn(&str) -> bool; 2] =
        [&|other| other.ends_with(&last), &|other| !name.is_empty() && other.contains(name)];
    let pick = |reading: &dyn Fn(&str) -> bool| -> Vec<String> {
        let names = all.iter().map(|file| &file.name).filter(|other| reading(other));
        names.take(MAX_ALIKE).map(|other| format!("`{other}`")).collect()
    };
    let found = readings.into_iter().map(pick).find(|names| !names.is_empty());
    found.map(|names| format!("did you mean {}?\n", names.join(" or "))).unwrap_or_default()
}

/// Whether all words are found. A file with a mistake in it has a name only: naming it shows the mistake.
fn has_words(file: &ScenarioFile, words: &[String]) -> bool {
    let mut text = file.name.clone();
    if let Ok(scenario) = Scenario::load(&file.path) {
        text = format!("{text}\n{}\n{}", scenario.title(), scenario.tags().join("\n"));
    }
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(&word.to_lowercase()))
}

/// What there is to choose from.
fn help(all: &[ScenarioFile]) -> String {
    let folders: BTreeSet<&str> = all.iter().map(ScenarioFile::folder).collect();
    let folders: Vec<&str> = folders.into_iter().filter(|folder| !folder.is_empty()).collect();
    format!("folders: {}\n`cargo xtask sim --list` prints every name", folders.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn all() -> Vec<ScenarioFile> {
        let file = |name: &str| ScenarioFile {
            name: name.to_owned(),
            path: PathBuf::from(format!("/nowhere/{name}.toml")),
            in_workspace: true,
        };
        [
            "crash/before-init",
            "crash/before-init-complete",
            "crash/in-write",
            "crc/late",
            "open/late",
        ]
        .map(file)
        .to_vec()
    }

    fn selection(names: &[&str], words: &[&str]) -> Selection {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Selection { names: owned(names), words: owned(words), list: false }
    }

    fn choose(names: &[&str], words: &[&str]) -> Vec<String> {
        let chosen = selection(names, words).among(&all()).expect("scenarios");
        chosen.into_iter().map(|chosen| chosen.file.name).collect()
    }

    fn refusal(names: &[&str], words: &[&str]) -> String {
        selection(names, words).among(&all()).expect_err("nothing matches").to_string()
    }

    #[test]
    fn without_options_every_scenario_is_chosen() {
        assert_eq!(choose(&[], &[]).len(), all().len());
    }

    #[test]
    fn a_whole_name_is_that_scenario_alone() {
        assert_eq!(choose(&["crash/before-init"], &[]), ["crash/before-init"]);
        assert_eq!(choose(&["scenarios/crash/before-init.toml"], &[]), ["crash/before-init"]);
    }

    #[test]
    fn a_folder_is_what_lies_in_it_and_not_what_is_spelt_alike() {
        let crash = ["crash/before-init", "crash/before-init-complete", "crash/in-write"];
        assert_eq!(choose(&["crash"], &[]), crash);
        assert_eq!(choose(&["crash/"], &[]), crash);
        assert_eq!(choose(&["cr"], &[]).len(), 4);
    }

    #[test]
    fn the_beginning_of_a_name_is_all_that_begin_so() {
        assert_eq!(
            choose(&["crash/before"], &[]),
            ["crash/before-init", "crash/before-init-complete"]
        );
    }

    #[test]
    fn several_arguments_keep_their_order_and_choose_each_scenario_once() {
        let names = choose(&["open", "crash/in-write", "crash"], &[]);
        let expected =
            ["open/late", "crash/in-write", "crash/before-init", "crash/before-init-complete"];
        assert_eq!(names, expected);
    }

    #[test]
    fn only_what_stands_alone_is_singled_out() {
        let chosen = selection(&["crash", "crash/in-write"], &[]).among(&all()).expect("scenarios");
        let singled = chosen.iter().filter(|chosen| chosen.singled_out);
        let singled: Vec<_> = singled.map(|chosen| chosen.file.name.as_str()).collect();
        assert_eq!(singled, ["crash/in-write"]);
    }

    #[test]
    fn a_filter_finds_words_in_folder_and_name_whatever_their_case() {
        assert_eq!(choose(&[], &["LATE"]), ["crc/late", "open/late"]);
        assert_eq!(choose(&[], &["late", "crc"]), ["crc/late"]);
        assert_eq!(choose(&["open"], &["late"]), ["open/late"]);
    }

    #[test]
    fn a_name_that_stands_for_nothing_is_refused_and_the_folders_are_listed() {
        for name in ["crush", "crash/after", "scenarios/crash/in-wrte.toml", ""] {
            let text = refusal(&["crash", name], &[]);
            assert!(text.starts_with(&format!("no scenario for `{name}`")), "{text}");
            assert!(text.contains("folders: crash, crc, open"), "{text}");
        }
    }

    #[test]
    fn a_name_without_its_folder_is_asked_for_with_it() {
        let text = refusal(&["in-write"], &[]);
        assert!(text.contains("\ndid you mean `crash/in-write`?\nfolders: "), "{text}");
        let text = refusal(&["late"], &[]);
        assert!(text.contains("did you mean `crc/late` or `open/late`?"), "{text}");
        let text = refusal(&["init"], &[]);
        let both = "did you mean `crash/before-init` or `crash/before-init-complete`?";
        assert!(text.contains(both), "{text}");
        assert!(!refusal(&["crush"], &[]).contains("did you mean"));
    }

    #[test]
    fn a_filter_that_leaves_nothing_is_refused_with_its_words() {
        let text = refusal(&["crash"], &["late", "init"]);
        assert!(text.starts_with("no scenario of 3 has `late` and `init` in its folder"), "{text}");
        assert!(text.contains("folders: crash, crc, open"), "{text}");
    }
}
