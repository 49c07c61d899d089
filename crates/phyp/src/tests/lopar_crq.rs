//! LoPAR, CRQ Facility Requirements, each by its number.

use super::{HYP, MGMT, Machine, QUEUE, element_address, message, on_both_runtimes, queue_frame};
use crate::{Backend, Event, Memory};
use papr::{Access, CrqEntry, Header, InitFormat, Ioba, PAGE_SIZE, ReturnCode, TransportEvent};
use std::sync::atomic::Ordering;

on_both_runtimes![
    lopar_crq_r1_2_rejects_a_queue_that_is_not_4_kib_aligned,
    lopar_crq_r1_3_rejects_a_queue_that_is_not_a_multiple_of_4_kib_long,
    lopar_crq_r1_4_rejects_a_queue_that_is_not_mapped_in_the_first_pane,
    lopar_crq_r1_5_enqueues_from_offset_zero_in_a_circle,
    lopar_crq_r1_6_enqueues_only_into_a_free_entry,
    lopar_crq_r1_7_enqueues_the_sixteen_bytes_of_the_request,
    lopar_crq_r1_8_enqueues_nothing_without_a_registered_queue,
    lopar_crq_r1_9_neither_looks_at_nor_changes_other_bytes,
    lopar_crq_r1_10_takes_exactly_the_headers_a_sender_may_use,
    lopar_crq_r1_11_leaves_the_format_of_an_initialization_entry_to_the_partners,
    lopar_crq_r1_12_transport_events_have_their_architected_formats,
    lopar_crq_r1_13_reports_a_failed_partner,
    lopar_crq_r1_13_overlays_the_last_valid_entry_of_a_full_queue,
    lopar_crq_r1_14_reports_a_partner_that_deregistered,
    lopar_crq_r1_16_reports_a_partner_that_was_terminated_by_request,
    lopar_crq_r1_18_an_entry_goes_where_the_queue_is_mapped_now,
];

fn lopar_crq_r1_2_rejects_a_queue_that_is_not_4_kib_aligned<P: Backend>() {
    let mut machine = Machine::<P>::new();
    machine.map(MGMT, 0, 8, Access::ReadWrite);
    machine.map(MGMT, 1, 9, Access::ReadWrite);
    for offset in [1, 16, 2048, 4095] {
        let code = machine.register_at(MGMT, Ioba(offset), PAGE_SIZE);
        assert_eq!(code, ReturnCode::PARAMETER, "{offset}");
    }
    assert_eq!(machine.register_at(MGMT, Ioba(PAGE_SIZE), PAGE_SIZE), ReturnCode::CLOSED);
}

fn lopar_crq_r1_3_rejects_a_queue_that_is_not_a_multiple_of_4_kib_long<P: Backend>() {
    let mut machine = Machine::<P>::new();
    machine.map(MGMT, 0, 8, Access::ReadWrite);
    machine.map(MGMT, 1, 9, Access::ReadWrite);
    for len_bytes in [0, 16, 4095, 4097, 6144] {
        let code = machine.register_at(MGMT, QUEUE, len_bytes);
        assert_eq!(code, ReturnCode::PARAMETER, "{len_bytes}");
    }
    assert_eq!(machine.register_at(MGMT, QUEUE, 2 * PAGE_SIZE), ReturnCode::CLOSED);
}

