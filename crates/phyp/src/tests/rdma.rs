//! `H_COPY_RDMA`: the bytes, and what may happen between its halves.

use super::{HYP, MGMT, Machine, message, on_both_runtimes};
use crate::pins::WORDS;
use crate::{Backend, Memory, PinnedCopy};
use papr::{Access, CopyRdma, GuestAddress, Hcall, PAGE_SIZE, ReturnCode, TransportEvent};

on_both_runtimes![
    bytes_arrive_at_any_alignment_and_length,
    pages_that_lie_together_are_copied_like_scattered_ones,
    the_longest_copy_is_as_long_as_the_property_says,
    a_copy_reaches_the_last_byte_of_a_pane,
    a_copy_with_one_bad_page_moves_nothing,
    each_of_the_pages_that_lie_together_has_its_own_access,
    a_copy_that_crosses_pages_at_one_end_needs_both,
    a_copy_of_a_page_whose_mapping_is_being_changed_is_busy,
    both_ends_may_be_in_either_pane,
    the_remote_pane_works_only_while_the_connection_is_complete,
    pinned_pages_cannot_be_remapped,
    a_pinned_copy_keeps_the_queue_from_being_freed,
    only_a_copy_that_holds_the_linked_pane_keeps_the_queue,
    a_pinned_copy_of_a_crashed_partition_copies_nothing,
    a_pinned_copy_into_a_crashed_partition_copies_nothing,
    no_copy_outlives_its_caller_or_the_owner_of_a_pane,
    no_copy_begins_while_its_caller_or_the_owner_of_a_pane_does_not_run,
    an_abandoned_copy_holds_nothing,
    a_copy_without_a_free_pin_is_busy_and_holds_nothing,
    a_copy_that_fails_its_checks_holds_nothing,
];

/// Frame of an I/O page in these tests: pages that follow each other in a pane do not in memory.
fn frame(page: u64) -> u64 {
    800 - 3 * page
}

/// A complete connection, 40 pages mapped on each side, the management partition's filled with a pattern.
fn machine<P: Backend>() -> Machine<P> {
    let mut machine = Machine::<P>::connected();
    for page in 1..=40 {
        machine.map(MGMT, page, frame(page), Access::ReadWrite);
        machine.map(HYP, page, frame(page), Access::ReadWrite);
        let bytes: Vec<u8> = (0..PAGE_SIZE).map(|n| pattern(page * PAGE_SIZE + n)).collect();
        machine.end(MGMT).memory.write(GuestAddress(frame(page) * PAGE_SIZE), &bytes).unwrap();
    }
    machine
}

/// The byte at an I/O address of the management partition; never 0.
fn pattern(at: u64) -> u8 {
    (at % 251 + 1) as u8
}

/// Bytes of a pane of [`machine`] as its partition sees them.
fn in_pane<P: Backend>(machine: &Machine<P>, side: super::Side, at: u64, len: u64) -> Vec<u8> {
    let byte = |at: u64| frame(at / PAGE_SIZE) * PAGE_SIZE + at % PAGE_SIZE;
    (at..at + len).flat_map(|at| machine.bytes(side, byte(at), 1)).collect()
}

fn copy<P: Backend>(machine: &mut Machine<P>, call: CopyRdma) -> ReturnCode {
    machine.call(MGMT, Hcall::CopyRdma(call)).code
}

fn begin<P: Backend>(machine: &Machine<P>, call: CopyRdma) -> PinnedCopy {
    machine.hypervisor.copy_rdma_begin(machine.id(MGMT), &call).unwrap()
}

fn bytes_arrive_at_any_alignment_and_length<P: Backend>() {
    let base = PAGE_SIZE;
    for (from, to, len) in [
        (0, 0, 4096),
        (0, 0, 1),
        (1, 0, 32),
        (7, 3, 5),
        (4095, 0, 2),
        (4090, 4093, 9000),
        (3, 4096, 8192),
        (1000, 8, 15000),
        (8, 1, 8),
    ] {
        let mut machine = machine::<P>();
        let call = machine.to_hyp(base + from, base + to, len);
        assert!(copy(&mut machine, call).is_success());
        let expected: Vec<u8> = (0..len).map(|n| pattern(base + from + n)).collect();
        assert_eq!(in_pane(&machine, HYP, base + to, len), expected, "{from} {to} {len}");
        assert_eq!(in_pane(&machine, HYP, base + to + len, 16), [0; 16], "{from} {to} {len}");
        if to > 0 {
            assert_eq!(in_pane(&machine, HYP, base + to - 1, 1), [0], "{from} {to} {len}");
        }
    }
}

