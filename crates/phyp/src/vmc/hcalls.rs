//! Reactions to what hypervisor calls return.

use super::behaviour::{Behaviour, SessionKey};
use super::channel::{After, Phase};
use super::effect::Subject;
use super::event::{ServiceEvent, ServiceSink};
use super::outbox::{Job, JobStep, Keep};
use super::service::{BUSY_RETRY, MAX_FAILURES, Next, Op, PINNED_RETRY, RESET_PAUSE, Service};
use super::session::BufferState;
use super::{ProtocolViolation, SessionState};
use papr::{HcallName, InitFormat, ReturnCode};
use vmc_proto::Message;

impl<B: Behaviour> Service<B> {
    /// An hcall returned; `None` when none was made.
    pub(super) fn returned(
        &mut self,
        code: ReturnCode,
        sink: &mut dyn ServiceSink,
    ) -> Option<Next> {
        match self.op {
            Op::MapQueue => self.queue_mapped(code, sink),
            Op::Register => self.registered(code, sink),
            Op::Free => self.deregistered(code, sink),
            Op::Enable => self.enabled(code, sink),
            Op::Job(JobStep::Map(_)) => self.buffer_mapped(code, sink),
            Op::Job(JobStep::Unmap { pages, .. }) => self.buffer_unmapped(code, pages, sink),
            Op::Job(JobStep::Send(_)) => self.sent(code, sink),
            Op::Job(JobStep::Write { .. })
            | Op::Idle
            | Op::ClearQueue
            | Op::TakeEntry
            | Op::ReadHmcId { .. }
            | Op::ReadMessage { .. } => return None,
        }
        Some(Next::Due)
    }

    /// A page of the CRQ was mapped (LoPAR, H_PUT_TCE).
    fn queue_mapped(&mut self, code: ReturnCode, sink: &mut dyn ServiceSink) {
        let Phase::Mapping { page } = self.phase else { return };
        match code {
            ReturnCode::SUCCESS if page + 1 < self.layout.crq_pages() => {
                self.set_phase(Phase::Mapping { page: page + 1 }, sink);
            }
            ReturnCode::SUCCESS => self.set_phase(Phase::Clearing, sink),
            ReturnCode::RESOURCE => self.delay = Some(PINNED_RETRY),
            _ => self.fail(HcallName::PutTce, code, sink),
        }
    }

    /// LoPAR, H_REG_CRQ: `H_Success` when the partner is registered too, `H_Closed` when it is not yet.
    fn registered(&mut self, code: ReturnCode, sink: &mut dyn ServiceSink) {
        match code {
            ReturnCode::SUCCESS | ReturnCode::CLOSED => {
                self.polling = true;
                self.set_phase(Phase::WaitingForInit, sink);
                if code == ReturnCode::SUCCESS {
                    self.outbox.push(Job::Init(InitFormat::INITIALIZE));
                }
            }
            ReturnCode::NOT_FOUND => self.set_phase(Phase::NotConnected, sink),
            _ => self.fail(HcallName::RegCrq, code, sink),
        }
    }

    /// LoPAR, H_FREE_CRQ. A call that fails is not made again: the registration that follows would notice a
    /// queue that is still there.
    fn deregistered(&mut self, code: ReturnCode, sink: &mut dyn ServiceSink) {
        let Phase::Freeing { then } = self.phase else { return };
        if let Some(hint) = code.busy_hint() {
            self.delay = Some(hint.max(BUSY_RETRY));
            return;
        }
        let then = if code.is_success() {
            then
        } else {
            self.count_failure(HcallName::FreeCrq, code, then, sink)
        };
        self.set_phase(Phase::Freed { then }, sink);
    }

    /// LoPAR, H_ENABLE_CRQ.
    fn enabled(&mut self, code: ReturnCode, sink: &mut dyn ServiceSink) {
        if let Some(hint) = code.busy_hint() {
            self.delay = Some(hint.max(BUSY_RETRY));
        } else if !code.is_success() {
            self.fail(HcallName::EnableCrq, code, sink);
        } else {
            // Otherwise the partner has begun anew, or has answered an INIT that it had in its queue.
            if self.phase == Phase::WaitingForInit {
                self.outbox.push(Job::Init(InitFormat::INITIALIZE));
            }
            self.set_phase_and_queue(self.phase, false, sink);
        }
    }

