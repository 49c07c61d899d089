//! What a fuzzer's bytes mean to the service: entries, answers and orders as in [`hostile`](super::hostile), so that a
//! search guided by coverage has the same oracle.

use super::hostile::{Input, keeps_sound};
use super::peer::LIMITS;
use crate::vmc::*;
use arbitrary::{Result, Unstructured};
use papr::{CrqEntry, ReturnCode};
use vmc_proto::{BufferId, HmcIndex, HmcSession, Limits, Message, MessageType, Status};

/// Most inputs of a run: one more says nothing that a shorter run does not.
const INPUTS: usize = 600;

/// The service under the inputs that `bytes` stand for.
///
/// # Panics
///
/// When what the service keeps is not sound any more.
pub(crate) fn service(bytes: &[u8]) {
    let mut from = Unstructured::new(bytes);
    let Ok(behaviour) = behaviour(&mut from) else { return };
    let mut inputs = Vec::new();
    while !from.is_empty() && inputs.len() < INPUTS {
        // Bytes that end early are a shorter run, not a wrong one.
        let Ok(next) = input(&mut from) else { break };
        inputs.push(next);
    }
    if let Err(problem) = keeps_sound(behaviour, &inputs) {
        panic!("{problem}");
    }
}

fn behaviour(from: &mut Unstructured<'_>) -> Result<Named> {
    Ok(match from.int_in_range(0..=2)? {
        0 => Named::Echo,
        1 => Named::Sink,
        _ => Named::Source(Source::new(from.int_in_range(0..=4)?, from.int_in_range(0..=9)?)),
    })
}

fn input(from: &mut Unstructured<'_>) -> Result<Input> {
    let index = |from: &mut Unstructured<'_>| from.int_in_range(0..=2u8);
    Ok(match from.int_in_range(0..=15)? {
        0..=3 => Input::Success,
        4..=7 => Input::Entry(entry(from)?),
        8 => Input::NoEntry,
        9 => Input::Done,
        10 => match from.int_in_range(0..=3)? {
            0 => Input::Code(ReturnCode(from.arbitrary()?)),
            _ => Input::Code(*from.choose(ReturnCode::NAMED)?),
        },
        11 => Input::Bytes(from.arbitrary()?),
        12 => from.choose(&[Input::Woken, Input::Elapsed, Input::Start, Input::Stop])?.clone(),
        13 => Input::TakeBuffer(index(from)?),
        14 => Input::ReturnBuffer(index(from)?),
        _ => Input::Refuse(*from.choose(MessageType::ALL)?, index(from)?),
    })
}

fn entry(from: &mut Unstructured<'_>) -> Result<CrqEntry> {
    let kind = from.int_in_range(0..=8)?;
    if kind == 0 {
        return from.arbitrary().map(CrqEntry);
    }
    if kind == 1 {
        let mut bytes: [u8; 16] = from.arbitrary()?;
        bytes[0] = *from.choose(&[0xC0, 0xFF, 0x80])?;
        bytes[1] %= 12;
        return Ok(CrqEntry(bytes));
    }
    let (index, session) =
        (HmcIndex(from.int_in_range(0..=2)?), HmcSession(from.int_in_range(0..=2)?));
    let (buffer, status) = (BufferId(from.int_in_range(0..=4)?), Status(from.int_in_range(0..=1)?));
    let message = match kind {
        2 => Message::Capabilities { limits: Limits { hmcs: from.int_in_range(1..=2)?, ..LIMITS } },
        3 => Message::InterfaceOpen { session, index, buffer: BufferId(0) },
        4 => Message::InterfaceClose { session, index },
        5 => Message::AddBufferResponse { status, session, index, buffer },
        6 => Message::RemoveBufferResponse { status, session, index, buffer },
        _ => Message::Signal { session, index, buffer, len_bytes: from.int_in_range(0..=40)? },
    };
    Ok(message.encode())
}

/// What a fuzzer has found worth keeping holds.
#[cfg(test)]
#[test]
fn the_corpus_holds() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/service");
    let files =
        std::fs::read_dir(corpus).expect("a corpus").map(|file| file.expect("a file").path());
    let ran = files.map(|file| service(&std::fs::read(file).expect("bytes"))).count();
    assert!(ran > 0, "{corpus} is empty");
}
