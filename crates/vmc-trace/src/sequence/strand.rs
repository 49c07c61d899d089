//! Strands: lines of events whose order is fixed.

use crate::event::{ActorId, Event, Record, Side, Subject};
use crate::sequence::names::{Connection, Names};
use crate::state::ChannelState;
use papr::Hcall;
use vmc_proto::{MessageType, Received};

/// A line of events in the order of the run. The order of strands is the last tie-break of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strand {
    /// The platform and its operator.
    Machine,
    /// One side's dealings with the channel as a whole.
    Channel(Side),
    /// A thread of an application.
    App(u16),
    /// One side of an HMC connection; on the management partition's side, what its bottom half does. What
    /// an application does there is on the application's own strand, and here only if it is a new state.
    Session(Connection, Side),
}

impl Strand {
    /// The group that a barrier takes in as a whole.
    pub(crate) fn group(self) -> Group {
        match self {
            Strand::Machine => Group::Machine,
            Strand::Channel(side) => Group::Channel(side),
            Strand::App(_) => Group::Apps,
            Strand::Session(_, side) => Group::Sessions(side),
        }
    }

    /// The side the strand's events happen on.
    pub(crate) fn side(self) -> Option<Side> {
        match self {
            Strand::Machine => None,
            Strand::App(_) => Some(Side::Mgmt),
            Strand::Channel(side) | Strand::Session(_, side) => Some(side),
        }
    }
}

/// A kind of strands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    Machine,
    Channel(Side),
    Apps,
    Sessions(Side),
}

const EVERYTHING: &[Group] = &[
    Group::Machine,
    Group::Channel(Side::Mgmt),
    Group::Channel(Side::Hyp),
    Group::Apps,
    Group::Sessions(Side::Mgmt),
    Group::Sessions(Side::Hyp),
];
const MGMT: &[Group] = &[Group::Channel(Side::Mgmt), Group::Sessions(Side::Mgmt)];
const MGMT_AND_APPS: &[Group] =
    &[Group::Channel(Side::Mgmt), Group::Sessions(Side::Mgmt), Group::Apps];
const HYP: &[Group] = &[Group::Channel(Side::Hyp), Group::Sessions(Side::Hyp)];

/// Where an event belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    /// The strand that names the event.
    pub(crate) strand: Strand,
    /// A second strand that the event is a link of.
    pub(crate) also: Option<Strand>,
    /// The groups that the event divides into before and after; empty for most.
    pub(crate) barrier: &'static [Group],
}

impl Home {
    pub(crate) fn of(record: &Record, names: &Names<'_>) -> Home {
        let actor = record.actor;
        match &record.event {
            Event::Enqueued { to, entry, .. } => {
                Home::of_entry(Received::from_entry(*entry), actor, to.partner(), names)
            }
            Event::Hcall { call: Hcall::SendCrq { entry, .. }, .. } if actor.side().is_some() => {
                let side = actor.side().unwrap_or(Side::Mgmt);
                Home::of_entry(Received::from_entry(*entry), actor, side, names)
            }
            Event::ChannelState(ChannelState::Mgmt(_)) => {
                Home { barrier: MGMT_AND_APPS, ..Home::channel(Side::Mgmt) }
            }
            Event::ChannelState(ChannelState::Hyp(_)) => Home::channel(Side::Hyp),
            Event::SessionState(index, session, state) => {
                let strand = Strand::Session(names.connection(*index, *session), state.side());
                Home { also: app_strand(actor), ..Home::strand(strand) }
            }
            Event::ProtocolViolation(subject, breach) => {
                Home::of_subject(*subject, actor, breach.by(), names)
            }
            Event::Rdma(subject, _) | Event::Hcall { subject, .. } => match actor.side() {
                Some(side) => Home::of_subject(*subject, actor, side, names),
                None => Home::machine(),
            },
            Event::Operator(_) | Event::Fault { subject: None, .. } => Home::machine(),
            // How often there is an interrupt, and when, is chance: such a fault has no place among what is
            // shown.
            Event::Fault { .. } if actor == ActorId::Interrupt => Home::strand(Strand::Machine),
            Event::Fault { subject: Some(_), entry: Some(entry), .. } if actor.side().is_some() => {
                let side = actor.side().unwrap_or(Side::Mgmt);
                Home::of_entry(Received::from_entry(*entry), actor, side, names)
            }
            Event::Fault { subject: Some(subject), .. } => match actor.side() {
                Some(side) => Home::of_subject(*subject, actor, side, names),
                None => Home::machine(),
            },
            _ => match (app_strand(actor), actor.side()) {
                (Some(app), _) => Home::strand(app),
                (None, Some(side)) => Home::channel(side),
                (None, None) => Home::machine(),
            },
        }
    }

    fn of_entry(entry: Received, actor: ActorId, sender: Side, names: &Names<'_>) -> Home {
        let message = match entry {
            Received::Message(decoded) => decoded.message,
            Received::TransportEvent(_) => {
                return actor.side().map_or(Home::machine(), Home::channel);
            }
            _ => return Home::channel(sender),
        };
        let Some((index, session)) = message.connection() else { return Home::channel(sender) };
        let strand = Strand::Session(names.connection(index, session), sender);
        match message.message_type() {
            // Whether the call sends it, or the bottom half after the call has returned, depends on how many
            // requests are outstanding.
            MessageType::InterfaceOpen | MessageType::InterfaceClose => Home::strand(strand),
            _ => Home::strand(app_strand(actor).unwrap_or(strand)),
        }
    }

    fn of_subject(subject: Subject, actor: ActorId, side: Side, names: &Names<'_>) -> Home {
        match (subject, app_strand(actor)) {
            (Subject::Channel, Some(app)) => {
                Home { also: Some(Strand::Channel(side)), ..Home::strand(app) }
            }
            (Subject::Channel, None) => Home::channel(side),
            (Subject::Session(..), Some(app)) => Home::strand(app),
            (Subject::Session(index, session), None) => {
                Home::strand(Strand::Session(names.connection(index, session), side))
            }
        }
    }

    fn strand(strand: Strand) -> Home {
        Home { strand, also: None, barrier: &[] }
    }

    /// Events of the channel order against everything else on their side.
    pub(crate) fn channel(side: Side) -> Home {
        let barrier = match side {
            Side::Mgmt => MGMT,
            Side::Hyp => HYP,
        };
        Home { barrier, ..Home::strand(Strand::Channel(side)) }
    }

    /// What happens to the machine orders against everything.
    pub(crate) fn machine() -> Home {
        Home { barrier: EVERYTHING, ..Home::strand(Strand::Machine) }
    }
}

fn app_strand(actor: ActorId) -> Option<Strand> {
    match actor {
        ActorId::App(app) => Some(Strand::App(app)),
        _ => None,
    }
}
