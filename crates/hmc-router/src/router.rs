//! The behaviour: a message in, its answer out.

use crate::befallen::{Befallen, Late};
use crate::book::Known;
use crate::sessions::{HmcId, Sessions};
use crate::{changes, commands, events, looks, words};
use hmc_proto::{
    Answer, Effect, ExchangeOperations, Flags, HEADER_BYTES, Header, MIN_MTU, Message, Opcode,
    Operation, OperationsExchanged, Refusal, Request, Response, ReturnCode, Subscribed, Target,
    Token, Wire,
};
use managed_system::{JobFault, PartitionId, SessionId, System};
use phyp::vmc::{Actions, Behaviour, Command, Incoming, SessionKey, Verdict};
use std::time::Duration;
use vmc_proto::PartitionFault;

/// The command router, with the system that it manages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Router {
    system: System,
    sessions: Sessions,
    late: Late,
}

impl Router {
    /// A router without sessions.
    pub fn new(system: System) -> Router {
        Router { system, sessions: Sessions::default(), late: Late::default() }
    }

    /// The managed system.
    pub fn system(&self) -> &System {
        &self.system
    }

    /// The managed system, for what befalls it from outside.
    pub fn system_mut(&mut self) -> &mut System {
        &mut self.system
    }

    /// The answer to a message, and the header that it goes back to; `None` when there is to be none.
    fn answer(
        &mut self,
        key: SessionKey,
        message: &[u8],
        mtu: u32,
        now: Duration,
        job: JobFault,
    ) -> Option<(Header, Answer)> {
        let (header, data) = match Message::decode(message) {
            Ok(Message { header, data }) => (header, data),
            Err(e) => {
                let header = Header::peek(message).unwrap_or(UNREADABLE);
                let answered = header.flags != Flags::NONE;
                return answered.then_some((header, Answer::Failed(e.return_code())));
            }
        };
        let answer = if header.flags.is_response() {
            Answer::Failed(ReturnCode::INVALID_RESPONSE)
        } else {
            self.request(key, header, data, mtu, now, job).unwrap_or_else(Answer::Failed)
        };
        (header.flags != Flags::NONE).then_some((header, answer))
    }

    fn request(
        &mut self,
        key: SessionKey,
        header: Header,
        data: &[u8],
        mtu: u32,
        now: Duration,
        job: JobFault,
    ) -> Result<Answer, ReturnCode> {
        let operation = Operation::find(header.target, header.opcode)?;
        let open = self.sessions.open_in(key);
        if open.is_none() && operation != Operation::ExchangeOperations {
            return Err(ReturnCode::INVALID_STATE);
        }
        let request =
            Request::decode_data(operation, data).map_err(|_| ReturnCode::INVALID_DATA)?;
        let number = match (request, open) {
            (Request::ExchangeOperations(_), Some(_)) => return Err(ReturnCode::ALREADY_OPEN),
            (Request::ExchangeOperations(request), None) => {
                return self.exchange(key, &request, mtu).map(Answer::Good);
            }
            (_, None) => return Err(ReturnCode::INVALID_STATE),
            (request, Some(number)) => (request, number),
        };
        let (request, number) = number;
        match operation.effect() {
            Effect::Event => Err(ReturnCode::INVALID_OPCODE),
            Effect::Session => self.session_request(key, number, request).map(Answer::Good),
            Effect::Look => {
                self.system.advance(now);
                let room = (mtu as usize).saturating_sub(HEADER_BYTES);
                looks::look(&self.system, &request, room)
            }
            Effect::Change => self.change(number, header, request, data, now, job),
        }
    }

    /// Exchange operations: opens the session, or resumes one.
    fn exchange(
        &mut self,
        key: SessionKey,
        request: &ExchangeOperations,
        mtu: u32,
    ) -> Result<Response, ReturnCode> {
        if request.version == 0 || request.reserved != 0 {
            return Err(ReturnCode::INVALID_DATA);
        }
        if mtu < MIN_MTU {
            return Err(ReturnCode::SIZE);
        }
        let session = self
            .sessions
            .open(key, request.resume)
            .map_err(|crate::sessions::Mismatch| ReturnCode::SESSION_MISMATCH)?;
        Ok(Response::ExchangeOperations(OperationsExchanged {
            reserved: 0,
            version: request.version.min(hmc_proto::OPERATIONS_VERSION),
            session,
            mtu,
            operations: Operation::by_target(),
        }))
    }

    fn session_request(
        &mut self,
        key: SessionKey,
        number: u32,
        request: Request,
    ) -> Result<Response, ReturnCode> {
        Ok(match request {
            Request::Close(nothing) => {
                self.end(key);
                Response::Close(nothing)
            }
            Request::Echo(echo) => Response::Echo(echo),
            Request::Subscribe(_) => {
                // A second time changes nothing: events that wait for a buffer come.
                let queue = SessionId(u64::from(number));
                self.system.open_session(queue);
                if let Some(session) = self.sessions.get_mut(number) {
                    session.subscribed = true;
                }
                let last = self.system.last_read(queue).unwrap_or(self.system.last_event());
                Response::Subscribe(Subscribed { last })
            }
            Request::QueryOutcome(query) => {
                let session = self.sessions.get_mut(number).ok_or(ReturnCode::INVALID_STATE)?;
                Response::QueryOutcome(session.book.outcome(Token(query.token)))
            }
            _ => return Err(ReturnCode::INVALID_OPCODE),
        })
    }

