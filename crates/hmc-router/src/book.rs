//! The outcomes of the changes of a session, by their tokens.

use hmc_proto::{Answer, Operation, Outcome, OutcomeState, ReturnCode, Token};
use std::collections::VecDeque;

/// Changes of a session whose outcome is kept.
pub const MAX_OUTCOMES: usize = 256;

/// Changes and their answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Book {
    /// The oldest first.
    entries: VecDeque<Entry>,
    /// The highest token so far: most managers count, so a token above it needs no search.
    highest: Option<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Entry {
    token: Token,
    operation: Operation,
    return_code: ReturnCode,
    /// The request's data, and behind them the answer's.
    data: Vec<u8>,
    request_len: usize,
}

impl Entry {
    fn request(&self) -> &[u8] {
        &self.data[..self.request_len]
    }

    fn answer(&self) -> &[u8] {
        &self.data[self.request_len..]
    }
}

/// What the book says of a change before it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known<'a> {
    /// Nothing: it is a new one.
    No,
    /// It was made: this was the answer.
    Answered(ReturnCode, &'a [u8]),
    /// The token is that of another change.
    Another(Operation),
}

impl Book {
    fn find(&self, token: Token) -> Option<&Entry> {
        if Some(token) > self.highest {
            return None;
        }
        self.entries.iter().rfind(|entry| entry.token == token)
    }

    /// Whether a change was made already.
    pub(crate) fn look_up(&self, token: Token, operation: Operation, request: &[u8]) -> Known<'_> {
        match self.find(token) {
            None => Known::No,
            Some(entry) if entry.operation == operation && entry.request() == request => {
                Known::Answered(entry.return_code, entry.answer())
            }
            Some(entry) => Known::Another(entry.operation),
        }
    }

    /// Keeps the answer to a change, in place of the oldest one if there are too many.
    pub(crate) fn keep(
        &mut self,
        token: Token,
        operation: Operation,
        request: &[u8],
        answer: &Answer,
    ) {
        let oldest = match self.entries.len() {
            MAX_OUTCOMES => self.entries.pop_front(),
            _ => None,
        };
        let mut data = oldest.map(|entry| entry.data).unwrap_or_default();
        data.clear();
        data.extend_from_slice(request);
        answer.put_data(&mut data);
        let (return_code, request_len) = (answer.return_code(), request.len());
        self.entries.push_back(Entry { token, operation, return_code, data, request_len });
        self.highest = self.highest.max(Some(token));
    }

    /// The outcome of the change with this token.
    pub(crate) fn outcome(&self, token: Token) -> Outcome {
        match self.find(token) {
            Some(entry) => Outcome {
                state: OutcomeState::Answered,
                target: entry.operation.target().0,
                opcode: entry.operation.opcode().0,
                return_code: entry.return_code.0,
                data: hmc_proto::Bytes(entry.answer().to_vec()),
            },
            None => Outcome {
                state: OutcomeState::Unknown,
                target: 0,
                opcode: 0,
                return_code: 0,
                data: hmc_proto::Bytes::default(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmc_proto::{Changed, Nothing, Response};

    const OPERATION: Operation = Operation::DeletePartition;

    fn keep(book: &mut Book, token: u32, request: &[u8]) {
        let answer = Answer::Good(Response::DeletePartition(Nothing {}));
        book.keep(Token(token), OPERATION, request, &answer);
    }

    /// A repetition is the same request: a token that comes with other data is that of another one.
    #[test]
    fn a_token_is_of_one_request_with_its_operation_and_its_data() {
        let (operation, other) = (OPERATION, Operation::DeleteProfile);
        let token = Token(5);
        let mut book = Book::default();
        keep(&mut book, token.0, b"one");
        let known = |token, operation, data: &[u8]| book.look_up(token, operation, data);
        assert_eq!(known(token, operation, b"one"), Known::Answered(ReturnCode::GOOD, &[]));
        assert_eq!(known(token, operation, b"two"), Known::Another(operation));
        assert_eq!(known(token, other, b"one"), Known::Another(operation));
        assert_eq!(known(Token(4), operation, b"one"), Known::No);
        assert_eq!(known(Token(6), operation, b"one"), Known::No);
    }

    #[test]
    fn a_request_and_its_answer_are_told_apart() {
        let mut book = Book::default();
        let answer = Answer::Good(Response::RenamePartition(Changed { version: 7 }));
        book.keep(Token(1), Operation::RenamePartition, b"web", &answer);
        let data = answer.encode_data();
        let known = book.look_up(Token(1), Operation::RenamePartition, b"web");
        assert_eq!(known, Known::Answered(ReturnCode::GOOD, &data));
        assert_eq!(book.outcome(Token(1)).data.0, data);
    }

    /// Tokens come in any order.
    #[test]
    fn the_oldest_change_is_forgotten_not_the_lowest_token() {
        let mut book = Book::default();
        keep(&mut book, u32::MAX, b"first");
        (0..MAX_OUTCOMES as u32 - 1).rev().for_each(|token| keep(&mut book, token, b"another"));
        let state = |book: &Book, token| book.outcome(Token(token)).state;
        assert_eq!(state(&book, u32::MAX), OutcomeState::Answered);
        keep(&mut book, 1000, b"one more");
        assert_eq!(state(&book, u32::MAX), OutcomeState::Unknown);
        assert_eq!(state(&book, MAX_OUTCOMES as u32 - 2), OutcomeState::Answered);
        assert_eq!(state(&book, 1000), OutcomeState::Answered);
        let known = book.look_up(Token(1000), OPERATION, b"one more");
        assert_eq!(known, Known::Answered(ReturnCode::GOOD, &[]));
    }
}
