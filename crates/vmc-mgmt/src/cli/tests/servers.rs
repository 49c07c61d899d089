//! Commands of a Virtual I/O Server.

use super::*;

struct Vios(Console);

impl Vios {
    fn new() -> Vios {
        let vios = Vios(with_lp1());
        vios.prints("mkvg -vg rootvg hdisk0");
        vios
    }

    fn line(command: &str) -> String {
        format!("viosvrcmd -m vmc1 -p vios1 -c '{command}'")
    }

    fn prints(&self, command: &str) -> String {
        self.0.prints(&Vios::line(command))
    }

    fn fails(&self, command: &str, code: u8) -> String {
        let output = self.0.run(&Vios::line(command));
        assert_eq!(output.code, code, "{command}: {}", output.stdout);
        output.stdout.trim_end().to_owned()
    }
}

#[test]
fn disks_are_made_mapped_shown_and_removed() {
    let vios = Vios::new();
    assert_eq!(
        vios.prints("mkbdsp -sp rootvg 10G -bd d1 -vadapter vhost1 -tn vt1"),
        "Creating logical volume \"d1\".\nvt1 Available\n"
    );
    assert_eq!(vios.prints("mklv -lv d2 rootvg 512M"), "d2\n");
    assert_eq!(vios.prints("mkvdev -vdev d2 -vadapter vhost1"), "vtscsi0 Available\n");
    assert_eq!(vios.prints("mkvdev -vdev hdisk1 -vadapter vhost1 -dev disk1"), "disk1 Available\n");
    assert_eq!(
        vios.prints("lsmap -vadapter vhost1 -fmt ,"),
        "vhost1,U9009.42A.1234567-V1-C3,0x0000000a,disk1,Available,0x8102000000000000,hdisk1,,N/A,\
         vt1,Available,0x8100000000000000,d1,,N/A,vtscsi0,Available,0x8101000000000000,d2,,N/A\n"
    );
    assert_eq!(
        vios.prints("lssp -bd -sp rootvg -fmt :"),
        "d1:10240:vt1:vhost1\nd2:512:vtscsi0:vhost1\n"
    );
    assert_eq!(vios.prints("lssp -fmt :"), "rootvg:102400:91648:1:2:LVPOOL\n");
    assert_eq!(
        vios.prints("lspv -free"),
        "NAME             PVID                                 SIZE(megabytes)\nhdisk2           none                                 102400\n"
    );
    assert_eq!(
        vios.prints("lspv"),
        "NAME             PVID                                 VG               STATUS\nhdisk0           none                                 rootvg           active\nhdisk1           none                                 None\nhdisk2           none                                 None\n"
    );
    assert_eq!(vios.prints("lsvg"), "rootvg\n");
    assert!(vios.prints("lsvg rootvg").contains("FREE PPs:       91648 (91648 megabytes)"));
    assert!(
        vios.prints("lsvg -lv rootvg").contains(
            "\nd1                  jfs        10240   10240   1       open/syncd    N/A\n"
        )
    );
    assert!(
        vios.prints("lsvg -pv rootvg").contains("\nhdisk0            active            102400\n")
    );
    assert!(vios.prints("lslv d1").starts_with("LOGICAL VOLUME:     d1"));
    assert_eq!(vios.prints("extendlv d2 512M"), "");
    assert_eq!(
        vios.prints("lssp -bd -sp rootvg -fmt :"),
        "d1:10240:vt1:vhost1\nd2:1024:vtscsi0:vhost1\n"
    );
    // What backs a device is not removed under it; a backing device takes its device along.
    assert!(vios.fails("rmlv -f d2", 1).starts_with("HSCLF021 "));
    assert_eq!(vios.prints("rmvdev -vtd vtscsi0"), "vtscsi0 deleted\n");
    assert_eq!(vios.prints("rmlv -f d2"), "rmlv: Logical volume d2 is removed.\n");
    assert_eq!(vios.prints("rmbdsp -bd d1"), "vt1 deleted\nLogical volume \"d1\" is removed.\n");
    assert_eq!(vios.prints("rmvdev -vdev hdisk1"), "disk1 deleted\n");
    assert_eq!(
        vios.prints("lsmap -all -fmt :"),
        "vhost1:U9009.42A.1234567-V1-C3:0x0000000a:NO VIRTUAL TARGET DEVICE FOUND\n"
    );
}

#[test]
fn a_map_in_full_is_a_block_for_each_adapter() {
    let vios = Vios::new();
    let head = "SVSA            Physloc                                      Client Partition ID\n\
                --------------- -------------------------------------------- ------------------\n\
                vhost1          U9009.42A.1234567-V1-C3                      0x0000000a\n\n";
    assert_eq!(
        vios.prints("lsmap -all"),
        format!("{head}VTD                   NO VIRTUAL TARGET DEVICE FOUND\n\n")
    );
    vios.prints("mkbdsp -sp rootvg 1G -bd d1 -vadapter vhost1");
    let device = "VTD                   vtscsi0\nStatus                Available\nLUN                   0x8100000000000000\n\
                  Backing device        d1\nPhysloc\nMirrored              N/A\n\n";
    assert_eq!(vios.prints("lsmap -vadapter vhost1"), format!("{head}{device}"));
}

