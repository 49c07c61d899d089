//! Races on real threads: the queue without a lock at its consumer, and mappings taken away under work.

use super::{HYP, MGMT, Machine, Side, Threads, element_address, message};
use crate::{Backend, BadAddress, Event, Hypervisor, Memory, SharedMemory};
use papr::{
    Access, CopyRdma, CrqEntry, GuestAddress, Hcall, Header, Ioba, PAGE_SIZE, PartitionId,
    ReturnCode, Tce, TransportEvent, Xirr,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

const MESSAGES: u64 = 20_000;
const ROUNDS: u64 = 100;
const CANARY: u8 = 0xA5;

/// How often something that ends by itself may be tried before the test gives up, and how often in a row
/// before the processor is given to another thread.
const TRIES: u32 = 10_000_000;
const TRIES_IN_A_ROW: u32 = 256;

type Shared = Hypervisor<Threads>;

/// Makes a call of a side and ignores its events.
fn call(hypervisor: &Shared, caller: PartitionId, call: Hcall) -> ReturnCode {
    hypervisor.hcall(caller, &call, &mut ()).code
}

/// Tries until there is a result.
fn until<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    for n in 1..=TRIES {
        if let Some(result) = attempt() {
            return result;
        }
        if n % TRIES_IN_A_ROW == 0 {
            thread::yield_now();
        }
    }
    panic!("tried {TRIES} times");
}

/// Takes entries in the order of their elements until one satisfies `last`.
fn consume(hypervisor: &Shared, elements: u64, last: impl Fn(CrqEntry) -> bool) -> Vec<CrqEntry> {
    let partition = hypervisor.endpoint(HYP).partition;
    let mut taken = Vec::new();
    loop {
        let element = taken.len() as u64 % elements;
        let entry = until(|| hypervisor.take_entry(partition, element_address(element)).unwrap());
        taken.push(entry);
        if last(entry) {
            return taken;
        }
    }
}

/// Sends a message, again and again while there is no room.
fn send(hypervisor: &Shared, n: u64, events: &mut Vec<Event>) {
    let unit_address = hypervisor.endpoint(MGMT).unit_address;
    let caller = hypervisor.endpoint(MGMT).partition;
    let call = Hcall::SendCrq { unit_address, entry: message(n) };
    until(|| match hypervisor.hcall(caller, &call, &mut |event| events.push(event)).code {
        ReturnCode::SUCCESS => Some(()),
        ReturnCode::DROPPED => None,
        code => panic!("{code}"),
    });
}

#[test]
fn every_message_arrives_once_and_in_order() {
    let machine = Machine::<Threads>::connected();
    let hypervisor = &machine.hypervisor;
    let taken = thread::scope(|scope| {
        scope.spawn(move || (0..MESSAGES).for_each(|n| send(hypervisor, n, &mut Vec::new())));
        consume(hypervisor, 256, |entry| entry == message(MESSAGES - 1))
    });
    let expected: Vec<CrqEntry> = (0..MESSAGES).map(message).collect();
    assert!(taken == expected, "a message was lost, repeated or overtaken");
}

#[test]
fn two_senders_of_one_partition_lose_nothing() {
    let machine = Machine::<Threads>::connected();
    let hypervisor = &machine.hypervisor;
    let half = MESSAGES / 2;
    let taken = thread::scope(|scope| {
        for first in [0, half] {
            scope.spawn(move || {
                (first..first + half).for_each(|n| send(hypervisor, n, &mut Vec::new()));
            });
        }
        let mut left = std::cell::Cell::new(MESSAGES);
        let left = &mut left;
        consume(hypervisor, 256, |_| left.replace(left.get() - 1) == 1)
    });
    for first in [0, half] {
        let range = first..first + half;
        let of_one = taken.iter().map(|entry| entry.low()).filter(|n| range.contains(n));
        assert!(of_one.eq(range.clone()), "the messages of one sender are in order");
    }
}

