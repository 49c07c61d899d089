//! Events of the managed system, on the wire.

use crate::words::ns;
use hmc_proto as wire;
use hmc_proto::{ObjectKind, StateChange};
use managed_system::{Event, EventKind, Object, Property};

/// An event as a session gets it.
pub(crate) fn event(event: &Event) -> wire::Event {
    let (object, partition, id, name) = match &event.object {
        Object::System => (ObjectKind::System, 0, 0, ""),
        Object::Partition(id, _) => (ObjectKind::Partition, id.0, 0, ""),
        Object::Ethernet(id, slot) => (ObjectKind::Ethernet, id.0, u64::from(slot.0), ""),
        Object::Scsi(id, slot) => (ObjectKind::Scsi, id.0, u64::from(slot.0), ""),
        Object::Switch(id) => (ObjectKind::Switch, 0, u64::from(id.0), ""),
        Object::Network(id) => (ObjectKind::Network, 0, u64::from(id.0), ""),
        Object::VolumeGroup(id, name) => (ObjectKind::Group, id.0, 0, name.as_str()),
        Object::Job(id) => (ObjectKind::Job, 0, id.0, ""),
    };
    let state = event.state.map(|change| {
        let (from, to) = match change {
            managed_system::StateChange::Partition(from, to) => (from.name(), to.name()),
            managed_system::StateChange::System(from, to) => (from.name(), to.name()),
        };
        StateChange { from: from.into(), to: to.into() }
    });
    wire::Event {
        number: event.number,
        at_ns: ns(event.at),
        kind: match event.kind {
            EventKind::Added => wire::EventKind::Added,
            EventKind::Changed => wire::EventKind::Changed,
            EventKind::Removed => wire::EventKind::Removed,
        },
        lost: 0,
        object,
        partition,
        id,
        name: name.into(),
        properties: event.properties.iter().map(property).collect(),
        state,
    }
}

/// Tells that events are lost, up to that number.
pub(crate) fn overflow(lost: u64, up_to: u64) -> wire::Event {
    wire::Event {
        number: up_to,
        at_ns: 0,
        kind: wire::EventKind::Overflow,
        lost,
        object: ObjectKind::System,
        partition: 0,
        id: 0,
        name: String::new(),
        properties: Vec::new(),
        state: None,
    }
}

const fn property(property: Property) -> wire::Property {
    match property {
        Property::Name => wire::Property::Name,
        Property::State => wire::Property::State,
        Property::Rmc => wire::Property::Rmc,
        Property::ReferenceCode => wire::Property::ReferenceCode,
        Property::Configuration => wire::Property::Configuration,
        Property::Assignment => wire::Property::Assignment,
        Property::Profiles => wire::Property::Profiles,
        Property::Adapters => wire::Property::Adapters,
        Property::Storage => wire::Property::Storage,
        Property::Terminal => wire::Property::Terminal,
        Property::Job => wire::Property::Job,
    }
}
