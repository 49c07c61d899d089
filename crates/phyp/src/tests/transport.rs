//! Registering, freeing, suspending: the life of a connection.

use super::{HYP, MGMT, Machine, message, on_both_runtimes};
use crate::{Backend, BusyCall, Event, VmcPresence};
use papr::{Access, CrqEntry, Hcall, ReturnCode, TransportEvent};

on_both_runtimes![
    registering_second_completes_the_connection_from_either_side,
    a_partner_that_comes_back_finds_the_other_side_registered,
    a_busy_free_has_closed_the_connection_already,
    a_busy_answer_that_is_an_error_changes_nothing,
    busy_answers_of_a_queue_that_is_not_registered_close_nothing,
    a_partner_that_frees_meanwhile_does_not_reach_a_queue_that_is_closing,
    a_suspended_partner_disables_sending_until_the_queue_is_enabled,
    registering_anew_enables_the_queue,
    h_enable_crq_is_busy_as_scripted,
    scripted_answers_follow_those_that_are_still_to_come,
    an_event_may_overlay_an_event,
    mappings_survive_what_the_partner_does,
    a_crash_while_a_free_is_busy_is_reported_as_a_failure,
    a_failed_partition_makes_no_calls,
    a_call_under_way_when_its_partition_fails_leaves_nothing_behind,
    a_boot_does_nothing_to_a_partition_that_runs,
    without_the_vmc_there_is_no_connection,
    a_request_makes_the_vmc_once,
    the_node_shows_the_size_of_each_pane,
];

fn event(event: TransportEvent) -> Option<CrqEntry> {
    Some(CrqEntry::transport_event(event))
}

fn registering_second_completes_the_connection_from_either_side<P: Backend>() {
    for (first, second) in [(MGMT, HYP), (HYP, MGMT)] {
        let mut machine = Machine::<P>::new();
        assert_eq!(machine.register(first, 1), ReturnCode::CLOSED);
        assert_eq!(machine.register(second, 1), ReturnCode::SUCCESS);
        assert_eq!(machine.register(first, 1), ReturnCode::RESOURCE);
        assert_eq!(machine.send(first, message(1)), ReturnCode::SUCCESS);
        assert_eq!(machine.send(second, message(2)), ReturnCode::SUCCESS);
    }
}

fn a_partner_that_comes_back_finds_the_other_side_registered<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.free(HYP);
    assert_eq!(machine.send(MGMT, message(1)), ReturnCode::CLOSED);
    assert_eq!(machine.register(HYP, 1), ReturnCode::SUCCESS);
    assert_eq!(machine.send(MGMT, message(1)), ReturnCode::SUCCESS);
    machine.crash(HYP);
    machine.boot(HYP);
    assert_eq!(machine.register(HYP, 1), ReturnCode::SUCCESS);
    assert_eq!(machine.send(HYP, message(2)), ReturnCode::SUCCESS);
    assert_eq!(machine.take(MGMT, 0), event(TransportEvent::PARTNER_DEREGISTERED));
    assert_eq!(machine.take(MGMT, 1), event(TransportEvent::PARTNER_FAILED));
    assert_eq!(machine.take(MGMT, 2), Some(message(2)));
}

fn a_busy_free_has_closed_the_connection_already<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.set_interrupts(MGMT, true);
    let codes = [ReturnCode::BUSY, ReturnCode::LONG_BUSY_10_MSEC];
    machine.hypervisor.answer_busy(machine.id(MGMT), BusyCall::FreeCrq, &codes);
    assert_eq!(machine.free(MGMT), ReturnCode::BUSY);
    assert_eq!(machine.send(HYP, message(1)), ReturnCode::CLOSED, "nothing new comes in");
    assert_eq!(machine.send(MGMT, message(1)), ReturnCode::CLOSED);
    assert_eq!(machine.register(MGMT, 1), ReturnCode::RESOURCE);
    machine.suspend_partner_of(MGMT);
    assert_eq!(machine.events, [], "no entry, no interrupt, and the partner knows nothing yet");
    assert_eq!(machine.free(MGMT), ReturnCode::LONG_BUSY_10_MSEC);
    assert_eq!(machine.free(MGMT), ReturnCode::SUCCESS);
    assert_eq!(machine.take(HYP, 0), event(TransportEvent::PARTNER_DEREGISTERED));
    assert_eq!(machine.register(MGMT, 1), ReturnCode::SUCCESS);
}

