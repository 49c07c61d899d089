//! What a thread remembers of a mapping is forgotten when the mapping, or what it depends on, changes.

use super::{HYP, MGMT, Machine, Side, on_both_runtimes};
use crate::translations::with_cache;
use crate::{Backend, BusyCall, Hypervisor, Memory};
use papr::{
    Access, CopyRdma, GuestAddress, Hcall, Ioba, Liobn, PAGE_SIZE, PartitionId, ReturnCode, Tce,
};

on_both_runtimes![
    a_copy_that_was_made_is_known_and_one_that_failed_is_not,
    a_copy_follows_each_change_of_its_mapping,
    a_copy_ahead_of_its_piece_follows_a_change_there,
    no_copy_is_known_beyond_the_end_of_a_connection,
    no_copy_is_known_beyond_the_end_of_a_life,
    a_known_copy_is_checked_like_any_other,
    a_known_copy_belongs_to_its_caller,
    both_halves_of_a_known_copy_hold_its_pages,
    a_refused_change_leaves_the_mapping_as_it_was,
    every_kind_of_change_begins_an_epoch,
];

const FROM: u64 = 100;
const TO: u64 = 200;

/// A connection with pages 1 to 8 of both sides mapped together; what lies in those of the management partition is `n` in
/// the nth.
fn machine<P: Backend>() -> Machine<P> {
    let mut machine = Machine::<P>::connected();
    for page in 1..=8 {
        assert!(machine.map(MGMT, page, FROM + page, Access::Read).is_success());
        assert!(machine.map(HYP, page, TO + page, Access::Write).is_success());
        machine.fill(MGMT, FROM + page, page as u8);
    }
    machine
}

fn there<P: Backend>(machine: &Machine<P>) -> CopyRdma {
    machine.to_hyp(PAGE_SIZE, PAGE_SIZE, 16)
}

fn is_known<P: Backend>(hypervisor: &Hypervisor<P>, caller: PartitionId, call: &CopyRdma) -> bool {
    let stamp = hypervisor.epoch.stamp(caller);
    with_cache(|cache| cache.both(stamp, call).is_some())
}

fn knows<P: Backend>(machine: &Machine<P>, call: &CopyRdma) -> bool {
    is_known(&machine.hypervisor, machine.id(MGMT), call)
}

fn copy<P: Backend>(machine: &mut Machine<P>, call: CopyRdma) -> ReturnCode {
    machine.call(MGMT, Hcall::CopyRdma(call)).code
}

/// Copies, so that both ends are known.
fn get_to_know<P: Backend>(machine: &mut Machine<P>, call: CopyRdma) {
    assert_eq!(copy(machine, call), ReturnCode::SUCCESS);
    assert!(knows(machine, &call));
}

fn a_copy_that_was_made_is_known_and_one_that_failed_is_not<P: Backend>() {
    let mut machine = machine::<P>();
    let call = there(&machine);
    assert!(!knows(&machine, &call));
    get_to_know(&mut machine, call);
    let longer = CopyRdma { len_bytes: 8 * PAGE_SIZE, ..call };
    assert!(knows(&machine, &longer), "the piece goes on");
    assert_eq!(copy(&mut machine, longer), ReturnCode::SUCCESS);
    assert_eq!(machine.bytes(HYP, (TO + 8) * PAGE_SIZE, 2), [8, 8]);
    let too_long = CopyRdma { len_bytes: 8 * PAGE_SIZE + 1, ..call };
    assert_eq!(copy(&mut machine, too_long), ReturnCode::PERMISSION);
    assert!(!knows(&machine, &too_long));
    let unmapped = CopyRdma { source_ioba: Ioba(9 * PAGE_SIZE), ..call };
    assert_eq!(copy(&mut machine, unmapped), ReturnCode::PERMISSION);
    assert!(!knows(&machine, &unmapped));
}

/// The calls that make the page `page` of a side map `tce`.
fn ways<P: Backend>(machine: &Machine<P>, side: Side, page: u64, tce: Tce) -> [Hcall; 3] {
    let (liobn, ioba) = (machine.end(side).liobn, Ioba(page * PAGE_SIZE));
    let list = GuestAddress(500 * PAGE_SIZE);
    machine.end(side).memory.write(list, &tce.0.to_be_bytes()).unwrap();
    [
        Hcall::PutTce { liobn, ioba, tce },
        Hcall::StuffTce { liobn, ioba, tce, count: 1 },
        Hcall::PutTceIndirect { liobn, ioba, list, count: 1 },
    ]
}

