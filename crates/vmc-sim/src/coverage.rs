//! Coverage of the protocol: the messages, statuses, states, return codes and errnos that a run can show, and those that
//! a set of runs has shown.

use papr::{HcallName, ReturnCode, TransportEvent};
use std::collections::BTreeSet;
use std::fmt;
use vmc_proto::{
    AddBufferStatus, CapabilitiesStatus, Errno, InterfaceStatus, MessageType, Received,
    RemoveBufferStatus, Status, hyp, mgmt,
};
use vmc_trace::{CallResult, ChannelState, Event, SessionState, Side, Trace};

/// Something that a run can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CoveragePoint {
    /// A message in a queue.
    Message(MessageType),
    /// CRQ INIT in a side's queue.
    Init(Side),
    /// CRQ INIT COMPLETE in a side's queue.
    InitComplete(Side),
    /// The status of a response.
    Status(MessageType, Status),
    /// A transport event in a queue.
    TransportEvent(TransportEvent),
    /// What an hcall returned.
    Hcall(HcallName, ReturnCode),
    /// A state of the channel, as a side sees it.
    Channel(ChannelState),
    /// A state of a session, as a side sees it.
    Session(SessionState),
    /// The error of an application's call.
    Errno(Errno),
}

/// The 4097th open file of the Linux profile: a test of the driver opens so many, a scenario would be no more than that.
const TOO_MANY_FILES: Errno = Errno::ENOMEM;

/// The return codes of each hcall that the driver, its operating system and the VMC service make: those of its
/// section of LoPAR, `H_Hardware`, which every call may return, and those that phyp's documentation adds.
const RETURN_CODES: &[(HcallName, &[ReturnCode])] = &[
    (
        HcallName::RegCrq,
        &[
            ReturnCode::SUCCESS,
            ReturnCode::CLOSED,
            ReturnCode::PARAMETER,
            ReturnCode::NOT_FOUND,
            ReturnCode::RESOURCE,
            ReturnCode::HARDWARE,
        ],
    ),
    (
        HcallName::FreeCrq,
        &[
            ReturnCode::SUCCESS,
            ReturnCode::PARAMETER,
            ReturnCode::BUSY,
            ReturnCode::LONG_BUSY_1_MSEC,
            ReturnCode::LONG_BUSY_10_MSEC,
            ReturnCode::RESOURCE,
            ReturnCode::HARDWARE,
        ],
    ),
    (
        HcallName::SendCrq,
        &[
            ReturnCode::SUCCESS,
            ReturnCode::PARAMETER,
            ReturnCode::CLOSED,
            ReturnCode::DROPPED,
            ReturnCode::HARDWARE,
        ],
    ),
    (
        HcallName::EnableCrq,
        &[
            ReturnCode::SUCCESS,
            ReturnCode::PARAMETER,
            ReturnCode::BUSY,
            ReturnCode::LONG_BUSY_10_MSEC,
            ReturnCode::HARDWARE,
        ],
    ),
    (
        HcallName::CopyRdma,
        &[
            ReturnCode::SUCCESS,
            ReturnCode::PARAMETER,
            ReturnCode::S_PARM,
            ReturnCode::D_PARM,
            ReturnCode::PERMISSION,
            ReturnCode::BUSY,
            ReturnCode::HARDWARE,
        ],
    ),
    (HcallName::VioSignal, &[ReturnCode::SUCCESS, ReturnCode::PARAMETER, ReturnCode::HARDWARE]),
    (
        HcallName::RequestVmc,
        &[
            ReturnCode::SUCCESS,
            ReturnCode::BUSY,
            ReturnCode::LONG_BUSY_10_MSEC,
            ReturnCode::AUTHORITY,
            ReturnCode::NOT_AVAILABLE,
            ReturnCode::RESOURCE,
            ReturnCode::FUNCTION,
            ReturnCode::PARAMETER,
            ReturnCode::HARDWARE,
        ],
    ),
    (
        HcallName::PutTce,
        &[ReturnCode::SUCCESS, ReturnCode::PARAMETER, ReturnCode::RESOURCE, ReturnCode::HARDWARE],
    ),
    (
        HcallName::PutTceIndirect,
        &[ReturnCode::SUCCESS, ReturnCode::PARAMETER, ReturnCode::RESOURCE, ReturnCode::HARDWARE],
    ),
    (
        HcallName::StuffTce,
        &[
            ReturnCode::SUCCESS,
            ReturnCode::PARAMETER,
            ReturnCode::P4,
            ReturnCode::RESOURCE,
            ReturnCode::HARDWARE,
        ],
    ),
    (
        HcallName::Eoi,
        &[ReturnCode::SUCCESS, ReturnCode::PARAMETER, ReturnCode::FUNCTION, ReturnCode::HARDWARE],
    ),
    (HcallName::Xirr, &[ReturnCode::SUCCESS, ReturnCode::FUNCTION, ReturnCode::HARDWARE]),
];

