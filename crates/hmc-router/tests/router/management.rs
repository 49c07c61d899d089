//! The managed system through the router: partitions, jobs and events, networks, storage, pages.

use crate::talk::*;
use hmc_proto::*;
use std::collections::BTreeSet;

fn wait_for_end(manager: &mut Manager, job: u64) -> Value {
    loop {
        let event = manager.event();
        if event.object == ObjectKind::Job && event.id == job && event.kind == EventKind::Changed {
            return manager.good(Operation::ShowJob, table(&[("job", number(job))]));
        }
    }
}

#[test]
fn a_partition_is_created_started_and_stopped() {
    let mut manager = Manager::new(&machine(4096, 1000));
    manager.good(Operation::Subscribe, table(&[]));
    let created = manager.good(Operation::CreatePartition, partition("web1", "AIX/Linux"));
    let web1 = match created.get("id") {
        Some(Value::Number(id)) => *id,
        other => panic!("expected an ID, got {other:?}"),
    };
    let event = manager.event();
    assert_eq!((event.kind, event.object), (EventKind::Added, ObjectKind::Partition));
    assert_eq!(u64::from(event.partition), web1);
    let started = manager.good(Operation::PowerOn, id(web1));
    assert_eq!(manager.refused(Operation::PowerOn, id(web1)), "HSCL05EA");
    let Some(Value::Number(job)) = started.get("job").cloned() else { panic!("no job") };
    let ended = wait_for_end(&mut manager, job);
    assert_eq!(ended.get("state"), Some(&text("done")));
    manager.app.settle();
    let status = manager.good(Operation::ShowStatus, id(web1));
    assert_eq!(status.get("state"), Some(&text("running")));
    assert_eq!(status.get("rmc"), Some(&text("active")));
    let codes = manager.good(Operation::ListReferenceCodes, table(&[("partition", number(web1))]));
    let Some(Value::List(codes)) = codes.get("entries") else { panic!("no codes") };
    assert_eq!(codes[0].get("code"), Some(&text("Linux ppc64le")), "the newest first");
    let busy = table(&[("id", number(web1))]);
    assert_eq!(manager.refused(Operation::DeletePartition, busy), "HSCLF007");
    let off = table(&[("id", number(web1)), ("stop", text("osshutdown"))]);
    manager.good(Operation::PowerOff, off);
    manager.app.settle();
    let shown = manager.good(Operation::ShowPartition, id(web1));
    assert_eq!(shown.get("state"), Some(&text("not activated")));
    assert_eq!(shown.get("configuration"), Some(&shared_with_false()));
    manager.good(Operation::DeletePartition, id(web1));
    assert_eq!(manager.refused(Operation::ShowPartition, id(web1)), "HSCL8012");
}

/// As it comes back: `auto_start` is said.
fn shared_with_false() -> Value {
    let Value::Table(mut fields) = shared() else { panic!("no table") };
    fields.insert(6, ("auto_start".into(), Value::Truth(false)));
    Value::Table(fields)
}

#[test]
fn the_loser_of_two_managers_is_told() {
    let mut manager = Manager::new(&machine(4096, 1000));
    let created = manager.good(Operation::CreatePartition, partition("web1", "AIX/Linux"));
    let Some(version) = created.get("version").cloned() else { panic!("no version") };
    let rename = |name: &str| {
        table(&[("id", number(2)), ("version", version.clone()), ("name", text(name))])
    };
    manager.good(Operation::RenamePartition, rename("web2"));
    assert_eq!(manager.refused(Operation::RenamePartition, rename("web3")), "HSCLF002");
}

#[test]
fn every_event_comes_once_in_order_or_is_told_as_lost() {
    for log in [1000, 3] {
        let few_buffers = vmc_machine::embed::Machine { buffers: 4, ..machine(4096, log) };
        let mut manager = Manager::new(&few_buffers);
        manager.good(Operation::CreatePartition, partition("web1", "AIX/Linux"));
        let subscribed = manager.good(Operation::Subscribe, table(&[]));
        let Some(Value::Number(mut last)) = subscribed.get("last").cloned() else {
            panic!("no number")
        };
        // More happens than there are buffers, and nothing is read meanwhile.
        manager.good(Operation::PowerOn, id(2));
        manager.app.settle();
        let shown = manager.good(Operation::ShowSystem, table(&[]));
        let Some(Value::Number(newest)) = shown.get("last_event").cloned() else {
            panic!("no number")
        };
        assert!(newest > last + 4, "{newest} events");
        let mut lost = 0;
        while last < newest {
            let event = manager.event();
            match event.kind {
                EventKind::Overflow => {
                    lost += event.lost;
                    assert_eq!(event.number, last + event.lost);
                }
                _ => assert_eq!(event.number, last + 1),
            }
            last = event.number;
        }
        assert_eq!(lost > 0, log == 3, "{lost} events are lost");
    }
}

