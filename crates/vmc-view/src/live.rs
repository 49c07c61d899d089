//! The page of a run that goes on: a small server on 127.0.0.1, with server-sent events (HTML Standard, Server-sent
//! events).
//!
//! `/` is the page with what there is so far, `/data` its data alone, `/follow` the events that come after it:
//!
//! | event | data |
//! |---|---|
//! | `append` | what is new, and the places from which on it is |
//! | `replace` | nothing: the run is another one, and `/data` has it |
//! | `notice` | a text that stands above the page, or null |
//!
//! It answers GET alone, and only requests whose `Host` is this computer: no page of another site can read a trace.

use crate::model::{Data, data};
use crate::pack::Growing;
use crate::page::live_page;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use vmc_trace::{Record, TraceNames};
use vmc_trace_file::Run;

/// Most connections at a time.
const MAX_CONNECTIONS: usize = 64;

/// Longest head of a request, in bytes.
const MAX_REQUEST_BYTES: u64 = 16 * 1024;

/// Longest that a request may take to arrive, and an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a browser that waits gets a sign of life, by which the server notices that it has gone.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Most events in one message to a browser.
const MAX_EVENTS: usize = 5_000;

/// How often new records are looked for.
const PERIOD: Duration = Duration::from_millis(100);

/// How long the end of a run waits for browsers that are still busy with it.
const SETTLING: Duration = Duration::from_secs(3);

/// What a page says that shows the beginning of a run.
fn beginning_only(events: usize) -> String {
    format!("The page shows the first {events} events, which are kept; --keep keeps more")
}

/// A page that follows a run. It is served as long as this lives.
#[derive(Debug)]
pub struct LivePage {
    shared: Arc<Shared>,
    address: SocketAddr,
}

#[derive(Debug)]
struct Shared {
    content: Mutex<Content>,
    changed: Condvar,
    connections: AtomicUsize,
}

#[derive(Default)]
struct Content {
    growing: Growing,
    /// Rises when the run is another one.
    generation: u64,
    notice: Option<String>,
    /// Browsers that follow this run, and those that followed the one before.
    followers: usize,
    awaited: usize,
    has_ended: bool,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Content").field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl LivePage {
    /// Serves a page on this port of 127.0.0.1; on any that is free, for 0.
    pub fn bind(port: u16) -> io::Result<LivePage> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            // So that a browser that is left from another server sees that this one shows another run.
            content: Mutex::new(Content {
                generation: u64::from(std::process::id()) << 20,
                ..Content::default()
            }),
            changed: Condvar::new(),
            connections: AtomicUsize::new(0),
        });
        let server = Arc::clone(&shared);
        std::thread::Builder::new()
            .name(String::from("live page"))
            .spawn(move || server.listen(&listener))?;
        Ok(LivePage { shared, address })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows a run in place of what was shown before. Records that are pushed follow those that it has.
    pub fn show(&self, run: &Run) {
        let mut content = self.shared.lock();
        content.growing = Growing::going_on(run);
        content.generation += 1;
        content.awaited = std::mem::take(&mut content.followers);
        content.notice = None;
        drop(content);
        self.shared.changed.notify_all();
    }

    /// Adds what has happened since.
    pub fn push(&self, records: &[Record], names: &TraceNames) {
        if records.is_empty() {
            return;
        }
        self.shared.lock().growing.push(records, names);
        self.shared.changed.notify_all();
    }

    /// Brings what is recorded meanwhile, until `has_ended` and nothing is left. `since` has the records after so many, and
    /// how many there are in all; the page shows the first `keep` of them. They get no times: those of a machine that
    /// follows the clock say nothing about cause and effect.
    pub fn follow(
        &self,
        keep: usize,
        since: impl Fn(usize) -> (Vec<Record>, usize),
        names: impl Fn() -> TraceNames,
        has_ended: impl Fn() -> bool,
    ) {
        let mut shown = 0;
        loop {
            let ends = has_ended();
            if shown < keep {
                let (mut records, all) = since(shown);
                records.truncate(keep - shown);
                shown += records.len();
                records.iter_mut().for_each(|record| record.time_ns = 0);
                self.push(&records, &names());
                if all > keep {
                    self.notice(Some(&beginning_only(keep)));
                }
            }
            if ends {
                return;
            }
            std::thread::sleep(PERIOD);
        }
    }

    /// Shows the run that has ended, of which all or the beginning was kept, and waits for browsers that are open, but not
    /// for long.
    pub fn conclude(&self, run: &mut Run) {
        let is_whole = std::mem::replace(&mut run.is_complete, true);
        self.show(run);
        if !is_whole {
            self.notice(Some(&beginning_only(run.trace.records().len())));
        }
        self.settle(SETTLING);
    }

    /// Waits until every browser that followed the run before follows this one, but not longer than this.
    pub fn settle(&self, longest: Duration) {
        let content = self.shared.lock();
        let is_behind = |content: &mut Content| content.followers < content.awaited;
        // Whether they all came makes no difference any more.
        drop(self.shared.changed.wait_timeout_while(content, longest, is_behind));
    }

    /// Says something above the page, or nothing any more.
    pub fn notice(&self, text: Option<&str>) {
        self.shared.lock().notice = text.map(str::to_owned);
        self.shared.changed.notify_all();
    }
}

impl Drop for LivePage {
    fn drop(&mut self) {
        self.shared.lock().has_ended = true;
        self.shared.changed.notify_all();
        // The listener sleeps until a connection is made; if that fails, it ends with the process.
        let _ = TcpStream::connect_timeout(&self.address, PATIENCE);
    }
}

