//! Round trips of everything, and hostile bytes.

use crate::*;
use alloc::string::ToString;
use alloc::vec::Vec;
use proptest::prelude::*;

fn operation() -> impl Strategy<Value = Operation> {
    prop::sample::select(Operation::ALL)
}

fn numbers() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(any::<u64>(), 0..80)
}

/// A request that expects a response, or an event.
fn request_header(operation: Operation) -> Header {
    Header::request(Token(1), operation.target(), operation.opcode())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn requests_survive_the_wire_and_their_fields(operation in operation(), numbers in numbers(), token: u32) {
        let request = Request::draw(operation, &mut numbers.into_iter());
        let bytes = request.encode(Token(token));
        let message = Message::decode(&bytes).unwrap();
        prop_assert_eq!(message.header.token, Token(token));
        prop_assert_eq!(Request::decode(&message), Ok(request.clone()));
        prop_assert_eq!(Request::from_value(operation, &request.to_value()), Ok(request.clone()));
        prop_assert!(request.to_string().starts_with(operation.name()));
    }

    #[test]
    fn responses_survive_the_wire_and_their_fields(operation in operation(), numbers in numbers()) {
        let response = Response::draw(operation, &mut numbers.into_iter());
        prop_assert_eq!(Response::from_value(operation, &response.to_value()), Ok(response.clone()));
        prop_assert_eq!(response.to_value().difference(&response.to_value()), None);
        let answer = Answer::Good(response);
        let bytes = answer.encode(request_header(operation));
        let message = Message::decode(&bytes).unwrap();
        prop_assert_eq!(message.header.flags, Flags::RESPONSE);
        prop_assert_eq!(Answer::decode(&message), Ok(answer));
    }

    /// Any bytes get a return code; those that are understood are encoded again as they were.
    #[test]
    fn hostile_data_never_panic(operation in operation(), data in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(request) = Request::decode_data(operation, &data) {
            prop_assert_eq!(request.encode_data(), &data[..]);
        }
        if let Ok(response) = Response::decode_data(operation, &data) {
            prop_assert_eq!(response.encode_data(), &data[..]);
        }
    }

    /// The same a byte away from something good: cut off, longer, changed.
    #[test]
    fn spoilt_data_never_panic(
        operation in operation(),
        numbers in numbers(),
        at: prop::sample::Index,
        byte: u8,
        cut: prop::sample::Index,
    ) {
        let data = Request::draw(operation, &mut numbers.into_iter()).encode_data();
        let is_rest = operation == Operation::Echo;
        let longer = [&data[..], &[byte]].concat();
        prop_assert_eq!(Request::decode_data(operation, &longer).is_ok(), is_rest);
        if !data.is_empty() {
            let shorter = &data[..cut.index(data.len())];
            prop_assert_eq!(Request::decode_data(operation, shorter).is_ok(), is_rest);
            let mut other = data.clone();
            other[at.index(data.len())] = byte;
            if let Ok(request) = Request::decode_data(operation, &other) {
                prop_assert_eq!(request.encode_data(), other);
            }
        }
    }

    #[test]
    fn hostile_messages_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), good_start: bool) {
        let mut bytes = bytes;
        if good_start && bytes.len() >= 8 {
            let len = bytes.len() as u32;
            bytes[..3].copy_from_slice(&DESCRIPTOR);
            bytes[3] = 32;
            bytes[4..8].copy_from_slice(&len.to_be_bytes());
        }
        match Message::decode(&bytes) {
            Ok(message) => {
                let again = [&message.header.encode(message.data.len())[..], message.data].concat();
                prop_assert_eq!(&again, &bytes);
                let _ = (Request::decode(&message), Answer::decode(&message));
            }
            Err(e) => prop_assert!(e.return_code() != ReturnCode::GOOD),
        }
    }
}
