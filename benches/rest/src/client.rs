//! One client: its session, its partition, and what it asks in turn.

use crate::http::{Connection, Reply};
use crate::load::{Load, Progress};
use std::fmt;
use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const WEB: &str = "http://www.ibm.com/xmlns/systems/power/firmware/web/mc/2012_10/";
const UOM: &str = "http://www.ibm.com/xmlns/systems/power/firmware/uom/mc/2012_10/";

/// How often a job is looked at before it counts as one that never ends.
const MOST_POLLS: usize = 2000;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A partition's document.
    Partition,
    /// The same with the ETag of before: 304.
    Unchanged,
    /// One of its quick properties.
    Quick,
    /// Quick properties of all partitions.
    QuickAll,
    /// A search by name.
    Search,
    /// The feed of all partitions.
    List,
    /// Another amount of memory, with `If-Match`.
    Change,
    /// The same with an ETag that is not the object's any more: 412.
    Stale,
    /// A new partition.
    Create,
    /// That partition's end.
    Delete,
    /// A start.
    PowerOn,
    /// A stop.
    PowerOff,
    /// A look at a job.
    Job,
    /// A job that is not looked at any more.
    Forget,
    /// A poll for events.
    Events,
}

impl Kind {
    /// All of them, in the order of their values.
    pub const ALL: [Kind; 15] = [
        Kind::Partition,
        Kind::Unchanged,
        Kind::Quick,
        Kind::QuickAll,
        Kind::Search,
        Kind::List,
        Kind::Change,
        Kind::Stale,
        Kind::Create,
        Kind::Delete,
        Kind::PowerOn,
        Kind::PowerOff,
        Kind::Job,
        Kind::Forget,
        Kind::Events,
    ];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Partition => "GET of a partition",
            Kind::Unchanged => "GET of an unchanged one",
            Kind::Quick => "quick property",
            Kind::QuickAll => "quick properties of all",
            Kind::Search => "search",
            Kind::List => "feed",
            Kind::Change => "change with If-Match",
            Kind::Stale => "change with a stale ETag",
            Kind::Create => "create",
            Kind::Delete => "delete",
            Kind::PowerOn => "PowerOn",
            Kind::PowerOff => "PowerOff",
            Kind::Job => "look at a job",
            Kind::Forget => "DELETE of a job",
            Kind::Events => "poll for events",
        })
    }
}

/// A request of a kind, with its answer: what a bare server is asked for that returns the same bytes.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its kind.
    pub kind: Kind,
    /// Its method.
    pub method: &'static str,
    /// Its body.
    pub body: Vec<u8>,
    /// Its answer.
    pub reply: Reply,
}

/// Why a client goes on no more.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It has made all its requests.
    Enough,
    /// An answer is not what it must be.
    Wrong(String),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Wrong(format!("connection: {error}"))
    }
}

/// A client with its session.
pub(crate) struct Client<'l> {
    load: &'l Load,
    progress: &'l Progress,
    number: usize,
    connection: Connection,
    token: String,
    begun: Instant,
    /// When the last answer came.
    pub(crate) last: Instant,
    /// Kinds of the requests so far with what they took.
    pub(crate) done: Vec<(Kind, Duration)>,
    /// The latest answer of each kind, if it is to be kept.
    pub(crate) samples: Vec<Sample>,
}

/// A token for a user with this password.
pub(crate) fn session(connection: &mut Connection, load: &Load) -> Result<String, Stop> {
    let body = format!(
        "<LogonRequest xmlns=\"{WEB}\" schemaVersion=\"V1_0\"><UserID>{}</UserID><Password>{}</Password></LogonRequest>",
        load.user, load.password
    );
    let reply = connection.ask("PUT", "/rest/api/web/Logon", &[], body.as_bytes())?;
    match (reply.status, reply.session) {
        (200, Some(token)) => Ok(token),
        (status, _) => Err(Stop::Wrong(format!("logon: {status}"))),
    }
}

