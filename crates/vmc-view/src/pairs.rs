//! Which response answers which request: messages of the channel, and HMC commands inside payloads.

use hmc_proto::Token;
use std::collections::{BTreeMap, VecDeque};
use vmc_proto::{BufferId, HmcIndex, HmcSession, Message, MessageType, Received};
use vmc_trace::{Event, Rdma, RdmaDirection, Subject};
use vmc_trace_file::HmcCommand;

/// What a request and its response have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Message(MessageType, Option<(HmcIndex, HmcSession)>, Option<BufferId>),
    /// The session, whether the request goes to the hypervisor, and the token.
    Command(HmcIndex, HmcSession, bool, Token),
}

/// Follows a trace, record by record.
#[derive(Default)]
pub(crate) struct Pairs {
    waiting: BTreeMap<Key, VecDeque<usize>>,
}

impl Pairs {
    /// The place of the request that this record answers. `at` is the record's own place, `command` what it carries.
    pub(crate) fn next(
        &mut self,
        at: usize,
        event: &Event,
        command: Option<&HmcCommand>,
    ) -> Option<usize> {
        let (key, is_response) = match event {
            Event::Enqueued { entry, .. } => match Received::from_entry(*entry) {
                Received::Message(decoded) => of_message(&decoded.message)?,
                _ => return None,
            },
            Event::Rdma(Subject::Session(index, session), Rdma { direction, .. }) => {
                let command = command?;
                let to_hyp = match direction {
                    RdmaDirection::ToHyp => true,
                    RdmaDirection::ToMgmt => false,
                    RdmaDirection::Other => return None,
                };
                let flags = command.header.flags;
                let is_response = flags.is_response();
                if !is_response && !flags.expects_response() {
                    return None;
                }
                let key =
                    Key::Command(*index, *session, to_hyp != is_response, command.header.token);
                (key, is_response)
            }
            _ => return None,
        };
        if is_response {
            return self.waiting.get_mut(&key)?.pop_front();
        }
        self.waiting.entry(key).or_default().push_back(at);
        None
    }
}

/// The key, and whether it is a response; `None` for a Signal, which nothing answers.
fn of_message(message: &Message) -> Option<(Key, bool)> {
    use MessageType::{AddBuffer, Capabilities, InterfaceClose, InterfaceOpen, RemoveBuffer};
    let (request, is_response) = match message.message_type() {
        MessageType::Signal => return None,
        MessageType::CapabilitiesResponse => (Capabilities, true),
        MessageType::InterfaceOpenResponse => (InterfaceOpen, true),
        MessageType::InterfaceCloseResponse => (InterfaceClose, true),
        MessageType::AddBufferResponse => (AddBuffer, true),
        MessageType::RemoveBufferResponse => (RemoveBuffer, true),
        request => (request, false),
    };
    let buffer = match *message {
        // REMOVE BUFFER names none: its response does.
        Message::AddBuffer { buffer, .. } | Message::AddBufferResponse { buffer, .. } => {
            Some(buffer)
        }
        _ => None,
    };
    Some((Key::Message(request, message.connection(), buffer), is_response))
}
