//! Arbitrary requests of managers at any time, with arbitrary failures: what must hold, holds.

use super::*;
use proptest::prelude::*;

/// Something that happens to a system.
#[derive(Clone, Debug)]
enum Happening {
    Asked(Operation, Seen, JobFault),
    Passes(u64),
    Befalls(PartitionId, Fault),
    Attached(PartitionId, String),
    PlatformCrashes,
    Session(u64),
    Reads(u64, usize),
}

/// Which version a manager expects: none, that of its subject, or an older one.
#[derive(Clone, Copy, Debug)]
enum Seen {
    Nothing,
    Version(u64),
}

fn a_partition() -> impl Strategy<Value = PartitionId> {
    (1u16..7).prop_map(PartitionId)
}

fn a_slot() -> impl Strategy<Value = Slot> {
    (2u16..7).prop_map(Slot)
}

fn a_choice() -> impl Strategy<Value = SlotChoice> {
    prop_oneof![
        Just(SlotChoice::Lowest),
        Just(SlotChoice::Highest),
        (0u16..8).prop_map(|slot| SlotChoice::At(Slot(slot))),
    ]
}

fn a_name() -> impl Strategy<Value = String> {
    prop_oneof![8 => "[a-c]", 1 => Just(String::new()), 1 => Just(String::from("a b"))]
}

fn a_memory() -> impl Strategy<Value = Amounts<u32>> {
    let blocks = || prop_oneof![9 => (1u32..24).prop_map(|n| n * 256), 1 => 0u32..8000];
    prop_oneof![
        1 => (blocks(), blocks(), blocks()).prop_map(|(a, b, c)| memory(a, b, c)),
        5 => [1u32..24, 1u32..24, 1u32..24].prop_map(|mut all| {
            all.sort_unstable();
            memory(all[0] * 256, all[1] * 256, all[2] * 256)
        }),
    ]
}

fn some_processors() -> impl Strategy<Value = Processors> {
    let counts_of = || {
        [1u16..6, 1u16..6, 1u16..6].prop_map(|mut all| {
            all.sort_unstable();
            counts(all[0], all[1], all[2])
        })
    };
    let shared = (counts_of(), 4u32..102, any::<u8>()).prop_map(|(processors, each, weight)| {
        let of = |n: u16| u32::from(n) * each;
        let units = units(of(processors.min), of(processors.desired), of(processors.max));
        let sharing = match weight {
            0..100 => SharedSharing::Capped,
            weight => SharedSharing::Uncapped { weight },
        };
        Processors::Shared { processors, units, pool: u16::from(weight == 255), sharing }
    });
    let dedicated = counts_of().prop_map(|processors| Processors::Dedicated {
        processors,
        sharing: DedicatedSharing::default(),
    });
    prop_oneof![2 => shared, 1 => dedicated]
}

fn a_boot_mode() -> impl Strategy<Value = BootMode> {
    prop_oneof![
        4 => Just(BootMode::Normal),
        1 => Just(BootMode::SystemManagementServices),
        1 => Just(BootMode::OpenFirmware),
        1 => Just(BootMode::DiagnosticWithStoredBootList),
    ]
}

fn a_configuration() -> impl Strategy<Value = Configuration> {
    (a_memory(), some_processors(), 2u16..9, a_boot_mode(), any::<bool>()).prop_map(
        |(memory_mb, processors, max_slots, boot_mode, auto_start)| Configuration {
            memory_mb,
            processors,
            max_slots,
            boot_mode,
            auto_start,
            ..small()
        },
    )
}

fn a_definition() -> impl Strategy<Value = Box<PartitionDefinition>> {
    let kind = prop_oneof![
        4 => Just(PartitionType::AixLinux),
        2 => Just(PartitionType::VirtualIoServer),
        1 => Just(PartitionType::IbmI),
    ];
    let id = proptest::option::weighted(0.2, a_partition());
    (a_name(), kind, id, a_configuration(), any::<bool>(), proptest::option::of(a_name())).prop_map(
        |(name, kind, id, configuration, physical_boot_device, profile)| {
            let definition = PartitionDefinition::new(name, kind, configuration);
            Box::new(PartitionDefinition { id, physical_boot_device, profile, ..definition })
        },
    )
}

