//! The TCE hcalls: what they store, and that they store all or nothing.

use super::{HYP, MGMT, Machine, on_both_runtimes};
use crate::{Backend, Memory};
use papr::{Access, GuestAddress, Hcall, Ioba, PAGE_SIZE, ReturnCode, Tce};
use std::sync::atomic::Ordering;

on_both_runtimes![
    h_put_tce_and_h_get_tce_agree,
    h_get_tce_shows_the_old_entry_while_it_is_being_changed,
    h_put_tce_does_not_look_at_the_address_of_a_page_fault,
    h_stuff_tce_sets_a_range_and_nothing_beside_it,
    h_stuff_tce_with_a_bad_address_changes_nothing,
    h_put_tce_indirect_sets_its_list,
    h_put_tce_indirect_with_one_bad_entry_changes_nothing,
    no_call_reaches_beyond_the_pane,
];

fn tce(frame: u64, access: Access) -> Tce {
    Tce::new(GuestAddress(frame * PAGE_SIZE), access)
}

fn get<P: Backend>(machine: &mut Machine<P>, page: u64) -> Tce {
    let liobn = machine.end(MGMT).liobn;
    let got = machine.call(MGMT, Hcall::GetTce { liobn, ioba: Ioba(page * PAGE_SIZE) });
    assert_eq!(got.code, ReturnCode::SUCCESS);
    Tce(got.r4)
}

fn stuff<P: Backend>(machine: &mut Machine<P>, page: u64, tce: Tce, count: u64) -> ReturnCode {
    let (liobn, ioba) = (machine.end(MGMT).liobn, Ioba(page * PAGE_SIZE));
    machine.call(MGMT, Hcall::StuffTce { liobn, ioba, tce, count }).code
}

fn put_list<P: Backend>(machine: &mut Machine<P>, page: u64, tces: &[Tce]) -> ReturnCode {
    const LIST: GuestAddress = GuestAddress(40 * PAGE_SIZE);
    for (tce, n) in tces.iter().zip(0..) {
        let at = GuestAddress(LIST.0 + n * 8);
        machine.end(MGMT).memory.store(at, tce.0, Ordering::Relaxed).unwrap();
    }
    let (liobn, ioba) = (machine.end(MGMT).liobn, Ioba(page * PAGE_SIZE));
    let count = tces.len() as u64;
    machine.call(MGMT, Hcall::PutTceIndirect { liobn, ioba, list: LIST, count }).code
}

fn h_put_tce_and_h_get_tce_agree<P: Backend>() {
    let mut machine = Machine::<P>::new();
    assert_eq!(get(&mut machine, 3), Tce::INVALID);
    for access in [Access::Read, Access::Write, Access::ReadWrite, Access::None] {
        assert!(machine.map(MGMT, 3, 77, access).is_success());
        assert_eq!(get(&mut machine, 3), tce(77, access));
    }
    // An address anywhere in the page selects its entry; reserved bits are not stored.
    let (liobn, ioba) = (machine.end(MGMT).liobn, Ioba(3 * PAGE_SIZE + 17));
    let reserved = Tce(tce(78, Access::Read).0 | 0xFFC);
    assert!(machine.call(MGMT, Hcall::PutTce { liobn, ioba, tce: reserved }).code.is_success());
    assert_eq!(get(&mut machine, 3), tce(78, Access::Read));
    assert_eq!((get(&mut machine, 2), get(&mut machine, 4)), (Tce::INVALID, Tce::INVALID));
}

fn h_get_tce_shows_the_old_entry_while_it_is_being_changed<P: Backend>() {
    let mut machine = Machine::<P>::new();
    machine.map(MGMT, 3, 77, Access::Read);
    let (end, caller) = (machine.end(MGMT), machine.id(MGMT));
    let get = Hcall::GetTce { liobn: end.liobn, ioba: Ioba(3 * PAGE_SIZE) };
    let changed = end.window.change(
        3..=3,
        || (),
        |_| false,
        |_| {
            let seen = machine.hypervisor.hcall(caller, &get, &mut ());
            assert_eq!(Tce(seen.r4), tce(77, Access::Read));
            tce(78, Access::Write)
        },
    );
    assert_eq!(changed, Ok(()));
    assert_eq!(self::get(&mut machine, 3), tce(78, Access::Write));
}

