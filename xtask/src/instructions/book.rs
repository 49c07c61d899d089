//! Numbers of instructions that are written down, and how others differ from them.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// By how much of what it was a number may grow before it fails.
const THRESHOLD: f64 = 0.03;

const HEAD: &str = "\
# Instructions of one operation of each hot path, without those of the C library.
# Written by `cargo xtask instructions --renew`, compared by `cargo xtask instructions`.
";

/// The numbers of one toolchain.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Book {
    pub(super) toolchain: String,
    /// Instructions of one operation, by the path's name.
    pub(super) paths: BTreeMap<String, f64>,
}

/// What has become of a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Change {
    Same { now: f64 },
    More { was: f64, now: f64 },
    Less { was: f64, now: f64 },
    New { now: f64 },
    Gone,
}

impl Book {
    pub(super) fn new(toolchain: String) -> Book {
        Book { toolchain, paths: BTreeMap::new() }
    }

    pub(super) fn from_text(text: &str) -> Result<Book, toml::de::Error> {
        toml::from_str(text)
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = format!("{HEAD}toolchain = {:?}\n\n[paths]\n", self.toolchain);
        for (name, count) in &self.paths {
            text += &format!("{name:?} = {count:.1}\n");
        }
        text
    }

    /// What has become of every path that is written down or counted.
    pub(super) fn compare(&self, counted: &Book) -> BTreeMap<String, Change> {
        let names = self.paths.keys().chain(counted.paths.keys());
        let change = |name: &String| match (self.paths.get(name), counted.paths.get(name)) {
            (Some(&was), Some(&now)) => Change::between(was, now),
            (None, Some(&now)) => Change::New { now },
            (_, None) => Change::Gone,
        };
        names.map(|name| (name.clone(), change(name))).collect()
    }
}

impl Change {
    fn between(was: f64, now: f64) -> Change {
        if now > was * (1.0 + THRESHOLD) {
            Change::More { was, now }
        } else if now < was * (1.0 - THRESHOLD) {
            Change::Less { was, now }
        } else {
            Change::Same { now }
        }
    }

    /// Whether the comparison fails by it: a path that takes more, or about which nothing can be said.
    pub(super) fn fails(self) -> bool {
        matches!(self, Change::More { .. } | Change::New { .. } | Change::Gone)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |was: f64, now: f64| (now / was - 1.0) * 100.0;
        match *self {
            Change::Same { now } => write!(f, "{now:>9.1}          ok"),
            Change::More { was, now } => {
                write!(f, "{now:>9.1}  {:>+6.1}% MORE", percent(was, now))
            }
            Change::Less { was, now } => {
                write!(f, "{now:>9.1}  {:>+6.1}% less", percent(was, now))
            }
            Change::New { now } => write!(f, "{now:>9.1}         NEW"),
            Change::Gone => write!(f, "        -        GONE"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(paths: &[(&str, f64)]) -> Book {
        let paths = paths.iter().map(|&(name, count)| (name.to_owned(), count)).collect();
        Book { toolchain: "rustc 1.95.0".to_owned(), paths }
    }

    #[test]
    fn a_book_is_read_as_it_was_written() {
        let book = book(&[("copy 32 B", 412.0), ("send", 343.5)]);
        assert_eq!(Book::from_text(&book.to_text()), Ok(book));
    }

    #[test]
    fn what_grows_by_more_than_three_percent_fails() {
        let was = book(&[("a", 1000.0)]);
        for (now, fails) in [(1000.0, false), (1029.0, false), (1031.0, true), (500.0, false)] {
            let change = was.compare(&book(&[("a", now)]))["a"];
            assert_eq!(change.fails(), fails, "{now}");
        }
        assert_eq!(Change::between(1000.0, 969.0), Change::Less { was: 1000.0, now: 969.0 });
    }

    #[test]
    fn a_path_that_is_not_on_both_sides_fails() {
        let changes = book(&[("gone", 1.0)]).compare(&book(&[("new", 2.0)]));
        assert_eq!(changes["gone"], Change::Gone);
        assert_eq!(changes["new"], Change::New { now: 2.0 });
        assert!(changes.values().all(|change| change.fails()));
    }
}
