//! Every operation has its method, and does what it says, with long and short messages.

use crate::common::{ROUTER, SeatClient, client, machine, rename, start, stop, web};
use hmc_proto::*;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(600);
const VIOS: u16 = 2;
const WEB: u16 = 3;

/// The code of a refusal.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, hmc_client::Error>) -> String {
    let error = result.expect_err("a refusal");
    error.refusal().unwrap_or_else(|| panic!("{error}")).code.clone()
}

#[track_caller]
fn done(client: &mut SeatClient<'_>, started: Result<JobStarted, hmc_client::Error>) {
    let job = client.wait_for_job(started.expect("a job").job, LONG).expect("the job");
    assert_eq!(job.state, JobState::Done, "{job:?}");
}

fn system_and_session(client: &mut SeatClient<'_>) {
    assert_eq!(client.show_system().unwrap().name, "vmcsim");
    client.change_system(rename("sys2")).unwrap();
    assert_eq!(client.show_system().unwrap().name, "sys2");
    let data = Rest((0..100).collect());
    assert_eq!(client.echo(Echo { data: data.clone() }).unwrap().data, data);
    client.subscribe().unwrap();
    let outcome = client.query_outcome(QueryOutcome { token: 999 }).unwrap();
    assert_eq!(outcome.state, OutcomeState::Unknown);
    assert_eq!(client.operations().len(), 4);
}

fn partitions(client: &mut SeatClient<'_>) {
    let created = client.create_partition(web("web1")).unwrap();
    assert_eq!(created.id, WEB);
    let shown = client.show_partition(PartitionId { id: WEB }).unwrap();
    assert_eq!((shown.name.as_str(), shown.version), ("web1", created.version));
    let page = client.list_partitions(ListAll { after: Bytes::default() }).unwrap();
    assert_eq!(page.entries[0].name, "mgmt");
    let names: Vec<_> = client.all_partitions().unwrap().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["mgmt", "vios1", "web1"]);
    let change = ChangePartition {
        version: Some(created.version),
        availability: Some(100),
        ..ChangePartition::of(WEB)
    };
    client.change_partition(change.clone()).unwrap();
    assert_eq!(refused(client.change_partition(change)), "HSCLF002", "another version");
    let text = String::from("pages");
    client.set_description(SetDescription { id: WEB, version: None, text }).unwrap();
    let part = client.show_description(ShowDescription { id: WEB, from: 0 }).unwrap();
    assert_eq!((part.text.as_str(), part.next), ("pages", 0));
    let name = String::from("web2");
    client.rename_partition(RenamePartition { id: WEB, version: None, name }).unwrap();
    let status = client.show_status(PartitionId { id: WEB }).unwrap();
    assert_eq!(status.state, PartitionState::NotActivated);
}

fn profiles(client: &mut SeatClient<'_>) {
    let profile = Profile { name: "big".into(), configuration: web("").configuration };
    let of = |name: &str| ProfileName { partition: WEB, version: None, name: name.into() };
    client.store_profile(StoreProfile { partition: WEB, version: None, profile }).unwrap();
    client.apply_profile(of("big")).unwrap();
    client.save_profile(of("now")).unwrap();
    let names: Vec<_> = client.all_profiles(WEB).unwrap().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["big", "now"]);
    let first = ListOfPartition { partition: WEB, after: Bytes::default() };
    assert!(!client.list_profiles(first).unwrap().entries.is_empty());
    client.delete_profile(of("now")).unwrap();
    assert_eq!(client.all_profiles(WEB).unwrap().len(), 1);
}

