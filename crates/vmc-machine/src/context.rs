//! What an activity works with during a step.

use crate::backend::Setup;
use crate::fault::StateChange;
use crate::incarnation::Incarnation;
use crate::recorder::Recorder;
use crate::runtime::{ActivityId, Runtime};
use crate::traced::service_event;
use crate::world::{Changed, MANAGEMENT, PLATFORM, World, side_of};
use papr::{Hcall, HcallReturn, PartitionId};
use vmc_trace::{ActorId, ChannelState, Event, ProtocolViolation, SessionState, Side, Subject};

pub(crate) struct Context<'a, P: Setup, R: Runtime> {
    pub(crate) world: &'a World<P>,
    pub(crate) runtime: &'a R,
    pub(crate) recorder: &'a mut Recorder,
    pub(crate) me: ActivityId,
    /// The incarnation of its partition that the activity belongs to.
    pub(crate) life: Incarnation,
}

impl<P: Setup, R: Runtime> Context<'_, P, R> {
    pub(crate) fn now_ns(&self) -> u64 {
        self.runtime.now_ns()
    }

    /// Whether the partition has not died since the step began.
    pub(crate) fn is_alive(&self) -> bool {
        let side = self.recorder.actor().side();
        side.is_none_or(|side| self.world.incarnations.now(side) == self.life)
    }

    /// Records an event. The dead do nothing.
    pub(crate) fn record(&mut self, event: impl FnOnce() -> Event) {
        if !self.recorder.is_on() || !self.is_alive() {
            return;
        }
        self.recorder.record(self.runtime.last_ns(), event);
    }

    /// Makes an hcall and records it.
    pub(crate) fn hcall(&mut self, side: Side, call: &Hcall, subject: Subject) -> HcallReturn {
        if self.world.faults.are_none() {
            return self.plain_hcall(side, call, subject);
        }
        self.faulty_hcall(side, call, subject)
    }

    /// Makes an hcall that no fault rule looks at.
    pub(crate) fn plain_hcall(
        &mut self,
        side: Side,
        call: &Hcall,
        subject: Subject,
    ) -> HcallReturn {
        let world = self.world;
        let result = world.hypervisor.hcall(partition_of(side), call, &mut self.platform_sink());
        world.shadow(|shadow| shadow.called(side, call, result));
        if self.recorder.is_on() {
            self.record_hcall(side, call, result, subject);
        }
        result
    }

    /// Takes the driver's events.
    pub(crate) fn driver_sink(&mut self) -> DriverSink<'_, R> {
        let changes = StateChanges::watched(!self.world.faults.are_none());
        let changed = Changed::default();
        DriverSink { runtime: self.runtime, recorder: self.recorder, changed, changes }
    }

    /// Takes the VMC service's events.
    pub(crate) fn service_sink(&mut self) -> ServiceSink<'_, R> {
        let changes = StateChanges::watched(!self.world.faults.are_none());
        ServiceSink { runtime: self.runtime, recorder: self.recorder, changes }
    }

    /// Takes the hypervisor's events: it records them and wakes the actors that they concern.
    pub(crate) fn platform_sink(&mut self) -> PlatformSink<'_, P, R> {
        let actor = self.recorder.actor();
        PlatformSink { world: self.world, runtime: self.runtime, recorder: self.recorder, actor }
    }

    /// Takes the hypervisor's events when a fault causes them.
    pub(crate) fn machine_sink(&mut self) -> PlatformSink<'_, P, R> {
        let actor = ActorId::Platform;
        PlatformSink { world: self.world, runtime: self.runtime, recorder: self.recorder, actor }
    }

    /// Wakes every activity that wanted to look at the driver after a transition.
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

pub(crate) struct PlatformSink<'a, P: Setup, R: Runtime> {
    world: &'a World<P>,
    runtime: &'a R,
    recorder: &'a mut Recorder,
    /// Whose doing it is.
    actor: ActorId,
}

