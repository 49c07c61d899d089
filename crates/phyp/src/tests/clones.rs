//! A clone of the machine stands where the machine stood, in everything that a partition can see.

use super::{Deterministic, HYP, MGMT, Machine, message};
use crate::{BusyCall, VmcPresence};
use papr::{Access, Hcall, PAGE_SIZE, ReturnCode};

fn clone_of(machine: &Machine<Deterministic>) -> Machine<Deterministic> {
    Machine { hypervisor: machine.hypervisor.clone(), events: Vec::new() }
}

#[test]
fn a_clone_goes_on_with_the_connection_and_its_queues() {
    let mut machine = Machine::<Deterministic>::connected();
    machine.map(MGMT, 1, 20, Access::Read);
    machine.map(HYP, 1, 20, Access::Write);
    machine.send(MGMT, message(1));
    let mut other = clone_of(&machine);
    assert_eq!(other.send(MGMT, message(2)), ReturnCode::SUCCESS);
    assert_eq!((other.take(HYP, 0), other.take(HYP, 1)), (Some(message(1)), Some(message(2))));
    assert_eq!(machine.take(HYP, 1), None, "each has its own queue");
    let copy = other.to_hyp(PAGE_SIZE, PAGE_SIZE, 8);
    assert_eq!(other.call(MGMT, Hcall::CopyRdma(copy)).code, ReturnCode::SUCCESS);
    assert_eq!(other.register(MGMT, 1), ReturnCode::RESOURCE);
}

#[test]
fn a_clone_has_the_suspension_and_the_scripted_answers() {
    let mut machine = Machine::<Deterministic>::connected();
    machine.suspend_partner_of(MGMT);
    machine.hypervisor.answer_busy(machine.id(MGMT), BusyCall::EnableCrq, &[ReturnCode::BUSY]);
    let mut other = clone_of(&machine);
    assert_eq!(other.send(MGMT, message(1)), ReturnCode::CLOSED);
    assert_eq!(other.enable(MGMT), ReturnCode::BUSY);
    assert_eq!(other.enable(MGMT), ReturnCode::SUCCESS);
    assert_eq!(other.send(MGMT, message(1)), ReturnCode::SUCCESS);
}

#[test]
fn a_clone_has_the_interrupt_that_is_pending_and_its_mode() {
    let mut machine = Machine::<Deterministic>::connected();
    machine.set_interrupts(HYP, true);
    machine.set_interrupts(MGMT, true);
    machine.send(MGMT, message(1));
    let mut other = clone_of(&machine);
    assert_ne!(other.call(HYP, Hcall::Xirr).r4, 0, "it is still pending");
    other.send(HYP, message(2));
    assert_ne!(other.call(MGMT, Hcall::Xirr).r4, 0, "interrupts are still enabled");
}

#[test]
fn a_clone_of_a_crashed_partition_makes_no_calls_until_it_boots() {
    let mut machine = Machine::<Deterministic>::connected();
    machine.crash(MGMT);
    let mut other = clone_of(&machine);
    assert_eq!(other.map(MGMT, 0, 1, Access::Read), ReturnCode::HARDWARE);
    other.boot(MGMT);
    assert_eq!(other.register(MGMT, 1), ReturnCode::SUCCESS);
    assert_eq!(machine.map(MGMT, 0, 1, Access::Read), ReturnCode::HARDWARE);
}

/// The copy began in a life of the partition that is over in the clone too.
#[test]
fn a_clone_does_not_finish_a_copy_from_before_a_crash() {
    let mut machine = Machine::<Deterministic>::connected();
    machine.map(MGMT, 1, 20, Access::Read);
    machine.map(HYP, 1, 20, Access::Write);
    let copy = machine.to_hyp(PAGE_SIZE, PAGE_SIZE, 8);
    let pinned = machine.hypervisor.copy_rdma_begin(machine.id(MGMT), &copy).unwrap();
    machine.crash(MGMT);
    machine.boot(MGMT);
    machine.map(MGMT, 1, 20, Access::Read);
    let other = clone_of(&machine);
    assert_eq!(other.hypervisor.copy_rdma_finish(pinned), ReturnCode::PERMISSION);
}

#[test]
fn a_clone_has_a_vmc_only_if_the_machine_has_one() {
    let mut machine = Machine::<Deterministic>::with(|config| {
        config.vmc = VmcPresence::OnRequest;
        config.hmc_attached = true;
    });
    let mut other = clone_of(&machine);
    assert_eq!(other.hypervisor.vmc_node(), None);
    assert_eq!(other.call(MGMT, Hcall::RequestVmc).code, ReturnCode::NOT_AVAILABLE);
    machine.hypervisor.set_hmc_attached(false);
    machine.call(MGMT, Hcall::RequestVmc);
    let other = clone_of(&machine);
    assert!(other.hypervisor.vmc_node().is_some());
    assert_eq!(other.hypervisor.vmc_node(), machine.hypervisor.vmc_node());
}
