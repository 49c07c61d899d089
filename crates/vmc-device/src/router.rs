//! A minimal command router: as much of the hypervisor as a test program of the channel needs.
//!
//! Commands and responses begin with a header of 32 bytes, all integers big-endian: descriptor `DE CA FF`, header length,
//! message length, correlation token, target, a reserved byte, flags, data length, opcode, return code, 8 reserved bytes.
//! Known are the router's own operations: exchange operations, which opens its session, echo and close.

use std::collections::BTreeSet;
use vmc_machine::embed::{Actions, Behaviour, Incoming, SessionKey};

const HEADER_BYTES: usize = 32;
const DESCRIPTOR: [u8; 3] = [0xDE, 0xCA, 0xFF];
const ROUTER: u16 = 0x8000;
const EXPECTS_RESPONSE: u8 = 0x80;
const RESPONSE: u8 = 0x40;

const EXCHANGE_OPERATIONS: u16 = 0x0001;
const CLOSE: u16 = 0x0002;
const ECHO: u16 = 0x0103;

const GOOD: u16 = 0x0000;
const INVALID_OPCODE: u16 = 0x8001;
const INVALID_DATA: u16 = 0x8003;
const INVALID_TARGET: u16 = 0x8023;
const INVALID_STATE: u16 = 0x8028;

/// The behaviour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Router {
    /// Sessions that have exchanged operations.
    open: BTreeSet<SessionKey>,
}

impl Behaviour for Router {
    fn message(&mut self, session: SessionKey, message: Incoming<'_>, actions: &mut Actions) {
        let Some(request) = message.payload else { return };
        if let Some(response) = self.respond(session, request) {
            actions.send(session, response);
        }
    }

    fn session_closed(&mut self, session: SessionKey) {
        self.open.remove(&session);
    }

    fn wants_free_buffers(&self) -> bool {
        false
    }
}

impl Router {
    /// The response to a command; `None` for what is no command, or wants none.
    fn respond(&mut self, session: SessionKey, request: &[u8]) -> Option<Vec<u8>> {
        let (header, data) = request.split_at_checked(HEADER_BYTES)?;
        let flags = header[0x0F];
        if header[..3] != DESCRIPTOR || flags & RESPONSE != 0 {
            return None;
        }
        let u16_at = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let lengths = [request.len(), data.len()].map(|len| (len as u32).to_be_bytes());
        let is_whole = header[4..8] == lengths[0] && header[0x10..0x14] == lengths[1];
        let (target, opcode) = (u16_at(0x0C), u16_at(0x14));
        let code = match opcode {
            _ if target != ROUTER => INVALID_TARGET,
            _ if !is_whole => INVALID_DATA,
            EXCHANGE_OPERATIONS => {
                self.open.insert(session);
                GOOD
            }
            _ if !self.open.contains(&session) => INVALID_STATE,
            ECHO => GOOD,
            CLOSE => {
                self.open.remove(&session);
                GOOD
            }
            _ => INVALID_OPCODE,
        };
        if flags & EXPECTS_RESPONSE == 0 {
            return None;
        }
        let mut response = request.to_vec();
        if opcode != ECHO || code != GOOD {
            response.truncate(HEADER_BYTES);
        }
        let len = response.len();
        response[3] = HEADER_BYTES as u8;
        response[4..8].copy_from_slice(&(len as u32).to_be_bytes());
        response[0x0F] = flags & !EXPECTS_RESPONSE | RESPONSE;
        response[0x10..0x14].copy_from_slice(&((len - HEADER_BYTES) as u32).to_be_bytes());
        response[0x16..0x18].copy_from_slice(&code.to_be_bytes());
        Some(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vmc_proto::{HmcIndex, HmcSession};

    const SESSION: SessionKey = SessionKey { index: HmcIndex(0), session: HmcSession(1) };

    fn command(target: u16, opcode: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[..4].copy_from_slice(&[0xDE, 0xCA, 0xFF, 32]);
        bytes[4..8].copy_from_slice(&((HEADER_BYTES + data.len()) as u32).to_be_bytes());
        bytes[8..12].copy_from_slice(&[1, 2, 3, 4]);
        bytes[0x0C..0x0E].copy_from_slice(&target.to_be_bytes());
        bytes[0x0F] = EXPECTS_RESPONSE;
        bytes[0x10..0x14].copy_from_slice(&(data.len() as u32).to_be_bytes());
        bytes[0x14..0x16].copy_from_slice(&opcode.to_be_bytes());
        bytes.extend(data);
        bytes
    }

    fn code(response: &[u8]) -> u16 {
        u16::from_be_bytes([response[0x16], response[0x17]])
    }

    #[test]
    fn operations_are_exchanged_before_anything_else() {
        let mut router = Router::default();
        let mut respond = |command: &[u8]| router.respond(SESSION, command).unwrap();
        assert_eq!(code(&respond(&command(ROUTER, ECHO, b"x"))), INVALID_STATE);
        let response = respond(&command(ROUTER, EXCHANGE_OPERATIONS, &[0, 1, 0, 0, 0, 0]));
        assert_eq!((code(&response), response.len()), (GOOD, 32));
        let response = respond(&command(ROUTER, ECHO, b"hello"));
        assert_eq!((&response[32..], &response[8..12]), (&b"hello"[..], &[1, 2, 3, 4][..]));
        assert_eq!(response[0x0F], RESPONSE);
        assert_eq!(response[4..8], 37u32.to_be_bytes());
        assert_eq!(code(&respond(&command(ROUTER, CLOSE, &[]))), GOOD);
        assert_eq!(code(&respond(&command(ROUTER, ECHO, b"x"))), INVALID_STATE);
    }

    #[test]
    fn what_is_wrong_has_its_code_and_what_is_no_command_has_no_answer() {
        let mut router = Router::default();
        let mut respond = |command: &[u8]| router.respond(SESSION, command);
        let exchanged = command(ROUTER, EXCHANGE_OPERATIONS, &[0; 6]);
        respond(&exchanged);
        let answered = |response: Option<Vec<u8>>| response.map(|response| code(&response));
        assert_eq!(answered(respond(&command(0x8001, ECHO, &[]))), Some(INVALID_TARGET));
        assert_eq!(answered(respond(&command(ROUTER, 0x0999, &[]))), Some(INVALID_OPCODE));
        let mut short = command(ROUTER, ECHO, b"hello");
        short.truncate(34);
        assert_eq!(answered(respond(&short)), Some(INVALID_DATA));
        let mut silent = command(ROUTER, ECHO, b"hello");
        silent[0x0F] = 0;
        assert_eq!(respond(&silent), None);
        assert_eq!(respond(b"not a command"), None);
        assert_eq!(respond(&[0; 40]), None);
    }
}
