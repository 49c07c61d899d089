//! Snapshot files, as insta writes them: a header between two lines of dashes, then the trace.

use std::io;
use std::path::Path;

/// Header of a new snapshot; the test that reads it is named as insta does.
const HEADER: &str = "---\nsource: crates/vmc-sim/tests/scenarios.rs\n---\n";

/// What ends the header, and what begins it.
const DASHES: &str = "---\n";

/// A snapshot that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    header: String,
    trace: String,
}

impl Snapshot {
    /// The snapshot in a file; `None` if there is no such file.
    pub fn read(path: &Path) -> io::Result<Option<Snapshot>> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(Snapshot::parse(&text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A new snapshot of a trace.
    pub fn of(trace: &str) -> Snapshot {
        Snapshot { header: HEADER.to_owned(), trace: format!("{}\n", trace.trim_end()) }
    }

    /// Writes it to a file, in a folder that is made if need be.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        std::fs::write(path, self.text())
    }

    fn parse(text: &str) -> Snapshot {
        let end = text
            .strip_prefix(DASHES)
            .and_then(|rest| rest.find(&format!("\n{DASHES}")))
            .map_or(0, |at| DASHES.len() + at + "\n".len() + DASHES.len());
        let (header, trace) = text.split_at(end);
        Snapshot { header: header.to_owned(), trace: trace.to_owned() }
    }

    /// Whether it holds this trace. Line ends at the end do not count, as for insta.
    pub fn holds(&self, trace: &str) -> bool {
        self.trace.trim_end() == trace.trim_end()
    }

    /// The trace that it holds.
    pub fn trace(&self) -> &str {
        self.trace.trim_end()
    }

    /// The text of its file.
    pub fn text(&self) -> String {
        self.text_with(&self.trace)
    }

    /// The text that its file would have with another trace: lines have the same numbers in both.
    pub fn text_with(&self, trace: &str) -> String {
        format!("{}{}\n", self.header, trace.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_holds_the_trace_after_its_header() {
        let snapshot = Snapshot::of("one\ntwo\n\n");
        assert_eq!(Snapshot::parse(&snapshot.text()), snapshot);
        assert!(snapshot.holds("one\ntwo"));
        assert!(!snapshot.holds("one\n"));
        assert_eq!(snapshot.text_with("three"), format!("{HEADER}three\n"));
    }

    #[test]
    fn dashes_in_the_trace_belong_to_it() {
        let snapshot = Snapshot::parse("---\nsource: x\nexpression: y\n---\none\n---\ntwo\n");
        assert!(snapshot.holds("one\n---\ntwo\n"));
    }

    #[test]
    fn a_file_without_a_header_is_all_trace() {
        for text in ["one\ntwo\n", "---\nno end of it\n", ""] {
            assert!(Snapshot::parse(text).holds(text), "{text:?}");
        }
    }
}
