//! Values that JSON has no exact form for: entries and bytes as hexadecimal digits, registers as `0x…`, so that no
//! reader rounds a number of 64 bits.

use papr::CrqEntry;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A CRQ entry: its 16 bytes as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry(pub(crate) CrqEntry);

/// A register or an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hex(pub(crate) u64);

/// Bytes: two hexadecimal digits for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Box<[u8]>);

/// The digest of a payload: 8 hexadecimal digits, as the trace's text has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DigestHex(pub(crate) u32);

fn digits(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // A String takes every write.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn bytes_of<E: de::Error>(text: &str) -> Result<Vec<u8>, E> {
    let problem = || E::custom(format_args!("expected pairs of hexadecimal digits, got {text:?}"));
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(problem());
    }
    let pair = |at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| problem());
    (0..text.len()).step_by(2).map(pair).collect()
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&digits(&self.0.0))
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Entry, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = bytes_of::<D::Error>(&text)?;
        let bytes = bytes.try_into().map_err(|_| {
            de::Error::custom(format_args!(
                "expected an entry of 32 hexadecimal digits, got {text:?}"
            ))
        })?;
        Ok(Entry(CrqEntry(bytes)))
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&digits(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        Ok(Bytes(bytes_of::<D::Error>(&String::deserialize(from)?)?.into()))
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{:#x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Hex, D::Error> {
        let text = String::deserialize(from)?;
        let digits = text.strip_prefix("0x").filter(|digits| !digits.starts_with('+'));
        let value = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        value.map(Hex).ok_or_else(|| {
            de::Error::custom(format_args!("expected a number like \"0x30000002\", got {text:?}"))
        })
    }
}

impl Serialize for DigestHex {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{:08x}", self.0))
    }
}

impl<'de> Deserialize<'de> for DigestHex {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<DigestHex, D::Error> {
        let text = String::deserialize(from)?;
        let is_right = text.len() == 8 && !text.starts_with('+');
        let value = is_right.then(|| u32::from_str_radix(&text, 16).ok()).flatten();
        value.map(DigestHex).ok_or_else(|| {
            de::Error::custom(format_args!(
                "expected a digest of 8 hexadecimal digits, got {text:?}"
            ))
        })
    }
}

#[cfg(feature = "schema")]
macro_rules! pattern_schema {
    ($($name:ident, $pattern:literal;)*) => {
        $(impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern })
            }
        })*
    };
}

#[cfg(feature = "schema")]
pattern_schema! {
    Entry, "^[0-9a-fA-F]{32}$";
    Hex, "^0x[0-9a-fA-F]{1,16}$";
    Bytes, "^([0-9a-fA-F]{2})*$";
    DigestHex, "^[0-9a-fA-F]{8}$";
}