    fn buffer_mapped(&mut self, code: ReturnCode, sink: &mut dyn ServiceSink) {
        match code {
            ReturnCode::SUCCESS => self.outbox.advance(&self.layout, 1),
            ReturnCode::RESOURCE => self.delay = Some(PINNED_RETRY),
            _ => {
                let Some(Job::AddBuffer { key, buffer, .. }) = self.outbox.remove_first() else {
                    return;
                };
                self.breach(
                    key.subject(),
                    ProtocolViolation::HcallFailed(HcallName::PutTce, code),
                    sink,
                );
                self.lose_buffer(key, buffer);
            }
        }
    }

    /// A mapping that cannot be taken back is left alone: the next use of the buffer sets it anew.
    fn buffer_unmapped(&mut self, code: ReturnCode, pages: u64, sink: &mut dyn ServiceSink) {
        match code {
            ReturnCode::SUCCESS => self.outbox.advance(&self.layout, pages),
            ReturnCode::RESOURCE => self.delay = Some(PINNED_RETRY),
            _ => {
                if let Some(job) = self.outbox.remove_first() {
                    self.breach(
                        job.subject(),
                        ProtocolViolation::HcallFailed(HcallName::StuffTce, code),
                        sink,
                    );
                }
            }
        }
    }

    /// LoPAR, H_SEND_CRQ: `H_Dropped` when the partner's queue is full, `H_Closed` when the connection is
    /// gone. The transport event that says why may come later.
    fn sent(&mut self, code: ReturnCode, sink: &mut dyn ServiceSink) {
        match code {
            ReturnCode::SUCCESS => {
                // The peer may have answered already, and its entries come before our own work.
                self.polling = true;
                if let Some(job) = self.outbox.sent() {
                    self.job_sent(&job, sink);
                }
            }
            ReturnCode::DROPPED => match self.outbox.retry() {
                Some(wait) => self.delay = Some(wait),
                None => {
                    let given_up =
                        self.outbox.first().and_then(|job| Some((job.subject(), job.sends()?)));
                    if let Some((subject, entry)) = given_up {
                        self.breach(subject, ProtocolViolation::SendGivenUp(entry), sink);
                    }
                    self.reset(After::Start, None, sink);
                }
            },
            ReturnCode::CLOSED => {
                self.polling = true;
                self.end_sessions(Keep::Unmaps, sink);
                self.set_phase(Phase::WaitingForInit, sink);
            }
            _ => self.fail(HcallName::SendCrq, code, sink),
        }
    }

    /// What changes once the peer can see the entry.
    fn job_sent(&mut self, job: &Job, sink: &mut dyn ServiceSink) {
        match *job {
            Job::Init(format) => {
                if format == InitFormat::INITIALIZE {
                    self.inits_awaited = self.inits_awaited.saturating_add(1);
                }
            }
            Job::Answer(Message::CapabilitiesResponse { status, .. }) => {
                // Another Capabilities may have come since, with which no channel can work.
                if status.is_success() && self.sessions.limits().is_some() {
                    self.failures = 0;
                    self.set_phase(Phase::Ready, sink);
                }
            }
            Job::Answer(Message::InterfaceOpenResponse { status, session, index, .. }) => {
                if status.is_success() {
                    self.session_ready(SessionKey { index, session }, sink);
                }
            }
            Job::Signal { key, buffer, .. } => {
                if let Some(connection) = self.sessions.find(key) {
                    connection.set_buffer(buffer, BufferState::Management);
                }
            }
            Job::Answer(_)
            | Job::AddBuffer { .. }
            | Job::RemoveBuffer { .. }
            | Job::Unmap { .. } => {}
        }
    }

    fn session_ready(&mut self, key: SessionKey, sink: &mut dyn ServiceSink) {
        let Some(connection) = self.sessions.find(key) else { return };
        connection.state = SessionState::Ready;
        sink.event(ServiceEvent::SessionState(key.index, key.session, SessionState::Ready));
        self.use_free_buffers(key, sink);
    }

    /// A call failed that the channel cannot go on without: starts over, or gives up.
    fn fail(&mut self, call: HcallName, code: ReturnCode, sink: &mut dyn ServiceSink) {
        let then = self.count_failure(call, code, After::Start, sink);
        self.reset(then, Some(RESET_PAUSE), sink);
    }

    fn count_failure(
        &mut self,
        call: HcallName,
        code: ReturnCode,
        then: After,
        sink: &mut dyn ServiceSink,
    ) -> After {
        self.breach(Subject::Channel, ProtocolViolation::HcallFailed(call, code), sink);
        self.failures = self.failures.saturating_add(1);
        if then == After::Start && self.failures >= MAX_FAILURES { After::Fail } else { then }
    }
}