fn lopar_crq_r1_4_rejects_a_queue_that_is_not_mapped_in_the_first_pane<P: Backend>() {
    let mut machine = Machine::<P>::new();
    let rejected = |machine: &mut Machine<P>, queue: u64, len_bytes, why: &str| {
        let code = machine.register_at(MGMT, Ioba(queue), len_bytes);
        assert_eq!(code, ReturnCode::PARAMETER, "{why}");
    };
    machine.map(HYP, 0, 8, Access::ReadWrite);
    rejected(&mut machine, 0, PAGE_SIZE, "mapped in the partner's pane only");
    machine.map(MGMT, 0, 8, Access::ReadWrite);
    rejected(&mut machine, 0, 2 * PAGE_SIZE, "the second page is not mapped");
    for access in [Access::Read, Access::Write] {
        machine.map(MGMT, 1, 9, access);
        rejected(&mut machine, 0, 2 * PAGE_SIZE, "a page that cannot be both read and written");
    }
    let pane = machine.end(MGMT).window.size_bytes();
    machine.map(MGMT, pane / PAGE_SIZE - 1, 10, Access::ReadWrite);
    rejected(&mut machine, pane - PAGE_SIZE, 2 * PAGE_SIZE, "it leaves the pane");
    rejected(&mut machine, pane, PAGE_SIZE, "it is outside of the pane");
    rejected(&mut machine, 0u64.wrapping_sub(PAGE_SIZE), 2 * PAGE_SIZE, "it wraps around");
    rejected(&mut machine, 0, 0u64.wrapping_sub(PAGE_SIZE), "it is as long as can be");
    assert_eq!(machine.register_at(MGMT, QUEUE, PAGE_SIZE), ReturnCode::CLOSED);
}

fn lopar_crq_r1_5_enqueues_from_offset_zero_in_a_circle<P: Backend>() {
    for (pages, entries) in [(1, 256), (16, 4096)] {
        let mut machine = Machine::<P>::new();
        machine.register(HYP, pages);
        machine.register(MGMT, 1);
        for n in 0..entries {
            assert!(machine.send(MGMT, message(n)).is_success(), "entry {n} of {entries}");
        }
        assert_eq!(machine.send(MGMT, message(entries)), ReturnCode::DROPPED);
        for element in 0..entries {
            assert_eq!(machine.take(HYP, element), Some(message(element)));
        }
        machine.send(MGMT, message(7));
        assert_eq!(machine.take(HYP, 0), Some(message(7)), "the second turn begins at the start");
        // A new registration starts over, wherever the last one had come to.
        machine.free(HYP);
        machine.register(HYP, pages);
        machine.send(MGMT, message(8));
        assert_eq!(machine.take(HYP, 0), Some(message(8)));
    }
}

fn lopar_crq_r1_6_enqueues_only_into_a_free_entry<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    for n in 0..256 {
        machine.send(MGMT, message(n));
    }
    machine.events.clear();
    assert_eq!(machine.send(MGMT, message(999)), ReturnCode::DROPPED);
    assert_eq!(machine.events, []);
    // Room elsewhere does not help: the next entry is the first one.
    machine.take(HYP, 1);
    assert_eq!(machine.send(MGMT, message(999)), ReturnCode::DROPPED);
    assert_eq!(machine.peek(HYP, 0), message(0));
    machine.take(HYP, 0);
    assert_eq!(machine.send(MGMT, message(999)), ReturnCode::SUCCESS);
    assert_eq!(machine.peek(HYP, 0), message(999));
}

