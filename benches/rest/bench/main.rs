//! The management application's REST interface: a look, a feed, and a minute of many clients, beside a bare axum route that
//! returns the same bytes.
//!
//! `VMC_REST_QUICK=1` makes it five seconds.

#![forbid(unsafe_code)]

mod servers;

use servers::{Kind as Served, PARTITIONS, PASSWORD, Server, serve_if_told};
use std::cell::RefCell;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use vmc_bench::{Bench, Case, Class, Figure, Fit, Row, RowFile, Spread};
use vmc_rest_load::{Connection, Kind, Load, Outcome, Progress, Sample, log_on};

/// Clients at a time.
const CLIENTS: usize = 16;

/// Requests per second: a few more than the target, because the last answer of a second comes after it.
const RATE: u32 = 204;

/// How long the load lasts, and the short form of it.
const MINUTE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_secs(5);

/// The part of it after which memory counts: connections, threads and caches are there by then.
const WARM_UP: f64 = 0.25;

fn main() -> ExitCode {
    if let Some(code) = serve_if_told() {
        return code;
    }
    let has = |word: &str| std::env::args().any(|it| it == word);
    let mut bench = Bench::from_args("rest");
    let (application, bare) = (Server::start(Served::Application), Server::start(Served::Bare));
    let mut load = Load {
        address: application.address,
        user: String::from("admin"),
        password: String::from(PASSWORD),
        clients: CLIENTS,
        requests: 40,
        every: None,
        keep: true,
    };
    looks(&mut bench, &load, &bare);
    if !has("--bench") {
        let outcome = load.run(&Progress::default());
        assert_eq!(outcome.errors, [""; 0]);
        println!("rest/load: ok");
        return ExitCode::SUCCESS;
    }
    let time = if std::env::var_os("VMC_REST_QUICK").is_some() { SHORT } else { MINUTE };
    load.every = Some(Duration::from_secs(1) * u32::try_from(CLIENTS).expect("a few") / RATE);
    load.requests = usize::try_from(RATE).expect("some") * time.as_secs() as usize / CLIENTS;
    let mut file = RowFile::append("rest").expect("a target folder for the rows");
    let (outcome, memory) = under_load(&load, &application);
    outcome.errors.iter().for_each(|error| eprintln!("{error}"));
    let replayed = replay(&load, &outcome, &bare);
    for row in rows(&outcome, &replayed) {
        file.push(&row).expect("a row can be written");
    }
    for figure in figures(&outcome) {
        println!("{figure}");
        file.push(&figure).expect("a row can be written");
    }
    let fit = Fit::new("rest", "memory under load", "requests", "B", memory);
    println!("{fit}");
    file.push(&fit).expect("a row can be written");
    ExitCode::SUCCESS
}

/// A GET of a partition, and of all.
fn looks(bench: &mut Bench, load: &Load, bare: &Server) {
    let mut ours = Connection::open(load.address).expect("the application");
    let token = log_on(&mut ours, load).expect("a session");
    let headers = [("X-API-Session", token.as_str())];
    let search = "/rest/api/uom/LogicalPartition/search/(PartitionName=='p7')";
    let found = ours.ask("GET", search, &headers, &[]).expect("an answer");
    let uuid = found.between("<PartitionUUID>", "<").expect("a partition");
    let mut other = Connection::open(bare.address).expect("the bare routes");
    let paths = [
        ("GET of a partition", format!("/rest/api/uom/LogicalPartition/{uuid}")),
        ("feed of 500 partitions", String::from("/rest/api/uom/LogicalPartition")),
    ];
    for (number, (name, path)) in paths.iter().enumerate() {
        let reply = ours.ask("GET", path, &headers, &[]).expect("an answer");
        assert_eq!(reply.status, 200);
        let entries = reply.body.windows(7).filter(|text| text == b"<entry>").count();
        // Servers have a feed of their own.
        assert!(number == 0 || entries == PARTITIONS - 1, "{entries} entries");
        store(&mut other, 200, number, &reply.body);
        let len = reply.body.len();
        let ours = RefCell::new(&mut ours);
        let case = Case::new(*name)
            .alone(Served::Application.name(), || {
                let reply = ours.borrow_mut().ask("GET", path, &headers, &[]).expect("an answer");
                assert_eq!((reply.status, reply.body.len()), (200, len));
            })
            .alone(Served::Bare.name(), || {
                let path = format!("/{number}");
                let reply = other.ask("GET", &path, &headers, &[]).expect("an answer");
                assert_eq!((reply.status, reply.body.len()), (200, len));
            });
        bench.run(case.bytes(len as u64));
    }
}

