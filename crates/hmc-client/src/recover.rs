//! What happens when the session is lost: it is opened again, and what was under way is repeated or asked for.

use crate::client::{Client, good};
use crate::error::{Error, Trouble};
use crate::file::{Device, Failure, failure};
use hmc_proto::{
    Answer, Effect, ExchangeOperations, Nothing, OPERATIONS_VERSION, Operation, Outcome,
    OutcomeState, QueryOutcome, Refusal, Request, Response, ReturnCode, Token, Wire,
};
use std::io;
use std::time::Duration;

/// How often a request is tried when its session is lost each time.
const MAX_ATTEMPTS: u32 = 8;

/// How long the client waits before it opens the device again: at first, and at most.
const OPEN_AGAIN: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

impl<D: Device> Client<D> {
    /// Asks for something, and has the good response.
    ///
    /// If the session is lost meanwhile, it is opened again. What only looks is asked once more. The outcome of a change is
    /// asked for by its token; one that the hypervisor has not got is asked once more, with the same token, so that it is
    /// done once. If the hypervisor has forgotten the session, that is [`Error::OutcomeUnknown`].
    pub fn ask(&mut self, request: &Request) -> Result<Response, Error> {
        let operation = request.operation();
        self.find_out_whether_lost()?;
        let mut token = self.next_token();
        for _ in 0..MAX_ATTEMPTS {
            match self.attempt(request, token) {
                Ok(response) => return Ok(response),
                Err(Trouble::Error(error)) => return Err(error),
                Err(Trouble::Lost) => {}
            }
            if operation == Operation::Close {
                // The session is over, which is what was asked for.
                return Ok(Response::Close(Nothing {}));
            }
            let is_known = self.open_session()?;
            match (operation.effect(), request) {
                (Effect::Change, _) | (_, Request::QueryOutcome(_)) if !is_known => {
                    return Err(Error::OutcomeUnknown { operation, token });
                }
                (Effect::Change, _) => match self.known_outcome(operation, token) {
                    Ok(Some(answer)) => return good(operation, answer),
                    // It was never there.
                    Ok(None) | Err(Trouble::Lost) => {}
                    Err(Trouble::Error(error)) => return Err(error),
                },
                _ => token = self.next_token(),
            }
        }
        Err(Error::LostAgain { operation, times: MAX_ATTEMPTS })
    }

    /// The outcome of a change of this session: what it was answered, or would have been. `None` when the hypervisor has not
    /// done it. For a change that [timed out](Error::TimedOut).
    pub fn outcome(
        &mut self,
        operation: Operation,
        token: Token,
    ) -> Result<Option<Result<Response, Error>>, Error> {
        let query = Request::QueryOutcome(QueryOutcome { token: token.0 });
        let response = self.ask(&query)?;
        let answer = answered(operation, response)?;
        Ok(answer.map(|answer| good(operation, answer)))
    }

    /// The same in one attempt.
    fn known_outcome(
        &mut self,
        operation: Operation,
        token: Token,
    ) -> Result<Option<Answer>, Trouble> {
        let query = Request::QueryOutcome(QueryOutcome { token: token.0 });
        let own = self.next_token();
        let response = self.attempt(&query, own)?;
        Ok(answered(operation, response)?)
    }

    /// Opens the session again if it is over before anything was asked: then nothing is in doubt.
    fn find_out_whether_lost(&mut self) -> Result<(), Error> {
        match self.look() {
            Ok(()) => Ok(()),
            Err(Trouble::Lost) => self.open_session().map(|_| ()),
            Err(Trouble::Error(error)) => Err(error),
        }
    }

