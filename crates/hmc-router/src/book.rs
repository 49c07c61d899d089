//! The outcomes of the changes of a session, by their tokens.

use hmc_proto::{Answer, Header, Operation, Outcome, OutcomeState, ReturnCode, Token};
use std::collections::{BTreeMap, VecDeque};

/// Changes of a session whose outcome is kept.
pub const MAX_OUTCOMES: usize = 256;

/// Changes and their answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Book {
    by_token: BTreeMap<Token, Entry>,
    /// Their tokens, the oldest first.
    tokens: VecDeque<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Entry {
    operation: Operation,
    request: Vec<u8>,
    return_code: ReturnCode,
    answer: Vec<u8>,
}

/// What the book says of a change before it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing: it is a new one.
    No,
    /// It was made: this was the answer.
    Answered(ReturnCode, Vec<u8>),
    /// The token is that of another change.
    Another(Operation),
}

impl Book {
    /// Whether a change was made already.
    pub(crate) fn look_up(&self, token: Token, operation: Operation, request: &[u8]) -> Known {
        match self.by_token.get(&token) {
            None => Known::No,
            Some(entry) if entry.operation == operation && entry.request == request => {
                Known::Answered(entry.return_code, entry.answer.clone())
            }
            Some(entry) => Known::Another(entry.operation),
        }
    }

    /// Keeps the answer to a change, in place of the oldest one if there are too many.
    pub(crate) fn keep(
        &mut self,
        header: Header,
        operation: Operation,
        request: &[u8],
        answer: &Answer,
    ) {
        if self.tokens.len() == MAX_OUTCOMES
            && let Some(oldest) = self.tokens.pop_front()
        {
            self.by_token.remove(&oldest);
        }
        let (request, return_code) = (request.to_vec(), answer.return_code());
        let entry = Entry { operation, request, return_code, answer: answer.encode_data() };
        self.by_token.insert(header.token, entry);
        self.tokens.push_back(header.token);
    }

    /// The outcome of the change with this token.
    pub(crate) fn outcome(&self, token: Token) -> Outcome {
        match self.by_token.get(&token) {
            Some(entry) => Outcome {
                state: OutcomeState::Answered,
                target: entry.operation.target().0,
                opcode: entry.operation.opcode().0,
                return_code: entry.return_code.0,
                data: hmc_proto::Bytes(entry.answer.clone()),
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
    use hmc_proto::{Flags, Nothing, Response};

    /// A repetition is the same request: a token that comes with other data is that of another one.
    #[test]
    fn a_token_is_of_one_request_with_its_operation_and_its_data() {
        let (operation, other) = (Operation::DeletePartition, Operation::DeleteProfile);
        let token = Token(5);
        let header = Header {
            token,
            target: operation.target(),
            flags: Flags::RESPONSE_EXPECTED,
            opcode: operation.opcode(),
            return_code: ReturnCode::GOOD,
        };
        let mut book = Book::default();
        let answer = Answer::Good(Response::DeletePartition(Nothing {}));
        book.keep(header, operation, b"one", &answer);
        let known = |token, operation, data: &[u8]| book.look_up(token, operation, data);
        assert_eq!(known(token, operation, b"one"), Known::Answered(ReturnCode::GOOD, Vec::new()));
        assert_eq!(known(token, operation, b"two"), Known::Another(operation));
        assert_eq!(known(token, other, b"one"), Known::Another(operation));
        assert_eq!(known(Token(6), operation, b"one"), Known::No);
    }
}
