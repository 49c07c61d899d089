//! How the parts of a world are hashed for its canonical state.

use ibmvmc::{CallId, Effect};
use std::hash::{Hash, Hasher};

/// Takes the parts of a world one after the other.
pub(crate) struct CanonicalHasher<'a> {
    pub(crate) hasher: &'a mut dyn Hasher,
    pub(crate) name: &'a dyn Fn(CallId) -> CallId,
    pub(crate) now_ns: u64,
}

impl CanonicalHasher<'_> {
    /// A call in flight.
    pub(crate) fn call(&mut self, id: Option<CallId>) {
        id.map(self.name).hash(&mut self.hasher);
    }

    /// What a call asks for.
    pub(crate) fn effect(&mut self, effect: Effect) {
        effect.canonical(self.name).hash(&mut self.hasher);
    }

    /// A virtual time, as that long from now. One that has passed is as good as another.
    pub(crate) fn time(&mut self, at_ns: Option<u64>) {
        at_ns.map(|at_ns| at_ns.saturating_sub(self.now_ns)).hash(&mut self.hasher);
    }

    /// A virtual time in the past, as that long ago.
    pub(crate) fn passed(&mut self, at_ns: u64) {
        self.now_ns.saturating_sub(at_ns).hash(&mut self.hasher);
    }
}

/// A hash that is the same in every process and on every machine: each word is folded in by a multiplication.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Odd, with as many bits set as not.
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    const STEP: u64 = 0xD6E8_FEB8_6659_FD93;

    fn word(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word ^ Self::STEP) * u128::from(Self::FACTOR);
        self.0 = (wide as u64 ^ (wide >> 64) as u64).wrapping_add(Self::STEP).rotate_left(23);
    }
}

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
        self.word(bytes.len() as u64);
    }

    fn write_u8(&mut self, n: u8) {
        self.word(n.into());
    }

    fn write_u16(&mut self, n: u16) {
        self.word(n.into());
    }

    fn write_u32(&mut self, n: u32) {
        self.word(n.into());
    }

    fn write_u64(&mut self, n: u64) {
        self.word(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.word(n as u64);
    }

    fn write_isize(&mut self, n: isize) {
        self.word(n as u64);
    }

    fn finish(&self) -> u64 {
        let mut last = *self;
        last.word(0);
        last.0
    }
}