/// The receiver's partner is "suspended" over and over, and each time the queue may be full: every event
/// arrives or is overlaid by a later one, and every message arrives or was reported as overlaid.
#[test]
fn overlaid_entries_are_the_only_ones_that_are_lost() {
    let machine = Machine::<Threads>::connected();
    let hypervisor = &machine.hypervisor;
    let receiver = machine.id(HYP);
    let done = message(u64::MAX);
    let (sent, injected, taken) = thread::scope(|scope| {
        let sender = scope.spawn(move || {
            let mut events = Vec::new();
            (0..MESSAGES).for_each(|n| send(hypervisor, n, &mut events));
            events
        });
        let operator = scope.spawn(move || {
            let mut events = Vec::new();
            for _ in 0..ROUNDS {
                hypervisor.suspend_partner_of(receiver, &mut |event| events.push(event));
                thread::yield_now();
            }
            events
        });
        let consumer = scope.spawn(move || consume(hypervisor, 256, |entry| entry == done));
        let (sent, injected) = (sender.join().unwrap(), operator.join().unwrap());
        send(hypervisor, u64::MAX, &mut Vec::new());
        (sent, injected, consumer.join().unwrap())
    });
    let is_event = |entry: &CrqEntry| entry.header() == Header::TRANSPORT_EVENT;
    let overlaid: Vec<CrqEntry> = injected
        .iter()
        .filter_map(|event| match event {
            Event::Enqueued { overlaid, .. } => *overlaid,
            other => panic!("{other:?}"),
        })
        .collect();
    let count = |entries: &[CrqEntry]| entries.iter().filter(|entry| is_event(entry)).count();
    assert_eq!(injected.len(), count(&taken) + count(&overlaid), "events");
    let mut messages: Vec<u64> = taken.iter().filter(|e| !is_event(e)).map(|e| e.low()).collect();
    assert_eq!(messages.pop(), Some(u64::MAX));
    assert!(messages.is_sorted(), "messages are in order");
    messages.extend(overlaid.iter().filter(|entry| !is_event(entry)).map(|entry| entry.low()));
    messages.sort_unstable();
    assert!(messages.into_iter().eq(0..MESSAGES), "each message arrived or was overlaid");
    assert_eq!(sent.len() as u64, MESSAGES);
}

/// Work that goes on in the background until the test says so.
fn while_working<T>(work: impl Fn() + Sync, test: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                work();
            }
        });
        // Stops the worker even if the test fails, so that the scope ends.
        struct Stop<'a>(&'a AtomicBool);
        impl Drop for Stop<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _stop = Stop(&stop);
        test()
    })
}

const FRAME: u64 = 50;

fn fill(hypervisor: &Shared, frame: u64) {
    let bytes = [CANARY; PAGE_SIZE as usize];
    hypervisor.endpoint(HYP).memory.write(GuestAddress(frame * PAGE_SIZE), &bytes).unwrap();
}

fn is_untouched(hypervisor: &Shared, frame: u64) -> bool {
    let mut bytes = [0; PAGE_SIZE as usize];
    hypervisor.endpoint(HYP).memory.read(GuestAddress(frame * PAGE_SIZE), &mut bytes).unwrap();
    bytes == [CANARY; PAGE_SIZE as usize]
}

/// A frame that is filled and looked at again while it must not change.
fn stays_untouched(hypervisor: &Shared, frame: u64) {
    fill(hypervisor, frame);
    for _ in 0..2 {
        thread::yield_now();
        assert!(is_untouched(hypervisor, frame), "a copy wrote into it");
    }
}

fn rdma_machine() -> (Machine<Threads>, CopyRdma) {
    let mut machine = Machine::<Threads>::connected();
    machine.map(MGMT, 1, FRAME, Access::Read);
    machine.map(HYP, 1, FRAME, Access::ReadWrite);
    let copy = machine.to_hyp(PAGE_SIZE, PAGE_SIZE, PAGE_SIZE);
    (machine, copy)
}

#[test]
fn no_copy_reaches_a_page_after_it_was_unmapped() {
    let (machine, copy) = rdma_machine();
    let hypervisor = &machine.hypervisor;
    let (sender, owner) = (machine.id(MGMT), machine.id(HYP));
    let liobn = machine.end(HYP).liobn;
    let put = |access| {
        let tce = Tce::new(GuestAddress(FRAME * PAGE_SIZE), access);
        call(hypervisor, owner, Hcall::PutTce { liobn, ioba: Ioba(PAGE_SIZE), tce })
    };
    let work = || {
        let code = call(hypervisor, sender, Hcall::CopyRdma(copy));
        assert!([ReturnCode::SUCCESS, ReturnCode::PERMISSION, ReturnCode::BUSY].contains(&code));
    };
    while_working(work, || {
        for _ in 0..ROUNDS {
            until(|| (put(Access::None) != ReturnCode::RESOURCE).then_some(()));
            stays_untouched(hypervisor, FRAME);
            assert_eq!(put(Access::ReadWrite), ReturnCode::SUCCESS);
            thread::yield_now();
        }
    });
}

