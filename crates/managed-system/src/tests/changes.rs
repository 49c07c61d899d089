//! Configurations: their limits, and what of them changes in which state.

use super::*;

fn change(partition: PartitionId, change: Change) -> Operation {
    Operation::ChangePartition { partition, change: Box::new(change) }
}

fn with_memory(amounts: Amounts<u32>) -> Change {
    Change { memory_mb: Some(amounts), ..Change::default() }
}

fn with_processors(processors: Processors) -> Change {
    Change { processors: Some(processors), ..Change::default() }
}

fn shared(processors: Amounts<u16>, units: Amounts<ProcessorUnits>) -> Processors {
    let sharing = SharedSharing::Uncapped { weight: 64 };
    Processors::Shared { processors, units, pool: 0, sharing }
}

#[test]
fn memory_has_limits() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let mut refused = |amounts| lab.refused(change(id, with_memory(amounts)));
    let multiple = |attribute, got| Refusal::NotMultiple { attribute, got, of: 256 };
    assert_eq!(refused(memory(0, 1024, 1024)), multiple(Attribute::MinMemory, 0));
    assert_eq!(refused(memory(256, 1000, 1024)), multiple(Attribute::Memory, 1000));
    assert_eq!(refused(memory(256, 256, 1025)), multiple(Attribute::MaxMemory, 1025));
    let (low, high) = (Attribute::Memory, Attribute::MinMemory);
    let disordered = Refusal::Disordered { low, high, got: 256, bound: 512 };
    assert_eq!(refused(memory(512, 256, 1024)), disordered);
    let (low, high) = (Attribute::MaxMemory, Attribute::Memory);
    let disordered = Refusal::Disordered { low, high, got: 1024, bound: 1280 };
    assert_eq!(refused(memory(512, 1280, 1024)), disordered);
    let ratio = Refusal::MemoryRatio { min: 256, max: 16640, ratio: 64 };
    assert_eq!(refused(memory(256, 256, 16640)), ratio);
    lab.ok(change(id, with_memory(memory(256, 256, 16384))));

    let mut config = config();
    config.capacity.lmb_mb = 16;
    let mut lab = Lab::with(config);
    let id = lab.create(linux("web1"));
    let refusal = lab.refused(change(id, with_memory(memory(240, 240, 3856))));
    assert_eq!(refusal, Refusal::MemoryRatio { min: 240, max: 3856, ratio: 16 });
    lab.ok(change(id, with_memory(memory(240, 240, 3840))));
}

#[test]
fn processors_have_limits() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let range = |attribute, got, least, most| Refusal::OutOfRange { attribute, got, least, most };
    for (amounts, expected) in [
        (counts(0, 1, 1), range(Attribute::MinProcessors, 0, 1, 64)),
        (counts(1, 65, 65), range(Attribute::Processors, 65, 1, 64)),
        (counts(1, 1, 65), range(Attribute::MaxProcessors, 65, 1, 64)),
        (
            counts(2, 1, 3),
            Refusal::Disordered {
                low: Attribute::Processors,
                high: Attribute::MinProcessors,
                got: 1,
                bound: 2,
            },
        ),
        (
            counts(1, 3, 2),
            Refusal::Disordered {
                low: Attribute::MaxProcessors,
                high: Attribute::Processors,
                got: 2,
                bound: 3,
            },
        ),
    ] {
        let sharing = DedicatedSharing::Keep;
        let dedicated = Processors::Dedicated { processors: amounts, sharing };
        assert_eq!(lab.refused(change(id, with_processors(dedicated))), expected);
        let shared = shared(amounts, units(50, 100, 100));
        assert_eq!(lab.refused(change(id, with_processors(shared))), expected);
    }
    for (amounts, attribute, processors) in [
        (units(4, 10, 20), Attribute::MinUnits, 1),
        (units(5, 9, 20), Attribute::Units, 2),
        (units(5, 201, 400), Attribute::Units, 2),
        (units(5, 200, 401), Attribute::MaxUnits, 4),
        (units(101, 150, 200), Attribute::MinUnits, 1),
    ] {
        let refusal = lab.refused(change(id, with_processors(shared(counts(1, 2, 4), amounts))));
        let least = ProcessorUnits(5 * u32::from(processors));
        let most = ProcessorUnits::whole(processors);
        let got = match attribute {
            Attribute::MinUnits => amounts.min,
            Attribute::Units => amounts.desired,
            _ => amounts.max,
        };
        let expected = Refusal::UnitsPerProcessor { attribute, got, processors, least, most };
        assert_eq!(refusal, expected);
    }
    let refusal =
        lab.refused(change(id, with_processors(shared(counts(2, 2, 4), units(60, 50, 80)))));
    assert!(matches!(refusal, Refusal::Disordered { low: Attribute::Units, .. }), "{refusal}");
    lab.ok(change(id, with_processors(shared(counts(1, 2, 4), units(5, 10, 400)))));
    let other_pool = Processors::Shared {
        processors: counts(1, 1, 1),
        units: units(50, 50, 50),
        pool: 1,
        sharing: SharedSharing::Capped,
    };
    let refusal = lab.refused(change(id, with_processors(other_pool)));
    assert_eq!(refusal, range(Attribute::SharedPool, 1, 0, 0));
}