fn h_put_tce_does_not_look_at_the_address_of_a_page_fault<P: Backend>() {
    let mut machine = Machine::<P>::new();
    let beyond = machine.end(MGMT).memory.pages();
    assert_eq!(machine.map(MGMT, 0, beyond, Access::Read), ReturnCode::PARAMETER);
    assert_eq!(machine.map(MGMT, 0, beyond, Access::None), ReturnCode::SUCCESS);
    assert_eq!(get(&mut machine, 0), tce(beyond, Access::None), "it is stored untranslated");
    assert_eq!(machine.map(MGMT, 0, beyond - 1, Access::Read), ReturnCode::SUCCESS);
}

fn h_stuff_tce_sets_a_range_and_nothing_beside_it<P: Backend>() {
    let mut machine = Machine::<P>::new();
    assert!(stuff(&mut machine, 10, tce(5, Access::ReadWrite), 512).is_success());
    for (page, mapped) in [(9, false), (10, true), (521, true), (522, false)] {
        assert_eq!(get(&mut machine, page) == tce(5, Access::ReadWrite), mapped, "{page}");
    }
    assert!(stuff(&mut machine, 12, Tce::INVALID, 1).is_success());
    assert!(stuff(&mut machine, 11, Tce::INVALID, 0).is_success());
    assert_eq!(get(&mut machine, 11), tce(5, Access::ReadWrite), "a count of 0 sets nothing");
    assert_eq!(get(&mut machine, 12), Tce::INVALID);
}

fn h_stuff_tce_with_a_bad_address_changes_nothing<P: Backend>() {
    let mut machine = Machine::<P>::new();
    let beyond = machine.end(MGMT).memory.pages();
    let code = stuff(&mut machine, 0, tce(beyond, Access::Write), 2);
    assert_eq!((code, get(&mut machine, 0)), (ReturnCode::PARAMETER, Tce::INVALID));
}

fn h_put_tce_indirect_sets_its_list<P: Backend>() {
    let mut machine = Machine::<P>::new();
    let list: Vec<Tce> = (0..512).map(|n| tce(900 - n, Access::Read)).collect();
    assert!(put_list(&mut machine, 100, &list).is_success());
    for (n, &expected) in (0..).zip(&list) {
        assert_eq!(get(&mut machine, 100 + n), expected);
    }
    assert_eq!((get(&mut machine, 99), get(&mut machine, 612)), (Tce::INVALID, Tce::INVALID));
    assert!(put_list(&mut machine, 100, &[]).is_success());
}

fn h_put_tce_indirect_with_one_bad_entry_changes_nothing<P: Backend>() {
    let mut machine = Machine::<P>::new();
    let beyond = machine.end(MGMT).memory.pages();
    let list = [tce(1, Access::Read), tce(2, Access::Read), tce(beyond, Access::Read)];
    assert_eq!(put_list(&mut machine, 0, &list), ReturnCode::PARAMETER);
    assert_eq!(get(&mut machine, 0), Tce::INVALID);
    let list = [tce(1, Access::Read), tce(beyond, Access::None)];
    assert!(put_list(&mut machine, 0, &list).is_success());
}

fn no_call_reaches_beyond_the_pane<P: Backend>() {
    let mut machine = Machine::<P>::with(|config| config.management_window_pages = 4);
    let valid = tce(1, Access::Read);
    assert_eq!(machine.map(MGMT, 4, 1, Access::Read), ReturnCode::PARAMETER);
    assert_eq!(machine.map(MGMT, (1 << 52) - 1, 1, Access::Read), ReturnCode::PARAMETER);
    let liobn = machine.end(MGMT).liobn;
    for (ioba, expected) in [
        (3 * PAGE_SIZE, ReturnCode::SUCCESS),
        (4 * PAGE_SIZE, ReturnCode::PARAMETER),
        (u64::MAX, ReturnCode::PARAMETER),
    ] {
        let get = Hcall::GetTce { liobn, ioba: Ioba(ioba) };
        assert_eq!(machine.call(MGMT, get).code, expected, "{ioba:#x}");
    }
    assert_eq!(stuff(&mut machine, 3, valid, 2), ReturnCode::PARAMETER);
    assert_eq!(stuff(&mut machine, 2, valid, 2), ReturnCode::SUCCESS);
    assert_eq!(put_list(&mut machine, 0, &[valid; 5]), ReturnCode::PARAMETER);
    assert_eq!(put_list(&mut machine, 0, &[valid; 4]), ReturnCode::SUCCESS);
    assert_eq!(
        machine.map(HYP, 4, 1, Access::Read),
        ReturnCode::SUCCESS,
        "the other pane is larger"
    );
}