#[test]
fn media_are_loaded_and_unloaded() {
    let vios = Vios::new();
    assert!(vios.fails("lsrep", 2).contains("media repository"));
    vios.prints("mkrep -sp rootvg -size 10G");
    vios.prints("mkvopt -name inst.iso -size 1G -ro");
    assert_eq!(vios.prints("mkvdev -fbo -vadapter vhost1"), "vtopt0 Available\n");
    vios.prints("loadopt -vtd vtopt0 -disk inst.iso");
    assert_eq!(vios.prints("lsrep -fmt :"), "inst.iso:1024:vtopt0:ro\n");
    assert!(
        vios.prints("lsmap -all -fmt :")
            .contains(":vtopt0:Available:0x8100000000000000:/var/vio/VMLibrary/inst.iso:")
    );
    assert!(vios.fails("rmvopt -name inst.iso", 1).starts_with("HSCLF021 "));
    vios.prints("unloadopt -vtd vtopt0");
    vios.prints("rmvopt -name inst.iso");
    vios.prints("rmvdev -vtd vtopt0");
    assert_eq!(vios.prints("rmrep -f"), "Virtual Media Repository deleted.\n");
}

#[test]
fn devices_are_listed() {
    let vios = Vios::new();
    vios.0.done("chhwres -r virtualio --rsubtype eth -m vmc1 -o a -p vios1 -a port_vlan_id=1");
    assert_eq!(
        vios.prints("lsdev -virtual"),
        "name             status      description\n\
         ent0             Available   Virtual I/O Ethernet Adapter (l-lan)\n\
         vhost1           Available   Virtual SCSI Server Adapter\n\
         vsa0             Available   LPAR Virtual Serial Adapter\n"
    );
    assert!(vios.prints("lsdev -fmt :").contains("hdisk2:Available:SAS Disk Drive\n"));
    assert_eq!(vios.prints("ioscli ioslevel"), "3.1.4.10\n");
}

#[test]
fn what_cannot_be_done_has_the_server_s_exit_code() {
    let vios = Vios::new();
    for (command, code, said) in [
        ("rm -rf /", 1, "the command `rm` is not there; there are lsmap, "),
        ("lsmap", 1, "expected one of -all and -vadapter after lsmap"),
        ("lsmap -vadapter vhost9", 2, "The adapter vhost9 was not found."),
        (
            "mkvdev -vdev nope -vadapter vhost1",
            2,
            "The logical or physical volume nope was not found.",
        ),
        ("mkbdsp -sp nope 1G -bd d1", 2, "HSCLF001 "),
        ("mkbdsp -sp rootvg 1T -bd d1", 1, "expected a size as in 10G or 512M, got `1T`"),
        ("mkbdsp -sp rootvg 500G -bd d1", 1, "HSCLF023 "),
        ("rmvdev -vtd nope", 2, "HSCLF001 "),
        ("lspv -fmt ::", 1, "expected one character after -fmt, got `::`"),
    ] {
        let got = vios.fails(command, code);
        assert!(got.starts_with(said), "{command}: {got}");
    }
    let other = vios.0.run("viosvrcmd -m vmc1 -p lp1 -c lsmap");
    assert_eq!(
        (other.code, other.stdout.as_str()),
        (3, "The partition lp1 is no Virtual I/O Server.\n")
    );
    // A disk that cannot be mapped is not made either.
    vios.prints("mkbdsp -sp rootvg 1G -bd d1 -vadapter vhost1 -tn vt1");
    assert!(
        vios.fails("mkbdsp -sp rootvg 1G -bd d2 -vadapter vhost1 -tn vt1", 1)
            .starts_with("HSCLF004 ")
    );
    assert_eq!(vios.prints("lssp -bd -sp rootvg -fmt :"), "d1:1024:vt1:vhost1\n");
}

#[test]
fn a_partition_that_is_removed_takes_its_disks_along_when_asked() {
    for (option, left) in
        [("", "d1:1024:None:None\n"), (" --vdisks", ""), (" --vioscfg", "d1:1024:None:None\n")]
    {
        let vios = Vios::new();
        vios.prints("mkbdsp -sp rootvg 1G -bd d1 -vadapter vhost1");
        vios.0.done(&format!("rmsyscfg -r lpar -m vmc1 -n lp1{option}"));
        assert_eq!(vios.prints("lssp -bd -sp rootvg -fmt :"), left, "{option}");
        assert_eq!(vios.prints("lsmap -all"), "");
    }
}
