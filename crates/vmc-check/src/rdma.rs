//! Verifies every RDMA that moved something: it goes from the local to the remote window in a call of an application
//! and the other way in the bottom half, nowhere else. Its remote end is a buffer that the hypervisor has offered and
//! the management partition has not refused, from its beginning, and the management partition owns it at that moment.
//! It is no longer than the MTU that was agreed on when the session began, and all its pages are mapped at both ends,
//! by the TCEs that both sides have stored.
//!
//! Does not verify what is copied (`isolation`), nor copies that failed: they move nothing. On threads a page may
//! have been unmapped between the end of a copy and its record. TCEs that a fault changes for the length of a copy
//! are not recorded.

use super::device::{Device, Finished, Watcher};
use super::wire::Seen;
use papr::{Hcall, Ioba, Tce};
use std::collections::BTreeMap;
use vmc_proto::{BufferId, HmcIndex, Lioba, Message, Received};
use vmc_trace::{ActorId, Event, Rdma, RdmaDirection, Record, Side, Subject};

/// The pages of a window: `None` for one that is mapped, the record that unmapped it for one that was.
type Window = BTreeMap<u64, Option<u64>>;

#[derive(Default)]
pub(super) struct Checker {
    windows: [Window; 2],
    /// Where each buffer lies in the remote window, offered and then accepted.
    offered: BTreeMap<(HmcIndex, BufferId), Lioba>,
    buffers: BTreeMap<(HmcIndex, BufferId), Lioba>,
    /// The MTU when the session of an index began.
    mtus: BTreeMap<HmcIndex, u32>,
    /// The last record of each actor.
    last: BTreeMap<ActorId, u64>,
    problems: Vec<String>,
}

impl Watcher for Checker {
    fn after(&mut self, device: &Device, seen: &Seen<'_>, _: Option<&Finished>) {
        match seen {
            Seen::Sent(send) if send.by == Side::Mgmt && send.code.is_success() => {
                if let Received::Message(decoded) = Received::from_entry(send.entry)
                    && let Message::AddBufferResponse { status, index, buffer, .. } =
                        decoded.message
                {
                    self.answered(index, buffer, status.is_success());
                }
            }
            Seen::Sent(_) => {}
            Seen::Record(record) => {
                self.record(device, record);
                self.last.insert(record.actor, record.seq);
            }
        }
    }

    fn problems(self: Box<Self>, _: &Device) -> Vec<String> {
        self.problems
    }
}

impl Checker {
    fn answered(&mut self, index: HmcIndex, buffer: BufferId, accepted: bool) {
        let lioba = self.offered.remove(&(index, buffer));
        if let (Some(lioba), true) = (lioba, accepted) {
            self.buffers.insert((index, buffer), lioba);
        }
    }

    fn record(&mut self, device: &Device, record: &Record) {
        match &record.event {
            Event::Dequeued { by: Side::Mgmt, entry, .. } => {
                if let Received::Message(decoded) = Received::from_entry(*entry)
                    && let Message::AddBuffer { index, buffer, lioba, .. } = decoded.message
                {
                    self.offered.insert((index, buffer), lioba);
                }
            }
            Event::SessionStarted(index, _) => {
                self.mtus.insert(*index, device.mtu().unwrap_or(0));
            }
            Event::Hcall { call, result, .. } if result.code.is_success() => {
                if let Some(side) = record.actor.side() {
                    self.called(side, call, record.seq);
                }
            }
            Event::Fault { act, .. } => {
                if let Some(side) = act.ends() {
                    self.windows[side as usize].clear();
                }
            }
            Event::Rdma(subject, rdma) if rdma.code.is_success() => {
                if let Err(why) = self.copied(device, record, *subject, rdma) {
                    self.problems.push(format!("{}: {rdma}: {why}", record.actor));
                }
            }
            _ => {}
        }
    }

    fn called(&mut self, side: Side, call: &Hcall, seq: u64) {
        let window = &mut self.windows[side as usize];
        let (ioba, count, is_mapped) = match *call {
            Hcall::PutTce { ioba, tce, .. } => (ioba, 1, tce != Tce::INVALID),
            Hcall::StuffTce { ioba, tce, count, .. } => (ioba, count, tce != Tce::INVALID),
            Hcall::PutTceIndirect { ioba, count, .. } => (ioba, count, true),
            _ => return,
        };
        let fate = (!is_mapped).then_some(seq);
        window.extend((ioba.page()..ioba.page() + count).map(|page| (page, fate)));
    }

