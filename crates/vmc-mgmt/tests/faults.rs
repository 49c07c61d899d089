//! What a client of REST sees when a fault rule of a scenario fires: the same rules as in `scenarios/management`.

mod client;

use clap::Parser;
use client::{Client, document, in_entry, message};
use hmc_proto::{ChangeSystem, PowerOn};
use std::path::Path;
use std::time::Duration;
use vmc_mgmt::rest::http::Reply;
use vmc_mgmt::rest::xml::{Element, WEB};
use vmc_mgmt::serve::{Options, ServeError, Served};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

/// The application in a folder, of a scenario or an inventory.
fn served(file: &Path, data: &Path) -> Result<Served, ServeError> {
    let ports = ["serve", "--http-port", "0", "--https-port", "0", "--data"];
    let words =
        ports.map(std::ffi::OsStr::new).into_iter().chain([data.as_os_str(), file.as_os_str()]);
    Served::start(&Line::try_parse_from(words).expect("options").options)
}

/// The NVRAM is that of the scenario's inventory; its rules begin anew with each start.
#[test]
fn a_scenario_keeps_its_data_and_its_faults_begin_anew() {
    let inventories = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/management");
    let inventory = inventories.join("inventories/web-shop.toml");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scenario-with-data");
    let _ = std::fs::remove_dir_all(&folder);
    let busy = inventories.join("busy-for-a-while.toml");
    let start = |served: &Served| {
        let web1 = PowerOn { id: 3, version: None, profile: None, boot_mode: None };
        served.app.with(move |client| client.power_on(web1))
    };
    for _ in 0..2 {
        let application = served(&busy, &folder).expect("an application");
        assert!(start(&application).expect_err("busy").to_string().contains("no buffer"));
        application.end().expect("an end");
    }
    let application = served(&busy, &folder).expect("an application");
    let rename = ChangeSystem { version: None, name: "shop2".into() };
    application.app.with(move |client| client.change_system(rename)).expect("another name");
    application.end().expect("an end");
    let application = served(&inventory, &folder).expect("the same inventory");
    assert_eq!(
        application.app.with(|client| client.show_system()).expect("a system").name,
        "shop2"
    );
    start(&application).expect("no fault");
    application.end().expect("an end");
    let small = folder.join("small.toml");
    std::fs::write(&small, "title = \"T\"\nmachine.behaviour = \"router\"\n").expect("a file");
    let refused = served(&small, &folder).map(drop).expect_err("another inventory");
    assert!(refused.to_string().contains("inventory"), "{refused}");
}

/// A rule about starts of the partition `web1`.
fn rule(when: &str, act: &str) -> String {
    format!("[[fault]]\nname = \"f\"\nwhen = {{ {when} }}\ndo = {act}\n")
}

const START: &str = "command = \"POWER ON\", partition = \"web1\"";

fn power_on(client: &Client, uuid: &str) -> Reply {
    let body =
        format!("<JobRequest xmlns='{WEB}' schemaVersion='V1_0'><JobParameters/></JobRequest>");
    client.ask("PUT", &format!("uom/LogicalPartition/{uuid}/do/PowerOn"), &body, &[])
}

fn sleep(client: &Client, time: Duration) {
    client.app.with(move |client| client.sleep(time)).expect("the session");
}

/// A job some time after its request, which the machine's clock makes short.
fn job_after(client: &Client, begun: &Element, seconds: u64) -> Element {
    sleep(client, Duration::from_secs(seconds));
    let id = begun.text_at("JobID").expect("a number");
    client.object(&format!("uom/jobs/{id}"))
}

fn status(job: &Element) -> &str {
    job.text_at("Status").expect("a status")
}

fn state(client: &Client, uuid: &str) -> String {
    let shown = client.object(&format!("uom/LogicalPartition/{uuid}"));
    shown.text_at("PartitionState").expect("a state").to_owned()
}

