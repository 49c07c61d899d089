//! The one place that knows at which byte of an entry a field lies.

use crate::message::MessageType;

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

    /// The field under a name.
    const fn named(name: &'static str) -> FieldLayout {
        FieldLayout { name, offset: OFFSET, len_bytes: N }
    }
}

/// Where a field of a message lies in its entry, for tools that show entries byte by byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldLayout {
    /// The field's name, as an identifier.
    pub name: &'static str,
    /// Its first byte.
    pub offset: usize,
    /// How many bytes it has; they are big-endian.
    pub len_bytes: usize,
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

const STATUS: FieldLayout = StatusField::named("status");
const OWNER: FieldLayout = OwnerField::named("owner");
const SESSION: FieldLayout = SessionField::named("hmc_session");
const INDEX: FieldLayout = IndexField::named("hmc_index");
const BUFFER: FieldLayout = BufferIdField::named("buffer_id");
const LIOBA: FieldLayout = LiobaField::named("buffer_lioba");
const LENGTH: FieldLayout = LengthField::named("length");
const HMCS: FieldLayout = HmcsField::named("hmcs");
const POOL: FieldLayout = PoolSizeField::named("pool_size");
const MTU: FieldLayout = MtuField::named("mtu");
const CRQ: FieldLayout = CrqSizeField::named("crq_size");
const VERSION: FieldLayout = VersionField::named("version");

impl MessageType {
    /// The fields of its messages after header and type, by their bytes. What lies between them is reserved.
    pub const fn fields(self) -> &'static [FieldLayout] {
        match self {
            MessageType::Capabilities => &[HMCS, POOL, MTU, CRQ, VERSION],
            MessageType::CapabilitiesResponse => &[STATUS, HMCS, POOL, MTU, CRQ, VERSION],
            MessageType::InterfaceOpen => &[SESSION, INDEX, BUFFER],
            MessageType::InterfaceClose | MessageType::RemoveBuffer => &[SESSION, INDEX],
            MessageType::InterfaceCloseResponse => &[STATUS, SESSION, INDEX],
            MessageType::InterfaceOpenResponse
            | MessageType::AddBufferResponse
            | MessageType::RemoveBufferResponse => &[STATUS, SESSION, INDEX, BUFFER],
            MessageType::AddBuffer => &[OWNER, SESSION, INDEX, BUFFER, LIOBA],
            MessageType::Signal => &[SESSION, INDEX, BUFFER, LENGTH],
        }
    }
}
