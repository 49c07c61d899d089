//! What the machine's operator orders the VMC service to do.

use lock_api::{Mutex, RawMutex};
use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use vmc_proto::{HmcIndex, MessageType, PartitionFault, Status};

/// Something for the VMC service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServiceOrder {
    /// Register the queue and wait for the partner.
    Start,
    /// Deregister the queue.
    Stop,
    /// An HMC manages the system: stop, and start no more until it is gone.
    GiveUp,
    /// The HMC is gone: start, if that was the last that the operator wanted.
    TakeBack,
    /// Finish what was begun, and take no further entry from the queue.
    Pause,
    /// Take entries again.
    Resume,
    /// Send a Remove Buffer for this index.
    TakeBuffer(HmcIndex),
    /// Offer the buffers of this index that are missing.
    ReturnBuffer(HmcIndex),
    /// Answer the next request of that kind with this status.
    RefuseNext(MessageType, Status),
    /// Refuse nothing that is not wrong.
    RefuseNothing,
    /// This befalls a partition that the behaviour manages.
    PartitionFails(u16, PartitionFault),
}

/// Orders that were not carried out yet.
#[derive(Debug)]
pub struct Orders<L: RawMutex> {
    queue: Mutex<L, VecDeque<ServiceOrder>>,
    /// Whether there are any. The service looks before each of its steps, which must not cost a lock. Changes with
    /// the queue, under its lock.
    any: AtomicBool,
}

impl<L: RawMutex> Default for Orders<L> {
    fn default() -> Orders<L> {
        Orders { queue: Mutex::default(), any: AtomicBool::new(false) }
    }
}

impl<L: RawMutex> Clone for Orders<L> {
    fn clone(&self) -> Orders<L> {
        let queue = self.queue.lock();
        Orders { any: (!queue.is_empty()).into(), queue: Mutex::new(queue.clone()) }
    }
}

impl<L: RawMutex> Orders<L> {
    /// Adds orders, which the service follows in their order when it makes its next step.
    pub fn give(&self, orders: impl IntoIterator<Item = ServiceOrder>) {
        self.change(|queue| queue.extend(orders));
    }

    /// Takes the oldest one.
    #[inline]
    pub(crate) fn take(&self) -> Option<ServiceOrder> {
        if self.is_empty() { None } else { self.change(VecDeque::pop_front) }
    }

    pub(crate) fn withdraw(&self) {
        self.change(VecDeque::clear);
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    pub(crate) fn hash_canonical(&self, state: &mut impl Hasher) {
        self.queue.lock().hash(state);
    }

    fn change<T>(&self, change: impl FnOnce(&mut VecDeque<ServiceOrder>) -> T) -> T {
        let mut queue = self.queue.lock();
        let result = change(&mut queue);
        self.any.store(!queue.is_empty(), Ordering::Release);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type TestOrders = Orders<parking_lot::RawMutex>;

    #[test]
    fn orders_are_carried_out_once_each_and_in_turn() {
        let orders = TestOrders::default();
        assert_eq!(orders.take(), None);
        orders.give([ServiceOrder::Stop, ServiceOrder::Start]);
        assert!(!orders.is_empty() && !orders.clone().is_empty());
        assert_eq!(
            [orders.take(), orders.take(), orders.take()],
            [Some(ServiceOrder::Stop), Some(ServiceOrder::Start), None]
        );
    }

    #[test]
    fn nothing_is_left_of_orders_that_were_withdrawn() {
        let orders = TestOrders::default();
        orders.give([ServiceOrder::Stop]);
        orders.withdraw();
        assert!(orders.is_empty() && orders.take().is_none());
        orders.give([ServiceOrder::Start]);
        assert_eq!(orders.take(), Some(ServiceOrder::Start));
    }
}
