//! A hypervisor made for threads, with both queues registered and memory mapped.

use crate::patience::wait_for;
use papr::{
    Access, CopyRdma, CrqEntry, GuestAddress, Hcall, Ioba, Liobn, PAGE_SIZE, PartitionId,
    ReturnCode, Tce, UnitAddress, Xirr,
};
use phyp::{Config, Hypervisor, Memory, SharedMemory, Threads};

/// Bytes of a page.
pub const PAGE: usize = PAGE_SIZE as usize;

/// Pages of a queue, before the pages for buffers.
const QUEUE_PAGES: u64 = 1;

/// Entries of a queue.
const QUEUE_ENTRIES: u64 = QUEUE_PAGES * PAGE_SIZE / papr::crq::ENTRY_SIZE;

/// The machine. Page `n` of either window is page `n` of the owner's memory; interrupts are disabled, so that
/// consumers look at their queue themselves.
pub struct Machine {
    hypervisor: Hypervisor<Threads>,
    sides: [Side; 2],
    remote_liobn: Liobn,
}

struct Side {
    partition: PartitionId,
    unit_address: UnitAddress,
    liobn: Liobn,
}

impl Machine {
    /// A machine that has so many pages for buffers on either side, each touched once.
    ///
    /// # Panics
    ///
    /// If the hypervisor refuses what it must not.
    pub fn new(buffer_pages: usize) -> Machine {
        let pages = QUEUE_PAGES + buffer_pages as u64;
        let config = Config {
            management_pages: pages,
            platform_pages: pages,
            management_window_pages: pages,
            platform_window_pages: pages,
            ..Config::small()
        };
        let hypervisor = Hypervisor::<Threads>::new(&config).expect("a possible machine");
        let node = hypervisor.vmc_node().expect("a VMC from the start");
        let adapter = hypervisor.platform_adapter();
        let management = Side {
            partition: config.management,
            unit_address: node.unit_address,
            liobn: node.local_window.liobn,
        };
        let platform = Side {
            partition: config.platform,
            unit_address: adapter.unit_address,
            liobn: adapter.liobn,
        };
        let remote_liobn = node.remote_window.liobn;
        let machine = Machine { hypervisor, sides: [management, platform], remote_liobn };
        machine.sides.iter().for_each(|side| machine.start(side, pages));
        machine
    }

    fn start(&self, side: &Side, pages: u64) {
        for page in 0..pages {
            let at = page * PAGE_SIZE;
            let tce = Tce::new(GuestAddress(at), Access::ReadWrite);
            let put = Hcall::PutTce { liobn: side.liobn, ioba: Ioba(at), tce };
            assert!(self.call(side, put).is_success());
            if page >= QUEUE_PAGES {
                self.memory(side).write(GuestAddress(at), &[0x5A; PAGE]).expect("a mapped page");
            }
        }
        let len_bytes = QUEUE_PAGES * PAGE_SIZE;
        let (unit_address, queue) = (side.unit_address, Ioba(0));
        let code = self.call(side, Hcall::RegCrq { unit_address, queue, len_bytes });
        assert!([ReturnCode::SUCCESS, ReturnCode::CLOSED].contains(&code));
    }

    /// Copies bytes of the management partition's buffers to the same place of the platform's, by `H_COPY_RDMA`.
    /// `at` counts from the first buffer's page.
    ///
    /// # Panics
    ///
    /// If the call fails.
    #[inline]
    pub fn copy(&self, at: usize, len: usize) {
        let copy = Hcall::CopyRdma(self.copy_of(at, len));
        assert!(self.call(&self.sides[0], copy).is_success());
    }

    /// The same in its two halves.
    ///
    /// # Panics
    ///
    /// If the call fails.
    #[inline]
    pub fn copy_in_halves(&self, at: usize, len: usize) {
        let caller = self.sides[0].partition;
        let begun = self.hypervisor.copy_rdma_begin(caller, &self.copy_of(at, len));
        let pinned = begun.expect("a possible copy");
        assert!(self.hypervisor.copy_rdma_finish(pinned).is_success());
    }

    fn copy_of(&self, at: usize, len: usize) -> CopyRdma {
        let ioba = Ioba(QUEUE_PAGES * PAGE_SIZE + at as u64);
        CopyRdma {
            len_bytes: len as u64,
            source_liobn: self.sides[0].liobn,
            source_ioba: ioba,
            destination_liobn: self.remote_liobn,
            destination_ioba: ioba,
        }
    }

    /// Sends a message to the other side with `H_SEND_CRQ`; waits while its queue is full. Side 0 is the
    /// management partition.
    #[inline]
    pub fn send(&self, side: usize, value: u64) {
        wait_for(|| self.try_send(side, value).then_some(()));
    }

