//! What a viewer has been sent, and what is new to it: messages of server-sent events (HTML Standard), JSON each.
//!
//! | key | what |
//! |---|---|
//! | `hello` | the dialect; comes first |
//! | `system`, `partitions`, `gone` | the system, partitions that have changed, the IDs of those that are gone |
//! | `jobs` | every job, when one has changed |
//! | `events` | what the hypervisor has told since |
//! | `trouble` | why what is shown may be old; null when it is not |
//! | `vmc` | the channel, its sessions and buffers, the messages since |

use super::objects;
use crate::App;
use crate::app::{PartitionView, Snapshot};
use crate::cli::Dialect;
use hmc_proto::{Job, System};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often what is there is looked at when nothing is told.
const LOOK: Duration = Duration::from_secs(1);
/// Shortest time between two looks.
const REST: Duration = Duration::from_millis(150);
/// How often the channel is looked at.
const CHANNEL: Duration = Duration::from_millis(500);
/// Events that a new viewer gets of those that were before.
const EVENTS_BEFORE: u64 = 100;

/// Sends what is there and then what is new, until the viewer is gone. The channel is looked at beside it: what is there cannot be
/// asked for while the channel is down.
pub(super) fn follow(app: &App, dialect: Dialect, send: impl FnMut(String) -> bool + Clone + Send) {
    let is_gone = AtomicBool::new(false);
    let sender = || {
        let (mut send, is_gone) = (send.clone(), &is_gone);
        move |message: Value| {
            let is_there = send(format!("data: {message}\n\n"));
            is_gone.fetch_or(!is_there, Ordering::Relaxed);
            is_there && !is_gone.load(Ordering::Relaxed)
        }
    };
    let name = if dialect == Dialect::Hmc { "hmc" } else { "novalink" };
    let mut send_objects = sender();
    if !send_objects(json!({ "hello": { "dialect": name } })) {
        return;
    }
    std::thread::scope(|scope| {
        let mut send_channel = sender();
        scope.spawn(move || {
            let mut last = 0;
            while send_channel(channel(app, &mut last)) {
                std::thread::sleep(CHANNEL);
            }
        });
        let mut sent =
            Sent { event: app.events().last().saturating_sub(EVENTS_BEFORE), ..Sent::default() };
        while sent.news(app).is_none_or(&mut send_objects) && !is_gone.load(Ordering::Relaxed) {
            std::thread::sleep(REST);
            app.events().wait_beyond(sent.event, LOOK);
        }
        is_gone.store(true, Ordering::Relaxed);
    });
}

/// What a viewer has been sent.
#[derive(Default)]
struct Sent {
    system: Option<System>,
    switches: Vec<hmc_proto::Switch>,
    partitions: BTreeMap<u16, Arc<PartitionView>>,
    jobs: Vec<Job>,
    event: u64,
    trouble: Option<String>,
}

impl Sent {
    /// What is new; `None` when nothing is.
    fn news(&mut self, app: &App) -> Option<Value> {
        let mut news = Map::new();
        let read = app.with_snapshot(|client, snapshot| (Arc::clone(snapshot), client.all_jobs()));
        let trouble = match read {
            Ok((snapshot, jobs)) => {
                self.objects(&snapshot, &mut news);
                match jobs {
                    Ok(jobs) => {
                        if jobs != self.jobs {
                            let shown = jobs.iter().map(|job| objects::job(job, app.times()));
                            news.insert("jobs".into(), shown.collect());
                            self.jobs = jobs;
                        }
                        None
                    }
                    Err(error) => Some(error.to_string()),
                }
            }
            Err(error) => Some(error.to_string()),
        };
        if trouble != self.trouble {
            news.insert("trouble".into(), json!(trouble));
            self.trouble = trouble;
        }
        let (missed, notices) = app.events().after(self.event);
        if missed > 0 || !notices.is_empty() {
            self.event = notices.last().map_or(self.event + missed, |(number, _)| *number);
            let told = notices
                .iter()
                .map(|(number, notice)| objects::notice(*number, notice, app.times()));
            news.insert("events".into(), told.collect());
        }
        (!news.is_empty()).then_some(Value::Object(news))
    }

    fn objects(&mut self, snapshot: &Snapshot, news: &mut Map<String, Value>) {
        if self.system.as_ref() != Some(&snapshot.system) || self.switches != snapshot.switches {
            news.insert("system".into(), objects::system(snapshot));
            (self.system, self.switches) =
                (Some(snapshot.system.clone()), snapshot.switches.clone());
        }
        // What a client is given is its servers' to tell, so it is shown anew with them.
        let servers_differ = snapshot.of_kind(true).any(|view| {
            self.partitions.get(&view.partition.id).is_none_or(|sent| sent.storage != view.storage)
        });
        let is_new = |view: &&Arc<PartitionView>| {
            let sent = self.partitions.get(&view.partition.id);
            let is_client = servers_differ && !view.scsi.is_empty();
            is_client || sent.is_none_or(|sent| !Arc::ptr_eq(sent, view))
        };
        let changed: Vec<Value> = snapshot
            .partitions
            .iter()
            .filter(is_new)
            .map(|view| objects::partition(snapshot, view))
            .collect();
        let gone: Vec<u16> = self
            .partitions
            .keys()
            .copied()
            .filter(|id| snapshot.partition(*id).is_none())
            .collect();
        self.partitions =
            snapshot.partitions.iter().map(|view| (view.partition.id, Arc::clone(view))).collect();
        if !changed.is_empty() {
            news.insert("partitions".into(), changed.into());
        }
        if !gone.is_empty() {
            news.insert("gone".into(), json!(gone));
        }
    }
}

/// The channel, and the messages behind the last that was sent.
fn channel(app: &App, last: &mut u64) -> Value {
    let (sent, received) = app.traffic().counts();
    let passed = app.traffic().after(*last);
    *last = passed.last().map_or(*last, |message| message.number);
    let messages: Vec<_> = passed
        .iter()
        .map(|it| {
            json!({ "number": it.number, "at": it.at.as_millis() as u64, "sent": it.sent, "bytes": it.bytes, "text": it.text })
        })
        .collect();
    let machine = app.status().map(|it| {
        let queue = |queue: Option<(u32, u32)>| {
            queue.map(|(holds, of)| json!({ "holds": holds, "of": of }))
        };
        json!({
            "channel": it.channel.to_string(),
            "hypervisor": it.hypervisor,
            "running": it.running,
            "queues": [queue(it.queues[0]), queue(it.queues[1])],
            "sessions": it.sessions.iter().map(|session| json!({
                "index": session.index.0,
                "number": session.session.map(|(number, _)| number),
                "state": session.session.map(|(_, state)| state),
                "unread": session.unread,
                "inbound": session.inbound,
                "outbound": session.outbound,
                "inUse": session.in_use,
            })).collect::<Vec<_>>(),
        })
    });
    json!({ "vmc": { "sent": sent, "received": received, "messages": messages, "machine": machine } })
}
