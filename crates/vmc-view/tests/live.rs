//! The server of the page that follows a run: a browser is told all that there is, and no other program is told.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use vmc_trace::{ActorId, DeviceCall, Event, Particulars, Record, Side, Trace, TraceNames};
use vmc_trace_file::{Problem, Run};
use vmc_view::LivePage;

fn record(seq: u64, event: Event) -> Record {
    Record { seq, time_ns: seq, actor: ActorId::App(0), event }
}

fn records(from: u64, until: u64) -> Vec<Record> {
    let call = |seq| {
        // Every other one has a text that was not there before.
        let bytes = 100 + (seq / 2);
        Event::Call(DeviceCall::Write { len_bytes: bytes }, Particulars::default())
    };
    (from..until).map(|seq| record(seq, call(seq))).collect()
}

fn names() -> TraceNames {
    TraceNames { apps: vec![String::from("writer")] }
}

fn run(until: u64) -> Run {
    let mut run = Run::of(Trace::new(records(0, until), names()));
    run.about.title = Some(String::from("A run"));
    run
}

fn ask(page: &LivePage, head: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(page.address()).expect("a connection");
    stream.write_all(head.as_bytes()).expect("a request");
    BufReader::new(stream)
}

fn get(page: &LivePage, target: &str) -> (String, String) {
    let head = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", page.address());
    let mut answer = String::new();
    ask(page, &head).read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}

fn data(page: &LivePage) -> Value {
    let (head, body) = get(page, "/data");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    serde_json::from_str(&body).expect("JSON")
}

/// A browser that follows.
struct Follower(BufReader<TcpStream>);

impl Follower {
    fn new(page: &LivePage, generation: &Value, events: usize) -> Follower {
        let host = page.address();
        let mut answer = ask(
            page,
            &format!(
                "GET /follow?generation={generation}&events={events} HTTP/1.1\r\nHost: {host}\r\n\r\n"
            ),
        );
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            answer.read_line(&mut line).expect("a head");
        }
        Follower(answer)
    }

    /// The next event: its name and its data.
    fn next(&mut self) -> (String, Value) {
        let mut name = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(
                self.0.read_line(&mut line).expect("a line"),
                0,
                "expected an event, got the end"
            );
            if let Some(text) = line.strip_prefix("event: ") {
                name = text.trim().to_owned();
            }
            if let Some(text) = line.strip_prefix("data: ") {
                return (name, serde_json::from_str(text).expect("JSON"));
            }
        }
    }
}

#[test]
fn a_browser_that_follows_has_in_the_end_what_there_is() {
    let page = LivePage::bind(0).expect("a port");
    page.show(&run(3));
    let before = data(&page);
    let mut follower = Follower::new(&page, &before["generation"], 3);
    let mut mine = before["data"]["runs"][0].clone();
    for (from, until) in [(3, 4), (4, 9), (9, 30)] {
        page.push(&records(from, until), &names());
        while mine["events"].as_array().expect("events").len() < until as usize {
            let (name, added) = follower.next();
            assert_eq!(name, "append");
            assert_eq!(added["from"], mine["events"].as_array().expect("events").len());
            for list in ["strings", "meanings", "commands"] {
                let held = mine[list].as_array_mut().expect("a list");
                assert_eq!(added[list][0], held.len(), "{list}");
                held.extend(added[list][1].as_array().expect("a list").clone());
            }
            let events = added["events"].as_array().expect("events").clone();
            mine["events"].as_array_mut().expect("events").extend(events);
            mine["apps"] = added["apps"].clone();
        }
    }
    let after = data(&page);
    assert_eq!(mine, after["data"]["runs"][0]);
    assert_eq!(before["generation"], after["generation"]);
    // It is what a page of the whole run holds.
    page.show(&run(30));
    assert_eq!(mine["strings"], data(&page)["data"]["runs"][0]["strings"]);
    assert_eq!(follower.next(), (String::from("replace"), Value::Null));
}

#[test]
fn many_events_come_in_pieces_and_a_run_that_is_another_one_is_told_at_once() {
    let page = LivePage::bind(0).expect("a port");
    page.push(&records(0, 12_000), &names());
    let generation = data(&page)["generation"].clone();
    let mut follower = Follower::new(&page, &generation, 0);
    let mut pieces = Vec::new();
    while pieces.iter().sum::<usize>() < 12_000 {
        pieces.push(follower.next().1["events"].as_array().expect("events").len());
    }
    assert_eq!(pieces, [5000, 5000, 2000]);
    // A browser from before, and one that says it has more than there is.
    for (generation, events) in [(json!(7), 0), (generation, 12_001)] {
        assert_eq!(Follower::new(&page, &generation, events).next().0, "replace");
    }
}

#[test]
fn a_notice_stands_until_another_run_is_shown() {
    let page = LivePage::bind(0).expect("a port");
    page.show(&run(1));
    let generation = data(&page)["generation"].clone();
    let mut follower = Follower::new(&page, &generation, 1);
    page.notice(Some("line 3: <b> is wrong"));
    assert_eq!(follower.next(), (String::from("notice"), json!("line 3: <b> is wrong")));
    page.notice(None);
    assert_eq!(follower.next(), (String::from("notice"), Value::Null));
    let mut other = run(1);
    other.problems.push(Problem {
        rule: String::from("protocol"),
        what: String::from("a rule"),
        event: Some(0),
    });
    page.show(&other);
    assert_eq!(follower.next().0, "replace");
    assert_eq!(data(&page)["data"]["runs"][0]["problems"][0]["rule"], "protocol");
}