/// Whether a side reports such a state of a session. A session that starts is an event of its own, and other states of
/// its books the VMC service goes through silently.
fn is_reported(state: SessionState) -> bool {
    match state {
        SessionState::Mgmt(state) => state != mgmt::SessionState::Starting,
        SessionState::Hyp(state) => match state {
            hyp::SessionState::Opening | hyp::SessionState::Ready | hyp::SessionState::Closed => {
                true
            }
            hyp::SessionState::Vacant | hyp::SessionState::Seeded => false,
        },
    }
}

impl CoveragePoint {
    /// Everything that there is to be seen.
    pub fn all() -> BTreeSet<CoveragePoint> {
        let mut all: BTreeSet<CoveragePoint> =
            MessageType::ALL.iter().map(|&message| CoveragePoint::Message(message)).collect();
        for side in [Side::Mgmt, Side::Hyp] {
            all.extend([CoveragePoint::Init(side), CoveragePoint::InitComplete(side)]);
        }
        all.extend(statuses());
        all.extend(
            (0..=u8::MAX)
                .map(TransportEvent)
                .filter_map(|event| event.name().map(|_| CoveragePoint::TransportEvent(event))),
        );
        for (name, codes) in RETURN_CODES {
            all.extend(codes.iter().map(|&code| CoveragePoint::Hcall(*name, code)));
        }
        for side in [Side::Mgmt, Side::Hyp] {
            all.extend(ChannelState::all(side).into_iter().map(CoveragePoint::Channel));
            let states = SessionState::all(side).into_iter();
            all.extend(states.filter(|state| is_reported(*state)).map(CoveragePoint::Session));
        }
        let errnos = Errno::ALL.iter().filter(|errno| **errno != TOO_MANY_FILES);
        all.extend(errnos.map(|errno| CoveragePoint::Errno(*errno)));
        all
    }

    /// What an event shows.
    fn of(event: &Event) -> Vec<CoveragePoint> {
        match event {
            Event::Enqueued { to, entry, .. } => match Received::from_entry(*entry) {
                Received::Init => vec![CoveragePoint::Init(*to)],
                Received::InitComplete => vec![CoveragePoint::InitComplete(*to)],
                Received::TransportEvent(event) => vec![CoveragePoint::TransportEvent(event)],
                Received::Message(decoded) => {
                    let message_type = decoded.message.message_type();
                    let status = decoded
                        .message
                        .status()
                        .map(|status| CoveragePoint::Status(message_type, status));
                    [CoveragePoint::Message(message_type)].into_iter().chain(status).collect()
                }
                _ => Vec::new(),
            },
            Event::Hcall { call, result, .. } => {
                vec![CoveragePoint::Hcall(call.kind(), result.code)]
            }
            Event::Rdma(_, rdma) => vec![CoveragePoint::Hcall(HcallName::CopyRdma, rdma.code)],
            Event::ChannelState(state) => vec![CoveragePoint::Channel(*state)],
            Event::SessionState(_, _, state) => vec![CoveragePoint::Session(*state)],
            Event::Return(_, CallResult::Error(errno), _) => vec![CoveragePoint::Errno(*errno)],
            _ => Vec::new(),
        }
    }
}

