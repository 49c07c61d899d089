//! Commands beyond the reference's examples: what they refuse, and that a change is made whole or not at all.

use super::*;

#[test]
fn a_table_s_attributes_have_values() {
    let hmc = with_lp1();
    for line in [
        "lssyscfg -r sys -m vmc1 -F",
        "lssyscfg -r lpar -m vmc1 -F",
        "lssyscfg -r prof -m vmc1 -F --filter lpar_names=lp1",
        "lshwres -r mem -m vmc1 --level sys -F",
        "lshwres -r proc -m vmc1 --level sys -F",
        "lshwres -r mem -m vmc1 --level lpar -F",
        "lshwres -r proc -m vmc1 --level lpar -F",
        "lshwres -r virtualio --rsubtype scsi --level lpar -m vmc1 -F",
        "lshwres -r virtualio --rsubtype serial --level lpar -m vmc1 -F",
        "lshwres -r virtualio --rsubtype slot --level slot -m vmc1 -F",
        "lshwres -r virtualio --rsubtype slot --level lpar -m vmc1 -F",
        "lshwres -r virtualio --rsubtype vswitch -m vmc1 -F",
        "lshwres -r virtualio --rsubtype vnetwork -m vmc1 -F",
        "lslic -m vmc1 -F",
        "lssysconn -r all -F",
    ] {
        // An attribute without a value is `null`: a table names one that the object does not have.
        let printed = hmc.prints(line);
        assert!(!printed.contains("null") && printed.ends_with('\n'), "{line}: {printed}");
    }
}

#[test]
fn a_system_is_named_by_its_name_or_its_number() {
    let hmc = with_lp1();
    let by_number = hmc.prints("lssyscfg -r lpar -m '9009-42A*1234567' -F name");
    assert_eq!(by_number, hmc.prints("lssyscfg -r lpar -m vmc1 -F name"));
    hmc.refuses("lssyscfg -r lpar -m vmc2", "HSCL8018");
    assert_eq!(hmc.fails("lssyscfg -r lpar"), "expected -m <SYSTEM>");
    hmc.done("chsyscfg -r sys -m vmc1 -i new_name=vmc9");
    assert_eq!(hmc.prints("lssyscfg -r sys -F name"), "vmc9\n");
}

#[test]
fn nothing_found_is_no_failure() {
    let hmc = with_lp1();
    for line in [
        "lshwres -r virtualio --rsubtype fc --level lpar -m vmc1",
        "lshwres -r virtualio --rsubtype eth --level lpar -m vmc1 --filter slots=99",
        "lshwres -r virtualio --rsubtype vswitch -m vmc1 --filter vswitches=nope",
        "lssyscfg -r sysprof -m vmc1",
        "lsrefcode -r sys -m vmc1",
    ] {
        assert_eq!(hmc.prints(line), "No results were found.\n", "{line}");
    }
}

#[test]
fn filters_leave_what_they_name() {
    let hmc = with_lp1();
    let names = |filter: &str| {
        let line = format!("lssyscfg -r lpar -m vmc1 -F name --filter {filter}");
        hmc.prints(&line)
    };
    assert_eq!(names("lpar_ids=10"), "lp1\n");
    assert_eq!(names("'\"lpar_names=lp1,vios1\"'"), "vios1\nlp1\n");
    assert_eq!(names("'\"\"\"lpar_names=lp1,vios1\"\",lpar_ids=1\"'"), "vios1\n");
    hmc.refuses("lssyscfg -r lpar -m vmc1 --filter lpar_ids=77", "HSCL8012");
    hmc.refuses("lssyscfg -r prof -m vmc1 --filter profile_names=nope", "HSCL800F");
    let unknown = hmc.fails("lssyscfg -r lpar -m vmc1 --filter slots=1");
    assert_eq!(unknown, "the filter `slots` is not known here; known are lpar_names, lpar_ids");
    let eth = "lshwres -r virtualio --rsubtype eth --level lpar -m vmc1 -F slot_num --filter";
    assert_eq!(hmc.prints(&format!("{eth} vlans=100")), "3\n");
    assert_eq!(hmc.prints(&format!("{eth} vlans=101")), "No results were found.\n");
    assert_eq!(hmc.prints(&format!("{eth} slots=3")), "3\n");
}

