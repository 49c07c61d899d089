//! `pvmctl` on a small system.

use super::*;
use crate::cli;
use crate::cli::tests::Console;

fn link() -> Console {
    Console::new(hmc_router::small_system(), run)
}

const CREATE: &str = "lpar create --name x --proc-type shared --proc 1 --proc-unit 0.05 --sharing-mode uncapped --type AIX/Linux --mem 2048";

#[test]
fn partitions_are_created_listed_changed_and_deleted() {
    let link = link();
    link.done(CREATE);
    assert_eq!(
        link.prints("lpar list -i name=x"),
        "Logical Partitions\n\
         +------+----+---------------+----------+-----------+----------+------+-----+------+\n\
         | Name | ID |     State     |   RMC    |    Env    | Ref Code | Mem  | CPU | Ent  |\n\
         +------+----+---------------+----------+-----------+----------+------+-----+------+\n\
         |  x   | 3  | not activated | inactive | AIX/Linux | 00000000 | 2048 |  1  | 0.05 |\n\
         +------+----+---------------+----------+-----------+----------+------+-----+------+\n"
    );
    let show = "lpar list -i id=3 -d LogicalPartition.id LogicalPartition.state";
    assert_eq!(link.prints(show), "id=3, state=not activated\n");
    assert_eq!(link.prints(&format!("{show} --hide-label -f ,")), "3,not activated\n");
    assert_eq!(
        link.prints(
            "lpar list --where LogicalPartition.name=x -d LogicalPartition.uuid --hide-label"
        )
        .trim_end()
        .len(),
        36
    );
    assert_eq!(link.prints("vm list -d LogicalPartition.name --hide-label"), "mgmt\nvios1\nx\n");
    link.done("lpar update -i name=x --set-fields PartitionMemoryConfiguration.max=4096 PartitionMemoryConfiguration.desired=4096 SharedProcessorConfiguration.max_virtual=4 SharedProcessorConfiguration.max_units=1");
    link.done("lpar update -i name=x --set-field LogicalPartition.bootmode=System_Management_Services LogicalPartition.name=y");
    let shown = link.prints("lpar list -i name=y -d PartitionMemoryConfiguration.desired LogicalPartition.bootmode SharedProcessorConfiguration.max_virtual SharedProcessorConfiguration.uncapped_weight");
    assert_eq!(
        shown,
        "desired=4096, bootmode=System_Management_Services, max_virtual=4, uncapped_weight=64\n"
    );
    link.done("lpar delete -i name=y");
    assert!(link.fails("lpar list -i name=y").starts_with("HSCL8012 "));
}

#[test]
fn partitions_are_started_and_stopped() {
    let link = link();
    link.done(CREATE);
    let state = || link.prints("lpar list -i name=x -d LogicalPartition.state --hide-label");
    assert_eq!(
        link.prints("lpar power-on -i name=x --bootmode sms"),
        "Powering on partition x, this may take a few minutes.\nPartition x power-on completed successfully.\n"
    );
    assert_eq!(state(), "open firmware\n");
    assert!(link.fails("lpar power-on -i name=x").starts_with("HSCL05EA "));
    assert!(link.fails("lpar delete -i id=3").starts_with("HSCLF007 "));
    assert!(
        link.prints("lpar restart -i id=3")
            .ends_with("Partition x restart completed successfully.\n")
    );
    assert_eq!(state(), "open firmware\n");
    assert!(link.prints("lpar power-off -i id=3 --hard").starts_with("Powering off partition x, "));
    assert_eq!(state(), "not activated\n");
    assert!(link.fails("lpar power-off -i id=3").starts_with("HSCL1558 "));
}

#[test]
fn dedicated_processors_are_whole_ones() {
    let link = link();
    link.done("lpar create --name d --proc-type dedicated --proc 2 --max-proc 3 --mem 1024 --min-mem 512 --max-mem 2048");
    let shown = link.prints("lpar list -i name=d -d DedicatedProcessorConfiguration.desired DedicatedProcessorConfiguration.max PartitionMemoryConfiguration.min PartitionProcessorConfiguration.sharing_mode");
    assert_eq!(shown, "desired=2, max=3, min=512, sharing_mode=sre idle proces\n");
    for (line, said) in [
        (
            "lpar create --name e --proc-type dedicated --proc 1 --mem 1024 --proc-unit 1",
            "the option --proc-unit does not go with --proc-type dedicated",
        ),
        (
            "lpar create --name e --proc-type dedicated --proc 1 --mem 1024 --sharing-mode capped",
            "dedicated processors cannot be shared as `capped`",
        ),
        (
            "lpar create --name e --proc 1 --mem 1024 --sharing-mode 'keep idle procs'",
            "shared processors cannot be shared as `keep idle procs`",
        ),
        (
            "lpar create --name e --proc 1 --mem 1024 --proc-unit half",
            "expected --proc-unit as processors with at most two decimals, got `half`",
        ),
        ("lpar create --name e --proc 1", "expected --mem <MB> after lpar create"),
        (
            "lpar update -i name=d --set-fields LogicalPartition.id=9",
            "a partition's ID and UUID are chosen when it is created, and stay",
        ),
        (
            "lpar update -i name=d --set-fields LogicalPartition.state=running",
            "LogicalPartition.state cannot be set: the system sets it",
        ),
        ("lpar update -i name=d --set-fields bootmode", "expected KEY=VALUE, got `bootmode`"),
        ("lpar list -i color=red", "the key `color` is not known here; known are name, id, uuid"),
        ("lpar list --hide-label", "the option --hide-label goes with -d"),
        (
            "lpar",
            "expected one of list, create, update, delete, power-on, power-off, restart after lpar",
        ),
        (
            "lpar dance",
            "lpar has no `dance`; it has list, create, update, delete, power-on, power-off, restart",
        ),
        ("vg list", "the command `vg` is not there; there are lpar, vea, lv, scsi, sys"),
        (
            "lpar list --all",
            "the option `--all` is not known to lpar list; known are -i, -p, --where, -d, -f, --hide-label",
        ),
    ] {
        assert_eq!(link.fails(line), said, "{line}");
    }
}