fn a_copy_follows_each_change_of_its_mapping<P: Backend>() {
    for (way, side) in (0..3).flat_map(|way| [MGMT, HYP].map(|side| (way, side))) {
        let mut machine = machine::<P>();
        let call = there(&machine);
        let change = |machine: &mut Machine<P>, frame, access| {
            get_to_know(machine, call);
            let tce = Tce::new(GuestAddress(frame * PAGE_SIZE), access);
            let call = ways(machine, side, 1, tce)[way];
            assert_eq!(machine.call(side, call).code, ReturnCode::SUCCESS);
        };
        change(&mut machine, 300, Access::ReadWrite);
        machine.fill(MGMT, 300, 0x77);
        machine.fill(HYP, TO + 1, 0);
        machine.fill(HYP, 300, 0);
        assert_eq!(copy(&mut machine, call), ReturnCode::SUCCESS);
        let (old, new) = ((TO + 1) * PAGE_SIZE, 300 * PAGE_SIZE);
        let arrived = [old, new].map(|at| machine.bytes(HYP, at, 1)[0]);
        assert_eq!(arrived, if side == MGMT { [0x77, 0] } else { [0, 1] }, "{side:?} {way}");
        let too_little = if side == MGMT { Access::Write } else { Access::Read };
        for access in [too_little, Access::None] {
            change(&mut machine, 300, access);
            assert_eq!(copy(&mut machine, call), ReturnCode::PERMISSION, "{side:?} {access:?}");
            assert!(machine.map(side, 1, 300, Access::ReadWrite).is_success());
        }
    }
}

/// The change is of a page that was never copied, only seen ahead.
fn a_copy_ahead_of_its_piece_follows_a_change_there<P: Backend>() {
    for side in [MGMT, HYP] {
        let mut machine = machine::<P>();
        let call = there(&machine);
        get_to_know(&mut machine, call);
        assert!(machine.map(side, 3, 0, Access::None).is_success());
        let longer = CopyRdma { len_bytes: 3 * PAGE_SIZE, ..call };
        assert_eq!(copy(&mut machine, longer), ReturnCode::PERMISSION, "{side:?}");
        assert_eq!(copy(&mut machine, call), ReturnCode::SUCCESS);
    }
}

fn no_copy_is_known_beyond_the_end_of_a_connection<P: Backend>() {
    for side in [MGMT, HYP] {
        for scripted in [false, true] {
            let mut machine = machine::<P>();
            let call = there(&machine);
            get_to_know(&mut machine, call);
            if scripted {
                let busy = [ReturnCode::BUSY];
                machine.hypervisor.answer_busy(machine.id(side), BusyCall::FreeCrq, &busy);
            }
            let code = if scripted { ReturnCode::BUSY } else { ReturnCode::SUCCESS };
            assert_eq!(machine.free(side), code);
            assert_eq!(copy(&mut machine, call), ReturnCode::PERMISSION, "{side:?} {scripted}");
            assert_eq!(machine.free(side), ReturnCode::SUCCESS);
            machine.register(side, 1);
            assert_eq!(copy(&mut machine, call), ReturnCode::SUCCESS);
        }
    }
}

fn no_copy_is_known_beyond_the_end_of_a_life<P: Backend>() {
    for (side, code) in [(MGMT, ReturnCode::HARDWARE), (HYP, ReturnCode::PERMISSION)] {
        let mut machine = machine::<P>();
        let call = there(&machine);
        let local = CopyRdma { destination_liobn: call.source_liobn, ..call };
        get_to_know(&mut machine, call);
        machine.crash(side);
        assert_eq!(copy(&mut machine, call), code, "{side:?}");
        machine.boot(side);
        assert_eq!(copy(&mut machine, call), ReturnCode::PERMISSION, "{side:?}: nothing is mapped");
        assert_eq!(copy(&mut machine, local), ReturnCode::PERMISSION, "{side:?}");
        machine.register(side, 1);
        assert_eq!(copy(&mut machine, call), ReturnCode::PERMISSION, "{side:?}");
    }
}

