//! Requests and responses, changes and their tokens, events and their numbers: what each session of a router has seen.

use hmc_proto::{
    Answer, Effect, EventKind, Flags, Header, Message, Operation, Request, Response, ReturnCode,
    Token, Value,
};
use hmc_router::MAX_OUTCOMES;
use managed_system::{PartitionId, System, Version};
use phyp::vmc::{Actions, Incoming, SessionKey};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use vmc_proto::CommandFault;

/// The code of a change that has the token of an earlier one (`OPERATIONS.md`).
const TOKEN_IN_USE: &str = "HSCLF100";

/// What is known of sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Exchange {
    open: BTreeMap<SessionKey, Open>,
    /// The last changes of each session of the router, by its number; it may be resumed.
    changes: BTreeMap<u32, VecDeque<Change>>,
    /// Answers that are late.
    late: Vec<Late>,
}

/// An answer that is late.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Late {
    key: SessionKey,
    at: Duration,
    /// The header of its request.
    header: Option<Header>,
}

/// A session of the router that is open.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Open {
    number: u32,
    /// The number of the last event that it was told, once it has subscribed.
    told: Option<u64>,
}

/// A change that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Change {
    token: Token,
    operation: Operation,
    data: Vec<u8>,
    /// Return code and data of its response, if it asked for one.
    answer: Option<(ReturnCode, Vec<u8>)>,
}

/// A request that makes sense.
struct Asked<'a> {
    key: SessionKey,
    header: Header,
    data: &'a [u8],
    request: Request,
    /// The response, if it asked for one.
    answer: Option<Answer>,
}

impl Exchange {
    /// The number of the router's session that is open in a VMC session.
    pub(super) fn number(&self, key: SessionKey) -> Option<u32> {
        self.open.get(&key).map(|open| open.number)
    }