#[test]
fn adapters_are_created_changed_and_deleted() {
    let link = link();
    link.done(CREATE);
    link.done(
        "vea create --pvid 100 --vswitch ETHERNET0 --parent-id name=x --mac 02:00:00:00:00:01",
    );
    link.done("eth create --pvid 7 --vlans 8,9 --slot 5 -p id=3");
    let table = link.prints("vea list -p name=x");
    assert!(
        table.contains("|  7   |  8,9  |")
            && table
                .contains("| 100  |       | 020000000001 |  63  | ETHERNET0 |  x   |    3    |"),
        "{table}"
    );
    link.done("vea update -i mac=020000000001 --set-fields VirtualEthernetAdapter.pvid=101");
    assert_eq!(link.prints("vea list -i mac=020000000001 -d VirtualEthernetAdapter.pvid VirtualEthernetAdapter.slot"), "pvid=101, slot=63\n");
    link.done("vea delete -p name=x -i slot=5");
    link.done("vea delete -i mac=020000000001");
    assert!(!link.prints("vea list -p name=x").contains("ETHERNET0"));
    assert!(link.fails("vea delete -i mac=020000000001").starts_with("HSCLF001 "));
    assert_eq!(link.fails("vea delete -i slot=5"), "expected -p name=… with -i slot=…");
    assert_eq!(
        link.fails("vea create --pvid 1 --vswitch nope -p name=x"),
        "HSCLF001 The virtual switch nope was not found; there are ETHERNET0."
    );
}

#[test]
fn disks_and_mappings_are_created_and_deleted() {
    let link = link();
    link.done(CREATE);
    assert_eq!(link.fails("lv create --name d1 --size 15"), "HSCLF001 vios1 has no volume group.");
    let hmc = |line: &str| {
        cli::run(
            &link.app,
            Dialect::NovaLink,
            &[format!("viosvrcmd -m vmcsim -p vios1 -c '{line}'")],
        )
    };
    assert_eq!(hmc("mkvg -vg rootvg hdisk0").code, 0);
    assert_eq!(hmc("mkrep -sp rootvg -size 5G").code, 0);
    assert_eq!(hmc("mkvopt -name inst.iso -size 1G -ro").code, 0);
    link.done("lv create --name d1 --size 15");
    link.done("lv create --name d2 --size 0.5 --vg name=rootvg -p name=vios1");
    link.done("lv update -i name=d2 --set-fields VirtualDisk.capacity=1");
    link.done("scsi create --type lv --lpar name=x --stor-id d1 -p name=vios1 --vg name=rootvg");
    link.done("scsi create --type pv --lpar id=3 --stor-id hdisk1");
    link.done("scsi create --type vopt --lpar name=x --stor-id inst.iso");
    assert_eq!(
        link.prints("lv list"),
        "Logical Volumes\n\
         +------+-----------+--------+-------+---------+\n\
         | Name | Size (GB) |   VG   |  VIOS |  Target |\n\
         +------+-----------+--------+-------+---------+\n\
         |  d1  |     15    | rootvg | vios1 | vtscsi0 |\n\
         |  d2  |     1     | rootvg | vios1 |         |\n\
         +------+-----------+--------+-------+---------+\n"
    );
    let mappings = link.prints("scsi list");
    assert_eq!(mappings.matches("|  x   |  63  |").count(), 3, "{mappings}");
    assert!(mappings.contains("| vopt | inst.iso |  vtopt0 |"), "{mappings}");
    assert!(link.fails("lv delete -i name=d1").starts_with("HSCLF021 "));
    // One pair of adapters serves all three, and goes with the last.
    for (kind, name) in [("lv", "d1"), ("vopt", "inst.iso"), ("pv", "hdisk1")] {
        assert!(link.prints("scsi list").contains(name));
        link.done(&format!("scsi delete --type {kind} --lpar name=x --stor-id {name}"));
    }
    assert!(
        link.fails("scsi delete --type lv --lpar name=x --stor-id d1").starts_with("HSCLF001 ")
    );
    let view = link.app.snapshot().expect("it").partition_named("x").expect("there").scsi.clone();
    assert_eq!(view, []);
    link.done("lv delete -i name=d1");
    assert!(
        link.fails("scsi create --type lv --lpar name=x --stor-id d1").starts_with("HSCLF001 ")
    );
}

#[test]
fn a_mapping_is_made_whole_or_not_at_all() {
    let link = link();
    link.done(CREATE);
    link.done(&CREATE.replace("--name x", "--name y"));
    link.done("scsi create --type pv --lpar name=x --stor-id hdisk1");
    assert!(
        link.fails("scsi create --type pv --lpar name=y --stor-id hdisk1").starts_with("HSCLF021 ")
    );
    let snapshot = link.app.snapshot().expect("it");
    assert_eq!(snapshot.partition_named("y").expect("there").scsi, []);
}

#[test]
fn the_system_is_shown_and_renamed() {
    let link = link();
    link.done("sys update --set-fields ManagedSystem.system_name=big");
    assert_eq!(
        link.prints(
            "sys list -d ManagedSystem.system_name ManagedSystem.state ManagedSystem.memory_free"
        ),
        "system_name=big, state=operating, memory_free=55296\n"
    );
    assert!(
        link.prints("sys list").contains("| big  | operating | 9009-42A*1234567 | 65536 |"),
        "{}",
        link.prints("sys list")
    );
}