#[test]
fn no_copy_reaches_the_remote_pane_after_a_free() {
    let (machine, copy) = rdma_machine();
    let hypervisor = &machine.hypervisor;
    let (sender, owner) = (machine.id(MGMT), machine.id(HYP));
    let unit_address = machine.end(HYP).unit_address;
    let work = || {
        let code = call(hypervisor, sender, Hcall::CopyRdma(copy));
        assert!([ReturnCode::SUCCESS, ReturnCode::PERMISSION].contains(&code));
    };
    while_working(work, || {
        for _ in 0..ROUNDS {
            let free = Hcall::FreeCrq { unit_address };
            until(|| (call(hypervisor, owner, free) != ReturnCode::BUSY).then_some(()));
            stays_untouched(hypervisor, FRAME);
            let register = Hcall::RegCrq { unit_address, queue: Ioba(0), len_bytes: PAGE_SIZE };
            assert_eq!(call(hypervisor, owner, register), ReturnCode::SUCCESS);
            thread::yield_now();
        }
    });
}

#[test]
fn no_copy_reaches_a_partition_after_its_crash() {
    let (machine, copy) = rdma_machine();
    let hypervisor = &machine.hypervisor;
    let (sender, owner) = (machine.id(MGMT), machine.id(HYP));
    let end = machine.end(HYP);
    let put = |page: u64, frame: u64| {
        let tce = Tce::new(GuestAddress(frame * PAGE_SIZE), Access::ReadWrite);
        let ioba = Ioba(page * PAGE_SIZE);
        let put = Hcall::PutTce { liobn: end.liobn, ioba, tce };
        assert_eq!(call(hypervisor, owner, put), ReturnCode::SUCCESS);
    };
    let work = || {
        let code = call(hypervisor, sender, Hcall::CopyRdma(copy));
        assert!([ReturnCode::SUCCESS, ReturnCode::PERMISSION, ReturnCode::BUSY].contains(&code));
    };
    while_working(work, || {
        for _ in 0..ROUNDS {
            hypervisor.crash(owner, &mut ());
            stays_untouched(hypervisor, FRAME);
            hypervisor.boot(owner);
            put(0, 60);
            put(1, FRAME);
            let unit_address = end.unit_address;
            let register = Hcall::RegCrq { unit_address, queue: Ioba(0), len_bytes: PAGE_SIZE };
            assert_eq!(call(hypervisor, owner, register), ReturnCode::SUCCESS);
            thread::yield_now();
        }
    });
}

