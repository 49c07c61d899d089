//! How the data of an operation are put together: numbers, texts, lists and records of these.

use crate::value::{FieldError, Value};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// What is wrong with data; the return code is [`INVALID_DATA`](crate::ReturnCode::INVALID_DATA).
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("offset {at}: {what}")]
pub struct Malformed {
    /// Where in the data, in bytes.
    pub at: usize,
    /// What is wrong there.
    pub what: Wrong,
}

/// What is wrong at one place.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Wrong {
    /// expected {needed} bytes more, got {left}
    #[error("expected {needed} bytes more, got {left}")]
    Short {
        /// What the field needs.
        needed: usize,
        /// What is left.
        left: usize,
    },
    /// expected the end, got {0} bytes more
    #[error("expected the end, got {0} bytes more")]
    Trailing(usize),
    /// expected {expected}, got {got}
    #[error("expected {expected}, got {got}")]
    Value {
        /// What may stand there.
        expected: &'static str,
        /// What does.
        got: u64,
    },
    /// expected UTF-8
    #[error("expected UTF-8")]
    Utf8,
}

/// Data that are taken apart from front to back.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// All of `data`.
    pub const fn new(data: &'a [u8]) -> Reader<'a> {
        Reader { data, at: 0 }
    }

    fn left(&self) -> usize {
        self.data.len() - self.at
    }

    fn take(&mut self, needed: usize) -> Result<&'a [u8], Malformed> {
        let (at, left) = (self.at, self.left());
        if needed > left {
            return Err(Malformed { at, what: Wrong::Short { needed, left } });
        }
        self.at += needed;
        Ok(&self.data[at..self.at])
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// Complains about the byte that was taken last.
    pub(crate) fn value_error(&self, expected: &'static str, got: u64) -> Malformed {
        Malformed { at: self.at.saturating_sub(1), what: Wrong::Value { expected, got } }
    }

    /// All that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        let rest = &self.data[self.at..];
        self.at = self.data.len();
        rest
    }

    fn end(&self) -> Result<(), Malformed> {
        match self.left() {
            0 => Ok(()),
            left => Err(Malformed { at: self.at, what: Wrong::Trailing(left) }),
        }
    }
}

/// Something that data are made of.
pub trait Wire: Sized {
    /// The fewest bytes that it takes; at least 1 for what stands in a list.
    const MIN_BYTES: usize;

    /// Whether it always takes that many.
    const FIXED: bool;

    /// Appends its bytes.
    fn put(&self, out: &mut Vec<u8>);

    /// Takes it from the front.
    fn get(from: &mut Reader<'_>) -> Result<Self, Malformed>;

    /// Its fields by name.
    fn to_value(&self) -> Value;

    /// Whether it is a field that need not be there and is not.
    fn is_absent(&self) -> bool {
        false
    }

    /// Made of fields by name; `None` is a field that is not said.
    fn from_value(value: Option<&Value>) -> Result<Self, FieldError>;

    /// What it is, in a table of the page on operations.
    fn shape() -> String;

    /// The fields of a record: name, shape, meaning and fewest bytes.
    fn fields() -> Vec<FieldLayout> {
        Vec::new()
    }

    /// The records that it is made of, itself included.
    fn records(_: &mut Vec<RecordLayout>) {}

    /// Drawn from bytes that chance gave.
    #[cfg(test)]
    fn draw(source: &mut dyn Iterator<Item = u64>) -> Self;

    /// Its bytes.
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(&mut out);
        out
    }

    /// All of the data, without anything behind it.
    fn decode(data: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(data);
        let whole = Self::get(&mut reader)?;
        reader.end()?;
        Ok(whole)
    }
}

/// A field in the page on operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldLayout {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub shape: String,
    /// What it means.
    pub meaning: String,
    /// How many bytes it has when that does not depend on what it holds.
    pub bytes: Option<usize>,
}

/// A record in the page on operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordLayout {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub meaning: String,
    /// Its fields; none for one of a few values.
    pub fields: Vec<FieldLayout>,
    /// The values, of one of a few.
    pub values: Vec<(u64, &'static str)>,
}

macro_rules! number {
    ($($type:ty, $name:literal;)*) => { $(
        impl Wire for $type {
            const MIN_BYTES: usize = size_of::<$type>();
            const FIXED: bool = true;

            #[inline]
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }

            #[inline]
            fn get(from: &mut Reader<'_>) -> Result<Self, Malformed> {
                Ok(<$type>::from_be_bytes(from.array()?))
            }

            fn to_value(&self) -> Value {
                Value::Number(u64::from(*self))
            }

            fn from_value(value: Option<&Value>) -> Result<Self, FieldError> {
                let expected = || format!("a number from 0 to {}", <$type>::MAX);
                let Some(Value::Number(number)) = value else {
                    return Err(FieldError::new(expected(), value));
                };
                <$type>::try_from(*number).map_err(|_| FieldError::new(expected(), value))
            }

            fn shape() -> String {
                $name.into()
            }

            #[cfg(test)]
            fn draw(source: &mut dyn Iterator<Item = u64>) -> Self {
                source.next().unwrap_or(0) as $type
            }
        }
    )* };
}

number! {
    u8, "u8";
    u16, "u16";
    u32, "u32";
    u64, "u64";
}

