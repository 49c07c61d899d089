//! The REST interface without a server: requests in, answers out.

mod client;

use client::{Client, document, message};
use std::time::Duration;
use vmc_mgmt::cli::Dialect;
use vmc_mgmt::rest::routes::table;
use vmc_mgmt::rest::xml::{Element, WEB};

#[test]
fn every_path_but_logon_takes_a_session() {
    let client = Client::new(Dialect::NovaLink);
    assert_eq!(client.log_on("wrong").status, 401);
    let stranger = Client { token: "0".repeat(64), ..Client::new(Dialect::NovaLink) };
    for (method, path) in [
        ("GET", "uom/ManagedSystem"),
        ("GET", "uom/Event"),
        ("GET", "nothing"),
        ("DELETE", "web/Logon"),
        ("PUT", "uom/LogicalPartition"),
        ("GET", "uom/jobs/1"),
        ("GET", "web/Logon"),
    ] {
        assert_eq!(stranger.ask(method, path, "", &[]).status, 401, "{method} {path}");
    }
    assert_eq!(client.ask("DELETE", "web/Logon", "", &[]).status, 204);
    assert_eq!(client.get("uom/ManagedSystem").status, 401);
}

#[test]
fn a_partition_from_creation_to_removal() {
    let client = Client::new(Dialect::NovaLink);
    let uuid = client.create("web1");
    let path = format!("uom/LogicalPartition/{uuid}");
    let made = client.object(&path);
    assert_eq!(made.text_at("PartitionState"), Some("not activated"));
    // Without a word on processors it has one of its own.
    assert_eq!(
        made.text_at("PartitionProcessorConfiguration/HasDedicatedProcessors"),
        Some("true")
    );
    let etag = client.get(&path).header("ETag").expect("an ETag").to_owned();
    assert_eq!(client.ask("GET", &path, "", &[("if-none-match", &etag)]).status, 304);

    let stale = client.ask("POST", &path, &document("web2", 2048), &[("if-match", "-1")]);
    assert_eq!(stale.status, 412);
    assert_eq!(client.object(&path).text_at("PartitionName"), Some("web1"));
    let changed = client.ask("POST", &path, &document("web2", 2048), &[("if-match", &etag)]);
    assert_eq!(changed.status, 200, "{}", changed.text());
    let now = client.object(&path);
    assert_eq!(now.text_at("PartitionName"), Some("web2"));
    assert_eq!(now.text_at("PartitionMemoryConfiguration/DesiredMemory"), Some("2048"));
    assert_ne!(changed.header("ETag"), Some(etag.as_str()));

    let too_much = client.ask("POST", &path, &document("web2", 8192), &[]);
    assert_eq!((too_much.status, message(&too_much).starts_with("REST0264")), (500, true));
    let taken = client.ask("POST", &path, &document("vios1", 2048), &[]);
    assert_eq!((taken.status, message(&taken).contains("HSCL05DE")), (500, true));
    assert_eq!(client.ask("DELETE", &path, "", &[("if-match", &etag)]).status, 412);
    assert_eq!(client.ask("DELETE", &path, "", &[]).status, 204);
    let gone = client.get(&path);
    assert_eq!((gone.status, message(&gone).starts_with("REST029B")), (404, true));
    let audit = client.rest.audit().lines();
    assert!(
        audit.iter().any(|line| line.contains("\"method\":\"DELETE\"")
            && line.contains("\"memento\":\"tester\""))
    );
}

#[test]
fn jobs_tell_how_they_came_out() {
    let client = Client::new(Dialect::Hmc);
    let uuid = client.create("web1");
    let begun = client.job(&uuid, "PowerOn", "");
    assert_eq!(begun.text_at("Status"), Some("NOT_STARTED"));
    let id = begun.text_at("JobID").expect("a number").to_owned();
    assert_eq!(id.len(), 13);
    // A client waits 30 s for its first look and takes all but RUNNING as final.
    let polled = client.object(&format!("uom/jobs/{id}"));
    assert!(["RUNNING", "COMPLETED_OK"].contains(&polled.text_at("Status").expect("a status")));
    let again = client.job(&uuid, "PowerOn", "");
    assert_eq!(again.text_at("Status"), Some("COMPLETED_WITH_ERROR"));
    assert!(again.text_at("ResponseException/Message").expect("why").starts_with("HSCL3681"));
    let refused = again.text_at("JobID").expect("a number");
    assert_eq!(client.ask("DELETE", &format!("uom/jobs/{refused}"), "", &[]).status, 204);
    let gone = client.get(&format!("uom/jobs/{refused}"));
    assert_eq!((gone.status, message(&gone).starts_with("REST0005")), (404, true));
    for unknown in ["1000000099999", "7", "x"] {
        assert_eq!(client.get(&format!("uom/jobs/{unknown}")).status, 404, "{unknown}");
    }
    let wrong = "<JobParameter><ParameterName>bootmode</ParameterName><ParameterValue>fast</ParameterValue></JobParameter>";
    let body = format!(
        "<JobRequest xmlns='{WEB}' schemaVersion='V1_0'><JobParameters>{wrong}</JobParameters></JobRequest>"
    );
    let reply = client.ask("PUT", &format!("uom/LogicalPartition/{uuid}/do/PowerOn"), &body, &[]);
    assert_eq!((reply.status, message(&reply).contains("norm, sms")), (400, true));
}