fn a_change() -> impl Strategy<Value = Box<Change>> {
    (
        proptest::option::of(a_memory()),
        proptest::option::of(some_processors()),
        proptest::option::weighted(0.2, 1u16..9),
        proptest::option::weighted(0.2, any::<u8>()),
        proptest::option::weighted(0.2, a_name()),
    )
        .prop_map(|(memory_mb, processors, max_slots, availability_priority, description)| {
            Box::new(Change {
                memory_mb,
                processors,
                max_slots,
                availability_priority,
                description,
                ..Change::default()
            })
        })
}

fn an_ethernet() -> impl Strategy<Value = Box<EthernetDefinition>> {
    let mac = prop_oneof![
        6 => Just(None),
        1 => (0u8..4).prop_map(|n| Some(MacAddress([2, 0, 0, 0, 0, n]))),
        1 => (0u8..4).prop_map(|n| Some(MacAddress([n, 0, 0, 0, 0, 9]))),
    ];
    let vlans = proptest::collection::btree_set((0u16..5).prop_map(VlanId), 0..4);
    let trunk = proptest::option::weighted(0.4, 0u8..4);
    (mac, 0u16..3, 0u16..5, any::<bool>(), vlans, trunk).prop_map(
        |(mac, switch, vlan, tagged, additional_vlans, trunk_priority)| {
            let additional_vlans = if tagged { additional_vlans } else { BTreeSet::new() };
            let (switch, port_vlan) = (SwitchId(switch), VlanId(vlan));
            Box::new(EthernetDefinition {
                mac,
                switch,
                port_vlan,
                tagged,
                additional_vlans,
                trunk_priority,
            })
        },
    )
}

fn a_power_operation() -> impl Strategy<Value = Operation> {
    let how = prop_oneof![
        any::<bool>().prop_map(|immediate| PowerOff::OperatingSystem { immediate }),
        Just(PowerOff::Normal),
        Just(PowerOff::Hard),
        Just(PowerOff::DumpRestart),
    ];
    let profile = proptest::option::weighted(0.2, a_name());
    let mode = proptest::option::of(a_boot_mode());
    prop_oneof![
        8 => (a_partition(), profile, mode).prop_map(|(partition, profile, boot_mode)| {
            Operation::PowerOn { partition, profile, boot_mode }
        }),
        8 => (a_partition(), how, any::<bool>())
            .prop_map(|(partition, how, restart)| Operation::PowerOff { partition, how, restart }),
        1 => any::<bool>().prop_map(|standby| Operation::SystemOn { standby }),
        1 => (proptest::bool::weighted(0.2), any::<bool>())
            .prop_map(|(immediate, restart)| Operation::SystemOff { immediate, restart }),
        1 => (1u64..20).prop_map(|job| Operation::CancelJob { job: JobId(job) }),
        1 => (1u64..20).prop_map(|job| Operation::DeleteJob { job: JobId(job) }),
    ]
}

fn a_partition_operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        8 => a_definition().prop_map(Operation::CreatePartition),
        2 => a_partition().prop_map(|partition| Operation::DeletePartition { partition }),
        1 => a_name().prop_map(|name| Operation::RenameSystem { name }),
        1 => (a_partition(), a_name())
            .prop_map(|(partition, name)| Operation::RenamePartition { partition, name }),
        6 => (a_partition(), a_change())
            .prop_map(|(partition, change)| Operation::ChangePartition { partition, change }),
        1 => a_partition().prop_map(|partition| Operation::ReleaseResources { partition }),
        3 => (a_partition(), a_partition(), 0u32..5).prop_map(|(from, to, blocks)| {
            Operation::MoveMemory { from, to, memory_mb: blocks * 256 }
        }),
        2 => (a_partition(), a_name(), a_configuration()).prop_map(
            |(partition, name, configuration)| Operation::SetProfile {
                partition,
                name,
                configuration: Box::new(configuration),
            }
        ),
        1 => (a_partition(), a_name())
            .prop_map(|(partition, name)| Operation::SaveProfile { partition, name }),
        1 => (a_partition(), a_name())
            .prop_map(|(partition, name)| Operation::ApplyProfile { partition, name }),
        1 => (a_partition(), a_name())
            .prop_map(|(partition, name)| Operation::DeleteProfile { partition, name }),
        1 => a_partition().prop_map(|partition| Operation::OpenTerminal { partition }),
        1 => a_partition().prop_map(|partition| Operation::CloseTerminal { partition }),
    ]
}

