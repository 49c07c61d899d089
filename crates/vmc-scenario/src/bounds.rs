//! Bounds of the numbers in a scenario file: the checks refuse what lies outside, and the schema says so.

use super::error::Problem;
use super::spanned::Number;
use std::ops::RangeInclusive;

/// From the least to the most.
pub(super) type Bounds = RangeInclusive<i64>;

/// HMC connections that the driver offers.
pub(super) const HMCS: Bounds = 1..=255;
/// HMC connections that the Linux driver offers.
pub(super) const LINUX_HMCS: Bounds = 1..=2;
/// Buffers of a connection that the driver offers.
pub(super) const POOL_SIZE: Bounds = 1..=64;
/// Longest message that the driver offers, in bytes.
pub(super) const MTU: Bounds = 32..=16384;
/// Number of the first session of each HMC index.
pub(super) const FIRST_SESSION: Bounds = 1..=255;
/// The same of the Linux driver.
pub(super) const LINUX_FIRST_SESSION: Bounds = 1..=254;
/// Pages of a CRQ.
pub(super) const CRQ_PAGES: Bounds = 1..=16;

/// Pages of the management partition's window pane.
pub(super) const WINDOW_PAGES: Bounds = 1..=65536;

/// HMC connections that the hypervisor offers; without one no channel works.
pub(super) const OFFERED_HMCS: Bounds = 0..=255;
/// Buffers of a connection that the hypervisor offers; without one no channel works.
pub(super) const OFFERED_POOL_SIZE: Bounds = 0..=64;
/// Longest message that the hypervisor offers, in bytes; below that of an HMC ID no channel works.
pub(super) const OFFERED_MTU: Bounds = 0..=65536;
/// Buffers of a session.
pub(super) const SESSION_BUFFERS: Bounds = 1..=64;

/// Messages that a source sends in each session.
pub(super) const EVENTS: Bounds = 1..=100_000;
/// Length of a message that a source sends.
pub(super) const EVENT_BYTES: Bounds = 0..=65536;

/// Most threads of a scenario.
pub(super) const MAX_THREADS: usize = 512;
/// Applications with the same steps.
pub(super) const COUNT: Bounds = 1..=MAX_THREADS as i64;
/// Incarnations of the management partition, the first one included.
pub(super) const LIFE: Bounds = 1..=100;

/// Length of a user buffer or of a message of a step.
pub(super) const BYTES: Bounds = 0..=1 << 20;
/// How many bytes a growing length grows by in each round.
pub(super) const LENGTH_STEP: Bounds = 1..=1 << 20;
/// How many times as long it is in each round.
pub(super) const LENGTH_FACTOR: Bounds = 2..=1 << 20;
/// How often a block of steps runs.
pub(super) const REPEATS: Bounds = 1..=10_000;
/// A wait in milliseconds: at most a day of virtual time.
pub(super) const MILLISECONDS: Bounds = 0..=86_400_000;
/// How long a call is made again, in milliseconds: some thousand calls at most.
pub(super) const RETRY_PATIENCE: Bounds = 1..=60_000;

/// Occasions of a fault rule, counted from 1.
pub(super) const OCCASIONS: Bounds = 1..=u32::MAX as i64;
/// Effects of a call; 0 is before it is entered.
pub(super) const EFFECT: Bounds = 0..=100;
/// Pages of a buffer, from 0.
pub(super) const PAGE: Bounds = 0..=3;
/// Statuses that refuse a request.
pub(super) const REFUSAL: Bounds = 1..=255;
/// Places of the bytes in a CRQ entry.
pub(super) const OFFSET: Bounds = 0..=15;

/// What fits a field of one byte.
pub(super) const BYTE: Bounds = 0..=u8::MAX as i64;
/// What fits a field of two bytes.
pub(super) const TWO_BYTES: Bounds = 0..=u16::MAX as i64;
/// What fits a field of four bytes.
pub(super) const FOUR_BYTES: Bounds = 0..=u32::MAX as i64;

/// A number within bounds, or an error that says them.
pub(super) fn number(what: &str, number: &Number, bounds: Bounds) -> Result<i64, Problem> {
    let value = *number.get_ref();
    if bounds.contains(&value) {
        return Ok(value);
    }
    let (message, remedy) = out_of_bounds(what, value, &bounds);
    Err(Problem::new(number.span(), message, remedy))
}

/// What is wrong with a number that lies outside, and what to do.
pub(crate) fn out_of_bounds(
    what: &str,
    value: impl std::fmt::Display,
    bounds: &Bounds,
) -> (String, String) {
    let (least, most) = (bounds.start(), bounds.end());
    let message = format!("{what} is {least} to {most}, not {value}");
    (message, format!("write a number from {least} to {most}"))
}
