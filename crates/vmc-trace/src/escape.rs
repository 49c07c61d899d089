//! Text from files, shown so that it can be nothing but text: a terminal obeys some characters instead of showing them.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text in one line: characters that a terminal obeys, ends of lines and those that turn the direction of writing
/// included, are shown as TOML and JSON write them, `\u001b`.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// The same for a text of several lines, which stay lines.
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\n')
}

fn escape(text: &str, keeps: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_obeyed(c) && !keeps(c)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            _ if keeps(c) || !is_obeyed(c) => shown.push(c),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ => {
                // Writing into a string does not fail. All of them have at most four digits.
                let _ = write!(shown, "\\u{:04x}", u32::from(c));
            }
        }
    }
    Cow::Owned(shown)
}

/// Control characters, and those of Unicode that are not seen but change what is: separators of lines, marks and
/// embeddings of a direction, joiners, the byte order mark.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_obeys_is_shown() {
        assert_eq!(
            escaped("\u{1b}[31mred\u{7}\n\t\u{9b}2J\u{202e}"),
            r"\u001b[31mred\u0007\n\t\u009b2J\u202e"
        );
        assert_eq!(escaped_lines("a\n\u{1b}c\r\n"), "a\n\\u001bc\\r\n");
        assert!(matches!(escaped("Größe 4 → 5, `x`"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn nothing_that_is_obeyed_is_left_and_nothing_else_is_touched(text in any::<String>()) {
            prop_assert!(!escaped(&text).chars().any(is_obeyed));
            prop_assert!(!escaped_lines(&text).chars().any(|c| is_obeyed(c) && c != '\n'));
            let once = escaped(&text);
            prop_assert_eq!(escaped(&once), once.as_ref());
        }
    }
}
