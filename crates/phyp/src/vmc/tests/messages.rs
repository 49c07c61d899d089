//! Messages of the sessions (protocol, flow 3), and the named behaviours.

use super::peer::*;
use crate::vmc::*;
use papr::hcall::opcode;
use papr::{CrqEntry, ReturnCode};
use vmc_proto::{BufferId, BufferOwner, HmcIndex, HmcSession, Message, MessageType};

const A: SessionKey = SessionKey { index: HmcIndex(0), session: HmcSession(1) };
const B: SessionKey = SessionKey { index: HmcIndex(1), session: HmcSession(1) };

#[test]
fn echo_returns_a_message_in_its_own_buffer_without_reading_it() {
    let mut peer = Peer::with_session(config(), Echo, A);
    let reads = peer.reads();
    peer.write(A.index, BufferId(1), b"hello");
    peer.send(signal(A, 1, 5));
    assert_eq!(peer.recv(), message(signal(A, 1, 5)));
    assert_eq!(peer.read(A.index, BufferId(1), 5), b"hello");
    assert_eq!(peer.buffers_of(0)[1], BufferState::Management);
    assert_eq!(peer.reads(), reads);
    assert_eq!(peer.hcalls.len(), 1, "one call per message");
}

#[test]
fn echo_keeps_the_order_of_a_burst() {
    let mut peer = Peer::with_session(config(), Echo, A);
    peer.enqueue(signal(A, 1, 11).encode());
    peer.send(signal(A, 0, 10));
    assert_eq!(peer.recv(), message(signal(A, 1, 11)));
    assert_eq!(peer.recv(), message(signal(A, 0, 10)));
}

#[test]
fn a_buffer_that_is_on_its_way_back_is_not_the_managements() {
    let mut peer = Peer::with_session(config(), Echo, A);
    peer.script(opcode::SEND_CRQ, &[ReturnCode::DROPPED]);
    peer.send(signal(A, 1, 11));
    assert_eq!(peer.buffers_of(0)[1], BufferState::Sending);
    peer.send(signal(A, 1, 12));
    assert_eq!(
        peer.breaches(),
        [ProtocolViolation::InvalidBuffer(MessageType::Signal, BufferId(1))]
    );
    peer.elapse();
    assert_eq!(peer.recv(), message(signal(A, 1, 11)));
    peer.recv_nothing();
}

#[test]
fn a_signal_that_does_not_fit_is_reported_and_ignored() {
    let signal_type = MessageType::Signal;
    for (hostile, breach) in [
        (signal(key(2, 1), 0, 1), ProtocolViolation::InvalidIndex(signal_type, HmcIndex(2))),
        (signal(key(0, 2), 0, 1), ProtocolViolation::InvalidSession(signal_type, HmcSession(2))),
        (signal(key(0, 0), 0, 1), ProtocolViolation::InvalidSession(signal_type, HmcSession(0))),
        (signal(key(1, 0), 0, 1), ProtocolViolation::InvalidSession(signal_type, HmcSession(0))),
        (signal(A, 2, 1), ProtocolViolation::InvalidBuffer(signal_type, BufferId(2))),
        (signal(A, 4, 1), ProtocolViolation::InvalidBuffer(signal_type, BufferId(4))),
        (signal(A, 9999, 1), ProtocolViolation::InvalidBuffer(signal_type, BufferId(9999))),
        (signal(A, 0, 0), ProtocolViolation::Empty),
        (signal(A, 0, 5001), ProtocolViolation::TooLong(5001)),
        (signal(A, 0, u32::MAX), ProtocolViolation::TooLong(u32::MAX)),
    ] {
        let mut peer = Peer::with_session(config(), Echo, A);
        peer.send(hostile);
        peer.recv_nothing();
        assert_eq!(peer.breaches(), [breach]);
        peer.send(signal(A, 0, 5000));
        assert_eq!(peer.recv(), message(signal(A, 0, 5000)), "the session goes on");
    }
}

#[test]
fn a_signal_before_the_open_is_answered_is_reported() {
    let mut peer = Peer::ready(config(), Echo);
    peer.send(open(A, 0));
    peer.send(signal(A, 0, 1));
    let breach = ProtocolViolation::InvalidSession(MessageType::Signal, A.session);
    assert_eq!(peer.breaches(), [breach]);
}

#[test]
fn sink_keeps_what_it_gets() {
    let mut peer = Peer::with_session(config(), Sink, A);
    peer.send(signal(A, 0, 1));
    peer.send(signal(A, 1, 1));
    peer.recv_nothing();
    assert_eq!(peer.buffers_of(0), [BufferState::Hypervisor; 4]);
}

