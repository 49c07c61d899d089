//! What a run reached of the protocol: the states of each side, and the messages that met it in each of them.

use crate::reasons::message_name;
use papr::CrqEntry;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use vmc_machine::traced::subject_of;
use vmc_proto::{HmcIndex, HmcSession, mgmt};
use vmc_trace::{ChannelState, Event, SessionState, Side, Subject, Trace};

/// States, each with the messages that a side took from its queue while it was in it.
///
/// A state is named `mgmt channel ready` or `hyp session opening`. A message of a session is counted in the state of
/// the channel and in that of the session; where the receiver has no session there, that is `session none`, and where
/// it has one with another number, `session other`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reached {
    states: BTreeMap<String, BTreeSet<String>>,
}

impl Reached {
    /// What a trace shows.
    pub fn of(trace: &Trace) -> Reached {
        let mut walk = Walk::default();
        trace.records().iter().for_each(|record| walk.see(&record.event));
        walk.reached
    }

    /// Each state with its messages.
    pub fn states(&self) -> &BTreeMap<String, BTreeSet<String>> {
        &self.states
    }

    fn state(&mut self, side: Side, what: &str, state: &str) -> &mut BTreeSet<String> {
        self.states.entry(format!("{side} {what} {state}")).or_default()
    }
}

/// Where both sides are, on the way through a trace.
#[derive(Default)]
struct Walk {
    reached: Reached,
    channels: BTreeMap<Side, ChannelState>,
    sessions: BTreeMap<(Side, HmcIndex), (HmcSession, SessionState)>,
}

impl Walk {
    fn see(&mut self, event: &Event) {
        match event {
            Event::ChannelState(state) => {
                let side = state.side();
                self.channels.insert(side, *state);
                self.reached.state(side, "channel", state.name());
                // A new side, or one that has forgotten its sessions.
                if *state == ChannelState::initial(side) {
                    self.sessions.retain(|(owner, _), _| *owner != side);
                }
            }
            Event::SessionStarted(index, session) => {
                let starting = SessionState::Mgmt(mgmt::SessionState::Starting);
                self.session(*index, *session, starting);
            }
            Event::SessionState(index, session, state) => self.session(*index, *session, *state),
            Event::Dequeued { by, entry, .. } => self.take(*by, *entry),
            _ => {}
        }
    }

    fn session(&mut self, index: HmcIndex, session: HmcSession, state: SessionState) {
        self.sessions.insert((state.side(), index), (session, state));
        self.reached.state(state.side(), "session", state.name());
    }

    fn take(&mut self, by: Side, entry: CrqEntry) {
        let message = message_name(entry);
        let channel = self.channels.get(&by).copied().unwrap_or(ChannelState::initial(by));
        self.reached.state(by, "channel", channel.name()).insert(message.clone());
        if let Subject::Session(index, session) = subject_of(entry) {
            let state = match self.sessions.get(&(by, index)) {
                None => "none",
                Some((known, state)) if *known == session => state.name(),
                Some(_) => "other",
            };
            self.reached.state(by, "session", state).insert(message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use papr::InitFormat;
    use vmc_proto::{Message, hyp};
    use vmc_trace::{ActorId, Record, TraceNames};

    fn reached(events: Vec<Event>) -> Reached {
        let record = |(seq, event)| Record { seq, time_ns: 0, actor: ActorId::Platform, event };
        Reached::of(&Trace::new((0..).zip(events).map(record).collect(), TraceNames::default()))
    }

    fn taken(by: Side, entry: CrqEntry) -> Event {
        Event::Dequeued { by, element: 0, entry }
    }

    fn close(session: u8) -> CrqEntry {
        Message::InterfaceClose { session: HmcSession(session), index: HmcIndex(1) }.encode()
    }

    fn pairs(reached: &Reached) -> Vec<String> {
        let pair = |(state, messages): (&String, &BTreeSet<String>)| {
            let messages: Vec<_> = messages.iter().map(String::as_str).collect();
            format!("{state}: {}", messages.join(", "))
        };
        reached.states().iter().map(pair).collect()
    }

    #[test]
    fn a_message_counts_in_the_state_in_which_it_is_met() {
        let init = CrqEntry::init(InitFormat::INITIALIZE);
        let came = reached(vec![
            taken(Side::Mgmt, init),
            Event::ChannelState(ChannelState::Mgmt(mgmt::ChannelState::Ready)),
            taken(Side::Mgmt, init),
        ]);
        assert_eq!(pairs(&came), ["mgmt channel initial: INIT", "mgmt channel ready: INIT"]);
    }

    #[test]
    fn a_message_of_a_session_counts_in_the_receivers_session_too() {
        let opening = SessionState::Hyp(hyp::SessionState::Opening);
        let came = reached(vec![
            Event::ChannelState(ChannelState::Hyp(hyp::ChannelState::Ready)),
            taken(Side::Hyp, close(7)),
            Event::SessionState(HmcIndex(1), HmcSession(7), opening),
            taken(Side::Hyp, close(7)),
            taken(Side::Hyp, close(8)),
        ]);
        let expected = [
            "hyp channel ready: INTERFACE CLOSE",
            "hyp session none: INTERFACE CLOSE",
            "hyp session opening: INTERFACE CLOSE",
            "hyp session other: INTERFACE CLOSE",
        ];
        assert_eq!(pairs(&came), expected);
    }

    #[test]
    fn a_side_that_begins_anew_has_no_sessions() {
        let came = reached(vec![
            Event::SessionStarted(HmcIndex(1), HmcSession(7)),
            Event::ChannelState(ChannelState::initial(Side::Hyp)),
            taken(Side::Mgmt, close(7)),
            Event::ChannelState(ChannelState::initial(Side::Mgmt)),
            taken(Side::Mgmt, close(7)),
        ]);
        let pairs = pairs(&came);
        assert!(
            pairs.contains(&String::from("mgmt session starting: INTERFACE CLOSE")),
            "{pairs:?}"
        );
        assert!(pairs.contains(&String::from("mgmt session none: INTERFACE CLOSE")), "{pairs:?}");
    }
}
