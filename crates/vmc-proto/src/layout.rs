//! The one place that knows at which byte of an entry a field lies.

/// A field of `N` bytes at a fixed offset, big-endian.
pub(crate) struct Field<const OFFSET: usize, const N: usize>;

impl<const OFFSET: usize, const N: usize> Field<OFFSET, N> {
    pub(crate) fn get(entry: &[u8; 16]) -> [u8; N] {
        core::array::from_fn(|i| entry[OFFSET + i])
    }

    pub(crate) fn put(entry: &mut [u8; 16], value: [u8; N]) {
        entry[OFFSET..OFFSET + N].copy_from_slice(&value);
    }

    /// The field's bytes as bits of a 16-bit mask: bit `i` stands for byte `i` of the entry.
    pub(crate) const MASK: u16 = ((1 << N) - 1) << OFFSET;
}

pub(crate) type StatusField = Field<2, 1>;
pub(crate) type HmcsField = Field<5, 1>;
pub(crate) type PoolSizeField = Field<6, 2>;
pub(crate) type MtuField = Field<8, 4>;
pub(crate) type CrqSizeField = Field<12, 2>;
pub(crate) type VersionField = Field<14, 2>;
pub(crate) type OwnerField = Field<3, 1>;
pub(crate) type SessionField = Field<4, 1>;
pub(crate) type IndexField = Field<5, 1>;
pub(crate) type BufferIdField = Field<6, 2>;
pub(crate) type LiobaField = Field<12, 4>;
pub(crate) type LengthField = Field<12, 4>;
