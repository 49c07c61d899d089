//! Each hcall makes its checks in LoPAR's order: a call with several faults gets the code of the first.

use super::{HYP, MGMT, Machine, ORDINARY, message, on_both_runtimes};
use crate::{Backend, Memory, VmcPresence};
use papr::hcall::opcode;
use papr::{
    Access, CopyRdma, CrqEntry, GuestAddress, Hcall, Ioba, Liobn, PAGE_SIZE, Registers, ReturnCode,
    Tce, UnitAddress,
};

on_both_runtimes![
    h_reg_crq_checks_address_then_queue_then_authority_then_connection,
    h_send_crq_checks_address_then_header_then_connection_then_room,
    h_free_crq_and_the_other_adapter_calls_check_the_unit_address,
    h_stuff_tce_checks_pane_then_count_then_range_then_address,
    h_put_tce_indirect_checks_sign_then_count_then_pane_then_range_then_list,
    tce_calls_reach_the_callers_first_pane_only,
    h_copy_rdma_checks_length_then_handles_then_ranges_then_access,
    an_unknown_opcode_is_not_supported,
];

const FOREIGN: UnitAddress = UnitAddress(0x99);

fn h_reg_crq_checks_address_then_queue_then_authority_then_connection<P: Backend>() {
    let mut machine = Machine::<P>::with(|config| config.vmc = VmcPresence::OnRequest);
    let unit_address = machine.end(HYP).unit_address;
    let reg = |unit_address, queue, len_bytes| Hcall::RegCrq {
        unit_address,
        queue: Ioba(queue),
        len_bytes,
    };
    // A foreign address and a bad queue; then a bad queue without an authorized connection.
    assert_eq!(machine.call(HYP, reg(FOREIGN, 1, 1)).code, ReturnCode::PARAMETER);
    assert_eq!(machine.call(HYP, reg(unit_address, 1, PAGE_SIZE)).code, ReturnCode::PARAMETER);
    machine.map(HYP, 0, 9, Access::ReadWrite);
    assert_eq!(machine.call(HYP, reg(FOREIGN, 0, PAGE_SIZE)).code, ReturnCode::PARAMETER);
    assert_eq!(machine.call(HYP, reg(unit_address, 0, PAGE_SIZE)).code, ReturnCode::NOT_FOUND);
    machine.call(MGMT, Hcall::RequestVmc);
    assert_eq!(machine.call(HYP, reg(unit_address, 0, PAGE_SIZE)).code, ReturnCode::CLOSED);
    // A bad queue on a connection that is not free.
    assert_eq!(machine.call(HYP, reg(unit_address, 0, 5)).code, ReturnCode::PARAMETER);
    assert_eq!(machine.call(HYP, reg(unit_address, 0, PAGE_SIZE)).code, ReturnCode::RESOURCE);
}

fn h_send_crq_checks_address_then_header_then_connection_then_room<P: Backend>() {
    let mut machine = Machine::<P>::new();
    let unit_address = machine.end(MGMT).unit_address;
    let bad_header = CrqEntry::from_words(0x7F00_0000_0000_0000, 0);
    let send = |unit_address, entry| Hcall::SendCrq { unit_address, entry };
    assert_eq!(machine.call(MGMT, send(FOREIGN, message(1))).code, ReturnCode::PARAMETER);
    assert_eq!(machine.call(MGMT, send(unit_address, bad_header)).code, ReturnCode::PARAMETER);
    assert_eq!(machine.call(MGMT, send(unit_address, message(1))).code, ReturnCode::CLOSED);
    machine.register(MGMT, 1);
    machine.register(HYP, 1);
    for n in 0..256 {
        machine.send(MGMT, message(n));
    }
    assert_eq!(machine.call(MGMT, send(unit_address, bad_header)).code, ReturnCode::PARAMETER);
    assert_eq!(machine.send(MGMT, message(1)), ReturnCode::DROPPED);
    machine.suspend_partner_of(MGMT);
    assert_eq!(machine.send(MGMT, message(1)), ReturnCode::CLOSED, "full, but closed first");
}

