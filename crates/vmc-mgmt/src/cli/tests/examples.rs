//! Every literal example of the management reference, section 2.3, with the simulator's values.

use super::*;

#[test]
fn of_systems() {
    let hmc = with_lp1();
    let line = "lssyscfg -r sys -F name,type_model,serial_num,state";
    assert_eq!(hmc.prints(line), "vmc1,9009-42A,1234567,Operating\n");
    assert_like(
        &hmc.prints("lssyscfg -r sys -m vmc1"),
        "name=vmc1,type_model=9009-42A,serial_num=1234567,ipaddr=127.0.0.1,sp_type=fsp,state=Operating,state_detail=,\
         detailed_state=None,sys_time=…/…/20… …:…:…,power_off_policy=0,…,max_lpars=400,…,\
         \"lpar_proc_compat_modes=default,POWER8,POWER9,POWER9_base\",…description=\n",
    );
}

#[test]
fn of_partitions() {
    let hmc = with_lp1();
    assert_like(
        &hmc.prints("lssyscfg -r lpar -m vmc1 --filter lpar_names=lp1"),
        "name=lp1,lpar_id=10,lpar_env=aixlinux,state=Not Activated,resource_config=0,os_version=Unknown,\
         logical_serial_num=1234567A,default_profile=default_profile,curr_profile=,work_group_id=none,\
         shared_proc_pool_util_auth=0,allow_perf_collection=0,power_ctrl_lpar_ids=none,boot_mode=norm,lpar_keylock=norm,\
         auto_start=0,redundant_err_path_reporting=0,rmc_state=inactive,rmc_ipaddr=,time_ref=0,lpar_avail_priority=127,\
         desired_lpar_proc_compat_mode=default,curr_lpar_proc_compat_mode=POWER9_base,sync_curr_profile=0,\
         affinity_group_id=none,vtpm_enabled=0,uuid=…,description=\n",
    );
    assert_eq!(
        hmc.prints("lssyscfg -r lpar -m vmc1 -F name,lpar_id,state --header"),
        "name,lpar_id,state\nvios1,1,Running\nlp1,10,Not Activated\n"
    );
    let nope = hmc.fails("lssyscfg -r lpar -m vmc1 --filter lpar_names=nope -F name");
    assert!(nope.starts_with("HSCL8012 The partition named nope "), "{nope}");
}

#[test]
fn of_profiles() {
    let hmc = with_lp1();
    assert_like(
        &hmc.prints("lssyscfg -r prof -m vmc1 --filter lpar_names=lp1"),
        "name=default_profile,lpar_name=lp1,lpar_id=10,lpar_env=aixlinux,all_resources=0,min_mem=1024,desired_mem=2048,\
         max_mem=4096,mem_mode=ded,…,proc_mode=shared,min_proc_units=0.1,desired_proc_units=0.5,\
         max_proc_units=2.0,min_procs=1,desired_procs=1,max_procs=2,sharing_mode=uncap,uncap_weight=128,shared_proc_pool_id=0,\
         shared_proc_pool_name=DefaultPool,affinity_group_id=none,io_slots=none,lpar_io_pool_ids=none,max_virtual_slots=64,\
         \"virtual_serial_adapters=0/server/1/any//any/1,1/server/1/any//any/1\",virtual_scsi_adapters=2/client/1/vios1/3/0,\
         virtual_eth_adapters=3/0/100//0/0/ETHERNET0//all/none,boot_mode=norm,conn_monitoring=1,auto_start=0,…\n",
    );
}

