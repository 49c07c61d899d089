//! Inventories are read, refused with a place and a remedy, and generated.

use super::*;
use crate::Inventory;
use hmc_router::Router;
use managed_system::{Adapter, PartitionState, RmcState, System, problems};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Something of everything.
const FULL: &str = r#"
name = "sys1"
seed = 7
event-log = 100
[system]
machine-type = "9105"
model = "22A"
serial = "7654321"
uuid = "0A1B2C3D-0000-4000-8000-000000000001"
[capacity]
memory-mb = 32768
installed-memory-mb = 65536
hypervisor-memory-mb = 1024
lmb-mb = 256
processors = 8
installed-processors = 16
least-units = 5
max-processors-per-partition = 32
max-partitions = 100
custom-mac-addresses = true
[timings]
start-ms = 1000
[[switch]]
name = "backup"
mode = "vepa"
[[network]]
name = "production"
vlan = 100
tagged = true
[[partition]]
name = "mgmt"
management = true
memory-mb = { desired = 2048 }
processors = { desired = 2 }
[[partition]]
name = "vios1"
type = "vios"
id = 9
state = "running"
memory-mb = { desired = 2048, max = 8192 }
processors = { desired = 2 }
dedicated = true
[[partition.ethernet]]
slot = 3
mac = "02AABBCCDD03"
vlan = 1
additional-vlans = [100, 101]
trunk-priority = 1
[[partition.volume]]
name = "hdisk0"
size-mb = 100000
[[partition.volume]]
name = "hdisk1"
size-mb = 5000
[[partition.group]]
name = "rootvg"
volumes = ["hdisk0"]
disk = [{ name = "boot1", size-mb = 20000 }]
repository = { size-mb = 8000, medium = [{ name = "aix.iso", size-mb = 4000 }] }
[[partition]]
name = "web1"
os = "aix"
state = "running"
memory-mb = { min = 1024, desired = 2048, max = 4096 }
processors = { min = 1, desired = 2, max = 4 }
units = { min = 10, desired = 50, max = 400 }
weight = 200
max-slots = 20
availability-priority = 1
boot-mode = "sms"
auto-start = true
compatibility-mode = "POWER9"
profile = "default"
description = "A web server"
ethernet = [{ vlan = 100, switch = "backup" }]
[[partition.scsi]]
server = "vios1"
slot = 5
server-slot = 15
target = [{ disk = "boot1", name = "root" }, { volume = "hdisk1" }, { optical = "aix.iso" }, { optical = "" }]
"#;