#[test]
fn lists_come_in_pages_at_the_smallest_mtu() {
    let mut manager = Manager::new(&machine(512, 1000));
    for n in 0..30 {
        manager.good(Operation::CreatePartition, partition(&format!("partition-{n}"), "AIX/Linux"));
    }
    let (mut after, mut ids, mut pages) = (text(""), Vec::new(), 0);
    loop {
        let page = manager.good(Operation::ListPartitions, table(&[("after", after.clone())]));
        let Some(Value::List(entries)) = page.get("entries") else { panic!("no entries") };
        for entry in entries {
            let Some(Value::Number(id)) = entry.get("id") else { panic!("no ID") };
            ids.push(*id);
        }
        pages += 1;
        after = page.get("next").expect("a cursor").clone();
        if after == text("") {
            break;
        }
        // The entry that the cursor names goes away.
        let last = *ids.last().expect("an entry");
        if last != 1 {
            manager.good(Operation::DeletePartition, id(last));
        }
    }
    assert_eq!(ids, (1..=31).collect::<Vec<_>>());
    assert!(pages > 3, "{pages}");
    let bad = ListAll { after: Bytes(vec![1, 2, 3]) };
    let answer = manager.ask(Request::ListPartitions(bad));
    assert_eq!(answer, Answer::Failed(ReturnCode::INVALID_DATA));
}

/// All codes are of one time, and the oldest are dropped between two pages.
#[test]
fn reference_codes_come_once_while_new_ones_are_shown() {
    let mut manager = Manager::new(&machine(512, 1000));
    manager.good(Operation::CreatePartition, partition("web1", "AIX/Linux"));
    let stop = table(&[("id", number(2)), ("stop", text("shutdown immediate"))]);
    // Three codes each, of which 32 are kept.
    let cycle = |manager: &mut Manager| {
        manager.good(Operation::PowerOn, id(2));
        manager.good(Operation::PowerOff, stop.clone());
    };
    (0..11).for_each(|_| cycle(&mut manager));
    let page = |manager: &mut Manager, after: Value| {
        let list = table(&[("partition", number(2)), ("after", after)]);
        let page = manager.good(Operation::ListReferenceCodes, list);
        let Some(Value::List(entries)) = page.get("entries").cloned() else { panic!("no codes") };
        let times: BTreeSet<_> =
            entries.iter().map(|entry| format!("{:?}", entry.get("at_ns"))).collect();
        assert_eq!(times.len(), 1, "{times:?}");
        (entries.len(), page.get("next").expect("a cursor").clone())
    };
    let (first, next) = page(&mut manager, text(""));
    cycle(&mut manager);
    let (second, end) = page(&mut manager, next);
    assert_eq!((first + second, end), (32 + 1 - 4, text("")));
}

#[test]
fn networks_and_storage_go_through() {
    let mut manager = Manager::new(&machine(4096, 1000));
    manager.good(Operation::CreatePartition, partition("vios1", "Virtual IO Server"));
    manager.good(Operation::CreatePartition, partition("web1", "AIX/Linux"));
    let switch = table(&[("name", text("ETHERNET1")), ("mode", text("VEPA"))]);
    let switch = manager.good(Operation::CreateSwitch, switch);
    let switch = switch.get("id").expect("a number").clone();
    let adapter = table(&[
        ("partition", number(3)),
        ("switch", switch),
        ("vlan", number(100)),
        ("trunk_priority", number(0)),
    ]);
    let added = manager.good(Operation::AddEthernet, adapter);
    assert_eq!(added.get("slot"), Some(&number(2)));
    let list = |partition: u64| table(&[("partition", number(partition))]);
    let adapters = manager.good(Operation::ListEthernet, list(3));
    let Some(Value::List(adapters)) = adapters.get("entries") else { panic!("no entries") };
    assert_eq!(adapters[0].get("mac"), added.get("mac"));
    let networks = manager.good(Operation::ListNetworks, table(&[]));
    let Some(Value::List(networks)) = networks.get("entries") else { panic!("no entries") };
    assert!(networks.iter().any(|network| network.get("vlan") == Some(&number(100))));
    let pair = table(&[("vios", number(2)), ("client", number(3))]);
    let pair = manager.good(Operation::AddScsi, pair);
    assert_eq!(pair.get("client_slot"), Some(&number(3)));
    let slots = manager.good(Operation::ListSlots, list(3));
    let Some(Value::List(slots)) = slots.get("entries") else { panic!("no entries") };
    let kinds: Vec<_> = slots.iter().filter_map(|slot| slot.get("kind")).collect();
    assert_eq!(kinds, [&text("serial"), &text("serial"), &text("eth"), &text("scsi")]);
    let scsi = manager.good(Operation::ListScsi, list(3));
    let Some(Value::List(scsi)) = scsi.get("entries") else { panic!("no entries") };
    assert_eq!(scsi[0].get("version"), pair.get("version"));
    assert_eq!(manager.refused(Operation::ListDisks, list(3)), "HSCLF020");
}