    /// Numbers of the sessions that are open.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.open.values().map(|open| open.number)
    }

    /// A VMC session is over; the number of the router's session that was open in it.
    pub(super) fn closed(&mut self, key: SessionKey) -> Option<u32> {
        self.late.retain(|late| late.key != key);
        self.open.remove(&key).map(|open| open.number)
    }

    /// What is wrong if an answer is to come when nothing more happens.
    pub(super) fn owes(&self) -> Option<String> {
        let late = self.late.first()?;
        Some(format!("{}: an answer that was due at {:?} has not come", name(late.key), late.at))
    }

    /// What is sent when time has passed: the answers that are due, the earliest first.
    pub(super) fn late(&mut self, actions: &Actions) -> Vec<String> {
        let mut due: Vec<_> = self.late.extract_if(.., |late| late.at <= actions.now()).collect();
        due.sort_by_key(|late| late.at);
        let sent = actions.sends();
        if sent.len() != due.len() {
            return vec![format!(
                "expected {} answers that are due, got {}",
                due.len(),
                sent.len()
            )];
        }
        let wrong = due.iter().zip(sent).filter_map(|(late, (to, bytes))| {
            if *to != late.key {
                return Some(format!("{}: the answer goes to {}", name(late.key), name(*to)));
            }
            response(late.header, bytes).err()
        });
        wrong.collect()
    }

    /// What is wrong if a session has room for an event and is not told of the last one.
    pub(super) fn waits(&self, key: SessionKey, last: u64) -> Option<String> {
        let told = self.open.get(&key)?.told.filter(|told| *told < last)?;
        Some(format!("{} has a free buffer and is told of event {told} of {last}", name(key)))
    }

    /// A message came, and this was done about it; the system before and after.
    pub(super) fn message(
        &mut self,
        key: SessionKey,
        message: Incoming<'_>,
        actions: &Actions,
        system: (&System, &System),
    ) -> Vec<String> {
        let Incoming { payload, faults, .. } = message;
        let payload = payload.unwrap_or_default();
        let header = Header::peek(payload);
        let wants_answer = header.is_none_or(|header| header.flags != Flags::NONE);
        let (lost, late_ns) = (lost(faults), late_ns(faults));
        let is_answered = wants_answer && !lost && late_ns.is_none();
        if let Some(late_ns) = late_ns.filter(|_| wants_answer && !lost) {
            let at = actions.now().saturating_add(Duration::from_nanos(late_ns));
            self.late.push(Late { key, at, header });
        }
        let sent = actions.sends();
        let of = name(key);
        let mut found = Vec::new();
        if sent.len() != usize::from(is_answered) {
            found.push(format!(
                "{of}: expected {} response to a request, got {}",
                u8::from(is_answered),
                sent.len()
            ));
        }
        let mut answer = None;
        for (to, bytes) in sent {
            if *to != key {
                found.push(format!("{of}: the response goes to {}", name(*to)));
            }
            if bytes.len() > actions.mtu() as usize {
                found.push(format!("{of}: a response of {} bytes", bytes.len()));
            }
            match response(header, bytes) {
                Ok(fits) => answer = Some(fits),
                Err(problem) => found.push(format!("{of}: {problem}")),
            }
        }
        if faults.iter().any(CommandFault::prevents) {
            found.extend(is_what_was_ordered(faults, answer.as_ref()));
            found.extend(unchanged(system, actions.now(), "a command that is not done"));
            return found;
        }
        let decoded = Message::decode(payload).ok();
        let request = decoded.and_then(|message| Some((message, Request::decode(&message).ok()?)));
        let Some((message, request)) = request else {
            found.extend(unchanged(system, actions.now(), "a message that is no request"));
            return found;
        };
        let Message { header, data } = message;
        let asked = Asked { key, header, data, request, answer };
        self.asked(asked, system, actions.now(), &mut found);
        found
    }

    /// A request was handled.
    fn asked(
        &mut self,
        asked: Asked<'_>,
        system: (&System, &System),
        now: Duration,
        found: &mut Vec<String>,
    ) {
        let Asked { key, request, answer, .. } = &asked;
        let operation = request.operation();
        let number = self.number(*key);
        match (operation.effect(), answer) {
            (_, Some(Answer::Good(Response::ExchangeOperations(exchanged)))) => {
                let number = exchanged.session;
                if self.numbers().any(|open| open == number) {
                    found.push(format!("session {number} is open already"));
                }
                self.open.insert(*key, Open { number, told: None });
            }
            // Not to be seen without a response, so a session that is opened or closed so is not followed.
            (Effect::Session, None) if operation == Operation::ExchangeOperations => {}
            (Effect::Session, _) if operation == Operation::Close => {
                if !matches!(answer, Some(Answer::Failed(_) | Answer::Refused(_))) {
                    self.open.remove(key);
                }
            }
            (Effect::Session, answer) if operation == Operation::Subscribe => {
                let told = self.open.get(key).and_then(|open| open.told);
                let last = told.unwrap_or(system.0.last_event());
                if let Some(Answer::Good(Response::Subscribe(subscribed))) = answer
                    && subscribed.last != last
                {
                    found.push(format!(
                        "events come after {last}, and the response says {}",
                        subscribed.last
                    ));
                }
                if let Some(open) = self.open.get_mut(key) {
                    open.told = Some(last);
                }
            }
            (Effect::Change, _) => match number {
                Some(number) => self.change(number, asked, system, now, found),
                None => {
                    // Without a response it may have been opened without one.
                    let failed = matches!(answer, Some(Answer::Failed(_)));
                    found.extend(failed.then(|| unchanged(system, now, operation)).flatten());
                }
            },
            (Effect::Session | Effect::Look | Effect::Event, _) => {
                found.extend(unchanged(system, now, operation));
            }
        }
    }

    /// A change was asked for: it is made at most once, and on the version that it names.
    fn change(
        &mut self,
        number: u32,
        asked: Asked<'_>,
        system: (&System, &System),
        now: Duration,
        found: &mut Vec<String>,
    ) {
        let Asked { header, data, request, answer, .. } = asked;
        let (token, operation) = (header.token, request.operation());
        let answer = answer.map(|answer| (answer.return_code(), answer.encode_data()));
        let changes = self.changes.entry(number).or_default();
        match changes.iter().find(|change| change.token == token) {
            Some(known) if known.operation == operation && known.data == data => {
                found.extend(unchanged(system, now, format_args!("a second {operation}")));
                if let (Some(first), Some(again)) = (&known.answer, &answer)
                    && first != again
                {
                    found.push(format!("a second {operation} is answered in another way"));
                }
                return;
            }
            Some(_) => {
                found.extend(unchanged(system, now, "a change with the token of another"));
                let code = answer.and_then(|(_, data)| hmc_proto::Wire::decode(&data).ok());
                let is_told = |refusal: hmc_proto::Refusal| refusal.code == TOKEN_IN_USE;
                if code.is_some_and(|refusal| !is_told(refusal)) {
                    found.push(format!("{operation} has the token of another change"));
                }
                return;
            }
            None => {}
        }
        match answer.as_ref().map(|(code, _)| *code) {
            Some(ReturnCode::GOOD) => found.extend(stale(&request, system.0, now)),
            Some(_) => found.extend(unchanged(system, now, format_args!("a refused {operation}"))),
            None => {}
        }
        if changes.len() == MAX_OUTCOMES {
            changes.pop_front();
        }
        changes.push_back(Change { token, operation, data: data.to_vec(), answer });
    }

    /// Messages that a session is sent without having asked.
    pub(super) fn events(
        &mut self,
        key: SessionKey,
        sent: &[(SessionKey, Vec<u8>)],
        last: u64,
    ) -> Vec<String> {
        sent.iter().filter_map(|(to, bytes)| self.event(key, *to, bytes, last).err()).collect()
    }

    fn event(
        &mut self,
        key: SessionKey,
        to: SessionKey,
        bytes: &[u8],
        last: u64,
    ) -> Result<(), String> {
        let of = name(key);
        if to != key {
            return Err(format!("{of}: an event goes to {}", name(to)));
        }
        let message = Message::decode(bytes).map_err(|e| format!("{of}: {e}"))?;
        let Ok(Request::Event(event)) = Request::decode(&message) else {
            return Err(format!("{of} is sent what is no event"));
        };
        let Some(open) = self.open.get_mut(&key) else {
            // A session that was opened without a response is not followed.
            return Ok(());
        };
        let Some(told) = open.told.replace(event.number) else {
            return Err(format!("{of} gets event {} and has not subscribed", event.number));
        };
        let expected = match event.kind {
            EventKind::Overflow if event.lost == 0 => {
                return Err(format!("{of} is told that no event is lost"));
            }
            EventKind::Overflow => told.saturating_add(event.lost),
            _ => told + 1,
        };
        if event.number != expected || event.number > last {
            let got = event.number;
            return Err(format!("{of}: expected event {expected} of {last}, got {got}"));
        }
        if message.header.token != Token(event.number as u32) {
            return Err(format!("{of}: event {} has another token", event.number));
        }
        Ok(())
    }
}

