//! Which machines there are. A caller holds a number, so that one of a machine that was destroyed, and one that was made
//! up, are told from that of a living machine.
//!
//! A number is a mark, how often its place was used, and the place. A call holds its place as long as it goes on. A machine
//! that is to be destroyed is told from a living one at once, so that no stream of calls keeps it.

use crate::abi::{
    VMCSIM_E_BUSY, VMCSIM_E_HANDLE, VMCSIM_E_LIMIT, VMCSIM_MAX_MACHINES, vmcsim_machine,
};
use crate::border::Failure;
use crate::machine::Machine;
use crossbeam_utils::CachePadded;
use parking_lot::RecursiveRwLock;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const PLACES: usize = VMCSIM_MAX_MACHINES as usize;

/// The upper 16 bits of every number: small numbers and addresses are none.
const MARK: u64 = 0x564D << 48;

const PLACE_BITS: u32 = 16;

/// A place that a machine may have.
struct Place {
    /// How often a machine was put here.
    uses: u32,
    machine: Option<Arc<Machine>>,
    /// The machine is being destroyed: no call begins any more.
    goes: AtomicBool,
}

/// How long a thread that destroys a machine sleeps before it looks again whether the last call is over.
const LAST_CALL: Duration = Duration::from_micros(100);

thread_local! {
    /// The machine that this thread is in a call on; 0 for none.
    static CURRENT: Cell<vmcsim_machine> = const { Cell::new(0) };
}

/// Sets what this thread is in a call on back to what it was.
struct Left(vmcsim_machine);

impl Drop for Left {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

static TABLE: [CachePadded<RecursiveRwLock<Place>>; PLACES] =
    [const { CachePadded::new(RecursiveRwLock::new(Place::EMPTY)) }; PLACES];

impl Place {
    #[allow(clippy::declare_interior_mutable_const, reason = "it is what a place begins with")]
    const EMPTY: Place = Place { uses: 0, machine: None, goes: AtomicBool::new(false) };

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
        Some(machine) if place.number(at) == number && !place.goes.load(Ordering::Relaxed) => {
            let _left = Left(CURRENT.replace(number));
            go(machine)
        }
        _ => Err(unknown(number)),
    }
}

/// Takes a machine away, once no call on it is in progress on another thread.
pub(crate) fn remove(number: vmcsim_machine) -> Result<Arc<Machine>, Failure> {
    if CURRENT.get() == number {
        let what =
            "expected no call on the machine in progress on this thread, got one: its callback";
        return Err(Failure::new(VMCSIM_E_BUSY, what));
    }
    let at = place_of(number).ok_or_else(|| unknown(number))?;
    {
        let place = TABLE[at].read();
        let lives = place.machine.is_some() && place.number(at) == number;
        if !lives || place.goes.swap(true, Ordering::AcqRel) {
            return Err(unknown(number));
        }
    }
    // Calls that have begun come to their end; others see that the machine goes.
    let mut place = loop {
        match TABLE[at].try_write() {
            Some(place) => break place,
            None => std::thread::sleep(LAST_CALL),
        }
    };
    place.goes = AtomicBool::new(false);
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
