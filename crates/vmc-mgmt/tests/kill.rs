//! An application that is killed at any moment has lost nothing that it acknowledged, and goes on.
//!
//! A few kills by default; `VMCSIM_KILLS=200 cargo test -p vmc-mgmt --test kill` makes 200.

mod common;

use common::{Server, between};
use std::collections::BTreeMap;
use std::time::Duration;
use vmc_mgmt::rest::xml::UOM;

const USUAL: u64 = 6;

fn document(name: &str) -> String {
    format!(
        "<LogicalPartition xmlns='{UOM}' schemaVersion='V1_0'><PartitionMemoryConfiguration><DesiredMemory>256</DesiredMemory>\
         <MaximumMemory>256</MaximumMemory><MinimumMemory>256</MinimumMemory></PartitionMemoryConfiguration>\
         <PartitionName>{name}</PartitionName><PartitionType>AIX/Linux</PartitionType></LogicalPartition>"
    )
}

/// Partitions by name, with their UUIDs, IDs and ETags.
fn partitions(server: &Server, token: &str) -> BTreeMap<String, (String, String)> {
    let (status, feed) =
        Server::ask(&server.http, "GET", "uom/LogicalPartition", token, "").expect("an answer");
    assert_eq!(status, 200);
    let entries = feed.split("<entry").skip(1).map(|entry| {
        let name = between(entry, "<PartitionName>", "</PartitionName>");
        let uuid = between(entry, "<PartitionUUID>", "</PartitionUUID>");
        (name, (uuid, between(entry, "<PartitionID>", "</PartitionID>")))
    });
    entries.collect()
}

#[test]
fn what_was_acknowledged_is_there_after_each_kill() {
    let kills =
        std::env::var("VMCSIM_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(USUAL);
    let mut server = Server::start("killed", &[]);
    let data = server.data.clone();
    // What must be there, and what may be: a request whose answer did not come.
    let mut acknowledged: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut changes = 0;
    for kill in 0..kills {
        let token = server.log_on();
        let port = server.http.clone();
        // The moment differs from kill to kill, and falls anywhere in what a change takes.
        let moment = Duration::from_micros(500 + kill * 7919 % 120_000);
        let mut doubtful = None;
        let known = partitions(&server, &token);
        let killer = std::thread::spawn(move || {
            std::thread::sleep(moment);
            server.kill();
        });
        for n in 0.. {
            let name = format!("p{kill}-{n}");
            let oldest = acknowledged.keys().next().cloned().filter(|_| acknowledged.len() > 30);
            let (path, answer) = match &oldest {
                Some(old) => {
                    let path = format!("uom/LogicalPartition/{}", acknowledged[old].0);
                    (old.clone(), Server::ask(&port, "DELETE", &path, &token, ""))
                }
                None => (
                    name.clone(),
                    Server::ask(&port, "PUT", "uom/LogicalPartition", &token, &document(&name)),
                ),
            };
            match (answer, oldest) {
                (Ok((204, _)), Some(old)) => {
                    acknowledged.remove(&old);
                    changes += 1;
                }
                (Ok((200, answer)), None) => {
                    let uuid = between(&answer, "<PartitionUUID>", "</PartitionUUID>");
                    let id = between(&answer, "<PartitionID>", "</PartitionID>");
                    acknowledged.insert(name, (uuid, id));
                    changes += 1;
                }
                (Ok((status, answer)), _) => panic!("{path}: {status} {answer}"),
                (Err(_), _) => {
                    doubtful = Some(path);
                    break;
                }
            }
        }
        killer.join().expect("the killer");
        server = Server::in_folder(&data, &[]);
        let token = server.log_on();
        let mut now = partitions(&server, &token);
        assert_eq!(now.remove("mgmt"), known.get("mgmt").cloned());
        if let Some(doubtful) = doubtful {
            // It was done or not; what is seen now counts.
            match now.get(&doubtful) {
                Some(there) => drop(acknowledged.insert(doubtful, there.clone())),
                None => drop(acknowledged.remove(&doubtful)),
            }
        }
        assert_eq!(now, acknowledged, "after kill {kill}");
    }
    assert!(changes > 0, "no change was acknowledged between the kills");
    println!("{kills} kills, {changes} changes");
}