/// Whether no answer comes.
fn lost(faults: &[CommandFault]) -> bool {
    faults.iter().any(|fault| matches!(fault, CommandFault::Lost | CommandFault::AnswerLost))
}

/// How much later the answer comes, if it is late.
fn late_ns(faults: &[CommandFault]) -> Option<u64> {
    let late = faults.iter().filter_map(|fault| match fault {
        CommandFault::AnswerLate(ns) => Some(*ns),
        _ => None,
    });
    late.reduce(u64::saturating_add)
}

/// What is wrong with the answer to a command that is not done.
fn is_what_was_ordered(faults: &[CommandFault], answer: Option<&Answer>) -> Option<String> {
    let ordered = faults.iter().rev().find_map(|fault| match fault {
        CommandFault::Answered(code) => Some((ReturnCode(*code), "")),
        CommandFault::Refused(code) => Some((ReturnCode::ERROR, code.as_str())),
        _ => None,
    });
    let (code, refusal) = ordered?;
    let is_it = match answer? {
        Answer::Refused(got) => (ReturnCode::ERROR, got.code.as_str()) == (code, refusal),
        answer => answer.return_code() == code && refusal.is_empty(),
    };
    (!is_it).then(|| format!("expected the answer {code} {refusal}, got {answer:?}"))
}

/// The answer in a response, which must fit its request.
fn response(request: Option<Header>, bytes: &[u8]) -> Result<Answer, String> {
    let message = Message::decode(bytes).map_err(|e| format!("a response: {e}"))?;
    let answer = Answer::decode(&message).map_err(|e| format!("a response: {e}"))?;
    let token = request.map_or(Token(0), |header| header.token);
    let got = message.header;
    if got.token != token {
        return Err(format!("expected a response with token {}, got {}", token.0, got.token.0));
    }
    if let Some(request) = request
        && (got.target, got.opcode) != (request.target, request.opcode)
    {
        let name = |header: Header| match Operation::find(header.target, header.opcode) {
            Ok(operation) => operation.to_string(),
            Err(_) => format!("target {:#06x} opcode {:#06x}", header.target.0, header.opcode.0),
        };
        return Err(format!("expected a response to {}, got one to {}", name(request), name(got)));
    }
    Ok(answer)
}

/// What is wrong if the system is neither as it was nor as time alone has made it.
fn unchanged(
    (before, after): (&System, &System),
    now: Duration,
    what: impl std::fmt::Display,
) -> Option<String> {
    if before == after {
        return None;
    }
    let mut later = before.clone();
    later.advance(now);
    (later != *after).then(|| format!("{what} has changed the system"))
}

/// What is wrong if a change was made that names another version than its partition, or the system, had.
fn stale(request: &Request, before: &System, now: Duration) -> Option<String> {
    let Value::Table(fields) = request.to_value() else { return None };
    let number = |name: &str| match fields.iter().find(|(field, _)| field == name)?.1 {
        Value::Number(number) => Some(number),
        _ => None,
    };
    let expected = number("version")?;
    let mut before = before.clone();
    before.advance(now);
    let actual = match request {
        Request::ChangeSystem(_) => before.version(),
        Request::CreateSwitch(_)
        | Request::ChangeSwitch(_)
        | Request::DeleteSwitch(_)
        | Request::DeleteNetwork(_)
        | Request::ChangeEthernet(_)
        | Request::RemoveEthernet(_)
        | Request::RemoveScsi(_)
        | Request::CreateMapping(_)
        | Request::ExtendGroup(_)
        | Request::DeleteGroup(_)
        | Request::CreateDisk(_)
        | Request::CreateRepository(_) => return None,
        _ => {
            let id = ["id", "partition", "vios", "from"].into_iter().find_map(number)?;
            before.partition(PartitionId(u16::try_from(id).ok()?)).ok()?.version()
        }
    };
    (Version(expected) != actual).then(|| {
        format!("{request}: expected version {expected} was accepted, the object had {actual}")
    })
}

fn name(key: SessionKey) -> String {
    format!("HMC index {} session {}", key.index, key.session)
}
