//! Verifies that neither side has more requests outstanding than half of its peer's queue (LoPAR, VMC
//! Capabilities): Interface Open and Close for the management partition, Add and Remove Buffer for the
//! hypervisor. A request is outstanding from its enqueue to the enqueue of its response.
//!
//! Does not verify Signals, which have no response, nor Capabilities, which is sent before the sizes are
//! known.

use vmc_proto::{Limits, Message, MessageType, Received};
use vmc_trace::{Event, Side, Trace};

/// Requests of one side.
#[derive(Default)]
struct Requests {
    outstanding: usize,
    /// Half of the peer's queue, once it is known.
    limit: Option<usize>,
}

#[derive(Default)]
struct Checker {
    mgmt: Requests,
    hyp: Requests,
    problems: Vec<String>,
}

pub(super) fn check(trace: &Trace) -> Vec<String> {
    let mut checker = Checker::default();
    for record in trace.records() {
        if let Event::Enqueued { to, entry, .. } = &record.event {
            match Received::from_entry(*entry) {
                Received::Message(decoded) => checker.message(*to, &decoded.message),
                // The channel starts over: nothing is awaited any more.
                Received::Init | Received::InitComplete | Received::TransportEvent(_) => {
                    checker.mgmt = Requests::default();
                    checker.hyp = Requests::default();
                }
                _ => {}
            }
        }
    }
    checker.problems
}

impl Checker {
    fn message(&mut self, to: Side, message: &Message) {
        match *message {
            Message::Capabilities { limits } => self.hyp.limit = Some(half(limits)),
            Message::CapabilitiesResponse { limits, .. } => self.mgmt.limit = Some(half(limits)),
            _ => {}
        }
        let (requests, is_request) = match message.message_type() {
            MessageType::InterfaceOpen | MessageType::InterfaceClose => (&mut self.mgmt, true),
            MessageType::InterfaceOpenResponse | MessageType::InterfaceCloseResponse => {
                (&mut self.mgmt, false)
            }
            MessageType::AddBuffer | MessageType::RemoveBuffer => (&mut self.hyp, true),
            MessageType::AddBufferResponse | MessageType::RemoveBufferResponse => {
                (&mut self.hyp, false)
            }
            _ => return,
        };
        if !is_request {
            requests.outstanding = requests.outstanding.saturating_sub(1);
            return;
        }
        requests.outstanding += 1;
        if let Some(limit) = requests.limit
            && requests.outstanding > limit
        {
            let count = requests.outstanding;
            self.problems.push(format!("{count} requests to {to} outstanding, at most {limit}"));
        }
    }
}

fn half(limits: Limits) -> usize {
    usize::from(limits.max_outstanding())
}
