//! Tests of the machine as its partitions see it.

mod clones;
pub(crate) mod fuzz;
mod hcall_order;
mod injection;
mod interrupts;
mod lopar_crq;
mod meddling;
mod own_memory;
mod properties;
mod rdma;
mod requirements;
mod tces;
mod threads;
mod translations;
mod transport;

use crate::endpoint::{Endpoint, Side};
use crate::{Backend, Config, Event, Hypervisor, Memory};
pub(crate) use crate::{Deterministic, Threads};
use papr::{
    Access, CopyRdma, CrqEntry, GuestAddress, Hcall, HcallReturn, Ioba, Liobn, PAGE_SIZE,
    PartitionId, ReturnCode, Tce,
};

pub(crate) use crate::endpoint::Side::{Management as MGMT, Platform as HYP};

/// Makes two tests of each generic function, one for each runtime. A function that is left out is dead code.
macro_rules! on_both_runtimes {
    ($($name:ident),* $(,)?) => { $(
        mod $name {
            #[test]
            fn on_threads() {
                super::$name::<crate::tests::Threads>();
            }

            #[test]
            fn deterministically() {
                super::$name::<crate::tests::Deterministic>();
            }
        }
    )* };
}
pub(crate) use on_both_runtimes;

/// A partition without an adapter.
pub(crate) const ORDINARY: PartitionId = PartitionId(7);

/// I/O page at which queues begin in these tests.
pub(crate) const QUEUE: Ioba = Ioba(0);

/// A hypervisor and the events of all calls so far.
pub(crate) struct Machine<P: Backend> {
    pub(crate) hypervisor: Hypervisor<P>,
    pub(crate) events: Vec<Event>,
}

impl<P: Backend> Machine<P> {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { others: vec![ORDINARY], ..Config::small() };
        change(&mut config);
        Machine { hypervisor: Hypervisor::new(&config).unwrap(), events: Vec::new() }
    }

    /// Both queues of one page are registered.
    pub(crate) fn connected() -> Self {
        let mut machine = Self::new();
        assert_eq!(machine.register(MGMT, 1), ReturnCode::CLOSED);
        assert_eq!(machine.register(HYP, 1), ReturnCode::SUCCESS);
        machine
    }

    pub(crate) fn end(&self, side: Side) -> &Endpoint<P> {
        self.hypervisor.endpoint(side)
    }

    pub(crate) fn id(&self, side: Side) -> PartitionId {
        self.end(side).partition
    }

    pub(crate) fn call(&mut self, side: Side, call: Hcall) -> HcallReturn {
        self.call_as(self.id(side), call)
    }

    pub(crate) fn call_as(&mut self, caller: PartitionId, call: Hcall) -> HcallReturn {
        self.hypervisor.hcall(caller, &call, &mut |event| self.events.push(event))
    }

    pub(crate) fn map(&mut self, side: Side, page: u64, frame: u64, access: Access) -> ReturnCode {
        let tce = Tce::new(GuestAddress(frame * PAGE_SIZE), access);
        let liobn = self.end(side).liobn;
        self.call(side, Hcall::PutTce { liobn, ioba: Ioba(page * PAGE_SIZE), tce }).code
    }

    /// Maps `pages` pages at [`QUEUE`], scattered in memory, and registers them.
    pub(crate) fn register(&mut self, side: Side, pages: u64) -> ReturnCode {
        for page in 0..pages {
            assert!(self.map(side, page, queue_frame(page), Access::ReadWrite).is_success());
        }
        self.register_at(side, QUEUE, pages * PAGE_SIZE)
    }

    pub(crate) fn register_at(&mut self, side: Side, queue: Ioba, len_bytes: u64) -> ReturnCode {
        let unit_address = self.end(side).unit_address;
        self.call(side, Hcall::RegCrq { unit_address, queue, len_bytes }).code
    }

    pub(crate) fn free(&mut self, side: Side) -> ReturnCode {
        let unit_address = self.end(side).unit_address;
        self.call(side, Hcall::FreeCrq { unit_address }).code
    }

    pub(crate) fn enable(&mut self, side: Side) -> ReturnCode {
        let unit_address = self.end(side).unit_address;
        self.call(side, Hcall::EnableCrq { unit_address }).code
    }

    pub(crate) fn send(&mut self, side: Side, entry: CrqEntry) -> ReturnCode {
        let unit_address = self.end(side).unit_address;
        self.call(side, Hcall::SendCrq { unit_address, entry }).code
    }

    pub(crate) fn set_interrupts(&mut self, side: Side, enabled: bool) {
        let unit_address = self.end(side).unit_address;
        let mode = u64::from(enabled);
        assert!(self.call(side, Hcall::VioSignal { unit_address, mode }).code.is_success());
    }

    /// Takes the entry in an element of a queue that [`register`](Self::register) made.
    pub(crate) fn take(&self, side: Side, element: u64) -> Option<CrqEntry> {
        let partition = self.end(side).partition;
        self.hypervisor.take_entry(partition, element_address(element)).unwrap()
    }

    /// The sixteen bytes of an element, without taking the entry.
    pub(crate) fn peek(&self, side: Side, element: u64) -> CrqEntry {
        let mut bytes = [0; 16];
        self.end(side).memory.read(element_address(element), &mut bytes).unwrap();
        CrqEntry(bytes)
    }

    pub(crate) fn crash(&mut self, side: Side) {
        self.hypervisor.crash(self.id(side), &mut |event| self.events.push(event));
    }

    pub(crate) fn boot(&mut self, side: Side) {
        self.hypervisor.boot(self.id(side));
    }

    pub(crate) fn suspend_partner_of(&mut self, side: Side) {
        self.hypervisor.suspend_partner_of(self.id(side), &mut |event| self.events.push(event));
    }

    pub(crate) fn terminate_partner_of(&mut self, side: Side) {
        self.hypervisor.terminate_partner(self.id(side), &mut |event| self.events.push(event));
    }

    pub(crate) fn fill(&mut self, side: Side, frame: u64, byte: u8) {
        let bytes = [byte; PAGE_SIZE as usize];
        self.end(side).memory.write(GuestAddress(frame * PAGE_SIZE), &bytes).unwrap();
    }

    pub(crate) fn bytes(&self, side: Side, at: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.end(side).memory.read(GuestAddress(at), &mut bytes).unwrap();
        bytes
    }

    pub(crate) fn remote_liobn(&self) -> Liobn {
        self.hypervisor.vmc.remote_liobn
    }

    /// A copy from the management partition's first pane to its second one.
    pub(crate) fn to_hyp(&self, from: u64, to: u64, len_bytes: u64) -> CopyRdma {
        CopyRdma {
            len_bytes,
            source_liobn: self.end(MGMT).liobn,
            source_ioba: Ioba(from),
            destination_liobn: self.remote_liobn(),
            destination_ioba: Ioba(to),
        }
    }
}

/// Frame of a page of a queue: neighbours in I/O space are not neighbours in memory.
pub(crate) fn queue_frame(page: u64) -> u64 {
    900 - 2 * page
}

pub(crate) fn element_address(element: u64) -> GuestAddress {
    let at = element * 16;
    GuestAddress(queue_frame(at / PAGE_SIZE) * PAGE_SIZE + at % PAGE_SIZE)
}

/// A command entry that carries a number in its low word.
pub(crate) fn message(n: u64) -> CrqEntry {
    CrqEntry::from_words(0x8006_0000_0000_0000, n)
}
