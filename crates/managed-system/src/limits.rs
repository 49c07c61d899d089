//! Limits of names and numbers (management reference, section 3.1).

use crate::refusal::{Attribute, Named, Refusal};
use std::ops::RangeInclusive;

/// Characters of a partition's, a profile's, a switch's or a network's name.
pub const MAX_NAME: usize = 31;
/// Characters of a virtual disk's or a target device's name.
pub const MAX_DISK_NAME: usize = 15;
/// Characters of a medium's name.
pub const MAX_MEDIUM_NAME: usize = 37;
/// Characters of a description.
pub const MAX_DESCRIPTION: usize = 256;
/// What a partition's name can have beside letters and digits.
pub const NAME_PUNCTUATION: &str = "-!#%+,./:;=@^_{}";
/// VLANs of a port.
pub const VLANS: RangeInclusive<u16> = 1..=4094;
/// VLANs beside the port's own.
pub const MAX_ADDITIONAL_VLANS: usize = 20;
/// Priorities of a trunk adapter.
pub const TRUNK_PRIORITIES: RangeInclusive<u8> = 1..=15;
/// Virtual switches of a system.
pub const MAX_SWITCHES: usize = 16;
/// First slot that an adapter can have; those before it hold the virtual serial adapters.
pub const FIRST_SLOT: u16 = 2;
/// What the number of virtual slots can be limited to.
pub const MAX_SLOTS: RangeInclusive<u16> = 2..=65534;
/// Ratio of the page table to memory, from 1:64 to 1:4096.
pub const PAGE_TABLE_RATIOS: RangeInclusive<u8> = 0..=6;
/// Values of secure boot.
pub const SECURE_BOOT: RangeInclusive<u8> = 0..=9;
/// How much more than its minimum the maximum memory can be, and below which minimum it is less.
pub const MAX_MEMORY_RATIO: u32 = 64;
/// The same for a minimum below [`SMALL_MEMORY_MB`].
pub const MAX_SMALL_MEMORY_RATIO: u32 = 16;
/// Below it a minimum counts as small.
pub const SMALL_MEMORY_MB: u32 = 256;
/// Profiles of a partition.
pub const MAX_PROFILES: usize = 32;

/// Checks a name of letters, digits and [`NAME_PUNCTUATION`].
pub(crate) fn check_name(what: Named, name: &str) -> Result<(), Refusal> {
    let (most, punctuation) = match what {
        Named::Disk | Named::Target | Named::Volume | Named::VolumeGroup => (MAX_DISK_NAME, "_.-"),
        Named::Medium => (MAX_MEDIUM_NAME, "_.-"),
        _ => (MAX_NAME, NAME_PUNCTUATION),
    };
    let wrong = name.chars().find(|c| !c.is_ascii_alphanumeric() && !punctuation.contains(*c));
    let is_long = name.len() > most && name.chars().count() > most;
    if name.is_empty() || is_long || wrong.is_some() {
        return Err(Refusal::BadName { what, name: name.to_owned(), most, wrong });
    }
    Ok(())
}

/// Checks a number.
pub(crate) fn check_range<T: Copy + Into<u64> + PartialOrd>(
    attribute: Attribute,
    got: T,
    range: RangeInclusive<T>,
) -> Result<(), Refusal> {
    if range.contains(&got) {
        return Ok(());
    }
    let (least, most) = (*range.start(), *range.end());
    Err(Refusal::OutOfRange { attribute, got: got.into(), least: least.into(), most: most.into() })
}