fn lopar_crq_r1_7_enqueues_the_sixteen_bytes_of_the_request<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    let entry = CrqEntry([0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    assert!(machine.send(MGMT, entry).is_success());
    assert_eq!(machine.peek(HYP, 0), entry);
    let to = machine.id(HYP);
    assert_eq!(machine.events, [Event::Enqueued { to, element: 0, entry, overlaid: None }]);
    assert_eq!(machine.take(HYP, 0), Some(entry));
    assert_eq!(machine.take(HYP, 0), None, "an entry is taken once");
}

fn lopar_crq_r1_8_enqueues_nothing_without_a_registered_queue<P: Backend>() {
    let mut machine = Machine::<P>::new();
    assert_eq!(machine.send(MGMT, message(1)), ReturnCode::CLOSED, "neither side is registered");
    machine.register(MGMT, 1);
    assert_eq!(machine.send(MGMT, message(1)), ReturnCode::CLOSED, "the receiver is not");
    assert_eq!(machine.send(HYP, message(1)), ReturnCode::CLOSED, "the sender is not");
    machine.register(HYP, 1);
    assert_eq!(machine.send(MGMT, message(1)), ReturnCode::SUCCESS);
    machine.free(HYP);
    machine.events.clear();
    assert_eq!(machine.send(MGMT, message(2)), ReturnCode::CLOSED, "the receiver is no longer");
    assert_eq!(machine.send(HYP, message(2)), ReturnCode::CLOSED, "the sender is no longer");
    assert_eq!(machine.events, []);
    assert_eq!(machine.peek(HYP, 1), CrqEntry::FREE);
}

fn lopar_crq_r1_9_neither_looks_at_nor_changes_other_bytes<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    // Free elements whose other bytes are anything.
    let stale = 0x00FF_FFFF_FFFF_FFFF;
    for element in 0..3 {
        let at = element_address(element);
        machine.end(HYP).memory.store(at, stale, Ordering::Relaxed).unwrap();
        let low = papr::GuestAddress(at.0 + 8);
        machine.end(HYP).memory.store(low, u64::MAX, Ordering::Relaxed).unwrap();
    }
    let entry = CrqEntry::from_words(0x80AA_BBCC_DDEE_FF11, 0x1122_3344_5566_7788);
    assert!(machine.send(MGMT, entry).is_success());
    assert_eq!(machine.peek(HYP, 0), entry);
    assert_eq!(machine.peek(HYP, 1), CrqEntry::from_words(stale, u64::MAX));
    assert_eq!(machine.take(HYP, 1), None, "an element with header 0 is free");
}

fn lopar_crq_r1_10_takes_exactly_the_headers_a_sender_may_use<P: Backend>() {
    for header in 0..=u8::MAX {
        let mut machine = Machine::<P>::connected();
        let entry = CrqEntry::from_words(u64::from(header) << 56, 0);
        let expected = if (0x80..=0xFE).contains(&header) {
            ReturnCode::SUCCESS
        } else {
            ReturnCode::PARAMETER
        };
        assert_eq!(machine.send(MGMT, entry), expected, "{header:#04x}");
        let arrived = machine.take(HYP, 0);
        assert_eq!(arrived, expected.is_success().then_some(entry), "{header:#04x}");
    }
}

fn lopar_crq_r1_11_leaves_the_format_of_an_initialization_entry_to_the_partners<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    for format in 0..=u8::MAX {
        let entry = CrqEntry::init(InitFormat(format));
        assert!(machine.send(HYP, entry).is_success());
        assert_eq!(machine.take(MGMT, format.into()), Some(entry));
    }
}

fn lopar_crq_r1_12_transport_events_have_their_architected_formats<P: Backend>() {
    type Cause<P> = fn(&mut Machine<P>);
    let causes: [(Cause<P>, [u8; 2]); 4] = [
        (|machine| machine.crash(HYP), [0xFF, 0x01]),
        (|machine| assert!(machine.free(HYP).is_success()), [0xFF, 0x02]),
        (|machine| machine.terminate_partner_of(MGMT), [0xFF, 0x04]),
        (|machine| machine.suspend_partner_of(MGMT), [0xFF, 0x06]),
    ];
    for (cause, bytes) in causes {
        let mut machine = Machine::<P>::connected();
        cause(&mut machine);
        assert_eq!(machine.peek(MGMT, 0).0[..2], bytes);
        assert_eq!(machine.peek(MGMT, 1), CrqEntry::FREE, "one event for {bytes:x?}");
    }
}

