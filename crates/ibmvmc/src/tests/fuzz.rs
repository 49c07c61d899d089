//! What a fuzzer's bytes mean: the actions of [`properties`](super::properties), so that a search guided by coverage
//! has the same oracle. Without more bytes every choice is the first one.

use super::flows::*;
use super::peer::To;
use super::properties::{Action, Call, survives, survives_with_quirks};
use crate::{Profile, Quirk};
use alloc::vec::Vec;
use arbitrary::{Result, Unstructured};
use papr::hcall::opcode;
use papr::{CrqEntry, ReturnCode, TransportEvent};
use vmc_proto::{BufferId, BufferOwner as Owner, HmcIndex, HmcSession, Limits, Message, Status};

/// Most actions of a run: one more says nothing that a shorter run does not.
const ACTIONS: usize = 400;

/// The driver under the actions that `bytes` stand for.
///
/// # Panics
///
/// When a check does not hold.
pub(crate) fn driver(bytes: &[u8]) {
    let mut from = Unstructured::new(bytes);
    // Bytes that end early are a shorter run, not a wrong one.
    let _ = run(&mut from);
}

fn run(from: &mut Unstructured<'_>) -> Result<()> {
    let kind: u8 = from.arbitrary()?;
    let profile = if kind & 1 == 0 { Profile::Document } else { Profile::Linux };
    let quirks = match kind & 0b110 {
        0b110 => {
            (0..kind >> 6).map(|_| Ok(*from.choose(&Quirk::ALL)?)).collect::<Result<Vec<_>>>()?
        }
        _ => Vec::new(),
    };
    let mut actions = Vec::new();
    while !from.is_empty() && actions.len() < ACTIONS {
        let Ok(next) = action(from) else { break };
        actions.push(next);
    }
    match quirks.is_empty() {
        true => survives(profile, kind & 0b110 != 0, &actions),
        false => survives_with_quirks(profile, quirks.into_iter().collect(), &actions),
    }
    Ok(())
}

fn action(from: &mut Unstructured<'_>) -> Result<Action> {
    let number = |from: &mut Unstructured<'_>| from.arbitrary::<u8>().map(usize::from);
    Ok(match from.int_in_range(0..=15)? {
        0..=3 => Action::Step(number(from)?),
        4..=6 => Action::Start(call(from)?),
        7..=10 => Action::Deliver(entry(from)?),
        11 => Action::Settle,
        12 => Action::Interrupt(number(from)?),
        13 => Action::Fail { map: from.arbitrary()? },
        14 => Action::Late(number(from)?),
        _ => {
            let codes = [
                opcode::SEND_CRQ,
                opcode::COPY_RDMA,
                opcode::VIO_SIGNAL,
                opcode::FREE_CRQ,
                opcode::REG_CRQ,
                opcode::ENABLE_CRQ,
            ];
            Action::Answer(To::Opcode(*from.choose(&codes)?), *from.choose(ReturnCode::NAMED)?)
        }
    })
}

fn call(from: &mut Unstructured<'_>) -> Result<Call> {
    let kind = from.int_in_range(0..=10)?;
    let file = from.int_in_range(0..=3)?;
    let len = |from: &mut Unstructured<'_>| match from.arbitrary::<u8>()? {
        255 => from.arbitrary(),
        len => Ok(u64::from(len)),
    };
    Ok(match kind {
        0 => Call::Open { nonblock: from.arbitrary()? },
        1 => Call::SetHmcId(file),
        2 => Call::Write(file, len(from)?),
        3 => Call::Read(file, len(from)?),
        4 => Call::Poll(file, from.arbitrary()?),
        5 => Call::Close(file),
        6 => Call::Interrupt,
        7 => Call::BottomHalf,
        8 => Call::Reset,
        9 => Call::Remove,
        _ => Call::Probe,
    })
}

/// An entry of the peer, which is not a free one.
fn entry(from: &mut Unstructured<'_>) -> Result<CrqEntry> {
    let kind = from.int_in_range(0..=12)?;
    if kind == 0 {
        let mut bytes: [u8; 16] = from.arbitrary()?;
        bytes[0] |= 0x80;
        return Ok(CrqEntry(bytes));
    }
    if kind == 1 {
        return Ok(CrqEntry::transport_event(TransportEvent(from.arbitrary()?)));
    }
    let (index, session) = (HmcIndex(from.arbitrary()?), HmcSession(from.arbitrary()?));
    let (buffer, status) = (BufferId(from.arbitrary::<u8>()?.into()), Status(from.arbitrary()?));
    let message = match kind {
        2 => return Ok(INIT),
        3 => return Ok(INIT_COMPLETE),
        4 => Message::InterfaceOpenResponse { status, session, index, buffer },
        5 => Message::InterfaceCloseResponse { status, session, index },
        6 => Message::RemoveBuffer { session, index },
        7 | 8 => {
            let len_bytes = from.int_in_range(0..=5000)?;
            Message::Signal { session, index, buffer, len_bytes }
        }
        9 => capabilities_response(status.0, Limits { crq_size: 2, ..PEER_LIMITS }),
        10 => Message::InterfaceOpen { session, index, buffer },
        _ => add_buffer(Owner(from.arbitrary()?), index.0, session.0, buffer.0),
    };
    Ok(message.encode())
}

/// What a fuzzer has found worth keeping holds.
#[cfg(test)]
#[test]
fn the_corpus_holds() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/driver");
    let files =
        std::fs::read_dir(corpus).expect("a corpus").map(|file| file.expect("a file").path());
    let ran = files.map(|file| driver(&std::fs::read(file).expect("bytes"))).count();
    assert!(ran > 0, "{corpus} is empty");
}