#[test]
fn of_changes() {
    let hmc = with_lp1();
    hmc.done(
        "mksyscfg -r lpar -m vmc1 -i \"name=lp2,profile_name=default_profile,lpar_env=aixlinux,min_mem=1024,desired_mem=2048,\
         max_mem=4096,proc_mode=shared,sharing_mode=uncap,uncap_weight=128,min_procs=1,desired_procs=1,max_procs=2,\
         min_proc_units=0.1,desired_proc_units=0.5,max_proc_units=2.0\"",
    );
    hmc.done(
        "mksyscfg -r lpar -m vmc1 -i \"name=lp3,lpar_env=aixlinux,profile_name=p,all_resources=1\"",
    );
    hmc.done("chsyscfg -r lpar -m vmc1 -i \"name=lp2,new_name=web1\"");
    hmc.done(
        "chsyscfg -r prof -m vmc1 -i \"lpar_name=web1,name=default_profile,desired_mem=3072\"",
    );
    let profile = "lssyscfg -r prof -m vmc1 --filter lpar_names=web1 -F name,desired_mem,proc_mode";
    assert_eq!(hmc.prints(profile), "default_profile,3072,shared\n");
    hmc.done("chsysstate -m vmc1 -r lpar -o on -n web1 -f default_profile");
    let state = "lssyscfg -r lpar -m vmc1 --filter lpar_names=web1 -F state,curr_profile";
    assert_eq!(hmc.prints(state), "Running,default_profile\n");
    hmc.refuses("chsysstate -m vmc1 -r lpar -o on -n web1", "HSCL05EA");
    hmc.done("chsysstate -m vmc1 -r lpar -o shutdown -n web1 --immed");
    hmc.done("rmsyscfg -r lpar -m vmc1 -n web1");
    hmc.refuses(state, "HSCL8012");
}

#[test]
fn of_reference_codes() {
    let hmc = with_lp1();
    hmc.done("chsysstate -m vmc1 -r lpar -o on -n lp1 -b sms");
    let line = "lsrefcode -r lpar -m vmc1 --filter lpar_names=lp1 -n 2 -F lpar_name,time_stamp,refcode --header";
    assert_like(
        &hmc.prints(line),
        "lpar_name,time_stamp,refcode\nlp1,…/…/20… …:…:…,AA00E158\nlp1,…/…/20… …:…:…,CA00E1DC\n",
    );
    assert_like(
        &hmc.prints("lsrefcode -r lpar -m vmc1 -n 1 --filter lpar_ids=10"),
        "lpar_name=lp1,lpar_id=10,time_stamp=…/…/20… …:…:…,refcode=AA00E158,word2=00000000,fru_call_out_loc_codes=\n",
    );
}

#[test]
fn of_memory_and_processors() {
    let hmc = with_lp1();
    let line = "lshwres -r mem -m vmc1 --level sys -F configurable_sys_mem,curr_avail_sys_mem,mem_region_size";
    assert_eq!(hmc.prints(line), "65536,59392,256\n");
    // It keeps its memory after it has run.
    hmc.done("chsysstate -m vmc1 -r lpar -o on -n lp1");
    hmc.done("chsysstate -m vmc1 -r lpar -o shutdown -n lp1 --immed");
    assert_like(
        &hmc.prints("lshwres -r mem -m vmc1 --level lpar --filter lpar_names=lp1"),
        "lpar_name=lp1,lpar_id=10,curr_min_mem=1024,curr_mem=2048,curr_max_mem=4096,pend_min_mem=1024,pend_mem=2048,\
         pend_max_mem=4096,run_min_mem=0,run_mem=2048,mem_mode=ded,…,curr_hpt_ratio=1:64\n",
    );
    let half = |when: &str| {
        format!(
            "{when}shared_proc_pool_id=0,{when}shared_proc_pool_name=DefaultPool,{when}proc_mode=shared,\
             {when}min_proc_units=0.1,{when}proc_units=0.5,{when}max_proc_units=2.0,{when}min_procs=1,{when}procs=1,\
             {when}max_procs=2,{when}sharing_mode=uncap,{when}uncap_weight=128"
        )
    };
    assert_eq!(
        hmc.prints("lshwres -r proc -m vmc1 --level lpar --filter lpar_names=lp1"),
        format!(
            "lpar_name=lp1,lpar_id=10,{},{},run_proc_units=0.0,run_procs=0,run_uncap_weight=0\n",
            half("curr_"),
            half("pend_")
        )
    );
}

