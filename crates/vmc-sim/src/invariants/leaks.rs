//! Verifies that nothing is left behind at the end of a run: every page that is mapped in the local window
//! belongs to the driver's CRQ or to a buffer in its books, and every call in flight in the driver belongs to
//! a thread that is still in it.
//!
//! Does not verify the hypervisor's memory, whose layout is fixed.

use crate::guest::Guest;
use crate::world::Kernel;
use ibmvmc::Quirks;
use lock_api::RawMutex;
use papr::PAGE_SIZE;

pub(super) fn check<L: RawMutex, Q: Quirks>(
    kernel: &Kernel<Q>,
    guest: &Guest<L>,
    calling: usize,
) -> Vec<String> {
    let mut problems = Vec::new();
    let pages = |len_bytes: u32| u64::from(len_bytes).div_ceil(PAGE_SIZE) as usize;
    let held: usize = kernel.driver.mapped().map(|dma| pages(dma.len_bytes)).sum();
    let in_use = guest.window_pages_in_use();
    if held != in_use {
        problems.push(format!("{in_use} pages are mapped, the driver holds {held} of them"));
    }
    let in_flight = kernel.driver.calls_in_flight();
    if in_flight != calling || kernel.callers.len() != calling {
        problems.push(format!(
            "{in_flight} calls are in flight in the driver, {} are known to the operating system, \
             {calling} threads are in a call",
            kernel.callers.len()
        ));
    }
    problems
}
