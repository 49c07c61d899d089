//! Every decoder of bytes: hypervisor calls, CRQ entries, VMC messages, device trees, HMC commands. What is decoded is
//! encoded to the same bytes, or to bytes that mean the same.
#![no_main]

use hmc_proto::{Answer, Request, Token};
use papr::device_tree::Dump;
use papr::device_tree::Node;
use papr::{CrqEntry, Hcall, Registers};
use vmc_proto::Decoded;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 5 {
        0 => hcall(bytes),
        1 => entry(bytes),
        2 => device_tree(bytes),
        3 => command(bytes),
        _ => text(bytes),
    }
});

fn hcall(bytes: &[u8]) {
    let mut words =
        bytes.chunks_exact(8).map(|word| u64::from_be_bytes(word.try_into().expect("8 bytes")));
    let mut next = || words.next().unwrap_or_default();
    let registers = Registers { opcode: next(), args: std::array::from_fn(|_| next()) };
    if let Ok(call) = Hcall::from_registers(&registers) {
        let again = Hcall::from_registers(&call.to_registers()).expect("an hcall");
        assert_eq!(again, call);
    }
}

fn entry(bytes: &[u8]) {
    for bytes in bytes.as_chunks::<16>().0 {
        let entry = CrqEntry(*bytes);
        let _ = (entry.header(), entry.to_string());
        if let Ok(decoded) = Decoded::from_entry(entry) {
            let again = decoded.message.encode();
            if decoded.reserved.is_empty() {
                assert_eq!(again, entry);
            }
            assert_eq!(Decoded::from_entry(again).expect("a message").message, decoded.message);
        }
    }
}

fn device_tree(bytes: &[u8]) {
    if let Ok(node) = Node::from_flat(bytes) {
        assert_eq!(Node::from_flat(&node.to_flat()).as_ref(), Ok(&node));
    }
    if let Ok(dump) = Dump::from_flat(bytes) {
        let again = dump.to_flat().expect("a dump that was read can be written");
        assert_eq!(Dump::from_flat(&again), Ok(dump));
    }
}

fn command(bytes: &[u8]) {
    let Ok(message) = hmc_proto::Message::decode(bytes) else { return };
    if let Ok(request) = Request::decode(&message) {
        let again = request.encode(message.header.token);
        let message = hmc_proto::Message::decode(&again).expect("a message");
        assert_eq!(Request::decode(&message), Ok(request));
    }
    if let Ok(answer) = Answer::decode(&message) {
        let _: Token = message.header.token;
        assert_eq!(answer.return_code(), message.header.return_code);
    }
}

fn text(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some(octets) = hmc_proto::parse_hex(text)
    {
        assert!(octets.len() <= text.len() / 2);
    }
}