/// One with a disk to boot from, which the command line can make, and another boot mode than usual.
const SMS: &str = "mksyscfg -r lpar -m vmcsim -i name=a,profile_name=p,lpar_env=aixlinux,min_mem=1024,desired_mem=1024,\
                   max_mem=1024,max_virtual_slots=20,boot_mode=sms";

#[test]
fn a_start_boots_what_it_says_and_otherwise_what_the_partition_is_set_to() {
    let client = Client::new(Dialect::Hmc);
    client.hmc(SMS);
    let parameter = |mode: &str| {
        format!(
            "<JobParameter><ParameterName>bootmode</ParameterName><ParameterValue>{mode}</ParameterValue></JobParameter>"
        )
    };
    let uuid = client.hmc("lssyscfg -r lpar -m vmcsim -F uuid --filter lpar_names=a");
    let uuid = uuid.trim().parse::<hmc_proto::Uuid>().expect("a UUID").to_string();
    for (parameters, state) in [
        (String::new(), "open firmware"),
        (parameter("pbl"), "open firmware"),
        (parameter("norm"), "running"),
    ] {
        let begun = client.job(&uuid, "PowerOn", &parameters);
        let path = format!("uom/jobs/{}", begun.text_at("JobID").expect("a number"));
        let status = || client.object(&path).text_at("Status").expect("a status").to_owned();
        while status() == "RUNNING" {
            // In the machine's time, which passes faster.
            client.app.with(|client| client.sleep(Duration::from_secs(1))).expect("the session");
        }
        let now = client.object(&format!("uom/LogicalPartition/{uuid}"));
        assert_eq!(now.text_at("PartitionState"), Some(state), "{parameters}");
        client.hmc("chsysstate -m vmcsim -r lpar -o shutdown -n a --immed");
    }
}

#[test]
fn a_server_s_adapters_have_the_names_that_its_command_line_shows() {
    let client = Client::new(Dialect::NovaLink);
    let scsi = "chhwres -r virtualio --rsubtype scsi -m vmcsim -o a -p vios1";
    client.hmc(SMS);
    for slot in [5, 9] {
        client.hmc(&format!("{scsi} -s {slot} -a adapter_type=server,remote_lpar_name=a"));
    }
    let shown = client.hmc("viosvrcmd -m vmcsim -p vios1 -c 'lsmap -all -fmt :'");
    let names: Vec<_> = shown.lines().filter_map(|line| line.split(':').next()).collect();
    let feed = client.get("uom/VirtualIOServer?group=ViosSCSIMapping").text();
    let in_feed = feed.split("<AdapterName>").skip(1).filter_map(|rest| rest.split('<').next());
    assert_eq!(in_feed.collect::<Vec<_>>(), names);
    assert_eq!(names, ["vhost3", "vhost7"]);
}

#[test]
fn what_is_not_there_says_so() {
    let client = Client::new(Dialect::NovaLink);
    for (method, path, status, code) in [
        ("GET", "uom/SRIOVAdapter", 400, "REST000B"),
        (
            "GET",
            "uom/ManagedSystem/7fffffff-0000-0000-0000-000000000000/LogicalPartition",
            404,
            "REST020F",
        ),
        ("GET", "uom/LogicalPartition/7FFFFFFF-0000-0000-0000-000000000000", 404, "REST029B"),
        (
            "GET",
            "uom/LogicalPartition/7FFFFFFF-0000-0000-0000-000000000000/ClientNetworkAdapter",
            404,
            "REST020F",
        ),
        ("GET", "uom/LogicalPartition/search/(PartitionName=x)", 500, "expected a search"),
        ("GET", "uom/LogicalPartition/search/(Colour==x)", 500, "cannot be searched"),
        ("PATCH", "uom/LogicalPartition", 405, "REST0002"),
        ("PUT", "uom/VirtualNetwork", 405, "with --dialect hmc"),
        ("PUT", "uom/Event", 405, "what is: GET"),
        ("GET", "uom/LogicalPartition/x/VolumeGroup", 400, "REST000B"),
        ("GET", "pcm/anything", 404, "REST0002"),
        ("PUT", "uom/LogicalPartition", 400, "REST0001"),
    ] {
        let reply = client.ask(method, path, "", &[]);
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text());
        assert!(message(&reply).contains(code), "{method} {path}: {}", message(&reply));
    }
    // A server is no LogicalPartition.
    let vios = client.get("uom/VirtualIOServer");
    let uuid =
        Element::parse(&vios.body).expect("a feed").at("entry/id").expect("one").text.clone();
    assert_eq!(client.get(&format!("uom/LogicalPartition/{uuid}")).status, 404);
    assert_eq!(client.get(&format!("uom/VirtualIOServer/{uuid}")).status, 200);
    // What is empty has no body.
    assert_eq!(client.get(&format!("uom/VirtualIOServer/{uuid}/ClientNetworkAdapter")).status, 204);
    assert_eq!(client.get("uom/LogicalPartition/search/(PartitionName==nothing)").status, 204);
}