#[test]
fn novalink_knows_no_profiles() {
    let link = super::hmc(Dialect::NovaLink);
    let record = "name=lp1,lpar_env=aixlinux,min_mem=1024,desired_mem=2048,max_mem=4096";
    for line in [
        format!("mksyscfg -r lpar -m vmc1 -i {record},profile_name=p"),
        format!("mksyscfg -r lpar -m vmc1 -i {record},sync_curr_profile=0"),
        "mksyscfg -r prof -m vmc1 -i name=p,lpar_name=vios1".into(),
        "chsyscfg -r prof -m vmc1 -i name=p,lpar_name=vios1".into(),
        "chsyscfg -r lpar -m vmc1 -i name=vios1,sync_curr_profile=0".into(),
        "chsyscfg -r lpar -m vmc1 -o apply -p vios1 -n p".into(),
        "rmsyscfg -r prof -m vmc1 -n p -p vios1".into(),
        "lssyscfg -r prof -m vmc1".into(),
        "chsysstate -r lpar -m vmc1 -o on -n vios1 -f p".into(),
    ] {
        link.refuses(&line, "HSCLA4A0");
    }
    link.done(&format!("mksyscfg -r lpar -m vmc1 -i {record}"));
    // What a profile has on an HMC the partition itself has.
    link.done(
        "chsyscfg -r lpar -m vmc1 -i name=lp1,desired_mem=3072,lpar_proc_compat_mode=POWER9_base",
    );
    let line = "lssyscfg -r lpar -m vmc1 --filter lpar_names=lp1";
    assert!(!link.prints(line).contains("profile"), "{}", link.prints(line));
    let fields = format!("{line} -F curr_lpar_proc_compat_mode");
    assert_eq!(link.prints(&fields), "POWER9_base\n");
    let memory = "lshwres -r mem -m vmc1 --level lpar --filter lpar_names=lp1 -F pend_mem";
    assert_eq!(link.prints(memory), "3072\n");
    let hmc = with_lp1();
    let said = hmc.fails("chsyscfg -r lpar -m vmc1 -i name=lp1,desired_mem=3072");
    assert_eq!(
        said,
        "the attribute `desired_mem` belongs to profiles: use chsyscfg -r prof, or chhwres"
    );
}

#[test]
fn a_new_partition_has_what_an_hmc_gives_it() {
    let hmc = super::hmc(Dialect::Hmc);
    let of = |record: &str| hmc.fails(&format!("mksyscfg -r lpar -m vmc1 -i {record}"));
    assert_eq!(of("name=a"), "expected the attribute `profile_name`, `lpar_env`");
    assert_eq!(
        of("name=a,profile_name=p,lpar_env=aixlinux,min_mem=1024"),
        "expected the attribute `desired_mem`, `max_mem`"
    );
    let memory = "profile_name=p,lpar_env=aixlinux,min_mem=1024,desired_mem=2048,max_mem=4096";
    assert_eq!(
        of(&format!("name=a,{memory},desired_procs=1")),
        "expected the attribute `proc_mode`"
    );
    assert_eq!(
        of(&format!("name=a,{memory},proc_mode=shared,min_procs=1,desired_procs=1,max_procs=1")),
        "expected the attribute `min_proc_units`, `desired_proc_units`, `max_proc_units`"
    );
    assert_eq!(
        of(&format!("name=a,{memory},proc_mode=ded,min_procs=1,desired_procs=1,max_procs=1")),
        "expected the attribute `sharing_mode`"
    );
    hmc.done(&format!("mksyscfg -r lpar -m vmc1 -i name=a,{memory}"));
    let profile = "lssyscfg -r prof -m vmc1 --filter lpar_names=a -F \
                   proc_mode,min_procs,desired_procs,max_procs,sharing_mode,max_virtual_slots,io_slots";
    assert_eq!(hmc.prints(profile), "ded,1,1,1,share_idle_procs,6,21010002//1\n");
    hmc.done(&format!(
        "mksyscfg -r lpar -m vmc1 -i name=b,{memory},proc_mode=ded,sharing_mode=keep_idle_procs,min_procs=1,desired_procs=2,max_procs=3,io_slots=none"
    ));
    let profile = profile.replace("lpar_names=a", "lpar_names=b");
    assert_eq!(hmc.prints(&profile), "ded,1,2,3,keep_idle_procs,6,none\n");
    let wrong = of(&format!("name=c,{memory},lpar_proc_compat_mode=POWER9"));
    assert!(
        wrong.starts_with("the attribute `lpar_proc_compat_mode` is not known here"),
        "{wrong}"
    );
    let wrong = of(&format!("name=c,{memory},boot_mode=fast"));
    assert!(
        wrong.starts_with("expected boot_mode as one of ") && wrong.ends_with("got `fast`"),
        "{wrong}"
    );
    assert_eq!(
        of(&format!("name=c,{memory},auto_start=true")),
        "expected auto_start as true or false (1 or 0 on the command line), got `true`"
    );
    hmc.refuses(&format!("mksyscfg -r lpar -m vmc1 -i name=a,{memory}"), "HSCL05DE");
    hmc.refuses(
        &format!("mksyscfg -r lpar -m vmc1 -i name=c,{memory},mem_mode=shared"),
        "HSCLA4A0",
    );
}

