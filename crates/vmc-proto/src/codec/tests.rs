//! Golden bytes of every message (LoPAR, A Protocol for VMC Communications, one table per message).

use super::*;
use crate::{CRQ_ENTRIES_PER_PAGE, CapabilitiesStatus};
use alloc::string::ToString;
use alloc::vec::Vec;
use proptest::prelude::*;

const SESSION: HmcSession = HmcSession(0x11);
const INDEX: HmcIndex = HmcIndex(0x22);
const BUFFER: BufferId = BufferId(0x3344);
const STATUS: Status = Status(0x55);
const LIMITS: Limits = Limits {
    hmcs: 0x66,
    pool_size: 0x7788,
    mtu: 0x99AA_BBCC,
    crq_size: 0xDDEE,
    version: Version { major: 0xF1, minor: 0xF2 },
};

/// Asserts that the message and the bytes are each other's, and that none of the bytes is reserved.
#[track_caller]
fn assert_golden(message: Message, bytes: [u8; 16]) {
    let entry = CrqEntry(bytes);
    assert_eq!(message.encode(), entry);
    let decoded = Decoded { message, reserved: ReservedBytes::default() };
    assert_eq!(Decoded::from_entry(entry), Ok(decoded));
}

#[test]
fn capabilities_have_their_golden_bytes() {
    assert_golden(
        Message::Capabilities { limits: LIMITS },
        [0x80, 1, 0, 0, 0, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xF1, 0xF2],
    );
}

#[test]
fn a_usual_offer_has_its_golden_bytes() {
    let limits = Limits {
        hmcs: 1,
        pool_size: 32,
        mtu: 4096,
        crq_size: CRQ_ENTRIES_PER_PAGE,
        version: Version::CURRENT,
    };
    assert_golden(
        Message::Capabilities { limits },
        [0x80, 1, 0, 0, 0, 1, 0, 32, 0, 0, 0x10, 0, 1, 0, 1, 1],
    );
}

#[test]
fn a_capabilities_response_has_its_golden_bytes() {
    assert_golden(
        Message::CapabilitiesResponse { status: STATUS, limits: LIMITS },
        [0x80, 0x81, 0x55, 0, 0, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xF1, 0xF2],
    );
}

#[test]
fn an_interface_open_has_its_golden_bytes() {
    assert_golden(
        Message::InterfaceOpen { session: SESSION, index: INDEX, buffer: BUFFER },
        [0x80, 2, 0, 0, 0x11, 0x22, 0x33, 0x44, 0, 0, 0, 0, 0, 0, 0, 0],
    );
}

#[test]
fn an_interface_open_response_has_its_golden_bytes() {
    assert_golden(
        Message::InterfaceOpenResponse {
            status: STATUS,
            session: SESSION,
            index: INDEX,
            buffer: BUFFER,
        },
        [0x80, 0x82, 0x55, 0, 0x11, 0x22, 0x33, 0x44, 0, 0, 0, 0, 0, 0, 0, 0],
    );
}