impl<'l> Client<'l> {
    pub(crate) fn log_on(
        load: &'l Load,
        progress: &'l Progress,
        number: usize,
    ) -> Result<Client<'l>, Stop> {
        let mut connection = Connection::open(load.address)?;
        let token = session(&mut connection, load)?;
        let (now, done, samples) = (Instant::now(), Vec::new(), Vec::new());
        Ok(Client {
            load,
            progress,
            number,
            connection,
            token,
            begun: now,
            last: now,
            done,
            samples,
        })
    }

    /// Asks in turn until it has made all its requests, and takes back what it has made.
    pub(crate) fn run(&mut self) -> Result<(), Stop> {
        self.begun = Instant::now();
        let own = self.create(&format!("load-{}", self.number))?;
        let end = loop {
            if let Err(stop) = self.cycle(&own) {
                break stop;
            }
        };
        self.clean_up()?;
        match end {
            Stop::Enough => Ok(()),
            wrong => Err(wrong),
        }
    }

    fn cycle(&mut self, own: &str) -> Result<(), Stop> {
        let path = format!("uom/LogicalPartition/{own}");
        let name = format!("load-{}", self.number);
        let got = self.ask(Kind::Partition, "GET", &path, &[], "", 200)?;
        let etag = got.etag.clone();
        let etag = etag.ok_or_else(|| Stop::Wrong(String::from("a partition without an ETag")))?;
        self.ask(Kind::Unchanged, "GET", &path, &[("If-None-Match", &etag)], "", 304)?;
        self.ask(Kind::Quick, "GET", &format!("{path}/quick/PartitionState"), &[], "", 200)?;
        let search = format!("uom/LogicalPartition/search/(PartitionName=='{name}')");
        let found = self.ask(Kind::Search, "GET", &search, &[], "", 200)?;
        self.holds(found.between("<PartitionUUID>", "<").as_deref() == Some(own), "a search")?;
        // Another amount each time, so that its ETag is another one after it.
        let mb =
            if got.between("<DesiredMemory>", "<").as_deref() == Some("256") { 512 } else { 256 };
        let changed = document(&name, mb);
        let posted =
            self.ask(Kind::Change, "POST", &path, &[("If-Match", &etag)], &changed, 200)?;
        let memory = posted.between("<DesiredMemory>", "<");
        self.holds(memory == Some(mb.to_string()), "a change")?;
        self.ask(Kind::Stale, "POST", &path, &[("If-Match", &etag)], &changed, 412)?;
        let list = self.ask(Kind::List, "GET", "uom/LogicalPartition", &[], "", 200)?;
        self.holds(list.body.ends_with(b"</entry></feed>"), "a feed")?;
        self.ask(Kind::QuickAll, "GET", "uom/LogicalPartition/quick/All", &[], "", 200)?;
        for _ in 0..3 {
            let other = self.create(&format!("{name}-new"))?;
            let path = format!("uom/LogicalPartition/{other}");
            self.ask(Kind::Quick, "GET", &format!("{path}/quick"), &[], "", 200)?;
            self.ask(Kind::Partition, "GET", &path, &[], "", 200)?;
            self.ask(Kind::Delete, "DELETE", &path, &[], "", 204)?;
        }
        self.operate(own, Kind::PowerOn, "PowerOn", &[])?;
        self.events()?;
        self.operate(own, Kind::PowerOff, "PowerOff", &STOP_AT_ONCE)?;
        self.events()
    }

    /// Polls for events; those of the other clients come, too, so there is no long wait.
    fn events(&mut self) -> Result<(), Stop> {
        let path = format!(
            "uom/Event?QUEUE_CLIENTKEY_METHOD=USE_APPLICATIONID&QUEUE_APPLICATIONID=load{}&group=None",
            self.number
        );
        self.ask(Kind::Events, "GET", &path, &[], "", 200).map(drop)
    }

    fn create(&mut self, name: &str) -> Result<String, Stop> {
        let made =
            self.ask(Kind::Create, "PUT", "uom/LogicalPartition", &[], &document(name, 256), 200)?;
        let uuid = made.between("<PartitionUUID>", "<");
        uuid.ok_or_else(|| Stop::Wrong(String::from("a new partition without a UUID")))
    }

    /// Starts or stops, polls the job until it is done, and forgets it.
    fn operate(
        &mut self,
        own: &str,
        kind: Kind,
        name: &str,
        parameters: &[(&str, &str)],
    ) -> Result<(), Stop> {
        let path = format!("uom/LogicalPartition/{own}/do/{name}");
        let begun = self.ask(kind, "PUT", &path, &[], &request(parameters), 200)?;
        let id = begun.between("<JobID>", "<");
        let id = id.ok_or_else(|| Stop::Wrong(format!("{name}: no job")))?;
        let job = format!("uom/jobs/{id}");
        let mut now = begun;
        for _ in 0..MOST_POLLS {
            match now.between("<Status>", "<").as_deref() {
                Some("COMPLETED_OK") => {
                    return self.ask(Kind::Forget, "DELETE", &job, &[], "", 204).map(drop);
                }
                Some("RUNNING" | "NOT_STARTED") => {}
                _ => return Err(Stop::Wrong(format!("{name}: {}", said(&now)))),
            }
            now = self.ask(Kind::Job, "GET", &job, &[], "", 200)?;
        }
        Err(Stop::Wrong(format!("{name}: its job is still running after {MOST_POLLS} looks")))
    }

    fn holds(&self, it: bool, what: &str) -> Result<(), Stop> {
        if it {
            Ok(())
        } else {
            Err(Stop::Wrong(format!("{what} tells something else than it must")))
        }
    }

    /// A request in its turn, whose answer has this status.
    fn ask(
        &mut self,
        kind: Kind,
        method: &'static str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
        status: u16,
    ) -> Result<Reply, Stop> {
        if self.done.len() == self.load.requests {
            return Err(Stop::Enough);
        }
        if let Some(every) = self.load.every {
            // Clients take turns within the time that each has between two requests.
            let turn = every * u32::try_from(self.done.len()).unwrap_or(u32::MAX)
                + every * u32::try_from(self.number).unwrap_or(0)
                    / u32::try_from(self.load.clients.max(1)).unwrap_or(1);
            std::thread::sleep(turn.saturating_sub(self.begun.elapsed()));
        }
        let start = Instant::now();
        let reply = self.send(method, path, headers, body)?;
        self.last = Instant::now();
        self.done.push((kind, self.last - start));
        self.progress.0.fetch_add(1, Ordering::Relaxed);
        if reply.status != status {
            return Err(Stop::Wrong(format!(
                "{kind} ({method} {path}): expected {status}, got {}: {}",
                reply.status,
                said(&reply)
            )));
        }
        if self.load.keep && self.samples.iter().all(|sample| sample.kind != kind) {
            let body = body.as_bytes().to_vec();
            self.samples.push(Sample { kind, method, body, reply: reply.clone() });
        }
        Ok(reply)
    }

    fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Reply> {
        let mut all = vec![("X-API-Session", self.token.as_str()), ("X-Audit-Memento", "load")];
        all.extend_from_slice(headers);
        self.connection.ask(method, &format!("/rest/api/{path}"), &all, body.as_bytes())
    }

    /// Removes its partitions, in any state, and ends the session.
    fn clean_up(&mut self) -> Result<(), Stop> {
        for name in [format!("load-{}", self.number), format!("load-{}-new", self.number)] {
            let search = format!("uom/LogicalPartition/search/(PartitionName=='{name}')");
            let found = self.send("GET", &search, &[], "")?;
            let Some(uuid) = found.between("<PartitionUUID>", "<") else { continue };
            let path = format!("uom/LogicalPartition/{uuid}");
            for _ in 0..MOST_POLLS {
                if self.send("DELETE", &path, &[], "")?.status == 204 {
                    break;
                }
                let stop = request(&STOP_AT_ONCE);
                self.send("PUT", &format!("{path}/do/PowerOff"), &[], &stop)?;
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let ended = self.send("DELETE", "web/Logon", &[], "")?;
        self.holds(ended.status == 204, "a logoff")
    }
}

/// What an answer says: its message, if it has one, or how it begins.
fn said(reply: &Reply) -> String {
    let message = reply.between("<Message>", "</Message>");
    message.unwrap_or_else(|| String::from_utf8_lossy(&reply.body).chars().take(300).collect())
}

const STOP_AT_ONCE: [(&str, &str); 2] = [("operation", "shutdown"), ("immediate", "true")];

fn document(name: &str, mb: u32) -> String {
    format!(
        "<LogicalPartition xmlns=\"{UOM}\" schemaVersion=\"V1_0\"><PartitionMemoryConfiguration><DesiredMemory>{mb}</DesiredMemory>\
         <MaximumMemory>512</MaximumMemory><MinimumMemory>256</MinimumMemory></PartitionMemoryConfiguration>\
         <PartitionName>{name}</PartitionName><PartitionProcessorConfiguration><HasDedicatedProcessors>false</HasDedicatedProcessors>\
         <SharedProcessorConfiguration><DesiredProcessingUnits>0.1</DesiredProcessingUnits><DesiredVirtualProcessors>1\
         </DesiredVirtualProcessors><MaximumProcessingUnits>0.1</MaximumProcessingUnits><MaximumVirtualProcessors>1\
         </MaximumVirtualProcessors><MinimumProcessingUnits>0.1</MinimumProcessingUnits><MinimumVirtualProcessors>1\
         </MinimumVirtualProcessors><UncappedWeight>64</UncappedWeight></SharedProcessorConfiguration>\
         <SharingMode>uncapped</SharingMode></PartitionProcessorConfiguration><PartitionType>AIX/Linux</PartitionType></LogicalPartition>"
    )
}

fn request(parameters: &[(&str, &str)]) -> String {
    let parameters: String = parameters
        .iter()
        .map(|(name, value)| {
            format!(
                "<JobParameter schemaVersion=\"V1_0\"><ParameterName>{name}</ParameterName><ParameterValue>{value}\
                 </ParameterValue></JobParameter>"
            )
        })
        .collect();
    format!(
        "<JobRequest xmlns=\"{WEB}\" schemaVersion=\"V1_0\"><JobParameters schemaVersion=\"V1_0\">{parameters}</JobParameters></JobRequest>"
    )
}
