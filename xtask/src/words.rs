//! Words that stay out of docs, comments and messages: they leave open who does what.

use crate::workspace::{files_below, root, short};
use std::path::Path;

/// A word, and what to write instead.
const STILTED: &[(&str, &str)] = &[
    (concat!("who", "ever"), "name the one who acts: the caller, a reader"),
    (concat!("who", "mever"), "name the one who is acted on"),
    (concat!("some", "body"), "name the one who acts: another thread, a caller"),
    (concat!("any", "body"), "name the one who acts: any thread, either side"),
    (concat!("every", "body"), "name them: all activities, every call"),
    (concat!("no", "body"), "say what does not happen: no call waits, it is not read"),
    (concat!("what", "ever"), "say which: any, every, with any status"),
    (concat!("for", " ever"), "write `forever`"),
    (concat!("so-", "manyth"), "write `the nth`, or `with this number`"),
    (concat!("his", " processor"), "write `its processor`"),
];

/// Folders with prose, each with the endings of its files.
const PLACES: &[(&str, &[&str])] = &[
    (".", &["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "Cargo.toml"]),
    ("benches", &["rs", "md", "toml"]),
    ("crates", &["rs", "md", "toml"]),
    ("scenarios", &["md", "toml"]),
    ("xtask", &["rs", "md", "toml"]),
];

/// Each place where one of the words stands.
pub(crate) fn problems() -> Vec<String> {
    let files = PLACES.iter().flat_map(|(folder, endings)| {
        endings.iter().flat_map(|ending| match *folder {
            "." => vec![root().join(ending)],
            folder => files_below(&root().join(folder), ending).unwrap_or_default(),
        })
    });
    files.flat_map(|path| in_file(&path)).collect()
}

fn in_file(path: &Path) -> Vec<String> {
    let name = short(path);
    let Ok(text) = std::fs::read_to_string(path) else {
        return vec![format!("{name} cannot be read")];
    };
    let found = stilted(&text).into_iter();
    found.map(|(line, word, instead)| format!("{name}:{line}: \"{word}\": {instead}")).collect()
}

/// The words of a text, each with its line and what to write instead.
fn stilted(text: &str) -> Vec<(usize, &'static str, &'static str)> {
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.to_ascii_lowercase();
        for (word, instead) in STILTED {
            if line.match_indices(word).any(|(at, _)| is_word(&line, at, word.len())) {
                found.push((number, *word, *instead));
            }
        }
    }
    found
}

/// Whether a part of a line is a word of its own, and not one of a name such as `reader-of-it` or `reads_it`.
fn is_word(line: &str, at: usize, len: usize) -> bool {
    let belongs = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    !line[..at].ends_with(belongs) && !line[at + len..].starts_with(belongs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stilted_word_is_told_with_its_line() {
        let text = concat!("fine\nNo", "body waits for", " ever.\n");
        let found: Vec<_> = stilted(text).iter().map(|(line, word, _)| (*line, *word)).collect();
        assert_eq!(found, [(2, concat!("no", "body")), (2, concat!("for", " ever"))]);
    }

    #[test]
    fn names_and_longer_words_are_left_alone() {
        let name =
            concat!("a_buffer_that_no", "body_read remove-buffer-no", "body-can for every one");
        assert_eq!(stilted(name), []);
    }
}
