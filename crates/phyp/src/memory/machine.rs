//! What the language has no words for, by machine code: bytes that move fast while other threads may write to them,
//! and cache lines that are fetched in advance.
#![allow(unsafe_code, reason = "relaxed accesses word by word reach half of memmove's speed")]

use std::ffi::c_void;
use std::sync::atomic::AtomicU64;

unsafe extern "C" {
    fn memmove(to: *mut c_void, from: *const c_void, len_bytes: usize) -> *mut c_void;
}

/// What [`portable::read`](super::portable::read) does.
#[inline]
pub(super) fn read(words: &[AtomicU64], start: usize, out: &mut [u8]) {
    let from = bytes_of(words, start, out.len());
    // SAFETY: As many bytes of living words as `out` has, which is borrowed exclusively.
    unsafe { move_bytes(from, out.as_mut_ptr(), out.len()) }
}

/// What [`portable::write`](super::portable::write) does.
#[inline]
pub(super) fn write(words: &[AtomicU64], start: usize, bytes: &[u8]) {
    let to = bytes_of(words, start, bytes.len());
    // SAFETY: As many bytes of living words as `bytes` has, in atomics, which may be written when shared.
    unsafe { move_bytes(bytes.as_ptr(), to, bytes.len()) }
}

/// What [`portable::copy`](super::portable::copy) does.
#[inline]
pub(super) fn copy(from: &[AtomicU64], start: usize, to: &[AtomicU64], offset: usize, len: usize) {
    let (from, to) = (bytes_of(from, start, len), bytes_of(to, offset, len));
    // SAFETY: `len` bytes of living words, those of `to` in atomics, which may be written when shared.
    unsafe { move_bytes(from, to, len) }
}

/// Asks for a word's cache line, to write to it.
#[inline]
pub(super) fn prefetch_to_write(word: &AtomicU64) {
    // SAFETY: A hint. It reads and writes nothing as far as the program can tell, and faults at no address.
    unsafe {
        std::arch::asm!(
            "prefetchw [{word}]",
            word = in(reg) word,
            options(nostack, preserves_flags, readonly),
        );
    }
}

/// Where the byte `start` of words is, if so many bytes of them follow.
#[inline(always)]
fn bytes_of(words: &[AtomicU64], start: usize, len: usize) -> *mut u8 {
    // As `range` asks for it, so that the compiler asks once.
    let last = size_of_val(words).checked_sub(len);
    assert!(last.is_some_and(|last| start <= last), "bytes of the words");
    words.as_ptr().cast_mut().cast::<u8>().wrapping_add(start)
}

/// Moves bytes by the C library's `memmove`. Others may access them at the same time by atomic accesses or by
/// this: each byte is then one that was there during the call, on its own.
///
/// # Safety
///
/// `len` bytes can be read at `from` and written at `to`; those that are not in atomics are not accessed
/// otherwise meanwhile, or only read.
#[inline]
unsafe fn move_bytes(from: *const u8, to: *mut u8, len: usize) {
    // SAFETY: The caller answers for the ranges. That others access bytes in atomics at the same time would be a
    // data race if the language called `memmove`. It does not: to the compiler this is a block of machine code
    // that may read and write any memory that its operands lead to, and assumes nothing of what it finds there.
    // The code consists of plain loads and stores of bytes in the ranges and no others, and on x86-64 each of
    // these accesses a byte atomically and not earlier than what comes before it. The call keeps the ABI: its
    // arguments are in place, what it may change is declared, the stack is aligned and may be pushed to because
    // `nostack` is not claimed, and the direction flag is clear on entry to the block.
    unsafe {
        std::arch::asm!(
            "call {memmove}",
            memmove = sym memmove,
            in("rdi") to,
            in("rsi") from,
            in("rdx") len,
            clobber_abi("sysv64"),
        );
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::super::portable;
    use proptest::prelude::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// More than a page, so that the portable copy has more than one piece.
    const WORDS: usize = 1100;

    const BYTES: usize = 8 * WORDS;

    fn words(seed: u8) -> Vec<AtomicU64> {
        let word = |n: usize| {
            let byte = |k: usize| seed.wrapping_add((8 * n + k) as u8).wrapping_mul(167);
            AtomicU64::new(u64::from_ne_bytes(std::array::from_fn(byte)))
        };
        (0..WORDS).map(word).collect()
    }

    fn bytes(words: &[AtomicU64]) -> Vec<u8> {
        words.iter().flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect()
    }

    /// Offsets of two ranges, and their length.
    fn ranges() -> impl Strategy<Value = (usize, usize, usize)> {
        let len = prop_oneof![0..40_usize, 0..BYTES + 1];
        len.prop_flat_map(|len| (0..BYTES - len + 1, 0..BYTES - len + 1, Just(len)))
    }

    proptest! {
        #[test]
        fn machine_and_language_do_the_same((start, offset, len) in ranges()) {
            let (mut fast, mut slow) = (vec![0; len], vec![0; len]);
            super::read(&words(1), start, &mut fast);
            portable::read(&words(1), start, &mut slow);
            prop_assert_eq!(&fast, &slow);

            let (by_machine, by_language) = (words(2), words(2));
            super::write(&by_machine, offset, &fast);
            portable::write(&by_language, offset, &fast);
            prop_assert_eq!(bytes(&by_machine), bytes(&by_language));

            super::copy(&words(3), start, &by_machine, offset, len);
            portable::copy(&words(3), start, &by_language, offset, len);
            prop_assert_eq!(bytes(&by_machine), bytes(&by_language));

            super::copy(&by_machine, start, &by_machine, offset, len);
            portable::copy(&by_language, start, &by_language, offset, len);
            prop_assert_eq!(bytes(&by_machine), bytes(&by_language), "within the same words");
        }
    }

    #[test]
    fn a_prefetch_changes_nothing() {
        let words = words(1);
        let before = bytes(&words);
        words.iter().for_each(super::prefetch_to_write);
        words.iter().for_each(portable::prefetch_to_write);
        assert_eq!(bytes(&words), before);
    }

    #[test]
    #[should_panic(expected = "bytes of the words")]
    fn no_byte_beyond_the_words_is_touched() {
        super::copy(&words(1), BYTES - 7, &words(1), 0, 8);
    }

    #[test]
    fn the_bytes_of_a_hostile_writer_arrive_and_no_others() {
        const ROUNDS: u32 = 20_000;
        const STORED: [u64; 2] = [0x1111_1111_1111_1111, 0x2222_2222_2222_2222];
        let source: Vec<AtomicU64> = (0..64).map(|_| AtomicU64::new(STORED[0])).collect();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for round in 0..ROUNDS {
                    let word = STORED[round as usize % 2];
                    source.iter().for_each(|to| to.store(word, Ordering::Relaxed));
                }
            });
            let mut arrived = [0; 500];
            while !writer.is_finished() {
                super::read(&source, 5, &mut arrived);
                assert!(arrived.iter().all(|byte| [0x11, 0x22].contains(byte)), "{arrived:x?}");
            }
        });
    }
}
