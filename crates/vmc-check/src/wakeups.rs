//! Verifies that a call which sleeps in `read()` or `poll()` is woken at once when there is a reason: a message came, the
//! session or the file is over, a signal interrupts the call. Virtual time moves on only when every activity sleeps, so a
//! call that has a reason to be awake must not sleep across such a moment, even if something wakes it later. Sessions end
//! at once, too: when time moves on, none is left of a channel that went down.
//!
//! Does not verify what an awakened call comes to (`results`), nor calls that wait in the driver for something other than
//! a message.

use super::device::{Call, Device, Finished, Watcher};
use super::wire::Seen;
use papr::TransportEvent;
use vmc_proto::Profile;
use vmc_proto::Received;
use vmc_proto::mgmt::SessionState;
use vmc_trace::{DeviceCall, Event, Side};

pub(super) struct Checker {
    /// Nothing is left to run at the end.
    at_rest: bool,
    now_ns: u64,
    /// The channel went down, and no session has begun since.
    is_down: bool,
    problems: Vec<String>,
}

impl Checker {
    pub(super) fn new(at_rest: bool) -> Checker {
        Checker { at_rest, now_ns: 0, is_down: false, problems: Vec::new() }
    }
}

impl Watcher for Checker {
    fn before(&mut self, device: &Device, seen: &Seen<'_>) {
        if let Seen::Record(record) = seen
            && record.time_ns > self.now_ns
        {
            self.now_ns = record.time_ns;
            self.problems.extend(sleepers(device, self.is_down));
        }
    }

    fn after(&mut self, device: &Device, seen: &Seen<'_>, _: Option<&Finished>) {
        let Seen::Record(record) = seen else { return };
        match &record.event {
            Event::Dequeued { by: Side::Mgmt, entry, .. } => {
                self.is_down |= goes_down(device.profile, Received::from_entry(*entry));
            }
            Event::SessionStarted(..) => self.is_down = false,
            _ => {}
        }
    }

    fn problems(mut self: Box<Self>, device: &Device) -> Vec<String> {
        if self.at_rest {
            self.problems.extend(sleepers(device, self.is_down));
        }
        self.problems
    }
}

/// Whether what the driver has taken from its queue means the end of every session.
fn goes_down(profile: Profile, received: Received) -> bool {
    match received {
        Received::Init => true,
        // To the Linux driver they are all alike.
        Received::TransportEvent(_) if profile == Profile::Linux => true,
        Received::TransportEvent(event) => matches!(
            event,
            TransportEvent::PARTNER_FAILED
                | TransportEvent::PARTNER_DEREGISTERED
                | TransportEvent::PARTNER_TERMINATED
                | TransportEvent::PARTNER_SUSPENDED
        ),
        _ => false,
    }
}

/// What is wrong if time moves on now.
fn sleepers(device: &Device, is_down: bool) -> Vec<String> {
    let asleep = |(app, call): (u16, &Call)| {
        let why = reason(device, call)?;
        Some(format!("thread {app} sleeps in {}, and {why}", call.what))
    };
    let mut problems: Vec<_> = device.calls().filter_map(asleep).collect();
    if is_down {
        problems.extend(device.live().map(|session| {
            let (index, number) = (session.index, session.number);
            format!("HMC index {index} session {number} goes on after the channel went down")
        }));
    }
    problems
}

