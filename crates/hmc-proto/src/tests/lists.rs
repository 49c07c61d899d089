//! Pages of lists while the list changes, and what a message of the shortest MTU holds.

use crate::*;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

fn slot(slot: u16) -> Slot {
    Slot { slot, kind: SlotKind::Ethernet }
}

fn page(list: &BTreeSet<u16>, after: &Cursor, data_bytes: usize) -> Page<Slot> {
    let after = <[u8; 2]>::try_from(&after.0[..]).map(u16::from_be_bytes).ok();
    let behind = list.iter().filter(|key| after.is_none_or(|after| **key > after));
    Page::fill(data_bytes, behind.map(|&key| (key.to_be_bytes().to_vec(), slot(key))))
}

proptest! {
    /// What is there from beginning to end comes exactly once, also when others change between two pages.
    #[test]
    fn a_cursor_stays_valid_while_others_change_the_list(
        stays in prop::collection::btree_set(0u16..200, 0..60),
        others in prop::collection::vec((0u16..200, any::<bool>()), 0..80),
        data_bytes in 0usize..60,
    ) {
        let mut list = stays.clone();
        let mut others = others.into_iter().filter(|(key, _)| !stays.contains(key));
        let mut seen = BTreeMap::new();
        let mut after = Cursor::default();
        for pages in 0.. {
            prop_assert!(pages <= 200, "the list does not end");
            let page = page(&list, &after, data_bytes);
            prop_assert!(page.encode().len() <= data_bytes || page.entries.len() == 1 || page.entries.is_empty());
            for entry in &page.entries {
                *seen.entry(entry.slot).or_insert(0) += 1;
            }
            after = page.next;
            if after.0.is_empty() {
                break;
            }
            for (key, adds) in others.by_ref().take(3) {
                if adds { list.insert(key); } else { list.remove(&key); }
            }
        }
        prop_assert!(stays.iter().all(|key| seen.get(key) == Some(&1)));
        prop_assert!(seen.values().all(|times| *times == 1));
    }
}

#[test]
fn a_page_is_full_to_the_byte() {
    let list: BTreeSet<u16> = (0..10).collect();
    // Lengths of cursor and list, a cursor of 2 bytes, entries of 3 bytes.
    assert_eq!(page(&list, &Cursor::default(), 4 + 2 + 9).entries.len(), 3);
    assert_eq!(page(&list, &Cursor::default(), 4 + 2 + 8).entries.len(), 2);
    assert_eq!(page(&list, &Cursor::default(), 0).entries.len(), 1, "one always comes");
    let last = page(&list, &Bytes(vec![0, 8]), 100);
    assert_eq!((last.entries, last.next), (vec![slot(9)], Cursor::default()));
}

fn text(len: usize) -> String {
    "x".repeat(len)
}

/// Everything that does not come in pages, and every entry of a page, fits a message of 512 bytes when names are as long
/// as they can be.
#[test]
fn everything_fits_the_shortest_mtu() {
    let room = MIN_MTU as usize - HEADER_BYTES;
    let (memory, processors) = (
        Memory { min_mb: 1, desired_mb: 2, max_mb: 3 },
        Processors {
            mode: ProcessorMode::Shared,
            sharing: SharingMode::Uncapped,
            weight: 1,
            pool: 0,
            min: 1,
            desired: 1,
            max: 1,
            min_units: 1,
            desired_units: 1,
            max_units: 1,
        },
    );
    let configuration = Configuration {
        memory,
        processors,
        max_slots: 64,
        availability: 1,
        boot_mode: BootMode::Normal,
        keylock: Keylock::Normal,
        auto_start: true,
        compatibility: text(31),
        page_table_ratio: 1,
        secure_boot: 1,
    };
    let partition = Partition {
        id: 1,
        uuid: Uuid([0; 16]),
        version: 1,
        name: text(31),
        kind: PartitionType::AixLinux,
        os: OperatingSystem::Linux,
        configuration: configuration.clone(),
        state: PartitionState::Running,
        rmc: RmcState::Active,
        reference_code: text(32),
        uptime_s: 1,
        memory_mb: 1,
        processors: 1,
        units: 1,
        management: true,
        physical_boot_device: true,
        terminal_open: true,
        job: Some(1),
        profile: Some(text(31)),
    };
    let create = CreatePartition {
        name: text(31),
        kind: PartitionType::Vios,
        os: Some(OperatingSystem::Vios),
        configuration: configuration.clone(),
        physical_boot_device: true,
        profile: Some(text(31)),
        id: Some(1),
        uuid: Some(Uuid([1; 16])),
    };
    let ethernet = Ethernet {
        partition: 1,
        slot: 2,
        version: 3,
        mac: Mac([2; 6]),
        switch: 0,
        vlan: 1,
        ieee: true,
        additional: vec![1; 20],
        trunk_priority: 1,
    };
    let exchanged = OperationsExchanged {
        reserved: 0,
        version: 1,
        session: 1,
        mtu: 512,
        operations: Operation::by_target(),
    };
    // A page has a cursor besides, whose key is a name at the longest.
    let in_a_page = room - 4 - 79;
    for (what, len, room) in [
        ("partition", partition.encode().len(), room),
        ("create partition", create.encode().len(), room),
        ("exchange operations", exchanged.encode().len(), room),
        ("profile", Profile { name: text(31), configuration }.encode().len(), in_a_page),
        ("ethernet", ethernet.encode().len(), in_a_page),
    ] {
        assert!(len <= room, "{what}: {len} bytes of {room}");
    }
}

#[test]
fn exchange_operations_lists_all_of_them_by_target() {
    let lists = Operation::by_target();
    let targets: Vec<u16> = lists.iter().map(|list| list.target).collect();
    assert_eq!(targets, [0x8000, 0x8001, 0x8002, 0x8003]);
    assert!(lists.iter().all(|list| list.opcodes.is_sorted_by(|a, b| a < b)));
    assert_eq!(lists.iter().map(|list| list.opcodes.len()).sum::<usize>(), Operation::ALL.len());
}
