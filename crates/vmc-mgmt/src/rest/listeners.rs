//! Events for any number of applications, each with its place in the stream.

use super::atom::{Entry, object};
use super::docs::{self, Scene};
use super::ids;
use super::xml::{Element, UOM};
use crate::app::{EventLog, Snapshot};
use hmc_client::Notice;
use hmc_proto::{Event, EventKind, ObjectKind, Property};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Applications that listen at a time; of more, the one that has listened longest ago is forgotten.
pub const MAX_LISTENERS: usize = 256;
/// How long a poll waits for an event.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What a listener is told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    kind: &'static str,
    id: u64,
    data: String,
    detail: String,
}

#[derive(Debug, Default)]
struct State {
    /// The number of the last notice that each application has got, and its place among those that listen.
    cursors: BTreeMap<String, (u64, u64)>,
    polls: u64,
    /// Paths of partitions by ID, also of those that are gone.
    known: BTreeMap<u16, String>,
}

/// The applications that listen.
#[derive(Debug, Default)]
pub struct Listeners {
    state: Mutex<State>,
}

impl Listeners {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many listen.
    pub(super) fn number(&self) -> usize {
        self.state().cursors.len()
    }

    /// What partitions are called, for events that tell of one that is gone.
    pub fn learn(&self, snapshot: &Snapshot) {
        let mut state = self.state();
        for view in &snapshot.partitions {
            state.known.insert(view.partition.id, docs::path(view));
        }
    }

    /// Whether this application has to be told that it is new; then its place is here.
    fn begin(&self, application: &str, last: u64) -> bool {
        let mut state = self.state();
        state.polls += 1;
        let polls = state.polls;
        if let Some(cursor) = state.cursors.get_mut(application) {
            cursor.1 = polls;
            return false;
        }
        if state.cursors.len() == MAX_LISTENERS {
            let oldest = state.cursors.iter().min_by_key(|(_, (_, poll))| *poll);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                state.cursors.remove(&oldest);
            }
        }
        state.cursors.insert(application.to_owned(), (last, polls));
        true
    }

    /// Whether there is something behind the application's place within that time.
    pub fn wait(&self, application: &str, log: &EventLog, patience: Duration) -> bool {
        let cursor = self.state().cursors.get(application).map(|(cursor, _)| *cursor);
        cursor.is_none_or(|cursor| log.wait_beyond(cursor, patience))
    }

    /// What an application is told now; empty when there is nothing.
    pub fn poll(&self, application: &str, log: &EventLog, scene: &Scene) -> Vec<Entry> {
        self.learn(&scene.snapshot);
        if self.begin(application, log.last()) {
            let told = Told {
                kind: "NEW_CLIENT",
                id: log.last(),
                data: String::new(),
                detail: String::new(),
            };
            return vec![told.entry(scene)];
        }
        let mut state = self.state();
        let Some(&(cursor, _)) = state.cursors.get(application) else { return Vec::new() };
        let (missed, notices) = log.after(cursor);
        let mut all = Vec::new();
        if missed > 0 {
            all.push(Told {
                kind: "MISSING_EVENTS",
                id: cursor + missed,
                data: String::new(),
                detail: format!("{missed}"),
            });
        }
        let last = notices.last().map_or(cursor + missed, |(number, _)| *number);
        let system = ids::system(&scene.snapshot);
        all.extend(notices.iter().filter_map(|(number, notice)| {
            told(*number, notice, &state.known, &system, &scene.base)
        }));
        if let Some(cursor) = state.cursors.get_mut(application) {
            cursor.0 = last;
        }
        all.iter().map(|told| told.entry(scene)).collect()
    }
}

/// What a notice says to listeners; `None` of what has no URI.
fn told(
    number: u64,
    notice: &Notice,
    known: &BTreeMap<u16, String>,
    system: &str,
    base: &str,
) -> Option<Told> {
    let event = match notice {
        Notice::Missed { count, .. } => {
            return Some(Told {
                kind: "MISSING_EVENTS",
                id: number,
                data: String::new(),
                detail: count.to_string(),
            });
        }
        Notice::Event(event) => event,
    };
    let of_system = format!("ManagedSystem/{system}");
    let partition = known.get(&event.partition).cloned();
    let (kind, path) = match (event.object, event.kind) {
        (ObjectKind::Partition, kind) => (uri_kind(kind), partition?),
        // What belongs to a partition changes it.
        (ObjectKind::Ethernet | ObjectKind::Scsi | ObjectKind::Group, _) => {
            ("MODIFY_URI", partition?)
        }
        (ObjectKind::Switch | ObjectKind::Network | ObjectKind::System, _) => {
            ("MODIFY_URI", of_system)
        }
        (ObjectKind::Job, kind) => {
            (uri_kind(kind), format!("jobs/{}", super::jobs::router_id(event.id)))
        }
    };
    Some(Told {
        kind,
        id: number,
        data: format!("{base}/rest/api/uom/{path}"),
        detail: detail(event),
    })
}

fn uri_kind(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Added => "ADD_URI",
        EventKind::Removed => "DELETE_URI",
        EventKind::Changed | EventKind::Overflow => "MODIFY_URI",
    }
}

/// The names of what has changed.
fn detail(event: &Event) -> String {
    let names = event.properties.iter().map(|property| match (event.object, property) {
        (ObjectKind::System, Property::State) => "State",
        (ObjectKind::System, Property::Name) => "SystemName",
        (_, Property::State) => "PartitionState",
        (_, Property::Name) => "PartitionName",
        (_, Property::Rmc) => "RMCState",
        (_, Property::ReferenceCode) => "ReferenceCode",
        (_, Property::Configuration) => "Configuration",
        (_, Property::Assignment) => "Assignment",
        (_, Property::Profiles) => "PartitionProfiles",
        (_, Property::Adapters) => "ClientNetworkAdapters",
        (_, Property::Storage) => "VirtualSCSIMappings",
        (_, Property::Terminal) => "Terminal",
        (_, Property::Job) => "IsOperationInProgress",
    });
    let mut names: Vec<_> = names.collect();
    names.dedup();
    names.join(",")
}

impl Told {
    fn entry(&self, scene: &Scene) -> Entry {
        let id = ids::of_number('8', self.id);
        let mut made = object(UOM, "Event", &id, scene.created)
            .child(Element::text("EventType", self.kind))
            .child(Element::text("EventID", self.id.to_string()));
        for (name, text) in [("EventData", &self.data), ("EventDetail", &self.detail)] {
            if !text.is_empty() {
                made.children.push(Element::text(name, text));
            }
        }
        Entry::new(id.clone(), format!("/rest/api/uom/Event/{id}"), made)
    }
}
