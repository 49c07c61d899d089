//! Text whose running numbers stay visible as numbers, so that repetitions can be recognised and folded.

use std::fmt;

/// A part of a [`Text`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    /// Plain words.
    Words(String),
    /// A name that ends in a number, like `b3` or `a#1`; a range of such names in a folded line.
    Numbered {
        /// What stands before the number.
        stem: String,
        /// The number, or the first of the range.
        first: u32,
        /// The last of the range.
        last: u32,
    },
}

/// The text of a step.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Text {
    /// Its parts, in order.
    pub pieces: Vec<Piece>,
}

impl Text {
    pub(crate) fn words(words: &str) -> Text {
        Text { pieces: vec![Piece::Words(words.to_owned())] }
    }

    pub(crate) fn push(mut self, words: &str) -> Text {
        if let Some(Piece::Words(last)) = self.pieces.last_mut() {
            last.push_str(words);
        } else if !words.is_empty() {
            self.pieces.push(Piece::Words(words.to_owned()));
        }
        self
    }

    /// The words, if there are only words.
    pub(crate) fn plain_words(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Words(words)] => Some(words),
            _ => None,
        }
    }

    pub(crate) fn number(mut self, stem: &str, number: u32) -> Text {
        let stem = stem.to_owned();
        self.pieces.push(Piece::Numbered { stem, first: number, last: number });
        self
    }

    /// Appends another text after a space.
    pub(crate) fn then(self, other: Text) -> Text {
        let mut text = self.push(" ");
        text.pieces.extend(other.pieces);
        text
    }

    /// What must be added to the numbers of `self` to get `next`, one value for each number and each
    /// either 0 or 1; `None` when the texts differ in more than that.
    pub(crate) fn step_to(&self, next: &Text) -> Option<Vec<u32>> {
        if self.pieces.len() != next.pieces.len() {
            return None;
        }
        let mut steps = Vec::new();
        for pair in self.pieces.iter().zip(&next.pieces) {
            match pair {
                (Piece::Words(a), Piece::Words(b)) if a == b => {}
                (
                    Piece::Numbered { stem: a, first, last },
                    Piece::Numbered { stem: b, first: next_first, last: next_last },
                ) if a == b => {
                    let step = next_first.checked_sub(*first).filter(|&step| step <= 1)?;
                    if last.checked_add(step) != Some(*next_last) {
                        return None;
                    }
                    // The next range would start inside this one: `b1..b3, b2..b4` is no progress.
                    if step == 1 && last != first {
                        return None;
                    }
                    steps.push(step);
                }
                _ => return None,
            }
        }
        Some(steps)
    }

    /// This text with every number widened to a range that ends as `last` does.
    pub(crate) fn widen(&self, last_text: &Text) -> Text {
        let widen = |(piece, end): (&Piece, &Piece)| match (piece, end) {
            (Piece::Numbered { stem, first, .. }, Piece::Numbered { last, .. }) => {
                Piece::Numbered { stem: stem.clone(), first: *first, last: *last }
            }
            _ => piece.clone(),
        };
        Text { pieces: self.pieces.iter().zip(&last_text.pieces).map(widen).collect() }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Words(words) => f.write_str(words),
            Piece::Numbered { stem, first, last } if first == last => write!(f, "{stem}{first}"),
            Piece::Numbered { stem, first, last } => write!(f, "{stem}{first}..{stem}{last}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: u32, last: u32) -> Text {
        Text::words("buffer ").number("b", first).widen(&Text::words("buffer ").number("b", last))
    }

    #[test]
    fn numbers_stay_or_run_on_by_one() {
        assert_eq!(range(3, 3).step_to(&range(3, 3)), Some(vec![0]));
        assert_eq!(range(3, 3).step_to(&range(4, 4)), Some(vec![1]));
        assert_eq!(range(3, 3).step_to(&range(5, 5)), None);
        assert_eq!(range(3, 3).step_to(&range(2, 2)), None);
    }

    #[test]
    fn a_range_stays_but_does_not_run_on() {
        assert_eq!(range(1, 3).step_to(&range(1, 3)), Some(vec![0]));
        assert_eq!(range(1, 3).step_to(&range(2, 4)), None);
        assert_eq!(range(1, 3).step_to(&range(1, 4)), None);
    }

    #[test]
    fn words_must_be_the_same() {
        assert_eq!(Text::words("a").step_to(&Text::words("b")), None);
        assert_eq!(range(1, 1).step_to(&range(1, 1).push(" owner=hyp")), None);
        let other = Text::words("buffer ").number("c", 1);
        assert_eq!(range(1, 1).step_to(&other), None);
    }

    #[test]
    fn a_range_repeats_the_stem() {
        assert_eq!(range(1, 15).to_string(), "buffer b1..b15");
        assert_eq!(range(1, 1).to_string(), "buffer b1");
    }
}