fn a_network_operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => (a_partition(), a_choice(), an_ethernet()).prop_map(|(partition, slot, ethernet)| {
            Operation::AddEthernet { partition, slot, ethernet }
        }),
        3 => (a_partition(), a_slot(), an_ethernet()).prop_map(|(partition, slot, ethernet)| {
            Operation::ChangeEthernet { partition, slot, ethernet }
        }),
        2 => (a_partition(), a_slot())
            .prop_map(|(partition, slot)| Operation::RemoveEthernet { partition, slot }),
        1 => a_name().prop_map(|name| Operation::CreateSwitch { name, mode: SwitchMode::Veb }),
        1 => (0u16..3).prop_map(|switch| Operation::ChangeSwitch {
            switch: SwitchId(switch),
            mode: SwitchMode::Vepa
        }),
        1 => (0u16..3).prop_map(|switch| Operation::RemoveSwitch { switch: SwitchId(switch) }),
        2 => (a_name(), 0u16..3, 0u16..5, any::<bool>()).prop_map(
            |(name, switch, vlan, tagged)| Operation::CreateNetwork {
                name,
                switch: SwitchId(switch),
                vlan: VlanId(vlan),
                tagged
            }
        ),
        1 => (1u32..20).prop_map(|network| Operation::RemoveNetwork { network: NetworkId(network) }),
    ]
}

fn a_storage_operation() -> impl Strategy<Value = Operation> {
    let vios = || prop_oneof![4 => Just(VIOS), 1 => a_partition()];
    let volumes = || proptest::collection::btree_set("[x-z]", 0..3);
    let backing = prop_oneof![
        "[x-z]".prop_map(Backing::Volume),
        a_name().prop_map(Backing::Disk),
        proptest::option::of(a_name()).prop_map(Backing::Optical),
    ];
    let sizes = || 0u64..400;
    prop_oneof![
        4 => (vios(), a_choice(), a_partition(), a_choice()).prop_map(
            |(vios, server_slot, client, client_slot)| Operation::AddScsiPair {
                vios,
                server_slot,
                client,
                client_slot
            }
        ),
        1 => (vios(), a_slot())
            .prop_map(|(vios, server_slot)| Operation::RemoveScsiPair { vios, server_slot }),
        6 => (vios(), a_slot(), proptest::option::of(a_name()), backing).prop_map(
            |(vios, server_slot, name, backing)| Operation::AddTarget {
                vios,
                server_slot,
                name,
                backing
            }
        ),
        2 => (vios(), a_name()).prop_map(|(vios, name)| Operation::RemoveTarget { vios, name }),
        2 => (vios(), a_name(), a_name())
            .prop_map(|(vios, target, medium)| Operation::LoadMedium { vios, target, medium }),
        1 => (vios(), a_name())
            .prop_map(|(vios, target)| Operation::UnloadMedium { vios, target }),
        3 => (vios(), a_name(), volumes())
            .prop_map(|(vios, name, volumes)| Operation::CreateGroup { vios, name, volumes }),
        1 => (vios(), a_name(), volumes())
            .prop_map(|(vios, group, volumes)| Operation::ExtendGroup { vios, group, volumes }),
        1 => (vios(), a_name()).prop_map(|(vios, group)| Operation::RemoveGroup { vios, group }),
        3 => (vios(), a_name(), a_name(), sizes()).prop_map(|(vios, group, name, size_mb)| {
            Operation::CreateDisk { vios, group, name, size_mb }
        }),
        1 => (vios(), a_name(), sizes())
            .prop_map(|(vios, disk, size_mb)| Operation::ExtendDisk { vios, disk, size_mb }),
        1 => (vios(), a_name()).prop_map(|(vios, disk)| Operation::RemoveDisk { vios, disk }),
        2 => (vios(), a_name(), sizes())
            .prop_map(|(vios, group, size_mb)| Operation::CreateRepository { vios, group, size_mb }),
        1 => vios().prop_map(|vios| Operation::RemoveRepository { vios }),
        2 => (vios(), a_name(), 0u64..100, any::<bool>()).prop_map(
            |(vios, name, size_mb, read_only)| Operation::CreateMedium {
                vios,
                name,
                size_mb,
                read_only
            }
        ),
        1 => (vios(), a_name()).prop_map(|(vios, name)| Operation::RemoveMedium { vios, name }),
    ]
}

