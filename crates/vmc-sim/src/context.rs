//! What an activity works with during a step.

use crate::recorder::Recorder;
use crate::runtime::{ActivityId, Runtime};
use crate::world::{Changed, MANAGEMENT, PLATFORM, World, side_of};
use papr::{Hcall, HcallReturn, PartitionId};
use phyp::Platform;
use vmc_trace::{Event, Side, Subject};

pub(crate) struct Context<'a, P: Platform, R: Runtime> {
    pub(crate) world: &'a World<P>,
    pub(crate) runtime: &'a R,
    pub(crate) recorder: &'a mut Recorder,
    pub(crate) me: ActivityId,
}

impl<P: Platform, R: Runtime> Context<'_, P, R> {
    pub(crate) fn now_ns(&self) -> u64 {
        self.runtime.now_ns()
    }

    pub(crate) fn record(&mut self, event: impl FnOnce() -> Event) {
        self.recorder.record(self.runtime.now_ns(), event);
    }

    /// Makes an hcall and records it.
    pub(crate) fn hcall(&mut self, side: Side, call: &Hcall, subject: Subject) -> HcallReturn {
        let world = self.world;
        let result = world.hypervisor.hcall(partition_of(side), call, &mut self.platform_sink());
        self.record(|| Event::Hcall { call: *call, result, subject });
        result
    }

    /// Takes the driver's events.
    pub(crate) fn driver_sink(&mut self) -> DriverSink<'_, R> {
        let changed = Changed::default();
        DriverSink { runtime: self.runtime, recorder: self.recorder, changed }
    }

    /// Takes the hypervisor's events: it records them and wakes whoever they concern.
    pub(crate) fn platform_sink(&mut self) -> PlatformSink<'_, R> {
        PlatformSink { runtime: self.runtime, recorder: self.recorder }
    }

    /// Wakes everybody who wanted to look at the driver after a transition.
    pub(crate) fn wake_all(&self, ids: &mut Vec<ActivityId>) {
        ids.drain(..).for_each(|id| self.runtime.wake(id));
    }
}

pub(crate) fn partition_of(side: Side) -> PartitionId {
    match side {
        Side::Mgmt => MANAGEMENT,
        Side::Hyp => PLATFORM,
    }
}

pub(crate) struct PlatformSink<'a, R: Runtime> {
    runtime: &'a R,
    recorder: &'a mut Recorder,
}

impl<R: Runtime> phyp::EventSink for PlatformSink<'_, R> {
    fn event(&mut self, event: phyp::Event) {
        let now_ns = self.runtime.now_ns();
        match event {
            phyp::Event::Enqueued { to, slot, entry, overlaid } => {
                let to = side_of(to);
                self.recorder.record(now_ns, || Event::Enqueued { to, slot, entry, overlaid });
                // The platform tells its own service of each entry; the management partition gets an
                // interrupt.
                if to == Side::Hyp {
                    self.runtime.wake(ActivityId::SERVICE);
                }
            }
            phyp::Event::InterruptPending { partition } => {
                let side = side_of(partition);
                self.recorder.record(now_ns, || Event::InterruptPending(side));
                if side == Side::Mgmt {
                    self.runtime.wake(ActivityId::INTERRUPT);
                }
            }
            phyp::Event::Undelivered { event, .. } => {
                self.recorder.record(now_ns, || Event::Undelivered(event));
            }
        }
    }
}

/// Records the driver's events, and notes which states changed.
pub(crate) struct DriverSink<'a, R: Runtime> {
    pub(crate) runtime: &'a R,
    pub(crate) recorder: &'a mut Recorder,
    pub(crate) changed: Changed,
}

impl<R: Runtime> ibmvmc::EventSink for DriverSink<'_, R> {
    fn event(&mut self, event: ibmvmc::Event) {
        match event {
            ibmvmc::Event::Channel(_) => self.changed.channel = true,
            ibmvmc::Event::Session(index, ..) => self.changed.session = Some(index),
            _ => {}
        }
        self.recorder.record(self.runtime.now_ns(), || match event {
            ibmvmc::Event::Channel(state) => Event::ChannelState(Side::Mgmt, state.name()),
            ibmvmc::Event::SessionStarted(_, index, session) => {
                Event::SessionStarted(index, session)
            }
            ibmvmc::Event::Session(index, session, state) => {
                Event::SessionState(Side::Mgmt, index, session, state.name())
            }
            ibmvmc::Event::Breach(subject, breach) => Event::Breach {
                by: Side::Mgmt,
                subject: trace_subject(subject),
                what: breach.to_string(),
            },
        });
    }
}

pub(crate) fn trace_subject(subject: ibmvmc::Subject) -> Subject {
    match subject {
        ibmvmc::Subject::Channel => Subject::Channel,
        ibmvmc::Subject::Session(index, session) | ibmvmc::Subject::Buffer(index, session, _) => {
            Subject::Session(index, session)
        }
    }
}

/// Records the service's events.
pub(crate) struct ServiceSink<'a, R: Runtime> {
    pub(crate) runtime: &'a R,
    pub(crate) recorder: &'a mut Recorder,
}

impl<R: Runtime> phyp::vmc::ServiceSink for ServiceSink<'_, R> {
    fn event(&mut self, event: phyp::vmc::ServiceEvent) {
        use phyp::vmc::ServiceEvent;
        self.recorder.record(self.runtime.now_ns(), || match event {
            ServiceEvent::ChannelState(state) => Event::ChannelState(Side::Hyp, state.name()),
            ServiceEvent::SessionState(index, session, state) => {
                Event::SessionState(Side::Hyp, index, session, state.name())
            }
            ServiceEvent::Breach { subject, breach } => Event::Breach {
                by: Side::Hyp,
                subject: service_subject(subject),
                what: breach.to_string(),
            },
        });
    }
}

pub(crate) fn service_subject(subject: phyp::vmc::Subject) -> Subject {
    match subject {
        phyp::vmc::Subject::Channel => Subject::Channel,
        phyp::vmc::Subject::Session(index, session) => Subject::Session(index, session),
    }
}
