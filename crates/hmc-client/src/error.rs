//! Why a request has no good response.

use hmc_proto::{Operation, Refusal, ReturnCode, Token};
use std::io;
use std::time::Duration;

/// Why a request has no good response.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// {operation} was refused: {refusal}
    #[error("{operation} was refused: {refusal}")]
    Refused {
        /// What was asked for.
        operation: Operation,
        /// The managed system's reason.
        refusal: Refusal,
    },
    /// {operation}: the return code is {code:?}, {code}
    #[error("{operation}: the return code is {:#06x}, {code}", code.0)]
    Code {
        /// What was asked for.
        operation: Operation,
        /// The return code, which is neither good nor a refusal.
        code: ReturnCode,
    },
    /// {operation} has no response after {after:?}; its token is {token:?}
    #[error(
        "{operation} has no response after {after:?}; its token is {token:?}: ask for the outcome of a change with it"
    )]
    TimedOut {
        /// What was asked for.
        operation: Operation,
        /// The token of the request.
        token: Token,
        /// How long the client has waited.
        after: Duration,
    },
    /// {operation} was not sent: no buffer was free for {after:?}
    #[error("{operation} was not sent: no buffer was free for {after:?}")]
    NoBuffer {
        /// What was asked for.
        operation: Operation,
        /// How long the client has waited.
        after: Duration,
    },
    /// the session was lost with {operation} under way, and the hypervisor does not know it any more
    #[error(
        "the session was lost with {operation} under way, and the hypervisor does not know it any more: it may have been \
         done or not; look at the object before you ask again (token {token:?})"
    )]
    OutcomeUnknown {
        /// What was asked for.
        operation: Operation,
        /// The token of the request.
        token: Token,
    },
    /// the session was lost {times} times with {operation} under way
    #[error("the session was lost {times} times with {operation} under way")]
    LostAgain {
        /// What was asked for.
        operation: Operation,
        /// How often.
        times: u32,
    },
    /// no session could be opened for {after:?}: {last}
    #[error("no session could be opened for {after:?}: {last}")]
    NotOpened {
        /// How long the client has tried.
        after: Duration,
        /// What the last try came to.
        last: io::Error,
    },
    /// {operation} takes {len} bytes, but the longest message has {mtu}
    #[error("{operation} takes {len} bytes, but the longest message has {mtu}")]
    TooLong {
        /// What was asked for.
        operation: Operation,
        /// The length of the request.
        len: usize,
        /// The MTU.
        mtu: usize,
    },
    /// expected an HMC ID of 1 to 32 bytes without zeros, got {0:?}
    #[error("expected an HMC ID of 1 to 32 bytes without zeros, got {0:?}")]
    HmcId(String),
    /// the response to {operation} is none: {what}
    #[error("the response to {operation} is none: {what}")]
    BadResponse {
        /// What was asked for.
        operation: Operation,
        /// What is wrong with it.
        what: String,
    },
    /// the device fails: {0}
    #[error("the device fails: {0}")]
    Device(io::Error),
}

impl Error {
    /// The return code of the response; `None` when none came.
    pub fn return_code(&self) -> Option<ReturnCode> {
        match self {
            Error::Refused { .. } => Some(ReturnCode::ERROR),
            Error::Code { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// The managed system's reason, if it has refused the request.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Error::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}

/// What ends an attempt.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The session is over.
    Lost,
    /// Another session would not help.
    Error(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        Trouble::Error(error)
    }
}
