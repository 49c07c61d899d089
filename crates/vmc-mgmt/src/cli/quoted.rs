//! Lists of which elements with commas are quoted, and quotes in them doubled.

use std::borrow::Cow;

/// What is wrong with a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// the quote at character {0} has no other one
    #[error("the quote at character {0} has no other one")]
    Open(usize),
    /// expected a comma after the quote at character {at}, got `{got}`
    #[error("expected a comma after the quote at character {at}, got `{got}`")]
    After {
        /// Where the quote stands, from 1.
        at: usize,
        /// What stands after it.
        got: char,
    },
    /// the quote at character {0} is not at the beginning of an element: double it, and quote the whole element
    #[error(
        "the quote at character {0} is not at the beginning of an element: double it, and quote the whole element"
    )]
    Inside(usize),
}

/// The elements of a list, without their quotes.
pub fn split_quoted(text: &str) -> Result<Vec<String>, QuoteError> {
    let mut elements = Vec::new();
    let mut rest = text.char_indices().peekable();
    let place = |at: usize| text[..at].chars().count() + 1;
    loop {
        let mut element = String::new();
        if let Some((opened, _)) = rest.next_if(|(_, c)| *c == '"') {
            loop {
                match rest.next() {
                    None => return Err(QuoteError::Open(place(opened))),
                    Some((closed, '"')) => match rest.peek() {
                        Some((_, '"')) => {
                            rest.next();
                            element.push('"');
                        }
                        None | Some((_, ',')) => break,
                        Some((_, got)) => {
                            return Err(QuoteError::After { at: place(closed), got: *got });
                        }
                    },
                    Some((_, c)) => element.push(c),
                }
            }
        } else {
            while let Some((at, c)) = rest.next_if(|(_, c)| *c != ',') {
                if c == '"' {
                    return Err(QuoteError::Inside(place(at)));
                }
                element.push(c);
            }
        }
        elements.push(element);
        if rest.next().is_none() {
            return Ok(elements);
        }
    }
}

/// An element as it is printed: quoted if it has something that ends it.
pub(super) fn quoted(element: &str, delimiter: char) -> Cow<'_, str> {
    let ends = |c: char| matches!(c, ',' | '"' | '\n' | '\r') || c == delimiter;
    match element.contains(ends) {
        true => Cow::Owned(format!("\"{}\"", element.replace('"', "\"\""))),
        false => Cow::Borrowed(element),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn elements_are_quoted_when_they_have_commas() {
        for (text, elements) in [
            ("", vec![""]),
            ("a", vec!["a"]),
            ("a,b", vec!["a", "b"]),
            ("a,,", vec!["a", "", ""]),
            ("name=x,\"eth=2/0/100,3/0/200\"", vec!["name=x", "eth=2/0/100,3/0/200"]),
            ("\"a \"\"b\"\"\",\"\"", vec!["a \"b\"", ""]),
            ("\"two\nlines\"", vec!["two\nlines"]),
        ] {
            assert_eq!(split_quoted(text).expect(text), elements, "{text}");
        }
    }

    #[test]
    fn quotes_that_are_in_the_wrong_place_are_told_with_it() {
        assert_eq!(split_quoted("a,\"b"), Err(QuoteError::Open(3)));
        assert_eq!(split_quoted("\"é\"x"), Err(QuoteError::After { at: 3, got: 'x' }));
        assert_eq!(split_quoted("a,b\"c\""), Err(QuoteError::Inside(4)));
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(elements in proptest::collection::vec("[a\",\n =é]{0,6}", 1..6)) {
            let printed: Vec<_> = elements.iter().map(|element| quoted(element, ',')).collect();
            prop_assert_eq!(split_quoted(&printed.join(",")), Ok(elements));
        }

        #[test]
        fn no_text_is_too_strange(text in ".{0,40}") {
            let _ = split_quoted(&text);
        }
    }
}