/// Pages 1 to 12 of a side's pane lie one after the other in its memory.
fn lay_together<P: Backend>(machine: &mut Machine<P>, side: super::Side) {
    for page in 1..=12 {
        assert!(machine.map(side, page, 100 + page, Access::ReadWrite).is_success());
    }
}

fn pages_that_lie_together_are_copied_like_scattered_ones<P: Backend>() {
    for sides in [&[MGMT][..], &[HYP], &[MGMT, HYP]] {
        let mut machine = machine::<P>();
        let (from, to, len) = (PAGE_SIZE + 5, 2 * PAGE_SIZE + 3, 9 * PAGE_SIZE + 77);
        let source: Vec<u8> = (0..len).map(|n| pattern(from + n)).collect();
        sides.iter().for_each(|&side| lay_together(&mut machine, side));
        let together = |side, at| {
            let near = (100 + at / PAGE_SIZE) * PAGE_SIZE + at % PAGE_SIZE;
            sides.contains(&side).then_some(GuestAddress(near))
        };
        if let Some(at) = together(MGMT, from) {
            machine.end(MGMT).memory.write(at, &source).unwrap();
        }
        let call = machine.to_hyp(from, to, len);
        assert_eq!(copy(&mut machine, call), ReturnCode::SUCCESS);
        let arrived = match together(HYP, to) {
            Some(at) => machine.bytes(HYP, at.0, len as usize),
            None => in_pane(&machine, HYP, to, len),
        };
        assert!(arrived == source, "{sides:?}");
    }
}

fn the_longest_copy_is_as_long_as_the_property_says<P: Backend>() {
    let mut machine = machine::<P>();
    let max = machine.hypervisor.max_virtual_dma_size;
    assert_eq!(max, 32 * PAGE_SIZE);
    let call = machine.to_hyp(PAGE_SIZE + 1, PAGE_SIZE, max);
    assert_eq!(copy(&mut machine, call), ReturnCode::SUCCESS);
    assert_eq!(in_pane(&machine, HYP, 32 * PAGE_SIZE, 1), [pattern(32 * PAGE_SIZE + 1)]);
    let call = machine.to_hyp(PAGE_SIZE, PAGE_SIZE, max + 1);
    assert_eq!(copy(&mut machine, call), ReturnCode::PARAMETER);
}

fn a_copy_reaches_the_last_byte_of_a_pane<P: Backend>() {
    let mut machine = machine::<P>();
    let last = machine.end(HYP).window.pages() - 1;
    machine.map(HYP, last, 20, Access::ReadWrite);
    let call = machine.to_hyp(PAGE_SIZE, last * PAGE_SIZE + 8, PAGE_SIZE - 8);
    assert_eq!(copy(&mut machine, call), ReturnCode::SUCCESS);
    assert_eq!(machine.bytes(HYP, 21 * PAGE_SIZE - 1, 1), [pattern(2 * PAGE_SIZE - 9)]);
    let call = CopyRdma { len_bytes: call.len_bytes + 1, ..call };
    assert_eq!(copy(&mut machine, call), ReturnCode::D_PARM);
}

fn a_copy_with_one_bad_page_moves_nothing<P: Backend>() {
    for (side, access) in [(HYP, Access::Read), (MGMT, Access::Write), (MGMT, Access::None)] {
        let mut machine = machine::<P>();
        machine.map(side, 4, frame(4), access);
        let call = machine.to_hyp(PAGE_SIZE, PAGE_SIZE, 5 * PAGE_SIZE);
        assert_eq!(copy(&mut machine, call), ReturnCode::PERMISSION);
        assert_eq!(in_pane(&machine, HYP, PAGE_SIZE, 8), [0; 8], "{side:?} {access:?}");
    }
}

