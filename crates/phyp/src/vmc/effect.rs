//! What a step asks for, and the result.

use super::behaviour::{Behaviour, SessionKey};
use super::channel::Phase;
use super::outbox::{Job, JobStep};
use super::service::{Op, SEED_RETRY, Service, may_seed};
use crate::memory::Memory;
use core::time::Duration;
use papr::{CrqEntry, GuestAddress, Hcall, HcallReturn, Ioba, PAGE_SIZE, Tce};
use vmc_proto::{BufferId, HMC_ID_BYTES, HmcIndex, HmcSession};

/// What an hcall or an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The channel itself.
    Channel,
    /// An HMC connection; session 0 when it has none.
    Session(HmcIndex, HmcSession),
}

/// What is to be done on the platform partition before the next step. Reads and writes lie in one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Make this hcall; resume with [`Outcome::Hcall`].
    Hcall(Hcall, Subject),
    /// Take the entry at this address off the queue if there is one; resume with [`Outcome::Entry`].
    TakeEntry {
        /// Where the element lies.
        at: GuestAddress,
        /// Its number.
        element: u32,
    },
    /// Zero the queue; resume with [`Outcome::Done`].
    ClearQueue {
        /// Where the queue lies.
        at: GuestAddress,
        /// Its length in bytes.
        len_bytes: u64,
    },
    /// Read memory; resume with [`Outcome::Bytes`] of exactly this length.
    ReadBuffer {
        /// Where.
        at: GuestAddress,
        /// How many bytes.
        len_bytes: u32,
    },
    /// Write a part of the message that is sent next ([`Service::part`](super::Service::part)) to memory; resume with
    /// [`Outcome::Done`].
    WriteBuffer {
        /// Where.
        at: GuestAddress,
        /// From which byte of the message on.
        from: u32,
        /// How many bytes.
        len_bytes: u32,
    },
    /// Nothing to do. Resume with [`Outcome::Woken`] when an entry was put on the queue since the service
    /// was last woken, be it while it was busy, and after an order: [`Service::start`](super::Service::start),
    /// [`Service::stop`](super::Service::stop), [`Service::take_buffer`](super::Service::take_buffer),
    /// [`Service::return_buffer`](super::Service::return_buffer); with [`Outcome::Elapsed`] when the time is
    /// up.
    Idle {
        /// The time, from now. An earlier one that has not passed is void: the service asks anew.
        wake_after: Option<Duration>,
    },
}

/// The outcome of an effect. One that does not fit the effect is not an outcome: the service then asks for
/// the same effect again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome<'a> {
    /// There may be something to do; also the very first outcome.
    Woken,
    /// The time that `Idle` asked for is up.
    Elapsed,
    /// What the hcall returned.
    Hcall(HcallReturn),
    /// The entry that was taken.
    Entry(Option<CrqEntry>),
    /// The bytes that were read.
    Bytes(&'a [u8]),
    /// It is done.
    Done,
}