/// Tells the bare routes what to return at a number.
fn store(connection: &mut Connection, status: u16, number: usize, body: &[u8]) {
    let stored = connection.ask("POST", &format!("/store/{status}/{number}"), &[], body);
    assert_eq!(stored.expect("an answer").status, 200);
}

/// The load, and how much memory the application has meanwhile, by requests, once it has warmed up.
fn under_load(load: &Load, application: &Server) -> (Outcome, Vec<(f64, f64)>) {
    let progress = Progress::default();
    let warm = (load.clients * load.requests) as f64 * WARM_UP;
    std::thread::scope(|scope| {
        let running = scope.spawn(|| load.run(&progress));
        let mut memory = Vec::new();
        while !running.is_finished() {
            let requests = progress.requests() as f64;
            if requests >= warm
                && let Some(bytes) = application.memory()
            {
                memory.push((requests, bytes as f64));
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        (running.join().expect("its errors are told otherwise"), memory)
    })
}

/// The same requests, at the same moments, to routes that return the same bytes.
fn replay(load: &Load, outcome: &Outcome, bare: &Server) -> Vec<f64> {
    let mut connection = Connection::open(bare.address).expect("the bare routes");
    for Sample { kind, reply, .. } in &outcome.samples {
        store(&mut connection, reply.status, *kind as usize, &reply.body);
    }
    let sample = |kind| outcome.samples.iter().find(|sample| sample.kind == kind);
    let every = load.every.unwrap_or_default();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let clients = outcome.done.iter().enumerate().map(|(number, done)| {
            scope.spawn(move || {
                let mut connection = Connection::open(bare.address).expect("the bare routes");
                let mut times = Vec::new();
                let first = every * u32::try_from(number).unwrap_or(0) / CLIENTS as u32;
                for (n, (kind, _)) in done.iter().enumerate() {
                    let Some(sample) = sample(*kind) else { continue };
                    let turn = first + every * u32::try_from(n).unwrap_or(u32::MAX);
                    std::thread::sleep(turn.saturating_sub(begun.elapsed()));
                    let (path, start) = (format!("/{}", *kind as usize), Instant::now());
                    let reply = connection.ask(sample.method, &path, &[], &sample.body);
                    times.push(start.elapsed().as_nanos() as f64);
                    assert_eq!(reply.expect("an answer").body.len(), sample.reply.body.len());
                }
                times
            })
        });
        let clients: Vec<_> = clients.collect();
        clients.into_iter().flat_map(|client| client.join().expect("no panic")).collect()
    })
}

/// A request under load, of each kind and of all, and of the bare routes.
fn rows(outcome: &Outcome, replayed: &[f64]) -> Vec<Row> {
    let row = |case: String, peer: &str, times: &[f64], ratio: f64| Row {
        bench: String::from("rest"),
        case,
        peer: peer.to_owned(),
        class: Class::OneThread,
        ns: Spread::of(times),
        ratio: Spread::of(&[ratio]),
        rounds: times.len(),
        bytes: None,
        messages: None,
    };
    let (ours, others) = (outcome.times(None), Spread::of(replayed).median);
    let ratio = Spread::of(&ours).median / others;
    println!("rest/a request under load (one-thread)");
    println!(
        "  vmcsim {:.0} µs, bare axum route {:.0} µs: {ratio:.2} times",
        Spread::of(&ours).median / 1e3,
        others / 1e3
    );
    let all = String::from("a request under load");
    let mut rows = vec![
        row(all.clone(), Served::Application.name(), &ours, 1.0),
        row(all, Served::Bare.name(), replayed, ratio),
    ];
    for kind in Kind::ALL {
        let times = outcome.times(Some(kind));
        if times.is_empty() {
            continue;
        }
        let Spread { median, high, .. } = Spread::of(&times);
        println!(
            "  {kind:26} {:>6} {:>9.0} µs, a tenth above {:.0}",
            times.len(),
            median / 1e3,
            high / 1e3
        );
        rows.push(row(format!("under load: {kind}"), Served::Application.name(), &times, 1.0));
    }
    rows
}

fn figures(outcome: &Outcome) -> [Figure; 2] {
    let figure = |figure, value, unit| Figure { bench: "rest", figure, value, unit };
    let rate = outcome.requests() as f64 / outcome.took.as_secs_f64();
    [
        figure("requests under load", rate, "/s"),
        figure("errors under load", outcome.errors.len() as f64, ""),
    ]
}
