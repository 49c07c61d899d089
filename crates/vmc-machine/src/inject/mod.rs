//! Where fault rules meet the machine: the places at which one can fire ([`hooks`]), and what it does then ([`act`]).
//!
//! Both are methods of an activity's step, so that a call, an interrupt and the service need not know of rules. The
//! rules themselves, and how far each is, are data: [`crate::fault`].

mod act;
mod hooks;
