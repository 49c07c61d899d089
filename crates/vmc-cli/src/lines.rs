//! Text of reports by lines: what a diff is made of, coloured or not, and cut where it becomes too much.

use similar::TextDiff;
use vmc_sim::trace::escaped_lines;

/// Lines around a change that a diff shows.
const CONTEXT_LINES: usize = 3;

/// Lines of a scenario's report, beyond which the rest is counted.
pub const MAX_LINES: usize = 60;

/// What a line is, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As it is.
    Plain,
    /// Only the snapshot has it.
    Removed,
    /// Only the run has it.
    Added,
    /// Where in the file a part of a diff belongs.
    Hunk,
}

/// A line of a report, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    kind: Kind,
    text: String,
}

impl Line {
    /// A line without a colour.
    pub fn plain(text: impl Into<String>) -> Line {
        Line { kind: Kind::Plain, text: text.into() }
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same further to the right.
    pub fn indented(mut self, columns: usize) -> Line {
        self.text.insert_str(0, &" ".repeat(columns));
        self
    }

    fn render(&self, colours: bool) -> String {
        let text = escaped_lines(&self.text);
        let colour = match self.kind {
            Kind::Removed => "\x1b[31m",
            Kind::Added => "\x1b[32m",
            Kind::Hunk => "\x1b[36m",
            Kind::Plain => return text.into_owned(),
        };
        if colours { format!("{colour}{text}\x1b[0m") } else { text.into_owned() }
    }
}

/// All lines as one text.
pub fn render(lines: &[Line], colours: bool) -> String {
    lines.iter().map(|line| line.render(colours)).collect::<Vec<_>>().join("\n")
}

/// At most [`MAX_LINES`]; beyond it a last one says how many more there are and how to see them.
pub fn cut(mut lines: Vec<Line>) -> Vec<Line> {
    let more = lines.len().saturating_sub(MAX_LINES);
    if more > 0 {
        lines.truncate(MAX_LINES);
        lines.push(Line::plain(format!("… {} more: `--full` shows them", counted(more, "line"))));
    }
    lines
}

/// A number of things: `1 line`, `2 lines`.
pub fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// A unified diff. What the two texts are stands at its head.
pub fn diff(old: (&str, &str), new: (&str, &str)) -> Vec<Line> {
    let ((old_name, old), (new_name, new)) = (old, new);
    let head =
        [(Kind::Removed, format!("--- {old_name}")), (Kind::Added, format!("+++ {new_name}"))];
    let mut lines = Vec::from(head.map(|(kind, text)| Line { kind, text }));
    let diff = TextDiff::from_lines(old, new);
    let mut unified = diff.unified_diff();
    let unified = unified.context_radius(CONTEXT_LINES).missing_newline_hint(false).to_string();
    lines.extend(unified.lines().map(|line| {
        let kind = match line.as_bytes().first() {
            Some(b'-') => Kind::Removed,
            Some(b'+') => Kind::Added,
            Some(b'@') => Kind::Hunk,
            _ => Kind::Plain,
        };
        Line { kind, text: line.to_owned() }
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn five() -> Vec<Line> {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        diff(("old", old), ("new", &old.replace('5', "five")))
    }

    #[test]
    fn a_diff_shows_the_change_and_three_lines_around_it() {
        let expected = "--- old\n+++ new\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8";
        assert_eq!(render(&five(), false), expected);
    }

    #[test]
    fn only_changes_are_coloured_and_only_when_asked_for() {
        let text = render(&five(), true);
        assert!(text.contains("\n\x1b[31m-5\x1b[0m\n\x1b[32m+five\x1b[0m\n 6\n"), "{text:?}");
        assert!(!render(&five(), false).contains('\x1b'));
    }

    #[test]
    fn a_trace_that_draws_arrows_is_no_change() {
        let lines = diff(("old", "a\n-->\n"), ("new", "b\n-->\n"));
        let arrow = lines.last().expect("a line");
        assert_eq!((arrow.kind, arrow.text()), (Kind::Plain, " -->"));
    }

    #[test]
    fn too_many_lines_are_cut_and_counted() {
        let lines = |number| vec![Line::plain("x"); number];
        assert_eq!(cut(lines(MAX_LINES)), lines(MAX_LINES));
        let cut = cut(lines(MAX_LINES + 2));
        assert_eq!(cut.len(), MAX_LINES + 1);
        assert_eq!(cut[MAX_LINES].text(), "… 2 lines more: `--full` shows them");
    }
}
