//! What a fuzzer's bytes mean: hypervisor calls of both partitions, and their crashes, as in
//! [`properties`](super::properties), so that a search guided by coverage has the same oracle.

use super::properties::{MEMORY_PAGES, OPCODES, Step, WINDOW_PAGES, handles, holds, likely};
use super::{HYP, MGMT, ORDINARY};
use crate::Config;
use arbitrary::{Result, Unstructured};
use papr::{PAGE_SIZE, PartitionId, Registers};

/// Most steps of a run: one more says nothing that a shorter run does not.
const STEPS: usize = 200;

/// The machine under the calls and faults that `bytes` stand for.
///
/// # Panics
///
/// When an answer has no name, a page that was never mapped has changed, or the backends disagree.
pub(crate) fn hypervisor(bytes: &[u8]) {
    let mut from = Unstructured::new(bytes);
    let handles = handles();
    let mut steps = Vec::new();
    while !from.is_empty() && steps.len() < STEPS {
        // Bytes that end early are a shorter run, not a wrong one.
        let Ok(next) = step(&mut from, &handles) else { break };
        steps.push(next);
    }
    holds(&steps);
}

fn step(from: &mut Unstructured<'_>, handles: &[u64]) -> Result<Step> {
    Ok(match from.int_in_range(0..=15)? {
        0..=7 => {
            let side = *from.choose(&[MGMT, HYP])?;
            let kind = from.int_in_range(0..=5)?;
            let page = from.int_in_range(0..=WINDOW_PAGES - 1)?;
            let frame = from.int_in_range(0..=MEMORY_PAGES - 1)?;
            let other = from.int_in_range(0..=WINDOW_PAGES - 1)?;
            let offset = from.int_in_range(0..=PAGE_SIZE - 1)?;
            likely(side, kind, [page, frame, other, offset])
        }
        8..=12 => {
            let caller = partition(from)?;
            let opcode = match from.int_in_range(0..=OPCODES.len())? {
                known if known < OPCODES.len() => OPCODES[known],
                _ => from.arbitrary()?,
            };
            let mut args = [0; 9];
            for argument in &mut args {
                *argument = register(from, handles)?;
            }
            Step::Call(caller, Registers { opcode, args })
        }
        13 => Step::Crash(partition(from)?),
        14 => Step::Boot(partition(from)?),
        _ => Step::Suspend(partition(from)?),
    })
}

fn partition(from: &mut Unstructured<'_>) -> Result<PartitionId> {
    let config = Config::small();
    match from.int_in_range(0..=7)? {
        0..=2 => Ok(config.management),
        3..=5 => Ok(config.platform),
        6 => Ok(ORDINARY),
        _ => from.arbitrary().map(PartitionId),
    }
}

/// What some argument may be, a number like it, or any.
fn register(from: &mut Unstructured<'_>, handles: &[u64]) -> Result<u64> {
    match from.int_in_range(0..=7)? {
        0 => Ok(0),
        1 | 2 => from.choose(handles).copied(),
        3 => Ok(from.int_in_range(0..=WINDOW_PAGES)? * PAGE_SIZE),
        4 => {
            let (frame, access) =
                (from.int_in_range(0..=MEMORY_PAGES)?, from.int_in_range(0..=3u64)?);
            Ok((frame * PAGE_SIZE) | access)
        }
        5 => from.int_in_range(0..=3 * PAGE_SIZE),
        6 => Ok(from.int_in_range(0x80u64..=0xFF)? << 56),
        _ => from.arbitrary(),
    }
}

/// What a fuzzer has found worth keeping holds.
#[cfg(test)]
#[test]
fn the_corpus_holds() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/hypervisor");
    let files =
        std::fs::read_dir(corpus).expect("a corpus").map(|file| file.expect("a file").path());
    let ran = files.map(|file| hypervisor(&std::fs::read(file).expect("bytes"))).count();
    assert!(ran > 0, "{corpus} is empty");
}
