//! What an application records of its VMC: a page that follows it, and a trace file at the end.

use clap::Parser;
use hmc_proto::{CreatePartition, Memory};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;
use vmc_mgmt::serve::{Options, Served};
use vmc_trace_file::Run;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn served(words: &[&str]) -> Served {
    let ports = ["serve", "--http-port", "0", "--https-port", "0"];
    let line = Line::try_parse_from(ports.iter().chain(words)).expect("options");
    Served::start(&line.options).expect("an application")
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn create(served: &Served, name: &str) {
    let memory = Memory { min_mb: 256, desired_mb: 256, max_mb: 512 };
    let create = CreatePartition::linux(name.to_owned(), memory, 1);
    served.app.with(move |client| client.create_partition(create)).expect("a partition");
}

/// What a page has so far.
fn data(page: SocketAddr) -> String {
    let mut stream = TcpStream::connect(page).expect("a page");
    write!(stream, "GET /data HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn a_page_follows_the_messages_and_a_file_has_them_at_the_end() {
    let folder = folder("recording");
    let served = served(&["--serve", "0", "--save-traces", folder.to_str().expect("text")]);
    create(&served, "web1");
    let page = served.page.expect("a page");
    while !data(page).contains("CREATE PARTITION web1") {
        std::thread::sleep(Duration::from_millis(20));
    }
    let recorded = served.end().expect("an end").expect("a recording");
    assert_eq!(recorded.problems, [""; 0]);
    let file = recorded.file.expect("a file");
    let run = Run::load(&file).expect("a trace file");
    assert!(run.is_complete && run.problems.is_empty());
    assert_eq!(run.about.runtime.as_deref(), Some("management"));
    assert_eq!(run.about.title.as_deref(), Some("A managed system"));
    assert!(run.trace.records().iter().all(|record| record.time_ns == 0));
    let text = std::fs::read_to_string(&file).expect("a file");
    assert!(text.contains("\"words\":\"CREATE PARTITION web1 256 MB\""));
    assert!(text.contains("\"manager\""), "{}", text.lines().next().unwrap_or_default());
}

/// What is not kept is not missed, and the file says that there was more.
#[test]
fn the_beginning_of_a_long_run_is_kept() {
    let folder = folder("recording-keep");
    let path = folder.to_str().expect("text");
    let served = served(&["--save-traces", path, "--keep", "300"]);
    (0..20).for_each(|n| create(&served, &format!("web{n}")));
    let recorded = served.end().expect("an end").expect("a recording");
    assert_eq!(recorded.problems, [""; 0]);
    let run = Run::load(&recorded.file.expect("a file")).expect("a trace file");
    assert_eq!((run.trace.records().len(), run.is_complete), (300, false));
}

#[test]
fn nothing_is_recorded_unless_it_is_asked_for() {
    let served = served(&[]);
    create(&served, "web1");
    assert!(served.page.is_none());
    assert!(served.end().expect("an end").is_none());
}