/// Memory that calls a hook in the middle of each enqueue and of each copy: when the hypervisor looks at the
/// element, or reads the bytes.
struct Watched {
    memory: SharedMemory,
    hook: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Memory for Watched {
    fn new(pages: u64) -> Watched {
        Watched { memory: SharedMemory::new(pages), hook: OnceLock::new() }
    }

    fn pages(&self) -> u64 {
        self.memory.pages()
    }

    fn load(&self, at: GuestAddress, order: Ordering) -> Result<u64, BadAddress> {
        self.call_hook();
        self.memory.load(at, order)
    }

    fn store(&self, at: GuestAddress, value: u64, order: Ordering) -> Result<(), BadAddress> {
        self.memory.store(at, value, order)
    }

    fn compare_exchange(
        &self,
        at: GuestAddress,
        current: u64,
        new: u64,
    ) -> Result<Result<u64, u64>, BadAddress> {
        self.memory.compare_exchange(at, current, new)
    }

    fn read(&self, at: GuestAddress, out: &mut [u8]) -> Result<(), BadAddress> {
        self.call_hook();
        self.memory.read(at, out)
    }

    fn write(&self, at: GuestAddress, bytes: &[u8]) -> Result<(), BadAddress> {
        self.memory.write(at, bytes)
    }

    fn copy_to(
        &self,
        from: GuestAddress,
        destination: &Watched,
        to: GuestAddress,
        len_bytes: u64,
    ) -> Result<(), BadAddress> {
        self.call_hook();
        self.memory.copy_to(from, &destination.memory, to, len_bytes)
    }

    fn clear(&self) {
        self.memory.clear();
    }
}

impl Watched {
    fn call_hook(&self) {
        self.hook.get().into_iter().for_each(|hook| hook());
    }
}

struct WatchedThreads;

impl Backend for WatchedThreads {
    type Lock = crate::SpinLock;
    type Memory = Watched;
    type Gate = crate::ThreadGate;
}

/// Makes `work` on one thread, and `intrusion` on another one in the middle of it: the intrusion must not end
/// before the work does.
fn must_wait(
    machine: &Machine<WatchedThreads>,
    watched: Side,
    work: impl FnOnce(),
    intrusion: impl FnOnce() + Send,
) {
    const LONG_ENOUGH: Duration = Duration::from_millis(50);
    let (at_work, wait_for_work) = mpsc::sync_channel(1);
    let (intruded, wait_for_intrusion) = mpsc::sync_channel(1);
    let wait_for_intrusion = Mutex::new(wait_for_intrusion);
    let worker = thread::current().id();
    let hook = Box::new(move || {
        if thread::current().id() != worker {
            return;
        }
        // The intruder has been told when it is full.
        let _told = at_work.try_send(());
        let result = wait_for_intrusion.lock().unwrap().recv_timeout(LONG_ENOUGH);
        assert!(result.is_err(), "it ended in the middle of the work");
    });
    assert!(machine.end(watched).memory.hook.set(hook).is_ok());
    thread::scope(|scope| {
        scope.spawn(move || {
            wait_for_work.recv().unwrap();
            intrusion();
            // The work may have ended long ago.
            let _ended = intruded.try_send(());
        });
        work();
    });
}

/// A call of a queue's owner, made in the middle of an enqueue, must wait for it.
fn waits_for_an_enqueue(call: impl FnOnce(&Machine<WatchedThreads>) -> Hcall) {
    let machine = Machine::<WatchedThreads>::connected();
    let hypervisor = &machine.hypervisor;
    let (sender, owner, call) = (machine.id(MGMT), machine.id(HYP), call(&machine));
    let send = Hcall::SendCrq { unit_address: machine.end(MGMT).unit_address, entry: message(1) };
    let succeed =
        |caller, call| assert!(hypervisor.hcall(caller, &call, &mut ()).code.is_success());
    must_wait(&machine, HYP, || succeed(sender, send), || succeed(owner, call));
}

#[test]
fn a_page_of_a_queue_is_not_unmapped_in_the_middle_of_an_enqueue() {
    waits_for_an_enqueue(|machine| {
        let liobn = machine.end(HYP).liobn;
        Hcall::PutTce { liobn, ioba: Ioba(0), tce: Tce::INVALID }
    });
}

/// A pulse only looks at the interrupt: the call that lets the next one through comes before the enqueue or after it.
#[test]
fn no_interrupt_is_ended_or_enabled_in_the_middle_of_an_enqueue() {
    waits_for_an_enqueue(|machine| {
        let xirr = Xirr::new(0xFF, machine.end(HYP).interrupt);
        Hcall::Eoi { xirr }
    });
    waits_for_an_enqueue(|machine| {
        let unit_address = machine.end(HYP).unit_address;
        Hcall::VioSignal { unit_address, mode: 1 }
    });
}

/// The event finds the element free then, and the queue, which has room elsewhere, full at its cursor.
#[test]
fn no_entry_is_replaced_in_the_middle_of_its_taking() {
    const ELEMENTS: u64 = 256;
    let machine = Machine::<WatchedThreads>::connected();
    let hypervisor = &machine.hypervisor;
    let (sender, receiver) = (machine.id(MGMT), machine.id(HYP));
    let unit_address = machine.end(MGMT).unit_address;
    for n in 0..ELEMENTS {
        let send = Hcall::SendCrq { unit_address, entry: message(n) };
        assert!(hypervisor.hcall(sender, &send, &mut ()).code.is_success());
    }
    let events = Mutex::new(Vec::new());
    let take = || assert_eq!(machine.take(HYP, ELEMENTS - 1), Some(message(ELEMENTS - 1)));
    let suspend = || {
        hypervisor.suspend_partner_of(receiver, &mut |event| events.lock().unwrap().push(event));
    };
    must_wait(&machine, HYP, take, suspend);
    let event = TransportEvent::PARTNER_SUSPENDED;
    assert_eq!(*events.lock().unwrap(), [Event::Undelivered { to: receiver, event }]);
}

#[test]
fn a_crash_waits_for_a_copy_that_is_moving_its_bytes() {
    let mut machine = Machine::<WatchedThreads>::connected();
    machine.map(MGMT, 1, FRAME, Access::Read);
    machine.map(HYP, 1, FRAME, Access::Write);
    machine.fill(MGMT, FRAME, CANARY);
    let hypervisor = &machine.hypervisor;
    let (sender, owner) = (machine.id(MGMT), machine.id(HYP));
    let copy = Hcall::CopyRdma(machine.to_hyp(PAGE_SIZE, PAGE_SIZE, PAGE_SIZE));
    let work = || assert!(hypervisor.hcall(sender, &copy, &mut ()).code.is_success());
    must_wait(&machine, MGMT, work, || hypervisor.crash(owner, &mut ()));
    assert_eq!(machine.bytes(HYP, FRAME * PAGE_SIZE, 8), [0; 8], "nothing arrived afterwards");
}