/// Every status that LoPAR defines for a response.
fn statuses() -> impl Iterator<Item = CoveragePoint> {
    fn of<S: Copy + Into<Status>>(
        message: MessageType,
        all: &'static [S],
    ) -> impl Iterator<Item = CoveragePoint> {
        all.iter().map(move |&status| CoveragePoint::Status(message, status.into()))
    }
    of(MessageType::CapabilitiesResponse, CapabilitiesStatus::ALL)
        .chain(of(MessageType::InterfaceOpenResponse, InterfaceStatus::ALL))
        .chain(of(MessageType::InterfaceCloseResponse, InterfaceStatus::ALL))
        .chain(of(MessageType::AddBufferResponse, AddBufferStatus::ALL))
        .chain(of(MessageType::RemoveBufferResponse, RemoveBufferStatus::ALL))
}

impl fmt::Display for CoveragePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CoveragePoint::Message(message) => write!(f, "message {}", message.name()),
            CoveragePoint::Init(to) => write!(f, "CRQ INIT to {to}"),
            CoveragePoint::InitComplete(to) => write!(f, "CRQ INIT COMPLETE to {to}"),
            CoveragePoint::Status(message, status) => {
                write!(f, "{} with status {status}", message.name())
            }
            CoveragePoint::TransportEvent(event) => write!(f, "transport event {event}"),
            CoveragePoint::Hcall(name, code) => write!(f, "{name} = {code}"),
            CoveragePoint::Channel(state) => write!(f, "channel of {}: {state}", state.side()),
            CoveragePoint::Session(state) => write!(f, "session of {}: {state}", state.side()),
            CoveragePoint::Errno(errno) => write!(f, "errno {errno}"),
        }
    }
}

/// What runs have shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    seen: BTreeSet<CoveragePoint>,
}

impl Coverage {
    /// Adds what a run shows.
    pub fn add(&mut self, trace: &Trace) {
        self.seen
            .extend(trace.records().iter().flat_map(|record| CoveragePoint::of(&record.event)));
    }

    /// What was shown, of all that there is.
    pub fn seen(&self) -> usize {
        CoveragePoint::all().intersection(&self.seen).count()
    }

    /// What was not shown.
    pub fn missing(&self) -> BTreeSet<CoveragePoint> {
        &CoveragePoint::all() - &self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Scenario, simulate};

    #[test]
    fn a_run_shows_its_messages_states_and_codes_and_nothing_else() {
        let text = "title = \"t\"\n[[app]]\nsteps = [ { open = {} }, { set-hmc-id = \"A\" } ]\n";
        let scenario = Scenario::parse("t.toml", text).unwrap();
        let report = simulate(&scenario, &Options::default()).unwrap();
        let mut coverage = Coverage::default();
        let all = coverage.missing().len();
        coverage.add(&report.trace);
        let missing = coverage.missing();
        assert_eq!(coverage.seen() + missing.len(), all);
        for seen in [
            CoveragePoint::Message(MessageType::InterfaceOpen),
            CoveragePoint::Status(MessageType::AddBufferResponse, Status::SUCCESS),
            CoveragePoint::Hcall(HcallName::RegCrq, ReturnCode::CLOSED),
            CoveragePoint::Hcall(HcallName::CopyRdma, ReturnCode::SUCCESS),
            CoveragePoint::Channel(ChannelState::Mgmt(mgmt::ChannelState::Ready)),
            CoveragePoint::Session(SessionState::Hyp(hyp::SessionState::Ready)),
        ] {
            assert!(!missing.contains(&seen), "{seen}");
        }
        assert!(missing.contains(&CoveragePoint::Message(MessageType::Signal)));
        assert!(missing.contains(&CoveragePoint::TransportEvent(TransportEvent::PARTNER_FAILED)));
    }
}