#[test]
fn all_resources_are_all_that_the_system_has() {
    let hmc = super::hmc(Dialect::Hmc);
    hmc.done(
        "mksyscfg -r lpar -m vmc1 -i name=big,lpar_env=aixlinux,profile_name=p,all_resources=1",
    );
    let profile = "lssyscfg -r prof -m vmc1 --filter lpar_names=big -F min_mem,desired_mem,max_mem,desired_procs,max_procs";
    assert_eq!(hmc.prints(profile), "1024,63488,63488,16,16\n");
    hmc.done("chsysstate -m vmc1 -r lpar -o on -n big");
}

#[test]
fn a_partition_is_made_whole_or_not_at_all() {
    let hmc = with_lp1();
    let lp9 = LP1.replace("name=lp1,lpar_id=10", "name=lp9");
    // The server's slot is taken by lp1's.
    hmc.refuses(&lp9, "HSCLF010");
    hmc.refuses("lssyscfg -r lpar -m vmc1 --filter lpar_names=lp9", "HSCL8012");
    let free = lp9.replace("vios1/3/0", "vios1/any/0");
    hmc.done(&free);
    for (wrong, said) in [
        ("virtual_eth_adapters=3/0", "expected virtual_eth_adapters as slot/ieee/vlan/"),
        ("virtual_eth_adapters=3/2/1//0/0", "expected virtual_eth_adapters as slot/ieee/vlan/"),
        (
            "virtual_eth_adapters=3/0/x//0/0",
            "expected the VLAN as a number from 0 to 4095, got `x`",
        ),
        (
            "virtual_eth_adapters=3/0/1//0/0/nope",
            "HSCLF001 The virtual switch nope was not found; there are ETHERNET0.",
        ),
        (
            "virtual_scsi_adapters=2/both/1/vios1/3/0",
            "expected virtual_scsi_adapters as slot/client/",
        ),
        ("virtual_scsi_adapters=2/client/1/nope/3/0", "HSCL8012 The partition named nope "),
    ] {
        let kind = if wrong.contains("eth") {
            "virtual_eth_adapters=3/0/100//0/0"
        } else {
            "virtual_scsi_adapters=2/client/1/vios1/3/0"
        };
        let line = LP1.replace("name=lp1,lpar_id=10", "name=lp8").replace(kind, wrong);
        let got = hmc.fails(&line);
        assert!(got.starts_with(said), "{wrong}: {got}");
    }
    let trunks = "'name=v,profile_name=p,lpar_env=vioserver,min_mem=1024,desired_mem=1024,max_mem=1024,max_virtual_slots=20,\
        \"virtual_eth_adapters=\"\"2/1/1/20,21/1/0\"\",3/0/2//0/0/ETHERNET0/02AABBCCDD03\"'";
    hmc.done(&format!("mksyscfg -r lpar -m vmc1 -i {trunks}"));
    let profile = "lssyscfg -r prof -m vmc1 --filter lpar_names=v -F virtual_eth_adapters";
    assert_eq!(
        hmc.prints(profile),
        "\"\"\"2/1/1/20,21/1/0/ETHERNET0//all/none\"\",3/0/2//0/0/ETHERNET0//all/none\"\n"
    );
    let macs = "lshwres -r virtualio --rsubtype eth --level lpar -m vmc1 --filter lpar_names=v,slots=3 -F mac_addr";
    assert_eq!(hmc.prints(macs), "02AABBCCDD03\n");
}