fn a_happening() -> impl Strategy<Value = Happening> {
    let operation = prop_oneof![
        4 => a_power_operation(),
        5 => a_partition_operation(),
        4 => a_network_operation(),
        6 => a_storage_operation(),
    ];
    let seen = prop_oneof![
        8 => Just(Seen::Nothing),
        1 => (0u64..2).prop_map(Seen::Version),
    ];
    let fault = prop_oneof![
        2 => Just(Fault::Crash),
        2 => Just(Fault::Hang),
        1 => Just(Fault::Boot(BootFault::Fails)),
        1 => Just(Fault::Boot(BootFault::Hangs)),
        1 => Just(Fault::Boot(BootFault::FindsNoDevice)),
    ];
    prop_oneof![
        40 => (operation, seen, a_job_fault())
            .prop_map(|(operation, seen, fault)| Happening::Asked(operation, seen, fault)),
        12 => (0u64..60_000).prop_map(Happening::Passes),
        2 => (a_partition(), fault).prop_map(|(id, fault)| Happening::Befalls(id, fault)),
        3 => (a_partition(), "[x-z]").prop_map(|(id, name)| Happening::Attached(id, name)),
        1 => Just(Happening::PlatformCrashes),
        2 => (0u64..3).prop_map(Happening::Session),
        3 => (0u64..3, 0usize..9).prop_map(|(session, limit)| Happening::Reads(session, limit)),
    ]
}

/// What goes wrong with a job, if it is one: mostly nothing.
fn a_job_fault() -> impl Strategy<Value = JobFault> {
    let late = prop_oneof![
        6 => Just(None),
        2 => (0u64..200_000).prop_map(|ms| Some(Lateness::By(Duration::from_millis(ms)))),
        1 => Just(Some(Lateness::Forever)),
    ];
    let fails = prop_oneof![6 => Just(None), 1 => Just(Code::of_firmware(b"BA210099"))];
    (late, fails).prop_map(|(late, fails)| JobFault { late, fails })
}

/// A system on which most of what managers name is there.
fn furnished(event_log: usize, with_repository: bool) -> Lab {
    let mut lab = Lab::with(SystemConfig { event_log, ..config() });
    for (name, capacity_mb) in [("x", 600), ("y", 300), ("z", 100)] {
        lab.system.attach_volume(VIOS, name, capacity_mb, lab.now).expect("a volume");
    }
    let vios = VIOS;
    lab.ok(Operation::CreateGroup { vios, name: "a".into(), volumes: names(&["x"]) });
    lab.ok(Operation::CreateDisk { vios, group: "a".into(), name: "b".into(), size_mb: 100 });
    if with_repository {
        lab.ok(Operation::CreateRepository { vios, group: "a".into(), size_mb: 200 });
        lab.ok(Operation::CreateMedium { vios, name: "c".into(), size_mb: 50, read_only: true });
    }
    let client = lab.running("a");
    let slot = SlotChoice::Lowest;
    for partition in [client, VIOS] {
        let ethernet = Box::new(EthernetDefinition::on(VlanId(1)));
        lab.ok(Operation::AddEthernet { partition, slot, ethernet });
    }
    lab.ok(Operation::AddScsiPair { vios, server_slot: slot, client, client_slot: slot });
    lab.ok(Operation::AddScsiPair { vios, server_slot: slot, client, client_slot: slot });
    let backing = Backing::Optical(with_repository.then(|| "c".into()));
    let (server_slot, name) = (Slot(3), Some(String::from("c")));
    lab.ok(Operation::AddTarget { vios, server_slot, name, backing });
    lab
}

