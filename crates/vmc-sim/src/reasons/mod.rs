//! Why a run failed, as far as its records tell: how a session ended, since when a side is away, what a rule of the
//! faults did more than once. [`stuck`] says it of who waits in vain, [`unmet`] of an expectation that was not met.

mod stuck;
#[cfg(test)]
mod tests;
mod unmet;

pub(crate) use stuck::why_stuck;
pub(crate) use unmet::remedy;

use papr::CrqEntry;
use vmc_machine::fault::Rule;
use vmc_machine::plan::Plan;
use vmc_proto::{HmcIndex, HmcSession, Received, hyp, mgmt};
use vmc_trace::{
    ActorId, CallResult, ChannelState, DeviceCall, Event, FaultAct, FileNumber, OperatorAct,
    Record, SessionState, Side, Trace,
};

/// Firings of a rule that are named.
const MAX_FIRINGS_NAMED: usize = 4;

/// The records of a run, to be asked.
pub(crate) struct History<'a> {
    pub(crate) records: &'a [Record],
    pub(crate) names: &'a [String],
    pub(crate) plan: &'a Plan,
}

/// A session, by index and number.
type Session = (HmcIndex, HmcSession);

impl<'a> History<'a> {
    pub(crate) fn of(trace: &'a Trace, plan: &'a Plan) -> History<'a> {
        History { records: trace.records(), names: &trace.names().apps, plan }
    }

    /// The same up to a record.
    fn until(&self, end: usize) -> History<'a> {
        History { records: &self.records[..end], ..*self }
    }

    fn app(&self, thread: u16) -> String {
        let name = self.names.get(usize::from(thread));
        format!("application `{}`", name.map_or("?", String::as_str))
    }

    /// The last record that fits, with its place.
    fn last(&self, fits: impl Fn(&Record) -> bool) -> Option<(usize, &'a Record)> {
        let place = self.records.iter().rposition(fits)?;
        Some((place, &self.records[place]))
    }

    /// The session that was asked for on a file last, since it was opened.
    fn session_of(&self, file: FileNumber) -> Option<Session> {
        let mut asking: Vec<(ActorId, Option<FileNumber>)> = Vec::new();
        let mut session = None;
        for Record { actor, event, .. } in self.records {
            match event {
                Event::Call(DeviceCall::SetHmcId { .. }, of) => asking.push((*actor, of.file)),
                Event::Return(DeviceCall::SetHmcId { .. }, ..) => {
                    asking.retain(|(asker, _)| asker != actor);
                }
                Event::Return(DeviceCall::Open { .. }, CallResult::Ok, Some(opened))
                    if *opened == file =>
                {
                    session = None;
                }
                Event::SessionStarted(index, number) if asking.contains(&(*actor, Some(file))) => {
                    session = Some((*index, *number));
                }
                _ => {}
            }
        }
        session
    }

    /// What the driver said of a session last, and where.
    fn state_of(&self, session: Session) -> Option<(usize, mgmt::SessionState)> {
        let says = |record: &Record| match record.event {
            Event::SessionStarted(index, number) if (index, number) == session => {
                Some(mgmt::SessionState::Starting)
            }
            Event::SessionState(index, number, SessionState::Mgmt(state))
                if (index, number) == session =>
            {
                Some(state)
            }
            _ => None,
        };
        let (place, record) = self.last(|record| says(record).is_some())?;
        Some((place, says(record)?))
    }

    /// What a side said of the channel last, and where.
    fn channel_of(&self, side: Side) -> Option<(&'a Record, ChannelState)> {
        let says = |record: &Record| match record.event {
            Event::ChannelState(state) if state.side() == side => Some(state),
            _ => None,
        };
        let (_, record) = self.last(|record| says(record).is_some())?;
        Some((record, says(record)?))
    }

    /// Which event took the driver's channel out of the state that it reached at a place, and what brought it about.
    fn channel_left(&self, place: usize) -> String {
        let leaves = |record: &Record| matches!(record.event, Event::ChannelState(state) if state.side() == Side::Mgmt);
        match self.records[place + 1..].iter().position(leaves) {
            None => String::from("this step"),
            Some(further) => {
                let left = place + 1 + further;
                let cause = self.cause_of(left);
                format!("event {} {cause}", self.records[left].seq).trim_end().to_owned()
            }
        }
    }

    /// What brought about the record at a place, in words that go on a sentence.
    fn cause_of(&self, place: usize) -> String {
        let before = self.until(place);
        let actor = self.records[place].actor;
        let own = |record: &&Record| record.actor == actor;
        let is_cause = |record: &Record| match (&record.event, actor) {
            (Event::Call(..), ActorId::App(_)) => own(&record),
            (Event::Dequeued { .. }, ActorId::BottomHalf | ActorId::Service) => own(&record),
            (Event::ChannelState(ChannelState::Mgmt(state)), ActorId::Task) => {
                *state == mgmt::ChannelState::ResetScheduled
            }
            (Event::Operator(_), ActorId::Task) => true,
            _ => false,
        };
        let own = before.last(is_cause).map(|(place, record)| match &record.event {
            Event::Call(call, _) => match actor {
                ActorId::App(thread) => format!("by {call} of {}", self.app(thread)),
                _ => format!("by {call}"),
            },
            Event::Dequeued { by, entry, .. } => {
                let who = match by {
                    Side::Mgmt => "the driver",
                    Side::Hyp => "the hypervisor's side",
                };
                format!("when {who} took {} from its queue", message_name(*entry))
            }
            Event::Operator(what) => format!("after \"{what}\" (event {})", record.seq),
            _ => format!("in a reset that began at event {}, {}", record.seq, self.cause_of(place)),
        });
        let fault = before.last(|record| matches!(record.event, Event::Fault { .. }));
        let fault = fault.and_then(|(_, record)| match &record.event {
            Event::Fault { rule, .. } => {
                Some(format!("after fault `{rule}` (event {})", record.seq))
            }
            _ => None,
        });
        own.into_iter().chain(fault).collect::<Vec<_>>().join(", ")
    }

    /// How a session ended, if it did.
    fn end_of(&self, session: Session) -> Option<String> {
        let (place, state) = self.state_of(session)?;
        (state == mgmt::SessionState::Ended).then(|| {
            let (seq, cause) = (self.records[place].seq, self.cause_of(place));
            format!("its session ended at event {seq} {cause}").trim_end().to_owned()
        })
    }

    /// Since when the hypervisor's side takes nothing from its queue, if it does not.
    fn hypervisor_away(&self) -> Option<String> {
        match self.channel_of(Side::Hyp) {
            None => return Some(String::from("the hypervisor's side was never started")),
            Some((record, ChannelState::Hyp(hyp::ChannelState::Stopped))) => {
                return Some(format!(
                    "the hypervisor's side is stopped since event {}",
                    record.seq
                ));
            }
            _ => {}
        }
        let pauses = |record: &Record| match &record.event {
            Event::Operator(OperatorAct::PauseHypervisor)
            | Event::Fault { act: FaultAct::Pause(Side::Hyp), .. } => Some(true),
            Event::Operator(OperatorAct::ResumeHypervisor)
            | Event::Fault { act: FaultAct::Resume(Side::Hyp), .. } => Some(false),
            _ => None,
        };
        let (_, record) = self.last(|record| pauses(record).is_some())?;
        (pauses(record) == Some(true))
            .then(|| format!("the hypervisor's side is paused since event {}", record.seq))
    }

    /// Rules that fired more often than they were meant to, perhaps: on a strand of their own each time.
    pub(crate) fn fired_again(&self) -> Vec<String> {
        self.plan.rules.iter().filter_map(|rule| self.again(rule)).collect()
    }

    fn again(&self, rule: &Rule) -> Option<String> {
        let trigger = rule.trigger.as_ref()?;
        let is_meant = rule.times != Some(1) || trigger.nth_session.is_some();
        let fired = |record: &&Record| matches!(&record.event, Event::Fault { rule: name, .. } if *name == rule.name);
        let firings: Vec<_> =
            self.records.iter().filter(fired).map(|r| r.seq.to_string()).collect();
        if is_meant || firings.len() < 2 {
            return None;
        }
        let more = if firings.len() > MAX_FIRINGS_NAMED { ", …" } else { "" };
        let named = firings[..firings.len().min(MAX_FIRINGS_NAMED)].join(", ");
        let remedy = if trigger.may_name_session() {
            "to mean one session, add `nth-session = 1` to its `when`"
        } else {
            "`app`, `index` or `about` in its `when` chooses one"
        };
        let (name, count) = (&rule.name, firings.len());
        Some(format!(
            "fault `{name}` fired {count} times, at events {named}{more}: its occasions are counted on each strand (an \
             application, a session, the channel) by itself; {remedy}"
        ))
    }
}

/// How an entry of a queue is called.
pub(crate) fn message_name(entry: CrqEntry) -> String {
    match Received::from_entry(entry) {
        Received::Init => String::from("INIT"),
        Received::InitComplete => String::from("INIT COMPLETE"),
        Received::TransportEvent(event) => event.to_string(),
        Received::Message(decoded) => decoded.message.message_type().name().to_owned(),
        Received::UnknownInit(_) | Received::UnknownMessage(_) | Received::ReservedHeader(_) => {
            String::from("unknown entry")
        }
    }
}