impl<B: Behaviour> Service<B> {
    /// Performs an effect of this service that is nothing but an access to the platform partition's memory; `None`, and
    /// nothing is done, for another one. `bytes` takes what is read.
    ///
    /// The service lays its own memory out, so the addresses are good; bytes that cannot be read are zero.
    #[inline]
    pub fn on_memory<'a>(
        &self,
        effect: &Effect,
        memory: &impl Memory,
        bytes: &'a mut Vec<u8>,
    ) -> Option<Outcome<'a>> {
        match effect {
            Effect::ClearQueue { at, len_bytes } => {
                let _ = memory.write(*at, &vec![0; usize::try_from(*len_bytes).unwrap_or(0)]);
                Some(Outcome::Done)
            }
            Effect::ReadBuffer { at, len_bytes } => {
                bytes.clear();
                bytes.resize(*len_bytes as usize, 0);
                let _ = memory.read(*at, bytes);
                Some(Outcome::Bytes(bytes))
            }
            Effect::WriteBuffer { at, from, len_bytes } => {
                let _ = memory.write(*at, self.part(*from, *len_bytes));
                Some(Outcome::Done)
            }
            Effect::Hcall(..) | Effect::TakeEntry { .. } | Effect::Idle { .. } => None,
        }
    }

    /// What [`Effect::WriteBuffer`] writes: a part of the message that is sent next.
    #[inline]
    pub fn part(&self, from: u32, len_bytes: u32) -> &[u8] {
        let Some(Job::Signal { payload, .. }) = self.outbox.first() else { return &[] };
        let rest = payload.get(from as usize..).unwrap_or_default();
        &rest[..rest.len().min(len_bytes as usize)]
    }

    /// The effect that the present operation asks for.
    pub(super) fn effect(&self) -> Effect {
        let unit_address = self.config.unit_address;
        let channel = |call| Effect::Hcall(call, Subject::Channel);
        match self.op {
            Op::Idle => Effect::Idle { wake_after: self.wake_after() },
            Op::MapQueue => channel(self.map(self.crq_page())),
            Op::ClearQueue => Effect::ClearQueue {
                at: self.layout.crq_address(),
                len_bytes: self.layout.crq_len_bytes(),
            },
            Op::Register => channel(Hcall::RegCrq {
                unit_address,
                queue: self.layout.crq(),
                len_bytes: self.layout.crq_len_bytes(),
            }),
            Op::Free => channel(Hcall::FreeCrq { unit_address }),
            Op::Enable => channel(Hcall::EnableCrq { unit_address }),
            Op::TakeEntry => {
                Effect::TakeEntry { at: self.layout.element(self.element), element: self.element }
            }
            Op::Job(step) => self.job_effect(step),
            Op::ReadHmcId { key, buffer } => {
                Effect::ReadBuffer { at: self.at(key, buffer, 0), len_bytes: HMC_ID_BYTES }
            }
            Op::ReadMessage { key, buffer, len_bytes } => Effect::ReadBuffer {
                at: self.at(key, buffer, self.payload.len() as u64),
                len_bytes: self.next_part(len_bytes),
            },
        }
    }

    fn job_effect(&self, step: JobStep) -> Effect {
        let job = self.outbox.first();
        let call = match step {
            JobStep::Map(ioba) => self.map(ioba),
            JobStep::Unmap { ioba, pages } => {
                Hcall::StuffTce { liobn: self.config.liobn, ioba, tce: Tce::INVALID, count: pages }
            }
            JobStep::Write { at, from, len_bytes } => {
                return Effect::WriteBuffer { at, from, len_bytes };
            }
            JobStep::Send(entry) => {
                Hcall::SendCrq { unit_address: self.config.unit_address, entry }
            }
        };
        Effect::Hcall(call, job.map_or(Subject::Channel, Job::subject))
    }

    fn map(&self, ioba: Ioba) -> Hcall {
        Hcall::PutTce { liobn: self.config.liobn, ioba, tce: self.layout.tce(ioba) }
    }

    fn crq_page(&self) -> Ioba {
        let page = if let Phase::Mapping { page } = self.phase { page } else { 0 };
        Ioba(self.layout.crq().0 + page * PAGE_SIZE)
    }

    /// Where a byte of a buffer lies in memory.
    fn at(&self, key: SessionKey, buffer: BufferId, offset: u64) -> GuestAddress {
        self.layout.address(Ioba(self.layout.buffer(key.index, buffer).0 + offset))
    }

    /// How much of a message of `len_bytes` is read next: up to the end of a page.
    pub(super) fn next_part(&self, len_bytes: u32) -> u32 {
        len_bytes.saturating_sub(self.payload.len() as u32).min(PAGE_SIZE as u32)
    }

    pub(super) fn wake_after(&self) -> Option<Duration> {
        let seed_is_due =
            || self.sessions.indexes().any(|i| self.sessions.get(i).is_some_and(may_seed));
        let own = self.delay.or_else(|| seed_is_due().then_some(SEED_RETRY));
        match self.behaviour.wake_at() {
            None => own,
            Some(at) => {
                let wait = at.saturating_sub(self.now);
                Some(own.map_or(wait, |own| own.min(wait)))
            }
        }
    }
}
