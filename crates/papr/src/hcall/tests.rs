//! Calls and returns against the registers that the architecture gives them.

use super::*;
use alloc::format;
use proptest::prelude::*;

/// Every call with its opcode, its name and its arguments, each argument recognisable by its place.
const CALLS: [(Hcall, u64, &str, &[u64]); 13] = [
    (Hcall::GetTce { liobn: Liobn(0xA4), ioba: Ioba(0xA5) }, 0x1C, "H_GET_TCE", &[0xA4, 0xA5]),
    (
        Hcall::PutTce { liobn: Liobn(0xA4), ioba: Ioba(0xA5), tce: Tce(0xA6) },
        0x20,
        "H_PUT_TCE",
        &[0xA4, 0xA5, 0xA6],
    ),
    (Hcall::Eoi { xirr: Xirr(0xFF00_00A4) }, 0x64, "H_EOI", &[0xFF00_00A4]),
    (Hcall::Xirr, 0x74, "H_XIRR", &[]),
    (
        Hcall::RegCrq { unit_address: UnitAddress(0xA4), queue: Ioba(0xA5), len_bytes: 0xA6 },
        0xFC,
        "H_REG_CRQ",
        &[0xA4, 0xA5, 0xA6],
    ),
    (Hcall::FreeCrq { unit_address: UnitAddress(0xA4) }, 0x100, "H_FREE_CRQ", &[0xA4]),
    (
        Hcall::VioSignal { unit_address: UnitAddress(0xA4), mode: 0xA5 },
        0x104,
        "H_VIO_SIGNAL",
        &[0xA4, 0xA5],
    ),
    (
        Hcall::SendCrq {
            unit_address: UnitAddress(0xA4),
            entry: CrqEntry([0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
        },
        0x108,
        "H_SEND_CRQ",
        &[0xA4, 0x8001_0203_0405_0607, 0x0809_0A0B_0C0D_0E0F],
    ),
    (
        Hcall::CopyRdma(CopyRdma {
            len_bytes: 0xA4,
            source_liobn: Liobn(0xA5),
            source_ioba: Ioba(0xA6),
            destination_liobn: Liobn(0xA7),
            destination_ioba: Ioba(0xA8),
        }),
        0x110,
        "H_COPY_RDMA",
        &[0xA4, 0xA5, 0xA6, 0xA7, 0xA8],
    ),
    (
        Hcall::StuffTce { liobn: Liobn(0xA4), ioba: Ioba(0xA5), tce: Tce(0xA6), count: 0xA7 },
        0x138,
        "H_STUFF_TCE",
        &[0xA4, 0xA5, 0xA6, 0xA7],
    ),
    (
        Hcall::PutTceIndirect {
            liobn: Liobn(0xA4),
            ioba: Ioba(0xA5),
            list: GuestAddress(0xA6),
            count: 0xA7,
        },
        0x13C,
        "H_PUT_TCE_INDIRECT",
        &[0xA4, 0xA5, 0xA6, 0xA7],
    ),
    (Hcall::EnableCrq { unit_address: UnitAddress(0xA4) }, 0x2B0, "H_ENABLE_CRQ", &[0xA4]),
    (Hcall::RequestVmc, 0x360, "H_REQUEST_VMC", &[]),
];

#[test]
fn each_call_has_its_golden_opcode_name_and_registers() {
    for (call, opcode, name, used) in CALLS {
        let mut args = [0; 9];
        args[..used.len()].copy_from_slice(used);
        let registers = Registers { opcode, args };
        assert_eq!(call.to_registers(), registers, "{name}");
        assert_eq!(Hcall::from_registers(&registers), Ok(call));
        assert_eq!((call.opcode(), call.name()), (opcode, name));
        assert_eq!(format!("{}", call.kind()), name);
    }
}

#[test]
fn the_list_of_opcodes_is_complete() {
    assert!(opcode::ALL.iter().eq(CALLS.iter().map(|(_, opcode, ..)| opcode)));
}

#[test]
fn an_opcode_without_a_call_is_refused_with_its_number() {
    for opcode in [0, 0x18, 0x21, 0x364, 0x1_0000_0020, u64::MAX] {
        let registers = Registers { opcode, args: [0; 9] };
        assert_eq!(Hcall::from_registers(&registers), Err(UnknownOpcode(opcode)));
        assert_eq!(opcode::name(opcode), None);
    }
    assert_eq!(format!("{}", UnknownOpcode(0x18)), "no hypervisor call has the opcode 0x18");
}

#[test]
fn the_xirr_of_an_eoi_is_the_low_half_of_its_register() {
    let mut registers = Registers { opcode: opcode::EOI, args: [0; 9] };
    registers.args[0] = 0xDEAD_BEEF_0512_3456;
    assert_eq!(Hcall::from_registers(&registers), Ok(Hcall::Eoi { xirr: Xirr(0x0512_3456) }));
}

#[test]
fn source_and_destination_of_a_copy_are_not_mixed_up() {
    let copy = CopyRdma {
        len_bytes: 32,
        source_liobn: Liobn(1),
        source_ioba: Ioba(0x1000),
        destination_liobn: Liobn(2),
        destination_ioba: Ioba(0x2000),
    };
    assert_eq!(copy.source(), IoRange { liobn: Liobn(1), ioba: Ioba(0x1000), len_bytes: 32 });
    assert_eq!(copy.destination(), IoRange { liobn: Liobn(2), ioba: Ioba(0x2000), len_bytes: 32 });
}

#[test]
fn an_xirr_is_a_priority_over_a_source_of_24_bits() {
    let xirr = Xirr::new(0x05, InterruptSource(0x12_3456));
    assert_eq!(xirr, Xirr(0x0512_3456));
    assert_eq!((xirr.cppr(), xirr.source()), (0x05, Some(InterruptSource(0x12_3456))));
    // A source that is too wide must not reach the priority.
    assert_eq!(Xirr::new(0x05, InterruptSource(0xFF00_0001)), Xirr(0x0500_0001));
}

#[test]
fn source_0_means_that_no_interrupt_is_pending_whatever_the_priority() {
    assert_eq!(Xirr(0).source(), None);
    assert_eq!(Xirr(0xFF00_0000).source(), None);
}

#[test]
fn a_return_fills_r3_and_r4_only() {
    assert_eq!(
        HcallReturn::success_with(0x3000_0102).to_registers(),
        ReturnRegisters { r3: 0, r4_to_r12: [0x3000_0102, 0, 0, 0, 0, 0, 0, 0, 0] }
    );
    assert_eq!(
        HcallReturn::from(ReturnCode::DROPPED).to_registers(),
        ReturnRegisters { r3: -12, r4_to_r12: [0; 9] }
    );
}

#[test]
fn a_return_shows_r4_only_when_it_says_something() {
    assert_eq!(format!("{:?}", HcallReturn::from(ReturnCode::CLOSED)), "H_Closed");
    assert_eq!(format!("{:?}", HcallReturn::success_with(0x10)), "H_Success r4=0x10");
}

fn any_registers() -> impl Strategy<Value = Registers> {
    (proptest::sample::select(opcode::ALL), any::<[u64; 9]>())
        .prop_map(|(opcode, args)| Registers { opcode, args })
}

proptest! {
    /// What the caller passes comes back bit for bit, but for what the call does not look at: unused
    /// registers, and the high half of an XIRR.
    #[test]
    fn registers_survive_the_typed_form(registers in any_registers()) {
        let (.., used) = CALLS.into_iter().find(|&(_, o, ..)| o == registers.opcode).unwrap();
        let mut expected = registers;
        expected.args[used.len()..].fill(0);
        if registers.opcode == opcode::EOI {
            expected.args[0] &= 0xFFFF_FFFF;
        }
        let call = Hcall::from_registers(&registers).unwrap();
        prop_assert_eq!(call.to_registers(), expected);
        prop_assert_eq!(Hcall::from_registers(&expected), Ok(call));
    }

    #[test]
    fn any_opcode_is_a_call_or_refused_with_its_number(opcode: u64, args: [u64; 9]) {
        match Hcall::from_registers(&Registers { opcode, args }) {
            Ok(call) => prop_assert_eq!(call.opcode(), opcode),
            Err(UnknownOpcode(refused)) => prop_assert_eq!(refused, opcode),
        }
    }
}
