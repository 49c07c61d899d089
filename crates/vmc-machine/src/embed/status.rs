//! Where a machine on threads stands, for those who watch it.

use crate::backend;
use crate::context::partition_of;
use crate::guest_driver::GuestDriver;
use crate::world::World;
use ibmvmc::{BufferOwner, ChannelState, Driver, Quirks};
use vmc_proto::HmcIndex;
use vmc_trace::Side;

/// The state of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionStatus {
    /// The HMC index.
    pub index: HmcIndex,
    /// Session number and state; `None` for an index without a session.
    pub session: Option<(u8, &'static str)>,
    /// The number of its file.
    pub file: Option<u16>,
    /// Messages that wait for `read()`.
    pub unread: usize,
    /// Buffers with which the application may write.
    pub inbound: usize,
    /// Buffers of the hypervisor.
    pub outbound: usize,
    /// Buffers that hold a message, or that a call works with.
    pub in_use: usize,
}

/// Where a machine stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The driver's view of the channel.
    pub channel: ChannelState,
    /// The hypervisor's.
    pub hypervisor: String,
    /// Whether the partitions run: management, hypervisor.
    pub running: [bool; 2],
    /// How many entries their queues hold, of how many: management, hypervisor. `None` without a queue.
    pub queues: [Option<(u32, u32)>; 2],
    /// What is known of each HMC index that was agreed on.
    pub sessions: Vec<SessionStatus>,
    /// Calls in flight in the driver.
    pub calls: usize,
    /// What was recorded so far.
    pub records: usize,
}

/// Where the machine of this world stands, of which so much was recorded.
pub(super) fn status<Q: Quirks>(
    world: &World<backend::Threads<Driver<Q>>>,
    records: usize,
) -> Status
where
    Driver<Q>: GuestDriver + 'static,
{
    let hypervisor = world.process_table.lock().service_state.to_string();
    let running = [Side::Mgmt, Side::Hyp].map(|side| world.incarnations.is_running(side));
    let queues =
        [Side::Mgmt, Side::Hyp].map(|side| world.hypervisor.queue_fill(partition_of(side)));
    let kernel = world.kernel.lock();
    let driver = &kernel.driver;
    let sessions = driver.slots().map(|slot| {
        let count =
            |is: fn(BufferOwner) -> bool| slot.buffers().filter(|buffer| is(buffer.owner)).count();
        SessionStatus {
            index: slot.index,
            session: slot.session.map(|(number, state)| (number.0, state.name())),
            file: slot.file.map(|file| file.number()),
            unread: slot.unread,
            inbound: count(|owner| owner == BufferOwner::Mgmt),
            outbound: count(|owner| owner == BufferOwner::Hyp),
            in_use: count(|owner| !matches!(owner, BufferOwner::Mgmt | BufferOwner::Hyp)),
        }
    });
    Status {
        channel: driver.state(),
        hypervisor,
        running,
        queues,
        sessions: sessions.collect(),
        calls: driver.calls_in_flight(),
        records,
    }
}