#[test]
fn of_adapters_and_switches() {
    let hmc = with_lp1();
    hmc.done(
        "chhwres -r virtualio --rsubtype eth -m vmc1 -o a -p vios1 -s 2 -a \
         'ieee_virtual_eth=1,port_vlan_id=1,\"addl_vlan_ids=10,11\",is_trunk=1,trunk_priority=1'",
    );
    assert_like(
        &hmc.prints("lshwres -r virtualio --rsubtype eth --level lpar -m vmc1"),
        "lpar_name=vios1,lpar_id=1,slot_num=2,state=1,is_required=0,is_trunk=1,trunk_priority=1,ieee_virtual_eth=1,\
         port_vlan_id=1,vswitch=ETHERNET0,\"addl_vlan_ids=10,11\",mac_addr=…,allowed_os_mac_addrs=all,qos_priority=none\n\
         lpar_name=lp1,lpar_id=10,slot_num=3,state=1,is_required=0,is_trunk=0,ieee_virtual_eth=0,port_vlan_id=100,\
         vswitch=ETHERNET0,addl_vlan_ids=,mac_addr=…,allowed_os_mac_addrs=all,qos_priority=none\n",
    );
    assert_eq!(
        hmc.prints(
            "lshwres -r virtualio --rsubtype scsi --level lpar -m vmc1 --filter lpar_names=lp1"
        ),
        "lpar_name=lp1,lpar_id=10,slot_num=2,state=1,is_required=0,adapter_type=client,remote_lpar_id=1,\
         remote_lpar_name=vios1,remote_slot_num=3\n"
    );
    assert_eq!(
        hmc.prints("lshwres -r virtualio --rsubtype vswitch -m vmc1"),
        "vswitch=ETHERNET0,switch_mode=VEB,\"vlan_ids=1,10,11,100\"\n"
    );
    hmc.done(
        "chhwres -r virtualio --rsubtype eth -m vmc1 -o a -p lp1 -s 4 -a \"ieee_virtual_eth=0,port_vlan_id=900\"",
    );
    let slots = "lshwres -r virtualio --rsubtype eth --level lpar -m vmc1 --filter lpar_names=lp1 -F slot_num:port_vlan_id";
    assert_eq!(hmc.prints(slots), "3:100\n4:900\n");
    hmc.done("chhwres -r virtualio --rsubtype eth -m vmc1 -o r -p lp1 -s 4");
    assert_eq!(hmc.prints(slots), "3:100\n");
    hmc.done(
        "chhwres -r virtualio --rsubtype scsi -m vmc1 -o a -p lp1 -s 5 -a \
         \"adapter_type=client,remote_lpar_name=vios1,remote_slot_num=15\"",
    );
    let pairs = "lshwres -r virtualio --rsubtype scsi --level lpar -m vmc1 -F lpar_name,slot_num,remote_slot_num";
    assert_eq!(hmc.prints(pairs), "vios1,3,2\nvios1,15,5\nlp1,2,3\nlp1,5,15\n");
}

#[test]
fn of_dynamic_memory() {
    let hmc = with_lp1();
    hmc.done("chhwres -r mem -m vmc1 -o a -p lp1 -q 1024");
    let line = "lshwres -r mem -m vmc1 --level lpar --filter lpar_names=lp1 -F pend_mem";
    assert_eq!(hmc.prints(line), "3072\n");
}

#[test]
fn of_a_server_and_the_console() {
    let hmc = with_lp1();
    hmc.prints("viosvrcmd -m vmc1 -p vios1 -c \"mkvg -vg rootvg hdisk0\"");
    hmc.prints("viosvrcmd -m vmc1 -p vios1 -c \"mklv -lv lv_lp1 rootvg 10G\"");
    hmc.prints("viosvrcmd -m vmc1 -p vios1 -c \"mkvdev -vdev lv_lp1 -vadapter vhost1\"");
    assert_like(
        &hmc.prints("viosvrcmd -m vmc1 -p vios1 -c \"lsmap -all -fmt :\""),
        "vhost1:U9009.42A.1234567-V1-C3:0x0000000a:vtscsi0:Available:0x8100000000000000:lv_lp1:…\n",
    );
    assert_eq!(
        hmc.prints("lshmc -V"),
        "\"version= Version: 10\n Release: 3\n Service Pack: 1060\nHMC Build level 2408210051\n\",\"base_version=V10R3\n\"\n"
    );
}