    /// Sends a message to the other side with `H_SEND_CRQ`; false when its queue is full.
    #[inline]
    pub fn try_send(&self, side: usize, value: u64) -> bool {
        const SIGNAL: u64 = 0x8006_0000_0000_0000;
        let side = &self.sides[side];
        let entry = CrqEntry::from_words(SIGNAL, value);
        let send = Hcall::SendCrq { unit_address: side.unit_address, entry };
        self.call(side, send).is_success()
    }

    /// Lets a side's queue interrupt its owner, with `H_VIO_SIGNAL`.
    ///
    /// # Panics
    ///
    /// If the call fails.
    pub fn enable_interrupts(&self, side: usize) {
        let side = &self.sides[side];
        let signal = Hcall::VioSignal { unit_address: side.unit_address, mode: 1 };
        assert!(self.call(side, signal).is_success());
    }

    /// Accepts a side's interrupt, with `H_XIRR`.
    #[inline]
    pub fn accept_interrupt(&self, side: usize) -> Xirr {
        let answer = self.hypervisor.hcall(self.sides[side].partition, &Hcall::Xirr, &mut ());
        Xirr(answer.r4 as u32)
    }

    /// Ends an interrupt, with `H_EOI`.
    ///
    /// # Panics
    ///
    /// If it is none of the side's.
    #[inline]
    pub fn end_interrupt(&self, side: usize, xirr: Xirr) {
        assert!(self.call(&self.sides[side], Hcall::Eoi { xirr }).is_success());
    }

    #[inline]
    fn call(&self, side: &Side, call: Hcall) -> ReturnCode {
        self.hypervisor.hcall(side.partition, &call, &mut ()).code
    }

    #[inline]
    fn memory(&self, side: &Side) -> &SharedMemory {
        self.hypervisor.memory(side.partition).expect("both partitions have memory")
    }
}

/// Takes the entries of one side's queue.
#[derive(Debug)]
pub struct Consumer {
    side: usize,
    element: u64,
}

impl Consumer {
    /// The consumer of a side's queue, whose first entry is yet to come.
    pub fn new(side: usize) -> Consumer {
        Consumer { side, element: 0 }
    }

    /// Waits for an entry and takes what it carries.
    ///
    /// # Panics
    ///
    /// If the queue is not in memory.
    #[inline]
    pub fn take(&mut self, machine: &Machine) -> u64 {
        wait_for(|| self.try_take(machine))
    }

    /// Takes what the next entry carries, if it is there.
    ///
    /// # Panics
    ///
    /// If the queue is not in memory.
    #[inline]
    pub fn try_take(&mut self, machine: &Machine) -> Option<u64> {
        let at = GuestAddress(self.element * papr::crq::ENTRY_SIZE);
        let partition = machine.sides[self.side].partition;
        let entry = machine.hypervisor.take_entry(partition, at).expect("the queue's memory")?;
        self.element = (self.element + 1) % QUEUE_ENTRIES;
        Some(entry.low())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_and_messages_arrive() {
        let machine = Machine::new(2);
        let at = GuestAddress(PAGE_SIZE + 100);
        for copy in [Machine::copy, Machine::copy_in_halves] {
            let (before, after) = ([0; 18], [0x5A; 18]);
            machine.memory(&machine.sides[1]).write(GuestAddress(at.0 - 1), &before).unwrap();
            machine.memory(&machine.sides[0]).write(at, &[1; 16]).unwrap();
            copy(&machine, 96, 32);
            let mut arrived = after;
            machine.memory(&machine.sides[1]).read(GuestAddress(at.0 - 1), &mut arrived).unwrap();
            assert_eq!((arrived[0], arrived[1], arrived[16], arrived[17]), (0x5A, 1, 1, 0x5A));
        }
        let mut consumers = [0, 1].map(Consumer::new);
        for n in 0..2 * QUEUE_ENTRIES {
            machine.send(0, n);
            assert_eq!(consumers[1].take(&machine), n);
            machine.send(1, n);
            assert_eq!(consumers[0].take(&machine), n);
        }
    }

    #[test]
    fn a_full_queue_takes_no_more_and_an_empty_one_gives_nothing() {
        let machine = Machine::new(1);
        let mut consumer = Consumer::new(1);
        assert_eq!(consumer.try_take(&machine), None);
        assert!((0..QUEUE_ENTRIES).all(|n| machine.try_send(0, n)));
        assert!(!machine.try_send(0, 0));
        assert_eq!(consumer.try_take(&machine), Some(0));
        assert!(machine.try_send(0, 0));
    }

    #[test]
    fn an_interrupt_is_accepted_once() {
        let machine = Machine::new(1);
        machine.enable_interrupts(1);
        assert_eq!(machine.accept_interrupt(1).source(), None);
        machine.send(0, 7);
        let xirr = machine.accept_interrupt(1);
        assert!(xirr.source().is_some());
        machine.end_interrupt(1, xirr);
        assert_eq!(machine.accept_interrupt(1).source(), None);
    }
}