fn each_of_the_pages_that_lie_together_has_its_own_access<P: Backend>() {
    for (side, enough, too_little) in
        [(MGMT, Access::Read, Access::Write), (HYP, Access::Write, Access::Read)]
    {
        for page in 1..=4 {
            let mut machine = machine::<P>();
            [MGMT, HYP].into_iter().for_each(|side| lay_together(&mut machine, side));
            let call = machine.to_hyp(PAGE_SIZE, PAGE_SIZE, 4 * PAGE_SIZE);
            for (access, code) in [
                (too_little, ReturnCode::PERMISSION),
                (Access::None, ReturnCode::PERMISSION),
                (enough, ReturnCode::SUCCESS),
            ] {
                machine.map(side, page, 100 + page, access);
                assert_eq!(copy(&mut machine, call), code, "{side:?} {page} {access:?}");
            }
        }
    }
}

/// The other end lies within a page.
fn a_copy_that_crosses_pages_at_one_end_needs_both<P: Backend>() {
    let crossing = 2 * PAGE_SIZE - 4;
    for (side, from, to) in [(MGMT, crossing, PAGE_SIZE), (HYP, PAGE_SIZE, crossing)] {
        let mut machine = machine::<P>();
        let call = machine.to_hyp(from, to, 8);
        machine.map(side, 2, frame(2), Access::None);
        assert_eq!(copy(&mut machine, call), ReturnCode::PERMISSION, "{side:?}");
        assert_eq!(in_pane(&machine, HYP, to, 8), [0; 8], "{side:?}");
        machine.map(side, 2, frame(2), Access::ReadWrite);
        assert_eq!(copy(&mut machine, call), ReturnCode::SUCCESS, "{side:?}");
        let expected: Vec<u8> = (from..from + 8).map(pattern).collect();
        assert_eq!(in_pane(&machine, HYP, to, 8), expected, "{side:?}");
    }
}

/// The copy is asked for while the change is under way.
fn a_copy_of_a_page_whose_mapping_is_being_changed_is_busy<P: Backend>() {
    for (side, page, len) in
        [MGMT, HYP].into_iter().flat_map(|side| [(side, 1, 8), (side, 3, 3 * PAGE_SIZE)])
    {
        let mut machine = machine::<P>();
        [MGMT, HYP].into_iter().for_each(|side| lay_together(&mut machine, side));
        let call = machine.to_hyp(PAGE_SIZE, PAGE_SIZE, len);
        let changed = machine.end(side).window.change(
            page..=page,
            || machine.hypervisor.settle(),
            |_| false,
            |_| {
                let begun = machine.hypervisor.copy_rdma_begin(machine.id(MGMT), &call);
                assert_eq!(begun, Err(ReturnCode::BUSY));
                papr::Tce::new(GuestAddress(frame(page) * PAGE_SIZE), Access::ReadWrite)
            },
        );
        assert_eq!(changed, Ok(()));
        assert_eq!(copy(&mut machine, call), ReturnCode::SUCCESS);
    }
}

fn both_ends_may_be_in_either_pane<P: Backend>() {
    let mut machine = machine::<P>();
    let (local, remote) = (machine.end(MGMT).liobn, machine.remote_liobn());
    let there = machine.to_hyp(PAGE_SIZE, PAGE_SIZE, 100);
    let back = CopyRdma {
        source_liobn: remote,
        destination_liobn: local,
        destination_ioba: papr::Ioba(5 * PAGE_SIZE),
        ..there
    };
    let inside_local = CopyRdma { destination_liobn: local, ..there };
    let inside_remote =
        CopyRdma { source_liobn: remote, destination_ioba: papr::Ioba(9 * PAGE_SIZE), ..there };
    for call in [there, back, inside_local, inside_remote] {
        assert_eq!(copy(&mut machine, call), ReturnCode::SUCCESS, "{call:?}");
    }
    let expected: Vec<u8> = (0..100).map(|n| pattern(PAGE_SIZE + n)).collect();
    assert_eq!(in_pane(&machine, MGMT, 5 * PAGE_SIZE, 100), expected);
    assert_eq!(in_pane(&machine, HYP, 9 * PAGE_SIZE, 100), expected);
}

