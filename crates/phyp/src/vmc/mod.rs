//! The VMC service: the hypervisor's side of the Virtual Management Channel protocol.
//!
//! A [`Service`] is pure data. It owns no memory and makes no call itself: [`Service::step`] takes the
//! outcome of the last effect and hands back the next one, of which there is always exactly one. Whoever
//! drives it performs the effect on the platform partition. So every hypervisor call is a place where the
//! world can change, and the whole service can be cloned, compared and explored.
//!
//! What the service does with the messages that management applications send is a [`Behaviour`].
//!
//! | file | subject |
//! |---|---|
//! | `service` | the step machine: which effect is next, what an outcome changes |
//! | `effect` | effects and outcomes |
//! | `hcalls` | reactions to what hypervisor calls return |
//! | `receive` | reactions to entries of the CRQ |
//! | `buffers` | buffers that join and leave the pools, by order of the operator too |
//! | `orders` | what the operator orders: start, stop, refusals |
//! | `payload` | messages of the sessions, and the behaviour's wishes |
//! | `session` | HMC connections and their buffers |
//! | `outbox` | ordered work towards the peer: pacing, retries, outstanding requests |
//! | `layout` | the configuration, and which address is what |
//! | `channel`, `event` | states of the channel; what is reported |
//! | `behaviour` | the interface to a management service, and the behaviours with a name |
//!
//! Decisions where the references are silent:
//!
//! - A partner that starts over ends all sessions without a message, and their buffers are unmapped before
//!   the INIT is answered. The same holds for a repeated Capabilities.
//! - An Interface Open that cannot be honoured is answered with status 1 and changes nothing. An Interface
//!   Close that overtakes the Interface Open Response answers for both: the open gets no response.
//! - Interface Close unmaps the session's buffers first, then answers, then seeds the index anew.
//! - A refused seed buffer is offered again, [`SEED_ATTEMPTS`] times in all, with
//!   [`SEED_RETRY`] of quiet in between. A session goes without a buffer that is refused. That it is being closed
//!   (status 4) is no breach: its Interface Close comes once its open is answered.
//! - A buffer that is given up is unmapped. A seed buffer that is given up is offered again like one that is
//!   refused. An open or a close withdraws the Remove Buffers that were not sent yet.
//! - A refusal by order changes nothing that the request would change. Capabilities that are refused so have
//!   ended the sessions all the same: the peer started over.
//! - Unanswered requests of the peer are bounded as the peer's answers are: by half of the queue they come
//!   through. What exceeds that is a breach and gets no answer.
//! - The service has no more requests outstanding than the answers to which fit in half of its own queue.
//! - An hcall that fails in a way the architecture does not foresee leads to a reset of the channel after
//!   [`RESET_PAUSE`]; [`MAX_FAILURES`] of them without a capabilities exchange in between are the end.

mod behaviour;
mod buffers;
mod channel;
mod effect;
mod event;
mod hcalls;
mod layout;
mod orders;
mod outbox;
mod payload;
mod receive;
mod service;
mod session;
#[cfg(test)]
mod tests;

pub use behaviour::{
    Actions, Behaviour, Echo, Incoming, Named, SessionKey, Sink, Source, Verdict, pattern,
};
pub use channel::ChannelState;
pub use effect::{Effect, Outcome, Subject};
pub use event::{Breach, ServiceEvent, ServiceSink};
pub use layout::{ServiceConfig, ServiceConfigError};
pub use orders::MAX_REFUSALS;
pub use outbox::{MAX_SEND_RETRIES, SEND_RETRY};
pub use service::{
    BUSY_RETRY, MAX_FAILURES, PINNED_RETRY, RESET_PAUSE, SEED_ATTEMPTS, SEED_RETRY, Service,
};
pub use session::{BufferState, SessionState, SessionView};