fn h_free_crq_and_the_other_adapter_calls_check_the_unit_address<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    let own = machine.end(MGMT).unit_address;
    let (management, platform) = (machine.id(MGMT), machine.id(HYP));
    for (caller, unit_address) in
        [(management, FOREIGN), (platform, own), (ORDINARY, own), (ORDINARY, FOREIGN)]
    {
        for call in [
            Hcall::FreeCrq { unit_address },
            Hcall::EnableCrq { unit_address },
            Hcall::VioSignal { unit_address, mode: 1 },
            Hcall::SendCrq { unit_address, entry: message(1) },
            Hcall::RegCrq { unit_address, queue: Ioba(0), len_bytes: PAGE_SIZE },
        ] {
            let code = machine.call_as(caller, call).code;
            assert_eq!(code, ReturnCode::PARAMETER, "{caller} {call:?}");
        }
    }
    assert_eq!(machine.send(HYP, message(1)), ReturnCode::SUCCESS, "nothing was freed");
}

fn h_stuff_tce_checks_pane_then_count_then_range_then_address<P: Backend>() {
    let mut machine = Machine::<P>::new();
    let own = machine.end(MGMT).liobn;
    let pane = machine.end(MGMT).window.size_bytes();
    let bad = Tce::new(GuestAddress(1 << 50), Access::Read);
    let mut stuff = |liobn, ioba, tce, count| {
        machine.call(MGMT, Hcall::StuffTce { liobn, ioba: Ioba(ioba), tce, count }).code
    };
    assert_eq!(stuff(Liobn(1), 0, bad, 513), ReturnCode::PARAMETER);
    assert_eq!(stuff(own, pane, bad, 513), ReturnCode::PARAMETER);
    assert_eq!(stuff(own, pane - PAGE_SIZE, bad, 513), ReturnCode::P4);
    assert_eq!(stuff(own, 0, bad, u64::MAX), ReturnCode::P4);
    assert_eq!(stuff(own, pane - PAGE_SIZE, Tce::INVALID, 2), ReturnCode::PARAMETER);
    assert_eq!(stuff(own, 0, bad, 512), ReturnCode::PARAMETER);
    assert_eq!(stuff(own, 0, Tce::INVALID, 512), ReturnCode::SUCCESS);
}

fn h_put_tce_indirect_checks_sign_then_count_then_pane_then_range_then_list<P: Backend>() {
    let mut machine = Machine::<P>::new();
    let own = machine.end(MGMT).liobn;
    let pane = machine.end(MGMT).window.size_bytes();
    let memory = machine.end(MGMT).memory.pages() * PAGE_SIZE;
    let mut put = |liobn, ioba, list, count| {
        let (ioba, list) = (Ioba(ioba), GuestAddress(list));
        machine.call(MGMT, Hcall::PutTceIndirect { liobn, ioba, list, count }).code
    };
    assert_eq!(put(Liobn(-1i64 as u64), 0, 0, 513), ReturnCode::FUNCTION);
    assert_eq!(put(Liobn(i64::MIN as u64), 0, 0, 1), ReturnCode::FUNCTION);
    assert_eq!(put(own, 0, 0, 513), ReturnCode::PARAMETER);
    assert_eq!(put(Liobn(1), 0, 0, 1), ReturnCode::PARAMETER);
    assert_eq!(put(own, pane - PAGE_SIZE, 0, 2), ReturnCode::PARAMETER);
    assert_eq!(put(own, 0, 8, 1), ReturnCode::PARAMETER, "the list is not a page");
    assert_eq!(put(own, 0, memory, 1), ReturnCode::PARAMETER, "the list is not in memory");
    assert_eq!(put(own, 0, memory, 0), ReturnCode::PARAMETER, "nor is an empty one");
    assert_eq!(put(own, 0, memory - PAGE_SIZE, 1), ReturnCode::SUCCESS);
    assert_eq!(put(own, 0, 0, 512), ReturnCode::SUCCESS);
}

fn tce_calls_reach_the_callers_first_pane_only<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    let (management, platform) = (machine.id(MGMT), machine.id(HYP));
    let (mgmt_pane, hyp_pane) = (machine.end(MGMT).liobn, machine.end(HYP).liobn);
    let remote = machine.remote_liobn();
    for (caller, liobn) in [
        (management, remote),
        (management, hyp_pane),
        (platform, mgmt_pane),
        (platform, remote),
        (ORDINARY, mgmt_pane),
    ] {
        let (ioba, tce, list) = (Ioba(0), Tce::INVALID, GuestAddress(0));
        for call in [
            Hcall::GetTce { liobn, ioba },
            Hcall::PutTce { liobn, ioba, tce },
            Hcall::StuffTce { liobn, ioba, tce, count: 1 },
            Hcall::PutTceIndirect { liobn, ioba, list, count: 1 },
        ] {
            let code = machine.call_as(caller, call).code;
            assert_eq!(code, ReturnCode::PARAMETER, "{caller} {call:?}");
        }
    }
}