/// LoPAR, General VIO Requirements, R1-16.
fn the_remote_pane_works_only_while_the_connection_is_complete<P: Backend>() {
    for broken_by in [MGMT, HYP] {
        let mut machine = machine::<P>();
        let call = machine.to_hyp(PAGE_SIZE, PAGE_SIZE, 8);
        machine.free(broken_by);
        assert_eq!(copy(&mut machine, call), ReturnCode::PERMISSION);
        let local = CopyRdma { destination_liobn: call.source_liobn, ..call };
        assert_eq!(copy(&mut machine, local), ReturnCode::SUCCESS, "the first pane stays");
        machine.register(broken_by, 1);
        assert_eq!(copy(&mut machine, call), ReturnCode::SUCCESS);
        machine.free(MGMT);
        machine.free(HYP);
        machine.register(broken_by, 1);
        assert_eq!(copy(&mut machine, call), ReturnCode::PERMISSION, "half a connection");
    }
    let mut machine = machine::<P>();
    machine.crash(HYP);
    let call = machine.to_hyp(PAGE_SIZE, PAGE_SIZE, 8);
    assert_eq!(copy(&mut machine, call), ReturnCode::PERMISSION);
}

fn pinned_pages_cannot_be_remapped<P: Backend>() {
    let mut machine = machine::<P>();
    let pinned = begin(&machine, machine.to_hyp(2 * PAGE_SIZE + 100, 6 * PAGE_SIZE, PAGE_SIZE));
    for (side, page, expected) in [
        (MGMT, 1, ReturnCode::SUCCESS),
        (MGMT, 2, ReturnCode::RESOURCE),
        (MGMT, 3, ReturnCode::RESOURCE),
        (MGMT, 4, ReturnCode::SUCCESS),
        (HYP, 5, ReturnCode::SUCCESS),
        (HYP, 6, ReturnCode::RESOURCE),
        (HYP, 7, ReturnCode::SUCCESS),
    ] {
        assert_eq!(machine.map(side, page, 1, Access::None), expected, "{side:?} {page}");
    }
    // A range with one held page is left as it was, every entry of it.
    let liobn = machine.end(HYP).liobn;
    let (ioba, tce) = (papr::Ioba(6 * PAGE_SIZE), papr::Tce::INVALID);
    let stuff = Hcall::StuffTce { liobn, ioba, tce, count: 5 };
    assert_eq!(machine.call(HYP, stuff).code, ReturnCode::RESOURCE);
    assert_eq!(machine.end(HYP).window.get(8).map(|tce| tce.access()), Some(Access::ReadWrite));
    assert_eq!(machine.hypervisor.copy_rdma_finish(pinned), ReturnCode::SUCCESS);
    assert_eq!(in_pane(&machine, HYP, 6 * PAGE_SIZE, 1), [pattern(2 * PAGE_SIZE + 100)]);
    assert_eq!(machine.call(HYP, stuff).code, ReturnCode::SUCCESS);
}

fn a_pinned_copy_keeps_the_queue_from_being_freed<P: Backend>() {
    for side in [MGMT, HYP] {
        let mut machine = machine::<P>();
        machine.events.clear();
        let pinned = begin(&machine, machine.to_hyp(PAGE_SIZE, PAGE_SIZE, 8));
        assert_eq!(machine.free(side), ReturnCode::BUSY);
        assert_eq!(machine.send(side, message(1)), ReturnCode::CLOSED);
        assert_eq!(machine.events, []);
        let second = machine
            .hypervisor
            .copy_rdma_begin(machine.id(MGMT), &machine.to_hyp(PAGE_SIZE, PAGE_SIZE, 8));
        assert_eq!(second, Err(ReturnCode::PERMISSION), "no copy begins any more");
        assert_eq!(machine.hypervisor.copy_rdma_finish(pinned), ReturnCode::SUCCESS);
        assert_eq!(machine.free(side), ReturnCode::SUCCESS);
        let other = side.partner();
        let event = machine.take(other, 0).map(|entry| TransportEvent(entry.format()));
        assert_eq!(event, Some(TransportEvent::PARTNER_DEREGISTERED));
    }
}

