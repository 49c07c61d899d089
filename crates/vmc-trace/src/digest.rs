//! A short digest of payload, so that a trace can say which bytes moved without holding them.

/// The FNV-1a hash of `bytes`: tells messages apart in a trace. It guards against nothing.
pub fn digest(bytes: &[u8]) -> u32 {
    let mut digest = Digest::new();
    digest.update(bytes);
    digest.value()
}

/// The same digest over bytes that come in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(u32);

impl Digest {
    const OFFSET_BASIS: u32 = 0x811C_9DC5;
    const PRIME: u32 = 0x0100_0193;

    /// The digest of no bytes.
    pub const fn new() -> Digest {
        Digest(Self::OFFSET_BASIS)
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(Self::PRIME);
        }
    }

    /// The digest of the bytes so far.
    pub const fn value(self) -> u32 {
        self.0
    }
}

impl Default for Digest {
    fn default() -> Digest {
        Digest::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_published_values_of_fnv_1a() {
        assert_eq!(digest(b""), 0x811C_9DC5);
        assert_eq!(digest(b"a"), 0xE40C_292C);
        assert_eq!(digest(b"foobar"), 0xBF9C_F968);
    }

    #[test]
    fn pieces_give_the_digest_of_the_whole() {
        let mut pieces = Digest::new();
        pieces.update(b"foo");
        pieces.update(b"bar");
        assert_eq!(pieces.value(), digest(b"foobar"));
    }
}