fn a_busy_answer_that_is_an_error_changes_nothing<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    let codes = [ReturnCode::HARDWARE];
    machine.hypervisor.answer_busy(machine.id(MGMT), BusyCall::FreeCrq, &codes);
    assert_eq!(machine.free(MGMT), ReturnCode::HARDWARE);
    assert_eq!(machine.send(HYP, message(1)), ReturnCode::SUCCESS);
}

fn busy_answers_of_a_queue_that_is_not_registered_close_nothing<P: Backend>() {
    let mut machine = Machine::<P>::new();
    let codes = [ReturnCode::BUSY];
    machine.hypervisor.answer_busy(machine.id(MGMT), BusyCall::FreeCrq, &codes);
    assert_eq!(machine.free(MGMT), ReturnCode::BUSY);
    assert_eq!(machine.register(MGMT, 1), ReturnCode::CLOSED);
}

fn a_partner_that_frees_meanwhile_does_not_reach_a_queue_that_is_closing<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.hypervisor.answer_busy(machine.id(MGMT), BusyCall::FreeCrq, &[ReturnCode::BUSY]);
    assert_eq!(machine.free(MGMT), ReturnCode::BUSY);
    assert_eq!(machine.free(HYP), ReturnCode::SUCCESS);
    assert_eq!(machine.register(HYP, 1), ReturnCode::CLOSED, "the partner counts as gone");
    assert_eq!(machine.events, []);
    assert_eq!(machine.free(MGMT), ReturnCode::SUCCESS);
    assert_eq!(machine.take(HYP, 0), event(TransportEvent::PARTNER_DEREGISTERED));
}

fn a_suspended_partner_disables_sending_until_the_queue_is_enabled<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.suspend_partner_of(MGMT);
    assert_eq!(machine.take(MGMT, 0), event(TransportEvent::PARTNER_SUSPENDED));
    assert_eq!(machine.send(MGMT, message(1)), ReturnCode::CLOSED);
    assert_eq!(machine.send(HYP, message(2)), ReturnCode::SUCCESS, "the partner's is not disabled");
    assert_eq!(machine.enable(HYP), ReturnCode::SUCCESS, "nor enabled by its call");
    assert_eq!(machine.send(MGMT, message(1)), ReturnCode::CLOSED);
    assert_eq!(machine.enable(MGMT), ReturnCode::SUCCESS);
    assert_eq!(machine.send(MGMT, message(1)), ReturnCode::SUCCESS);
    assert_eq!(machine.enable(MGMT), ReturnCode::SUCCESS, "enabling twice is harmless");
}

fn registering_anew_enables_the_queue<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.suspend_partner_of(MGMT);
    machine.free(MGMT);
    assert_eq!(machine.register(MGMT, 1), ReturnCode::SUCCESS);
    assert_eq!(machine.send(MGMT, message(1)), ReturnCode::SUCCESS);
}

fn h_enable_crq_is_busy_as_scripted<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.suspend_partner_of(MGMT);
    let codes = [ReturnCode::LONG_BUSY_10_MSEC, ReturnCode::BUSY];
    machine.hypervisor.answer_busy(machine.id(MGMT), BusyCall::EnableCrq, &codes);
    for code in codes {
        assert_eq!(machine.enable(MGMT), code);
        assert_eq!(machine.send(MGMT, message(1)), ReturnCode::CLOSED);
    }
    assert_eq!(machine.enable(MGMT), ReturnCode::SUCCESS);
    assert_eq!(machine.send(MGMT, message(1)), ReturnCode::SUCCESS);
}