fn only_a_copy_that_holds_the_linked_pane_keeps_the_queue<P: Backend>() {
    let mut machine = machine::<P>();
    let there = machine.to_hyp(PAGE_SIZE, 2 * PAGE_SIZE, 8);
    let local = CopyRdma { destination_liobn: there.source_liobn, ..there };
    let remote = CopyRdma { source_liobn: there.destination_liobn, ..there };
    let local = begin(&machine, local);
    assert_eq!(machine.free(MGMT), ReturnCode::SUCCESS, "the first pane works without a partner");
    assert_eq!(machine.register(MGMT, 1), ReturnCode::SUCCESS);
    let remote = begin(&machine, remote);
    assert_eq!(machine.free(MGMT), ReturnCode::BUSY);
    assert_eq!(machine.hypervisor.copy_rdma_finish(remote), ReturnCode::SUCCESS);
    assert_eq!(machine.free(MGMT), ReturnCode::SUCCESS);
    assert_eq!(machine.hypervisor.copy_rdma_finish(local), ReturnCode::SUCCESS);
}

fn a_pinned_copy_of_a_crashed_partition_copies_nothing<P: Backend>() {
    for boot in [false, true] {
        let mut machine = machine::<P>();
        let pinned = begin(&machine, machine.to_hyp(PAGE_SIZE, PAGE_SIZE, 8));
        machine.crash(MGMT);
        if boot {
            machine.boot(MGMT);
            machine.register(MGMT, 1);
            let code = machine.map(MGMT, 1, 5, Access::Read);
            assert_eq!(code, ReturnCode::SUCCESS, "what maps nothing is not in use");
        }
        machine.fill(HYP, frame(1), 0xEE);
        assert_eq!(machine.hypervisor.copy_rdma_finish(pinned), ReturnCode::PERMISSION);
        assert_eq!(in_pane(&machine, HYP, PAGE_SIZE, 8), [0xEE; 8]);
        assert_eq!(machine.map(HYP, 1, 5, Access::Read), ReturnCode::SUCCESS);
    }
}

fn a_pinned_copy_into_a_crashed_partition_copies_nothing<P: Backend>() {
    let mut machine = machine::<P>();
    let pinned = begin(&machine, machine.to_hyp(PAGE_SIZE, PAGE_SIZE, 8));
    machine.crash(HYP);
    assert_eq!(machine.hypervisor.copy_rdma_finish(pinned), ReturnCode::PERMISSION);
    assert_eq!(in_pane(&machine, HYP, PAGE_SIZE, 8), [0; 8]);
    machine.boot(HYP);
    assert_eq!(machine.map(HYP, 1, frame(1), Access::ReadWrite), ReturnCode::SUCCESS);
}

/// Even if the partition runs again meanwhile and has mapped the same pages.
fn no_copy_outlives_its_caller_or_the_owner_of_a_pane<P: Backend>() {
    let liobns = |machine: &Machine<P>| [machine.end(MGMT).liobn, machine.remote_liobn()];
    for (source, destination) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        for crashed in [MGMT, HYP] {
            let mut machine = machine::<P>();
            let call = CopyRdma {
                source_liobn: liobns(&machine)[source],
                destination_liobn: liobns(&machine)[destination],
                ..machine.to_hyp(PAGE_SIZE, 2 * PAGE_SIZE, 8)
            };
            let pinned = begin(&machine, call);
            machine.crash(crashed);
            machine.boot(crashed);
            machine.register(crashed, 1);
            for page in [1, 2] {
                assert!(machine.map(crashed, page, frame(page), Access::ReadWrite).is_success());
            }
            let concerned = crashed == MGMT || source + destination > 0;
            let expected = if concerned { ReturnCode::PERMISSION } else { ReturnCode::SUCCESS };
            let code = machine.hypervisor.copy_rdma_finish(pinned);
            assert_eq!(code, expected, "{source} to {destination}, {crashed:?} crashed");
        }
    }
}