/// Has it happen, and says whether something was refused.
fn happen(lab: &mut Lab, happening: &Happening) -> Option<Result<(), Refusal>> {
    let system = &mut lab.system;
    match happening {
        Happening::Asked(operation, seen, fault) => {
            let last_job = system.jobs(None, usize::MAX).items.last().map_or(0, |job| job.id().0);
            let recent = |back: &JobId| JobId(last_job.saturating_sub(back.0 / 4));
            let operation = match operation {
                Operation::CancelJob { job } => Operation::CancelJob { job: recent(job) },
                Operation::DeleteJob { job } => Operation::DeleteJob { job: recent(job) },
                operation => operation.clone(),
            };
            let request =
                Request { fault: *fault, ..Request::from(operation).from_session(SessionId(1)) };
            let request = match seen {
                Seen::Nothing => request,
                Seen::Version(back) => {
                    let last = system.last_version.0;
                    request.expecting(Version(last - back.min(&last)))
                }
            };
            return Some(lab.try_request(&request).map(drop));
        }
        Happening::Passes(ms) => lab.wait(Duration::from_millis(*ms)),
        Happening::Befalls(id, fault) => {
            if system.partition(*id).is_ok() {
                lab.inject(*id, *fault);
            }
        }
        Happening::Attached(id, name) => {
            return Some(system.attach_volume(*id, name, 500, lab.now).map(drop));
        }
        Happening::PlatformCrashes => {
            let before = system.clone();
            system.platform_crashed(lab.now);
            for (old, new) in before.partitions.values().zip(system.partitions.values()) {
                assert_eq!(old.phase, new.phase, "what runs goes on");
                assert_eq!(old.configuration, new.configuration, "definitions stay");
            }
        }
        Happening::Session(session) => {
            if !system.open_session(SessionId(*session)) {
                system.close_session(SessionId(*session));
            }
        }
        Happening::Reads(session, limit) => {
            let seen = system.peek_events(SessionId(*session), *limit);
            assert_eq!(system.events(SessionId(*session), *limit), seen);
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_must_hold_holds_after_each_step(
        happenings in proptest::collection::vec(a_happening(), 1..120),
        log in prop_oneof![Just(4096usize), 1usize..12],
    ) {
        let mut lab = furnished(log, log % 2 == 0);
        for happening in &happenings {
            happen(&mut lab, happening);
            lab.holds();
        }
        // What is under way ends, unless an operating system hangs.
        lab.wait(seconds(3600));
        prop_assert_eq!(lab.system.next_due(), None);
    }

    #[test]
    fn what_is_stored_makes_the_same_system_again(
        with_repository in any::<bool>(),
        happenings in proptest::collection::vec(a_happening(), 1..60),
    ) {
        let mut lab = furnished(64, with_repository);
        for happening in &happenings {
            happen(&mut lab, happening);
        }
        super::nvram::is_restored(&lab.system);
    }

    #[test]
    fn each_session_gets_every_event_once_and_in_order_or_is_told(
        happenings in proptest::collection::vec(a_happening(), 1..60),
        reads in proptest::collection::vec(0usize..6, 60),
        log in 1usize..40,
    ) {
        let mut lab = furnished(log, log % 2 == 0);
        let reader = SessionId(99);
        lab.system.open_session(reader);
        let mut next = lab.system.last_event() + 1;
        for (happening, limit) in happenings.iter().zip(reads) {
            happen(&mut lab, happening);
            if lab.system.open_session(reader) {
                // The platform has crashed: a new session begins with what comes.
                next = lab.system.last_event() + 1;
            }
            let got = lab.system.events(reader, limit).expect("open");
            next += got.missed;
            for event in got.events {
                prop_assert_eq!(event.number, next);
                next += 1;
            }
        }
        let rest = lab.system.events(reader, usize::MAX).expect("open");
        prop_assert_eq!(next + rest.missed + rest.events.len() as u64, lab.system.last_event() + 1);
    }
}

/// The strategies reach what they are for: most operations succeed at times, and are refused at others.
#[test]
fn random_requests_succeed_and_are_refused() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    use std::collections::BTreeMap;

    let mut runner = TestRunner::deterministic();
    let mut counts: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for n in 0..200 {
        let strategy = proptest::collection::vec(a_happening(), 200);
        let happenings = strategy.new_tree(&mut runner).expect("a value").current();
        let mut lab = furnished(100, n % 2 == 0);
        for happening in &happenings {
            let result = happen(&mut lab, happening);
            if let (Some(result), Happening::Asked(operation, ..)) = (result, happening) {
                let name = format!("{operation:?}");
                let name = name.split([' ', '(']).next().unwrap_or_default().to_owned();
                counts.entry(name).or_default()[usize::from(result.is_err())] += 1;
            }
        }
    }
    let lacking: Vec<_> = counts.iter().filter(|(_, counts)| counts.contains(&0)).collect();
    assert_eq!(lacking, [], "{counts:#?}");
    assert_eq!(counts.len(), 43);
}