/// The states that a transition has changed, if fault rules may wait for them.
pub(crate) struct StateChanges(pub Option<Vec<StateChange>>);

impl StateChanges {
    fn watched(are_watched: bool) -> StateChanges {
        StateChanges(are_watched.then(Vec::new))
    }

    fn note(&mut self, change: StateChange) {
        if let Some(changes) = &mut self.0 {
            changes.push(change);
        }
    }
}

impl<P: Setup, R: Runtime> phyp::EventSink for PlatformSink<'_, P, R> {
    fn event(&mut self, event: phyp::Event) {
        let (now_ns, actor) = (self.runtime.last_ns(), self.actor);
        match event {
            phyp::Event::Enqueued { to, element, entry, overlaid } => {
                let to = side_of(to);
                self.world.shadow(|shadow| shadow.enqueued(to, element, entry, overlaid));
                let enqueued = || Event::Enqueued { to, element, entry, overlaid };
                self.recorder.record_as(actor, now_ns, enqueued);
                // The platform tells its own service of each entry; the management partition gets an
                // interrupt.
                if to == Side::Hyp {
                    self.runtime.ring(ActivityId::SERVICE);
                }
            }
            phyp::Event::InterruptPending { partition } => {
                let side = side_of(partition);
                self.recorder.record_as(actor, now_ns, || Event::InterruptPending(side));
                if side == Side::Mgmt {
                    self.runtime.wake(ActivityId::INTERRUPT);
                }
            }
            phyp::Event::Undelivered { event, .. } => {
                self.recorder.record_as(actor, now_ns, || Event::Undelivered(event));
            }
        }
    }
}

/// Records the driver's events, and notes which states changed.
pub(crate) struct DriverSink<'a, R: Runtime> {
    pub(crate) runtime: &'a R,
    pub(crate) recorder: &'a mut Recorder,
    pub(crate) changed: Changed,
    pub(crate) changes: StateChanges,
}

impl<R: Runtime> ibmvmc::EventSink for DriverSink<'_, R> {
    fn event(&mut self, event: ibmvmc::Event) {
        match event {
            ibmvmc::Event::Channel(state) => {
                self.changed.channel = true;
                self.changes.note(StateChange::Channel(ChannelState::Mgmt(state)));
            }
            ibmvmc::Event::SessionStarted(_, index, session) => {
                self.changes.note(StateChange::Started(index, session));
            }
            ibmvmc::Event::Session(index, session, state) => {
                self.changed.session = Some(index);
                self.changes.note(StateChange::Session(index, session, SessionState::Mgmt(state)));
            }
            _ => {}
        }
        self.recorder.record(self.runtime.last_ns(), || match event {
            ibmvmc::Event::Channel(state) => Event::ChannelState(ChannelState::Mgmt(state)),
            ibmvmc::Event::SessionStarted(_, index, session) => {
                Event::SessionStarted(index, session)
            }
            ibmvmc::Event::Session(index, session, state) => {
                Event::SessionState(index, session, SessionState::Mgmt(state))
            }
            ibmvmc::Event::ProtocolViolation(subject, breach) => {
                Event::ProtocolViolation(trace_subject(subject), ProtocolViolation::Mgmt(breach))
            }
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
    pub(crate) changes: StateChanges,
}

impl<R: Runtime> phyp::vmc::ServiceSink for ServiceSink<'_, R> {
    fn event(&mut self, event: phyp::vmc::ServiceEvent) {
        use phyp::vmc::ServiceEvent;
        match event {
            ServiceEvent::ChannelState(state) => {
                self.changes.note(StateChange::Channel(ChannelState::Hyp(state)));
            }
            ServiceEvent::SessionState(index, session, state) => {
                self.changes.note(StateChange::Session(index, session, SessionState::Hyp(state)));
            }
            ServiceEvent::ProtocolViolation { .. } | ServiceEvent::Prompted { .. } => {}
        }
        self.recorder.record(self.runtime.last_ns(), || service_event(event));
    }
}