    /// A change: made unless it was made already.
    fn change(
        &mut self,
        number: u32,
        header: Header,
        request: Request,
        data: &[u8],
        now: Duration,
        job: JobFault,
    ) -> Result<Answer, ReturnCode> {
        let operation = request.operation();
        let session = self.sessions.get_mut(number).ok_or(ReturnCode::INVALID_STATE)?;
        match session.book.look_up(header.token, operation, data) {
            Known::No => {}
            Known::Answered(code, data) => return repeated(operation, code, data),
            Known::Another(before) => return Ok(token_in_use(header.token, before)),
        }
        let answer = changes::change(&mut self.system, request, u64::from(number), now, job);
        session.book.keep(header.token, operation, data, &answer);
        Ok(answer)
    }

    /// Ends the router's session of a VMC session.
    fn end(&mut self, key: SessionKey) {
        if let Some(number) = self.sessions.close(key) {
            self.system.close_session(SessionId(u64::from(number)));
        }
    }

    /// The next event of a session. What is lost before it is told first.
    fn next_event(&mut self, number: u32) -> Option<hmc_proto::Event> {
        let session = SessionId(u64::from(number));
        let next = self.system.peek_events(session, 1)?;
        let first = next.events.first();
        let event = match (next.missed, first) {
            (0, None) => return None,
            (0, Some(event)) => events::event(event),
            (lost, Some(event)) => events::overflow(lost, event.number.saturating_sub(1)),
            (lost, None) => events::overflow(lost, self.system.last_event()),
        };
        self.system.acknowledge_events(session, event.number);
        Some(event)
    }

    /// Has events sent to every session that wants them.
    fn offer_events(&self, actions: &mut Actions) {
        self.sessions.subscribers().for_each(|key| actions.offer(key));
    }
}

/// What a request is answered with that is not done, and the header that it goes back to; `None` when there is to be none.
fn instead(message: &[u8], answer: Answer) -> Option<(Header, Answer)> {
    let header = Header::peek(message)?;
    (header.flags != Flags::NONE).then_some((header, answer))
}

/// The answer to a change that was made before.
fn repeated(operation: Operation, code: ReturnCode, data: &[u8]) -> Result<Answer, ReturnCode> {
    match code {
        ReturnCode::GOOD => Response::decode_data(operation, data).map(Answer::Good),
        ReturnCode::ERROR => Refusal::decode(data).map(Answer::Refused),
        other => return Err(other),
    }
    .map_err(|_| ReturnCode::ERROR)
}

fn token_in_use(token: Token, before: Operation) -> Answer {
    let text =
        format!("token {:#010x} is that of an earlier {before}: choose another one", token.0);
    Answer::Refused(Refusal { code: "HSCLF100".into(), text })
}

/// What a message without a header is answered to.
const UNREADABLE: Header = Header {
    token: Token(0),
    target: Target::ROUTER,
    flags: Flags::RESPONSE_EXPECTED,
    opcode: Opcode(0),
    return_code: ReturnCode::GOOD,
};

impl Behaviour for Router {
    fn session_opened(&mut self, key: SessionKey, hmc_id: &HmcId, _: &mut Actions) -> Verdict {
        self.sessions.vmc_opened(key, *hmc_id);
        Verdict::Accept
    }

    fn message(&mut self, key: SessionKey, message: Incoming<'_>, actions: &mut Actions) {
        let Some(payload) = message.payload else { return };
        let befallen = Befallen::of(message.faults);
        if befallen.is_lost {
            return;
        }
        let last = self.system.last_event();
        let (mtu, now) = (actions.mtu(), actions.now());
        let answered = match befallen.answer {
            Some(answer) => instead(payload, answer),
            None => self.answer(key, payload, mtu, now, befallen.job),
        };
        if let Some((header, answer)) = answered.filter(|_| !befallen.answer_is_lost) {
            let answer = answer.encode(header);
            let answer = if answer.len() > mtu as usize {
                Answer::Failed(ReturnCode::SIZE).encode(header)
            } else {
                answer
            };
            match befallen.late {
                Some(late) => self.late.keep(now.saturating_add(late), key, answer),
                None => actions.send(key, answer),
            }
        }
        if self.system.last_event() != last {
            self.offer_events(actions);
        }
    }

    fn command(&self, message: &[u8]) -> Option<Command> {
        commands::command(&self.system, message)
    }

    fn wants_free_buffers(&self) -> bool {
        self.sessions.has_subscribers()
    }

    fn buffer_free(&mut self, key: SessionKey, actions: &mut Actions) {
        let Some(number) = self.sessions.subscriber(key) else { return };
        if let Some(event) = self.next_event(number) {
            let token = Token(event.number as u32);
            actions.send(key, Request::Event(event).encode(token));
        }
    }

    fn session_closed(&mut self, key: SessionKey) {
        self.late.forget(key);
        if let Some(number) = self.sessions.vmc_closed(key) {
            self.system.close_session(SessionId(u64::from(number)));
        }
    }

    fn wants_time(&self) -> bool {
        true
    }

    fn wake_at(&self) -> Option<Duration> {
        [self.system.next_due(), self.late.next_due()].into_iter().flatten().min()
    }

    fn time_passed(&mut self, actions: &mut Actions) {
        let last = self.system.last_event();
        self.system.advance(actions.now());
        for (key, answer) in self.late.take_due(actions.now()) {
            actions.send(key, answer);
        }
        if self.system.last_event() != last {
            self.offer_events(actions);
        }
    }

    fn partition_fails(&mut self, partition: u16, fault: PartitionFault, actions: &mut Actions) {
        let last = self.system.last_event();
        // A partition that is not there, or is off, has nothing to lose.
        let _ = self.system.inject(PartitionId(partition), words::fault(fault), actions.now());
        if self.system.last_event() != last {
            self.offer_events(actions);
        }
    }

    fn after_crash(&self, now: Duration) -> Option<Router> {
        let mut next = self.clone();
        next.system.platform_crashed(now);
        next.sessions.forget();
        next.late = Late::default();
        Some(next)
    }
}
