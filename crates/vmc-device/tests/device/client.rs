//! The client of HMC commands over the device file.

use crate::common::{Device, need_fuse};
use hmc_client::{Client, DeviceFile, Error, Notice, Options};
use hmc_proto::*;
use std::time::Duration;
use vmc_device::send;

const MACHINE: &str = "[machine]\nhmcs = 2\nbehaviour = { router = \"tests/device/quick.toml\" }\n";

const LONG: Duration = Duration::from_secs(60);

fn client(device: &Device, hmc_id: &str) -> Client<DeviceFile> {
    let file = DeviceFile::new(&device.served.device);
    Client::open(file, Options::new(hmc_id)).expect("a session")
}

fn web(name: &str) -> CreatePartition {
    CreatePartition::linux(name, Memory { min_mb: 1024, desired_mb: 2048, max_mb: 4096 }, 2)
}

#[test]
fn a_client_manages_a_system_over_the_device_file() {
    need_fuse!();
    let device = Device::start(MACHINE);
    let mut client = client(&device, "HMC-A");
    assert_eq!(client.show_system().unwrap().name, "quick");
    let last = client.subscribe().unwrap().last;
    let id = client.create_partition(web("web1")).unwrap().id;
    let (version, profile, boot_mode) = (None, None, None);
    let job = client.power_on(PowerOn { id, version, profile, boot_mode }).unwrap().job;
    assert_eq!(client.wait_for_job(job, LONG).unwrap().state, JobState::Done);
    let mut numbers = Vec::new();
    loop {
        let notice = client.next_event(LONG).unwrap().expect("RMC becomes active");
        numbers.push(notice.number());
        let Notice::Event(event) = notice else { panic!("{notice:?}") };
        if event.properties.contains(&Property::Rmc) {
            break;
        }
    }
    assert_eq!(numbers, (last + 1..).take(numbers.len()).collect::<Vec<_>>());
    let status = client.show_status(PartitionId { id }).unwrap();
    assert_eq!((status.state, status.rmc), (PartitionState::Running, RmcState::Active));
    let data = Rest(vec![7; client.mtu() - 32]);
    assert_eq!(client.echo(Echo { data: data.clone() }).unwrap().data, data);
    client.close().unwrap();
    device.end_well();
}

#[test]
fn a_response_that_does_not_come_is_given_up_and_its_change_is_asked_for() {
    need_fuse!();
    let device = Device::start(MACHINE);
    let patience = Duration::from_millis(50);
    let options = Options { patience, ..Options::new("HMC-A") };
    // So little is too little for a session where the machine is busy: then it is opened again.
    let mut client = loop {
        match Client::open(DeviceFile::new(&device.served.device), options.clone()) {
            Err(Error::TimedOut { .. }) => {}
            opened => break opened.unwrap(),
        }
    };
    send(&device.served.socket, "pause hyp").unwrap();
    let rename = ChangeSystem { version: None, name: String::from("late") };
    let error = client.change_system(rename).unwrap_err();
    let Error::TimedOut { operation, token, after } = error else { panic!("{error}") };
    assert!(after >= patience, "{after:?}");
    send(&device.served.socket, "resume hyp").unwrap();
    // It is asked again for as long as it takes: the machine may be busy.
    let outcome = loop {
        match client.outcome(operation, token) {
            Err(Error::TimedOut { .. }) => {}
            other => break other.unwrap(),
        }
    };
    assert!(matches!(outcome, Some(Ok(Response::ChangeSystem(_)))), "{outcome:?}");
    assert!(client.counts().late >= 1);
    drop(client);
    device.end_well();
}

#[test]
fn two_clients_live_through_a_crash_of_the_hypervisor_s_side() {
    need_fuse!();
    let device = Device::start(MACHINE);
    let mut clients = ["HMC-A", "HMC-B"].map(|hmc_id| client(&device, hmc_id));
    let id = clients[0].create_partition(web("web1")).unwrap().id;
    let sessions = clients.each_ref().map(Client::session);
    send(&device.served.socket, "crash hyp").unwrap();
    send(&device.served.socket, "reboot hyp").unwrap();
    for (client, before) in clients.iter_mut().zip(sessions) {
        assert_eq!(client.show_partition(PartitionId { id }).unwrap().name, "web1");
        assert_ne!(client.session(), before);
        assert_eq!((client.counts().reopened, client.counts().forgotten), (1, 1));
    }
    drop(clients);
    device.end_well();
}
