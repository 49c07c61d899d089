//! Arbitrary calls of partitions: every answer has a name, memory that a partition has not mapped stays as it
//! was, and both runtimes do the same.

use super::{Deterministic, HYP, MGMT, ORDINARY, Side, Threads};
use crate::{Backend, Config, Event, Hypervisor, Memory};
use papr::hcall::opcode;
use papr::{
    Access, GuestAddress, PAGE_SIZE, PartitionId, Registers, ReturnCode, ReturnRegisters,
    UnitAddress,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

pub(super) const WINDOW_PAGES: u64 = 8;
pub(super) const MEMORY_PAGES: u64 = 16;
const CALLS: usize = 60;

#[derive(Clone, Debug)]
pub(super) enum Step {
    Call(PartitionId, Registers),
    Crash(PartitionId),
    Boot(PartitionId),
    Suspend(PartitionId),
}

fn config() -> Config {
    Config {
        others: vec![ORDINARY],
        management_pages: MEMORY_PAGES,
        platform_pages: MEMORY_PAGES,
        management_window_pages: WINDOW_PAGES,
        platform_window_pages: WINDOW_PAGES,
        ..Config::small()
    }
}

/// Every hypervisor call, and one that is none.
pub(super) const OPCODES: &[u64] = &[
    opcode::GET_TCE,
    opcode::PUT_TCE,
    opcode::STUFF_TCE,
    opcode::PUT_TCE_INDIRECT,
    opcode::EOI,
    opcode::XIRR,
    opcode::REG_CRQ,
    opcode::FREE_CRQ,
    opcode::VIO_SIGNAL,
    opcode::SEND_CRQ,
    opcode::COPY_RDMA,
    opcode::ENABLE_CRQ,
    opcode::REQUEST_VMC,
    0x4,
];

/// What a page holds before the first write. Seen as a queue, it is free.
const CANARY: [u8; 16] = [0, 0xC5, 0xC5, 0xC5, 0xC5, 0xC5, 0xC5, 0xC5, 0, 1, 2, 3, 4, 5, 6, 7];

/// What a run showed.
#[derive(Debug, PartialEq)]
struct Seen {
    returns: Vec<ReturnRegisters>,
    events: Vec<Event>,
    memory: [Vec<u8>; 2],
}

/// Runs the steps, with a canary in every page of both partitions, and looks at the canaries of pages that
/// were never mapped for writing.
fn run<P: Backend>(steps: &[Step]) -> Seen {
    let hypervisor = Hypervisor::<P>::new(&config()).unwrap();
    let mut canary = [CANARY; 2];
    for side in Side::BOTH {
        let bytes = CANARY.repeat((MEMORY_PAGES * PAGE_SIZE) as usize / CANARY.len());
        hypervisor.endpoint(side).memory.write(GuestAddress(0), &bytes).unwrap();
    }
    let (mut returns, mut events) = (Vec::new(), Vec::new());
    let mut exposed = [BTreeSet::new(), BTreeSet::new()];
    for step in steps {
        let mut sink = |event| events.push(event);
        match step {
            Step::Call(caller, registers) => {
                returns.push(hypervisor.hcall_registers(*caller, registers, &mut sink));
            }
            Step::Crash(partition) => {
                hypervisor.crash(*partition, &mut sink);
                let side = hypervisor.side_of(*partition);
                side.into_iter().for_each(|side| canary[side as usize] = [0; 16]);
            }
            Step::Boot(partition) => hypervisor.boot(*partition),
            Step::Suspend(partition) => hypervisor.suspend_partner_of(*partition, &mut sink),
        }
        for side in Side::BOTH {
            let window = &hypervisor.endpoint(side).window;
            let tces = (0..WINDOW_PAGES).filter_map(|page| window.get(page));
            let writable = tces.filter(|tce| tce.access().allows(Access::Write));
            exposed[side as usize].extend(writable.map(|tce| tce.address().page()));
        }
    }
    let memory = Side::BOTH.map(|side| {
        let mut bytes = vec![0; (MEMORY_PAGES * PAGE_SIZE) as usize];
        hypervisor.endpoint(side).memory.read(GuestAddress(0), &mut bytes).unwrap();
        for (page, frame) in bytes.chunks(PAGE_SIZE as usize).zip(0..) {
            let hidden = !exposed[side as usize].contains(&frame);
            assert!(
                !hidden || page.chunks(16).all(|bytes| bytes == canary[side as usize]),
                "{side:?}: frame {frame} was never mapped, and has changed"
            );
        }
        bytes
    });
    Seen { returns, events, memory }
}

fn partition() -> impl Strategy<Value = PartitionId> {
    let config = config();
    prop_oneof![
        5 => Just(config.management),
        5 => Just(config.platform),
        1 => Just(ORDINARY),
        1 => any::<u16>().prop_map(PartitionId),
    ]
}

/// What names something in the machine.
pub(super) fn handles() -> [u64; 6] {
    let hypervisor = Hypervisor::<Deterministic>::new(&config()).unwrap();
    [
        hypervisor.endpoint(MGMT).liobn.0,
        hypervisor.endpoint(HYP).liobn.0,
        hypervisor.vmc.remote_liobn.0,
        hypervisor.endpoint(MGMT).unit_address.0,
        hypervisor.endpoint(HYP).unit_address.0,
        u64::from(hypervisor.endpoint(MGMT).interrupt.0),
    ]
}

/// A register: what some argument may be, or a number like it, or anything.
fn argument() -> impl Strategy<Value = u64> {
    prop_oneof![
        6 => proptest::sample::select(handles().to_vec()),
        6 => (0..=WINDOW_PAGES).prop_map(|page| page * PAGE_SIZE),
        4 => (0..MEMORY_PAGES, 0u64..4).prop_map(|(frame, access)| (frame * PAGE_SIZE) | access),
        2 => 0..3 * PAGE_SIZE,
        2 => 0..=WINDOW_PAGES,
        2 => (0x80u64..=0xFF).prop_map(|header| header << 56),
        1 => any::<u64>(),
    ]
}

/// A call whose arguments are drawn one by one.
fn loose_call() -> impl Strategy<Value = Step> {
    let opcode = prop_oneof![20 => proptest::sample::select(OPCODES), 1 => any::<u64>()];
    (partition(), opcode, proptest::array::uniform9(argument()))
        .prop_map(|(caller, opcode, args)| Step::Call(caller, Registers { opcode, args }))
}

/// A call that is likely to succeed.
fn likely_call() -> impl Strategy<Value = Step> {
    let side = prop_oneof![Just(MGMT), Just(HYP)];
    let call = (side, 0..6u8, 0..WINDOW_PAGES, 0..MEMORY_PAGES, 0..WINDOW_PAGES, 0..PAGE_SIZE);
    call.prop_map(|(side, kind, page, frame, other_page, offset)| {
        likely(side, kind, [page, frame, other_page, offset])
    })
}

/// A call that is likely to succeed, of a `kind` up to 5; pages within the window, a frame within memory, an offset
/// within a page.
pub(super) fn likely(side: Side, kind: u8, [page, frame, other_page, offset]: [u64; 4]) -> Step {
    let hypervisor = Hypervisor::<Deterministic>::new(&config()).unwrap();
    let own = hypervisor.endpoint(side);
    let (UnitAddress(unit_address), liobn) = (own.unit_address, own.liobn.0);
    let remote = if side == MGMT { hypervisor.vmc.remote_liobn.0 } else { liobn };
    let (opcode, args): (_, &[u64]) = match kind {
        0 => (opcode::PUT_TCE, &[liobn, page * PAGE_SIZE, (frame * PAGE_SIZE) | 0b11]),
        1 => (opcode::REG_CRQ, &[unit_address, page * PAGE_SIZE, PAGE_SIZE]),
        2 => (opcode::SEND_CRQ, &[unit_address, (0x80 << 56) | offset, offset]),
        3 => (
            opcode::COPY_RDMA,
            &[offset, liobn, page * PAGE_SIZE + offset, remote, other_page * PAGE_SIZE],
        ),
        4 => (opcode::STUFF_TCE, &[liobn, 0, (frame * PAGE_SIZE) | 0b11, page]),
        _ => (opcode::PUT_TCE_INDIRECT, &[liobn, 0, frame * PAGE_SIZE, page]),
    };
    let mut registers = Registers { opcode, args: [0; 9] };
    registers.args[..args.len()].copy_from_slice(args);
    Step::Call(own.partition, registers)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => loose_call(),
        20 => likely_call(),
        1 => partition().prop_map(Step::Crash),
        2 => partition().prop_map(Step::Boot),
        1 => partition().prop_map(Step::Suspend),
    ]
}