#[test]
fn the_rest_has_limits() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    let nothing = Change::default;
    for (wrong, attribute, got, least, most) in [
        (Change { max_slots: Some(1), ..nothing() }, Attribute::MaxSlots, 1, 2, 65534),
        (Change { max_slots: Some(65535), ..nothing() }, Attribute::MaxSlots, 65535, 2, 65534),
        (Change { page_table_ratio: Some(7), ..nothing() }, Attribute::PageTableRatio, 7, 0, 6),
        (Change { secure_boot: Some(10), ..nothing() }, Attribute::SecureBoot, 10, 0, 9),
        (
            Change { description: Some("x".repeat(257)), ..nothing() },
            Attribute::Description,
            257,
            0,
            256,
        ),
    ] {
        let expected = Refusal::OutOfRange { attribute, got, least, most };
        assert_eq!(lab.refused(change(id, wrong)), expected);
        assert_eq!(expected.code(), "HSCL0617");
    }
    let mode = Change { compatibility_mode: Some("POWER7".into()), ..nothing() };
    let refusal = lab.refused(change(id, mode));
    assert!(matches!(refusal, Refusal::UnknownCompatibilityMode { .. }));
    let right = Change {
        max_slots: Some(65534),
        page_table_ratio: Some(6),
        secure_boot: Some(9),
        description: Some("x".repeat(256)),
        compatibility_mode: Some("POWER9".into()),
        availability_priority: Some(255),
        boot_mode: Some(BootMode::OpenFirmware),
        keylock: Some(Keylock::Manual),
        auto_start: Some(true),
        ..nothing()
    };
    lab.ok(change(id, right));
    let now = lab.at(id).configuration();
    assert_eq!((now.max_slots, now.secure_boot, now.availability_priority), (65534, 9, 255));
    assert_eq!((now.keylock, now.auto_start, now.page_table_ratio), (Keylock::Manual, true, 6));
    assert_eq!(
        (now.compatibility_mode.as_str(), now.boot_mode),
        ("POWER9", BootMode::OpenFirmware)
    );
    assert_eq!(lab.at(id).description().len(), 256);
    let long = PartitionDefinition { description: "x".repeat(257), ..linux("web2") };
    let refusal = lab.refused(Operation::CreatePartition(Box::new(long)));
    assert!(matches!(refusal, Refusal::OutOfRange { attribute: Attribute::Description, .. }));
}

#[test]
fn values_that_stay_are_no_change() {
    let mut lab = Lab::new();
    let id = lab.running("web1");
    lab.inject(id, Fault::Hang);
    let version = lab.at(id).version();
    let Configuration { memory_mb, processors, max_slots, .. } = small();
    let same = Change {
        memory_mb: Some(memory_mb),
        processors: Some(processors),
        max_slots: Some(max_slots),
        compatibility_mode: Some("default".into()),
        ..Change::default()
    };
    assert_eq!(lab.ok(change(id, same)), Outcome::Done(version));
}

