//! Amounts of memory and of processors.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The least that a partition starts with, what it wants, and the most that it can have while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Amounts<T> {
    /// Without this much the partition does not start.
    pub min: T,
    /// What it gets if there is as much.
    pub desired: T,
    /// What it can grow to while it runs.
    pub max: T,
}

impl<T: Copy> Amounts<T> {
    /// The same amount for all three.
    pub fn fixed(amount: T) -> Amounts<T> {
        Amounts { min: amount, desired: amount, max: amount }
    }
}

impl<T: Ord> Amounts<T> {
    /// Whether min ≤ desired ≤ max.
    pub fn is_ordered(&self) -> bool {
        self.min <= self.desired && self.desired <= self.max
    }
}

/// Processing power, in hundredths of a processor.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct ProcessorUnits(pub u32);

impl ProcessorUnits {
    /// What so many whole processors are.
    pub fn whole(processors: u16) -> ProcessorUnits {
        ProcessorUnits(u32::from(processors) * 100)
    }
}

impl fmt::Display for ProcessorUnits {
    /// As the command line has it: one decimal at least, `0.5`, `2.0`, `0.05`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, hundredths) = (self.0 / 100, self.0 % 100);
        match hundredths % 10 {
            0 => write!(f, "{whole}.{}", hundredths / 10),
            _ => write!(f, "{whole}.{hundredths:02}"),
        }
    }
}

/// What a partition has been given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Assignment {
    /// Memory in MB.
    pub memory_mb: u32,
    /// Processing power: the entitlement of a shared partition, whole processors of a dedicated one.
    pub units: ProcessorUnits,
    /// Virtual processors of a shared partition, processors of a dedicated one.
    pub processors: u16,
}

impl Assignment {
    /// Nothing.
    pub const NONE: Assignment =
        Assignment { memory_mb: 0, units: ProcessorUnits(0), processors: 0 };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_have_one_decimal_or_two() {
        let shown = |hundredths| ProcessorUnits(hundredths).to_string();
        assert_eq!(shown(0), "0.0");
        assert_eq!(shown(5), "0.05");
        assert_eq!(shown(50), "0.5");
        assert_eq!(shown(200), "2.0");
        assert_eq!(shown(1234), "12.34");
        assert_eq!(ProcessorUnits::whole(3).0, 300);
    }
}
