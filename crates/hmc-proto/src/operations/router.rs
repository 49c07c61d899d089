//! The router's own: sessions and outcomes.

use crate::record::{codes, records};
use crate::value::{FieldError, Value};
use crate::wire::{Bytes, Malformed, Reader, Wire};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The version of the operations that this crate describes.
pub const OPERATIONS_VERSION: u8 = 1;

records! {
    /// No data.
    Nothing {}

    /// Opens the router's session. A public test program sends these 6 bytes with a version of 1 and zeros.
    ExchangeOperations {
        /// 0.
        reserved: u8,
        /// The highest version of the operations that the requester knows, at least 1.
        version: u8,
        /// The number of an earlier session of the same HMC ID that is to go on; 0 for a new one.
        resume: u32,
    }

    /// The router's session is open.
    OperationsExchanged {
        /// 0.
        reserved: u8,
        /// The version that holds: the lower one of both sides.
        version: u8,
        /// The number of the session: the one that was to go on, or another one when its outcomes are not known any more.
        session: u32,
        /// The longest message, in bytes.
        mtu: u32,
        /// What there is, by target.
        operations: Vec<TargetOperations>,
    }

    /// The operations of a target.
    TargetOperations {
        /// The target.
        target: u16,
        /// Its operations' opcodes, ascending.
        opcodes: Vec<u16>,
    }

    /// Data that come back as they are.
    Echo {
        /// All of the data; the length is the header's.
        data: Rest,
    }

    /// Asks for the outcome of a change of this session.
    QueryOutcome {
        /// The token of its request.
        token: u32,
    }

    /// The outcome of a change.
    Outcome {
        /// Whether the request is known.
        state: OutcomeState,
        /// The target of the request; 0 when it is not known.
        target: u16,
        /// The opcode of the request; 0 when it is not known.
        opcode: u16,
        /// The return code of its response.
        return_code: u16,
        /// The data of its response.
        data: Bytes,
    }
}

codes! {
    /// Whether a change is known by its token.
    OutcomeState {
        /// No such change was received in this session, or its outcome is not kept any more.
        Unknown = 0, "unknown";
        /// It was answered: this is the answer.
        Answered = 1, "answered";
    }
}

/// All that is left of the data, without a length.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Rest(pub Vec<u8>);

impl Wire for Rest {
    const MIN_BYTES: usize = 0;
    const FIXED: bool = false;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Rest(from.rest().to_vec()))
    }

    fn to_value(&self) -> Value {
        Bytes(self.0.clone()).to_value()
    }

    fn from_value(value: Option<&Value>) -> Result<Self, FieldError> {
        Bytes::from_value(value).map(|bytes| Rest(bytes.0))
    }

    fn shape() -> String {
        "rest".into()
    }

    #[cfg(test)]
    fn draw(source: &mut dyn Iterator<Item = u64>) -> Self {
        Rest(Bytes::draw(source).0)
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Bytes(self.0.clone()), f)
    }
}
