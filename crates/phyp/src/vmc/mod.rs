//! The VMC service: the hypervisor's side of the Virtual Management Channel protocol.
//!
//! A [`Service`] is pure data, in the *sans-I/O* style. It owns no memory and makes no call itself: [`Service::step`] takes the
//! outcome of the last effect and hands back the next one, of which there is always exactly one. The
//! shell performs the effect on the platform partition. So every hypervisor call is a place where the
//! world can change, and the whole service can be cloned, compared and explored.
//!
//! What the service does with the messages that management applications send is a [`Behaviour`]; [`AnyBehaviour`] is one
//! for a machine that takes any.
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
//! # Between a request and its response
//!
//! What a legal peer may do there, and the result. Both queues keep their order; the two are not ordered against
//! each other, so all messages that may be sent may cross. Where the peer may do nothing, what it does is a breach.
//!
//! | request | the peer may, before the response | the service | source |
//! |---|---|---|---|
//! | our INIT | send its own INIT, before or after it answers ours | starts over with the peer's INIT and answers it; an INIT COMPLETE that follows changes nothing | LoPAR, CRQ Initialization; driver document, Virtual Management Channel: a three-way handshake |
//! | its CAPABILITIES | send CAPABILITIES again (its INIT crossed ours), or INIT; nothing about HMC connections | answers each, begins anew with the last; drops the rest | LoPAR, VMC Capabilities: what comes before the exchange has completed is dropped |
//! | our Add Buffer, owner 0 | use the buffer: open the index with its seed, signal in it, give it up; close the session; answer other requests first | takes the use for the acceptance, if the Add Buffer was sent | LoPAR, Add Buffer: "this message transfers a buffer from hypervisor ownership to management partition ownership" |
//! | our Add Buffer, owner 1 | the same without a use, for the buffer is not its own | sends in the buffer once the response says that it was taken | LoPAR, Add Buffer, the hypervisor field and the status |
//! | our Remove Buffer | signal in every buffer of its own; open the index (session 0) or close the session; answer other requests first | takes what the response names, if it is the peer's then; after a close the response changes nothing | LoPAR, Remove Buffer: which buffer, the management partition chooses when it answers |
//! | its Interface Open | answer our requests in any order; close this session; open, use and close others; not signal in this one | answers once no buffer is on offer any more; a close answers for both; after a refusal the close is refused, too, and is no breach | LoPAR, VMC Interface Open: the response indicates "that it is ready for normal runtime messaging" |
//! | its Interface Close | answer our requests about the session, with any status; open, use and close others; nothing else about this one | waits for these answers, which change nothing; its own Signals that crossed are lost | LoPAR, Interface Close: all I/O was quiesced before |
//! | a Signal | anything: there is no response | | LoPAR, Signal Message |
//!
//! A response names its request by index, session and buffer. Two that were sent in these words (the seed of an index that
//! was opened early and closed, and its next seed) are answered in their order.
//!
//! # Decisions where the references are silent
//!
//! - A use counts even where the message that makes it is refused (an Interface Open by order, an empty Signal). A buffer
//!   that is refused after it was used is a breach that changes nothing, and none with status 4, after which a close
//!   follows. A buffer that was given up before its Add Buffer is answered is unmapped, and may be offered anew.
//! - A partner that starts over ends all sessions without a message, and their buffers are unmapped before
//!   the INIT is answered. The same holds for a repeated Capabilities.
//! - A partner that was suspended has lost nothing that lies in its queue, and does not know of it: only sends of this
//!   side fail, until `H_ENABLE_CRQ` succeeds, and what was not sent is void. The sessions end. INIT, INIT COMPLETE and
//!   Capabilities that come before the queue is enabled count, and are answered after it; INIT is sent if none of them
//!   came. Every other message is from before, and dropped.
//! - An Interface Open that cannot be honoured is answered with status 1 and changes nothing. An Interface
//!   Close that overtakes the Interface Open Response answers for both: the open gets no response.
//! - Interface Close unmaps the session's buffers first, then answers, then seeds the index anew.
//! - A refused seed buffer is offered again, [`SEED_ATTEMPTS`] times in all, with
//!   [`SEED_RETRY`] of quiet in between. A session goes without a buffer that is refused. That it is being closed
//!   (status 4) is no breach: its Interface Close follows.
//! - A Remove Buffer that is refused changes nothing, and is no breach where the peer may have had no buffer to spare, or
//!   be closing the session: status 1, 3, and 5 of a Linux driver.
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
mod liberties;
mod orders;
mod outbox;
mod payload;
mod receive;
mod service;
mod session;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(all(fuzzing, not(test)))]
#[allow(dead_code, unused_imports, unused_macros)]
pub(crate) mod tests;

pub use behaviour::{
    Actions, AnyBehaviour, Behaviour, BoxedBehaviour, Command, Echo, Incoming, Named, SessionKey,
    Sink, Source, Verdict, pattern,
};
pub use effect::{Effect, Outcome, Subject};
pub use event::{ServiceEvent, ServiceSink};
pub use layout::{ServiceConfig, ServiceConfigError};
pub use liberties::{ServiceLiberties, ServiceLiberty};
pub use orders::MAX_REFUSALS;
pub use outbox::{MAX_SEND_RETRIES, SEND_RETRY};
pub use service::{
    BUSY_RETRY, MAX_FAILURES, PINNED_RETRY, RESET_PAUSE, SEED_ATTEMPTS, SEED_RETRY, Service,
};
pub use session::{BufferState, SessionView};
pub use vmc_proto::hyp::{ChannelState, ProtocolViolation, SessionState};
