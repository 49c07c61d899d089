//! The hot paths, each an operation that leaves everything as it found it.

use crate::machine::{Consumer, Machine, PAGE};
use std::hint::black_box;
use vmc_sim::embed;

/// A hot path.
pub struct HotPath {
    /// Its name, unique.
    pub name: &'static str,
    /// Makes what it runs on, and hands out the operation.
    pub prepare: fn() -> Box<dyn FnMut()>,
}

/// Bytes of the longest copy.
const LONGEST: usize = 128 * 1024;

/// Bytes of a message.
const MESSAGE_BYTES: usize = 32;

/// All of them.
pub fn hot_paths() -> [HotPath; 9] {
    [
        HotPath { name: "copy 32 B", prepare: || copies(0, 32) },
        HotPath { name: "copy 32 B across pages", prepare: || copies(PAGE - 16, 32) },
        HotPath { name: "copy 128 KiB", prepare: || copies(0, LONGEST) },
        HotPath { name: "copy 32 B in two halves", prepare: copies_in_halves },
        HotPath { name: "send", prepare: || sends(0) },
        HotPath { name: "send back", prepare: || sends(1) },
        HotPath { name: "send with interrupt", prepare: sends_with_interrupt },
        HotPath { name: "a message there and back", prepare: || messages(1) },
        HotPath { name: "16 messages there and back", prepare: || messages(16) },
    ]
}

fn copies(at: usize, len: usize) -> Box<dyn FnMut()> {
    let machine = Machine::new((at + len).div_ceil(PAGE));
    Box::new(move || machine.copy(black_box(at), black_box(len)))
}

fn copies_in_halves() -> Box<dyn FnMut()> {
    let machine = Machine::new(1);
    Box::new(move || machine.copy_in_halves(black_box(0), black_box(32)))
}

/// A message from a side, and the other one's dequeue.
fn sends(side: usize) -> Box<dyn FnMut()> {
    let machine = Machine::new(1);
    let mut consumer = Consumer::new(1 - side);
    Box::new(move || {
        machine.send(side, black_box(7));
        assert_eq!(consumer.take(&machine), 7);
    })
}

/// A message with `H_XIRR`, the dequeue and `H_EOI` at the other side.
fn sends_with_interrupt() -> Box<dyn FnMut()> {
    let machine = Machine::new(1);
    let mut consumer = Consumer::new(1);
    machine.enable_interrupts(1);
    Box::new(move || {
        machine.send(0, black_box(7));
        let interrupt = machine.accept_interrupt(1);
        assert_eq!(consumer.take(&machine), 7);
        machine.end_interrupt(1, interrupt);
    })
}

/// Messages of an application that is simulated on one thread, and their echoes: they are written, so many of them,
/// and then read.
fn messages(under_way: usize) -> Box<dyn FnMut()> {
    let mut app = embed::Machine::default().deterministic().expect("a possible machine");
    let file = app.open_session("HMC-A").expect("a session");
    let (message, mut answer) = ([7; MESSAGE_BYTES], [0; MESSAGE_BYTES]);
    Box::new(move || {
        for _ in 0..under_way {
            assert_eq!(app.write(file, black_box(&message)), Ok(MESSAGE_BYTES));
        }
        for _ in 0..under_way {
            assert_eq!(app.read(file, &mut answer), Ok(MESSAGE_BYTES));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_can_be_repeated() {
        for path in hot_paths() {
            let mut operation = (path.prepare)();
            (0..1000).for_each(|_| operation());
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names = hot_paths().map(|path| path.name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
