//! Traces made by hand, for tests of the checkers.

pub(super) mod trace_builder;

use vmc_trace::{ActorId, Event, Record, Trace, TraceNames};

/// A run that consists of these events, in this order.
pub(super) struct Run(Vec<(ActorId, Event)>);

impl Run {
    pub(super) fn of(events: impl IntoIterator<Item = (ActorId, Event)>) -> Run {
        Run(events.into_iter().collect())
    }

    pub(super) fn trace(self) -> Trace {
        let record = |(seq, (actor, event))| Record { seq, time_ns: 0, actor, event };
        Trace::new((0..).zip(self.0).map(record).collect(), TraceNames::default())
    }
}

/// A checker has these reports to make, in this order, and no other.
#[track_caller]
pub(super) fn assert_reports(found: &[String], expected: &[&str]) {
    assert_eq!(found, expected);
}

/// Hypervisor calls of the management partition.
pub(super) mod ours {
    use super::trace_builder::{FIRST, INDEX};
    use papr::{CrqEntry, Hcall, Ioba, ReturnCode, UnitAddress};
    use vmc_proto::mgmt;
    use vmc_trace::{ChannelState, Event, SessionState, Subject};

    const UNIT_ADDRESS: UnitAddress = UnitAddress(0x3000_0003);

    pub(crate) fn sends(entry: CrqEntry, code: ReturnCode) -> Event {
        hcall(Hcall::SendCrq { unit_address: UNIT_ADDRESS, entry }, code)
    }

    pub(crate) fn registers(code: ReturnCode) -> Event {
        let (queue, len_bytes) = (Ioba(0), papr::PAGE_SIZE);
        hcall(Hcall::RegCrq { unit_address: UNIT_ADDRESS, queue, len_bytes }, code)
    }

    pub(crate) fn frees() -> Event {
        hcall(Hcall::FreeCrq { unit_address: UNIT_ADDRESS }, ReturnCode::SUCCESS)
    }

    /// The driver says this of the channel.
    pub(crate) fn channel(state: mgmt::ChannelState) -> Event {
        Event::ChannelState(ChannelState::Mgmt(state))
    }

    /// The driver says this of the first session.
    pub(crate) fn session(state: mgmt::SessionState) -> Event {
        Event::SessionState(INDEX, FIRST, SessionState::Mgmt(state))
    }

    fn hcall(call: Hcall, code: ReturnCode) -> Event {
        Event::Hcall { call, result: code.into(), subject: Subject::Channel }
    }
}