#[test]
fn an_interface_close_has_its_golden_bytes() {
    assert_golden(
        Message::InterfaceClose { session: SESSION, index: INDEX },
        [0x80, 3, 0, 0, 0x11, 0x22, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    );
}

#[test]
fn an_interface_close_response_has_its_golden_bytes() {
    assert_golden(
        Message::InterfaceCloseResponse { status: STATUS, session: SESSION, index: INDEX },
        [0x80, 0x83, 0x55, 0, 0x11, 0x22, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    );
}

#[test]
fn an_add_buffer_has_its_golden_bytes() {
    let add = |owner| Message::AddBuffer {
        owner,
        session: SESSION,
        index: INDEX,
        buffer: BUFFER,
        lioba: Lioba(0xA1B2_C3D4),
    };
    let bytes =
        |owner| [0x80, 4, 0, owner, 0x11, 0x22, 0x33, 0x44, 0, 0, 0, 0, 0xA1, 0xB2, 0xC3, 0xD4];
    assert_golden(add(BufferOwner::MANAGEMENT), bytes(0));
    assert_golden(add(BufferOwner::HYPERVISOR), bytes(1));
    assert_golden(add(BufferOwner(0xFF)), bytes(0xFF));
}

#[test]
fn a_seed_buffer_has_session_0() {
    assert_golden(
        Message::AddBuffer {
            owner: BufferOwner::MANAGEMENT,
            session: HmcSession::NONE,
            index: HmcIndex(0),
            buffer: BufferId(0),
            lioba: Lioba(0x1000),
        },
        [0x80, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0],
    );
}

#[test]
fn an_add_buffer_response_has_its_golden_bytes() {
    assert_golden(
        Message::AddBufferResponse {
            status: STATUS,
            session: SESSION,
            index: INDEX,
            buffer: BUFFER,
        },
        [0x80, 0x84, 0x55, 0, 0x11, 0x22, 0x33, 0x44, 0, 0, 0, 0, 0, 0, 0, 0],
    );
}

#[test]
fn a_remove_buffer_has_its_golden_bytes() {
    assert_golden(
        Message::RemoveBuffer { session: SESSION, index: INDEX },
        [0x80, 5, 0, 0, 0x11, 0x22, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    );
}

#[test]
fn a_remove_buffer_response_has_its_golden_bytes() {
    assert_golden(
        Message::RemoveBufferResponse {
            status: STATUS,
            session: SESSION,
            index: INDEX,
            buffer: BUFFER,
        },
        [0x80, 0x85, 0x55, 0, 0x11, 0x22, 0x33, 0x44, 0, 0, 0, 0, 0, 0, 0, 0],
    );
}

#[test]
fn a_signal_has_its_golden_bytes() {
    assert_golden(
        Message::Signal { session: SESSION, index: INDEX, buffer: BUFFER, len_bytes: 0xA1B2_C3D4 },
        [0x80, 6, 0, 0, 0x11, 0x22, 0x33, 0x44, 0, 0, 0, 0, 0xA1, 0xB2, 0xC3, 0xD4],
    );
}

/// The reserved bytes of each layout, as LoPAR's tables have them.
const RESERVED: [(MessageType, &[usize]); 11] = [
    (MessageType::Capabilities, &[2, 3, 4]),
    (MessageType::CapabilitiesResponse, &[3, 4]),
    (MessageType::InterfaceOpen, &[2, 3, 8, 9, 10, 11, 12, 13, 14, 15]),
    (MessageType::InterfaceOpenResponse, &[3, 8, 9, 10, 11, 12, 13, 14, 15]),
    (MessageType::InterfaceClose, &[2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
    (MessageType::InterfaceCloseResponse, &[3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
    (MessageType::AddBuffer, &[2, 8, 9, 10, 11]),
    (MessageType::AddBufferResponse, &[3, 8, 9, 10, 11, 12, 13, 14, 15]),
    (MessageType::RemoveBuffer, &[2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
    (MessageType::RemoveBufferResponse, &[3, 8, 9, 10, 11, 12, 13, 14, 15]),
    (MessageType::Signal, &[2, 3, 8, 9, 10, 11]),
];

/// An entry of this type with one more bit set in each byte of `offsets`.
fn entry_with(message_type: MessageType, offsets: impl IntoIterator<Item = usize>) -> CrqEntry {
    let mut bytes = [0; 16];
    (bytes[0], bytes[1]) = (0x80, message_type as u8);
    offsets.into_iter().for_each(|i| bytes[i] = 0x10);
    CrqEntry(bytes)
}

#[test]
fn reserved_bytes_that_are_set_are_reported_with_their_offsets() {
    assert!(RESERVED.iter().map(|(message_type, _)| message_type).eq(MessageType::ALL));
    for (message_type, reserved) in RESERVED {
        let reported = |offsets: &[usize]| {
            let entry = entry_with(message_type, offsets.iter().copied());
            Decoded::from_entry(entry).unwrap().reserved.offsets().collect::<Vec<_>>()
        };
        for offset in 2..16 {
            let expected = if reserved.contains(&offset) { &[offset][..] } else { &[] };
            assert_eq!(reported(&[offset]), expected, "{message_type:?} byte {offset}");
        }
        let all: Vec<usize> = (2..16).collect();
        assert_eq!(reported(&all), reserved, "{message_type:?}");
    }
}

#[test]
fn a_reserved_byte_does_not_change_the_message() {
    for (message_type, reserved) in RESERVED {
        let used = (2..16).filter(|i| !reserved.contains(i));
        let clean = Decoded::from_entry(entry_with(message_type, used)).unwrap();
        let soiled = Decoded::from_entry(entry_with(message_type, 2..16)).unwrap();
        assert!(clean.reserved.is_empty() && !soiled.reserved.is_empty());
        assert_eq!(clean.message, soiled.message);
    }
}

#[test]
fn reserved_bytes_show_their_offsets() {
    let decoded = Decoded::from_entry(entry_with(MessageType::Signal, [2, 11])).unwrap();
    assert_eq!(alloc::format!("{:?}", decoded.reserved), "bytes 2 11");
}

#[test]
fn a_type_without_a_message_is_refused_with_its_number() {
    for byte in 0..=u8::MAX {
        let mut entry = CrqEntry([0; 16]);
        (entry.0[0], entry.0[1]) = (0x80, byte);
        let known = RESERVED.iter().any(|&(message_type, _)| message_type as u8 == byte);
        match Decoded::from_entry(entry) {
            Ok(decoded) => assert!(known && decoded.message.message_type() as u8 == byte),
            Err(error) => assert!(!known && error == DecodeError::UnknownType(byte)),
        }
    }
    let error = DecodeError::UnknownType(0x07);
    assert_eq!(error.to_string(), "no VMC message has the type 0x07");
}

#[test]
fn an_entry_without_the_command_header_is_no_message() {
    for header in (0..=u8::MAX).filter(|&header| header != 0x80) {
        let mut entry = Message::RemoveBuffer { session: SESSION, index: INDEX }.encode();
        entry.0[0] = header;
        assert_eq!(Decoded::from_entry(entry), Err(DecodeError::Header(Header(header))));
    }
    assert_eq!(
        DecodeError::Header(Header::INIT).to_string(),
        "a VMC message has the header 0x80, this entry has initialization"
    );
}

#[test]
fn a_status_travels_as_its_number() {
    let message = Message::CapabilitiesResponse {
        status: CapabilitiesStatus::InvalidVersion.into(),
        limits: LIMITS,
    };
    assert_eq!(message.encode().0[2], 2);
}

fn any_message() -> impl Strategy<Value = Message> {
    let limits = any::<(u8, u16, u32, u16, u8, u8)>().prop_map(
        |(hmcs, pool_size, mtu, crq_size, major, minor)| {
            let version = Version { major, minor };
            Limits { hmcs, pool_size, mtu, crq_size, version }
        },
    );
    let fields = any::<(u8, u8, u8, u8, u16, u32)>();
    let message_type = proptest::sample::select(MessageType::ALL);
    (message_type, limits, fields).prop_map(
        |(message_type, limits, (status, owner, session, index, buffer, word))| {
            let (status, owner) = (Status(status), BufferOwner(owner));
            let (session, index) = (HmcSession(session), HmcIndex(index));
            let buffer = BufferId(buffer);
            match message_type {
                MessageType::Capabilities => Message::Capabilities { limits },
                MessageType::CapabilitiesResponse => {
                    Message::CapabilitiesResponse { status, limits }
                }
                MessageType::InterfaceOpen => Message::InterfaceOpen { session, index, buffer },
                MessageType::InterfaceOpenResponse => {
                    Message::InterfaceOpenResponse { status, session, index, buffer }
                }
                MessageType::InterfaceClose => Message::InterfaceClose { session, index },
                MessageType::InterfaceCloseResponse => {
                    Message::InterfaceCloseResponse { status, session, index }
                }
                MessageType::AddBuffer => {
                    Message::AddBuffer { owner, session, index, buffer, lioba: Lioba(word) }
                }
                MessageType::AddBufferResponse => {
                    Message::AddBufferResponse { status, session, index, buffer }
                }
                MessageType::RemoveBuffer => Message::RemoveBuffer { session, index },
                MessageType::RemoveBufferResponse => {
                    Message::RemoveBufferResponse { status, session, index, buffer }
                }
                MessageType::Signal => Message::Signal { session, index, buffer, len_bytes: word },
            }
        },
    )
}

proptest! {
    #[test]
    fn a_message_decodes_from_its_own_entry(message in any_message()) {
        let decoded = Decoded { message, reserved: ReservedBytes::default() };
        prop_assert_eq!(Decoded::from_entry(message.encode()), Ok(decoded));
    }

    /// What was not reported as reserved is in the message: with the reported bytes cleared, the entry
    /// comes back bit for bit.
    #[test]
    fn an_entry_is_its_message_and_its_reserved_bytes(
        message_type in proptest::sample::select(MessageType::ALL),
        mut bytes: [u8; 16],
    ) {
        (bytes[0], bytes[1]) = (0x80, message_type as u8);
        let decoded = Decoded::from_entry(CrqEntry(bytes)).unwrap();
        decoded.reserved.offsets().for_each(|i| bytes[i] = 0);
        prop_assert_eq!(decoded.message.encode(), CrqEntry(bytes));
    }
}

#[test]
fn the_fields_that_tools_show_are_those_that_the_codec_uses() {
    for &message_type in MessageType::ALL {
        let mask = |field: &crate::FieldLayout| ((1u16 << field.len_bytes) - 1) << field.offset;
        let fields = message_type.fields();
        let covered = fields.iter().map(mask).fold(0b11, |all, one| all | one);
        assert_eq!(covered, super::used_bytes(message_type), "{message_type:?}");
        assert!(fields.is_sorted_by_key(|field| field.offset), "{message_type:?}");
    }
}

/// LoPAR, A Protocol for VMC Communications: the types of responses have the high order bit on, and a status in byte 2.
#[test]
fn each_response_and_nothing_else_has_a_status() {
    for message_type in MessageType::ALL {
        let mut bytes = [0; 16];
        (bytes[0], bytes[1], bytes[2]) = (0x80, *message_type as u8, 0x55);
        let decoded = Decoded::from_entry(CrqEntry(bytes)).expect("a message");
        let is_response = *message_type as u8 > 0x80;
        let status = decoded.message.status();
        assert_eq!(status, is_response.then_some(STATUS), "{}", message_type.name());
    }
}

#[test]
fn reserved_bytes_are_named_by_their_offsets() {
    let bytes = ReservedBytes::at([0, 3, 15, 3, 16, 99]);
    assert!(bytes.offsets().eq([0, 3, 15]));
    assert_eq!(
        (bytes.is_empty(), alloc::format!("{bytes:?}")),
        (false, "bytes 0 3 15".to_string())
    );
    assert!(ReservedBytes::at([16]).is_empty() && ReservedBytes::at([]).is_empty());
}
