//! What an answer or an event must be.

use super::hex;
use hmc_proto::{Answer, Header, Message, Operation, Request, ReturnCode, Token, Value};
use vmc_machine::script::{MessageCheck, Mismatch};

/// A request that is given in bytes, in words: what it is, or what is wrong with it.
pub(super) fn raw_request(bytes: &[u8]) -> String {
    let what = match Message::decode(bytes) {
        Err(e) => e.to_string(),
        Ok(message) => match Request::decode(&message) {
            Ok(request) => request.to_string(),
            Err(code) => {
                let Header { target, opcode, .. } = message.header;
                let operation = Operation::find(target, opcode).map_or_else(
                    |_| format!("opcode {:#06x} of target {:#06x}", opcode.0, target.0),
                    |operation| operation.to_string(),
                );
                format!("{operation}, {code}")
            }
        },
    };
    format!("message of {} bytes: {what}", bytes.len())
}

/// An answer that is compared byte by byte, in words.
fn raw_answer(bytes: &[u8]) -> String {
    let what = match Message::decode(bytes) {
        Err(e) => e.to_string(),
        Ok(message) => Answer::decode(&message).map_or_else(|e| e.to_string(), |it| it.to_string()),
    };
    format!("answer of {} bytes: {what}", bytes.len())
}

/// What an answer must be.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    /// Good, with these fields among others.
    Good(Option<Value>),
    /// Refused with this code.
    Refused(String),
    /// This return code.
    Code(ReturnCode),
    /// These bytes.
    Bytes(Vec<u8>),
}

/// Looks at the answer to a command.
#[derive(Clone, Debug)]
pub(crate) struct AnswerCheck {
    /// The request's, if it was a request by name.
    pub(super) token: Option<Token>,
    pub(super) operation: Option<Operation>,
    pub(super) expected: Expected,
}

impl MessageCheck for AnswerCheck {
    fn check(&self, message: &[u8]) -> Result<String, Mismatch> {
        if let Expected::Bytes(expected) = &self.expected {
            let words = raw_answer(message);
            return if expected == message {
                Ok(words)
            } else {
                mismatch(hex(expected), hex(message))
            };
        }
        let decoded = match Message::decode(message) {
            Ok(decoded) => decoded,
            Err(e) => return mismatch("an answer with a good header", e),
        };
        let header = decoded.header;
        if self.token.is_some_and(|token| token != header.token) {
            let expected = self.token.map_or(0, |token| token.0);
            return mismatch(format!("the token {expected:#x}"), format!("{:#x}", header.token.0));
        }
        if let Some(operation) = self.operation
            && (header.target, header.opcode) != (operation.target(), operation.opcode())
        {
            return mismatch(format!("an answer to {operation}"), format!("{header:?}"));
        }
        let answer = match Answer::decode(&decoded) {
            Ok(answer) => answer,
            Err(e) => return mismatch("an answer", e),
        };
        match (&self.expected, &answer) {
            (Expected::Good(None), Answer::Good(_)) => Ok(answer.to_string()),
            (Expected::Good(Some(fields)), Answer::Good(response)) => {
                match response.to_value().difference(fields) {
                    None => Ok(answer.to_string()),
                    Some(difference) => mismatch(
                        format!("`{}` = {}", difference.path, difference.expected),
                        difference.got,
                    ),
                }
            }
            (Expected::Refused(code), Answer::Refused(refusal)) if refusal.code == *code => {
                Ok(answer.to_string())
            }
            (Expected::Code(code), answer) if answer.return_code() == *code => {
                Ok(answer.to_string())
            }
            (expected, Answer::Refused(refusal)) => {
                mismatch(expected.words(), format!("a refusal: {refusal}"))
            }
            (expected, answer) => mismatch(expected.words(), answer),
        }
    }
}

impl Expected {
    fn words(&self) -> String {
        match self {
            Expected::Good(_) => "a good answer".into(),
            Expected::Refused(code) => format!("a refusal with {code}"),
            Expected::Code(code) => format!("the return code `{code}`"),
            Expected::Bytes(bytes) => hex(bytes),
        }
    }
}

/// Looks at an event.
#[derive(Clone, Debug)]
pub(crate) struct EventCheck {
    pub(super) fields: Value,
}

impl MessageCheck for EventCheck {
    fn check(&self, message: &[u8]) -> Result<String, Mismatch> {
        let request = match Message::decode(message) {
            Ok(decoded) => match Request::decode(&decoded) {
                Ok(request) => request,
                Err(_) => {
                    let answer = Answer::decode(&decoded).map(|answer| answer.to_string());
                    return mismatch("an event", answer.unwrap_or_else(|e| e.to_string()));
                }
            },
            Err(e) => return mismatch("an event", e),
        };
        if request.operation() != Operation::Event {
            return mismatch("an event", request);
        }
        match request.to_value().difference(&self.fields) {
            None => Ok(request.to_string()),
            Some(difference) => mismatch(
                format!("an event with `{}` = {}", difference.path, difference.expected),
                format!("{} in {request}", difference.got),
            ),
        }
    }
}

fn mismatch(expected: impl ToString, got: impl ToString) -> Result<String, Mismatch> {
    Err(Mismatch { expected: expected.to_string(), got: got.to_string() })
}