#[test]
fn a_change_is_made_whole_or_not_at_all() {
    let hmc = with_lp1();
    hmc.done("chsyscfg -r lpar -m vmc1 -i 'name=lp1,\"description=web, old\",boot_mode=sms,lpar_avail_priority=9'");
    let line = "lssyscfg -r lpar -m vmc1 -F name,description,boot_mode,lpar_avail_priority --filter lpar_ids=10";
    assert_eq!(hmc.prints(line), "lp1,\"web, old\",sms,9\n");
    // The name is changed before the description is refused, and changed back.
    let long = "x".repeat(300);
    hmc.refuses(
        &format!("chsyscfg -r lpar -m vmc1 -i lpar_id=10,new_name=lp2,description={long}"),
        "HSCL0617",
    );
    assert_eq!(hmc.prints(line), "lp1,\"web, old\",sms,9\n");
    hmc.refuses("chsyscfg -r lpar -m vmc1 -i lpar_id=10,new_name=vios1,boot_mode=norm", "HSCL05DE");
    assert_eq!(hmc.prints(line), "lp1,\"web, old\",sms,9\n");
    hmc.done("chsyscfg -r lpar -m vmc1 -i name=lp1,new_name=lp2,boot_mode=norm,description=");
    assert_eq!(hmc.prints(line), "lp2,,norm,9\n");
    let list = hmc.fails("chsyscfg -r lpar -m vmc1 -i name=lp2,boot_mode+=sms");
    assert_eq!(
        list,
        "the attribute `boot_mode` is no list: expected boot_mode=sms, got boot_mode+=sms"
    );
}

#[test]
fn profiles_are_made_changed_renamed_saved_applied_and_removed() {
    let hmc = with_lp1();
    let names = "lssyscfg -r prof -m vmc1 --filter lpar_names=lp1 -F name,desired_mem";
    hmc.done("mksyscfg -r prof -m vmc1 -i name=big,lpar_name=lp1,desired_mem=4096");
    assert_eq!(hmc.prints(names), "big,4096\ndefault_profile,2048\n");
    hmc.refuses("mksyscfg -r prof -m vmc1 -i name=big,lpar_name=lp1", "HSCLF004");
    hmc.done("chsyscfg -r prof -m vmc1 -i name=big,lpar_name=lp1,new_name=huge");
    assert_eq!(hmc.prints(names), "default_profile,2048\nhuge,4096\n");
    hmc.refuses(
        "chsyscfg -r prof -m vmc1 -i name=huge,lpar_name=lp1,new_name=default_profile",
        "HSCLF004",
    );
    hmc.refuses("chsyscfg -r prof -m vmc1 -i name=big,lpar_name=lp1,desired_mem=1024", "HSCL800F");
    let memory = "lshwres -r mem -m vmc1 --level lpar --filter lpar_names=lp1 -F pend_mem";
    assert_eq!(hmc.prints(memory), "2048\n");
    hmc.done("chsyscfg -r lpar -m vmc1 -o apply -p lp1 -n huge");
    assert_eq!(hmc.prints(memory), "4096\n");
    hmc.done("mksyscfg -r prof -m vmc1 -o save --id 10 -n now");
    hmc.done("rmsyscfg -r prof -m vmc1 -n huge -p lp1");
    assert_eq!(hmc.prints(names), "default_profile,2048\nnow,4096\n");
    hmc.refuses("rmsyscfg -r prof -m vmc1 -n huge -p lp1", "HSCL800F");
    let adapters =
        hmc.fails("chsyscfg -r prof -m vmc1 -i name=now,lpar_name=lp1,virtual_eth_adapters=none");
    assert!(adapters.contains("belongs to the partition here"), "{adapters}");
}