fn h_copy_rdma_checks_length_then_handles_then_ranges_then_access<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    let good = CopyRdma { source_ioba: Ioba(PAGE_SIZE), ..machine.to_hyp(0, PAGE_SIZE, 100) };
    let max = machine.hypervisor.max_virtual_dma_size;
    let pane = machine.end(MGMT).window.size_bytes();
    let nowhere = Liobn(1);
    let beyond = Ioba(pane - 99);
    let wraps = Ioba(u64::MAX);
    let copy = |machine: &mut Machine<P>, call| machine.call(MGMT, Hcall::CopyRdma(call)).code;
    for (call, expected, why) in [
        (
            CopyRdma { len_bytes: max + 1, source_liobn: nowhere, ..good },
            ReturnCode::PARAMETER,
            "length",
        ),
        (
            CopyRdma { source_liobn: nowhere, destination_liobn: nowhere, ..good },
            ReturnCode::S_PARM,
            "source",
        ),
        (
            CopyRdma { source_ioba: beyond, destination_liobn: nowhere, ..good },
            ReturnCode::D_PARM,
            "destination",
        ),
        (
            CopyRdma { source_ioba: beyond, destination_ioba: beyond, ..good },
            ReturnCode::S_PARM,
            "source range",
        ),
        (CopyRdma { destination_ioba: beyond, ..good }, ReturnCode::D_PARM, "destination range"),
        (CopyRdma { source_ioba: wraps, ..good }, ReturnCode::S_PARM, "source wraps"),
        (CopyRdma { destination_ioba: wraps, ..good }, ReturnCode::D_PARM, "destination wraps"),
        (good, ReturnCode::PERMISSION, "nothing mapped"),
        (CopyRdma { len_bytes: 0, ..good }, ReturnCode::SUCCESS, "nothing to map"),
        (
            CopyRdma { len_bytes: 0, source_ioba: wraps, ..good },
            ReturnCode::S_PARM,
            "empty, but outside",
        ),
    ] {
        assert_eq!(copy(&mut machine, call), expected, "{why}");
    }
    for (source, destination, expected) in [
        (Access::Read, Access::Write, ReturnCode::SUCCESS),
        (Access::ReadWrite, Access::ReadWrite, ReturnCode::SUCCESS),
        (Access::Write, Access::Write, ReturnCode::PERMISSION),
        (Access::Read, Access::Read, ReturnCode::PERMISSION),
        (Access::Read, Access::None, ReturnCode::PERMISSION),
    ] {
        machine.map(MGMT, 1, 20, source);
        machine.map(HYP, 1, 20, destination);
        assert_eq!(copy(&mut machine, good), expected, "{source:?} to {destination:?}");
    }
    let (own, remote) = (machine.end(HYP).liobn, machine.remote_liobn());
    for (source_liobn, destination_liobn, expected) in
        [(remote, own, ReturnCode::S_PARM), (own, remote, ReturnCode::D_PARM)]
    {
        let call = CopyRdma { source_liobn, destination_liobn, ..good };
        let code = machine.call(HYP, Hcall::CopyRdma(call)).code;
        assert_eq!(code, expected, "the platform partition has no second pane");
    }
    assert_eq!(machine.call(HYP, Hcall::CopyRdma(good)).code, ReturnCode::S_PARM);
    assert_eq!(machine.call_as(ORDINARY, Hcall::CopyRdma(good)).code, ReturnCode::S_PARM);
}

fn an_unknown_opcode_is_not_supported<P: Backend>() {
    let machine = Machine::<P>::new();
    let registers = |opcode| Registers { opcode, args: [0; 9] };
    let call = |opcode| {
        machine.hypervisor.hcall_registers(machine.id(MGMT), &registers(opcode), &mut ()).r3
    };
    assert_eq!(call(0x4), ReturnCode::FUNCTION.0);
    assert_eq!(call(opcode::XIRR), ReturnCode::SUCCESS.0);
}