fn scripted_answers_follow_those_that_are_still_to_come<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    let codes = [ReturnCode::LONG_BUSY_10_MSEC, ReturnCode::BUSY];
    for code in codes {
        machine.hypervisor.answer_busy(machine.id(MGMT), BusyCall::EnableCrq, &[code]);
    }
    assert_eq!([machine.enable(MGMT), machine.enable(MGMT)], codes);
    assert_eq!(machine.enable(MGMT), ReturnCode::SUCCESS);
}

/// In a full queue.
fn an_event_may_overlay_an_event<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    for n in 1..=256 {
        machine.send(HYP, message(n));
    }
    machine.suspend_partner_of(MGMT);
    machine.events.clear();
    machine.crash(HYP);
    let entry = CrqEntry::transport_event(TransportEvent::PARTNER_FAILED);
    let overlaid = Some(CrqEntry::transport_event(TransportEvent::PARTNER_SUSPENDED));
    let to = machine.id(MGMT);
    assert_eq!(machine.events, [Event::Enqueued { to, element: 255, entry, overlaid }]);
    assert_eq!(machine.take(MGMT, 255), Some(entry));
}

/// LoPAR, General VIO Requirements, R1-15.
fn mappings_survive_what_the_partner_does<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.map(MGMT, 5, 55, Access::Read);
    machine.free(MGMT);
    machine.crash(HYP);
    machine.boot(HYP);
    assert_eq!(machine.end(MGMT).window.get(5).map(|tce| tce.access()), Some(Access::Read));
    assert_eq!(machine.end(HYP).window.get(0).map(|tce| tce.access()), Some(Access::None));
}

fn a_crash_while_a_free_is_busy_is_reported_as_a_failure<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.hypervisor.answer_busy(machine.id(MGMT), BusyCall::FreeCrq, &[ReturnCode::BUSY; 9]);
    machine.free(MGMT);
    machine.crash(MGMT);
    assert_eq!(machine.take(HYP, 0), event(TransportEvent::PARTNER_FAILED));
    machine.boot(MGMT);
    assert_eq!(machine.register(MGMT, 1), ReturnCode::SUCCESS);
    assert_eq!(machine.free(MGMT), ReturnCode::SUCCESS, "its script ended with it");
}

fn a_failed_partition_makes_no_calls<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.fill(MGMT, 3, 0xAA);
    machine.crash(MGMT);
    assert_eq!(machine.bytes(MGMT, 3 * 4096, 1), [0], "its memory is gone");
    let unit_address = machine.end(MGMT).unit_address;
    assert_eq!(machine.call(MGMT, Hcall::FreeCrq { unit_address }).code, ReturnCode::HARDWARE);
    assert_eq!(machine.map(MGMT, 0, 1, Access::Read), ReturnCode::HARDWARE);
    assert_eq!(machine.send(HYP, message(1)), ReturnCode::CLOSED);
    machine.boot(MGMT);
    assert_eq!(machine.register(MGMT, 1), ReturnCode::SUCCESS, "the partner is still registered");
}

/// The calls are made as if they had found the partition running.
fn a_call_under_way_when_its_partition_fails_leaves_nothing_behind<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.crash(MGMT);
    let (caller, end) = (Some(MGMT), machine.end(MGMT));
    let (hypervisor, ioba) = (&machine.hypervisor, super::QUEUE);
    let tce = papr::Tce::new(papr::GuestAddress(0), Access::ReadWrite);
    assert_eq!(hypervisor.put_tce(caller, end.liobn, ioba, tce), Err(ReturnCode::HARDWARE));
    let registered = hypervisor.reg_crq(caller, end.unit_address, ioba, 4096);
    assert_eq!(registered, Err(ReturnCode::PARAMETER));
    assert_eq!(
        hypervisor.free_crq(caller, end.unit_address, &mut ()),
        Ok(ReturnCode::SUCCESS.into())
    );
    assert_eq!(hypervisor.vio_signal(caller, end.unit_address, 1), Ok(ReturnCode::SUCCESS.into()));
    machine.boot(MGMT);
    assert_eq!(machine.end(MGMT).window.get(0), Some(papr::Tce::INVALID));
    assert!(!machine.end(MGMT).latch.pulse(), "interrupts are disabled");
    assert_eq!(machine.take(HYP, 1), None, "the partner got one event");
}

