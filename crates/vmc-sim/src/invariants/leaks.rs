//! Verifies that nothing is left behind at the end of a run: every page that is mapped in the local window
//! belongs to the driver's CRQ or to a buffer that it knows, none is mapped for a driver without a device, every call in flight in the driver belongs to a thread
//! that is still in it, every session to a file, and no buffer is in the hands of a call that is over; the last
//! two where both sides are ready and must agree.
//!
//! Does not verify the hypervisor's memory, whose layout is fixed.

use ibmvmc::{BufferOwner, ChannelState, Driver, Quirks};
use lock_api::RawMutex;
use vmc_machine::guest_memory::GuestMemory;
use vmc_machine::world::Kernel;

pub(super) fn check<L: RawMutex, Q: Quirks>(
    kernel: &Kernel<Driver<Q>>,
    guest: &GuestMemory<L>,
    calling: usize,
    are_ready: bool,
) -> Vec<String> {
    let mut problems = Vec::new();
    let held: usize = kernel.driver.mapped().map(|dma| guest.window_pages(dma.len_bytes)).sum();
    let in_use = guest.window_pages_in_use();
    if held != in_use {
        problems.push(format!("{in_use} pages are mapped, the driver holds {held} of them"));
    }
    if kernel.driver.state() == ChannelState::Initial && in_use != 0 {
        problems.push(format!("the driver has no device, and {in_use} pages are still mapped"));
    }
    let in_flight = kernel.driver.calls_in_flight();
    if in_flight != calling || kernel.callers.len() != calling {
        problems.push(format!(
            "{in_flight} calls are in flight in the driver, {} are known to the operating system, \
             {calling} threads are in a call",
            kernel.callers.len()
        ));
    }
    if are_ready && kernel.driver.state() == ChannelState::Ready {
        problems.extend(check_sessions(kernel));
    }
    problems
}

/// Sessions and buffers without an owner, of a channel that works.
fn check_sessions<Q: Quirks>(kernel: &Kernel<Driver<Q>>) -> Vec<String> {
    let mut problems = Vec::new();
    for slot in kernel.driver.slots() {
        let index = slot.index;
        if let (Some((session, state)), None) = (slot.session, slot.file) {
            problems.push(format!(
                "HMC index {index}: session {session} is {}, and no file has it",
                state.name()
            ));
        }
        for buffer in slot.buffers().filter(|buffer| is_in_hand(kernel, buffer.owner)) {
            problems.push(format!(
                "HMC index {index}: buffer {} is still in the hands of a call that is over",
                buffer.id
            ));
        }
    }
    problems
}

/// Whether a call that holds a buffer is at rest, or gone.
fn is_in_hand<Q: Quirks>(kernel: &Kernel<Driver<Q>>, owner: BufferOwner) -> bool {
    match owner {
        BufferOwner::Added | BufferOwner::Fetching => true,
        BufferOwner::InCall(id) => kernel.callers.get(id).is_none(),
        BufferOwner::Mgmt | BufferOwner::Open | BufferOwner::Hyp | BufferOwner::Queued => false,
    }
}
