//! The interrupt source of an adapter: `H_VIO_SIGNAL`, `H_XIRR`, `H_EOI`.
//!
//! An enqueue is a pulse. The source presents one interrupt at a time: a pulse that comes while one is
//! pending, or accepted and not yet ended, is lost, and so is one while the mode is disabled. Disabling
//! does not take back an interrupt that is already pending (LoPAR, CRQ Facility Requirements, R1-24).

use crate::backend::Backend;
use crate::endpoint::Side;
use crate::hypervisor::Hypervisor;
use crate::sync::AtomicU8;
use papr::{HcallReturn, PartitionId, ReturnCode, UnitAddress, Xirr};
use std::sync::atomic::Ordering;

/// Bit 63 of `H_VIO_SIGNAL`'s mode: the CRQ's interrupt. Other bits are ignored.
const MODE_CRQ: u64 = 1;

/// Priority that `H_XIRR` reports: that of a processor which takes every interrupt. Priorities are not
/// modelled.
const LEAST_FAVOURED: u8 = 0xFF;

/// State of one source.
#[derive(Debug, Default)]
pub(crate) struct Latch(AtomicU8);

impl Latch {
    const ENABLED: u8 = 1 << 0;
    const PENDING: u8 = 1 << 1;
    /// Accepted, not yet ended.
    const OUTSTANDING: u8 = 1 << 2;

    /// Sets the mode. Who enables interrupts holds the queue's lock.
    pub(crate) fn set_enabled(&self, enabled: bool) {
        if enabled {
            self.0.fetch_or(Self::ENABLED, Ordering::AcqRel);
        } else {
            self.0.fetch_and(!Self::ENABLED, Ordering::AcqRel);
        }
    }

    /// An entry was enqueued. True when an interrupt became pending by that.
    ///
    /// The queue's lock is held, as it is when an interrupt is ended or the mode is set. Of two who hold it the
    /// second one knows what the first one did: a pulse does not look at an old state, or else the next look at the
    /// queue sees the entry. So most pulses, which are lost, are a look.
    #[inline]
    pub(crate) fn pulse(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::ENABLED && self.pend()
    }

    /// Makes an interrupt pending, if one can be.
    #[inline]
    fn pend(&self) -> bool {
        let pend = |state| (state == Self::ENABLED).then_some(state | Self::PENDING);
        self.0.try_update(Ordering::AcqRel, Ordering::Acquire, pend).is_ok()
    }

    /// Accepts the pending interrupt, if there is one.
    pub(crate) fn accept(&self) -> bool {
        let accept = |state| {
            (state & Self::PENDING != 0).then_some(state & !Self::PENDING | Self::OUTSTANDING)
        };
        self.0.try_update(Ordering::AcqRel, Ordering::Acquire, accept).is_ok()
    }

    /// Ends the accepted interrupt; without one nothing changes. The queue's lock is held.
    pub(crate) fn end(&self) {
        self.0.fetch_and(!Self::OUTSTANDING, Ordering::AcqRel);
    }

    /// Whether an interrupt can be accepted.
    pub(crate) fn is_pending(&self) -> bool {
        self.bits() & Self::PENDING != 0
    }

    /// Whether an entry can make an interrupt pending, as far as the mode goes.
    pub(crate) fn is_enabled(&self) -> bool {
        self.bits() & Self::ENABLED != 0
    }

    /// All of it, as a number.
    pub(crate) fn bits(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }

    /// As at boot: disabled, nothing pending or outstanding.
    pub(crate) fn reset(&self) {
        self.0.store(0, Ordering::Release);
    }
}

impl Clone for Latch {
    fn clone(&self) -> Latch {
        Latch(AtomicU8::new(self.0.load(Ordering::Relaxed)))
    }
}

impl<P: Backend> Hypervisor<P> {
    /// LoPAR, `H_VIO_SIGNAL`: sets the interrupt mode of an adapter.
    pub(crate) fn vio_signal(
        &self,
        caller: Option<Side>,
        unit_address: UnitAddress,
        mode: u64,
    ) -> Result<HcallReturn, ReturnCode> {
        let side = self.own_adapter(caller, unit_address)?;
        let endpoint = self.endpoint(side);
        let _serialised = endpoint.crq.lock();
        endpoint.latch.set_enabled(mode & MODE_CRQ != 0);
        Ok(ReturnCode::SUCCESS.into())
    }

    /// LoPAR, `H_XIRR`: accepts the pending interrupt. R4 is 0 when there is none.
    pub(crate) fn xirr(&self, caller: Option<Side>) -> HcallReturn {
        let endpoint = self.own_side(caller).map(|side| self.endpoint(side));
        let xirr = match endpoint.filter(|endpoint| endpoint.latch.accept()) {
            Some(endpoint) => Xirr::new(LEAST_FAVOURED, endpoint.interrupt),
            None => Xirr::default(),
        };
        HcallReturn::success_with(xirr.0.into())
    }

    /// Whether this partition has enabled its queue's interrupt.
    pub fn is_interrupt_enabled(&self, partition: PartitionId) -> bool {
        self.side_of(partition).is_some_and(|side| self.endpoint(side).latch.is_enabled())
    }

    /// Whether `H_XIRR` would bring an interrupt to this partition.
    pub fn has_interrupt(&self, partition: PartitionId) -> bool {
        self.side_of(partition).is_some_and(|side| self.endpoint(side).latch.is_pending())
    }

    /// LoPAR, `H_EOI`: the source must be one of the caller's, else `H_Parameter`. Ending an interrupt that
    /// is not outstanding is harmless.
    pub(crate) fn eoi(&self, caller: Option<Side>, xirr: Xirr) -> Result<HcallReturn, ReturnCode> {
        let side = self.own_side(caller).ok_or(ReturnCode::PARAMETER)?;
        let endpoint = self.endpoint(side);
        if xirr.source() != Some(endpoint.interrupt) {
            return Err(ReturnCode::PARAMETER);
        }
        let _serialised = endpoint.crq.lock();
        endpoint.latch.end();
        Ok(ReturnCode::SUCCESS.into())
    }
}
