//! Fixed numbers of bytes that have a form in texts.

use crate::value::{FieldError, Value};
use crate::wire::{Malformed, Reader, Wire, parse_hex};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

macro_rules! octets {
    ($(#[$doc:meta])* $name:ident($len:literal), $shape:literal, $expected:literal, dashes after $dashes:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let dashes: &[usize] = &$dashes;
                for (i, byte) in self.0.iter().enumerate() {
                    if dashes.contains(&i) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02X}")?;
                }
                Ok(())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl core::str::FromStr for $name {
            type Err = FieldError;

            fn from_str(text: &str) -> Result<$name, FieldError> {
                let error = || FieldError::new($expected, Some(&Value::Text(text.into())));
                let digits: String = text.chars().filter(|c| *c != '-').collect();
                let bytes = parse_hex(&digits).ok_or_else(error)?;
                let octets = $name(bytes.try_into().map_err(|_| error())?);
                // Dashes stand where they belong or nowhere.
                let good = text == digits || octets.to_string().eq_ignore_ascii_case(text);
                if good { Ok(octets) } else { Err(error()) }
            }
        }

        impl Wire for $name {
            const MIN_BYTES: usize = $len;
            const FIXED: bool = true;

            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0);
            }

            fn get(from: &mut Reader<'_>) -> Result<Self, Malformed> {
                Ok($name(from.array()?))
            }

            fn to_value(&self) -> Value {
                Value::Text(self.to_string())
            }

            fn from_value(value: Option<&Value>) -> Result<Self, FieldError> {
                match value {
                    Some(Value::Text(text)) => text.parse(),
                    _ => Err(FieldError::new($expected, value)),
                }
            }

            fn shape() -> String {
                $shape.into()
            }

            #[cfg(test)]
            fn draw(source: &mut dyn Iterator<Item = u64>) -> Self {
                $name(core::array::from_fn(|_| u8::draw(source)))
            }
        }
    };
}

octets! {
    /// MAC address; in a text 12 hex digits.
    Mac(6), "6 bytes", "12 hex digits", dashes after []
}

octets! {
    /// UUID; in a text 8-4-4-4-12 hex digits.
    Uuid(16), "16 bytes", "a UUID of 32 hex digits", dashes after [4, 6, 8, 10]
}
