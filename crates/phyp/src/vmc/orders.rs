//! What the operator orders: to start, to stop, to refuse what the peer asks for.

use super::behaviour::Behaviour;
use super::channel::{After, Phase};
use super::event::ServiceSink;
use super::service::Service;
use vmc_proto::{MessageType, Status};

/// Most requests that can be ordered to be refused at one time.
pub const MAX_REFUSALS: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Order {
    Start,
    Stop,
}

/// The answer to the next request of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Refusal {
    request: MessageType,
    status: Status,
}

impl<B: Behaviour> Service<B> {
    /// Orders the service to register its CRQ and to begin; no effect while it runs. The last order counts.
    /// Resume an idle service with [`Outcome::Woken`](super::Outcome::Woken).
    ///
    /// Without a connection to register for (`H_Not_Found`: the partner's device does not exist yet) the
    /// service is idle and tries again at every wake-up.
    pub fn start(&mut self) {
        self.order = Some(Order::Start);
    }

    /// Orders the service to deregister its CRQ and to stay silent. The last order counts. Resume an idle
    /// service with [`Outcome::Woken`](super::Outcome::Woken).
    pub fn stop(&mut self) {
        self.order = Some(Order::Stop);
    }

    /// Orders the service to answer the next Capabilities, Interface Open or Interface Close with this status,
    /// regardless of what it asks for, and to do nothing else: capabilities are still awaited, the index can still be
    /// opened, the session stays. Each order is for one request; the orders for one type are followed in turn,
    /// and they outlive a reset of the channel. A request that is out of place, and so gets no answer, is none.
    ///
    /// False, and no effect, for a message that is none of the three, for the status of a success, and when
    /// [`MAX_REFUSALS`] requests are to be refused already.
    pub fn refuse_next(&mut self, request: MessageType, status: Status) -> bool {
        let can_be_refused = matches!(
            request,
            MessageType::Capabilities | MessageType::InterfaceOpen | MessageType::InterfaceClose
        );
        let ordered = can_be_refused && !status.is_success() && self.refusals.len() < MAX_REFUSALS;
        if ordered {
            self.refusals.push_back(Refusal { request, status });
        }
        ordered
    }

    /// Takes back every order to refuse something.
    pub fn refuse_nothing(&mut self) {
        self.refusals.clear();
    }

    /// The status with which this request is to be refused, if there is such an order, which is done then.
    pub(super) fn ordered_refusal(&mut self, request: MessageType) -> Option<Status> {
        let position = self.refusals.iter().position(|refusal| refusal.request == request)?;
        self.refusals.remove(position).map(|refusal| refusal.status)
    }

    /// Does what the operator wants, unless it must wait.
    #[inline]
    pub(super) fn follow_order(&mut self, sink: &mut dyn ServiceSink) {
        if let Some(order) = self.order {
            self.follow(order, sink);
        }
    }

    #[cold]
    fn follow(&mut self, order: Order, sink: &mut dyn ServiceSink) {
        match (order, self.phase) {
            // A start that comes during a stop waits for its end.
            (Order::Start, Phase::Freeing { then } | Phase::Freed { then })
                if then != After::Start =>
            {
                return;
            }
            (Order::Start, Phase::Stopped | Phase::Failed) => {
                self.failures = 0;
                self.set_phase(Phase::Mapping { page: 0 }, sink);
            }
            (Order::Start, _) => {}
            (Order::Stop, Phase::Freeing { .. }) => {
                self.phase = Phase::Freeing { then: After::Stop };
            }
            (Order::Stop, Phase::Freed { .. }) => self.phase = Phase::Freed { then: After::Stop },
            (Order::Stop, phase) if phase.has_queue() => self.reset(After::Stop, None, sink),
            (Order::Stop, _) => {
                self.delay = None;
                self.set_phase(Phase::Stopped, sink);
            }
        }
        self.order = None;
    }
}
