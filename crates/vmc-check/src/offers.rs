//! Add Buffers of an HMC index that await their response, for checkers that keep a model of the connection.
//!
//! LoPAR, Add Buffer: the message itself transfers the buffer. So the management partition may use it before its
//! response is out, and has accepted it with that.

use vmc_proto::{BufferId, HmcSession};

/// What came before the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing: the response decides.
    Open,
    /// The management partition has used the buffer.
    Used,
    /// The session is over: the response decides nothing.
    Over,
}

/// An Add Buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    session: HmcSession,
    buffer: BufferId,
    /// Whether it names the management partition as the owner.
    pub(super) to_mgmt: bool,
    /// Nothing is wrong with it.
    is_right: bool,
    pub(super) standing: Standing,
}

impl Offer {
    /// Whether the management partition may use the buffer, and has not accepted it yet.
    fn is_usable(&self) -> bool {
        self.to_mgmt && self.is_right && self.standing == Standing::Open
    }
}

/// Those of one index, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Offers(Vec<Offer>);

impl Offers {
    /// Add Buffer. A wrong one transfers nothing until it is accepted all the same.
    pub(super) fn add(
        &mut self,
        session: HmcSession,
        buffer: BufferId,
        to_mgmt: bool,
        is_right: bool,
    ) {
        self.0.push(Offer { session, buffer, to_mgmt, is_right, standing: Standing::Open });
    }

    /// How many buffers the management partition may use that it has not accepted yet.
    pub(super) fn usable(&self) -> usize {
        self.0.iter().filter(|offer| offer.is_usable()).count()
    }

    /// Whether an Add Buffer of this one is not answered.
    pub(super) fn has(&self, buffer: BufferId) -> bool {
        self.0.iter().any(|offer| offer.buffer == buffer)
    }

    /// Whether this is one of them.
    pub(super) fn is_usable(&self, buffer: BufferId) -> bool {
        self.0.iter().any(|offer| offer.is_usable() && offer.buffer == buffer)
    }

    /// The management partition uses a buffer. Whether it has accepted it with that.
    pub(super) fn accept_by_use(&mut self, buffer: BufferId) -> bool {
        let usable = |offer: &&mut Offer| offer.is_usable() && offer.buffer == buffer;
        let Some(offer) = self.0.iter_mut().find(usable) else { return false };
        offer.standing = Standing::Used;
        true
    }

    /// The response to the oldest that it can be about; `None` when there is none.
    pub(super) fn answer(&mut self, session: HmcSession, buffer: BufferId) -> Option<Offer> {
        let names = |offer: &Offer| (offer.session, offer.buffer) == (session, buffer);
        let place = self.0.iter().position(names)?;
        Some(self.0.remove(place))
    }

    /// The session is over; the responses still come.
    pub(super) fn end(&mut self) {
        self.0.iter_mut().for_each(|offer| offer.standing = Standing::Over);
    }

    /// The channel is down: no response comes any more.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