    /// Opens a VMC session, and the router's session in it: the one that was lost, if the hypervisor knows it still. Whether it
    /// does.
    pub(crate) fn open_session(&mut self) -> Result<bool, Error> {
        let (since, before) = (self.device.now(), self.session);
        let (mut pause, most) = OPEN_AGAIN;
        self.file = None;
        loop {
            let last = match self.try_to_open() {
                Ok(is_known) => {
                    if before != 0 {
                        self.counts.reopened += 1;
                        self.counts.forgotten += u32::from(!is_known);
                    }
                    return Ok(is_known);
                }
                Err(NotYet::Try(error)) => error,
                Err(NotYet::Never(error)) => return Err(error),
            };
            self.file = None;
            let after = self.device.now().saturating_sub(since);
            if after >= self.options.opening {
                return Err(Error::NotOpened { after, last });
            }
            self.device.sleep(pause).map_err(Error::Device)?;
            pause = (pause * 2).min(most);
        }
    }

    fn try_to_open(&mut self) -> Result<bool, NotYet> {
        let opened = self.device.open(&self.hmc_id);
        let file = opened.map_err(|error| match failure(&error) {
            Failure::Interrupted | Failure::Later | Failure::Lost => NotYet::Try(error),
            Failure::Other => NotYet::Never(Error::Device(error)),
        })?;
        self.file = Some(file);
        self.given_up.clear();
        self.owed = 0;
        let before = self.session;
        let exchange =
            ExchangeOperations { reserved: 0, version: OPERATIONS_VERSION, resume: before };
        let response = self.within_opening(&Request::ExchangeOperations(exchange))?;
        let Response::ExchangeOperations(exchanged) = response else {
            return Err(NotYet::Never(bad(Operation::ExchangeOperations)));
        };
        self.session = exchanged.session;
        self.mtu = (exchanged.mtu as usize).min(hmc_proto::MAX_MESSAGE_BYTES);
        self.operations = exchanged.operations;
        if self.events.subscribed() {
            let response = self.within_opening(&Request::Subscribe(Nothing {}))?;
            let Response::Subscribe(subscribed) = response else {
                return Err(NotYet::Never(bad(Operation::Subscribe)));
            };
            self.events.begin(subscribed.last);
        }
        Ok(exchanged.session == before)
    }

    /// A request of the opening itself.
    fn within_opening(&mut self, request: &Request) -> Result<Response, NotYet> {
        let token = self.next_token();
        self.attempt(request, token).map_err(|trouble| match trouble {
            Trouble::Lost => NotYet::Try(io::ErrorKind::ConnectionReset.into()),
            // The hypervisor has not noticed yet that the session is over.
            Trouble::Error(Error::Code { code: ReturnCode::SESSION_MISMATCH, .. }) => {
                NotYet::Try(io::ErrorKind::ResourceBusy.into())
            }
            Trouble::Error(error) => NotYet::Never(error),
        })
    }
}

/// Why there is no session.
enum NotYet {
    /// There may be one later.
    Try(io::Error),
    /// There never will.
    Never(Error),
}

fn bad(operation: Operation) -> Error {
    let what = String::from("it is that of another operation");
    Error::BadResponse { operation, what }
}

/// What a change was answered, by the response to "query outcome"; `None` when it is not known.
fn answered(operation: Operation, response: Response) -> Result<Option<Answer>, Error> {
    let Response::QueryOutcome(outcome) = response else {
        return Err(bad(Operation::QueryOutcome));
    };
    let Outcome { state: OutcomeState::Answered, target, opcode, return_code, data } = outcome
    else {
        return Ok(None);
    };
    let wrong = |what: String| Error::BadResponse { operation, what };
    if (target, opcode) != (operation.target().0, operation.opcode().0) {
        return Err(wrong(format!("the token is that of opcode {opcode:#06x} of {target:#06x}")));
    }
    let malformed = |error: hmc_proto::Malformed| wrong(error.to_string());
    Ok(Some(match ReturnCode(return_code) {
        ReturnCode::GOOD => {
            Answer::Good(Response::decode_data(operation, &data.0).map_err(malformed)?)
        }
        ReturnCode::ERROR => Answer::Refused(Refusal::decode(&data.0).map_err(malformed)?),
        code => Answer::Failed(code),
    }))
}
