//! What a client's document has that is not known here comes back with the object.

mod client;
mod common;

use client::{Client, document, in_entry, message};
use common::Server;
use vmc_mgmt::cli::Dialect;
use vmc_mgmt::objects::shape::Shape;
use vmc_mgmt::rest::kept::{Kept, MAX_BYTES};
use vmc_mgmt::rest::xml::{Element, UOM};

const NOTE: &str = "<Note xmlns=\"urn:client\" xml:lang=\"en\">x &lt; y<Part n=\"1\"/></Note>";

/// A document with a note in the object, and one in an element of it.
fn noted(client: &Client, path: &str, inside: Option<&str>) -> String {
    let text = client.object(path).write();
    let (before, _) = text.rsplit_once("</").expect("an end");
    let name = text[1..].split([' ', '>']).next().expect("a name");
    let noted = format!("{before}{NOTE}</{name}>");
    let Some(inside) = inside else { return noted };
    assert!(noted.contains(inside), "{noted}");
    noted.replacen(inside, &format!("{inside}<New>in it</New>"), 1)
}

fn post(client: &Client, path: &str, text: &str) -> Element {
    let reply = client.ask("POST", path, text, &[]);
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    in_entry(&reply)
}

fn uuid(client: &Client, path: &str) -> String {
    let feed = Element::parse(&client.get(path).body).expect("a feed");
    feed.at("entry/id").expect("an entry").text.clone()
}

/// A system with something of every type.
fn furnished(dialect: Dialect) -> (Client, Vec<(String, Option<String>)>) {
    let client = Client::new(dialect);
    let web1 = client.create("web1");
    for line in [
        "viosvrcmd -m vmcsim -p vios1 -c 'mkvg -vg data hdisk0'",
        "viosvrcmd -m vmcsim -p vios1 -c 'mkrep -sp data -size 1G'",
        "viosvrcmd -m vmcsim -p vios1 -c 'mkvopt -name cd1 -size 100M'",
        "viosvrcmd -m vmcsim -p vios1 -c 'mkbdsp -sp data 1G -bd disk1'",
        "chhwres -r virtualio --rsubtype eth -m vmcsim -o a -p web1 -s 4 -a ieee_virtual_eth=1,port_vlan_id=9,\\\"addl_vlan_ids=10,11\\\"",
        "chhwres -r virtualio --rsubtype scsi -m vmcsim -o a -p vios1 -s 5 -a adapter_type=server,remote_lpar_name=web1",
        "viosvrcmd -m vmcsim -p vios1 -c 'mkvdev -vdev disk1 -vadapter vhost3 -dev vt1'",
        "viosvrcmd -m vmcsim -p vios1 -c 'mkvdev -fbo -vadapter vhost3'",
    ] {
        client.hmc(line);
    }
    let vios = uuid(&client, "uom/VirtualIOServer");
    let adapters = format!("uom/LogicalPartition/{web1}/ClientNetworkAdapter");
    let groups = format!("uom/VirtualIOServer/{vios}/VolumeGroup");
    let (group, adapter) = (uuid(&client, &groups), uuid(&client, &adapters));
    let (system, switch) = (uuid(&client, "uom/ManagedSystem"), uuid(&client, "uom/VirtualSwitch"));
    let part = |name: &str| {
        let metadata = "schemaVersion=\"V1_0\"><Metadata><Atom/></Metadata>";
        Some(format!("<{name} {metadata}"))
    };
    let paths = vec![
        (format!("uom/LogicalPartition/{web1}"), part("PartitionMemoryConfiguration")),
        (format!("uom/VirtualIOServer/{vios}?group=All"), part("VirtualSCSIMapping")),
        (format!("uom/ManagedSystem/{system}"), part("MachineTypeModelAndSerialNumber")),
        (format!("uom/VirtualSwitch/{switch}"), None),
        (format!("{adapters}/{adapter}"), None),
        (format!("{groups}/{group}"), part("VirtualDisk")),
    ];
    (client, paths)
}

#[test]
fn unknown_elements_come_back_of_every_type() {
    let (client, paths) = furnished(Dialect::NovaLink);
    for (path, inside) in &paths {
        let before = client.get(path).header("ETag").expect("an ETag").to_owned();
        let text = noted(&client, path, inside.as_deref());
        let answer = post(&client, path, &text);
        let now = client.object(path);
        assert_eq!(answer, now, "{path}");
        let (written, posted) =
            (now.write(), Element::parse(text.as_bytes()).expect("a document").write());
        assert_eq!(written.matches(NOTE).count(), 1, "{path}: {written}");
        // Nothing but them is new, and they are where they were.
        assert_eq!(written, posted, "{path}");
        let after = client.get(path).header("ETag").expect("an ETag").to_owned();
        assert_ne!(before, after, "{path}");
        // What is sent back as it was changes nothing.
        post(&client, path, &written);
        assert_eq!(client.get(path).header("ETag"), Some(after.as_str()), "{path}");
    }
    // In feeds, and in JSON.
    assert!(client.get("uom/LogicalPartition").text().contains(NOTE));
    let json = client.ask("GET", &paths[0].0, "", &[("accept", "application/json")]);
    assert!(json.text().contains("\"New\":\"in it\""), "{}", json.text());
    // Without them they go; what a document leaves out altogether says nothing.
    let (server, _) = &paths[1];
    let plain = server.split('?').next().expect("a path");
    let mapping = "<VirtualSCSIMapping schemaVersion=\"V1_0\"><Metadata><Atom/></Metadata><New>";
    post(&client, plain, &client.object(plain).write().replace(NOTE, ""));
    let shown = client.object(server).write();
    assert!(shown.contains(mapping) && !shown.contains(NOTE), "{shown}");
    post(&client, server, &shown.replace("<New>in it</New>", ""));
    assert!(!client.object(server).write().contains("<New>"));
}