fn a_boot_does_nothing_to_a_partition_that_runs<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.fill(MGMT, 3, 0xAA);
    machine.boot(MGMT);
    assert_eq!(machine.bytes(MGMT, 3 * 4096, 1), [0xAA]);
    assert_eq!(machine.send(HYP, message(1)), ReturnCode::SUCCESS);
}

fn without_the_vmc_there_is_no_connection<P: Backend>() {
    let mut machine = Machine::<P>::with(|config| config.vmc = VmcPresence::OnRequest);
    assert_eq!(machine.hypervisor.vmc_node(), None);
    assert_eq!(machine.register(HYP, 1), ReturnCode::NOT_FOUND);
    assert_eq!(machine.map(MGMT, 0, 1, Access::Read), ReturnCode::PARAMETER);
    assert_eq!(machine.register_at(MGMT, super::QUEUE, 4096), ReturnCode::PARAMETER);
    let copy = machine.to_hyp(0, 0, 1);
    assert_eq!(machine.call(MGMT, Hcall::CopyRdma(copy)).code, ReturnCode::S_PARM);
    assert!(machine.call(MGMT, Hcall::RequestVmc).code.is_success());
    assert_eq!(machine.register(HYP, 1), ReturnCode::CLOSED);
    assert_eq!(machine.register(MGMT, 1), ReturnCode::SUCCESS);
}

fn a_request_makes_the_vmc_once<P: Backend>() {
    let mut machine = Machine::<P>::with(|config| {
        config.hmc_attached = true;
    });
    assert_eq!(machine.hypervisor.vmc_node(), None, "an HMC manages the system");
    let request = |machine: &mut Machine<P>, caller| machine.call_as(caller, Hcall::RequestVmc);
    let (management, platform) = (machine.id(MGMT), machine.id(HYP));
    assert_eq!(request(&mut machine, super::ORDINARY).code, ReturnCode::AUTHORITY);
    assert_eq!(request(&mut machine, platform).code, ReturnCode::AUTHORITY);
    assert_eq!(request(&mut machine, management).code, ReturnCode::NOT_AVAILABLE);
    machine.hypervisor.set_hmc_attached(false);
    let first = request(&mut machine, management);
    let node = machine.hypervisor.vmc_node().unwrap();
    assert_eq!((first.code, first.r4), (ReturnCode::SUCCESS, node.drc_index.0.into()));
    assert_eq!(request(&mut machine, management).code, ReturnCode::RESOURCE);
    assert_eq!(machine.events, [] as [Event; 0]);
    // The node is one that a driver's probe accepts, and its handles work.
    let properties = node.to_properties().unwrap();
    assert_eq!(papr::device_tree::VmcNode::parse(&properties), Ok(node.clone()));
    let get = Hcall::GetTce { liobn: node.local_window.liobn, ioba: papr::Ioba(0) };
    assert_eq!(machine.call(MGMT, get).code, ReturnCode::SUCCESS);
    let adapter = machine.hypervisor.platform_adapter();
    assert_eq!(adapter.window_pages * 4096, node.remote_window.size_bytes);
    machine.hypervisor.set_hmc_attached(true);
    assert_eq!(request(&mut machine, management).code, ReturnCode::NOT_AVAILABLE);
    assert!(machine.hypervisor.vmc_node().is_some(), "a device stays once it exists");
}

fn the_node_shows_the_size_of_each_pane<P: Backend>() {
    let machine = Machine::<P>::with(|config| {
        (config.management_window_pages, config.platform_window_pages) = (600, 700);
    });
    let node = machine.hypervisor.vmc_node().unwrap();
    let sizes = [node.local_window.size_bytes, node.remote_window.size_bytes];
    assert_eq!(sizes, [600 * 4096, 700 * 4096]);
    assert_eq!(machine.hypervisor.platform_adapter().window_pages, 700);
}