#[track_caller]
fn system(text: &str) -> System {
    let inventory = Inventory::parse("t.toml", text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let system = inventory.into_system();
    assert_eq!(problems(&system), [""; 0]);
    system
}

#[test]
fn an_inventory_becomes_a_system() {
    let system = system(FULL);
    assert_eq!((system.config().name.as_str(), system.config().seed), ("sys1", 7));
    assert_eq!(system.config().capacity.installed_memory_mb, 65536);
    assert_eq!(system.config().timings.start.as_millis(), 1000);
    assert_eq!(system.config().timings.firmware.as_secs(), 10, "the default");
    let vios = system.partition_named("vios1").expect("there");
    assert_eq!(
        (vios.id().0, vios.state(), vios.rmc()),
        (9, PartitionState::Running, RmcState::Active)
    );
    assert!(vios.configuration().processors.is_dedicated());
    let web = system.partition_named("web1").expect("there");
    assert_eq!((web.assignment().memory_mb, web.assignment().units.0), (2048, 50));
    assert_eq!((web.description(), web.profiles().count()), ("A web server", 1));
    assert!(!web.has_physical_boot_device());
    let slots: Vec<u16> = web.adapters().map(|(slot, _)| slot.0).collect();
    assert_eq!(slots, [2, 5]);
    let server = system.scsi_server(vios.id(), managed_system::Slot(15)).expect("there");
    let targets: Vec<_> = server.targets().map(|(name, _)| name).collect();
    assert_eq!(targets, ["root", "vtopt0", "vtopt1", "vtscsi0"]);
    let repository = system.storage(vios.id()).expect("a server").repository().expect("there");
    assert_eq!(repository.free_mb(), 4000);
    assert_eq!(system.location_code(web.id(), managed_system::Slot(5)), "U9105.22A.7654321-V2-C5");
}

#[test]
fn uuids_and_addresses_stay_when_partitions_are_added() {
    let identities = |text: &str| -> Vec<_> {
        let system = system(text);
        let web = system.partition_named("web1").expect("there");
        let macs = web.adapters().filter_map(|(_, adapter)| match adapter {
            Adapter::Ethernet(ethernet) => Some(ethernet.mac().to_string()),
            Adapter::ScsiClient(..) | Adapter::ScsiServer(_) => None,
        });
        std::iter::once(web.uuid().to_string()).chain(macs).collect()
    };
    let more = FULL.replace(
        "[[partition]]\nname = \"web1\"",
        "[[partition]]\nname = \"web0\"\nmemory-mb = { desired = 1024 }\nprocessors = { desired = 1 }\n\
         ethernet = [{ vlan = 1 }]\n[[partition]]\nname = \"web1\"",
    );
    assert_ne!(more, FULL);
    assert_eq!(identities(&more), identities(FULL));
    assert_ne!(identities(&FULL.replace("seed = 7", "seed = 8")), identities(FULL));
}

/// A piece of [`FULL`], what takes its place, and what is said: at which text, what is wrong, and what to do.
const MISTAKES: &[(&str, &str, &str, &str, &str)] = &[
    ("seed = 7", "sede = 7", "sede", "an inventory has no key `sede`", "did you mean `seed`?"),
    (
        "seed = 7",
        "lmb-mb = 7",
        "lmb-mb",
        "an inventory has no key `lmb-mb`",
        "write it below `[capacity]`",
    ),
    (
        "seed = 7",
        "seed = -1",
        "-1",
        "seed is 0 to 9223372036854775807, not -1",
        "write a number from 0",
    ),
    ("name = \"sys1\"", "", "", "an inventory needs the key `name`", "write `name = "),
    ("name = \"sys1\"", "name = \"\"", "\"\"", "is no name of a system", "give it another name"),
    (
        "lmb-mb = 256",
        "lmb-mb = 250",
        "\"sys1\"",
        "a power of two from 16 to 4096",
        "change `[capacity]`",
    ),
    (
        "lmb-mb = 256",
        "lmb-mb = 8",
        "8",
        "lmb-mb is 16 to 4096, not 8",
        "write a number from 16 to 4096",
    ),
    (
        "lmb-mb = 256",
        "lmb-mb = \"256\"",
        "\"256\"",
        "expected a number from 16 to 4096, got \"256\"",
        "write `lmb-mb = 256`",
    ),
    (
        "processors = 8",
        "processors = 17",
        "\"sys1\"",
        "configurable processors",
        "change `[capacity]`",
    ),
    (
        "management = true\n",
        "",
        "\"sys1\"",
        "expected one management partition, got none",
        "`management = true`",
    ),
    (
        "type = \"vios\"",
        "management = true",
        "\"vios1\"",
        "got another one",
        "leave `management` out here",
    ),
    (
        "type = \"vios\"",
        "type = \"viso\"",
        "\"viso\"",
        "`type`: expected \"aix-linux\", \"vios\" or \"ibm-i\"",
        "write `type = \"vios\"`",
    ),
    (
        "type = \"vios\"",
        "type = \"aix-linux\"",
        "[[partition.ethernet]]",
        "only a Virtual I/O Server",
        "leave `trunk-priority` out",
    ),
    (
        "\nmemory-mb = { desired = 2048 }",
        "",
        "",
        "`[[partition]]` needs the key `memory-mb`",
        "memory-mb",
    ),
    (
        "memory-mb = { desired = 2048 }",
        "memory-mb = 2048",
        "2048",
        "`memory-mb`: expected a table, got 2048",
        "desired = 2048",
    ),
    (
        "min = 1024, desired = 2048",
        "min = 1000, desired = 2048",
        "[[partition]]\nname = \"web1\"",
        "min_mem as a positive multiple of 256 MB, got 1000",
        "write 1024",
    ),
    (
        "min = 1024, desired = 2048",
        "min = 4096, desired = 2048",
        "[[partition]]\nname = \"web1\"",
        "expected desired_mem to be at least 4096",
        "write at least 4096",
    ),
    (
        "min = 10, desired = 50",
        "min = 2, desired = 50",
        "[[partition]]\nname = \"web1\"",
        "expected min_proc_units from 0.05 to 1.0",
        "write 5 to 100 hundredths",
    ),
    (
        "dedicated = true",
        "dedicated = true\nunits = { desired = 3 }",
        "{ desired = 3 }",
        "no entitlement",
        "leave `units` or `dedicated` out",
    ),
    (
        "id = 9",
        "id = 1",
        "[[partition]]\nname = \"vios1\"",
        "there is already a partition 1",
        "choose another `id`",
    ),
    (
        "id = 9",
        "uuid = \"12\"",
        "\"12\"",
        "uuid: expected 32 hexadecimal digits as 8-4-4-4-12, got \"12\"",
        "or leave it out",
    ),
    (
        "name = \"web1\"",
        "name = \"vios1\"",
        "[[partition]]\nname = \"vios1\"",
        "already a partition named",
        "another name",
    ),
    (
        "compatibility-mode = \"POWER9\"",
        "compatibility-mode = \"POWER99\"",
        "[[partition]]\nname = \"web1\"",
        "got \"POWER99\"",
        "did you mean `POWER9`?",
    ),
    (
        "switch = \"backup\"",
        "switch = \"bakcup\"",
        "\"bakcup\"",
        "no virtual switch named \"bakcup\"",
        "did you mean `backup`?",
    ),
    (
        "server = \"vios1\"",
        "server = \"vois1\"",
        "\"vois1\"",
        "no partition named \"vois1\"",
        "did you mean `vios1`?",
    ),
    (
        "server = \"vios1\"",
        "server = \"mgmt\"",
        "[[partition.scsi]]",
        "is no Virtual I/O Server",
        "name a partition with",
    ),
    (
        "mac = \"02AABBCCDD03\"",
        "mac = \"02:AA\"",
        "\"02:AA\"",
        "expected 12 hexadecimal digits",
        "leave it out",
    ),
    (
        "mac = \"02AABBCCDD03\"",
        "mac = \"00AABBCCDD03\"",
        "[[partition.ethernet]]",
        "locally administered unicast",
        "choose another `mac`",
    ),
    (
        "slot = 5",
        "slot = 2",
        "[[partition.scsi]]",
        "slot 2 of partition 2 is in use",
        "choose another slot",
    ),
    (
        "slot = 5",
        "slot = 20",
        "[[partition.scsi]]",
        "expected a slot from 2 to 19",
        "choose another slot",
    ),
    ("vlan = 1\n", "vlan = 0\n", "0", "vlan is 1 to 4094, not 0", "write a number"),
    (
        "[100, 101]",
        "[100, 5000]",
        "5000",
        "additional-vlans is 1 to 4094, not 5000",
        "write a number",
    ),
    (
        "[100, 101]",
        "[1]",
        "[[partition.ethernet]]",
        "VLAN 1 cannot be an additional one, too",
        "leave it out",
    ),
    (
        "size-mb = 20000",
        "size-mb = 200000",
        "{ name = \"boot1\"",
        "expected 200000 MB, got 100000 MB",
        "at most 100000 MB",
    ),
    (
        "disk = \"boot1\", name",
        "disk = \"boot2\", name",
        "{ disk = \"boot2\"",
        "no virtual disk named \"boot2\"",
        "define that virtual disk",
    ),
    (
        "{ volume = \"hdisk1\" }",
        "{ volume = \"hdisk0\" }",
        "{ volume = \"hdisk0\"",
        "belongs to volume group \"rootvg\"",
        "name another one",
    ),
    (
        "{ volume = \"hdisk1\" }",
        "{ volume = \"hdisk1\", disk = \"boot1\" }",
        "{ volume",
        "expected one of `disk`, `volume` and `optical`",
        "keep the one",
    ),
    (
        "desired = 2048, max = 8192",
        "desired = 65536",
        "\"vios1\"",
        "expected 65536 MB of memory, got 29696 MB",
        "raise `[capacity]`",
    ),
    (
        "start-ms = 1000",
        "start-ms = \"1 s\"",
        "\"1 s\"",
        "expected a number from 0 to 86400000",
        "write `start-ms = 1000`",
    ),
    ("[timings]", "[timings", "", "this is not TOML", "cargo xtask inventory"),
];

#[test]
fn each_mistake_is_told_with_its_place_and_a_remedy() {
    for (piece, instead, at, message, remedy) in MISTAKES {
        let text = FULL.replacen(piece, instead, 1);
        assert_ne!(text, FULL, "{piece}");
        let error = Inventory::parse("t.toml", &text).expect_err(instead);
        let told = error.to_string();
        assert!(error.message().contains(message), "{told}\nlacks: {message}");
        assert!(error.remedy().contains(remedy), "{told}\nlacks: {remedy}");
        if !at.is_empty() {
            let lines: Vec<&str> = text.lines().collect();
            let from = lines[error.line() - 1..].join("\n");
            let from: String = from.chars().skip(error.column() - 1).collect();
            assert!(from.starts_with(at), "{told}\npoints at: {from:.60}");
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let error = Inventory::load(Path::new("no/such.toml")).expect_err("no file").to_string();
    assert!(error.starts_with("no/such.toml: the file cannot be read"), "{error}");
    assert!(
        error.ends_with("`cargo xtask inventory --partitions 4 --seed 1` prints one"),
        "{error}"
    );
}

/// A scenario of `scenarios/management` with this behaviour.
fn managed(behaviour: &str) -> Result<crate::Scenario, String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/management");
    let text = format!("title = \"t\"\n[machine]\nbehaviour = {behaviour}\n");
    crate::Scenario::parse(&format!("{folder}/t.toml"), &text)
        .map_err(|error| error.to_string().replace(folder, "…"))
}

#[test]
fn a_scenario_has_the_system_of_its_inventory() {
    let scenario = managed("{ router = \"inventories/web-shop.toml\" }").expect("a scenario");
    let router: &Router = scenario.plan().machine.behaviour.other().expect("a router");
    assert_eq!(router.system().config().name, "shop");
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../scenarios/management/inventories/web-shop.toml"
    );
    let inventory = Inventory::load(Path::new(path)).expect("an inventory");
    assert_eq!(inventory.into_behaviour(), scenario.plan().machine.behaviour);
    let small = managed("\"router\"").expect("a scenario");
    let router: &Router = small.plan().machine.behaviour.other().expect("a router");
    assert_eq!(router.system(), &hmc_router::small_system());
}

#[test]
fn what_is_wrong_with_a_scenarios_inventory_is_told_at_its_place() {
    let errors = [
        (
            "{ router = \"inventories/web-shpo.toml\" }",
            "…/t.toml:3:24: the inventory …/inventories/web-shpo.toml cannot be read: No such file or directory \
             (os error 2); there is a `web-shop.toml` in that folder",
        ),
        (
            "{ router = \"nowhere/of-mine.toml\" }",
            "…/t.toml:3:24: the inventory …/nowhere/of-mine.toml cannot be read: No such file or directory \
             (os error 2); write the path of an inventory from this file's folder; \
             `cargo xtask inventory --partitions 4 --seed 1` prints one",
        ),
        (
            "{ router = \"events.toml\" }",
            "…/events.toml:2:1: an inventory has no key `title`; use one of ",
        ),
        (
            "{ router = 7 }",
            "…/t.toml:3:24: `router`: expected a string, got 7; write `router = \"7\"`",
        ),
        (
            "{ ruoter = \"x.toml\" }",
            "…/t.toml:3:15: `behaviour` has no key `ruoter`; did you mean `router`?",
        ),
        (
            "{ router = \"inventories/web-shop.toml\", source = { events = 1, bytes = 1 } }",
            "…/t.toml:3:13: `behaviour`: expected a table with one key, got 2: `router`, `source`; write one of ",
        ),
        (
            "\"ruoter\"",
            "…/t.toml:3:13: `behaviour`: expected \"echo\", \"sink\", \"router\" or a table with one key, got \
             \"ruoter\"; write `behaviour = \"router\"`",
        ),
    ];
    for (behaviour, expected) in errors {
        let error = managed(behaviour).expect_err(behaviour);
        assert!(error.starts_with(expected), "{error}\n{expected}");
    }
}

fn objections(text: &str) -> Vec<String> {
    let schema: Value = serde_json::from_str(&inventory_schema()).expect("JSON");
    jsonschema::draft7::meta::validate(&schema).expect("a schema");
    let validator = jsonschema::draft7::new(&schema).expect("a schema");
    let value: Value = toml::from_str(text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

#[test]
fn the_schema_takes_what_is_meant_and_refuses_what_the_form_refuses() {
    assert_eq!(objections(FULL), [""; 0]);
    assert_eq!(objections(&generate_inventory(60, 3)), [""; 0]);
    let refused = |piece: &str, instead: &str| {
        let text = FULL.replacen(piece, instead, 1);
        assert_ne!(objections(&text), [""; 0], "{instead}");
        assert!(Inventory::parse("t.toml", &text).is_err(), "{instead}");
    };
    refused("seed = 7", "sede = 7");
    refused("name = \"sys1\"", "");
    refused("lmb-mb = 256", "lmb-mb = 8");
    refused("vlan = 100", "vlan = 4095");
    refused("weight = 200", "weight = 256");
    refused("min = 10, desired = 50", "min = 0, desired = 50");
    refused("{ volume = \"hdisk1\" }", "{ volume = \"hdisk1\", disk = \"boot1\" }");
    refused("{ volume = \"hdisk1\" }", "{}");
    refused("type = \"vios\"", "type = \"viso\"");
    // An editor has the whole form at each place.
    assert!(!inventory_schema().contains("$ref"));
}

#[test]
fn every_seed_gives_an_inventory_with_all_its_partitions() {
    let mut texts = BTreeSet::new();
    for seed in (0..60).chain([u64::MAX]) {
        let partitions = (seed % 100) as u16;
        let text = generate_inventory(partitions, seed);
        assert_eq!(text, generate_inventory(partitions, seed));
        let system = system(&text);
        let others = usize::from(partitions.div_ceil(40)) + 1;
        assert_eq!(system.number_of_partitions(), usize::from(partitions) + others);
        texts.insert(text);
    }
    assert_eq!(texts.len(), 61);
}

#[test]
fn a_large_inventory_starts_what_it_defines() {
    let mut system = system(&generate_inventory(960, 7));
    assert_eq!(system.number_of_partitions(), 960 + 25);
    let all = system.partitions(None, usize::MAX).items;
    let off = all.iter().find(|at| at.state() == PartitionState::NotActivated).expect("one is off");
    let partition = off.id();
    let power_on = managed_system::Operation::PowerOn { partition, profile: None, boot_mode: None };
    system.apply(&power_on.into(), system.now()).expect("powered on");
    system.advance(std::time::Duration::from_secs(100));
    assert_eq!(
        system.partition(partition).expect("there").rmc(),
        RmcState::Active,
        "it found its disk"
    );
    assert_eq!(problems(&system), [""; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_reader_panic(
        at in 0..FULL.len(), len in 0usize..30,
        piece in prop_oneof![
            Just("{"), Just("}"), Just("["), Just("]"), Just("\""), Just("="), Just("\n"), Just("-1"),
            Just("99999999999999999999"), Just("é"), Just("\u{0}"), Just("[[partition]]\n"), Just("true"),
        ],
    ) {
        let mut text = FULL.to_owned();
        let end = (at + len).min(text.len());
        text.replace_range(at..end, piece);
        if let Err(error) = Inventory::parse("t.toml", &text) {
            prop_assert!(!error.message().is_empty() && !error.remedy().is_empty());
            prop_assert!(error.line() >= 1 && error.line() <= text.lines().count() + 1);
        }
    }

    #[test]
    fn numbers_of_every_size_are_told_or_taken(number in any::<i64>(), nth in 0usize..60) {
        let places: Vec<(usize, &str)> = FULL.match_indices(|c: char| c.is_ascii_digit()).collect();
        let (start, _) = places[nth % places.len()];
        let rest = FULL[start..].find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
        let text = format!("{}{number}{}", &FULL[..start], &FULL[start + rest..]);
        if let Ok(inventory) = Inventory::parse("t.toml", &text) {
            prop_assert_eq!(problems(inventory.system()), [""; 0]);
        }
    }
}