#[test]
fn a_program_that_joins_later_has_its_name_and_changes_no_lane() {
    let page = LivePage::bind(0).expect("a port");
    page.push(&records(0, 1), &names());
    let mut later = names();
    later.apps.push(String::from("reader"));
    let event = Event::InterruptPending(Side::Mgmt);
    page.push(&[Record { seq: 1, time_ns: 1, actor: ActorId::App(1), event }], &later);
    let run = &data(&page)["data"]["runs"][0];
    assert_eq!(run["apps"], json!(["writer", "reader"]));
    // The lanes of the first event: the first application's is 4, and stays it.
    assert_eq!(run["events"][0][4], json!([4, -1]));
    let actor = run["events"][1][2].as_u64().expect("a text") as usize;
    assert_eq!(run["strings"][actor], "reader");
}

/// A device has a number of seats for programs, whose names come with the programs.
#[test]
fn a_seat_that_gets_its_program_s_name_later_names_its_session_after_it() {
    use vmc_proto::{HmcIndex, HmcSession};
    let page = LivePage::bind(0).expect("a port");
    let seat = TraceNames { apps: vec![String::from("program-0")] };
    page.push(&records(0, 1), &seat);
    let program = TraceNames { apps: vec![String::from("python3")] };
    page.push(&[record(1, Event::SessionStarted(HmcIndex(0), HmcSession(1)))], &program);
    let run = &data(&page)["data"]["runs"][0];
    let has = |text: &str| run["strings"].as_array().expect("texts").iter().any(|one| one == text);
    assert!(has("python3#1") && !has("program-0#1"), "{run}");
}

/// A run that has ended is shown until every browser that was there has it.
#[test]
fn a_page_waits_for_browsers_that_followed_the_run_before() {
    let page = LivePage::bind(0).expect("a port");
    page.show(&run(1));
    let generation = data(&page)["generation"].clone();
    let mut follower = Follower::new(&page, &generation, 1);
    page.push(&records(1, 2), &names());
    assert_eq!(follower.next().0, "append");
    page.show(&run(2));
    assert_eq!(follower.next().0, "replace");
    std::thread::scope(|scope| {
        let settling = scope.spawn(|| page.settle(std::time::Duration::from_secs(600)));
        // The browser takes its time to ask for the run and to follow it.
        let after = data(&page)["generation"].clone();
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(!settling.is_finished(), "it waits for the browser");
        let _follower = Follower::new(&page, &after, 2);
        settling.join().expect("it is there");
    });
    // Without a browser there is nothing to wait for.
    drop(follower);
    let alone = LivePage::bind(0).expect("a port");
    alone.show(&run(1));
    alone.settle(std::time::Duration::from_secs(600));
}

#[test]
fn only_this_computer_is_answered_and_only_what_it_may_ask() {
    let page = LivePage::bind(0).expect("a port");
    page.show(&run(2));
    assert!(page.address().ip().is_loopback());
    let (head, body) = get(&page, "/");
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("text/html"), "{head}");
    assert!(body.contains("data-live=\"") && body.contains("<title>A run</title>"));
    let status = |request: &str| {
        let mut line = String::new();
        ask(&page, request).read_line(&mut line).expect("an answer");
        line.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    let host = page.address();
    assert_eq!(status("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"), "403");
    assert_eq!(status("GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example:80\r\n\r\n"), "403");
    assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), "403");
    assert_eq!(
        status(&format!("GET / HTTP/1.1\r\nhost: localhost:{}\r\n\r\n", host.port())),
        "200"
    );
    assert_eq!(status(&format!("POST / HTTP/1.1\r\nHost: {host}\r\n\r\n")), "405");
    assert_eq!(status(&format!("GET /etc/passwd HTTP/1.1\r\nHost: {host}\r\n\r\n")), "404");
    assert_eq!(status(&format!("GET /follow?events=1 HTTP/1.1\r\nHost: {host}\r\n\r\n")), "400");
    // A head that never ends is not waited for without a bound.
    let endless = format!("GET / HTTP/1.1\r\nHost: {host}\r\nX: {}\r\n", "x".repeat(20_000));
    assert_eq!(status(&endless), "400");
}

#[test]
fn who_follows_is_told_when_the_page_ends() {
    let page = LivePage::bind(0).expect("a port");
    page.show(&run(1));
    let generation = data(&page)["generation"].clone();
    let mut follower = Follower::new(&page, &generation, 1);
    let address = page.address();
    drop(page);
    let mut rest = String::new();
    follower.0.read_to_string(&mut rest).expect("the end");
    assert!(!rest.contains("event:"), "{rest}");
    // Nothing listens any more, or it hangs up at once.
    if let Ok(mut stream) = TcpStream::connect(address) {
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert_eq!(answer, "");
    }
}