fn lopar_crq_r1_13_reports_a_failed_partner<P: Backend>() {
    for (failed, other) in [(MGMT, HYP), (HYP, MGMT)] {
        let mut machine = Machine::<P>::connected();
        machine.crash(failed);
        let entry = CrqEntry::transport_event(TransportEvent::PARTNER_FAILED);
        let to = machine.id(other);
        assert_eq!(machine.events, [Event::Enqueued { to, element: 0, entry, overlaid: None }]);
        assert_eq!(machine.take(other, 0), Some(entry));
        machine.events.clear();
        machine.crash(failed);
        assert_eq!(machine.events, [], "who has failed cannot fail again");
    }
}

fn lopar_crq_r1_13_overlays_the_last_valid_entry_of_a_full_queue<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    for n in 0..256 {
        machine.send(HYP, message(n));
    }
    machine.events.clear();
    machine.crash(HYP);
    let entry = CrqEntry::transport_event(TransportEvent::PARTNER_FAILED);
    let (to, overlaid) = (machine.id(MGMT), Some(message(255)));
    assert_eq!(machine.events, [Event::Enqueued { to, element: 255, entry, overlaid }]);
    for n in 0..255 {
        assert_eq!(machine.take(MGMT, n), Some(message(n)));
    }
    assert_eq!(machine.take(MGMT, 255), Some(entry), "its payload is not the lost message's");
    // The cursor has not moved: what comes next is at the start.
    machine.boot(HYP);
    machine.register(HYP, 1);
    machine.send(HYP, message(1));
    assert_eq!(machine.take(MGMT, 0), Some(message(1)));
}

fn lopar_crq_r1_14_reports_a_partner_that_deregistered<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.events.clear();
    assert_eq!(machine.free(MGMT), ReturnCode::SUCCESS);
    let entry = CrqEntry::transport_event(TransportEvent::PARTNER_DEREGISTERED);
    let to = machine.id(HYP);
    assert_eq!(machine.events, [Event::Enqueued { to, element: 0, entry, overlaid: None }]);
    assert_eq!(machine.take(HYP, 0), Some(entry));
    machine.events.clear();
    assert_eq!(machine.free(MGMT), ReturnCode::SUCCESS, "freeing twice succeeds");
    assert_eq!(machine.events, [], "and is not reported again");
    assert_eq!(machine.free(HYP), ReturnCode::SUCCESS);
    assert_eq!(machine.events, [], "a partner without a queue is told nothing");
}

fn lopar_crq_r1_16_reports_a_partner_that_was_terminated_by_request<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.terminate_partner_of(HYP);
    let entry = CrqEntry::transport_event(TransportEvent::PARTNER_TERMINATED);
    assert_eq!(machine.take(HYP, 0), Some(entry));
    assert_eq!(machine.take(HYP, 1), None, "it is not reported as failed as well");
    assert_eq!(machine.send(MGMT, message(1)), ReturnCode::HARDWARE, "it does not run any more");
}

fn lopar_crq_r1_18_an_entry_goes_where_the_queue_is_mapped_now<P: Backend>() {
    let mut machine = Machine::<P>::connected();
    machine.send(MGMT, message(1));
    assert!(machine.map(HYP, 0, 30, Access::ReadWrite).is_success());
    assert!(machine.send(MGMT, message(2)).is_success());
    assert_eq!(machine.bytes(HYP, 30 * PAGE_SIZE + 16, 16), message(2).0);
    assert_eq!(machine.peek(HYP, 1), CrqEntry::FREE, "frame {}", queue_frame(0));
    // Without a mapping there is no room, and an event is not delivered.
    for access in [Access::None, Access::Read, Access::Write] {
        machine.map(HYP, 0, 30, access);
        assert_eq!(machine.send(MGMT, message(3)), ReturnCode::DROPPED);
    }
    machine.events.clear();
    machine.free(MGMT);
    let (to, event) = (machine.id(HYP), TransportEvent::PARTNER_DEREGISTERED);
    assert_eq!(machine.events, [Event::Undelivered { to, event }]);
    assert_eq!(machine.bytes(HYP, 30 * PAGE_SIZE + 32, 1), [Header::FREE.0]);
}
