//! Which machines there are. A caller holds a number, so that one of a machine that was destroyed, and one that was made
//! up, are told from that of a living machine.
//!
//! A number is a mark, how often its place was used, and the place. A call holds its place as long as it goes on.

use crate::abi::{
    VMCSIM_E_BUSY, VMCSIM_E_HANDLE, VMCSIM_E_LIMIT, VMCSIM_MAX_MACHINES, vmcsim_machine,
};
use crate::border::Failure;
use crate::machine::Machine;
use crossbeam_utils::CachePadded;
use parking_lot::RecursiveRwLock;
use std::sync::Arc;

const PLACES: usize = VMCSIM_MAX_MACHINES as usize;

/// The upper 16 bits of every number: small numbers and addresses are none.
const MARK: u64 = 0x564D << 48;

const PLACE_BITS: u32 = 16;

/// A place that a machine may have.
struct Place {
    /// How often a machine was put here.
    uses: u32,
    machine: Option<Arc<Machine>>,
}

static TABLE: [CachePadded<RecursiveRwLock<Place>>; PLACES] =
    [const { CachePadded::new(RecursiveRwLock::new(Place { uses: 0, machine: None })) }; PLACES];

impl Place {
    fn number(&self, at: usize) -> vmcsim_machine {
        MARK | u64::from(self.uses) << PLACE_BITS | at as u64
    }
}

/// Adds a machine, which is made once its number is known.
pub(crate) fn add(
    make: impl FnOnce(vmcsim_machine) -> Result<Arc<Machine>, Failure>,
) -> Result<vmcsim_machine, Failure> {
    for (at, place) in TABLE.iter().enumerate() {
        let Some(mut place) = place.try_write().filter(|place| place.machine.is_none()) else {
            continue;
        };
        place.uses = place.uses.wrapping_add(1);
        let number = place.number(at);
        place.machine = Some(make(number)?);
        return Ok(number);
    }
    Err(Failure::new(VMCSIM_E_LIMIT, format!("there are {PLACES} machines already: destroy one")))
}

/// Does something with a machine, which is not destroyed meanwhile.
#[inline]
pub(crate) fn with<T>(
    number: vmcsim_machine,
    go: impl FnOnce(&Arc<Machine>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let at = place_of(number).ok_or_else(|| unknown(number))?;
    // A callback may make another call while one waits to destroy the machine.
    let place = TABLE[at].read();
    match &place.machine {
        Some(machine) if place.number(at) == number => go(machine),
        _ => Err(unknown(number)),
    }
}

/// Takes a machine away, unless a call is in progress.
pub(crate) fn remove(number: vmcsim_machine) -> Result<Arc<Machine>, Failure> {
    let at = place_of(number).ok_or_else(|| unknown(number))?;
    let Some(mut place) = TABLE[at].try_write() else {
        let what = "a call on the machine is in progress, or this one comes out of a callback";
        return Err(Failure::new(VMCSIM_E_BUSY, what));
    };
    if place.number(at) != number {
        return Err(unknown(number));
    }
    place.machine.take().ok_or_else(|| unknown(number))
}

/// Where a number says that its machine is.
#[inline]
fn place_of(number: vmcsim_machine) -> Option<usize> {
    let at = (number & ((1 << PLACE_BITS) - 1)) as usize;
    (number & MARK == MARK && at < PLACES).then_some(at)
}

#[cold]
fn unknown(number: vmcsim_machine) -> Failure {
    let what = format!(
        "{number:#x} is no machine: expected a number that vmcsim_create has given and that was not destroyed"
    );
    Failure::new(VMCSIM_E_HANDLE, what)
}