#[test]
fn source_sends_its_messages_as_buffers_come_back() {
    let mut peer = Peer::with_session(config(), Named::Source(Source::new(3, 4500)), A);
    assert_eq!(peer.recv(), message(signal(A, 2, 4500)));
    assert_eq!(peer.recv(), message(signal(A, 3, 4500)));
    peer.recv_nothing();
    assert_eq!(peer.read(A.index, BufferId(2), 4500), pattern(0, 4500));
    assert_eq!(peer.read(A.index, BufferId(3), 4500), pattern(1, 4500));
    peer.send(signal(A, 2, 1));
    assert_eq!(peer.recv(), message(signal(A, 2, 4500)));
    assert_eq!(peer.read(A.index, BufferId(2), 4500), pattern(2, 4500));
    peer.send(signal(A, 2, 1));
    peer.recv_nothing();
}

#[test]
fn what_is_not_written_yet_is_not_sent_by_a_call_that_nobody_asked_for() {
    let mut peer = Peer::with_session(config(), Named::Source(Source::new(3, 4500)), A);
    peer.step(Outcome::Woken);
    peer.step(Outcome::Entry(Some(signal(A, 2, 1).encode())));
    let write = peer.step(Outcome::Entry(None));
    assert!(matches!(write, Effect::WriteBuffer { .. }));
    assert_eq!(peer.step_success(), write);
}

#[test]
fn source_counts_each_session_for_itself_and_fits_the_mtu() {
    let mut peer = Peer::with_session(config(), Source::new(1, u32::MAX), A);
    assert_eq!(peer.recv(), message(signal(A, 2, 5000)));
    peer.open(B);
    assert_eq!(peer.recv(), message(signal(B, 2, 5000)));
    peer.recv_nothing();
    assert!(peer.breaches().is_empty());
}

/// Does to every message what its first byte says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct Puppet {
    heard: Vec<Vec<u8>>,
}

impl Behaviour for Puppet {
    fn message(&mut self, session: SessionKey, message: Incoming<'_>, actions: &mut Actions) {
        let payload = message.payload.unwrap();
        assert_eq!(payload.len(), message.len_bytes as usize);
        self.heard.push(payload.to_vec());
        match payload[0] {
            b'3' => (0..3).for_each(|n| actions.send(session, vec![b'a' + n; 3])),
            b'o' => actions.send(B, b"other".to_vec()),
            b'0' => actions.send(session, Vec::new()),
            b'+' => actions.send(session, vec![0; 5001]),
            b'r' => actions.reply_in_place(5001),
            _ => {}
        }
    }
}

#[test]
fn a_behaviour_gets_the_whole_message_across_pages() {
    let mut peer = Peer::with_session(config(), Puppet::default(), A);
    let payload: Vec<u8> = (0..5000u32).map(|i| (i * 7) as u8).collect();
    peer.write(A.index, BufferId(1), &payload);
    peer.send(signal(A, 1, 5000));
    peer.write(A.index, BufferId(0), b"short");
    peer.send(signal(A, 0, 5));
    assert_eq!(peer.service.behaviour.heard, [payload, b"short".to_vec()]);
}

#[test]
fn messages_wait_for_a_buffer_in_their_order() {
    let config = ServiceConfig { inbound: Some(4), ..config() };
    let mut peer = Peer::ready(config, Puppet::default());
    peer.send(open(A, 0));
    for buffer in 1..=3 {
        peer.take_offer(A, BufferOwner::MANAGEMENT, buffer);
    }
    assert_eq!(peer.recv(), message(open_response(A, 0, 0)));
    peer.write(A.index, BufferId(3), b"3");
    peer.send(signal(A, 3, 1));
    assert_eq!(peer.recv(), message(signal(A, 3, 3)));
    assert_eq!(peer.read(A.index, BufferId(3), 3), b"aaa");
    peer.recv_nothing();
    peer.write(A.index, BufferId(1), b".");
    peer.send(signal(A, 1, 1));
    assert_eq!(peer.recv(), message(signal(A, 1, 3)));
    assert_eq!(peer.read(A.index, BufferId(1), 3), b"bbb");
    peer.write(A.index, BufferId(0), b".");
    peer.send(signal(A, 0, 1));
    assert_eq!(peer.recv(), message(signal(A, 0, 3)));
    assert_eq!(peer.read(A.index, BufferId(0), 3), b"ccc");
    peer.recv_nothing();
}