/// Not even one of no bytes, which looks at no mapping.
fn no_copy_begins_while_its_caller_or_the_owner_of_a_pane_does_not_run<P: Backend>() {
    for crashed in [MGMT, HYP] {
        let mut machine = machine::<P>();
        machine.crash(crashed);
        let call = machine.to_hyp(PAGE_SIZE, PAGE_SIZE, 0);
        let begun = machine.hypervisor.copy_rdma_begin(machine.id(MGMT), &call);
        assert_eq!(begun, Err(ReturnCode::PERMISSION), "{crashed:?}");
    }
}

fn an_abandoned_copy_holds_nothing<P: Backend>() {
    let mut machine = machine::<P>();
    let pinned = begin(&machine, machine.to_hyp(PAGE_SIZE, PAGE_SIZE, 8));
    machine.hypervisor.copy_rdma_abandon(pinned.clone());
    assert_eq!(machine.map(MGMT, 1, 5, Access::Read), ReturnCode::SUCCESS);
    assert_eq!(machine.hypervisor.copy_rdma_finish(pinned), ReturnCode::PERMISSION);
    assert_eq!(in_pane(&machine, HYP, PAGE_SIZE, 8), [0; 8]);
    assert_eq!(machine.free(HYP), ReturnCode::SUCCESS);
}

fn a_copy_without_a_free_pin_is_busy_and_holds_nothing<P: Backend>() {
    let mut machine = machine::<P>();
    let call = machine.to_hyp(PAGE_SIZE, PAGE_SIZE, 8);
    let mut held: Vec<PinnedCopy> = (0..WORDS).map(|_| begin(&machine, call)).collect();
    let another = || machine.hypervisor.copy_rdma_begin(machine.id(MGMT), &call);
    assert_eq!(another(), Err(ReturnCode::BUSY));
    let last = held.pop().unwrap();
    assert_eq!(machine.hypervisor.copy_rdma_finish(last), ReturnCode::SUCCESS);
    held.push(another().unwrap());
    assert_eq!(
        copy(&mut machine, call),
        ReturnCode::SUCCESS,
        "one that is made at once needs none"
    );
    for pinned in held {
        assert_eq!(machine.hypervisor.copy_rdma_finish(pinned), ReturnCode::SUCCESS);
    }
    assert_eq!(machine.free(MGMT), ReturnCode::SUCCESS);
}

fn a_copy_that_fails_its_checks_holds_nothing<P: Backend>() {
    let mut machine = machine::<P>();
    machine.map(HYP, 1, frame(1), Access::Read);
    let call = machine.to_hyp(PAGE_SIZE, PAGE_SIZE, 8);
    assert_eq!(copy(&mut machine, call), ReturnCode::PERMISSION);
    assert_eq!(machine.map(MGMT, 1, 5, Access::Read), ReturnCode::SUCCESS);
    assert_eq!(machine.map(HYP, 1, 5, Access::Read), ReturnCode::SUCCESS);
    assert_eq!(machine.free(MGMT), ReturnCode::SUCCESS);
}

#[test]
fn a_clone_of_the_machine_goes_its_own_way_with_a_pinned_copy() {
    let mut machine = machine::<super::Deterministic>();
    let pinned = begin(&machine, machine.to_hyp(PAGE_SIZE, PAGE_SIZE, 8));
    let mut other = Machine { hypervisor: machine.hypervisor.clone(), events: Vec::new() };
    machine.crash(HYP);
    assert_eq!(machine.hypervisor.copy_rdma_finish(pinned.clone()), ReturnCode::PERMISSION);
    assert_eq!(other.free(HYP), ReturnCode::BUSY, "the clone's pages are still held");
    assert_eq!(other.hypervisor.copy_rdma_finish(pinned), ReturnCode::SUCCESS);
    assert_eq!(in_pane(&other, HYP, PAGE_SIZE, 1), [pattern(PAGE_SIZE)]);
    assert_eq!(in_pane(&machine, HYP, PAGE_SIZE, 1), [0]);
}