fn networks(client: &mut SeatClient<'_>) {
    let (name, mode) = (String::from("backup"), SwitchMode::Veb);
    let switch = client.create_switch(CreateSwitch { name, mode }).unwrap().id;
    let change = ChangeSwitch { id: switch, version: None, mode: SwitchMode::Vepa };
    client.change_switch(change).unwrap();
    assert_eq!(client.all_switches().unwrap()[1].mode, SwitchMode::Vepa);
    let name = String::from("production");
    let network = CreateNetwork { name, switch, vlan: 100, tagged: true };
    let network = client.create_network(network).unwrap().id;
    let add = AddEthernet {
        partition: WEB,
        slot: None,
        highest: false,
        version: None,
        mac: None,
        switch,
        vlan: 1,
        ieee: false,
        additional: Vec::new(),
        trunk_priority: 0,
    };
    let added = client.add_ethernet(add).unwrap();
    let change = ChangeEthernet {
        partition: WEB,
        slot: added.slot,
        version: None,
        mac: None,
        switch,
        vlan: 1,
        ieee: true,
        additional: vec![100],
        trunk_priority: 0,
    };
    client.change_ethernet(change).unwrap();
    let adapters = client.all_ethernet(WEB).unwrap();
    assert_eq!((adapters[0].mac, &adapters[0].additional), (added.mac, &vec![100]));
    let created = |network: &Network| network.created;
    assert_eq!(client.all_networks().unwrap().into_iter().filter(created).count(), 1);
    let of = |id| DeleteNetwork { id, version: None };
    assert_eq!(refused(client.delete_network(of(network))), "HSCLF015", "it is in use");
    let slot = RemoveAdapter { partition: WEB, slot: added.slot, version: None };
    client.remove_ethernet(slot).unwrap();
    client.delete_network(of(network)).unwrap();
    client.delete_switch(DeleteSwitch { id: switch, version: None }).unwrap();
    assert_eq!(client.all_switches().unwrap().len(), 1);
}

fn storage(client: &mut SeatClient<'_>) {
    let (vios, version) = (VIOS, None);
    let group = || String::from("datavg");
    let named = |name: &str| StorageName { vios, version, name: name.into() };
    let volumes = vec![String::from("hdisk0")];
    client.create_group(CreateGroup { vios, version, group: group(), volumes }).unwrap();
    let volumes = vec![String::from("hdisk1")];
    client.extend_group(ExtendGroup { vios, version, group: group(), volumes }).unwrap();
    assert_eq!(client.all_volumes(VIOS).unwrap().len(), 3);
    let disk = CreateDisk { vios, version, group: group(), name: "d1".into(), size_mb: 1024 };
    client.create_disk(disk).unwrap();
    let larger = ExtendDisk { vios, version, name: "d1".into(), size_mb: 2048 };
    client.extend_disk(larger).unwrap();
    assert_eq!(client.all_disks(VIOS).unwrap()[0].size_mb, 2048);
    let repository = CreateRepository { vios, version, group: group(), size_mb: 4096 };
    client.create_repository(repository).unwrap();
    let media = CreateMedia { vios, version, name: "cd1".into(), size_mb: 512, read_only: true };
    client.create_media(media).unwrap();
    let pair = AddScsi {
        vios,
        version,
        server_slot: None,
        client: WEB,
        client_slot: None,
        highest: false,
    };
    let pair = client.add_scsi(pair).unwrap();
    assert_eq!(client.all_scsi(WEB).unwrap()[0].remote_slot, pair.server_slot);
    let mapping = |kind, backing: Option<&str>| CreateMapping {
        vios,
        version,
        server_slot: pair.server_slot,
        kind,
        backing: backing.map(String::from),
        target: None,
    };
    let disk = client.create_mapping(mapping(BackingKind::Disk, Some("d1"))).unwrap().target;
    let drive = client.create_mapping(mapping(BackingKind::Optical, None)).unwrap().target;
    let (target, medium) = (drive.clone(), String::from("cd1"));
    client.load_media(LoadMedia { vios, version, target, medium }).unwrap();
    assert_eq!(client.all_media(VIOS).unwrap()[0].loaded, 1);
    assert_eq!(client.all_mappings(VIOS).unwrap().len(), 2);
    assert_eq!(client.all_groups(VIOS).unwrap()[0].disks, 1);
    let slots = client.all_slots(WEB).unwrap();
    assert!(slots.iter().any(|slot| slot.kind == SlotKind::Scsi), "{slots:?}");
    client.unload_media(named(&drive)).unwrap();
    [&disk, &drive].into_iter().for_each(|it| client.delete_mapping(named(it)).unwrap());
    client.delete_media(named("cd1")).unwrap();
    client.delete_repository(OfVios { vios, version }).unwrap();
    client.delete_disk(named("d1")).unwrap();
    let (partition, slot) = (VIOS, pair.server_slot);
    client.remove_scsi(RemoveAdapter { partition, slot, version }).unwrap();
    client.delete_group(GroupName { vios, version, group: group() }).unwrap();
    assert!(client.all_groups(VIOS).unwrap().is_empty());
}