#[test]
fn an_answer_takes_the_buffer_of_its_message_though_others_are_free() {
    let mut peer = Peer::with_session(config(), Puppet::default(), A);
    peer.write(A.index, BufferId(0), b".");
    peer.send(signal(A, 0, 1));
    peer.recv_nothing();
    peer.write(A.index, BufferId(1), b"3");
    peer.send(signal(A, 1, 1));
    for (buffer, answer) in [(1, b"aaa"), (0, b"bbb"), (2, b"ccc")] {
        assert_eq!(peer.recv(), message(signal(A, buffer, 3)));
        assert_eq!(peer.read(A.index, BufferId(buffer), 3), answer);
    }
    peer.recv_nothing();
}

#[test]
fn a_message_to_another_session_reaches_it_or_goes_nowhere() {
    let mut peer = Peer::with_session(config(), Puppet::default(), A);
    peer.write(A.index, BufferId(0), b"o");
    peer.send(signal(A, 0, 1));
    peer.recv_nothing();
    peer.open(B);
    peer.recv_nothing();
    peer.write(A.index, BufferId(1), b"o");
    peer.send(signal(A, 1, 1));
    assert_eq!(peer.recv(), message(signal(B, 2, 5)));
    assert_eq!(peer.read(B.index, BufferId(2), 5), b"other");
    let SessionKey { index, session } = B;
    let prompted = ServiceEvent::Prompted { index, session, buffer: BufferId(2) };
    let is_prompt = |event: &&ServiceEvent| matches!(event, ServiceEvent::Prompted { .. });
    assert!(peer.events.iter().filter(is_prompt).eq([&prompted]));
}

#[test]
fn a_message_that_cannot_be_sent_is_reported() {
    for (order, len_bytes) in [(b"+", 5001), (b"r", 5001)] {
        let mut peer = Peer::with_session(config(), Puppet::default(), A);
        peer.write(A.index, BufferId(0), order);
        peer.send(signal(A, 0, 1));
        peer.recv_nothing();
        assert_eq!(peer.breaches(), [ProtocolViolation::Unsendable(len_bytes)]);
        assert_eq!(peer.buffers_of(0)[0], BufferState::Hypervisor);
    }
}

#[test]
fn an_empty_message_is_sent_as_it_is() {
    let mut peer = Peer::with_session(config(), Puppet::default(), A);
    peer.write(A.index, BufferId(0), b"0");
    peer.send(signal(A, 0, 1));
    assert_eq!(peer.recv(), message(signal(A, 0, 0)));
}

#[test]
fn entries_that_are_no_message_for_us_are_reported_and_the_next_is_handled() {
    let mut peer = Peer::with_session(config(), Echo, A);
    let mut reserved = signal(A, 0, 9).encode();
    reserved.0[9] = 0xEE;
    peer.enqueue(CrqEntry([0x33; 16]));
    peer.enqueue(CrqEntry::from_words(0x807F_0000_0000_0000, 0));
    peer.enqueue(CrqEntry::from_words(0xC009_0000_0000_0000, 0));
    peer.enqueue(Message::RemoveBuffer { session: A.session, index: A.index }.encode());
    peer.send_entry(reserved);
    assert_eq!(peer.recv(), message(signal(A, 0, 9)), "reserved bytes do not void a message");
    let texts: Vec<String> = peer.breaches().iter().map(ProtocolViolation::to_string).collect();
    assert_eq!(
        texts,
        [
            "reserved 0x33 header",
            "unknown message type 0x7f",
            "initialization entry with reserved 0x09 format",
            "REMOVE BUFFER is not for the hypervisor",
            "SIGNAL: reserved bytes 9 not zero",
        ]
    );
}

/// LoPAR, CRQ Entry Header Byte Values: 0x01 to 0x7F, 0x81 to 0xBF and 0xC1 to 0xFE are reserved.
#[test]
fn h39_every_reserved_header_is_reported_and_the_next_entry_handled() {
    let mut peer = Peer::with_session(config(), Echo, A);
    for header in (0x01..=0xFE).filter(|header| ![0x80, 0xC0].contains(header)) {
        let mut entry = signal(A, 0, 1).encode();
        entry.0[0] = header;
        peer.enqueue(entry);
        peer.write(A.index, BufferId(0), &[header]);
        peer.send(signal(A, 0, 1));
        assert_eq!(peer.recv(), message(signal(A, 0, 1)), "after header {header:#04x}");
        let last = peer.breaches().last().map(ProtocolViolation::to_string);
        assert_eq!(last, Some(format!("reserved {header:#04x} header")));
    }
}
