//! Injected entries, and whether a partition runs.

use super::{HYP, MGMT, Machine, ORDINARY, message, on_both_runtimes};
use crate::endpoint::Side;
use crate::{Backend, Event};
use papr::{Access, CrqEntry, PAGE_SIZE, PartitionId, ReturnCode, TransportEvent};

on_both_runtimes![
    an_injected_entry_is_enqueued_whatever_its_header,
    an_injected_entry_takes_its_turn_and_interrupts_as_any_other,
    an_injected_transport_event_changes_nothing_of_the_connection,
    an_entry_is_injected_without_a_partner,
    an_entry_is_injected_into_a_disabled_connection,
    injection_needs_a_registered_queue,
    injection_needs_room,
    a_free_element_is_no_entry,
    a_partition_runs_except_from_a_crash_to_the_next_boot,
];

fn inject<P: Backend>(
    machine: &mut Machine<P>,
    to: Side,
    entry: CrqEntry,
) -> Result<(), ReturnCode> {
    let to = machine.id(to);
    machine.hypervisor.inject(to, entry, &mut |event| machine.events.push(event))
}

fn with_header(header: u8) -> CrqEntry {
    CrqEntry::from_words(u64::from(header) << 56 | 0x33 << 48, 0)
}

fn an_injected_entry_is_enqueued_whatever_its_header<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    for header in 1..=u8::MAX {
        let element = u32::from(header) - 1;
        let entry = with_header(header);
        assert_eq!(inject(&mut machine, MGMT, entry), Ok(()));
        let to = machine.id(MGMT);
        let enqueued = Event::Enqueued { to, element, entry, overlaid: None };
        assert_eq!(machine.events.last(), Some(&enqueued));
        assert_eq!(machine.take(MGMT, element.into()), Some(entry));
    }
}

fn an_injected_entry_takes_its_turn_and_interrupts_as_any_other<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.set_interrupts(HYP, true);
    machine.send(MGMT, message(1));
    machine.events.clear();
    assert_eq!(inject(&mut machine, HYP, message(2)), Ok(()));
    assert_eq!(machine.events.len(), 1, "an interrupt is pending already");
    machine.send(MGMT, message(3));
    for element in 0..3 {
        assert_eq!(machine.take(HYP, element), Some(message(element + 1)));
    }

    machine.set_interrupts(MGMT, true);
    machine.events.clear();
    assert_eq!(inject(&mut machine, MGMT, message(4)), Ok(()));
    let partition = machine.id(MGMT);
    assert_eq!(machine.events[1..], [Event::InterruptPending { partition }]);
}

fn an_injected_transport_event_changes_nothing_of_the_connection<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    for event in [
        TransportEvent::PARTNER_FAILED,
        TransportEvent::PARTNER_DEREGISTERED,
        TransportEvent::PARTNER_SUSPENDED,
    ] {
        assert_eq!(inject(&mut machine, MGMT, CrqEntry::transport_event(event)), Ok(()));
    }
    assert_eq!(machine.send(MGMT, message(1)), ReturnCode::SUCCESS);
    assert_eq!(machine.send(HYP, message(2)), ReturnCode::SUCCESS);
    assert_eq!(machine.take(MGMT, 3), Some(message(2)));
}

fn an_entry_is_injected_without_a_partner<P: Backend>() {
    let mut machine = Machine::<P>::new();
    assert_eq!(machine.register(MGMT, 1), ReturnCode::CLOSED);
    assert_eq!(inject(&mut machine, MGMT, message(1)), Ok(()));
    assert_eq!(machine.take(MGMT, 0), Some(message(1)));
}

fn an_entry_is_injected_into_a_disabled_connection<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.suspend_partner_of(MGMT);
    assert_eq!(machine.send(MGMT, message(1)), ReturnCode::CLOSED);
    assert_eq!(inject(&mut machine, HYP, message(1)), Ok(()));
    assert_eq!(machine.take(HYP, 0), Some(message(1)));
}

fn injection_needs_a_registered_queue<P: Backend>() {
    let mut machine = Machine::<P>::new();
    assert_eq!(inject(&mut machine, MGMT, message(1)), Err(ReturnCode::CLOSED));
    for other in [ORDINARY, PartitionId(99)] {
        let injected = machine.hypervisor.inject(other, message(1), &mut ());
        assert_eq!(injected, Err(ReturnCode::CLOSED));
    }
    let mut machine = Machine::<P>::connected();
    machine.free(MGMT);
    assert_eq!(inject(&mut machine, MGMT, message(1)), Err(ReturnCode::CLOSED));
    machine.crash(HYP);
    machine.events.clear();
    assert_eq!(inject(&mut machine, HYP, message(1)), Err(ReturnCode::CLOSED));
    assert_eq!(machine.events, []);
}

fn injection_needs_room<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    for n in 0..PAGE_SIZE / papr::crq::ENTRY_SIZE {
        assert_eq!(inject(&mut machine, MGMT, message(n)), Ok(()));
    }
    machine.events.clear();
    let event = CrqEntry::transport_event(TransportEvent::PARTNER_FAILED);
    assert_eq!(inject(&mut machine, MGMT, event), Err(ReturnCode::DROPPED), "nothing is overlaid");
    assert_eq!(machine.events, []);
    machine.take(MGMT, 0);
    assert_eq!(inject(&mut machine, MGMT, event), Ok(()));
    assert_eq!(machine.take(MGMT, 0), Some(event));

    machine.take(MGMT, 1);
    assert!(machine.map(MGMT, 0, super::queue_frame(0), Access::None).is_success());
    assert_eq!(inject(&mut machine, MGMT, event), Err(ReturnCode::DROPPED), "its page is gone");
}

fn a_free_element_is_no_entry<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    assert_eq!(inject(&mut machine, MGMT, with_header(0)), Err(ReturnCode::PARAMETER));
    assert_eq!(machine.events, []);
    machine.send(HYP, message(1));
    assert_eq!(machine.take(MGMT, 0), Some(message(1)), "there is no gap in front of it");
}

fn a_partition_runs_except_from_a_crash_to_the_next_boot<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    let runs = |machine: &Machine<P>, side| machine.hypervisor.is_running(machine.id(side));
    assert!(runs(&machine, MGMT) && runs(&machine, HYP));
    machine.crash(MGMT);
    assert!(!runs(&machine, MGMT) && runs(&machine, HYP));
    machine.boot(MGMT);
    assert!(runs(&machine, MGMT));
    machine.terminate_partner_of(MGMT);
    assert!(!runs(&machine, HYP));
    for other in [ORDINARY, PartitionId(99)] {
        machine.hypervisor.crash(other, &mut ());
        assert!(machine.hypervisor.is_running(other));
    }
}