/// Why a call must not sleep.
fn reason(device: &Device, call: &Call) -> Option<&'static str> {
    let sleeps = match call.what {
        DeviceCall::Read { len_bytes } => len_bytes > 0,
        DeviceCall::Poll => call.particulars.waits,
        _ => false,
    };
    let file = call.file.filter(|_| sleeps)?;
    if call.facts.signalled {
        return Some("a signal has come");
    }
    // In the Linux profile close() leaves others alone.
    if device.file(file).closing && device.profile == Profile::Document {
        return Some("the file is being closed");
    }
    let session = device.session_of(file)?;
    match session.state {
        SessionState::Ended if device.file(file).has_hmc_id => Some("the session is over"),
        _ if !session.inbox.is_empty() => Some("a message waits"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Setting;
    use crate::device::watch_alone;
    use crate::testing::assert_reports;
    use crate::testing::ours;
    use crate::testing::trace_builder::setting;
    use crate::testing::trace_builder::{APP, TraceBuilder};
    use papr::CrqEntry;
    use vmc_proto::Errno;
    use vmc_trace::{ActorId, CallResult};

    const READ: DeviceCall = DeviceCall::Read { len_bytes: 64 };
    const INTERRUPTED: CallResult = CallResult::Error(Errno::EINTR);

    fn problems(builder: TraceBuilder) -> Vec<String> {
        watch_alone(&builder.trace(), &setting(), Checker::new(true))
    }

    fn ended(builder: TraceBuilder) -> TraceBuilder {
        builder
            .takes(CrqEntry::transport_event(TransportEvent::PARTNER_FAILED))
            .and(ActorId::BottomHalf, ours::session(SessionState::Ended))
    }

    #[test]
    fn whoever_sleeps_without_a_reason_to_be_awake_may_sleep() {
        let run = TraceBuilder::session().calls(APP, READ).later().returns(APP, READ, INTERRUPTED);
        assert_eq!(problems(run), [""; 0]);
        let woken =
            TraceBuilder::session().calls(APP, READ).fetches(2, 16).returns(APP, READ, INTERRUPTED);
        assert_eq!(problems(woken.later()), [""; 0], "in time, with any result");
    }

    #[test]
    fn nobody_sleeps_while_a_message_waits_or_after_the_session() {
        for call in [READ, DeviceCall::Poll] {
            let asleep = TraceBuilder::session().calls(APP, call.clone());
            let told = |why: &str| format!("thread 0 sleeps in {call}, and {why}");
            for (builder, why) in [
                (asleep.clone().fetches(2, 16), "a message waits"),
                (ended(asleep.clone()), "the session is over"),
            ] {
                // However it wakes, it is too late.
                let late = builder.clone().later().returns(APP, call.clone(), INTERRUPTED);
                assert_reports(&problems(late), &[&told(why)]);
                assert_reports(&problems(builder), &[&told(why)]);
            }
            let closed = asleep.calls(1, DeviceCall::Close);
            let late = closed.later().returns(APP, call.clone(), INTERRUPTED);
            assert_reports(&problems(late), &[&told("the file is being closed")]);
        }
    }

    #[test]
    fn a_signal_is_a_reason_to_be_awake() {
        for call in [READ, DeviceCall::Poll] {
            let told = format!("thread 0 sleeps in {call}, and a signal has come");
            let signalled =
                TraceBuilder::session().calls(APP, call).and(ActorId::App(APP), Event::Signalled);
            assert_reports(&problems(signalled.later()), &[&told]);
        }
    }

    /// There close() leaves others alone, and every transport event ends sessions.
    #[test]
    fn the_linux_profile_has_other_reasons() {
        let linux = Setting { profile: Profile::Linux, ..setting() };
        let problems =
            |builder: TraceBuilder| watch_alone(&builder.trace(), &linux, Checker::new(true));
        for call in [READ, DeviceCall::Poll] {
            let closed =
                TraceBuilder::session().calls(APP, call.clone()).calls(1, DeviceCall::Close);
            assert_eq!(problems(closed.clone().later()), [""; 0]);
            let told = format!("thread 0 sleeps in {call}, and a message waits");
            assert_reports(&problems(closed.fetches(2, 16).later()), &[&told]);
        }
        let prepare = CrqEntry::transport_event(TransportEvent::PREPARE_SUSPEND);
        assert_reports(
            &problems(TraceBuilder::session().takes(prepare)),
            &["HMC index 0 session 1 goes on after the channel went down"],
        );
    }

    #[test]
    fn no_session_outlives_the_channel() {
        let gone = CrqEntry::transport_event(TransportEvent::PARTNER_DEREGISTERED);
        assert_reports(
            &problems(TraceBuilder::session().takes(gone)),
            &["HMC index 0 session 1 goes on after the channel went down"],
        );
        assert_eq!(problems(ended(TraceBuilder::session())), [""; 0]);
    }
}