/// A request that can be answered.
enum Request {
    Page,
    Data,
    /// The generation that the browser shows, and how many of its events.
    Follow(u64, usize),
}

/// What `/data` answers.
#[derive(Serialize)]
struct Body {
    generation: u64,
    data: Data,
}

/// Why a request is not answered: status and text.
type Refusal = (&'static str, &'static str);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Content> {
        // What a thread that panicked has left is whole: every change is one step.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(self: &Arc<Shared>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.lock().has_ended {
                return;
            }
            let Ok(stream) = stream else { continue };
            if self.connections.fetch_add(1, Ordering::Relaxed) >= MAX_CONNECTIONS {
                self.connections.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            let shared = Arc::clone(self);
            let spawned = std::thread::Builder::new().spawn(move || {
                // A browser that goes away is no failure.
                let _ = shared.answer(&stream);
                shared.connections.fetch_sub(1, Ordering::Relaxed);
            });
            if spawned.is_err() {
                self.connections.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    fn answer(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        match request(stream)? {
            Ok(Request::Page) => {
                let content = self.lock();
                let (run, profile) = (content.growing.packed(), content.growing.profile());
                let generation = content.generation;
                drop(content);
                let title = run.title().to_owned();
                let page = live_page(&title, &data(vec![run], profile), generation);
                respond(stream, "200 OK", "text/html; charset=utf-8", page.as_bytes())
            }
            Ok(Request::Data) => {
                let content = self.lock();
                let (run, profile) = (content.growing.packed(), content.growing.profile());
                let generation = content.generation;
                drop(content);
                let body = Body { generation, data: data(vec![run], profile) };
                let body = serde_json::to_vec(&body)?;
                respond(stream, "200 OK", "application/json", &body)
            }
            Ok(Request::Follow(generation, events)) => self.follow(stream, generation, events),
            Err((status, text)) => respond(stream, status, "text/plain", text.as_bytes()),
        }
    }

    /// Tells a browser what changes, until it goes away or the page ends.
    fn follow(&self, stream: &TcpStream, generation: u64, events: usize) -> io::Result<()> {
        {
            let mut content = self.lock();
            if content.generation == generation {
                content.followers += 1;
            }
        }
        self.changed.notify_all();
        let told = self.tell(stream, generation, events);
        let mut content = self.lock();
        if content.generation == generation {
            content.followers = content.followers.saturating_sub(1);
        }
        told
    }

    fn tell(&self, mut stream: &TcpStream, generation: u64, mut events: usize) -> io::Result<()> {
        stream.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
        )?;
        // What the browser has of everything else goes with its events.
        let mut notice = None;
        loop {
            let mut content = self.lock();
            let message = loop {
                if content.has_ended {
                    return Ok(());
                }
                if content.generation != generation || events > content.growing.len() {
                    break event("replace", &());
                }
                if content.notice != notice {
                    notice.clone_from(&content.notice);
                    break event("notice", &notice);
                }
                if events < content.growing.len() {
                    let added = content.growing.since(events, MAX_EVENTS);
                    events += added.len();
                    break event("append", &added);
                }
                let waited = self.changed.wait_timeout(content, HEARTBEAT);
                let (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                content = guard;
                if timeout.timed_out() {
                    break Ok(String::from(": \n\n"));
                }
            }?;
            let is_other = content.generation != generation;
            drop(content);
            stream.write_all(message.as_bytes())?;
            if is_other {
                return Ok(());
            }
        }
    }
}

fn event(name: &str, data: &impl Serialize) -> io::Result<String> {
    // JSON has no line ends of its own.
    Ok(format!("event: {name}\ndata: {}\n\n", serde_json::to_string(data)?))
}

fn respond(mut stream: &TcpStream, status: &str, kind: &str, body: &[u8]) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}

/// Reads the head of a request.
fn request(stream: &TcpStream) -> io::Result<Result<Request, Refusal>> {
    let mut lines = BufReader::new(stream.take(MAX_REQUEST_BYTES)).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut host = None;
    loop {
        let Some(line) = lines.next().transpose()? else {
            return Ok(Err(("400 Bad Request", "expected a request's head of at most 16 KiB\n")));
        };
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("host")
        {
            host = Some(value.trim().to_owned());
        }
    }
    let name = host.as_deref().map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    if !matches!(name, Some("127.0.0.1" | "localhost")) {
        return Ok(Err(("403 Forbidden", "this page is for this computer alone\n")));
    }
    Ok(target(&first))
}

fn target(line: &str) -> Result<Request, Refusal> {
    let mut words = line.split(' ');
    let (method, target) = (words.next(), words.next().unwrap_or_default());
    if method != Some("GET") {
        return Err(("405 Method Not Allowed", "expected GET\n"));
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let fields: BTreeMap<&str, &str> =
        query.split('&').filter_map(|field| field.split_once('=')).collect();
    let number = |name: &str| fields.get(name).and_then(|value| value.parse::<u64>().ok());
    match path {
        "/" => Ok(Request::Page),
        "/data" => Ok(Request::Data),
        "/follow" => match (number("generation"), number("events")) {
            (Some(generation), Some(events)) => {
                Ok(Request::Follow(generation, usize::try_from(events).unwrap_or(usize::MAX)))
            }
            _ => Err(("400 Bad Request", "expected /follow?generation=N&events=N\n")),
        },
        _ => Err(("404 Not Found", "expected /, /data or /follow\n")),
    }
}
