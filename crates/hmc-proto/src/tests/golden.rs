//! Golden bytes: the header field by field, and a message of each kind.

use crate::*;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

/// Header fields in hex that are easy to tell apart.
const HEADER: Header = Header {
    token: Token(0x1122_3344),
    target: Target(0x5566),
    flags: Flags::RESPONSE,
    opcode: Opcode(0x7788),
    return_code: ReturnCode(0x99AA),
};

#[test]
fn the_header_has_its_golden_bytes() {
    #[rustfmt::skip]
    let bytes = [
        0xDE, 0xCA, 0xFF, 32, 0, 0, 0, 35, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0, 0x40,
        0, 0, 0, 3, 0x77, 0x88, 0x99, 0xAA, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    assert_eq!(HEADER.encode(3), bytes);
    let message = [&bytes[..], &[1, 2, 3]].concat();
    let decoded = Message { header: HEADER, data: &[1, 2, 3] };
    assert_eq!(Message::decode(&message), Ok(decoded));
}

/// The public test program's first request: 6 bytes of data, the second of them 1.
#[test]
fn exchange_operations_has_its_golden_bytes() {
    let request =
        Request::ExchangeOperations(ExchangeOperations { reserved: 0, version: 1, resume: 0 });
    #[rustfmt::skip]
    let bytes = [
        0xDE, 0xCA, 0xFF, 32, 0, 0, 0, 38, 0, 0, 0, 0, 0x80, 0x00, 0, 0x80,
        0, 0, 0, 6, 0x00, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 1, 0, 0, 0, 0,
    ];
    assert_eq!(request.encode(Token(0)), bytes);
}

#[test]
fn echo_and_close_have_their_golden_bytes() {
    let echo = Request::Echo(Echo { data: Rest(vec![7, 8]) }).encode(Token(0xA0B0_C0D0));
    assert_eq!(echo[4..12], [0, 0, 0, 34, 0xA0, 0xB0, 0xC0, 0xD0]);
    assert_eq!(echo[20..22], [0x01, 0x03]);
    assert_eq!(echo[32..], [7, 8]);
    let close = Request::Close(Nothing {}).encode(Token(1));
    assert_eq!(close.len(), HEADER_BYTES);
    assert_eq!(close[16..22], [0, 0, 0, 0, 0, 2]);
}

#[test]
fn a_change_with_optional_fields_has_its_golden_bytes() {
    let request = Request::RenamePartition(RenamePartition {
        id: 0x0102,
        version: Some(0x1122),
        name: "web".into(),
    });
    let data = [1, 2, 1, 0, 0, 0, 0, 0, 0, 0x11, 0x22, 0, 3, b'w', b'e', b'b'];
    assert_eq!(request.encode_data(), data);
    let request = Request::PowerOn(PowerOn {
        id: 3,
        version: None,
        profile: None,
        boot_mode: Some(BootMode::OpenFirmware),
    });
    assert_eq!(request.encode_data(), [0, 3, 0, 0, 1, 4]);
}

#[test]
fn a_refusal_has_its_golden_bytes() {
    let refusal = Refusal { code: "H1".into(), text: "web1".into() };
    let request = Request::SystemOn(SystemOn { standby: false }).encode(Token(5));
    let header = Message::decode(&request).unwrap().header;
    let answer = Answer::Refused(refusal).encode(header);
    assert_eq!(answer[15], 0x40);
    assert_eq!(answer[20..24], [0x00, 0x08, 0x80, 0x06]);
    assert_eq!(answer[32..], [0, 2, b'H', b'1', 0, 4, b'w', b'e', b'b', b'1']);
}

/// An event expects no response: all flags are clear.
#[test]
fn an_event_expects_no_response() {
    let event = Event {
        number: 3,
        at_ns: 2_000_000_000,
        kind: EventKind::Changed,
        lost: 0,
        object: ObjectKind::Partition,
        partition: 2,
        id: 0,
        name: "".into(),
        properties: vec![Property::State],
        state: Some(StateChange { from: "starting".into(), to: "running".into() }),
    };
    let request = Request::Event(event);
    let bytes = request.encode(Token(3));
    assert_eq!((bytes[15], &bytes[12..14], &bytes[20..22]), (0, &[0x80, 3][..], &[0, 0x21][..]));
    assert_eq!(Request::decode(&Message::decode(&bytes).unwrap()), Ok(request.clone()));
    assert_eq!(request.to_string(), "EVENT 3, partition changed, partition 2, starting to running");
}

/// Every return code of the reference, and no other one has a name.
#[test]
fn return_codes_are_those_of_the_reference() {
    let named: Vec<u16> = ReturnCode::NAMED.iter().map(|code| code.0).collect();
    let expected: Vec<u16> = [0, 0x8001, 0x8002, 0x8003, 0x8004, 0x8006, 0x8007]
        .into_iter()
        .chain(0x8020..=0x802E)
        .collect();
    assert_eq!(named, expected);
    assert_eq!(ReturnCode(0x8028).to_string(), "invalid state of the session");
    assert_eq!(ReturnCode(0x1234).to_string(), "0x1234");
}

#[test]
fn every_wrong_header_field_is_told_by_the_first_one() {
    let good = HEADER.encode(0);
    let with = |at: usize, byte: u8| {
        let mut bytes = good;
        bytes[at] = byte;
        Message::decode(&bytes).map(|_| ()).unwrap_err()
    };
    for at in 0..3 {
        assert!(matches!(with(at, 0), HeaderError::Descriptor(_)));
    }
    assert_eq!(with(3, 31), HeaderError::HeaderLength(31));
    assert_eq!(with(7, 33), HeaderError::MessageLength { expected: 32, got: 33 });
    assert_eq!(with(4, 1), HeaderError::MessageLength { expected: 32, got: 0x0100_0020 });
    assert_eq!(with(19, 1), HeaderError::DataLength { expected: 0, got: 1 });
    for at in core::iter::once(14).chain(24..32) {
        assert_eq!(with(at, 1), HeaderError::Reserved(at));
    }
    for flags in (0..=u8::MAX).filter(|flags| ![0, 0x40, 0x80].contains(flags)) {
        assert_eq!(with(15, flags), HeaderError::Flags(flags));
    }
    for flags in [0, 0x80] {
        assert_eq!(with(15, flags), HeaderError::ReturnCode(ReturnCode(0x99AA)));
    }
    for len in 0..32 {
        assert_eq!(Message::decode(&good[..len]), Err(HeaderError::Size(len)));
        assert_eq!(Header::peek(&good[..len]), None);
    }
    assert_eq!(Message::decode(&[0; 4097]), Err(HeaderError::Size(4097)));
    let longest = [&HEADER.encode(MAX_DATA_BYTES)[..], &[0; MAX_DATA_BYTES]].concat();
    assert_eq!(Message::decode(&longest).unwrap().data.len(), 4064);
    assert_eq!(with(15, 1).return_code(), ReturnCode::INVALID_DATA);
    assert_eq!(with(19, 1).return_code(), ReturnCode::SIZE);
}

#[test]
fn what_there_is_not_has_its_return_code() {
    let find =
        |target, opcode| Operation::find(Target(target), Opcode(opcode)).map(Operation::name);
    assert_eq!(find(0x8000, 0x0103), Ok("ECHO"));
    assert_eq!(find(0x8003, 0x0103), Err(ReturnCode::INVALID_OPCODE));
    for known in 0x8004..=0x8007 {
        assert_eq!(find(known, 1), Err(ReturnCode::INVALID_CATEGORY));
    }
    for unknown in [0, 0x7FFF, 0x8008, 0xFFFF] {
        assert_eq!(find(unknown, 1), Err(ReturnCode::INVALID_TARGET));
    }
}

/// What is longer or shorter than an operation wants is invalid data, and so is a response where a request should be.
#[test]
fn data_must_fit_to_the_byte() {
    let request = Request::ShowPartition(PartitionId { id: 4 });
    let decode = |data: &[u8], flags| {
        let operation = request.operation();
        let header = Header::request(Token(1), operation.target(), operation.opcode());
        Request::decode(&Message { header: Header { flags, ..header }, data })
    };
    assert_eq!(decode(&[0, 4], Flags::RESPONSE_EXPECTED), Ok(request.clone()));
    for data in [&[][..], &[0], &[0, 4, 0]] {
        assert_eq!(decode(data, Flags::RESPONSE_EXPECTED), Err(ReturnCode::INVALID_DATA));
    }
    assert_eq!(decode(&[0, 4], Flags::RESPONSE), Err(ReturnCode::INVALID_RESPONSE));
    let error = PartitionId::decode(&[0, 4, 0]).unwrap_err();
    assert_eq!(error.to_string(), "offset 2: expected the end, got 1 bytes more");
    let error = PowerOff::decode(&[0, 4, 0, 9]).unwrap_err();
    let expected = "offset 3: expected one of `osshutdown` `osshutdown immediate` `shutdown` `shutdown immediate` `dumprestart`, got 9";
    assert_eq!(error.to_string(), expected);
}