#[test]
fn a_partition_is_started_and_stopped_in_every_way() {
    let hmc = super::hmc(Dialect::Hmc);
    hmc.done("mksyscfg -r lpar -m vmc1 -i name=a,profile_name=p,lpar_env=aixlinux,min_mem=1024,desired_mem=1024,max_mem=1024");
    let state =
        || hmc.prints("lssyscfg -r lpar -m vmc1 --filter lpar_names=a -F state,lpar_keylock");
    hmc.done("chsysstate -m vmc1 -r lpar -o on -n a -k manual");
    assert_eq!(state(), "Running,manual\n");
    hmc.done("chsysstate -m vmc1 -r lpar -o chkey -n a -k norm");
    assert_eq!(state(), "Running,norm\n");
    hmc.done("chsysstate -m vmc1 -r lpar -o shutdown --id 2 --immed --restart");
    assert_eq!(state(), "Running,norm\n");
    hmc.refuses("chsysstate -m vmc1 -r lpar -o osshutdown -n a", "HSCL0DB4");
    hmc.done("chsysstate -m vmc1 -r lpar -o shutdown -n a");
    assert_eq!(state(), "Not Activated,norm\n");
    hmc.refuses("chsysstate -m vmc1 -r lpar -o shutdown -n a", "HSCL1558");
    hmc.done("chsysstate -m vmc1 -r lpar -o on -n a -b of");
    assert_eq!(state(), "Open Firmware,norm\n");
    hmc.done("chsysstate -m vmc1 -r lpar -o shutdown --all --immed");
    assert_eq!(state(), "Not Activated,norm\n");
    hmc.done("chsysstate -m vmc1 -r lpar -o on --all");
    hmc.refuses("rmsyscfg -r lpar -m vmc1 -n a", "HSCLF007");
    hmc.refuses("chsysstate -m vmc1 -r lpar -o on -n a -f nope", "HSCL05EA");
    for (line, said) in [
        (
            "chsysstate -m vmc1 -r lpar -o off -n a",
            "expected one of on, shutdown, osshutdown, dumprestart, chkey after -r lpar -o, got `off`",
        ),
        (
            "chsysstate -m vmc1 -r sys -o shutdown",
            "expected one of on, onstandby, off after -r sys -o, got `shutdown`",
        ),
        ("chsysstate -m vmc1 -r lpar -o on", "expected -n <PARTITION>, --id <ID> or --all"),
        (
            "chsysstate -m vmc1 -r lpar -o on -n a --immed",
            "the option --immed does not go with -r lpar -o on",
        ),
        (
            "chsysstate -m vmc1 -r lpar -o shutdown -n a -f p",
            "the option -f does not go with -r lpar -o shutdown",
        ),
        ("chsysstate -m vmc1 -r lpar -o chkey -n a", "expected -k <POSITION> with -o chkey"),
        ("chsysstate -m vmc1 -r sys -o on -n a", "the option -n does not go with -r sys"),
    ] {
        assert_eq!(hmc.fails(line), said, "{line}");
    }
}

#[test]
fn a_start_that_lacks_resources_says_so() {
    let hmc = super::hmc(Dialect::Hmc);
    let record = "profile_name=p,lpar_env=aixlinux,min_mem=65536,desired_mem=65536,max_mem=65536";
    hmc.done(&format!("mksyscfg -r lpar -m vmc1 -i name=huge,{record}"));
    hmc.refuses("chsysstate -m vmc1 -r lpar -o on -n huge", "HSCLF00B");
    let state = "lssyscfg -r lpar -m vmc1 --filter lpar_names=huge -F state,refcode";
    assert_eq!(hmc.prints(state), "Error,B2001230\n");
}

/// A weight is that of uncapped processors alone, and nothing has to be said of it where there are none.
#[test]
fn capped_processors_have_no_weight() {
    let hmc = super::hmc(Dialect::Hmc);
    let record = "profile_name=p,lpar_env=aixlinux,min_mem=256,desired_mem=512,max_mem=1024,proc_mode=shared,\
                  min_procs=1,desired_procs=1,max_procs=2,min_proc_units=0.1,desired_proc_units=0.5,max_proc_units=1.0";
    hmc.done(&format!("mksyscfg -r lpar -m vmc1 -i name=fixed,{record},sharing_mode=cap"));
    let procs = "lshwres -r proc -m vmc1 --level lpar --filter lpar_names=fixed -F curr_sharing_mode,curr_uncap_weight";
    assert_eq!(hmc.prints(procs), "cap,0\n");
    let profile = "-i name=p,lpar_name=fixed,sharing_mode";
    hmc.done(&format!("chsyscfg -r prof -m vmc1 {profile}=uncap,uncap_weight=9"));
    hmc.done(&format!("chsyscfg -r prof -m vmc1 {profile}=cap"));
}