#[test]
fn a_hypervisor_that_is_busy_is_503_and_the_next_try_succeeds() {
    let client = Client::with_faults(&rule(START, "{ answer = \"busy\" }"));
    let uuid = client.create("web1");
    let busy = power_on(&client, &uuid);
    assert_eq!((busy.status, message(&busy).contains("no buffer")), (503, true), "{}", busy.text());
    assert_eq!(state(&client, &uuid), "not activated");
    assert_eq!(power_on(&client, &uuid).status, 200);
}

#[test]
fn what_is_refused_has_the_code_of_the_rule() {
    let of_web2 = "command = \"any\", partition = \"web2\", times = \"always\"";
    let client = Client::with_faults(&rule(of_web2, "{ answer = \"HSCL350B\" }"));
    let refused = client.ask("PUT", "uom/LogicalPartition", &document("web2", 1024), &[]);
    assert_eq!(refused.status, 500);
    assert!(message(&refused).starts_with("REST0126 HSCL350B"), "{}", refused.text());
    client.create("web1");
    // An operation that takes time has failed at once, as on real systems.
    let client = Client::with_faults(&rule(START, "{ answer = \"HSCL3205\" }"));
    let uuid = client.create("web1");
    let job = in_entry(&power_on(&client, &uuid));
    assert_eq!(status(&job), "COMPLETED_WITH_ERROR");
    assert!(job.text_at("ResponseException/Message").expect("why").starts_with("HSCL3205"));
}

#[test]
fn a_job_that_fails_says_so_and_the_partition_shows_the_code() {
    let client = Client::with_faults(&rule(START, "{ job = { fails = \"BA210002\" } }"));
    let uuid = client.create("web1");
    let begun = in_entry(&power_on(&client, &uuid));
    assert_eq!(status(&begun), "RUNNING");
    let job = job_after(&client, &begun, 60);
    assert_eq!(status(&job), "COMPLETED_WITH_ERROR");
    let why = job.text_at("ResponseException/Message").expect("why");
    assert!(why.starts_with("HSCL3205") && why.contains("BA210002"), "{why}");
    let shown = client.object(&format!("uom/LogicalPartition/{uuid}"));
    assert_eq!(shown.text_at("PartitionState"), Some("error"));
    assert_eq!(shown.text_at("ReferenceCode"), Some("BA210002"));
}

#[test]
fn a_job_that_never_ends_stays_running_until_it_is_cancelled() {
    let client = Client::with_faults(&rule(START, "{ job = \"never-ends\" }"));
    let uuid = client.create("web1");
    let begun = in_entry(&power_on(&client, &uuid));
    let job = job_after(&client, &begun, 100_000);
    assert_eq!((status(&job), job.text_at("TimeCompleted")), ("RUNNING", Some("0")));
    assert_ne!(state(&client, &uuid), "starting");
    let path = format!("uom/jobs/{}", job.text_at("JobID").expect("a number"));
    let cancelled = client.ask("POST", &format!("{path}/cancel"), "", &[]);
    assert!([200, 204].contains(&cancelled.status), "{}", cancelled.text());
    assert_eq!(status(&client.object(&path)), "CANCELED_WHILE_RUNNING");
}

#[test]
fn a_job_that_ends_late_is_running_until_then() {
    let client = Client::with_faults(&rule(START, "{ job = { delay-ms = 600000 } }"));
    let uuid = client.create("web1");
    let begun = in_entry(&power_on(&client, &uuid));
    assert_eq!(status(&job_after(&client, &begun, 300)), "RUNNING");
    assert_eq!(status(&job_after(&client, &begun, 400)), "COMPLETED_OK");
}

/// How often the application has opened its session again.
fn reopened(client: &Client) -> u32 {
    client.app.with(|client| Ok(client.counts().reopened)).expect("the session")
}

