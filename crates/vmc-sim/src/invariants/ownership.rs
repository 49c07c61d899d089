//! Verifies that, when nothing is under way, both sides agree on every buffer: each buffer of a session that
//! both know has one owner, the same to the driver and to the VMC service.
//!
//! Does not verify what happens while messages are under way, when the two may differ; that each of them by
//! itself gives a buffer one owner is so by its type.

use ibmvmc::{BufferOwner, ChannelState, Driver, Quirks, SlotView};
use phyp::vmc::{Behaviour, Service, SessionView};
use std::collections::BTreeMap;
use vmc_proto::BufferId;

/// Whether the management partition owns each buffer.
type Books = BTreeMap<BufferId, bool>;

pub(super) fn check<B: Behaviour, Q: Quirks>(
    driver: &Driver<Q>,
    service: &Service<B>,
) -> Vec<String> {
    if driver.state() != ChannelState::Ready || service.state() != phyp::vmc::ChannelState::Ready {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for (slot, session) in driver.slots().zip(service.sessions()) {
        let (ours, theirs) = (driver_books(&slot), service_books(&session));
        if ours != theirs {
            let index = slot.index;
            problems.push(format!(
                "HMC index {index}: the driver's books say {}, the hypervisor's {}",
                describe(&ours),
                describe(&theirs)
            ));
        }
    }
    problems
}

fn driver_books(slot: &SlotView<'_>) -> Books {
    slot.buffers().map(|buffer| (buffer.id, buffer.owner != BufferOwner::Hyp)).collect()
}

fn service_books(session: &SessionView<'_>) -> Books {
    let owner = |(id, state): (usize, &phyp::vmc::BufferState)| {
        Some((BufferId(id as u16), state.owner()? == vmc_proto::BufferOwner::MANAGEMENT))
    };
    session.buffers.iter().enumerate().filter_map(owner).collect()
}

fn describe(books: &Books) -> String {
    let text =
        |(id, mgmt): (&BufferId, &bool)| format!("{id}:{}", if *mgmt { "mgmt" } else { "hyp" });
    format!("[{}]", books.iter().map(text).collect::<Vec<_>>().join(" "))
}
