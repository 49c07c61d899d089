//! What the parts of a machine report, as events of a trace.

use papr::CrqEntry;
use phyp::vmc::ServiceEvent;
use vmc_proto::Received;
use vmc_trace::{ChannelState, Event, ProtocolViolation, SessionState, Subject};

/// What a message is about.
pub fn subject_of(entry: CrqEntry) -> Subject {
    match Received::from_entry(entry) {
        Received::Message(decoded) => match decoded.message.connection() {
            Some((index, session)) => Subject::Session(index, session),
            None => Subject::Channel,
        },
        _ => Subject::Channel,
    }
}

/// What an hcall or an event of the VMC service is about.
pub fn service_subject(subject: phyp::vmc::Subject) -> Subject {
    match subject {
        phyp::vmc::Subject::Channel => Subject::Channel,
        phyp::vmc::Subject::Session(index, session) => Subject::Session(index, session),
    }
}

/// What the VMC service reports.
pub fn service_event(event: ServiceEvent) -> Event {
    match event {
        ServiceEvent::ChannelState(state) => Event::ChannelState(ChannelState::Hyp(state)),
        ServiceEvent::SessionState(index, session, state) => {
            Event::SessionState(index, session, SessionState::Hyp(state))
        }
        ServiceEvent::ProtocolViolation { subject, breach } => {
            Event::ProtocolViolation(service_subject(subject), ProtocolViolation::Hyp(breach))
        }
        ServiceEvent::Prompted { index, session, buffer } => {
            Event::Prompted(index, session, buffer)
        }
    }
}
