//! A hash of a text that is the same on every machine.

use std::fmt;
use std::str::FromStr;
use vmc_trace::Trace;

/// The 64-bit FNV-1a hash of a text, written as 16 hexadecimal digits. It tells runs apart that differ by accident;
/// it guards against no attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    const OFFSET_BASIS: u64 = 0xCBF2_9CE4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01B3;

    /// That of no text.
    pub const EMPTY: Fingerprint = Fingerprint(Self::OFFSET_BASIS);

    /// That of the raw trace of a run: of every record, in order, with its number and its time.
    pub fn of_trace(trace: &Trace) -> Fingerprint {
        let mut fingerprint = Fingerprint::EMPTY;
        trace.records().iter().for_each(|record| fingerprint.add_line(record));
        fingerprint
    }

    /// Adds what a value is written as, and the end of the line.
    pub fn add_line(&mut self, value: &impl fmt::Display) {
        // Writing to a hash cannot fail, and the values' own `Display` do not.
        let _ = fmt::Write::write_fmt(self, format_args!("{value}\n"));
    }
}

impl fmt::Write for Fingerprint {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(Self::PRIME);
        }
        Ok(())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Fingerprint {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Fingerprint, Self::Err> {
        u64::from_str_radix(text, 16).map(Fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_fnv_1a_as_published() {
        let mut fingerprint = Fingerprint::EMPTY;
        fmt::Write::write_str(&mut fingerprint, "foobar").expect("a hash takes any text");
        assert_eq!(fingerprint.to_string(), "85944171f73967e8");
        assert_eq!("85944171f73967e8".parse(), Ok(fingerprint));
    }
}
