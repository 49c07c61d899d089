//! The page that follows a run, and the file that is left of it.

use crate::common::{Device, folder, need_fuse, options};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use vmc_device::Options;
use vmc_trace_file::Run;

const ROUTER: &str = "[machine]\nprofile = \"linux\"\nbehaviour = \"router\"\n";
const CALLS: &str = "tests/calls.py";

fn get(address: SocketAddr, target: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// Waits until the page's data says so.
fn until_page(address: SocketAddr, text: &str) {
    while !get(address, "/data").contains(text) {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// A browser that follows the run, and then the judged run, until the server ends; what it was told, and the data of the
/// judged run.
fn follow(address: SocketAddr) -> JoinHandle<(String, String)> {
    let stream_of = move |data: &str| {
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        get(address, &format!("/follow?generation={}&events=0", data["generation"]))
    };
    let first = get(address, "/data");
    std::thread::spawn(move || {
        let told = stream_of(&first);
        assert!(told.contains("event: replace"), "{told}");
        // A browser that is busy takes a while.
        std::thread::sleep(std::time::Duration::from_millis(300));
        let judged = get(address, "/data");
        stream_of(&judged);
        (told, judged)
    })
}

#[test]
fn a_page_follows_programs_and_a_file_is_left_of_the_run() {
    need_fuse!();
    let (top, of_device) = (folder(), folder());
    let traces = top.join("traces");
    let options = Options {
        payloads: true,
        page: Some(0),
        save_traces: Some(traces),
        ..options(&of_device.join("ibmvmc"), ROUTER)
    };
    let device = Device::serve(options, of_device);
    let address = device.served.page.unwrap();
    assert!(address.ip().is_loopback());
    assert!(get(address, "/").to_lowercase().contains("<!doctype html>"));
    until_page(address, "CAPABILITIES");
    device.python(CALLS, &["router"]);
    // The program by its own name, and the HMC command in its message.
    until_page(address, "python3");
    until_page(address, "close() = 0");
    // The clock of a thread says nothing, so no event has a time.
    let data: serde_json::Value = serde_json::from_str(&get(address, "/data")).unwrap();
    let events = data["data"]["runs"][0]["events"].as_array().unwrap();
    assert!(events.len() > 100 && events.iter().all(|event| event[1] == 0));
    let verdict = device.end_well();
    let file = std::fs::File::open(verdict.saved.unwrap()).unwrap();
    let run = Run::read(std::io::BufReader::new(file)).unwrap();
    assert_eq!(run.trace, verdict.trace);
    assert!(run.is_complete && run.problems.is_empty());
    assert_eq!(run.check(|_, _| Vec::new()), []);
    // The page ends with the run; its listener a moment later.
    while TcpStream::connect(address).is_ok() {
        std::thread::yield_now();
    }
    std::fs::remove_dir_all(top).unwrap();
}

#[test]
fn a_browser_that_follows_has_the_verdict_before_the_page_ends() {
    need_fuse!();
    let folder = folder();
    let options = Options { page: Some(0), ..options(&folder.join("ibmvmc"), ROUTER) };
    let device = Device::serve(options, folder);
    let followed = follow(device.served.page.unwrap());
    device.python(CALLS, &["router"]);
    device.end_well();
    let (told, judged) = followed.join().unwrap();
    assert!(told.contains("event: append"), "{told}");
    assert!(judged.contains("close() = 0") && judged.contains("\"complete\":true"), "{judged}");
}

#[test]
fn a_page_shows_what_is_kept_and_says_so() {
    need_fuse!();
    let folder = folder();
    let mut options = options(&folder.join("ibmvmc"), ROUTER);
    (options.page, options.keep) = (Some(0), Some(30));
    let device = Device::serve(options, folder);
    let followed = follow(device.served.page.unwrap());
    device.python(CALLS, &["router"]);
    device.end_well();
    let (told, judged) = followed.join().unwrap();
    assert!(told.contains("The page shows the first 30 events"), "{told}");
    assert!(!told.contains("close() = 0"), "{told}");
    assert!(judged.contains("\"complete\":true"), "it was judged");
}

#[test]
fn a_port_that_is_taken_is_told_and_nothing_is_mounted() {
    need_fuse!();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let folder = folder();
    let at = folder.join("ibmvmc");
    let options = Options { page: Some(port), ..options(&at, ROUTER) };
    let error = vmc_device::serve(&options, |_| panic!("it is served")).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(&port.to_string()) && text.contains("another port with `--serve`"),
        "{text}"
    );
    assert!(std::fs::symlink_metadata(&at).is_err(), "something was made there");
    std::fs::remove_dir_all(folder).unwrap();
}