#[test]
fn amounts_are_added_removed_set_and_moved() {
    let hmc = with_lp1();
    hmc.done(&LP1.replace("name=lp1,lpar_id=10", "name=lp2").replace("vios1/3/0", "vios1/any/0"));
    let procs = "lshwres -r proc -m vmc1 --level lpar --filter lpar_names=lp1 -F curr_procs,curr_proc_units,curr_uncap_weight";
    hmc.done("chhwres -r proc -m vmc1 -o a -p lp1 --procs 1 --procunits 0.5");
    assert_eq!(hmc.prints(procs), "2,1.0,128\n");
    hmc.done("chhwres -r proc -m vmc1 -o r --id 10 --procunits 0.25");
    assert_eq!(hmc.prints(procs), "2,0.75,128\n");
    hmc.done("chhwres -r proc -m vmc1 -o s -p lp1 --procs 1 --procunits 0.3 -a uncap_weight=9");
    assert_eq!(hmc.prints(procs), "1,0.3,9\n");
    hmc.done("chhwres -r proc -m vmc1 -o m -p lp1 -t lp2 --procunits 0.1");
    assert_eq!(hmc.prints(procs), "1,0.2,9\n");
    assert_eq!(hmc.prints(&procs.replace("lp1", "lp2")), "1,0.6,128\n");
    // The other one cannot get so many, and the first has them back.
    hmc.done("chhwres -r proc -m vmc1 -o s -p lp1 --procunits 0.9");
    hmc.refuses("chhwres -r proc -m vmc1 -o m -p lp2 -t lp1 --procunits 0.5 -w 5 -d 2", "HSCL0617");
    assert_eq!(hmc.prints(&procs.replace("lp1", "lp2")), "1,0.6,128\n");
    let mem = "lshwres -r mem -m vmc1 --level lpar --filter lpar_names=lp1 -F curr_mem";
    hmc.done("chhwres -r mem -m vmc1 -o r -p lp1 -q 1024");
    assert_eq!(hmc.prints(mem), "1024\n");
    hmc.done("chhwres -r mem -m vmc1 -o s -p lp1 -q 4096");
    assert_eq!(hmc.prints(mem), "4096\n");
    hmc.refuses("chhwres -r mem -m vmc1 -o a -p lp1 -q 256", "HSCL0617");
    for (line, said) in [
        ("chhwres -r mem -m vmc1 -o a -p lp1", "expected -q <MB> with -r mem"),
        (
            "chhwres -r mem -m vmc1 -o a -p lp1 -q 1 --procs 1",
            "the option --procs does not go with -r mem",
        ),
        (
            "chhwres -r mem -m vmc1 -o r -p lp1 -q 9999",
            "expected -q as an amount that fits the 4096 MB that there are, got `9999`",
        ),
        (
            "chhwres -r mem -m vmc1 -o m -p lp1 -q 256",
            "expected -t <PARTITION> or --tid <ID> with -o m",
        ),
        (
            "chhwres -r mem -m vmc1 -o e -p lp1 -q 256",
            "expected one of a, r, s, m after -o here, got `e`",
        ),
        (
            "chhwres -r proc -m vmc1 -o a -p lp1",
            "expected --procs <COUNT>, --procunits <UNITS> or -a <RECORD> with -r proc",
        ),
        (
            "chhwres -r proc -m vmc1 -o a -p lp1 --procunits 0.125",
            "expected --procunits as processors with at most two decimals, got `0.125`",
        ),
    ] {
        assert_eq!(hmc.fails(line), said, "{line}");
    }
}