fn power(client: &mut SeatClient<'_>) {
    let whole = |id| PartitionVersion { id, version: None };
    client.open_terminal(whole(WEB)).unwrap();
    client.close_terminal(whole(WEB)).unwrap();
    let started = client.power_on(start(WEB));
    done(client, started);
    client.sleep(LONG).unwrap();
    assert_eq!(client.show_status(PartitionId { id: WEB }).unwrap().rmc, RmcState::Active);
    client.set_memory(SetMemory { partition: WEB, version: None, mb: 4096 }).unwrap();
    let processors = SetProcessors {
        partition: WEB,
        version: None,
        processors: 3,
        units: 150,
        weight: Some(200),
    };
    client.set_processors(processors).unwrap();
    client.move_memory(MoveMemory { from: WEB, version: None, to: VIOS, mb: 256 }).unwrap();
    assert_eq!(client.show_partition(PartitionId { id: WEB }).unwrap().memory_mb, 3840);
    let restarted = client.restart(stop(WEB, Stop::Immediate));
    done(client, restarted);
    let stopped = client.power_off(stop(WEB, Stop::Immediate));
    done(client, stopped);
    assert!(!client.all_reference_codes(WEB).unwrap().is_empty());
    client.release_resources(whole(WEB)).unwrap();
    let job = client.power_on(start(WEB)).unwrap().job;
    client.cancel_job(JobNumber { job }).unwrap();
    assert_eq!(client.show_job(JobNumber { job }).unwrap().state, JobState::Cancelled);
    assert!(client.all_jobs().unwrap().len() >= 4);
    client.delete_job(JobNumber { job }).unwrap();
    assert_eq!(refused(client.show_job(JobNumber { job })), "HSCLF001");
    if client.show_status(PartitionId { id: WEB }).unwrap().state != PartitionState::NotActivated {
        let stopped = client.power_off(stop(WEB, Stop::Immediate));
        done(client, stopped);
    }
    client.delete_partition(whole(WEB)).unwrap();
    assert_eq!(client.all_partitions().unwrap().len(), 2);
    assert_eq!(refused(client.system_on(SystemOn { standby: false })), "HSCLF00C");
    let off = SystemOff { immediate: false, restart: true };
    assert_eq!(refused(client.system_off(off)), "HSCLF00D", "partitions are active");
}

fn each_operation_once(text: &str) {
    machine(text, |programs| {
        let mut client = client(programs, 0);
        let parts = [system_and_session, partitions, profiles, networks, storage, power];
        parts.into_iter().for_each(|part| part(&mut client));
        let counts = client.counts();
        assert_eq!((counts.reopened, counts.late, counts.stray), (0, 0, 0));
        client.close().unwrap();
    });
}

#[test]
fn with_messages_of_4096_bytes() {
    each_operation_once(ROUTER);
}

#[test]
fn with_messages_of_512_bytes() {
    each_operation_once(&ROUTER.replace("hmcs = 2", "hmcs = 2\nmtu = 512"));
}

#[test]
fn a_request_that_is_longer_than_the_mtu_is_not_sent() {
    machine(&ROUTER.replace("hmcs = 2", "hmcs = 2\nmtu = 512"), |programs| {
        let mut client = client(programs, 0);
        assert_eq!(client.mtu(), 512);
        let error = client.echo(Echo { data: Rest(vec![7; 481]) }).unwrap_err();
        assert_eq!(error.to_string(), "ECHO takes 513 bytes, but the longest message has 512");
        let whole = client.echo(Echo { data: Rest(vec![7; 480]) }).unwrap();
        assert_eq!(whole.data.0.len(), 480);
    });
}

#[test]
fn a_long_list_comes_in_pages() {
    machine(&ROUTER.replace("hmcs = 2", "hmcs = 2\nmtu = 512"), |programs| {
        let mut client = client(programs, 0);
        let name = |n: usize| format!("partition-with-a-long-name-{n:02}");
        for n in 0..40 {
            client.create_partition(web(&name(n))).unwrap();
        }
        let first = client.list_partitions(ListAll { after: Bytes::default() }).unwrap();
        assert!(first.entries.len() < 10 && !first.next.0.is_empty());
        let all = client.all_partitions().unwrap();
        let names: Vec<_> = all.into_iter().skip(2).map(|it| it.name).collect();
        assert_eq!(names, (0..40).map(name).collect::<Vec<_>>());
    });
}