#[test]
fn limits_are_fixed_while_a_partition_is_active() {
    let mut lab = Lab::new();
    let id = lab.running("web1");
    let nothing = Change::default;
    let processors = |processors, units| with_processors(shared(processors, units));
    let dedicated =
        Processors::Dedicated { processors: counts(1, 2, 4), sharing: DedicatedSharing::Keep };
    for (wrong, attribute) in [
        (with_memory(memory(512, 2048, 4096)), Attribute::MinMemory),
        (with_memory(memory(1024, 2048, 8192)), Attribute::MaxMemory),
        (processors(counts(2, 2, 4), units(50, 100, 200)), Attribute::MinProcessors),
        (processors(counts(1, 2, 5), units(50, 100, 200)), Attribute::MaxProcessors),
        (processors(counts(1, 2, 4), units(60, 100, 200)), Attribute::MinUnits),
        (processors(counts(1, 2, 4), units(50, 100, 210)), Attribute::MaxUnits),
        (with_processors(dedicated), Attribute::ProcessorMode),
        (Change { max_slots: Some(100), ..nothing() }, Attribute::MaxSlots),
        (
            Change { compatibility_mode: Some("POWER9".into()), ..nothing() },
            Attribute::CompatibilityMode,
        ),
        (Change { page_table_ratio: Some(1), ..nothing() }, Attribute::PageTableRatio),
        (Change { secure_boot: Some(1), ..nothing() }, Attribute::SecureBoot),
    ] {
        let state = PartitionState::Running;
        let expected = Refusal::FixedWhileActive { partition: id, attribute, state };
        assert_eq!(lab.refused(change(id, wrong.clone())), expected);
        lab.off(id, PowerOff::Hard);
        lab.ok(change(id, wrong));
        let Configuration { memory_mb, processors, .. } = small();
        let back = Change {
            memory_mb: Some(memory_mb),
            processors: Some(processors),
            max_slots: Some(64),
            compatibility_mode: Some("default".into()),
            page_table_ratio: Some(0),
            secure_boot: Some(0),
            ..nothing()
        };
        lab.ok(change(id, back));
        lab.on(id);
        lab.wait(seconds(60));
    }
    lab.inject(id, Fault::Crash);
    let refusal = lab.refused(change(id, with_memory(memory(512, 2048, 4096))));
    let (attribute, state) = (Attribute::MinMemory, PartitionState::Error);
    assert_eq!(refusal, Refusal::FixedWhileActive { partition: id, attribute, state });
    // What concerns neither its operating system nor its limits changes in any state.
    let free = Change {
        availability_priority: Some(1),
        boot_mode: Some(BootMode::OpenFirmware),
        auto_start: Some(true),
        description: Some("crashed".into()),
        ..nothing()
    };
    lab.ok(change(id, free));
}

#[test]
fn a_running_partition_grows_and_shrinks_by_way_of_rmc() {
    let mut lab = Lab::new();
    let id = lab.create(linux("web1"));
    lab.on(id);
    lab.wait(seconds(46));
    let grow = change(id, with_memory(memory(1024, 4096, 4096)));
    let refusal = lab.refused(grow.clone());
    assert!(matches!(refusal, Refusal::NoRmc { .. }), "{refusal}");
    lab.wait(seconds(1));
    lab.ok(grow);
    assert_eq!(lab.at(id).assignment().memory_mb, 4096);
    lab.ok(change(id, with_memory(memory(1024, 1024, 4096))));
    assert_eq!(lab.at(id).assignment().memory_mb, 1024);
    lab.ok(change(id, with_processors(shared(counts(1, 4, 4), units(50, 200, 200)))));
    let has = lab.at(id).assignment();
    assert_eq!((has.units, has.processors, has.memory_mb), (ProcessorUnits(200), 4, 1024));
    let capped = Processors::Shared {
        processors: counts(1, 4, 4),
        units: units(50, 200, 200),
        pool: 0,
        sharing: SharedSharing::Capped,
    };
    lab.ok(change(id, with_processors(capped)));
    lab.inject(id, Fault::Hang);
    let refusal = lab.refused(change(id, with_processors(small().processors)));
    assert!(matches!(refusal, Refusal::NoRmc { .. }), "{refusal}");
}

#[test]
fn memory_moves_between_running_partitions() {
    let mut lab = Lab::new();
    let (from, to) = (lab.running("web1"), lab.running("web2"));
    let moves = |from, to, memory_mb| Operation::MoveMemory { from, to, memory_mb };
    let before = lab.system.totals();
    lab.ok(moves(from, to, 512));
    assert_eq!(
        (lab.at(from).assignment().memory_mb, lab.at(to).assignment().memory_mb),
        (1536, 2560)
    );
    assert_eq!(lab.at(to).configuration().memory_mb.desired, 2560);
    assert_eq!(lab.system.totals(), before);

    assert_eq!(lab.refused(moves(from, from, 256)), Refusal::SamePartition { partition: from });
    for got in [0, 100] {
        let attribute = Attribute::Memory;
        assert_eq!(
            lab.refused(moves(from, to, got)),
            Refusal::NotMultiple { attribute, got, of: 256 }
        );
    }
    let range =
        |got| Refusal::OutOfRange { attribute: Attribute::Memory, got, least: 1024, most: 4096 };
    assert_eq!(lab.refused(moves(from, to, 768)), range(768));
    assert_eq!(lab.refused(moves(from, to, 1 << 20)), range(0));
    let stranger = PartitionId(8);
    assert_eq!(lab.refused(moves(from, stranger, 256)), Refusal::NoSuchPartition { id: stranger });
    lab.ok(moves(VIOS, to, 1024));
    assert_eq!(lab.refused(moves(MANAGEMENT, to, 768)), range(4352));
    let off = lab.create(linux("web3"));
    for (from, to) in [(off, to), (to, off)] {
        let refusal = lab.refused(moves(from, to, 256));
        assert!(
            matches!(refusal, Refusal::NoRmc { partition, .. } if partition == off),
            "{refusal}"
        );
    }
}