/// Each call gets an answer that has a name, and both backends give the same.
pub(super) fn holds(steps: &[Step]) {
    let deterministic = run::<Deterministic>(steps);
    for answer in &deterministic.returns {
        assert!(ReturnCode(answer.r3).name().is_some(), "{}", answer.r3);
    }
    assert_eq!(deterministic, run::<Threads>(steps));
}

proptest! {
    #[test]
    fn arbitrary_calls_get_named_answers_and_both_runtimes_agree(
        steps in proptest::collection::vec(step(), 1..CALLS)
    ) {
        holds(&steps);
    }
}

/// The property above says little if its calls all fail.
#[test]
fn arbitrary_calls_reach_every_hcall() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut succeeded = BTreeSet::new();
    let steps = proptest::collection::vec(step(), CALLS);
    for _ in 0..300 {
        let steps = steps.new_tree(&mut runner).unwrap().current();
        let calls = steps.iter().filter_map(|step| match step {
            Step::Call(_, registers) => Some(registers.opcode),
            _ => None,
        });
        let seen = run::<Deterministic>(&steps);
        // The machine has a VMC, so the answer to a good request for one is that it exists.
        let good = |(opcode, answer): &(u64, &ReturnRegisters)| match *opcode {
            opcode::REQUEST_VMC => answer.r3 == ReturnCode::RESOURCE.0,
            _ => answer.r3 == 0,
        };
        let good = calls.zip(&seen.returns).filter(good);
        succeeded.extend(good.map(|(opcode, _)| opcode));
    }
    assert_eq!(succeeded.len(), 13, "hcalls with a good answer at least once: {succeeded:x?}");
}