#[test]
fn documents_that_are_shown_have_nothing_unknown() {
    for dialect in [Dialect::NovaLink, Dialect::Hmc] {
        let (client, paths) = furnished(dialect);
        for (path, _) in &paths {
            let shown = client.object(path);
            assert!(Shape::of(&shown.name).is_some(), "{path}");
            let unknown = Kept::default().unknown(None, &shown).expect("small");
            assert_eq!(format!("{unknown:?}"), "Unknown(None)", "{path}");
        }
    }
}

#[test]
fn they_are_their_objects_and_go_with_it() {
    let client = Client::new(Dialect::NovaLink);
    let text = document("web1", 1024).replace("<p:PartitionName>", &format!("{NOTE}<p:PartitionUUID>0A0B0C0D-0000-4000-8000-000000000001</p:PartitionUUID><p:PartitionName>"));
    let reply = client.ask("PUT", "uom/LogicalPartition", &text, &[]);
    assert!(reply.status == 200 && reply.text().contains(NOTE), "{}", reply.text());
    let path = "uom/LogicalPartition/0A0B0C0D-0000-4000-8000-000000000001";
    assert!(client.object(path).write().contains(NOTE));
    client.hmc("rmsyscfg -r lpar -m vmcsim -n web1");
    assert_eq!(client.get(path).status, 404);
    let plain = text.replace(NOTE, "");
    assert_eq!(client.ask("PUT", "uom/LogicalPartition", &plain, &[]).status, 200);
    assert!(!client.object(path).write().contains(NOTE));
}

#[test]
fn too_much_is_refused_before_anything_is_changed() {
    let client = Client::new(Dialect::NovaLink);
    let web1 = client.create("web1");
    let path = format!("uom/LogicalPartition/{web1}");
    let long = format!("<p:New>{}</p:New></p:LogicalPartition>", "x".repeat(MAX_BYTES));
    let text = document("web2", 1024).replace("</p:LogicalPartition>", &long);
    let reply = client.ask("POST", &path, &text, &[]);
    assert_eq!((reply.status, message(&reply).contains("at most 65536 bytes")), (400, true));
    assert_eq!(client.object(&path).text_at("PartitionName"), Some("web1"));
}

#[test]
fn documents_are_read_by_namespace() {
    let client = Client::new(Dialect::NovaLink);
    let web1 = client.create("web1");
    let path = format!("uom/LogicalPartition/{web1}");
    let foreign = document("web2", 2048).replace(
        "<p:PartitionName>",
        "<o:PartitionName xmlns:o='urn:other'>other</o:PartitionName><p:PartitionName>",
    );
    let now = post(&client, &path, &foreign);
    assert_eq!(now.own().text_at("PartitionName"), Some("web2"));
    assert!(now.write().contains("<PartitionName xmlns=\"urn:other\">other</PartitionName>"));
    let wrong = document("web3", 2048).replace(UOM, "urn:other");
    let reply = client.ask("POST", &path, &wrong, &[]);
    assert_eq!((reply.status, message(&reply).contains("namespace urn:other")), (400, true));
    let undeclared = document("web3", 2048).replace("p:DesiredMemory", "q:DesiredMemory");
    let reply = client.ask("POST", &path, &undeclared, &[]);
    assert_eq!((reply.status, message(&reply).contains("prefix `q`")), (400, true));
}

#[test]
fn they_last_when_the_application_is_killed() {
    let mut server = Server::start("kept", &[]);
    let token = server.log_on();
    let text =
        document("web1", 1024).replace("<p:PartitionName>", &format!("{NOTE}<p:PartitionName>"));
    let (status, answer) =
        Server::ask(&server.http, "PUT", "uom/LogicalPartition", &token, &text).expect("an answer");
    assert!(status == 200 && answer.contains(NOTE), "{answer}");
    server.kill();
    // The session goes on, too.
    let server = Server::in_folder(&server.data.clone(), &[]);
    let (_, feed) =
        Server::ask(&server.http, "GET", "uom/LogicalPartition", &token, "").expect("an answer");
    assert_eq!(feed.matches(NOTE).count(), 1, "{feed}");
}