#[test]
fn quick_properties_and_json() {
    let client = Client::new(Dialect::NovaLink);
    let uuid = client.create("web1");
    let path = format!("uom/LogicalPartition/{uuid}");
    assert_eq!(client.get(&format!("{path}/quick/PartitionState")).text(), "\"not activated\"");
    assert_eq!(client.get(&format!("{path}/quick/PartitionID")).text(), "3");
    assert_eq!(client.get(&format!("{path}/quick/Nothing")).status, 404);
    let all = client.get("uom/LogicalPartition/quick/All").text();
    let all: serde_json::Value = serde_json::from_str(&all).expect("JSON");
    assert_eq!(all[1]["PartitionName"], "web1");
    assert_eq!(all[1]["IsVirtualTrustedPlatformModuleEnabled"], "false");
    let entry = client.ask("GET", &path, "", &[("accept", "application/json")]);
    let entry: serde_json::Value = serde_json::from_slice(&entry.body).expect("JSON");
    assert_eq!(entry["entry"]["content"]["LogicalPartition"]["PartitionName"], "web1");
    let system = client.get("uom/ManagedSystem/quick/All").text();
    let system: serde_json::Value = serde_json::from_str(&system).expect("JSON");
    assert_eq!(system[0]["MTMS"], "9009-42A*1234567");
}

#[test]
fn the_dialects_differ_where_the_systems_do() {
    let hmc = Client::new(Dialect::Hmc);
    let by_file = format!(
        "<LogonRequest xmlns='{WEB}' schemaVersion='V1_0'><UserID>a</UserID><GenerateX-API-SessionFile>true</GenerateX-API-SessionFile></LogonRequest>"
    );
    assert_eq!(hmc.ask("PUT", "web/Logon", &by_file, &[]).status, 401);
    assert_eq!(hmc.log_on("secret").header("X-MC-Type"), None);
    let novalink = Client::new(Dialect::NovaLink);
    assert_eq!(novalink.log_on("secret").header("X-MC-Type"), Some("PVM"));
    let uuid = hmc.create("web1");
    assert!(hmc.object(&format!("uom/LogicalPartition/{uuid}")).get("PartitionProfiles").is_some());
    assert_eq!(
        hmc.get(&format!("uom/LogicalPartition/{uuid}/LogicalPartitionProfile")).status,
        200
    );
    let uuid = novalink.create("web1");
    assert!(
        novalink.object(&format!("uom/LogicalPartition/{uuid}")).get("PartitionProfiles").is_none()
    );
}

#[test]
fn every_route_of_the_table_is_served() {
    for dialect in [Dialect::NovaLink, Dialect::Hmc] {
        let client = Client::new(dialect);
        let all = table::routes(dialect).filter(|route| !route.path.contains(&"Logon"));
        for route in all {
            let path = route.path.join("/");
            let reply = client.ask(route.method, &path, "", &[]);
            let text = reply.text();
            assert!(!text.contains("is not served"), "{} {path}: {text}", route.method);
            assert_ne!(reply.status, 405, "{} {path}", route.method);
        }
    }
}

#[test]
fn a_method_that_a_path_has_not_names_those_that_it_has() {
    let client = Client::new(Dialect::NovaLink);
    let reply = client.ask("PATCH", "uom/VirtualSwitch", "", &[]);
    assert_eq!((reply.status, reply.header("Allow")), (405, Some("GET, PUT")));
    assert_eq!(client.get("uom/Nothing").header("Allow"), None);
}

#[test]
fn documents_can_be_json() {
    let client = Client::new(Dialect::NovaLink);
    let json = [("content-type", "application/json"), ("accept", "application/json")];
    let logon = r#"{"LogonRequest":{"UserID":"admin","Password":"secret"}}"#;
    let reply = client.ask("PUT", "web/Logon", logon, &json);
    let answer: serde_json::Value = serde_json::from_slice(&reply.body).expect("JSON");
    assert!(answer["LogonResponse"]["X-API-Session"].is_string(), "{answer}");
    let body = r#"{"LogicalPartition":{"PartitionName":"web1","Note":{"of":"a client"},
                   "PartitionMemoryConfiguration":{"DesiredMemory":1024,"MaximumMemory":2048,"MinimumMemory":512}}}"#;
    let reply = client.ask("PUT", "uom/LogicalPartition", body, &json);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let answer: serde_json::Value = serde_json::from_slice(&reply.body).expect("JSON");
    let made = &answer["entry"]["content"]["LogicalPartition"];
    assert_eq!(made["PartitionMemoryConfiguration"]["DesiredMemory"], "1024");
    assert_eq!(made["Note"]["of"], "a client");
    let wrong = client.ask("PUT", "uom/LogicalPartition", "<LogicalPartition/>", &json);
    let answer: serde_json::Value = serde_json::from_slice(&wrong.body).expect("JSON");
    let why = &answer["entry"]["content"]["HttpErrorResponse"]["Message"];
    assert!(wrong.status == 400 && why.to_string().contains("not JSON"), "{answer}");
}