#[test]
fn a_channel_that_resets_in_the_middle_of_a_job_leaves_the_job_as_it_is() {
    let client =
        Client::with_faults(&rule(&format!("{START}, ms = 500"), "{ free-crq = \"hyp\" }"));
    let uuid = client.create("web1");
    let begun = in_entry(&power_on(&client, &uuid));
    assert_eq!(status(&begun), "RUNNING");
    let job = job_after(&client, &begun, 60);
    assert_eq!((status(&job), reopened(&client)), ("COMPLETED_OK", 1));
}

#[test]
fn a_start_whose_answer_a_reset_takes_is_asked_for_by_its_token_and_begun_once() {
    let when = format!("{START}, at = \"after\", nth-session = 1");
    let client = Client::with_faults(&rule(&when, "{ free-crq = \"hyp\" }"));
    let uuid = client.create("web1");
    let begun = in_entry(&power_on(&client, &uuid));
    assert_eq!((status(&begun), reopened(&client)), ("RUNNING", 1));
    let jobs = client.app.with(|client| client.all_jobs()).expect("the session");
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    assert_eq!(status(&job_after(&client, &begun, 60)), "COMPLETED_OK");
}

#[test]
fn a_start_that_a_reset_takes_before_it_is_done_is_made_again() {
    let when = format!("{START}, nth-session = 1");
    let client = Client::with_faults(&rule(&when, "{ free-crq = \"hyp\" }"));
    let uuid = client.create("web1");
    let begun = in_entry(&power_on(&client, &uuid));
    assert_eq!((status(&begun), reopened(&client)), ("RUNNING", 1));
    let jobs = client.app.with(|client| client.all_jobs()).expect("the session");
    assert_eq!(jobs.len(), 1, "{jobs:?}");
}

#[test]
fn an_answer_that_does_not_come_is_503_after_half_a_minute_and_what_was_asked_for_is_done() {
    let when = format!("{START}, at = \"after\"");
    let client = Client::with_faults(&rule(&when, "\"drop\""));
    let uuid = client.create("web1");
    let reply = power_on(&client, &uuid);
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert!(message(&reply).contains("no response"), "{}", reply.text());
    assert_ne!(state(&client, &uuid), "not activated");
    // The request itself is lost: nothing was done.
    let client = Client::with_faults(&rule(START, "\"drop\""));
    let uuid = client.create("web1");
    assert_eq!(power_on(&client, &uuid).status, 503);
    assert_eq!(state(&client, &uuid), "not activated");
}

#[test]
fn an_answer_that_is_late_is_waited_for() {
    let client = Client::with_faults(&rule(START, "{ delay-ms = 20000 }"));
    let uuid = client.create("web1");
    let before = client.app.with(|client| Ok(client.now())).expect("the session");
    assert_eq!(power_on(&client, &uuid).status, 200);
    let after = client.app.with(|client| Ok(client.now())).expect("the session");
    assert!(after - before >= Duration::from_secs(20));
}

#[test]
fn the_scenario_of_the_readme_does_what_is_said_there() {
    let readme = include_str!("../README.md").split_once("\n## Faults\n").expect("a section").1;
    let (_, text) = readme.split_once("```toml\n").expect("a scenario");
    let client = Client::of_scenario(text.split_once("```").expect("its end").0);
    let uuid = client.create("web1");
    assert_eq!(power_on(&client, &uuid).status, 503);
    let begun = in_entry(&power_on(&client, &uuid));
    assert_eq!(begun.text_at("JobID"), Some("1000000000001"));
    let job = job_after(&client, &begun, 20);
    let why = job.text_at("ResponseException/Message").expect("why");
    assert!(readme.contains(why.trim()), "{why}");
    let hard = "<JobParameter><ParameterName>immediate</ParameterName><ParameterValue>true</ParameterValue></JobParameter>";
    client.job(&uuid, "PowerOff", hard);
    let begun = in_entry(&power_on(&client, &uuid));
    let job = job_after(&client, &begun, 1000);
    assert_eq!((status(&job), reopened(&client)), ("RUNNING", 1));
}
