//! Verifies that neither side has more requests outstanding than half of its peer's queue (LoPAR, VMC
//! Capabilities): Interface Open and Close for the management partition, Add and Remove Buffer for the
//! hypervisor. A request is outstanding from its send until its response is in the sender's queue; what faults
//! put into a queue counts for nobody.
//!
//! Does not verify Signals, which have no response, nor Capabilities, which is sent before the sizes are
//! known.

use ibmvmc::{Driver, Quirks};
use papr::Hcall;
use phyp::vmc::{Behaviour, Service};
use vmc_proto::{Limits, Message, MessageType, Received};
use vmc_trace::{Event, Side, Trace};

/// Requests of one side.
#[derive(Default)]
struct Requests {
    /// Below zero for a moment when a response is there before the sender of its request has noted the send.
    outstanding: i64,
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
        match &record.event {
            Event::Enqueued { to, entry, .. } => match Received::from_entry(*entry) {
                Received::Message(decoded) => checker.arrives(*to, &decoded.message),
                // The channel starts over: nothing is awaited any more.
                Received::Init | Received::InitComplete | Received::TransportEvent(_) => {
                    checker.mgmt = Requests::default();
                    checker.hyp = Requests::default();
                }
                _ => {}
            },
            Event::Hcall { call: Hcall::SendCrq { entry, .. }, result, .. }
                if result.code.is_success() =>
            {
                if let Received::Message(decoded) = Received::from_entry(*entry) {
                    checker.was_sent(&decoded.message);
                }
            }
            _ => {}
        }
    }
    checker.problems
}

/// The same, from what both sides count themselves.
pub(super) fn check_now<B: Behaviour, Q: Quirks>(
    driver: &Driver<Q>,
    service: Option<&Service<B>>,
) -> Vec<String> {
    let ours = (usize::from(driver.outstanding()), driver.limits(), "the driver");
    let theirs = service.map(|service| (service.outstanding(), service.limits(), "the hypervisor"));
    let too_many = |(count, limits, who): (usize, Option<Limits>, &str)| {
        let limit = half(limits?);
        (count > limit).then(|| format!("{count} requests of {who} outstanding, at most {limit}"))
    };
    std::iter::once(ours).chain(theirs).filter_map(too_many).collect()
}

impl Checker {
    /// A message is in a queue. It is recorded there before its sender's call is.
    fn arrives(&mut self, to: Side, message: &Message) {
        match *message {
            Message::Capabilities { limits } => self.hyp.limit = Some(half(limits)),
            Message::CapabilitiesResponse { limits, .. } => self.mgmt.limit = Some(half(limits)),
            _ => {}
        }
        let requests = match (message.message_type(), to) {
            (
                MessageType::InterfaceOpenResponse | MessageType::InterfaceCloseResponse,
                Side::Mgmt,
            ) => &mut self.mgmt,
            (MessageType::AddBufferResponse | MessageType::RemoveBufferResponse, Side::Hyp) => {
                &mut self.hyp
            }
            _ => return,
        };
        requests.outstanding -= 1;
    }

    fn was_sent(&mut self, message: &Message) {
        let (requests, to) = match message.message_type() {
            MessageType::InterfaceOpen | MessageType::InterfaceClose => (&mut self.mgmt, Side::Hyp),
            MessageType::AddBuffer | MessageType::RemoveBuffer => (&mut self.hyp, Side::Mgmt),
            _ => return,
        };
        requests.outstanding += 1;
        if let Some(limit) = requests.limit
            && requests.outstanding > limit as i64
        {
            let count = requests.outstanding;
            self.problems.push(format!("{count} requests to {to} outstanding, at most {limit}"));
        }
    }
}

fn half(limits: Limits) -> usize {
    usize::from(limits.max_outstanding())
}
