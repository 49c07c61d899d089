//! The hot paths, each an operation that leaves everything as it found it.

use crate::machine::{Consumer, Machine, PAGE};
use crate::manager::{Manager, change, look};
use hmc_proto::{Request, Token};
use hmc_router::small_system;
use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use vmc_machine::embed;

/// A hot path.
pub struct HotPath {
    /// Its name, unique.
    pub name: &'static str,
    /// How often one operation allocates.
    pub allocations: u64,
    /// Makes what it runs on, and lends the operation out.
    pub run: fn(Borrower<'_>),
}

/// The borrower of the operation.
pub type Borrower<'a> = &'a mut dyn FnMut(&mut dyn FnMut());

/// Bytes of the longest copy.
const LONGEST: usize = 128 * 1024;

/// Bytes of a message.
const MESSAGE_BYTES: usize = 32;

/// All of them.
pub fn hot_paths() -> [HotPath; 12] {
    let path = |name, run| HotPath { name, allocations: 0, run };
    let command = |name, allocations, run| HotPath { name, allocations, run };
    [
        path("copy 32 B", |borrower| copies(0, 32, borrower)),
        path("copy 32 B across pages", |borrower| copies(PAGE - 16, 32, borrower)),
        path("copy 128 KiB", |borrower| copies(0, LONGEST, borrower)),
        path("copy 32 B in two halves", copies_in_halves),
        path("send", |borrower| sends(0, borrower)),
        path("send back", |borrower| sends(1, borrower)),
        path("send with interrupt", sends_with_interrupt),
        path("a message there and back", |borrower| messages(1, borrower)),
        path("16 messages there and back", |borrower| messages(16, borrower)),
        command("an HMC command that looks", 2, |borrower| commands(&look(), borrower)),
        command("an HMC command that changes", 3, |borrower| commands(&change(), borrower)),
        path("a polled message there and back", polled_messages),
    ]
}

fn copies(at: usize, len: usize, borrower: Borrower<'_>) {
    let machine = Machine::new((at + len).div_ceil(PAGE));
    borrower(&mut || machine.copy(black_box(at), black_box(len)));
}

fn copies_in_halves(borrower: Borrower<'_>) {
    let machine = Machine::new(1);
    borrower(&mut || machine.copy_in_halves(black_box(0), black_box(32)));
}

/// A message from a side, and the other one's dequeue.
fn sends(side: usize, borrower: Borrower<'_>) {
    let machine = Machine::new(1);
    let mut consumer = Consumer::new(1 - side);
    borrower(&mut || {
        machine.send(side, black_box(7));
        assert_eq!(consumer.take(&machine), 7);
    });
}

/// A message with `H_XIRR`, the dequeue and `H_EOI` at the other side.
fn sends_with_interrupt(borrower: Borrower<'_>) {
    let machine = Machine::new(1);
    let mut consumer = Consumer::new(1);
    machine.enable_interrupts(1);
    borrower(&mut || {
        machine.send(0, black_box(7));
        let interrupt = machine.accept_interrupt(1);
        assert_eq!(consumer.take(&machine), 7);
        machine.end_interrupt(1, interrupt);
    });
}

/// Messages of an application that is simulated on one thread, and their echoes: they are written, so many of them,
/// and then read.
fn messages(under_way: usize, borrower: Borrower<'_>) {
    let mut app = embed::Machine::default().deterministic().expect("a possible machine");
    let file = app.open_session("HMC-A").expect("a session");
    let (message, mut answer) = ([7; MESSAGE_BYTES], [0; MESSAGE_BYTES]);
    borrower(&mut || {
        for _ in 0..under_way {
            assert_eq!(app.write(file, black_box(&message)), Ok(MESSAGE_BYTES));
        }
        for _ in 0..under_way {
            assert_eq!(app.read(file, &mut answer), Ok(MESSAGE_BYTES));
        }
    });
}

/// An HMC command of an application that is simulated on one thread, and its response.
fn commands(request: &Request, borrower: Borrower<'_>) {
    let mut manager = Manager::new(small_system());
    let command = request.encode(Token(0));
    borrower(&mut || {
        manager.exchange(black_box(&command));
    });
}

/// A message on threads that poll, and its echo. Application and service take turns on one thread, so that neither
/// looks in vain.
fn polled_messages(borrower: Borrower<'_>) {
    let booted = embed::Machine::default().on_two_threads(|mut app, mut service| {
        let is_open = AtomicBool::new(false);
        let file = std::thread::scope(|scope| {
            scope.spawn(|| service.serve(|| is_open.load(Ordering::Relaxed)));
            let file = app.open_session("HMC-A").expect("a session");
            is_open.store(true, Ordering::Relaxed);
            file
        });
        let (message, mut answer) = ([7; MESSAGE_BYTES], [0; MESSAGE_BYTES]);
        borrower(&mut || {
            assert_eq!(app.write(file, black_box(&message)), Ok(MESSAGE_BYTES));
            let has_served = Cell::new(false);
            service.serve(|| has_served.replace(true));
            assert_eq!(app.read(file, &mut answer), Ok(MESSAGE_BYTES));
        });
    });
    booted.expect("a possible machine");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_can_be_repeated() {
        for path in hot_paths() {
            (path.run)(&mut |operation| (0..1000).for_each(|_| operation()));
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names = hot_paths().map(|path| path.name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