#[test]
fn adapters_and_networks_are_changed_and_removed() {
    let hmc = with_lp1();
    let eth = "chhwres -r virtualio --rsubtype eth -m vmc1";
    hmc.done(
        "chhwres -r virtualio --rsubtype vswitch -m vmc1 -o a --vswitch SW2 -a switch_mode=VEPA",
    );
    hmc.done(&format!("{eth} -o s -p lp1 -s 3 -a 'vswitch=SW2,port_vlan_id=7,ieee_virtual_eth=1,\"addl_vlan_ids=8,9\"'"));
    hmc.done(&format!("{eth} -o s -p lp1 -s 3 -a 'addl_vlan_ids+=10'"));
    hmc.done(&format!("{eth} -o s -p lp1 -s 3 -a 'addl_vlan_ids-=8'"));
    let line = "lshwres -r virtualio --rsubtype eth --level lpar -m vmc1 --filter lpar_names=lp1 -F vswitch,port_vlan_id,addl_vlan_ids";
    assert_eq!(hmc.prints(line), "SW2,7,\"9,10\"\n");
    let switches = "lshwres -r virtualio --rsubtype vswitch -m vmc1";
    assert_eq!(
        hmc.prints(switches),
        "vswitch=ETHERNET0,switch_mode=VEB,vlan_ids=\nvswitch=SW2,switch_mode=VEPA,\"vlan_ids=7,9,10\"\n"
    );
    hmc.refuses("chhwres -r virtualio --rsubtype vswitch -m vmc1 -o r --vswitch SW2", "HSCLF015");
    hmc.done(
        "chhwres -r virtualio --rsubtype vswitch -m vmc1 -o s --vswitch SW2 -a switch_mode=VEB",
    );
    hmc.done(&format!("{eth} -o r -p lp1 -s 3"));
    hmc.done("chhwres -r virtualio --rsubtype vswitch -m vmc1 -o r --vswitch SW2");
    hmc.done("chhwres -r virtualio --rsubtype vnetwork -m vmc1 -o a --vnetwork N5 -a vlan_id=5,is_tagged=1");
    let networks = "lshwres -r virtualio --rsubtype vnetwork -m vmc1";
    assert_eq!(hmc.prints(networks), "vnetwork=N5,vswitch=ETHERNET0,vlan_id=5,is_tagged=1\n");
    hmc.done("chhwres -r virtualio --rsubtype vnetwork -m vmc1 -o r --vnetwork N5");
    // A pair goes with either end.
    hmc.done("chhwres -r virtualio --rsubtype scsi -m vmc1 -o r -p lp1 -s 2");
    let pairs = "lshwres -r virtualio --rsubtype scsi --level lpar -m vmc1";
    assert_eq!(hmc.prints(pairs), "No results were found.\n");
    hmc.done("chhwres -r virtualio --rsubtype scsi -m vmc1 -o a -p vios1 -s 9 -a adapter_type=server,remote_lpar_id=10,remote_slot_num=any");
    hmc.done("chhwres -r virtualio --rsubtype scsi -m vmc1 -o r -p vios1 -s 9");
    hmc.refuses("chhwres -r virtualio --rsubtype scsi -m vmc1 -o r -p vios1 -s 9", "HSCLF001");
    hmc.refuses(&format!("{eth} -o d -p lp1 -s 3"), "HSCLA4A0");
    hmc.refuses(&format!("{eth} -o s -p lp1 -s 3 -a port_vlan_id=1"), "HSCLF001");
    for (line, said) in [
        (
            format!("{eth} -o a -p lp1 -a ieee_virtual_eth=0"),
            "expected the attribute `port_vlan_id`",
        ),
        (format!("{eth} -o r -p lp1"), "expected -s <SLOT>"),
        (
            format!("{eth} -o a -p lp1 -a port_vlan_id=1,mac_addr=xy"),
            "expected mac_addr as 12 hexadecimal digits, got `xy`",
        ),
        (
            format!("{eth} -o a -p lp1 -a port_vlan_id=1,speed=1"),
            "the attribute `speed` is not known here; known are ieee_virtual_eth, port_vlan_id, addl_vlan_ids, mac_addr, trunk_priority, vswitch, is_trunk, is_required, qos_priority",
        ),
        (
            "chhwres -r virtualio -m vmc1 -o a -p lp1".into(),
            "expected --rsubtype <SUBTYPE> with -r virtualio",
        ),
    ] {
        assert_eq!(hmc.fails(&line), said, "{line}");
    }
}

#[test]
fn a_system_with_active_partitions_does_not_go_off_without_a_word() {
    let hmc = with_lp1();
    let state = "lssyscfg -r sys -m vmc1 -F state";
    hmc.done("chsysstate -m vmc1 -r lpar -o on -n lp1");
    hmc.refuses("chsysstate -m vmc1 -r sys -o off", "HSCLF00D");
    assert_eq!(hmc.prints(state), "Operating\n");
}