/// Each bad argument beside the known ones has the code that it has anywhere.
fn a_known_copy_is_checked_like_any_other<P: Backend>() {
    let mut machine = machine::<P>();
    let call = there(&machine);
    get_to_know(&mut machine, call);
    let far = Ioba(PAGE_SIZE | 1 << 60);
    for (bad, code) in [
        (CopyRdma { len_bytes: 32 * PAGE_SIZE + 1, ..call }, ReturnCode::PARAMETER),
        (CopyRdma { source_liobn: Liobn(5), ..call }, ReturnCode::S_PARM),
        (CopyRdma { destination_liobn: Liobn(5), ..call }, ReturnCode::D_PARM),
        (CopyRdma { source_ioba: far, ..call }, ReturnCode::S_PARM),
        (CopyRdma { destination_ioba: far, ..call }, ReturnCode::D_PARM),
        (CopyRdma { source_ioba: Ioba(u64::MAX), ..call }, ReturnCode::S_PARM),
        (CopyRdma { source_ioba: Ioba(9 * PAGE_SIZE), ..call }, ReturnCode::PERMISSION),
        (CopyRdma { destination_ioba: Ioba(9 * PAGE_SIZE), ..call }, ReturnCode::PERMISSION),
        (CopyRdma { len_bytes: 0, ..call }, ReturnCode::SUCCESS),
    ] {
        assert_eq!(copy(&mut machine, bad), code, "{bad:?}");
        assert!(knows(&machine, &call));
    }
}

fn a_known_copy_belongs_to_its_caller<P: Backend>() {
    let mut machine = machine::<P>();
    let call = there(&machine);
    get_to_know(&mut machine, call);
    for caller in [machine.id(HYP), PartitionId(77)] {
        let code = machine.call_as(caller, Hcall::CopyRdma(call)).code;
        assert_eq!(code, ReturnCode::S_PARM, "{caller}");
    }
}

fn both_halves_of_a_known_copy_hold_its_pages<P: Backend>() {
    let mut machine = machine::<P>();
    let call = there(&machine);
    get_to_know(&mut machine, call);
    let begun = machine.hypervisor.copy_rdma_begin(machine.id(MGMT), &call).unwrap();
    for (side, page, code) in [
        (MGMT, 1, ReturnCode::RESOURCE),
        (HYP, 1, ReturnCode::RESOURCE),
        (MGMT, 2, ReturnCode::SUCCESS),
        (HYP, 2, ReturnCode::SUCCESS),
    ] {
        assert_eq!(machine.map(side, page, 300, Access::ReadWrite), code, "{side:?} {page}");
    }
    assert_eq!(machine.free(HYP), ReturnCode::BUSY);
    assert_eq!(machine.hypervisor.copy_rdma_finish(begun), ReturnCode::SUCCESS);
    assert_eq!(machine.bytes(HYP, (TO + 1) * PAGE_SIZE, 1), [1]);
    assert_eq!(machine.free(HYP), ReturnCode::SUCCESS);
}

fn a_refused_change_leaves_the_mapping_as_it_was<P: Backend>() {
    let mut machine = machine::<P>();
    let call = there(&machine);
    let begun = machine.hypervisor.copy_rdma_begin(machine.id(MGMT), &call).unwrap();
    assert_eq!(machine.map(HYP, 1, 300, Access::Write), ReturnCode::RESOURCE);
    assert_eq!(copy(&mut machine, call), ReturnCode::SUCCESS);
    assert_eq!(machine.bytes(HYP, (TO + 1) * PAGE_SIZE, 1), [1]);
    assert_eq!(machine.hypervisor.copy_rdma_finish(begun), ReturnCode::SUCCESS);
}

/// Also where a copy could not tell yet.
fn every_kind_of_change_begins_an_epoch<P: Backend>() {
    let mut machine = machine::<P>();
    let mut stamps = vec![machine.hypervisor.epoch.stamp(PartitionId(0))];
    let mut changed = |machine: &Machine<P>, what: &str| {
        let stamp = machine.hypervisor.epoch.stamp(PartitionId(0));
        assert!(!stamps.contains(&stamp), "{what}");
        stamps.push(stamp);
    };
    assert!(machine.map(MGMT, 1, 300, Access::Read).is_success());
    changed(&machine, "a page is mapped elsewhere");
    assert!(machine.map(MGMT, 1, 0, Access::None).is_success());
    changed(&machine, "a page is unmapped");
    assert!(machine.free(HYP).is_success());
    changed(&machine, "a queue is deregistered");
    machine.crash(HYP);
    changed(&machine, "a partition crashes");
    machine.boot(HYP);
    changed(&machine, "it boots");
}