    fn copied(
        &self,
        device: &Device,
        record: &Record,
        subject: Subject,
        rdma: &Rdma,
    ) -> Result<(), String> {
        let (local, remote) = match (rdma.direction, record.actor) {
            (RdmaDirection::ToHyp, ActorId::App(_)) => (rdma.source, rdma.destination),
            (RdmaDirection::ToMgmt, ActorId::BottomHalf) => (rdma.destination, rdma.source),
            _ => return Err(String::from("not for this actor to make, or between other windows")),
        };
        let (Subject::Session(index, _), Some(buffer)) = (subject, rdma.buffer) else {
            return Err(String::from("it belongs to no buffer of a session"));
        };
        let mtu = self.mtus.get(&index).copied().unwrap_or(0);
        if rdma.len_bytes > u64::from(mtu) {
            return Err(format!("the MTU is {mtu}"));
        }
        let place = |of: &BTreeMap<_, Lioba>| of.get(&(index, buffer)).copied();
        let lies_at = |lioba: Option<Lioba>| lioba.map(|lioba| Ioba(u64::from(lioba.0)));
        let begins = lies_at(place(&self.buffers));
        // One that is not answered yet may be used.
        if begins != Some(remote) && lies_at(place(&self.offered)) != Some(remote) {
            return Err(format!(
                "buffer {buffer} of HMC index {index} lies at {begins:?}, not at {remote:?}"
            ));
        }
        // Of a session that has ended meanwhile the model knows no buffers any more.
        let is_live = device.live().any(|s| subject == Subject::Session(s.index, s.number));
        let model = device.wire();
        if is_live && model.is_judged(index) && !model.is_inbound(index, buffer) {
            return Err(format!(
                "buffer {buffer} of HMC index {index} is not the management partition's"
            ));
        }
        // A copy of nothing touches no page.
        let Some(before_last) = rdma.len_bytes.checked_sub(1) else { return Ok(()) };
        let noted = self.last.get(&record.actor).copied().unwrap_or(0);
        for (side, first) in [(Side::Mgmt, local), (Side::Hyp, remote)] {
            let last = Ioba(first.0.saturating_add(before_last));
            let window = &self.windows[side as usize];
            let was_mapped = |page: &u64| match window.get(page) {
                Some(None) => true,
                Some(Some(unmapped)) => *unmapped > noted,
                None => false,
            };
            if let Some(page) = (first.page()..=last.page()).find(|page| !was_mapped(page)) {
                return Err(format!("page {page:#x} of the window of {side} is not mapped"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::watch_alone;
    use crate::testing::assert_reports;
    use crate::testing::trace_builder::setting;
    use crate::testing::trace_builder::{
        APP, FIRST, INDEX, MTU, TraceBuilder, copy, local, maps, remote, signal, unmaps,
    };
    use vmc_proto::BufferOwner;
    use vmc_trace::DeviceCall;

    fn problems(builder: TraceBuilder) -> Vec<String> {
        watch_alone(&builder.trace(), &setting(), Checker::default())
    }

    fn copies(actor: ActorId, rdma: Rdma) -> Vec<String> {
        let subject = Subject::Session(INDEX, FIRST);
        let builder = TraceBuilder::session().calls(APP, DeviceCall::Write { len_bytes: 8 });
        problems(builder.and(actor, Event::Rdma(subject, rdma)))
    }

    #[test]
    fn copies_within_buffers_of_the_management_partition_pass() {
        let run = TraceBuilder::session().writes(APP, 1, MTU).fetches(2, MTU).writes(APP, 2, 1);
        assert_eq!(problems(run), [""; 0]);
    }

    #[test]
    fn no_copy_is_longer_than_the_mtu() {
        let (out, back) = (RdmaDirection::ToHyp, RdmaDirection::ToMgmt);
        assert_reports(
            &copies(ActorId::App(APP), copy(out, 1, MTU + 1)),
            &["app0: RDMA 65 B 0000d001: the MTU is 64"],
        );
        let long = TraceBuilder::session().fetches(2, MTU + 1);
        assert_reports(&problems(long), &["bottom-half: RDMA 65 B 0000d002: the MTU is 64"]);
        assert_reports(
            &copies(ActorId::App(APP), copy(back, 1, 8)),
            &["app0: RDMA 8 B 0000d001: not for this actor to make, or between other windows"],
        );
        let other = Rdma { direction: RdmaDirection::Other, ..copy(out, 1, 8) };
        assert_reports(
            &copies(ActorId::App(APP), other),
            &["app0: RDMA 8 B 0000d001: not for this actor to make, or between other windows"],
        );
    }

    #[test]
    fn the_remote_end_is_the_beginning_of_a_buffer_that_its_sender_owns() {
        let out = RdmaDirection::ToHyp;
        assert_reports(
            &copies(ActorId::App(APP), copy(out, 2, 8)),
            &["app0: RDMA 8 B 0000d002: buffer 2 of HMC index 0 is not the management partition's"],
        );
        assert_reports(
            &copies(ActorId::App(APP), copy(out, 3, 8)),
            &[
                "app0: RDMA 8 B 0000d003: buffer 3 of HMC index 0 lies at None, not at Ioba(0x203000)",
            ],
        );
        let beside = Rdma { destination: Ioba(remote(1).0 + 8), ..copy(out, 1, 8) };
        assert_reports(
            &copies(ActorId::App(APP), beside),
            &[
                "app0: RDMA 8 B 0000d001: buffer 1 of HMC index 0 lies at Some(Ioba(0x201000)), not at Ioba(0x201008)",
            ],
        );
        let used = TraceBuilder::session().writes(APP, 1, 8).copies_to_hyp(APP, 1, 8);
        assert_reports(
            &problems(used),
            &["app0: RDMA 8 B 0000d001: buffer 1 of HMC index 0 is not the management partition's"],
        );
        // Without its RDMA a message of the hypervisor has moved its buffer all the same.
        let back = TraceBuilder::session().takes(signal(FIRST, 2, 8)).copies_to_hyp(APP, 2, 8);
        assert_eq!(problems(back), [""; 0]);
    }

    /// LoPAR, Add Buffer: the message itself transfers the buffer.
    #[test]
    fn a_buffer_may_be_used_before_its_add_buffer_is_answered() {
        let add = |owner| {
            let (session, index, buffer) = (FIRST, INDEX, BufferId(3));
            let lioba = Lioba(remote(3).0 as u32);
            let add = Message::AddBuffer { owner, session, index, buffer, lioba };
            let builder =
                TraceBuilder::session().and(ActorId::Service, maps(remote(3))).takes(add.encode());
            builder.and(ActorId::BottomHalf, maps(local(3))).writes(APP, 3, 8)
        };
        assert_eq!(problems(add(BufferOwner::MANAGEMENT)), [""; 0]);
        assert_reports(
            &problems(add(BufferOwner::HYPERVISOR)),
            &["app0: RDMA 8 B 0000d003: buffer 3 of HMC index 0 is not the management partition's"],
        );
    }

    #[test]
    fn both_ends_are_mapped() {
        let builder = || TraceBuilder::session().calls(APP, DeviceCall::Write { len_bytes: 8 });
        let unmapped = [
            (ActorId::Service, remote(1), "0x201", "hyp"),
            (ActorId::BottomHalf, local(1), "0x101", "mgmt"),
        ];
        for (actor, ioba, page, side) in unmapped {
            let told = builder().and(actor, unmaps(ioba)).and(ActorId::App(APP), unmaps(Ioba(0)));
            let why = format!("page {page} of the window of {side} is not mapped");
            let why = format!("app0: RDMA 8 B 0000d001: {why}");
            assert_reports(&problems(told.copies_to_hyp(APP, 1, 8)), &[&why]);
            let a_moment_ago = builder().and(actor, unmaps(ioba)).copies_to_hyp(APP, 1, 8);
            assert_eq!(problems(a_moment_ago), [""; 0]);
            let nothing =
                builder().and(actor, unmaps(ioba)).and(ActorId::App(APP), unmaps(Ioba(0)));
            assert_eq!(problems(nothing.copies_to_hyp(APP, 1, 0)), [""; 0], "it touches no page");
        }
    }
}
