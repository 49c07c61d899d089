//! LoPAR, CRQ Facility Requirements about interrupts, and the three hcalls.

use super::{HYP, MGMT, Machine, ORDINARY, message, on_both_runtimes};
use crate::endpoint::Side;
use crate::{Backend, Event};
use papr::{Hcall, InterruptSource, ReturnCode, Xirr};

on_both_runtimes![
    lopar_crq_r1_19_an_interrupt_is_accepted_with_h_xirr_and_ended_with_h_eoi,
    lopar_crq_r1_20_interrupts_are_disabled_at_boot,
    lopar_crq_r1_21_registering_disables_interrupts,
    lopar_crq_r1_22_deregistering_disables_interrupts,
    lopar_crq_r1_23_an_enqueue_interrupts_unless_one_is_outstanding,
    lopar_crq_r1_24_no_interrupt_while_disabled_but_a_pending_one_stays,
    h_vio_signal_ignores_bits_without_an_interrupt,
    h_eoi_takes_only_a_source_of_the_caller,
    a_failed_partition_leaves_no_interrupt_behind,
];

/// The source of the interrupt that a side accepts, if there is one.
fn accept<P: Backend>(machine: &mut Machine<P>, side: Side) -> Option<InterruptSource> {
    let accepted = machine.call(side, Hcall::Xirr);
    assert_eq!(accepted.code, ReturnCode::SUCCESS);
    Xirr(u32::try_from(accepted.r4).unwrap()).source()
}

fn end<P: Backend>(machine: &mut Machine<P>, side: Side) {
    let xirr = Xirr::new(0xFF, machine.end(side).interrupt);
    assert!(machine.call(side, Hcall::Eoi { xirr }).code.is_success());
}

/// How many interrupts have become pending.
fn pended<P: Backend>(machine: &Machine<P>) -> usize {
    let pending = |event: &&Event| matches!(event, Event::InterruptPending { .. });
    machine.events.iter().filter(pending).count()
}

fn lopar_crq_r1_19_an_interrupt_is_accepted_with_h_xirr_and_ended_with_h_eoi<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.set_interrupts(HYP, true);
    assert_eq!(machine.call(HYP, Hcall::Xirr).r4, 0);
    machine.send(MGMT, message(1));
    let partition = machine.id(HYP);
    assert_eq!(machine.events.last(), Some(&Event::InterruptPending { partition }));
    assert_eq!(accept(&mut machine, MGMT), None, "it is the receiver's");
    end(&mut machine, HYP);
    let xirr = Xirr::new(0xFF, machine.end(HYP).interrupt);
    assert_eq!(machine.call(HYP, Hcall::Xirr).r4, xirr.0.into(), "ending it early took nothing");
    assert_eq!(accept(&mut machine, HYP), None, "it is presented once");
    end(&mut machine, HYP);
    assert_eq!(accept(&mut machine, HYP), None, "ending it presents nothing");
}

fn lopar_crq_r1_20_interrupts_are_disabled_at_boot<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.send(HYP, message(1));
    assert_eq!(pended(&machine), 0);
    machine.set_interrupts(MGMT, true);
    machine.crash(MGMT);
    machine.boot(MGMT);
    machine.register(MGMT, 1);
    machine.send(HYP, message(1));
    assert_eq!(pended(&machine), 0);
}

fn lopar_crq_r1_21_registering_disables_interrupts<P: Backend>() {
    let mut machine = Machine::<P>::new();
    machine.register(HYP, 1);
    machine.set_interrupts(MGMT, true);
    machine.register(MGMT, 1);
    machine.send(HYP, message(1));
    assert_eq!(pended(&machine), 0);
}

fn lopar_crq_r1_22_deregistering_disables_interrupts<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.set_interrupts(MGMT, true);
    machine.free(MGMT);
    assert!(!machine.end(MGMT).latch.pulse());
}

fn lopar_crq_r1_23_an_enqueue_interrupts_unless_one_is_outstanding<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.set_interrupts(MGMT, true);
    machine.send(HYP, message(1));
    machine.send(HYP, message(2));
    assert_eq!(pended(&machine), 1, "a second pulse while one is pending is lost");
    assert!(accept(&mut machine, MGMT).is_some());
    machine.send(HYP, message(3));
    assert_eq!(pended(&machine), 1, "and so is one before the first has been ended");
    end(&mut machine, MGMT);
    assert_eq!(accept(&mut machine, MGMT), None, "a lost pulse does not come back");
    machine.send(HYP, message(4));
    assert_eq!(pended(&machine), 2);
    assert!(accept(&mut machine, MGMT).is_some());
    end(&mut machine, MGMT);
    machine.free(HYP);
    assert_eq!(pended(&machine), 3, "a transport event is an enqueue too");
}

fn lopar_crq_r1_24_no_interrupt_while_disabled_but_a_pending_one_stays<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.set_interrupts(MGMT, true);
    machine.send(HYP, message(1));
    machine.set_interrupts(MGMT, false);
    assert!(accept(&mut machine, MGMT).is_some(), "it was outstanding before");
    end(&mut machine, MGMT);
    machine.send(HYP, message(2));
    assert_eq!(accept(&mut machine, MGMT), None);
    machine.set_interrupts(MGMT, true);
    assert_eq!(accept(&mut machine, MGMT), None, "enabling signals nothing by itself");
    assert_eq!(pended(&machine), 1);
}

fn h_vio_signal_ignores_bits_without_an_interrupt<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    let unit_address = machine.end(MGMT).unit_address;
    let mode = Hcall::VioSignal { unit_address, mode: !1 };
    assert_eq!(machine.call(MGMT, mode).code, ReturnCode::SUCCESS);
    assert!(!machine.end(MGMT).latch.pulse());
    let mode = Hcall::VioSignal { unit_address, mode: u64::MAX };
    assert_eq!(machine.call(MGMT, mode).code, ReturnCode::SUCCESS);
    assert!(machine.end(MGMT).latch.pulse());
}

fn h_eoi_takes_only_a_source_of_the_caller<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.set_interrupts(MGMT, true);
    machine.send(HYP, message(1));
    assert!(accept(&mut machine, MGMT).is_some());
    let own = Xirr::new(0, machine.end(MGMT).interrupt);
    let others = Xirr::new(0, machine.end(HYP).interrupt);
    for (caller, xirr) in [
        (machine.id(MGMT), others),
        (machine.id(MGMT), Xirr(0)),
        (machine.id(HYP), own),
        (ORDINARY, own),
    ] {
        let code = machine.call_as(caller, Hcall::Eoi { xirr }).code;
        assert_eq!(code, ReturnCode::PARAMETER, "{caller} {xirr:?}");
    }
    machine.send(HYP, message(2));
    assert_eq!(accept(&mut machine, MGMT), None, "it is still outstanding");
    end(&mut machine, MGMT);
    end(&mut machine, MGMT);
    machine.send(HYP, message(3));
    assert!(accept(&mut machine, MGMT).is_some(), "ending it once more was harmless");
}

fn a_failed_partition_leaves_no_interrupt_behind<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.set_interrupts(MGMT, true);
    machine.send(HYP, message(1));
    machine.crash(MGMT);
    machine.boot(MGMT);
    assert_eq!(accept(&mut machine, MGMT), None);
}