impl Wire for bool {
    const MIN_BYTES: usize = 1;
    const FIXED: bool = true;

    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        match u8::get(from)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(from.value_error("0 or 1", u64::from(other))),
        }
    }

    fn to_value(&self) -> Value {
        Value::Truth(*self)
    }

    fn from_value(value: Option<&Value>) -> Result<Self, FieldError> {
        match value {
            None => Ok(false),
            Some(Value::Truth(truth)) => Ok(*truth),
            Some(_) => Err(FieldError::new("true or false", value)),
        }
    }

    fn shape() -> String {
        "bool".into()
    }

    #[cfg(test)]
    fn draw(source: &mut dyn Iterator<Item = u64>) -> Self {
        source.next().unwrap_or(0) % 2 == 1
    }
}

/// The length of a text or a list. One that does not fit makes the message longer than any MTU, which its sender checks.
fn put_count(count: usize, out: &mut Vec<u8>) {
    u16::try_from(count).unwrap_or(u16::MAX).put(out);
}

impl Wire for String {
    const MIN_BYTES: usize = 2;
    const FIXED: bool = false;

    fn put(&self, out: &mut Vec<u8>) {
        put_count(self.len(), out);
        out.extend_from_slice(self.as_bytes());
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let len = u16::get(from)?;
        let at = from.at;
        let bytes = from.take(usize::from(len))?;
        match core::str::from_utf8(bytes) {
            Ok(text) => Ok(text.into()),
            Err(e) => Err(Malformed { at: at + e.valid_up_to(), what: Wrong::Utf8 }),
        }
    }

    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }

    fn from_value(value: Option<&Value>) -> Result<Self, FieldError> {
        match value {
            Some(Value::Text(text)) => Ok(text.clone()),
            _ => Err(FieldError::new("a text", value)),
        }
    }

    fn shape() -> String {
        "text".into()
    }

    #[cfg(test)]
    fn draw(source: &mut dyn Iterator<Item = u64>) -> Self {
        let len = source.next().unwrap_or(0) % 9;
        (0..len).map(|_| char::from(b' ' + (source.next().unwrap_or(0) % 95) as u8)).collect()
    }
}

impl<T: Wire> Wire for Vec<T> {
    const MIN_BYTES: usize = 2;
    const FIXED: bool = false;

    fn put(&self, out: &mut Vec<u8>) {
        put_count(self.len(), out);
        self.iter().for_each(|element| element.put(out));
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let count = usize::from(u16::get(from)?);
        // A count that cannot be is told before anything is allocated for it.
        let (at, needed, left) = (from.at, count * T::MIN_BYTES, from.left());
        if needed > left {
            return Err(Malformed { at, what: Wrong::Short { needed, left } });
        }
        (0..count).map(|_| T::get(from)).collect()
    }

    fn to_value(&self) -> Value {
        Value::List(self.iter().map(T::to_value).collect())
    }

    fn from_value(value: Option<&Value>) -> Result<Self, FieldError> {
        let values = match value {
            None => return Ok(Vec::new()),
            Some(Value::List(values)) => values,
            Some(_) => return Err(FieldError::new("a list", value)),
        };
        let element = |(i, value): (usize, &Value)| {
            T::from_value(Some(value)).map_err(|e| e.below(&i.to_string()))
        };
        values.iter().enumerate().map(element).collect()
    }

    fn shape() -> String {
        format!("list of {}", T::shape())
    }

    fn records(found: &mut Vec<RecordLayout>) {
        T::records(found);
    }

    #[cfg(test)]
    fn draw(source: &mut dyn Iterator<Item = u64>) -> Self {
        let len = source.next().unwrap_or(0) % 4;
        (0..len).map(|_| T::draw(source)).collect()
    }
}

impl<T: Wire> Wire for Option<T> {
    const MIN_BYTES: usize = 1;
    const FIXED: bool = false;

    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(if bool::get(from)? { Some(T::get(from)?) } else { None })
    }

    /// A record leaves out the fields that are absent.
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Table(Vec::new()), T::to_value)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn from_value(value: Option<&Value>) -> Result<Self, FieldError> {
        value.map(|value| T::from_value(Some(value))).transpose()
    }

    fn shape() -> String {
        format!("{}?", T::shape())
    }

    fn records(found: &mut Vec<RecordLayout>) {
        T::records(found);
    }

    #[cfg(test)]
    fn draw(source: &mut dyn Iterator<Item = u64>) -> Self {
        bool::draw(source).then(|| T::draw(source))
    }
}

/// Bytes that are not looked at, with a length of two bytes: a cursor, another operation's data.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl Wire for Bytes {
    const MIN_BYTES: usize = 2;
    const FIXED: bool = false;

    fn put(&self, out: &mut Vec<u8>) {
        put_count(self.0.len(), out);
        out.extend_from_slice(&self.0);
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let len = u16::get(from)?;
        Ok(Bytes(from.take(usize::from(len))?.to_vec()))
    }

    fn to_value(&self) -> Value {
        Value::Text(hex(&self.0))
    }

    fn from_value(value: Option<&Value>) -> Result<Self, FieldError> {
        let bytes = match value {
            None => Some(Vec::new()),
            Some(Value::Text(text)) => parse_hex(text),
            Some(_) => None,
        };
        bytes.map(Bytes).ok_or_else(|| FieldError::new("bytes in hex", value))
    }

    fn shape() -> String {
        "bytes".into()
    }

    #[cfg(test)]
    fn draw(source: &mut dyn Iterator<Item = u64>) -> Self {
        let len = source.next().unwrap_or(0) % 9;
        Bytes((0..len).map(|_| u8::draw(source)).collect())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Bytes of hex digits, of which there must be an even number.
pub fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
