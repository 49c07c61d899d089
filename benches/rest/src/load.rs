//! Many clients at a time, and what became of their requests.

use crate::client::{Client, Kind, Sample, Stop, session};
use crate::http::Connection;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A load.
#[derive(Clone, Debug)]
pub struct Load {
    /// Where the application is.
    pub address: SocketAddr,
    /// Who logs on.
    pub user: String,
    /// With which password.
    pub password: String,
    /// So many clients at a time.
    pub clients: usize,
    /// So many requests of each.
    pub requests: usize,
    /// The time from a client's request to its next one; without it, it waits for nothing but answers.
    pub every: Option<Duration>,
    /// Whether an answer of each kind is kept.
    pub keep: bool,
}

/// How many requests have been answered.
#[derive(Debug, Default)]
pub struct Progress(pub(crate) AtomicU64);

impl Progress {
    /// So many.
    pub fn requests(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What became of a load.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Requests of each client, in their order, with what each took.
    pub done: Vec<Vec<(Kind, Duration)>>,
    /// An answer of each kind, if any are kept.
    pub samples: Vec<Sample>,
    /// What was not as it must be. A client ends with its first error.
    pub errors: Vec<String>,
    /// From the first request to the last answer.
    pub took: Duration,
}

impl Outcome {
    /// So many requests.
    pub fn requests(&self) -> usize {
        self.done.iter().map(Vec::len).sum()
    }

    /// What requests took, of one kind or of all.
    pub fn times(&self, kind: Option<Kind>) -> Vec<f64> {
        let all = self.done.iter().flatten();
        let of_kind = all.filter(|(it, _)| kind.is_none_or(|kind| kind == *it));
        of_kind.map(|(_, took)| took.as_nanos() as f64).collect()
    }
}

/// A token of the application, for requests beside a load.
///
/// # Errors
///
/// What is wrong with the answer.
pub fn log_on(connection: &mut Connection, load: &Load) -> Result<String, String> {
    session(connection, load).map_err(|stop| match stop {
        Stop::Enough => String::from("no request is allowed"),
        Stop::Wrong(why) => why,
    })
}

impl Load {
    /// Logs all clients on, has each make its requests, and takes back what they have made.
    pub fn run(&self, progress: &Progress) -> Outcome {
        let mut outcome = Outcome::default();
        let log_on = |number| Client::log_on(self, progress, number);
        let clients: Result<Vec<_>, _> = (0..self.clients).map(log_on).collect();
        let clients = match clients {
            Ok(clients) => clients,
            Err(Stop::Wrong(why)) => return Outcome { errors: vec![why], ..outcome },
            Err(Stop::Enough) => return outcome,
        };
        let begun = Instant::now();
        let ended: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = clients
                .into_iter()
                .map(|mut client| {
                    scope.spawn(move || {
                        let end = client.run();
                        (end, client.last, client.done, client.samples)
                    })
                })
                .collect();
            threads.into_iter().map(thread::ScopedJoinHandle::join).collect()
        });
        for ended in ended {
            match ended {
                Ok((end, last, done, samples)) => {
                    outcome.took = outcome.took.max(last - begun);
                    if let Err(Stop::Wrong(why)) = end {
                        outcome.errors.push(why);
                    }
                    outcome.done.push(done);
                    for sample in samples {
                        if outcome.samples.iter().all(|it| it.kind != sample.kind) {
                            outcome.samples.push(sample);
                        }
                    }
                }
                Err(_) => outcome.errors.push(String::from("a client's thread has panicked")),
            }
        }
        outcome.samples.sort_by_key(|sample| sample.kind);
        outcome
    }
}
